"""The tables of program kind `assistants`: prices, subscription payments, and what each month's pools came to.

Amounts in micro-dollars; a month is kept as its first UTC day (domain.md, "Program kind `assistants`").
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, Index, String
from sqlmodel import Field

from core.storage import Base, UTCDateTime, append_only, key_type


class ProjectPrice(Base, table=True):
    """An assistant's price from a UTC day on, in micro-dollars per 1,000,000 tokens; 0 is the floor of the terms."""

    __tablename__ = "project_price"
    __table_args__ = (CheckConstraint("price >= 0", name="not_negative"),)
    project_id: str = Field(primary_key=True, foreign_key="project.project_id", sa_type=key_type())
    price_from: dt.date = Field(primary_key=True, sa_type=Date)
    price: int = Field(sa_type=BigInteger)


class Payment(Base, table=True):
    """A subscriber's payment for a month, as reported; kept once per (source, payment_id).

    A void has nothing but its id, paid_at and `voids`. voided: a void that names this payment is here; it no longer
    counts.
    """

    __tablename__ = "payment"
    __table_args__ = (
        Index("ix_payment_month_user_id", "month", "user_id"),
        Index("ix_payment_referrer_id_month", "referrer_id", "month"),
    )
    source: str = Field(primary_key=True, sa_type=key_type(64))
    payment_id: str = Field(primary_key=True, sa_type=key_type())
    program: str = Field(foreign_key="program.slug", sa_type=key_type(64))
    paid_at: dt.datetime = Field(sa_type=UTCDateTime)
    user_id: str = Field(default="", sa_type=key_type())
    plan: str = Field(default="", sa_type=String(200))
    amount: int = Field(default=0, sa_type=BigInteger)
    month: dt.date | None = Field(default=None, sa_type=Date)
    referrer_id: str | None = Field(default=None, sa_type=key_type())
    voids: str | None = Field(default=None, sa_type=key_type())
    voided: bool = Field(default=False, sa_type=Boolean)


class PaymentVoid(Base, table=True):
    """An index of voids by the payment they take out. applied: the payment is here and no longer counts."""

    __tablename__ = "payment_void"
    source: str = Field(primary_key=True, sa_type=key_type(64))
    voids: str = Field(primary_key=True, sa_type=key_type())
    payment_id: str = Field(sa_type=key_type())
    applied: bool = Field(default=False, sa_type=Boolean)


class MonthUse(Base, table=True):
    """The second roll-up: marketplace tokens of a user on an assistant in a month, net of voids, own use left out."""

    __tablename__ = "month_use"
    __table_args__ = (Index("ix_month_use_project_id_month", "project_id", "month"), {"sqlite_with_rowid": False})
    month: dt.date = Field(primary_key=True, sa_type=Date)
    user_id: str = Field(primary_key=True, sa_type=key_type())
    project_id: str = Field(primary_key=True, sa_type=key_type())
    tokens: int = Field(default=0, sa_type=BigInteger)


class DirtyMonth(Base, table=True):
    """A month of a program with payments or marketplace usage that no closing has seen. Intake writes it, settlement
    takes it away once the month is over."""

    __tablename__ = "dirty_month"
    program: str = Field(primary_key=True, sa_type=key_type(64))
    month: dt.date = Field(primary_key=True, sa_type=Date)


class MonthLine(Base, table=True):
    """What one run posted for an assistant's part in a month's marketplace pools, and why; never changed.

    share and gross are the differences this run posted. tokens: the assistant's marketplace tokens of the month by
    others as this run knew them; share_bp: the terms of the month's first day. late: the month had been closed before.
    seq is the transfer's in the run's entry (0: share unchanged). bucket: the month whose processing pays it out.
    """

    __tablename__ = "month_line"
    __table_args__ = (Index("ix_month_line_project_id", "project_id"),)
    month: dt.date = Field(primary_key=True, sa_type=Date)
    project_id: str = Field(primary_key=True, sa_type=key_type())
    entry_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="entry.id")
    seq: int = Field(sa_type=BigInteger)
    share: int = Field(sa_type=BigInteger)
    gross: int = Field(sa_type=BigInteger)
    tokens: int = Field(sa_type=BigInteger)
    share_bp: int = Field(sa_type=BigInteger)
    late: bool = Field(default=False, sa_type=Boolean)
    bucket: dt.date = Field(sa_type=Date)


class ReferralLine(Base, table=True):
    """What one run posted as a referrer's commission for a month; never changed.

    amount is the difference this run posted; paid: what the referred users' payments of the month came to as this run
    knew them; referral_bp: the terms of the month's first day. The rest as in `MonthLine`.
    """

    __tablename__ = "referral_line"
    __table_args__ = (Index("ix_referral_line_creator_id", "creator_id"),)
    program: str = Field(primary_key=True, sa_type=key_type(64))
    month: dt.date = Field(primary_key=True, sa_type=Date)
    creator_id: str = Field(primary_key=True, sa_type=key_type())
    entry_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="entry.id")
    seq: int = Field(sa_type=BigInteger)
    amount: int = Field(sa_type=BigInteger)
    paid: int = Field(sa_type=BigInteger)
    referral_bp: int = Field(sa_type=BigInteger)
    late: bool = Field(default=False, sa_type=Boolean)
    bucket: dt.date = Field(sa_type=Date)


class MonthTotal(Base, table=True):
    """What one run posted for a month, all together: differences of the payments, of the slices (gross), of the
    creators' shares and of the commissions. The platform's margin is payments − share − referral. Never changed.
    """

    __tablename__ = "month_total"
    program: str = Field(primary_key=True, foreign_key="program.slug", sa_type=key_type(64))
    month: dt.date = Field(primary_key=True, sa_type=Date)
    entry_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="entry.id")
    payments: int = Field(sa_type=BigInteger)
    gross: int = Field(sa_type=BigInteger)
    share: int = Field(sa_type=BigInteger)
    referral: int = Field(sa_type=BigInteger)


class PendingMonth(Base, table=True):
    """What of a creator's `pending` waits for a month's processing: the sum of all lines of that bucket. Processing
    takes the rows of closed months away."""

    __tablename__ = "pending_month"
    __table_args__ = ({"sqlite_with_rowid": False},)
    program: str = Field(primary_key=True, sa_type=key_type(64))
    creator_id: str = Field(primary_key=True, sa_type=key_type())
    month: dt.date = Field(primary_key=True, sa_type=Date)
    amount: int = Field(default=0, sa_type=BigInteger)


for _model in (MonthLine, ReferralLine, MonthTotal):
    append_only(_model)
