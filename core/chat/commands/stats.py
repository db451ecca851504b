"""/stats: what projects did over a period, settled or estimated, with a chart by day (commands.md, "Mock-ups")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Literal

from core.chat.commands.csvfiles import amount, csv_of, csv_reply, table_csv
from core.chat.commands.own import (
    MOST_SUGGESTIONS,
    narrowed,
    own_programs,
    own_projects,
    project_handle,
    project_label,
    title_of,
)
from core.chat.commands.paging import MOST_PAGES, Pages
from core.chat.limits import LIMITS
from core.chat.registry import Arg, Call, Reply, command
from core.chat.words import MONTHS, command_line, day_text, days_text, full_day_text, plural, weekday_text
from core.earnings import catalog, stats
from core.earnings.tables import Project
from core.ledger.money import decimal_text, format_money

PeriodName = Literal["today", "week", "month", "all"]
PERIOD_LABELS = {
    "today": "Today (estimate)",
    "week": "Last 7 settled days",
    "month": "This month",
    "all": "All time",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the chart: a UTC day, or a month where there are too many days. micros: settled and estimated."""

    label: str
    spoken: str
    micros: int
    estimate: bool

    @property
    def value(self) -> str:
        return decimal_text(self.micros)


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


@command("stats", "How your projects do", topic="earnings", sample='"Logo Lab" month')
def stats_command(
    call: Call,
    project: Annotated[str | None, Arg("Which project; all of them without", suggest=own_projects)] = None,
    period: Annotated[PeriodName, Arg("Over which days")] = "week",
    *,
    program: Annotated[str | None, Arg("Only in this program", suggest=own_programs)] = None,
    page: Annotated[int, Arg("Page", minimum=1, maximum=MOST_PAGES)] = 1,
) -> Reply:
    """Total Views, Credits Spent, Total Incentive and a line per project; or all figures of one project."""
    own = catalog.projects_of(call.session, call.creator_id)
    if project is not None:
        return _one(call, catalog.find_project(call.session, call.creator_id, project), own, period)
    found = _read_all(call, period, program)
    lines = _lines(call, found)
    pages = Pages(page, len(lines), "stats", {"period": period, "program": program})
    return call.reply(
        "stats",
        overviews=[_overview(call, one) for one in found],
        several=len(found) > 1,
        days=_title_days(found),
        lines=lines[pages.first : pages.end],
        bars=_bars(found),
        alt=spoken_chart(_bars(found)),
        periods=_period_options(None, program, period),
        projects=_project_options(own, period, program=program),
        csv=command_line("stats", period=period, program=program),
        pages=pages,
    )


def _read_all(call: Call, period: str, program: str | None) -> list[stats.CreatorStats]:
    return [
        stats.creator_stats(call.session, call.config, call.creator_id, one.slug, period, call.now)
        for one in narrowed(call, program)
    ]


def _one(call: Call, project: Project, own: Sequence[Project], period: str) -> Reply:
    found = stats.project_stats(call.session, call.config, project, period, call.now)
    handle = project_handle(project, own)
    bars = _bars([found])
    return call.reply(
        "stats_project",
        name=project_label(project),
        published=full_day_text(project.published_on),
        overview=_overview(call, found),
        bars=bars,
        alt=spoken_chart(bars),
        periods=_period_options(handle, None, period),
        projects=_project_options(own, period, project),
        explain=command_line("explain", project=handle),
        csv=command_line("stats", project=handle, period=period),
    )


def _overview(call: Call, found: stats.CreatorStats) -> Overview:
    days = found.period.days
    return Overview(
        title=title_of(call.config, call.config.programs[found.program]),
        days=days_text(days.first, days.last) if days is not None else "",
        status=_status(found),
        figures=found.total,
        change=_change(found),
    )


def _title_days(found: Sequence[stats.CreatorStats]) -> str:
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


def _change(found: stats.CreatorStats) -> str:
    """`+12% on the week before`; empty where nothing is compared."""
    before = found.before
    if before is None or found.period.before is None:
        return ""
    length = len(found.period.before)
    span = "the week before" if found.period.name == "week" else f"the first {plural(length, 'day')} of last month"
    if found.change is None:
        return f"nothing in {span}" if found.total.incentive > 0 else f"the same as in {span}"
    sign = "+" if found.change > 0 else "−" if found.change < 0 else "±"
    return f"{sign}{abs(found.change):,}% on {span}"


def _lines(call: Call, found: Sequence[stats.CreatorStats]) -> list[Line]:
    """A line per project, most earned first; deleted ones that had nothing in the period are left out."""
    lines = [
        Line(project_label(one.project), title_of(call.config, call.config.programs[part.program]), one.figures)
        for part in found
        for one in part.projects
        if one.project.deleted_at is None or one.figures != stats.Figures()
    ]
    return sorted(lines, key=lambda line: -line.figures.incentive)


def _bars(found: Sequence[stats.CreatorStats]) -> list[Bar]:
    """The incentive by day over all programs; by month where a picture can't show so many days."""
    sums: dict[dt.date, tuple[int, bool]] = {}
    for part in found:
        for one in part.days:
            before, estimated = sums.get(one.day, (0, False))
            estimate = estimated or not one.settled or one.figures.estimate != 0
            sums[one.day] = (before + one.figures.incentive, estimate)
    days = sorted(sums)
    if len(days) < 2:
        return []
    if len(days) <= LIMITS["points"]:
        return [Bar(day_text(day), weekday_text(day), *sums[day]) for day in days]
    months = [
        (year, month, [sums[day] for day in group])
        for (year, month), group in groupby(days, key=lambda day: (day.year, day.month))
    ]
    if len(months) > LIMITS["points"]:
        by_year = groupby(months, key=lambda entry: entry[0])
        return [_sum_bar(str(year), [cell for entry in group for cell in entry[2]]) for year, group in by_year]
    return [_sum_bar(f"{MONTHS[month - 1]} {year}", cells) for year, month, cells in months]


def _sum_bar(label: str, cells: Sequence[tuple[int, bool]]) -> Bar:
    return Bar(label, label, sum(micros for micros, _ in cells), any(estimate for _, estimate in cells))


def spoken_chart(bars: Sequence[Bar]) -> str:
    """The chart in words: `Daily incentive rises to $8.00 on Mon 12, then $5.00. Total $41.20.`"""
    if not bars:
        return ""
    daily = "Daily incentive" if bars[0].label != bars[0].spoken else "Incentive"
    total = format_money(sum(bar.micros for bar in bars))
    note = " The last bar is an estimate." if bars[-1].estimate and not bars[0].estimate else ""
    if all(bar.micros == 0 for bar in bars):
        return f"{daily}: nothing from {bars[0].spoken} to {bars[-1].spoken}.{note}"
    if len({bar.micros for bar in bars}) == 1:
        each = "day" if bars[0].label != bars[0].spoken else "bar"
        return f"{daily} stays at {format_money(bars[0].micros)} every {each}. Total {total}.{note}"
    top = max(bars, key=lambda bar: bar.micros)
    last = bars[-1]
    if top is last:
        story = f"{daily} rises to {format_money(top.micros)} on {top.spoken}, the last and highest"
    elif top is bars[0]:
        story = f"{daily} is highest at the start, {format_money(top.micros)} on {top.spoken}, then {_last(last)}"
    else:
        story = (
            f"{daily} rises to {format_money(top.micros)} on {top.spoken}, then {_last(last, bars.index(top), bars)}"
        )
    return f"{story}. Total {total}.{note}"


def _last(last: Bar, top: int | None = None, bars: Sequence[Bar] = ()) -> str:
    """How it ends: `$5.00` right after the top, else `$5.00 on Tue 13`."""
    at_once = top is not None and top == len(bars) - 2
    return format_money(last.micros) if at_once else f"{format_money(last.micros)} on {last.spoken}"


def _period_options(project: str | None, program: str | None, chosen: str) -> list[dict[str, object]]:
    return [
        {
            "line": command_line("stats", project=project, period=name, program=program),
            "label": label,
            "selected": name == chosen,
        }
        for name, label in PERIOD_LABELS.items()
    ]


def _project_options(
    own: Sequence[Project], period: str, chosen: Project | None = None, program: str | None = None
) -> list[dict[str, object]]:
    """All projects together, then each one; live ones first. More than it holds are reached by typing their name."""
    ordered = sorted(own, key=lambda one: one.deleted_at is not None)
    return [
        {
            "line": command_line("stats", period=period, program=program),
            "label": "All projects",
            "selected": chosen is None,
        }
    ] + [
        {
            "line": command_line("stats", project=project_handle(one, own), period=period),
            "label": project_label(one),
            "selected": chosen is not None and one.project_id == chosen.project_id,
        }
        for one in ordered[: MOST_SUGGESTIONS - 1]
    ]


@csv_of("stats")
def stats_csv(call: Call, project: str | None = None, period: str = "week", program: str | None = None) -> Reply:
    """One project by day, or every project over the period."""
    if project is not None:
        found = stats.project_stats(
            call.session, call.config, catalog.find_project(call.session, call.creator_id, project), period, call.now
        )
        rows = [(one.day.isoformat(), *_figures(one.figures)) for one in found.days]
        text, count = table_csv(("day", *_COLUMNS), rows)
        return csv_reply(call, f"stats-{period}-by-day", text, count)
    parts = _read_all(call, period, program)
    lines = [
        (one.project.project_id, one.project.name, part.program, *_figures(one.figures))
        for part in parts
        for one in part.projects
    ]
    text, count = table_csv(("project_id", "project", "program", *_COLUMNS), lines)
    return csv_reply(call, f"stats-{period}", text, count)


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
