"""Where conversations end: after how many messages ("Drop-off Points")."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.analytics.privacy import Span
from core.earnings.tables import Project

# First and last number of messages of each cell; the last has no end.
LENGTHS: tuple[tuple[int, int | None], ...] = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, None))


@dataclass(frozen=True, slots=True)
class DropOffs:
    """Conversations by their number of messages, a cell for each of `LENGTHS`, None where hidden. shares: whole percent
    of the conversations. span as in `PeakHours`."""

    span: Span | None
    cells: tuple[int | None, ...]
    shares: tuple[int | None, ...]
    conversations: int | None
    users: int | None


def drop_offs(session: Session, config: DeskConfig, project: Project, now: dt.datetime) -> DropOffs:
    """After how many messages conversations end."""
    raise NotImplementedError
