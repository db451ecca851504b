"""Closing months: what subscribers' payments come to for each assistant and referrer by all that is known now, minus
what was posted before (domain.md, "Program kind `assistants`", Marketplace, Referral, After the close).

Every month that is over and dirty is due in every run, so that a close and a late change are one and the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
)
from sqlmodel import Session

from core.config import Program
from core.earnings.differences import PROJECT
from core.earnings.facts import MonthPosted
from core.earnings.month_tables import DirtyMonth, MonthTotal
from core.earnings.months.allocation import PAYMENT, counting, joining_whole, slices
from core.earnings.months.buckets import bucket_of
from core.earnings.months.lines import MONTH_LINE, REFERRAL_LINE
from core.earnings.periods import closed_through
from core.earnings.programs.dated import dated, whole
from core.earnings.programs.money import share_of
from core.ledger.tables import Account
from core.storage import table_of

TOTAL = table_of(MonthTotal)
DIRTY_MONTH = table_of(DirtyMonth)
_ACCOUNT = table_of(Account)


@dataclass(frozen=True, slots=True)
class Closing:
    """A run's orders for months. settled_before: the program's last settled day before the run. processed: the last
    month that was paid out, None before the first."""

    program: Program
    months: Sequence[dt.date]
    settled_before: dt.date | None
    processed: dt.date | None

    def late(self, month: ColumnElement[dt.date]) -> ColumnElement[bool]:
        """That a row's month had been closed before."""
        closed = closed_through(self.settled_before)
        return literal(False) if closed is None else month <= literal(closed, Date)


@dataclass(frozen=True, slots=True)
class Closed:
    """What a run wrote for months, none where nothing differs. transfers: how many lines move money. plus and minus:
    what the platform's margin gains and loses, apart, in micro-dollars."""

    months: tuple[MonthPosted, ...] = ()
    transfers: int = 0
    plus: int = 0
    minus: int = 0


def due_months(session: Session, slug: str, through: dt.date) -> list[dt.date]:
    """Months that are over by a day and have payments or usage that no closing has seen, oldest first."""
    closed = closed_through(through)
    statement = select(DIRTY_MONTH.c.month).where(DIRTY_MONTH.c.program == slug, DIRTY_MONTH.c.month <= closed)
    return list(session.execute(statement.order_by(DIRTY_MONTH.c.month)).scalars())


def write(session: Session, closing: Closing, entry_id: int, after: int) -> Closed:
    """Write the lines and sums of the months into an entry; `after` is the last number given to a transfer of it."""
    months = closing.months
    with joining_whole(session):
        _insert(session, MONTH_LINE, _month_lines(session, closing, entry_id, after))
    lines = _counted(session, MONTH_LINE, months, entry_id)
    _insert(session, REFERRAL_LINE, _referral_lines(closing, entry_id, after + lines))
    commissions = _counted(session, REFERRAL_LINE, months, entry_id)
    posted = _posted(session, closing, entry_id)
    if posted:
        rows = [
            {
                "program": closing.program.slug,
                "entry_id": entry_id,
                **{name: getattr(one, name) for name in ("month", "payments", "gross", "share", "referral")},
            }
            for one in posted
        ]
        session.execute(insert(TOTAL), rows)
    plus, minus = _margin(session, closing, entry_id, posted)
    return Closed(tuple(posted), lines + commissions, plus, minus)


def forget(session: Session, closing: Closing) -> None:
    """These months have been seen."""
    mine = (DIRTY_MONTH.c.program == closing.program.slug, DIRTY_MONTH.c.month.in_(closing.months))
    session.execute(delete(DIRTY_MONTH).where(*mine))


def transfers(closing: Closing, subscriptions: int, entry_id: int) -> list[Select[Any]]:
    """(seq, debit, credit, amount) of the months' lines: out of the account `subscriptions`, or back into it."""
    slug = closing.program.slug
    wallet = and_(_ACCOUNT.c.program == slug, _ACCOUNT.c.role == "pending")
    of_creator = wallet & (_ACCOUNT.c.creator == PROJECT.c.creator_id)
    line, commission = MONTH_LINE.c, REFERRAL_LINE.c
    return [
        _moves(line.seq, line.share, subscriptions)
        .join_from(MONTH_LINE, PROJECT, PROJECT.c.project_id == line.project_id)
        .outerjoin(_ACCOUNT, of_creator)
        .where(line.month.in_(closing.months), line.entry_id == entry_id, line.seq > 0),
        _moves(commission.seq, commission.amount, subscriptions)
        .outerjoin_from(REFERRAL_LINE, _ACCOUNT, wallet & (_ACCOUNT.c.creator == commission.creator_id))
        .where(
            commission.program == slug,
            commission.month.in_(closing.months),
            commission.entry_id == entry_id,
            commission.seq > 0,
        ),
    ]


def _moves(seq: ColumnElement[int], amount: ColumnElement[int], account: int) -> Select[Any]:
    earned = amount > 0
    return select(
        seq.label("seq"),
        case((earned, whole(account)), else_=_ACCOUNT.c.id).label("debit_id"),
        case((earned, _ACCOUNT.c.id), else_=whole(account)).label("credit_id"),
        func.abs(amount).label("amount"),
    )


def marketplace(session: Session, program: Program, months: Sequence[dt.date]) -> Select[Any]:
    """(month, project_id, share, gross, tokens): what the months are worth to each assistant by all known now, and with
    the opposite sign what was posted, whose tokens are 0. The terms of the month's first day count."""
    now = slices(session, program.slug, months).subquery("now")
    share_bp = dated(program, now.c.month, lambda terms: terms.share_bp)
    worth = select(
        now.c.month,
        now.c.project_id,
        share_of(now.c.gross, share_bp, whole(1)).label("share"),
        now.c.gross,
        now.c.tokens,
    )
    posted = (
        select(MONTH_LINE.c.month, MONTH_LINE.c.project_id, -MONTH_LINE.c.share, -MONTH_LINE.c.gross, whole(0))
        .join(PROJECT, PROJECT.c.project_id == MONTH_LINE.c.project_id)
        .where(MONTH_LINE.c.month.in_(months), PROJECT.c.program == program.slug)
    )
    both = union_all(worth, posted).subquery("both")
    sums = [cast(func.sum(both.c[name]), BigInteger).label(name) for name in ("share", "gross", "tokens")]
    return (
        select(both.c.month, both.c.project_id, *sums)
        .group_by(both.c.month, both.c.project_id)
        .having(or_(func.sum(both.c.share) != 0, func.sum(both.c.gross) != 0))
    )


def commissions(program: Program, months: Sequence[dt.date]) -> Select[Any]:
    """(month, creator_id, amount, paid): as `marketplace` for referrers. Each payment's commission is rounded down by
    itself, and nobody earns one on their own payment."""
    referral_bp = dated(program, PAYMENT.c.month, lambda terms: terms.referral_bp)
    earned = share_of(PAYMENT.c.amount, referral_bp, whole(1)).label("amount")
    referred = and_(PAYMENT.c.referrer_id.is_not(None), PAYMENT.c.referrer_id != PAYMENT.c.user_id)
    worth = select(
        PAYMENT.c.month, PAYMENT.c.referrer_id.label("creator_id"), earned, PAYMENT.c.amount.label("paid")
    ).where(counting(program.slug, months), referred)
    posted = select(REFERRAL_LINE.c.month, REFERRAL_LINE.c.creator_id, -REFERRAL_LINE.c.amount, whole(0)).where(
        REFERRAL_LINE.c.program == program.slug, REFERRAL_LINE.c.month.in_(months)
    )
    both = union_all(worth, posted).subquery("both")
    sums = [cast(func.sum(both.c[name]), BigInteger).label(name) for name in ("amount", "paid")]
    return (
        select(both.c.month, both.c.creator_id, *sums)
        .group_by(both.c.month, both.c.creator_id)
        .having(func.sum(both.c.amount) != 0)
    )


def payments_left(program: Program, months: Sequence[dt.date]) -> Select[Any]:
    """(month, payments): what subscribers paid for the months, less what was posted of it; only where it differs."""
    paid = select(PAYMENT.c.month, PAYMENT.c.amount.label("payments")).where(counting(program.slug, months))
    posted = select(TOTAL.c.month, -TOTAL.c.payments).where(TOTAL.c.program == program.slug, TOTAL.c.month.in_(months))
    both = union_all(paid, posted).subquery("both")
    payments = cast(func.sum(both.c.payments), BigInteger)
    return select(both.c.month, payments.label("payments")).group_by(both.c.month).having(payments != 0)


def _month_lines(session: Session, closing: Closing, entry_id: int, after: int) -> Select[Any]:
    found = marketplace(session, closing.program, closing.months).subquery("found")
    moved = found.c.share != 0
    place = func.row_number().over(partition_by=moved, order_by=(found.c.month, found.c.project_id))
    return select(
        found.c.month,
        found.c.project_id,
        whole(entry_id).label("entry_id"),
        case((moved, whole(after) + place), else_=0).label("seq"),
        found.c.share,
        found.c.gross,
        found.c.tokens,
        dated(closing.program, found.c.month, lambda terms: terms.share_bp).label("share_bp"),
        closing.late(found.c.month).label("late"),
        bucket_of(found.c.month, closing.months, closing.processed).label("bucket"),
    ).order_by(found.c.month, found.c.project_id)


def _referral_lines(closing: Closing, entry_id: int, after: int) -> Select[Any]:
    found = commissions(closing.program, closing.months).subquery("found")
    place = func.row_number().over(order_by=(found.c.month, found.c.creator_id))
    return select(
        literal(closing.program.slug, REFERRAL_LINE.c.program.type).label("program"),
        found.c.month,
        found.c.creator_id,
        whole(entry_id).label("entry_id"),
        (whole(after) + place).label("seq"),
        found.c.amount,
        found.c.paid,
        dated(closing.program, found.c.month, lambda terms: terms.referral_bp).label("referral_bp"),
        closing.late(found.c.month).label("late"),
        bucket_of(found.c.month, closing.months, closing.processed).label("bucket"),
    ).order_by(found.c.month, found.c.creator_id)


def _insert(session: Session, table: Table, rows: Select[Any]) -> None:
    session.connection().execute(table.insert().from_select([column.name for column in rows.selected_columns], rows))


def _counted(session: Session, table: Table, months: Sequence[dt.date], entry_id: int) -> int:
    """How many transfers the entry's lines of a table are."""
    mine = (table.c.month.in_(months), table.c.entry_id == entry_id, table.c.seq > 0)
    return int(session.execute(select(func.count()).select_from(table).where(*mine)).scalar_one())


def _posted(session: Session, closing: Closing, entry_id: int) -> list[MonthPosted]:
    """The months that differ from what was posted, oldest first."""
    payments = {row.month: row.payments for row in session.execute(payments_left(closing.program, closing.months))}
    lines = {row.month: row for row in session.execute(_line_sums(MONTH_LINE, ("gross", "share"), closing, entry_id))}
    referrals = {row.month: row for row in session.execute(_line_sums(REFERRAL_LINE, ("amount",), closing, entry_id))}
    closed = closed_through(closing.settled_before)
    found = []
    for month in sorted(payments.keys() | lines.keys() | referrals.keys()):
        line, referral = lines.get(month), referrals.get(month)
        found.append(
            MonthPosted(
                month=month,
                first_close=closed is None or month > closed,
                payments=payments.get(month, 0),
                gross=line.gross if line else 0,
                share=line.share if line else 0,
                referral=referral.amount if referral else 0,
                projects=line.moved if line else 0,
                referrers=referral.moved if referral else 0,
            )
        )
    return found


def _line_sums(table: Table, names: Sequence[str], closing: Closing, entry_id: int) -> Select[Any]:
    sums = [cast(func.sum(table.c[name]), BigInteger).label(name) for name in names]
    moved = func.sum(case((table.c.seq > 0, 1), else_=0)).label("moved")
    mine = (table.c.month.in_(closing.months), table.c.entry_id == entry_id)
    return select(table.c.month, *sums, moved).where(*mine).group_by(table.c.month)


def _margin(session: Session, closing: Closing, entry_id: int, posted: Sequence[MonthPosted]) -> tuple[int, int]:
    """What the margin gains and loses, line by line: where lines only move a micro-dollar of gross between assistants,
    both are the same, and both are posted, so that no line stands in an entry without a transfer."""
    kept = MONTH_LINE.c.gross - MONTH_LINE.c.share
    mine = (MONTH_LINE.c.month.in_(closing.months), MONTH_LINE.c.entry_id == entry_id)
    gained = func.coalesce(cast(func.sum(case((kept > 0, kept), else_=0)), BigInteger), 0)
    lost = func.coalesce(cast(func.sum(case((kept < 0, -kept), else_=0)), BigInteger), 0)
    plus, minus = session.execute(select(gained, lost).where(*mine)).one()
    for one in posted:
        for amount in (one.payments - one.gross, -one.referral):
            plus, minus = plus + max(0, amount), minus + max(0, -amount)
    return int(plus), int(minus)
