"""From usage and subscriptions to a month's payout, and what creators hear when a closed month changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core import people
from core.chat import settings
from core.earnings.payments import accept_payments
from core.earnings.settlement import StaleTerms
from core.earnings.tables import ProgramState
from core.earnings.terms import sync_programs
from core.payouts.processing import run_due
from core.storage import Database
from tests.assistants_desk import ASSISTERS, World, feb, message, seeds_numbers
from tests.desk_world import jan, said


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    desk = seeds_numbers(World(database))
    yield desk
    desk.close()


def refund(world: World, payment: str) -> None:
    row = {"payment_id": f"v-{payment}", "paid_at": world.now.isoformat(), "voids": payment}
    report = accept_payments(world.database, world.config, [row], "platform", world.now)
    assert not report.rejected, report.rejected


def test_a_month_from_its_usage_to_its_payout(world: World) -> None:
    """The seed's month: embed revenue, the slice of a subscription and the commission come out as one payout."""
    world.link("ada")
    world.posted()
    world.settle(feb(1, 3))
    # 70% of 40% of $19.00, 20% of $19.00, and 70% of $3.75; Bo has 70% of $11.40, less than the minimum.
    assert "$11.745" in said(world.ask("ada", "/balance"))
    world.settle(feb(2, 3))
    world.process()
    (coming,) = [card for where, card in world.posted() if where == "Uada" and "payout" in card.title]
    assert coming.title == "Your payout for Jan 2026: $11.74, on its way once approved"
    assert world.sound()
    world.process()
    assert world.posted() == []


def test_a_closed_month_changes(world: World) -> None:
    """After the payout a late message and a refund change January: each creator concerned reads by how much."""
    for name in ("ada", "bo"):
        world.link(name)
    with world.database.transaction() as session:
        settings.change(session, people.resolve(session, "bo").person_id, alerts=False)
    world.close_january()
    world.posted()
    world.now = feb(10)
    world.take(message("trip", jan(20), 2_000_000, "shop", embed=True))
    refund(world, "p1")
    world.settle(feb(11, 3))
    told = {where: card for where, card in world.posted() if "changed after" in card.title}
    # +70% of $10.00, − 70% of $7.60, − $3.80; and −70% of $11.40.
    assert told["Uada"].title == "Jan 2026 changed after it was closed: −$2.12"
    assert told["Ubo"].title == "Jan 2026 changed after it was closed: −$7.98"
    assert world.sound()
    world.take(message("yoga", jan(21), 2_000_000, "shop", embed=True))
    world.settle(feb(12, 3))
    again = [where for where, card in world.posted() if "changed after" in card.title]
    assert again == []  # Bo gained, and switched alerts off
    world.settle(dt.datetime(2026, 3, 2, 3, tzinfo=dt.UTC))
    world.process()
    assert "Available −$2.115 " in said(world.ask("ada", "/balance"))  # half a cent was left in January
    assert world.sound()


def test_late_days_of_the_running_month(world: World) -> None:
    """Late usage for a day of a month that is still open changes no closed month: nothing extra is said."""
    world.link("ada")
    world.posted()
    world.take(message("tax", jan(12), 1_000_000, "shop", embed=True))
    world.settle(jan(15, 3))
    assert [card.title for _, card in world.posted() if "changed" in card.title] == []


def test_catching_up(world: World) -> None:
    """After weeks in which nobody ran, one call settles all days, closes the months and pays them out together."""
    world.take(message("yoga", jan(13, 20), 4_000_000, "shop", embed=True))
    later = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
    due = run_due(world.database, world.config, later)
    assert [(one.start, one.through) for one in due.settled] == [(jan(14).date(), dt.date(2026, 3, 19))]
    assert [(one.month, one.payouts) for one in due.processed] == [(dt.date(2026, 2, 1), 2)]
    again = run_due(world.database, world.config, later)
    assert again.processed == []
    assert world.sound()


def test_other_terms_hold_only_their_program_back(world: World) -> None:
    """A program that this process knows under old terms is not settled, so it is not paid out either; others are."""
    world.settle(feb(2, 3))
    old = replace(ASSISTERS, terms=(replace(ASSISTERS.terms[0], share_bp=6000),))
    config = replace(world.config, programs={"assisters": ASSISTERS, "other": replace(old, slug="other")})
    with world.database.transaction() as session:
        sync_programs(session, config)
        session.get_one(ProgramState, "other").terms = "[]"
        session.get_one(ProgramState, "other").settled_through = jan(1).date()
    with pytest.raises(StaleTerms):
        run_due(world.database, config, feb(2, 4))
    with world.database.reading() as session:
        months = {slug: session.get_one(ProgramState, slug).processed_month for slug in ("assisters", "other")}
    assert months == {"assisters": jan(1).date(), "other": None}
