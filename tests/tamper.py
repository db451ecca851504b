"""The books laid open: what someone with full power over the database could do to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlmodel import Session

from core.storage import Database

BOOKS = ("account", "entry", "transfer", "seal")


@contextmanager
def unprotected(database: Database, *, checks: bool = False) -> Iterator[Session]:
    """A session without triggers and foreign keys, and with `checks` without CHECKs; undone at the end."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            raw = connection.connection.dbapi_connection
            assert raw is not None
            for pragma in ("foreign_keys = OFF", f"ignore_check_constraints = {'ON' if checks else 'OFF'}"):
                raw.execute(f"PRAGMA {pragma}")
        with Session(connection) as session:
            _open(session.connection(), checks)
            yield session
            session.rollback()
        connection.invalidate()  # the next one gets fresh settings


def _open(connection: Connection, checks: bool) -> None:
    if connection.dialect.name == "sqlite":
        triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for trigger in triggers:
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        return
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    if checks:
        for table, name in connection.execute(text(_CHECKS)).all():
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))


_CHECKS = (
    "SELECT conrelid::regclass::text, conname FROM pg_constraint "
    "WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
)
