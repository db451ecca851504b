"""An assistant's figures of a named period: its conversations, messages and users, who returns, ratings."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Date, Integer, Select, bindparam, case, cast, func, select
from sqlmodel import Session

from core.clock import DAY, end_of, start_of, utc_day
from core.config import DeskConfig
from core.earnings.analytics.privacy import LEAST, Cuts, Span
from core.earnings.analytics.visits import RATING, VISIT, bounds, rating_cuts, visit_cuts, within
from core.earnings.daily import first_day
from core.earnings.periods import Days, Period, change_percent, period_of
from core.earnings.stats import settled_through
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class AssistantFigures:
    """Others' use of an assistant in a named period; None is a hidden figure ("fewer than 5 users").

    days: the days asked for, None where the period has none. span: the part of them that can be told, all but a bit at
    either end that concerns too few people; None where everything is hidden. average_length: messages a conversation,
    in tenths. return_rate: whole percent of the users who came on two UTC days or more. rating: stars in hundredths,
    and rated_by, how many users rated; they have a span of their own, `rated`. whole: the span is all of the days that
    are over.
    """

    period: str
    days: Days | None
    span: Span | None = None
    conversations: int | None = None
    messages: int | None = None
    users: int | None = None
    average_length: int | None = None
    return_rate: int | None = None
    rated: Span | None = None
    rating: int | None = None
    rated_by: int | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """A period's figures and those of the period before; before is None where there is none to compare with."""

    now: AssistantFigures
    before: AssistantFigures | None

    def change(self, name: str) -> int | None:
        """By how many percent the figure of that name grew; None unless both periods are shown whole."""
        if self.before is None or not (self.now.whole and self.before.whole):
            return None
        new, old = getattr(self.now, name), getattr(self.before, name)
        return change_percent(new, old) if new is not None and old is not None else None


def figures(session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime) -> AssistantFigures:
    """An assistant's figures of `today`, `week`, `month` or `all`; UnknownPeriod for any other name."""
    asked = period_for(session, config, project, period, now)
    return _Reading(session, project.project_id, asked, now).of(period, asked.days)


def compared(session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime) -> Compared:
    """The same beside those of the period before."""
    asked = period_for(session, config, project, period, now)
    reading = _Reading(session, project.project_id, asked, now)
    before = reading.of(period, asked.before) if asked.before is not None else None
    return Compared(reading.of(period, asked.days), before)


def period_for(session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime) -> Period:
    """The days that a named period means for a program's assistants."""
    first = first_day(session, project.program) if period == "all" else None
    through = settled_through(session, config.programs[project.program].slug)
    return period_of(period, now, through, first)


def told(cuts: Cuts, days: Days) -> Span | None:
    """The part of these days that figures may be about."""
    return cuts.within(start_of(days.first), end_of(days.last) or start_of(days.last))


def told_days(cuts: Cuts, days: Days) -> Span | None:
    """The same of what is known by the day: without the hours before a day's only one, in which nobody came."""
    span = told(cuts, days)
    if span is None or utc_day(span.begin) == utc_day(span.end):
        return None
    return Span(span.begin, start_of(utc_day(span.end)))


def users_between(session: Session, project_id: str, span: Span) -> tuple[int, int, int]:
    """Users, their messages, and those of them who came on more than one UTC day of the span."""
    users, messages, returned = session.execute(_users(), bounds(project_id, span)).one()
    return int(users), int(messages), int(returned)


class _Reading:
    """One assistant's figures of any days of a period and the one before."""

    def __init__(self, session: Session, project_id: str, asked: Period, now: dt.datetime) -> None:
        self._session, self._project_id, self._today = session, project_id, utc_day(now)
        first = asked.before or asked.days
        if first is not None:
            self._cuts = visit_cuts(session, project_id, _since(asked, now), now)
            self._ratings = rating_cuts(session, project_id, now)

    def of(self, period: str, days: Days | None) -> AssistantFigures:
        if days is None:
            return AssistantFigures(period, None)
        span, rated = told(self._cuts, days), told_days(self._ratings, days)
        users = messages = returned = conversations = 0
        if span is not None:
            users, messages, returned = users_between(self._session, self._project_id, span)
            values = bounds(self._project_id, span)
            conversations = int(self._session.execute(_conversations(), values).scalar_one()) if users else 0
        rating, rated_by = self._rating(rated) if rated is not None else (0, 0)
        visible, judged = users >= LEAST, rated_by >= LEAST
        return AssistantFigures(
            period=period,
            days=days,
            span=span if visible else None,
            conversations=conversations if visible else None,
            messages=messages if visible else None,
            users=users if visible else None,
            average_length=_rounded(10 * messages, conversations) if visible else None,
            return_rate=_rounded(100 * returned, users) if visible else None,
            rated=rated if judged else None,
            rating=rating if judged else None,
            rated_by=rated_by if judged else None,
            whole=visible and self._is_whole(span, days),
        )

    def _is_whole(self, span: Span | None, days: Days) -> bool:
        over = start_of(self._today) if days.last == self._today else end_of(days.last)
        return span is not None and over is not None and span.begin == start_of(days.first) and span.end >= over

    def _rating(self, span: Span) -> tuple[int, int]:
        return average_rating(self._session, self._project_id, span)


def average_rating(session: Session, project_id: str, span: Span) -> tuple[int, int]:
    """The average of the ratings in whole days, in hundredths of a star, and how many users rated."""
    values = {"project": project_id, "first": utc_day(span.begin), "last": utc_day(span.end) - DAY}
    stars, ratings, users = session.execute(_ratings(), values).one()
    return (_rounded(100 * int(stars), int(ratings)) if ratings else 0), int(users)


def _since(asked: Period, now: dt.datetime) -> dt.date:
    """From where cuts are needed: of all time only the last one."""
    if asked.before is not None:
        return asked.before.first
    return utc_day(now)


def _rounded(part: int, whole: int) -> int:
    """A quotient of positive numbers, rounded half up."""
    return (2 * part + whole) // (2 * whole)


@cache
def _users() -> Select[int, int, int]:
    returned = case((func.min(VISIT.c.day) < func.max(VISIT.c.day), 1), else_=0)
    each = (
        select(cast(func.sum(VISIT.c.messages), BigInteger).label("messages"), returned.label("returned"))
        .where(within())
        .group_by(VISIT.c.user_id)
        .subquery()
    )
    return select(
        func.count(),
        cast(func.coalesce(func.sum(each.c.messages), 0), BigInteger),
        cast(func.coalesce(func.sum(each.c.returned), 0), Integer),
    ).select_from(each)


@cache
def _conversations() -> Select[Any]:
    return select(func.count(VISIT.c.conversation_id.distinct())).where(within())


@cache
def _ratings() -> Select[int, int, int]:
    return select(
        cast(func.coalesce(func.sum(RATING.c.stars), 0), BigInteger),
        func.count(),
        func.count(RATING.c.user_id.distinct()),
    ).where(
        RATING.c.project_id == bindparam("project"),
        RATING.c.day.between(bindparam("first", type_=Date), bindparam("last", type_=Date)),
    )
