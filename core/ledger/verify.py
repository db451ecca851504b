"""Checks of the books: each its own function, each says what is wrong and where (domain.md, "Ledger").

Together they notice every change of a stored value up to the newest seal, and every reordering; a change of all that
hangs together, seals included, is noticed by whoever compares with a head from a digest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from core.ledger import accounts
from core.ledger.money import LARGEST, decimal_text
from core.ledger.seal import FIRST, digest, short
from core.ledger.tables import Account, Seal
from core.storage import table_of

MOST_SHOWN = 5
SHORTEST_PREFIX = 8

_account = table_of(Account)
_seal = table_of(Seal)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what, whether it is as it should be, and either what was counted or what is wrong where."""

    name: str
    ok: bool
    detail: str


def ledger_checks(session: Session, head: str | None = None) -> list[Check]:
    """Every check of the ledger; with `head`, also whether that head (from a digest) is in the chain of seals."""
    checks = [run(session, name, find) for name, find in CHECKS]
    if head is not None:
        checks.append(run(session, "head in the chain of seals", lambda session: _head(session, head)))
    return checks


Finding = Callable[[Session], tuple[list[str], str]]


def run(session: Session, name: str, find: Finding) -> Check:
    """One check. `find` gives what is wrong, empty when nothing is, and what was counted.

    A value so broken that it can't be read is a finding, not a crash.
    """
    try:
        wrong, counted = find(session)
    except (SQLAlchemyError, ValueError, TypeError, ArithmeticError) as error:
        return Check(name, False, f"can't be read: {error}".splitlines()[0])
    if not wrong:
        return Check(name, True, counted)
    more = "; and more" if len(wrong) > MOST_SHOWN else ""
    return Check(name, False, "; ".join(wrong[:MOST_SHOWN]) + more)


def _names(session: Session) -> tuple[list[str], str]:
    """Each account has the number that follows from its name, and a name that the desk would give."""
    wrong: list[str] = []
    count = 0
    columns = (_account.c.id, _account.c.program, _account.c.role, _account.c.creator)
    for number, program, role, creator in session.execute(select(*columns), execution_options={"yield_per": 10_000}):
        count += 1
        problem = accounts.problem_of(program, role, creator)
        if problem:
            wrong.append(f"account {number} {accounts.name(program, role, creator)!r}: {problem}")
        elif accounts.account_id(program, role, creator) != number:
            wrong.append(f"account {number} is not the number of {accounts.name(program, role, creator)!r}")
    return wrong, f"{count} accounts"


def _references(session: Session) -> tuple[list[str], str]:
    """Nothing points at an account or entry that isn't there."""
    wrong = [f"transfer {row.entry_id}/{row.seq}: no entry {row.entry_id}" for row in _rows(session, _NO_ENTRY)]
    wrong += [f"transfer {row.entry_id}/{row.seq}: no account {row.account_id}" for row in _rows(session, _NO_ACCOUNT)]
    wrong += [f"entry {row.id} takes back entry {row.reverses}, which is not there" for row in _rows(session, _NO_BACK)]
    wrong += [f"seal {row.number}: no entry {row.last_entry_id}" for row in _rows(session, _NO_SEALED)]
    return wrong, "nothing dangles"


def _entries(session: Session) -> tuple[list[str], str]:
    """Each entry has transfers, numbered 1, 2, … without a gap."""
    wrong = [f"entry {row.id} has no transfers" for row in _rows(session, _EMPTY)]
    wrong += [
        f"entry {row.entry_id}: transfers are numbered {row.lowest} to {row.highest}, {row.many} of them"
        for row in _rows(session, _GAPS)
    ]
    return wrong, f"{_count(session, 'entry')} entries, {_count(session, 'transfer')} transfers"


def _amounts(session: Session) -> tuple[list[str], str]:
    """Each transfer moves a whole amount above zero between two accounts."""
    wrong = [f"transfer {row.entry_id}/{row.seq}: amount {row.amount!r}" for row in _rows(session, _BAD_AMOUNTS)]
    return wrong, "every amount is above zero"


def _reversals(session: Session) -> tuple[list[str], str]:
    """An entry that takes another back moves the same amounts the other way, and none is taken back twice."""
    wrong = [f"entry {row.id} doesn't mirror entry {row.reverses}" for row in _rows(session, _NOT_MIRRORED)]
    wrong += [f"entry {row.reverses} is taken back {row.many} times" for row in _rows(session, _TWICE)]
    return wrong, f"{_count(session, 'entry WHERE reverses IS NOT NULL')} entries taken back"


def _balances(session: Session) -> tuple[list[str], str]:
    """Each stored balance is the sum of its account's transfers."""
    wrong = [f"{_name(row)}: balance {row.balance!r}" for row in _rows(session, _UNBOUNDED)]
    for number, surplus in session.execute(text(_UNEQUAL)).all():
        columns = (_account.c.program, _account.c.role, _account.c.creator, _account.c.balance)
        row = session.execute(select(*columns).where(_account.c.id == number)).first()
        if row is not None:  # else: a transfer's account is missing, which is another check's finding
            wrong.append(f"{_name(row)}: balance {_money(row.balance)}, transfers say {_money(row.balance - surplus)}")
    return wrong, "every balance equals its transfers"


def _zero(session: Session) -> tuple[list[str], str]:
    """All balances sum to zero."""
    total = session.execute(text("SELECT coalesce(sum(balance), 0) FROM account")).scalar_one()
    return ([] if total == 0 else [f"all balances sum to {_money(total)}"]), "all balances sum to zero"


def _seals(session: Session) -> tuple[list[str], str]:
    """Each seal is the hash of the entries since the one before it."""
    previous, after, number = FIRST, 0, 0
    for seal in session.execute(select(_seal).order_by(_seal.c.number)).all():
        if seal.number != number + 1:
            return [f"seal {number + 1} is missing: after {number} comes {seal.number}"], ""
        if seal.last_entry_id <= after:
            return [f"seal {seal.number} ends at entry {seal.last_entry_id}, before the seal ahead of it"], ""
        expected = digest(session, seal.number, previous, after, seal.last_entry_id)
        if seal.head != expected:
            where = f"entries {after + 1} to {seal.last_entry_id}"
            return [
                f"seal {seal.number} ({where}) is {seal.head}, but the books give {expected}: something in them changed"
            ], ""
        previous, after, number = seal.head, seal.last_entry_id, seal.number
    unsealed = _count(session, f"entry WHERE id > {after}")
    return [], f"{number} seals" + (f", head {previous}" if number else "") + f", {unsealed} entries not sealed"


CHECKS: Sequence[tuple[str, Finding]] = (
    ("accounts", _names),
    ("references", _references),
    ("entries", _entries),
    ("amounts", _amounts),
    ("reversals", _reversals),
    ("balances", _balances),
    ("zero sum", _zero),
    ("seals", _seals),
)


def _head(session: Session, wanted: str) -> tuple[list[str], str]:
    """A head that someone kept is in the chain; if not, the books were changed or their newest rows are gone."""
    pattern = re.fullmatch(r"([0-9a-f]{4,64})(?:(?:…|\.{2,3})([0-9a-f]{2,60}))?", wanted.strip().lower())
    if pattern is None or (pattern[2] is None and len(pattern[1]) < SHORTEST_PREFIX):
        return [f"{wanted!r} is no head: give all 64 hex digits, the first {SHORTEST_PREFIX} or more, or 3f9a…c2"], ""
    seals = session.execute(select(_seal.c.number, _seal.c.head, _seal.c.last_entry_id).order_by(_seal.c.number)).all()
    found = [seal for seal in seals if seal.head.startswith(pattern[1]) and seal.head.endswith(pattern[2] or "")]
    if not found:
        newest = f"the newest of {len(seals)} seals is {short(seals[-1].head)}" if seals else "there are no seals"
        return [f"{wanted} is not in the chain ({newest}): the books were changed, or their newest rows deleted"], ""
    if len(found) > 1:
        return [f"{wanted} fits {len(found)} seals: give more digits"], ""
    return [], f"{short(found[0].head)} is seal {found[0].number} of {len(seals)}, up to entry {found[0].last_entry_id}"


def _rows(session: Session, statement: str) -> Sequence[Row[*tuple[Any, ...]]]:
    return session.execute(text(statement)).all()


def _count(session: Session, what: str) -> int:
    return int(session.execute(text(f"SELECT count(*) FROM {what}")).scalar_one())


def _name(row: Row[*tuple[Any, ...]]) -> str:
    return accounts.name(row.program, row.role, row.creator)


def _money(micros: object) -> str:
    """Sums come back as Decimal from PostgreSQL; a broken value is shown as it is."""
    return decimal_text(int(micros)) if isinstance(micros, int | Decimal) else repr(micros)


_NO_ENTRY = (
    "SELECT t.entry_id, t.seq FROM transfer t LEFT JOIN entry e ON e.id = t.entry_id WHERE e.id IS NULL "
    "ORDER BY t.entry_id, t.seq LIMIT 6"
)
_NO_ACCOUNT = (
    "SELECT t.entry_id, t.seq, CASE WHEN d.id IS NULL THEN t.debit_id ELSE t.credit_id END AS account_id "
    "FROM transfer t LEFT JOIN account d ON d.id = t.debit_id LEFT JOIN account c ON c.id = t.credit_id "
    "WHERE d.id IS NULL OR c.id IS NULL ORDER BY t.entry_id, t.seq LIMIT 6"
)
_NO_BACK = (
    "SELECT e.id, e.reverses FROM entry e LEFT JOIN entry r ON r.id = e.reverses "
    "WHERE e.reverses IS NOT NULL AND (r.id IS NULL OR r.id >= e.id) ORDER BY e.id LIMIT 6"
)
_NO_SEALED = (
    "SELECT s.number, s.last_entry_id FROM seal s LEFT JOIN entry e ON e.id = s.last_entry_id WHERE e.id IS NULL "
    "ORDER BY s.number LIMIT 6"
)
_EMPTY = (
    "SELECT e.id FROM entry e WHERE NOT EXISTS (SELECT 1 FROM transfer t WHERE t.entry_id = e.id) ORDER BY e.id LIMIT 6"
)
_GAPS = (
    "SELECT entry_id, min(seq) AS lowest, max(seq) AS highest, count(*) AS many FROM transfer GROUP BY entry_id "
    "HAVING min(seq) <> 1 OR max(seq) <> count(*) ORDER BY entry_id LIMIT 6"
)
_BAD_AMOUNTS = (
    "SELECT entry_id, seq, amount FROM transfer WHERE NOT amount > 0 OR debit_id = credit_id "
    "ORDER BY entry_id, seq LIMIT 6"
)
_NOT_MIRRORED = (
    "SELECT e.id, e.reverses FROM entry e WHERE e.reverses IS NOT NULL AND ("
    "EXISTS (SELECT seq, debit_id, credit_id, amount FROM transfer WHERE entry_id = e.id "
    "EXCEPT SELECT seq, credit_id, debit_id, amount FROM transfer WHERE entry_id = e.reverses) "
    "OR EXISTS (SELECT seq, credit_id, debit_id, amount FROM transfer WHERE entry_id = e.reverses "
    "EXCEPT SELECT seq, debit_id, credit_id, amount FROM transfer WHERE entry_id = e.id)) ORDER BY e.id LIMIT 6"
)
_TWICE = (
    "SELECT reverses, count(*) AS many FROM entry WHERE reverses IS NOT NULL GROUP BY reverses HAVING count(*) > 1 "
    "ORDER BY reverses LIMIT 6"
)
# SQLite keeps text where a number should be, and counts it as nothing.
_UNBOUNDED = (
    "SELECT program, role, creator, balance FROM account "
    f"WHERE NOT balance BETWEEN -{LARGEST} AND {LARGEST} ORDER BY id LIMIT 6"
)
# One pass over everything instead of a join of sums: without statistics, a planner may join in a very slow way.
_UNEQUAL = (
    "SELECT id, sum(change) AS surplus FROM (SELECT id, balance AS change FROM account "
    "UNION ALL SELECT credit_id, -amount FROM transfer UNION ALL SELECT debit_id, amount FROM transfer"
    ") AS sides GROUP BY id HAVING sum(change) <> 0 ORDER BY id LIMIT 6"
)
