"""Checks of kind `assistants`: payments and their voids, months and what they come to, what waits for a processing.

Set-based like `checks`; those of the roll-ups behind months and analytics are in `checks_visits`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    cast,
    false,
    func,
    or_,
    select,
    union,
    union_all,
)
from sqlmodel import Session

from core.config import Program
from core.earnings.differences import LINE, PROJECT
from core.earnings.month_tables import PaymentVoid
from core.earnings.months.allocation import PAYMENT, USE, joining_whole
from core.earnings.months.buckets import PENDING_MONTH
from core.earnings.months.closing import (
    DIRTY_MONTH,
    TOTAL,
    commissions,
    marketplace,
    payments_left,
)
from core.earnings.months.lines import MONTH_LINE, REFERRAL_LINE
from core.earnings.periods import closed_through, month_name
from core.earnings.programs import KINDS
from core.earnings.programs.dated import dated, whole
from core.earnings.programs.money import share_of
from core.earnings.tables import ProgramState
from core.earnings.terms import from_json
from core.ledger.money import decimal_text
from core.ledger.tables import Account, Transfer
from core.ledger.verify import MOST_SHOWN, Finding
from core.storage import table_of

_VOID = table_of(PaymentVoid)
_PROGRAM = table_of(ProgramState)
_ACCOUNT = table_of(Account)
_TRANSFER = table_of(Transfer)


def differing(keys: int, *parts: Select[Any]) -> Select[Any]:
    """The groups, by the first `keys` columns, of rows whose further columns don't sum to zero."""
    both = union_all(*parts).subquery("both")
    columns = list(both.c)
    sums = [cast(func.sum(column), BigInteger) for column in columns[keys:]]
    return (
        select(
            *columns[:keys], *[amount.label(column.name) for amount, column in zip(sums, columns[keys:], strict=True)]
        )
        .group_by(*columns[:keys])
        .having(or_(*[amount != 0 for amount in sums]))
        .order_by(*columns[:keys])
    )


def some(session: Session, statement: Select[Any]) -> Sequence[Any]:
    """As many findings as are shown, and one more to tell that there are more."""
    return session.execute(statement.limit(MOST_SHOWN + 1)).all()


def count(session: Session, table: FromClause) -> int:
    return int(session.execute(select(func.count()).select_from(table)).scalar_one())


def _payments(session: Session) -> tuple[list[str], str]:
    """Each payment counts unless a void that is here names it, and each void is indexed by what it takes out."""
    same = and_(PAYMENT.c.source == _VOID.c.source, PAYMENT.c.payment_id == _VOID.c.payment_id)
    void = select(_VOID.c.voids).where(_VOID.c.source == PAYMENT.c.source, _VOID.c.voids == PAYMENT.c.payment_id)
    names = (PAYMENT.c.source, PAYMENT.c.payment_id)
    misled = select(*names).where(PAYMENT.c.voids.is_(None), PAYMENT.c.voided != void.exists())
    wrong = [f"payment {row.source}/{row.payment_id} is marked wrongly" for row in some(session, misled)]
    indexed = select(_VOID.c.voids).where(same, _VOID.c.voids == PAYMENT.c.voids).exists()
    lost = select(*names).where(PAYMENT.c.voids.is_not(None), ~indexed)
    wrong += [f"void {row.source}/{row.payment_id} is not indexed" for row in some(session, lost)]
    known = select(PAYMENT.c.payment_id).where(same, PAYMENT.c.voids == _VOID.c.voids).exists()
    target = select(PAYMENT.c.payment_id).where(
        PAYMENT.c.source == _VOID.c.source, PAYMENT.c.payment_id == _VOID.c.voids, PAYMENT.c.voids.is_(None)
    )
    bad = select(_VOID.c.source, _VOID.c.voids).where(or_(~known, _VOID.c.applied != target.exists()))
    wrong += [f"the void of payment {row.source}/{row.voids} is kept wrongly" for row in some(session, bad)]
    return wrong, f"{count(session, PAYMENT)} payments and voids"


def _months(session: Session) -> tuple[list[str], str]:
    """Each closed month that nothing waits for is posted for exactly what its payments and usage come to under the
    terms of its first day; every other month with payments or usage is marked as waiting."""
    wrong: list[str] = []
    compared = 0
    for state in _states(session):
        program = _program(state)
        waiting = set(session.scalars(select(DIRTY_MONTH.c.month).where(DIRTY_MONTH.c.program == state.slug)))
        known = _known_months(session, state.slug)
        closed = closed_through(state.settled_through)
        for month in sorted(known - waiting):
            if closed is None or month > closed:
                wrong.append(f"{state.slug}, {month_name(month)}: not marked as waiting for its close")
                continue
            compared += 1
            with joining_whole(session):
                wrong += _not_posted(session, program, month)
    return wrong, f"{compared} closed months equal their payments and usage"


def _known_months(session: Session, slug: str) -> set[dt.date]:
    own = select(PROJECT.c.project_id).where(PROJECT.c.project_id == USE.c.project_id, PROJECT.c.program == slug)
    found = union(
        select(PAYMENT.c.month).where(PAYMENT.c.program == slug, PAYMENT.c.month.is_not(None)),
        select(USE.c.month).where(own.exists()),
        select(TOTAL.c.month).where(TOTAL.c.program == slug),
    )
    return set(session.execute(found).scalars())


def _not_posted(session: Session, program: Program, month: dt.date) -> list[str]:
    name = month_name(month)
    market = [
        f"project {row.project_id}, {name}: {_amount('share', row.share)}, {_amount('gross', row.gross)}"
        for row in some(session, marketplace(session, program, [month]))
    ]
    referral = [
        f"referrer {row.creator_id}, {name}: {_amount('commission', row.amount)}"
        for row in some(session, commissions(program, [month]))
    ]
    payments = [
        f"{program.slug}, {name}: {_amount('payments', row.payments)}"
        for row in some(session, payments_left(program, [month]))
    ]
    return market + referral + payments


def _amount(name: str, off: int) -> str:
    return f"{name} posted too {'low' if off > 0 else 'high'} by {decimal_text(abs(off))}"


def _lines(session: Session) -> tuple[list[str], str]:
    """Each assistant's lines of a month add up to the share of their gross, each line under the terms of the month, and
    one of them at most is the first close; so do referrers' lines."""
    wrong: list[str] = []
    for state in _states(session):
        program = _program(state)
        bp = dated(program, MONTH_LINE.c.month, lambda terms: terms.share_bp)
        gross, share = (cast(func.sum(MONTH_LINE.c[name]), BigInteger) for name in ("gross", "share"))
        own = and_(PROJECT.c.project_id == MONTH_LINE.c.project_id, PROJECT.c.program == state.slug)
        first = func.sum(case((MONTH_LINE.c.late, 0), else_=1))
        off = func.sum(case((or_(MONTH_LINE.c.share_bp != bp, MONTH_LINE.c.bucket < MONTH_LINE.c.month), 1), else_=0))
        statement = (
            select(MONTH_LINE.c.month, MONTH_LINE.c.project_id)
            .join(PROJECT, own)
            .group_by(MONTH_LINE.c.month, MONTH_LINE.c.project_id)
            .having(or_(share != share_of(gross, func.max(bp), whole(1)), gross < 0, first > 1, off > 0))
            .order_by(MONTH_LINE.c.month, MONTH_LINE.c.project_id)
        )
        wrong += [
            f"project {row.project_id}, {month_name(row.month)}: {_UNEXPLAINED}" for row in some(session, statement)
        ]
        wrong += _referral_lines(session, program)
    projects = select(PROJECT.c.project_id).where(PROJECT.c.project_id == MONTH_LINE.c.project_id)
    orphans = select(MONTH_LINE.c.project_id).where(~projects.exists())
    wrong += [f"project {row.project_id} is not here and has lines of months" for row in some(session, orphans)]
    lines = count(session, MONTH_LINE) + count(session, REFERRAL_LINE)
    return wrong, f"{lines} lines of months explain themselves"


_UNEXPLAINED = "the lines kept don't give what was posted"


def _referral_lines(session: Session, program: Program) -> list[str]:
    """A line's `paid` is what the referrer's payments came to then; only a rounding's worth may have gone unposted."""
    line = REFERRAL_LINE.c
    bp = dated(program, line.month, lambda terms: terms.referral_bp)
    sums = (
        select(
            line.month,
            line.creator_id,
            cast(func.sum(line.amount), BigInteger).label("amount"),
            func.max(line.entry_id).label("newest"),
            func.sum(case((line.late, 0), else_=1)).label("firsts"),
            func.sum(case((or_(line.referral_bp != bp, line.bucket < line.month), 1), else_=0)).label("off"),
        )
        .where(line.program == program.slug)
        .group_by(line.month, line.creator_id)
        .subquery("sums")
    )
    payments = (
        select(func.count())
        .where(
            PAYMENT.c.program == program.slug,
            PAYMENT.c.month == line.month,
            PAYMENT.c.referrer_id == line.creator_id,
        )
        .correlate(REFERRAL_LINE)
        .scalar_subquery()
    )
    rounded = share_of(line.paid, line.referral_bp, whole(1)) - sums.c.amount
    statement = (
        select(line.month, line.creator_id)
        .join(
            sums,
            and_(sums.c.month == line.month, sums.c.creator_id == line.creator_id, sums.c.newest == line.entry_id),
        )
        .where(
            line.program == program.slug,
            or_(sums.c.firsts > 1, sums.c.off > 0, rounded < 0, rounded > payments),
        )
        .order_by(line.month, line.creator_id)
    )
    return [f"referrer {row.creator_id}, {month_name(row.month)}: {_UNEXPLAINED}" for row in some(session, statement)]


def _transfers(session: Session) -> tuple[list[str], str]:
    """Each line of a month with an amount is one transfer of its entry, between subscriptions and the wallet."""
    projects = MONTH_LINE.join(PROJECT, PROJECT.c.project_id == MONTH_LINE.c.project_id)
    line, commission = MONTH_LINE.c, REFERRAL_LINE.c
    market = _untransferred(
        projects,
        (line.month, line.project_id, line.entry_id, line.seq),
        PROJECT.c.program,
        PROJECT.c.creator_id,
        line.share,
    )
    wrong = [
        f"project {row.project_id}, {month_name(row.month)}: transfer {row.entry_id}/{row.seq} is not this line's"
        for row in some(session, market)
    ]
    referral = _untransferred(
        REFERRAL_LINE,
        (commission.month, commission.creator_id, commission.entry_id, commission.seq),
        commission.program,
        commission.creator_id,
        commission.amount,
    )
    wrong += [
        f"referrer {row.creator_id}, {month_name(row.month)}: transfer {row.entry_id}/{row.seq} is not this line's"
        for row in some(session, referral)
    ]
    return wrong, "every line of a month is its transfer"


def _untransferred(
    lines: FromClause,
    key: tuple[ColumnElement[Any], ColumnElement[Any], ColumnElement[int], ColumnElement[int]],
    program: ColumnElement[str],
    creator: ColumnElement[str],
    amount: ColumnElement[int],
) -> Select[Any]:
    source, wallet = _ACCOUNT.alias("source"), _ACCOUNT.alias("wallet")
    _, _, entry_id, seq = key
    debit = case((amount > 0, source.c.id), else_=wallet.c.id)
    credit = case((amount > 0, wallet.c.id), else_=source.c.id)
    its_own = and_(
        _TRANSFER.c.amount == func.abs(amount), _TRANSFER.c.debit_id == debit, _TRANSFER.c.credit_id == credit
    )
    return (
        select(*key)
        .select_from(lines)
        .outerjoin(source, and_(source.c.program == program, source.c.role == "subscriptions", source.c.creator == ""))
        .outerjoin(wallet, and_(wallet.c.program == program, wallet.c.role == "pending", wallet.c.creator == creator))
        .outerjoin(_TRANSFER, and_(_TRANSFER.c.entry_id == entry_id, _TRANSFER.c.seq == seq))
        .where(or_(and_(amount == 0, seq != 0), and_(amount != 0, func.coalesce(its_own, false()).is_(False))))
        .order_by(*key)
    )


def _totals(session: Session) -> tuple[list[str], str]:
    """What each run posted for a month, all together, is what its lines come to."""
    kept = select(TOTAL.c.program, TOTAL.c.month, TOTAL.c.entry_id, -TOTAL.c.gross, -TOTAL.c.share, -TOTAL.c.referral)
    lines = select(
        PROJECT.c.program,
        MONTH_LINE.c.month,
        MONTH_LINE.c.entry_id,
        MONTH_LINE.c.gross.label("gross"),
        MONTH_LINE.c.share.label("share"),
        whole(0).label("referral"),
    ).join_from(MONTH_LINE, PROJECT, PROJECT.c.project_id == MONTH_LINE.c.project_id)
    referrals = select(
        REFERRAL_LINE.c.program,
        REFERRAL_LINE.c.month,
        REFERRAL_LINE.c.entry_id,
        whole(0),
        whole(0),
        REFERRAL_LINE.c.amount,
    )
    wrong = [
        f"{row.program}, {month_name(row.month)}: the sums of entry {row.entry_id} are not those of its lines"
        for row in some(session, differing(3, lines, referrals, kept))
    ]
    return wrong, f"{count(session, TOTAL)} sums of months are those of their lines"


def _pending(session: Session) -> tuple[list[str], str]:
    """What waits for each month's processing is what the lines of that month come to that no processing has paid out;
    the wallet's `pending` is the sum of it."""
    monthly = _PROGRAM.c.kind.in_(sorted(kind.name for kind in KINDS.values() if kind.monthly))
    parts = []
    for table, amount in ((LINE, LINE.c.share), (MONTH_LINE, MONTH_LINE.c.share)):
        still = or_(
            _PROGRAM.c.processed_month.is_(None),
            table.c.bucket.is_(None),
            table.c.bucket > _PROGRAM.c.processed_month,
        )
        parts.append(
            select(PROJECT.c.program, PROJECT.c.creator_id, table.c.bucket.label("month"), amount.label("amount"))
            .join_from(table, PROJECT, PROJECT.c.project_id == table.c.project_id)
            .join(_PROGRAM, _PROGRAM.c.slug == PROJECT.c.program)
            .where(monthly, still)
        )
    still = or_(_PROGRAM.c.processed_month.is_(None), REFERRAL_LINE.c.bucket > _PROGRAM.c.processed_month)
    parts.append(
        select(REFERRAL_LINE.c.program, REFERRAL_LINE.c.creator_id, REFERRAL_LINE.c.bucket, REFERRAL_LINE.c.amount)
        .join(_PROGRAM, _PROGRAM.c.slug == REFERRAL_LINE.c.program)
        .where(still)
    )
    kept = select(PENDING_MONTH.c.program, PENDING_MONTH.c.creator_id, PENDING_MONTH.c.month, -PENDING_MONTH.c.amount)
    wrong = [
        f"{row.program}: {decimal_text(abs(row.amount))} too {'little' if row.amount > 0 else 'much'} of "
        f"{row.creator_id} waits for {month_name(row.month) if row.month else 'no month'}"
        for row in some(session, differing(3, *parts, kept))
    ]
    return wrong, f"{count(session, PENDING_MONTH)} amounts wait for their month's payout"


CHECKS: Sequence[tuple[str, Finding]] = (
    ("payments and voids", _payments),
    ("months and payments", _months),
    ("lines of months", _lines),
    ("months and transfers", _transfers),
    ("sums of months", _totals),
    ("pending by month", _pending),
)


def _states(session: Session) -> Sequence[ProgramState]:
    monthly = sorted(kind.name for kind in KINDS.values() if kind.monthly)
    statement = select(ProgramState).where(_PROGRAM.c.kind.in_(monthly)).order_by(_PROGRAM.c.slug)
    return session.execute(statement).scalars().all()


def _program(state: ProgramState) -> Program:
    """The program under the terms that its months were closed with."""
    return Program(state.slug, state.kind, from_json(state.terms))
