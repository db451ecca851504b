"""Drafts of withdrawals: used once, by their creator, in time, and checked again; and what creators see of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from core.errors import DeskError
from core.ledger.accounts import Wallet
from core.payouts import withdrawals
from core.payouts.tables import Draft
from core.people import Actor
from core.storage import Database
from tests.conftest import count
from tests.payouts_world import CONFIG, DOLLAR, HOUR, MANUAL, NOW, World
from tests.requests_world import not_confirmed, refused


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def small(sqlite_database: Database) -> World:
    """For rules in which the kind of database has no part."""
    return World(sqlite_database)


def test_a_draft_is_single_use(world: World) -> None:
    """A second press tells what became of the first, and moves nothing."""
    world.fund(200 * DOLLAR)
    token = world.draft(60 * DOLLAR)
    with world.session() as session:
        made = withdrawals.confirm(session, world.config, world.now, world.ada, token)
    world.now = NOW + dt.timedelta(minutes=1)
    assert not_confirmed(world, token) == f"Already requested at 09:14: WD-{made.id}, $60.00, pending. Nothing changed."
    world.approve(made.id)
    world.now = NOW + 24 * HOUR
    expected = f"Already requested at 14 Jan 09:14: WD-{made.id}, $60.00, processing. Nothing changed."
    assert not_confirmed(world, token) == expected


def test_a_draft_is_its_creators(world: World) -> None:
    """Somebody else's draft and one that never was are one and the same refusal."""
    world.fund(100 * DOLLAR)
    world.fund(100 * DOLLAR, "bo")
    token = world.draft(60 * DOLLAR)
    expected = "There is no such preview of yours. Nothing moved. Ask for a new one with /withdraw."
    assert not_confirmed(world, token, world.bo) == expected
    for forged in (
        "",
        "x",
        token[:-1],
        token.swapcase(),
        "x" * 65,
        "x" * 64,
        "\0",
        "é",
        "\ud800",
        "'; DROP TABLE draft",
    ):
        assert not_confirmed(world, forged) == expected
    with world.session() as session:
        assert withdrawals.confirm(session, world.config, world.now, world.ada, token).amount == 60 * DOLLAR


def test_a_draft_expires(world: World) -> None:
    """After 15 minutes a preview can't be confirmed any more."""
    world.fund(100 * DOLLAR)
    token, late = world.draft(50 * DOLLAR), world.draft(50 * DOLLAR)
    world.now = NOW + dt.timedelta(minutes=15) - dt.timedelta(microseconds=1)
    with world.session() as session:
        assert withdrawals.confirm(session, world.config, world.now, world.ada, token).amount == 50 * DOLLAR
    world.now = NOW + dt.timedelta(minutes=15)
    expected = "This preview is older than 15 minutes. Nothing moved. Ask for a new one with /withdraw."
    assert not_confirmed(world, late) == expected


def test_a_discarded_draft(small: World) -> None:
    """A preview that was thrown away stays so, and says when; a used one can't be thrown away."""
    small.fund(100 * DOLLAR)
    token = small.draft()
    with small.session() as session:
        withdrawals.discard(session, small.now, small.ada, token)
    expected = "You discarded this preview at 09:14. Nothing moved. Ask for a new one with /withdraw."
    assert not_confirmed(small, token) == expected
    with pytest.raises(DeskError) as refusal, small.session() as session:
        withdrawals.discard(session, small.now, small.ada, token)
    assert refusal.value.text == expected
    with pytest.raises(DeskError) as refusal, small.session() as session:
        withdrawals.discard(session, small.now, small.bo, token)
    assert refusal.value.text.startswith("There is no such preview of yours.")
    used = small.draft()
    with small.session() as session:
        made = withdrawals.confirm(session, small.config, small.now, small.ada, used)
    with pytest.raises(DeskError) as refusal, small.session() as session:
        withdrawals.discard(session, small.now, small.ada, used)
    assert refusal.value.text == f"Already requested at 09:14: WD-{made.id}, $100.00, pending. Nothing changed."


def test_confirming_checks_everything_again(world: World) -> None:
    """Between preview and confirmation balance, minimum, methods and fee may have changed; each is a refusal then."""
    world.fund(100 * DOLLAR)
    token = world.draft(100 * DOLLAR)
    world.fund(-10 * DOLLAR)
    assert not_confirmed(world, token) == "You asked for $100.00; $90.00 is available. Nothing moved."
    world.fund(-50 * DOLLAR)
    assert not_confirmed(world, token) == "Minimum $50.00; you have $40.00, $10.00 short."
    world.fund(-41 * DOLLAR)
    assert not_confirmed(world, token) == "−$1.00; future earnings repay this first. Nothing moved."
    world.fund(200 * DOLLAR)
    usual = world.config
    world.config = replace(CONFIG, methods=(replace(MANUAL, fee_micros=DOLLAR),))
    expected = "The fee is $1.00 now; your preview said $0.00. Nothing moved. Look at a new preview with /withdraw."
    assert not_confirmed(world, token) == expected
    world.config = replace(CONFIG, methods=(replace(MANUAL, name="cheque"),))
    assert not_confirmed(world, token) == "'manual' is not offered in US. You can use: cheque. Nothing moved."
    world.config = usual
    with world.session() as session:
        assert withdrawals.confirm(session, world.config, world.now, world.ada, token).amount == 100 * DOLLAR


def test_the_hold_decides(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the balance goes between the check and the move, the move refuses and leaves no request behind."""
    world.fund(100 * DOLLAR)
    token = world.draft(100 * DOLLAR)
    world.fund(-10 * DOLLAR)
    monkeypatch.setattr(withdrawals, "_check_amount", lambda *_: None)
    with world.session() as session:
        with pytest.raises(DeskError) as refusal:
            withdrawals.confirm(session, world.config, world.now, world.ada, token)
        assert refusal.value.text == "You asked for $100.00; $90.00 is available. Nothing moved."
    assert world.wallet() == Wallet(0, 90 * DOLLAR, 0)
    assert count(world.database, "withdrawal") == 0


def test_old_drafts_are_forgotten(world: World) -> None:
    """A week later a creator's new preview sweeps their old ones away, nobody else's."""
    world.fund(100 * DOLLAR)
    world.fund(100 * DOLLAR, "bo")
    old, others = world.draft(), world.draft(who=world.bo)
    world.now = NOW + dt.timedelta(days=7)
    kept = world.draft()
    with world.session() as session:
        assert session.get(Draft, old) is not None
    world.now += dt.timedelta(microseconds=1)
    world.draft()
    with world.session() as session:
        assert [session.get(Draft, token) is None for token in (old, others, kept)] == [True, False, False]


def test_standing(small: World) -> None:
    """A card that only looks learns the minimum and what hinders a withdrawal, without a draft being made."""
    with small.session() as session:
        found = withdrawals.standing(session, small.config, small.now, small.ada, "studio")
        assert found.minimum == 50 * DOLLAR
        assert found.refusal is not None
        assert found.refusal.text == "Minimum $50.00; you have $0.00, $50.00 short."
    small.fund(100 * DOLLAR)
    small.config = replace(CONFIG, methods=(replace(MANUAL, minimum_micros=60 * DOLLAR),))
    with small.session() as session:
        found = withdrawals.standing(session, small.config, small.now, small.ada, "studio")
    assert found == withdrawals.Standing(60 * DOLLAR, None)
    assert count(small.database, "draft") == 0


def test_own_withdrawals_only(world: World) -> None:
    """Another creator's withdrawal and one that is not there are one and the same refusal."""
    world.fund(100 * DOLLAR)
    made = world.request()
    for who, number in (
        (world.bo, made.id or 0),
        (world.mira, made.id or 0),
        (world.ada, 999),
        (world.ada, -1),
        (world.ada, 2**63),
    ):
        with pytest.raises(DeskError) as refusal, world.session() as session:
            withdrawals.find_own(session, who, number)
        assert refusal.value.text == f"There is no withdrawal WD-{number} of yours. Nothing changed."
    with world.session() as session:
        assert withdrawals.find_own(session, world.ada, made.id or 0).amount == 100 * DOLLAR


def test_an_unknown_creator(small: World) -> None:
    """An actor whose creator is not in the books is refused by id, not with a crash."""
    ghost = Actor(small.ada.person_id, "Ghost", "ghost", frozenset())
    assert refused(small, who=ghost) == "Nothing changed. There is no creator 'ghost'."
    assert not_confirmed(small, "x", ghost) == "Nothing changed. There is no creator 'ghost'."
