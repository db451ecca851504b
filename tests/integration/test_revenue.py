"""What creators of assistants read of their earnings, on both databases (domain.md, "Program kind `assistants`")."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import re
from collections import defaultdict

import pytest
from sqlalchemy import event
from sqlmodel import select

from core.earnings import referrals, revenue
from core.earnings.explain import latest_earning
from core.earnings.explain_assistants import AssistantExplanation, assistant_explanation
from core.earnings.history import earned_lines
from core.earnings.periods import PERIODS, Days
from core.earnings.revenue import CreatorRevenue, Lifetime, Money, MonthSoFar, RevenueDay
from core.earnings.tables import Project
from core.ledger.money import allocate
from core.payouts import methods
from core.payouts.breakdown import breakdown
from core.payouts.export import transactions_csv
from core.payouts.history import transactions
from core.payouts.tables import Withdrawal
from core.people import resolve
from core.storage import Database
from tests.revenue_world import DOLLAR, FEB, HELPERS, JAN, OWNERS, World, at

MID = at(1, 20)
BIG = {"usage_day", "settlement_line", "month_use", "other", "payment", "month_line", "referral_line", "pending_month"}
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


def life(world: World, creator: str = "ada") -> Lifetime:
    with world.reading() as session:
        return revenue.lifetime(session, creator, "helpers")


def explain(world: World, project: str, day: dt.date) -> AssistantExplanation:
    with world.reading() as session:
        return assistant_explanation(session, world.config, session.get_one(Project, project), day, at(2, 1))


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


def january(world: World) -> None:
    """A month with a late message, a refund and a referrer; closed, corrected and paid out."""
    world.take(
        world.message("bot", at(1, 5), 400),
        world.message("tutor", at(1, 6), 600),
        world.message("bot", at(1, 31), MILLION, channel="embed"),
        world.message("coach", at(1, 31), 500, user="vic"),
    )
    world.collect(world.payment("uma", referrer="cleo"), world.payment("vic", "9.50"))


def test_a_month_closes_and_is_paid_out(world: World) -> None:
    """Estimates stay until the close, then the same amounts are settled; they wait in pending until the processing."""
    january(world)
    before = totals(world, "month", at(1, 31))
    over = so_far(world, at(2, 1, 2))
    assert (over.month, over.embed_waiting, over.marketplace_estimate, over.closed_pending) == (FEB, 0, 0, 0)
    assert over.earlier_estimate == 2_625_000 + 5_320_000 + 6_650_000
    assert so_far(world, at(2, 1, 2), "cleo").earlier_estimate == 3_800_000
    world.settle(at(2, 1, 3))
    with world.reading() as session:
        after = revenue.revenue_totals(session, world.config, "ada", "helpers", "all", at(2, 1, 4))
    assert after.total.marketplace == Money(17_100_000, 11_970_000, 11_970_000)
    assert (before.total.marketplace.share, before.total.embed.share) == (11_970_000, 2_625_000)
    assert [day.figures.total for day in after.days if day.closed and day.figures.tokens] == [
        day.figures.total for day in after.days if day.figures.total.gross
    ]
    assert so_far(world, at(2, 1, 4)) == MonthSoFar(FEB, 0, 0, 0, 0, 0, 14_595_000, 0)
    assert life(world) == Lifetime(20_850_000, 14_595_000, 0)
    assert life(world, "cleo") == Lifetime(0, 0, 3_800_000)
    world.process(at(2, 2, 3))
    assert so_far(world, at(2, 2, 4)).closed_pending == 0


def test_changes_after_the_close(world: World) -> None:
    """What comes late is an estimate until the next run posts it, for its own month, labelled, to the month after."""
    january(world)
    world.settle(at(2, 1, 3))
    world.process(at(2, 2, 3))
    world.take(world.message("bot", at(1, 20), 600))  # of uma's 1,600 tokens 1,000 now
    late = days_of(world, ["bot"], JAN, dt.date(2026, 1, 31))
    whole = revenue.figures_of(late).marketplace
    assert whole == Money(11_875_000, 8_312_500, 5_320_000)
    assert {day.closed for day in late} == {True}
    assert so_far(world, at(2, 3)).earlier_estimate == 8_312_500 - 5_320_000
    world.settle(at(2, 4, 3))
    assert revenue.figures_of(days_of(world, ["bot"], JAN, dt.date(2026, 1, 31))).marketplace.estimate == 0
    assert so_far(world, at(2, 4)).later_pending == 8_312_500 - 5_320_000
    assert so_far(world, at(2, 4), "bob").later_pending == (19_000_000 - 11_875_000) * 7 // 10 - 7_980_000
    with world.reading() as session:
        bob, ada = (earned_lines(session, creator, "helpers") for creator in ("bob", "ada"))
        cleo = earned_lines(session, "cleo")
    assert [(line.words, line.amount, line.bucket) for line in bob] == [
        ("Marketplace, correction for Jan 2026", -2_992_500, FEB),
        ("Marketplace, Jan 2026", 7_980_000, JAN),
    ]
    assert [(line.project_name, line.words, line.source, line.amount) for line in ada] == [
        ("Bot", "Marketplace, late usage for Jan 2026", "marketplace", 2_992_500),
        ("Bot", "Marketplace, Jan 2026", "marketplace", 5_320_000),
        ("Coach", "Marketplace, Jan 2026", "marketplace", 6_650_000),
        ("Bot", "Embed/API, 31 Jan", "embed", 2_625_000),
    ]
    assert [(line.project_id, line.project_name, line.words, line.amount) for line in cleo] == [
        ("", "Referral commission", "Jan 2026", 3_800_000)
    ]


def test_lines_page_and_go_into_files(world: World) -> None:
    """Pages of any size hold each line once, in one order; the desk's file has everybody's, oldest first."""
    january(world)
    world.settle(at(2, 1, 3))
    world.process(at(2, 2, 3))
    with world.reading() as session:
        every = transactions(session, "ada", limit=None).rows
        pages = [transactions(session, "ada", offset=offset, limit=1).rows[0] for offset in range(len(every))]
        assert tuple(pages) == every
        assert [(line.source, line.note, line.day, line.month, line.earned_by) for line in every[1:3]] == [
            ("Bot", "Marketplace, Jan 2026", None, JAN, "marketplace"),
            ("Coach", "Marketplace, Jan 2026", None, JAN, "marketplace"),
        ]
        out = io.StringIO()
        assert transactions_csv(session, out) == 6
        rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [(row["creator_id"], row["source"], row["month"], row["earned_by"]) for row in rows if row["month"]] == [
        ("ada", "Bot", "2026-01", "marketplace"),
        ("ada", "Coach", "2026-01", "marketplace"),
        ("bob", "Tutor", "2026-01", "marketplace"),
        ("cleo", "Referral commission", "2026-01", "referral"),
    ]


def test_explanations(world: World) -> None:
    """The day's tokens × price and the month's slices, with own use, entries and what waits; estimates before."""
    january(world)
    world.take(world.message("bot", at(1, 31), 77, user="ada"))
    open_month = explain(world, "bot", dt.date(2026, 1, 31))
    assert (open_month.embed.settled, open_month.embed.amount, open_month.embed.posted) == (False, 2_625_000, ())
    assert (open_month.marketplace.settled, open_month.marketplace.gross) == (False, 7_600_000)
    assert open_month.marketplace.settles_at == at(2, 1, 3)
    world.settle(at(2, 1, 3))
    world.take(world.message("bot", at(1, 31), 600), world.message("bot", at(1, 31), MILLION, channel="embed"))
    found = explain(world, "bot", dt.date(2026, 1, 31))
    embed, month = found.embed, found.marketplace
    assert (embed.tokens, embed.price, embed.gross, embed.amount) == (MILLION, 3_750_000, 3_750_000, 2_625_000)
    assert (embed.settled, embed.waiting, found.own_tokens) == (True, 2_625_000, 77)
    assert (month.tokens, month.gross, month.amount, month.waiting) == (400, 7_600_000, 5_320_000, 2_992_500)
    assert (month.settled, month.own_tokens, month.terms.share_bp) == (True, 77, 7000)
    assert embed.posted[0].entry_id == month.posted[0].entry_id
    world.settle(at(2, 2, 3))
    found = explain(world, "bot", dt.date(2026, 1, 31))
    assert [line.label for line in found.embed.posted] == ["", "late usage for 31 Jan"]
    assert [line.label for line in found.marketplace.posted] == ["", "late usage for Jan 2026"]
    assert (found.embed.amount, found.marketplace.tokens, found.marketplace.waiting) == (5_250_000, 1_000, 0)
    with world.reading() as session:
        assert latest_earning(session, "ada", "helpers") == ("coach", dt.date(2026, 1, 31))


def test_a_payout_by_assistant(world: World) -> None:
    """Only what a processing made available by the request is parted, commissions as one; the parts sum to it."""
    january(world)
    world.collect(world.payment("vic", "50", referrer="ada"))
    world.settle(at(2, 1, 3))
    with world.database.transaction() as session:
        methods.choose(session, world.config, at(1, 1), resolve(session, "ada"), "helpers", "bank")
    world.process(at(2, 2, 3))
    world.take(world.message("bot", at(2, 3), MILLION, channel="embed"))
    world.settle(at(2, 4, 3))
    with world.reading() as session:
        made = session.exec(select(Withdrawal).where(Withdrawal.creator_id == "ada")).one()
        parts = breakdown(session, made)
    assert [(part.project_id, part.name) for part in parts] == [("coach", "Coach"), ("", "Referrals"), ("bot", "Bot")]
    assert sum(part.amount for part in parts) == made.amount


def test_no_reading_looks_through_a_table(world: World) -> None:
    """Whatever a creator asks costs what their own assistants cost: every big table is searched by a key."""
    january(world)
    world.settle(at(2, 1, 3))
    world.take(world.message("bot", at(2, 3), 600))
    asked: list[tuple[str, object]] = []

    def hear(_connection: object, _cursor: object, statement: str, values: object, *_rest: object) -> None:
        asked.append((statement, values))

    with world.reading() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", hear)
        for period in PERIODS:
            revenue.revenue_totals(session, world.config, "ada", "helpers", period, at(2, 4))
        revenue.month_so_far(session, world.config, "ada", "helpers", at(2, 4))
        revenue.lifetime(session, "ada", "helpers")
        referrals.summary(session, world.config, "cleo", "helpers", at(2, 4))
        assistant_explanation(session, world.config, session.get_one(Project, "bot"), dt.date(2026, 2, 3), at(2, 4))
        latest_earning(session, "ada", "helpers")
        earned_lines(session, "ada", "helpers", limit=10)
        event.remove(connection, "before_cursor_execute", hear)
        postgres = connection.dialect.name == "postgresql"
        if postgres:  # tables this small are read whole unless that is forbidden
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain_it = "EXPLAIN " if postgres else "EXPLAIN QUERY PLAN "
        plans = [
            str(row[0 if postgres else 3])
            for statement, values in asked
            for row in connection.exec_driver_sql(explain_it + statement, values)  # type: ignore[arg-type]
        ]
    scanned = {found[1] for plan in plans if (found := re.search(r"(?:^SCAN|Seq Scan on) (\w+)", plan))}
    assert len(plans) > 50
    assert scanned & BIG == set()
