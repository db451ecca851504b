"""The books beside the chat: newest entries with their transfers and the balances that each one left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from core.chat.cards import Json
from core.clock import iso
from core.ledger import accounts
from core.ledger.money import format_money
from core.ledger.tables import Account, Entry, Transfer

SHOWN_ENTRIES = 40
SHOWN_TRANSFERS = 8
_LONGEST_WALK = 20_000  # transfers; beyond it, balances after older entries are left out rather than read for seconds


def newest(session: Session, after: int = 0) -> dict[str, Json]:
    """The newest entries with an id above `after`, newest first, and whether the books balance."""
    order = select(Entry).where(col(Entry.id) > after).order_by(col(Entry.id).desc()).limit(SHOWN_ENTRIES)
    entries = list(session.exec(order))
    accounts_open, total = session.exec(select(func.count(), func.coalesce(func.sum(Account.balance), 0))).one()
    return {
        "entries": _drawn(session, entries, SHOWN_TRANSFERS),
        "accounts": int(accounts_open),
        "sum": format_money(int(total)),
        "balanced": int(total) == 0,
    }


def newest_id(session: Session) -> int:
    """The id of the newest entry; 0 when the books are empty."""
    return int(session.exec(select(func.max(Entry.id))).one() or 0)


def transfers_of(session: Session, entry_id: int, limit: int = 500) -> list[Json]:
    """An entry's transfers, without balances, for unfolding a long one."""
    rows = session.exec(
        select(Transfer).where(Transfer.entry_id == entry_id).order_by(col(Transfer.seq)).limit(limit)
    ).all()
    known = _accounts(session, {side for row in rows for side in (row.debit_id, row.credit_id)})
    return [_transfer(row, known, None) for row in rows]


def _drawn(session: Session, entries: Sequence[Entry], shown: int) -> list[Json]:
    if not entries:
        return []
    ids = [entry.id for entry in entries if entry.id is not None]
    rows = session.exec(
        select(Transfer)
        .where(col(Transfer.entry_id) >= min(ids))
        .order_by(col(Transfer.entry_id).desc(), col(Transfer.seq).desc())
        .limit(_LONGEST_WALK)
    ).all()
    known = _accounts(session, {side for row in rows for side in (row.debit_id, row.credit_id)})
    balances = {number: account.balance for number, account in known.items()}
    of_entry: dict[int, list[Json]] = defaultdict(list)
    moved: dict[int, int] = defaultdict(int)
    for row in rows:  # newest first: undoing each transfer gives the balances as they were after the one before it
        of_entry[row.entry_id].append(_transfer(row, known, balances))
        moved[row.entry_id] += row.amount
        balances[row.debit_id] += row.amount
        balances[row.credit_id] -= row.amount
    drawn: list[Json] = []
    for entry in entries:
        transfers = of_entry[entry.id or 0][::-1]
        drawn.append(_entry(entry) | _size(transfers, moved[entry.id or 0], shown))
    return drawn


def _size(transfers: list[Json], moved: int, shown: int) -> dict[str, Json]:
    # What stands last are the run's own transfers (costs, margin): the first ones tell more.
    return {"transfers": transfers[:shown], "count": len(transfers), "moved": format_money(moved)}


def _entry(entry: Entry) -> dict[str, Json]:
    return {
        "id": entry.id,
        "label": f"L-{entry.id}",
        "kind": entry.kind,
        "at": iso(entry.effective_at),
        "memo": entry.memo,
        "key": entry.key,
        "reverses": None if entry.reverses is None else f"L-{entry.reverses}",
    }


def _transfer(row: Transfer, known: dict[int, Account], balances: dict[int, int] | None) -> Json:
    return {
        "debit": _name(known[row.debit_id]),
        "credit": _name(known[row.credit_id]),
        "amount": format_money(row.amount),
        "debit_after": None if balances is None else format_money(balances[row.debit_id]),
        "credit_after": None if balances is None else format_money(balances[row.credit_id]),
    }


def _name(account: Account) -> str:
    return accounts.name(account.program, account.role, account.creator)


def _accounts(session: Session, ids: set[int]) -> dict[int, Account]:
    found: dict[int, Account] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        for account in session.exec(select(Account).where(col(Account.id).in_(part))):
            found[account.id or 0] = account
    return found
