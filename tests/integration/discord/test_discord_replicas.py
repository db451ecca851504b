"""Two processes on one PostgreSQL and one token: one listens, both post, and the other listens when it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.settings import load
from bot.starter import STARTER
from core import people
from core.chat import subscriptions
from core.chat.outbox import Destination
from core.people import Identity
from core.storage import Database
from tests.commands import Process, process
from tests.conftest import count
from tests.desk_world import World
from tests.discord_server import DiscordServer, Interaction, routes
from tests.discord_server.typed import Typed
from tests.discord_world import APPROVALS, EARNINGS, GUILD, USERS, settle

HANDOVER = 30.0  # seconds


@dataclass
class Desk:
    """A desk's folder and database, the Discord that its processes are connected to, and what was asked there."""

    folder: Path
    database: Database
    server: DiscordServer
    world: World
    asked: list[Interaction] = field(default_factory=list)

    def replica(self) -> contextlib.AbstractContextManager[Process]:
        """One more `up`, which is starting."""
        return process(
            self.folder,
            "up",
            HTTP_PORT="0",
            DATABASE_URL=self.database.engine.url.render_as_string(hide_password=False),
            DISCORD_TOKEN=self.server.token,
            DISCORD_API_URL=self.server.api_url,
            DISCORD_GATEWAY_URL=self.server.gateway_url,
        )

    async def listens(self, number: int) -> None:
        """Wait until so many sessions were begun and the newest is connected."""
        server = self.server
        sessions = server.sessions
        await server.wait_for(lambda: len(sessions) == number and sessions[-1].line is not None, HANDOVER)

    async def adjust(self) -> Interaction:
        """Ann proposes one more adjustment; a write, which isn't waited for."""
        reason = f"bonus {len(self.asked)} of many"
        options: dict[str, Typed] = {"creator": "bo", "amount": "1", "reason": reason}
        where = (GUILD, EARNINGS, USERS["Ann"])
        self.asked.append(await self.server.slash(*where, "/desk adjust", options, wait=False))
        return self.asked[-1]

    def age(self) -> None:
        """As if the half minute had passed, in which leases that nobody renews run out."""
        with self.database.transaction() as session:
            ago = {"past": dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)}
            session.connection().execute(text("UPDATE lease SET until = :past"), ago)
            session.connection().execute(
                text("UPDATE chat_received SET claimed_until = :past WHERE done_at IS NULL"), ago
            )

    async def over(self) -> None:
        """Until what was written down is answered."""

        def waits() -> int:
            with self.database.reading() as session:
                open_ = text("SELECT count(*) FROM chat_received WHERE done_at IS NULL")
                return int(session.connection().execute(open_).scalar_one())

        async with asyncio.timeout(HANDOVER + 10):
            while waits():
                await asyncio.sleep(0.05)

    def check(self) -> None:
        """Nothing was done or said twice; every card stands once."""
        told = [one for one in self.asked if one.answered_after is not None]
        assert all(len({id(answer.message) for answer in one.answers}) == 1 for one in told)
        done = count(self.database, "adjustment")
        assert len(told) <= done <= len(self.asked)
        cards = [one.plain for one in self.server.messages(APPROVALS)]
        assert len(cards) == len(set(cards))
        assert not self.server.violations, self.server.violations
        assert self.world.sound()


@contextlib.asynccontextmanager
async def desk(folder: Path, database: Database) -> AsyncIterator[Desk]:
    """Ann and Bo are linked; approvals' cards go to a channel."""
    (folder / "earnings-desk.toml").write_text(STARTER, encoding="utf-8")
    config = load(folder / "earnings-desk.toml", {}, folder / ".env").desk
    world = World(database, config, dt.datetime.now(dt.UTC))
    with database.transaction() as session:
        for name in ("bo", "Ann"):
            code, _ = people.create_link_code(session, world.now, people.resolve(session, name).person_id)
            assert people.link(session, world.now, Identity("discord", USERS[name]), code).ok
        channel = Destination("discord", GUILD, APPROVALS)
        subscriptions.subscribe(session, world.now, people.resolve(session, "Olga"), channel, "approvals")
    try:
        async with DiscordServer.running() as server:
            settle(server)
            yield Desk(folder, database, server, world)
    finally:
        world.close()


async def both(made: Desk, stack: contextlib.ExitStack) -> tuple[Process, Process]:
    """Two processes: the first one listens, the second one is there."""
    first = stack.enter_context(made.replica())
    await asyncio.to_thread(first.until, "this process listens to Discord now")
    await made.listens(1)
    await made.server.wait_for(lambda: made.server.commands)
    second = stack.enter_context(made.replica())
    await asyncio.to_thread(second.until, "ready")
    logged_in = len(made.server.called(routes.ME))
    await made.server.wait_for(lambda: len(made.server.called(routes.ME)) >= max(3, logged_in))
    return first, second


@pytest.mark.parametrize("busy", [False, pytest.param(True, marks=pytest.mark.deep)], ids=["idle", "busy"])
async def test_one_of_two_answers_and_the_other_takes_over(
    tmp_path: Path, migrated_postgres: Database, busy: bool
) -> None:
    """No command is answered twice; the holder is killed, the other one listens and finishes what it had begun; that
    one is stopped, and looks offline at once."""
    async with desk(tmp_path, migrated_postgres) as made:
        with contextlib.ExitStack() as stack:
            first, second = await both(made, stack)
            server = made.server
            for _ in range(15):
                await made.adjust()
            await server.wait_for(lambda: all(one.answers for one in made.asked))
            await made.over()
            assert len(server.sessions) == 1
            assert len(server.called(routes.SYNC)) == 1
            if busy:
                for _ in range(15):
                    await made.adjust()
                await server.wait_for(lambda: sum(one.answered_after is not None for one in made.asked) >= 18)
            await asyncio.to_thread(first.stop, signal.SIGKILL)
            made.age()
            await made.listens(2)
            last = await made.adjust()
            await server.wait_for(lambda: last.answers)
            await made.over()
            status, seconds = await asyncio.to_thread(second.stop)
            assert (status, seconds < 5) == (0, True), second.output
            assert "Traceback" not in second.output, second.output
        assert server.sessions[-1].close_code == 1000
        assert server.sessions[-1].line is None
        made.check()


async def test_a_clean_stop_hands_over_at_once(tmp_path: Path, migrated_postgres: Database) -> None:
    """The other one looks every second: no lease has to run out."""
    async with desk(tmp_path, migrated_postgres) as made:
        with contextlib.ExitStack() as stack:
            first, second = await both(made, stack)
            began = time.monotonic()
            status, _ = await asyncio.to_thread(first.stop)
            assert (status, made.server.sessions[0].close_code) == (0, 1000), first.output
            await made.listens(2)
            assert time.monotonic() - began < 8  # its stop, a look, and a log-in
            asked = await made.adjust()
            await made.server.wait_for(lambda: asked.answers)
            assert "this process listens" in second.output
        made.check()


@pytest.mark.deep
async def test_the_other_listens_half_a_minute_after_a_death(tmp_path: Path, migrated_postgres: Database) -> None:
    """By the clock, with nothing put forward."""
    async with desk(tmp_path, migrated_postgres) as made:
        with contextlib.ExitStack() as stack:
            first, _ = await both(made, stack)
            await asyncio.to_thread(first.stop, signal.SIGKILL)
            began = time.monotonic()
            await made.listens(2)
            asked = await made.adjust()
            await made.server.wait_for(lambda: asked.answers)
            assert time.monotonic() - began < HANDOVER
            await made.over()
        made.check()
