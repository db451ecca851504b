"""How an assistant grows: revenue, users and messages by day or by month ("Growth Trends")."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.analytics.privacy import Span
from core.earnings.periods import Days
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class GrowthCell:
    """A UTC day or calendar month. gross and share in micro-dollars, always known; settled: no part is an estimate.

    messages and users: None where hidden. over: the day or month is over; counts are shown of those only.
    """

    first: dt.date
    over: bool
    settled: bool
    gross: int
    share: int
    tokens: int
    messages: int | None
    users: int | None


@dataclass(frozen=True, slots=True)
class Growth:
    """Cells oldest first, by month for `all`, else by day. change: percent of gross on the period before (for `all`:
    the current calendar month to date against the same days of the month before, as for `month`)."""

    period: str
    days: Days | None
    monthly: bool
    cells: tuple[GrowthCell, ...]
    gross: int
    gross_before: int | None
    change: int | None


def growth(session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime) -> Growth:
    """`today` and `week`, `month` by day; `all` by month."""
    raise NotImplementedError
