"""The demo's clock: the machine's, set to another time."""

from __future__ import annotations

import datetime as dt

from core.clock import system_clock


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
