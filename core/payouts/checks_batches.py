"""Checks of monthly payouts: batches against the ledger, what waits against what was paid out, batches' withdrawals.

Set-based, each naming what is wrong where, as in core.payouts.checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Row, Select, String, and_, case, cast, func, literal, not_, or_, select
from sqlmodel import Session

from core.earnings.month_tables import PendingMonth
from core.earnings.tables import ProgramState
from core.ledger.tables import Account, Entry, Transfer
from core.ledger.verify import MOST_SHOWN, Finding
from core.payouts.processing import PROCESSING, entry_key
from core.payouts.tables import PayoutBatch, Withdrawal
from core.storage import table_of

_BATCH, _PENDING, _WITHDRAWAL = table_of(PayoutBatch), table_of(PendingMonth), table_of(Withdrawal)
_ENTRY, _TRANSFER, _ACCOUNT, _PROGRAM = (table_of(one) for one in (Entry, Transfer, Account, ProgramState))


def _entries(session: Session) -> tuple[list[str], str]:
    """Each processing's entry belongs to its batch and moved what the batch says, between one creator's own wallets."""
    up, down = _ACCOUNT.alias("credit"), _ACCOUNT.alias("debit")
    own = and_(up.c.creator == down.c.creator, up.c.program == down.c.program, up.c.creator != "")
    gained = case((and_(up.c.role == "available", down.c.role == "pending", own), _TRANSFER.c.amount), else_=0)
    lost = case((and_(up.c.role == "pending", down.c.role == "available", own), _TRANSFER.c.amount), else_=0)
    moved = (
        select(
            _ENTRY.c.id,
            _ENTRY.c.key,
            func.max(down.c.program).label("program"),
            cast(func.sum(gained - lost), BigInteger).label("moved"),
            func.sum(case((gained + lost == 0, 1), else_=0)).label("strange"),
        )
        .join(_TRANSFER, _TRANSFER.c.entry_id == _ENTRY.c.id)
        .join(up, up.c.id == _TRANSFER.c.credit_id)
        .join(down, down.c.id == _TRANSFER.c.debit_id)
        .where(_ENTRY.c.kind == PROCESSING)
        .group_by(_ENTRY.c.id, _ENTRY.c.key)
        .subquery()
    )
    fits = and_(moved.c.moved == _BATCH.c.moved, moved.c.strange == 0, moved.c.program == _BATCH.c.program)
    statement = (
        select(moved.c.id, moved.c.key)
        .outerjoin(_BATCH, _BATCH.c.entry_id == moved.c.id)
        .where(or_(_BATCH.c.id.is_(None), not_(fits)))
        .order_by(moved.c.id)
    )
    wrong = [f"entry {row.id} ({row.key}) is not what its monthly payout says" for row in _some(session, statement)]
    batches = select(_BATCH, _ENTRY.c.key, _ENTRY.c.kind).outerjoin(_ENTRY, _ENTRY.c.id == _BATCH.c.entry_id)
    found = session.execute(batches.order_by(_BATCH.c.id)).all()  # one a program and month: never many
    for row in found:
        said = (row.key, row.kind) == (entry_key(row.program, row.month), PROCESSING)
        if not said if row.entry_id is not None else row.moved != 0:
            wrong.append(f"the payout of {row.program} for {row.month:%Y-%m} has no ledger entry of its own")
    return wrong, f"{len(found)} monthly payouts are in the ledger"


def _emptied(session: Session) -> tuple[list[str], str]:
    """Each program remembers its last batch's month, and nothing waits for a processing that was."""
    last = (
        select(_BATCH.c.program, func.max(_BATCH.c.month).label("month")).group_by(_BATCH.c.program).subquery("newest")
    )
    forgot = (
        select(_PROGRAM.c.slug)
        .outerjoin(last, last.c.program == _PROGRAM.c.slug)
        .where(
            or_(
                and_(_PROGRAM.c.processed_month.is_(None), last.c.month.is_not(None)),
                and_(_PROGRAM.c.processed_month.is_not(None), last.c.month.is_(None)),
                _PROGRAM.c.processed_month != last.c.month,
            )
        )
        .order_by(_PROGRAM.c.slug)
    )
    wrong = [f"{row.slug} is not paid out through the month of its last batch" for row in _some(session, forgot)]
    stuck = (
        select(_PENDING.c.program, _PENDING.c.creator_id, _PENDING.c.month)
        .join(_PROGRAM, _PROGRAM.c.slug == _PENDING.c.program)
        .where(_PENDING.c.month <= _PROGRAM.c.processed_month)
        .order_by(_PENDING.c.program, _PENDING.c.creator_id, _PENDING.c.month)
    )
    wrong += [
        f"{row.creator_id} still has money in {row.program} for {row.month:%Y-%m}, which was paid out"
        for row in _some(session, stuck)
    ]
    return wrong, "what waits, waits for a payout that is to come"


def _waiting(session: Session) -> tuple[list[str], str]:
    """Each creator's pending balance is the sum of what waits for each month's payout."""
    sums = (
        select(_PENDING.c.program, _PENDING.c.creator_id, cast(func.sum(_PENDING.c.amount), BigInteger).label("amount"))
        .group_by(_PENDING.c.program, _PENDING.c.creator_id)
        .subquery("waiting")
    )
    mine = and_(sums.c.program == _ACCOUNT.c.program, sums.c.creator_id == _ACCOUNT.c.creator)
    off = (
        select(_ACCOUNT.c.program, _ACCOUNT.c.creator)
        .outerjoin(sums, mine)
        .where(_ACCOUNT.c.role == literal("pending", String), _ACCOUNT.c.balance != func.coalesce(sums.c.amount, 0))
        .order_by(_ACCOUNT.c.program, _ACCOUNT.c.creator)
    )
    wrong = [f"{row.program}:pending:{row.creator} is not what waits for its payouts" for row in _some(session, off)]
    return wrong, "pending balances are what waits for each month's payout"


def _withdrawals(session: Session) -> tuple[list[str], str]:
    """Each withdrawal that names a batch is of that batch's program, and a creator has one in it at most."""
    lost = (
        select(_WITHDRAWAL.c.id)
        .outerjoin(_BATCH, _BATCH.c.id == _WITHDRAWAL.c.batch_id)
        .where(
            _WITHDRAWAL.c.batch_id.is_not(None),
            or_(
                _BATCH.c.id.is_(None),
                _BATCH.c.program != _WITHDRAWAL.c.program,
                _BATCH.c.processed_at != _WITHDRAWAL.c.requested_at,
            ),
        )
        .order_by(_WITHDRAWAL.c.id)
    )
    wrong = [f"WD-{row.id} names a monthly payout that did not make it" for row in _some(session, lost)]
    twice = (
        select(_WITHDRAWAL.c.batch_id, _WITHDRAWAL.c.creator_id)
        .where(_WITHDRAWAL.c.batch_id.is_not(None))
        .group_by(_WITHDRAWAL.c.batch_id, _WITHDRAWAL.c.creator_id)
        .having(func.count() > 1)
        .order_by(_WITHDRAWAL.c.batch_id, _WITHDRAWAL.c.creator_id)
    )
    wrong += [f"{row.creator_id} is paid twice by monthly payout {row.batch_id}" for row in _some(session, twice)]
    count = session.execute(select(func.count()).where(_WITHDRAWAL.c.batch_id.is_not(None))).scalar_one()
    return wrong, f"{count} withdrawals came with monthly payouts"


CHECKS: Sequence[tuple[str, Finding]] = (
    ("monthly payouts and entries", _entries),
    ("monthly payouts and what waits", _emptied),
    ("pending balances", _waiting),
    ("monthly payouts and withdrawals", _withdrawals),
)


def _some(session: Session, statement: Select[Any]) -> Sequence[Row[Any]]:
    return session.execute(statement.limit(MOST_SHOWN + 1)).all()
