"""What every test may ask for: a fresh database of either kind."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from sqlalchemy import text

import adapters.discord.tables
import adapters.slack.tables  # noqa: F401
import core.api_keys
import core.audit
import core.chat.tables
import core.earnings.month_tables
import core.earnings.tables
import core.earnings.visit_tables
import core.leases
import core.ledger.tables
import core.payouts.tables
import core.people  # noqa: F401 - every table is on the metadata before it is created
from bot.bench.postgres import temporary_postgres
from core import migrations
from core.storage import Base, Database, make_engine
from tests.reused_postgres import ReusedPostgres

# Thousands of tests leave a large heap behind that is nearly all alive: looking through it often finds nothing.
gc.set_threshold(50_000, 20, 100)

# As `bot.logs` has it: by default structlog draws a traceback with every local variable, for seconds at a time.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    """The socket directory of the session's own PostgreSQL server."""
    with temporary_postgres() as socket:
        yield socket


@pytest.fixture(scope="session")
def postgres_template(postgres_socket: str) -> str:
    """The name of a database with the schema in it, copied for each test."""
    with psycopg.connect(f"postgresql://postgres@/postgres?host={postgres_socket}", autocommit=True) as connection:
        connection.execute("CREATE DATABASE desk_template")
    engine = make_engine(f"postgresql://postgres@/desk_template?host={postgres_socket}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return "desk_template"


@pytest.fixture(scope="session")
def reused_postgres(postgres_socket: str, postgres_template: str) -> ReusedPostgres:
    """The database that tests get one after another."""
    return ReusedPostgres(postgres_socket, postgres_template)


@pytest.fixture
def postgres_url(reused_postgres: ReusedPostgres) -> Iterator[str]:
    """The address of an empty PostgreSQL database with the schema in it."""
    yield reused_postgres.url
    reused_postgres.empty()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema in it, copied for each test."""
    file = tmp_path_factory.mktemp("template") / "desk.db"
    engine = make_engine(f"sqlite:///{file}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return file


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """The address of a fresh SQLite file with the schema in it."""
    shutil.copyfile(sqlite_template, tmp_path / "desk.db")
    return f"sqlite:///{tmp_path}/desk.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each test that asks for it runs once per kind of database."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty desk's database, of either kind."""
    engine = make_engine(database_url)
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """An empty desk on SQLite, for tests where the kind of database does not matter."""
    engine = make_engine(sqlite_url)
    yield Database(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file as a service leaves it, copied for each test that starts one."""
    file = tmp_path_factory.mktemp("migrated") / "desk.db"
    engine = make_engine(f"sqlite:///{file}")
    migrations.migrate(engine)
    engine.dispose()
    return file


@pytest.fixture
def migrated_database(tmp_path: Path, migrated_file: Path) -> Iterator[Database]:
    """An empty desk on SQLite that a service can be started on."""
    shutil.copyfile(migrated_file, tmp_path / "desk.db")
    engine = make_engine(f"sqlite:///{tmp_path}/desk.db")
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def migrated_postgres(postgres_url: str) -> Iterator[Database]:
    """An empty desk on PostgreSQL that a service can be started on."""
    engine = make_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    migrations.migrate(engine)
    yield Database(engine)
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def served_database(request: pytest.FixtureRequest) -> Database:
    """An empty desk that a service can be started on, of either kind."""
    made: Database = request.getfixturevalue("migrated_database" if request.param == "sqlite" else "migrated_postgres")
    return made


def count(database: Database, table: str) -> int:
    """How many rows a table has."""
    with database.reading() as session:
        return int(session.connection().execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
