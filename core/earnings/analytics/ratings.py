"""What people think of an assistant: stars, their average, and the newest reviews' texts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.analytics.privacy import Span
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class Ratings:
    """average (hundredths of a star) and rated_by are of all time until `through`; None where hidden.

    stars: ratings with 1 to 5 stars given in `span`, None where hidden. reviews: the texts of the newest reviews, of at
    least five people, in alphabetical order, given in `reviewed`.
    """

    through: dt.datetime | None
    average: int | None
    rated_by: int | None
    span: Span | None
    stars: tuple[int | None, ...]
    reviewed: Span | None
    reviews: tuple[str, ...]


def ratings(session: Session, config: DeskConfig, project: Project, now: dt.datetime) -> Ratings:
    """Stars, average and reviews."""
    raise NotImplementedError
