"""Rules that a platform's payloads keep: limits from its documentation, and the keys that its objects have.

Every breach is said in words; lengths are in characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Found = Iterator[str]
Object = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many (characters, items), and at least so many. source: where it is documented."""

    most: int
    source: str
    least: int = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """A platform's limits, one of which is named "input length"; and the keys of each kind of object: the needed ones,
    then those that may be left out. "type" may stand anywhere, other keys may not."""

    limits: Mapping[str, Limit]
    known: Mapping[str, tuple[str, str]]

    def keys(self, found: Object, kind: str) -> Found:
        """Keys that are missing, or that this kind of object doesn't have."""
        needed, others = (set(names.split()) for names in self.known[kind])
        known = needed | others
        present = set(found) - ({"type"} - known)
        if needed - present:
            yield f"{kind} without {', '.join(sorted(needed - present))}"
        if present - known:
            yield f"{kind} has no {', '.join(sorted(present - known))}"

    def length(self, what: str, value: object) -> Found:
        """Whether it is text of the right length."""
        if not isinstance(value, str):
            yield f"{what} has to be text"
            return
        yield from self.count(what, len(value), "characters")

    def count(self, what: str, count: int, unit: str = "") -> Found:
        """Whether there are neither too many nor too few."""
        limit = self.limits[what]
        said = f"{what}: {count:,} {unit}".rstrip()
        if count > limit.most:
            yield f"{said}, at most {limit.most:,} ({limit.source})"
        elif count < limit.least:
            yield f"{said}, at least {limit.least:,} ({limit.source})"

    def typed(self, element: Object, begins: str) -> Found:
        """Whether something can be typed into an input as long as it asks for. begins: the key of its first text."""
        least, most = element.get("min_length", 0), element.get("max_length", self.limits["input length"].most)
        if not isinstance(least, int) or not isinstance(most, int):
            yield "lengths are whole numbers"
            return
        yield from self.count("input length", least)
        yield from self.count("input length", most)
        if most < 1 or least > most:
            yield f"lengths from {least} to {most}"
        if len(str(element.get(begins, ""))) > most:
            yield "it starts with more than may be typed"
