"""How long an answer takes, from the line typed to what Slack and Discord are sent: `python -m bot.bench.answering`.

quality.md, "Speed": /balance and /stats with 10 M events and 1 M creators, against the same with 10 k events and 1 k
creators, and against two limits of their own: 50 ms for 99 of 100 answers, and 300 answers a second on one core. Both
platforms' messages are drawn for each answer, though a person gets one of them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import sys
import time
from collections.abc import Iterator, Sequence

from adapters.discord import layouts
from adapters.slack import blocks
from bot.bench.figures import Figure, show
from bot.bench.filling import CONFIG, PROGRAM, Size, add_days, refresh_statistics
from bot.bench.settling import DATABASES
from core import people
from core.chat.desk import Desk
from core.clock import DAY
from core.earnings.periods import settles_at
from core.earnings.settlement import settle_due
from core.people import Actor
from core.storage import Database

DAYS = 10
FIRST_DAY = dt.date(2026, 1, 1)
LARGE = Size(events=1_000_000, projects=1_500_000, creators=1_000_000)  # a day
SMALL = Size(events=1_000, projects=1_500, creators=1_000)
ASKED = ("/balance", "/stats")
PEOPLE = 200
ROUNDS = 3
RATIO_AT_MOST = 1.3
P99_AT_MOST_MS = 50.0
A_SECOND = 300


def figures(
    kinds: Sequence[str] = tuple(DATABASES), large: Size = LARGE, small: Size = SMALL, rounds: int = ROUNDS
) -> Iterator[Figure]:
    """All figures, one after the other as they are found."""
    for kind in kinds:
        with DATABASES[kind](large) as new_large, DATABASES[kind](small) as new_small:
            yield from measure(kind, _Desk(new_large(), large), _Desk(new_small(), small), rounds)


def measure(kind: str, large: _Desk, small: _Desk, rounds: int = ROUNDS) -> Iterator[Figure]:
    """The three figures of each command. Both desks take turns, so that whatever else the machine does meets both."""
    rows = f"{large.size.events * DAYS:,} events, {large.size.creators:,} creators"
    for line in ASKED:
        ours, floor = list[float](), list[float]()
        for desk in (large, small):
            desk.ask(line)  # statements are compiled and pages read once
        for _ in range(rounds):
            ours += large.ask(line)
            floor += small.ask(line)
        small_rows = f"{small.size.events * DAYS:,} events, {small.size.creators:,} creators"
        yield Figure(line, kind, rows, 1e3 * _middle(ours), 1e3 * _middle(floor), small_rows, RATIO_AT_MOST, "ms")
        p99 = 1e3 * sorted(ours)[int(0.99 * len(ours))]
        yield Figure(f"{line}, 99 of 100", kind, rows, p99, P99_AT_MOST_MS, "the limit", 1.0, "ms")
        seconds = A_SECOND * sum(ours) / len(ours)
        yield Figure(f"{A_SECOND} × {line}", kind, rows, seconds, 1.0, "a second", 1.0)
    large.close()
    small.close()


class _Desk:
    """A settled desk and some of its creators, who ask one after the other."""

    def __init__(self, database: Database, size: Size) -> None:
        self.database, self.size = database, size
        days = [FIRST_DAY + DAY * number for number in range(DAYS)]
        add_days(database, size, days)
        refresh_statistics(database)
        self.now = settles_at(CONFIG.programs[PROGRAM], days[-1]) + dt.timedelta(hours=6)
        settle_due(database, CONFIG, self.now)
        refresh_statistics(database)
        self._desk = Desk(database, CONFIG, lambda: self.now)
        chosen = random.Random(7).sample(range(size.creators), min(PEOPLE, size.creators))
        with database.transaction() as session:
            self._people: list[Actor] = [people.resolve(session, f"c{number:07}") for number in chosen]

    def ask(self, line: str) -> list[float]:
        """Seconds that each person's answer took."""
        return [self._answer(person, line) for person in self._people]

    def _answer(self, person: Actor, line: str) -> float:
        started = time.perf_counter()
        reply = self._desk.run_as(person, line)
        blocks.message(reply.card, dict.fromkeys((chart.name for chart in reply.card.charts), "native"))
        layouts.body(layouts.message(reply.card, pictures={chart.name: "chart.png" for chart in reply.card.charts}))
        took = time.perf_counter() - started
        if not reply.ok:
            raise RuntimeError(f"{line} was refused: {reply.card.title}")
        return took

    def close(self) -> None:
        self._desk.close()
        self.database.engine.dispose()


def _middle(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 2]


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every figure is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--divide", type=int, default=1, help="a tenth (10) or less of the rows, for a quick look")
    parser.add_argument("--database", action="append", choices=sorted(DATABASES))
    options = parser.parse_args(arguments)
    return 0 if show(figures(options.database or tuple(DATABASES), LARGE.divided_by(options.divide))) else 1


if __name__ == "__main__":
    sys.exit(main())
