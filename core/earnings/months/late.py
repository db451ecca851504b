"""Whose part of a month closed before a run has changed: each of them is told (domain.md, "After the close")."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import BigInteger, cast, func, select
from sqlmodel import Session

from core.earnings.facts import LateChange
from core.earnings.months.closing import Closing
from core.earnings.months.lines import SOURCES, paid_lines
from core.earnings.periods import closed_through, month_of


def late_changes(session: Session, closing: Closing, days: Sequence[dt.date], entry_id: int) -> tuple[LateChange, ...]:
    """What an entry changed in months that were closed before it, by creator and month; `days` are the run's."""
    closed = closed_through(closing.settled_before)
    if closed is None:
        return ()
    late_days = [day for day in days if month_of(day) <= closed]
    late_months = [month for month in closing.months if month <= closed]
    if not late_days and not late_months:
        return ()
    changes: dict[tuple[str, dt.date, dt.date], dict[str, int]] = defaultdict(lambda: dict.fromkeys(SOURCES, 0))
    lines = paid_lines(closing.program.slug, late_days, late_months, entry_id).subquery("lines")
    keys = (lines.c.source, lines.c.creator_id, lines.c.day, lines.c.bucket)
    amounts = select(*keys, cast(func.sum(lines.c.amount), BigInteger)).group_by(*keys)
    for source, creator_id, day, bucket, amount in session.execute(amounts):
        changes[creator_id, month_of(day), bucket][source] += amount
    return tuple(
        LateChange(creator_id, month, bucket, **by_source)
        for (creator_id, month, bucket), by_source in sorted(changes.items())
        if any(by_source.values())
    )
