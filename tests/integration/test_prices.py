"""Prices of assistants: dated, never below the floor, never changed for a settled day; SQL and Python agree."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Date, delete, literal, select

from core.config import DeskConfig, Program, Terms
from core.earnings.catalog import upsert_creators, upsert_projects
from core.earnings.intake import ImportReport
from core.earnings.month_tables import ProjectPrice
from core.earnings.prices import PRICE, price_on, price_sql, prices_of
from core.earnings.tables import Project
from core.earnings.terms import sync_programs
from core.storage import Database, table_of
from tests.intake_world import NOW, settle_through

HELPERS = Program(
    "helpers",
    "assistants",
    (
        Terms(dt.date(2025, 1, 1), minimum_price=3_750_000),
        Terms(dt.date(2026, 2, 1), minimum_price=5_000_000),
    ),
)
CONFIG = DeskConfig(programs={"helpers": HELPERS})
BASE = {"project_id": "tutor", "creator_id": "ada", "program": "helpers", "name": "Tutor", "published_on": "2025-11-03"}
TODAY = NOW.date()
FIRST = dt.date(1970, 1, 1)


def priced(price: object = None, start: object = None, **changes: object) -> dict[str, object]:
    """A row of tutor at a price."""
    row: dict[str, object] = dict(BASE)
    if price is not None:
        row["price_per_million_usd"] = price
    if start is not None:
        row["price_from"] = start
    return row | changes


def project(database: Database, *rows: Mapping[str, object]) -> ImportReport:
    with database.transaction() as session:
        return upsert_projects(session, rows, NOW)


def kept(database: Database, project_id: str = "tutor") -> list[tuple[dt.date, int]]:
    with database.reading() as session:
        return prices_of(session, project_id)


def open_desk(database: Database) -> Database:
    with database.transaction() as session:
        sync_programs(session, CONFIG)
        upsert_creators(session, [{"creator_id": "ada", "name": "Ada", "country": "US"}])
    return database


@pytest.fixture
def desk(database: Database) -> Database:
    return open_desk(database)


def test_prices_are_dated(desk: Database) -> None:
    """Without a price the floor holds; a price holds from its day on, today unless it says; the same again is a
    duplicate."""
    assert project(desk, priced()).accepted == 1
    assert kept(desk) == [(FIRST, 0)]
    assert project(desk, priced(), priced()).duplicates == 2
    assert project(desk, priced("4.50")).accepted == 1
    assert project(desk, priced("4.5"), priced(), priced("4.50", TODAY.isoformat())).duplicates == 3
    assert project(desk, priced(6, "2026-03-01"), priced("4.000001", "2026-01-25")).accepted == 2
    assert kept(desk) == [
        (FIRST, 0),
        (TODAY, 4_500_000),
        (dt.date(2026, 1, 25), 4_000_001),
        (dt.date(2026, 3, 1), 6_000_000),
    ]
    with desk.reading() as session:
        on = {
            day: price_on(session, HELPERS, "tutor", dt.date(2026, *day)) for day in [(1, 19), (1, 20), (2, 1), (3, 1)]
        }
        assert price_on(session, HELPERS, "unheard of", TODAY) == 3_750_000
    assert on == {(1, 19): 3_750_000, (1, 20): 4_500_000, (2, 1): 5_000_000, (3, 1): 6_000_000}


@pytest.mark.parametrize(
    ("price", "start", "field", "reason"),
    [
        ("3.749999", None, "price_per_million_usd", "the minimum from 2026-01-20 on is $3.75"),
        ("4.99", "2026-02-01", "price_per_million_usd", "is $5.00"),
        ("1000.000001", None, "price_per_million_usd", "at most $1,000.00"),
        ("free", None, "price_per_million_usd", "must be a number"),
        (4.5, None, "price_per_million_usd", "decimal text"),
        (None, "2026-02-01", "price_per_million_usd", "a price_from needs a price"),
        ("5", "soon", "price_from", "no date"),
        ("5", "1969-12-31", "price_from", "before 1970"),
    ],
)
def test_refuses_prices(sqlite_database: Database, price: object, start: object, field: str, reason: str) -> None:
    """A price that can't be is refused by its field, and the rest of its row with it."""
    desk = open_desk(sqlite_database)
    project(desk, priced("5"))
    report = project(desk, priced(price, start, name="Renamed"), priced("5", project_id="other"))
    assert [(one.index, one.field) for one in report.rejected] == [(0, field)]
    assert reason in report.rejected[0].reason
    assert kept(desk) == kept(desk, "other") == [(TODAY, 5_000_000)]


def test_settled_days_keep_their_price(desk: Database) -> None:
    """What would change the price of a settled day is refused with the first free day; a new assistant's is free."""
    project(desk, priced("5", "2026-01-10"))
    settle_through(desk, "2026-01-12", "helpers")
    report = project(
        desk,
        priced("6", "2026-01-12"),
        priced("6", "2025-12-01"),
        priced("6", "2026-01-10"),
        priced("5", "2026-01-11"),
        priced("6", "2026-01-13"),
    )
    assert [(one.index, one.field) for one in report.rejected] == [
        (0, "price_from"),
        (1, "price_from"),
        (2, "price_from"),
    ]
    assert "settled through 2026-01-12; write 2026-01-13 or a later day" in report.rejected[0].reason
    days = [dt.date(2026, 1, 10), dt.date(2026, 1, 11), dt.date(2026, 1, 13)]
    assert kept(desk) == list(zip(days, (5_000_000, 5_000_000, 6_000_000), strict=True))
    new = [priced("7", day, project_id="new") for day in ("2025-12-01", "2025-11-01")]
    assert project(desk, *new).accepted == 2
    assert [one.field for one in project(desk, priced("8", "2025-10-01", project_id="new")).rejected] == ["price_from"]


days = st.dates(dt.date(2025, 12, 1), dt.date(2026, 3, 31))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(days, st.integers(0, 9_000_000), max_size=4), st.lists(days, min_size=1, max_size=4))
def test_sql_and_python_agree(desk: Database, prices: dict[dt.date, int], asked: list[dt.date]) -> None:
    """The price in force as a column is the one that Python finds."""
    with desk.transaction() as session:
        upsert_projects(session, [priced()], NOW)
        session.execute(delete(PRICE))
        session.add_all(
            [ProjectPrice(project_id="tutor", price_from=day, price=price) for day, price in prices.items()]
        )
        session.flush()
        name = table_of(Project).c.project_id
        for day in asked:
            sql = session.execute(select(price_sql(HELPERS, literal(day, Date), name)).where(name == "tutor")).scalar()
            assert sql == price_on(session, HELPERS, "tutor", day)
