"""What a chat platform handed over and still has to be answered: each payload once, also when it comes twice.

An adapter's way with a payload, whose `key` is the platform's own name for it (redeliveries repeat it):

    store → commit → tell the platform that it arrived → do what is asked → answer the person → done

Whoever stores a payload holds it for LEASE. When that runs out (the process was killed), or it was let go (`release`),
another process takes it with `claim_lost`; where there can be only one (SQLite), a new one takes it at once (`sole`).
A command that writes keeps its answer with `keep` in its own transaction: found there later, it took effect and is only
answered; not found there, it did not happen and is run again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, CursorResult, and_, delete, or_, select, update
from sqlmodel import Session

from core.chat.tables import ChatReceived
from core.errors import DeskError
from core.storage import is_postgres, table_of, upsert

LEASE = dt.timedelta(seconds=30)
MEMORY = dt.timedelta(days=2)  # no platform delivers a payload again after so long
LONGEST_KEY = 200
_AT_ONCE = 500

_T = table_of(ChatReceived)


class AlreadyTaken(DeskError):
    """This was done before, once; it did not happen a second time."""


@dataclass(frozen=True, slots=True)
class Received:
    """A payload as it came. key: unique on the platform, at most LONGEST_KEY characters; payload: JSON text."""

    platform: str
    key: str
    payload: str


@dataclass(frozen=True, slots=True)
class Item:
    """A payload to be answered, held by whoever got it. kept: the answer of a write that took effect before.

    tries: how often it was taken up, this time included.
    """

    id: int
    platform: str
    key: str
    payload: str
    kept: str | None
    tries: int
    received_at: dt.datetime


def store(session: Session, now: dt.datetime, who: str, items: Sequence[Received]) -> dict[str, Item]:
    """Write payloads down and hold them as `who`; those that are new, by key. The others came before."""
    by_key = {(item.platform, item.key): item for item in reversed(items)}
    # In one order: two that store the same payloads at once never wait for each other in a circle.
    rows = [_row(by_key[found], now, who) for found in sorted(by_key)]
    new: dict[str, Item] = {}
    for start in range(0, len(rows), _AT_ONCE):
        statement = upsert(session, ChatReceived).values(rows[start : start + _AT_ONCE])
        fresh = statement.on_conflict_do_nothing(index_elements=["platform", "key"])
        for number, platform, key in session.execute(fresh.returning(_T.c.id, _T.c.platform, _T.c.key)):
            new[key] = Item(number, platform, key, by_key[platform, key].payload, None, 1, now)
    return new


def _row(item: Received, now: dt.datetime, who: str) -> dict[str, object]:
    if not 0 < len(item.key) <= LONGEST_KEY:
        raise ValueError(f"a key of {len(item.key)} characters")
    return {
        "platform": item.platform,
        "key": item.key,
        "payload": item.payload,
        "received_at": now,
        "tries": 1,
        "claimed_by": who[:100],
        "claimed_until": now + LEASE,
    }


def claim_lost(
    session: Session, now: dt.datetime, who: str, platform: str, limit: int = 20, *, sole: bool = False
) -> list[Item]:
    """Take up payloads that nobody holds any more, the oldest first. Commit before working on them.

    sole: no other process can be alive on this database, so that whatever isn't held by `who` is held by nobody; `who`
    is then the name of this start of the process, not of the machine.
    """
    free = or_(_T.c.claimed_until.is_(None), _T.c.claimed_until <= now)
    if sole:
        free = or_(free, _T.c.claimed_by != who[:100])
    lost = select(_T).where(_T.c.platform == platform, _T.c.done_at.is_(None), free).order_by(_T.c.id).limit(limit)
    if is_postgres(session):
        lost = lost.with_for_update(skip_locked=True)
    found = [
        Item(row.id, row.platform, row.key, row.payload, row.kept, row.tries + 1, row.received_at)
        for row in session.execute(lost)
    ]
    if found:
        taken = update(_T).where(_T.c.id.in_([item.id for item in found]))
        values = {"tries": _T.c.tries + 1, "claimed_by": who[:100], "claimed_until": now + LEASE}
        session.execute(taken.values(values))
    return found


def renew(session: Session, now: dt.datetime, who: str, ids: Sequence[int]) -> None:
    """Hold payloads for another LEASE; those that somebody else took up meanwhile stay theirs."""
    mine = and_(_among(ids), _T.c.claimed_by == who[:100])
    session.execute(update(_T).where(mine).values(claimed_until=now + LEASE))


def release(session: Session, ids: Sequence[int]) -> None:
    """Let payloads go that are not answered yet: another process may take them up at once."""
    session.execute(update(_T).where(_among(ids)).values(claimed_by="", claimed_until=None))


def done(session: Session, now: dt.datetime, *item_ids: int) -> None:
    """People have these answers: nothing is left to do, and the payloads' words are not needed any longer."""
    over = {"done_at": now, "claimed_by": "", "claimed_until": None, "payload": "", "kept": None}
    session.execute(update(_T).where(_among(item_ids)).values(over))


def prune(session: Session, now: dt.datetime) -> int:
    """Forget what was answered longer than MEMORY ago; how many."""
    gone = session.execute(delete(_T).where(_T.c.done_at.is_not(None), _T.c.done_at < now - MEMORY))
    return _count(gone)


def keep(session: Session, item_id: int, answer: str) -> None:
    """Note in a write's own transaction that it took effect, with its answer. Raises AlreadyTaken when it did before.

    Of two transactions at once the second waits for the first, and is then refused: its work is rolled back with it.
    """
    first = and_(_T.c.id == item_id, _T.c.kept.is_(None), _T.c.done_at.is_(None))
    if _count(session.execute(update(_T).where(first).values(kept=answer))) != 1:
        raise AlreadyTaken


def kept(session: Session, item_id: int) -> str | None:
    """The answer that was kept; None while there is none."""
    found: str | None = session.execute(select(_T.c.kept).where(_T.c.id == item_id)).scalar_one_or_none()
    return found


def _among(ids: Sequence[int]) -> ColumnElement[bool]:
    return and_(_T.c.id.in_(list(ids)), _T.c.done_at.is_(None))


def _count(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
