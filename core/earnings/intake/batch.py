"""Rows of usage as they are reported → columns in normal form, or a refusal per row (domain.md, "Usage in").

What needs no database is decided here. A block of rows goes through twice: `_plain` proves column by column, at the
speed of C, that nothing is odd; where something is, `_exact` reads row by row and says what. Both give the same result.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import NamedTuple

from core.earnings.intake import fields
from core.earnings.intake.extra import (
    EXTRA_COLUMNS,
    KINDS_WITH_EXTRA,
    MESSAGE,
    RATING,
    Extra,
    PlainMessages,
    plain_ids,
    read_extra,
    texts,
)
from core.earnings.intake.fields import FieldError
from core.earnings.intake.report import Rejected
from core.earnings.programs import KINDS

REQUIRED_COLUMNS = ("event_id", "occurred_at", "project_id", "user_id", "kind")
CREDITS_COLUMNS = ("credits", "platform_cost")
COLUMNS = (*REQUIRED_COLUMNS, *CREDITS_COLUMNS, *EXTRA_COLUMNS, "voids")
VOID = "void"
SLICE_ROWS = 50_000

_USAGE_KINDS = {kind: kind for program in KINDS.values() for kind in program.counters}
_SPENDING = frozenset(kind for program in KINDS.values() for kind in program.spending)
_KNOWN_KINDS = ", ".join(sorted((*_USAGE_KINDS, VOID)))
_CHUNK = 256
_NOTHING = frozenset(("", None))
# What a plain row leaves empty, and the kinds it may have; by whether it is a message.
_UNUSED = {False: (*EXTRA_COLUMNS, "voids"), True: (*CREDITS_COLUMNS, "stars", "review", "voids")}
_KINDS = {
    False: {kind: kind for kind in _USAGE_KINDS if kind not in KINDS_WITH_EXTRA},
    True: {MESSAGE: MESSAGE},
}
_READ_EXACTLY = (RATING, VOID)


class Block(NamedTuple):
    """Rows to take, column by column. positions: what a refusal names for each row, an index or a line number."""

    positions: Sequence[int]
    columns: Sequence[Sequence[object]]


class Event(NamedTuple):
    """One event in normal form. at: UTC text that sorts by time; credits, cost: micro-credits; voids: "" or an id.

    extra: what only messages and ratings have; None for others.
    """

    at: str
    project_id: str
    user_id: str
    kind: str
    credits: int
    cost: int
    voids: str
    extra: Extra | None = None


@dataclass(slots=True)
class Batch:
    """Events in normal form, column by column: those of `Event`, each event's position, id and day.

    told: how many have an extra.
    """

    positions: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    at: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    credits: list[int] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)
    voids: list[str] = field(default_factory=list)
    extras: list[Extra | None] = field(default_factory=list)
    told: int = 0
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows were read, whatever became of them."""
        return len(self.ids) + len(self.rejected)

    def event(self, index: int) -> Event:
        return Event(
            self.at[index],
            self.projects[index],
            self.users[index],
            self.kinds[index],
            self.credits[index],
            self.costs[index],
            self.voids[index],
            self.extras[index],
        )

    def add(self, position: int, event_id: str, event: Event) -> None:
        self.positions.append(position)
        self.ids.append(event_id)
        self.days.append(event.at[:10])
        self.at.append(event.at)
        self.projects.append(event.project_id)
        self.users.append(event.user_id)
        self.kinds.append(event.kind)
        self.credits.append(event.credits)
        self.costs.append(event.cost)
        self.voids.append(event.voids)
        self.extras.append(event.extra)
        self.told += event.extra is not None


class UsageReader:
    """Reads blocks whose rows have these columns, at a moment. Keeps what it has parsed, since values repeat."""

    def __init__(self, columns: Sequence[str], now: dt.datetime) -> None:
        self._columns = tuple(columns)
        self._now = now
        self._latest = fields.stamp(now + fields.ALLOWED_AHEAD)
        self._kind_at = self._columns.index("kind")
        # Without their columns they are refused; then nobody needs to look for them.
        with_extra = any(name in self._columns for name in EXTRA_COLUMNS)
        self._apart = (*(KINDS_WITH_EXTRA if with_extra else ()), VOID)
        self._messages = PlainMessages()
        self._projects = _Parsed(_plain_id)
        self._days = _Parsed(_plain_day)
        self._clocks = _Parsed(_plain_clock)
        self._tails = _Parsed(_plain_tail)
        self._credits = _Amounts("credits")
        self._costs = _Amounts("platform_cost")

    def read(self, block: Block, batch: Batch) -> None:
        """Add the block's events to the batch, voids last; rows that can't be taken to its `rejected`."""
        kinds = block.columns[self._kind_at]
        apart = [kind for kind in self._apart if kind in kinds]
        if not apart or kinds.count(apart[0]) == len(kinds):
            self._read(batch, block)
            return
        self._read(batch, _selected(block, [kind not in apart for kind in kinds]))
        for one in apart:
            self._read(batch, _selected(block, [kind == one for kind in kinds]))

    def _read(self, batch: Batch, block: Block) -> None:
        if not block.positions or self._plain(batch, block):
            return
        if block.columns[self._kind_at][0] in _READ_EXACTLY:
            self._exact(batch, block)
            return
        for start in range(0, len(block.positions), _CHUNK):
            end = start + _CHUNK
            part = Block(block.positions[start:end], [column[start:end] for column in block.columns])
            if not self._plain(batch, part):
                self._exact(batch, part)

    def _plain(self, batch: Batch, block: Block) -> bool:
        """Take rows in which nothing is odd; False, and nothing taken, when something may be."""
        positions = block.positions
        columns = dict(zip(self._columns, block.columns, strict=True))
        nothing = ("",) * len(positions)
        messages = columns["kind"][0] == MESSAGE
        try:
            if any(not _NOTHING.issuperset(columns[name]) for name in _UNUSED[messages] if name in columns):
                return False
            ids, users, times = (texts(columns[name]) for name in ("event_id", "user_id", "occurred_at"))
            if not (plain_ids(ids) and plain_ids(users)):
                return False
            kinds = list(map(_KINDS[messages].__getitem__, texts(columns["kind"])))
            projects = list(map(self._projects.__getitem__, texts(columns["project_id"])))
            day_of, clocks, tails = self._days, self._clocks, self._tails
            days = [day_of[time[:10]] for time in times]
            at = [day + clocks[time[10:19]] + tails[time[19:]] for day, time in zip(days, times, strict=True)]
            if max(at) > self._latest:
                return False
            extras: Sequence[Extra | None]
            if messages:
                extras = self._messages.of(columns, nothing)
                credits_ = costs = [0] * len(positions)
            else:
                extras = (None,) * len(positions)
                credits_ = self._credits.of(kinds, texts(columns.get("credits", nothing)))
                costs = self._costs.of(kinds, texts(columns.get("platform_cost", nothing)))
        except (TypeError, ValueError, KeyError, FieldError):
            return False  # values that are no text, text that can't be read
        batch.positions.extend(positions)
        batch.ids.extend(ids)
        batch.days.extend(days)
        batch.at.extend(at)
        batch.projects.extend(projects)
        batch.users.extend(users)
        batch.kinds.extend(kinds)
        batch.credits.extend(credits_)
        batch.costs.extend(costs)
        batch.voids.extend(nothing)
        batch.extras.extend(extras)
        batch.told += len(positions) if messages else 0
        return True

    def _exact(self, batch: Batch, block: Block) -> None:
        for position, row in zip(block.positions, zip(*block.columns, strict=True), strict=True):
            try:
                event_id, event = self._read_row(row)
            except FieldError as error:
                batch.rejected.append(Rejected(position, error.field, error.reason))
                continue
            batch.add(position, event_id, event)

    def _read_row(self, row: Sequence[object]) -> tuple[str, Event]:
        value = dict(zip(self._columns, row, strict=True)).get
        event_id = fields.required(value("event_id"), "event_id")
        kind = fields.text(value("kind"), "kind")
        if kind not in _USAGE_KINDS and kind != VOID:
            raise FieldError("kind", f"is {fields.shown(kind)}; known here: {_KNOWN_KINDS}")
        at = fields.stamp(fields.past_moment(value("occurred_at"), "occurred_at", self._now))
        if kind == VOID:
            return event_id, _read_void(event_id, at, value)
        if not fields.is_empty(value("voids")):
            raise FieldError("voids", "is only for rows of kind void; leave it empty")
        project_id = fields.required(value("project_id"), "project_id")
        user_id = fields.required(value("user_id"), "user_id")
        credits_, cost = (_amount(kind, name, value(name)) for name in CREDITS_COLUMNS)
        return event_id, Event(at, project_id, user_id, kind, credits_, cost, "", read_extra(kind, value))


def _selected(block: Block, wanted: Sequence[bool]) -> Block:
    return Block(list(compress(block.positions, wanted)), [list(compress(column, wanted)) for column in block.columns])


def _read_void(event_id: str, at: str, value: Callable[[str], object]) -> Event:
    for name in ("project_id", "user_id", *CREDITS_COLUMNS, *EXTRA_COLUMNS):
        if not fields.is_empty(value(name)):
            raise FieldError(name, "must be empty in a void, which has only event_id, occurred_at, kind and voids")
    voids = fields.required(value("voids"), "voids")
    if voids == event_id:
        raise FieldError("voids", "names the void itself; name the event to take out")
    return Event(at, "", "", VOID, 0, 0, voids)


def _amount(kind: str, name: str, value: object) -> int:
    """Micro-credits of one event; what consumes nothing must not say otherwise."""
    if fields.is_empty(value):
        if name == "credits" and kind in _SPENDING:
            raise FieldError(name, f"is empty; a {kind} consumes credits, write 0 if this one didn't")
        return 0
    if kind in KINDS_WITH_EXTRA:
        raise FieldError(name, "belongs to programs of kind credits; leave it empty")
    amount = fields.quantity(value, name)
    if amount and kind not in _SPENDING:
        raise FieldError(name, f"is {fields.shown(value)}; a {kind} consumes nothing, leave it empty")
    return amount


class _Parsed(dict[str, str]):
    """Parses a piece of text once, so that equal ones are one object. Forgets everything when full: hostile input must
    not fill the memory. Every second of a day fits in."""

    limit = 100_000

    def __init__(self, parse: Callable[[str], str]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, text: str) -> str:
        parsed = self._parse(text)
        if len(self) >= self.limit:
            self.clear()
        self[text] = parsed
        return parsed


class _Amounts(dict[tuple[str, str], int]):
    """Parses the amount of a (kind, text) once; raises FieldError as `_amount` does."""

    limit = 100_000

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __missing__(self, key: tuple[str, str]) -> int:
        amount = _amount(key[0], self._name, key[1])
        if len(self) >= self.limit:
            self.clear()
        self[key] = amount
        return amount

    def of(self, kinds: Sequence[str], texts: Sequence[str]) -> list[int]:
        """The amounts of a column, in micro-credits."""
        return list(map(self.__getitem__, zip(kinds, texts, strict=True)))


_TAIL = re.compile(r"(?:\.(\d{1,6}))?(?:Z|[+-]00:00)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CLOCK = re.compile(r"T\d\d:\d\d:\d\d", re.ASCII)


def _plain_id(text: str) -> str:
    if not plain_ids((text,)):
        raise ValueError(text)
    return text


def _plain_day(text: str) -> str:
    """The date part of the usual form; ValueError for anything else."""
    if not _DAY.fullmatch(text) or dt.date.fromisoformat(text) < fields.EARLIEST:
        raise ValueError(text)
    return text


def _plain_clock(text: str) -> str:
    """The time of day in the usual form, in whole seconds."""
    if not _CLOCK.fullmatch(text):
        raise ValueError(text)
    return f" {dt.time.fromisoformat(text[1:])}"


def _plain_tail(text: str) -> str:
    """What follows the seconds, when the offset is zero."""
    match = _TAIL.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return "." + (match[1] or "").ljust(6, "0")
