"""What creators of assistants read of their earnings: revenue by period, assistant and day, settled or estimated.

Gross is what the assistants brought in, before the platform's part; share is the creator's part of it. Everything is
read from roll-ups and posted lines of the creator's own assistants; a month that is not closed is computed live, by the
closing's own rule (domain.md, "Program kind `assistants`").
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Select, bindparam, case, cast, func, select
from sqlmodel import Session

from core.clock import utc_day
from core.config import DeskConfig, Program
from core.earnings import referrals
from core.earnings.daily import first_day, lines_of, waiting_days
from core.earnings.differences import LINE, PROJECT
from core.earnings.month_tables import PendingMonth, ReferralLine
from core.earnings.periods import Days, Period, change_percent, closed_through, month_of, period_of
from core.earnings.revenue_days import (
    MONTH_LINE,
    NO_MONEY,
    Money,
    RevenueDay,
    dirty_months,
    month_money,
    revenue_days,
    revenue_on,
    settled_through,
)
from core.earnings.tables import Project
from core.storage import is_postgres, table_of

__all__ = [
    "CreatorRevenue",
    "DayRevenue",
    "Lifetime",
    "Money",
    "MonthSoFar",
    "ProjectRevenue",
    "RevenueDay",
    "RevenueFigures",
    "figures_of",
    "lifetime",
    "month_so_far",
    "project_revenue",
    "revenue_days",
    "revenue_totals",
]

_PENDING, _REFERRAL = table_of(PendingMonth), table_of(ReferralLine)


@dataclass(frozen=True, slots=True)
class RevenueFigures:
    """Sums over assistant-days; fields as in `RevenueDay`."""

    tokens: int = 0
    embed_tokens: int = 0
    own_tokens: int = 0
    embed: Money = NO_MONEY
    marketplace: Money = NO_MONEY

    @property
    def total(self) -> Money:
        """From all sources ("Total Revenue" is its gross)."""
        return self.embed + self.marketplace


@dataclass(frozen=True, slots=True)
class ProjectRevenue:
    """An assistant's figures of the period; it may be deleted (`deleted_at`)."""

    project: Project
    figures: RevenueFigures


@dataclass(frozen=True, slots=True)
class DayRevenue:
    """A UTC day's figures; settled and closed as in `RevenueDay`."""

    day: dt.date
    settled: bool
    closed: bool
    figures: RevenueFigures


@dataclass(frozen=True, slots=True)
class CreatorRevenue:
    """A creator's period in a program of kind `assistants`, all assistants or one.

    change: how many percent the gross grew on the period before; None where there is nothing to compare with.
    projects: every one, largest gross first. days: every day of the period, oldest first; `all` begins with the first
    usage. settled_through: the program's last settled day; closed_through: the first day of its last closed month.
    """

    program: str
    period: Period
    total: RevenueFigures
    before: RevenueFigures | None
    change: int | None
    projects: tuple[ProjectRevenue, ...]
    days: tuple[DayRevenue, ...]
    settled_through: dt.date | None
    closed_through: dt.date | None

    @property
    def is_estimate(self) -> bool:
        """Whether any part of the figures is not settled yet."""
        days = self.period.days
        open_month = days is not None and (self.closed_through is None or month_of(days.last) > self.closed_through)
        return open_month or self.total.total.estimate != 0


@dataclass(frozen=True, slots=True)
class MonthSoFar:
    """Where a creator's current UTC month stands; micro-dollars, the creator's part.

    embed_settled: of this month's days, in the ledger; embed_waiting: of this month's days, known but not settled.
    marketplace_estimate and referral_estimate: what this month would bring if it closed on what is known now.
    earlier_estimate: what usage and payments of months before, known but not posted, would add (or take back).
    closed_pending: the part of `pending` from months that are over, which the next monthly processing moves to
    `available`; later_pending: this month's part, moved by the processing after the month's end. When those are:
    `payouts.processing.next_payout`.
    """

    month: dt.date
    embed_settled: int
    embed_waiting: int
    marketplace_estimate: int
    referral_estimate: int
    earlier_estimate: int
    closed_pending: int
    later_pending: int

    @property
    def total(self) -> int:
        """The month so far from all sources, settled and estimated together ("This Month")."""
        return self.embed_settled + self.embed_waiting + self.marketplace_estimate + self.referral_estimate


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Everything ever settled, corrections included, in micro-dollars. gross: "Total Earnings", before the platform's
    part; share: the creator's part of it; referral: commissions, which come on top."""

    gross: int
    share: int
    referral: int


def revenue_totals(
    session: Session, config: DeskConfig, creator_id: str, program_slug: str, period: str, now: dt.datetime
) -> CreatorRevenue:
    """All of a creator's assistants in one program over a named period; UnknownPeriod for a name that is none."""
    projects = session.execute(_PROJECTS, {"creator": creator_id, "program": program_slug}).scalars().all()
    return _revenue(session, config, config.programs[program_slug], projects, period, now)


def project_revenue(
    session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime
) -> CreatorRevenue:
    """One assistant over a named period: the same, with one line in `projects`."""
    return _revenue(session, config, config.programs[project.program], [project], period, now)


def _revenue(
    session: Session, config: DeskConfig, program: Program, projects: Sequence[Project], name: str, now: dt.datetime
) -> CreatorRevenue:
    through = settled_through(session, program.slug)
    period = period_of(name, now, through, first_day(session, program.slug) if name == "all" else None)
    spans = [span for span in (period.before, period.days) if span is not None]
    ids = [project.project_id for project in projects]
    found: list[RevenueDay] = []
    if spans:
        found = revenue_days(session, config, program, ids, Days(spans[0].first, spans[-1].last), now)
    inside = [cell for cell in found if period.days is not None and cell.day in period.days]
    total = figures_of(inside)
    before = None
    if period.before is not None:
        before = figures_of(cell for cell in found if cell.day in period.before)
    return CreatorRevenue(
        program=program.slug,
        period=period,
        total=total,
        before=before,
        change=change_percent(total.total.gross, before.total.gross) if before is not None else None,
        projects=_by_project(projects, inside),
        days=_by_day(period.days, inside, through, trim=name == "all"),
        settled_through=through,
        closed_through=closed_through(through),
    )


def figures_of(days: Iterable[RevenueDay]) -> RevenueFigures:
    """Sums over assistant-days."""
    tokens = embed_tokens = own_tokens = 0
    embed, market = [0, 0, 0], [0, 0, 0]
    for day in days:
        tokens += day.tokens
        embed_tokens += day.embed_tokens
        own_tokens += day.own_tokens
        for sums, money in ((embed, day.embed), (market, day.marketplace)):
            sums[0] += money.gross
            sums[1] += money.share
            sums[2] += money.settled
    return RevenueFigures(tokens, embed_tokens, own_tokens, Money(*embed), Money(*market))


def _by_project(projects: Sequence[Project], found: Iterable[RevenueDay]) -> tuple[ProjectRevenue, ...]:
    groups: dict[str, list[RevenueDay]] = {project.project_id: [] for project in projects}
    for cell in found:
        groups[cell.project_id].append(cell)
    lines = [ProjectRevenue(project, figures_of(groups[project.project_id])) for project in projects]
    return tuple(
        sorted(lines, key=lambda line: (-line.figures.total.gross, -line.figures.tokens, line.project.project_id))
    )


def _by_day(
    days: Days | None, found: Sequence[RevenueDay], through: dt.date | None, trim: bool
) -> tuple[DayRevenue, ...]:
    if days is None or (trim and not found):
        return ()
    groups: dict[dt.date, list[RevenueDay]] = {}
    for cell in found:
        groups.setdefault(cell.day, []).append(cell)
    shown, closed = Days(min(groups), days.last) if trim else days, closed_through(through)
    return tuple(
        DayRevenue(
            day,
            settled=through is not None and day <= through,
            closed=closed is not None and month_of(day) <= closed,
            figures=figures_of(groups.get(day, ())),
        )
        for day in shown.each()
    )


def month_so_far(
    session: Session, config: DeskConfig, creator_id: str, program_slug: str, now: dt.datetime
) -> MonthSoFar:
    """The current month, as /balance and the home page show it."""
    program, today = config.programs[program_slug], utc_day(now)
    month = month_of(today)
    values = {"creator": creator_id, "program": program_slug}
    ids = list(session.execute(_PROJECT_IDS, values).scalars())
    total = figures_of(revenue_days(session, config, program, ids, Days(month, today), now))
    waiting = [day for day in waiting_days(session, program_slug, today) if day < month]
    earlier = sum(day.embed.estimate for day in revenue_on(session, program, ids, waiting))
    over = [one for one in dirty_months(session, program_slug) if one < month]
    earlier += sum(one.money.estimate for one in month_money(session, program, ids, over).values())
    earlier += sum(referrals.waiting(session, program, creator_id, one) for one in over)
    closed, current = session.execute(_pending(), {**values, "month": month}).one()
    return MonthSoFar(
        month=month,
        embed_settled=total.embed.settled,
        embed_waiting=total.embed.estimate,
        marketplace_estimate=total.marketplace.share,
        referral_estimate=referrals.waiting(session, program, creator_id, month),
        earlier_estimate=earlier,
        closed_pending=closed,
        later_pending=current,
    )


def lifetime(session: Session, creator_id: str, program_slug: str) -> Lifetime:
    """Everything ever settled for a creator in a program."""
    values = {"creator": creator_id, "program": program_slug}
    return Lifetime(*session.execute(_lifetime(is_postgres(session)), values).one())


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


@cache
def _lifetime(postgres: bool) -> Select[Any]:
    mine = MONTH_LINE.c.project_id.in_(_PROJECT_IDS)
    embed = [select(_sum(LINE.c[name])).where(lines_of(postgres, one_program=True)) for name in ("spent", "share")]
    months = [select(_sum(MONTH_LINE.c[name])).where(mine) for name in ("gross", "share")]
    referral = select(_sum(_REFERRAL.c.amount)).where(
        _REFERRAL.c.creator_id == bindparam("creator"), _REFERRAL.c.program == bindparam("program")
    )
    parts = [embed[part].scalar_subquery() + months[part].scalar_subquery() for part in (0, 1)]
    return select(*parts, referral.scalar_subquery())


@cache
def _pending() -> Select[Any]:
    over = _PENDING.c.month < bindparam("month", type_=Date)
    parts = [case((over, _PENDING.c.amount), else_=0), case((over, 0), else_=_PENDING.c.amount)]
    mine = (_PENDING.c.creator_id == bindparam("creator"), _PENDING.c.program == bindparam("program"))
    sums: list[Any] = [_sum(part) for part in parts]
    return select(*sums).where(*mine)


_OWN = (PROJECT.c.creator_id == bindparam("creator"), PROJECT.c.program == bindparam("program"))
_PROJECTS = select(Project).where(*_OWN)
_PROJECT_IDS = select(PROJECT.c.project_id).where(*_OWN)
