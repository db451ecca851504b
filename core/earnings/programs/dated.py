"""A program's dated terms as SQL: what was in force on a row's day (domain.md, "Terms change over time")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import BigInteger, ColumnElement, Date, case, cast, literal

from core.config import Program, Terms


def whole(number: int) -> ColumnElement[int]:
    """A number as a BIGINT of SQL, whatever its size."""
    return cast(literal(number, BigInteger), BigInteger)


def dated(program: Program, day: ColumnElement[dt.date], value: Callable[[Terms], int]) -> ColumnElement[int]:
    """One of the terms in force on a row's day, as `Program.terms_on` has them."""
    first, *later = program.terms
    if all(value(terms) == value(first) for terms in later):
        return whole(value(first))
    newest_first = [(day >= literal(terms.valid_from, Date), whole(value(terms))) for terms in reversed(later)]
    return case(*newest_first, else_=whole(value(first)))
