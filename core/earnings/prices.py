"""What an assistant costs businesses: dated prices, never below the terms' floor (domain.md, "Program kind
`assistants`"). Micro-dollars per 1,000,000 tokens."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import ColumnElement, case, func, select
from sqlmodel import Session

from core.config import Program
from core.earnings.month_tables import ProjectPrice
from core.earnings.programs.dated import dated
from core.storage import table_of

PRICE = table_of(ProjectPrice)
# So that a day's embed tokens times its price stay inside BIGINT.
LARGEST_PRICE = 1_000_000_000


def price_sql(program: Program, day: ColumnElement[dt.date], project_id: ColumnElement[str]) -> ColumnElement[int]:
    """The price in force on a row's day for the row's project: the newest from that day or before, else its earliest;
    the floor of the day where that is higher."""
    floor = dated(program, day, lambda terms: terms.minimum_price)
    price = PRICE.alias("price_in_force")
    observed = select(case((price.c.price > floor, price.c.price), else_=floor)).limit(1)
    of_project = observed.where(price.c.project_id == project_id).correlate_except(price)
    newest = of_project.where(price.c.price_from <= day).order_by(price.c.price_from.desc()).scalar_subquery()
    earliest = of_project.order_by(price.c.price_from).scalar_subquery()
    chosen: ColumnElement[int] = func.coalesce(newest, earliest, floor)
    return chosen


def prices_of(session: Session, project_id: str) -> list[tuple[dt.date, int]]:
    """A project's prices as the platform set them, the earliest first; 0 is the floor of the day's terms."""
    statement = select(PRICE.c.price_from, PRICE.c.price).where(PRICE.c.project_id == project_id)
    return [(row.price_from, row.price) for row in session.execute(statement.order_by(PRICE.c.price_from))]


def price_on(session: Session, program: Program, project_id: str, day: dt.date) -> int:
    """The price in force on a UTC day, as `price_sql` has it."""
    return effective(program, dict(prices_of(session, project_id)), day)


def effective(program: Program, prices: Mapping[dt.date, int], day: dt.date) -> int:
    """As `price_on`, from a project's prices by the day each starts on."""
    return max(set_for(prices, day), program.terms_on(day).minimum_price)


def set_for(prices: Mapping[dt.date, int], day: dt.date) -> int:
    """What the platform set for a day, whatever the floor."""
    begun = [start for start in prices if start <= day]
    if begun:
        return prices[max(begun)]
    return prices[min(prices)] if prices else 0
