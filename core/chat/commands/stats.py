"""/stats: what projects did over a period, settled or estimated, with a chart by day (commands.md, "Mock-ups").

What a kind of program counts is its face's; who earns in several kinds sees them all, apart.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from core.chat.commands.bars import Bar, bars_of, spoken_chart
from core.chat.commands.csvfiles import MIME, csv_of, csv_reply, table_csv
from core.chat.commands.own import narrowed, own_programs, own_projects, project_handle, project_label
from core.chat.commands.paging import MOST_PAGES, Pages
from core.chat.commands.stats_controls import period_options, project_options
from core.chat.kinds import FACES, Face, Numbers, Overview, Stats, face_of
from core.chat.registry import Arg, Call, File, Reply, command
from core.chat.words import command_line, days_text, full_day_text
from core.config import Program
from core.earnings import catalog
from core.earnings.tables import Project

PeriodName = Literal["today", "week", "month", "all"]


@dataclass(frozen=True, slots=True)
class Line:
    """A project's line; program: as people call it."""

    name: str
    program: str
    numbers: Numbers

    @property
    def figures(self) -> object:
        return self.numbers.figures


@dataclass(frozen=True, slots=True)
class Part:
    """Everything of one kind of program."""

    face: Face
    found: Sequence[Stats]

    @property
    def overviews(self) -> list[Overview]:
        return [one.overview for one in self.found]

    @property
    def lines(self) -> list[Line]:
        """A line per project, the most first; deleted ones that had nothing in the period are left out."""
        lines = [
            Line(project_label(project), one.overview.title, numbers)
            for one in self.found
            for project, numbers in one.projects
            if project.deleted_at is None or not numbers.idle
        ]
        return sorted(lines, key=lambda line: -line.numbers.charted)


@dataclass(frozen=True, slots=True)
class Chart:
    """A kind's money by day, and the same in words."""

    what: str
    bars: list[Bar]
    alt: str


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
        return _one(call, catalog.find_project(call.session, call.creator_id, project), own, period)
    parts = _read(call, narrowed(call, program), period)
    if len(parts) > 1:
        return _several(call, own, parts, period, page)
    (part,) = parts
    lines = part.lines
    pages = Pages(page, len(lines), "stats", {"period": period, "program": program})
    card = call.card(
        part.face.look.card,
        overviews=part.overviews,
        several=len(part.found) > 1,
        days=_title_days(part.overviews),
        lines=lines[pages.first : pages.end],
        charts=[_chart(part)],
        pages=pages,
        noun=part.face.words.noun,
        **_controls(call, own, period, program),
    )
    return Reply(card)


def _read(call: Call, programs: Sequence[Program], period: str) -> list[Part]:
    """The programs' figures, kind by kind."""
    found = [(face, [one for one in programs if one.kind == kind]) for kind, face in FACES.items()]
    return [Part(face, [face.stats(call, one, period) for one in mine]) for face, mine in found if mine]


def _one(call: Call, project: Project, own: Sequence[Project], period: str) -> Reply:
    """All figures of one project."""
    face, handle = face_of(call.config.programs[project.program]), project_handle(project, own)
    found = face.project_stats(call, project, period)
    card = call.card(
        face.look.project_card,
        name=project_label(project),
        published=full_day_text(project.published_on),
        overview=found.overview,
        charts=[_chart(Part(face, [found]))],
        periods=period_options("stats", period, project=handle),
        projects=project_options(call, own, period, project),
        explain=command_line("explain", project=handle),
        csv=command_line("stats", project=handle, period=period),
        **face.project_facts(call, project, handle, period),
    )
    return Reply(card)


def _several(call: Call, own: Sequence[Project], parts: Sequence[Part], period: str, page: int) -> Reply:
    """Kinds apart: totals and a chart of each; the list has what every line of it has."""
    lines = sorted((line for part in parts for line in part.lines), key=lambda line: -line.numbers.share)
    pages = Pages(page, len(lines), "stats", {"period": period})
    card = call.card(
        "stats_several",
        parts=parts,
        nouns=" and ".join(f"{part.face.words.noun}s" for part in parts),
        lines=lines[pages.first : pages.end],
        charts=[_chart(part) for part in parts],
        pages=pages,
        noun="project",
        **_controls(call, own, period, None),
    )
    return Reply(card)


def _chart(part: Part) -> Chart:
    """By day over all programs of a kind."""
    sums: dict[dt.date, tuple[int, bool]] = {}
    for found in part.found:
        for one in found.days:
            before, estimated = sums.get(one.day, (0, False))
            estimate = estimated or not one.final or one.numbers.estimate != 0
            sums[one.day] = (before + one.numbers.charted, estimate)
    bars = bars_of(sums)
    look = part.face.look
    return Chart(look.chart, bars, spoken_chart(bars, look.chart, look.said))


def _title_days(overviews: Sequence[Overview]) -> str:
    """The days and their state for the card's title, where they are the same in every program."""
    said = {(one.span.first, one.span.last): one.status for one in overviews if one.span is not None}
    if len(said) != 1:
        return ""
    ((first, last), status), *_ = said.items()
    return f"{days_text(first, last)}, {status}"


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
        face = face_of(call.config.programs[chosen.program])
        rows = [(one.day.isoformat(), *one.numbers.cells) for one in face.project_stats(call, chosen, period).days]
        return csv_reply(call, f"stats-{period}-by-day", *table_csv(("day", *face.look.columns), rows))
    parts = [(part.face.words.noun, *_table(part)) for part in _read(call, narrowed(call, program), period)]
    if len(parts) == 1:
        ((_, text, count),) = parts
        return csv_reply(call, f"stats-{period}", text, count)
    files = [File(f"stats-{period}-{noun}s.csv", text.encode(), MIME) for noun, text, _ in parts]
    rows_in_all = sum(count for _, _, count in parts)
    return call.reply("csv", files=files, name=" and ".join(file.name for file in files), rows=rows_in_all)


def _table(part: Part) -> tuple[str, int]:
    """Every project of a kind over the period."""
    rows = [
        (project.project_id, project.name, one.program, *numbers.cells)
        for one in part.found
        for project, numbers in one.projects
    ]
    return table_csv(("project_id", part.face.words.noun, "program", *part.face.look.columns), rows)
