"""Who may be seen in a figure: the one place that decides what analytics show (domain.md, "Privacy").

Money, tokens and prices are not its business. Everything else that creators read of how people use an assistant passes
here, below every surface. Three rules, each made so that answers can be combined at will, also those of different days:

1. *Cuts* (`Cuts`). Figures of a stretch of time begin and end at cuts alone: moments so chosen that between any two of
   them there was nobody or at least `LEAST` users. Periods are trimmed to the cuts inside them. Whatever is added or
   subtracted, what remains is again a run of such stretches. A cut, once made, stays: it depends on the past only.
2. *Tables* (`suppressed`). A table's cells tell of finer things than a stretch of time, so each is told once: its
   stretches ("blocks", see `core.earnings.analytics.blocks`) don't overlap and don't grow. Within a table, cells of
   fewer than `LEAST` users are hidden, and what is hidden concerns at least `LEAST` all together.
3. *Words* (`shown_words`). Of what people typed, only words that at least `LEAST` of the group used.

What these rules don't promise: that usage reported late or voided changes no answer given before (figures are of what
is known now); that nothing follows from what somebody knows beside the answers, such as the other four users of five;
that the number of people who come back, or are new, is never small: both are about groups of five and more.
"""

from __future__ import annotations

import calendar
import datetime as dt
from bisect import bisect_right
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

LEAST = 5  # distinct users; a figure that concerns one to four of them is never shown
HOUR = dt.timedelta(hours=1)
_DAY = 24
_EXPECTED = 3 * LEAST  # users; less could too easily turn out to be one to four
_SHORTEST = 6  # hours; what less time than that brought says little of what is to come
GAP = "…"

Cell = TypeVar("Cell", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Span:
    """What a figure is about: from `begin` until just before `end`, both full hours UTC."""

    begin: dt.datetime
    end: dt.datetime


@dataclass(slots=True)
class Crowd:
    """How many distinct users there were, at least: exact up to `LEAST`, which is all that anybody asks."""

    known: set[str]
    most: int = 0  # users of the largest part whose users aren't listed

    def add(self, users: Collection[str], count: int) -> None:
        """Some more: listed, or counted where there are `LEAST` of them or more."""
        self.known.update(users)
        self.most = max(self.most, count)

    @property
    def size(self) -> int:
        return max(self.most, len(self.known))


@dataclass(frozen=True, slots=True)
class UsedHour:
    """An hour in which somebody came. number: since 1 January of the year 1, UTC. users: all of them where they are
    fewer than `LEAST`, else any; count: how many."""

    number: int
    users: tuple[str, ...]
    count: int

    @property
    def day(self) -> dt.date:
        return dt.date.fromordinal(self.number // _DAY)


class Cuts:
    """The moments between which figures may be told, of one assistant and one kind of doing (its use, its ratings).

    A cut is made at the first full hour, never later than `now`, at which at least `LEAST` users came since the last
    one; unless so little of the day or month would be left that a few people in it would be cut off from both sides
    (they would spoil the day's or month's end as a cut). Where nobody came since a cut, every hour is one.
    """

    def __init__(self, hours: Sequence[UsedHour], now: dt.datetime) -> None:
        self._now = number_of(now)
        self._made: list[int] = [0]
        self._used: list[int] = []  # the first used hour after each cut
        first, crowd = None, Crowd(set())
        evenings = _Evenings(hours)
        for place, hour in enumerate(hours):
            if first is None:
                first = hour.number
                self._used.append(first)
            crowd.add(hour.users, hour.count)
            following = hours[place + 1].number if place + 1 < len(hours) else self._now
            if crowd.size < LEAST:
                continue
            for moment in _candidates(hour.number + 1, min(following, self._now)):
                if _leaves_enough(first, moment, crowd.size, evenings):
                    self._made.append(moment)
                    first, crowd = None, Crowd(set())
                    break
        if first is None:
            self._used.append(self._now)

    def at(self, moment: dt.datetime) -> bool:
        """Whether a full hour, not later than now, is a cut."""
        return self._until(number_of(moment)) == number_of(moment)

    def within(self, begin: dt.datetime, end: dt.datetime) -> Span | None:
        """The longest span between two cuts that lies in a stretch of time; None where there is none."""
        last = self._until(number_of(end))
        first = self._from(number_of(begin))
        if first is None or first >= last:
            return None
        return Span(moment_of(first), moment_of(last))

    def _until(self, number: int) -> int:
        place = bisect_right(self._made, min(number, self._now)) - 1
        return min(number, self._now, self._used[place])

    def _from(self, number: int) -> int | None:
        place = bisect_right(self._made, number) - 1
        if number <= self._used[place]:
            return number
        return self._made[place + 1] if place + 1 < len(self._made) else None


class _Evenings:
    """How many came in the rest of a day."""

    def __init__(self, hours: Sequence[UsedHour]) -> None:
        self._days: dict[int, list[UsedHour]] = {}
        for hour in hours:
            self._days.setdefault(hour.number // _DAY, []).append(hour)

    def after(self, moment: int) -> int:
        crowd = Crowd(set())
        for hour in self._days.get(moment // _DAY, ()):
            if hour.number >= moment:
                crowd.add(hour.users, hour.count)
        return crowd.size


def _candidates(first: int, last: int) -> Iterable[int]:
    """The full hours until the day's end and the end of the month, as far as nobody else came until then."""
    end_of_day = -(-first // _DAY) * _DAY
    yield from range(first, min(end_of_day, last) + 1)
    end_of_month = _end_of_month(first)
    if end_of_day < end_of_month <= last:
        yield end_of_month


def _leaves_enough(first: int, moment: int, users: int, evenings: _Evenings) -> bool:
    """Whether the rest of the month can be expected to bring `_EXPECTED` users, at the pace of those since `first`; and
    the rest of the day, because the day before did."""
    left = _end_of_month(moment) - moment
    if left and users * left < _EXPECTED * max(moment - first, _SHORTEST):
        return False
    return moment % _DAY == 0 or evenings.after(moment - _DAY) >= _EXPECTED


def _end_of_month(number: int) -> int:
    """The first moment of a month that is not before this one."""
    return _month_after((number - 1) // _DAY) * _DAY


@lru_cache(maxsize=1024)
def _month_after(day: int) -> int:
    """The first day of the month after a day's, both counted from the year 1."""
    last = dt.date.fromordinal(day)
    return last.replace(day=calendar.monthrange(last.year, last.month)[1]).toordinal() + 1


def number_of(moment: dt.datetime) -> int:
    """The full hour that a moment belongs to, counted from the year 1."""
    utc = moment.astimezone(dt.UTC)
    return utc.toordinal() * _DAY + utc.hour


def moment_of(number: int) -> dt.datetime:
    """When an hour begins."""
    return dt.datetime.combine(dt.date.fromordinal(number // _DAY), dt.time(number % _DAY), dt.UTC)


def shown(count: int, users: int) -> int | None:
    """A figure, where it concerns at least `LEAST` users."""
    return count if users >= LEAST else None


def suppressed(cells: Mapping[Cell, Collection[str]]) -> frozenset[Cell]:
    """The cells of a table that must not be shown, by the users of each, in the table's order.

    Those of fewer than `LEAST` users, the empty ones too. All together they are the total less the cells shown: where
    that concerns one to four users, the next smallest cell is hidden as well, until it concerns none or `LEAST`.
    """
    hidden = {cell for cell, users in cells.items() if len(set(users)) < LEAST}
    together = {user for cell in hidden for user in cells[cell]}
    rest = sorted((cell for cell in cells if cell not in hidden), key=lambda cell: len(set(cells[cell])))
    while rest and 0 < len(together) < LEAST:
        smallest = rest.pop(0)
        hidden.add(smallest)
        together.update(cells[smallest])
    return frozenset(hidden)


def shown_words(wording: Sequence[str], users: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """A wording with "…" in place of each word that fewer than `LEAST` users used; gaps side by side are one."""
    told: list[str] = []
    for word in wording:
        if len(set(users.get(word, ()))) >= LEAST:
            told.append(word)
        elif not told or told[-1] != GAP:
            told.append(GAP)
    return tuple(told)
