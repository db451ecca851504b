"""/stats of projects that earn in a program of kind `credits`: figures, and the incentive by day."""

from __future__ import annotations

from dataclasses import dataclass

from core.chat.commands.csvfiles import amount
from core.chat.commands.own import title_of
from core.chat.commands.stats_controls import change_words
from core.chat.kinds import Overview, Stats, StatsDay, StatsLook
from core.chat.registry import Call
from core.chat.words import day_text, days_text
from core.config import Program
from core.earnings import stats
from core.earnings.tables import Project

LOOK = StatsLook(
    card="stats",
    project_card="stats_project",
    overview_card="_stats_credits.card",
    chart="incentive",
    columns=(
        "credits_spent",
        "times_used",
        "views",
        "built_on",
        "saves",
        "incentive_settled_usd",
        "incentive_estimate_usd",
    ),
)


@dataclass(frozen=True, slots=True)
class CreditsNumbers:
    """A project's or a day's; the incentive is the creator's part."""

    figures: stats.Figures

    @property
    def idle(self) -> bool:
        return self.figures == stats.Figures()

    @property
    def use(self) -> str:
        return f"{self.figures.uses:,} times used"

    @property
    def share(self) -> int:
        return self.figures.incentive

    @property
    def estimate(self) -> int:
        return self.figures.estimate

    @property
    def charted(self) -> int:
        return self.figures.incentive

    @property
    def cells(self) -> tuple[object, ...]:
        figures = self.figures
        return (
            amount(figures.credits),
            figures.uses,
            figures.views,
            figures.remixes,
            figures.saves,
            amount(figures.settled),
            amount(figures.estimate),
        )


def read(call: Call, program: Program, period: str) -> Stats:
    """The creator's figures in a program."""
    asked = call.session, call.config, call.creator_id, program.slug
    return _told(call, stats.creator_stats(*asked, period, call.now))


def read_project(call: Call, project: Project, period: str) -> Stats:
    """One project's."""
    return _told(call, stats.project_stats(call.session, call.config, project, period, call.now))


def _told(call: Call, found: stats.CreatorStats) -> Stats:
    return Stats(
        program=found.program,
        overview=_overview(call, found),
        projects=[(one.project, CreditsNumbers(one.figures)) for one in found.projects],
        days=[StatsDay(one.day, one.settled, CreditsNumbers(one.figures)) for one in found.days],
    )


def _overview(call: Call, found: stats.CreatorStats) -> Overview:
    """A program's line of totals."""
    days = found.period.days
    return Overview(
        title=title_of(call.config, call.config.programs[found.program]),
        span=days,
        days=days_text(days.first, days.last) if days is not None else "",
        status=_status(found),
        figures=found.total,
        change=change_words(found.period, found.change, found.total.incentive > 0, compared=found.before is not None),
    )


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
