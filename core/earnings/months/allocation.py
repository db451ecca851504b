"""How subscribers' payments are split: each payment is one pool over the assistants that its user used in the month, by
tokens, by largest remainder (domain.md, "Program kind `assistants`"). Amounts in micro-dollars.

One SELECT for closing and for `verify`, so that no row leaves the database.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session

from core.earnings.differences import PROJECT
from core.earnings.month_tables import MonthUse, Payment
from core.earnings.programs.dated import whole
from core.earnings.tables import ProgramState
from core.ledger.money import allocate
from core.storage import is_postgres, table_of

USE = table_of(MonthUse)
PAYMENT = table_of(Payment)
_PROGRAM = table_of(ProgramState)

# A user's tokens in a month, squared, must stay within BIGINT; who has more is split in Python.
MOST_TOKENS = 3_000_000_000


@contextmanager
def joining_whole(session: Session) -> Iterator[None]:
    """For statements over whole months. PostgreSQL's statistics don't know a month that is just over: where they let it
    expect a row or two, it would look through all payments anew for every row of use. SQLite joins by its keys."""
    if not is_postgres(session):
        yield
        return
    session.execute(text("SET LOCAL enable_nestloop = off"))
    yield
    session.execute(text("SET LOCAL enable_nestloop TO DEFAULT"))


def counting(program: str, months: Sequence[dt.date]) -> ColumnElement[bool]:
    """That a row of `payment` is a payment of these months that nobody has voided."""
    return and_(
        PAYMENT.c.program == program,
        PAYMENT.c.month.in_(months),
        PAYMENT.c.voids.is_(None),
        PAYMENT.c.voided.is_(False),
    )


def slices(session: Session, program: str, months: Sequence[dt.date]) -> Select[Any]:
    """(month, project_id, gross, tokens): each assistant's slices of the months' payments added up, and its marketplace
    tokens by others, of users without a payment as well. Assistants with tokens have a row, also where gross is 0.

    To be run within `joining_whole`."""
    used = _of_program(session, program, months)
    tokens = select(USE.c.month, USE.c.project_id, whole(0).label("gross"), USE.c.tokens).where(used)
    parts = [_ranked(used, program, months), tokens]
    large = _by_hand(session, used, program, months)
    if large:
        parts.append(_rows(session, large))
    both = union_all(*parts).subquery("slices")
    sums = [cast(func.sum(both.c[name]), BigInteger).label(name) for name in ("gross", "tokens")]
    return select(both.c.month, both.c.project_id, *sums).group_by(both.c.month, both.c.project_id)


def _of_program(session: Session, program: str, months: Sequence[dt.date]) -> ColumnElement[bool]:
    """Rows of `month_use` that count. Where no other program is of this kind, the look-up of a million projects is
    spared."""
    kind = select(_PROGRAM.c.kind).where(_PROGRAM.c.slug == program).scalar_subquery()
    others = select(_PROGRAM.c.slug).where(_PROGRAM.c.kind == kind, _PROGRAM.c.slug != program).limit(1)
    counts = and_(USE.c.month.in_(months), USE.c.tokens > 0)
    if session.execute(others).first() is None:
        return counts
    own = select(PROJECT.c.project_id).where(PROJECT.c.project_id == USE.c.project_id, PROJECT.c.program == program)
    return and_(counts, own.correlate(USE).exists())


def _ranked(used: ColumnElement[bool], program: str, months: Sequence[dt.date]) -> Select[Any]:
    """Every slice of every payment. With amount = q·total + r the product is taken of q and of r apart, so that no step
    leaves BIGINT."""
    use = _with_totals(used)
    quotient, rest = PAYMENT.c.amount // use.c.total, PAYMENT.c.amount % use.c.total
    cut = (
        select(
            PAYMENT.c.source,
            PAYMENT.c.payment_id,
            PAYMENT.c.amount,
            use.c.month,
            use.c.project_id,
            (quotient * use.c.tokens + rest * use.c.tokens // use.c.total).label("part"),
            (rest * use.c.tokens % use.c.total).label("remainder"),
        )
        .join_from(use, PAYMENT, _of_user(use))
        .where(counting(program, months), use.c.total <= whole(MOST_TOKENS))
        .subquery("cut")
    )
    of_pool = (cut.c.source, cut.c.payment_id)
    place = func.row_number().over(partition_by=of_pool, order_by=(cut.c.remainder.desc(), cut.c.project_id))
    left = cut.c.amount - cast(func.sum(cut.c.part).over(partition_by=of_pool), BigInteger)
    ranked = select(cut.c.month, cut.c.project_id, cut.c.part, place.label("place"), left.label("left_over")).subquery(
        "ranked"
    )
    gets_one_more = case((ranked.c.place <= ranked.c.left_over, 1), else_=0)
    gross = (ranked.c.part + gets_one_more).label("gross")
    return select(ranked.c.month, ranked.c.project_id, gross, whole(0).label("tokens"))


def _with_totals(used: ColumnElement[bool]) -> Subquery:
    """Rows of use, each beside all tokens of its user in the month. One pass, no join with itself: on a table that just
    grew, a planner would guess wrongly how many rows meet."""
    total = cast(func.sum(USE.c.tokens).over(partition_by=(USE.c.month, USE.c.user_id)), BigInteger)
    columns = (USE.c.month, USE.c.user_id, USE.c.project_id, USE.c.tokens)
    return select(*columns, total.label("total")).where(used).subquery("use")


def _of_user(use: Subquery) -> ColumnElement[bool]:
    return and_(PAYMENT.c.month == use.c.month, PAYMENT.c.user_id == use.c.user_id)


def _by_hand(
    session: Session, used: ColumnElement[bool], program: str, months: Sequence[dt.date]
) -> Counter[tuple[dt.date, str]]:
    """The slices of users with so many tokens that SQL can't multiply them: hardly ever any."""
    many = select(USE.c.user_id).where(used).group_by(USE.c.month, USE.c.user_id)
    if session.execute(many.having(func.sum(USE.c.tokens) > whole(MOST_TOKENS)).limit(1)).first() is None:
        return Counter()
    use = _with_totals(used)
    statement = (
        select(PAYMENT.c.source, PAYMENT.c.payment_id, PAYMENT.c.amount, use.c.month, use.c.project_id, use.c.tokens)
        .join_from(use, PAYMENT, _of_user(use))
        .where(counting(program, months), use.c.total > whole(MOST_TOKENS))
        .order_by(PAYMENT.c.source, PAYMENT.c.payment_id, use.c.project_id)
    )
    gross: Counter[tuple[dt.date, str]] = Counter()
    for _, group in itertools.groupby(session.execute(statement), lambda row: (row.source, row.payment_id)):
        rows = list(group)
        for row, part in zip(rows, allocate(rows[0].amount, [row.tokens for row in rows]), strict=True):
            gross[row.month, row.project_id] += part
    return gross


def _rows(session: Session, gross: Counter[tuple[dt.date, str]]) -> Select[Any]:
    """Known sums as rows of SQL, in one bound value however many there are."""
    document = json.dumps([[month.isoformat(), project, amount] for (month, project), amount in gross.items()])
    if is_postgres(session):
        row = func.jsonb_array_elements(cast(literal(document), JSONB)).column_valued("row")
        part: list[ColumnElement[Any]] = [func.jsonb_extract_path_text(row, str(place)) for place in range(3)]
        return select(cast(part[0], Date), part[1], cast(part[2], BigInteger), whole(0))
    listed = func.json_each(document).table_valued("value")
    found = [func.json_extract(listed.c.value, f"$[{place}]") for place in range(3)]
    return select(*found, whole(0))
