"""A withdrawal's life, on both databases (domain.md, "Withdrawals")."""

from __future__ import annotations

import pytest

from core.ledger.accounts import Wallet
from core.payouts import withdrawals
from core.storage import Database
from tests.payouts_world import DOLLAR, World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_paid(world: World) -> None:
    """Requested, approved, sent, paid: the net ends with the rail."""
    world.fund(100 * DOLLAR)
    made = world.sent(60 * DOLLAR)
    assert made.state == "sent"
    assert world.wallet() == Wallet(0, 40 * DOLLAR, 60 * DOLLAR)
    with world.session() as session:
        withdrawals.mark_paid(session, world.config, world.now, world.ann, made.id or 0, "T-1")
    assert world.wallet() == Wallet(0, 40 * DOLLAR, 0)
    assert world.balance("rail:manual") == 60 * DOLLAR
