"""The journal: entries and their transfers, written once and never changed (domain.md, "Ledger").

Whoever posts writes the entry before any balance, and balances in ascending account id: so posters never wait for each
other in a circle. `open_entry` shuts out other posters until its transaction ends; open accounts before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, literal, or_, select, text
from sqlmodel import Session

from core.errors import DeskError, InvalidInput
from core.ledger.money import LARGEST
from core.ledger.tables import Entry, Transfer
from core.storage import is_postgres, table_of, upsert

LONGEST_KEY = 400
LONGEST_KIND = 40
LONGEST_MEMO = 600

_entry = table_of(Entry)
_transfer = table_of(Transfer)


class IdempotencyConflict(DeskError):
    """Nothing changed. The ledger already holds an entry '{key}' with other content."""


class AlreadyReversed(DeskError):
    """Nothing changed. Ledger entry {entry_id} was already taken back, by '{key}'."""


class NoSuchEntry(DeskError):
    """Nothing changed. The ledger has no entry {entry_id}."""


class UnfitEntry(InvalidInput):
    """Nothing changed. The ledger can't take the entry '{key}': {problem}."""


@dataclass(frozen=True, slots=True)
class Hold:
    """An entry of one transfer that `hold_all` writes, if the debit account's balance covers it."""

    key: str
    debit: int
    credit: int
    amount: int
    memo: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """One amount > 0 (micro-dollars) out of the debit account into the credit account, by account id."""

    debit: int
    credit: int
    amount: int


def post(
    session: Session,
    key: str,
    kind: str,
    effective_at: dt.datetime,
    moves: Sequence[Move],
    memo: str = "",
    reverses: int | None = None,
) -> Entry:
    """Write one entry and move its amounts. The same key and content again returns the first entry and moves nothing.

    effective_at is business time, aware. Raises IdempotencyConflict (same key, other content), AlreadyReversed,
    UnfitEntry.
    """
    _check_moves(key, moves)
    draft = _draft(key, kind, effective_at, memo, reverses)
    entry_id = _insert_entry(session, draft)
    if entry_id is None:
        return _first(session, draft, moves)
    rows = [
        {"entry_id": entry_id, "seq": seq, "debit_id": move.debit, "credit_id": move.credit, "amount": move.amount}
        for seq, move in enumerate(moves, 1)
    ]
    session.execute(insert(_transfer), rows)
    _add_to_balances(session, moves)
    draft.id = entry_id
    return draft


def reverse(session: Session, entry_id: int, key: str, effective_at: dt.datetime, memo: str = "") -> Entry:
    """Take an entry back with a new one that moves every amount the other way; an entry can be taken back once.

    Raises NoSuchEntry, AlreadyReversed (names who did), IdempotencyConflict.
    """
    kind = session.execute(select(_entry.c.kind).where(_entry.c.id == entry_id)).scalar_one_or_none()
    if kind is None:
        raise NoSuchEntry(entry_id=entry_id)
    back = [Move(debit=move.credit, credit=move.debit, amount=move.amount) for move in moves_of(session, entry_id)]
    return post(session, key, kind, effective_at, back, memo, reverses=entry_id)


def hold(
    session: Session,
    debit_account: int,
    credit_account: int,
    amount: int,
    key: str,
    kind: str,
    effective_at: dt.datetime,
    memo: str = "",
) -> Entry | None:
    """Move an amount only if the debit account's balance covers it; None when it doesn't, and nothing has changed.

    The check and the move are one atomic step: of any number at once, exactly those that the balance covers succeed.
    The same key and content again returns the first entry. Raises IdempotencyConflict, UnfitEntry.
    """
    move = Move(debit_account, credit_account, amount)
    _check_moves(key, [move])
    draft = _draft(key, kind, effective_at, memo, None)
    held = _hold_postgres if is_postgres(session) else _hold_sqlite
    entry_id = held(session, draft, move)
    if entry_id is not None:
        draft.id = entry_id
        return draft
    if find(session, key) is None:
        return None
    return _first(session, draft, [move])


def hold_all(session: Session, kind: str, effective_at: dt.datetime, holds: Sequence[Hold]) -> None:
    """Write an entry for each, in this order, in a few statements however many there are; keys are all new.

    For a caller who has seen to it that nobody else moves these accounts meanwhile: all are held or, with ValueError
    (and the database's IntegrityError for a key that is taken), the transaction must not commit. No one else can post
    until it ends. Raises UnfitEntry.
    """
    if not holds:
        return
    shut_out_posters(session)
    for one in holds:
        _check_moves(one.key, [Move(one.debit, one.credit, one.amount)])
        _check_words(one.key, kind, one.memo)
    said = {"kind": kind, "effective_at": effective_at, "reverses": None}
    entries = [{"key": one.key, "memo": one.memo, **said} for one in holds]
    ordered = insert(_entry).returning(_entry.c.id, sort_by_parameter_order=True)
    ids = list(session.execute(ordered, entries).scalars())
    transfers = [
        {"entry_id": number, "seq": 1, "debit_id": one.debit, "credit_id": one.credit, "amount": one.amount}
        for number, one in zip(ids, holds, strict=True)
    ]
    session.connection().execute(insert(_transfer), transfers)
    written = {"first": ids[0], "last": ids[-1]}
    session.execute(_ADD_ENTRIES, written)
    if session.execute(_OVERDRAWN, written).first() is not None:
        raise ValueError(f"{len(holds)} entries of {kind}: a balance does not cover what is held of it")


def open_entry(session: Session, key: str, kind: str, effective_at: dt.datetime, memo: str = "") -> int:
    """Begin an entry whose transfers `post_select` writes; the id of it. No one else can post until the transaction
    ends, so that a seal misses nothing. Raises IdempotencyConflict when the key is taken, UnfitEntry.
    """
    shut_out_posters(session)
    entry_id = _insert_entry(session, _draft(key, kind, effective_at, memo, None))
    if entry_id is None:
        raise IdempotencyConflict(key=key)
    return entry_id


def post_select(session: Session, entry_id: int, rows: Select[*tuple[Any, ...]]) -> int:
    """Write transfers into an entry of `open_entry` from a SELECT of (seq, debit account id, credit account id,
    amount), and bring the balances along: set-based, however many transfers there are. The number of transfers.

    seq counts on from the entry's last one (1, 2, …); ValueError if not. No rows: nothing happens; but an entry must
    get some in the end.
    """
    before = _last_seq(session, entry_id)
    source = rows.add_columns(literal(entry_id, _transfer.c.entry_id.type))
    written = session.execute(
        insert(_transfer).from_select(["seq", "debit_id", "credit_id", "amount", "entry_id"], source),
        execution_options={"preserve_rowcount": True},
    )
    count: int = written.rowcount  # type: ignore[attr-defined]
    if _last_seq(session, entry_id) != before + count:
        raise ValueError(f"entry {entry_id}: transfers must be numbered on from {before}")
    session.execute(_ADD_TRANSFERS, {"entry_id": entry_id, "before": before})
    return count


def post_moves(session: Session, entry_id: int, moves: Sequence[Move]) -> None:
    """Write many transfers into an entry of `open_entry`, in this order, in a few statements. Raises UnfitEntry."""
    _check_moves(f"L-{entry_id}", moves)
    before = _last_seq(session, entry_id)
    rows = [
        {"entry_id": entry_id, "seq": seq, "debit_id": move.debit, "credit_id": move.credit, "amount": move.amount}
        for seq, move in enumerate(moves, before + 1)
    ]
    session.connection().execute(insert(_transfer), rows)
    session.execute(_ADD_TRANSFERS, {"entry_id": entry_id, "before": before})


def shut_out_posters(session: Session) -> None:
    """Wait for everyone who is posting and let no one else post until this transaction ends.

    Entries are numbered as they are written, not as they are committed: without this, a seal could pass over one that
    commits late. Reading goes on. SQLite has one writer at a time anyway.
    """
    if is_postgres(session):
        session.execute(text("LOCK TABLE entry IN SHARE ROW EXCLUSIVE MODE"))


def find(session: Session, key: str) -> Entry | None:
    """The entry with this idempotency key, if there is one."""
    row = session.execute(select(_entry).where(_entry.c.key == key)).mappings().first()
    return None if row is None else Entry(**row)


def moves_of(session: Session, entry_id: int) -> list[Move]:
    """An entry's transfers, in order."""
    columns = (_transfer.c.debit_id, _transfer.c.credit_id, _transfer.c.amount)
    rows = session.execute(select(*columns).where(_transfer.c.entry_id == entry_id).order_by(_transfer.c.seq))
    return [Move(*row) for row in rows]


def _last_seq(session: Session, entry_id: int) -> int:
    statement = select(func.coalesce(func.max(_transfer.c.seq), 0)).where(_transfer.c.entry_id == entry_id)
    return int(session.execute(statement).scalar_one())


def _check_words(key: str, kind: str, memo: str) -> None:
    for what, value, longest in (("key", key, LONGEST_KEY), ("kind", kind, LONGEST_KIND), ("memo", memo, LONGEST_MEMO)):
        if len(value) > longest or "\0" in value or (not value and what != "memo"):
            raise UnfitEntry(key=key, problem=f"its {what} is empty, longer than {longest} characters or holds a NUL")


def _draft(key: str, kind: str, effective_at: dt.datetime, memo: str, reverses: int | None) -> Entry:
    _check_words(key, kind, memo)
    if effective_at.tzinfo is None:
        raise ValueError("naive datetime")
    at = effective_at.astimezone(dt.UTC)
    return Entry(key=key, kind=kind, effective_at=at, memo=memo, reverses=reverses)


def _check_moves(key: str, moves: Sequence[Move]) -> None:
    if not moves:
        raise UnfitEntry(key=key, problem="it moves nothing")
    for move in moves:
        if not 0 < move.amount <= LARGEST:
            raise UnfitEntry(key=key, problem=f"{move.amount} is no amount that can be moved")
        if move.debit == move.credit:
            raise UnfitEntry(key=key, problem="an account can't pay itself")


def _insert_entry(session: Session, draft: Entry) -> int | None:
    """The new entry's id; None when its key, or the entry it reverses, is taken."""
    taken = _entry.c.key == draft.key
    if draft.reverses is not None:
        taken = or_(taken, _entry.c.reverses == draft.reverses)
    values = {"key": draft.key, "kind": draft.kind, "effective_at": draft.effective_at, "memo": draft.memo}
    row = [literal(value, _entry.c[column].type) for column, value in values.items()]
    row.append(literal(draft.reverses, _entry.c.reverses.type))
    # WHERE NOT EXISTS: on SQLite the append-only trigger would fire before ON CONFLICT gets its say.
    source = select(*row).where(~select(_entry.c.id).where(taken).exists())
    statement = upsert(session, Entry).from_select([*values, "reverses"], source).on_conflict_do_nothing()
    number: int | None = session.execute(statement.returning(_entry.c.id)).scalar_one_or_none()
    return number


def _first(session: Session, draft: Entry, moves: Sequence[Move]) -> Entry:
    """The entry that is there already, if it says the same as the draft."""
    entry = find(session, draft.key)
    if entry is None or entry.id is None:
        other = session.execute(select(_entry.c.key).where(_entry.c.reverses == draft.reverses)).scalar_one()
        raise AlreadyReversed(entry_id=draft.reverses, key=other)
    same = (entry.kind, entry.effective_at, entry.memo, entry.reverses) == (
        draft.kind,
        draft.effective_at,
        draft.memo,
        draft.reverses,
    )
    if not same or moves_of(session, entry.id) != list(moves):
        raise IdempotencyConflict(key=draft.key)
    return entry


def _add_to_balances(session: Session, moves: Sequence[Move]) -> None:
    changes: dict[int, int] = {}
    for move in moves:
        changes[move.debit] = changes.get(move.debit, 0) - move.amount
        changes[move.credit] = changes.get(move.credit, 0) + move.amount
    rows = [{"id": number, "change": change} for number, change in sorted(changes.items()) if change]
    if rows:
        session.connection().execute(_ADD, rows)


_ADD = text("UPDATE account SET balance = balance + :change WHERE id = :id")

_ADD_TRANSFERS = text(
    "UPDATE account SET balance = balance + delta.change FROM ("
    "SELECT id, CAST(sum(change) AS BIGINT) AS change FROM ("
    "SELECT credit_id AS id, amount AS change FROM transfer WHERE entry_id = :entry_id AND seq > :before "
    "UNION ALL SELECT debit_id, -amount FROM transfer WHERE entry_id = :entry_id AND seq > :before"
    ") AS sides GROUP BY id) AS delta WHERE account.id = delta.id"
)

_ADD_ENTRIES = text(
    "UPDATE account SET balance = balance + delta.change FROM ("
    "SELECT id, CAST(sum(change) AS BIGINT) AS change FROM ("
    "SELECT credit_id AS id, amount AS change FROM transfer WHERE entry_id BETWEEN :first AND :last "
    "UNION ALL SELECT debit_id, -amount FROM transfer WHERE entry_id BETWEEN :first AND :last"
    ") AS sides GROUP BY id) AS delta WHERE account.id = delta.id"
)
_OVERDRAWN = text(
    "SELECT id FROM account WHERE balance < 0 AND id IN "
    "(SELECT debit_id FROM transfer WHERE entry_id BETWEEN :first AND :last) LIMIT 1"
)


def _hold_sqlite(session: Session, draft: Entry, move: Move) -> int | None:
    """One writer at a time, so nobody comes between these statements."""
    if find(session, draft.key) is not None:
        return None
    taken = session.execute(_TAKE, {"id": move.debit, "amount": move.amount}).first()
    if taken is None:
        return None
    entry_id = _insert_entry(session, draft)
    row = {"entry_id": entry_id, "seq": 1, "debit_id": move.debit, "credit_id": move.credit, "amount": move.amount}
    session.execute(insert(_transfer), row)
    session.execute(_ADD, {"id": move.credit, "change": move.amount})
    return entry_id


_TAKE = text("UPDATE account SET balance = balance - :amount WHERE id = :id AND balance >= :amount RETURNING id")


def _hold_postgres(session: Session, draft: Entry, move: Move) -> int | None:
    """Both rows are locked in id order; then one statement reads and moves them, and writes what hangs on that.

    Statements apart, because the second must see the rows as they were locked: one that locks and updates begins its
    update at the versions before, where others wait for it in a queue that it would join (a deadlock).
    """
    facts = {
        "debit": move.debit,
        "credit": move.credit,
        "amount": move.amount,
        "key": draft.key,
        "kind": draft.kind,
        "effective_at": draft.effective_at,
        "memo": draft.memo,
    }
    session.execute(_LOCK_ENTRIES)
    session.execute(_LOCK_BOTH, {"debit": move.debit, "credit": move.credit})
    number: int | None = session.execute(_HOLD, facts).scalar_one_or_none()
    return number


# As every poster: the entry's table first, then balances. Settlement keeps others out of the one, then waits for these.
_LOCK_ENTRIES = text("LOCK TABLE entry IN ROW EXCLUSIVE MODE")

# NO KEY UPDATE: what it locks may be pointed at meanwhile, by foreign keys of others who are about to post.
_LOCK_BOTH = text("SELECT id FROM account WHERE id IN (:debit, :credit) ORDER BY id FOR NO KEY UPDATE")

_HOLD = text(
    "WITH covered AS MATERIALIZED ("
    "SELECT 1 AS yes FROM account WHERE id IN (:debit, :credit) "
    "HAVING bool_or(id = :debit AND balance >= :amount) AND count(*) = 2"
    "), posted AS ("
    "INSERT INTO entry (key, kind, effective_at, memo) SELECT :key, :kind, :effective_at, :memo FROM covered "
    "ON CONFLICT DO NOTHING RETURNING id"
    "), moved AS ("
    "UPDATE account SET balance = balance + CASE WHEN account.id = :debit THEN -:amount ELSE :amount END "
    "FROM posted WHERE account.id IN (:debit, :credit)"
    "), written AS ("
    "INSERT INTO transfer (entry_id, seq, debit_id, credit_id, amount) "
    "SELECT id, 1, :debit, :credit, :amount FROM posted"
    ") SELECT id FROM posted"
).bindparams(
    bindparam("debit", type_=_transfer.c.debit_id.type),
    bindparam("credit", type_=_transfer.c.credit_id.type),
    bindparam("amount", type_=_transfer.c.amount.type),
    *(bindparam(name, type_=_entry.c[name].type) for name in ("key", "kind", "effective_at", "memo")),
)
