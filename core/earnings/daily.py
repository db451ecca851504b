"""One creator's project-days, read from the roll-up and the settled lines, never from raw events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Select, and_, bindparam, cast, func, select, union_all
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


def cells_between(session: Session, program: Program, project_ids: Collection[str], days: Days) -> list[Cell]:
    """The projects' days with usage among these, in no particular order."""
    span = {"first": days.first, "last": days.last, "program": program.slug, "projects": list(project_ids)}
    return _cells(session, _between(program, is_postgres(session)), span)


def cells_on(session: Session, program: Program, project_ids: Collection[str], days: Collection[dt.date]) -> list[Cell]:
    """The same for single days."""
    return _cells(session, _listed(program), {"days": list(days), "projects": list(project_ids)})


def _cells(session: Session, statement: Select[Any], values: dict[str, object]) -> list[Cell]:
    return [Cell(*row) for row in session.execute(statement, values)]


# Building a statement takes longer than running it on a few rows: each is built once and kept.
@lru_cache(maxsize=64)
def _between(program: Program, postgres: bool) -> Select[Any]:
    return _usage(program).where(between(USAGE.c.day, postgres))


def between(day: ColumnElement[dt.date], postgres: bool) -> ColumnElement[bool]:
    """That a row's day is among the values `first` to `last`, for rows of one creator's projects in `program`.

    PostgreSQL has an index by project. SQLite's tables are keyed by day first (an index by project would make settling
    many times slower), so there the days on which the program saw usage are looked up one by one.
    """
    span = (bindparam("first", type_=Date), bindparam("last", type_=Date))
    if postgres:
        return day.between(*span)
    known = [
        select(table.c.day).where(table.c.program == bindparam("program"), table.c.day.between(*span))
        for table in (SETTLED, DIRTY)
    ]
    return day.in_(union_all(*known))


@lru_cache(maxsize=64)
def _listed(program: Program) -> Select[Any]:
    return _usage(program).where(USAGE.c.day.in_(bindparam("days", expanding=True)))


def _usage(program: Program) -> Select[Any]:
    """The columns of `Cell`, of the projects in the value `projects`."""
    settled = (
        select(cast(func.coalesce(func.sum(LINE.c.share), 0), BigInteger))
        .where(LINE.c.day == USAGE.c.day, LINE.c.project_id == USAGE.c.project_id)
        .scalar_subquery()
    )
    counted = [USAGE.c[name] for name in ("credits", "cost", "own_credits", "uses", "remixes", "views", "saves")]
    columns = (USAGE.c.day, USAGE.c.project_id, *counted, entitlement_of(program).share, settled)
    return select(*columns).where(USAGE.c.project_id.in_(bindparam("projects", expanding=True)))


def lines_of(postgres: bool, one_program: bool) -> ColumnElement[bool]:
    """That a settled line is of the creator in the value `creator`; with one_program, in the one in `program`.

    Without an index by project SQLite looks up the creator's projects on each settled day.
    """
    own = select(PROJECT.c.project_id).where(PROJECT.c.creator_id == bindparam("creator"))
    settled = select(SETTLED.c.day)
    if one_program:
        own = own.where(PROJECT.c.program == bindparam("program"))
        settled = settled.where(SETTLED.c.program == bindparam("program"))
    mine = LINE.c.project_id.in_(own)
    return mine if postgres else and_(mine, LINE.c.day.in_(settled))


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
