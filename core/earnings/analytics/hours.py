"""When people use an assistant: messages by hour of the creator's day ("Peak Hours")."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.analytics.privacy import Span
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class PeakHours:
    """Messages by local hour, 24 cells, None where hidden. span: the whole weeks that they are about, the last ones
    that can be told; None while there are none yet (then every cell is hidden).

    minute: where the zone is not whole hours from UTC, its hours begin at this minute (cell 9 is 9:30 to 10:29).
    busiest: the cells with the most messages, at most three, busiest first. messages and users: of the whole span.
    """

    zone: str
    span: Span | None
    minute: int
    cells: tuple[int | None, ...]
    busiest: tuple[int, ...]
    messages: int | None
    users: int | None


def peak_hours(session: Session, config: DeskConfig, project: Project, zone: str, now: dt.datetime) -> PeakHours:
    """The hours of the clock in `zone`, an IANA name, summer time by day; UTC where there is no such zone."""
    raise NotImplementedError
