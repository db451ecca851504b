"""Lists and totals of withdrawals. Amounts in micro-dollars; nothing here changes anything."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from core.payouts.tables import OPEN_STATES, Adjustment, Withdrawal


def _of(creator_id: str, program: str | None) -> list[ColumnElement[bool]]:
    conditions = [col(Withdrawal.creator_id) == creator_id]
    return conditions if program is None else [*conditions, col(Withdrawal.program) == program]


def open_of(session: Session, creator_id: str, program: str | None = None) -> list[Withdrawal]:
    """A creator's withdrawals that are neither paid nor otherwise ended, newest first."""
    found = select(Withdrawal).where(*_of(creator_id, program), col(Withdrawal.state).in_(OPEN_STATES))
    return list(session.exec(found.order_by(col(Withdrawal.id).desc())).all())


def history(
    session: Session, creator_id: str, program: str | None = None, offset: int = 0, limit: int = 10
) -> list[Withdrawal]:
    """A page of a creator's withdrawals, newest first."""
    found = select(Withdrawal).where(*_of(creator_id, program)).order_by(col(Withdrawal.id).desc())
    return list(session.exec(found.offset(offset).limit(limit)).all())


def count_of_creator(session: Session, creator_id: str, program: str | None = None) -> int:
    """How many withdrawals a creator ever asked for."""
    return session.exec(select(func.count()).select_from(Withdrawal).where(*_of(creator_id, program))).one()


def every(
    session: Session, states: tuple[str, ...] = (), offset: int = 0, limit: int | None = None
) -> list[Withdrawal]:
    """Withdrawals of all creators in these states (none given: any), the oldest first."""
    found = select(Withdrawal).order_by(col(Withdrawal.id))
    if states:
        found = found.where(col(Withdrawal.state).in_(states))
    return list(session.exec(found.offset(offset).limit(limit)).all())


def processing(session: Session, creator_id: str, program: str | None = None) -> int:
    """Money asked for and not yet paid or given back, in micro-dollars."""
    return _total(session, creator_id, program, OPEN_STATES)


def withdrawn(session: Session, creator_id: str, program: str | None = None) -> int:
    """Money paid out and not returned, fees included, in micro-dollars."""
    return _total(session, creator_id, program, ("paid",))


def _total(session: Session, creator_id: str, program: str | None, states: tuple[str, ...]) -> int:
    amount = func.coalesce(func.sum(col(Withdrawal.amount)), 0)  # PostgreSQL sums BIGINT to Decimal
    return int(session.exec(select(amount).where(*_of(creator_id, program), col(Withdrawal.state).in_(states))).one())


def adjustments_total(session: Session, creator_id: str, program: str | None = None) -> int:
    """What corrections by hand came to, up and down together, in micro-dollars."""
    amount = func.coalesce(func.sum(col(Adjustment.amount)), 0)
    total = select(amount).where(col(Adjustment.creator_id) == creator_id, col(Adjustment.state) == "approved")
    if program is not None:
        total = total.where(col(Adjustment.program) == program)
    return int(session.exec(total).one())
