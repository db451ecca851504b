"""`bench`: figures as a table and as a document; a missed one is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bot.bench import run
from bot.bench.figures import Figure
from tests.commands import Terminal


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What the measuring would find."""
    found = [Figure("import", "SQLite", "1,000,000 rows", 3.2, 4.0, "executemany", 2.0)]

    def measured(_only: str | None, _divide: int, _kinds: Sequence[str]) -> Iterator[Figure]:
        yield from found

    monkeypatch.setattr(run, "_figures", measured)
    return found


def test_table_and_document(tmp_path: Path, figures: list[Figure]) -> None:
    """Each figure comes with rows, both times, ratio, reach and verdict, and the machine."""
    terminal = Terminal(tmp_path)
    printed = terminal.ok("bench")
    for part in ("cores", "1,000,000 rows", "3.20 s", "4.00 s", "0.80×", "2×", "yes"):
        assert part in printed
    document = json.loads(terminal.ok("bench", "--json"))
    assert document["figures"][0]["ok"] is True
    assert document["figures"][0]["ratio"] == 0.8
    assert "cores" in document["machine"]
    assert len(figures) == 1


def test_a_missed_ratio_is_told(tmp_path: Path, figures: list[Figure]) -> None:
    """A figure that misses its ratio ends with status 1; not so with --quick, whose few rows prove little."""
    figures.append(Figure("settle", "SQLite", "10 rows", 9.0, 1.0, "SQL", 4.0))
    terminal = Terminal(tmp_path)
    assert "Not every figure" in terminal.refused("bench")
    assert "NO" in terminal.ok("bench", "--quick")
    assert terminal.run("bench", "--only", "lunch").status == 2
