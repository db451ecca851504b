"""Corrections by hand: proposed by one admin or owner, in effect when another approves (domain.md, "Roles")."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func
from sqlmodel import Session, col, select

from core import audit
from core.config import DeskConfig
from core.ledger import accounts, journal
from core.ledger.money import MICROS, format_money
from core.payouts import refusals
from core.payouts.facts import AdjustmentDecided, AdjustmentProposed
from core.payouts.guard import checked_reason, clock_time, lock_creator, pick_program, require
from core.payouts.tables import Adjustment
from core.people import Actor, Person
from core.storage import publish

KIND = "adjustment"
MOST = 1_000_000_000 * MICROS


def entry_key(adjustment: Adjustment) -> str:
    """The idempotency key of the ledger entry; no database id goes into the ledger."""
    return f"adjustment:{adjustment.program}:{adjustment.creator_id}:{adjustment.number}"


def propose(
    session: Session,
    config: DeskConfig,
    now: dt.datetime,
    actor: Actor,
    creator_id: str,
    program: str | None,
    amount: int,
    reason: str,
) -> Adjustment:
    """Propose to add to (or, negative, take from) a creator's available balance; moves nothing yet.

    program None: the creator's only one. Raises NotAllowed, OwnAccount, ZeroAdjustment, AdjustmentTooLarge,
    ReasonNeeded, NoSuchCreator, NoWallet, NoSuchProgram, NameAProgram.
    """
    require(actor, "admin")
    if actor.creator_id == creator_id:
        raise refusals.OwnAccount
    if amount == 0:
        raise refusals.ZeroAdjustment
    if abs(amount) > MOST:
        raise refusals.AdjustmentTooLarge(most=format_money(MOST))
    why = checked_reason(reason)
    creator = lock_creator(session, creator_id)
    slug = pick_program(session, config, creator_id, program, f"{creator.name} earns", f"{creator.name}'s")
    same = (Adjustment.program == slug, Adjustment.creator_id == creator_id)
    last = session.exec(select(func.coalesce(func.max(Adjustment.number), 0)).where(*same)).one()
    adjustment = Adjustment(
        program=slug,
        creator_id=creator_id,
        number=last + 1,
        amount=amount,
        reason=why,
        proposed_by=actor.person_id,
        proposed_at=now,
    )
    session.add(adjustment)
    session.flush()
    detail = f"{slug} {format_money(amount)}: {why}"
    audit.record(session, now, actor.name, "adjustment.propose", creator_id, detail)
    publish(session, AdjustmentProposed(_id(adjustment), now))
    return adjustment


def approve(session: Session, config: DeskConfig, now: dt.datetime, actor: Actor, adjustment_id: int) -> Adjustment:  # noqa: ARG001 - every change takes the same arguments
    """Put a proposal into effect: adjustments ↔ available, below zero if need be. Not by the proposer, nor by the
    creator concerned.

    Raises NotAllowed, NoSuchAdjustment, OwnAccount, OwnProposal, AlreadyDecided.
    """
    adjustment = _decidable(session, now, actor, adjustment_id)
    if adjustment.proposed_by == actor.person_id:
        raise refusals.OwnProposal
    pool = accounts.open_account(session, adjustment.program, "adjustments")
    available = accounts.open_account(session, adjustment.program, "available", adjustment.creator_id)
    size = abs(adjustment.amount)
    move = journal.Move(pool, available, size) if adjustment.amount > 0 else journal.Move(available, pool, size)
    journal.post(session, entry_key(adjustment), KIND, now, [move], adjustment.reason)
    return _decide(session, now, actor, adjustment, "approved")


def decline(session: Session, config: DeskConfig, now: dt.datetime, actor: Actor, adjustment_id: int) -> Adjustment:  # noqa: ARG001 - every change takes the same arguments
    """Turn a proposal down, or take one's own back; moves nothing.

    Raises NotAllowed, NoSuchAdjustment, OwnAccount, AlreadyDecided.
    """
    return _decide(session, now, actor, _decidable(session, now, actor, adjustment_id), "declined")


def find(session: Session, adjustment_id: int) -> Adjustment:
    """An adjustment as it is now. Raises NoSuchAdjustment."""
    found = select(Adjustment).where(col(Adjustment.id) == adjustment_id).execution_options(populate_existing=True)
    adjustment = session.exec(found).one_or_none() if 0 < adjustment_id < 2**63 else None
    if adjustment is None:
        raise refusals.NoSuchAdjustment(adjustment_id=adjustment_id)
    return adjustment


def proposed(session: Session) -> list[Adjustment]:
    """Everything that waits for a second person, the oldest first."""
    waiting = select(Adjustment).where(Adjustment.state == "proposed").order_by(col(Adjustment.id))
    return list(session.exec(waiting).all())


def _id(adjustment: Adjustment) -> int:
    if adjustment.id is None:
        raise ValueError("the adjustment is not stored yet")
    return adjustment.id


def _decidable(session: Session, now: dt.datetime, actor: Actor, adjustment_id: int) -> Adjustment:
    require(actor, "admin")
    lock_creator(session, find(session, adjustment_id).creator_id)
    adjustment = find(session, adjustment_id)
    if actor.creator_id == adjustment.creator_id:
        raise refusals.OwnAccount
    if adjustment.decided_by is not None:
        who = session.get_one(Person, adjustment.decided_by).name
        raise refusals.AlreadyDecided(who=who, at=clock_time(adjustment.decided_at or now, now))
    return adjustment


def _decide(session: Session, now: dt.datetime, actor: Actor, adjustment: Adjustment, state: str) -> Adjustment:
    adjustment.state, adjustment.decided_by, adjustment.decided_at = state, actor.person_id, now
    session.add(adjustment)
    session.flush()
    verb = "approve" if state == "approved" else "decline"
    detail = f"{adjustment.program} {format_money(adjustment.amount)}"
    audit.record(session, now, actor.name, f"adjustment.{verb}", adjustment.creator_id, detail)
    publish(session, AdjustmentDecided(_id(adjustment), state, now))
    return adjustment
