"""Answers to people: where they asked, seen by them alone.

An interaction is answered by its id and token, over REST, so that any process can do it, after a restart too. Its first
answer must be there within three seconds (a deferral counts), everything else within fifteen minutes. After that, the
answer goes to the person's direct messages; where those are closed, `DirectMessageClosed` says so, and whoever asked
keeps it for their next command. It is never posted openly in a channel.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Literal, cast

import discord
import structlog

from adapters.discord import pictures
from adapters.discord.api import (
    ACKNOWLEDGED,
    BAD_TOKEN,
    UNKNOWN_CHANNEL,
    UNKNOWN_INTERACTION,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
    DiscordRefused,
    Upload,
)
from adapters.discord.custom_ids import BUTTON_VALUE, OPTION_VALUE
from adapters.discord.pictures import Pictures, attached
from adapters.discord.port import PLATFORM, DiscordPort, meaning
from adapters.discord.sending import EPHEMERAL, Body, Json, drawing, first_accepted, plain
from core.chat import handles
from core.chat.cards import Card, Note
from core.chat.outbox import Destination, DirectMessageClosed, TryLater, Unclear
from core.chat.registry import File, Reply

log = structlog.get_logger(__name__)

FIRST_WITHIN: Final = 2.5  # seconds for the first answer: Discord gives three from the moment it asked
CHOICES_WITHIN: Final = 2.0
LATER_WITHIN: Final = 20.0  # seconds for an edit or a follow-up, its repetitions included
TRIES: Final = 4
FILES_KEPT: Final = 2_000_000  # bytes of files in a kept answer

_MESSAGE, _WAIT_MESSAGE, _WAIT_UPDATE, _UPDATE, _CHOICES, _MODAL = 4, 5, 6, 7, 8, 9
_CALLBACK = "/interactions/{webhook_id}/{webhook_token}/callback"
_FOLLOW_UP = "/webhooks/{webhook_id}/{webhook_token}"
_ORIGINAL = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
_OVER = frozenset({UNKNOWN_INTERACTION, UNKNOWN_WEBHOOK, BAD_TOKEN})

Deferred = Literal["", "message", "update", "answered"]
Way = Callable[[Body], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Where:
    """Where somebody asked. Without a token: in direct messages.

    own: what was pressed is seen by this person alone, so that an answer may take its place. direct: asked in this
    person's direct messages with the desk, where nobody else reads along; never true of any other place.
    deferred: how it was acknowledged: not yet (or nobody knows), by "is thinking…", by a promise to change the card
    that was pressed, or by an answer (or a form) that stands already.
    """

    user: str
    interaction_id: str = ""
    token: str = field(default="", repr=False)
    application_id: str = ""
    channel: str = ""
    guild: str = ""
    own: bool = False
    direct: bool = False
    deferred: Deferred = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer with its charts drawn, its long values kept (handles stand on the card) and its files at hand."""

    card: Card
    drawn: Pictures
    files: tuple[Upload, ...]
    replaces: bool


class Delivery:
    """Gives people their answers. Shares the line and the drawing of the port."""

    def __init__(self, port: DiscordPort) -> None:
        self._api, self._sender, self._clock = port.api, port.sender, port.clock

    async def show(self, reply: Reply, where: Where) -> None:
        """Give an answer, with its files and charts, by the best way left.

        Raises TryLater or Unclear when it may work later, DirectMessageClosed when it can't.
        """
        await self.give(await self.ready(reply), where)

    async def ready(self, reply: Reply) -> Ready:
        """Draw an answer's charts and keep its long values, which may take a while: before its time is up."""
        files, note = attached(reply.files)
        card = replace(reply.card, blocks=(*reply.card.blocks, Note(note))) if note else reply.card
        drawn = await pictures.drawn(card)
        # At most ten files go with a message; of charts, the words are enough.
        drawn = drawn if len(drawn.uploads) + len(files) <= pictures.ATTACHMENTS_MOST else pictures.NO_PICTURES
        return Ready(await self._sender.shortened(card), drawn, files, reply.replaces)

    async def give(self, ready: Ready, where: Where) -> None:
        """Give an answer that is drawn. Raises as `show`."""

        async def present(send: Way) -> None:
            await self._sender.present_shortened(ready.card, ready.drawn, send, files=ready.files)

        await self._by_best_way(where, ready.replaces, present)

    async def first(self, where: Where, reply: Reply) -> bool:
        """Give it as the first answer; False when that was given before, or it is too late for it. Raises as `show`."""
        return await self._at_once(reply, partial(self._first, where, reply.replaces and where.own))

    async def edit_original(self, where: Where, reply: Reply) -> bool:
        """Put it in the place of the first answer, or of the card that was pressed if the deferral promised that.

        False when the token has expired or nothing stands there. Raises as `show`.
        """
        return await self._at_once(reply, partial(self._edit, where))

    async def follow_up(self, where: Where, reply: Reply) -> bool:
        """Give a further answer; False when the token has expired. Raises as `show`."""
        return await self._at_once(reply, partial(self._follow_up, where))

    async def defer(self, where: Where, update: bool) -> bool:
        """Acknowledge, for an answer within 15 minutes; False when it is too late, or an answer stands already.

        update: the card that was pressed will change, if it is the person's own; otherwise Discord shows that the desk
        is thinking. Raises TryLater, Unclear.
        """
        # Never of a card that others see: a private answer would take its place.
        change = update and where.own
        told: Json = {"type": _WAIT_UPDATE} if change else {"type": _WAIT_MESSAGE, "data": {"flags": _eyes(where)}}
        return await self._callback(where, told, FIRST_WITHIN)

    async def modal(self, where: Where, modal: discord.ui.Modal) -> bool:
        """Open a form; False when it is too late for that: it can only be the first answer."""
        try:
            return await self._callback(where, {"type": _MODAL, "data": modal.to_dict()}, FIRST_WITHIN)
        except (TryLater, Unclear) as problem:
            log.info("a form could not be opened", fault=str(problem))
            return False

    async def autocomplete(self, where: Where, choices: Sequence[Mapping[str, object]]) -> None:
        """Offer completions, each with a name and a value. What doesn't arrive is asked again with the next letter."""
        told: Json = {"type": _CHOICES, "data": {"choices": [dict(choice) for choice in choices]}}
        try:
            await self._callback(where, told, CHOICES_WITHIN, tries=1)
        except (TryLater, Unclear, DiscordRefused) as problem:
            log.info("completions did not arrive", fault=str(problem))

    def keepable(self, reply: Reply) -> str:
        """An answer as text for `show_kept`: drawn, its charts in words, with its small files. Asks nobody anything."""
        long = handles.long_values(reply.card, button=BUTTON_VALUE, option=OPTION_VALUE)
        card = handles.shortened(reply.card, button=BUTTON_VALUE, option=OPTION_VALUE)
        small = sum(len(file.data) for file in reply.files) <= FILES_KEPT
        files = [
            {"name": file.name, "mime": file.mime, "data": base64.b64encode(file.data).decode()}
            for file in (reply.files if small else ())
        ]
        body: Json = {"components": drawing(card).components, "words": plain(card).components}
        body |= {"values": sorted(long), "replaces": reply.replaces, "files": files}
        return json.dumps(body, separators=(",", ":"))

    async def show_kept(self, text: str, where: Where) -> None:
        """Give an answer that `keepable` wrote down before a restart. Raises as `show`; ValueError for another text."""
        kept = _read_kept(text)
        files, _ = attached(kept.files)
        bodies = [Body(components).with_files(files) for components in (kept.components, kept.words)]
        await self._sender.keep(kept.values)

        async def present(send: Way) -> None:
            await first_accepted(bodies, send)

        await self._by_best_way(where, kept.replaces, present)

    async def _by_best_way(self, where: Where, replaces: bool, present: Callable[[Way], Awaitable[None]]) -> None:
        """Try the ways one after the other. Raises as `show`.

        Once it was acknowledged, an unclear try is not followed by another way: whoever keeps the answer tries again,
        and an edit that is made twice is made once.
        """
        for name, way in self._ways(where, replaces):
            try:
                await present(way)
            except (TryLater, Unclear) as problem:
                if name != "first":
                    raise
                reason = str(problem)
            except DiscordRefused as refused:
                reason = str(refused)
            else:
                return
            log.info("an answer goes another way", way=name, fault=reason)
        await self._direct(where, present)

    def _ways(self, where: Where, replaces: bool) -> Iterator[tuple[str, Way]]:
        if not where.token:
            return
        if not where.deferred:
            yield "first", partial(self._first, where, replaces and where.own)
        if where.deferred in ("", "message") or (where.deferred == "update" and replaces and where.own):
            yield "edit", partial(self._edit, where)
        if where.deferred:
            yield "follow-up", partial(self._follow_up, where)

    async def _direct(self, where: Where, present: Callable[[Way], Awaitable[None]]) -> None:
        key = f"answer:{where.interaction_id or secrets.token_hex(8)}"

        async def send(body: Body) -> None:
            for anew in (False, True):
                channel = await self._sender.direct_channel(where.user, anew=anew)
                try:
                    await self._sender.post(channel, body, key)
                except DiscordRefused as refused:
                    if refused.code == UNKNOWN_MESSAGE:  # it stood there, and was deleted
                        return
                    if anew or refused.code != UNKNOWN_CHANNEL:
                        raise
                else:
                    return

        if not where.user:
            raise DirectMessageClosed("there is no way to answer")
        try:
            await present(send)
        except DiscordRefused as refused:
            problem = refused
        else:
            return
        found = meaning(Destination(PLATFORM, user_id=where.user), problem)
        raise found if isinstance(found, DirectMessageClosed) else DirectMessageClosed(str(problem))

    async def _at_once(self, reply: Reply, way: Way) -> bool:
        """Give an answer by one way only; False when that is over."""
        files, _ = attached(reply.files)
        try:
            await self._sender.present(reply.card, await pictures.drawn(reply.card), way, files=files)
        except DiscordRefused as refused:
            if refused.code in _OVER or refused.code in (ACKNOWLEDGED, UNKNOWN_MESSAGE):
                return False
            raise
        return True

    async def _first(self, where: Where, takes_its_place: bool, body: Body) -> None:
        kind = _UPDATE if takes_its_place else _MESSAGE
        told: Json = {"type": kind, "data": body.as_json(ephemeral=not where.direct and kind == _MESSAGE)}
        # Acknowledged before means by a lost try, or by a deferral that overtook it: an edit is right for both.
        await self._send_callback(where, told, FIRST_WITHIN, body.uploads)

    async def _edit(self, where: Where, body: Body) -> None:
        await self._api.answer(
            "PATCH",
            _ORIGINAL,
            body=body.as_json(),
            files=body.uploads,
            within=LATER_WITHIN,
            tries=TRIES,
            webhook_id=where.application_id,
            webhook_token=where.token,
        )

    async def _follow_up(self, where: Where, body: Body) -> None:
        # One try: nothing tells Discord that a second one is the same.
        await self._api.answer(
            "POST",
            _FOLLOW_UP,
            body=body.as_json(ephemeral=not where.direct),
            files=body.uploads,
            within=LATER_WITHIN,
            webhook_id=where.application_id,
            webhook_token=where.token,
        )

    async def _callback(self, where: Where, told: Json, within: float, *, tries: int = TRIES) -> bool:
        try:
            await self._send_callback(where, told, within, (), tries=tries, once=True)
        except DiscordRefused as refused:
            if refused.code in _OVER or refused.code == ACKNOWLEDGED:
                return False
            raise
        return True

    async def _send_callback(
        self,
        where: Where,
        told: Json,
        within: float,
        files: Sequence[Upload],
        *,
        tries: int = TRIES,
        once: bool = False,
    ) -> None:
        """The first answer. It is tried again while there is time: Discord takes only one."""
        await self._api.answer(
            "POST",
            _CALLBACK,
            body=told,
            files=files,
            within=within,
            tries=tries,
            once=once,
            webhook_id=where.interaction_id,
            webhook_token=where.token,
        )


def _eyes(where: Where) -> int:
    """Who sees it: the flag is settled by the deferral."""
    return 0 if where.direct else EPHEMERAL


@dataclass(frozen=True, slots=True)
class _Kept:
    """A kept answer. words: its components should Discord refuse the drawn ones; values: what its handles stand for."""

    components: list[Json]
    words: list[Json]
    values: set[str]
    replaces: bool
    files: list[File]


def _read_kept(text: str) -> _Kept:
    try:
        body = json.loads(text)
        files = [File(one["name"], base64.b64decode(one["data"]), one["mime"]) for one in body["files"]]
        components, words = (cast(list[Json], list(body[name])) for name in ("components", "words"))
        return _Kept(components, words, {str(value) for value in body["values"]}, bool(body["replaces"]), files)
    except (KeyError, TypeError, ValueError) as fault:
        raise ValueError("no kept answer") from fault
