"""What closing a month now would bring some assistants: the rule of `allocation`, for a few assistants at once.

Closing reads every pool of the month once; this reads the pools of those who used one of the assistants, each by the
tables' keys, so that it costs what these assistants' users cost, however large the month is.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)
from sqlmodel import Session

from core.config import Program
from core.earnings.differences import PROJECT
from core.earnings.months.allocation import MOST_TOKENS, PAYMENT, USE
from core.earnings.programs.dated import whole
from core.earnings.tables import ProgramState
from core.ledger.money import allocate
from core.storage import table_of

_STATE = table_of(ProgramState)
_OTHER = USE.alias("other")  # what else a pool's user used
_MONTH, _PROGRAM = bindparam("month", type_=Date), bindparam("program", type_=String)


def live_gross(session: Session, program: Program, month: dt.date, project_ids: Sequence[str]) -> dict[str, int]:
    """Micro-dollars of each assistant's slices of the month's payments known now; those without any left out."""
    values = {"month": month, "program": program.slug, "projects": list(project_ids)}
    several = session.execute(_OTHERS_OF_KIND, {"program": program.slug, "kind": program.kind}).first() is not None
    gross: dict[str, int] = {}
    by_hand = False
    for row in session.execute(_sums(several), values):
        project_id, amount, most = row
        gross[project_id] = int(amount)
        by_hand = by_hand or most > MOST_TOKENS
    if by_hand:
        _add_large(session, several, values, gross)
    return {one: amount for one, amount in gross.items() if amount}


def _add_large(session: Session, several: bool, values: dict[str, Any], gross: dict[str, int]) -> None:
    """The slices of users with so many tokens that SQL can't multiply them: hardly ever any."""
    rows = session.execute(_large(several), values)
    for pool, group in itertools.groupby(rows, lambda row: (row.source, row.payment_id, row.amount)):
        used = {row.project_id: row.tokens for row in group}
        for project_id, part in zip(used, allocate(pool[2], list(used.values())), strict=True):
            if project_id in gross:
                gross[project_id] += part


# Building a statement takes longer than running it on a few rows: each is built once and kept.
_OTHERS_OF_KIND = select(_STATE.c.slug).where(_STATE.c.kind == bindparam("kind"), _STATE.c.slug != bindparam("program"))


def _counts(use: FromClause, several: bool) -> ColumnElement[bool]:
    """Rows of `month_use` that count: of the month and, where there are several programs of this kind, of this one."""
    here = and_(use.c.month == _MONTH, use.c.tokens > 0)
    if not several:
        return here
    own = select(PROJECT.c.project_id).where(PROJECT.c.project_id == use.c.project_id, PROJECT.c.program == _PROGRAM)
    return and_(here, own.correlate(use).exists())


def _mine(several: bool) -> CTE:
    """The assistants' users with all that each of them used. Kept as it is: inlined, its sum would run many times."""
    of_user = _OTHER.c.user_id == USE.c.user_id
    total = select(func.sum(_OTHER.c.tokens)).where(_counts(_OTHER, several), of_user).correlate(USE).scalar_subquery()
    return (
        select(USE.c.user_id, USE.c.project_id, USE.c.tokens, cast(total, BigInteger).label("total"))
        .where(_counts(USE, several), USE.c.project_id.in_(bindparam("projects", expanding=True)))
        .cte("mine")
        .prefix_with("MATERIALIZED")
    )


def _pool(user_id: ColumnElement[str]) -> ColumnElement[bool]:
    """That a payment counts, of this user."""
    return and_(
        PAYMENT.c.month == _MONTH,
        PAYMENT.c.user_id == user_id,
        PAYMENT.c.program == _PROGRAM,
        PAYMENT.c.voids.is_(None),
        PAYMENT.c.voided.is_(False),
    )


@cache
def _sums(several: bool) -> Select[Any]:
    """(assistant, its slices, the most tokens that any of its users used); of users with too many tokens nothing."""
    mine = _mine(several)
    rest = PAYMENT.c.amount % mine.c.total
    cut = (
        select(
            mine.c.user_id,
            mine.c.project_id,
            mine.c.total,
            rest.label("rest"),
            _small(
                mine, PAYMENT.c.amount // mine.c.total * mine.c.tokens + rest * mine.c.tokens // mine.c.total, "part"
            ),
            _small(mine, rest * mine.c.tokens % mine.c.total, "remainder"),
        )
        .join_from(mine, PAYMENT, _pool(mine.c.user_id))
        .cte("cut")
        .prefix_with("MATERIALIZED")
    )
    others = and_(_counts(_OTHER, several), _OTHER.c.user_id == cut.c.user_id)
    remainder = cut.c.rest * _OTHER.c.tokens % cut.c.total
    earlier = and_(remainder == cut.c.remainder, _OTHER.c.project_id < cut.c.project_id)
    ahead = func.sum(case((or_(remainder > cut.c.remainder, earlier), 1), else_=0))
    left_over = cast(func.sum(remainder), BigInteger) // cut.c.total
    one_more = select(ahead < left_over).where(others).correlate(cut).scalar_subquery()
    part = case((cut.c.total > whole(MOST_TOKENS), 0), (one_more, cut.c.part + 1), else_=cut.c.part)
    sums = [cast(func.sum(part), BigInteger), func.max(cut.c.total)]
    return select(cut.c.project_id, *sums).group_by(cut.c.project_id)


def _small(mine: CTE, amount: ColumnElement[int], name: str) -> ColumnElement[int]:
    """An amount where its computation stays within BIGINT."""
    return case((mine.c.total <= whole(MOST_TOKENS), amount), else_=0).label(name)


@cache
def _large(several: bool) -> Select[Any]:
    mine = _mine(several)
    users = select(mine.c.user_id).where(mine.c.total > whole(MOST_TOKENS)).distinct().subquery("users")
    return (
        select(PAYMENT.c.source, PAYMENT.c.payment_id, PAYMENT.c.amount, _OTHER.c.project_id, _OTHER.c.tokens)
        .join_from(users, PAYMENT, _pool(users.c.user_id))
        .join(_OTHER, and_(_OTHER.c.user_id == users.c.user_id, _counts(_OTHER, several)))
        .order_by(PAYMENT.c.source, PAYMENT.c.payment_id, _OTHER.c.project_id)
    )
