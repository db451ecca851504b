"""A real `earnings-desk up` on Slack and Discord that is stopped or killed in the middle of a burst, and started again:
nothing acknowledged stays unanswered, and nothing happens twice."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import random
import re
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
from core.people import Identity
from core.storage import Database
from tests import slack_world
from tests.commands import Process, process
from tests.conftest import count
from tests.desk_world import World
from tests.discord_server import DiscordServer, Interaction, routes
from tests.discord_server.typed import Typed
from tests.discord_world import APPROVALS, EARNINGS, GUILD, USERS, settle
from tests.slack_server import Interaction as SlackInteraction
from tests.slack_server import SlackServer
from tests.slack_world import BOT_TOKEN, TEAM

NUMBER = 48
CONFIRMS = NUMBER // 4  # as many clicks, as many typed writes; the rest reads or asks for a form
IN_SLACK = 8  # adjustments typed there meanwhile
STOP_WITHIN = 5.0  # seconds
IDLE_MEGABYTES = 150


@dataclass
class Desk:
    """A desk's folder and database, and the two chats that its processes are connected to."""

    folder: Path
    database: Database
    discord: DiscordServer
    slack: SlackServer
    world: World
    confirms: list[Interaction] = field(default_factory=list)
    adjusts: list[Interaction] = field(default_factory=list)
    reads: list[Interaction] = field(default_factory=list)
    in_slack: list[SlackInteraction] = field(default_factory=list)

    @property
    def burst(self) -> list[Interaction]:
        return [*self.confirms, *self.adjusts, *self.reads]

    @property
    def acked(self) -> list[Interaction]:
        """Those that have a first answer, and those that were written down to be answered."""
        return [one for one in self.burst if one.answered_after is not None]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        """`up`, ready and connected to both."""
        settings = {
            "HTTP_PORT": "0",
            "DATABASE_URL": self.database.engine.url.render_as_string(hide_password=False),
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_URL": self.discord.api_url,
            "DISCORD_GATEWAY_URL": self.discord.gateway_url,
        }
        with process(self.folder, "up", **settings) as up:
            await asyncio.to_thread(up.until, "ready")
            await self.slack.connected()
            await self.discord.connected()
            await self.discord.wait_for(lambda: self.discord.commands)
            yield up

    async def prepare(self) -> None:
        """Previews for Ada, each with its button."""
        ada, amount = USERS["ada"], {"amount": "50"}
        asked = [
            await self.discord.slash(GUILD, EARNINGS, ada, "/withdraw", amount, wait=False) for _ in range(CONFIRMS)
        ]
        await self.discord.wait_for(lambda: all(one.answers for one in asked))

    async def send(self, chance: random.Random) -> None:
        """Everything at once, in any order."""
        previews = self.discord.private(USERS["ada"], EARNINGS)
        jobs = [("confirm", place) for place in range(CONFIRMS)] + [("adjust", place) for place in range(CONFIRMS)]
        jobs += [("read", place) for place in range(NUMBER - 2 * CONFIRMS)]
        jobs += [("slack", place) for place in range(IN_SLACK)]
        chance.shuffle(jobs)
        for kind, place in jobs:
            await self._send(kind, place, previews[place % len(previews)])

    async def _send(self, kind: str, place: int, preview: object) -> None:
        reason = f"bonus {place} of many"
        if kind == "confirm":
            within = next(one for one in self.discord.private(USERS["ada"], EARNINGS) if one is preview)
            made = await self.discord.click(USERS["ada"], "Request $50.00", within=within, wait=False)
            self.confirms.append(made)
        elif kind == "adjust":
            options: dict[str, Typed] = {"creator": "bo", "amount": "1", "reason": reason}
            where = (GUILD, APPROVALS, USERS["Ann"])
            self.adjusts.append(await self.discord.slash(*where, "/desk adjust", options, wait=False))
        elif kind == "read":
            command = ("/balance", "/stats", "/withdraw")[place % 3]
            made = await self.discord.slash(GUILD, APPROVALS, USERS["bo"], command, wait=False)
            self.reads.append(made)
        else:
            line, ann = f'/desk adjust bo 2 "slack {reason}"', slack_world.USERS["Ann"]
            self.in_slack.append(await self.slack.slash(TEAM, slack_world.APPROVALS, ann, line, wait=False))

    def waits(self) -> int:
        """What was written down and isn't answered yet."""
        with self.database.reading() as session:
            open_ = text("SELECT count(*) FROM chat_received WHERE done_at IS NULL")
            return int(session.connection().execute(open_).scalar_one())

    async def over(self) -> None:
        """Until everything that was acknowledged is answered, and noted as answered."""
        told = [one for one in self.in_slack if one.acked_after is not None]
        await self.discord.wait_for(lambda: all(one.answered for one in self.acked), 40)
        await self.slack.wait_for(lambda: all(one.answers or one.modals for one in told), 40)
        async with asyncio.timeout(40):
            while self.waits():
                await asyncio.sleep(0.05)

    def check(self) -> None:
        """Who was promised an answer has it, once, about what was asked; money moved once."""
        for one in self.acked:
            # "answered" counts what a person was shown; an edit that was made twice is the same message.
            shown = {id(answer.message) for answer in one.answers}
            assert len(shown) + (one.modal is not None) == 1, one.said
            assert "did not happen a second time" not in one.said
        for one in self.confirms:
            assert one.answered_after is None or "requested" in one.said, one.said
        with self.database.reading() as session:
            reasons = list(session.connection().execute(text("SELECT reason FROM adjustment")).scalars())
        assert len(set(reasons)) == len(reasons)
        for one in self.adjusts:
            if one.answered_after is not None:
                assert any(reason in one.said for reason in reasons), one.said
        for made in self.in_slack:
            found = re.search(r"slack bonus \d+ of many", str(made.payload["text"]))
            assert found is not None
            assert made.acked_after is None or found[0] in reasons
        promised = sum(one.answered_after is not None for one in self.confirms)
        assert promised <= count(self.database, "withdrawal") <= CONFIRMS
        assert not self.discord.violations, self.discord.violations
        assert not self.slack.violations, self.slack.violations
        assert self.world.sound()


@contextlib.asynccontextmanager
async def desk(folder: Path, database: Database) -> AsyncIterator[Desk]:
    """Ada has $1,500; Ada, Bo, Ann and Amos are linked on both since the day before yesterday."""
    (folder / "earnings-desk.toml").write_text(STARTER, encoding="utf-8")
    config = load(folder / "earnings-desk.toml", {}, folder / ".env").desk
    now = dt.datetime.now(dt.UTC)
    world = World(database, config, now - dt.timedelta(days=2))
    world.earn("logo", world.now, 1_500)
    with database.transaction() as session:
        for name in ("ada", "bo", "Ann", "Amos"):
            accounts = (Identity("discord", USERS[name]), Identity("slack", slack_world.USERS[name], TEAM))
            for account in accounts:
                code, _ = people.create_link_code(session, world.now, people.resolve(session, name).person_id)
                assert people.link(session, world.now, account, code).ok
    world.settle(now)
    try:
        async with SlackServer.running() as slack, DiscordServer.running() as discord:
            slack_world.settle(slack)
            settle(discord)
            yield Desk(folder, database, discord, slack, world)
    finally:
        world.close()


def resident(up: Process) -> float:
    """Megabytes of memory that a process has in use."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{up.popen.pid}/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) / 1000


async def interrupted(made: Desk, number: int, chance: random.Random, acked: int) -> None:
    """A burst; once so many have a first answer the process gets the signal; then another one is started.

    Slack, Discord, HTTP and scheduler in one process need 150 MB at most while nothing happens.
    """
    async with made.running() as first:
        assert resident(first) <= IDLE_MEGABYTES
        await made.prepare()
        await made.send(chance)
        await made.discord.wait_for(lambda: len(made.acked) >= acked)
        status, seconds = await asyncio.to_thread(first.stop, number)
        if number == signal.SIGTERM:
            assert (status, seconds < STOP_WITHIN) == (0, True), (seconds, first.output)
            assert "Traceback" not in first.output, first.output
            assert made.discord.sessions[-1].close_code == 1000
            assert not made.discord.online
    async with made.running() as second:
        await made.over()
        assert "Traceback" not in second.output, second.output


async def test_stopped_during_a_burst(tmp_path: Path, migrated_database: Database) -> None:
    """SIGTERM: the process ends within five seconds, looks offline, and leaves no promise of an answer unkept."""
    async with desk(tmp_path, migrated_database) as made:
        await interrupted(made, signal.SIGTERM, random.Random(1), 10)
        made.check()


async def test_killed_during_a_burst(tmp_path: Path, migrated_database: Database) -> None:
    """SIGKILL: the next process takes over at once what was written down; writes are not repeated."""
    async with desk(tmp_path, migrated_database) as made:
        began = time.monotonic()
        await interrupted(made, signal.SIGKILL, random.Random(2), 10)
        assert time.monotonic() - began < 25  # no lease of the dead one was waited for
        made.check()


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(15))
async def test_killed_at_any_moment(tmp_path: Path, migrated_database: Database, seed: int) -> None:
    """The same with either signal, after any number of answers."""
    chance = random.Random(seed)
    number = chance.choice((signal.SIGTERM, signal.SIGKILL))
    async with desk(tmp_path, migrated_database) as made:
        await interrupted(made, number, chance, chance.randint(1, NUMBER))
        made.check()


@pytest.mark.deep
async def test_stops_while_discord_hangs(tmp_path: Path, migrated_database: Database) -> None:
    """With Discord hanging the process ends in time; what was written down is answered after the next start."""
    async with desk(tmp_path, migrated_database) as made:
        async with made.running() as first:
            await made.prepare()
            for route in (routes.CALLBACK, routes.EDIT_ORIGINAL, routes.FOLLOW_UP, routes.SEND, routes.OPEN_DM):
                made.discord.fault(route, "slow", None, seconds=60)
            await made.send(random.Random(4))
            async with asyncio.timeout(10):
                while made.waits() < 20:
                    await asyncio.sleep(0.05)
            status, seconds = await asyncio.to_thread(first.stop)
            assert (status, seconds < STOP_WITHIN) == (0, True), (seconds, first.output)
            assert made.discord.sessions[-1].close_code == 1000
        made.discord.end_faults()
        async with made.running():
            await made.over()
        # Too late for where they asked: they have their answers in direct messages.
        requested = [one for one in made.discord.direct(USERS["ada"]) if "requested" in one.plain]
        assert len(requested) == count(made.database, "withdrawal") > 0
        made.check()
