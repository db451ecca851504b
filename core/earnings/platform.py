"""What a program earned its creators on some days, or in a month: figures of digests (commands.md, "Daily digest")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, select
from sqlmodel import Session

from core.clock import DAY
from core.earnings.daily import SETTLED
from core.earnings.differences import LINE, PROJECT
from core.earnings.month_tables import MonthLine, MonthTotal, ReferralLine
from core.earnings.periods import Days, change_percent, month_of
from core.storage import table_of

_MONTH_LINE, _MONTH_TOTAL, _REFERRAL_LINE = table_of(MonthLine), table_of(MonthTotal), table_of(ReferralLine)
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


@dataclass(frozen=True, slots=True)
class PlatformMonth:
    """What a month's subscriptions came to, in micro-dollars, by everything posted for it until now.

    gross: the slices of the payments; share: the creators' part of them; referral: commissions; margin: what stays.
    projects and creators: how many earned more than nothing on the marketplace; referrers: how many by commissions.
    before: the share of the month before; change: by how many percent `share` exceeds it. top: only assistants of the
    creators that were admitted.
    """

    program: str
    month: dt.date
    payments: int
    gross: int
    share: int
    referral: int
    projects: int
    creators: int
    referrers: int
    before: int
    change: int | None
    top: tuple[TopProject, ...]

    @property
    def margin(self) -> int:
        """What of the payments stays with the platform; negative where commissions exceed it."""
        return self.payments - self.share - self.referral


def platform_month(
    session: Session,
    program: str,
    month: dt.date,
    public: Collection[str] | Select[tuple[str]] = (),
    top: int = 5,
) -> PlatformMonth:
    """The figures of a closed month of a program of kind `assistants`; `public` as in `platform_day`."""
    payments, gross, share, referral = _month_totals(session, program, month)
    before = _month_totals(session, program, month_of(month - DAY))[2]
    earned = _of_month(program, month, select(PROJECT.c.creator_id)).having(func.sum(_MONTH_LINE.c.share) > 0)
    found = earned.group_by(PROJECT.c.project_id, PROJECT.c.creator_id).subquery()
    counted = select(func.count(), func.count(found.c.creator_id.distinct())).select_from(found)
    projects, creators = session.execute(counted).one()
    referred = (
        select(_REFERRAL_LINE.c.creator_id)
        .where(_REFERRAL_LINE.c.program == program, _REFERRAL_LINE.c.month == month)
        .group_by(_REFERRAL_LINE.c.creator_id)
        .having(func.sum(_REFERRAL_LINE.c.amount) > 0)
        .subquery()
    )
    return PlatformMonth(
        program=program,
        month=month,
        payments=payments,
        gross=gross,
        share=share,
        referral=referral,
        projects=projects,
        creators=creators,
        referrers=session.execute(select(func.count()).select_from(referred)).scalar_one(),
        before=before,
        change=change_percent(share, before),
        top=_month_top(session, program, month, public, top),
    )


def _month_totals(session: Session, program: str, month: dt.date) -> tuple[int, int, int, int]:
    sums = [_amount(_MONTH_TOTAL.c[name]) for name in ("payments", "gross", "share", "referral")]
    mine = (_MONTH_TOTAL.c.program == program) & (_MONTH_TOTAL.c.month == month)
    row = session.execute(select(*sums).where(mine)).one()
    return row[0], row[1], row[2], row[3]


def _of_month(program: str, month: dt.date, columns: Select[Any]) -> Select[Any]:
    joined = columns.join(_MONTH_LINE, PROJECT.c.project_id == _MONTH_LINE.c.project_id)
    return joined.where(_MONTH_LINE.c.month == month, PROJECT.c.program == program)


def _month_top(
    session: Session, program: str, month: dt.date, public: Collection[str] | Select[tuple[str]], most: int
) -> tuple[TopProject, ...]:
    amount = _amount(_MONTH_LINE.c.share).label("amount")
    who = (PROJECT.c.project_id, PROJECT.c.name, PROJECT.c.creator_id)
    statement = (
        _of_month(program, month, select(*who, amount))
        .where(PROJECT.c.creator_id.in_(public))
        .group_by(*who)
        .having(func.sum(_MONTH_LINE.c.share) > 0)
        .order_by(amount.desc(), PROJECT.c.project_id)
        .limit(most)
    )
    return tuple(TopProject(*row) for row in session.execute(statement))


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
