"""Which stretch of time a table of finer things tells of: the last of its blocks (`privacy`, rule 2).

Answers of different days about one table must not differ by a few people's doings. So time is parted, for each table,
into blocks that neither overlap nor grow: whole weeks, Monday to Sunday UTC, as many as it takes until the table has
something to show. The first block may end with any day, so that a new assistant isn't silent for a week.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from itertools import groupby

from sqlmodel import Session

from core.clock import DAY, start_of, utc_day
from core.earnings.analytics.privacy import LEAST, Crowd, Cuts, Span
from core.earnings.analytics.visits import used_hours

ENOUGH = 3  # so many cells with enough users end a block with any week,
_PATIENCE = dt.timedelta(days=14)  # a single one after this long
_WEEK = dt.timedelta(days=7)
_RECENT = dt.timedelta(days=56)  # a much used assistant's last blocks are in it

# Some users of a cell on a day: the cell, the users (all of them where they are fewer than LEAST), how many.
Part = tuple[Hashable, Collection[str], int]


def last_block(
    days: Mapping[dt.date, Sequence[Part]],
    cuts: Cuts | None,
    until: dt.date,
    *,
    whole: bool = True,
    enough: int = ENOUGH,
    together: Callable[[Mapping[Hashable, Crowd]], int] | None = None,
) -> Span | None:
    """The last block that ends with a day before `until`, with `enough` cells; at a cut where the total is told.

    whole: the days are all there are. Else the blocks are known only from the end of a week on that ends one whatever
    came before it, and None means that more must be read. together: how many cells have enough users once those that
    belong together are taken as one.
    """
    blocks = _Blocks(cuts, until, whole, enough, together)
    for monday, week in groupby(sorted(days), key=lambda day: day - DAY * day.weekday()):
        blocks.add_week(monday, [(day, days[day]) for day in week])
    return blocks.last


def visit_block(session: Session, project_id: str, now: dt.datetime) -> Span | None:
    """The block of the tables that are about use: messages by hour, by channel, conversations by length."""
    today = utc_day(now)
    for since in (today - _RECENT, dt.date.min):
        hours, whole = used_hours(session, project_id, since, now)
        days: dict[dt.date, list[Part]] = {}
        for hour in hours:
            days.setdefault(hour.day, []).append((hour.number % 24, hour.users, hour.count))
        block = last_block(days, Cuts(hours, now), today, whole=whole)
        if block is not None or whole:
            break
    return block


class _Blocks:
    def __init__(
        self,
        cuts: Cuts | None,
        until: dt.date,
        whole: bool,
        enough: int,
        together: Callable[[Mapping[Hashable, Crowd]], int] | None,
    ) -> None:
        self.last: Span | None = None
        self._cuts, self._until, self._enough, self._together = cuts, until, enough, together
        self._known = self._first = whole
        self._begun = whole  # the first block is over, or is known
        self._begin: dt.date | None = None
        self._ended = dt.date.min
        self._cells: dict[Hashable, Crowd] = {}

    def add_week(self, monday: dt.date, days: Iterable[tuple[dt.date, Sequence[Part]]]) -> None:
        for day, parts in days:
            if self._begin is None:
                self._begin = day if self._first else max(monday, self._ended)
            for cell, users, count in parts:
                self._cells.setdefault(cell, Crowd(set())).add(users, count)
            if self._first:
                self._end(day + DAY, 1)
        if self._begin is not None:
            patient = self._known and monday + _WEEK - self._begin >= _PATIENCE
            self._end(monday + _WEEK, 1 if patient or self._first else self._enough)
        if not self._known:  # each week by itself, until one ends a block whatever came before
            self._begin, self._cells = None, {}

    def _end(self, end: dt.date, enough: int) -> None:
        """End the block before this day where it may."""
        if self._begin is None or end > self._until or not self._ready(end, enough):
            return
        if self._cuts is not None and not self._cuts.at(start_of(end)):
            return
        if not self._begun:  # the first block may have ended within this very week, and left too little of it
            self._begun = True
            return
        if self._known:
            self.last = Span(start_of(self._begin), start_of(end))
        self._known, self._first, self._ended = True, False, end
        self._begin, self._cells = None, {}

    def _ready(self, end: dt.date, enough: int) -> bool:
        """Whether so many cells have enough users to be shown. What belongs together is looked for once a week, at
        first every day; and only where the whole block is at hand, so that a week alone promises no more than all."""
        alone = sum(crowd.size >= LEAST for crowd in self._cells.values())
        if alone >= enough or self._together is None or self._begin is None or not self._known:
            return alone >= enough
        return (end.weekday() == 0 or end - self._begin <= _PATIENCE) and self._together(self._cells) >= enough
