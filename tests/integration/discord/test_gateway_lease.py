"""Which process listens to Discord: one, and the next one when it is gone."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from adapters.discord.gateway import EVERY, LENGTH, LOOK, MARGIN, NAME, GatewayLease
from core import leases
from core.storage import Database


@dataclass
class Clocks:
    """Time, moved on by the test."""

    seconds: float = 1_000.0

    def at(self) -> dt.datetime:
        return dt.datetime(2026, 1, 13, tzinfo=dt.UTC) + dt.timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


async def for_ever(seconds: float) -> None:  # noqa: ARG001 - a sleep that the test does not end
    await asyncio.Event().wait()


@dataclass
class Replica:
    """A process that would listen: what it was told, and how its database does."""

    who: str
    clocks: Clocks
    database: Database
    told: list[str] = field(default_factory=list)
    broken: bool = False
    hangs: threading.Event | None = None
    fails: int = 0
    sleep: Callable[[float], object] = for_ever

    def __post_init__(self) -> None:
        self.heard = asyncio.Event()
        self.lease = GatewayLease(
            self.database,
            self._now,
            self.who,
            self._connect,
            self._disconnect,
            sleep=self.sleep,  # type: ignore[arg-type]
            monotonic=self.clocks.monotonic,
        )

    @property
    def listens(self) -> bool:
        return self.told[-1:] == ["connect"]

    def _now(self) -> dt.datetime:
        """Asked by each try to take the lease, in its transaction."""
        if self.broken:
            raise OperationalError("", {}, Exception("the database is gone"))
        if self.hangs is not None:
            self.hangs.wait(10)
        return self.clocks.at()

    async def _connect(self) -> None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("no gateway")
        self._tell("connect")

    async def _disconnect(self) -> None:
        self._tell("disconnect")

    def _tell(self, what: str) -> None:
        self.told.append(what)
        self.heard.set()

    async def turn(self) -> float:
        return await self.lease._turn()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def a(clocks: Clocks, sqlite_database: Database) -> Replica:
    return Replica("a", clocks, sqlite_database)


@pytest.fixture
def b(clocks: Clocks, sqlite_database: Database) -> Replica:
    return Replica("b", clocks, sqlite_database)


async def test_one_listens_as_long_as_it_renews(clocks: Clocks, a: Replica, b: Replica) -> None:
    """The other looks every second, in vain."""
    for _ in range(10):
        assert await a.turn() == EVERY
        assert await b.turn() == LOOK
        clocks.seconds += EVERY
        assert a.lease.held
    assert (a.told, b.told) == (["connect"], [])


async def test_the_next_one_listens_within_half_a_minute_of_a_death(clocks: Clocks, a: Replica, b: Replica) -> None:
    """At the latest a lease and a look later."""
    await a.turn()
    died = clocks.seconds
    await b.turn()
    while not b.listens:
        clocks.seconds += LOOK
        await b.turn()
    assert clocks.seconds - died <= LENGTH + LOOK <= 30


async def test_the_only_process_takes_over_at_once(clocks: Clocks, a: Replica, sqlite_database: Database) -> None:
    """Where no other can be alive, what a dead one held is free."""
    await a.turn()
    next_one = Replica("next", clocks, sqlite_database)
    next_one.lease.sole = True
    await next_one.turn()
    assert next_one.listens


async def test_who_cant_renew_stops_before_another_begins(clocks: Clocks, a: Replica, b: Replica) -> None:
    """With its database gone, it answers nothing from two seconds before the lease's end."""
    await a.turn()
    a.broken = True
    while not b.listens:
        clocks.seconds += 1
        assert await a.turn() <= EVERY
        await b.turn()
        assert not (a.lease.held and b.lease.held)
        assert not (a.listens and b.listens)
    assert a.told == ["connect", "disconnect"]
    a.broken = False
    assert await a.turn() == LOOK
    assert not a.listens


async def test_who_was_suspended_answers_nothing_afterwards(clocks: Clocks, a: Replica, b: Replica) -> None:
    """Even before its next turn tells it that another has the lease."""
    await a.turn()
    clocks.seconds += LENGTH - MARGIN
    assert not a.lease.held
    clocks.seconds += MARGIN
    await b.turn()
    assert b.listens
    await a.turn()
    assert a.told == ["connect", "disconnect"]
    assert b.lease.held


async def test_a_database_that_hangs_keeps_nobody_listening(clocks: Clocks, sqlite_database: Database) -> None:
    """The wait for it ends with the lease, and its late answer is none."""

    async def sleep(seconds: float) -> None:
        if lost.hangs is None:
            await asyncio.Event().wait()
        clocks.seconds += seconds

    lost = Replica("lost", clocks, sqlite_database, sleep=sleep)
    await lost.turn()
    lost.hangs = threading.Event()
    clocks.seconds += EVERY
    await lost.turn()
    assert not lost.lease.held
    assert lost.told == ["connect", "disconnect"]
    clocks.seconds += LENGTH
    lost.hangs.set()
    lost.hangs = None
    await lost.turn()
    assert not lost.lease.held
    await lost.turn()
    assert lost.told == ["connect", "disconnect", "connect"]


async def test_who_fails_to_connect_leaves_it_to_another(a: Replica, b: Replica) -> None:
    """At once, and tries again later."""
    a.fails = 1
    await a.turn()
    assert not a.lease.held
    await b.turn()
    assert b.listens
    await a.turn()
    assert not a.listens


async def test_a_clean_stop_hands_over_at_once(clocks: Clocks, a: Replica, b: Replica) -> None:
    """It disconnects first and gives the lease back then."""
    stop = asyncio.Event()
    running = asyncio.ensure_future(a.lease.run(stop))
    await a.heard.wait()
    await b.turn()
    assert not b.listens
    stop.set()
    await running
    assert a.told == ["connect", "disconnect"]
    with a.database.reading() as session:
        assert leases.holder(session, clocks.at(), NAME) is None
    await b.turn()
    assert b.listens


async def test_a_cancelled_run_hands_over_too(a: Replica, b: Replica) -> None:
    """However it ends."""
    running = asyncio.ensure_future(a.lease.run(asyncio.Event()))
    await a.heard.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await b.turn()
    assert b.listens


STEPS = st.lists(st.tuples(st.sampled_from(["a", "b", "break a", "mend a"]), st.integers(0, 9)), max_size=25)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_never_do_two_hold_it(sqlite_database: Database, steps: list[tuple[str, int]]) -> None:
    """Whoever has turns when, with a database that comes and goes: at no moment may both answer."""
    clocks = Clocks()
    with sqlite_database.transaction() as session:
        for who in "ab":
            leases.release(session, NAME, who)
    both = {who: Replica(who, clocks, sqlite_database) for who in "ab"}
    for what, seconds in steps:
        for _ in range(seconds):
            clocks.seconds += 1
            assert not (both["a"].lease.held and both["b"].lease.held)
        if what in both:
            await both[what].turn()
        else:
            both["a"].broken = what == "break a"
        assert not (both["a"].lease.held and both["b"].lease.held)
