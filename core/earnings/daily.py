"""One creator's project-days, read from the roll-up and the settled lines, never from raw events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, and_, cast, func, select, union_all
from sqlmodel import Session

from core.config import Program
from core.earnings.differences import LINE, PROJECT, USAGE, entitlement_of
from core.earnings.periods import Days
from core.earnings.tables import DirtyDay, SettledDay
from core.storage import is_postgres, table_of

DIRTY = table_of(DirtyDay)
SETTLED = table_of(SettledDay)


@dataclass(frozen=True, slots=True)
class Cell:
    """A project-day. credits, cost and own_credits in micro-credits; share (what all usage known now earns) and settled
    in micro-dollars."""

    day: dt.date
    project_id: str
    credits: int
    cost: int
    own_credits: int
    uses: int
    remixes: int
    views: int
    saves: int
    share: int
    settled: int


def within(session: Session, column: ColumnElement[dt.date], program: str, days: Days) -> ColumnElement[bool]:
    """That a project-day's day is one of these.

    PostgreSQL has an index by project. SQLite's tables are keyed by day first (an index by project would make settling
    many times slower), so there the days on which the program saw usage are looked up one by one.
    """
    if is_postgres(session):
        return column.between(days.first, days.last)
    known = [
        select(table.c.day).where(table.c.program == program, table.c.day.between(days.first, days.last))
        for table in (SETTLED, DIRTY)
    ]
    return column.in_(union_all(*known))


def lines_of(session: Session, creator_id: str, program: str | None = None) -> ColumnElement[bool]:
    """That a settled line is one of this creator's, in one program or in any. Without an index by project (see
    `within`) SQLite looks up the creator's projects on each settled day."""
    own = select(PROJECT.c.project_id).where(PROJECT.c.creator_id == creator_id)
    settled = select(SETTLED.c.day)
    if program is not None:
        own, settled = own.where(PROJECT.c.program == program), settled.where(SETTLED.c.program == program)
    mine = LINE.c.project_id.in_(own)
    return mine if is_postgres(session) else and_(mine, LINE.c.day.in_(settled))


def cells(session: Session, program: Program, project_ids: Collection[str], on: ColumnElement[bool]) -> list[Cell]:
    """The project-days with usage that `on` (a condition on `usage_day`) admits, in no particular order."""
    settled = (
        select(cast(func.coalesce(func.sum(LINE.c.share), 0), BigInteger))
        .where(LINE.c.day == USAGE.c.day, LINE.c.project_id == USAGE.c.project_id)
        .scalar_subquery()
    )
    counted = [USAGE.c[name] for name in ("credits", "cost", "own_credits", "uses", "remixes", "views", "saves")]
    statement = select(USAGE.c.day, USAGE.c.project_id, *counted, entitlement_of(program).share, settled).where(
        on, USAGE.c.project_id.in_(project_ids)
    )
    return [Cell(*row) for row in session.execute(statement)]


def waiting_days(session: Session, program: str, through: dt.date) -> list[dt.date]:
    """The days up to `through` with usage that no settlement has seen, oldest first."""
    statement = select(DIRTY.c.day).where(DIRTY.c.program == program, DIRTY.c.day <= through)
    return list(session.execute(statement.order_by(DIRTY.c.day)).scalars())


def first_day(session: Session, program: str) -> dt.date | None:
    """The first day on which the program saw usage."""
    firsts = [
        select(func.min(table.c.day).label("day")).where(table.c.program == program) for table in (SETTLED, DIRTY)
    ]
    day: dt.date | None = session.execute(select(func.min(union_all(*firsts).subquery().c.day))).scalar_one()
    return day
