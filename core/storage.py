"""The database seam: engines, transactions, column types, append-only tables. SQLite and PostgreSQL behave alike."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import (
    DDL,
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Insert,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

# SQLite numbers only "INTEGER PRIMARY KEY" by itself; a BIGINT one would stay NULL there.
BigId = BigInteger().with_variant(Integer, "sqlite")


def key_type(length: int = 200) -> String:
    """Text that identifies something: compared and sorted byte by byte on both databases, so that order is the same."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class UTCDateTime(TypeDecorator[dt.datetime]):
    """timestamptz on PostgreSQL; SQLite drops the zone, so naive values are refused and UTC restored."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Base(SQLModel):
    """Parent of every table: constraint names are predictable, so that migrations can name them."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def table_of(model: type[SQLModel]) -> Table:
    """The Core table behind a SQLModel class, for set-based statements."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


CONNECT_SECONDS = 10  # a server that is not there must not hold a thread for minutes
BUSY_SECONDS = 30.0  # how long a SQLite transaction waits for another one


def make_engine(url: str) -> Engine:
    """An engine for `sqlite:///…` or `postgresql://…`; SQLite transactions take the write lock at once.

    Its errors don't tell the values of a statement: link codes and addresses for answers are among them.
    """
    if url.startswith("postgresql"):
        waits = {"connect_timeout": CONNECT_SECONDS}
        return create_engine(
            url, hide_parameters=True, pool_pre_ping=True, pool_size=10, max_overflow=10, connect_args=waits
        )
    arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = create_engine(url, hide_parameters=True, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def _pragmas(dbapi: sqlite3.Connection, _record: object) -> None:
        dbapi.isolation_level = None  # we emit BEGIN ourselves
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL", "recursive_triggers=ON"):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # IMMEDIATE takes the single writer's lock now: no SQLITE_BUSY when a reader turns writer.
        readonly = connection.get_execution_options().get("desk_readonly")
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    return engine


Announce = Callable[[Session, object], None]


@contextmanager
def reading_connection(engine: Engine) -> Iterator[Connection]:
    """A connection that only reads: on SQLite it takes no write lock, so that it waits for nobody."""
    with engine.connect().execution_options(**_READ_OPTIONS[engine.dialect.name]) as connection:
        yield connection


@dataclass(frozen=True, slots=True)
class Database:
    """Where the desk's transactions begin. `announce` hears every published fact, in the transaction that made it."""

    engine: Engine
    announce: Announce | None = None

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One write transaction: commits when the block ends, rolls back when it raises."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            if self.announce is not None:
                session.info["announce"] = self.announce
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One read-only transaction: a consistent view that never waits for a writer (nor makes one wait)."""
        with (
            reading_connection(self.engine) as connection,
            Session(connection, expire_on_commit=False, autoflush=False) as session,
        ):
            yield session  # closing rolls back too and, unlike rollback(), leaves what was read readable


_READ_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {"desk_readonly": True},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}


def publish(session: Session, fact: object) -> None:
    """Tell of something that happened (`WithdrawalRequested`, …). What hears it writes in the same transaction, so that
    a fact is never reported that was not committed, and none that was goes unreported."""
    announce: Announce | None = session.info.get("announce")
    if announce is not None:
        announce(session, fact)


def is_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def upsert(session: Session, model: type[SQLModel]) -> postgresql.Insert | sqlite.Insert:
    """The dialect's INSERT with `on_conflict_do_nothing` / `on_conflict_do_update`."""
    table = table_of(model)
    return postgresql.insert(table) if is_postgres(session) else sqlite.insert(table)


def insert_once(session: Session, model: type[SQLModel], values: Mapping[str, object], key: Sequence[str]) -> bool:
    """Insert a row unless it meets one that is there; True when it is new. `key` names the columns that tell it.

    Every unique constraint counts: of two that insert the same row at once, one may meet any of them first.
    """
    table = table_of(model)
    statement: Insert = upsert(session, model).values(**values).on_conflict_do_nothing()
    return session.execute(statement.returning(*[table.c[name] for name in key])).first() is not None


_SQLITE_TRIGGERS = (
    (
        "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
        "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    ),
    (
        "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
        "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    ),
    # INSERT OR REPLACE skips delete triggers unless recursive_triggers is on, which another client may not set.
    (
        "CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
        "WHEN EXISTS (SELECT 1 FROM {table} WHERE {same_key}) BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    ),
)
_POSTGRES_TRIGGERS = (
    (
        "CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    ),
    (
        "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
    ),
    (
        "CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    ),
)


def append_only_ddl(table: str, keys: Sequence[Sequence[str]], dialect: str) -> list[str]:
    """Statements that make a table append-only; used by `create_all` and by migrations alike.

    keys: every set of columns that is unique in it. Insert with WHERE NOT EXISTS where a key may be taken: on SQLite
    the trigger fires before ON CONFLICT is heard.
    """
    same_key = " OR ".join(" AND ".join(f"{column} = NEW.{column}" for column in key) for key in keys)
    templates = _POSTGRES_TRIGGERS if dialect == "postgresql" else _SQLITE_TRIGGERS
    return [template.format(table=table, same_key=same_key) for template in templates]


def unique_keys(table: Table) -> list[list[str]]:
    """Every set of columns that is unique in a table, the primary key first, then by name."""
    constraints = [part.columns.keys() for part in table.constraints if isinstance(part, UniqueConstraint)]
    indexes = [index.columns.keys() for index in table.indexes if index.unique]
    return [table.primary_key.columns.keys(), *sorted(constraints + indexes)]


def append_only(model: type[SQLModel]) -> None:
    """Have `create_all` protect the model's table against change; migrations run `append_only_ddl` themselves."""
    table = table_of(model)
    keys = unique_keys(table)
    for dialect in ("sqlite", "postgresql"):
        for statement in append_only_ddl(table.name, keys, dialect):
            ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", ddl.execute_if(dialect=dialect))
