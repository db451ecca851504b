"""What a program earned its creators on some days, all together: the digest's figures (commands.md, "Daily digest")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, select
from sqlmodel import Session

from core.clock import DAY
from core.earnings.daily import SETTLED
from core.earnings.differences import LINE, PROJECT
from core.earnings.periods import Days, change_percent

_SERIES_DAYS = 30


@dataclass(frozen=True, slots=True)
class TopProject:
    """One of the projects that earned most, and its micro-dollars."""

    project_id: str
    name: str
    creator_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class PlatformDay:
    """What some settled UTC days earned, in micro-dollars, by everything settled for them until now.

    projects and creators: how many earned more than nothing. before: what as many days right before earned; change: by
    how many percent `amount` exceeds it, None where that was nothing. series: the last 30 days by day, oldest first,
    ending with the last one asked for. top: only projects of the creators that were admitted.
    """

    program: str
    days: Days
    projects: int
    creators: int
    amount: int
    before: int
    change: int | None
    series: tuple[tuple[dt.date, int], ...]
    top: tuple[TopProject, ...]


def platform_day(
    session: Session,
    program: str,
    start: dt.date,
    through: dt.date,
    public: Collection[str] | Select[tuple[str]] = (),
    top: int = 5,
) -> PlatformDay:
    """The figures of start to through (both included). public: the creators whose names may be shown, as ids or as a
    SELECT of ids; only their projects come into `top`."""
    days = Days(start, through)
    projects, creators = _earners(session, program, days)
    amount, before = _sum(session, program, days), _sum(session, program, days.before())
    return PlatformDay(
        program=program,
        days=days,
        projects=projects,
        creators=creators,
        amount=amount,
        before=before,
        change=change_percent(amount, before),
        series=_series(session, program, Days(through - DAY * (_SERIES_DAYS - 1), through)),
        top=_top(session, program, days, public, top),
    )


def _amount(column: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def _sum(session: Session, program: str, days: Days) -> int:
    mine = (SETTLED.c.program == program) & SETTLED.c.day.between(days.first, days.last)
    return int(session.execute(select(_amount(SETTLED.c.share)).where(mine)).scalar_one())


def _series(session: Session, program: str, days: Days) -> tuple[tuple[dt.date, int], ...]:
    mine = (SETTLED.c.program == program) & SETTLED.c.day.between(days.first, days.last)
    known = {row.day: row.share for row in session.execute(select(SETTLED.c.day, SETTLED.c.share).where(mine))}
    return tuple((day, known.get(day, 0)) for day in days.each())


def _earners(session: Session, program: str, days: Days) -> tuple[int, int]:
    earned = (
        select(PROJECT.c.creator_id)
        .join(LINE, PROJECT.c.project_id == LINE.c.project_id)
        .where(LINE.c.day.between(days.first, days.last), PROJECT.c.program == program)
        .group_by(PROJECT.c.project_id, PROJECT.c.creator_id)
        .having(func.sum(LINE.c.share) > 0)
        .subquery()
    )
    row = session.execute(select(func.count(), func.count(earned.c.creator_id.distinct())).select_from(earned)).one()
    return row[0], row[1]


def _top(
    session: Session, program: str, days: Days, public: Collection[str] | Select[tuple[str]], most: int
) -> tuple[TopProject, ...]:
    amount = _amount(LINE.c.share).label("amount")
    statement = (
        select(PROJECT.c.project_id, PROJECT.c.name, PROJECT.c.creator_id, amount)
        .join(LINE, PROJECT.c.project_id == LINE.c.project_id)
        .where(
            LINE.c.day.between(days.first, days.last), PROJECT.c.program == program, PROJECT.c.creator_id.in_(public)
        )
        .group_by(PROJECT.c.project_id, PROJECT.c.name, PROJECT.c.creator_id)
        .having(func.sum(LINE.c.share) > 0)
        .order_by(amount.desc(), PROJECT.c.project_id)
        .limit(most)
    )
    return tuple(TopProject(*row) for row in session.execute(statement))
