"""Reads an assistant's hours of use: what cuts and blocks are found from. Bounded by the assistant's own rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, Select, and_, bindparam, func, literal, not_, or_, select
from sqlmodel import Session

from core.clock import DAY, start_of, utc_day
from core.earnings.analytics.privacy import HOUR, LEAST, Cuts, Span, UsedHour
from core.earnings.periods import month_of
from core.earnings.visit_tables import SLOT_MINUTES, Rating, Visit
from core.storage import table_of

VISIT, RATING = table_of(Visit), table_of(Rating)
SLOTS = 60 // SLOT_MINUTES  # an hour
_LAST_SLOT = 24 * SLOTS - SLOTS  # of a day's last hour
_LAST_HOUR = 23
_MONTHS_BACK = 12  # how far a sure cut is looked for


def used_hours(session: Session, project_id: str, since: dt.date, now: dt.datetime) -> tuple[list[UsedHour], bool]:
    """The hours with use by others that are over, oldest first, from a cut on that is not after `since`; and whether
    these are all hours there are."""
    begin = _sure_cut(session, project_id, since)
    values = {"project": project_id, "first": begin or dt.date.min, "last": utc_day(now), "least": LEAST}
    return _hours(session, _used(), values, now), begin is None


def rated_hours(session: Session, project_id: str, now: dt.datetime) -> list[UsedHour]:
    """The days with ratings that are over, each as its last hour: when in the day is not kept."""
    values = {"project": project_id, "first": dt.date.min, "last": utc_day(now), "least": LEAST}
    return _hours(session, _rated(), values, now)


def visit_cuts(session: Session, project_id: str, since: dt.date, now: dt.datetime) -> Cuts:
    """The cuts of an assistant's use, right from `since` on."""
    return Cuts(used_hours(session, project_id, since, now)[0], now)


def rating_cuts(session: Session, project_id: str, now: dt.datetime) -> Cuts:
    """The cuts of an assistant's ratings, of whole days that are over."""
    return Cuts(rated_hours(session, project_id, now), start_of(utc_day(now)))


def within() -> ColumnElement[bool]:
    """That a visit is in a span; `bounds` gives the values."""
    first, last = bindparam("first_day", type_=Date), bindparam("last_day", type_=Date)
    return and_(
        VISIT.c.project_id == bindparam("project"),
        VISIT.c.day.between(first, last),
        not_(and_(VISIT.c.day == first, VISIT.c.slot < bindparam("first_slot"))),
        not_(and_(VISIT.c.day == last, VISIT.c.slot >= bindparam("end_slot"))),
    )


def bounds(project_id: str, span: Span) -> dict[str, object]:
    """The values of `within`."""
    end = span.end - HOUR  # the last hour inside
    return {
        "project": project_id,
        "first_day": utc_day(span.begin),
        "first_slot": span.begin.hour * SLOTS,
        "last_day": utc_day(end),
        "end_slot": (end.hour + 1) * SLOTS,
    }


def _hours(session: Session, statement: Select[Any], values: dict[str, object], now: dt.datetime) -> list[UsedHour]:
    over = (utc_day(now).toordinal(), now.astimezone(dt.UTC).hour)
    found = session.execute(statement, values)
    return [
        UsedHour(day.toordinal() * 24 + hour, tuple(row.user_id for row in rows), rows[0].users)
        for (day, hour), rows in _by_hour(found)
        if (day.toordinal(), hour) < over
    ]


def _by_hour(found: Iterable[Any]) -> Iterable[tuple[tuple[dt.date, int], Sequence[Any]]]:
    for key, rows in groupby(found, key=lambda row: (row.day, row.hour)):
        yield key, list(rows)


@cache
def _used() -> Select[Any]:
    return _crowds(VISIT.c.project_id, VISIT.c.day, VISIT.c.slot // SLOTS, VISIT.c.user_id)


@cache
def _rated() -> Select[Any]:
    return _crowds(RATING.c.project_id, RATING.c.day, literal(_LAST_HOUR, Integer), RATING.c.user_id)


def _crowds(
    project: ColumnElement[str], day: ColumnElement[dt.date], hour: ColumnElement[int], user: ColumnElement[str]
) -> Select[Any]:
    """Hours with the number of their users, and the users where they are few: more would be read for nothing."""
    first, last = bindparam("first", type_=Date), bindparam("last", type_=Date)
    visitors = (
        select(day.label("day"), hour.label("hour"), user.label("user_id"))
        .where(project == bindparam("project"), day.between(first, last))
        .distinct()
        .subquery()
    )
    window = (visitors.c.day, visitors.c.hour)
    ranked = select(
        visitors.c.day,
        visitors.c.hour,
        visitors.c.user_id,
        func.count().over(partition_by=window).label("users"),
        func.row_number().over(partition_by=window, order_by=visitors.c.user_id).label("rank"),
    ).subquery()
    return (
        select(ranked.c.day, ranked.c.hour, ranked.c.user_id, ranked.c.users)
        .where(or_(ranked.c.users < bindparam("least"), ranked.c.rank == 1))
        .order_by(ranked.c.day, ranked.c.hour)
    )


def _sure_cut(session: Session, project_id: str, since: dt.date) -> dt.date | None:
    """The last day of a month at whose end there is a cut whatever came before, as its last hour alone has enough
    users; None where no such month ended before `since`.

    Spares a much used assistant the reading of all its history. The day itself is read too: the next looks back at it.
    """
    ends = list[dt.date]()
    first = month_of(since)
    while len(ends) < _MONTHS_BACK and first > dt.date.min:
        ends.append(first - DAY)
        first = month_of(ends[-1])
    if not ends:
        return None
    found: dt.date | None = session.execute(_sure(), {"project": project_id, "ends": ends}).scalar_one_or_none()
    return found


@cache
def _sure() -> Select[Any]:
    return (
        select(VISIT.c.day)
        .where(
            VISIT.c.project_id == bindparam("project"),
            VISIT.c.day.in_(bindparam("ends", expanding=True)),
            VISIT.c.slot >= _LAST_SLOT,
        )
        .group_by(VISIT.c.day)
        .having(func.count(VISIT.c.user_id.distinct()) >= LEAST)
        .order_by(VISIT.c.day.desc())
        .limit(1)
    )
