"""Which month's processing pays a line out, and what waits for it: `pending_month` (domain.md, "After the close")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import BigInteger, ColumnElement, Date, case, cast, func, literal, select, union_all
from sqlmodel import Session

from core.earnings.differences import LINE, PROJECT
from core.earnings.month_tables import MonthLine, PendingMonth, ReferralLine
from core.earnings.periods import month_of, next_month
from core.storage import table_of, upsert

PENDING_MONTH = table_of(PendingMonth)
_MONTH_LINE = table_of(MonthLine)
_REFERRAL_LINE = table_of(ReferralLine)


def bucket_of(
    day: ColumnElement[dt.date], days: Collection[dt.date], processed: dt.date | None
) -> ColumnElement[dt.date]:
    """The bucket of a row's day, which is one of `days`: its month, or the month after the last one paid out if that is
    later. A CASE over the few months there are: both databases understand it."""
    opened = next_month(processed) if processed is not None else dt.date.min
    first, *later = sorted({max(month_of(one), opened) for one in days})
    begun = [(day >= literal(month, Date), literal(month, Date)) for month in reversed(later)]
    return case(*begun, else_=literal(first, Date)) if begun else literal(first, Date)


def add_pending(session: Session, slug: str, days: Sequence[dt.date], months: Sequence[dt.date], entry_id: int) -> None:
    """Add what an entry's lines come to for each creator and bucket."""
    embed = (
        select(PROJECT.c.creator_id, LINE.c.bucket, LINE.c.share.label("amount"))
        .join_from(LINE, PROJECT, PROJECT.c.project_id == LINE.c.project_id)
        .where(LINE.c.day.in_(days), LINE.c.entry_id == entry_id)
    )
    market = (
        select(PROJECT.c.creator_id, _MONTH_LINE.c.bucket, _MONTH_LINE.c.share)
        .join_from(_MONTH_LINE, PROJECT, PROJECT.c.project_id == _MONTH_LINE.c.project_id)
        .where(_MONTH_LINE.c.month.in_(months), _MONTH_LINE.c.entry_id == entry_id)
    )
    referral = select(_REFERRAL_LINE.c.creator_id, _REFERRAL_LINE.c.bucket, _REFERRAL_LINE.c.amount).where(
        _REFERRAL_LINE.c.program == slug, _REFERRAL_LINE.c.month.in_(months), _REFERRAL_LINE.c.entry_id == entry_id
    )
    lines = union_all(embed, market, referral).subquery("lines")
    amount = cast(func.sum(lines.c.amount), BigInteger).label("amount")
    program = literal(slug, PENDING_MONTH.c.program.type).label("program")
    sums = (
        select(program, lines.c.creator_id, lines.c.bucket, amount)
        .group_by(lines.c.creator_id, lines.c.bucket)
        .having(func.sum(lines.c.amount) != 0)
        .order_by(lines.c.creator_id, lines.c.bucket)
    )
    row = upsert(session, PendingMonth).from_select(["program", "creator_id", "month", "amount"], sums)
    added = PENDING_MONTH.c.amount + row.excluded.amount
    keys = ["program", "creator_id", "month"]
    session.execute(row.on_conflict_do_update(index_elements=keys, set_={"amount": added}))
