"""What an assistant's users are worth on average, and who of them may be named ("Per-User Value")."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.analytics.privacy import Span
from core.earnings.periods import Days
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class SharedUser:
    """An embed user whose business agreed to share this context."""

    user_id: str
    context: str


@dataclass(frozen=True, slots=True)
class RevenuePerUser:
    """gross: micro-dollars of the whole days in `span` (or of `days` where users are hidden); per_user: a user's part,
    rounded down, None where hidden. shared: by id and context, of the period; more: how many there are beyond."""

    period: str
    days: Days | None
    span: Span | None
    gross: int
    users: int | None
    per_user: int | None
    shared: tuple[SharedUser, ...]
    more: int


def revenue_per_user(
    session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime, limit: int = 20
) -> RevenuePerUser:
    """Gross revenue a user, and the embed users whose business shared context, at most `limit`."""
    raise NotImplementedError
