"""The demo's clock: the machine's, set to another time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from bot.relay import Relay
from bot.scheduler import Scheduler
from core.clock import system_clock
from core.config import DeskConfig
from core.earnings.periods import next_settlement


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
class NextNight:
    """Sets the clock to the next time to settle; returns when all that is due then is done and delivered."""

    clock: AdjustableClock
    config: DeskConfig
    scheduler: Scheduler
    relay: Relay

    async def __call__(self) -> None:
        self.clock.jump_to(min(next_settlement(program, self.clock()) for program in self.config.programs.values()))
        await self.scheduler.settle()
        await self.relay.drain()
