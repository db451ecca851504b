"""Writes a slice's part of the roll-ups of kind `assistants`: table after table in one order, rows sorted by key, so
that slices that run at once never wait for each other in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from core.earnings.intake.arrays import plain_array, text_array
from core.earnings.intake.rollups import DAY_SUMS, Use
from core.storage import is_postgres

_TEXT = "text"


@dataclass(frozen=True, slots=True)
class _RollUp:
    """A table: the columns of its key with their types, and those that are added to; the first of them counts, and a
    row that comes to 0 there goes (all but `usage_day`). zeros: columns that other kinds of program add to."""

    table: str
    key: tuple[tuple[str, str], ...]
    sums: tuple[str, ...]
    zeros: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.key)

    def add(self, session: Session, rows: Sequence[Sequence[Any]]) -> None:
        """Rows are unique by key and sorted by it."""
        if not rows:
            return
        adding = ", ".join(f"{name} = {self.table}.{name} + excluded.{name}" for name in self.sums)
        into = f"INSERT INTO {self.table} ({', '.join((*self.names, *self.sums, *self.zeros))})"
        on_conflict = f"ON CONFLICT ({', '.join(self.names)}) DO UPDATE SET {adding}"
        types = [*(kind for _, kind in self.key), *["bigint"] * len(self.sums)]
        if is_postgres(session):
            _unnested(session, into, types, rows, zeros=len(self.zeros), after=on_conflict)
        else:
            values = ", ".join([*"?" * len(types), *"0" * len(self.zeros)])
            session.connection().exec_driver_sql(f"{into} VALUES ({values}) {on_conflict}", list(map(tuple, rows)))

    def sweep(self, session: Session, keys: Sequence[Sequence[Any]]) -> None:
        """Take away those of these rows that came to nothing."""
        if keys:
            _delete(session, self.table, self.key, keys, f" AND {self.sums[0]} = 0")


_PROJECT, _DAY, _USER = ("project_id", _TEXT), ("day", "date"), ("user_id", _TEXT)
_CREDITS = ("credits", "cost", "own_credits", "uses", "remixes", "views", "saves")  # kind `credits`; no defaults there
_NO_CREDITS = (0,) * len(_CREDITS)
_DAYS = _RollUp("usage_day", (_DAY, _PROJECT), (*DAY_SUMS, *_CREDITS))
_MONTHS = _RollUp("month_use", (("month", "date"), _USER, _PROJECT), ("tokens",))
_VISITS = _RollUp(
    "visit",
    (_PROJECT, _DAY, ("slot", "smallint"), ("embed", "boolean"), _USER, ("conversation_id", _TEXT)),
    ("messages", "tokens"),
)
_QUESTIONS = _RollUp("question", (_PROJECT, _DAY, ("text", _TEXT), _USER), ("asked",))
_CONTEXTS = _RollUp("shared_context", (_PROJECT, _DAY, _USER, ("context", _TEXT)), ("messages",))
_RATING_KEY = (_PROJECT, _DAY, ("source", _TEXT), ("event_id", _TEXT))
_RATING = (*_RATING_KEY, _USER, ("stars", "smallint"), ("review", _TEXT))


def add_use(session: Session, source: str, use: Use) -> None:
    """Add to the roll-ups; rows that voids leave empty go."""
    rows = [(day, name, *use.days[day][name]) for day in sorted(use.days) for name in sorted(use.days[day])]
    _DAYS.add(session, [(*row, *_NO_CREDITS) for row in rows])
    months, visits = sorted(use.months.items()), sorted(use.visits.items())
    _MONTHS.add(session, [(*key, tokens) for key, tokens in months])
    _MONTHS.sweep(session, [key for key, tokens in months if tokens < 0])
    _VISITS.add(session, [(*key, *said) for key, said in visits])
    _VISITS.sweep(session, [key for key, said in visits if said[0] < 0])
    for roll_up, counts in ((_QUESTIONS, use.questions), (_CONTEXTS, use.contexts)):
        counted = sorted(counts.items())
        roll_up.add(session, [(*key, count) for key, count in counted])
        roll_up.sweep(session, [key for key, count in counted if count < 0])
    _rate(session, source, use)


def _rate(session: Session, source: str, use: Use) -> None:
    rows = [(project, day, source, event_id, *rating) for (project, day, event_id), rating in sorted(use.rated.items())]
    names = [name for name, _ in _RATING]
    into = f"INSERT INTO rating ({', '.join(names)})"
    if rows and is_postgres(session):
        _unnested(session, into, [kind for _, kind in _RATING], rows)
    elif rows:
        session.connection().exec_driver_sql(f"{into} VALUES ({', '.join('?' * len(names))})", rows)
    gone = [(project, day, source, event_id) for project, day, event_id in sorted(use.unrated)]
    if gone:
        _delete(session, "rating", _RATING_KEY, gone)


def _unnested(
    session: Session, into: str, types: Sequence[str], rows: Iterable[Sequence[Any]], zeros: int = 0, after: str = ""
) -> None:
    """One INSERT of as many arrays as there are columns, and so many zeros."""
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    columns = zip(*rows, strict=True)
    literals = [
        text_array(column) if kind == _TEXT else plain_array(column)
        for kind, column in zip(types, columns, strict=True)
    ]
    rest = ", 0" * zeros
    session.connection().exec_driver_sql(f"{into} SELECT *{rest} FROM unnest({arrays}) {after}", tuple(literals))


def _delete(
    session: Session, table: str, key: Sequence[tuple[str, str]], keys: Sequence[Sequence[Any]], only: str = ""
) -> None:
    """Delete rows by their keys; voids are few."""
    mark = "%s" if is_postgres(session) else "?"
    these = " AND ".join(f"{name} = {mark}" for name, _ in key)
    session.connection().exec_driver_sql(f"DELETE FROM {table} WHERE {these}{only}", list(map(tuple, keys)))
