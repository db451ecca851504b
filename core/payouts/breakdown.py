"""Which projects a withdrawal's money came from (commands.md, `/payouts`).

Money in a balance has no colour, so the rule is the plain one: at the moment of a request, each project's part is in
proportion to what it had earned until then and no earlier withdrawal had used up; left-over micros go by largest
remainder, so that the parts sum to the amount. What waits for a month's processing counts from that processing on.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from core.earnings.history import REFERRAL, EarnedLine, earned_lines
from core.ledger import journal
from core.ledger.money import allocate
from core.payouts import adjustments, transitions
from core.payouts.tables import Adjustment, PayoutBatch, Withdrawal

# What is no project, by keys that no project's id can be.
_OTHER, _ADJUSTMENTS, _REFERRALS = "", "\n", "\r"
_NAMES = {_OTHER: "Other", _ADJUSTMENTS: "Adjustments", _REFERRALS: "Referrals"}
_GIVEN_BACK = ("rejected", "cancelled", "failed", "returned")


@dataclass(frozen=True, slots=True)
class Part:
    """What one project (or, with an empty id, something else) contributed, in micro-dollars."""

    project_id: str
    name: str
    amount: int


def breakdown(session: Session, withdrawal: Withdrawal) -> list[Part]:
    """A withdrawal's amount by project, the largest part first. Withdrawals that were given back use nothing up."""
    earned, names = _earned(session, withdrawal)
    used: dict[str, int] = {}
    for one in _up_to(session, withdrawal):
        entry = journal.find(session, transitions.entry_key(one, "request"))
        until = 0 if entry is None else entry.id or 0
        pool: dict[str, int] = {}
        for project_id, entry_id, amount in earned:
            if entry_id < until:
                pool[project_id] = pool.get(project_id, 0) + amount
        parts = _divide(one.amount, {key: max(0, size - used.get(key, 0)) for key, size in sorted(pool.items())})
        if one.id == withdrawal.id:
            found = [Part("" if key in _NAMES else key, names[key], size) for key, size in parts.items() if size]
            return sorted(found, key=lambda part: (-part.amount, part.project_id))
        for key, size in parts.items():
            used[key] = used.get(key, 0) + size
    return []


def _earned(session: Session, withdrawal: Withdrawal) -> tuple[list[tuple[str, int, int]], dict[str, str]]:
    """(project, entry, amount) of all that the creator's balance was made of, and what each project is called. The
    entry is the one that made the money available."""
    names = dict(_NAMES)
    found: list[tuple[str, int, int]] = []
    processed = _processed(session, withdrawal.program)
    for line in earned_lines(session, withdrawal.creator_id, withdrawal.program):
        entry_id = _available_by(line, processed)
        if entry_id is None:
            continue
        key = _REFERRALS if line.source == REFERRAL else line.project_id
        found.append((key, entry_id, line.amount))
        names.setdefault(key, line.project_name)
    approved = select(Adjustment).where(
        Adjustment.creator_id == withdrawal.creator_id,
        Adjustment.program == withdrawal.program,
        Adjustment.state == "approved",
    )
    for one in session.exec(approved):
        entry = journal.find(session, adjustments.entry_key(one))
        if entry is not None:
            found.append((_ADJUSTMENTS, entry.id or 0, one.amount))
    return found, names


def _processed(session: Session, program: str) -> list[tuple[dt.date, int]]:
    """(month, entry) of the program's processings, oldest first; entry 0 where nothing moved."""
    batches = select(PayoutBatch).where(PayoutBatch.program == program).order_by(col(PayoutBatch.month))
    return [(batch.month, batch.entry_id or 0) for batch in session.exec(batches)]


def _available_by(line: EarnedLine, processed: Sequence[tuple[dt.date, int]]) -> int | None:
    """The entry that made a line's money available, None while it is pending."""
    if line.bucket is None:
        return line.entry_id
    at = bisect_left(processed, (line.bucket, 0))
    return max(processed[at][1], line.entry_id) if at < len(processed) else None


def _up_to(session: Session, withdrawal: Withdrawal) -> list[Withdrawal]:
    """The withdrawals that used money up before this one, and this one, in order."""
    earlier = select(Withdrawal).where(
        Withdrawal.creator_id == withdrawal.creator_id,
        Withdrawal.program == withdrawal.program,
        Withdrawal.number < withdrawal.number,
        col(Withdrawal.state).not_in(_GIVEN_BACK),
    )
    return [*session.exec(earlier.order_by(col(Withdrawal.number))).all(), withdrawal]


def _divide(amount: int, pool: dict[str, int]) -> dict[str, int]:
    """The amount over the pool in proportion; what the pool doesn't hold is "Other"."""
    covered = min(amount, sum(pool.values()))
    parts = dict(zip(pool, allocate(covered, list(pool.values())), strict=True))
    if covered < amount:
        parts[_OTHER] = amount - covered
    return parts
