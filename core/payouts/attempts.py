"""Sending approved withdrawals through their rails, so that a crash at any step leaves something that goes on.

An attempt is written before its rail is called and claimed in a committed transaction; the rail is called with no
transaction open; what it said is written down in another one. Whoever finds a claim that ran out does not know what
happened, and looks up before sending again: at most one transfer per attempt key (domain.md, "Withdrawals", Sending).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, select

from core.config import DeskConfig
from core.payouts import freezes, transitions
from core.payouts.guard import id_of, lock_creator
from core.payouts.rail import Outcome, PaymentOrder, Rail, Refused, Sent, Unclear
from core.payouts.tables import Attempt, Freeze, Withdrawal
from core.storage import Database

LEASE = dt.timedelta(minutes=5)  # a rail's own time-outs must end well within it
FIRST_RETRY = dt.timedelta(seconds=30)
LONGEST_RETRY = dt.timedelta(hours=1)
BATCH = 100
_SPARE = 20  # candidates beyond the limit, for those that another claimer takes meanwhile
MOST_ERROR = 500


@dataclass(frozen=True, slots=True)
class NotKnown:
    """The rail is sure that it never saw the key, and the creator is frozen: nothing was sent, nothing is to be."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An attempt that is this caller's until the lease ends. call tells this claim from earlier and later ones.

    look_up_first: it was called before and nobody knows what came of it. may_send: the creator is not frozen.
    """

    attempt_id: int
    call: int
    rail: str
    order: PaymentOrder
    look_up_first: bool
    may_send: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one attempt in this round."""

    withdrawal_id: int
    outcome: Outcome | NotKnown


def prepare(session: Session, now: dt.datetime, withdrawal: Withdrawal) -> Attempt:
    """Write an approved withdrawal's attempt, due at once. Its key is the same on every call to the rail."""
    number = 1
    attempt = Attempt(
        withdrawal_id=id_of(withdrawal),
        number=number,
        key=key_of(id_of(withdrawal), number),
        not_before=now,
    )
    session.add(attempt)
    session.flush()
    return attempt


def key_of(withdrawal_id: int, number: int) -> str:
    """The rail's idempotency key of a withdrawal's n-th attempt."""
    return f"WD-{withdrawal_id}-{number}"


def of_withdrawal(session: Session, withdrawal_id: int) -> list[Attempt]:
    """A withdrawal's attempts, the first one first."""
    tried = select(Attempt).where(Attempt.withdrawal_id == withdrawal_id).order_by(col(Attempt.number))
    return list(session.exec(tried).all())


def _due(now: dt.datetime) -> ColumnElement[bool]:
    """Ready ones of creators who are not frozen, and claims that ran out, whose outcome has to be looked up."""
    held = select(Freeze.id).where(Freeze.creator_id == Withdrawal.creator_id, col(Freeze.lifted_at).is_(None))
    ready = and_(col(Attempt.state) == "ready", col(Attempt.not_before) <= now, ~held.correlate(Withdrawal).exists())
    lost = and_(col(Attempt.state) == "calling", col(Attempt.claimed_until) <= now)
    return or_(ready, lost)


def claim_due(
    session: Session,
    now: dt.datetime,
    who: str,
    limit: int = 1,
    rails: Collection[str] | None = None,
    currency: str = "USD",
) -> list[Claimed]:
    """Take up to `limit` due attempts for the length of a lease; commit before calling any rail.

    who names the claimer in the audit trail. rails: only attempts of these rails, None for any.
    """
    due = select(Attempt.id, Withdrawal.creator_id).join(Withdrawal).where(_due(now))
    if rails is not None:
        due = due.where(col(Withdrawal.rail).in_(rails))
    oldest = due.order_by(col(Attempt.not_before), col(Attempt.id)).limit(limit + _SPARE)
    claimed: list[Claimed] = []
    # One order for everybody: two claimers never wait for each other in a circle.
    for attempt_id, creator_id in sorted(session.exec(oldest).all(), key=lambda row: (row[1], row[0] or 0)):
        if len(claimed) == limit:
            break
        lock_creator(session, creator_id)
        found = _claim(session, now, who, attempt_id, currency)
        if found is not None:
            claimed.append(found)
    return claimed


def _claim(session: Session, now: dt.datetime, who: str, attempt_id: int | None, currency: str) -> Claimed | None:
    """Claim one attempt if it is still due now that its creator is locked."""
    statement = select(Attempt, Withdrawal).join(Withdrawal).where(col(Attempt.id) == attempt_id, _due(now))
    row = session.exec(statement.with_for_update(of=Attempt).execution_options(populate_existing=True)).one_or_none()
    if row is None or attempt_id is None:
        return None
    attempt, withdrawal = row
    look_up_first = attempt.state == "calling"
    may_send = freezes.active(session, withdrawal.creator_id) is None
    attempt.state, attempt.claimed_until, attempt.calls = "calling", now + LEASE, attempt.calls + 1
    session.add(attempt)
    if withdrawal.state == "approved":
        transitions.begin_sending(session, now, withdrawal, who)
    session.flush()
    order = PaymentOrder(
        key=attempt.key,
        withdrawal_id=id_of(withdrawal),
        creator_id=withdrawal.creator_id,
        program=withdrawal.program,
        amount=withdrawal.amount - withdrawal.fee,
        currency=currency,
        method=withdrawal.method,
        destination=withdrawal.destination,
    )
    return Claimed(attempt_id, attempt.calls, withdrawal.rail, order, look_up_first, may_send)


def call(rail: Rail, claimed: Claimed) -> Outcome | NotKnown:
    """Ask the rail, with no transaction open. Whatever goes wrong on the way is `Unclear`: it may have acted."""
    try:
        if claimed.look_up_first:
            known = rail.look_up(claimed.order.key)
            if known is not None:
                return known
        return rail.send(claimed.order) if claimed.may_send else NotKnown()
    except Exception as failure:  # a rail's client may raise anything
        return Unclear(f"{type(failure).__name__}: {failure}")


def record(
    session: Session, config: DeskConfig, now: dt.datetime, claimed: Claimed, outcome: Outcome | NotKnown
) -> bool:
    """Write down what the rail said. False, and nothing changes, when somebody else took the attempt over since."""
    lock_creator(session, claimed.order.creator_id)
    mine = (col(Attempt.id) == claimed.attempt_id, Attempt.state == "calling", Attempt.calls == claimed.call)
    row = session.exec(
        select(Attempt, Withdrawal)
        .join(Withdrawal)
        .where(*mine)
        .with_for_update(of=Attempt)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return False
    attempt, withdrawal = row
    by = f"rail:{claimed.rail}"
    if isinstance(outcome, Sent):
        attempt.state, attempt.reference = "sent", outcome.reference[:200]
        transitions.sent(session, config, now, withdrawal, by, attempt.reference)
    elif isinstance(outcome, Refused):
        attempt.state, attempt.error = "failed", outcome.reason[:MOST_ERROR]
        transitions.fail(session, now, withdrawal, by, attempt.error)
    elif isinstance(outcome, Unclear):
        attempt.claimed_until, attempt.error = now + back_off(attempt.calls), outcome.error[:MOST_ERROR]
    else:
        attempt.state, attempt.not_before = "ready", now
    session.add(attempt)
    session.flush()
    return True


def back_off(calls: int) -> dt.timedelta:
    """How long to wait after the n-th unclear answer: 30 s, doubled each time, an hour at most."""
    return min(FIRST_RETRY * (1 << min(calls - 1, 10)), LONGEST_RETRY)


def send_due(
    database: Database,
    config: DeskConfig,
    rails: Mapping[str, Rail],
    now: dt.datetime,
    who: str = "relay",
    limit: int = BATCH,
) -> list[Tried]:
    """Send what is due, one attempt after another, each claimed, called and recorded before the next is claimed.

    Attempts of a rail that this desk doesn't have wait for one that has it.
    """
    tried: list[Tried] = []
    while len(tried) < limit:
        with database.transaction() as session:
            claimed = claim_due(session, now, who, 1, rails.keys(), config.currency)
        if not claimed:
            break
        outcome = call(rails[claimed[0].rail], claimed[0])
        with database.transaction() as session:
            record(session, config, now, claimed[0], outcome)
        tried.append(Tried(claimed[0].order.withdrawal_id, outcome))
    return tried
