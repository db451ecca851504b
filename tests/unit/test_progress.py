"""Progress: a bar on a terminal, a line now and then elsewhere, never among the results."""

from __future__ import annotations

import sys

import pytest

from bot import progress


def test_lines_where_nobody_watches(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal there is a line every few seconds, on stderr, in percent where the size is known."""
    with progress.bytes_read("Importing usage") as told:
        told(10, 100)
    assert capsys.readouterr().err == ""  # too soon
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 0.0)
    with progress.bytes_read("Importing usage") as told:
        told(50_000_000, 200_000_000)
        told(7_000_000, None)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[0].startswith("Importing usage: 25 % of 200 MB after")
    assert printed.err.splitlines()[1].startswith("Importing usage: 7 MB after")


def test_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal there is a bar."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.bytes_read("Importing usage") as told:
        told(1_000_000, 2_000_000)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Importing usage" in printed.err
