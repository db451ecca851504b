"""Whose part of a month closed before a run has changed: each of them is told (domain.md, "After the close")."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import BigInteger, cast, func, select
from sqlmodel import Session

from core.earnings.differences import LINE, PROJECT
from core.earnings.facts import LateChange
from core.earnings.months.closing import MONTH_LINE, REFERRAL_LINE, Closing
from core.earnings.periods import closed_through, month_of

_SOURCES = ("embed", "marketplace", "referral")


def late_changes(session: Session, closing: Closing, days: Sequence[dt.date], entry_id: int) -> tuple[LateChange, ...]:
    """What an entry changed in months that were closed before it, by creator and month; `days` are the run's."""
    closed = closed_through(closing.settled_before)
    if closed is None:
        return ()
    late_days = [day for day in days if month_of(day) <= closed]
    late_months = [month for month in closing.months if month <= closed]
    changes: dict[tuple[str, dt.date, dt.date], dict[str, int]] = defaultdict(lambda: dict.fromkeys(_SOURCES, 0))
    for source, creator_id, day, bucket, amount in _lines(session, closing, late_days, late_months, entry_id):
        changes[creator_id, month_of(day), bucket][source] += amount
    return tuple(
        LateChange(creator_id, month, bucket, **amounts)
        for (creator_id, month, bucket), amounts in sorted(changes.items())
        if any(amounts.values())
    )


def _lines(
    session: Session, closing: Closing, days: Sequence[dt.date], months: Sequence[dt.date], entry_id: int
) -> Iterator[tuple[str, str, dt.date, dt.date, int]]:
    """(source, creator, day or month, bucket, amount) of the lines, summed by creator."""
    if days:
        embed = (
            select(PROJECT.c.creator_id, LINE.c.day, LINE.c.bucket, cast(func.sum(LINE.c.share), BigInteger))
            .join_from(LINE, PROJECT, PROJECT.c.project_id == LINE.c.project_id)
            .where(LINE.c.day.in_(days), LINE.c.entry_id == entry_id, LINE.c.seq > 0)
            .group_by(PROJECT.c.creator_id, LINE.c.day, LINE.c.bucket)
        )
        for creator_id, day, bucket, amount in session.execute(embed):
            yield "embed", creator_id, day, bucket, amount
    if months:
        line, commission = MONTH_LINE.c, REFERRAL_LINE.c
        market = (
            select(PROJECT.c.creator_id, line.month, line.bucket, cast(func.sum(line.share), BigInteger))
            .join_from(MONTH_LINE, PROJECT, PROJECT.c.project_id == line.project_id)
            .where(line.month.in_(months), line.entry_id == entry_id, line.seq > 0)
            .group_by(PROJECT.c.creator_id, line.month, line.bucket)
        )
        for creator_id, month, bucket, amount in session.execute(market):
            yield "marketplace", creator_id, month, bucket, amount
        mine = (
            commission.program == closing.program.slug,
            commission.month.in_(months),
            commission.entry_id == entry_id,
        )
        referral = select(commission.creator_id, commission.month, commission.bucket, commission.amount).where(*mine)
        for creator_id, month, bucket, amount in session.execute(referral):
            yield "referral", creator_id, month, bucket, amount
