"""The roll-ups behind the analytics of assistants: others' use only, net of voids (domain.md, "Privacy").

Kept at intake, in the transaction of the event rows. They hold users' ids: only `core.earnings.analytics` reads them,
and lets nothing out that concerns fewer than five people.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, Boolean, Date, SmallInteger, Text
from sqlmodel import Field

from core.storage import Base, key_type

SLOT_MINUTES = 15  # the finest offset of a time zone: hours of every zone are whole slots
LONGEST_TEXT = 200  # of a question or a shared context in its roll-up: keys of an index can't be longer


class Visit(Base, table=True):
    """What one user said to an assistant in one conversation within a quarter of an hour, through one channel.

    slot: 0 to 95, the quarter of the UTC day. embed: through embed or API, else on the marketplace.
    """

    __tablename__ = "visit"
    __table_args__ = ({"sqlite_with_rowid": False},)
    project_id: str = Field(primary_key=True, sa_type=key_type())
    day: dt.date = Field(primary_key=True, sa_type=Date)
    slot: int = Field(primary_key=True, sa_type=SmallInteger)
    embed: bool = Field(primary_key=True, sa_type=Boolean)
    user_id: str = Field(primary_key=True, sa_type=key_type())
    conversation_id: str = Field(primary_key=True, sa_type=key_type())
    messages: int = Field(default=0, sa_type=BigInteger)
    tokens: int = Field(default=0, sa_type=BigInteger)


class Question(Base, table=True):
    """How often a user asked an assistant a question on a UTC day, by the question's words (the first 200 characters,
    blanks made one)."""

    __tablename__ = "question"
    __table_args__ = ({"sqlite_with_rowid": False},)
    project_id: str = Field(primary_key=True, sa_type=key_type())
    day: dt.date = Field(primary_key=True, sa_type=Date)
    text: str = Field(primary_key=True, sa_type=key_type(LONGEST_TEXT))
    user_id: str = Field(primary_key=True, sa_type=key_type())
    asked: int = Field(default=0, sa_type=BigInteger)


class SharedContext(Base, table=True):
    """How many messages an embed user sent on a UTC day under a context that their business agreed to share."""

    __tablename__ = "shared_context"
    __table_args__ = ({"sqlite_with_rowid": False},)
    project_id: str = Field(primary_key=True, sa_type=key_type())
    day: dt.date = Field(primary_key=True, sa_type=Date)
    user_id: str = Field(primary_key=True, sa_type=key_type())
    context: str = Field(primary_key=True, sa_type=key_type(LONGEST_TEXT))
    messages: int = Field(default=0, sa_type=BigInteger)


class Rating(Base, table=True):
    """One rating, 1 to 5 stars, with its review or an empty text. A void takes the row away."""

    __tablename__ = "rating"
    __table_args__ = ({"sqlite_with_rowid": False},)
    project_id: str = Field(primary_key=True, sa_type=key_type())
    day: dt.date = Field(primary_key=True, sa_type=Date)
    source: str = Field(primary_key=True, sa_type=key_type(64))
    event_id: str = Field(primary_key=True, sa_type=key_type())
    user_id: str = Field(sa_type=key_type())
    stars: int = Field(sa_type=SmallInteger)
    review: str = Field(default="", sa_type=Text)
