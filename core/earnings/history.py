"""A creator's settled earnings line by line, newest first (`/transactions`, the message of the morning after)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from core.clock import end_of, start_of
from core.earnings.daily import lines_of
from core.earnings.differences import LINE, PROJECT
from core.earnings.periods import late_label
from core.ledger.tables import Entry
from core.storage import is_postgres, table_of

_ENTRY = table_of(Entry)


@dataclass(frozen=True, slots=True)
class EarnedLine:
    """What one settlement posted for one project-day: micro-dollars, negative where it took back.

    posted_at: the settlement's time (UTC). late: the day was settled before.
    """

    program: str
    project_id: str
    project_name: str
    day: dt.date
    amount: int
    entry_id: int
    posted_at: dt.datetime
    late: bool

    @property
    def label(self) -> str:
        """Empty, or "late usage for 13 Jan" / "correction for 13 Jan" for a day that was settled before."""
        return late_label(self.day, self.amount) if self.late else ""


def earned_lines(
    session: Session,
    creator_id: str,
    program: str | None = None,
    start: dt.date | None = None,
    end: dt.date | None = None,
    *,
    entry_id: int | None = None,
    limit: int | None = None,
) -> list[EarnedLine]:
    """Lines posted on UTC days start to end (both included), newest first; one settlement's by its `entry_id`.

    To page through several merged histories, ask each for `limit` = the rows up to the end of the page.
    """
    statement = (
        select(
            PROJECT.c.program,
            LINE.c.project_id,
            PROJECT.c.name,
            LINE.c.day,
            LINE.c.share,
            LINE.c.entry_id,
            _ENTRY.c.effective_at,
            LINE.c.late,
        )
        .join(PROJECT, PROJECT.c.project_id == LINE.c.project_id)
        .join(_ENTRY, _ENTRY.c.id == LINE.c.entry_id)
        .where(lines_of(is_postgres(session), program is not None), LINE.c.share != 0)
        .order_by(_ENTRY.c.effective_at.desc(), LINE.c.entry_id.desc(), LINE.c.day.desc(), LINE.c.project_id)
        .limit(limit)
    )
    if start is not None:
        statement = statement.where(_ENTRY.c.effective_at >= start_of(start))
    if end is not None and (stop := end_of(end)) is not None:
        statement = statement.where(_ENTRY.c.effective_at < stop)
    if entry_id is not None:
        statement = statement.where(LINE.c.entry_id == entry_id)
    values = {"creator": creator_id, "program": program} if program is not None else {"creator": creator_id}
    return [EarnedLine(*row) for row in session.execute(statement, values)]
