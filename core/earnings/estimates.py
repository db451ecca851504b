"""The marketplace's months as they stand: what closing a month now would bring some assistants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Select, String, Subquery, bindparam, case, cast, func, select
from sqlmodel import Session

from core.config import Program
from core.earnings.differences import PROJECT
from core.earnings.month_tables import MonthUse, Payment
from core.earnings.programs.dated import whole
from core.ledger.money import allocate
from core.storage import table_of

USE, PAYMENT = table_of(MonthUse), table_of(Payment)

LARGEST_POOL = 3_000_000_000  # tokens; the square of more leaves BIGINT


def live_gross(session: Session, program: Program, month: dt.date, project_ids: Sequence[str]) -> dict[str, int]:
    """Micro-dollars of each assistant's slices of the month's payments known now; 0 is left out.

    Reads only the payments and the use of those who used one of these assistants in the month.
    """
    values = {"month": month, "program": program.slug, "projects": list(project_ids)}
    gross = {project_id: int(amount) for project_id, amount in session.execute(_sums(), values) if amount}
    pools: dict[tuple[str, str, int], dict[str, int]] = {}
    for source, payment_id, amount, project_id, tokens in session.execute(_large(), values):
        pools.setdefault((source, payment_id, amount), {})[project_id] = tokens
    wanted = set(project_ids)
    for (_, _, amount), used in pools.items():
        for project_id, part in zip(used, allocate(amount, list(used.values())), strict=True):
            if project_id in wanted and part:
                gross[project_id] = gross.get(project_id, 0) + part
    return gross


_MONTH = bindparam("month", type_=Date)
_PROGRAM = bindparam("program", type_=String)


def _used() -> Subquery:
    """Who used one of the assistants in the month, with all that they used and its sum."""
    mine = (
        select(USE.c.user_id)
        .where(USE.c.month == _MONTH, USE.c.project_id.in_(bindparam("projects", expanding=True)), USE.c.tokens > 0)
        .distinct()
        .subquery("mine")
    )
    total = cast(func.sum(USE.c.tokens).over(partition_by=USE.c.user_id), BigInteger)
    return (
        select(USE.c.user_id, USE.c.project_id, USE.c.tokens, total.label("total"))
        .join_from(mine, USE, (USE.c.user_id == mine.c.user_id) & (USE.c.month == _MONTH))
        .join(PROJECT, PROJECT.c.project_id == USE.c.project_id)
        .where(USE.c.tokens > 0, PROJECT.c.program == _PROGRAM)
        .subquery("used")
    )


def _pool(used: Subquery) -> ColumnElement[bool]:
    return (
        (PAYMENT.c.user_id == used.c.user_id)
        & (PAYMENT.c.month == _MONTH)
        & (PAYMENT.c.program == _PROGRAM)
        & PAYMENT.c.voids.is_(None)
        & PAYMENT.c.voided.is_(False)
    )


@cache
def _sums() -> Select[Any]:
    used = _used()
    amount, tokens, total = PAYMENT.c.amount, used.c.tokens, used.c.total
    rest = (amount % total) * tokens
    cut = (
        select(
            PAYMENT.c.source,
            PAYMENT.c.payment_id,
            used.c.project_id,
            amount,
            ((amount // total) * tokens + rest // total).label("part"),
            (rest % total).label("remainder"),
        )
        .join_from(used, PAYMENT, _pool(used))
        .where(total <= whole(LARGEST_POOL))
        .subquery("cut")
    )
    pool = (cut.c.source, cut.c.payment_id)
    ranked = select(
        cut.c.project_id,
        cut.c.part,
        func.row_number().over(partition_by=pool, order_by=(cut.c.remainder.desc(), cut.c.project_id)).label("place"),
        (cut.c.amount - cast(func.sum(cut.c.part).over(partition_by=pool), BigInteger)).label("left_over"),
    ).subquery("ranked")
    part = ranked.c.part + case((ranked.c.place <= ranked.c.left_over, 1), else_=0)
    return (
        select(ranked.c.project_id, cast(func.sum(part), BigInteger))
        .where(ranked.c.project_id.in_(bindparam("projects", expanding=True)))
        .group_by(ranked.c.project_id)
    )


@cache
def _large() -> Select[Any]:
    used = _used()
    return (
        select(PAYMENT.c.source, PAYMENT.c.payment_id, PAYMENT.c.amount, used.c.project_id, used.c.tokens)
        .join_from(used, PAYMENT, _pool(used))
        .where(used.c.total > whole(LARGEST_POOL))
        .order_by(PAYMENT.c.source, PAYMENT.c.payment_id, used.c.project_id)
    )
