"""One `up` per SQLite file: an advisory lock beside it, which the system drops however the process ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from core.errors import DeskError


class AlreadyRunning(DeskError):
    """Nothing started. Another desk{who} already runs on {path}. Stop that one first, or use PostgreSQL for several."""


class NoPlace(DeskError):
    """Nothing started. The database {path} can't be opened ({reason}). Check DATABASE_URL."""


def sqlite_path(url: str) -> Path | None:
    """The file behind a SQLite address; None for other databases."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


@contextmanager
def sole_service(url: str) -> Iterator[None]:
    """Hold the database for one service; any number may share a PostgreSQL. Raises AlreadyRunning.

    The file stays behind without meaning: only a living process holds the lock, so that nothing is stale after a crash.
    """
    database = sqlite_path(url)
    if database is None:
        yield
        return
    try:
        real = database.resolve()  # by whatever links it is called, it is one database
        path = real.with_name(real.name + ".lock")
        file = path.open("a+", encoding="ascii")
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        raise NoPlace(path=database, reason=getattr(error, "strerror", None) or error) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(20).strip()
            raise AlreadyRunning(who=f" (process {holder})" if holder.isdigit() else "", path=database) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
