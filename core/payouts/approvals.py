"""Deciding withdrawals: who may, how many it takes, and that one decision falls whoever presses when.

The rule book is domain.md, "Withdrawals", Approval, and "Roles".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, delete, select

from core import audit
from core.config import DeskConfig
from core.errors import DeskError
from core.payouts import attempts, limits, refusals, transitions
from core.payouts.facts import WithdrawalDecided
from core.payouts.guard import checked_reason, clean, clock_time, id_of, lock_withdrawal, require, shown_id
from core.payouts.tables import Decision, Withdrawal
from core.payouts.withdrawals import find
from core.people import Actor, Person
from core.storage import publish

LEAST_REASON = 10


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision led to. approvals of needed; final: the withdrawal is approved or rejected now."""

    withdrawal: Withdrawal
    approvals: int
    needed: int

    @property
    def final(self) -> bool:
        return self.withdrawal.state != "requested"


@dataclass(frozen=True, slots=True)
class Said:
    """One decision as people read it."""

    person_id: int
    name: str
    verdict: str
    reason: str
    surface: str
    at: dt.datetime


def queue(session: Session) -> list[Withdrawal]:
    """Everything that waits for a decision, the oldest first."""
    waiting = select(Withdrawal).where(Withdrawal.state == "requested").order_by(col(Withdrawal.id))
    return list(session.exec(waiting).all())


def batch(session: Session) -> list[Withdrawal]:
    """What one approver's word decides: requests that need a single approval. Those that need two are looked at
    one by one; those of a monthly payout are approved with it (core.payouts.batch_approvals)."""
    single = select(Withdrawal).where(
        Withdrawal.state == "requested", Withdrawal.approvals_needed == 1, col(Withdrawal.batch_id).is_(None)
    )
    return list(session.exec(single.order_by(col(Withdrawal.id))).all())


def decisions(session: Session, withdrawal_id: int) -> list[Said]:
    """What approvers said of a withdrawal, the first word first."""
    spoken = (
        select(Decision, Person.name)
        .join(Person, col(Person.id) == Decision.person_id)
        .where(Decision.withdrawal_id == withdrawal_id)
        .order_by(col(Decision.id))
    )
    return [
        Said(one.person_id, name, one.verdict, one.reason, one.surface, one.decided_at)
        for one, name in session.exec(spoken)
    ]


def approve(
    session: Session,
    config: DeskConfig,
    now: dt.datetime,
    actor: Actor,
    withdrawal_id: int,
    surface: str,
    reason: str | None = None,
) -> Decided:
    """Give one person's approval; with the last one needed the withdrawal is approved and its first attempt is due.

    surface is where it was said ("slack", "cli", …). Raises NotAllowed, UnknownWithdrawal, OwnWithdrawal,
    AlreadyDecided (by whom and when), AlreadyCancelled, AlreadyApproved.
    """
    withdrawal = _decidable(session, now, actor, withdrawal_id)
    said = decisions(session, withdrawal_id)
    others = [
        (other.requested_at, other.amount)
        for other in limits.counted(session, withdrawal.creator_id)
        if other.id != withdrawal.id
    ]
    needed = limits.approvals_needed(config, (withdrawal.requested_at, withdrawal.amount), others, now)
    mine = [one for one in said if one.person_id == actor.person_id]
    if mine and len(said) < needed:
        raise refusals.AlreadyApproved(
            withdrawal=shown_id(withdrawal.id), at=clock_time(mine[0].at, now), approvals=len(said), needed=needed
        )
    if not mine:  # else this press only finds that the approvals given suffice by now
        _say(session, now, actor, withdrawal_id, "approve", surface, clean(reason or "")[:500])
    withdrawal.approvals_needed = needed
    approvals = len(said) + (not mine)
    audit.record(session, now, actor.name, "payout.approve", shown_id(withdrawal.id), f"{approvals} of {needed}")
    if approvals >= needed:
        withdrawal.state, withdrawal.approved_at = "approved", now
        session.add(withdrawal)
        attempts.prepare(session, now, withdrawal)
    session.add(withdrawal)
    session.flush()
    publish(session, WithdrawalDecided(withdrawal_id, actor.person_id, "approve", withdrawal.state, now))
    return Decided(withdrawal, approvals, needed)


def reject(
    session: Session,
    config: DeskConfig,
    now: dt.datetime,
    actor: Actor,
    withdrawal_id: int,
    surface: str,
    reason: str | None = None,
) -> Decided:
    """Turn a request down: one approver's word suffices; the whole amount is available again. The creator reads why.

    Whoever approved may still think better of it and reject. Raises NotAllowed, UnknownWithdrawal, OwnWithdrawal,
    AlreadyDecided, AlreadyCancelled, ReasonNeeded.
    """
    withdrawal = _decidable(session, now, actor, withdrawal_id)
    why = checked_reason(reason, LEAST_REASON)
    session.exec(
        delete(Decision).where(col(Decision.withdrawal_id) == withdrawal_id, col(Decision.person_id) == actor.person_id)
    )
    _say(session, now, actor, withdrawal_id, "reject", surface, why)
    transitions.give_back(session, now, withdrawal, "rejected", actor.name, why)
    publish(session, WithdrawalDecided(withdrawal_id, actor.person_id, "reject", "rejected", now))
    limits.reconsider(session, config, now, withdrawal.creator_id)
    approvals = len(decisions(session, withdrawal_id)) - 1
    return Decided(withdrawal, approvals, withdrawal.approvals_needed)


def approve_batch(
    session: Session, config: DeskConfig, now: dt.datetime, actor: Actor, withdrawal_ids: Iterable[int], surface: str
) -> tuple[Sequence[Decided], Sequence[tuple[int, DeskError]]]:
    """Approve many at once: what was approved, and what was not with the reason of each (decided since, one's own, …).

    Raises NotAllowed.
    """
    require(actor, "approver")
    approved: list[Decided] = []
    refused: list[tuple[int, DeskError]] = []
    wanted = dict.fromkeys(withdrawal_ids)
    owners = select(Withdrawal.creator_id, Withdrawal.id).where(col(Withdrawal.id).in_(wanted))
    # Creators are locked in one order: two batches at once never wait for each other in a circle.
    known = [number for _, number in sorted(session.exec(owners).all()) if number is not None]
    for withdrawal_id in (*known, *(number for number in wanted if number not in known)):
        try:
            approved.append(approve(session, config, now, actor, withdrawal_id, surface))
        except DeskError as refusal:  # every refusal comes before the first write
            refused.append((withdrawal_id, refusal))
    return approved, refused


def _decidable(session: Session, now: dt.datetime, actor: Actor, withdrawal_id: int) -> Withdrawal:
    """The withdrawal, locked and still undecided; the loser of a race is told who decided and when."""
    require(actor, "approver")
    find(session, withdrawal_id)
    withdrawal = lock_withdrawal(session, withdrawal_id)
    if actor.person_id == withdrawal.requested_by or actor.creator_id == withdrawal.creator_id:
        raise refusals.OwnWithdrawal(withdrawal=shown_id(withdrawal.id))
    if withdrawal.state == "requested":
        return withdrawal
    said = decisions(session, id_of(withdrawal))
    if withdrawal.state == "cancelled" or not said:
        at = withdrawal.ended_at or now
        raise refusals.AlreadyCancelled(who=withdrawal.ended_by, at=clock_time(at, now))
    raise refusals.AlreadyDecided(who=said[-1].name, at=clock_time(said[-1].at, now))


def _say(
    session: Session, now: dt.datetime, actor: Actor, withdrawal_id: int, verdict: str, surface: str, reason: str
) -> None:
    session.add(
        Decision(
            withdrawal_id=withdrawal_id,
            person_id=actor.person_id,
            verdict=verdict,
            reason=reason,
            surface=surface[:20],
            decided_at=now,
        )
    )
    session.flush()
