"""A chat platform that does as it is told, and a desk's clock that stands still."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from core.chat.cards import Card
from core.chat.outbox import Destination

START = dt.datetime(2026, 1, 14, 3, 0, tzinfo=dt.UTC)


@dataclass
class StillClock:
    """Shows `now` until someone sets it."""

    now: dt.datetime = START

    def __call__(self) -> dt.datetime:
        return self.now

    def forward(self, **span: float) -> None:
        """Set it ahead by a timedelta's arguments."""
        self.now += dt.timedelta(**span)


@dataclass
class FakePort:
    """A ChatPort in memory. `before` runs ahead of every post and may raise; `after` runs once it stands there."""

    platform: str = "fake"
    posts: list[tuple[str, Destination, Card]] = field(default_factory=list)
    repaints: list[tuple[str, Card]] = field(default_factory=list)
    looked_for: list[str] = field(default_factory=list)
    before: Callable[[str], None] | None = None
    after: Callable[[str], None] | None = None

    async def post(self, to: Destination, card: Card, key: str) -> str:
        if self.before is not None:
            self.before(key)
        self.posts.append((key, to, card))
        if self.after is not None:
            self.after(key)
        return f"m{len(self.posts)}"

    async def repaint(self, _to: Destination, message_id: str, card: Card) -> None:
        if self.before is not None:
            self.before(message_id)
        self.repaints.append((message_id, card))

    async def find(self, _to: Destination, key: str, _since: dt.datetime) -> str | None:
        self.looked_for.append(key)
        places = [f"m{number}" for number, (known, _, _) in enumerate(self.posts, 1) if known == key]
        return places[0] if places else None

    @property
    def keys(self) -> list[str]:
        return [key for key, _, _ in self.posts]
