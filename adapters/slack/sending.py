"""From a card to a message that Slack takes: the best drawing first, plain words at last, never nothing."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from typing import TypedDict, TypeVar

import structlog

from adapters.slack.api import SlackApi, SlackRefused
from adapters.slack.blocks import BUTTON_VALUE, OPTION_VALUE, ChartAs, Drawn, Json, message
from adapters.slack.pictures import NATIVE, WORDS, Pictures
from core.chat import handles
from core.chat.cards import BadCard, Card
from core.chat.outbox import Unclear
from core.chat.text import as_text
from core.clock import Clock
from core.storage import Database

log = structlog.get_logger(__name__)
T = TypeVar("T")

BADLY_DRAWN = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_arguments",
        "msg_too_long",
        "msg_blocks_too_long",
        "block_mismatch",
        "slack_connect_file_link_sharing_blocked",
        "view_too_large",
    }
)


class Quiet(TypedDict):
    """What keeps Slack from making more of a message than it is."""

    unfurl_links: bool
    unfurl_media: bool
    link_names: bool
    parse: str
    mrkdwn: bool


QUIET: Quiet = {"unfurl_links": False, "unfurl_media": False, "link_names": False, "parse": "none", "mrkdwn": False}
SECTION, SECTIONS = 2_900, 4  # characters of a plain section, and how many (about 13,200 characters go into a message)
DIRECT_KEPT = 10_000
_CUT = "\n… Slack takes no more in one message."
_NO_BUTTONS = (
    "Slack refused this card's layout, so it stands here without its buttons. The commands in /desk-help do the same."
)


def plain(card: Card) -> Drawn:
    """The card's words and nothing else, for when Slack refuses its drawing."""
    text = as_text(card)
    most = SECTION * SECTIONS
    if len(text) > most:
        text = text[: most - len(_CUT)] + _CUT
    blocks: list[Json] = [_section(piece) for piece in _pieces(text)]
    if card.buttons:
        blocks.append(_section(_NO_BUTTONS))
    return Drawn(blocks, _inert(card.title))


def _pieces(text: str) -> Iterator[str]:
    while len(text) > SECTION:
        at = text.rfind("\n", 1, SECTION) + 1 or SECTION
        yield text[:at]
        text = text[at:]
    if text.strip():
        yield text


def _section(text: str) -> Json:
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _inert(text: str) -> str:
    """Words that can't become a mention or a link in a notification."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:300]


class Sender:
    """What the port and the answers have in common: drawing, and the way to somebody's direct messages."""

    def __init__(self, api: SlackApi, database: Database, clock: Clock, pictures: Pictures) -> None:
        self.api, self.database, self.clock, self.pictures = api, database, clock, pictures
        self._direct: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def shortened(self, card: Card) -> Card:
        """The card with what is too long for a button kept under a handle."""

        def work() -> Card:
            return handles.shorten(self.database, self.clock(), card, button=BUTTON_VALUE, option=OPTION_VALUE)

        return await asyncio.to_thread(work)

    async def present(self, team_id: str, card: Card, send: Callable[[Drawn], Awaitable[T]]) -> T:
        """Send the card, drawn as well as Slack accepts it. Raises whatever `send` raises for other reasons."""
        card = await self.shortened(card)
        charts: ChartAs = await self.pictures.charts(team_id, card)
        while True:
            try:
                drawn = message(card, charts)
            except BadCard:
                log.exception("a card can't be drawn for Slack", team=team_id)
                return await send(plain(card))
            try:
                return await send(drawn)
            except SlackRefused as refused:
                if refused.error not in BADLY_DRAWN:
                    raise
                log.warning("Slack refused a drawing", error=refused.error, messages=refused.messages, team=team_id)
            ways = set(charts.values())
            if NATIVE in ways:
                self.pictures.refused(team_id)
                charts = await self.pictures.charts(team_id, card)
            elif ways - {WORDS}:
                self.pictures.forget(team_id)
                charts = dict.fromkeys(charts, WORDS)
            else:
                return await send(plain(card))

    async def direct_channel(self, team_id: str, user_id: str, *, patience: float, anew: bool = False) -> str:
        """The channel of someone's direct messages with the desk. Raises as `SlackApi.call` does."""
        key = (team_id, user_id)
        if anew:
            self._direct.pop(key, None)
        found = self._direct.get(key)
        if found is None:
            answer = await self.api.call(team_id, "conversations.open", patience=patience, users=user_id)
            channel = answer.get("channel")
            found = str(channel["id"]) if isinstance(channel, dict) and channel.get("id") else ""
            if not found:
                raise Unclear("conversations.open: no channel")
            self._direct[key] = found
            while len(self._direct) > DIRECT_KEPT:
                self._direct.popitem(last=False)
        return found
