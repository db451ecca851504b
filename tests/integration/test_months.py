"""Months of assistants close: payments split over assistants, commissions, late changes (domain.md, "Program kind
`assistants`")."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from dataclasses import replace

import pytest
from sqlalchemy import text

from core.earnings.facts import LateChange, MonthPosted, SettlementPosted
from core.earnings.month_tables import MonthUse, Payment
from core.earnings.months.allocation import joining_whole, slices
from core.earnings.settlement import RunResult, settle_due
from core.earnings.tables import ProgramState
from core.earnings.terms import sync_programs
from core.ledger.money import allocate
from core.storage import Database
from core.verify import verify
from tests.revenue_world import DOLLAR, FEB, JAN, World, at
from tests.settlement_world import balances, entry

CLOSE = at(2, 1, 3)
_SUMS = "SELECT project_id, sum(gross), sum(share) FROM month_line GROUP BY project_id"


def settle(world: World, now: dt.datetime, *, dry_run: bool = False) -> RunResult:
    (result,) = settle_due(world.database, world.config, now, dry_run=dry_run)
    return result


def wrong(database: Database) -> dict[str, str]:
    with database.reading() as session:
        return {check.name: check.detail for check in verify(session) if not check.ok}


def buckets(database: Database) -> dict[tuple[str, str], int]:
    """What waits, by creator and month."""
    with database.reading() as session:
        rows = session.connection().execute(text("SELECT creator_id, month, amount FROM pending_month"))
        return {(creator, str(month)[:7]): int(amount) for creator, month, amount in rows if amount}


def seed(world: World) -> dict[str, object]:
    """Uma pays $19.00 and spends 40 % of her tokens on bot, 60 % on tutor; cleo referred her. The payment."""
    world.take(world.message("bot", at(1, 10), 400), world.message("tutor", at(1, 11), 600))
    paid = world.payment("uma", "19.00", referrer="cleo")
    world.collect(paid)
    return paid


def test_the_seeds_numbers(database: Database) -> None:
    """$19.00 and 40 % of the tokens are a slice of $7.60; 20 % of $19.00 are $3.80; a million tokens are $3.75."""
    world = World(database)
    seed(world)
    world.take(world.message("bot", at(1, 12), 1_000_000, user="acme", channel="embed"))
    result = settle(world, CLOSE)
    assert result.months == (MonthPosted(JAN, True, 19 * DOLLAR, 19 * DOLLAR, 13_300_000, 3_800_000, 2, 1),)
    assert (result.projects, result.creators, result.touched_late) == (2, 3, ())
    assert (result.amount, result.spent, result.margin) == (19_725_000, 22_750_000, 3_025_000)
    with database.reading() as session:
        rows = session.connection().execute(text("SELECT project_id, gross, share FROM month_line")).all()
        assert {name: (gross, share) for name, gross, share in rows} == {
            "bot": (7_600_000, 5_320_000),
            "tutor": (11_400_000, 7_980_000),
        }
        line = session.connection().execute(text("SELECT spent, share, tokens, price FROM settlement_line")).one()
        assert tuple(line) == (3_750_000, 2_625_000, 1_000_000, 3_750_000)
    assert balances(world, "helpers") == {  # type: ignore[arg-type]
        "subscriptions": -19 * DOLLAR,
        "usage": -3_750_000,
        "margin": 3_025_000,
        "pending:ada": 7_945_000,
        "pending:bob": 7_980_000,
        "pending:cleo": 3_800_000,
    }
    assert buckets(database) == {
        ("ada", "2026-01"): 7_945_000,
        ("bob", "2026-01"): 7_980_000,
        ("cleo", "2026-01"): 3_800_000,
    }
    assert wrong(database) == {}
    posted = world.facts[-1]
    assert isinstance(posted, SettlementPosted)
    assert (posted.months, posted.amount) == (result.months, result.amount)


def test_one_entry_in_order(database: Database) -> None:
    """A run posts days, months, commissions and its own moves as one entry, and says in words what it closed."""
    world = World(database)
    seed(world)
    world.take(world.message("bot", at(1, 31), 1_000_000, user="acme", channel="embed"))
    number = settle(world, CLOSE).entry_id
    assert entry(world, number or 0) == (  # type: ignore[arg-type]
        "settlement:helpers:1",
        "settlement",
        "usage of 2026-01-10 to 2026-01-31; close of Jan 2026",
        [
            ("usage", "pending:ada", 2_625_000),
            ("subscriptions", "pending:ada", 5_320_000),
            ("subscriptions", "pending:bob", 7_980_000),
            ("subscriptions", "pending:cleo", 3_800_000),
            ("usage", "margin", 1_125_000),
            ("subscriptions", "margin", 1_900_000),
        ],
    )


def test_nothing_before_the_month_is_over(database: Database) -> None:
    """During the month only embed revenue is posted; a dry run of the close posts nothing; the close happens once."""
    world = World(database)
    seed(world)
    assert settle(world, at(1, 31, 23)).entry_id is None
    tried = settle(world, CLOSE, dry_run=True)
    assert (tried.amount, tried.entry_id, buckets(database)) == (17_100_000, None, {})
    assert settle(world, CLOSE).amount == 17_100_000
    again = settle(world, CLOSE)
    assert (again.entry_id, again.months) == (None, ())


def test_what_earns_nothing_stays_with_the_platform(database: Database) -> None:
    """Payments of users who used nothing, own use, and one's own referral earn nobody anything."""
    world = World(database)
    world.collect(world.payment("idle", "5"), world.payment("ada", "19"), world.payment("cleo", "10", referrer="cleo"))
    world.take(world.message("bot", at(1, 5), 70, user="ada"), world.message("bot", at(1, 5), 1, channel="embed"))
    result = settle(world, CLOSE)
    assert result.months == (MonthPosted(JAN, True, 34 * DOLLAR, 0, 0, 0, 0, 0),)
    assert balances(world, "helpers")["margin"] == 34 * DOLLAR + 1  # type: ignore[arg-type]
    assert wrong(database) == {}


def test_a_margin_may_be_negative(database: Database) -> None:
    """Shares and commissions above the payments come out of the margin."""
    world = World(database)
    program = world.config.programs["helpers"]
    generous = replace(program, terms=(replace(program.terms[0], share_bp=9500),))
    world.config = replace(world.config, programs={"helpers": generous})
    with database.transaction() as session:
        sync_programs(session, world.config)
    seed(world)
    result = settle(world, CLOSE)
    assert (result.months[0].margin, balances(world, "helpers")["margin"]) == (-2_850_000, -2_850_000)  # type: ignore[arg-type]
    assert wrong(database) == {}


def test_a_late_change_before_the_processing(database: Database) -> None:
    """After the close, before the payout, a late message and a refund change the month's own pending; all are told."""
    world = World(database)
    paid = seed(world)
    settle(world, CLOSE)
    world.take(world.message("coach", at(1, 20), 1_000))
    result = settle(world, at(2, 2, 3))
    assert result.months == (MonthPosted(JAN, False, 0, 0, 0, 0, 3, 0),)
    assert {(one.creator_id, one.month, one.bucket): one.amount for one in result.touched_late} == {
        ("ada", JAN, JAN): 3_990_000,
        ("bob", JAN, JAN): -3_990_000,
    }
    world.refund(paid)
    result = settle(world, at(2, 3, 3))
    assert result.touched_late == (
        LateChange("ada", JAN, JAN, marketplace=-9_310_000),
        LateChange("bob", JAN, JAN, marketplace=-3_990_000),
        LateChange("cleo", JAN, JAN, referral=-3_800_000),
    )
    assert (buckets(database), balances(world, "helpers")) == ({}, {})  # type: ignore[arg-type]
    assert wrong(database) == {}


def test_a_late_change_after_the_processing(database: Database) -> None:
    """Once January is paid out, its differences wait in the month after, embed ones too, and may be negative."""
    world = World(database)
    paid = seed(world)
    embed = world.message("bot", at(1, 12), 1_000_000, user="acme", channel="embed")
    world.take(embed)
    settle(world, CLOSE)
    settle(world, at(2, 2, 3))
    world.process(at(2, 2, 3))
    assert buckets(database) == {}
    world.refund(paid)
    world.void(embed)
    result = settle(world, at(2, 10, 3))
    assert result.touched_late == (
        LateChange("ada", JAN, FEB, embed=-2_625_000, marketplace=-5_320_000),
        LateChange("bob", JAN, FEB, marketplace=-7_980_000),
        LateChange("cleo", JAN, FEB, referral=-3_800_000),
    )
    assert buckets(database)["ada", "2026-02"] == -7_945_000
    assert balances(world, "helpers")["pending:ada"] == -7_945_000  # type: ignore[arg-type]
    assert wrong(database) == {}


def test_a_micro_that_changes_place(database: Database) -> None:
    """A change of gross alone, too small for any share, is a line with no transfer in an entry that has some."""
    world = World(database)
    world.take(world.message("bot", at(1, 5), 1), world.message("tutor", at(1, 5), 1))
    world.collect(world.payment("uma", "0.000003"))
    settle(world, CLOSE)
    world.take(world.message("tutor", at(1, 6), 1))
    result = settle(world, at(2, 2, 3))
    with database.reading() as session:
        rows = session.connection().execute(
            text("SELECT project_id, sum(gross), sum(share) FROM month_line GROUP BY 1")
        )
        assert {name: (int(gross), int(share)) for name, gross, share in rows} == {"bot": (1, 0), "tutor": (2, 1)}
    assert result.entry_id is not None
    assert wrong(database) == {}


def _pools(database: Database, chance: random.Random, many: int, most: int) -> None:
    """Random pools over random tokens of a month, split in SQL as `allocate` splits them."""
    users: dict[str, dict[str, int]] = {}
    uses, payments = [], []
    for number in range(many):
        user, names = f"u{number}", chance.sample([f"p{place}" for place in range(12)], chance.randrange(1, 9))
        users[user] = {name: chance.choice((1, 2, 3, 7, chance.randrange(1, most))) for name in sorted(names)}
        uses += [
            {"month": JAN, "user_id": user, "project_id": name, "tokens": tokens}
            for name, tokens in users[user].items()
        ]
        amount = chance.choice((1, 2, 5, 19_000_000, chance.randrange(1, 10**13)))
        payments.append({"payment_id": f"pay{number}", "user_id": user, "amount": amount})
    expected: dict[str, int] = defaultdict(int)
    for paid in payments:
        used = users[str(paid["user_id"])]
        for name, part in zip(used, allocate(int(str(paid["amount"])), list(used.values())), strict=True):
            expected[name] += part
    with database.transaction() as session:
        session.add(ProgramState(slug="helpers", kind="assistants"))
        session.flush()
        common = {"source": "x", "program": "helpers", "paid_at": at(1, 1), "month": JAN}
        session.execute(MonthUse.__table__.insert(), uses)  # type: ignore[attr-defined]
        session.execute(Payment.__table__.insert(), [common | one for one in payments])  # type: ignore[attr-defined]
        with joining_whole(session):
            found = {row.project_id: row.gross for row in session.execute(slices(session, "helpers", [JAN]))}
    assert found == expected
    assert sum(found.values()) == sum(int(str(one["amount"])) for one in payments)


@pytest.mark.parametrize(("many", "seed"), [(1_000, 1), pytest.param(100_000, 2, marks=pytest.mark.deep)])
def test_awkward_pools_sum_exactly(database: Database, many: int, seed: int) -> None:
    """Any pool over any tokens is split by largest remainder, ties by id, and sums to the pool, beyond BIGINT's square
    root as well."""
    _pools(database, random.Random(seed), many, 10**9)
