"""What creators read of their earnings: a period's figures, by project and by day, settled or estimated (commands.md).

Read from the roll-up and the settled lines; no figure here costs more with more raw events.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, cast, func, select
from sqlmodel import Session

from core.clock import utc_day
from core.config import DeskConfig, Program
from core.earnings.daily import Cell, cells_between, cells_on, first_day, lines_of, waiting_days
from core.earnings.differences import LINE, PROJECT
from core.earnings.explain import Explanation, explanation, latest_earning
from core.earnings.history import EarnedLine, earned_lines
from core.earnings.periods import (
    PERIODS,
    Days,
    Period,
    UnknownPeriod,
    change_percent,
    day_name,
    late_label,
    next_settlement,
    period_of,
)
from core.earnings.platform import PlatformDay, TopProject, platform_day
from core.earnings.tables import ProgramState, Project
from core.storage import is_postgres, table_of

__all__ = [
    "PERIODS",
    "CreatorStats",
    "DayFigures",
    "Days",
    "EarnedLine",
    "Estimate",
    "Explanation",
    "Figures",
    "Period",
    "PlatformDay",
    "ProjectFigures",
    "TopProject",
    "UnknownPeriod",
    "change_percent",
    "creator_stats",
    "day_name",
    "earned_lines",
    "explanation",
    "late_label",
    "latest_earning",
    "next_settlement",
    "platform_day",
    "project_stats",
    "settled_through",
    "today_estimate",
    "total_earned",
]

_PROGRAM = table_of(ProgramState)


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over project-days. credits: micro-credits spent by others ("Credits Spent"). uses: "Times Used"; remixes:
    "Built On". settled: micro-dollars in the ledger; estimate: what usage known now would add when it is settled.
    """

    credits: int = 0
    uses: int = 0
    remixes: int = 0
    views: int = 0
    saves: int = 0
    settled: int = 0
    estimate: int = 0

    @property
    def incentive(self) -> int:
        """Settled and estimated together, in micro-dollars."""
        return self.settled + self.estimate


@dataclass(frozen=True, slots=True)
class ProjectFigures:
    """A project's figures of the period; the project may be deleted (`deleted_at`)."""

    project: Project
    figures: Figures


@dataclass(frozen=True, slots=True)
class DayFigures:
    """A UTC day's figures. settled: the day was settled; later usage for it can still wait in `figures.estimate`."""

    day: dt.date
    settled: bool
    figures: Figures


@dataclass(frozen=True, slots=True)
class CreatorStats:
    """A creator's period in one program, all projects or one.

    change: how many percent the incentive grew on the period before; None where there is nothing to compare with.
    projects: every one, most earned first. days: every day of the period, oldest first; `all` begins with the first
    usage. settled_through: the program's last settled day. is_estimate: whether any part of the figures is.
    """

    program: str
    period: Period
    total: Figures
    before: Figures | None
    change: int | None
    projects: tuple[ProjectFigures, ...]
    days: tuple[DayFigures, ...]
    settled_through: dt.date | None

    @property
    def is_estimate(self) -> bool:
        days = self.period.days
        return self.total.estimate != 0 or (
            days is not None and (self.settled_through is None or days.last > self.settled_through)
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """What usage known now would add, in micro-dollars: of `day`, the current UTC day, and of days before it that wait
    for settlement. settles_at: when the next settlement is due (it settles the days before, not `day`)."""

    day: dt.date
    today: int
    before: int
    settles_at: dt.datetime


def settled_through(session: Session, program: str) -> dt.date | None:
    """The program's last settled UTC day, None before its first settlement."""
    day: dt.date | None = session.execute(_SETTLED_THROUGH, {"program": program}).scalar_one_or_none()
    return day


def creator_stats(
    session: Session, config: DeskConfig, creator_id: str, program: str, period: str, now: dt.datetime
) -> CreatorStats:
    """All of a creator's projects in one program over a named period; UnknownPeriod for a name that is none."""
    projects = session.execute(_PROJECTS, {"creator": creator_id, "program": program}).scalars().all()
    return _stats(session, config.programs[program], projects, period, now)


def project_stats(
    session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime
) -> CreatorStats:
    """One project over a named period: the same, with one line in `projects`."""
    return _stats(session, config.programs[project.program], [project], period, now)


def _stats(
    session: Session, program: Program, projects: Sequence[Project], name: str, now: dt.datetime
) -> CreatorStats:
    through = settled_through(session, program.slug)
    period = period_of(name, now, through, first_day(session, program.slug) if name == "all" else None)
    ids = [project.project_id for project in projects]
    found = _read(session, program, ids, period)
    days = period.days
    inside = [cell for cell in found if days is not None and cell.day in days]
    total = _sum(inside)
    before = None
    if period.before is not None:
        before = _sum(cell for cell in found if cell.day in period.before)
    lines = [ProjectFigures(project, figures) for project, figures in _by_project(projects, inside)]
    return CreatorStats(
        program=program.slug,
        period=period,
        total=total,
        before=before,
        change=change_percent(total.incentive, before.incentive) if before is not None else None,
        projects=tuple(sorted(lines, key=_most_earned_first)),
        days=_by_day(days, inside, through, trim=name == "all"),
        settled_through=through,
    )


def _read(session: Session, program: Program, ids: Sequence[str], period: Period) -> list[Cell]:
    if period.days is None or not ids:
        return []
    spans = [span for span in (period.before, period.days) if span is not None]
    return cells_between(session, program, ids, Days(spans[0].first, spans[-1].last))


def _sum(found: Iterable[Cell]) -> Figures:
    credits_ = uses = remixes = views = saves = settled = share = 0
    for cell in found:
        credits_ += cell.credits
        uses += cell.uses
        remixes += cell.remixes
        views += cell.views
        saves += cell.saves
        settled += cell.settled
        share += cell.share
    return Figures(credits_, uses, remixes, views, saves, settled, share - settled)


def _by_project(projects: Sequence[Project], found: Iterable[Cell]) -> Iterable[tuple[Project, Figures]]:
    groups: dict[str, list[Cell]] = {project.project_id: [] for project in projects}
    for cell in found:
        groups[cell.project_id].append(cell)
    return [(project, _sum(groups[project.project_id])) for project in projects]


def _most_earned_first(line: ProjectFigures) -> tuple[int, int, str]:
    return (-line.figures.incentive, -line.figures.credits, line.project.project_id)


def _by_day(days: Days | None, found: Sequence[Cell], through: dt.date | None, trim: bool) -> tuple[DayFigures, ...]:
    if days is None or (trim and not found):
        return ()
    groups: dict[dt.date, list[Cell]] = {}
    for cell in found:
        groups.setdefault(cell.day, []).append(cell)
    shown = Days(min(groups), days.last) if trim else days
    return tuple(
        DayFigures(day, through is not None and day <= through, _sum(groups.get(day, ()))) for day in shown.each()
    )


def today_estimate(session: Session, config: DeskConfig, creator_id: str, program: str, now: dt.datetime) -> Estimate:
    """What a creator's usage not yet settled would earn, today's apart. No promise: voids and late costs change it."""
    terms, today = config.programs[program], utc_day(now)
    waiting = waiting_days(session, program, today)
    values = {"creator": creator_id, "program": program}
    ids = session.execute(_PROJECT_IDS, values).scalars().all() if waiting else []
    found = cells_on(session, terms, ids, waiting) if ids else []
    return Estimate(
        day=today,
        today=_sum(cell for cell in found if cell.day == today).estimate,
        before=_sum(cell for cell in found if cell.day != today).estimate,
        settles_at=next_settlement(terms, now),
    )


def total_earned(session: Session, creator_id: str, program: str) -> int:
    """Everything ever settled for a creator in a program, corrections included, in micro-dollars ("Total Earnings")."""
    values = {"creator": creator_id, "program": program}
    return int(session.execute(_total(is_postgres(session)), values).scalar_one())


@cache
def _total(postgres: bool) -> Select[Any]:
    amount = cast(func.coalesce(func.sum(LINE.c.share), 0), BigInteger)
    return select(amount).where(lines_of(postgres, one_program=True))


_OWN = (PROJECT.c.creator_id == bindparam("creator"), PROJECT.c.program == bindparam("program"))
_PROJECTS = select(Project).where(*_OWN)
_PROJECT_IDS = select(PROJECT.c.project_id).where(*_OWN)
_SETTLED_THROUGH = select(_PROGRAM.c.settled_through).where(_PROGRAM.c.slug == bindparam("program"))
