"""/stats of projects that earn in a program of kind `credits`: figures, lines, the incentive by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from core.chat.commands.bars import Bar, bars_of, spoken_chart
from core.chat.commands.csvfiles import amount, table_csv
from core.chat.commands.own import project_handle, project_label, title_of
from core.chat.commands.stats_controls import change_words, period_options, project_options
from core.chat.registry import Call, Reply
from core.chat.words import command_line, day_text, days_text, full_day_text
from core.config import Program
from core.earnings import stats
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class Line:
    """A project's line. incentive and estimate in micro-dollars; estimate is the part of it that is not settled."""

    name: str
    program: str
    figures: stats.Figures


@dataclass(frozen=True, slots=True)
class Overview:
    """One program's totals, or one project's, and what their numbers are: `status` says settled or estimate."""

    title: str
    days: str
    status: str
    figures: stats.Figures
    change: str


def read(call: Call, programs: Sequence[Program], period: str) -> list[stats.CreatorStats]:
    """The creator's figures in each program."""
    return [
        stats.creator_stats(call.session, call.config, call.creator_id, one.slug, period, call.now) for one in programs
    ]


def one_project(call: Call, project: Project, own: Sequence[Project], period: str) -> Reply:
    """All figures of one project."""
    found = stats.project_stats(call.session, call.config, project, period, call.now)
    handle = project_handle(project, own)
    bars = bars_by_day([found])
    return call.reply(
        "stats_project",
        name=project_label(project),
        published=full_day_text(project.published_on),
        overview=overview(call, found),
        bars=bars,
        alt=spoken_chart(bars),
        periods=period_options("stats", period, project=handle),
        projects=project_options(call, own, period, project),
        explain=command_line("explain", project=handle),
        csv=command_line("stats", project=handle, period=period),
    )


def overview(call: Call, found: stats.CreatorStats) -> Overview:
    """A program's line of totals."""
    days = found.period.days
    return Overview(
        title=title_of(call.config, call.config.programs[found.program]),
        days=days_text(days.first, days.last) if days is not None else "",
        status=_status(found),
        figures=found.total,
        change=change_words(found.period, found.change, found.total.incentive > 0, compared=found.before is not None),
    )


def title_days(found: Sequence[stats.CreatorStats]) -> str:
    """The days and their state for the card's title, where they are the same in every program."""
    said = {(one.period.days.first, one.period.days.last): _status(one) for one in found if one.period.days is not None}
    if len(said) != 1:
        return ""
    ((first, last), status), *_ = said.items()
    return f"{days_text(first, last)}, {status}"


def _status(found: stats.CreatorStats) -> str:
    """What the period's numbers are (commands.md, principle 2)."""
    days, through = found.period.days, found.settled_through
    if days is None:
        return "nothing settled yet"
    if through is None or through < days.first:
        return "estimate"
    if through < days.last:
        return f"settled to {day_text(through)}, then an estimate"
    return "settled" if found.total.estimate == 0 else "settled, and an estimate for late reports"


def lines_of(call: Call, found: Sequence[stats.CreatorStats]) -> list[Line]:
    """A line per project, most earned first; deleted ones that had nothing in the period are left out."""
    lines = [
        Line(project_label(one.project), title_of(call.config, call.config.programs[part.program]), one.figures)
        for part in found
        for one in part.projects
        if one.project.deleted_at is None or one.figures != stats.Figures()
    ]
    return sorted(lines, key=lambda line: -line.figures.incentive)


def bars_by_day(found: Sequence[stats.CreatorStats]) -> list[Bar]:
    """The incentive by day over all programs."""
    sums: dict[dt.date, tuple[int, bool]] = {}
    for part in found:
        for one in part.days:
            before, estimated = sums.get(one.day, (0, False))
            estimate = estimated or not one.settled or one.figures.estimate != 0
            sums[one.day] = (before + one.figures.incentive, estimate)
    return bars_of(sums)


def project_csv(call: Call, project: Project, period: str) -> tuple[str, int]:
    """One project by day."""
    found = stats.project_stats(call.session, call.config, project, period, call.now)
    rows = [(one.day.isoformat(), *_figures(one.figures)) for one in found.days]
    return table_csv(("day", *_COLUMNS), rows)


def all_csv(call: Call, programs: Sequence[Program], period: str) -> tuple[str, int]:
    """Every project over the period."""
    lines = [
        (one.project.project_id, one.project.name, part.program, *_figures(one.figures))
        for part in read(call, programs, period)
        for one in part.projects
    ]
    return table_csv(("project_id", "project", "program", *_COLUMNS), lines)


_COLUMNS = (
    "credits_spent",
    "times_used",
    "views",
    "built_on",
    "saves",
    "incentive_settled_usd",
    "incentive_estimate_usd",
)


def _figures(figures: stats.Figures) -> tuple[object, ...]:
    return (
        amount(figures.credits),
        figures.uses,
        figures.views,
        figures.remixes,
        figures.saves,
        amount(figures.settled),
        amount(figures.estimate),
    )
