"""Asking for money and following it: preview, confirm, cancel, and what admins say of what was sent.

The rule book is domain.md, "Withdrawals". Amounts are micro-dollars; a withdrawal is in whole cents.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, delete, select

from core import audit
from core.clock import utc_day
from core.config import DeskConfig
from core.earnings.tables import Creator
from core.errors import DeskError
from core.ledger import accounts
from core.ledger.money import CENT, format_money
from core.payouts import freezes, limits, methods, refusals, transitions
from core.payouts.calendar import expected
from core.payouts.facts import WithdrawalChanged, WithdrawalRequested
from core.payouts.guard import (
    checked_reason,
    clean,
    clock_time,
    id_of,
    lock_creator,
    lock_withdrawal,
    moment,
    name_of,
    pick_program,
    require,
    shown_id,
)
from core.payouts.lists import history, open_of, processing, withdrawn
from core.payouts.tables import Attempt, Draft, Withdrawal
from core.payouts.words import status_word
from core.people import Actor, last_further_link_at
from core.storage import publish

__all__ = [
    "Preview",
    "cancel",
    "confirm",
    "discard",
    "find",
    "find_own",
    "history",
    "mark_failed",
    "mark_paid",
    "mark_returned",
    "open_of",
    "preview",
    "processing",
    "withdrawn",
]

DRAFT_LIFE = dt.timedelta(minutes=15)
DRAFT_MEMORY = dt.timedelta(days=7)  # for so long a second press is told what became of the first
MOST_REFERENCE = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen if the creator pressed *Request* now; nothing has moved. Amounts in micro-dollars."""

    draft: str
    expires_at: dt.datetime
    program: str
    amount: int
    fee: int
    net: int
    minimum: int
    balance: int
    balance_after: int
    method: str
    method_title: str
    arrives_from: dt.date
    arrives_by: dt.date
    approvals_needed: int


@dataclass(frozen=True, slots=True)
class _Quote:
    """A request that passes every rule as things stand now."""

    amount: int
    minimum: int
    balance: int
    offer: methods.Offer
    arrives: tuple[dt.date, dt.date]

    @property
    def fee(self) -> int:
        return self.offer.method.fee_micros


def _creator_id(actor: Actor) -> str:
    if actor.creator_id is None:
        raise refusals.NotACreator
    return actor.creator_id


def _quote(
    session: Session,
    config: DeskConfig,
    now: dt.datetime,
    actor: Actor,
    creator: Creator,
    program: str,
    amount: int | None,
    wanted: str | None,
) -> _Quote:
    """Put a request to every rule. amount None is the whole balance, cut down to whole cents."""
    _may_request(session, config, now, actor, creator.creator_id, program)
    balance = accounts.wallet(session, program, creator.creator_id).available
    if balance < 0:
        raise refusals.NegativeBalance(balance=format_money(balance))
    offer = methods.pick(methods.offers(session, config, creator, program), wanted, creator.country)
    terms = config.programs[program].terms_on(utc_day(now))
    minimum = max(terms.minimum_micros, offer.method.minimum_micros, CENT)
    asked = balance // CENT * CENT if amount is None else amount
    _check_amount(asked, minimum, balance)
    if asked <= offer.method.fee_micros:
        raise refusals.FeeEatsAmount(fee=format_money(offer.method.fee_micros), amount=format_money(asked))
    arrives = expected(config, program, offer.method, creator.country, utc_day(now))
    return _Quote(asked, minimum, balance, offer, arrives)


def _check_amount(asked: int, minimum: int, balance: int) -> None:
    if balance < minimum:
        raise refusals.BalanceBelowMinimum(
            minimum=format_money(minimum), balance=format_money(balance), short=format_money(minimum - balance)
        )
    if asked < minimum:
        raise refusals.AmountBelowMinimum(
            minimum=format_money(minimum), amount=format_money(asked), short=format_money(minimum - asked)
        )
    if asked > balance:
        raise refusals.AboveBalance(amount=format_money(asked), balance=format_money(balance))
    if asked % CENT:
        raise refusals.NotWholeCents(amount=format_money(asked))


def _may_request(
    session: Session, config: DeskConfig, now: dt.datetime, actor: Actor, creator_id: str, program: str
) -> None:
    """Not while frozen, nor within the waiting time after a further chat account or another destination."""
    held = freezes.active(session, creator_id)
    if held is not None:
        raise refusals.AccountFrozen(reason=held.reason)
    chosen = methods.choice(session, creator_id, program)
    changes = [
        (last_further_link_at(session, actor.person_id), "a further chat account was linked"),
        (chosen.wait_from if chosen is not None else None, "the payout method was changed"),
    ]
    waits = [(since + config.link_wait, since, why) for since, why in changes if since is not None]
    until, since, why = max(waits, default=(now, now, ""))
    if now < until:
        raise refusals.Waiting(until=moment(until), since=moment(since), why=why)


def preview(
    session: Session,
    config: DeskConfig,
    now: dt.datetime,
    actor: Actor,
    amount: int | None = None,
    method: str | None = None,
    program: str | None = None,
) -> Preview:
    """What a request would come to, with a single-use draft to confirm it; moves nothing. amount None means all.

    Raises any of the refusals that name why the creator can't request this now.
    """
    creator = _creator(session, _creator_id(actor))
    slug = pick_program(session, config, creator.creator_id, program)
    quote = _quote(session, config, now, actor, creator, slug, amount, method)
    found = quote.offer.method
    mine, old = col(Draft.creator_id) == creator.creator_id, col(Draft.created_at) < now - DRAFT_MEMORY
    session.exec(delete(Draft).where(mine, old))
    draft = Draft(
        token=secrets.token_hex(18),  # never begins with "-", which a terminal reads as an option
        creator_id=creator.creator_id,
        program=slug,
        amount=quote.amount,
        fee=quote.fee,
        method=found.name,
        created_at=now,
    )
    session.add(draft)
    session.flush()
    arrives_from, arrives_by = quote.arrives
    return Preview(
        draft=draft.token,
        expires_at=now + DRAFT_LIFE,
        program=slug,
        amount=quote.amount,
        fee=quote.fee,
        net=quote.amount - quote.fee,
        minimum=quote.minimum,
        balance=quote.balance,
        balance_after=quote.balance - quote.amount,
        method=found.name,
        method_title=found.title or found.name,
        arrives_from=arrives_from,
        arrives_by=arrives_by,
        approvals_needed=limits.needed_for_new(session, config, now, creator.creator_id, quote.amount),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a request for the whole balance would pass now. minimum: micro-dollars; refusal: why not, else None."""

    minimum: int
    refusal: DeskError | None


def standing(session: Session, config: DeskConfig, now: dt.datetime, actor: Actor, program: str) -> Standing:
    """What `preview` would say to a request for everything, without making a draft; for cards that only look."""
    creator = _creator(session, _creator_id(actor))
    try:
        quote = _quote(session, config, now, actor, creator, program, None, None)
    except DeskError as refusal:
        return Standing(config.programs[program].terms_on(utc_day(now)).minimum_micros, refusal)
    return Standing(quote.minimum, None)


def _creator(session: Session, creator_id: str) -> Creator:
    creator = session.get(Creator, creator_id, populate_existing=True)
    if creator is None:
        raise refusals.NoSuchCreator(creator_id=creator_id)
    return creator


def confirm(session: Session, config: DeskConfig, now: dt.datetime, actor: Actor, token: str) -> Withdrawal:
    """Make the previewed request: every rule is put to it again, then the money moves available → reserved.

    Raises NoSuchDraft (not there, or somebody else's), DraftUsed, DraftDiscarded, DraftExpired, FeeChanged,
    AboveBalance and whatever `preview` raises; nothing has moved then.
    """
    creator = lock_creator(session, _creator_id(actor))
    draft = _usable_draft(session, now, creator.creator_id, token)
    quote = _quote(session, config, now, actor, creator, draft.program, draft.amount, draft.method)
    if quote.fee != draft.fee:
        raise refusals.FeeChanged(fee=format_money(quote.fee), before=format_money(draft.fee))
    withdrawal = _new(session, config, now, actor, draft, quote)
    if not transitions.hold(session, now, withdrawal):
        session.delete(withdrawal)
        session.flush()
        left = accounts.wallet(session, draft.program, creator.creator_id).available
        raise refusals.AboveBalance(amount=format_money(draft.amount), balance=format_money(left))
    draft.used_at, draft.outcome, draft.withdrawal_id = now, "requested", withdrawal.id
    session.add(draft)
    session.flush()
    detail = f"{format_money(withdrawal.amount)} by {withdrawal.method}"
    audit.record(session, now, actor.name, "payout.request", shown_id(withdrawal.id), detail)
    publish(session, WithdrawalRequested(id_of(withdrawal), now))
    limits.reconsider(session, config, now, creator.creator_id)
    return withdrawal


def _new(
    session: Session, config: DeskConfig, now: dt.datetime, actor: Actor, draft: Draft, quote: _Quote
) -> Withdrawal:
    """The row, written before the ledger's: settlement takes its locks in this order too."""
    same = (Withdrawal.program == draft.program, Withdrawal.creator_id == draft.creator_id)
    last = session.exec(select(func.coalesce(func.max(Withdrawal.number), 0)).where(*same)).one()
    arrives_from, arrives_by = quote.arrives
    withdrawal = Withdrawal(
        program=draft.program,
        creator_id=draft.creator_id,
        number=last + 1,
        amount=draft.amount,
        fee=draft.fee,
        method=draft.method,
        rail=quote.offer.method.rail,
        destination=quote.offer.destination,
        approvals_needed=limits.needed_for_new(session, config, now, draft.creator_id, draft.amount),
        requested_by=actor.person_id,
        requested_at=now,
        arrives_from=arrives_from,
        arrives_by=arrives_by,
    )
    session.add(withdrawal)
    session.flush()
    return withdrawal


def _own_draft(session: Session, creator_id: str, token: str) -> Draft:
    fit = token.isascii() and token.isprintable()  # else a database might not take it
    draft = session.get(Draft, token, populate_existing=True) if fit else None
    if draft is None or draft.creator_id != creator_id:
        raise refusals.NoSuchDraft
    return draft


def _usable_draft(session: Session, now: dt.datetime, creator_id: str, token: str) -> Draft:
    draft = _own_draft(session, creator_id, token)
    if draft.used_at is not None:
        at = clock_time(draft.used_at, now)
        if draft.withdrawal_id is None:
            raise refusals.DraftDiscarded(at=at)
        made = find(session, draft.withdrawal_id)
        raise refusals.DraftUsed(
            at=at, withdrawal=shown_id(made.id), amount=format_money(made.amount), status=status_word(made.state)
        )
    if now >= draft.created_at + DRAFT_LIFE:
        raise refusals.DraftExpired(minutes=DRAFT_LIFE // dt.timedelta(minutes=1))
    return draft


def discard(session: Session, now: dt.datetime, actor: Actor, token: str) -> None:
    """Throw a preview away; a later press of its *Request* is told so. Raises NoSuchDraft, DraftUsed, DraftDiscarded,
    DraftExpired."""
    creator = lock_creator(session, _creator_id(actor))
    draft = _usable_draft(session, now, creator.creator_id, token)
    draft.used_at, draft.outcome = now, "discarded"
    session.add(draft)
    session.flush()


def find(session: Session, withdrawal_id: int) -> Withdrawal:
    """A withdrawal as it is now, whoever's. Raises UnknownWithdrawal."""
    found = select(Withdrawal).where(col(Withdrawal.id) == withdrawal_id).execution_options(populate_existing=True)
    withdrawal = session.exec(found).one_or_none() if 0 < withdrawal_id < 2**63 else None
    if withdrawal is None:
        raise refusals.UnknownWithdrawal(withdrawal=shown_id(withdrawal_id))
    return withdrawal


def find_own(session: Session, actor: Actor, withdrawal_id: int) -> Withdrawal:
    """One of the actor's own withdrawals. Raises NoSuchWithdrawal: one text for "not there" and "not yours"."""
    try:
        withdrawal = find(session, withdrawal_id)
    except refusals.UnknownWithdrawal:
        withdrawal = None
    if withdrawal is None or withdrawal.creator_id != actor.creator_id:
        raise refusals.NoSuchWithdrawal(withdrawal=shown_id(withdrawal_id))
    return withdrawal


def cancel(session: Session, config: DeskConfig, now: dt.datetime, actor: Actor, withdrawal_id: int) -> Withdrawal:
    """The creator takes a request back before it is sent; the whole amount is available again.

    Raises NoSuchWithdrawal, AlreadyCancelled, TooLateToCancel.
    """
    find_own(session, actor, withdrawal_id)
    withdrawal = lock_withdrawal(session, withdrawal_id)
    if withdrawal.state == "cancelled":
        raise refusals.AlreadyCancelled(who=withdrawal.ended_by, at=clock_time(withdrawal.ended_at or now, now))
    if withdrawal.state not in ("requested", "approved"):
        since = withdrawal.ended_at or withdrawal.sent_at or withdrawal.approved_at or now
        raise refusals.TooLateToCancel(
            withdrawal=shown_id(withdrawal.id), status=withdrawal.state, at=clock_time(since, now)
        )
    waiting = select(Attempt).where(Attempt.withdrawal_id == withdrawal_id, Attempt.state == "ready")
    for attempt in session.exec(waiting.with_for_update()):
        attempt.state, attempt.error = "failed", "cancelled before it was sent"
        session.add(attempt)
    transitions.give_back(session, now, withdrawal, "cancelled", actor.name, "")
    publish(session, WithdrawalChanged(withdrawal_id, "cancelled", now))
    limits.reconsider(session, config, now, withdrawal.creator_id)
    return withdrawal


def _markable(session: Session, now: dt.datetime, actor: Actor | None, withdrawal_id: int, state: str) -> Withdrawal:
    """The withdrawal, locked and in the state it must be in for an admin (None: the operator) to say how it went on."""
    if actor is not None:
        require(actor, "admin")
    find(session, withdrawal_id)
    withdrawal = lock_withdrawal(session, withdrawal_id)
    name = shown_id(withdrawal.id)
    if actor is not None and actor.creator_id == withdrawal.creator_id:
        raise refusals.OwnWithdrawal(withdrawal=name)
    if withdrawal.state == state:
        return withdrawal
    if withdrawal.ended_at is not None:
        at = clock_time(withdrawal.ended_at, now)
        raise refusals.AlreadyEnded(withdrawal=name, state=withdrawal.state, who=withdrawal.ended_by, at=at)
    refusal = refusals.NotSent if state == "sent" else refusals.NotPaid
    raise refusal(withdrawal=name, state=withdrawal.state)


def mark_paid(
    session: Session,
    config: DeskConfig,  # noqa: ARG001 - every change takes the same arguments
    now: dt.datetime,
    actor: Actor | None,
    withdrawal_id: int,
    reference: str = "",
) -> Withdrawal:
    """The money arrived: sent → paid. Admins and owners, nobody their own; None is the operator.

    Raises NotAllowed, UnknownWithdrawal, OwnWithdrawal, NotSent, AlreadyEnded, ReferenceTooLong.
    """
    trace = clean(reference)
    if len(trace) > MOST_REFERENCE:
        raise refusals.ReferenceTooLong(most=MOST_REFERENCE, length=len(trace))
    withdrawal = _markable(session, now, actor, withdrawal_id, "sent")
    transitions.pay(session, now, withdrawal, name_of(actor), trace)
    return withdrawal


def mark_failed(
    session: Session,
    config: DeskConfig,  # noqa: ARG001 - every change takes the same arguments
    now: dt.datetime,
    actor: Actor | None,
    withdrawal_id: int,
    reason: str,
) -> Withdrawal:
    """The rail did not pay: sent → failed; the whole amount is available again. The creator reads the reason.

    Raises NotAllowed, ReasonNeeded, UnknownWithdrawal, OwnWithdrawal, NotSent, AlreadyEnded.
    """
    why = checked_reason(reason)
    withdrawal = _markable(session, now, actor, withdrawal_id, "sent")
    transitions.fail(session, now, withdrawal, name_of(actor), why)
    return withdrawal


def mark_returned(
    session: Session,
    config: DeskConfig,  # noqa: ARG001 - every change takes the same arguments
    now: dt.datetime,
    actor: Actor | None,
    withdrawal_id: int,
    reason: str,
) -> Withdrawal:
    """Paid money came back: paid → returned; the whole amount, fee included, is available again.

    Raises NotAllowed, ReasonNeeded, UnknownWithdrawal, OwnWithdrawal, NotPaid, AlreadyEnded.
    """
    why = checked_reason(reason)
    withdrawal = _markable(session, now, actor, withdrawal_id, "paid")
    transitions.return_(session, now, withdrawal, name_of(actor), why)
    return withdrawal
