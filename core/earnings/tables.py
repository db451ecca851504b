"""The earnings tables: programs' state, creators, projects, usage, its roll-up and what was settled."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, Index, String, Text
from sqlmodel import Field

from core.storage import Base, UTCDateTime, append_only, key_type

# Sums beyond this would leave BIGINT; SQLite would turn them into floats without a word.
LARGEST = 9_000_000_000_000_000_000
_ZERO = {"server_default": "0"}  # columns that came with a later version


class ProgramState(Base, table=True):
    """What the database knows of a configured program. The row is the claim that settlement holds (FOR UPDATE)
    and intake shares (FOR SHARE), so that neither sees the other half done.

    settled_through: last settled UTC day, None before the first run. runs: how many runs posted an entry.
    terms: the dated terms last seen, as JSON, to notice a change of settled days. processed_month: first day of the
    last month whose `pending` was paid out (kind `assistants`).
    """

    __tablename__ = "program"
    slug: str = Field(primary_key=True, sa_type=key_type(64))
    kind: str = Field(sa_type=String(20))
    first_day: dt.date | None = Field(default=None, sa_type=Date)
    settled_through: dt.date | None = Field(default=None, sa_type=Date)
    settled_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
    runs: int = Field(default=0, sa_type=BigInteger)
    terms: str = Field(default="[]", sa_type=Text)
    processed_month: dt.date | None = Field(default=None, sa_type=Date)


class Creator(Base, table=True):
    """Someone who earns, as the platform names them."""

    __tablename__ = "creator"
    creator_id: str = Field(primary_key=True, sa_type=key_type())
    name: str = Field(sa_type=String(200))
    country: str = Field(sa_type=String(2))
    timezone: str = Field(default="UTC", sa_type=String(64))
    email: str | None = Field(default=None, sa_type=String(320))
    referred_by: str | None = Field(default=None, sa_type=key_type())


class Project(Base, table=True):
    """What a creator published in a program. A deleted one keeps its earnings and history."""

    __tablename__ = "project"
    __table_args__ = (Index("ix_project_creator_id", "creator_id"),)
    project_id: str = Field(primary_key=True, sa_type=key_type())
    creator_id: str = Field(foreign_key="creator.creator_id", sa_type=key_type())
    program: str = Field(foreign_key="program.slug", sa_type=key_type(64))
    name: str = Field(sa_type=String(200))
    published_on: dt.date = Field(sa_type=Date)
    deleted_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)


class UsageEvent(Base, table=True):
    """One thing a user did with a project, as reported; kept once per (source, event_id). Quantities in micro-credits.

    A row of kind `void` has empty project and user and names the event it takes out in `voids`. The columns after that
    are those of kind `assistants`, NULL in all other events; channel is "marketplace" or "embed".
    """

    __tablename__ = "usage_event"
    __table_args__ = ({"sqlite_with_rowid": False},)
    source: str = Field(primary_key=True, sa_type=key_type(64))
    event_id: str = Field(primary_key=True, sa_type=key_type())
    occurred_at: dt.datetime = Field(sa_type=UTCDateTime)
    project_id: str = Field(sa_type=key_type())
    user_id: str = Field(sa_type=key_type())
    kind: str = Field(sa_type=String(20))
    credits: int = Field(default=0, sa_type=BigInteger)
    cost: int = Field(default=0, sa_type=BigInteger)
    voids: str | None = Field(default=None, sa_type=key_type())
    tokens: int | None = Field(default=None, sa_type=BigInteger)
    channel: str | None = Field(default=None, sa_type=String(20))
    conversation_id: str | None = Field(default=None, sa_type=key_type())
    question: str | None = Field(default=None, sa_type=Text)
    shared_context: str | None = Field(default=None, sa_type=Text)
    stars: int | None = Field(default=None, sa_type=BigInteger)
    review: str | None = Field(default=None, sa_type=Text)


class UsageVoid(Base, table=True):
    """An index of voids by the event they take out. applied: the event is here and no longer counts."""

    __tablename__ = "usage_void"
    __table_args__ = ({"sqlite_with_rowid": False},)
    source: str = Field(primary_key=True, sa_type=key_type(64))
    voids: str = Field(primary_key=True, sa_type=key_type())
    event_id: str = Field(sa_type=key_type())
    applied: bool = Field(default=False, sa_type=Boolean)


class UsageDay(Base, table=True):
    """The roll-up of a project-day, others' use only except own_credits; net of voids. Quantities in micro-credits.

    uses counts generate, remix and feature events; remixes counts remix alone ("Built On"). Kind `assistants`: messages
    and ratings count those events; tokens are all others' tokens, embed_tokens those through embed or API; own_tokens
    are the creator's own.
    Keyed by day first: settlement's cost then depends on the days due only.
    """

    __tablename__ = "usage_day"
    __table_args__ = (
        CheckConstraint(f"credits BETWEEN -{LARGEST} AND {LARGEST}", name="credits_bounded"),
        CheckConstraint(f"cost BETWEEN -{LARGEST} AND {LARGEST}", name="cost_bounded"),
        Index("ix_usage_day_project_id_day", "project_id", "day").ddl_if(dialect="postgresql"),
        {"sqlite_with_rowid": False},
    )
    day: dt.date = Field(primary_key=True, sa_type=Date)
    project_id: str = Field(primary_key=True, sa_type=key_type())
    credits: int = Field(default=0, sa_type=BigInteger)
    cost: int = Field(default=0, sa_type=BigInteger)
    own_credits: int = Field(default=0, sa_type=BigInteger)
    uses: int = Field(default=0, sa_type=BigInteger)
    remixes: int = Field(default=0, sa_type=BigInteger)
    views: int = Field(default=0, sa_type=BigInteger)
    saves: int = Field(default=0, sa_type=BigInteger)
    messages: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    ratings: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    tokens: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    embed_tokens: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    own_tokens: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)


class DirtyDay(Base, table=True):
    """A day of a program with usage that settlement has not seen yet. Intake writes it, settlement takes it away."""

    __tablename__ = "dirty_day"
    program: str = Field(primary_key=True, sa_type=key_type(64))
    day: dt.date = Field(primary_key=True, sa_type=Date)


class SettledDay(Base, table=True):
    """A day that a program settled, and what all its lines come to by now, in micro-dollars: a digest's thirty days are
    thirty rows. Together with DirtyDay it names every day on which the program saw usage.
    """

    __tablename__ = "settled_day"
    program: str = Field(primary_key=True, foreign_key="program.slug", sa_type=key_type(64))
    day: dt.date = Field(primary_key=True, sa_type=Date)
    share: int = Field(default=0, sa_type=BigInteger)
    spent: int = Field(default=0, sa_type=BigInteger)
    costs: int = Field(default=0, sa_type=BigInteger)


class SettlementLine(Base, table=True):
    """What one run posted for one project-day, and why; never changed. The sum over runs is what is settled.

    share, spent and costs are the differences this run posted, in micro-dollars. credits, cost and own_credits are the
    day's whole usage as this run knew it, in micro-credits; share_bp and credits_per_usd the terms of that day.
    late: the day was at or before the last settled through-day. seq is the transfer's in the run's entry (0: share
    unchanged, no transfer). Kind `assistants`: embed revenue; spent is the gross, tokens and own_tokens the day's whole
    use through embed as this run knew it, price the day's (micro-dollars per 1,000,000 tokens), and bucket the month
    whose processing pays it out.
    """

    __tablename__ = "settlement_line"
    __table_args__ = (
        Index("ix_settlement_line_project_id_day", "project_id", "day").ddl_if(dialect="postgresql"),
        {"sqlite_with_rowid": False},
    )
    day: dt.date = Field(primary_key=True, sa_type=Date)
    project_id: str = Field(primary_key=True, sa_type=key_type())
    entry_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="entry.id")
    seq: int = Field(sa_type=BigInteger)
    share: int = Field(sa_type=BigInteger)
    spent: int = Field(sa_type=BigInteger)
    costs: int = Field(sa_type=BigInteger)
    credits: int = Field(sa_type=BigInteger)
    cost: int = Field(sa_type=BigInteger)
    own_credits: int = Field(sa_type=BigInteger)
    share_bp: int = Field(sa_type=BigInteger)
    credits_per_usd: int = Field(sa_type=BigInteger)
    late: bool = Field(default=False, sa_type=Boolean)
    tokens: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    own_tokens: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    price: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    bucket: dt.date | None = Field(default=None, sa_type=Date)


append_only(SettlementLine)
