"""What people think of an assistant: stars, their average, and the newest reviews' texts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Date, Select, bindparam, select
from sqlmodel import Session

from core.clock import DAY, start_of, utc_day
from core.config import DeskConfig
from core.earnings.analytics.blocks import Part, last_block
from core.earnings.analytics.figures import average_rating, told_days
from core.earnings.analytics.privacy import LEAST, Span, shown, suppressed
from core.earnings.analytics.visits import RATING, rating_cuts
from core.earnings.periods import Days
from core.earnings.tables import Project

_STARS = range(1, 6)


@dataclass(frozen=True, slots=True)
class Ratings:
    """average (hundredths of a star) and rated_by are of all time until `through`; None where hidden.

    stars: ratings with 1 to 5 stars given in `span`, None where hidden. reviews: the texts of the newest reviews, of at
    least five people, in alphabetical order, given in `reviewed`. Both spans are blocks (see `blocks`).
    """

    through: dt.datetime | None
    average: int | None
    rated_by: int | None
    span: Span | None
    stars: tuple[int | None, ...]
    reviewed: Span | None
    reviews: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    user_id: str
    stars: int
    reviewed: bool


def ratings(
    session: Session,
    config: DeskConfig,  # noqa: ARG001 - what every reading is given
    project: Project,
    now: dt.datetime,
) -> Ratings:
    """Stars, average and reviews."""
    project_id, today = project.project_id, utc_day(now)
    days: dict[dt.date, list[_Given]] = {}
    for day, *given in session.execute(_given(), {"project": project_id, "today": today}):
        days.setdefault(day, []).append(_Given(*given))
    cuts = rating_cuts(session, project_id, now)
    told = told_days(cuts, Days(min(days, default=today), today))
    average, rated_by = average_rating(session, project_id, told) if told is not None else (0, 0)
    by_star: dict[dt.date, list[Part]] = {
        day: [(one.stars, (one.user_id,), 1) for one in given] for day, given in days.items()
    }
    by_review: dict[dt.date, list[Part]] = {
        day: [(None, (one.user_id,), 1) for one in given if one.reviewed] for day, given in days.items()
    }
    span = last_block(by_star, cuts, today)
    reviewed = last_block({day: parts for day, parts in by_review.items() if parts}, None, today, enough=1)
    return Ratings(
        through=told.end if told is not None and rated_by >= LEAST else None,
        average=shown(average, rated_by),
        rated_by=shown(rated_by, rated_by),
        span=span,
        stars=_stars(days, span),
        reviewed=reviewed,
        reviews=_reviews(session, project_id, reviewed) if reviewed is not None else (),
    )


def _stars(days: dict[dt.date, list[_Given]], span: Span | None) -> tuple[int | None, ...]:
    inside = [one for day, given in days.items() for one in given if span and span.begin <= start_of(day) < span.end]
    users = {stars: {one.user_id for one in inside if one.stars == stars} for stars in _STARS}
    hidden = suppressed(users)
    return tuple(None if stars in hidden else sum(one.stars == stars for one in inside) for stars in _STARS)


def _reviews(session: Session, project_id: str, span: Span) -> tuple[str, ...]:
    values = {"project": project_id, "first": utc_day(span.begin), "last": utc_day(span.end) - DAY}
    return tuple(sorted(session.execute(_written(), values).scalars()))


@cache
def _given() -> Select[Any]:
    return select(RATING.c.day, RATING.c.user_id, RATING.c.stars, RATING.c.review != "").where(
        RATING.c.project_id == bindparam("project"), RATING.c.day < bindparam("today", type_=Date)
    )


@cache
def _written() -> Select[Any]:
    days = RATING.c.day.between(bindparam("first", type_=Date), bindparam("last", type_=Date))
    return select(RATING.c.review).where(RATING.c.project_id == bindparam("project"), days, RATING.c.review != "")
