"""Why an amount is what it is: one project-day's formula with its numbers, entries and corrections (`/explain`)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlmodel import Session

from core.config import DeskConfig, Terms
from core.earnings.daily import DIRTY, lines_of
from core.earnings.differences import LINE, PROJECT, USAGE
from core.earnings.month_tables import MonthLine
from core.earnings.periods import last_day, late_label
from core.earnings.programs.credits import Credits
from core.earnings.programs.money import FULL_SHARE_BP
from core.earnings.tables import ProgramState, Project
from core.ledger.tables import Entry
from core.storage import is_postgres, table_of

_PROGRAM = table_of(ProgramState)
_ENTRY = table_of(Entry)
_MONTH_LINE = table_of(MonthLine)


@dataclass(frozen=True, slots=True)
class Posted:
    """One difference posted for the project-day: micro-dollars, the ledger entry and when it counts as posted (UTC).

    label: empty for the day's first settlement, else "late usage for 13 Jan" or "correction for 13 Jan".
    """

    entry_id: int
    posted_at: dt.datetime
    share: int
    late: bool
    label: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The formula of domain.md with a project-day's numbers.

    credits, cost, remaining, share_credits and own_credits are micro-credits; amount and waiting micro-dollars.
    settled: amount is in the ledger, and the numbers are those it was computed from; else both are an estimate.
    waiting: what usage reported since would add to a settled day. terms: those in force on the day.
    """

    project: Project
    day: dt.date
    settled: bool
    credits: int
    cost: int
    remaining: int
    share_credits: int
    amount: int
    own_credits: int
    waiting: int
    terms: Terms
    posted: tuple[Posted, ...]

    @property
    def entry_id(self) -> int | None:
        """The entry that posted the day's latest difference; None while nothing was posted."""
        return self.posted[-1].entry_id if self.posted else None


@dataclass(frozen=True, slots=True)
class _Usage:
    credits: int = 0
    cost: int = 0
    own_credits: int = 0


def explanation(session: Session, config: DeskConfig, project: Project, day: dt.date) -> Explanation:
    """Explain what a project earned on a UTC day, or, before that day is settled, would earn."""
    program = config.programs[project.program]
    terms = program.terms_on(day)
    known = _usage(session, project.project_id, day)
    posted, as_settled = _posted(session, project.project_id, day)
    settled, waits = _state(session, project.program, day)
    entitled = Credits().entitlement(known.credits, known.cost, terms).share
    amount = sum(line.share for line in posted)
    shown = as_settled if settled and waits else known
    remaining = max(0, shown.credits - shown.cost)
    return Explanation(
        project=project,
        day=day,
        settled=settled,
        credits=shown.credits,
        cost=shown.cost,
        remaining=remaining,
        share_credits=terms.share_bp * remaining // FULL_SHARE_BP,
        amount=amount if settled else entitled,
        own_credits=shown.own_credits,
        waiting=entitled - amount if settled else 0,
        terms=terms,
        posted=posted,
    )


def _usage(session: Session, project_id: str, day: dt.date) -> _Usage:
    statement = select(USAGE.c.credits, USAGE.c.cost, USAGE.c.own_credits)
    row = session.execute(statement.where(USAGE.c.day == day, USAGE.c.project_id == project_id)).first()
    return _Usage(*row) if row is not None else _Usage()


def _posted(session: Session, project_id: str, day: dt.date) -> tuple[tuple[Posted, ...], _Usage]:
    """The project-day's differences in the order they were posted, and the usage that the latest one knew."""
    statement = (
        select(
            LINE.c.entry_id,
            _ENTRY.c.effective_at,
            LINE.c.share,
            LINE.c.late,
            LINE.c.credits,
            LINE.c.cost,
            LINE.c.own_credits,
        )
        .join(_ENTRY, _ENTRY.c.id == LINE.c.entry_id)
        .where(LINE.c.day == day, LINE.c.project_id == project_id)
        .order_by(LINE.c.entry_id)
    )
    posted, latest = [], _Usage()
    for entry_id, posted_at, share, late, credits_, cost, own_credits in session.execute(statement):
        posted.append(Posted(entry_id, posted_at, share, late, late_label(day, share) if late else ""))
        latest = _Usage(credits_, cost, own_credits)
    return tuple(posted), latest


def _state(session: Session, program: str, day: dt.date) -> tuple[bool, bool]:
    """Whether the day is settled, and whether usage for it has come since."""
    through = select(_PROGRAM.c.settled_through).where(_PROGRAM.c.slug == program).scalar_subquery()
    dirty = select(DIRTY.c.day).where(DIRTY.c.program == program, DIRTY.c.day == day).exists()
    settled_through, waits = session.execute(select(through, dirty)).one()
    return settled_through is not None and day <= settled_through, bool(waits)


def latest_earning(session: Session, creator_id: str, program: str) -> tuple[str, dt.date] | None:
    """The project-day a creator most likely asks about: of the last day that earned, the project that earned most. A
    month's earnings count as of its last day."""
    values = {"creator": creator_id, "program": program}
    found = [(row[1], row[2], row[0]) for row in session.execute(_latest_day(is_postgres(session)), values)]
    months = session.execute(_latest_month(), values)
    found += [(last_day(row[1]), row[2], row[0]) for row in months]
    if not found:
        return None
    day, _, project_id = max(found, key=lambda one: one[:2])
    return project_id, day


@cache
def _latest_day(postgres: bool) -> Select[Any]:
    return (
        select(LINE.c.project_id, LINE.c.day, LINE.c.share)
        .where(lines_of(postgres, one_program=True), LINE.c.share > 0)
        .order_by(LINE.c.day.desc(), LINE.c.share.desc(), LINE.c.project_id)
        .limit(1)
    )


@cache
def _latest_month() -> Select[Any]:
    own = (PROJECT.c.creator_id == bindparam("creator"), PROJECT.c.program == bindparam("program"))
    return (
        select(_MONTH_LINE.c.project_id, _MONTH_LINE.c.month, _MONTH_LINE.c.share)
        .where(_MONTH_LINE.c.project_id.in_(select(PROJECT.c.project_id).where(*own)), _MONTH_LINE.c.share > 0)
        .order_by(_MONTH_LINE.c.month.desc(), _MONTH_LINE.c.share.desc(), _MONTH_LINE.c.project_id)
        .limit(1)
    )
