"""How long a settlement takes, against the bare SQL statements it can't do without: `python -m bot.bench.settling`.

quality.md, "Speed": 1 M events of one day, 100 k projects, 50 k creators, on both databases; and the same with 10 M
older events in the tables, against itself with none.
"""

from __future__ import annotations

import datetime as dt
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import BigInteger, BindParameter, Date, TextClause, bindparam, text
from sqlmodel import Session

from bot.bench.figures import Figure, alone
from bot.bench.filling import CONFIG, PROGRAM, Size, add_days, create, refresh_statistics
from bot.bench.postgres import temporary_postgres
from core.clock import DAY
from core.earnings.periods import settles_at
from core.earnings.settlement import settle_due
from core.ledger import accounts, seal
from core.storage import Database

FIRST_DAY = dt.date(2026, 1, 1)
OLDER_DAYS = 10
ROUNDS = 3
SETTLED_AT_MOST = 4.0
OLDER_AT_MOST = 1.2

NewDatabase = Callable[[], Database]


def measure(kind: str, new_database: NewDatabase, size: Size, rounds: int = ROUNDS) -> Iterator[Figure]:
    """Both figures on one kind of database. Ours, the floor and ours with history take turns, so that whatever else the
    machine does meets all three; each time is the best of the rounds."""
    young, old = new_database(), new_database()
    days = [FIRST_DAY + DAY * number for number in range(OLDER_DAYS + 2 * rounds)]
    add_days(old, size, days[:OLDER_DAYS])
    refresh_statistics(old)
    _settle(old, days[OLDER_DAYS - 1])
    ours, floor, with_older = [], [], []
    for number in range(rounds):
        ours.append(_next_day(young, size, days[2 * number], _settle))
        with_older.append(_next_day(old, size, days[OLDER_DAYS + number], _settle))
        floor.append(_next_day(young, size, days[2 * number + 1], _settle_bare))
        with young.transaction() as session:
            seal.seal(session)  # so that the next settlement seals its own entry only, as it would have
    young.engine.dispose()
    old.engine.dispose()
    rows = f"{size.events:,} events of one day, {size.projects:,} projects, {size.creators:,} creators"
    older = f"{rows}, {size.events * OLDER_DAYS:,} older"
    yield Figure("settle a day", kind, rows, min(ours), min(floor), "the bare SQL statements", SETTLED_AT_MOST)
    yield Figure("settle a day after others", kind, older, min(with_older), min(ours), "without older", OLDER_AT_MOST)


def _next_day(database: Database, size: Size, day: dt.date, settle: Callable[[Database, dt.date], None]) -> float:
    """Seconds to settle a day's usage. All days have the same."""
    add_days(database, size, [day])
    refresh_statistics(database)
    started = time.perf_counter()
    settle(database, day)
    return time.perf_counter() - started


def _settle(database: Database, day: dt.date) -> None:
    results = settle_due(database, CONFIG, settles_at(CONFIG.programs[PROGRAM], day))
    if not results or results[0].entry_id is None:
        raise RuntimeError(f"{day} was not settled")


def _settle_bare(database: Database, day: dt.date) -> None:
    """The floor: earnings and transfers from the roll-up, balances updated, in one transaction; nothing else."""
    with database.transaction() as session:
        run = _scalar(session, _RUN, {"program": PROGRAM})
        usage = accounts.account_id(PROGRAM, "usage")
        facts = {"program": PROGRAM, "day": day, "key": f"settlement:{PROGRAM}:{run}", "usage": usage}
        moment = settles_at(CONFIG.programs[PROGRAM], day).strftime("%Y-%m-%d %H:%M:%S+00:00")
        facts["entry_id"] = _scalar(session, _ENTRY, facts | {"moment": moment})
        for statement in (_LINES, _TRANSFERS, _WALLETS, _USAGE, _CLEAN, _PROGRAM):
            session.connection().execute(statement, facts)


def _scalar(session: Session, statement: str, facts: dict[str, object]) -> int:
    return int(session.connection().execute(text(statement), facts).scalar_one())


def _typed(statement: str) -> TextClause:
    """A statement whose values arrive as what they are on both databases."""
    typed: list[BindParameter[Any]] = [
        bindparam("entry_id", type_=BigInteger),
        bindparam("usage", type_=BigInteger),
        bindparam("day", type_=Date),
    ]
    return text(statement).bindparams(*[one for one in typed if f":{one.key}" in statement])


_RUN = "SELECT runs + 1 FROM program WHERE slug = :program"
_ENTRY = "INSERT INTO entry (key, kind, effective_at, memo) VALUES (:key, 'settlement', :moment, '') RETURNING id"
_LINES = _typed(
    "INSERT INTO settlement_line (day, project_id, entry_id, seq, share, spent, costs, credits, cost, own_credits, "
    "share_bp, credits_per_usd, late) SELECT day, project_id, CAST(:entry_id AS bigint), "
    "row_number() OVER (ORDER BY project_id), (credits - cost) / 200, credits / 100, cost / 100, credits, cost, "
    "own_credits, 5000, 100, false FROM usage_day WHERE day = :day AND credits > cost"
)
_TRANSFERS = _typed(
    "INSERT INTO transfer (entry_id, seq, debit_id, credit_id, amount) "
    "SELECT l.entry_id, l.seq, CAST(:usage AS bigint), a.id, l.share FROM settlement_line l "
    "JOIN project p ON p.project_id = l.project_id "
    "JOIN account a ON a.program = :program AND a.role = 'available' AND a.creator = p.creator_id "
    "WHERE l.day = :day AND l.entry_id = :entry_id"
)
_WALLETS = _typed(
    "UPDATE account SET balance = balance + earned.amount FROM (SELECT credit_id, sum(amount) AS amount FROM transfer "
    "WHERE entry_id = :entry_id GROUP BY credit_id) AS earned WHERE account.id = earned.credit_id"
)
_USAGE = _typed(
    "UPDATE account SET balance = balance - (SELECT sum(amount) FROM transfer WHERE entry_id = :entry_id) "
    "WHERE id = :usage"
)
_CLEAN = _typed("DELETE FROM dirty_day WHERE program = :program AND day = :day")
_PROGRAM = _typed("UPDATE program SET runs = runs + 1, settled_through = :day WHERE slug = :program")


@contextmanager
def sqlite_databases(size: Size) -> Iterator[NewDatabase]:
    """Fresh SQLite files, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as directory:
        numbers = itertools.count(1)
        yield lambda: create(f"sqlite:///{Path(directory) / f'{next(numbers)}.db'}", size)


@contextmanager
def postgres_databases(size: Size) -> Iterator[NewDatabase]:
    """Fresh databases of a throw-away PostgreSQL server."""
    with temporary_postgres() as socket:
        numbers = itertools.count(1)

        def new() -> Database:
            name = f"bench_{next(numbers)}"
            with psycopg.connect(f"postgresql://postgres@/postgres?host={socket}", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}".encode())
            return create(f"postgresql://postgres@/{name}?host={socket}", size)

        yield new


DATABASES = {"SQLite": sqlite_databases, "PostgreSQL": postgres_databases}


def figures(size: Size, kinds: Sequence[str] = tuple(DATABASES), rounds: int = ROUNDS) -> Iterator[Figure]:
    """All figures of settlement, one after the other as they are found."""
    for kind in kinds:
        with DATABASES[kind](size) as new_database:
            yield from measure(kind, new_database, size, rounds)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every figure is reached."""

    def measured(divide: int, kinds: Sequence[str], rounds: int) -> Iterator[Figure]:
        return figures(Size().divided_by(divide), kinds, rounds)

    return alone(__doc__, measured, DATABASES, ("rounds", ROUNDS, "how often each is taken"), arguments)


if __name__ == "__main__":
    sys.exit(main())
