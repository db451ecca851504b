"""What goes wrong on the line, when a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "cut_before", "cut_after", "429", "429_global", "banned", "500", "502", "500_after", "outage", "slow", "error"
]
"""cut_before: the connection is reset before anything happened. cut_after: it happened, no answer comes. 500_after: it
happened, the answer is a 500. banned: a 429 of Cloudflare's, without Discord's headers. outage: cut, until ended.
slow: answered late. error: refused with a status and Discord's code."""


@dataclass
class Fault:
    """One fault ordered by a test. `hits` counts how often it struck."""

    route: str
    kind: Kind
    left: int | None
    retry_after: float = 1.0
    status: int = 400
    code: int = 0
    seconds: float = 0.0
    channel: str = ""
    hits: int = 0


@dataclass
class Faults:
    """The faults in force, oldest first; the first that fits strikes."""

    ordered: list[Fault] = field(default_factory=list)

    def order(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        self.ordered.append(fault)
        return fault

    def clear(self) -> None:
        """End every fault, outages too."""
        self.ordered.clear()

    def strike(self, route: str, channel: str = "") -> Fault | None:
        """The fault that befalls a request of this route, None when it goes well. Counts it."""
        for fault in self.ordered:
            if fault.route not in ("*", route) or (fault.channel and fault.channel != channel):
                continue
            if fault.left == 0:
                continue
            if fault.left is not None:
                fault.left -= 1
            fault.hits += 1
            return fault
        return None
