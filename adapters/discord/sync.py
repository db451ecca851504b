"""Tells Discord the desk's commands, once: when they changed since it was last told, and by one process.

Discord takes 200 new commands a day and shows people changed ones late, so that nothing is sent that it has already.
Setting all of them is the same however often it is done: an attempt whose answer was lost is simply made again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal

import structlog
from sqlalchemy.exc import SQLAlchemyError

from adapters.discord.api import DiscordApi, DiscordRefused
from adapters.discord.commands import digest
from adapters.discord.tables import DiscordState
from core import leases
from core.chat.outbox import TryLater, Unclear
from core.clock import Clock
from core.storage import Database, upsert

log = structlog.get_logger(__name__)

LEASE: Final = dt.timedelta(seconds=60)  # longer than a call with all its repetitions
AGAIN: Final = 30.0  # seconds after a failure, or while another process does it
LONGEST_PAUSE: Final = 900.0

Done = Literal["same", "told", "elsewhere"]
Sleep = Callable[[float], Awaitable[None]]


class CommandSync:
    """Keeps an application's global commands at what this program declares. who: this process, as leases name it."""

    def __init__(
        self,
        api: DiscordApi,
        database: Database,
        clock: Clock,
        application_id: str,
        payload: Sequence[Mapping[str, object]],
        who: str,
    ) -> None:
        self.api, self.database, self.clock = api, database, clock
        self.application_id, self.payload, self.who = application_id, payload, who
        self.digest = digest(payload)

    async def once(self) -> Done:
        """Tell Discord what changed: "same": nothing did; "told"; "elsewhere": another process does it just now.

        Raises TryLater, Unclear, DiscordRefused and SQLAlchemyError; what was stored is what Discord surely has.
        """
        took = await asyncio.to_thread(self._claim)
        if took != "mine":
            return took
        try:
            path = "/applications/{application_id}/commands"
            await self.api.call("PUT", path, body=list(self.payload), application_id=self.application_id)
            await asyncio.to_thread(self._store)
        finally:
            await asyncio.to_thread(self._release)
        log.info("Discord was told the commands", commands=len(self.payload), digest=self.digest[:12])
        return "told"

    async def run(self, stop: asyncio.Event, sleep: Sleep = asyncio.sleep) -> None:
        """Try until Discord has them, or `stop` is set. Failures are told in the log."""
        pause = AGAIN
        while not stop.is_set():
            wait = pause
            try:
                done = await self.once()
            except TryLater as later:
                wait = max(pause, later.seconds or 0.0)
                log.warning("Discord can't be told the commands yet", reason=str(later), seconds=wait)
            except DiscordRefused as refused:
                log.error("Discord refuses the commands", reason=str(refused), seconds=wait)
            except (Unclear, SQLAlchemyError) as trouble:
                log.warning("telling Discord the commands failed", fault=type(trouble).__name__, seconds=wait)
            else:
                if done != "elsewhere":
                    return
                wait = AGAIN
            pause = min(pause * 2, LONGEST_PAUSE)
            await _first(stop, sleep(wait))

    def _claim(self) -> Literal["mine", "same", "elsewhere"]:
        with self.database.reading() as session:  # most starts find nothing to do, and take no writer's lock
            if self._known(session.get(DiscordState, self.application_id)):
                return "same"
        with self.database.transaction() as session:
            if not leases.take(session, self.clock(), self._lease, self.who, LEASE):
                return "elsewhere"
        with self.database.reading() as session:  # after the lease: whoever had it before stored what it did
            known = self._known(session.get(DiscordState, self.application_id))
        if known:
            self._release()
            return "same"
        return "mine"

    def _known(self, state: DiscordState | None) -> bool:
        return state is not None and state.commands == self.digest

    @property
    def _lease(self) -> str:
        return f"discord-commands:{self.application_id}"

    def _store(self) -> None:
        values = {"commands": self.digest, "synced_at": self.clock()}
        with self.database.transaction() as session:
            statement = upsert(session, DiscordState).values(application_id=self.application_id, **values)
            session.execute(statement.on_conflict_do_update(index_elements=["application_id"], set_=values))

    def _release(self) -> None:
        with self.database.transaction() as session:
            leases.release(session, self._lease, self.who)


async def _first(stop: asyncio.Event, pause: Awaitable[None]) -> None:
    """Until `stop` is set or the pause is over."""
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(pause)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
