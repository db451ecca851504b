"""What creators read of subscribers they brought, on both databases (domain.md, "Program kind `assistants`")."""

from __future__ import annotations

import pytest

from core.earnings import referrals
from core.earnings.referrals import ReferralMonth, ReferralSummary
from core.storage import Database
from tests.revenue_world import FEB, JAN, World, at


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def summary(world: World, creator: str = "cleo") -> ReferralSummary:
    with world.reading() as session:
        return referrals.summary(session, world.config, creator, "helpers", at(2, 10))


def test_commissions_by_month(world: World) -> None:
    """20 % of each payment, rounded down payment by payment; own and voided ones earn none; estimates, then settled."""
    kept = [world.payment("uma", referrer="cleo"), world.payment("vic", "9.999999", referrer="cleo")]
    gone = world.payment("wes", referrer="cleo")
    own = world.payment("cleo", referrer="cleo")
    world.collect(*kept, gone, own, world.payment("uma", "19", "2026-02", "cleo"))
    world.refund(gone)
    open_month = ReferralMonth(JAN, 28_999_999, 5_799_999, 0, closed=False)
    ahead = ReferralMonth(FEB, 19_000_000, 3_800_000, 0, closed=False)
    assert summary(world) == ReferralSummary(None, 9_599_999, 0, 2000, (ahead, open_month))
    world.take(world.message("bot", at(1, 5), 1))
    world.settle(at(2, 1, 3))
    closed = ReferralMonth(JAN, 28_999_999, 5_799_999, 5_799_999, closed=True)
    assert summary(world) == ReferralSummary(None, 3_800_000, 5_799_999, 2000, (ahead, closed))
    world.refund(kept[0])
    changed = ReferralMonth(JAN, 9_999_999, 1_999_999, 5_799_999, closed=True)
    assert summary(world) == ReferralSummary(None, 0, 5_799_999, 2000, (ahead, changed))
    world.settle(at(2, 2, 3))
    assert summary(world).by_month[1] == ReferralMonth(JAN, 9_999_999, 1_999_999, 1_999_999, closed=True)
    assert summary(world, "bob") == ReferralSummary(None, 0, 0, 2000, ())


def test_how_many_subscribers(world: World) -> None:
    """The number of distinct subscribers is told from five on, and not of fewer."""
    for number in range(1, 5):
        world.collect(world.payment(f"u{number}", referrer="cleo"), world.payment(f"u{number}", "1", "2026-02", "cleo"))
    assert summary(world).subscribers is None
    world.collect(world.payment("u5", referrer="cleo"))
    assert summary(world).subscribers == 5
