"""What creators of assistants read of their earnings, on both databases (domain.md, "Program kind `assistants`")."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict

import pytest

from core.earnings import revenue
from core.earnings.periods import Days
from core.earnings.revenue import CreatorRevenue, Money, MonthSoFar, RevenueDay
from core.ledger.money import allocate
from core.storage import Database
from tests.revenue_world import DOLLAR, HELPERS, JAN, OWNERS, World, at

MID = at(1, 20)
MILLION = 1_000_000


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def totals(world: World, period: str, now: dt.datetime, creator: str = "ada") -> CreatorRevenue:
    with world.reading() as session:
        return revenue.revenue_totals(session, world.config, creator, "helpers", period, now)


def days_of(world: World, projects: list[str], first: dt.date, last: dt.date) -> list[RevenueDay]:
    with world.reading() as session:
        return revenue.revenue_days(session, world.config, HELPERS, projects, Days(first, last), MID)


def so_far(world: World, now: dt.datetime, creator: str = "ada") -> MonthSoFar:
    with world.reading() as session:
        return revenue.month_so_far(session, world.config, creator, "helpers", now)


def test_the_seed_in_a_running_month(world: World) -> None:
    """$19.00 and 40 % of the usage are $7.60; a million embed tokens at $3.75 are $3.75; own use is left out."""
    world.take(
        world.message("bot", at(1, 5), 300),
        world.message("bot", at(1, 19), 100),
        world.message("tutor", at(1, 6), 600),
        world.message("bot", at(1, 7), 5_000, user="ada"),
        world.message("bot", at(1, 19), MILLION, channel="embed"),
    )
    world.collect(world.payment("uma"), world.payment("idle"))
    world.settle(at(1, 20, 3))
    month = totals(world, "month", MID)
    assert month.total.marketplace == Money(7_600_000, 5_320_000, 0)
    assert month.total.embed == Money(3_750_000, 2_625_000, 2_625_000)
    assert (month.total.total.gross, month.total.tokens, month.total.own_tokens) == (11_350_000, MILLION + 400, 5_000)
    assert (month.is_estimate, month.closed_through, month.settled_through) == (
        True,
        dt.date(2025, 12, 1),
        dt.date(2026, 1, 19),
    )
    assert [(line.project.project_id, line.figures.total.gross) for line in month.projects] == [
        ("bot", 11_350_000),
        ("coach", 0),
    ]
    assert [day.figures.marketplace.gross for day in month.days if day.figures.tokens] == [5_700_000, 1_900_000]
    assert [len(month.days), month.days[18].settled, month.days[18].closed] == [20, True, False]
    assert totals(world, "week", MID).total.marketplace.gross == 1_900_000
    assert so_far(world, MID) == MonthSoFar(JAN, 2_625_000, 0, 5_320_000, 0, 0, 0, 2_625_000)


def test_estimates_equal_a_plain_oracle(world: World) -> None:
    """Live months come to what each payment's pool allots, voids and own use left out, also beyond BIGINT's square;
    an assistant's days sum to its month."""
    world.now = at(1, 31)
    chance = random.Random(5)
    used: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows, voids = [], []
    for _ in range(160):
        user, project = f"u{chance.randrange(12)}", chance.choice(list(OWNERS))
        tokens = chance.choice([1, 7, 333, 1_000, 99_991])
        row = world.message(project, at(1, chance.randint(1, 30), chance.randrange(24)), tokens, user)
        rows.append(row)
        if chance.random() < 0.15:
            voids.append(row)
        else:
            used[user][project] += tokens
    for day in range(1, 6):  # more tokens than can be multiplied in SQL
        for project in ("bot", "tutor"):
            rows.append(world.message(project, at(1, day), 999_999_937, "whale"))
            used["whale"][project] += 999_999_937
    rows.append(world.message("bot", at(1, 9), 12_345, "ada"))
    world.take(*rows)
    for row in voids:
        world.void(row)
    gross: dict[str, int] = defaultdict(int)
    payments = [(f"u{chance.randrange(14)}", chance.choice([1, 19_000_000, 29_990_003, 2])) for _ in range(25)]
    for user, amount in [*payments, ("whale", 19_000_001)]:
        made = world.payment(user, f"{amount / DOLLAR:.6f}")
        world.collect(made)
        if chance.random() < 0.2:
            world.refund(made)
            continue
        pool = sorted((name, tokens) for name, tokens in used[user].items() if tokens)
        for (project, _), part in (
            zip(pool, allocate(amount, [tokens for _, tokens in pool]), strict=True) if pool else ()
        ):
            gross[project] += part
    found = days_of(world, list(OWNERS), JAN, dt.date(2026, 1, 31))
    for project in OWNERS:
        mine = [day for day in found if day.project_id == project]
        assert sum(day.marketplace.gross for day in mine) == gross[project] > 0
        assert sum(day.marketplace.share for day in mine) == gross[project] * 7 // 10
        tokens = sum(user[project] for user in used.values())
        assert sum(day.tokens for day in mine) == tokens
    alone = days_of(world, ["tutor"], JAN, dt.date(2026, 1, 10))
    assert {(day.day, day.marketplace) for day in alone} == {
        (day.day, day.marketplace) for day in found if day.project_id == "tutor" and day.day <= dt.date(2026, 1, 10)
    }
