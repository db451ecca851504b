"""A database's faults in words: one line that says what to look at, and never a password."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout


def database_fault(error: Exception) -> str | None:
    """What to tell a person about a database's fault, in one line; None for a fault that is not the database's."""
    if isinstance(error, PoolTimeout):
        return "Nothing changed. The database is too busy. Try again in a minute."
    if isinstance(error, DBAPIError):
        said = " ".join(str(error.orig).split())
        if isinstance(error.orig, sqlite3.Error):
            return _sqlite_fault(said)
        if isinstance(error, OperationalError) or error.connection_invalidated:
            return f"Nothing changed. The database doesn't answer ({said[:200]}). Check DATABASE_URL, or try again."
        return f"Nothing changed. The database refused ({said[:200]})."
    if isinstance(error, SQLAlchemyError):
        return "Nothing changed. The database can't be used. Check DATABASE_URL."
    return None


def _sqlite_fault(said: str) -> str:
    if "locked" in said:
        return "Nothing changed. Another program holds the database locked. Try again in a minute."
    if "unable to open" in said:
        return (
            "Nothing changed. The database file can't be opened. Check DATABASE_URL: its folder must exist, writable."
        )
    if "not a database" in said or "malformed" in said:
        return "Nothing changed. The file that DATABASE_URL names is no SQLite database, or it is damaged."
    if "readonly" in said:
        return "Nothing changed. The database file can't be written to. Check its permissions and DATABASE_URL."
    if "full" in said:
        return "Nothing changed. The disk is full."
    return f"Nothing changed. The database refused ({said[:200]})."
