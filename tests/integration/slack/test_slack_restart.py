"""A real `earnings-desk up` that is stopped or killed in the middle of a burst, and started again: nothing acknowledged
stays unanswered, and nothing happens twice."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import random
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.settings import load
from bot.starter import STARTER
from core import people
from core.chat import inbox
from core.chat.inbox import Received
from core.people import Identity
from core.storage import Database
from tests.commands import Process, process
from tests.conftest import count
from tests.desk_world import World
from tests.slack_server import Interaction, SlackServer
from tests.slack_server.faults import Kind
from tests.slack_world import APPROVALS, BOT_TOKEN, EARNINGS, TEAM, USERS, Transport, settle

NUMBER = 60
CONFIRMS = NUMBER // 4  # as many clicks, as many typed writes; the rest reads or asks for a form
STOP_WITHIN = 5.0  # seconds


@dataclass
class Desk:
    """A desk's folder and database, and the Slack that its processes are connected to."""

    folder: Path
    database: Database
    server: SlackServer
    transport: Transport
    world: World
    confirms: list[Interaction] = field(default_factory=list)
    adjusts: list[Interaction] = field(default_factory=list)
    reads: list[Interaction] = field(default_factory=list)

    @property
    def burst(self) -> list[Interaction]:
        return [*self.confirms, *self.adjusts, *self.reads]

    @property
    def acked(self) -> list[Interaction]:
        return [one for one in self.burst if one.acked_after is not None]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        """`up`, ready and connected."""
        settings = {
            "HTTP_PORT": "0",
            "DATABASE_URL": self.database.engine.url.render_as_string(hide_password=False),
            "SLACK_API_URL": self.server.api_url,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
        }
        if self.transport == "socket":
            settings["SLACK_APP_TOKEN"] = self.server.app_token
        else:
            settings["SLACK_SIGNING_SECRET"] = self.server.signing_secret
        with process(self.folder, "up", **settings) as up:
            output = await asyncio.to_thread(up.until, "ready")
            if self.transport == "socket":
                await self.server.connected()
            else:
                found = re.search(r"http://127\.0\.0\.1:\d+", output)
                assert found is not None
                self.server.request_url = f"{found[0]}/slack/events"
            yield up

    async def prepare(self) -> None:
        """Previews for Ada, each with its button."""
        asked = [
            await self.server.slash(TEAM, EARNINGS, USERS["ada"], "/withdraw 50", wait=False) for _ in range(CONFIRMS)
        ]
        await self.server.wait_for(lambda: all(one.answers for one in asked))

    async def send(self, chance: random.Random) -> None:
        """Everything at once, in any order."""
        previews = self.server.ephemerals(USERS["ada"], EARNINGS)
        jobs = [("confirm", place) for place in range(CONFIRMS)] + [("adjust", place) for place in range(CONFIRMS)]
        jobs += [("read", place) for place in range(NUMBER - 2 * CONFIRMS)]
        chance.shuffle(jobs)
        for kind, place in jobs:
            if kind == "confirm":
                ada, button = USERS["ada"], "Request $50.00"
                made = await self.server.click(TEAM, ada, button, within=previews[place], wait=False)
                self.confirms.append(made)
            elif kind == "adjust":
                line = f'/desk adjust bo 1 "bonus {place} of many"'
                self.adjusts.append(await self.server.slash(TEAM, APPROVALS, USERS["Ann"], line, wait=False))
            else:
                line = ("/balance", "/stats", "/desk freeze bo")[place % 3]
                who = "Amos" if line.startswith("/desk") else "bo"
                self.reads.append(await self.server.slash(TEAM, APPROVALS, USERS[who], line, wait=False))

    async def over(self) -> None:
        """Until everything that was acknowledged is answered, and noted as answered."""

        def waits() -> int:
            with self.database.reading() as session:
                open_ = text("SELECT count(*) FROM chat_received WHERE done_at IS NULL")
                return int(session.connection().execute(open_).scalar_one())

        await self.server.wait_for(lambda: all(one.answers or one.modals for one in self.acked), 40)
        async with asyncio.timeout(40):
            while waits():
                await asyncio.sleep(0.05)

    def check(self, *, often: int) -> None:
        """Each answer is about what was asked, and no one was given more than `often` times; money moved once."""
        for one in self.acked:
            assert 1 <= len(one.answers) + len(one.modals) <= often, one.said
            assert "did not happen a second time" not in one.said
        for one in self.confirms:
            assert one.acked_after is None or "requested" in one.said, one.said
        with self.database.reading() as session:
            reasons = list(session.connection().execute(text("SELECT reason FROM adjustment")).scalars())
        assert len(set(reasons)) == len(reasons)
        for one in self.adjusts:
            found = re.search(r"bonus \d+ of many", str(one.payload["text"]))
            assert found is not None
            if one.acked_after is not None:
                assert found[0] in reasons
                assert found[0] in one.said
        acked = sum(one.acked_after is not None for one in self.confirms)
        assert acked <= count(self.database, "withdrawal") <= CONFIRMS
        assert not self.server.violations, self.server.violations
        assert self.world.sound()


@contextlib.asynccontextmanager
async def desk(folder: Path, database: Database, transport: Transport) -> AsyncIterator[Desk]:
    """Ada has $1,500; Ada, Bo, Ann and Amos are linked since the day before yesterday."""
    (folder / "earnings-desk.toml").write_text(STARTER, encoding="utf-8")
    config = load(folder / "earnings-desk.toml", {}, folder / ".env").desk
    now = dt.datetime.now(dt.UTC)
    world = World(database, config, now - dt.timedelta(days=2))
    world.earn("logo", world.now, 1_500)
    with database.transaction() as session:
        for name in ("ada", "bo", "Ann", "Amos"):
            code, _ = people.create_link_code(session, world.now, people.resolve(session, name).person_id)
            assert people.link(session, world.now, Identity("slack", USERS[name], TEAM), code).ok
    world.settle(now)
    try:
        async with SlackServer.running() as server:
            settle(server)
            yield Desk(folder, database, server, transport, world)
    finally:
        world.close()


async def interrupted(made: Desk, number: int, chance: random.Random, acked: int) -> None:
    """A burst; once so many are acknowledged the process gets the signal; then another one is started."""
    async with made.running() as first:
        await made.prepare()
        await made.send(chance)
        await made.server.wait_for(lambda: len(made.acked) >= acked)
        status, seconds = await asyncio.to_thread(first.stop, number)
        if number == signal.SIGTERM:
            assert (status, seconds < STOP_WITHIN) == (0, True), (seconds, first.output)
            assert "Traceback" not in first.output, first.output
    async with made.running() as second:
        await made.over()
        assert "Traceback" not in second.output, second.output


TRANSPORTS: tuple[Transport, ...] = ("socket", "http")


@pytest.mark.parametrize("transport", ["socket", pytest.param("http", marks=pytest.mark.deep)])
async def test_stopped_during_a_burst(tmp_path: Path, migrated_database: Database, transport: Transport) -> None:
    """SIGTERM: the process ends within five seconds; what was acknowledged is answered once, before or after."""
    async with desk(tmp_path, migrated_database, transport) as made:
        await interrupted(made, signal.SIGTERM, random.Random(1), 20)
        made.check(often=1)


@pytest.mark.parametrize("transport", ["socket", pytest.param("http", marks=pytest.mark.deep)])
async def test_killed_during_a_burst(tmp_path: Path, migrated_database: Database, transport: Transport) -> None:
    """SIGKILL: the next process takes over at once what was acknowledged; writes are not repeated."""
    async with desk(tmp_path, migrated_database, transport) as made:
        await interrupted(made, signal.SIGKILL, random.Random(2), 10)
        made.check(often=2)


@pytest.mark.deep
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("seed", range(15))
async def test_killed_at_any_moment(
    tmp_path: Path, migrated_database: Database, transport: Transport, seed: int
) -> None:
    """The same with either signal, after any number of acknowledgements."""
    chance = random.Random(seed)
    number = chance.choice((signal.SIGTERM, signal.SIGKILL))
    async with desk(tmp_path, migrated_database, transport) as made:
        await interrupted(made, number, chance, chance.randint(1, NUMBER))
        made.check(often=2)


@pytest.mark.deep
async def test_killed_on_postgresql(tmp_path: Path, migrated_postgres: Database) -> None:
    """Where others may be at work, the next process waits for the leases of the dead one, and then resumes."""
    async with desk(tmp_path, migrated_postgres, "socket") as made:
        await interrupted(made, signal.SIGKILL, random.Random(3), 10)
        made.check(often=2)


def test_only_a_sole_process_takes_what_another_holds(database: Database) -> None:
    """A lease is respected where others may live; the only process takes over at once, but never from itself."""
    now = dt.datetime.now(dt.UTC)
    with database.transaction() as session:
        inbox.store(session, now, "one", [Received("slack", "key", "{}")])
    with database.transaction() as session:
        assert inbox.claim_lost(session, now, "two", "slack") == []
        assert inbox.claim_lost(session, now, "one", "slack", sole=True) == []
        (taken,) = inbox.claim_lost(session, now, "two", "slack", sole=True)
        assert (taken.key, taken.tries) == ("key", 2)
        assert inbox.claim_lost(session, now, "two", "slack", sole=True) == []


@pytest.mark.parametrize("trouble", ["slow", pytest.param("outage", marks=pytest.mark.deep)])
async def test_stops_while_slack_is_away(tmp_path: Path, migrated_database: Database, trouble: str) -> None:
    """With Slack gone, or hanging, the process ends in time; what was acknowledged is answered after the restart."""
    async with desk(tmp_path, migrated_database, "socket") as made:
        async with made.running() as first:
            await made.prepare()
            kind: Kind = "slow" if trouble == "slow" else "outage"
            made.server.fault("response_url", kind, None, seconds=60)
            await made.send(random.Random(4))
            await made.server.wait_for(lambda: len(made.acked) >= 20)
            if trouble == "outage":
                made.server.outage()
            status, seconds = await asyncio.to_thread(first.stop)
            assert (status, seconds < STOP_WITHIN) == (0, True), (seconds, first.output)
        made.server.end_faults()
        async with made.running():
            await made.over()
        made.check(often=2)
