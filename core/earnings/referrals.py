"""What a creator earns by bringing subscribers: commission by month, settled or estimated (`/referrals`).

Read from the creator's own referred payments and posted lines, by their indexes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Select, bindparam, cast, func, select
from sqlmodel import Session

from core.clock import utc_day
from core.config import DeskConfig, Program
from core.earnings.analytics.privacy import LEAST
from core.earnings.month_tables import DirtyMonth, Payment, ReferralLine
from core.earnings.periods import closed_through
from core.earnings.programs.dated import dated, whole
from core.earnings.programs.money import share_of
from core.earnings.revenue_days import settled_through
from core.storage import table_of

PAYMENT, REFERRAL_LINE = table_of(Payment), table_of(ReferralLine)
_DIRTY = table_of(DirtyMonth)


@dataclass(frozen=True, slots=True)
class ReferralMonth:
    """A month's commission in micro-dollars. paid: what the referred subscribers' payments come to, voids left out;
    commission: what that earns; settled: the part in the ledger. closed: the month was closed; a difference that is
    left then comes with the next settlement."""

    month: dt.date
    paid: int
    commission: int
    settled: int
    closed: bool


@dataclass(frozen=True, slots=True)
class ReferralSummary:
    """subscribers: how many distinct users have a payment that counts, None where they are fewer than five.

    pending_estimate: commission known but not in the ledger yet; settled: all that ever was posted; micro-dollars.
    referral_bp: the commission in force today. by_month: newest first, months with payments or lines only.
    """

    subscribers: int | None
    pending_estimate: int
    settled: int
    referral_bp: int
    by_month: tuple[ReferralMonth, ...]


def summary(
    session: Session, config: DeskConfig, creator_id: str, program_slug: str, now: dt.datetime
) -> ReferralSummary:
    """A creator's referrals in a program of kind `assistants`."""
    program = config.programs[program_slug]
    values = {"creator": creator_id, "program": program_slug}
    known = {row[0]: (row[1], row[2]) for row in session.execute(_by_month(program), values)}
    posted: dict[dt.date, int] = {row[0]: row[1] for row in session.execute(_posted(), values)}
    dirty = set(session.execute(select(_DIRTY.c.month).where(_DIRTY.c.program == program_slug)).scalars())
    closed = closed_through(settled_through(session, program_slug))
    months = []
    for month in sorted(known.keys() | posted.keys(), reverse=True):
        paid, commission = known.get(month, (0, 0))
        settled = posted.get(month, 0)
        months.append(
            ReferralMonth(
                month,
                paid,
                commission if month in dirty else settled,  # what is closed stands as it was posted
                settled,
                closed is not None and month <= closed,
            )
        )
    users = session.execute(_users(), values).scalar_one()
    return ReferralSummary(
        subscribers=users if users >= LEAST else None,
        pending_estimate=sum(one.commission - one.settled for one in months),
        settled=sum(posted.values()),
        referral_bp=program.terms_on(utc_day(now)).referral_bp,
        by_month=tuple(months),
    )


def waiting(session: Session, program: Program, creator_id: str, month: dt.date) -> int:
    """What the payments known now would add to what is posted for a month that is not closed, or not again since;
    micro-dollars, negative where it would take back."""
    values = {"creator": creator_id, "program": program.slug, "month": month}
    known = session.execute(_of_month(program), values).scalar_one()
    posted = _posted().where(REFERRAL_LINE.c.month == bindparam("month", type_=Date))
    row = session.execute(posted, values).first()
    return int(known) - (int(row[1]) if row is not None else 0)


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


# Building a statement takes longer than running it on a few rows: each is built once and kept.
@lru_cache(maxsize=64)
def _by_month(program: Program) -> Select[Any]:
    return (
        select(PAYMENT.c.month, _sum(PAYMENT.c.amount), _sum(_commission(program)))
        .where(_referred())
        .group_by(PAYMENT.c.month)
    )


@lru_cache(maxsize=64)
def _of_month(program: Program) -> Select[Any]:
    return select(_sum(_commission(program))).where(_referred(), PAYMENT.c.month == bindparam("month", type_=Date))


@lru_cache(maxsize=1)
def _users() -> Select[Any]:
    return select(func.count(PAYMENT.c.user_id.distinct())).where(_referred())


@lru_cache(maxsize=1)
def _posted() -> Select[Any]:
    mine = REFERRAL_LINE.c.creator_id == bindparam("creator")
    return (
        select(REFERRAL_LINE.c.month, _sum(REFERRAL_LINE.c.amount))
        .where(mine, REFERRAL_LINE.c.program == bindparam("program"))
        .group_by(REFERRAL_LINE.c.month)
    )


def _referred() -> ColumnElement[bool]:
    """That a payment counts for the referrer in the value `creator`: nobody refers themselves."""
    return (
        (PAYMENT.c.referrer_id == bindparam("creator"))
        & (PAYMENT.c.user_id != bindparam("creator"))
        & (PAYMENT.c.program == bindparam("program"))
        & PAYMENT.c.voids.is_(None)
        & PAYMENT.c.voided.is_(False)
    )


def _commission(program: Program) -> ColumnElement[int]:
    """Of one payment, rounded down, under the terms of its month's first day."""
    referral_bp = dated(program, PAYMENT.c.month, lambda terms: terms.referral_bp)
    return share_of(PAYMENT.c.amount, referral_bp, whole(1))
