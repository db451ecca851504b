"""The database seam, on both databases."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError

from core.audit import AuditRecord, record
from core.storage import Database
from tests.conftest import count

NOW = dt.datetime(2026, 1, 14, 3, tzinfo=dt.UTC)


def test_rolls_back_whole(database: Database) -> None:
    """A transaction that raises leaves nothing behind."""
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        record(session, NOW, "operator", "test", "x")
        session.flush()
        raise ZeroDivisionError
    assert count(database, "audit_record") == 0


@pytest.mark.parametrize("change", ["UPDATE audit_record SET actor = 'me'", "DELETE FROM audit_record"])
def test_append_only(database: Database, change: str) -> None:
    """An append-only table refuses every change, whoever asks."""
    with database.transaction() as session:
        record(session, NOW, "operator", "test", "x")
    with pytest.raises(IntegrityError, match="append-only"), database.transaction() as session:
        session.connection().execute(text(change))
    assert count(database, "audit_record") == 1


def test_refuses_naive_times(database: Database) -> None:
    """A time without a zone never reaches a column."""
    with pytest.raises(StatementError, match="naive"), database.transaction() as session:
        record(session, dt.datetime(2026, 1, 14), "operator", "test", "x")  # noqa: DTZ001


def test_times_come_back_in_utc(database: Database) -> None:
    """A moment is the same moment, in UTC, when it is read again."""
    berlin = dt.timezone(dt.timedelta(hours=1))
    with database.transaction() as session:
        record(session, NOW.astimezone(berlin), "operator", "test", "x")
    with database.reading() as session:
        row = session.get(AuditRecord, 1)
        assert row is not None
        assert row.at == NOW
        assert row.at.utcoffset() == dt.timedelta(0)
