"""/stats of assistants: revenue with the creator's part beside it, and how people use each one.

Money, tokens and price are always shown; every other figure only where five or more people are behind it, which
`core.earnings.analytics` decides. A figure that is None reads "fewer than 5 users".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from core.chat.commands.analytics_view import span_text
from core.chat.commands.bars import Bar, bars_of, spoken_chart
from core.chat.commands.csvfiles import amount, table_csv
from core.chat.commands.own import project_handle, project_label, title_of
from core.chat.commands.stats_controls import change_words, period_options, project_options
from core.chat.registry import Call, Reply
from core.chat.words import (
    approx_text,
    command_line,
    counted,
    day_text,
    days_text,
    full_day_text,
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
from core.earnings.revenue import CreatorRevenue, Money, RevenueFigures
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class Line:
    """An assistant's line."""

    name: str
    program: str
    figures: RevenueFigures

    @property
    def money(self) -> Money:
        return self.figures.total


@dataclass(frozen=True, slots=True)
class Overview:
    """One program's totals, or one assistant's; `status` says settled or estimate, `note` what settles when."""

    title: str
    days: str
    status: str
    figures: RevenueFigures
    change: str
    note: str


def read(call: Call, programs: Sequence[Program], period: str) -> list[CreatorRevenue]:
    """The creator's revenue in each program."""
    return [
        revenue.revenue_totals(call.session, call.config, call.creator_id, one.slug, period, call.now)
        for one in programs
    ]


def one_project(call: Call, project: Project, own: Sequence[Project], period: str) -> Reply:
    """Every figure of one assistant."""
    found = revenue.project_revenue(call.session, call.config, project, period, call.now)
    handle = project_handle(project, own)
    bars = bars_by_day([found])
    return call.reply(
        "stats_assistant",
        name=project_label(project),
        published=full_day_text(project.published_on),
        overview=overview(call, found),
        metrics=metrics(call, project, period),
        bars=bars,
        alt=spoken_chart(bars, "revenue", approx_text),
        periods=period_options("stats", period, project=handle),
        projects=project_options(call, own, period, project),
        explain=command_line("explain", project=handle),
        analytics=command_line("analytics", project=handle, view="peak-hours"),
        csv=command_line("stats", project=handle, period=period),
    )


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


def overview(call: Call, found: CreatorRevenue) -> Overview:
    """A program's line of totals."""
    days = found.period.days
    return Overview(
        title=title_of(call.config, call.config.programs[found.program]),
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


def lines_of(call: Call, found: Sequence[CreatorRevenue]) -> list[Line]:
    """A line per assistant, largest revenue first; deleted ones that had nothing in the period are left out."""
    lines = [
        Line(project_label(one.project), title_of(call.config, call.config.programs[part.program]), one.figures)
        for part in found
        for one in part.projects
        if one.project.deleted_at is None or one.figures != RevenueFigures()
    ]
    return sorted(lines, key=lambda line: -line.money.gross)


def bars_by_day(found: Sequence[CreatorRevenue]) -> list[Bar]:
    """Total Revenue by day over all programs."""
    sums: dict[dt.date, tuple[int, bool]] = {}
    for part in found:
        for one in part.days:
            before, estimated = sums.get(one.day, (0, False))
            estimate = estimated or not (one.settled and one.closed) or one.figures.total.estimate != 0
            sums[one.day] = (before + one.figures.total.gross, estimate)
    return bars_of(sums)


def project_csv(call: Call, project: Project, period: str) -> tuple[str, int]:
    """One assistant by day: money and tokens, which are always shown."""
    found = revenue.project_revenue(call.session, call.config, project, period, call.now)
    rows = [(one.day.isoformat(), *_figures(one.figures)) for one in found.days]
    return table_csv(("day", *_COLUMNS), rows)


def all_csv(call: Call, programs: Sequence[Program], period: str) -> tuple[str, int]:
    """Every assistant over the period."""
    lines = [
        (one.project.project_id, one.project.name, part.program, *_figures(one.figures))
        for part in read(call, programs, period)
        for one in part.projects
    ]
    return table_csv(("project_id", "assistant", "program", *_COLUMNS), lines)


_COLUMNS = (
    "tokens",
    "embed_tokens",
    "total_revenue_usd",
    "marketplace_usd",
    "embed_usd",
    "your_part_settled_usd",
    "your_part_estimate_usd",
)


def _figures(found: RevenueFigures) -> tuple[object, ...]:
    return (
        found.tokens,
        found.embed_tokens,
        amount(found.total.gross),
        amount(found.marketplace.gross),
        amount(found.embed.gross),
        amount(found.total.settled),
        amount(found.total.estimate),
    )
