"""Discord is told the commands when they changed, by one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.discord.api import DiscordRefused
from adapters.discord.sync import LEASE, CommandSync
from core import leases
from core.chat.outbox import TryLater, Unclear
from core.storage import Database
from tests.discord_server import routes
from tests.integration.discord.sending import COMMAND, Line, connected

OTHER = COMMAND | {"description": "What you earned so far"}


@pytest.fixture
async def line(sqlite_database: Database) -> AsyncIterator[Line]:
    async with connected(sqlite_database) as made:
        yield made


def syncing(line: Line, payload: list[dict[str, object]], who: str = "a") -> CommandSync:
    database = line.port.sender.database
    return CommandSync(line.api, database, line.now.clock, line.server.application_id, payload, who)


async def test_commands_are_told_once_and_again_when_they_changed(line: Line) -> None:
    """A restart sends nothing; another declaration does."""
    assert await syncing(line, [COMMAND]).once() == "told"
    assert await syncing(line, [COMMAND]).once() == "same"
    assert await syncing(line, [COMMAND], "b").once() == "same"
    assert len(line.server.called(routes.SYNC)) == 1
    assert await syncing(line, [OTHER], "b").once() == "told"
    assert line.server.commands[0]["description"] == "What you earned so far"


async def test_of_many_at_once_one_tells(line: Line) -> None:
    """The others find it under way, or done."""
    done = await asyncio.gather(*(syncing(line, [COMMAND], f"process {number}").once() for number in range(10)))
    assert sorted(set(done) - {"same", "elsewhere"}) == ["told"]
    assert done.count("told") == 1
    assert len(line.server.called(routes.SYNC)) == 1


async def test_a_process_that_died_on_the_way_is_replaced(line: Line) -> None:
    """Its lease runs out, and nothing was stored that Discord may not have."""
    with line.port.sender.database.transaction() as session:
        name = f"discord-commands:{line.server.application_id}"
        leases.take(session, line.now.at, name, "dead", LEASE)
    assert await syncing(line, [COMMAND]).once() == "elsewhere"
    line.now.at += LEASE
    assert await syncing(line, [COMMAND]).once() == "told"


async def test_failures_are_said_and_leave_it_to_be_done(line: Line) -> None:
    """No answer, too many, refused: each time it is still to be told, by anybody."""
    line.server.fault(routes.SYNC, "error", status=503)
    line.server.fault(routes.SYNC, "429", retry_after=60)
    line.server.fault(routes.SYNC, "error", code=50035)
    for error in (Unclear, TryLater, DiscordRefused):
        with pytest.raises(error):
            await syncing(line, [COMMAND]).once()
    assert await syncing(line, [COMMAND], "b").once() == "told"


async def test_it_is_tried_until_discord_has_them(line: Line) -> None:
    """With growing pauses, at least as long as Discord asked."""
    line.server.fault(routes.SYNC, "error", times=1, status=503)
    line.server.fault(routes.SYNC, "error", times=1, code=50035)
    line.server.fault(routes.SYNC, "429", retry_after=400)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    await syncing(line, [COMMAND]).run(asyncio.Event(), sleep)
    assert slept == [30.0, 60.0, 400.0]
    stopped = asyncio.Event()
    stopped.set()
    await syncing(line, [OTHER]).run(stopped, sleep)
    assert line.server.commands[0]["description"] == "What you earned"
