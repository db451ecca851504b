"""How long an import of usage takes, against the bare database: `python -m bot.bench.importing`.

quality.md, "Speed": 1 M usage rows from CSV, validated, deduplicated and rolled up. PostgreSQL is held against COPY of
the same file straight into a table with the same unique key; SQLite against a bare `executemany` of INSERT OR IGNORE of
rows that are parsed already, in one transaction, into a table with the same unique key. Ours runs in a process of its
own, so that its memory can be told.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import gc
import json
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from adapters.files import import_file
from bot.bench.figures import Figure, show
from bot.bench.filling import CONFIG, Size
from bot.bench.settling import DATABASES, NewDatabase
from core.storage import Database, make_engine

ROWS = 1_000_000
ROUNDS = 3
DAYS = 30
PROJECTS = 10_000
USERS = 120_000
AT_MOST = 2.0
MEGABYTES = 300
_FIRST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_NOW = _FIRST + dt.timedelta(days=DAYS + 1)
_HEADER = ("event_id", "occurred_at", "project_id", "user_id", "kind", "credits", "platform_cost")
_KINDS = ("generate",) * 60 + ("remix",) * 5 + ("feature",) * 10 + ("view",) * 20 + ("save",) * 5


def write_usage(path: Path, rows: int) -> None:
    """A month as a platform would export it: in order of time, random ids, some projects far more used than others."""
    dice = random.Random(7)
    seconds = sorted(dice.randrange(days_of(rows) * 86_400) for _ in range(rows))
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(",".join(_HEADER) + "\n")
        for second in seconds:
            at = (_FIRST + dt.timedelta(seconds=second)).isoformat().replace("+00:00", "Z")
            kind = dice.choice(_KINDS)
            spent = dice.randint(1, 200)
            amounts = "," if kind in ("view", "save") else f"{spent},{spent * dice.randint(30, 90) // 100}"
            event_id = uuid.UUID(int=dice.getrandbits(128), version=4)
            project, user = int(PROJECTS * dice.random() ** 2), dice.randrange(USERS)
            out.write(f"{event_id},{at},p{project:07},u{user:06},{kind},{amounts}\n")


def days_of(rows: int) -> int:
    """How many days so many rows take: fewer rows are a shorter time, not a quieter one."""
    return max(1, DAYS * rows // ROWS)


def measure(kind: str, new_database: NewDatabase, file: Path, rows: int, rounds: int = ROUNDS) -> Iterator[Figure]:
    """Both figures of one kind of database; times are medians, ours and the floor taking turns."""
    ours: list[float] = []
    floors: list[float] = []
    megabytes = 0.0
    for number in range(rounds):
        database = new_database()
        url = database.engine.url.render_as_string(hide_password=False)
        database.engine.dispose()
        for ours_now in (number % 2 == 0, number % 2 == 1):
            if ours_now:
                found = _in_own_process("ours", url, file)
                if found["accepted"] != rows:
                    raise RuntimeError(f"{found['accepted']} of {rows} rows were accepted")
                ours.append(found["seconds"])
                megabytes = max(megabytes, found["megabytes"])
            elif kind == "PostgreSQL":
                floors.append(_copy_floor(url, file))
            else:
                floors.append(_in_own_process("floor", url, file)["seconds"])
    floor_is = "bare COPY" if kind == "PostgreSQL" else "bare INSERT OR IGNORE"
    what = f"{rows:,} rows of CSV ({file.stat().st_size / 1e6:.0f} MB), {PROJECTS:,} projects, {days_of(rows)} days"
    yield Figure("import usage", kind, what, statistics.median(ours), statistics.median(floors), floor_is, AT_MOST)
    yield Figure("import usage: memory", kind, what, megabytes, MEGABYTES, "what is allowed", 1.0, "MB")


def _in_own_process(what: str, url: str, file: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bot.bench.importing", f"--{what}", url, str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _ours(url: str, file: str) -> dict[str, float]:
    database = Database(make_engine(url))
    started = time.perf_counter()
    report = import_file(database, CONFIG, "usage", file, "platform", _NOW)
    seconds = time.perf_counter() - started
    database.engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = peak / (1e6 if sys.platform == "darwin" else 1e3)
    return {"seconds": seconds, "accepted": report.accepted, "megabytes": megabytes}


_SQLITE_TABLE = """CREATE TABLE bare (
    source VARCHAR(64) NOT NULL, event_id VARCHAR(200) NOT NULL, occurred_at DATETIME NOT NULL,
    project_id VARCHAR(200) NOT NULL, user_id VARCHAR(200) NOT NULL, kind VARCHAR(20) NOT NULL,
    credits BIGINT NOT NULL, cost BIGINT NOT NULL, voids VARCHAR(200), PRIMARY KEY (source, event_id)
) WITHOUT ROWID"""
_SQLITE_INSERT = "INSERT OR IGNORE INTO bare VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)"


def _insert_floor(url: str, file: str) -> dict[str, float]:
    """A database file beside ours, with the settings that ours has."""
    with Path(file).open(encoding="utf-8", newline="") as handle:
        reader = csv.reader(handle)
        next(reader)
        rows = [
            ("platform", i, f"{t[:10]} {t[11:19]}.000000", p, u, k, int(c or 0) * 1_000_000, int(x or 0) * 1_000_000)
            for i, t, p, u, k, c, x in reader
        ]
    gc.freeze()
    connection = sqlite3.connect(f"{make_url(url).database}.bare", isolation_level=None)
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL", "recursive_triggers=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(_SQLITE_TABLE)
    started = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(_SQLITE_INSERT, rows)
    connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.close()
    return {"seconds": seconds}


_POSTGRES_TABLE = """CREATE TABLE bare (
    source varchar(64) COLLATE "C" NOT NULL DEFAULT 'platform', event_id varchar(200) COLLATE "C" NOT NULL,
    occurred_at timestamptz NOT NULL, project_id varchar(200) COLLATE "C" NOT NULL,
    user_id varchar(200) COLLATE "C" NOT NULL, kind varchar(20) NOT NULL, credits bigint, platform_cost bigint,
    PRIMARY KEY (source, event_id)
)"""


def _copy_floor(url: str, file: Path) -> float:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(_POSTGRES_TABLE)
        started = time.perf_counter()
        copy = f"COPY bare ({', '.join(_HEADER)}) FROM STDIN (FORMAT csv, HEADER)".encode()
        with file.open("rb") as handle, connection.cursor().copy(copy) as into:
            while block := handle.read(1 << 20):
                into.write(block)
        return time.perf_counter() - started


def figures(rows: int = ROWS, kinds: Sequence[str] = tuple(DATABASES), rounds: int = ROUNDS) -> Iterator[Figure]:
    """All figures of importing, one after the other as they are found."""
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as directory:
        file = Path(directory) / "usage.csv"
        write_usage(file, rows)
        for kind in kinds:
            with DATABASES[kind](Size(rows, PROJECTS, PROJECTS // 2)) as new_database:
                yield from measure(kind, new_database, file, rows, rounds)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every figure is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--divide", type=int, default=1, help="a tenth (10) or less of the rows, for a quick look")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--database", action="append", choices=sorted(DATABASES))
    parser.add_argument("--ours", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--floor", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.ours or options.floor:
        print(json.dumps(_ours(*options.ours) if options.ours else _insert_floor(*options.floor)))
        return 0
    return 0 if show(figures(ROWS // options.divide, options.database or tuple(DATABASES), options.rounds)) else 1


if __name__ == "__main__":
    sys.exit(main())
