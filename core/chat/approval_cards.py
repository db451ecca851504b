"""What the cards that people act on say: read from the books when they are drawn, not when they were written.

So a copy that is delivered late, or repainted, shows the truth, and who decided and when.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from sqlmodel import Session

from core import people
from core.chat.words import PLATFORMS
from core.config import DeskConfig
from core.earnings.periods import month_name
from core.earnings.tables import Creator
from core.ledger import accounts
from core.payouts import adjustments, batches, withdrawals
from core.payouts.batch_approvals import MOST_AT_ONCE
from core.payouts.guard import clock_time
from core.payouts.views import approval_view

Facts = Mapping[str, object]
Fresh = Callable[[Session, DeskConfig, dt.datetime, Facts], Facts]


def approval(session: Session, config: DeskConfig, now: dt.datetime, facts: Facts) -> Facts:
    """templates/unasked/approval.card and to_pay.card: a withdrawal, as it stands now."""
    view = approval_view(session, config, now, withdrawals.find(session, _id(facts, "withdrawal")))
    decisions = [
        {
            "who": said.name,
            "at": clock_time(said.at, now),
            "where": PLATFORMS.get(said.surface, said.surface),
            "verdict": said.verdict,
            "reason": said.reason,
        }
        for said in view.decisions
    ]
    since = view.destination_since
    return {
        "program": view.program,
        "view": view,
        "decisions": decisions,
        "days": None if since is None else max(0, (now - since).days),
        "nth": ordinal(view.nth_payout),
        "ended_at": clock_time(view.ended_at, now) if view.ended_at else "",
    }


def adjustment(session: Session, _config: DeskConfig, now: dt.datetime, facts: Facts) -> Facts:
    """templates/unasked/adjustment.card: a proposed correction, as it stands now."""
    found = adjustments.find(session, _id(facts, "adjustment"))
    decided = found.decided_by is not None
    return {
        "program": found.program,
        "id": found.id,
        "amount": found.amount,
        "reason": found.reason,
        "state": found.state,
        "creator": session.get_one(Creator, found.creator_id).name,
        "balance": accounts.wallet(session, found.program, found.creator_id).available,
        "proposer": people.actor(session, found.proposed_by).name,
        "proposed_at": clock_time(found.proposed_at, now),
        "decider": people.actor(session, found.decided_by or 0).name if decided else "",
        "decided_at": clock_time(found.decided_at or now, now) if decided else "",
    }


def batch(session: Session, _config: DeskConfig, now: dt.datetime, facts: Facts) -> Facts:
    """templates/unasked/batch.card: the withdrawals of one monthly payout, as far as they are decided now."""
    found = batches.find(session, _id(facts, "batch"))
    last = batches.last_word(session, _id(facts, "batch"))
    return {
        "program": found.program,
        "batch": found.id,
        "month": month_name(found.month),
        "standing": batches.standing(session, _id(facts, "batch")),
        "most": MOST_AT_ONCE,
        "last": "" if last is None else last[0],
        "last_at": "" if last is None else clock_time(last[1], now),
    }


def to_pay_together(session: Session, _config: DeskConfig, _now: dt.datetime, facts: Facts) -> Facts:
    """templates/unasked/batch_to_pay.card: what of a monthly payout was handed over and waits to be paid by hand."""
    found = batches.find(session, _id(facts, "batch"))
    count, total = batches.sent(session, _id(facts, "batch"))
    return {"program": found.program, "month": month_name(found.month), "count": count, "total": total}


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th."""
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{suffix}"


def _id(facts: Facts, name: str) -> int:
    value = facts[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} is {value!r}")
    return value


FRESH: Mapping[str, Fresh] = {
    "unasked/approval": approval,
    "unasked/to_pay": approval,
    "unasked/adjustment": adjustment,
    "unasked/batch": batch,
    "unasked/batch_to_pay": to_pay_together,
}
