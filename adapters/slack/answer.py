"""Works on what was handed over and acknowledged: runs it at the desk, and answers the person it came from.

Nothing here raises into the connection. What can't be answered now (Slack doesn't answer) stays in the inbox and is
tried again; a command that had taken effect by then is not run again, its kept answer is sent.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from adapters.slack import forms, intake
from adapters.slack.blocks import OPTION_VALUE
from adapters.slack.delivery import Delivery, NotDelivered, Where
from adapters.slack.inbox import Inbox
from adapters.slack.intake import PLATFORM, Deed
from adapters.slack.workspaces import Workspaces
from core import people
from core.chat import handles, home, templates
from core.chat.cards import Button, Card, FormField
from core.chat.desk import Once
from core.chat.inbox import Item, kept
from core.chat.outbox import ChannelLost, Destination, TryLater, Unclear
from core.chat.registry import Reply
from core.clock import Clock
from core.errors import DeskError, LedgerUnavailable
from core.people import Identity, NotLinked
from core.storage import Database, publish

log = structlog.get_logger(__name__)
AT_ONCE = 64
TRIES = 6  # over some minutes; Slack's ticket for an answer lasts thirty
TICKET = dt.timedelta(seconds=2.5)  # a form must open within 3 s of the click
METADATA_MOST = 3_000


class TooLateToAsk(DeskError):
    """Nothing changed. Slack gives three seconds to open a form, and they were over. Press the button again."""


class Unanswered(DeskError):
    """Something broke on our side while this was answered, and it has been noted. It may have been done.
    Look before you try again. Ref {reference}."""


class Conversation(Protocol):
    """The part of the desk that Slack speaks to."""

    async def run(self, identity: Identity, text: str, surface: Destination, *, once: Once | None = None) -> Reply: ...
    async def press(
        self,
        identity: Identity,
        action: str,
        value: str,
        fields: Mapping[str, str],
        surface: Destination,
        *,
        once: Once | None = None,
    ) -> Reply: ...
    async def form(self, identity: Identity, action: str, value: str) -> tuple[FormField, ...] | None: ...
    async def home(self, identity: Identity, surface: Destination) -> Reply: ...


class Answers:
    """Takes items from the inbox, each in a task of its own, AT_ONCE at a time."""

    def __init__(
        self, desk: Conversation, delivery: Delivery, workspaces: Workspaces, database: Database, clock: Clock
    ) -> None:
        self.desk, self.delivery, self.workspaces = desk, delivery, workspaces
        self.database, self.clock = database, clock
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def found(self, inbox: Inbox, item: Item) -> None:
        """Work on an item, from the event loop."""
        self._start(self._finish(inbox, item))

    def lost(self, deed: Deed, reason: Exception) -> None:
        """Tell the person that nothing of it happened: it could not even be kept."""
        self._start(self._sorry(deed, reason))

    async def drain(self, seconds: float) -> None:
        """Wait for what is being worked on, at most so long; the rest is cut off and stays in the inbox."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, inbox: Inbox, item: Item) -> None:
        """Work on an item until it is answered; one that isn't stays for another try."""
        async with self._turns:
            try:
                await self._act(intake.from_json(item.payload), item)
            except (TryLater, Unclear, SQLAlchemyError) as trouble:
                log.warning("not answered yet", item=item.id, tries=item.tries, fault=type(trouble).__name__)
                if item.tries < TRIES:
                    inbox.forget(item)
                    return
            except NotDelivered as closed:
                log.warning("an answer reaches nobody", item=item.id, reason=str(closed))
            except Exception:  # a fault of ours in one answer must not come back with every restart
                reference = f"E-{secrets.token_hex(3)}"
                log.exception("answering failed", item=item.id, reference=reference)
                await self._say(intake.from_json(item.payload), Unanswered(reference=reference), reference)
            await inbox.done(item)

    async def _act(self, deed: Deed, item: Item) -> None:
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
            before = await asyncio.to_thread(self._kept, item)
            if before is not None:
                await self.delivery.show_kept(before, where)
        elif not (reply.opens and fresh and await self._ask_for_missing(deed, reply.card)):
            await self.delivery.show(reply, where)

    def _kept(self, item: Item) -> str | None:
        with self.database.reading() as session:
            return kept(session, item.id)

    async def _ask(self, deed: Deed, item: Item, once: Once, fresh: bool) -> None:
        """Open the form of a button; one that has none (any more) is pressed, and the desk says what is wrong."""
        form = await self.desk.form(deed.identity, deed.action, deed.value)
        if form is None:
            reply = await self.desk.press(deed.identity, deed.action, deed.value, {}, deed.surface, once=once)
            await self._answer(deed, item, reply, fresh)
        elif not fresh or not await self._open(deed, deed.action, deed.value, deed.label, form):
            await self.delivery.show(_refusal(TooLateToAsk()), where_of(deed))

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
        await self.delivery.publish_home(deed.team, deed.user, reply.card)

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

    async def _sorry(self, deed: Deed, reason: Exception) -> None:
        reference = f"E-{secrets.token_hex(3)}"
        log.error("a command could not be kept", reference=reference, kind=deed.kind, exc_info=reason)
        await self._say(deed, LedgerUnavailable(reference=reference), reference)

    async def _say(self, deed: Deed, what: DeskError, reference: str) -> None:
        """Tell the person what went wrong, if it was a person."""
        if deed.kind not in ("command", "press", "ask", "submit"):
            return
        try:
            await self.delivery.show(_refusal(what), where_of(deed))
        except Exception as trouble:  # whatever broke the answer may break this too
            log.error("a person could not be told", reference=reference, fault=type(trouble).__name__)


def where_of(deed: Deed) -> Where:
    """Where a deed's answer belongs."""
    return Where(
        team=deed.team,
        channel=deed.channel,
        user=deed.user,
        response_url=deed.response_url,
        own=deed.own,
        trigger_id=deed.trigger_id,
        view_id=deed.view_id,
    )


def _refusal(refusal: DeskError) -> Reply:
    return Reply(templates.render("refusal", text=refusal.text), ok=False)


def _deactivate(session: Session, now: dt.datetime, identity: Identity) -> None:
    try:
        people.deactivate(session, now, identity)
    except NotLinked:
        return
    log.info("a deactivated account's link is void", workspace=identity.workspace, user=identity.user_id)
