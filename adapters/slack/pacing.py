"""How often Slack may be called, and the waiting that keeps to it.

Slack counts calls per method, app and workspace, and messages per channel as well (docs.slack.dev, "Rate limits" and
the page of each method). `Pacer` lets bursts through, spreads what comes after them, and keeps to a wait that Slack
asked for (429). When a turn would come later than the caller cares to wait, it is told so at once (TryLater).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from core.chat.outbox import TryLater

MonotonicClock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

INSTANT = 0.001  # seconds: less is no wait
KEPT = 4_096  # lanes that are remembered before idle ones are forgotten


@dataclass(frozen=True, slots=True)
class Pace:
    """Calls per minute in the long run, and how many may go out at once after a pause."""

    per_minute: float
    burst: int

    @property
    def seconds(self) -> float:
        return 60 / self.per_minute


# Slack promises "20+", "50+" and "100+" calls a minute with bursts, growing more generous from tier to tier.
TIER_2 = Pace(20, 10)
TIER_3 = Pace(50, 25)
TIER_4 = Pace(100, 100)
ONE_CHANNEL = Pace(60, 3)  # "1 per second; short bursts >1 allowed"
WORKSPACE = Pace(300, 100)  # "several hundred messages per minute" in all channels together

PACES: Mapping[str, Pace] = {
    "auth.test": Pace(300, 100),  # "hundreds of requests per minute"
    "chat.postEphemeral": TIER_4,
    "chat.postMessage": WORKSPACE,
    "chat.update": TIER_3,
    "conversations.history": TIER_3,
    "conversations.info": TIER_3,
    "conversations.open": TIER_3,
    "files.completeUploadExternal": TIER_4,
    "files.getUploadURLExternal": TIER_4,
    "files.info": TIER_4,
    "users.conversations": TIER_3,
    "users.info": TIER_4,
    "views.open": TIER_4,
    "views.publish": TIER_4,
    "views.push": TIER_4,
    "views.update": TIER_4,
}
"""Per method and workspace; a method that isn't listed is taken to be of tier 2."""

LANE_PACES: Mapping[str, Pace] = {"chat.postMessage": ONE_CHANNEL}
"""Per lane (a channel) too, for the methods that Slack counts so."""


@dataclass(slots=True)
class _Lane:
    """due: when the next call would be due if no bursts were allowed; shut_until: as Slack asked. Monotonic seconds."""

    due: float = 0.0
    shut_until: float = 0.0


class Pacer:
    """One process's turns. Not for several threads: it belongs to one event loop."""

    def __init__(self, clock: MonotonicClock = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self._clock, self.sleep = clock, sleep
        self._lanes: dict[tuple[str, str, str], _Lane] = {}

    async def turn(self, team_id: str, method: str, lane: str = "", *, patience: float) -> None:
        """Return when the call may go out. Raises TryLater when that is over `patience` seconds away."""
        paced = self._paced(team_id, method, lane)
        wait = max(self._wait(one, pace) for one, pace in paced)
        if wait > patience:
            raise TryLater(wait)
        for one, pace in paced:
            one.due = max(one.due, self._clock()) + pace.seconds
        until = self._clock() + patience
        while wait > 0:
            await self.sleep(wait)
            # Slack may have shut the lane meanwhile.
            wait = max(one.shut_until - self._clock() for one, _ in paced)
            if self._clock() + wait > until:
                raise TryLater(wait)

    def shut(self, team_id: str, method: str, lane: str, seconds: float) -> None:
        """Slack asked for a wait (429): no call of this method goes out in this lane before it is over."""
        one = self._lane(team_id, method, lane)
        one.shut_until = max(one.shut_until, self._clock() + seconds)

    def _paced(self, team_id: str, method: str, lane: str) -> list[tuple[_Lane, Pace]]:
        paced = [(self._lane(team_id, method, ""), PACES.get(method, TIER_2))]
        if lane:
            # Where Slack doesn't count by lane, only the waits it asked for matter there.
            paced.append((self._lane(team_id, method, lane), LANE_PACES.get(method, _UNCOUNTED)))
        return paced

    def _wait(self, lane: _Lane, pace: Pace) -> float:
        wait = max(lane.shut_until, lane.due - (pace.burst - 1) * pace.seconds) - self._clock()
        return wait if wait > INSTANT else 0.0

    def _lane(self, team_id: str, method: str, lane: str) -> _Lane:
        key = (team_id, method, lane)
        found = self._lanes.get(key)
        if found is None:
            if len(self._lanes) >= KEPT:
                now = self._clock()
                idle = [one for one, state in self._lanes.items() if max(state.due, state.shut_until) < now]
                for one in idle:
                    del self._lanes[one]
            found = self._lanes[key] = _Lane()
        return found


_UNCOUNTED = Pace(60_000_000, 1_000_000)
