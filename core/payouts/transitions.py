"""The moves of a withdrawal's life, each with its ledger entry, its audit line and its fact.

Callers hold the creator's lock and have checked that the move is allowed. Every entry's key is
`withdrawal:{program}:{creator}:{number}:{step}`; no database id goes into the ledger (domain.md, "Ledger", Seal).
"""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from core import audit
from core.clock import utc_day
from core.config import DeskConfig
from core.earnings.tables import Creator
from core.ledger import accounts, journal
from core.payouts.calendar import expected
from core.payouts.facts import WithdrawalChanged
from core.payouts.guard import id_of, shown_id
from core.payouts.tables import Withdrawal
from core.storage import publish

REQUEST = "withdrawal.request"  # kinds of ledger entries; what takes one back has its kind
PAID = "withdrawal.paid"


def entry_key(withdrawal: Withdrawal, step: str) -> str:
    """The idempotency key of one step's ledger entry."""
    return key_of(withdrawal.program, withdrawal.creator_id, withdrawal.number, step)


def key_of(program: str, creator_id: str, number: int, step: str) -> str:
    """The same, by what a withdrawal is known by in the ledger."""
    return f"withdrawal:{program}:{creator_id}:{number}:{step}"


def memo_of(withdrawal: Withdrawal, step: str) -> str:
    """What an entry says of itself: whose withdrawal, by the creator's own count, which is not the number in WD-8."""
    return memo_for(withdrawal.creator_id, withdrawal.number, step)


def memo_for(creator_id: str, number: int, step: str) -> str:
    """The same, without the withdrawal's row."""
    return f"{creator_id}'s withdrawal no. {number}: {step}"


def hold(session: Session, now: dt.datetime, withdrawal: Withdrawal) -> bool:
    """Move the amount available → reserved, if the balance covers it: check and move are one atomic step."""
    who = withdrawal.creator_id
    available = accounts.open_account(session, withdrawal.program, "available", who)
    reserved = accounts.open_account(session, withdrawal.program, "reserved", who)
    memo = memo_of(withdrawal, "requested")
    key = entry_key(withdrawal, "request")
    return journal.hold(session, available, reserved, withdrawal.amount, key, REQUEST, now, memo) is not None


def give_back(session: Session, now: dt.datetime, withdrawal: Withdrawal, state: str, by: str, reason: str) -> None:
    """End a withdrawal that was not paid: rejected, cancelled or failed. The whole amount goes back, once."""
    _undo(session, now, withdrawal, "request", state)
    withdrawal.state, withdrawal.ended_at, withdrawal.ended_by, withdrawal.reason = state, now, by, reason
    session.add(withdrawal)
    session.flush()
    audit.record(session, now, by, f"payout.{state}", shown_id(withdrawal.id), reason)


def _undo(session: Session, now: dt.datetime, withdrawal: Withdrawal, step: str, state: str) -> None:
    first = journal.find(session, entry_key(withdrawal, step))
    if first is None or first.id is None:
        raise ValueError(f"the ledger has no entry {entry_key(withdrawal, step)}")
    memo = memo_of(withdrawal, state)
    journal.reverse(session, first.id, entry_key(withdrawal, f"{step}-{state}"), now, memo)


def begin_sending(session: Session, now: dt.datetime, withdrawal: Withdrawal, by: str) -> None:
    """approved → sending: a rail is about to be called."""
    withdrawal.state = "sending"
    session.add(withdrawal)
    session.flush()
    audit.record(session, now, by, "payout.sending", shown_id(withdrawal.id), withdrawal.rail)
    publish(session, WithdrawalChanged(id_of(withdrawal), "sending", now))


def sent(
    session: Session, config: DeskConfig, now: dt.datetime, withdrawal: Withdrawal, by: str, reference: str
) -> None:
    """sending → sent: the rail took it. The expected dates count from today."""
    withdrawal.state, withdrawal.sent_at, withdrawal.reference = "sent", now, reference
    for method in config.methods:
        if method.name == withdrawal.method:
            country = session.get_one(Creator, withdrawal.creator_id).country
            dates = expected(config, withdrawal.program, method, country, utc_day(now))
            withdrawal.arrives_from, withdrawal.arrives_by = dates
    session.add(withdrawal)
    session.flush()
    audit.record(session, now, by, "payout.sent", shown_id(withdrawal.id), reference)
    publish(session, WithdrawalChanged(id_of(withdrawal), "sent", now))


def pay(session: Session, now: dt.datetime, withdrawal: Withdrawal, by: str, reference: str) -> None:
    """sent → paid: the net leaves reserved for the rail's account, the fee for the program's fees."""
    program = withdrawal.program
    reserved = accounts.open_account(session, program, "reserved", withdrawal.creator_id)
    rail = accounts.open_account(session, program, f"{accounts.RAIL}{withdrawal.rail}")
    moves = [journal.Move(reserved, rail, withdrawal.amount - withdrawal.fee)]
    if withdrawal.fee:
        moves.append(journal.Move(reserved, accounts.open_account(session, program, "fees"), withdrawal.fee))
    journal.post(session, entry_key(withdrawal, "paid"), PAID, now, moves, memo_of(withdrawal, "paid"))
    withdrawal.state, withdrawal.ended_at, withdrawal.ended_by = "paid", now, by
    withdrawal.reference = reference or withdrawal.reference
    session.add(withdrawal)
    session.flush()
    audit.record(session, now, by, "payout.paid", shown_id(withdrawal.id), reference)
    publish(session, WithdrawalChanged(id_of(withdrawal), "paid", now))


def fail(session: Session, now: dt.datetime, withdrawal: Withdrawal, by: str, reason: str) -> None:
    """sending or sent → failed: the rail did not pay; the whole amount is available again."""
    give_back(session, now, withdrawal, "failed", by, reason)
    publish(session, WithdrawalChanged(id_of(withdrawal), "failed", now))


def return_(session: Session, now: dt.datetime, withdrawal: Withdrawal, by: str, reason: str) -> None:
    """paid → returned: the money came back, fee included; both of its entries are taken back, once."""
    _undo(session, now, withdrawal, "paid", "returned")
    give_back(session, now, withdrawal, "returned", by, reason)
    publish(session, WithdrawalChanged(id_of(withdrawal), "returned", now))
