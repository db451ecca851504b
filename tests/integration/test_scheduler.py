"""The scheduler only wakes; what is due is done at the start, and tried again until it is done."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from sqlalchemy.exc import OperationalError

from bot import scheduler as scheduler_module
from bot.scheduler import Scheduler
from core.config import DeskConfig, Program, Terms
from core.payouts.processing import Due
from core.storage import Database
from tests.bot_world import StillClock

CONFIG = DeskConfig(
    programs={
        slug: Program(slug, "credits", (Terms(dt.date(2025, 1, 1)),), settle_at=dt.time(hour, 30))
        for slug, hour in (("studio", 3), ("other", 3), ("late", 5))
    }
)


async def run_until(scheduler: Scheduler, runs: list[dt.datetime], number: int) -> None:
    """Run it until it has settled so often, then stop it."""
    stop = asyncio.Event()
    running = asyncio.create_task(scheduler.run(stop))
    async with asyncio.timeout(5):
        while len(runs) < number:
            await asyncio.sleep(0.01)
    stop.set()
    async with asyncio.timeout(1):
        await running


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dt.datetime]:
    """When settlement was called; the first two calls fail."""
    called: list[dt.datetime] = []

    def settle(_database: Database, _config: DeskConfig, now: dt.datetime) -> Due:
        called.append(now)
        if len(called) <= 2:
            raise OperationalError("UPDATE", {}, Exception("gone"))
        return Due([], [])

    monkeypatch.setattr(scheduler_module, "run_due", settle)
    monkeypatch.setattr(scheduler_module, "FIRST_RETRY_SECONDS", 0.01)
    return called


async def test_settles_at_the_start_and_until_it_is_done(sqlite_database: Database, runs: list[dt.datetime]) -> None:
    """What fell due while nobody ran is settled at the start; a database that is gone is tried again."""
    clock = StillClock()
    await run_until(Scheduler(sqlite_database, CONFIG, clock), runs, 3)
    assert runs == [clock.now] * 3


async def test_wakes_once_per_time_of_day(sqlite_database: Database) -> None:
    """Programs that settle at the same time share a wake-up, however late it is noticed."""
    wakes = Scheduler(sqlite_database, CONFIG, StillClock())._wakes()
    wakes.start(paused=True)
    jobs = wakes.get_jobs()
    # Jobs come in the order of their next time, which depends on the hour at which the test runs.
    assert {str(job.trigger) for job in jobs} == {
        "cron[hour='3', minute='30', second='0']",
        "cron[hour='5', minute='30', second='0']",
    }
    assert len(jobs) == 2
    assert all(job.misfire_grace_time is None and job.coalesce for job in jobs)
    wakes.shutdown(wait=False)


async def test_a_wake_settles_again(sqlite_database: Database, runs: list[dt.datetime]) -> None:
    """Each wake-up of the timer is one more run."""
    scheduler = Scheduler(sqlite_database, CONFIG, StillClock())
    stop = asyncio.Event()
    running = asyncio.create_task(scheduler.run(stop))
    async with asyncio.timeout(5):
        while len(runs) < 3:
            await asyncio.sleep(0.01)
        await scheduler._wake()
        while len(runs) < 4:
            await asyncio.sleep(0.01)
    stop.set()
    await running
