"""Who does what only one process may do, until when: one row per job, in the database that every replica shares.

A lease is taken, renewed well before it ends, and given back. One that isn't renewed ends by itself, so that another
process goes on after a death. Each process brings its own clock: they may differ by less than what is left of a lease
when it is renewed.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, or_, select
from sqlmodel import Field, Session

from core.storage import Base, UTCDateTime, key_type, table_of, upsert

LONGEST_NAME = 100


class Lease(Base, table=True):
    """Which process does `name` now, until when; no row, or one that has ended: nobody."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True, sa_type=key_type(LONGEST_NAME))
    holder: str = Field(sa_type=key_type(LONGEST_NAME))
    until: dt.datetime = Field(sa_type=UTCDateTime)


_T = table_of(Lease)


def take(session: Session, now: dt.datetime, name: str, who: str, length: dt.timedelta, *, sole: bool = False) -> bool:
    """Take a lease that nobody has, or renew one's own, until now + length; False while another process has it.

    One statement, so that of any number that try at once one has it. It holds once the transaction is committed. sole:
    no other process can be alive on this database, so that whoever has it is dead.
    """
    statement = upsert(session, Lease).values(name=name, holder=who, until=now + length)
    mine = statement.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": statement.excluded.holder, "until": statement.excluded.until},
        where=None if sole else or_(_T.c.holder == who, _T.c.until <= now),
    )
    return session.execute(mine.returning(_T.c.name)).first() is not None


def release(session: Session, name: str, who: str) -> None:
    """Give one's own lease back, so that another process need not wait for its end; another's is left alone."""
    session.execute(delete(_T).where(_T.c.name == name, _T.c.holder == who))


def holder(session: Session, now: dt.datetime, name: str) -> str | None:
    """Who has the lease now; None for nobody."""
    held = select(_T.c.holder).where(_T.c.name == name, _T.c.until > now)
    found: str | None = session.execute(held).scalar_one_or_none()
    return found
