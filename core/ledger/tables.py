"""The ledger's tables. Few columns on purpose: each stored value is covered by the seal or by a check of `verify`."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, CheckConstraint, Index, String, UniqueConstraint, text
from sqlmodel import Field

from core.ledger.money import LARGEST
from core.storage import Base, BigId, UTCDateTime, append_only, key_type


class Account(Base, table=True):
    """One side of transfers. `balance` (micro-dollars) = credits - debits, kept in the same transaction.

    id follows from the other three (`core.ledger.accounts.account_id`). creator is empty for a program's own accounts.
    """

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint(f"balance BETWEEN -{LARGEST} AND {LARGEST}", name="balance_bounded"),
        UniqueConstraint("program", "role", "creator"),
        Index("ix_account_creator", "creator"),
    )
    id: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})
    program: str = Field(sa_type=key_type(64))
    role: str = Field(sa_type=key_type(80))
    creator: str = Field(default="", sa_type=key_type())
    balance: int = Field(default=0, sa_type=BigInteger)


class Entry(Base, table=True):
    """One business event, never changed. `key` is its idempotency key; `effective_at` is business time (UTC)."""

    __tablename__ = "entry"
    __table_args__ = (
        Index(
            "uq_entry_reverses",
            "reverses",
            unique=True,
            sqlite_where=text("reverses IS NOT NULL"),
            postgresql_where=text("reverses IS NOT NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(sa_type=key_type(400), unique=True)
    kind: str = Field(sa_type=key_type(40))
    effective_at: dt.datetime = Field(sa_type=UTCDateTime)
    memo: str = Field(default="", sa_type=String(600))
    reverses: int | None = Field(default=None, sa_type=BigInteger, foreign_key="entry.id")


class Transfer(Base, table=True):
    """One amount > 0 (micro-dollars) out of the debit account into the credit one. seq counts 1, 2, … in its entry."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint(f"amount > 0 AND amount <= {LARGEST}", name="positive"),
        CheckConstraint("debit_id <> credit_id", name="two_accounts"),
        {"sqlite_with_rowid": False},
    )
    entry_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="entry.id")
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    debit_id: int = Field(sa_type=BigInteger, foreign_key="account.id")
    credit_id: int = Field(sa_type=BigInteger, foreign_key="account.id")
    amount: int = Field(sa_type=BigInteger)


class Seal(Base, table=True):
    """A link of the SHA-256 chain over all transfers up to and including entry `last_entry_id`. number: 1, 2, …"""

    __tablename__ = "seal"
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    last_entry_id: int = Field(sa_type=BigInteger, foreign_key="entry.id", unique=True)
    head: str = Field(sa_type=String(64))


for model in (Entry, Transfer, Seal):
    append_only(model)
