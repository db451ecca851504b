"""/analytics: when people use an assistant, what they ask, where they stop, and what it earns (commands.md).

Everything comes from `core.earnings.analytics`, which hides what concerns fewer than five people; the card and the CSV
file are made of the same dataclass, so that neither can say more than the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from core.chat.commands import analytics_money, analytics_use
from core.chat.commands.analytics_view import View
from core.chat.commands.csvfiles import csv_of, csv_reply, table_csv
from core.chat.commands.own import MOST_SUGGESTIONS, is_of, own_projects, project_handle, project_label
from core.chat.commands.stats_controls import period_options
from core.chat.registry import Arg, Call, Reply, Suggestion, command
from core.chat.words import command_line
from core.earnings import catalog
from core.earnings.programs import ASSISTANTS
from core.earnings.tables import Project
from core.errors import DeskError

ViewName = Literal["peak-hours", "questions", "drop-offs", "growth", "sources", "ratings", "per-user"]
PeriodName = Literal["week", "month", "all"]

TITLES = {
    "peak-hours": "Peak Hours",
    "questions": "Popular Questions",
    "drop-offs": "Drop-off Points",
    "growth": "Growth Trends",
    "sources": "Source Distribution",
    "ratings": "Ratings",
    "per-user": "Per-User Value",
}
PERIODS = {"week": "Last 7 settled days", "month": "This month", "all": "All time"}


class NoAssistants(DeskError):
    """Nothing to show: you have no assistants on this desk. Nothing changed."""


class NotAnAssistant(DeskError):
    """Only assistants have analytics; {name} is a project that earns credits. /stats has its figures."""


def own_assistants(call: Call, text: str) -> Iterator[Suggestion]:
    """The person's assistants whose name or id contains what is typed."""
    return own_projects(call, text, ASSISTANTS)


@command(
    "analytics",
    "How people use an assistant of yours",
    topic="earnings",
    sample='"Tax Buddy" peak-hours',
    kind=ASSISTANTS,
)
def analytics(
    call: Call,
    project: Annotated[str, Arg("Which assistant", suggest=own_assistants)],
    view: Annotated[ViewName, Arg("What to look at")] = "peak-hours",
    period: Annotated[PeriodName, Arg("Over which days, where that can be chosen")] = "month",
) -> Reply:
    """One view of one assistant: a chart, what it means in a sentence, and menus to the others."""
    chosen, own = _chosen(call, project)
    handle = project_handle(chosen, own)
    found = _view(call, chosen, view, period)
    return call.reply(
        "analytics",
        name=project_label(chosen),
        view_title=TITLES[view],
        view=found,
        views=[
            {
                "line": command_line("analytics", project=handle, view=name, period=period),
                "label": title,
                "selected": name == view,
            }
            for name, title in TITLES.items()
        ],
        periods=(period_options("analytics", period, PERIODS, project=handle, view=view) if found.has_period else []),
        projects=[
            {
                "line": command_line("analytics", project=project_handle(one, own), view=view, period=period),
                "label": project_label(one),
                "selected": one.project_id == chosen.project_id,
            }
            for one in _listed(call, own, chosen)
        ],
        csv=command_line("analytics", project=handle, view=view, period=period) if found.rows else "",
        stats=command_line("stats", project=handle),
    )


def _chosen(call: Call, wanted: str) -> tuple[Project, list[Project]]:
    own = catalog.projects_of(call.session, call.creator_id)
    if not any(is_of(call.config, one, ASSISTANTS) for one in own):
        raise NoAssistants
    chosen = catalog.find_project(call.session, call.creator_id, wanted)
    if not is_of(call.config, chosen, ASSISTANTS):
        raise NotAnAssistant(name=project_label(chosen))
    return chosen, list(own)


def _listed(call: Call, own: list[Project], chosen: Project) -> list[Project]:
    mine = [one for one in own if is_of(call.config, one, ASSISTANTS)]
    mine.sort(key=lambda one: (one.project_id != chosen.project_id, one.deleted_at is not None))
    return mine[:MOST_SUGGESTIONS]


def _view(call: Call, project: Project, view: str, period: str) -> View:
    if view in analytics_use.VIEWS:
        return analytics_use.VIEWS[view](call, project)
    return analytics_money.VIEWS[view](call, project, period)


@csv_of("analytics")
def export(call: Call, project: str, view: str = "peak-hours", period: str = "month") -> Reply:
    """The view's rows as a file: what the card may not say, it doesn't say either."""
    chosen, _ = _chosen(call, project)
    found = _view(call, chosen, view, period)
    text, rows = table_csv(found.header, found.rows)
    return csv_reply(call, f"analytics-{view}" + (f"-{period}" if found.has_period else ""), text, rows)
