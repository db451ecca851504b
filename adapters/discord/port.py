"""Discord as the relay sees it: posts, repaints and looks up messages that nobody asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

import structlog
from discord.utils import time_snowflake

from adapters.discord import pictures
from adapters.discord.api import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, DiscordApi, DiscordRefused, mapping
from adapters.discord.layouts import mark
from adapters.discord.sending import Body, Sender
from core.chat.cards import Card
from core.chat.outbox import ChannelGone, Destination, DirectMessageClosed, Unclear
from core.clock import Clock
from core.storage import Database

log = structlog.get_logger(__name__)

PLATFORM: Final = "discord"
DISCORD_CLOCK = dt.timedelta(minutes=5)  # how far Discord's clock may be behind ours
NONCE_LIFE = dt.timedelta(minutes=2)  # "the past few minutes", for which Discord remembers a nonce, surely
PAGE: Final = 100
SEARCHES_KEPT: Final = 1_000
DELETED: Final = "0"  # in place of the id of a message that stood, and that somebody deleted

_NO_ACCESS = "the desk may not see or use the channel: give it View Channel, Send Messages and Attach Files there"
_CHANNEL_GONE: Mapping[int, str] = {
    UNKNOWN_CHANNEL: "the channel was deleted",
    10004: "the server doesn't exist any more, or the desk was removed from it",
    50001: _NO_ACCESS,
    50013: _NO_ACCESS,
    50008: "this kind of channel takes no messages",
    50024: "this kind of channel takes no messages from the desk",
    40058: "this is a forum: name one of its posts, or another channel",
    50083: "the thread was archived",
    160005: "the thread was locked",
    20018: "only its owner may post in the channel",
    150006: "the server's members must accept its rules first, the desk too",
}
_DIRECT_CLOSED: Mapping[int, str] = {
    UNKNOWN_CHANNEL: "Discord knows no direct messages with this person",
    10013: "this Discord account doesn't exist",
    50001: "this person takes no direct messages from the desk",
    50007: "this person takes no direct messages from the desk",
    50013: "this person takes no direct messages from the desk",
    50033: "this Discord account takes no direct messages",
    50035: "this Discord account doesn't exist",
    50278: "this person shares no server with the desk (any more)",
    20026: "Discord no longer lets the desk begin conversations",
    340015: "Discord no longer lets the desk begin conversations",
}
# Deleted; not ours; in a thread that was archived since.
_LEFT_IN_PEACE = frozenset({UNKNOWN_MESSAGE, 50005, 50083})
_NO_HISTORY = frozenset({50001, 50013})


class DiscordPort:
    """A `ChatPort`, over REST alone. Message ids are "CHANNEL:MESSAGE"; a direct message's channel is its own."""

    platform = PLATFORM

    def __init__(self, api: DiscordApi, database: Database, clock: Clock) -> None:
        self.api, self.clock = api, clock
        self.sender = Sender(api, database, clock)
        self._searches: dict[tuple[Destination, str], str] = {}

    async def post(self, to: Destination, card: Card, key: str) -> str:
        """Post a card, marked by its key, with its charts as pictures.

        Raises ChannelGone, DirectMessageClosed, TryLater, Unclear.
        """
        drawn = await pictures.drawn(card)

        async def send(body: Body) -> str:
            return await self._posted(to, body, key)

        try:
            return await self.sender.present(card, drawn, send, key=key)
        except DiscordRefused as refused:
            problem = refused
        raise meaning(to, problem)

    async def repaint(self, to: Destination, message_id: str, card: Card) -> None:
        """Draw a message anew, its pictures too; what was deleted, or can't be edited any more, is left in peace.

        Raises ChannelGone, TryLater, Unclear.
        """
        channel, _, message = message_id.partition(":")
        if message == DELETED:
            return
        drawn = await pictures.drawn(card)
        path = "/channels/{channel_id}/messages/{message_id}"

        async def send(body: Body) -> None:
            told = body.as_json()
            await self.api.call("PATCH", path, body=told, files=body.uploads, channel_id=channel, message_id=message)

        try:
            await self.sender.present(card, drawn, send)
        except DiscordRefused as refused:
            problem = refused
        else:
            return
        if problem.code in _LEFT_IN_PEACE:
            return
        found = meaning(to, problem)
        if not isinstance(found, DirectMessageClosed):
            raise found
        log.info("a card in direct messages can't be repainted", reason=str(found))

    async def find(self, to: Destination, key: str, since: dt.datetime) -> str | None:
        """The message that was posted with key after `since`.

        Raises ChannelGone, DirectMessageClosed, TryLater, Unclear. A search that Discord interrupts is taken up where
        it stopped.
        """
        try:
            channel = await self._channel(to)
            own = await self.api.user_id()
            after = str(time_snowflake(since - DISCORD_CLOCK))
            found = await self._search(to, channel, key, after, own)
            if found is not None or await self._may_look(to, channel, after):
                return found
        except DiscordRefused as refused:
            problem = refused
        else:
            if self.clock() - since < NONCE_LIFE:
                return None  # Discord itself would tell a repetition
            # Not posted again unseen: it stands in the outbox with this reason until the permission is there.
            raise Unclear(
                "the desk lacks Read Message History in the channel, and can't see whether its message stands"
            )
        raise meaning(to, problem)

    async def _posted(self, to: Destination, body: Body, key: str) -> str:
        for anew in (False, True):
            channel = await self._channel(to, anew=anew)
            try:
                # The nonce covers what discord.py repeats by itself (see api), and a second process for some minutes.
                return f"{channel}:{await self.sender.post(channel, body, key)}"
            except DiscordRefused as refused:
                if refused.code == UNKNOWN_MESSAGE:  # it stood, and was deleted within the nonce's minutes
                    return f"{channel}:{DELETED}"
                if anew or to.channel or refused.code != UNKNOWN_CHANNEL:
                    raise
        raise Unclear("POST /channels/{channel_id}/messages: no answer")  # not reached: the second round ends it

    async def _channel(self, to: Destination, *, anew: bool = False) -> str:
        return to.channel or await self.sender.direct_channel(to.user_id, anew=anew)

    async def _search(self, to: Destination, channel: str, key: str, after: str, own: str) -> str | None:
        search = (to, key)
        wanted = mark(key)
        at = self._searches.get(search, after)
        path = "/channels/{channel_id}/messages"
        while True:
            query = {"after": at, "limit": str(PAGE)}
            answer = await self.api.call("GET", path, query=query, channel_id=channel)
            messages = [mapping(one) for one in answer] if isinstance(answer, list) else []
            for message in messages:
                if _marked(message, wanted, own):
                    self._searches.pop(search, None)
                    return f"{channel}:{message.get('id', '')}"
            if len(messages) < PAGE:
                self._searches.pop(search, None)
                return None
            at = str(max(int(str(message.get("id", 0))) for message in messages))
            self._remember(search, at)

    async def _may_look(self, to: Destination, channel: str, nowhere: str) -> bool:
        """Whether a history without our message says anything: to who may not read it, it looks empty.

        Discord says so only where a single message is asked for; nowhere: the id of none.
        """
        if not to.channel:
            return True
        path = "/channels/{channel_id}/messages/{message_id}"
        try:
            await self.api.call("GET", path, channel_id=channel, message_id=nowhere)
        except DiscordRefused as refused:
            if refused.code in _NO_HISTORY:
                return False
            if refused.code != UNKNOWN_MESSAGE:
                raise
        return True

    def _remember(self, search: tuple[Destination, str], at: str) -> None:
        if len(self._searches) >= SEARCHES_KEPT:
            self._searches.clear()  # they begin again: slower, no less right
        self._searches[search] = at


def meaning(to: Destination, refused: DiscordRefused) -> Exception:
    """What a refusal means to the relay: ChannelGone or DirectMessageClosed; one of another kind means itself."""
    if to.channel:
        reason = _CHANNEL_GONE.get(refused.code)
        return refused if reason is None else ChannelGone(reason)
    reason = _DIRECT_CLOSED.get(refused.code)
    return refused if reason is None else DirectMessageClosed(reason)


def _marked(message: Mapping[str, object], wanted: int, own: str) -> bool:
    """Whether it is our own message with this mark: what others write proves nothing."""
    components = message.get("components")
    first = mapping(components[0]) if isinstance(components, list) and components else {}
    return first.get("id") == wanted and mapping(message.get("author")).get("id") == own
