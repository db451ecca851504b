"""Time as data: every function that needs it is handed a reading, in UTC."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

Clock = Callable[[], dt.datetime]

DAY = dt.timedelta(days=1)


def system_clock() -> dt.datetime:
    """The machine's time, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def utc_day(moment: dt.datetime) -> dt.date:
    """The UTC calendar day a moment belongs to (half open: 00:00:00 belongs to it)."""
    return moment.astimezone(dt.UTC).date()


def start_of(day: dt.date) -> dt.datetime:
    """00:00:00 UTC of a day."""
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def iso(moment: dt.datetime) -> str:
    """A UTC moment as text that ends in `Z`; microseconds only where there are some."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def end_of(day: dt.date) -> dt.datetime | None:
    """The first moment after a day, 00:00:00 UTC of the next; None after the last day that there is."""
    return None if day == dt.date.max else start_of(day + DAY)
