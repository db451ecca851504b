"""Many at once, the same thing twice, and a database that is slow or gone: acknowledged at once, done and said once."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import psycopg
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from core.storage import Database
from tests.conftest import count
from tests.desk_world import World
from tests.slack_server import Interaction
from tests.slack_world import APPROVALS, EARNINGS, TEAM, USERS, SlackWorld, Transport, running

TRANSPORTS: tuple[Transport, ...] = ("socket", "http")
LINES = ("/balance", "/stats", "/withdraw 1", "/balance", '/stats "Logo Lab"', "/help", "/transactions", "/settings")
LINKED = ("ada", "bo", "Mira", "Ann", "Amos", "Olga")
SLACK_WAITS = 3.0  # seconds


@contextlib.asynccontextmanager
async def at_work(database: Database, transport: Transport) -> AsyncIterator[SlackWorld]:
    """The service; Ada has $1,000, everybody but Zoe and Tom is linked. In the end the books are right."""
    world = World(database).funded()
    try:
        async with running(world, transport) as slack:
            slack.link(*LINKED)
            yield slack
            assert not slack.server.violations, slack.server.violations
        assert world.sound()
    finally:
        world.close()


async def burst(slack: SlackWorld, number: int) -> list[Interaction]:
    """So many commands of everybody, in channels and alone with the desk, all sent before the first is answered."""
    names = list(USERS)
    return [
        await slack.server.slash(
            TEAM,
            (EARNINGS, "", APPROVALS)[place % 3],
            USERS[names[place % len(names)]],
            LINES[place // len(names) % len(LINES)],
            wait=False,
        )
        for place in range(number)
    ]


def p99(all_: list[Interaction]) -> float:
    waits = sorted(one.acked_after if one.acked_after is not None else 99.0 for one in all_)
    return waits[max(0, len(waits) * 99 // 100 - 1)]


async def check_burst(database: Database, transport: Transport, number: int) -> None:
    async with at_work(database, transport) as slack:
        sent = await burst(slack, number)
        await asyncio.gather(*(one.done.wait() for one in sent))
        await slack.answered(number)
        assert p99(sent) < 1.0
        assert [len(one.answers) for one in sent] == [1] * number
        for one in sent:
            assert ("Not linked yet" in one.said) == (one.user in (USERS["zoe"], USERS["Tom"])), one.said
            assert "Ref E-" not in one.said
        assert slack.moved() == (0, 0)  # previews move nothing


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_hundred_commands_at_once(migrated_database: Database, transport: Transport) -> None:
    """A hundred at once are all acknowledged within a second at p99, none is lost, each is answered once."""
    await check_burst(migrated_database, transport, 100)


async def test_a_hundred_commands_at_once_on_postgresql(migrated_postgres: Database) -> None:
    """The same on PostgreSQL."""
    await check_burst(migrated_postgres, "socket", 100)


@pytest.mark.deep
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_thousand_commands(migrated_database: Database, transport: Transport) -> None:
    """Ten times a hundred, one burst after the other."""
    async with at_work(migrated_database, transport) as slack:
        waits: list[Interaction] = []
        for turn in range(10):
            sent = await burst(slack, 100)
            await asyncio.gather(*(one.done.wait() for one in sent))
            await slack.answered(100 * (turn + 1))
            waits += sent
        assert p99(waits) < 1.0
        assert [len(one.answers) for one in waits] == [1] * 1_000


async def _confirm(slack: SlackWorld) -> Interaction:
    await slack.type("ada", "/withdraw 50", EARNINGS)
    return await slack.server.click(TEAM, USERS["ada"], "Request $50.00")


async def _adjust(slack: SlackWorld) -> Interaction:
    return await slack.server.slash(TEAM, APPROVALS, USERS["Ann"], '/desk adjust ada 5 "a bonus for the contest"')


async def _approve(slack: SlackWorld) -> Interaction:
    slack.subscribe(APPROVALS, "approvals")
    slack.world.withdrawal("ada", "60")
    slack.app.nudge()
    await slack.server.wait_for(lambda: slack.server.messages(APPROVALS))
    return await slack.server.click(TEAM, USERS["Mira"], "Approve")


async def _form(slack: SlackWorld) -> Interaction:
    asked = await slack.server.slash(TEAM, APPROVALS, USERS["Ann"], "/desk freeze ada")
    await slack.server.wait_for(lambda: asked.modal)
    return await slack.server.submit(
        TEAM, USERS["Ann"], {"Why; the creator reads it": "the account was reported as stolen"}
    )


DEEDS = {"confirm": _confirm, "adjust": _adjust, "approve": _approve, "form": _form}


def state(slack: SlackWorld) -> dict[str, int]:
    """What nothing may be added to by a payload that comes again."""
    tables = (
        "withdrawal",
        "decision",
        "attempt",
        "draft",
        "freeze",
        "adjustment",
        "entry",
        "audit_record",
        "subscription",
    )
    return {table: count(slack.app.database, table) for table in tables}


@pytest.mark.parametrize("deed", DEEDS)
async def test_what_comes_again_changes_and_says_nothing_twice(migrated_database: Database, deed: str) -> None:
    """Delivered again after it is done, twice at once, and over another socket: done once, answered once."""
    async with at_work(migrated_database, "socket") as slack:
        first = await DEEDS[deed](slack)
        told = slack.server.interactions.index(first) + 1
        await slack.answered(told)
        after, said = state(slack), heard(slack)
        again = [await slack.server.redeliver(first)]
        again += await asyncio.gather(*(slack.server.redeliver(first) for _ in range(2)))
        slack.server.drop_socket()
        again.append(await slack.server.redeliver(first, wait=False))
        await again[-1].done.wait()
        assert [one.acked_after is not None for one in again] == [True] * 4
        await slack.answered(told)
        assert (state(slack), heard(slack)) == (after, said)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_same_at_the_same_moment(migrated_database: Database, transport: Transport) -> None:
    """A payload that comes five times before the first is done takes effect once and is answered once."""
    async with at_work(migrated_database, transport) as slack:
        await slack.type("ada", "/withdraw 50", EARNINGS)
        first = await slack.server.click(TEAM, USERS["ada"], "Request $50.00", wait=False)
        again = [await slack.server.redeliver(first, wait=False) for _ in range(4)]
        typed = await slack.server.slash(TEAM, "", USERS["Ann"], '/desk adjust ada 5 "a bonus"', wait=False)
        again += [await slack.server.redeliver(typed, wait=False) for _ in range(4)]
        await asyncio.gather(*(one.done.wait() for one in [first, typed, *again]))
        await slack.answered(3)
        assert slack.moved() == (1, 1)
        assert (len(first.answers), len(typed.answers)) == (1, 1)


def heard(slack: SlackWorld) -> list[int]:
    """How much every person and channel was told."""
    server = slack.server
    return [len(server.ephemerals(user)) + len(server.direct(user)) for user in USERS.values()] + [
        len(server.messages(channel)) for channel in (EARNINGS, APPROVALS)
    ]


@pytest.mark.parametrize("transport", ["socket", pytest.param("http", marks=pytest.mark.deep)])
async def test_slow_storing_holds_up_no_acknowledgement(migrated_database: Database, transport: Transport) -> None:
    """While somebody holds SQLite's write lock for three seconds, people's clients hear in time; then it is done."""
    async with at_work(migrated_database, transport) as slack:
        await slack.type("ada", "/withdraw 50", EARNINGS)
        file = migrated_database.engine.url.database
        assert file is not None
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            pressed = await slack.server.click(TEAM, USERS["ada"], "Request $50.00", wait=False)
            asked = await slack.server.slash(TEAM, EARNINGS, USERS["bo"], "/balance", wait=False)
            again = await slack.server.redeliver(pressed, wait=False)
            await asyncio.sleep(SLACK_WAITS)  # how long the lock is held
            for one in (pressed, asked, again):
                assert one.acked_after is not None
                assert one.acked_after < SLACK_WAITS
            assert (pressed.answers, slack.moved()) == ([], (0, 0))
            other.execute("ROLLBACK")
        await slack.answered(3)
        assert slack.moved() == (1, 0)
        assert "WD-1 requested" in pressed.said
        assert [len(one.answers) for one in (pressed, asked)] == [1, 1]


async def test_what_could_not_be_kept_is_said_not_to_have_happened(migrated_database: Database) -> None:
    """With nowhere to keep it the person reads that nothing changed, and the log has the reason under its reference."""
    async with at_work(migrated_database, "socket") as slack:
        _rename(slack.app.database, "chat_received", "elsewhere")
        with capture_logs() as logs:
            asked = await slack.type("Ann", '/desk adjust ada 5 "a bonus"', APPROVALS)
        _rename(slack.app.database, "elsewhere", "chat_received")
        assert asked.acked_after is not None
        assert "Nothing changed. The ledger didn't answer." in asked.said
        _check_trace(asked.said, logs)
        again = await slack.server.redeliver(asked)  # Slack was told that it arrived; should it come again, it is new
        await slack.answered(1)
        assert again.acked_after is not None
        assert slack.moved() == (0, 1)


@contextlib.contextmanager
def gone(database: Database) -> Iterator[None]:
    """PostgreSQL takes no connections to this database, and has cut those there were."""
    name, host = database.engine.url.database, database.engine.url.query["host"]
    with psycopg.connect(f"postgresql://postgres@/postgres?host={host}", autocommit=True) as server:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


async def test_a_database_that_is_gone(migrated_postgres: Database) -> None:
    """Gone altogether: people read that nothing changed; once it is back commands work, and nothing happens late."""
    async with at_work(migrated_postgres, "socket") as slack:
        with gone(migrated_postgres), capture_logs() as logs:
            asked = await slack.type("Ann", '/desk adjust ada 5 "a bonus"', APPROVALS)
        assert "Nothing changed. The ledger didn't answer." in asked.said
        _check_trace(asked.said, logs)
        slack.clock.ahead += dt.timedelta(minutes=1)
        after = await slack.type("Ann", "/desk payments", APPROVALS)
        assert "Nothing changed" not in after.said
        assert slack.moved() == (0, 0)


async def test_an_answer_that_could_not_be_noted_is_not_given_again(migrated_postgres: Database) -> None:
    """The database goes while an answer is on its way: it is noted once the database is back, and not given twice."""
    async with at_work(migrated_postgres, "socket") as slack:
        asked = await slack.server.slash(TEAM, EARNINGS, USERS["ada"], "/balance", wait=False)
        slack.server.fault("response_url", "slow", seconds=0.3)
        async with asyncio.timeout(5):
            while not slack.server.called("response_url"):
                await asyncio.sleep(0.01)
        with gone(migrated_postgres), capture_logs() as logs:
            await slack.server.wait_for(lambda: asked.answers)
            async with asyncio.timeout(5):
                while not any("could not be marked" in str(one["event"]) for one in logs):
                    await asyncio.sleep(0.01)
        slack.clock.ahead += dt.timedelta(minutes=1)  # any lease is over
        await slack.type("ada", "/help")
        await slack.answered(2)
        assert len(asked.answers) == 1


def _rename(database: Database, before: str, after: str) -> None:
    with database.transaction() as session:
        session.connection().execute(text(f"ALTER TABLE {before} RENAME TO {after}"))


def _check_trace(said: str, logs: Sequence[Mapping[str, object]]) -> None:
    found = re.search(r"E-[0-9a-f]{6}", said)
    assert found is not None, said
    assert any(one.get("reference") == found[0] and one.get("exc_info") for one in logs), logs
