"""What people ask an assistant most ("Popular Questions"): near-duplicates together, no word of fewer than five."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.analytics.privacy import Span
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class PopularQuestion:
    """A group of near-duplicates. text: the most common wording, "…" for words that fewer than five of its users used."""

    text: str
    asked: int
    users: int


@dataclass(frozen=True, slots=True)
class PopularQuestions:
    """The most asked groups, most users first. span as in `PeakHours`."""

    span: Span | None
    questions: tuple[PopularQuestion, ...]


def popular_questions(
    session: Session, config: DeskConfig, project: Project, now: dt.datetime, limit: int = 10
) -> PopularQuestions:
    """What at least five people asked, at most `limit` groups."""
    raise NotImplementedError
