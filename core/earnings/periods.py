"""Which UTC days a word such as "week" means, and when a day settles (commands.md, "Creator commands")."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from core.clock import DAY, utc_day
from core.config import Program
from core.errors import DeskError

PERIODS = ("today", "week", "month", "all")

_WEEK = 7
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class UnknownPeriod(DeskError):
    """No period called '{period}'. Choose today, week, month or all."""


@dataclass(frozen=True, slots=True)
class Days:
    """A run of UTC days, both ends included."""

    first: dt.date
    last: dt.date

    def __len__(self) -> int:
        return max(0, (self.last - self.first).days + 1)

    def __contains__(self, day: dt.date) -> bool:
        return self.first <= day <= self.last

    def each(self) -> list[dt.date]:
        """Every day, oldest first."""
        return [self.first + DAY * number for number in range(len(self))]

    def before(self) -> Days:
        """As many days, right before these."""
        return Days(self.first - DAY * len(self), self.first - DAY)


@dataclass(frozen=True, slots=True)
class Period:
    """What was asked for. days: None while there is nothing to show ("week" before the first settlement).

    before: the days that a change compares with, None where there are none to compare (`today`, which is not over, and
    `all`). It has as many days, or fewer where last month was shorter.
    """

    name: str
    days: Days | None
    before: Days | None = None


def settles_at(program: Program, day: dt.date) -> dt.datetime:
    """The moment from which a UTC day may be settled: `settle_at` of the next day."""
    return dt.datetime.combine(day + DAY, program.settle_at, dt.UTC)


def last_due(program: Program, now: dt.datetime) -> dt.date:
    """The last UTC day whose moment to settle has come."""
    today = utc_day(now)
    return today - DAY if now >= settles_at(program, today - DAY) else today - 2 * DAY


def next_settlement(program: Program, now: dt.datetime) -> dt.datetime:
    """When the next settlement is due, after `now`."""
    return settles_at(program, last_due(program, now) + DAY)


def period_of(name: str, now: dt.datetime, settled_through: dt.date | None, first_day: dt.date | None) -> Period:
    """The days of a named period: the current UTC day; the last 7 settled days; the calendar month to date; all since
    the program's first day with usage. UnknownPeriod for any other name."""
    today = utc_day(now)
    if name == "today":
        return Period(name, Days(today, today))
    if name == "week":
        if settled_through is None:
            return Period(name, None)
        week = Days(settled_through - DAY * (_WEEK - 1), settled_through)
        return Period(name, week, week.before())
    if name == "month":
        month = Days(month_of(today), today)
        end = month.first - DAY
        return Period(name, month, Days(month_of(end), end.replace(day=min(today.day, end.day))))
    if name == "all":
        return Period(name, Days(min(first_day, today), today) if first_day is not None else None)
    raise UnknownPeriod(period=name)


def change_percent(now: int, before: int) -> int | None:
    """By how many percent a sum grew, rounded half away from zero; None where there was nothing to grow from."""
    if before <= 0:
        return None
    difference = now - before
    percent = (200 * abs(difference) + before) // (2 * before)
    return percent if difference >= 0 else -percent


def whole_percent(part: int, whole: int) -> int | None:
    """A part in whole percent of a sum, rounded half up; None where the sum is nothing."""
    return (200 * part + whole) // (2 * whole) if whole > 0 else None


def day_name(day: dt.date) -> str:
    """A UTC day as "13 Jan"."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


def month_of(day: dt.date) -> dt.date:
    """A day's month: its first UTC day."""
    return day.replace(day=1)


def next_month(month: dt.date) -> dt.date:
    """The first day of the month after a month, given any day of it."""
    return dt.date(month.year + month.month // 12, month.month % 12 + 1, 1)


def month_before(day: dt.date) -> dt.date:
    """The month before a day's."""
    return month_of(month_of(day) - DAY)


def last_day(month: dt.date) -> dt.date:
    """The last UTC day of a month, given any day of it."""
    return next_month(month) - DAY


def closes_at(program: Program, month: dt.date) -> dt.datetime:
    """The moment from which a month may be closed: when its last UTC day may be settled."""
    return settles_at(program, last_day(month))


def closed_through(settled_through: dt.date | None) -> dt.date | None:
    """The first day of the last month that a program settled through this day has closed, None before any."""
    if settled_through is None:
        return None
    return month_of(settled_through) if last_day(settled_through) == settled_through else month_before(settled_through)


def months_between(days: Days) -> list[dt.date]:
    """The months that a run of days touches, oldest first."""
    months = []
    month = month_of(days.first)
    while month <= days.last:
        months.append(month)
        month = next_month(month)
    return months


def month_name(month: dt.date) -> str:
    """A month as "Jan 2026"."""
    return f"{_MONTHS[month.month - 1]} {month.year}"


def late_month_label(month: dt.date, share: int, what: str = "usage") -> str:
    """What a difference for a month closed before is called: late usage (or payment), or a correction."""
    return f"late {what} for {month_name(month)}" if share >= 0 else f"correction for {month_name(month)}"


def late_label(day: dt.date, share: int) -> str:
    """What a difference for a day settled before is called: late usage, or a correction where it takes money back."""
    return f"late usage for {day_name(day)}" if share >= 0 else f"correction for {day_name(day)}"
