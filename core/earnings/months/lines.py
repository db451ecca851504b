"""Whom a settlement's entry pays: its lines of days and of months that move money, in one shape."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, String, literal, null, select, union_all

from core.earnings.differences import LINE, PROJECT
from core.earnings.month_tables import MonthLine, ReferralLine
from core.storage import table_of

MONTH_LINE = table_of(MonthLine)
REFERRAL_LINE = table_of(ReferralLine)

SOURCES = ("embed", "marketplace", "referral")


def paid_lines(slug: str, days: Sequence[dt.date], months: Sequence[dt.date], entry_id: int) -> Select[Any]:
    """(source, project_id, creator_id, day, bucket, amount) of an entry's lines with an amount, in micro-dollars.

    days and months: those that the entry was written for, at least one. day: a month's first day for its lines. A
    referrer's lines have no project; lines of kinds that don't pay out by months have no bucket.
    """
    embed, marketplace, referral = (literal(source, String).label("source") for source in SOURCES)
    line, slices, commission = LINE.c, MONTH_LINE.c, REFERRAL_LINE.c
    arms: list[Select[Any]] = []
    if days:
        arms.append(
            select(embed, line.project_id, PROJECT.c.creator_id, line.day, line.bucket, line.share.label("amount"))
            .join_from(LINE, PROJECT, PROJECT.c.project_id == line.project_id)
            .where(line.day.in_(days), line.entry_id == entry_id, line.seq > 0)
        )
    if months:
        arms += [
            select(
                marketplace,
                slices.project_id,
                PROJECT.c.creator_id,
                slices.month.label("day"),
                slices.bucket,
                slices.share.label("amount"),
            )
            .join_from(MONTH_LINE, PROJECT, PROJECT.c.project_id == slices.project_id)
            .where(slices.month.in_(months), slices.entry_id == entry_id, slices.seq > 0),
            select(
                referral,
                null().label("project_id"),
                commission.creator_id,
                commission.month.label("day"),
                commission.bucket,
                commission.amount,
            ).where(commission.program == slug, commission.month.in_(months), commission.entry_id == entry_id),
        ]
    return select(*union_all(*arms).subquery("paid").columns)
