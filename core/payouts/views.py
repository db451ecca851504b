"""A withdrawal as plain data for its card. Amounts in micro-dollars; nothing here changes anything."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from core.config import DeskConfig
from core.earnings.tables import Creator
from core.ledger import accounts
from core.payouts import freezes, methods
from core.payouts.approvals import Said, decisions
from core.payouts.guard import id_of, shown_id
from core.payouts.lists import adjustments_total, count_of_creator, every, history, open_of, processing, withdrawn
from core.payouts.tables import OPEN_STATES, Withdrawal
from core.payouts.words import desk_words, status_word

__all__ = [
    "ApprovalView",
    "adjustments_total",
    "approval_view",
    "count_of_creator",
    "every",
    "history",
    "open_of",
    "processing",
    "withdrawn",
]

_PAID_OUT = ("sent", "paid")


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """Everything an approval card says. approvals counts approvals alone; `decisions` holds rejections too.

    nth_payout: 1 for the creator's first money out, counting what was sent or paid before. destination_since: when the
    destination was chosen, None where there is none. balance_covers: reserved holds the amount and available is not
    negative; negative_balance is that negative amount, else None, and negative_pending the same of `pending`.
    frozen: why, empty when the creator is not.
    """

    withdrawal_id: int
    shown: str
    program: str
    amount: int
    fee: int
    net: int
    creator_id: str
    creator_name: str
    creator_country: str
    method: str
    method_title: str
    destination: str
    destination_since: dt.datetime | None
    nth_payout: int
    state: str
    state_words: str
    status: str
    decisions: tuple[Said, ...]
    approvals: int
    needed: int
    balance_covers: bool
    negative_balance: int | None
    negative_pending: int | None
    frozen: str
    requested_at: dt.datetime
    approved_at: dt.datetime | None
    sent_at: dt.datetime | None
    ended_at: dt.datetime | None
    ended_by: str
    arrives_from: dt.date | None
    arrives_by: dt.date | None
    reason: str
    reference: str


def approval_view(session: Session, config: DeskConfig, now: dt.datetime, withdrawal: Withdrawal) -> ApprovalView:  # noqa: ARG001 - readings are handed a time like changes
    """A withdrawal's card as it reads now."""
    creator = session.get_one(Creator, withdrawal.creator_id)
    wallet = accounts.wallet(session, withdrawal.program, withdrawal.creator_id)
    said = decisions(session, id_of(withdrawal))
    held = freezes.active(session, withdrawal.creator_id)
    titles = {method.name: method.title or method.name for method in config.methods}
    still_open = withdrawal.state in OPEN_STATES
    return ApprovalView(
        withdrawal_id=id_of(withdrawal),
        shown=shown_id(withdrawal.id),
        program=withdrawal.program,
        amount=withdrawal.amount,
        fee=withdrawal.fee,
        net=withdrawal.amount - withdrawal.fee,
        creator_id=creator.creator_id,
        creator_name=creator.name,
        creator_country=creator.country,
        method=withdrawal.method,
        method_title=titles.get(withdrawal.method, withdrawal.method),
        destination=withdrawal.destination,
        destination_since=_chosen_at(session, withdrawal),
        nth_payout=_nth(session, withdrawal),
        state=withdrawal.state,
        state_words=desk_words(withdrawal.state, withdrawal.rail),
        status=status_word(withdrawal.state),
        decisions=tuple(said),
        approvals=sum(one.verdict == "approve" for one in said),
        needed=withdrawal.approvals_needed,
        balance_covers=not still_open or (wallet.reserved >= withdrawal.amount and wallet.available >= 0),
        negative_balance=wallet.available if wallet.available < 0 else None,
        negative_pending=wallet.pending if wallet.pending < 0 else None,
        frozen=held.reason if held is not None else "",
        requested_at=withdrawal.requested_at,
        approved_at=withdrawal.approved_at,
        sent_at=withdrawal.sent_at,
        ended_at=withdrawal.ended_at,
        ended_by=withdrawal.ended_by,
        arrives_from=withdrawal.arrives_from,
        arrives_by=withdrawal.arrives_by,
        reason=withdrawal.reason,
        reference=withdrawal.reference,
    )


def _chosen_at(session: Session, withdrawal: Withdrawal) -> dt.datetime | None:
    chosen = methods.choice(session, withdrawal.creator_id, withdrawal.program)
    if chosen is None or (chosen.method, chosen.destination) != (withdrawal.method, withdrawal.destination):
        return None
    return chosen.chosen_at


def _nth(session: Session, withdrawal: Withdrawal) -> int:
    before = select(func.count()).where(
        col(Withdrawal.creator_id) == withdrawal.creator_id,
        col(Withdrawal.id) < id_of(withdrawal),
        col(Withdrawal.state).in_(_PAID_OUT),
    )
    return session.exec(before).one() + 1
