"""`earnings-desk …` for tests: in this process for speed, as a process of its own where that matters."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest

from bot import cli
from bot.commands.common import State

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return json.loads(self.out)


@dataclass
class Terminal:
    """A folder with a configuration and a database, and someone who types commands in it, with `variables` set."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str) -> Result:
        """One command, in this process."""
        State.config = None
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            patch.dict(os.environ, environment(**self.variables), clear=True),
            patch.object(sys, "argv", ["earnings-desk", *words]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            cli.main()
        return Result(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    def ok(self, *words: str) -> str:
        """What a command that succeeds prints."""
        result = self.run(*words)
        assert result.status == 0, result.err
        return result.out

    def json(self, *words: str) -> object:
        """The document that a command with --json prints."""
        return json.loads(self.ok(*words, "--json"))

    def refused(self, *words: str) -> str:
        """The one line on stderr of a command that is refused."""
        result = self.run(*words)
        assert result.status == 1, result
        line = result.err.rstrip("\n")
        assert line, "no reason was given"
        assert "\n" not in line, line
        return line


def environment(**more: str) -> dict[str, str]:
    """For a process of its own: nothing of the tester's settings gets in."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | more


@dataclass
class Process:
    """A running `earnings-desk`; its output goes to a file."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def until(self, text: str, seconds: float = 30) -> str:
        """Wait for it to print something; the whole output by then."""
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert time.monotonic() < deadline, f"{text!r} never came: {self.output}"
            assert self.popen.poll() is None or text in self.output, f"it ended: {self.output}"
            time.sleep(0.02)
        return self.output

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; the exit status, and how many seconds it took."""
        began = time.monotonic()
        self.popen.send_signal(number)
        status = self.popen.wait(20)
        return status, time.monotonic() - began


@contextmanager
def process(folder: Path, *words: str, **variables: str) -> Iterator[Process]:
    """`earnings-desk` with these words, in a process of its own, killed in the end."""
    log = folder / f"output-{time.monotonic_ns()}.txt"
    with log.open("wb") as out:
        popen = subprocess.Popen(
            [sys.executable, "-m", "bot", *words],
            cwd=folder,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Process(popen, log)
        finally:
            if popen.poll() is None:
                popen.kill()
            popen.wait()


def get(url: str) -> tuple[int, str]:
    """Status and body; (0, "") while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""
