"""The relay: what was committed is delivered, once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from bot import relay as relay_module
from bot.relay import Relay
from core.chat import outbox
from core.chat.outbox import LEASE, ChannelGone, Destination, DirectMessageClosed, TryLater, Unclear
from core.chat.tables import OutboxMessage
from core.config import DeskConfig
from core.storage import Database
from tests.bot_world import START, FakePort, StillClock

CHANNEL = Destination("fake", "w", "earnings")


class Killed(BaseException):
    """What a SIGKILL would be: nothing after it runs."""


def put(database: Database, *keys: str, to: Destination = CHANNEL, kind: str = "post", subject: str = "") -> None:
    """Messages that any template can draw."""
    with database.transaction() as session:
        for key in keys:
            outbox.put(session, START, key, "refusal", {"text": f"about {key}"}, to=to, kind=kind, subject=subject)


def state_of(database: Database, key: str) -> str:
    with database.reading() as session:
        return session.exec(select(OutboxMessage.state).where(OutboxMessage.key == key)).one()


def make(database: Database, port: FakePort, clock: StillClock, who: str = "r1") -> Relay:
    return Relay(database, DeskConfig(), {port.platform: port}, {}, clock, who)


async def test_delivers_in_order_and_once(database: Database) -> None:
    """Messages of a channel arrive in the order they were written, and a second round delivers nothing again."""
    port, clock = FakePort(), StillClock()
    put(database, "a", "b", "c")
    relay = make(database, port, clock)
    await relay.drain()
    await relay.drain()
    assert port.keys == ["a", "b", "c"]
    assert port.looked_for == []
    assert state_of(database, "c") == "delivered"
    assert port.posts[0][2].title


async def test_two_relays_share_the_work(database: Database) -> None:
    """However many relays run at once, each message is delivered by one of them."""
    port, clock = FakePort(), StillClock()
    for number in range(30):
        put(database, f"k{number}", to=Destination("fake", "w", f"c{number}"))
    await asyncio.gather(*(make(database, port, clock, f"r{number}").drain() for number in range(3)))
    assert sorted(port.keys) == sorted(f"k{number}" for number in range(30))


async def test_killed_between_post_and_record(database: Database) -> None:
    """A relay that dies after posting leaves a claim; when it runs out the channel is asked, nothing posted twice."""
    port, clock = FakePort(), StillClock()

    def die(_key: str) -> None:
        raise Killed

    port.after = die
    put(database, "a")
    with pytest.raises(Killed):
        await make(database, port, clock).round()
    port.after = None
    successor = make(database, port, clock, "r2")
    await successor.drain()
    assert state_of(database, "a") == "claimed"
    clock.now += LEASE + dt.timedelta(seconds=1)
    await successor.drain()
    assert port.keys == ["a"]
    assert port.looked_for == ["a"]
    assert state_of(database, "a") == "delivered"


async def test_killed_before_the_post(database: Database) -> None:
    """A relay that dies before posting: the channel is asked, and the message comes after all, once."""
    port, clock = FakePort(), StillClock()

    def die(_key: str) -> None:
        raise Killed

    port.before = die
    put(database, "a")
    with pytest.raises(Killed):
        await make(database, port, clock).round()
    port.before = None
    clock.now += LEASE + dt.timedelta(seconds=1)
    await make(database, port, clock, "r2").drain()
    assert port.keys == ["a"]


def failing(error: Exception, times: int = 1) -> Callable[[str], None]:
    """Raises the first so many times."""
    left = [times]

    def fail(_key: str) -> None:
        if left[0]:
            left[0] -= 1
            raise error

    return fail


async def test_rate_limit_is_kept(database: Database) -> None:
    """After a 429 the relay waits as long as the platform asked, and not a second less."""
    port, clock = FakePort(before=failing(TryLater(30))), StillClock()
    put(database, "a")
    relay = make(database, port, clock)
    await relay.drain()
    clock.forward(seconds=29)
    await relay.drain()
    assert port.keys == []
    clock.forward(seconds=2)
    await relay.drain()
    assert port.keys == ["a"]
    assert port.looked_for == []  # it was surely not posted


async def test_outage_is_sat_out(database: Database) -> None:
    """A platform that answers nothing for long gets everything once it is back, in order, once."""
    port, clock = FakePort(before=failing(TryLater(), times=8)), StillClock()
    put(database, "a", "b")
    relay = make(database, port, clock)
    for _ in range(40):
        await relay.drain()
        clock.forward(minutes=16)
    assert port.keys == ["a", "b"]


async def test_lost_answer_is_looked_up(database: Database) -> None:
    """The line is cut after the platform acted: the relay asks before it sends again."""
    port, clock = FakePort(after=failing(Unclear("line cut"))), StillClock()
    put(database, "a")
    relay = make(database, port, clock)
    await relay.drain()
    assert state_of(database, "a") == "unclear"
    clock.forward(minutes=1)
    await relay.drain()
    assert (port.keys, port.looked_for) == (["a"], ["a"])
    assert state_of(database, "a") == "delivered"


async def test_no_answer_in_time_counts_as_lost(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that hangs doesn't hold the relay: after a while the answer counts as lost."""
    monkeypatch.setattr(relay_module, "ANSWER_WITHIN_SECONDS", 0.05)

    class Hanging(FakePort):
        async def post(self, _to: Destination, _card: object, _key: str) -> str:
            await asyncio.sleep(60)
            return ""

    port, clock = Hanging(), StillClock()
    put(sqlite_database, "a")
    await make(sqlite_database, port, clock).round()
    assert state_of(sqlite_database, "a") == "unclear"


@pytest.mark.parametrize("gone", [ChannelGone("archived"), DirectMessageClosed()])
async def test_no_retry_where_none_helps(sqlite_database: Database, gone: Exception) -> None:
    """A channel that is gone, or a closed direct message, is not tried again, and holds nothing else up."""
    port, clock = FakePort(before=failing(gone)), StillClock()
    put(sqlite_database, "a", "b")
    await make(sqlite_database, port, clock).drain()
    assert port.keys == ["b"]
    assert state_of(sqlite_database, "a") == "undeliverable"


async def test_broken_card_stops_nobody_else(sqlite_database: Database) -> None:
    """A message that can't be drawn is kept and logged; other channels get theirs."""
    port, clock = FakePort(), StillClock()
    with sqlite_database.transaction() as session:
        outbox.put(session, START, "broken", "no-such-template", {}, to=CHANNEL)
    put(sqlite_database, "fine", to=Destination("fake", "w", "other"))
    await make(sqlite_database, port, clock).drain()
    assert port.keys == ["fine"]
    assert state_of(sqlite_database, "broken") in ("waiting", "unclear")


async def test_repaints_every_copy(sqlite_database: Database) -> None:
    """A repaint replaces the copy that stands in the channel."""
    port, clock = FakePort(), StillClock()
    put(sqlite_database, "card", subject="withdrawal:1")
    relay = make(sqlite_database, port, clock)
    await relay.drain()
    put(sqlite_database, "again", kind="repaint", subject="withdrawal:1")
    await relay.drain()
    assert [message_id for message_id, _ in port.repaints] == ["m1"]
    assert port.keys == ["card"]


async def test_other_platforms_are_left_alone(sqlite_database: Database) -> None:
    """A relay takes only what it can post: the rest waits for one that can."""
    port, clock = FakePort(), StillClock()
    put(sqlite_database, "slack", to=Destination("slack", "w", "c"))
    await make(sqlite_database, port, clock).drain()
    assert state_of(sqlite_database, "slack") == "waiting"


async def test_nudge_wakes_at_once(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nudge from another thread has the relay look at once instead of at its next poll; stop ends it at once."""
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 60.0)
    port, clock, stop = FakePort(), StillClock(), asyncio.Event()
    relay = make(sqlite_database, port, clock)
    running = asyncio.create_task(relay.run(stop))
    await asyncio.sleep(0.1)
    put(sqlite_database, "a")
    await asyncio.to_thread(relay.nudge)
    async with asyncio.timeout(5):
        while not port.keys:
            await asyncio.sleep(0.01)
    stop.set()
    async with asyncio.timeout(1):
        await running


async def test_waits_for_a_database_that_is_gone(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database doesn't answer the relay waits and tries again; then it goes on."""
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 0.01)
    port, clock, stop = FakePort(), StillClock(), asyncio.Event()
    relay = make(sqlite_database, port, clock)
    rounds: list[str] = []
    real = relay.round

    async def flaky() -> bool:
        rounds.append("")
        if len(rounds) < 3:
            raise OperationalError("SELECT 1", {}, Exception("gone"))
        return await real()

    monkeypatch.setattr(relay, "round", flaky)
    put(sqlite_database, "a")
    running = asyncio.create_task(relay.run(stop))
    async with asyncio.timeout(5):
        while not port.keys:
            await asyncio.sleep(0.01)
    stop.set()
    await running
    assert port.keys == ["a"]
