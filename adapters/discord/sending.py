"""From a card to a message that Discord takes: the best drawing first, plain words at last, never nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, TypeVar, cast

import structlog

from adapters.discord import layouts
from adapters.discord.api import BAD_FORM, DiscordApi, DiscordRefused, Upload, mapping
from adapters.discord.custom_ids import BUTTON_VALUE, OPTION_VALUE
from adapters.discord.limits import COMPONENTS_V2, CONTAINER, TEXT_DISPLAY
from adapters.discord.pictures import NO_PICTURES, Pictures
from core.chat import handles
from core.chat.cards import BadCard, Card
from core.chat.outbox import Unclear
from core.chat.text import as_text
from core.clock import Clock
from core.storage import Database

log = structlog.get_logger(__name__)
T = TypeVar("T")
Json: TypeAlias = dict[str, object]

EPHEMERAL: Final = 1 << 6
FILE: Final = 13  # the kind of component that shows an attachment
QUIET: Final[Json] = {"parse": []}  # nobody is pinged by what a message says
# Invalid form body, empty message, too large.
BADLY_DRAWN: Final = frozenset({BAD_FORM, 50006, 40005})
PLAIN_MOST: Final = 3_600  # characters of plain words (4,000 go into a message)
DIRECT_KEPT: Final = 10_000
_CUT = "\n… Discord takes no more in one message."
_NO_BUTTONS = (
    "Discord refused this card's layout, so it stands here without its buttons. The commands in /help do the same."
)


@dataclass(frozen=True, slots=True)
class Body:
    """What a message is made of: components, and the files that they show."""

    components: list[Json]
    uploads: tuple[Upload, ...] = ()

    def with_files(self, files: Sequence[Upload]) -> Body:
        """The same, with files to download under it."""
        shown = [{"type": FILE, "file": {"url": f"attachment://{file.name}"}} for file in files]
        return replace(self, components=[*self.components, *shown], uploads=(*self.uploads, *files))

    def as_json(self, *, ephemeral: bool = False) -> Json:
        """The message as every way of sending one takes it. What was attached to it before and isn't now is gone."""
        attachments: list[Json] = []
        for number, file in enumerate(self.uploads):
            told: Json = {"id": str(number), "filename": file.name}
            attachments.append(told | ({"description": file.description} if file.description else {}))
        return {
            "components": self.components,
            "flags": COMPONENTS_V2 | (EPHEMERAL if ephemeral else 0),
            "allowed_mentions": QUIET,
            "attachments": attachments,
        }


def nonce_of(key: str) -> str:
    """What Discord tells a repeated post by: the same for the same key, 24 characters."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def plain(card: Card, key: str = "") -> Body:
    """The card's words and nothing else, for when Discord refuses its drawing."""
    text = layouts.inert(as_text(card))
    if len(text) > PLAIN_MOST:
        text = text[: PLAIN_MOST - len(_CUT)].rstrip("\\") + _CUT
    texts = [text, *([_NO_BUTTONS] if card.buttons else [])]
    words: list[Json] = [{"type": TEXT_DISPLAY, "content": one} for one in texts]
    container: Json = {"type": CONTAINER, "components": words}
    return Body([container | ({"id": layouts.mark(key)} if key else {})])


def drawing(card: Card, pictures: Pictures = NO_PICTURES, key: str = "") -> Body:
    """The card as we draw it; its long values must have been shortened. Plain words if it can't be drawn."""
    try:
        body = layouts.body(layouts.message(card, key=key, pictures=pictures.names))
    except (BadCard, ValueError):
        log.exception("a card can't be drawn for Discord")
        return plain(card, key)
    return Body(cast(list[Json], body["components"]), pictures.uploads)


class Sender:
    """What the port and the answers have in common: drawing, and the way to somebody's direct messages."""

    def __init__(self, api: DiscordApi, database: Database, clock: Clock) -> None:
        self.api, self.database, self.clock = api, database, clock
        self._direct: OrderedDict[str, str] = OrderedDict()

    async def shortened(self, card: Card) -> Card:
        """The card with what is too long for a button kept under a handle."""

        if not handles.long_values(card, button=BUTTON_VALUE, option=OPTION_VALUE):
            return card  # at once: the threads may all be drawing charts

        def work() -> Card:
            return handles.shorten(self.database, self.clock(), card, button=BUTTON_VALUE, option=OPTION_VALUE)

        return await asyncio.to_thread(work)

    async def keep(self, values: set[str]) -> None:
        """Remember what the handles on an answer stand for that was drawn where nothing could be kept."""
        if values:
            await asyncio.to_thread(handles.keep, self.database, self.clock(), values)

    async def present(
        self,
        card: Card,
        pictures: Pictures,
        send: Callable[[Body], Awaitable[T]],
        *,
        key: str = "",
        files: Sequence[Upload] = (),
    ) -> T:
        """Send the card, drawn as well as Discord accepts it. Raises whatever `send` raises for other reasons."""
        return await self.present_shortened(await self.shortened(card), pictures, send, key=key, files=files)

    async def present_shortened(
        self,
        card: Card,
        pictures: Pictures,
        send: Callable[[Body], Awaitable[T]],
        *,
        key: str = "",
        files: Sequence[Upload] = (),
    ) -> T:
        """The same for a card that `shortened` gave; shortened twice, a button would carry the handle of a handle."""
        best = drawing(card, pictures, key).with_files(files)
        ways = [best, drawing(card, NO_PICTURES, key).with_files(files)] if pictures.uploads else [best]
        return await first_accepted([*ways, plain(card, key).with_files(files)], send)

    async def direct_channel(self, user_id: str, *, anew: bool = False) -> str:
        """The channel of someone's direct messages with the desk. Raises as `DiscordApi.call` does."""
        if anew:
            self._direct.pop(user_id, None)
        found = self._direct.get(user_id)
        if found is None:
            answer = mapping(await self.api.call("POST", "/users/@me/channels", body={"recipient_id": user_id}))
            found = str(answer.get("id", ""))
            if not found:
                raise Unclear("POST /users/@me/channels: no channel")
            self._direct[user_id] = found
            while len(self._direct) > DIRECT_KEPT:
                self._direct.popitem(last=False)
        return found

    async def post(self, channel: str, body: Body, key: str) -> str:
        """Post a message and return its id; a repetition of its key within minutes is the same message.

        Raises as `DiscordApi.call` does.
        """
        told = body.as_json() | {"nonce": nonce_of(key), "enforce_nonce": True}
        path = "/channels/{channel_id}/messages"
        answer = await self.api.call("POST", path, body=told, files=body.uploads, channel_id=channel)
        return str(mapping(answer).get("id", ""))


async def first_accepted(ways: Sequence[Body], send: Callable[[Body], Awaitable[T]]) -> T:
    """Send the first of some drawings that Discord doesn't refuse as badly drawn."""
    for way in ways[:-1]:
        try:
            return await send(way)
        except DiscordRefused as refused:
            if refused.code not in BADLY_DRAWN:
                raise
            log.warning("Discord refused a drawing", reason=str(refused))
    return await send(ways[-1])
