"""/explain: the formula with one project-day's numbers, and where it stands in the books (commands.md, "Mock-ups")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

from core.chat.commands.own import (
    MOST_SUGGESTIONS,
    narrowed,
    own_projects,
    project_handle,
    project_label,
)
from core.chat.kinds import face_of
from core.chat.registry import Arg, Call, Reply, command
from core.chat.words import command_line, day_text, full_day_text
from core.clock import DAY, utc_day
from core.config import Program
from core.earnings import catalog, stats
from core.earnings.tables import Project
from core.errors import DeskError

MENU_DAYS = 14


class DayToCome(DeskError):
    """{day} is still to come, so there is nothing to explain. Nothing changed."""


class NoProjects(DeskError):
    """You have no projects here yet, so there is nothing to explain. Nothing changed."""


@command("explain", "Why an amount is what it is", topic="earnings", sample='"Logo Lab" 13 Jan')
def explain(
    call: Call,
    project: Annotated[str | None, Arg("Which project; without: what earned most", suggest=own_projects)] = None,
    date: Annotated[dt.date | None, Arg("Which UTC day; without: the latest settled one")] = None,
) -> Reply:
    """One project-day: the formula, own use left out, the terms in force, the ledger entry."""
    own = catalog.projects_of(call.session, call.creator_id)
    if not own:
        raise NoProjects
    today = utc_day(call.now)
    if date is not None and date > today:
        raise DayToCome(day=full_day_text(date))
    chosen, day, picked = _pick(call, own, project, date)
    said = said_day(day, today)
    shared: dict[str, object] = {
        "name": project_label(chosen),
        "day": said,
        "picked": picked,
        "today": day == today,
        "projects": _project_menu(own, chosen, day),
        "days": _day_menu(call, own, chosen, day),
        "stats": command_line("stats", project=project_handle(chosen, own)),
    }
    face = face_of(call.config.programs[chosen.program])
    return Reply(call.card(face.explain_card, **shared, **face.explain(call, chosen, day, said)))


def said_day(day: dt.date, today: dt.date) -> str:
    """13 Jan; with its year where that is another one."""
    return day_text(day) if day.year == today.year else full_day_text(day)


def _pick(call: Call, own: Sequence[Project], wanted: str | None, date: dt.date | None) -> tuple[Project, dt.date, str]:
    """The project-day to explain, and which choice the desk made itself: "" for none, "day", "project" or "both"."""
    if wanted is not None:
        project = catalog.find_project(call.session, call.creator_id, wanted)
        return project, date or _latest(call, project.program), "" if date is not None else "day"
    by_id = {project.project_id: project for project in own}
    programs = [program for program in narrowed(call, None) if any(one.program == program.slug for one in own)]
    if date is not None:
        return by_id[_top_on(call, programs, own, date)], date, "project"
    latest = [stats.latest_earning(call.session, call.creator_id, program.slug) for program in programs]
    known = [found for found in latest if found is not None and found[0] in by_id]
    if known:
        project_id, day = max(known, key=lambda found: found[1])
        return by_id[project_id], day, "both"
    live = min(own, key=lambda one: (one.deleted_at is not None, one.name.casefold()))
    return live, _latest(call, live.program), "both"


def _latest(call: Call, program: str) -> dt.date:
    """The program's last settled day; before its first settlement today, as an estimate."""
    return stats.settled_through(call.session, program) or utc_day(call.now)


def _top_on(call: Call, programs: Sequence[Program], own: Sequence[Project], day: dt.date) -> str:
    """The id of the project that earned most on a day, or would; where none did, the one with most use."""
    found = [
        one
        for program in programs
        for one in face_of(program).earned_on(
            call, program, [one.project_id for one in own if one.program == program.slug], day
        )
    ]
    if not found:
        return min(own, key=lambda one: (one.deleted_at is not None, one.name.casefold())).project_id
    return max(found)[2]


def _project_menu(own: Sequence[Project], chosen: Project, day: dt.date) -> list[dict[str, object]]:
    ordered = sorted(own, key=lambda one: (one is not chosen, one.deleted_at is not None))
    return [
        {
            "line": command_line("explain", project=project_handle(one, own), date=day.isoformat()),
            "label": project_label(one),
            "selected": one is chosen,
        }
        for one in ordered[:MOST_SUGGESTIONS]
    ]


def _day_menu(call: Call, own: Sequence[Project], chosen: Project, day: dt.date) -> list[dict[str, object]]:
    """Today (an estimate), the latest days before it, and the day on show if it is older."""
    today = utc_day(call.now)
    days = sorted({day, *(today - DAY * back for back in range(MENU_DAYS))}, reverse=True)
    through = stats.settled_through(call.session, chosen.program)
    handle = project_handle(chosen, own)
    return [
        {
            "line": command_line("explain", project=handle, date=one.isoformat()),
            "label": f"{said_day(one, today)} ({'settled' if through is not None and one <= through else 'estimate'})",
            "selected": one == day,
        }
        for one in days
    ]
