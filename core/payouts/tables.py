"""The payout tables. Amounts are micro-dollars in whole cents; every move of money names its ledger entry by key."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, CheckConstraint, Date, Index, String, UniqueConstraint, text
from sqlmodel import Field

from core.storage import Base, BigId, UTCDateTime, key_type

# requested → approved → sending → sent → paid; the others are ends off that road (domain.md, "Withdrawals").
OPEN_STATES = ("requested", "approved", "sending", "sent")
END_STATES = ("paid", "rejected", "cancelled", "failed", "returned")


class Withdrawal(Base, table=True):
    """A request to be paid, and its whole life. id is shown as WD-<id>; number counts 1, 2, … per creator and program
    and makes the ledger keys, so that the same history gives the same seal.

    rail and destination are those it was requested with, whatever the configuration says later. ended_by: who ended it
    (a person's name, "operator" or "rail:<name>"). batch_id: the monthly processing that made it, `PayoutBatch.id`.
    """

    __tablename__ = "withdrawal"
    __table_args__ = (
        UniqueConstraint("program", "creator_id", "number"),
        CheckConstraint("amount > 0 AND amount % 10000 = 0", name="whole_cents"),
        CheckConstraint("fee >= 0 AND fee < amount", name="fee_below_amount"),
        Index("ix_withdrawal_creator_id", "creator_id"),
        Index("ix_withdrawal_state", "state"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    program: str = Field(foreign_key="program.slug", sa_type=key_type(64))
    creator_id: str = Field(foreign_key="creator.creator_id", sa_type=key_type())
    number: int = Field(sa_type=BigInteger)
    amount: int = Field(sa_type=BigInteger)
    fee: int = Field(sa_type=BigInteger)
    method: str = Field(sa_type=key_type(64))
    rail: str = Field(sa_type=key_type(56))
    destination: str = Field(default="", sa_type=String(200))
    state: str = Field(default="requested", sa_type=String(20))
    approvals_needed: int = Field(default=1, sa_type=BigInteger)
    requested_by: int = Field(foreign_key="person.id", sa_type=BigInteger)
    requested_at: dt.datetime = Field(sa_type=UTCDateTime)
    approved_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
    sent_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_by: str = Field(default="", sa_type=String(200))
    arrives_from: dt.date | None = Field(default=None, sa_type=Date)
    arrives_by: dt.date | None = Field(default=None, sa_type=Date)
    reason: str = Field(default="", sa_type=String(500))
    reference: str = Field(default="", sa_type=String(200))
    batch_id: int | None = Field(default=None, sa_type=BigInteger, index=True)


class PayoutBatch(Base, table=True):
    """One monthly payout processing (domain.md, "Program kind `assistants`"): once per program and month.

    month: first day of the last closed month whose `pending` it moved to `available`. entry_id: of that move, None when
    nothing moved. moved: what that came to, in micro-dollars, negative nets included. The withdrawals that it made name
    it in `batch_id`.
    """

    __tablename__ = "payout_batch"
    __table_args__ = (UniqueConstraint("program", "month"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    program: str = Field(foreign_key="program.slug", sa_type=key_type(64))
    month: dt.date = Field(sa_type=Date)
    processed_at: dt.datetime = Field(sa_type=UTCDateTime)
    entry_id: int | None = Field(default=None, foreign_key="entry.id", sa_type=BigInteger)
    moved: int = Field(default=0, sa_type=BigInteger)


class BatchSkip(Base, table=True):
    """A creator whom a processing paid nothing though money was there, and why, in words the creator read."""

    __tablename__ = "batch_skip"
    batch_id: int = Field(primary_key=True, foreign_key="payout_batch.id", sa_type=BigInteger)
    creator_id: str = Field(primary_key=True, foreign_key="creator.creator_id", sa_type=key_type())
    available: int = Field(sa_type=BigInteger)
    why: str = Field(sa_type=String(20))
    reason: str = Field(default="", sa_type=String(500))


class Decision(Base, table=True):
    """One approver's word on a withdrawal. verdict is "approve" or "reject"; surface is where it was said."""

    __tablename__ = "decision"
    __table_args__ = (UniqueConstraint("withdrawal_id", "person_id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    withdrawal_id: int = Field(foreign_key="withdrawal.id", sa_type=BigInteger)
    person_id: int = Field(foreign_key="person.id", sa_type=BigInteger)
    verdict: str = Field(sa_type=String(10))
    reason: str = Field(default="", sa_type=String(500))
    surface: str = Field(sa_type=String(20))
    decided_at: dt.datetime = Field(sa_type=UTCDateTime)


class Attempt(Base, table=True):
    """One try to send a withdrawal through a rail, written before the rail is called.

    key is the rail's idempotency key.
    state: ready (not called), calling (claimed; the outcome is unknown until said), sent, failed.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("withdrawal_id", "number"),
        Index(
            "uq_attempt_open",
            "withdrawal_id",
            unique=True,
            sqlite_where=text("state IN ('ready', 'calling')"),
            postgresql_where=text("state IN ('ready', 'calling')"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    withdrawal_id: int = Field(foreign_key="withdrawal.id", sa_type=BigInteger)
    number: int = Field(sa_type=BigInteger)
    key: str = Field(sa_type=key_type(100), unique=True)
    state: str = Field(default="ready", sa_type=String(10))
    not_before: dt.datetime = Field(sa_type=UTCDateTime)
    claimed_until: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
    calls: int = Field(default=0, sa_type=BigInteger)
    reference: str = Field(default="", sa_type=String(200))
    error: str = Field(default="", sa_type=String(500))


class Draft(Base, table=True):
    """A previewed request, confirmed at most once. token is opaque and hard to guess.

    outcome: "" while unused, "requested" (withdrawal_id says which) or "discarded".
    """

    __tablename__ = "draft"
    __table_args__ = (Index("ix_draft_creator_id", "creator_id"),)
    token: str = Field(primary_key=True, sa_type=key_type(64))
    creator_id: str = Field(foreign_key="creator.creator_id", sa_type=key_type())
    program: str = Field(foreign_key="program.slug", sa_type=key_type(64))
    amount: int = Field(sa_type=BigInteger)
    fee: int = Field(sa_type=BigInteger)
    method: str = Field(sa_type=key_type(64))
    created_at: dt.datetime = Field(sa_type=UTCDateTime)
    used_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
    outcome: str = Field(default="", sa_type=String(40))
    withdrawal_id: int | None = Field(default=None, foreign_key="withdrawal.id", sa_type=BigInteger)


class PayoutChoice(Base, table=True):
    """The creator's chosen method per program, and when it was last changed (a change starts the waiting time)."""

    __tablename__ = "payout_choice"
    creator_id: str = Field(primary_key=True, foreign_key="creator.creator_id", sa_type=key_type())
    program: str = Field(primary_key=True, foreign_key="program.slug", sa_type=key_type(64))
    method: str = Field(sa_type=key_type(64))
    destination: str = Field(default="", sa_type=String(200))
    chosen_at: dt.datetime = Field(sa_type=UTCDateTime)
    wait_from: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)


class Freeze(Base, table=True):
    """A creator's accounts held: no requests, no sending. Lifted ones stay as history."""

    __tablename__ = "freeze"
    __table_args__ = (
        Index(
            "uq_freeze_active",
            "creator_id",
            unique=True,
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    creator_id: str = Field(foreign_key="creator.creator_id", sa_type=key_type())
    reason: str = Field(sa_type=String(500))
    frozen_by: int = Field(foreign_key="person.id", sa_type=BigInteger)
    frozen_at: dt.datetime = Field(sa_type=UTCDateTime)
    lifted_by: int | None = Field(default=None, foreign_key="person.id", sa_type=BigInteger)
    lifted_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
    lift_reason: str = Field(default="", sa_type=String(500))


class Adjustment(Base, table=True):
    """A correction by hand: proposed by one admin, in effect when another approves. amount: micro-dollars, any sign."""

    __tablename__ = "adjustment"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="nonzero"),
        UniqueConstraint("program", "creator_id", "number"),
        Index("ix_adjustment_creator_id", "creator_id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    program: str = Field(foreign_key="program.slug", sa_type=key_type(64))
    creator_id: str = Field(foreign_key="creator.creator_id", sa_type=key_type())
    number: int = Field(sa_type=BigInteger)
    amount: int = Field(sa_type=BigInteger)
    reason: str = Field(sa_type=String(500))
    state: str = Field(default="proposed", sa_type=String(10))
    proposed_by: int = Field(foreign_key="person.id", sa_type=BigInteger)
    proposed_at: dt.datetime = Field(sa_type=UTCDateTime)
    decided_by: int | None = Field(default=None, foreign_key="person.id", sa_type=BigInteger)
    decided_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)
