"""Lists and totals of withdrawals. Amounts in micro-dollars; nothing here changes anything."""

from __future__ import annotations

from functools import cache

from sqlalchemy import ColumnElement, Select, bindparam, func
from sqlalchemy import select as select_core
from sqlmodel import Session, col, select

from core.payouts.tables import OPEN_STATES, Adjustment, Withdrawal
from core.storage import table_of


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
    return _summed(session, Withdrawal, creator_id, program, OPEN_STATES)


def withdrawn(session: Session, creator_id: str, program: str | None = None) -> int:
    """Money paid out and not returned, fees included, in micro-dollars."""
    return _summed(session, Withdrawal, creator_id, program, ("paid",))


@cache
def _sum_of(amounts: type[Withdrawal] | type[Adjustment], states: tuple[str, ...], of_program: bool) -> Select[int]:
    """Every answer asks for sums, so each statement is made once. PostgreSQL sums BIGINT to Decimal."""
    table = table_of(amounts).c
    found = select_core(func.coalesce(func.sum(table.amount), 0)).where(table.creator_id == bindparam("creator"))
    found = found.where(table.state.in_(states))
    return found.where(table.program == bindparam("program")) if of_program else found


def _summed(
    session: Session,
    amounts: type[Withdrawal] | type[Adjustment],
    creator_id: str,
    program: str | None,
    states: tuple[str, ...],
) -> int:
    statement = _sum_of(amounts, states, program is not None)
    return int(session.execute(statement, {"creator": creator_id, "program": program}).scalar_one())


def adjustments_total(session: Session, creator_id: str, program: str | None = None) -> int:
    """What corrections by hand came to, up and down together, in micro-dollars."""
    return _summed(session, Adjustment, creator_id, program, ("approved",))
