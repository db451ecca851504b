"""What an assistant costs businesses: dated prices, never below the terms' floor (domain.md, "Program kind
`assistants`"). Micro-dollars per 1,000,000 tokens."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, case, func, select
from sqlmodel import Session

from core.config import Program
from core.earnings.month_tables import ProjectPrice
from core.earnings.programs.dated import dated, whole
from core.storage import table_of

PRICE = table_of(ProjectPrice)


def price_sql(program: Program, day: ColumnElement[dt.date], project_id: ColumnElement[str]) -> ColumnElement[int]:
    """The price in force on a row's day for the row's project: the newest from that day or before, else its earliest;
    the floor of the day where that is higher."""
    of_project = select(PRICE.c.price).where(PRICE.c.project_id == project_id).limit(1)
    newest = of_project.where(PRICE.c.price_from <= day).order_by(PRICE.c.price_from.desc()).scalar_subquery()
    earliest = of_project.order_by(PRICE.c.price_from).scalar_subquery()
    price = func.coalesce(newest, earliest, whole(0))
    floor = dated(program, day, lambda terms: terms.minimum_price)
    return case((price > floor, price), else_=floor)


def prices_of(session: Session, project_id: str) -> list[tuple[dt.date, int]]:
    """A project's prices as the platform set them, the earliest first; 0 is the floor of the day's terms."""
    statement = select(PRICE.c.price_from, PRICE.c.price).where(PRICE.c.project_id == project_id)
    return [(row.price_from, row.price) for row in session.execute(statement.order_by(PRICE.c.price_from))]


def price_on(session: Session, program: Program, project_id: str, day: dt.date) -> int:
    """The price in force on a UTC day, as `price_sql` has it."""
    known = prices_of(session, project_id)
    begun = [price for price_from, price in known if price_from <= day] or [price for _, price in known[:1]] or [0]
    return max(begun[-1], program.terms_on(day).minimum_price)
