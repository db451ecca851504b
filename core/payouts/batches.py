"""The withdrawals that a monthly processing makes: written together, and how far they are decided.

Each is a withdrawal like any other, with the same ledger keys, limits and life (domain.md, "Withdrawals"); only here
thousands are written with a few statements. Amounts are micro-dollars.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, exists, func, insert, select
from sqlmodel import Session

from core import people
from core.audit import AuditRecord
from core.earnings.tables import Creator
from core.errors import DeskError
from core.ledger import accounts, journal
from core.ledger.tables import Account
from core.payouts import transitions
from core.payouts.payees import Passed, Payee
from core.payouts.tables import Attempt, BatchSkip, Decision, Freeze, PayoutBatch, Withdrawal
from core.people_many import ensure_creator_persons
from core.storage import table_of

_WITHDRAWAL, _DECISION, _FREEZE = table_of(Withdrawal), table_of(Decision), table_of(Freeze)
_ATTEMPT, _AUDIT, _SKIP, _ACCOUNT = table_of(Attempt), table_of(AuditRecord), table_of(BatchSkip), table_of(Account)
_PERSON, _CREATOR, _BATCH = table_of(people.Person), table_of(Creator), table_of(PayoutBatch)
_ROWS = 500  # of a multi-row statement


class NoSuchBatch(DeskError):
    """There are no monthly payouts {batch}. Nothing changed."""


def find(session: Session, batch_id: int) -> PayoutBatch:
    """A batch by its id. Raises NoSuchBatch."""
    found = session.get(PayoutBatch, batch_id) if 0 < batch_id < 2**63 else None
    if found is None:
        raise NoSuchBatch(batch=batch_id)
    return found


def write(
    session: Session, now: dt.datetime, batch: PayoutBatch, payees: Sequence[Payee], persons: Mapping[str, int]
) -> list[int]:
    """Make the payees' withdrawals and hold their money, all or none; their ids in the payees' order."""
    if not payees:
        return []
    last = _last_numbers(session, batch.program)
    rows: list[dict[str, Any]] = [
        {
            "program": batch.program,
            "creator_id": one.creator_id,
            "number": last.get(one.creator_id, 0) + 1,
            "amount": one.amount,
            "fee": one.method.fee_micros,
            "method": one.method.name,
            "rail": one.method.rail,
            "destination": one.destination,
            "state": "requested",
            "approvals_needed": one.approvals_needed,
            "requested_by": persons[one.creator_id],
            "requested_at": now,
            "ended_by": "",
            "arrives_from": one.arrives[0],
            "arrives_by": one.arrives[1],
            "reason": "",
            "reference": "",
            "batch_id": batch.id,
        }
        for one in payees
    ]
    made = insert(_WITHDRAWAL).returning(_WITHDRAWAL.c.id, sort_by_parameter_order=True)
    ids = [int(number) for number in session.execute(made, rows).scalars()]
    holds = [_hold(batch.program, row["creator_id"], row["number"], row["amount"]) for row in rows]
    journal.hold_all(session, transitions.REQUEST, now, holds)
    return ids


def persons_of(session: Session, payees: Sequence[Payee]) -> dict[str, int]:
    """The person behind each payee, made where there is none yet, by creator."""
    return ensure_creator_persons(session, {one.creator_id: one.name for one in payees})


def _last_numbers(session: Session, program: str) -> dict[str, int]:
    of_program = select(_WITHDRAWAL.c.creator_id, func.max(_WITHDRAWAL.c.number)).where(
        _WITHDRAWAL.c.program == program
    )
    return {row[0]: row[1] for row in session.execute(of_program.group_by(_WITHDRAWAL.c.creator_id))}


def _hold(program: str, creator_id: str, number: int, amount: int) -> journal.Hold:
    return journal.Hold(
        key=transitions.key_of(program, creator_id, number, "request"),
        debit=accounts.account_id(program, "available", creator_id),
        credit=accounts.account_id(program, "reserved", creator_id),
        amount=amount,
        memo=transitions.memo_for(creator_id, number, "requested"),
    )


def write_skips(session: Session, batch_id: int, passed: Sequence[Passed]) -> None:
    """Keep who was not paid, and why."""
    rows = [
        {
            "batch_id": batch_id,
            "creator_id": one.creator_id,
            "available": one.available,
            "why": one.why,
            "reason": one.reason[:500],
        }
        for one in passed
    ]
    if rows:
        session.connection().execute(insert(_SKIP), rows)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a batch is decided. waiting is split: `ready` can be approved together (one approver is enough and
    nothing speaks against it), `two_people` need two, `flagged` are held or not covered; each with its sum.
    """

    count: int
    total: int
    largest: int
    waiting: int
    ready: int
    ready_total: int
    two_people: int
    two_people_total: int
    flagged: int
    approved: int
    approved_total: int
    rejected: int
    cancelled: int
    skipped: int


def standing(session: Session, batch_id: int) -> Standing:
    """A batch's counts and sums as they are now."""
    state, amount = _WITHDRAWAL.c.state, _WITHDRAWAL.c.amount
    waiting, fit = state == "requested", clean()
    single, given = _WITHDRAWAL.c.approvals_needed == 1, state.in_(_GIVEN)

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    def total(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return cast(func.coalesce(func.sum(case((condition, amount), else_=0)), 0), BigInteger)

    skipped = select(func.count()).select_from(_SKIP).where(_SKIP.c.batch_id == batch_id).scalar_subquery()
    row = session.execute(
        select(
            func.count(),
            cast(func.coalesce(func.sum(amount), 0), BigInteger),
            func.coalesce(func.max(amount), 0),
            count(waiting),
            count(and_(waiting, single, fit)),
            total(and_(waiting, single, fit)),
            count(and_(waiting, ~single)),
            total(and_(waiting, ~single)),
            count(and_(waiting, single, ~fit)),
            count(given),
            total(given),
            count(state == "rejected"),
            count(and_(state == "cancelled", _WITHDRAWAL.c.approved_at.is_(None))),
            skipped,
        )
        .select_from(_WITHDRAWAL)
        .where(_WITHDRAWAL.c.batch_id == batch_id)
    ).one()
    return Standing(*[int(part) for part in row])


_GIVEN = ("approved", "sending", "sent", "paid", "failed", "returned")


def clean() -> ColumnElement[bool]:
    """Whether nothing speaks against a withdrawal: not frozen, the balance not negative, the money set aside."""
    frozen = exists().where(_FREEZE.c.creator_id == _WITHDRAWAL.c.creator_id, _FREEZE.c.lifted_at.is_(None))

    def holds(role: str, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        mine = _ACCOUNT.c.program == _WITHDRAWAL.c.program, _ACCOUNT.c.creator == _WITHDRAWAL.c.creator_id
        return exists().where(_ACCOUNT.c.role == role, *mine, condition).correlate(_WITHDRAWAL)

    return and_(
        ~frozen.correlate(_WITHDRAWAL),
        holds("available", _ACCOUNT.c.balance >= 0),
        holds("reserved", _ACCOUNT.c.balance >= _WITHDRAWAL.c.amount),
    )


def rows(session: Session, batch_id: int, offset: int, limit: int) -> list[Withdrawal]:
    """A page of a batch's withdrawals: those that wait first, the largest first."""
    waits = case((_WITHDRAWAL.c.state == "requested", 0), else_=1)
    of_batch = select(Withdrawal).where(_WITHDRAWAL.c.batch_id == batch_id)
    found = of_batch.order_by(waits, _WITHDRAWAL.c.amount.desc(), _WITHDRAWAL.c.id).offset(offset).limit(limit)
    return list(session.execute(found).scalars())


def two_people(session: Session, batch_id: int, limit: int) -> list[Withdrawal]:
    """The rows that wait and need two people, the largest first."""
    found = select(Withdrawal).where(
        _WITHDRAWAL.c.batch_id == batch_id, _WITHDRAWAL.c.state == "requested", _WITHDRAWAL.c.approvals_needed > 1
    )
    return list(session.execute(found.order_by(_WITHDRAWAL.c.amount.desc(), _WITHDRAWAL.c.id).limit(limit)).scalars())


def undecided(session: Session) -> list[PayoutBatch]:
    """The batches of which something still waits, the oldest first."""
    waits = exists().where(_WITHDRAWAL.c.batch_id == _BATCH.c.id, _WITHDRAWAL.c.state == "requested")
    return list(session.execute(select(PayoutBatch).where(waits).order_by(_BATCH.c.id)).scalars())


def last_word(session: Session, batch_id: int) -> tuple[str, dt.datetime] | None:
    """Who decided something of a batch last, and when."""
    row = session.execute(
        select(_PERSON.c.name, _DECISION.c.decided_at)
        .join(_DECISION, _DECISION.c.person_id == _PERSON.c.id)
        .join(_WITHDRAWAL, _WITHDRAWAL.c.id == _DECISION.c.withdrawal_id)
        .where(_WITHDRAWAL.c.batch_id == batch_id)
        .order_by(_DECISION.c.id.desc())
        .limit(1)
    ).first()
    return None if row is None else (row[0], row[1])


def sent(session: Session, batch_id: int) -> tuple[int, int]:
    """How many of a batch are sent and not known to be paid, and what the creators are to receive."""
    net = cast(func.coalesce(func.sum(_WITHDRAWAL.c.amount - _WITHDRAWAL.c.fee), 0), BigInteger)
    open_ones = _WITHDRAWAL.c.batch_id == batch_id, _WITHDRAWAL.c.state == "sent"
    row = session.execute(select(func.count(), net).select_from(_WITHDRAWAL).where(*open_ones)).one()
    return int(row[0]), int(row[1])


def size(session: Session, batch_id: int) -> int:
    """How many withdrawals a batch made."""
    made = select(func.count()).select_from(_WITHDRAWAL).where(_WITHDRAWAL.c.batch_id == batch_id)
    return int(session.execute(made).scalar_one())
