"""A desk full of made-up usage for benchmarks, written with set-based SQL: millions of rows in seconds.

Every event has its roll-up and its dirty day, as intake would have left them; creators have their wallets.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Date, bindparam, text
from sqlmodel import Session

import core.audit
import core.chat.tables
import core.payouts.tables
import core.people  # noqa: F401 - every table is on the metadata before it is created
from core.config import DeskConfig, Program, Terms
from core.earnings.terms import sync_programs
from core.ledger import accounts
from core.storage import Base, Database, is_postgres, make_engine

PROGRAM = "studio"
CONFIG = DeskConfig(programs={PROGRAM: Program(PROGRAM, "credits", (Terms(dt.date(2025, 1, 1)),))})


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is: usage events a day, and the projects and creators they fall on, evenly."""

    events: int = 1_000_000
    projects: int = 100_000
    creators: int = 50_000

    def divided_by(self, divisor: int) -> Size:
        return Size(self.events // divisor, self.projects // divisor, self.creators // divisor)


def create(url: str, size: Size) -> Database:
    """A database with the schema, the program, creators, projects and wallets, and no usage yet."""
    engine = make_engine(url)
    Base.metadata.create_all(engine)
    database = Database(engine)
    with database.transaction() as session:
        sync_programs(session, CONFIG)
        session.connection().execute(text(_CREATORS.format(numbers=numbers(session))), {"many": size.creators})
        projects = {"many": size.projects, "creators": size.creators, "program": PROGRAM}
        session.connection().execute(text(_PROJECTS.format(numbers=numbers(session))), projects)
        accounts.open_wallets(session, ((PROGRAM, f"c{number:07}") for number in range(size.creators)))
    return database


def add_days(database: Database, size: Size, days: Iterable[dt.date]) -> None:
    """One day's events on each of these days, rolled up, waiting for settlement; a transaction a day."""
    for day in days:
        with database.transaction() as session:
            moment = _MOMENT_POSTGRES if is_postgres(session) else _MOMENT_SQLITE
            facts = {"many": size.events, "projects": size.projects, "prefix": day.isoformat()}
            events = _EVENTS.format(numbers=numbers(session), moment=moment)
            session.connection().execute(text(events), facts)
            session.connection().execute(_ROLL_UP, {"day": day, "prefix": day.isoformat()})
            session.connection().execute(_DIRTY, {"day": day, "program": PROGRAM})


def refresh_statistics(database: Database) -> None:
    """What PostgreSQL's autovacuum would have done by the next morning; SQLite needs none of it."""
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def numbers(session: Session) -> str:
    """A table `n` of one column `i`: 0, 1, … below :many."""
    if is_postgres(session):
        return "generate_series(0, CAST(:many AS bigint) - 1) AS n(i)"
    return "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :many) SELECT i FROM n) AS n"


# Padding that both databases understand: the last seven digits of ten million and the number.
_CREATORS = (
    "INSERT INTO creator (creator_id, name, country, timezone) "
    "SELECT 'c' || substr(CAST(10000000 + i AS text), 2), 'Creator ' || CAST(i AS text), 'US', 'UTC' FROM {numbers}"
)
_PROJECTS = (
    "INSERT INTO project (project_id, creator_id, program, name, published_on) "
    "SELECT 'p' || substr(CAST(10000000 + i AS text), 2), "
    "'c' || substr(CAST(10000000 + i % CAST(:creators AS bigint) AS text), 2), "
    "CAST(:program AS text), 'Project ' || CAST(i AS text), '2025-01-01' FROM {numbers}"
)
_MOMENT_SQLITE = "strftime('%Y-%m-%d %H:%M:%S.000000', :prefix, (i % 86400) || ' seconds')"
_MOMENT_POSTGRES = "CAST(:prefix || ' 00:00:00+00' AS timestamptz) + (i % 86400) * interval '1 second'"
_EVENTS = (
    "INSERT INTO usage_event (source, event_id, occurred_at, project_id, user_id, kind, credits, cost) "
    "SELECT 'platform', :prefix || '-' || substr(CAST(100000000 + i AS text), 2), {moment}, "
    "'p' || substr(CAST(10000000 + i % CAST(:projects AS bigint) AS text), 2), "
    "'u' || CAST(i % 10007 AS text), 'generate', (1 + i % 50) * 1000000, (i % 40) * 500000 FROM {numbers}"
)
_ROLL_UP = text(
    "INSERT INTO usage_day (day, project_id, credits, cost, own_credits, uses, remixes, views, saves) "
    "SELECT :day, project_id, sum(credits), sum(cost), 0, count(*), 0, 0, 0 FROM usage_event "
    "WHERE source = 'platform' AND event_id BETWEEN :prefix || '-' AND :prefix || '-~' "
    "GROUP BY project_id ORDER BY project_id"
).bindparams(bindparam("day", type_=Date))
_DIRTY = text("INSERT INTO dirty_day (program, day) VALUES (:program, :day)").bindparams(bindparam("day", type_=Date))
