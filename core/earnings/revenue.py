"""What creators of assistants read of their earnings: revenue by period, assistant and day, settled or estimated.

Gross is what the assistants brought in, before the platform's part; share is the creator's part of it. Everything is
read from roll-ups and posted lines of the creator's own assistants; a month that is not closed is computed live, by the
closing's own rule (domain.md, "Program kind `assistants`").
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from core.config import DeskConfig, Program
from core.earnings.periods import Days, Period
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class Money:
    """Micro-dollars. gross and share (the creator's part): of all usage known now; settled: the creator's part that is
    in the ledger."""

    gross: int = 0
    share: int = 0
    settled: int = 0

    @property
    def estimate(self) -> int:
        """What the ledger would still add to the creator's part; negative where it would take back."""
        return self.share - self.settled

    def __add__(self, other: Money) -> Money:
        return Money(self.gross + other.gross, self.share + other.share, self.settled + other.settled)


@dataclass(frozen=True, slots=True)
class RevenueDay:
    """An assistant's UTC day. tokens: all by others; embed_tokens: those through embed or API; own_tokens: the
    creator's own, which count nowhere else.

    marketplace: the day's part of the month's amount, by marketplace tokens; a month's days sum to the month. settled:
    the day was settled (`embed`); closed: its month was (`marketplace`). Later usage can still wait in `estimate`.
    """

    project_id: str
    day: dt.date
    tokens: int
    embed_tokens: int
    own_tokens: int
    embed: Money
    marketplace: Money
    settled: bool
    closed: bool


@dataclass(frozen=True, slots=True)
class RevenueFigures:
    """Sums over assistant-days; fields as in `RevenueDay`."""

    tokens: int = 0
    embed_tokens: int = 0
    own_tokens: int = 0
    embed: Money = Money()
    marketplace: Money = Money()

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
        open_month = days is not None and (
            self.closed_through is None or days.last.replace(day=1) > self.closed_through
        )
        return open_month or self.total.total.estimate != 0


@dataclass(frozen=True, slots=True)
class MonthSoFar:
    """Where a creator's current UTC month stands; micro-dollars, the creator's part.

    embed_settled: of this month's days, in the ledger; embed_waiting: of this month's days, known but not settled.
    marketplace_estimate and referral_estimate: what this month would bring if it closed on what is known now.
    earlier_estimate: what usage and payments of months before, known but not posted, would add (or take back).
    closed_pending: the part of `pending` that the next monthly processing moves to `available`; later_pending: the part
    that the one after it does. When that is: `payouts.processing.next_payout`.
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


def revenue_days(
    session: Session, config: DeskConfig, program: Program, project_ids: Sequence[str], days: Days, now: dt.datetime
) -> list[RevenueDay]:
    """The assistants' days with usage or money among these, in no particular order."""
    raise NotImplementedError


def revenue_totals(
    session: Session, config: DeskConfig, creator_id: str, program_slug: str, period: str, now: dt.datetime
) -> CreatorRevenue:
    """All of a creator's assistants in one program over a named period; UnknownPeriod for a name that is none."""
    raise NotImplementedError


def project_revenue(
    session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime
) -> CreatorRevenue:
    """One assistant over a named period: the same, with one line in `projects`."""
    raise NotImplementedError


def figures_of(days: Iterable[RevenueDay]) -> RevenueFigures:
    """Sums over assistant-days."""
    raise NotImplementedError


def month_so_far(
    session: Session, config: DeskConfig, creator_id: str, program_slug: str, now: dt.datetime
) -> MonthSoFar:
    """The current month, as /balance and the home page show it."""
    raise NotImplementedError


def lifetime(session: Session, creator_id: str, program_slug: str) -> Lifetime:
    """Everything ever settled for a creator in a program."""
    raise NotImplementedError
