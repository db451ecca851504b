"""The demo's clock: the machine's, set to another time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from bot.relay import Relay
from bot.scheduler import Scheduler
from core.clock import DAY, system_clock
from core.config import DeskConfig, Program
from core.earnings.periods import closes_at, last_due, month_of, next_settlement
from core.earnings.programs import kind_of
from core.payouts.processing import next_payout


class AdjustableClock:
    """Runs like the machine's clock, from another time on. Calling it gives a reading in UTC."""

    def __init__(self) -> None:
        self._ahead = dt.timedelta()

    def __call__(self) -> dt.datetime:
        return system_clock() + self._ahead

    def set(self, moment: dt.datetime) -> None:
        """Make it `moment` now, earlier or later: before there are books."""
        self._ahead = moment - system_clock()

    def jump_to(self, moment: dt.datetime) -> None:
        """Make it `moment` now. Books don't run backwards: an earlier moment changes nothing."""
        self._ahead += max(moment - self(), dt.timedelta())


@dataclass(frozen=True, slots=True)
class Jumps:
    """Sets the clock to a moment when something is due; returns when all that is due then is done and delivered."""

    clock: AdjustableClock
    config: DeskConfig
    scheduler: Scheduler
    relay: Relay

    def moments(self) -> dict[str, dt.datetime]:
        """Where one can jump to: "night", the next time to settle, and "month", where a program pays out by months:
        the next closing of a month or payout of closed ones."""
        now, programs = self.clock(), self.config.programs.values()
        found = {"night": min(next_settlement(program, now) for program in programs)}
        by_month = [program for program in programs if kind_of(program).monthly]
        ends = [moment for program in by_month for moment in _month_ends(program, now)]
        return found | ({"month": min(ends)} if ends else {})

    async def __call__(self, to: str) -> None:
        self.clock.jump_to(self.moments()[to])
        await self.scheduler.settle()
        await self.relay.drain()


def _month_ends(program: Program, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """When the month that is running closes (one whose last day waits for its hour counts as running), and the next
    payout."""
    month = month_of(last_due(program, now) + DAY)
    return closes_at(program, month), next_payout(program, now)
