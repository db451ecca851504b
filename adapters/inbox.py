"""What a chat platform handed over, kept before it is acknowledged, so that it is answered even after a crash.

What people did (deeds) and arrives together is stored in one transaction. Storing is waited for STORE_WITHIN_SECONDS;
a database that takes longer doesn't hold up the acknowledgement, for which platforms wait three seconds: what was done
is worked on once it is kept. What was answered is marked so together, too; where that can't be written down, it is
tried until it can.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from core.chat import inbox
from core.chat.desk import LEDGER_DOWN
from core.chat.inbox import Item, Received
from core.clock import Clock
from core.storage import Database

log = structlog.get_logger(__name__)
STORE_WITHIN_SECONDS = 1.5
RENEW_SECONDS = 8.0  # far below the lease
AT_ONCE = 200
PRUNE_EVERY = 450  # renewals: about an hour

T = TypeVar("T")


class Deed(Protocol):
    """What someone did. key: the platform's own name for it, unique there and the same when it is delivered again."""

    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> str: ...
    def as_json(self) -> str: ...


D = TypeVar("D", bound=Deed)


class Stopping(Exception):
    """The desk is about to end: what comes now is not acknowledged, so that the platform brings it again."""


@dataclass(slots=True)
class _Waiting(Generic[D]):
    deed: D
    kept: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Inbox(Generic[D]):
    """Stores deeds, hands each new one to `found` once, and finds those that a dead process left behind.

    lost: called for a deed that could not be kept, with the reason; nothing of it has happened. sole: nobody else can
    be at work on this database, so that what an earlier process left is taken over at once, without its lease's end.
    """

    def __init__(
        self,
        platform: str,
        database: Database,
        clock: Clock,
        who: str,
        found: Callable[[Item], None],
        lost: Callable[[D, Exception], None],
        *,
        sole: bool = False,
    ) -> None:
        self.platform, self.database, self.clock, self.sole = platform, database, clock, sole
        # In a container every start has the same name and process id: what the one before held is not ours.
        self.who = f"{who[:80]}:{secrets.token_hex(4)}"
        self._found, self._lost = found, lost
        self._queue: list[_Waiting[D]] = []
        self._arrived = asyncio.Event()
        self._held: set[int] = set()
        self._answered: set[int] = set()  # held until it is written down that they were
        self._over = False
        # A thread of its own: acknowledgements don't queue behind whatever else runs in threads.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{platform}-inbox")

    async def take(self, deed: D) -> None:
        """Keep a deed. Returns once it may be acknowledged. Raises Stopping when nobody would keep it any more."""
        if self._over:
            raise Stopping
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
            self._over = True
            keeping.cancel()
            renewing.cancel()

    async def close(self) -> None:
        """Let go of what is still held, so that whoever starts next takes it over at once."""
        self._over = True
        try:
            await self._call(self._let_go)
        except SQLAlchemyError as error:
            number = len(self._held)
            log.warning("unfinished work is taken over when its lease ends", number=number, fault=_name(error))
        finally:
            self._thread.shutdown(wait=False)

    async def done(self, item: Item) -> None:
        """An item has been answered. Should this process end before it is written down, it is answered once more."""
        self._answered.add(item.id)
        try:
            await self._call(self._write_answered)
        except SQLAlchemyError as error:
            log.warning("an answered command could not be marked as done yet", item=item.id, fault=_name(error))

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

    async def _store(self, batch: Sequence[_Waiting[D]]) -> None:
        try:
            new = await self._call(lambda: self._insert([waiting.deed for waiting in batch]))
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, LEDGER_DOWN):
                for one in batch:  # one that can't be kept doesn't take the others with it
                    await self._store([one])
                return
            log.error("commands could not be kept; people are told", number=len(batch), fault=_name(error))
            for waiting in batch:
                self._lost(waiting.deed, error)
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
                more = True
                while more:
                    lost = await self._call(self._take_over)
                    for item in lost:
                        log.info("resumed after a restart", item=item.id, received=str(item.received_at))
                        self._hold(item)
                    more = len(lost) == AT_ONCE
                if turn % PRUNE_EVERY == 0:
                    await self._call(self._prune)
            except SQLAlchemyError as error:
                log.warning("leases could not be renewed; tried again soon", fault=_name(error))
            turn += 1
            await asyncio.sleep(RENEW_SECONDS)

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _insert(self, deeds: Sequence[D]) -> list[Item]:
        received = [Received(self.platform, deed.key[:200], deed.as_json()) for deed in deeds]
        with self.database.transaction() as session:
            return list(inbox.store(session, self.clock(), self.who, received).values())

    def _take_over(self) -> list[Item]:
        self._write_answered()
        with self.database.transaction() as session:
            now = self.clock()
            inbox.renew(session, now, self.who, sorted(self._held))
            return inbox.claim_lost(session, now, self.who, self.platform, AT_ONCE, sole=self.sole)

    def _write_answered(self) -> None:
        """Mark all that were answered by now; whoever comes next finds nothing left to write."""
        answered = sorted(self._answered)
        if not answered:
            return
        with self.database.transaction() as session:
            inbox.done(session, self.clock(), *answered)
        self._answered.difference_update(answered)
        self._held.difference_update(answered)

    def _prune(self) -> None:
        with self.database.transaction() as session:
            inbox.prune(session, self.clock())

    def _let_go(self) -> None:
        self._write_answered()
        if self._held:
            with self.database.transaction() as session:
                inbox.release(session, sorted(self._held))


def _name(error: Exception) -> str:
    return type(error).__name__
