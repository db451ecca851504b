"""How requests for a withdrawal are refused, for tests."""

from __future__ import annotations

import pytest

from core.errors import DeskError
from core.payouts import withdrawals
from core.people import Actor
from tests.conftest import count
from tests.payouts_world import World


def refused(world: World, amount: int | None = None, who: Actor | None = None, **wanted: str) -> str:
    """What a preview that must be refused says."""
    with pytest.raises(DeskError) as refusal, world.session() as session:
        withdrawals.preview(session, world.config, world.now, who or world.ada, amount, **wanted)
    return refusal.value.text


def not_confirmed(world: World, token: str, who: Actor | None = None) -> str:
    """What a confirmation that must be refused says; nothing may have moved."""
    before = world.wallet(), count(world.database, "withdrawal"), count(world.database, "entry")
    with pytest.raises(DeskError) as refusal, world.session() as session:
        withdrawals.confirm(session, world.config, world.now, who or world.ada, token)
    assert (world.wallet(), count(world.database, "withdrawal"), count(world.database, "entry")) == before
    return refusal.value.text
