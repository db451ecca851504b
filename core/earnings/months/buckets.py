"""Which month's processing pays a line out, and what waits for it: `pending_month` (domain.md, "After the close")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import BigInteger, ColumnElement, Date, case, cast, func, literal, select
from sqlmodel import Session

from core.earnings.month_tables import PendingMonth
from core.earnings.months.lines import paid_lines
from core.earnings.periods import month_of, next_month
from core.storage import table_of, upsert

PENDING_MONTH = table_of(PendingMonth)


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
    lines = paid_lines(slug, days, months, entry_id).subquery("lines")
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
