"""The service as a whole, on a line to Slack that comes and goes, and in channels that end."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from core.chat import outbox, subscriptions
from core.chat.outbox import Destination
from core.storage import Database
from tests.conftest import count
from tests.desk_world import World, jan
from tests.slack_server import Interaction, SlackServer
from tests.slack_server.faults import Kind
from tests.slack_world import APPROVALS, EARNINGS, TEAM, USERS, SlackWorld, Transport, running

POST = "chat.postMessage"
EMPTY = outbox.Backlog(0, None, None)


@contextlib.asynccontextmanager
async def at_work(database: Database, transport: Transport = "socket") -> AsyncIterator[SlackWorld]:
    """The service; Ada has $1,000, everybody but Zoe is linked."""
    world = World(database).funded()
    try:
        async with running(world, transport) as slack:
            slack.link("ada", "bo", "Mira", "Tom", "Ann", "Amos", "Olga")
            yield slack
            assert not slack.server.violations, slack.server.violations
        assert world.sound()
    finally:
        world.close()


async def until(slack: SlackWorld, holds: Callable[[], object]) -> None:
    """Wait for something; the desk's back-offs pass quickly meanwhile."""
    async with asyncio.timeout(20):
        while not holds():
            slack.clock.ahead += dt.timedelta(seconds=2)
            slack.app.nudge()
            await asyncio.sleep(0.05)


async def keep_asking(slack: SlackWorld, number: int, disturb: Callable[[], Awaitable[object]]) -> list[Interaction]:
    """People who go on asking while the line is disturbed in the middle of it."""
    asked = []
    for place in range(number):
        if place == number // 2:
            await disturb()
        line = ("/balance", "/stats", '/desk adjust ada 1 "one more"')[place % 3]
        asked.append(await slack.server.slash(TEAM, APPROVALS, USERS["Ann"], line, wait=False))
        await asyncio.sleep(0)
    await asyncio.gather(*(one.done.wait() for one in asked))
    await slack.server.wait_for(lambda: all(one.answers for one in asked))
    return asked


async def test_a_refresh_loses_nothing(migrated_database: Database) -> None:
    """Slack asks the desk to come again on a new socket: what was typed meanwhile is acknowledged and answered once."""
    async with at_work(migrated_database) as slack:
        first = slack.server.connections[0]
        asked = await keep_asking(slack, 30, slack.server.disconnect)
        assert [one.acked_after is not None for one in asked] == [True] * 30
        assert [len(one.answers) for one in asked] == [1] * 30
        assert count(migrated_database, "adjustment") == 10
        await slack.server.connected()
        assert first not in slack.server.connections


async def test_a_dropped_socket_is_replaced(migrated_database: Database) -> None:
    """A line cut without a word is noticed within a second or two; what was on it comes again and is done once."""
    async with at_work(migrated_database) as slack:

        async def drop() -> None:
            slack.server.drop_socket()

        asked = await keep_asking(slack, 30, drop)
        assert [len(one.answers) for one in asked] == [1] * 30
        assert max(one.acked_after or 99 for one in asked) < 3
        assert count(migrated_database, "adjustment") == 10


async def test_a_mute_socket_is_given_up(migrated_database: Database) -> None:
    """A socket that accepts and never speaks counts as no connection, and is replaced by one that does."""
    async with at_work(migrated_database) as slack:
        (platform,) = slack.service.readiness.platforms
        mute = slack.server.fault("socket", "slow", seconds=3600)
        slack.server.drop_socket()
        await slack.server.wait_for(lambda: mute.hits)
        async with asyncio.timeout(5):
            while platform.connected:
                await asyncio.sleep(0.05)
        await slack.server.connected()
        assert "$1,000.00" in (await slack.type("ada", "/balance")).said


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_an_outage_is_sat_out(migrated_database: Database, transport: Transport) -> None:
    """Slack is away: digest, card, notice and dashboard come once it is back, once; and commands work again."""
    async with at_work(migrated_database, transport) as slack:
        server, world = slack.server, slack.world
        slack.subscribe(EARNINGS, "digest", full=True)
        slack.subscribe(APPROVALS, "approvals")
        await server.open_home(TEAM, USERS["ada"])
        await until(slack, lambda: server.home(USERS["ada"]))
        server.outage()
        world.earn("pal", jan(13, 9), 40)
        world.settle(jan(14, 3))
        world.withdrawal("ada", "60")
        world.ask("Mira", "/desk approve 1")
        for _ in range(30):  # half a minute of the desk's clock, with all its back-offs
            slack.clock.ahead += dt.timedelta(seconds=1)
            slack.app.nudge()
            await asyncio.sleep(0.02)
        assert server.messages(EARNINGS) == server.messages(APPROVALS) == []
        server.end_faults()
        await until(
            slack,
            lambda: (
                server.messages(EARNINGS)
                and len(server.messages(APPROVALS)) == 2
                and "Mira" in server.messages(APPROVALS)[0].plain
                and server.direct(USERS["ada"])
                and "$980.00" in slack.standing_home("ada")
            ),
        )
        assert "$980.00" in (await slack.type("ada", "/balance")).said
        await quiet(slack)
        assert [len(server.messages(place)) for place in (EARNINGS, APPROVALS)] == [1, 2]
        told = [one.plain for one in server.direct(USERS["ada"])]
        assert len(told) == len(set(told))


async def quiet(slack: SlackWorld) -> None:
    """Until nothing is left to say."""

    def empty() -> bool:
        with slack.app.database.reading() as session:
            return outbox.backlog(session, slack.clock()) == EMPTY

    await until(slack, empty)


ENDS: dict[str, Callable[[SlackServer], Awaitable[object]]] = {
    "archived": lambda server: server.archive(TEAM, EARNINGS),
    "deleted": lambda server: server.delete_channel(TEAM, EARNINGS),
    "removed": lambda server: server.remove_bot(TEAM, EARNINGS),
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_channel_that_ends_is_paused_and_its_owner_told_once(migrated_database: Database, end: str) -> None:
    """No more posts are tried there, nothing else is held up, and the owner hears of it once."""
    async with at_work(migrated_database) as slack:
        server, world = slack.server, slack.world
        slack.subscribe(EARNINGS, "digest", full=True)
        slack.subscribe(APPROVALS, "digest", full=True)
        await ENDS[end](server)
        for day in (13, 14):
            world.now = jan(day, 12)
            world.earn("pal", jan(day, 9), 40)
            world.settle(jan(day + 1, 3))
            await quiet(slack)
        with slack.app.database.reading() as session:
            paused = subscriptions.of_channel(session, Destination("slack", TEAM, EARNINGS), "digest")
            assert paused is not None
            assert paused.paused
        assert len(server.messages(APPROVALS)) == 2
        (told,) = server.direct(USERS["Olga"])
        assert EARNINGS in told.plain
        tried = [call for call in server.called(POST) if call.args.get("channel") == EARNINGS]
        assert len(tried) <= 1
        assert "$1,080.00" in (await slack.type("ada", "/balance")).said


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "500", "500_after", "429"])
async def test_answers_get_through(migrated_database: Database, kind: Kind) -> None:
    """The answer to a command is tried again and by other ways; what was asked for happens once."""
    async with at_work(migrated_database) as slack:
        fault = slack.server.fault("response_url", kind, retry_after=0)
        asked = await slack.server.slash(TEAM, APPROVALS, USERS["Ann"], '/desk adjust ada 5 "a bonus"')
        await slack.server.wait_for(lambda: fault.hits and asked.answers)
        await quiet(slack)
        assert "bonus" in asked.said
        assert count(migrated_database, "adjustment") == 1
