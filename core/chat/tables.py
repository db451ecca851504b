"""What the conversation remembers: the outbox, where cards stand, who subscribed, personal settings."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, Boolean, Index, String, Text, UniqueConstraint, text
from sqlmodel import Field

from core.storage import Base, BigId, UTCDateTime, key_type


class OutboxMessage(Base, table=True):
    """Something the desk says unasked, written in the transaction of the fact it reports.

    key makes it unique (a digest once per channel and day). Where it goes: platform, workspace, channel; or, with an
    empty platform, person_id (resolved when it is delivered: core.chat.settings.accounts). kind: "post", "repaint"
    (replaces the copy of `subject`'s card in that channel). template and facts (JSON) draw it at delivery; subject
    names what copies of this card are about ("withdrawal:12"), empty for none.
    state: waiting, claimed, delivered, unclear (claimed, and the answer was lost), undeliverable, dropped.
    """

    __tablename__ = "outbox_message"
    __table_args__ = (
        Index(
            "ix_outbox_message_due",
            "not_before",
            sqlite_where=text("state IN ('waiting', 'claimed', 'unclear')"),
            postgresql_where=text("state IN ('waiting', 'claimed', 'unclear')"),
        ),
        Index(
            "ix_outbox_message_lane",
            "lane",
            "id",
            sqlite_where=text("state IN ('waiting', 'claimed', 'unclear')"),
            postgresql_where=text("state IN ('waiting', 'claimed', 'unclear')"),
        ),
        Index(
            "ix_outbox_message_subject",
            "subject",
            sqlite_where=text("subject <> ''"),
            postgresql_where=text("subject <> ''"),
        ),
        Index(
            "ix_outbox_message_late",
            "person_id",
            sqlite_where=text("state = 'undeliverable'"),
            postgresql_where=text("state = 'undeliverable'"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(sa_type=key_type(300), unique=True)
    kind: str = Field(default="post", sa_type=String(10))
    platform: str = Field(default="", sa_type=key_type(20))
    workspace: str = Field(default="", sa_type=key_type(100))
    channel: str = Field(default="", sa_type=key_type(100))
    user_id: str = Field(default="", sa_type=key_type(100))
    lane: str = Field(sa_type=key_type(400))
    person_id: int | None = Field(default=None, foreign_key="person.id", sa_type=BigInteger)
    template: str = Field(sa_type=String(60))
    facts: str = Field(sa_type=Text)
    subject: str = Field(default="", sa_type=key_type(100))
    state: str = Field(default="waiting", sa_type=String(20))
    created_at: dt.datetime = Field(sa_type=UTCDateTime)
    not_before: dt.datetime = Field(sa_type=UTCDateTime)
    tries: int = Field(default=0, sa_type=BigInteger)
    claimed_by: str = Field(default="", sa_type=String(100))
    claimed_until: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
    delivered_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
    error: str = Field(default="", sa_type=String(300))


class PostedCard(Base, table=True):
    """Where a copy of a subject's card stands, so that every copy is repainted when the subject changes.

    A copy in a direct message has no channel: user_id is the account that it was delivered to. The home view of an
    account is a copy of "home:…", with message_id "home" (core.chat.home).
    """

    __tablename__ = "posted_card"
    subject: str = Field(primary_key=True, sa_type=key_type(100))
    platform: str = Field(primary_key=True, sa_type=key_type(20))
    workspace: str = Field(primary_key=True, sa_type=key_type(100))
    channel: str = Field(primary_key=True, sa_type=key_type(100))
    user_id: str = Field(default="", primary_key=True, sa_type=key_type(100))
    message_id: str = Field(primary_key=True, sa_type=key_type(100))


class ChatReceived(Base, table=True):
    """A payload that a chat platform handed over (core.chat.inbox); key is the platform's own name for it.

    kept: the answer of a write, as JSON, written in that write's transaction; None until then. claimed_until: how long
    the process claimed_by has it to itself, None when nobody has. done_at: when the person had the answer; payload and
    kept are empty from then on.
    """

    __tablename__ = "chat_received"
    __table_args__ = (
        UniqueConstraint("platform", "key"),
        Index(
            "ix_chat_received_open",
            "platform",
            "id",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
        Index("ix_chat_received_done_at", "done_at"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    platform: str = Field(sa_type=key_type(20))
    key: str = Field(sa_type=key_type(200))
    payload: str = Field(sa_type=Text)
    kept: str | None = Field(default=None, sa_type=Text)
    received_at: dt.datetime = Field(sa_type=UTCDateTime)
    tries: int = Field(default=0, sa_type=BigInteger)
    claimed_by: str = Field(default="", sa_type=String(100))
    claimed_until: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
    done_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)


class Subscription(Base, table=True):
    """A channel that hears of something. topic: "digest" or "approvals"; cadence: "daily" or "weekly" (digests).

    full: totals and names without the privacy floor, for finance's own eyes. paused: why, empty while active.
    """

    __tablename__ = "subscription"
    platform: str = Field(primary_key=True, sa_type=key_type(20))
    workspace: str = Field(primary_key=True, sa_type=key_type(100))
    channel: str = Field(primary_key=True, sa_type=key_type(100))
    topic: str = Field(primary_key=True, sa_type=key_type(20))
    cadence: str = Field(default="daily", sa_type=String(10))
    full: bool = Field(default=False, sa_type=Boolean)
    paused: str = Field(default="", sa_type=String(300))
    created_by: int = Field(foreign_key="person.id", sa_type=BigInteger)
    created_at: dt.datetime = Field(sa_type=UTCDateTime)


class PersonSettings(Base, table=True):
    """What a person chose in /settings. digest_hour: 0 to 23 in their timezone, None for no direct-message digest.

    notices: the platform that direct messages go to, None for the newest account wherever it is.
    """

    __tablename__ = "person_settings"
    person_id: int = Field(primary_key=True, foreign_key="person.id", sa_type=BigInteger)
    timezone: str = Field(default="", sa_type=String(64))
    digest_hour: int | None = Field(default=None, sa_type=BigInteger)
    alerts: bool = Field(default=True, sa_type=Boolean)
    public_name: bool = Field(default=False, sa_type=Boolean)
    notices: str | None = Field(default=None, sa_type=String(20))


class ChatHandle(Base, table=True):
    """A value too long for a platform's button, under the short id that stands for it there (core.chat.handles)."""

    __tablename__ = "chat_handle"
    id: str = Field(primary_key=True, sa_type=key_type(40))
    value: str = Field(sa_type=Text)
    made_at: dt.datetime = Field(sa_type=UTCDateTime)
