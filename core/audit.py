"""The audit trail: who did what to what, and why. Written in the transaction of the deed."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from typing import TextIO

from sqlalchemy import String, Text
from sqlmodel import Field, Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.clock import end_of, iso, start_of
from core.ledger.csvsafe import safe_cell
from core.storage import Base, BigId, UTCDateTime, append_only, key_type

OPERATOR = "operator"  # how the trail names whoever holds the command line


class AuditRecord(Base, table=True):
    """actor is a person's name, "operator" (the command line) or an API key's name."""

    __tablename__ = "audit_record"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: dt.datetime = Field(sa_type=UTCDateTime)
    actor: str = Field(sa_type=String(200))
    action: str = Field(sa_type=key_type(60))
    subject: str = Field(sa_type=String(300))
    detail: str = Field(default="", sa_type=Text)


append_only(AuditRecord)


def record(session: Session, at: dt.datetime, actor: str, action: str, subject: str, detail: str = "") -> None:
    """Write one line of the trail."""
    session.add(AuditRecord(at=at, actor=actor, action=action, subject=subject, detail=detail))


def _lines(start: dt.date | None, end: dt.date | None) -> SelectOfScalar[AuditRecord]:
    statement = select(AuditRecord)
    if start is not None:
        statement = statement.where(col(AuditRecord.at) >= start_of(start))
    if end is not None and (stop := end_of(end)) is not None:
        statement = statement.where(col(AuditRecord.at) < stop)
    return statement


def recent(
    session: Session, offset: int = 0, limit: int = 10, start: dt.date | None = None, end: dt.date | None = None
) -> list[AuditRecord]:
    """A page of the trail, newest first; start and end are UTC days, both included."""
    newest = _lines(start, end).order_by(col(AuditRecord.id).desc()).offset(offset).limit(limit)
    return list(session.exec(newest).all())


def export_csv(session: Session, out: TextIO, start: dt.date | None = None, end: dt.date | None = None) -> int:
    """Write the trail as CSV, oldest first, streaming; the number of lines written. UTC days, both included."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("at", "actor", "action", "subject", "detail"))
    written = 0
    for line in _stream(session, start, end):
        text_cells = (safe_cell(text) for text in (line.actor, line.action, line.subject, line.detail))
        writer.writerow((iso(line.at), *text_cells))
        written += 1
    return written


def _stream(session: Session, start: dt.date | None, end: dt.date | None) -> Iterator[AuditRecord]:
    oldest_first = _lines(start, end).order_by(col(AuditRecord.id)).execution_options(yield_per=1000)
    yield from session.exec(oldest_first)
