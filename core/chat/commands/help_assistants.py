"""The second seed's questions, answered with the creator's own figures; drawn by templates/_help_assistants.card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.chat.commands.balance_assistants import assistants_in
from core.chat.commands.own import project_label
from core.chat.commands.review import tips_for
from core.chat.kinds import Facts
from core.chat.registry import Call
from core.chat.words import counted
from core.clock import utc_day
from core.config import Program
from core.earnings import revenue
from core.earnings.analytics import figures, users
from core.earnings.revenue import CreatorRevenue, RevenueFigures

QUESTIONS = {
    "paid": "When will I get paid?",
    "lower": "Why are my earnings lower than expected?",
    "increase": "How do I increase my earnings?",
    "who": "Can I see who's using my assistant?",
}


@dataclass(frozen=True, slots=True)
class Lower:
    """This month beside the same days of the last one: tokens by others, own tokens, money, the creator's share."""

    now: RevenueFigures
    before: RevenueFigures | None
    estimate: bool
    share_bp: int


@dataclass(frozen=True, slots=True)
class Who:
    """The assistant with the most revenue this month: how many use it, as text, and how many of them are named."""

    name: str
    users: str
    shared: int


def figures_for(call: Call, key: str, program: Program) -> Facts:
    """What the answer to a question of QUESTIONS needs."""
    return FIGURES[key](call, program)


def _paid(call: Call, program: Program) -> Facts:
    return {"balance": assistants_in(call, program)}


def _month(call: Call, program: Program) -> CreatorRevenue:
    return revenue.revenue_totals(call.session, call.config, call.creator_id, program.slug, "month", call.now)


def _lower(call: Call, program: Program) -> Facts:
    found = _month(call, program)
    share_bp = program.terms_on(utc_day(call.now)).share_bp
    return {"lower": Lower(found.total, found.before, found.is_estimate, share_bp)}


def _increase(call: Call, program: Program) -> Facts:
    return {"tips": tips_for(call, program, "month")}


def _who(call: Call, program: Program) -> Facts:
    found = _month(call, program)
    if not found.projects:
        return {"who": None}
    top = found.projects[0].project
    use = figures.figures(call.session, call.config, top, "month", call.now)
    named = users.revenue_per_user(call.session, call.config, top, "month", call.now)
    count = len(named.shared) + named.more
    return {"who": Who(project_label(top), counted(use.users), count)}


FIGURES: Mapping[str, Callable[[Call, Program], Facts]] = {
    "paid": _paid,
    "lower": _lower,
    "increase": _increase,
    "who": _who,
}
