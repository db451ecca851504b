"""The whole service, running in the test's own loop, for the worlds around our own Slack and our own Discord."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import text

from bot.bootstrap import App, assemble
from bot.service import Service
from core import people
from core.chat import outbox, subscriptions
from core.chat.outbox import Destination
from core.people import Identity
from tests.conftest import count
from tests.desk_world import World


@dataclass
class Clock:
    """The desk's clock: `world.now` and what has really passed since it was read first, so that leases run out."""

    world: World
    ahead: dt.timedelta = dt.timedelta()

    def __call__(self) -> dt.datetime:
        return self.world.now + self.ahead


@dataclass
class RunningDesk:
    """The running service, and what is done to it without a word on any platform."""

    world: World
    app: App
    service: Service
    clock: Clock

    def code(self, name: str) -> str:
        """A code for linking, as the platform's account page or the operator gives it."""
        with self.app.database.transaction() as session:
            person = people.resolve(session, name)
            return people.create_link_code(session, self.clock(), person.person_id)[0]

    def link_as(self, name: str, identity: Identity) -> None:
        """Link a person to an account."""
        code = self.code(name)
        with self.app.database.transaction() as session:
            assert people.link(session, self.clock(), identity, code).ok

    def subscribe_to(self, to: Destination, topic: subscriptions.Topic, *, full: bool) -> None:
        """Have a channel hear of something."""
        with self.app.database.transaction() as session:
            olga = people.resolve(session, "Olga")
            subscriptions.subscribe(session, self.clock(), olga, to, topic, full=full)

    async def answered(self, number: int) -> None:
        """Wait until so many payloads were taken, each is answered for good, and whatever follows from it was said."""

        def over() -> bool:
            with self.app.database.reading() as session:
                rows = session.connection().execute(text("SELECT done_at FROM chat_received")).scalars().all()
                waits = outbox.backlog(session, self.clock())
            return len(rows) == number and None not in rows and waits == outbox.Backlog(0, None, None)

        async with asyncio.timeout(30):
            while not over():
                await asyncio.sleep(0.02)

    def moved(self) -> tuple[int, int]:
        """How many withdrawals and adjustments there are."""
        return count(self.app.database, "withdrawal"), count(self.app.database, "adjustment")


@contextlib.asynccontextmanager
async def serving(app: App, listening: socket.socket, *, playground: bool = False) -> AsyncIterator[Service]:
    """The service until the end of the block, which begins once every platform is connected; closes the app."""
    service = assemble(app, listening, playground=playground)
    running = asyncio.create_task(service.run())
    try:
        async with asyncio.timeout(15):
            while not (service.readiness.started and all(one.connected for one in service.readiness.platforms)):
                if running.done():
                    running.result()
                await asyncio.sleep(0.01)
        yield service
    finally:
        service.stop.set()
        await running
        app.close()
