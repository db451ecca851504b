"""/explain of an assistant: its day's embed revenue, and its part of the month's subscriptions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from core.chat.kinds import Facts, OnDay
from core.chat.registry import Call
from core.chat.words import approx_text, month_text, share_text
from core.config import Program
from core.earnings import revenue
from core.earnings.explain import Posted
from core.earnings.explain_assistants import AssistantExplanation, assistant_explanation
from core.earnings.periods import Days, next_settlement, settles_at
from core.earnings.tables import Project
from core.ledger.money import format_money


@dataclass(frozen=True, slots=True)
class Entries:
    """What was posted for a day or a month: title is which of them; waiting: what was reported since, micro-dollars."""

    title: str
    posted: tuple[Posted, ...]
    waiting: int


def facts(call: Call, project: Project, day: dt.date, said_day: str) -> Facts:
    """What templates/explain_assistant.card shows, but for its menus."""
    program = call.config.programs[project.program]
    found = assistant_explanation(call.session, call.config, project, day, call.now)
    month = month_text(found.marketplace.month)
    return {
        "found": found,
        "rows": _rows(found, said_day, month),
        "month": month,
        # A day without revenue on the marketplace is as final as its embed revenue.
        "estimate": not found.embed.settled or (not found.marketplace.settled and found.marketplace.of_day.gross != 0),
        "of_day": found.embed.amount + found.marketplace.of_day.share,
        "entries": (
            Entries(f"Embed/API, {said_day}", found.embed.posted, found.embed.waiting),
            Entries(f"Marketplace, {month}", found.marketplace.posted, found.marketplace.waiting),
        ),
        "settles_at": max(settles_at(program, day), next_settlement(program, call.now)),
        "next_at": next_settlement(program, call.now),
    }


def _rows(found: AssistantExplanation, said_day: str, month: str) -> list[tuple[str, str]]:
    """The formulas line by line, as people read them."""
    embed, market = found.embed, found.marketplace
    return [
        (f"Tokens through Embed/API, {said_day}", f"{embed.tokens:,}"),
        ("× your price", f"{format_money(embed.price)} a million tokens"),
        ("= revenue", format_money(embed.gross)),
        (f"× {share_text(found.terms.share_bp)}, your part", _said(embed.amount, embed.settled)),
        (f"Marketplace tokens, {month}", f"{market.tokens:,}"),
        ("Its slices of subscriptions", _said(market.gross, market.settled)),
        (f"× {share_text(market.terms.share_bp)}, your part", _said(market.amount, market.settled)),
        (f"Of that, {said_day}", _said(market.of_day.share, market.settled)),
    ]


def _said(amount: int, settled: bool) -> str:
    return format_money(amount) if settled else f"about {approx_text(amount)} (estimate)"


def earned_on(call: Call, program: Program, project_ids: Sequence[str], day: dt.date) -> list[OnDay]:
    """What each assistant with use on a day earned its creator, or would: (share, tokens, project id)."""
    cells = revenue.revenue_days(call.session, call.config, program, project_ids, Days(day, day), call.now)
    return [(cell.embed.share + cell.marketplace.share, cell.tokens, cell.project_id) for cell in cells]
