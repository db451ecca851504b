"""A creator's projects by name, kept in memory for completion: what is typed is answered letter by letter.

A chat platform shows completions only if they come at once, and a creator may have ten thousand projects. The index of
a creator is read anew when the number of their projects (or of deleted ones) has changed, and in any case after FRESH:
a project renamed meanwhile is offered by its old name until then.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, Row, bindparam, func, select
from sqlmodel import Session

from core.chat.cards import clean, shown_name
from core.earnings.tables import Project
from core.storage import table_of

FRESH = dt.timedelta(seconds=30)
CREATORS = 500  # whose projects are kept; those asked about longest ago are forgotten
PLAIN_MOST = 60  # characters of a name that a command line can call a project by


@dataclass(frozen=True, slots=True)
class Entry:
    """A project in the index. handle: what a command line calls it; label: as lists show it, marked when deleted;
    program: the one that it earns in, by its slug."""

    handle: str
    label: str
    program: str
    name_key: str
    id_key: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class _Index:
    counted: tuple[int, int]
    read_at: dt.datetime
    entries: tuple[Entry, ...]


_T = table_of(Project).c
_COUNTS = select(func.count(), func.count(_T.deleted_at)).where(_T.creator_id == bindparam("creator"))
_ROWS = select(_T.project_id, _T.name, _T.program, _T.deleted_at).where(_T.creator_id == bindparam("creator"))

_lock = threading.Lock()
_known: WeakKeyDictionary[Engine, OrderedDict[str, _Index]] = WeakKeyDictionary()


def find(session: Session, now: dt.datetime, creator_id: str, text: str) -> Iterator[Entry]:
    """The creator's projects whose name or id contains the text, by name; live ones first."""
    typed = text.strip().casefold()
    for entry in _index(session, now, creator_id).entries:
        if typed in entry.name_key or typed in entry.id_key:
            yield entry


def _index(session: Session, now: dt.datetime, creator_id: str) -> _Index:
    engine = session.connection().engine
    with _lock:
        known = _known.setdefault(engine, OrderedDict()).get(creator_id)
    total, deleted = session.execute(_COUNTS, {"creator": creator_id}).one()
    counted = (int(total), int(deleted))
    if known is not None and known.counted == counted and abs(now - known.read_at) <= FRESH:
        return known
    made = _Index(counted, now, _entries(session, creator_id))
    with _lock:
        kept = _known.setdefault(engine, OrderedDict())
        kept[creator_id] = made
        kept.move_to_end(creator_id)
        while len(kept) > CREATORS:
            kept.popitem(last=False)
    return made


def _entries(session: Session, creator_id: str) -> tuple[Entry, ...]:
    rows = session.execute(_ROWS, {"creator": creator_id}).all()
    meant: Counter[str] = Counter()
    for row in rows:
        meant.update({row.name.casefold(), row.project_id.casefold()})
    entries = [_entry(row, meant) for row in rows]
    return tuple(sorted(entries, key=lambda entry: (entry.deleted, entry.name_key, entry.id_key)))


def _entry(row: Row[Any], meant: Counter[str]) -> Entry:
    line, deleted = " ".join(row.name.split()), row.deleted_at is not None
    plain = line == clean(row.name) and 0 < len(line) <= PLAIN_MOST and meant[line.casefold()] == 1
    label = shown_name(row.name) + (" (deleted)" if deleted else "")
    handle = line if plain else row.project_id
    return Entry(handle, label, row.program, row.name.casefold(), row.project_id.casefold(), deleted)
