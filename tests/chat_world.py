"""The payouts' small desk with its announcements heard, and the cards of what waits in the outbox."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import core.chat.commands  # noqa: F401 - declares the actions that the cards carry
from core import people
from core.chat import announcements, outbox, subscriptions
from core.chat.cards import Card
from core.chat.outbox import Claimed, Destination
from core.people import Actor, Identity
from core.storage import Database
from tests import payouts_world

EARNINGS = Destination("playground", "demo", "earnings")
APPROVALS = Destination("playground", "demo", "payout-approvals")


@dataclass
class World(payouts_world.World):
    """As in payouts, and what is said about it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.database = Database(self.database.engine, announcements.announce)

    def approvals_channel(self, to: Destination = APPROVALS) -> None:
        """Have a channel get the cards to act on."""
        with self.session() as session:
            subscriptions.subscribe(session, self.now, self.mira, to, "approvals")

    def link(self, actor: Actor, user_id: str, platform: str = "playground", workspace: str = "demo") -> None:
        """A chat account for a person."""
        with self.session() as session:
            code, _ = people.create_link_code(session, self.now, actor.person_id)
            assert people.link(session, self.now, Identity(platform, user_id, workspace), code).ok

    def deliver(self, later: dt.timedelta = dt.timedelta()) -> list[tuple[Claimed, Card]]:
        """Everything that is due, drawn as the relay draws it; posted to nowhere."""
        found: list[tuple[Claimed, Card]] = []
        now = self.now + later
        while True:
            with self.session() as session:
                claimed = outbox.claim(session, now, "test")
            if not claimed:
                return found
            for message in claimed:
                with self.database.reading() as session:
                    found.append((message, announcements.draw(session, self.config, now, message)))
                with self.session() as session:
                    outbox.delivered(session, now, message.id, message.message_id or f"m{message.id}", message.to)
