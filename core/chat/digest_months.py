"""The facts of months in digests: what a month's subscriptions came to, and what a run posted of it for one creator.

Public channels see a month's sums only where at least five creators (or, for commissions, five referrers) earned.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, case, cast, func, select
from sqlmodel import Session

from core.chat.tables import PersonSettings
from core.earnings.month_tables import MonthLine, ReferralLine
from core.earnings.periods import Days, last_day, month_before, months_between
from core.earnings.platform import PlatformMonth, platform_month
from core.earnings.tables import Project
from core.people import Person
from core.storage import table_of

Facts = dict[str, object]

_MONTH_LINE, _REFERRAL_LINE, _PROJECT = table_of(MonthLine), table_of(ReferralLine), table_of(Project)
_PERSON, _SETTINGS = table_of(Person), table_of(PersonSettings)


def months_closed(days: Days) -> list[dt.date]:
    """The months whose last day is among these: a run over them closed those."""
    return [month for month in months_between(days) if last_day(month) <= days.last]


def month_facts(
    session: Session, program: str, days: Days, admitted: Select[tuple[str]], *, full: bool, least: int, top: int
) -> list[Facts]:
    """A digest's part about each month that a run over these days closed; nothing of a month without payments."""
    found = [platform_month(session, program, month, admitted, top) for month in months_closed(days)]
    return [_month(session, figures, full, least) for figures in found if figures.payments or figures.share]


def _month(session: Session, figures: PlatformMonth, full: bool, least: int) -> Facts:
    """What only finance may see (payments, gross, margin) is None elsewhere, as is what too few people earned."""
    shown = full or figures.creators >= least
    referral = full or figures.referrers >= least
    compared = shown and (full or _enough(session, figures, least))
    return {
        "month": figures.month.isoformat(),
        "hidden": not shown,
        "projects": figures.projects if shown else 0,
        "creators": figures.creators if shown else 0,
        "amount": figures.share if shown else 0,
        "before": figures.before if compared else None,
        "referral": figures.referral if referral else None,
        "payments": figures.payments if full else None,
        "gross": figures.gross if full else None,
        "margin": figures.margin if full else None,
        "top": [{"name": one.name, "amount": one.amount if full else None} for one in figures.top],
    }


def _enough(session: Session, figures: PlatformMonth, least: int) -> bool:
    """Whether as many creators earned in the month before."""
    month = month_before(figures.month)
    earned = (
        select(_PROJECT.c.creator_id)
        .join(_MONTH_LINE, _MONTH_LINE.c.project_id == _PROJECT.c.project_id)
        .where(_MONTH_LINE.c.month == month, _PROJECT.c.program == figures.program)
        .group_by(_PROJECT.c.creator_id)
        .having(func.sum(_MONTH_LINE.c.share) > 0)
        .limit(least)
    )
    return len(session.execute(earned).all()) >= least


def late_months(session: Session, entry_id: int | None, full: bool) -> list[Facts]:
    """Closed months that a run posted a difference for; amounts only for `full`: one may be one creator's."""
    if entry_id is None:
        return []
    sums: dict[dt.date, int] = {}
    for table, amount in ((_MONTH_LINE, _MONTH_LINE.c.share), (_REFERRAL_LINE, _REFERRAL_LINE.c.amount)):
        mine = select(table.c.month, cast(func.sum(amount), BigInteger)).where(table.c.entry_id == entry_id)
        for month, total in session.execute(mine.where(table.c.late).group_by(table.c.month)):
            sums[month] = sums.get(month, 0) + total
    return [{"month": month.isoformat(), "amount": sums[month] if full else None} for month in sorted(sums)]


@dataclass(frozen=True, slots=True)
class MorningMonth:
    """What a run posted of a month for one listener's assistant, or, with an empty id, in commissions; micro-dollars.
    late: the part for a month that was closed before."""

    person_id: int
    project_id: str
    project_name: str
    month: dt.date
    amount: int
    late: int


def morning_months(session: Session, entry_id: int) -> list[MorningMonth]:
    """Everything a run posted of months for those who asked for a message in the morning."""
    slices = (
        select(_PERSON.c.id, _PROJECT.c.project_id, _PROJECT.c.name, _MONTH_LINE.c.month, *_sums(_MONTH_LINE, "share"))
        .join_from(_MONTH_LINE, _PROJECT, _MONTH_LINE.c.project_id == _PROJECT.c.project_id)
        .join(_PERSON, _PERSON.c.creator_id == _PROJECT.c.creator_id)
        .join(_SETTINGS, _SETTINGS.c.person_id == _PERSON.c.id)
        .where(_MONTH_LINE.c.entry_id == entry_id, _SETTINGS.c.digest_hour.is_not(None))
        .group_by(_PERSON.c.id, _PROJECT.c.project_id, _PROJECT.c.name, _MONTH_LINE.c.month)
    )
    commissions = (
        select(_PERSON.c.id, _REFERRAL_LINE.c.month, *_sums(_REFERRAL_LINE, "amount"))
        .join_from(_REFERRAL_LINE, _PERSON, _PERSON.c.creator_id == _REFERRAL_LINE.c.creator_id)
        .join(_SETTINGS, _SETTINGS.c.person_id == _PERSON.c.id)
        .where(_REFERRAL_LINE.c.entry_id == entry_id, _SETTINGS.c.digest_hour.is_not(None))
        .group_by(_PERSON.c.id, _REFERRAL_LINE.c.month)
    )
    found = [MorningMonth(*row) for row in session.execute(slices)]
    found += [MorningMonth(row[0], "", "", *row[1:]) for row in session.execute(commissions)]
    return found


def _sums(table: FromClause, name: str) -> tuple[ColumnElement[int], ColumnElement[int]]:
    amount = table.c[name]
    late = case((table.c.late, amount), else_=0)
    return cast(func.sum(amount), BigInteger), cast(func.sum(late), BigInteger)


def by_month(lines: Iterable[MorningMonth]) -> list[Facts]:
    """One listener's months, oldest first: what the marketplace and commissions brought, and whether it was late."""
    found: dict[dt.date, dict[str, int]] = {}
    for line in lines:
        sums = found.setdefault(line.month, {"marketplace": 0, "referral": 0, "late": 0})
        sums["marketplace" if line.project_id else "referral"] += line.amount
        sums["late"] += line.late
    return [{"month": month.isoformat(), **found[month]} for month in sorted(found)]
