"""How long creators of assistants wait for /stats and /analytics: `python -m bot.bench.watching`.

Ten million messages by 200 k subscribers to 20 k assistants whose popularity falls like Zipf's, in three months; each
answer is of an assistant picked at random, through the desk. The limit: 99 of 100 answers within 100 ms.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnDefault, insert
from sqlmodel import Session

from bot.bench.figures import Figure, alone
from bot.bench.filling import Size, refresh_statistics
from bot.bench.settling import DATABASES
from core import people
from core.chat.desk import Desk
from core.clock import DAY, start_of
from core.config import DeskConfig, Program, Terms
from core.earnings.month_tables import DirtyMonth, MonthUse, Payment, ProjectPrice
from core.earnings.periods import settles_at
from core.earnings.settlement import settle_due
from core.earnings.tables import Creator, DirtyDay, Project, UsageDay
from core.earnings.terms import sync_programs
from core.earnings.visit_tables import Question, Rating, SharedContext, Visit
from core.ledger import accounts
from core.people import Actor
from core.storage import Base, Database, is_postgres, table_of

PROGRAM = Program("helpers", "assistants", (Terms(dt.date(2025, 1, 1), share_bp=7000, minimum_micros=10_000_000),))
CONFIG = DeskConfig(programs={PROGRAM.slug: PROGRAM})
FIRST_DAY = dt.date(2026, 1, 1)
DAYS = 90
MESSAGES_A_VISIT = 4
VIEWS = ("peak-hours", "questions", "drop-offs", "growth", "sources", "ratings", "per-user")
ASKED = 300  # answers to each command
P99_AT_MOST_MS = 100.0
_ROWS = 50_000  # of an INSERT

Rows = Iterable[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Crowd:
    """How much there is."""

    messages: int = 10_000_000
    assistants: int = 20_000
    subscribers: int = 200_000

    def divided_by(self, divisor: int) -> Crowd:
        return Crowd(self.messages // divisor, self.assistants // divisor, self.subscribers // divisor)


def figures(
    kinds: Sequence[str] = tuple(DATABASES), crowd: Crowd | None = None, asked: int = ASKED
) -> Iterator[Figure]:
    """/stats with its periods and each view of /analytics on each kind of database."""
    size = crowd or Crowd()
    for kind in kinds:
        with DATABASES[kind](Size(0, 1, 1)) as new:
            database = new()
            fill(database, size)
            yield from _measure(kind, database, size, asked)
            database.engine.dispose()


def _measure(kind: str, database: Database, size: Crowd, asked: int) -> Iterator[Figure]:
    now = settles_at(PROGRAM, FIRST_DAY + DAY * (DAYS - 1)) + dt.timedelta(hours=6)
    settle_due(database, CONFIG, now)
    refresh_statistics(database)
    desk = Desk(database, CONFIG, lambda: now)
    chance = random.Random(11)
    rows = f"{size.messages:,} messages, {size.assistants:,} assistants, {size.subscribers:,} subscribers"
    lines = [("/stats", ("week", "month", "all")), *((f"/analytics {view}", ("month", "all")) for view in VIEWS)]
    for command, periods in lines:
        times = list[float]()
        for number in range(asked):
            chosen = chance.randrange(size.assistants)
            with database.transaction() as session:
                person = people.resolve(session, f"a{chosen:07}")
            name, _, view = command.partition(" ")
            period = periods[number % len(periods)]
            times.append(_answer(desk, person, " ".join((name, f'"Assistant {chosen}"', view, period))))
        times.sort()
        yield Figure(command, kind, rows, times[len(times) // 2], P99_AT_MOST_MS, "the limit", 1.0, "ms, middle")
        yield Figure(
            f"{command}, 99 of 100", kind, rows, times[int(0.99 * len(times))], P99_AT_MOST_MS, "the limit", 1.0, "ms"
        )
    desk.close()


def _answer(desk: Desk, person: Actor, line: str) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    reply = desk.run_as(person, line)
    took = time.perf_counter() - started
    if not reply.ok:
        raise RuntimeError(f"{line} was refused: {reply.card.title}")
    return 1e3 * took


def fill(database: Database, size: Crowd) -> None:
    """Everything that intake would have left, but the raw events, which no answer reads."""
    made = _Made(size)
    with database.transaction() as session:
        sync_programs(session, CONFIG)
        numbers = range(size.assistants)
        _insert(session, Creator, ("creator_id", "name", "country"), ((f"a{n:07}", f"C {n}", "US") for n in numbers))
        columns = ("project_id", "creator_id", "program", "name", "published_on")
        projects = ((f"h{n:07}", f"a{n:07}", PROGRAM.slug, f"Assistant {n}", FIRST_DAY) for n in numbers)
        _insert(session, Project, columns, projects)
        prices = ((f"h{n:07}", dt.date(1970, 1, 1), 3_750_000 + n) for n in numbers)
        _insert(session, ProjectPrice, ("project_id", "price_from", "price"), prices)
        accounts.open_wallets(session, ((PROGRAM.slug, f"a{n:07}") for n in numbers))
        months = sorted({day.replace(day=1) for day in made.each_day()})
        _insert(session, DirtyDay, ("program", "day"), ((PROGRAM.slug, day) for day in made.each_day()))
        _insert(session, DirtyMonth, ("program", "month"), ((PROGRAM.slug, month) for month in months))
        _insert(session, Payment, _PAYMENT, (row for month in months for row in made.payments(month)))
    for day in made.each_day():
        with database.transaction() as session:
            made.come(day)
            _insert(session, Visit, _VISIT, made.visits)
            _insert(session, Question, ("project_id", "day", "text", "user_id", "asked"), made.questions)
            _insert(session, Rating, _RATING, made.ratings)
            _insert(session, SharedContext, _CONTEXT, made.contexts)
            _insert(session, UsageDay, _USAGE, made.usage(day))
    with database.transaction() as session:
        rows = ((*key, tokens) for key, tokens in sorted(made.month_use.items()))
        _insert(session, MonthUse, ("month", "user_id", "project_id", "tokens"), rows)
    refresh_statistics(database)


_PAYMENT = ("source", "payment_id", "program", "paid_at", "user_id", "plan", "amount", "month")
_VISIT = ("project_id", "day", "slot", "embed", "user_id", "conversation_id", "messages", "tokens")
_RATING = ("project_id", "day", "source", "event_id", "user_id", "stars", "review")
_CONTEXT = ("project_id", "day", "user_id", "context", "messages")
_USAGE = ("day", "project_id", "messages", "ratings", "tokens", "embed_tokens")


class _Made:
    """A day's made-up use, in the order of the tables' keys."""

    def __init__(self, size: Crowd) -> None:
        self._size, self._chance = size, random.Random(5)
        self._numbers = iter(range(10**9))
        self.month_use: Counter[tuple[dt.date, str, str]] = Counter()

    def each_day(self) -> list[dt.date]:
        return [FIRST_DAY + DAY * number for number in range(DAYS)]

    def payments(self, month: dt.date) -> Iterator[tuple[object, ...]]:
        for number in range(self._size.subscribers):
            key = f"{month}-{number}"
            yield ("platform", key, PROGRAM.slug, start_of(month), f"u{number}", "plus", 19_000_000, month)

    def come(self, day: dt.date) -> None:
        """Popularity by Zipf: the logarithm of an assistant's place is even. Popular ones are spread over the ids."""
        chance, size = self._chance, self._size
        self.visits, self.questions = list[tuple[object, ...]](), list[tuple[object, ...]]()
        self.ratings, self.contexts = list[tuple[object, ...]](), list[tuple[object, ...]]()
        self._use: dict[str, list[int]] = {}
        for _visit in range(size.messages // MESSAGES_A_VISIT // DAYS):
            place = int(size.assistants ** chance.random()) - 1
            project = f"h{place * 7919 % size.assistants:07}"
            user, embed = f"u{chance.randrange(size.subscribers)}", chance.random() < 0.3
            number, slot = next(self._numbers), int(min(95.0, max(0.0, chance.gauss(56, 16))))
            tokens = 100 + chance.randrange(4_000)
            self.visits.append((project, day, slot, embed, user, f"c{number}", MESSAGES_A_VISIT, tokens))
            phrase = int(400 ** chance.random())
            self.questions.append((project, day, f"How do I do thing {phrase} with {number % 7}?", user, 1))
            if number % 20 == 0:
                self.ratings.append(
                    (project, day, "platform", f"r{number}", user, 1 + number % 5, "Fine" * (number % 2))
                )
            if embed and number % 50 == 0:
                self.contexts.append((project, day, user, f"Business {number % 40}", MESSAGES_A_VISIT))
            used = self._use.setdefault(project, [0, 0, 0, 0])
            used[0] += MESSAGES_A_VISIT
            used[1] += number % 20 == 0
            used[2] += tokens
            used[3] += tokens * embed
            if not embed:
                self.month_use[day.replace(day=1), user, project] += tokens
        self.visits.sort()
        self.questions = sorted({row[:4]: row for row in self.questions}.values())
        self.contexts = sorted({row[:4]: row for row in self.contexts}.values())
        self.ratings.sort()

    def usage(self, day: dt.date) -> Iterator[tuple[object, ...]]:
        return ((day, project, *used) for project, used in sorted(self._use.items()))


def _insert(session: Session, model: type[Base], columns: Sequence[str], rows: Rows) -> None:
    """Rows as the fastest way of each database takes them."""
    table = table_of(model)
    if is_postgres(session):
        driver = session.connection().connection.cursor()
        defaults = {one.name: one.default for one in table.c if one.name not in columns}
        others = {name: one.arg for name, one in defaults.items() if isinstance(one, ColumnDefault)}
        with driver.copy(f"COPY {table.name} ({', '.join([*columns, *others])}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([*row, *others.values()])
        return
    part = list[dict[str, object]]()
    for row in rows:
        part.append(dict(zip(columns, row, strict=True)))
        if len(part) == _ROWS:
            session.execute(insert(table), part)
            part.clear()
    if part:
        session.execute(insert(table), part)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every figure is reached."""

    def measured(divide: int, kinds: Sequence[str], asked: int) -> Iterator[Figure]:
        return figures(kinds, Crowd().divided_by(divide), asked)

    return alone(__doc__, measured, DATABASES, ("asked", ASKED, "answers to each command"), arguments)


if __name__ == "__main__":
    sys.exit(main())
