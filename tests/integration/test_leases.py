"""Leases: one process at a time, and the next one when it is gone."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import leases
from core.storage import Database
from tests import fire

NOW = dt.datetime(2026, 1, 13, 12, 0, tzinfo=dt.UTC)
LENGTH = dt.timedelta(seconds=15)


def take(database: Database, who: str, now: dt.datetime = NOW, name: str = "job") -> bool:
    with database.transaction() as session:
        return leases.take(session, now, name, who, LENGTH)


def release(database: Database, who: str, name: str = "job") -> None:
    with database.transaction() as session:
        leases.release(session, name, who)


def holder(database: Database, now: dt.datetime = NOW, name: str = "job") -> str | None:
    with database.reading() as session:
        return leases.holder(session, now, name)


def test_one_has_it_until_its_end(database: Database) -> None:
    """Another gets it when it has run out, and not a moment before; jobs don't share leases."""
    assert holder(database) is None
    assert take(database, "a")
    assert not take(database, "b", NOW + LENGTH - dt.timedelta(microseconds=1))
    assert holder(database, NOW + LENGTH - dt.timedelta(microseconds=1)) == "a"
    assert take(database, "b", name="another job")
    assert holder(database, NOW + LENGTH) is None
    assert take(database, "b", NOW + LENGTH)
    assert holder(database, NOW + LENGTH) == "b"
    assert not take(database, "a", NOW + LENGTH)


def test_its_holder_renews_it(database: Database) -> None:
    """Whoever renews in time keeps it for good."""
    for second in range(0, 60, 5):
        assert take(database, "a", NOW + dt.timedelta(seconds=second))
        assert not take(database, "b", NOW + dt.timedelta(seconds=second + 14))


def test_it_is_given_back_by_its_holder_only(database: Database) -> None:
    """The next one need not wait after a clean stop; somebody else's release changes nothing."""
    take(database, "a")
    release(database, "b")
    assert holder(database) == "a"
    release(database, "a")
    assert holder(database) is None
    assert take(database, "b")
    release(database, "a")
    assert holder(database) == "b"


STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "release"]), st.sampled_from("abc"), st.integers(0, 20)), min_size=1, max_size=12
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_it_does_what_a_plain_model_does(sqlite_database: Database, steps: list[tuple[str, str, int]]) -> None:
    """Whatever is taken and released in whatever order, as time goes on: at most one holder, the one of the model."""
    for who in "abc":
        release(sqlite_database, who)
    now, has, until = NOW, "", NOW
    for what, who, seconds in steps:
        now += dt.timedelta(seconds=seconds)
        if what == "take":
            free = has in ("", who) or until <= now
            assert take(sqlite_database, who, now) == free
            has, until = (who, now + LENGTH) if free else (has, until)
        else:
            release(sqlite_database, who)
            has = "" if has == who else has
        assert holder(sqlite_database, now) == (has if has and until > now else None)


@pytest.mark.parametrize("before", ["nobody", "an earlier one"])
def test_of_twenty_at_once_one_gets_it(database: Database, before: str) -> None:
    """Whether it is new or has run out."""
    if before != "nobody":
        take(database, "dead", NOW - LENGTH)
    barrier = threading.Barrier(20)
    got: list[str] = []

    def work(who: str) -> None:
        barrier.wait()
        if take(database, who):
            got.append(who)

    threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert holder(database) == got[0]


def _race(url: str, who: str, barrier: Any, results: Any) -> None:
    database = fire.open_database(url)
    won = []
    for round_ in range(20):
        barrier.wait()
        if take(database, who, name=f"job {round_}"):
            won.append(round_)
    results.put(won)


def test_of_two_processes_one_gets_each(database_url: str) -> None:
    """Twenty times over, each lease has exactly one taker."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    racers = [context.Process(target=_race, args=(database_url, who, barrier, results)) for who in "ab"]
    for racer in racers:
        racer.start()
    won = [round_ for _ in racers for round_ in results.get(timeout=60)]
    for racer in racers:
        racer.join()
    assert sorted(won) == list(range(20))
