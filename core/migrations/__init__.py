"""The database's schema, step by step: bringing a database to what this program needs, and saying how far it is.

The steps are the files of `versions/`, numbered 0001, 0002, …; Alembic runs them from inside the program, so that it
works from an installed wheel without an alembic.ini. Alembic is imported only when there is a step to run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, Engine, inspect, text

from core.errors import DeskError
from core.storage import reading_connection

State = Literal["empty", "behind", "current", "ahead", "foreign"]

HERE = Path(__file__).parent

# Two that migrate one PostgreSQL database at once meet at this lock; any number no other program is likely to take.
_LOCK = 0x6561_726E
_VERSION = "alembic_version"
_OUR_TABLES = ("account", "entry", "transfer", "person", "creator", "usage_event")


class DatabaseTooNew(DeskError):
    """The database belongs to a newer Earnings Desk (schema {revision}; this one knows up to {newest}). Nothing was
    changed. Install the newer version, or restore a backup from before the upgrade."""


class DatabaseOutdated(DeskError):
    """The database is not at this version's schema yet. Nothing was changed. Run: earnings-desk migrate"""


class NotOurDatabase(DeskError):
    """The database has a table '{table}' that this program did not make. Nothing was changed. Use an empty database."""


def state(engine: Engine) -> State:
    """How far the database's schema is.

    empty: nothing of the desk in it. behind: `migrate` has steps to do. current. ahead: newer than this program.
    foreign: tables, but no record that the desk made them. Reads only: it waits for nobody who writes.
    """
    with reading_connection(engine) as connection:
        return _state(connection)


def migrate(engine: Engine) -> None:
    """Bring the database to this program's schema, whole or not at all; a current one is left as it is.

    Two that migrate at once wait for each other. Raises DatabaseTooNew, NotOurDatabase.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = _usable(connection)
        if found != "current":
            _upgrade(connection)


def require_current(engine: Engine) -> None:
    """Raises DatabaseOutdated, DatabaseTooNew or NotOurDatabase unless this program can work with the database."""
    with reading_connection(engine) as connection:
        if _usable(connection) != "current":
            raise DatabaseOutdated


def revisions() -> list[str]:
    """Every step this program knows, oldest first."""
    return sorted(path.name[:4] for path in (HERE / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def _usable(connection: Connection) -> State:
    found = _state(connection)
    if found == "ahead":
        raise DatabaseTooNew(revision=_revision(connection), newest=revisions()[-1])
    if found == "foreign":
        raise NotOurDatabase(table=_tables(connection)[0])
    return found


def _state(connection: Connection) -> State:
    revision, tables = _revision(connection), _tables(connection)
    if revision is None or not set(_OUR_TABLES) & set(tables):  # another program may keep revisions with Alembic, too
        return "foreign" if tables else "empty"
    if revision not in revisions():
        return "ahead"
    return "current" if revision == revisions()[-1] else "behind"


def _revision(connection: Connection) -> str | None:
    """The last step that was run on the database; None when none was."""
    if _VERSION not in inspect(connection).get_table_names():
        return None
    found: str | None = connection.execute(text("SELECT max(version_num) FROM alembic_version")).scalar_one()
    return found


def _tables(connection: Connection) -> list[str]:
    """Every table but the one that Alembic keeps, those with our names first."""
    names = [name for name in inspect(connection).get_table_names() if name != _VERSION]
    return sorted(names, key=lambda name: (name not in _OUR_TABLES, name))


def _upgrade(connection: Connection, to: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
