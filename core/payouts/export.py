"""CSV files of money in and out, for creators (their own) and for the desk (everybody's). Streams, oldest first.

Amounts are dollars with 6 places (`-50.000000`), times end in Z; text that a spreadsheet would run is made inert.
"""

from __future__ import annotations

import csv
import datetime as dt
import heapq
from collections.abc import Iterable, Iterator
from typing import TextIO

from sqlmodel import Session, col, select

from core.clock import end_of, iso, start_of
from core.earnings.history import everybodys_lines
from core.earnings.tables import Creator
from core.ledger.csvsafe import safe_cell
from core.ledger.money import decimal_text
from core.payouts.history import Transaction, of_adjustment, of_line, of_withdrawal, transactions
from core.payouts.tables import Adjustment, Decision, Withdrawal
from core.payouts.words import status_word
from core.people import Person

TRANSACTION_COLUMNS = (
    "at",
    "creator_id",
    "program",
    "kind",
    "source",
    "project_id",
    "day",
    "amount_usd",
    "method",
    "status",
    "note",
    "earned_by",
    "month",
)
PAYOUT_COLUMNS = (
    "id",
    "creator_id",
    "creator_name",
    "program",
    "state",
    "status",
    "amount_usd",
    "fee_usd",
    "net_usd",
    "method",
    "destination",
    "requested_at",
    "approved_at",
    "sent_at",
    "ended_at",
    "ended_by",
    "expected_from",
    "expected_by",
    "approved_by",
    "reason",
    "reference",
)
_CHUNK = 1000


def transactions_csv(
    session: Session,
    out: TextIO,
    start: dt.date | None = None,
    end: dt.date | None = None,
    creator_id: str | None = None,
    program: str | None = None,
    status: str | None = None,
) -> int:
    """Write every line of `/transactions`, one creator's or (None) everybody's; the number of lines written.

    start and end are UTC days, both included; program and status narrow one creator's. Raises UnknownStatus.
    """
    if creator_id is None:
        lines = everybodys(session, start, end)
    else:
        newest_first = transactions(session, creator_id, program, start, end, status, limit=None).rows
        lines = iter(reversed(newest_first))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(TRANSACTION_COLUMNS)
    written = 0
    for line in lines:
        writer.writerow(_transaction_row(line))
        written += 1
    return written


def _transaction_row(line: Transaction) -> tuple[str, ...]:
    return (
        iso(line.at),
        safe_cell(line.creator_id),
        safe_cell(line.program),
        line.kind,
        safe_cell(line.source),
        safe_cell(line.project_id),
        "" if line.day is None else line.day.isoformat(),
        decimal_text(line.amount),
        safe_cell(line.method),
        line.status,
        safe_cell(line.note),
        line.earned_by,
        "" if line.month is None else f"{line.month:%Y-%m}",
    )


def everybodys(session: Session, start: dt.date | None = None, end: dt.date | None = None) -> Iterator[Transaction]:
    """All creators' lines, oldest first, a few rows in memory at a time."""
    return heapq.merge(
        _earned(session, start, end),
        _adjusted(session, start, end),
        _withdrawn(session, start, end),
        key=lambda line: line.at,
    )


def _earned(session: Session, start: dt.date | None, end: dt.date | None) -> Iterator[Transaction]:
    for creator_id, line in everybodys_lines(session, start, end):
        yield of_line(creator_id, line)


def _adjusted(session: Session, start: dt.date | None, end: dt.date | None) -> Iterator[Transaction]:
    found = select(Adjustment).where(Adjustment.state == "approved")
    if start is not None:
        found = found.where(col(Adjustment.decided_at) >= start_of(start))
    if end is not None and (stop := end_of(end)) is not None:
        found = found.where(col(Adjustment.decided_at) < stop)
    ordered = found.order_by(col(Adjustment.decided_at), col(Adjustment.id))
    yield from map(of_adjustment, session.exec(ordered, execution_options={"yield_per": _CHUNK}))


def _withdrawn(session: Session, start: dt.date | None, end: dt.date | None) -> Iterator[Transaction]:
    found = select(Withdrawal)
    if start is not None:
        found = found.where(col(Withdrawal.requested_at) >= start_of(start))
    if end is not None and (stop := end_of(end)) is not None:
        found = found.where(col(Withdrawal.requested_at) < stop)
    ordered = found.order_by(col(Withdrawal.requested_at), col(Withdrawal.id))
    yield from map(of_withdrawal, session.exec(ordered, execution_options={"yield_per": _CHUNK}))


def payouts_csv(
    session: Session,
    out: TextIO,
    start: dt.date | None = None,
    end: dt.date | None = None,
    creator_id: str | None = None,
    program: str | None = None,
) -> int:
    """Write withdrawals asked for on UTC days start to end (both included), one creator's or (None) everybody's.

    A creator's own file names nobody of the desk. The number of lines written.
    """
    found = select(Withdrawal, Creator.name).join(Creator)
    if creator_id is not None:
        found = found.where(Withdrawal.creator_id == creator_id)
    if program is not None:
        found = found.where(Withdrawal.program == program)
    if start is not None:
        found = found.where(col(Withdrawal.requested_at) >= start_of(start))
    if end is not None and (stop := end_of(end)) is not None:
        found = found.where(col(Withdrawal.requested_at) < stop)
    approvers = {} if creator_id is not None else _approvers(session)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(PAYOUT_COLUMNS)
    written = 0
    for one, name in session.exec(found.order_by(col(Withdrawal.id)), execution_options={"yield_per": _CHUNK}):
        writer.writerow(_payout_row(one, name, approvers.get(one.id or 0, ()), own=creator_id is not None))
        written += 1
    return written


def _approvers(session: Session) -> dict[int, list[str]]:
    said = select(Decision.withdrawal_id, Person.name).join(Person).where(Decision.verdict == "approve")
    names: dict[int, list[str]] = {}
    for withdrawal_id, name in session.exec(said.order_by(col(Decision.id))):
        names.setdefault(withdrawal_id, []).append(name)
    return names


def _payout_row(one: Withdrawal, creator_name: str, approvers: Iterable[str], own: bool) -> tuple[str, ...]:
    ended_by = "" if own and one.state != "cancelled" else one.ended_by
    return (
        str(one.id),
        safe_cell(one.creator_id),
        safe_cell(creator_name),
        safe_cell(one.program),
        one.state,
        status_word(one.state),
        decimal_text(one.amount),
        decimal_text(one.fee),
        decimal_text(one.amount - one.fee),
        safe_cell(one.method),
        safe_cell(one.destination),
        iso(one.requested_at),
        *("" if at is None else iso(at) for at in (one.approved_at, one.sent_at, one.ended_at)),
        safe_cell(ended_by),
        *("" if day is None else day.isoformat() for day in (one.arrives_from, one.arrives_by)),
        safe_cell(", ".join(approvers)),
        safe_cell(one.reason),
        safe_cell(one.reference),
    )
