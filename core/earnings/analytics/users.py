"""What an assistant's users are worth on average, and who of them may be named ("Per-User Value")."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Date, Select, bindparam, select
from sqlmodel import Session

from core.clock import DAY, start_of, utc_day
from core.config import DeskConfig
from core.earnings.analytics.figures import period_for, told, users_between
from core.earnings.analytics.privacy import LEAST, Span
from core.earnings.analytics.sources import money_of
from core.earnings.analytics.visits import visit_cuts
from core.earnings.periods import Days, Period
from core.earnings.tables import Project
from core.earnings.visit_tables import SharedContext
from core.storage import table_of

_SHARED = table_of(SharedContext)


@dataclass(frozen=True, slots=True)
class SharedUser:
    """An embed user whose business agreed to share this context."""

    user_id: str
    context: str


@dataclass(frozen=True, slots=True)
class RevenuePerUser:
    """gross: micro-dollars of the whole days of `span`, or of the period's days that are over where users are hidden.
    per_user: gross by users, rounded down; None where hidden. shared: of the period, by id and context; more: whether
    there are others.
    """

    period: str
    days: Days | None
    span: Span | None
    gross: int
    estimate: bool
    users: int | None
    per_user: int | None
    shared: tuple[SharedUser, ...]
    more: bool


def revenue_per_user(
    session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime, limit: int = 20
) -> RevenuePerUser:
    """Gross revenue a user over whole days, and the embed users whose business shared context, at most `limit`."""
    asked = period_for(session, config, project, period, now)
    if asked.days is None:
        return RevenuePerUser(period, None, None, 0, False, None, None, (), more=False)
    yesterday = utc_day(now) - DAY
    over = Days(asked.days.first, min(asked.days.last, yesterday))
    span = _whole_days(session, project.project_id, over, now)
    users = users_between(session, project.project_id, span)[0] if span is not None else 0
    if span is None or users < LEAST:
        span, counted = None, over
    else:
        counted = Days(utc_day(span.begin), utc_day(span.end) - DAY)
    found = money_of(session, config, project, Period(period, counted), now) if len(counted) else []
    gross = sum(one.embed.gross + one.marketplace.gross for one in found)
    shared = _shared(session, project.project_id, asked.days, limit + 1)
    return RevenuePerUser(
        period=period,
        days=asked.days,
        span=span,
        gross=gross,
        estimate=any(one.embed.estimate or one.marketplace.estimate for one in found),
        users=users if span is not None else None,
        per_user=gross // users if span is not None else None,
        shared=shared[:limit],
        more=len(shared) > limit,
    )


def _whole_days(session: Session, project_id: str, days: Days, now: dt.datetime) -> Span | None:
    """The longest span of whole days between two cuts: money is known by the day."""
    if not len(days):
        return None
    cuts = visit_cuts(session, project_id, days.first, now)
    span = told(cuts, days)
    if span is None:
        return None
    first, end = utc_day(span.begin - dt.timedelta.resolution) + DAY, utc_day(span.end)
    while first < end and not cuts.at(start_of(first)):
        first += DAY
    while first < end and not cuts.at(start_of(end)):
        end -= DAY
    return Span(start_of(first), start_of(end)) if first < end else None


def _shared(session: Session, project_id: str, days: Days, limit: int) -> tuple[SharedUser, ...]:
    values = {"project": project_id, "first": days.first, "last": days.last, "limit": limit}
    return tuple(SharedUser(*row) for row in session.execute(_contexts(), values))


@cache
def _contexts() -> Select[Any]:
    days = _SHARED.c.day.between(bindparam("first", type_=Date), bindparam("last", type_=Date))
    return (
        select(_SHARED.c.user_id, _SHARED.c.context)
        .where(_SHARED.c.project_id == bindparam("project"), days)
        .distinct()
        .order_by(_SHARED.c.context, _SHARED.c.user_id)
        .limit(bindparam("limit"))
    )
