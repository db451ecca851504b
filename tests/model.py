"""The desk's rules once more, in a page of plain Python, to hold the real one against (quality.md, "Model check").

Kept naive on purpose: dictionaries, no database, no cleverness shared with the code under test. Money in micro-dollars,
credits in micro-credits.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field

RATE = 100  # credits per dollar
SHARE_BP = 5_000
LATE_DAYS = 31


@dataclass
class Event:
    """One counted usage event."""

    project: str
    user: str
    day: dt.date
    credits: int
    cost: int


@dataclass
class Request:
    """One withdrawal. state as the desk names it."""

    creator: str
    amount: int
    state: str = "requested"
    needed: int = 1
    approvals: set[str] = field(default_factory=set)


class Model:
    """What the books must say. Balances are keyed by (role, creator), the program's own with an empty creator."""

    def __init__(self, owners: dict[str, str]) -> None:
        self.owners = owners
        self.events: dict[str, Event] = {}
        self.voids: set[str] = set()
        self.settled: dict[tuple[dt.date, str], tuple[int, int, int]] = {}
        self.settled_through: dt.date | None = None
        self.balances: dict[tuple[str, str], int] = defaultdict(int)
        self.requests: dict[int, Request] = {}
        self.frozen: set[str] = set()

    def move(self, debit: tuple[str, str], credit: tuple[str, str], amount: int) -> None:
        """Credits minus debits, as the ledger counts."""
        self.balances[debit] -= amount
        self.balances[credit] += amount

    def too_late(self, day: dt.date) -> bool:
        """Whether a day is closed for usage (domain.md: settled through that day + late_days)."""
        return self.settled_through is not None and self.settled_through >= day + dt.timedelta(days=LATE_DAYS)

    def entitlement(self, day: dt.date, project: str) -> tuple[int, int, int]:
        """(share, spent, costs) of a project-day from all events known."""
        spent = costs = 0
        for name, event in self.events.items():
            if name in self.voids or event.day != day or event.project != project:
                continue
            if event.user == self.owners[project]:
                continue
            spent += event.credits
            costs += event.cost
        share = max(0, spent - costs) * SHARE_BP // (10_000 * RATE)
        return share, spent // RATE, costs // RATE

    def settle(self, through: dt.date) -> int:
        """Post every difference for days up to `through`; how many project-days changed their share."""
        if self.settled_through is None and not any(event.day <= through for event in self.events.values()):
            return 0
        changed = 0
        days = {(event.day, event.project) for event in self.events.values() if event.day <= through}
        for key in days | set(self.settled):
            was = self.settled.get(key, (0, 0, 0))
            now = self.entitlement(*key)
            share, spent, costs = (new - old for new, old in zip(now, was, strict=True))
            changed += share != 0
            self.settled[key] = now
            usage = ("usage", "")
            self.move(usage, ("available", self.owners[key[1]]), share)
            self.move(usage, ("costs", ""), costs)
            self.move(usage, ("margin", ""), spent - costs - share)
        if self.settled_through is None or through > self.settled_through:
            self.settled_through = through
        return changed

    def give_back(self, request: Request, state: str) -> None:
        """Reserved money returns to the creator, whole."""
        self.move(("reserved", request.creator), ("available", request.creator), request.amount)
        request.state = state
