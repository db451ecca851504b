"""Which process listens to Discord's gateway: one, by a lease, because every session is told of everything.

The lease lasts 15 seconds and is renewed every 5. Who holds it and can't renew it (the database doesn't answer, another
process has it) stops listening before its end; the others look every second whether it is free. So the next one listens
within 20 seconds of a death, and a second after a clean stop.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from core import leases
from core.clock import Clock
from core.storage import Database

log = structlog.get_logger(__name__)

NAME: Final = "discord-gateway"
LENGTH: Final = 15.0  # seconds
EVERY: Final = 5.0  # seconds between renewals
LOOK: Final = 1.0  # seconds between looks whether it is free
MARGIN: Final = 2.0  # seconds before its end by which nothing is answered any more
AGAIN: Final = 1.0  # seconds between tries while the database doesn't answer

T = TypeVar("T")
Act = Callable[[], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


class GatewayLease:
    """Holds the lease while it can, and tells the client to connect and to disconnect.

    connect: begins to listen, and returns soon (the lease is not renewed meanwhile). disconnect: stops listening. Both
    are called in turns, connect first, on the event loop that `run` is on. who: no other process has the same name.
    sole: no other process can be alive on this database; what a dead one held is taken over at once.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        who: str,
        connect: Act,
        disconnect: Act,
        *,
        sole: bool = False,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database, self.clock, self.who, self.sole = database, clock, who, sole
        self._connect, self._disconnect = connect, disconnect
        self._sleep, self._monotonic = sleep, monotonic
        self._connected = False
        self._ends = float("-inf")  # of our hold, by the machine's own clock
        self._asking: asyncio.Future[bool] | None = None
        self._asked = 0.0

    @property
    def held(self) -> bool:
        """Whether this process may answer what the gateway brings, at this moment; to be asked before each answer."""
        return self._monotonic() < self._ends

    async def run(self, stop: asyncio.Event) -> None:
        """Hold the lease until `stop` is set; then disconnect, and give it back. Nothing is raised but cancellation."""
        try:
            while not stop.is_set():
                pause = await self._turn()
                await self._until(stop, pause)
        finally:
            await self._drop()
            await self._release()

    async def _turn(self) -> float:
        """Take or renew the lease, and act upon it; how many seconds may pass before the next turn."""
        mine = await self._take()
        if mine:
            self._ends = self._asked + LENGTH - MARGIN
        if self.held and mine is not False:
            if not self._connected:
                await self._join()
            return EVERY if mine else min(AGAIN, max(0.0, self._ends - self._monotonic()))
        self._ends = float("-inf")
        await self._drop()
        return LOOK if mine is False else AGAIN

    async def _take(self) -> bool | None:
        """Whether the lease is ours now; None when the database doesn't say so in time."""
        if self._asking is None:
            self._asked = self._monotonic()
            self._asking = asyncio.ensure_future(asyncio.to_thread(self._ask))
        asking = self._asking
        # A database that hangs must not keep us listening: we wait no longer than our own hold lasts.
        patience = max(0.0, self._ends - self._monotonic()) if self.held else LENGTH - MARGIN
        await self._first(asking, patience)
        if not asking.done():
            return None
        self._asking = None
        try:
            return asking.result()
        except SQLAlchemyError as error:
            log.warning("the database doesn't say who listens to Discord", fault=type(error).__name__)
            return None

    def _ask(self) -> bool:
        if not self.sole:
            with self.database.reading() as session:  # looking writes nothing
                if leases.holder(session, self.clock(), NAME) not in (None, self.who):
                    return False
        with self.database.transaction() as session:
            length = dt.timedelta(seconds=LENGTH)
            return leases.take(session, self.clock(), NAME, self.who, length, sole=self.sole)

    async def _join(self) -> None:
        log.info("this process listens to Discord now", who=self.who)
        self._connected = True
        try:
            await self._connect()
        except Exception:  # whatever it is, another process may do better
            log.exception("listening to Discord failed")
            self._ends = float("-inf")
            await self._drop()
            await self._release()

    async def _drop(self) -> None:
        self._ends = float("-inf")
        if not self._connected:
            return
        self._connected = False
        log.info("this process no longer listens to Discord", who=self.who)
        try:
            await self._disconnect()
        except Exception:  # nothing more can be done about it here
            log.exception("leaving Discord failed")

    async def _release(self) -> None:
        """Give the lease back, if it is ours; a database that doesn't answer lets it run out."""

        def work() -> None:
            with self.database.transaction() as session:
                leases.release(session, NAME, self.who)

        if self._asking is not None:  # else it might be taken again after it was given back
            await self._first(self._asking, AGAIN)
        released = asyncio.ensure_future(asyncio.to_thread(work))
        await self._first(released, AGAIN)
        for task in (self._asking, released):
            if task is not None:
                task.add_done_callback(_seen)
        self._asking = None

    async def _until(self, stop: asyncio.Event, seconds: float) -> None:
        await self._first(asyncio.ensure_future(stop.wait()), seconds, keep=False)

    async def _first(self, task: asyncio.Future[T], seconds: float, *, keep: bool = True) -> None:
        """Until the task is done or so many seconds are over; it goes on unless keep says otherwise."""
        over = asyncio.ensure_future(self._sleep(seconds))
        try:
            waits: set[asyncio.Future[Any]] = {task, over}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            if not keep:
                task.cancel()


def _seen(task: asyncio.Future[T]) -> None:
    """A result that came too late interests nobody."""
    if not task.cancelled():
        task.exception()
