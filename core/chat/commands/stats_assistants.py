"""/stats of assistants: revenue with the creator's part beside it, and how people use each one.

Money, tokens and price are always shown; every other figure only where five or more people are behind it, which
`core.earnings.analytics` decides. A figure that is None reads "fewer than 5 users".
"""

from __future__ import annotations

from dataclasses import dataclass

from core.chat.commands.analytics_view import span_text
from core.chat.commands.csvfiles import amount
from core.chat.commands.own import title_of
from core.chat.commands.stats_controls import change_words
from core.chat.kinds import Facts, Overview, Stats, StatsDay, StatsLook
from core.chat.registry import Call
from core.chat.words import (
    approx_text,
    command_line,
    counted,
    day_text,
    days_text,
    hundredths_text,
    moment_text,
    month_text,
    percent_text,
    tenths_text,
)
from core.config import Program
from core.earnings import revenue
from core.earnings.analytics import figures
from core.earnings.periods import closes_at, month_of, next_month
from core.earnings.revenue import CreatorRevenue, RevenueFigures
from core.earnings.tables import Project

LOOK = StatsLook(
    card="stats_assistants",
    project_card="stats_assistant",
    overview_card="_revenue.card",
    chart="revenue",
    columns=(
        "tokens",
        "embed_tokens",
        "total_revenue_usd",
        "marketplace_usd",
        "embed_usd",
        "your_part_settled_usd",
        "your_part_estimate_usd",
    ),
    said=approx_text,
)


@dataclass(frozen=True, slots=True)
class AssistantNumbers:
    """An assistant's or a day's; revenue is charted, of which the creator gets a part."""

    figures: RevenueFigures

    @property
    def idle(self) -> bool:
        return self.figures == RevenueFigures()

    @property
    def use(self) -> str:
        return f"{self.figures.tokens:,} tokens"

    @property
    def share(self) -> int:
        return self.figures.total.share

    @property
    def estimate(self) -> int:
        return self.figures.total.estimate

    @property
    def charted(self) -> int:
        return self.figures.total.gross

    @property
    def cells(self) -> tuple[object, ...]:
        found, total = self.figures, self.figures.total
        return (
            found.tokens,
            found.embed_tokens,
            amount(total.gross),
            amount(found.marketplace.gross),
            amount(found.embed.gross),
            amount(total.settled),
            amount(total.estimate),
        )


def read(call: Call, program: Program, period: str) -> Stats:
    """The creator's revenue in a program."""
    asked = call.session, call.config, call.creator_id, program.slug
    return _told(call, revenue.revenue_totals(*asked, period, call.now))


def read_project(call: Call, project: Project, period: str) -> Stats:
    """One assistant's: money and tokens, which are always shown."""
    return _told(call, revenue.project_revenue(call.session, call.config, project, period, call.now))


def project_facts(call: Call, project: Project, handle: str, period: str) -> Facts:
    """How people use one assistant, and where there is more of it."""
    return {
        "metrics": metrics(call, project, period),
        "analytics": command_line("analytics", project=handle, view="peak-hours"),
    }


@dataclass(frozen=True, slots=True)
class Metrics:
    """The seed's conversation and performance metrics as text, hidden ones in words; until: the last whole day."""

    fields: tuple[tuple[str, str], ...]
    note: str


def metrics(call: Call, project: Project, period: str) -> Metrics:
    """Conversations, Messages, Unique Users, Avg. Conversation Length, Return User Rate, Rating."""
    found = figures.figures(call.session, call.config, project, period, call.now)
    rated = "" if found.rated_by is None else f" ({found.rated_by:,} rated)"
    length = tenths_text(found.average_length)
    # Who returns comes on another day: of a single one there is nothing to say.
    returned = "takes two days" if period == "today" else percent_text(found.return_rate)
    return Metrics(
        fields=(
            ("Conversations", counted(found.conversations)),
            ("Messages", counted(found.messages)),
            ("Unique Users", counted(found.users)),
            ("Avg. Conversation Length", length if found.average_length is None else f"{length} messages"),
            ("Return User Rate", returned),
            ("Rating", hundredths_text(found.rating) + (f" of 5{rated}" if found.rating is not None else "")),
        ),
        note=_metrics_note(found),
    )


def _metrics_note(found: figures.AssistantFigures) -> str:
    """What the figures of people are of: never of fewer than five, so that a bit at either end may be left out."""
    if found.period == "today":
        return "Today's conversations and messages are told at full hours, once at least 5 people are behind them."
    said = "Figures of people are shown from 5 different users on, your own use left out."
    if found.span and not found.whole:
        said += f" Conversations to Return User Rate are of {span_text(found.span)}."
    return f"{said} Rating is of {span_text(found.rated)}." if found.rated else said


def _told(call: Call, found: CreatorRevenue) -> Stats:
    return Stats(
        program=found.program,
        overview=_overview(call, found),
        projects=[(one.project, AssistantNumbers(one.figures)) for one in found.projects],
        days=[StatsDay(one.day, one.settled and one.closed, AssistantNumbers(one.figures)) for one in found.days],
    )


def _overview(call: Call, found: CreatorRevenue) -> Overview:
    """A program's line of totals."""
    days = found.period.days
    return Overview(
        title=title_of(call.config, call.config.programs[found.program]),
        span=days,
        days=days_text(days.first, days.last) if days is not None else "",
        status=_status(found),
        figures=found.total,
        change=change_words(found.period, found.change, found.total.total.gross > 0, compared=found.before is not None),
        note=_note(call, found),
    )


def _status(found: CreatorRevenue) -> str:
    """What the period's numbers are (commands.md, principle 2)."""
    if found.period.days is None:
        return "nothing settled yet"
    if found.is_estimate and found.total.total.settled == 0:
        return "estimate"
    return "partly an estimate" if found.is_estimate else "settled"


def _note(call: Call, found: CreatorRevenue) -> str:
    """When what is an estimate becomes final; empty where nothing is."""
    days, through = found.period.days, found.settled_through
    if days is None or not found.is_estimate:
        return ""
    embed = "not settled yet" if through is None else f"settled to {day_text(through)}"
    first = month_of(days.first)
    if found.closed_through is not None:
        first = max(first, next_month(found.closed_through))
    last = month_of(days.last)
    if first > last:
        return f"Embed/API revenue is {embed}. Late reports are posted with the next settlement."
    closes = closes_at(call.config.programs[found.program], last)
    months = month_text(last) if first == last else f"{month_text(first)} to {month_text(last)}"
    return (
        f"Embed/API revenue is {embed}; marketplace revenue of {months} is an estimate until the month closes, "
        f"{moment_text(closes, call.zone)}."
    )
