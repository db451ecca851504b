"""How many people have to approve a withdrawal (domain.md, "Withdrawals", Approval)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from sqlmodel import Session, col, select

from core.config import DeskConfig
from core.payouts.facts import WithdrawalChanged
from core.payouts.guard import id_of
from core.payouts.tables import Withdrawal
from core.storage import publish

WINDOW = dt.timedelta(hours=24)
NOT_COUNTED = ("rejected", "cancelled")

Request = tuple[dt.datetime, int]  # when, and how many micro-dollars


def most_in_a_day(this: Request, others: Iterable[Request], now: dt.datetime) -> int:
    """The most (micro-dollars) that a creator asked for within any 24 hours that hold this request, or within the last
    24 hours together with it. Judged so, no request is let through more easily for having waited."""
    at, amount = this
    known = list(others)
    ends = [at, *(when for when, _ in known if at <= when < at + WINDOW), now]
    return max(amount + sum(size for when, size in known if end - WINDOW < when <= end) for end in ends)


def approvals_needed(config: DeskConfig, this: Request, others: Iterable[Request], now: dt.datetime) -> int:
    """1, or 2 different people where the creator's requests together reach `two_person_from`."""
    return 2 if most_in_a_day(this, others, now) >= config.two_person_from_micros else 1


def counted(session: Session, creator_id: str) -> Sequence[Withdrawal]:
    """A creator's requests, in all programs, that were neither rejected nor cancelled, the oldest first."""
    found = select(Withdrawal).where(Withdrawal.creator_id == creator_id, col(Withdrawal.state).not_in(NOT_COUNTED))
    return session.exec(found.order_by(col(Withdrawal.id))).all()


def needed_for_new(session: Session, config: DeskConfig, now: dt.datetime, creator_id: str, amount: int) -> int:
    """How many approvals a request of this amount would need if it were made now."""
    others = [(other.requested_at, other.amount) for other in counted(session, creator_id)]
    return approvals_needed(config, (now, amount), others, now)


def reconsider(session: Session, config: DeskConfig, now: dt.datetime, creator_id: str) -> None:
    """Judge a creator's undecided requests again: another request came or went. Cards that now lie are told of."""
    known = counted(session, creator_id)
    for one in known:
        if one.state != "requested":
            continue
        others = [(other.requested_at, other.amount) for other in known if other.id != one.id]
        needed = approvals_needed(config, (one.requested_at, one.amount), others, now)
        if needed != one.approvals_needed:
            one.approvals_needed = needed
            session.add(one)
            session.flush()
            publish(session, WithdrawalChanged(id_of(one), one.state, now))
