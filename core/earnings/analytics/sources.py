"""Where an assistant's revenue comes from: marketplace or embed ("Source Distribution")."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.analytics.privacy import Span
from core.earnings.periods import Days
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class Source:
    """One channel. tokens and money (gross, share, gross_before in micro-dollars) are of the period; messages and users
    of `SourceSplit.counted`, None where hidden. share_percent: whole percent of the gross, None without any."""

    tokens: int
    gross: int
    share: int
    gross_before: int | None
    percent: int | None
    messages: int | None
    users: int | None


@dataclass(frozen=True, slots=True)
class SourceSplit:
    """Both channels over a named period. counted: the weeks that messages and users are of, as in `PeakHours.span`."""

    period: str
    days: Days | None
    marketplace: Source
    embed: Source
    counted: Span | None


def source_split(session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime) -> SourceSplit:
    """Tokens, money, messages and users by channel."""
    raise NotImplementedError
