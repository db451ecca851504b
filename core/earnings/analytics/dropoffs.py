"""Where conversations end: after how many messages ("Drop-off Points")."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Select, cast, func, select
from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.analytics.blocks import visit_block
from core.earnings.analytics.privacy import Span, shown, suppressed
from core.earnings.analytics.visits import VISIT, bounds, within
from core.earnings.tables import Project

# First and last number of messages of each cell; the last has no end.
LENGTHS: tuple[tuple[int, int | None], ...] = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, None))


@dataclass(frozen=True, slots=True)
class DropOffs:
    """Conversations by their number of messages, a cell for each of `LENGTHS`, None where hidden. shares: whole percent
    of the conversations, rounded. span as in `PeakHours`; messages outside it don't count."""

    span: Span | None
    cells: tuple[int | None, ...] = (None,) * len(LENGTHS)
    shares: tuple[int | None, ...] = (None,) * len(LENGTHS)
    conversations: int | None = None
    users: int | None = None


def drop_offs(
    session: Session,
    config: DeskConfig,  # noqa: ARG001 - what every reading is given
    project: Project,
    now: dt.datetime,
) -> DropOffs:
    """After how many messages conversations end."""
    span = visit_block(session, project.project_id, now)
    if span is None:
        return DropOffs(None)
    lengths: dict[str, int] = {}
    people: dict[str, set[str]] = {}
    for conversation, user_id, messages in session.execute(_conversations(), bounds(project.project_id, span)):
        lengths[conversation] = lengths.get(conversation, 0) + messages
        people.setdefault(conversation, set()).add(user_id)
    counts = dict.fromkeys(range(len(LENGTHS)), 0)
    users: dict[int, set[str]] = {cell: set() for cell in counts}
    for conversation, messages in lengths.items():
        cell = _cell_of(messages)
        counts[cell] += 1
        users[cell] |= people[conversation]
    hidden = suppressed(users)
    cells = tuple(None if cell in hidden else count for cell, count in counts.items())
    everyone = len(set().union(*users.values()))
    total = len(lengths)
    return DropOffs(
        span=span,
        cells=cells,
        shares=tuple(None if count is None else (200 * count + total) // (2 * total) for count in cells),
        conversations=shown(total, everyone),
        users=shown(everyone, everyone),
    )


def _cell_of(messages: int) -> int:
    return next(cell for cell, (_first, last) in enumerate(LENGTHS) if last is None or messages <= last)


@cache
def _conversations() -> Select[Any]:
    return (
        select(VISIT.c.conversation_id, VISIT.c.user_id, cast(func.sum(VISIT.c.messages), BigInteger))
        .where(within())
        .group_by(VISIT.c.conversation_id, VISIT.c.user_id)
    )
