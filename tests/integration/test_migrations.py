"""Migrations: what they build, and when they refuse."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from core import migrations
from core.migrations import DatabaseOutdated, DatabaseTooNew, NotOurDatabase, migrate, require_current, state
from core.storage import make_engine

_names = itertools.count(1)


@pytest.fixture
def empty_postgres_url(postgres_socket: str) -> Iterator[str]:
    """The address of a PostgreSQL database with nothing in it."""
    name = f"empty_{next(_names)}"
    with psycopg.connect(f"postgresql://postgres@/postgres?host={postgres_socket}", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield f"postgresql://postgres@/{name}?host={postgres_socket}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database with nothing in it, of either kind."""
    sqlite = request.param == "sqlite"
    engine = make_engine(f"sqlite:///{tmp_path}/empty.db" if sqlite else request.getfixturevalue("empty_postgres_url"))
    yield engine
    engine.dispose()


def test_migrates_an_empty_database(empty: Engine) -> None:
    """An empty database is brought to the newest schema; migrating again changes nothing."""
    assert state(empty) == "empty"
    migrate(empty)
    assert state(empty) == "current"
    migrate(empty)
    assert state(empty) == "current"
    require_current(empty)


def test_the_steps_are_one_line() -> None:
    """The numbers of the files are the revisions that Alembic sees, in one line without branches."""
    config = Config()
    config.set_main_option("script_location", str(migrations.HERE).replace("%", "%%"))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [script.revision for script in reversed(scripts)] == migrations.revisions()
    assert [script.down_revision for script in reversed(scripts)] == [None, *migrations.revisions()[:-1]]


def test_goes_on_from_an_earlier_step(empty: Engine) -> None:
    """A database of an earlier version is behind, is refused for work, and goes on from where it was."""
    with empty.begin() as connection:
        migrations._upgrade(connection, "0001")
    assert state(empty) == "behind"
    with pytest.raises(DatabaseOutdated, match="earnings-desk migrate"):
        require_current(empty)
    migrate(empty)
    assert state(empty) == "current"


def test_refuses_a_newer_database(empty: Engine) -> None:
    """A database newer than the program is left alone, and the refusal names both versions."""
    migrate(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert state(empty) == "ahead"
    newest = migrations.revisions()[-1]
    for use in (migrate, require_current):
        with pytest.raises(
            DatabaseTooNew, match=rf"newer Earnings Desk \(schema 9999; this one knows up to {newest}\)"
        ):
            use(empty)


def test_refuses_another_programs_database(empty: Engine) -> None:
    """A database with someone else's tables of our names is left alone, and the refusal names one."""
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE account (id INTEGER)"))
    assert state(empty) == "foreign"
    with pytest.raises(NotOurDatabase, match="a table 'account'"):
        migrate(empty)
    assert inspect(empty).get_table_names() == ["account"]


@pytest.mark.parametrize("revision", [None, "0001", "5ca1ab1e"])
def test_refuses_a_database_without_any_of_our_tables(empty: Engine, revision: str | None) -> None:
    """Tables of another program alone make a database foreign, even if that program keeps revisions like ours."""
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE recipes (id INTEGER)"))
        if revision is not None:
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
    before = inspect(empty).get_table_names()
    assert state(empty) == "foreign"
    for use in (migrate, require_current):
        with pytest.raises(NotOurDatabase, match="a table 'recipes'"):
            use(empty)
    assert inspect(empty).get_table_names() == before


def test_migrates_whole_or_not_at_all(empty: Engine) -> None:
    """When a late step fails, the earlier ones are undone too."""
    with empty.begin() as connection:
        connection.execute(text("CREATE VIEW audit_record AS SELECT 1 AS id"))
    with pytest.raises(DBAPIError, match="already exists"):
        migrate(empty)
    assert inspect(empty).get_table_names() == []
    assert state(empty) == "empty"


def test_several_migrate_at_once(empty: Engine) -> None:
    """Of several replicas that start on an empty database, one migrates and the others find it done."""
    failed: list[BaseException] = []

    def start() -> None:
        try:
            migrate(empty)
        except BaseException as error:  # reported below
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert state(empty) == "current"


def test_sqlite_schema_equals_the_models(sqlite_url: str, tmp_path: Path) -> None:
    """On SQLite, migrations build what the models say: tables, columns, CHECKs, keys, indexes and triggers."""
    migrated = make_engine(f"sqlite:///{tmp_path}/migrated.db")
    migrate(migrated)
    modelled = make_engine(sqlite_url)
    assert _sqlite_catalogue(migrated) == _sqlite_catalogue(modelled)


def test_postgres_schema_equals_the_models(empty_postgres_url: str, postgres_url: str) -> None:
    """On PostgreSQL, migrations build what the models say: columns, collations, constraints, indexes, triggers,
    functions and sequences."""
    migrated, modelled = make_engine(empty_postgres_url), make_engine(postgres_url)
    migrate(migrated)
    assert _postgres_catalogue(migrated) == _postgres_catalogue(modelled)
    migrated.dispose()
    modelled.dispose()


def _sqlite_catalogue(engine: Engine) -> dict[tuple[str, str], list[str]]:
    """Every object by kind and name, as its statement; a table's parts sorted, because their order says nothing."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT type, name, coalesce(sql, '') FROM sqlite_master")).all()
    engine.dispose()
    return {
        (kind, name): _parts(sql) if kind == "table" else [" ".join(sql.split())]
        for kind, name, sql in rows
        if name != "alembic_version" and "alembic_version" not in name
    }


def _parts(sql: str) -> list[str]:
    """A CREATE TABLE's columns in order, then its constraints sorted, then its options."""
    inside, options = re.fullmatch(r'CREATE TABLE "?\w+"? \((.*)\)([^)]*)', sql, re.DOTALL).groups()  # type: ignore[union-attr]
    # A column that was added stands on the same line as the one before it.
    parts = [" ".join(part.split()) for part in re.split(r",\s+(?![^(]*\))", inside)]
    columns = [part for part in parts if not part.startswith("CONSTRAINT")]
    constraints = sorted(part for part in parts if part.startswith("CONSTRAINT"))
    return [*columns, *constraints, options.strip()]


_POSTGRES = {
    "columns": "SELECT table_name, ordinal_position, column_name, data_type, character_maximum_length, is_nullable, "
    "column_default, collation_name, is_identity FROM information_schema.columns WHERE table_schema = 'public'",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal",
    "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "sequences": "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'",
}


def _postgres_catalogue(engine: Engine) -> dict[str, list[str]]:
    with engine.connect() as connection:
        return {
            what: sorted(str(row) for row in connection.execute(text(query)) if "alembic_version" not in str(row))
            for what, query in _POSTGRES.items()
        }
