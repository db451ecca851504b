"""What someone did in Slack, run at the desk and answered where they did it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable

import structlog
from sqlmodel import Session

from adapters import answers
from adapters.conversation import Conversation
from adapters.slack import forms, intake
from adapters.slack.api import NotInstalled, SlackRefused
from adapters.slack.blocks import OPTION_VALUE
from adapters.slack.delivery import Delivery, Where
from adapters.slack.intake import PLATFORM, Deed
from adapters.slack.workspaces import Workspaces
from core import people
from core.chat import handles, home
from core.chat.cards import Button, Card, FormField
from core.chat.desk import Once
from core.chat.inbox import Item
from core.chat.outbox import ChannelLost, Destination
from core.chat.registry import Reply
from core.clock import Clock
from core.errors import DeskError
from core.people import Identity, NotLinked
from core.storage import Database, publish

log = structlog.get_logger(__name__)
TICKET = dt.timedelta(seconds=2.5)  # a form must open within 3 s of the click
METADATA_MOST = 3_000


class TooLateToAsk(DeskError):
    """Nothing changed. Slack gives three seconds to open a form, and they were over. Press the button again."""


class Answers(answers.Answers[Deed]):
    """See `adapters.answers`."""

    def __init__(
        self, desk: Conversation, delivery: Delivery, workspaces: Workspaces, database: Database, clock: Clock
    ) -> None:
        super().__init__(database)
        self.desk, self.delivery, self.workspaces, self.clock = desk, delivery, workspaces, clock

    def read(self, payload: str) -> Deed:
        return intake.from_json(payload)

    async def refuse(self, deed: Deed, reply: Reply) -> None:
        if deed.kind in ("command", "press", "ask", "submit"):
            await self.delivery.show(reply, where_of(deed))

    async def act(self, deed: Deed, item: Item) -> None:
        if item.kept is not None:
            await self.delivery.show_kept(item.kept, where_of(deed))
            return
        once = Once(item.id, self.delivery.keepable)
        fresh = item.tries <= 1 and self.clock() - item.received_at < TICKET
        match deed.kind:
            case "command":
                reply = await self.desk.run(deed.identity, deed.text, deed.surface, once=once)
                await self._answer(deed, item, reply, fresh)
            case "press" | "submit":
                surface = deed.surface
                reply = await self.desk.press(deed.identity, deed.action, deed.value, deed.fields, surface, once=once)
                await self._answer(deed, item, reply, fresh)
            case "ask":
                await self._ask(deed, item, once, fresh)
            case "home":
                await self._home(deed)
            case _:
                await self._departed(deed)

    async def _answer(self, deed: Deed, item: Item, reply: Reply, fresh: bool) -> None:
        where = where_of(deed)
        if reply.again:  # an earlier try took effect while this one began: what was kept then is the answer
            before = await self.kept(item)
            if before is not None:
                await self.delivery.show_kept(before, where)
        elif not (reply.opens and fresh and await self._ask_for_missing(deed, reply.card)):
            await self.delivery.show(reply, where)

    async def _ask(self, deed: Deed, item: Item, once: Once, fresh: bool) -> None:
        """Open the form of a button; one that has none (any more) is pressed, and the desk says what is wrong."""
        form = await self.desk.form(deed.identity, deed.action, deed.value)
        if form is None:
            reply = await self.desk.press(deed.identity, deed.action, deed.value, {}, deed.surface, once=once)
            await self._answer(deed, item, reply, fresh)
        elif not fresh or not await self._open(deed, deed.action, deed.value, deed.label, form):
            await self.delivery.show(answers.refusal(TooLateToAsk()), where_of(deed))

    async def _ask_for_missing(self, deed: Deed, card: Card) -> bool:
        """Open the form of a card that asks for what was left out; False when there is none or it is too late."""
        button = next((button for button in card.buttons if button.form), None)
        if button is None or button.form is None:
            return False
        form = await asyncio.to_thread(self._shortened, button)
        return await self._open(deed, button.action, button.value, card.title, form)

    def _shortened(self, button: Button) -> tuple[FormField, ...]:
        return handles.shorten_form(self.database, self.clock(), button.form or (), option=OPTION_VALUE)

    async def _open(self, deed: Deed, action: str, value: str, label: str, form: tuple[FormField, ...]) -> bool:
        carried = intake.carry(deed, action, value)
        if len(carried) > METADATA_MOST:
            handle = await asyncio.to_thread(self._handle, value)
            carried = intake.carry(deed, action, handle)
        view = forms.modal(label or "A question", form, private_metadata=carried)
        return await self.delivery.open_modal(deed.team, deed.trigger_id, view, on_top=bool(deed.view_id))

    def _handle(self, value: str) -> str:
        handles.keep(self.database, self.clock(), {value})
        return handles.handle_of(value)

    async def _home(self, deed: Deed) -> None:
        await self._write(lambda session: home.opened(session, self.clock(), deed.identity))
        reply = await self.desk.home(deed.identity, deed.surface)
        try:
            await self.delivery.publish_home(deed.team, deed.user, reply.card)
        except (NotInstalled, SlackRefused) as refused:  # removed meanwhile, or opened by a guest from elsewhere
            raise answers.NotDelivered(str(refused)) from None

    async def _departed(self, deed: Deed) -> None:
        """Somebody or something is no longer there."""
        if deed.kind == "gone":
            await self.workspaces.forget(deed.team)
        elif deed.kind == "left":
            await self._write(lambda session: _deactivate(session, self.clock(), deed.identity))
        elif deed.kind == "channel_gone":
            reason = "archived" if deed.text.endswith("archive") else "deleted"
            lost = ChannelLost(
                Destination(PLATFORM, deed.team, deed.channel), f"the channel was {reason}", self.clock()
            )
            await self._write(lambda session: publish(session, lost))

    async def _write(self, work: Callable[[Session], object]) -> None:
        def write() -> None:
            with self.database.transaction() as session:
                work(session)

        await asyncio.to_thread(write)


def where_of(deed: Deed) -> Where:
    """Where a deed's answer belongs.

    Whoever came from another workspace, through a shared channel, is answered by Slack's own ticket or at home: here,
    their id may be somebody else's.
    """
    home_team = deed.home_team or deed.team
    return Where(
        team=home_team,
        channel=deed.channel if home_team == deed.team else "",
        user=deed.user,
        response_url=deed.response_url,
        own=deed.own,
        trigger_id=deed.trigger_id,
        view_id=deed.view_id,
    )


def _deactivate(session: Session, now: dt.datetime, identity: Identity) -> None:
    try:
        people.deactivate(session, now, identity)
    except NotLinked:
        return
    log.info("a deactivated account's link is void", workspace=identity.workspace, user=identity.user_id)
