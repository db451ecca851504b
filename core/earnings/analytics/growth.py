"""How an assistant grows: revenue, users and messages by day or by month ("Growth Trends")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Select, cast, func, select
from sqlmodel import Session

from core.clock import DAY, start_of, utc_day
from core.config import DeskConfig
from core.earnings.analytics.figures import period_for, users_between
from core.earnings.analytics.privacy import LEAST, Cuts, Span
from core.earnings.analytics.sources import money_of
from core.earnings.analytics.visits import VISIT, bounds, visit_cuts, within
from core.earnings.periods import Days, change_percent, last_day, month_of, months_between
from core.earnings.revenue_days import RevenueDay
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class GrowthCell:
    """A UTC day or calendar month. gross and share in micro-dollars, always known; settled: no part is an estimate.

    messages and users: of a day or month that is over and whose ends are cuts (see `privacy`), else None: hidden.
    """

    first: dt.date
    over: bool
    settled: bool
    gross: int
    share: int
    tokens: int
    messages: int | None
    users: int | None


@dataclass(frozen=True, slots=True)
class Growth:
    """Cells oldest first, by month for `all`, else by day; those of `all` begin with the assistant's first usage.

    gross: of the period; gross_before and change (percent): on the period before; for `all` the current calendar month
    to date on the same days of the month before, as for `month`. change is None where there is nothing to grow from.
    estimate: a part of gross is not settled yet.
    """

    period: str
    days: Days | None
    monthly: bool
    cells: tuple[GrowthCell, ...]
    gross: int
    estimate: bool
    gross_before: int | None
    change: int | None


def growth(session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime) -> Growth:
    """`today`, `week` and `month` by day; `all` by month. UnknownPeriod for any other name."""
    asked = period_for(session, config, project, period, now)
    found = money_of(session, config, project, asked, now)
    monthly = period == "all"
    inside = [one for one in found if asked.days is not None and one.day in asked.days]
    compared = period_for(session, config, project, "month", now) if monthly else asked
    gross = sum(_gross(one) for one in found if compared.days is not None and one.day in compared.days)
    before = None
    if compared.before is not None:
        before = sum(_gross(one) for one in found if one.day in compared.before)
    return Growth(
        period=period,
        days=asked.days,
        monthly=monthly,
        cells=_cells(session, project.project_id, asked.days, inside, monthly, now),
        gross=sum(_gross(one) for one in inside),
        estimate=any(one.embed.estimate or one.marketplace.estimate for one in inside),
        gross_before=before,
        change=change_percent(gross, before) if before is not None else None,
    )


def _gross(one: RevenueDay) -> int:
    return one.embed.gross + one.marketplace.gross


def _cells(
    session: Session,
    project_id: str,
    days: Days | None,
    found: Sequence[RevenueDay],
    monthly: bool,
    now: dt.datetime,
) -> tuple[GrowthCell, ...]:
    if days is None or (monthly and not found):
        return ()
    first = min(one.day for one in found) if monthly else days.first
    shown = Days(first, days.last)
    starts = months_between(shown) if monthly else shown.each()
    cuts = visit_cuts(session, project_id, starts[0], now)
    today = utc_day(now)
    whole = [start for start in starts if _is_told(cuts, _cell(start, monthly), today)]
    counted = (_by_month if monthly else _by_day)(session, project_id, whole)
    money: dict[dt.date, list[RevenueDay]] = {}
    for one in found:
        money.setdefault(month_of(one.day) if monthly else one.day, []).append(one)
    cells = []
    for start in starts:
        parts, cell = money.get(start, ()), _cell(start, monthly)
        messages, users = counted.get(start, (0, 0))
        cells.append(
            GrowthCell(
                first=start,
                over=cell.last < today,
                settled=cell.last < today and all(_is_settled(one) for one in parts),
                gross=sum(_gross(one) for one in parts),
                share=sum(one.embed.share + one.marketplace.share for one in parts),
                tokens=sum(one.tokens for one in parts),
                messages=messages if users >= LEAST else None,
                users=users if users >= LEAST else None,
            )
        )
    return tuple(cells)


def _is_settled(one: RevenueDay) -> bool:
    waits = one.embed.estimate or one.marketplace.estimate
    return one.settled and (one.closed or not one.marketplace.gross) and not waits


def _cell(start: dt.date, monthly: bool) -> Days:
    return Days(start, last_day(start) if monthly else start)


def _span(cell: Days) -> Span:
    return Span(start_of(cell.first), start_of(cell.last + DAY))


def _is_told(cuts: Cuts, cell: Days, today: dt.date) -> bool:
    span = _span(cell)
    return cell.last < today and cuts.within(span.begin, span.end) == span


def _by_month(session: Session, project_id: str, starts: Sequence[dt.date]) -> dict[dt.date, tuple[int, int]]:
    found = {}
    for start in starts:
        users, messages, _returned = users_between(session, project_id, _span(_cell(start, monthly=True)))
        found[start] = (messages, users)
    return found


def _by_day(session: Session, project_id: str, starts: Sequence[dt.date]) -> dict[dt.date, tuple[int, int]]:
    if not starts:
        return {}
    values = bounds(project_id, _span(Days(starts[0], starts[-1])))
    found = {day: (int(messages), int(users)) for day, messages, users in session.execute(_days(), values)}
    return {start: found.get(start, (0, 0)) for start in starts}


@cache
def _days() -> Select[Any]:
    users = func.count(VISIT.c.user_id.distinct())
    messages = cast(func.sum(VISIT.c.messages), BigInteger)
    counted: Select[Any] = select(VISIT.c.day, messages, users).where(within()).group_by(VISIT.c.day)
    return counted
