"""What the cards of /stats share, whatever kind of program they are about: menus, and words for days and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.chat.commands.own import MOST_SUGGESTIONS, project_handle, project_label
from core.chat.kinds import noun_of
from core.chat.registry import Call
from core.chat.words import command_line
from core.earnings.periods import Period
from core.earnings.tables import Project

PERIOD_LABELS = {
    "today": "Today (estimate)",
    "week": "Last 7 settled days",
    "month": "This month",
    "all": "All time",
}

Option = dict[str, object]


def change_words(period: Period, change: int | None, had: bool, *, compared: bool) -> str:
    """`+12% on the week before`; empty where nothing is compared. had: there was something in the period itself."""
    if not compared or period.before is None:
        return ""
    length = len(period.before)
    first = "first day" if length == 1 else f"first {length} days"
    span = "the week before" if period.name == "week" else f"the {first} of last month"
    if change is None:
        return f"nothing in {span}" if had else f"the same as in {span}"
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    return f"{sign}{abs(change):,}% on {span}"


def period_options(
    name: str, chosen: str, labels: Mapping[str, str] = PERIOD_LABELS, **arguments: object
) -> list[Option]:
    """The periods as a menu that types the same command again."""
    return [
        {"line": command_line(name, **arguments, period=period), "label": label, "selected": period == chosen}
        for period, label in labels.items()
    ]


def project_options(
    call: Call, own: Sequence[Project], period: str, chosen: Project | None = None, program: str | None = None
) -> list[Option]:
    """All projects together, then each one; live ones first. More than it holds are reached by typing their name."""
    ordered = sorted(own, key=lambda one: one.deleted_at is not None)
    everything: Option = {
        "line": command_line("stats", period=period, program=program),
        "label": f"All {noun_of(call.config, {one.program for one in own})}s",
        "selected": chosen is None,
    }
    return [
        everything,
        *(
            {
                "line": command_line("stats", project=project_handle(one, own), period=period),
                "label": project_label(one),
                "selected": chosen is not None and one.project_id == chosen.project_id,
            }
            for one in ordered[: MOST_SUGGESTIONS - 1]
        ),
    ]
