"""Delivers what was written to the outbox, and has due payouts sent; no transaction is open while it talks to others.

Any number of relays may run on one database: each message and each attempt is claimed by one of them (architecture.md,
"Four decisions"). A relay that dies between a post and its record leaves a claim that runs out; whoever claims it next
asks the channel whether it stands there already.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import socket
from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from core.chat import announcements, outbox
from core.chat.cards import Card
from core.chat.outbox import ChannelGone, ChatPort, Claimed, DirectMessageClosed, TryLater, Unclear
from core.clock import Clock
from core.config import DeskConfig
from core.payouts import attempts
from core.payouts.rail import Rail
from core.payouts.tables import Attempt
from core.storage import Database

log = structlog.get_logger(__name__)
T = TypeVar("T")

_UNSENT = select(Attempt.id).where(col(Attempt.state).in_(("ready", "calling"))).limit(1)

AT_ONCE = 20
POLL_SECONDS = 1.0  # another process, such as `earnings-desk ask`, can't nudge this one
LONGEST_PAUSE_SECONDS = 15.0
ANSWER_WITHIN_SECONDS = 30.0  # far below outbox.LEASE


def relay_name() -> str:
    """Which process this is, for claims and logs."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


class Relay:
    """One loop: what is due → claim → deliver → record. `nudge` wakes it at once, from any thread."""

    def __init__(
        self,
        database: Database,
        config: DeskConfig,
        ports: Mapping[str, ChatPort],
        rails: Mapping[str, Rail],
        clock: Clock,
        who: str = "",
    ) -> None:
        self.database, self.config, self.clock = database, config, clock
        self.ports, self.rails = ports, rails
        self.who = who or relay_name()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()

    def nudge(self) -> None:
        """Something was written: look at once. Callable from any thread; before `run` it does nothing."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake.set)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set. A database that is gone is waited for; each wait is logged."""
        self._loop = asyncio.get_running_loop()
        pause, failures = POLL_SECONDS, 0
        while not stop.is_set():
            self._wake.clear()
            try:
                busy = await self.round()
                pause, failures = (0.0 if busy else POLL_SECONDS), 0
            except SQLAlchemyError as error:
                failures += 1
                pause = min(POLL_SECONDS * 2**failures, LONGEST_PAUSE_SECONDS)
                log.warning("the database doesn't answer; the relay waits", seconds=pause, fault=type(error).__name__)
            if pause:
                await self._sleep(stop, pause, wakeable=not failures)

    async def _sleep(self, stop: asyncio.Event, seconds: float, wakeable: bool) -> None:
        """Until stop, a nudge (when wakeable), or the time is over."""
        waits = [asyncio.ensure_future(event.wait()) for event in ((stop, self._wake) if wakeable else (stop,))]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def round(self) -> bool:
        """Everything that is due now, once; whether there was anything. Raises SQLAlchemyError."""
        sent = await asyncio.to_thread(self._send_payouts)
        claimed = await asyncio.to_thread(self._claim)
        if claimed:
            await asyncio.gather(*(self._deliver(message) for message in claimed))
        return bool(sent or claimed)

    async def drain(self, rounds: int = 100) -> None:
        """Rounds until nothing is due; for the demo's clock and for tests."""
        for _ in range(rounds):
            if not await self.round():
                return

    def _send_payouts(self) -> int:
        with self.database.reading() as session:
            if session.exec(_UNSENT).first() is None:
                return 0
        return len(attempts.send_due(self.database, self.config, self.rails, self.clock(), self.who))

    def _claim(self) -> list[Claimed]:
        now = self.clock()
        with self.database.reading() as session:  # looking takes no writer's lock; most rounds find nothing
            if outbox.backlog(session, now, list(self.ports)).due == 0:
                return []
        with self.database.transaction() as session:
            return outbox.claim(session, now, self.who, AT_ONCE, list(self.ports))

    async def _deliver(self, message: Claimed) -> None:
        """Deliver one message and record what came of it. Raises SQLAlchemyError; everything else is recorded."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                message_id = await self._post(message)
        except TryLater as later:
            wait = None if later.seconds is None else dt.timedelta(seconds=later.seconds)
            reason = str(later)
            # If it was to be looked for, it still is: it may be the search that has to wait.
            unclear = message.check_first
            await self._record(lambda s: outbox.retry(s, self.clock(), message.id, reason, wait, unclear=unclear))
        except (ChannelGone, DirectMessageClosed) as gone:
            reason = str(gone) or type(gone).__name__
            log.warning("a message can't be delivered", key=message.key, to=message.to.platform, reason=reason)
            await self._record(lambda s: outbox.undeliverable(s, self.clock(), message.id, reason))
        except (Unclear, TimeoutError) as unclear:
            reason = str(unclear) or "no answer in time"
            await self._record(lambda s: outbox.retry(s, self.clock(), message.id, reason, unclear=True))
        except SQLAlchemyError:
            raise
        except Exception as error:  # a fault of ours in one card must not stop the others
            log.exception("delivering failed", key=message.key, template=message.template)
            reason = f"{type(error).__name__}: {error}"
            await self._record(lambda s: outbox.retry(s, self.clock(), message.id, reason, unclear=True))
        else:
            await self._record(lambda s: outbox.delivered(s, self.clock(), message.id, message_id, message.to))

    async def _post(self, message: Claimed) -> str:
        """The platform's id of the message, posted now or found there from before."""
        port = self.ports[message.to.platform]
        if message.check_first and message.kind == "post":
            found = await port.find(message.to, message.key, message.created_at)
            if found is not None:
                return found
        card = await asyncio.to_thread(self._draw, message)
        if message.kind == "repaint":
            await port.repaint(message.to, message.message_id, card)
            return message.message_id
        return await port.post(message.to, card, message.key)

    def _draw(self, message: Claimed) -> Card:
        with self.database.reading() as session:
            return announcements.draw(session, self.config, self.clock(), message)

    async def _record(self, write: Callable[[Session], None]) -> None:
        def work() -> None:
            with self.database.transaction() as session:
                write(session)

        await asyncio.to_thread(work)
