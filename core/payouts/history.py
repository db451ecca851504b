"""A creator's money line by line, newest first: what settled, what was asked for, what was corrected (`/transactions`).

Amounts are micro-dollars and signed as the balance felt them: earnings up, withdrawals down. A withdrawal that was
rejected, cancelled, failed or returned is listed with its amount and that status; its money is back.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session, col, select

from core.clock import end_of, start_of
from core.earnings.history import EarnedLine, earned_lines, place
from core.errors import InvalidInput
from core.payouts.guard import shown_id
from core.payouts.tables import Adjustment, Withdrawal
from core.payouts.words import STATUSES, states_of, status_word

SETTLED = "settled"
ALL_STATUSES = (SETTLED, *STATUSES)
_ORDER = ("earning", "adjustment", "withdrawal")  # of the same moment: money comes before it goes


class UnknownStatus(InvalidInput):
    """There is no status '{status}'. Choose one of: {known}."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One line. kind: "earning", "withdrawal" or "adjustment"; at: posted, requested or decided (UTC).

    source: the project's name, "Referral commission", "WD-12" or "Adjustment"; number: the withdrawal's or adjustment's
    id, the entry's for earnings; day: the UTC day earned for, month (its first day) for marketplace and commissions;
    earned_by: "embed", "marketplace" or "referral" for earnings of assistants; note: "late usage for 13 Jan",
    "Marketplace, Jan 2026", or a reason.
    """

    kind: str
    at: dt.datetime
    creator_id: str
    program: str
    source: str
    amount: int
    method: str
    status: str
    number: int
    project_id: str = ""
    day: dt.date | None = None
    note: str = ""
    earned_by: str = ""
    month: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines, and whether older ones follow."""

    rows: tuple[Transaction, ...]
    offset: int
    older: bool


def of_line(creator_id: str, line: EarnedLine) -> Transaction:
    """A settled project-day, or month, as a line."""
    return Transaction(
        kind="earning",
        at=line.posted_at,
        creator_id=creator_id,
        program=line.program,
        source=line.project_name,
        amount=line.amount,
        method="",
        status=SETTLED,
        number=line.entry_id,
        project_id=line.project_id,
        day=line.day if line.month is None else None,
        note=line.words,
        earned_by=line.source,
        month=line.month,
    )


def of_withdrawal(withdrawal: Withdrawal) -> Transaction:
    """A withdrawal as a line, dated when it was asked for."""
    return Transaction(
        kind="withdrawal",
        at=withdrawal.requested_at,
        creator_id=withdrawal.creator_id,
        program=withdrawal.program,
        source=shown_id(withdrawal.id),
        amount=-withdrawal.amount,
        method=withdrawal.method,
        status=status_word(withdrawal.state),
        number=withdrawal.id or 0,
        note=withdrawal.reason,
    )


def of_adjustment(adjustment: Adjustment) -> Transaction:
    """A correction by hand as a line, dated when it took effect."""
    return Transaction(
        kind="adjustment",
        at=adjustment.decided_at or adjustment.proposed_at,
        creator_id=adjustment.creator_id,
        program=adjustment.program,
        source="Adjustment",
        amount=adjustment.amount,
        method="",
        status=SETTLED,
        number=adjustment.id or 0,
        note=adjustment.reason,
    )


def transactions(
    session: Session,
    creator_id: str,
    program: str | None = None,
    start: dt.date | None = None,
    end: dt.date | None = None,
    status: str | None = None,
    offset: int = 0,
    limit: int | None = 10,
) -> Page:
    """A page of a creator's lines; start and end are UTC days, both included. limit None: all of them.

    Raises UnknownStatus.
    """
    if status is not None and status not in ALL_STATUSES:
        raise UnknownStatus(status=status, known=", ".join(ALL_STATUSES))
    most = None if limit is None else offset + limit + 1  # of each kind: any of them may fill the page
    found: list[Transaction] = []
    if status in (None, SETTLED):
        lines = earned_lines(session, creator_id, program, start, end, limit=most)
        found += [of_line(creator_id, line) for line in lines]
        found += [of_adjustment(one) for one in _adjustments(session, creator_id, program, start, end, most)]
    if status != SETTLED:
        states = () if status is None else states_of(status)
        found += [of_withdrawal(one) for one in _withdrawals(session, creator_id, program, start, end, states, most)]
    found.sort(key=_newest_first)
    stop = len(found) if limit is None else offset + limit
    return Page(tuple(found[offset:stop]), offset, older=len(found) > stop)


def _newest_first(line: Transaction) -> tuple[float, int, int, int, int, str]:
    within = place(line.day, line.month, line.earned_by)
    return -line.at.timestamp(), -_ORDER.index(line.kind), -line.number, *within, line.project_id


def _withdrawals(
    session: Session,
    creator_id: str,
    program: str | None,
    start: dt.date | None,
    end: dt.date | None,
    states: tuple[str, ...],
    most: int | None,
) -> list[Withdrawal]:
    found = select(Withdrawal).where(Withdrawal.creator_id == creator_id)
    if program is not None:
        found = found.where(Withdrawal.program == program)
    if start is not None:
        found = found.where(col(Withdrawal.requested_at) >= start_of(start))
    if end is not None and (stop := end_of(end)) is not None:
        found = found.where(col(Withdrawal.requested_at) < stop)
    if states:
        found = found.where(col(Withdrawal.state).in_(states))
    newest = found.order_by(col(Withdrawal.requested_at).desc(), col(Withdrawal.id).desc())
    return list(session.exec(newest.limit(most)).all())


def _adjustments(
    session: Session,
    creator_id: str,
    program: str | None,
    start: dt.date | None,
    end: dt.date | None,
    most: int | None,
) -> list[Adjustment]:
    found = select(Adjustment).where(Adjustment.creator_id == creator_id, Adjustment.state == "approved")
    if program is not None:
        found = found.where(Adjustment.program == program)
    if start is not None:
        found = found.where(col(Adjustment.decided_at) >= start_of(start))
    if end is not None and (stop := end_of(end)) is not None:
        found = found.where(col(Adjustment.decided_at) < stop)
    newest = found.order_by(col(Adjustment.decided_at).desc(), col(Adjustment.id).desc())
    return list(session.exec(newest.limit(most)).all())
