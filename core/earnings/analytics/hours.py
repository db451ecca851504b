"""When people use an assistant: messages by hour of the creator's day ("Peak Hours")."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import BigInteger, Select, cast, func, select
from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.analytics.blocks import visit_block
from core.earnings.analytics.privacy import HOUR, Span, shown, suppressed
from core.earnings.analytics.visits import SLOTS, VISIT, bounds, within
from core.earnings.tables import Project

_HOURS = 24
_BUSIEST = 3


@dataclass(frozen=True, slots=True)
class PeakHours:
    """Messages by local hour, 24 cells, None where hidden. span: the whole days that they are about, the last block
    that can be told (see `blocks`); None while there is none yet (then every cell is hidden).

    minute: where the zone is not whole hours from UTC, its hours begin at this minute (cell 9 is 9:30 to 10:29): cells
    are whole hours UTC in every zone, so that tables of two zones don't tell of quarters of an hour. busiest: the cells
    with the most messages, at most three, busiest first. messages and users: of the whole span.
    """

    zone: str
    span: Span | None
    minute: int = 0
    cells: tuple[int | None, ...] = (None,) * _HOURS
    busiest: tuple[int, ...] = ()
    messages: int | None = None
    users: int | None = None


def peak_hours(
    session: Session,
    config: DeskConfig,  # noqa: ARG001 - what every reading is given
    project: Project,
    zone: str,
    now: dt.datetime,
) -> PeakHours:
    """The hours of the clock in `zone`, an IANA name; UTC where there is no such zone.

    The clock of the span's middle holds for all of it: were the days of summer time counted by their own hours, the
    table less that of another zone would tell of an hour of those days alone.
    """
    name, clock = _zone(zone)
    span = visit_block(session, project.project_id, now)
    if span is None:
        return PeakHours(name, None)
    users: dict[int, set[str]] = {hour: set() for hour in range(_HOURS)}
    messages: Counter[int] = Counter()
    for hour, user_id, sent in session.execute(_by_hour(), bounds(project.project_id, span)):
        users[hour].add(user_id)
        messages[hour] += sent
    ahead = (span.begin + (span.end - span.begin) / 2).astimezone(clock).utcoffset() or dt.timedelta()
    cells = _by_clock(users, messages, ahead)
    everyone = set[str]().union(*users.values())
    return PeakHours(
        zone=name,
        span=span,
        minute=ahead % HOUR // dt.timedelta(minutes=1),
        cells=cells,
        busiest=_busiest(cells),
        messages=shown(messages.total(), len(everyone)),
        users=shown(len(everyone), len(everyone)),
    )


def _by_clock(users: dict[int, set[str]], messages: Counter[int], ahead: dt.timedelta) -> tuple[int | None, ...]:
    """The cells of the hours UTC in the order of a clock that is ahead of it."""
    hidden = suppressed(users)
    hours = (-(ahead // HOUR) + local for local in range(_HOURS))
    return tuple(None if hour % _HOURS in hidden else messages[hour % _HOURS] for hour in hours)


def _busiest(cells: tuple[int | None, ...]) -> tuple[int, ...]:
    told = [(-count, hour) for hour, count in enumerate(cells) if count is not None]
    return tuple(hour for _count, hour in sorted(told)[:_BUSIEST])


def _zone(name: str) -> tuple[str, ZoneInfo]:
    try:
        return name, ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC", ZoneInfo("UTC")


@cache
def _by_hour() -> Select[Any]:
    hour = (VISIT.c.slot // SLOTS).label("hour")
    return (
        select(hour, VISIT.c.user_id, cast(func.sum(VISIT.c.messages), BigInteger))
        .where(within())
        .group_by(hour, VISIT.c.user_id)
    )
