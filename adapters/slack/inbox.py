"""What Slack handed over, kept before it is acknowledged: whatever was acknowledged is answered, also after a crash.

Deeds that arrive together are stored in one transaction. Storing is waited for STORE_WITHIN_SECONDS; a database that
takes longer doesn't hold the acknowledgement, for which Slack waits three seconds: the deed is worked on once it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from adapters.slack.intake import PLATFORM, Deed
from core.chat import inbox
from core.chat.inbox import Item, Received
from core.clock import Clock
from core.storage import Database

log = structlog.get_logger(__name__)
STORE_WITHIN_SECONDS = 1.5
RENEW_SECONDS = 8.0  # far below the lease
AT_ONCE = 200
PRUNE_EVERY = 450  # renewals: about an hour

T = TypeVar("T")
Found = Callable[[Item], None]
Lost = Callable[[Deed], None]


@dataclass(slots=True)
class _Waiting:
    deed: Deed
    kept: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Inbox:
    """Stores deeds, hands each new one to `found` once, and finds those that a dead process left behind.

    lost: called for a deed that could not be kept because the database is gone; nothing of it has happened.
    """

    def __init__(self, database: Database, clock: Clock, who: str, found: Found, lost: Lost) -> None:
        self.database, self.clock, self.who = database, clock, who
        self._found, self._lost = found, lost
        self._queue: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._held: set[int] = set()
        # A thread of its own: acknowledgements don't queue behind whatever else runs in threads.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="slack-inbox")

    async def take(self, deed: Deed) -> None:
        """Keep a deed. Returns once it may be acknowledged."""
        waiting = _Waiting(deed)
        self._queue.append(waiting)
        self._arrived.set()
        done, _ = await asyncio.wait([waiting.kept], timeout=STORE_WITHIN_SECONDS)
        if not done:
            log.warning("acknowledged before it was kept: the database is slow", deed=deed.kind)

    async def run(self, stop: asyncio.Event) -> None:
        """Store what arrives, keep leases alive, and look for what others left, until `stop`."""
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self._keep_storing())
            renewing = group.create_task(self._keep_renewing())
            await stop.wait()
            while self._queue:
                await asyncio.sleep(0.01)
            keeping.cancel()
            renewing.cancel()

    async def close(self) -> None:
        """Let go of what is still held, so that whoever starts next takes it over at once."""
        held, self._held = sorted(self._held), set()
        try:
            if held:
                await self._call(lambda: self._release(held))
        except SQLAlchemyError as error:
            log.warning("unfinished work is taken over when its lease ends", number=len(held), fault=_name(error))
        finally:
            self._thread.shutdown(wait=False)

    async def done(self, item: Item) -> None:
        """An item has been answered. When this can't be written down, it is answered once more later."""
        self._held.discard(item.id)
        try:
            await self._call(lambda: self._done(item.id))
        except SQLAlchemyError as error:
            log.warning("an answered command could not be marked as done", item=item.id, fault=_name(error))

    def forget(self, item: Item) -> None:
        """Stop holding an item that could not be finished: its lease runs out and it is tried again."""
        self._held.discard(item.id)

    async def _keep_storing(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                batch = self._queue[:AT_ONCE]
                await self._store(batch)
                del self._queue[: len(batch)]

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            new = await self._call(lambda: self._insert([waiting.deed for waiting in batch]))
        except SQLAlchemyError as error:
            log.error("commands could not be kept; people are told", number=len(batch), fault=_name(error))
            for waiting in batch:
                self._lost(waiting.deed)
        else:
            for item in new:
                self._hold(item)
        for waiting in batch:
            waiting.kept.set_result(None)

    def _hold(self, item: Item) -> None:
        self._held.add(item.id)
        self._found(item)

    async def _keep_renewing(self) -> None:
        turn = 0
        while True:
            try:
                for item in await self._call(self._take_over):
                    log.info("resumed after a restart", item=item.id, received=str(item.received_at))
                    self._hold(item)
                if turn % PRUNE_EVERY == 0:
                    await self._call(self._prune)
            except SQLAlchemyError as error:
                log.warning("leases could not be renewed; tried again soon", fault=_name(error))
            turn += 1
            await asyncio.sleep(RENEW_SECONDS)

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _insert(self, deeds: Sequence[Deed]) -> list[Item]:
        received = [Received(PLATFORM, deed.key[:200], deed.as_json()) for deed in deeds]
        with self.database.transaction() as session:
            return list(inbox.store(session, self.clock(), self.who, received).values())

    def _take_over(self) -> list[Item]:
        with self.database.transaction() as session:
            inbox.renew(session, self.clock(), self.who, sorted(self._held))
            return inbox.claim_lost(session, self.clock(), self.who, PLATFORM, AT_ONCE)

    def _done(self, item_id: int) -> None:
        with self.database.transaction() as session:
            inbox.done(session, self.clock(), item_id)

    def _prune(self) -> None:
        with self.database.transaction() as session:
            inbox.prune(session, self.clock())

    def _release(self, ids: Sequence[int]) -> None:
        with self.database.transaction() as session:
            inbox.release(session, ids)


def _name(error: Exception) -> str:
    return type(error).__name__
