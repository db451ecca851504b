"""What the outbox asks of a chat platform: one port each, and how a port says that a message didn't arrive."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from core.chat.cards import Card


@dataclass(frozen=True, slots=True)
class Destination:
    """A channel, or (user_id set) a direct message to one chat account. platform "cli" alone: a terminal."""

    platform: str
    workspace: str = ""
    channel: str = ""
    user_id: str = ""


class ChannelGone(Exception):
    """The channel doesn't exist, is archived, or the desk was removed from it: no retry helps."""


class DirectMessageClosed(Exception):
    """The person takes no direct messages: shown at their next command instead."""


class TryLater(Exception):
    """Not posted, for sure. seconds: how long the platform asks to wait; None when it didn't say."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds
        super().__init__("try later" if seconds is None else f"try again in {seconds:g} s")


class Unclear(Exception):
    """The line was cut or timed out: it may have been posted, or not."""


class ChatPort(Protocol):
    """A chat platform, as the relay sees it."""

    platform: str

    async def post(self, to: Destination, card: Card, key: str) -> str:
        """Post a card and return the message's id. key goes along, so that `find` can tell whether it was posted.

        Raises ChannelGone, DirectMessageClosed, TryLater, Unclear.
        """
        ...

    async def repaint(self, to: Destination, message_id: str, card: Card) -> None:
        """Replace the card of a message; one that somebody deleted is left in peace. Raises as `post` does."""
        ...

    async def find(self, to: Destination, key: str, since: dt.datetime) -> str | None:
        """The id of the message that was posted with key, None for none. Raises TryLater, Unclear, ChannelGone.

        since: when the message was written; it can't have been posted before, so that nobody looks further back.
        """
        ...
