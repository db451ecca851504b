"""Works on what a chat platform handed over and was acknowledged, until each person has an answer.

Nothing here raises into the connection. What can't be answered now (the platform doesn't answer) stays in the inbox
and is tried again; a command that had taken effect by then is not run again, its kept answer is sent.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Generic

import structlog
from sqlalchemy.exc import SQLAlchemyError

from adapters.inbox import D, Inbox
from core.chat import templates
from core.chat.inbox import Item, kept
from core.chat.outbox import TryLater, Unclear
from core.chat.registry import Reply
from core.errors import DeskError, LedgerUnavailable
from core.storage import Database

log = structlog.get_logger(__name__)
AT_ONCE = 64
TRIES = 30  # one in a lease of half a minute: a platform's ticket for an answer lasts a quarter of an hour or longer


class NotDelivered(Exception):
    """The platform takes the answer by no way, now or later; the reason of the last way is its text."""


class Unanswered(DeskError):
    """Something broke on our side while this was answered, and it has been noted. It may have been done.
    Look before you try again. Ref {reference}."""


class Answers(ABC, Generic[D]):
    """Takes items from the inbox, each in a task of its own, AT_ONCE at a time."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    def read(self, payload: str) -> D:
        """The deed that an item's payload holds."""

    @abstractmethod
    async def act(self, deed: D, item: Item) -> None:
        """Do it and answer. Raises TryLater, Unclear, SQLAlchemyError (tried again), NotDelivered (given up)."""

    @abstractmethod
    async def refuse(self, deed: D, reply: Reply) -> None:
        """Tell the person, if it was one, what went wrong. May raise whatever."""

    def found(self, inbox: Inbox[D], item: Item) -> None:
        """Work on an item, from the event loop."""
        self._start(self._finish(inbox, item))

    def lost(self, deed: D, reason: Exception) -> None:
        """Tell the person that nothing of it happened: it could not even be kept."""
        self._start(self._sorry(deed, reason))

    async def drain(self, seconds: float) -> None:
        """Wait for what is being worked on, at most so long; the rest is cut off and stays in the inbox."""
        deadline = time.monotonic() + seconds
        while self._tasks and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait(self._tasks, timeout=left)  # and for what came meanwhile
        late = list(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def kept(self, item: Item) -> str | None:
        """The answer that was kept with a write that took effect; None while there is none."""

        def read() -> str | None:
            with self.database.reading() as session:
                return kept(session, item.id)

        return await asyncio.to_thread(read)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, inbox: Inbox[D], item: Item) -> None:
        """Work on an item until it is answered; one that isn't stays for another try."""
        async with self._turns:
            try:
                await self.act(self.read(item.payload), item)
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
                await self._say(self.read(item.payload), Unanswered(reference=reference), reference)
            await inbox.done(item)

    async def _sorry(self, deed: D, reason: Exception) -> None:
        reference = f"E-{secrets.token_hex(3)}"
        log.error("a command could not be kept", reference=reference, kind=deed.kind, exc_info=reason)
        await self._say(deed, LedgerUnavailable(reference=reference), reference)

    async def _say(self, deed: D, what: DeskError, reference: str) -> None:
        try:
            await self.refuse(deed, refusal(what))
        except Exception as trouble:  # whatever broke the answer may break this too
            log.error("a person could not be told", reference=reference, fault=type(trouble).__name__)


def refusal(what: DeskError) -> Reply:
    """A refusal as an answer."""
    return Reply(templates.render("refusal", text=what.text), ok=False)
