"""What someone did in Discord, run at the desk and answered where they did it.

Discord wants a first answer within three seconds. What is not at hand soon is acknowledged within one ("is thinking…");
a form can't be opened any more after that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog
from sqlmodel import Session

from adapters import answers
from adapters.answers import NotDelivered
from adapters.conversation import Conversation
from adapters.discord import custom_ids, intake, modals
from adapters.discord.api import DiscordRefused
from adapters.discord.commands import Focused
from adapters.discord.custom_ids import OPTION_VALUE
from adapters.discord.delivery import Delivery, Where
from adapters.discord.intake import PLATFORM, Deed
from core.chat import handles, subscriptions
from core.chat.cards import Card, FormField
from core.chat.desk import REPLACING, Once
from core.chat.inbox import Item
from core.chat.outbox import ChannelLost, Destination, DirectMessageClosed, TryLater, Unclear
from core.chat.registry import Reply
from core.clock import Clock
from core.errors import DeskError
from core.people import Identity
from core.storage import Database, publish

log = structlog.get_logger(__name__)
DEFER_AFTER_SECONDS = 0.6  # so that Discord has it within a second, in a burst too
FORM_WITHIN_SECONDS = 2.2  # a form is the first answer, or none
CHOICE = 100  # characters of a completion's name and value


class TooLateToAsk(DeskError):
    """Nothing changed. Discord gives three seconds to open a form, and they were over. Press the button again."""


@dataclass(slots=True)
class _Turn:
    """An interaction that waits for its answer. busy: held while something is told to Discord about it.

    taken: it is kept, or its keeping takes too long to be waited for.
    """

    where: Where
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    timer: asyncio.Task[None] | None = None

    def stop_waiting(self) -> None:
        """The answer is at hand: no acknowledgement is needed unless one is on its way."""
        if self.timer is not None and not self.busy.locked():
            self.timer.cancel()


class Answers(answers.Answers[Deed]):
    """See `adapters.answers`."""

    def __init__(self, desk: Conversation, delivery: Delivery, database: Database, clock: Clock) -> None:
        super().__init__(database)
        self.desk, self.delivery, self.clock = desk, delivery, clock
        self._open: dict[str, _Turn] = {}

    def read(self, payload: str) -> Deed:
        return intake.from_json(payload)

    async def refuse(self, deed: Deed, reply: Reply) -> None:
        if deed.token:
            await self._show(self._turn(deed), reply)

    def arrived(self, deed: Deed) -> None:
        """Count the seconds from now on. Called before the deed is stored."""
        if deed.token and deed.key not in self._open:
            turn = self._open[deed.key] = _Turn(where_of(deed))
            seconds = FORM_WITHIN_SECONDS if deed.kind == "ask" else DEFER_AFTER_SECONDS
            update = deed.action in REPLACING
            turn.timer = asyncio.get_running_loop().create_task(self._defer_after(seconds, turn, deed.key, update))

    def taken(self, deed: Deed) -> None:
        """It may be acknowledged from now on: whoever comes after a crash finds it."""
        if deed.key in self._open:
            self._open[deed.key].taken.set()

    def left(self, deed: Deed) -> None:
        """Nobody keeps it any more: no answer is promised."""
        turn = self._open.get(deed.key)
        if turn is not None and turn.timer is not None and not turn.taken.is_set():
            turn.timer.cancel()

    async def complete(self, user: str, asked: Focused) -> list[Mapping[str, object]]:
        """Completions as Discord takes them."""
        found = await self.desk.complete(Identity(PLATFORM, user), asked.command, asked.option, asked.typed)
        long = {one.value for one in found if len(one.value) > CHOICE}
        if long:  # ids may have twice as many characters
            await asyncio.to_thread(handles.keep, self.database, self.clock(), long)
        offered = [
            (one.label or one.value, handles.handle_of(one.value) if one.value in long else one.value) for one in found
        ]
        return [{"name": _cut(name), "value": value} for name, value in offered if name and value]

    async def act(self, deed: Deed, item: Item) -> None:
        turn = self._turn(deed)
        try:
            await self._act(deed, item, turn)
        except (DirectMessageClosed, DiscordRefused) as closed:
            raise NotDelivered(str(closed)) from None

    async def _act(self, deed: Deed, item: Item, turn: _Turn) -> None:
        if item.kept is not None:
            await self._show_kept(turn, item.kept)
            return
        once = Once(item.id, self.delivery.keepable)
        match deed.kind:
            case "command":
                fields = deed.fields
                reply = await self.desk.run(deed.identity, deed.text, deed.surface, fields=fields, once=once)
                await self._answer(deed, item, turn, reply)
            case "press" | "submit":
                surface = deed.surface
                reply = await self.desk.press(deed.identity, deed.action, deed.value, deed.fields, surface, once=once)
                await self._answer(deed, item, turn, reply)
            case "ask":
                await self._ask(deed, item, turn, once)
            case _:
                await asyncio.to_thread(self._departed, deed)

    async def _answer(self, deed: Deed, item: Item, turn: _Turn, reply: Reply) -> None:
        if reply.again:  # an earlier try took effect while this one began: what was kept then is the answer
            before = await self.kept(item)
            if before is not None:
                await self._show_kept(turn, before)
        elif not (reply.opens and item.tries <= 1 and await self._ask_for_missing(deed, turn, reply.card)):
            await self._show(turn, reply)

    async def _ask(self, deed: Deed, item: Item, turn: _Turn, once: Once) -> None:
        """Open the form of a button; one that has none (any more) is pressed, and the desk says what is wrong."""
        form = await self.desk.form(deed.identity, deed.action, deed.value)
        if form is None:
            reply = await self.desk.press(deed.identity, deed.action, deed.value, {}, deed.surface, once=once)
            await self._answer(deed, item, turn, reply)
        elif item.tries > 1 or not await self._open_form(turn, deed.label, form, deed.action, deed.value):
            await self._show(turn, answers.refusal(TooLateToAsk()))

    async def _ask_for_missing(self, deed: Deed, turn: _Turn, card: Card) -> bool:
        """Open the form of a card that asks for what was left out; False when there is none or it is too late."""
        button = next((button for button in card.buttons if button.form), None)
        if deed.kind == "submit" or button is None or button.form is None:  # a form can't follow a form
            return False
        return await self._open_form(turn, card.title, button.form, button.action, button.value)

    async def _open_form(self, turn: _Turn, label: str, form: tuple[FormField, ...], action: str, value: str) -> bool:
        fields, carried = await asyncio.to_thread(self._shortened, form, value)
        view = modals.modal(label or "A question", fields, custom_ids.modal_id(action, carried))
        turn.stop_waiting()
        async with turn.busy:
            if turn.where.deferred or not await self.delivery.modal(turn.where, view):
                return False
            turn.where = replace(turn.where, deferred="answered")
        return True

    def _shortened(self, form: tuple[FormField, ...], value: str) -> tuple[tuple[FormField, ...], str]:
        now = self.clock()
        if len(value) > custom_ids.BUTTON_VALUE:
            handles.keep(self.database, now, {value})
            value = handles.handle_of(value)
        return handles.shorten_form(self.database, now, form, option=OPTION_VALUE), value

    async def _show(self, turn: _Turn, reply: Reply) -> None:
        ready = await self.delivery.ready(reply)  # drawing charts may take longer than Discord waits
        turn.stop_waiting()
        async with turn.busy:
            await self.delivery.give(ready, turn.where)
            turn.where = replace(turn.where, deferred="answered")

    async def _show_kept(self, turn: _Turn, text: str) -> None:
        turn.stop_waiting()
        async with turn.busy:
            await self.delivery.show_kept(text, turn.where)
            turn.where = replace(turn.where, deferred="answered")

    async def _defer_after(self, seconds: float, turn: _Turn, key: str, update: bool) -> None:
        try:
            await asyncio.sleep(seconds)
            await turn.taken.wait()  # what is promised survives a crash
            async with turn.busy:
                if turn.where.deferred:
                    return
                with contextlib.suppress(TryLater, Unclear, DiscordRefused):
                    if await self.delivery.defer(turn.where, update):
                        turn.where = replace(turn.where, deferred="update" if update and turn.where.own else "message")
        finally:
            self._forget_later(key)

    def _turn(self, deed: Deed) -> _Turn:
        found = self._open.get(deed.key)
        if found is None:  # an earlier process was told of it
            found = self._open[deed.key] = _Turn(where_of(deed))
            self._forget_later(deed.key)
        return found

    def _forget_later(self, key: str) -> None:
        """Whoever works on it has it already, or begins anew without knowing what Discord was told."""
        asyncio.get_running_loop().call_later(60, self._open.pop, key, None)

    def _departed(self, deed: Deed) -> None:
        """The desk was removed from somewhere."""
        with self.database.transaction() as session:
            self._gone(session, deed)

    def _gone(self, session: Session, deed: Deed) -> None:
        if deed.kind == "guild_gone":
            subscriptions.workspace_gone(session, self.clock(), PLATFORM, deed.guild, "the desk was removed")
        elif deed.kind == "channel_gone":
            channel = Destination(PLATFORM, deed.guild, deed.channel)
            publish(session, ChannelLost(channel, "the channel was deleted", self.clock()))


def _cut(name: str) -> str:
    return name if len(name) <= CHOICE else name[: CHOICE - 1] + "…"


def where_of(deed: Deed) -> Where:
    """Where a deed's answer belongs."""
    return Where(
        user=deed.user,
        interaction_id=deed.interaction,
        token=deed.token,
        application_id=deed.application,
        channel=deed.channel,
        guild=deed.guild,
        own=deed.own,
        direct=deed.direct,
    )
