"""A run's settled lines summed by day: what the run-level transfers, the digest and `settled_day` are made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, case, cast, func, select
from sqlmodel import Session

from core.earnings.differences import LINE


@dataclass(frozen=True, slots=True)
class DayTotal:
    """A run's lines of one day summed. plus and minus: what rises and what falls, apart, both ≥ 0."""

    day: dt.date
    transfers: int
    share: int
    spent: int
    costs_plus: int
    costs_minus: int
    margin_plus: int
    margin_minus: int


def day_totals(session: Session, days: Sequence[dt.date], entry_id: int) -> list[DayTotal]:
    """The run's lines, summed by day, oldest first."""
    margin = LINE.c.spent - LINE.c.costs - LINE.c.share
    statement = (
        select(
            LINE.c.day,
            _total(case((LINE.c.seq > 0, 1), else_=0)),
            *[_total(part) for part in (LINE.c.share, LINE.c.spent)],
            *[_total(part) for part in (*_apart(LINE.c.costs), *_apart(margin))],
        )
        .where(LINE.c.day.in_(days), LINE.c.entry_id == entry_id)
        .group_by(LINE.c.day)
        .order_by(LINE.c.day)
    )
    return [DayTotal(*row) for row in session.execute(statement)]


def _total(part: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.sum(part), BigInteger)


def _apart(amount: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    return case((amount > 0, amount), else_=0), case((amount < 0, -amount), else_=0)
