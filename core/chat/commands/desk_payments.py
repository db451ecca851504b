"""/desk payments: what was handed over to be paid by hand, and what became of it; and a withdrawal's ledger entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from sqlmodel import col, select

from core.chat.cards import shown_name
from core.chat.commands.desk_queue import Waiting, waiting_line
from core.chat.commands.paging import MOST_PAGES, Pages
from core.chat.registry import Arg, Call, Reply, action, command
from core.clock import utc_day
from core.ledger import accounts, journal
from core.ledger.money import format_money
from core.ledger.tables import Account, Entry
from core.payouts import guard, transitions, views, withdrawals
from core.payouts.tables import Withdrawal
from core.payouts.words import desk_words

ADMIN = ("admin",)
ROWS = 5  # two buttons each
STEPS = ("request", "paid")
ENDS = ("rejected", "cancelled", "failed", "returned")


@dataclass(frozen=True, slots=True)
class ToPay:
    """A payment that an admin makes by hand. net: what the creator receives, micro-dollars."""

    line: Waiting
    net: int
    sent: str


@command("desk payments", "What is to be paid by hand: mark it paid or failed", roles=ADMIN, topic="desk")
def payments(call: Call, *, page: Annotated[int, Arg("Page", minimum=1, maximum=MOST_PAGES)] = 1) -> Reply:
    """Sent, not paid yet; the oldest first."""
    found = views.every(call.session, ("sent",))
    pages = Pages(page, len(found), "desk payments", {}, ROWS)
    lines = [
        ToPay(waiting_line(call, one), one.amount - one.fee, guard.clock_time(one.sent_at or call.now, call.now))
        for one in found[pages.first : pages.end]
    ]
    total = sum(one.amount - one.fee for one in found)
    return call.reply("desk_payments", lines=lines, pages=pages, count=len(found), total=total)


@action("payout.paid", roles=ADMIN)
def press_paid(
    call: Call,
    value: int,
    reference: Annotated[str, Arg("Trace, such as the transfer's number", max_length=200)] = "",
) -> Reply:
    """The money arrived."""
    one = withdrawals.mark_paid(call.session, call.config, call.now, call.actor, value, reference)
    return _marked(call, one)


@action("payout.failed", roles=ADMIN)
def press_failed(
    call: Call, value: int, reason: Annotated[str, Arg("Why; the creator reads it", min_length=1, max_length=500)]
) -> Reply:
    """It could not be paid: the money goes back to the creator's balance."""
    one = withdrawals.mark_failed(call.session, call.config, call.now, call.actor, value, reason)
    return _marked(call, one)


def _marked(call: Call, one: Withdrawal) -> Reply:
    return call.reply(
        "desk_marked",
        shown=guard.shown_id(one.id),
        id=one.id,
        state=one.state,
        words=desk_words(one.state),
        amount=one.amount,
        net=one.amount - one.fee,
        fee=one.fee,
        reference=one.reference,
        reason=one.reason,
    )


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One transfer of one entry, accounts by name. entry: L-<id>; when: UTC."""

    entry: str
    when: str
    step: str
    debit: str
    credit: str
    amount: str


@action("payout.ledger", roles=("approver", "admin"), writes=False)
def press_ledger(call: Call, value: int) -> Reply:
    """Every transfer that a withdrawal made, in order."""
    one = withdrawals.find(call.session, value)
    keys = [(step, transitions.entry_key(one, step)) for step in STEPS]
    keys += [(f"{step}, taken back", transitions.entry_key(one, f"{step}-{end}")) for step in STEPS for end in ENDS]
    entries = [(step, journal.find(call.session, key)) for step, key in keys]
    lines = [line for step, entry in entries if entry is not None for line in _lines(call, step, entry)]
    lines.sort(key=lambda line: int(line.entry.removeprefix("L-")))
    reserved = accounts.wallet(call.session, one.program, one.creator_id).reserved
    return call.reply(
        "desk_ledger",
        shown=guard.shown_id(one.id),
        words=desk_words(one.state),
        amount=one.amount,
        lines=lines,
        reserved=reserved,
    )


def _lines(call: Call, step: str, entry: Entry) -> list[LedgerLine]:
    moves = journal.moves_of(call.session, entry.id or 0)
    ids = {move.debit for move in moves} | {move.credit for move in moves}
    names = {
        account.id: shown_name(accounts.name(account.program, account.role, account.creator))
        for account in call.session.exec(select(Account).where(col(Account.id).in_(ids)))
    }
    day = utc_day(entry.effective_at)
    return [
        LedgerLine(
            entry=f"L-{entry.id}",
            when=f"{day.isoformat()} {guard.clock_time(entry.effective_at, entry.effective_at)}",
            step=step,
            debit=names[move.debit],
            credit=names[move.credit],
            amount=format_money(move.amount),
        )
        for move in moves
    ]
