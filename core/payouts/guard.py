"""What every change in payouts asks first: who may, and one creator's payouts one after another."""

from __future__ import annotations

import datetime as dt
import unicodedata

from sqlmodel import Session, col, select

from core.audit import OPERATOR
from core.clock import utc_day
from core.config import DeskConfig
from core.earnings.tables import Creator
from core.ledger import accounts
from core.payouts.refusals import (
    NameAProgram,
    NoSuchCreator,
    NoSuchProgram,
    NotAllowed,
    NoWallet,
    ReasonNeeded,
    UnknownWithdrawal,
)
from core.payouts.tables import Withdrawal
from core.people import Actor

_PLURAL = {"approver": "approvers", "admin": "admins", "owner": "owners"}
MOST_REASON = 500
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def shown_id(withdrawal_id: int | None) -> str:
    """How people call a withdrawal: WD-2041."""
    return f"WD-{withdrawal_id}"


def id_of(withdrawal: Withdrawal) -> int:
    """The id of a stored withdrawal."""
    if withdrawal.id is None:
        raise ValueError("the withdrawal is not stored yet")
    return withdrawal.id


def clock_time(at: dt.datetime, now: dt.datetime) -> str:
    """`09:14` for a moment of the same UTC day, else `14 Jan 09:14`, else with the year; UTC."""
    at = at.astimezone(dt.UTC)
    if utc_day(at) == utc_day(now):
        return f"{at:%H:%M}"
    year = "" if at.year == now.astimezone(dt.UTC).year else f" {at.year}"
    return f"{at.day} {MONTHS[at.month - 1]}{year} {at:%H:%M}"


def moment(at: dt.datetime) -> str:
    """`14 Jan 2026 09:14 UTC`: a moment that stands for itself."""
    at = at.astimezone(dt.UTC)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year} {at:%H:%M} UTC"


def require(actor: Actor, role: str) -> None:
    """Raises NotAllowed unless the person holds the role or is an owner (domain.md, "Roles")."""
    if not actor.may(role):
        raise NotAllowed(role=_PLURAL[role])


def name_of(actor: Actor | None) -> str:
    """How the audit trail names who acts; None is the operator at the command line."""
    return OPERATOR if actor is None else actor.name


def clean(text: str) -> str:
    """What people typed, fit to be stored: control characters and half characters become blanks, outer blanks go."""
    return "".join(
        " " if unicodedata.category(sign) in ("Cc", "Cs") and sign != "\n" else sign for sign in text
    ).strip()


def checked_reason(reason: str | None, least: int = 1) -> str:
    """The reason, cleaned. Raises ReasonNeeded when it is shorter than `least` or longer than 500 characters."""
    stripped = clean(reason or "")
    if not least <= len(stripped) <= MOST_REASON:
        raise ReasonNeeded(least=least, most=MOST_REASON, length=len(stripped))
    return stripped


def pick_program(
    session: Session,
    config: DeskConfig,
    creator_id: str,
    wanted: str | None,
    who: str = "You earn",
    whose: str = "your",
) -> str:
    """The slug of the program that a creator's money is moved in: the one named, or the only one.

    Raises NoWallet, NoSuchProgram, NameAProgram (both list them). who and whose word the refusal.
    """
    found = [slug for slug in accounts.wallets(session, creator_id) if slug in config.programs]
    if not found:
        raise NoWallet
    if wanted is None and len(found) > 1:
        raise NameAProgram(who=who, programs=", ".join(found))
    if wanted is None:
        return found[0]
    for slug in found:
        if wanted.strip().casefold() in (slug.casefold(), config.programs[slug].title.casefold() or None):
            return slug
    raise NoSuchProgram(program=wanted, whose=whose, programs=", ".join(found))


def lock_creator(session: Session, creator_id: str) -> Creator:
    """The creator's row, locked until the transaction ends: two changes to one creator's payouts never overlap, on any
    number of replicas. Raises NoSuchCreator.

    Locks are taken in one order everywhere: creator, then programs (by foreign key), then ledger accounts.
    """
    statement = select(Creator).where(col(Creator.creator_id) == creator_id)
    # NO KEY UPDATE: rows that merely refer to the creator may still be written meanwhile.
    locked = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    creator = session.exec(locked).one_or_none()
    if creator is None:
        raise NoSuchCreator(creator_id=creator_id)
    return creator


def lock_withdrawal(session: Session, withdrawal_id: int) -> Withdrawal:
    """The withdrawal as committed last, its creator locked. Raises UnknownWithdrawal."""
    owner = session.exec(select(Withdrawal.creator_id).where(col(Withdrawal.id) == withdrawal_id)).one_or_none()
    if owner is None:
        raise UnknownWithdrawal(withdrawal=shown_id(withdrawal_id))
    lock_creator(session, owner)
    statement = select(Withdrawal).where(col(Withdrawal.id) == withdrawal_id)
    return session.exec(statement.with_for_update().execution_options(populate_existing=True)).one()
