"""The audit trail: pages and the CSV file, on both databases."""

from __future__ import annotations

import datetime as dt
import io

import pytest

from core import audit
from core.storage import Database

NOW = dt.datetime(2026, 1, 14, 0, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
TICK = dt.timedelta(microseconds=1)


@pytest.fixture
def kept(database: Database) -> Database:
    """Five lines: one the day before, three on the day, one on the next."""
    with database.transaction() as session:
        times = (
            NOW - dt.timedelta(microseconds=1),
            NOW,
            NOW + DAY / 2,
            NOW + DAY - dt.timedelta(microseconds=1),
            NOW + DAY,
        )
        for number, at in enumerate(times):
            audit.record(session, at, "Mira", "test", str(number))
            session.flush()
    return database


def test_pages(kept: Database) -> None:
    """Newest first, ten at a time unless told otherwise; days are UTC days, both ends included."""
    day = NOW.date()
    with kept.reading() as session:
        assert [line.subject for line in audit.recent(session)] == ["4", "3", "2", "1", "0"]
        assert [line.subject for line in audit.recent(session, 1, 2)] == ["3", "2"]
        assert [line.subject for line in audit.recent(session, start=day)] == ["4", "3", "2", "1"]
        assert [line.subject for line in audit.recent(session, end=day)] == ["3", "2", "1", "0"]
        assert [line.subject for line in audit.recent(session, start=day, end=day)] == ["3", "2", "1"]


def test_a_page_has_ten_lines(database: Database) -> None:
    """Without a limit a page has ten lines."""
    with database.transaction() as session:
        for number in range(12):
            audit.record(session, NOW, "Mira", "test", str(number))
    with database.reading() as session:
        assert len(audit.recent(session)) == 10


def test_csv(kept: Database) -> None:
    """The file is oldest first, with a header, and says how many lines it has."""
    out = io.StringIO()
    with kept.reading() as session:
        assert audit.export_csv(session, out, NOW.date(), NOW.date()) == 3
    assert out.getvalue() == (
        "at,actor,action,subject,detail\n"
        "2026-01-14T00:00:00Z,Mira,test,1,\n"
        "2026-01-14T12:00:00Z,Mira,test,2,\n"
        "2026-01-14T23:59:59.999999Z,Mira,test,3,\n"
    )


def test_csv_is_inert(database: Database) -> None:
    """Text that a spreadsheet would run, or that holds quotes and line breaks, stays text."""
    with database.transaction() as session:
        audit.record(session, NOW, "=1+1", "+a", "-b", '@c "d"\ne')
    out = io.StringIO()
    with database.reading() as session:
        audit.export_csv(session, out)
    assert out.getvalue().split("\n", 1)[1] == '2026-01-14T00:00:00Z,\'=1+1,\'+a,\'-b,"\'@c ""d""\ne"\n'
