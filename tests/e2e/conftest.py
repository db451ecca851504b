"""A real browser against the real demo: `python -m bot demo` as a process, the machine's chromium, playwright."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.chat import Chat

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
STARTS = "2026-01-14T09:12:00Z"  # a Wednesday: nothing about a week's or month's edge
READY_WITHIN_SECONDS = 90
ARGUMENTS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def demo_process() -> Iterator[str]:
    """The address of a fresh demo; its database goes with it."""
    environment = {name: value for name, value in os.environ.items() if "TOKEN" not in name and "SECRET" not in name}
    command = [sys.executable, "-m", "bot", "demo", "--port", "0", "--no-open", "--at", STARTS]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "http://127.0.0.1:" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        ready.wait(READY_WITHIN_SECONDS)
        found = re.search(r"http://127\.0\.0\.1:\d+", "".join(lines))
        assert found, f"the demo did not start:\n{''.join(lines)}"
        yield found[0]
        assert process.poll() is None, f"the demo ended by itself:\n{''.join(lines)}"
        assert "Traceback" not in "".join(lines)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(5)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own chromium; nothing is downloaded."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path is not None
    # As root chromium's sandbox refuses to start; it shows pages from this machine only.
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else list(ARGUMENTS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; each test gets a fresh context."""
    pytest.importorskip("playwright", reason="playwright is not installed")
    if shutil.which("chromium") is None and shutil.which("chromium-browser") is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def shared_demo(browser: Browser) -> Iterator[str]:
    """One demo for tests that leave the books as they are."""
    del browser  # without one, no demo is started
    with demo_process() as address:
        yield address


@pytest.fixture
def demo(browser: Browser) -> Iterator[str]:
    """A fresh demo for a test that moves money or the clock."""
    del browser
    with demo_process() as address:
        yield address


@contextmanager
def open_chat(browser: Browser, address: str, tolerated: str = "", **context: object) -> Iterator[Chat]:
    """The playground in a fresh context; what its console complains of fails the test, but for what is tolerated."""
    size = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"}
    opened = browser.new_context(**{**size, **context})  # type: ignore[arg-type]
    opened.set_default_timeout(15_000)
    page = opened.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(address) else complaints.append(asked.url))
    page.goto(address)
    chat = Chat(page)
    chat.wait_until_ready()
    try:
        yield chat
        assert [one for one in complaints if not (tolerated and tolerated in one)] == [], "the page complained"
    finally:
        opened.close()
