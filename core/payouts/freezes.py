"""Holding a creator's accounts: no requests, no sending, until someone lifts it (domain.md, "Withdrawals")."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, select

from core import audit
from core.earnings.tables import Creator
from core.payouts.facts import CreatorFrozen, CreatorUnfrozen
from core.payouts.guard import checked_reason, clock_time, lock_creator, require
from core.payouts.refusals import AlreadyFrozen, NotFrozen, OwnAccount
from core.payouts.tables import Freeze
from core.people import Actor
from core.storage import publish


def active(session: Session, creator_id: str) -> Freeze | None:
    """The hold on a creator's accounts now; None when there is none."""
    held = select(Freeze).where(Freeze.creator_id == creator_id, col(Freeze.lifted_at).is_(None))
    return session.exec(held.execution_options(populate_existing=True)).one_or_none()


def frozen(session: Session) -> list[Freeze]:
    """Every hold in force, the oldest first."""
    held = select(Freeze).where(col(Freeze.lifted_at).is_(None)).order_by(col(Freeze.id))
    return list(session.exec(held).all())


def freeze(session: Session, now: dt.datetime, actor: Actor, creator_id: str, reason: str) -> Freeze:
    """Hold a creator's accounts. Admins and owners; the creator reads the reason.

    Raises NotAllowed, ReasonNeeded, NoSuchCreator, AlreadyFrozen.
    """
    require(actor, "admin")
    why = checked_reason(reason)
    creator = lock_creator(session, creator_id)
    held = active(session, creator_id)
    if held is not None:
        raise AlreadyFrozen(name=creator.name, at=clock_time(held.frozen_at, now), reason=held.reason)
    new = Freeze(creator_id=creator_id, reason=why, frozen_by=actor.person_id, frozen_at=now)
    session.add(new)
    session.flush()
    audit.record(session, now, actor.name, "creator.freeze", creator_id, why)
    publish(session, CreatorFrozen(creator_id, why, now))
    return new


def unfreeze(session: Session, now: dt.datetime, actor: Actor, creator_id: str, reason: str) -> Freeze:
    """Lift the hold; attempts that waited become due. Admins and owners, but nobody their own.

    Raises NotAllowed, OwnAccount, ReasonNeeded, NoSuchCreator, NotFrozen.
    """
    require(actor, "admin")
    if actor.creator_id == creator_id:
        raise OwnAccount
    why = checked_reason(reason)
    creator: Creator = lock_creator(session, creator_id)
    held = active(session, creator_id)
    if held is None:
        raise NotFrozen(name=creator.name)
    held.lifted_by, held.lifted_at, held.lift_reason = actor.person_id, now, why
    session.add(held)
    session.flush()
    audit.record(session, now, actor.name, "creator.unfreeze", creator_id, why)
    publish(session, CreatorUnfrozen(creator_id, why, now))
    return held
