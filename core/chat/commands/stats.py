"""/stats: what projects did over a period, settled or estimated, with a chart by day (commands.md, "Mock-ups").

How a kind of program is shown is `stats_credits` and `stats_assistants`; who earns in both kinds sees both, apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from core.chat.commands import stats_assistants, stats_credits
from core.chat.commands.bars import Bar, spoken_chart
from core.chat.commands.csvfiles import MIME, csv_of, csv_reply
from core.chat.commands.own import narrowed, own_programs, own_projects
from core.chat.commands.paging import MOST_PAGES, Pages
from core.chat.commands.stats_controls import is_assistant, period_options, project_options
from core.chat.registry import Arg, Call, File, Reply, command
from core.chat.words import approx_text, command_line
from core.config import Program
from core.earnings import catalog
from core.earnings.programs import ASSISTANTS
from core.earnings.tables import Project

__all__ = ["Bar", "spoken_chart"]

PeriodName = Literal["today", "week", "month", "all"]


@dataclass(frozen=True, slots=True)
class Part:
    """A line of the list over both kinds. share: the creator's part in micro-dollars, `estimate` of it not settled."""

    name: str
    program: str
    use: str
    share: int
    estimate: int


@command("stats", "How your projects do", topic="earnings", sample='"Logo Lab" month')
def stats_command(
    call: Call,
    project: Annotated[str | None, Arg("Which project; all of them without", suggest=own_projects)] = None,
    period: Annotated[PeriodName, Arg("Over which days")] = "week",
    *,
    program: Annotated[str | None, Arg("Only in this program", suggest=own_programs)] = None,
    page: Annotated[int, Arg("Page", minimum=1, maximum=MOST_PAGES)] = 1,
) -> Reply:
    """Totals and a line per project or assistant; or all figures of one."""
    own = catalog.projects_of(call.session, call.creator_id)
    if project is not None:
        chosen = catalog.find_project(call.session, call.creator_id, project)
        if is_assistant(call.config, chosen):
            return stats_assistants.one_project(call, chosen, own, period)
        return stats_credits.one_project(call, chosen, own, period)
    credits_, assistants = _by_kind(narrowed(call, program))
    if not assistants:
        return _credits(call, own, credits_, period, program, page)
    if not credits_:
        return _assistants(call, own, assistants, period, program, page)
    return _both(call, own, credits_, assistants, period, page)


def _by_kind(programs: Sequence[Program]) -> tuple[list[Program], list[Program]]:
    assistants = [one for one in programs if one.kind == ASSISTANTS]
    return [one for one in programs if one not in assistants], assistants


def _credits(
    call: Call, own: Sequence[Project], programs: Sequence[Program], period: str, program: str | None, page: int
) -> Reply:
    found = stats_credits.read(call, programs, period)
    lines = stats_credits.lines_of(call, found)
    pages = Pages(page, len(lines), "stats", {"period": period, "program": program})
    bars = stats_credits.bars_by_day(found)
    card = call.card(
        "stats",
        overviews=[stats_credits.overview(call, one) for one in found],
        several=len(found) > 1,
        days=stats_credits.title_days(found),
        lines=lines[pages.first : pages.end],
        bars=bars,
        alt=spoken_chart(bars),
        pages=pages,
        **_controls(call, own, period, program),
    )
    return Reply(card)


def _assistants(
    call: Call, own: Sequence[Project], programs: Sequence[Program], period: str, program: str | None, page: int
) -> Reply:
    found = stats_assistants.read(call, programs, period)
    lines = stats_assistants.lines_of(call, found)
    pages = Pages(page, len(lines), "stats", {"period": period, "program": program})
    bars = stats_assistants.bars_by_day(found)
    card = call.card(
        "stats_assistants",
        overviews=[stats_assistants.overview(call, one) for one in found],
        several=len(found) > 1,
        lines=lines[pages.first : pages.end],
        bars=bars,
        alt=spoken_chart(bars, "revenue", approx_text),
        pages=pages,
        **_controls(call, own, period, program),
    )
    return Reply(card)


def _both(
    call: Call,
    own: Sequence[Project],
    credits_: Sequence[Program],
    assistants: Sequence[Program],
    period: str,
    page: int,
) -> Reply:
    """Both kinds, apart: totals and a chart of each; the list has what every line of it has."""
    studio = stats_credits.read(call, credits_, period)
    desk = stats_assistants.read(call, assistants, period)
    lines = [
        Part(one.name, one.program, f"{one.figures.uses:,} times used", one.figures.incentive, one.figures.estimate)
        for one in stats_credits.lines_of(call, studio)
    ]
    lines += [
        Part(one.name, one.program, f"{one.figures.tokens:,} tokens", one.money.share, one.money.estimate)
        for one in stats_assistants.lines_of(call, desk)
    ]
    lines.sort(key=lambda line: -line.share)
    pages = Pages(page, len(lines), "stats", {"period": period})
    incentive, revenue = stats_credits.bars_by_day(studio), stats_assistants.bars_by_day(desk)
    card = call.card(
        "stats_both",
        credits=[stats_credits.overview(call, one) for one in studio],
        assistants=[stats_assistants.overview(call, one) for one in desk],
        lines=lines[pages.first : pages.end],
        incentive=incentive,
        incentive_alt=spoken_chart(incentive),
        revenue=revenue,
        revenue_alt=spoken_chart(revenue, "revenue", approx_text),
        pages=pages,
        **_controls(call, own, period, None),
    )
    return Reply(card)


def _controls(call: Call, own: Sequence[Project], period: str, program: str | None) -> dict[str, object]:
    return {
        "periods": period_options("stats", period, program=program),
        "projects": project_options(call, own, period, program=program),
        "csv": command_line("stats", period=period, program=program),
    }


@csv_of("stats")
def stats_csv(call: Call, project: str | None = None, period: str = "week", program: str | None = None) -> Reply:
    """One project by day, or every project over the period; a file for each kind of program."""
    if project is not None:
        chosen = catalog.find_project(call.session, call.creator_id, project)
        by_day = stats_assistants.project_csv if is_assistant(call.config, chosen) else stats_credits.project_csv
        return csv_reply(call, f"stats-{period}-by-day", *by_day(call, chosen, period))
    credits_, assistants = _by_kind(narrowed(call, program))
    if not assistants:
        return csv_reply(call, f"stats-{period}", *stats_credits.all_csv(call, credits_, period))
    text, rows = stats_assistants.all_csv(call, assistants, period)
    if not credits_:
        return csv_reply(call, f"stats-{period}", text, rows)
    first, count = stats_credits.all_csv(call, credits_, period)
    files = [
        File(f"stats-{period}-projects.csv", first.encode(), MIME),
        File(f"stats-{period}-assistants.csv", text.encode(), MIME),
    ]
    return call.reply("csv", files=files, name=" and ".join(file.name for file in files), rows=count + rows)
