"""The first seed's "Frequently Asked Questions", answered with the creator's own figures; drawn by
templates/_help_credits.card. Each has the word that /help takes for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.chat.commands.balance_credits import balance_in
from core.chat.commands.methods import methods_in
from core.chat.commands.payouts import expected_text
from core.chat.kinds import Facts
from core.chat.registry import Call
from core.clock import DAY, utc_day
from core.config import Program
from core.earnings import catalog, stats
from core.earnings.daily import cells_between
from core.earnings.periods import next_settlement
from core.ledger.money import CENT, format_money
from core.payouts import guard, views
from core.payouts.tables import Withdrawal
from core.payouts.words import status_word

QUESTIONS = {
    "paid": "When do I get paid?",
    "duration": "How long does a withdrawal take?",
    "credits-spent": "What counts as 'Credits Spent'?",
    "incentive": "Why is my incentive less than Credits spent?",
    "country": "Can I withdraw to any country?",
    "maximum": "What's the maximum I can withdraw?",
    "real-time": "Can I see real-time earnings?",
    "deleted": "What if I delete a project - do I lose earnings?",
}


@dataclass(frozen=True, slots=True)
class Week:
    """The last 7 settled days: micro-credits spent by others, platform costs and own use; micro-dollars earned."""

    days: tuple[dt.date, dt.date] | None
    credits: int
    costs: int
    own: int
    earned: int
    share_bp: int


@dataclass(frozen=True, slots=True)
class Deleted:
    """Deleted projects of a program: how many, and what they earned, in micro-dollars."""

    count: int
    earned: int


def figures_for(call: Call, key: str, program: Program) -> Facts:
    """What the answer to a question of QUESTIONS needs."""
    return FIGURES[key](call, program)


def _balance(call: Call, program: Program) -> Facts:
    found = balance_in(call, program)
    return {
        "balance": found,
        "next_at": next_settlement(program, call.now),
        "clock": f"{program.settle_at:%H:%M} UTC",
        "most": max(0, found.available) // CENT * CENT,
    }


def _ways(call: Call, program: Program) -> Facts:
    waiting = views.open_of(call.session, call.creator_id, program.slug)
    return {"methods": methods_in(call, program), "open": [_open(one) for one in waiting]}


def _open(one: Withdrawal) -> str:
    """`WD-12: $50.00, processing, expected 16–20 Jan`."""
    expected = expected_text(one)
    tail = f", expected {expected}" if expected else ""
    return f"{guard.shown_id(one.id)}: {format_money(one.amount)}, {status_word(one.state)}{tail}"


def _week(call: Call, program: Program) -> Facts:
    through = stats.settled_through(call.session, program.slug)
    share_bp = program.terms_on(utc_day(call.now)).share_bp
    if through is None:
        return {"week": Week(None, 0, 0, 0, 0, share_bp)}
    days = stats.Days(through - DAY * 6, through)
    ids = [one.project_id for one in catalog.projects_of(call.session, call.creator_id, program.slug)]
    found = cells_between(call.session, program, ids, days) if ids else []
    return {
        "week": Week(
            days=(days.first, days.last),
            credits=sum(cell.credits for cell in found),
            costs=sum(cell.cost for cell in found),
            own=sum(cell.own_credits for cell in found),
            earned=sum(cell.settled for cell in found),
            share_bp=share_bp,
        )
    }


def _deleted(call: Call, program: Program) -> Facts:
    found = stats.creator_stats(call.session, call.config, call.creator_id, program.slug, "all", call.now)
    gone = [one for one in found.projects if one.project.deleted_at is not None]
    return {
        "deleted": Deleted(len(gone), sum(one.figures.settled for one in gone)),
        "balance": balance_in(call, program),
    }


FIGURES: Mapping[str, Callable[[Call, Program], Facts]] = {
    "paid": _balance,
    "duration": _ways,
    "credits-spent": _week,
    "incentive": _week,
    "country": _ways,
    "maximum": _balance,
    "real-time": _balance,
    "deleted": _deleted,
}
