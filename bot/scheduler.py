"""Wakes settlement, and the monthly payouts after it, at each program's time. It only wakes: the database decides what
is due."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy.exc import SQLAlchemyError

from core.clock import Clock
from core.config import DeskConfig
from core.errors import DeskError
from core.payouts.processing import Due, run_due
from core.storage import Database

log = structlog.get_logger(__name__)
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0


class Scheduler:
    """Settles, and pays out, what is due at the start and at each program's `settle_at` (payout days have that time
    too); a failure is tried again till it is done."""

    def __init__(
        self, database: Database, config: DeskConfig, clock: Clock, settled: Callable[[], None] | None = None
    ) -> None:
        self.database, self.config, self.clock, self.settled = database, config, clock, settled
        self._due = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. A run in progress is left to its thread: it is one transaction."""
        wakes = self._wakes()
        wakes.start()
        self._due.set()  # what fell due while nobody ran is done at once
        try:
            while not stop.is_set():
                await _first_of(stop, self._due)
                if not stop.is_set():
                    self._due.clear()
                    await self._until_done(stop)
        finally:
            wakes.shutdown(wait=False)

    def _wakes(self) -> AsyncIOScheduler:
        scheduler = AsyncIOScheduler(timezone=dt.UTC)
        for time in sorted({program.settle_at for program in self.config.programs.values()}):
            trigger = CronTrigger(hour=time.hour, minute=time.minute, second=time.second, timezone=dt.UTC)
            # However late the process wakes (a laptop's lid, a long pause), it is still due, and once is enough.
            scheduler.add_job(self._wake, trigger, misfire_grace_time=None, coalesce=True, name=f"settle {time}")
        return scheduler

    async def _wake(self) -> None:
        """A coroutine, so that APScheduler calls it on the loop's own thread, where events may be set."""
        self._due.set()

    async def _until_done(self, stop: asyncio.Event) -> None:
        pause = FIRST_RETRY_SECONDS
        while not stop.is_set():
            try:
                await self.settle()
            except (SQLAlchemyError, OSError, DeskError) as error:
                log.warning("settlement failed and is tried again", seconds=pause, fault=_short(error))
                await _first_of(stop, timeout=pause)
                pause = min(2 * pause, LONGEST_RETRY_SECONDS)
            else:
                return

    async def settle(self) -> Due:
        """Settle what is due now, then pay out closed months whose day has come, in a thread."""
        async with self._one_at_a_time:
            due = await asyncio.to_thread(run_due, self.database, self.config, self.clock())
        for result in due.settled:
            if result.entry_id is not None:
                log.info(
                    "settled",
                    program=result.program,
                    through=str(result.through),
                    projects=result.projects,
                    amount_micros=result.amount,
                )
        for one in due.processed:
            log.info(
                "paid out",
                program=one.program,
                month=f"{one.month:%Y-%m}",
                withdrawals=one.payouts,
                amount_micros=one.total,
                passed_over=one.skipped,
            )
        if (due.settled or due.processed) and self.settled is not None:
            self.settled()
        return due


def _short(error: Exception) -> str:
    return error.text if isinstance(error, DeskError) else type(error).__name__


async def _first_of(*events: asyncio.Event, timeout: float | None = None) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
