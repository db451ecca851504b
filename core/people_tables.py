"""The tables of people: persons, their roles and chat accounts, link codes and wrong ones (core.people uses them)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, Index, String, text
from sqlmodel import Field

from core.storage import Base, BigId, UTCDateTime, key_type


class Person(Base, table=True):
    """A human the desk knows. A creator gets a row when first linked or asked for."""

    __tablename__ = "person"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(sa_type=key_type(), unique=True)
    creator_id: str | None = Field(default=None, unique=True, foreign_key="creator.creator_id", sa_type=key_type())


class PersonRole(Base, table=True):
    __tablename__ = "person_role"
    person_id: int = Field(primary_key=True, foreign_key="person.id", sa_type=BigInteger)
    role: str = Field(primary_key=True, sa_type=String(20))


class ChatIdentity(Base, table=True):
    """A chat account that is this person's. workspace is empty where the platform has none. Unlinked ones stay."""

    __tablename__ = "chat_identity"
    __table_args__ = (
        Index(
            "uq_chat_identity_active",
            "platform",
            "workspace",
            "user_id",
            unique=True,
            sqlite_where=text("unlinked_at IS NULL"),
            postgresql_where=text("unlinked_at IS NULL"),
        ),
        Index("ix_chat_identity_person_id", "person_id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    platform: str = Field(sa_type=key_type(20))
    workspace: str = Field(default="", sa_type=key_type(100))
    user_id: str = Field(sa_type=key_type(100))
    person_id: int = Field(foreign_key="person.id", sa_type=BigInteger)
    linked_at: dt.datetime = Field(sa_type=UTCDateTime)
    unlinked_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)


class LinkCode(Base, table=True):
    """A single-use code, stored hashed (SHA-256), valid 10 minutes."""

    __tablename__ = "link_code"
    code_hash: str = Field(primary_key=True, sa_type=key_type(64))
    person_id: int = Field(foreign_key="person.id", sa_type=BigInteger)
    expires_at: dt.datetime = Field(sa_type=UTCDateTime)
    used_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)


class LinkFailure(Base, table=True):
    """Wrong codes typed by one chat user; five lock that user out for an hour."""

    __tablename__ = "link_failure"
    platform: str = Field(primary_key=True, sa_type=key_type(20))
    workspace: str = Field(primary_key=True, sa_type=key_type(100))
    user_id: str = Field(primary_key=True, sa_type=key_type(100))
    wrong: int = Field(default=0, sa_type=BigInteger)
    locked_until: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
