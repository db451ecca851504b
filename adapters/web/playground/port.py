"""The playground as a chat platform: a `ChatPort` for the relay, and the way in for what people type and press."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import event
from sqlmodel import Session

from adapters.conversation import Conversation
from adapters.web.playground import history, journal
from adapters.web.playground.hub import Hub
from adapters.web.playground.residents import GUEST, PLATFORM, WORKSPACE, Resident, residents, someone_to_link
from adapters.web.playground.timeline import CHANNELS, DESK, DIRECT, Post, Timeline, new_id, post_id
from core import people
from core.chat.cards import Card, Json
from core.chat.outbox import ChannelGone, Destination, DirectMessageClosed
from core.chat.registry import Reply, Suggestion
from core.clock import Clock, iso
from core.config import DeskConfig
from core.storage import Database

T = TypeVar("T")
APPROVE = "payout.approve"

_NOT_A_COMMAND = "The desk answers commands: they start with a slash. Type / to see them, or /help."


class NothingToApprove(Exception):
    """Both approvers would click, but no card waits for them."""


class Jumps(Protocol):
    """How the clock is moved. moments: where it can go, by name ("night", "month"). Calling it goes there and does what
    is due."""

    def moments(self) -> Mapping[str, dt.datetime]: ...
    async def __call__(self, to: str) -> None: ...


class NoSuchMoment(LookupError):
    """The clock can't be moved there; on a real desk, nowhere."""


class Playground:
    """Channels, direct messages and their people, in memory. Everything else is the desk's own, as in production.

    jumps moves the clock (None: it is real and stays).
    """

    platform = PLATFORM

    def __init__(
        self,
        desk: Conversation,
        database: Database,
        config: DeskConfig,
        clock: Clock,
        *,
        jumps: Jumps | None = None,
    ) -> None:
        self.desk, self.database, self.config, self.clock = desk, database, config, clock
        self._jumps = jumps
        self._jumping, self._restoring = asyncio.Lock(), asyncio.Lock()
        self._restored = False
        self.timeline, self.hub = Timeline(), Hub()
        event.listen(Session, "after_commit", self._committed)

    def close(self) -> None:
        """End the open streams; the playground is of no use afterwards."""
        self.hub.close()
        if event.contains(Session, "after_commit", self._committed):
            event.remove(Session, "after_commit", self._committed)

    # A chat platform, as the relay sees it.

    async def post(self, to: Destination, card: Card, key: str) -> str:
        """Show a card; the same key again is the same post. Raises ChannelGone, DirectMessageClosed."""
        surface, seen_by = await self._place(to)
        known = self.timeline.posted_as(key)
        if known is not None:
            return known.id
        post = Post(post_id(key), surface, seen_by, DESK, self.clock(), card=card, key=key)
        self._add(post)
        return post.id

    async def repaint(self, to: Destination, message_id: str, card: Card) -> None:
        """Put another card in a post's place; one from before a restart is shown as it is now."""
        surface, seen_by = await self._place(to)
        if self._change(message_id, card) is None:
            self._add(Post(message_id, surface, seen_by, DESK, self.clock(), card=card, edited=True))

    async def find(self, _to: Destination, key: str, _since: dt.datetime) -> str | None:
        """The post that has this key."""
        known = self.timeline.posted_as(key)
        return None if known is None else known.id

    # What people do here.

    async def run(self, person: Resident, surface: str, text: str) -> None:
        """Someone typed a line. The desk's answer is seen by them alone."""
        command = text.startswith("/")
        seen_by = person.user_id if command or surface == DIRECT else ""
        self._add(Post(new_id(), surface, seen_by, person.user_id, self.clock(), text=text))
        if not command:
            self._add(Post(new_id(), surface, person.user_id, DESK, self.clock(), text=_NOT_A_COMMAND))
            return
        reply = await self.desk.run(person.identity, text, destination(surface, person.user_id))
        self._answer(reply, person, surface)

    async def press(
        self, person: Resident, post_id: str, surface: str, action: str, value: str, fields: Mapping[str, str]
    ) -> Reply:
        """Someone pressed a button of a post. The answer replaces a card of their own when it says so."""
        where = destination(surface, person.user_id)
        reply = await self.desk.press(person.identity, action, value, fields, where)
        self._answer(reply, person, surface, pressed=self.timeline.posts.get(post_id))
        return reply

    async def suggest(self, person: Resident, text: str) -> list[Suggestion]:
        """Completions of what is typed so far."""
        return await self.desk.suggest(person.identity, text)

    async def both_approve(self) -> list[tuple[Resident, Reply]]:
        """Two approvers press the newest open approval card in the same instant. Raises NothingToApprove."""
        found = self.timeline.newest_with_button(CHANNELS[1], APPROVE)
        approvers = [person for person in await self.people() if person.approves]
        approvers.sort(key=lambda person: person.creator_id is not None)
        if found is None or len(approvers) < 2:
            raise NothingToApprove
        post, value = found
        presses = [self.press(one, post.id, post.surface, APPROVE, value, {}) for one in approvers[:2]]
        replies = await asyncio.gather(*presses)
        return list(zip(approvers[:2], replies, strict=True))

    async def jump(self, to: str) -> None:
        """Move the clock, once at a time, and tell every page. Raises NoSuchMoment."""
        if self._jumps is None or to not in self._jumps.moments():
            raise NoSuchMoment(to)
        async with self._jumping:
            try:
                await self._jumps(to)
            finally:
                self.hub.tell("clock", self.clock_json())

    async def link_code(self) -> tuple[str, str]:
        """What the platform's account page would show the newcomer: (code, the creator's name)."""
        return await self._read(self._make_link_code, self.clock())

    async def people(self) -> list[Resident]:
        """Everyone who can be played."""
        return await self._read(self._people)

    async def person(self, user_id: str) -> Resident | None:
        return next((one for one in await self.people() if one.user_id == user_id), None)

    # What a page is told.

    async def state(self) -> dict[str, Json]:
        """Everything, for a page that has just opened or has lost its line."""
        await self._restore()
        everyone, books = await self._read(self._people), await self._read(self._books, 0)
        return {
            "people": [person_json(one) for one in everyone],
            "commands": self._commands(),
            "posts": [self.timeline.as_json(post) for post in self.timeline.posts.values()],
            "journal": books,
            "clock": self.clock_json(),
        }

    async def books_since(self, entry_id: int) -> dict[str, Json] | None:
        """The entries after that one; None when there are none."""
        newest = await self._read(self._newest_entry)
        return await self._read(self._books, entry_id) if newest > entry_id else None

    def clock_json(self) -> dict[str, Json]:
        """The desk's time, and the moments that the clock can jump to, by name."""
        moments = self._jumps.moments() if self._jumps is not None else {}
        return {"now": iso(self.clock()), "jumps": {name: iso(moment) for name, moment in moments.items()}}

    def _commands(self) -> list[Json]:
        """How each command is written, for the hint under the input. (What may be used, the desk decides.)"""
        return [
            {"name": f"/{command.name}", "usage": command.usage, "summary": command.summary}
            for command in self.desk.registry.commands.values()
        ]

    async def _restore(self) -> None:
        """Before the first page: put what was delivered before a restart in front of what came since."""
        async with self._restoring:
            if not self._restored:
                self.timeline.add_earlier(await self._read(self._delivered))
                self._restored = True

    def _add(self, post: Post) -> None:
        self.hub.tell("post", self.timeline.as_json(self.timeline.add(post)))

    def _change(self, post_id: str, card: Card, files: tuple[str, ...] = ()) -> Post | None:
        changed = self.timeline.change(post_id, card, files)
        if changed is not None:
            self.hub.tell("change", self.timeline.as_json(changed))
        return changed

    def _answer(self, reply: Reply, person: Resident, surface: str, pressed: Post | None = None) -> None:
        files = self.timeline.offer(reply.files)
        own = pressed is not None and pressed.seen_by == person.user_id
        if not (reply.replaces and own and pressed and self._change(pressed.id, reply.card, files)):
            self._add(
                Post(
                    new_id(),
                    surface,
                    person.user_id,
                    DESK,
                    self.clock(),
                    card=reply.card,
                    files=files,
                    opens=reply.opens,
                )
            )

    async def _place(self, to: Destination) -> tuple[str, str]:
        if to.user_id:
            if to.user_id != GUEST and await self.person(to.user_id) is None:
                raise DirectMessageClosed
            return DIRECT, to.user_id
        if to.channel not in CHANNELS:
            raise ChannelGone
        return to.channel, ""

    async def _read(self, function: Callable[..., T], *args: object) -> T:
        return await anyio.to_thread.run_sync(function, *args)

    def _delivered(self) -> list[Post]:
        with self.database.reading() as session:
            return history.delivered(session, self.config, self.clock())

    def _people(self) -> list[Resident]:
        with self.database.reading() as session:
            return residents(session)

    def _books(self, after: int) -> dict[str, Json]:
        with self.database.reading() as session:
            return journal.newest(session, after)

    def _newest_entry(self) -> int:
        with self.database.reading() as session:
            return journal.newest_id(session)

    def _make_link_code(self, now: dt.datetime) -> tuple[str, str]:
        with self.database.transaction() as session:
            found = someone_to_link(session)
            if found is None:
                raise people.UnknownPerson(who="a creator who is not linked")
            person_id = people.ensure_creator_person(session, *found)
            code, _ = people.create_link_code(session, now, person_id)
            return code, found[1]

    def _committed(self, session: Session) -> None:
        """After any commit on this database, from whichever thread: pages look whether the books have grown."""
        if self.hub.listening and session.get_bind() is self.database.engine:
            self.hub.tell_from_thread("books", None)


def destination(surface: str, user_id: str) -> Destination:
    """A surface of the playground as the desk names it."""
    if surface == DIRECT:
        return Destination(platform=PLATFORM, workspace=WORKSPACE, user_id=user_id)
    return Destination(platform=PLATFORM, workspace=WORKSPACE, channel=surface)


def person_json(person: Resident) -> dict[str, Json]:
    """A person as the switch shows them."""
    return {
        "id": person.user_id,
        "name": person.name,
        "about": person.about,
        "creator": person.creator_id is not None,
        "approver": person.approves,
        "admin": bool({"admin", "owner"} & set(person.roles)),
        "linked": person.linked,
    }
