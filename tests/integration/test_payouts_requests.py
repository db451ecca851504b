"""Asking for money: previews, every refusal to the letter, and what a confirmed draft does, on both databases."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from core import people
from core.config import Method, Program, Terms
from core.ledger.accounts import Wallet
from core.payouts import freezes, methods, withdrawals
from core.payouts.facts import WithdrawalRequested
from core.people import Identity
from core.storage import Database
from tests.payouts_world import CONFIG, DOLLAR, HOUR, MANUAL, NOW, TWO_PROGRAMS, World
from tests.requests_world import not_confirmed, refused

CENT = DOLLAR // 100
BANK = Method("bank", "stripe", ("US",), fee_micros=2 * DOLLAR, business_days=(5, 7), title="Bank transfer")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def small(sqlite_database: Database) -> World:
    """For rules in which the kind of database has no part."""
    return World(sqlite_database)


def test_preview_says_all_and_moves_nothing(world: World) -> None:
    """A preview has amount, fee, what arrives, balance after and dates; the wallet stays as it was."""
    world.config = replace(CONFIG, methods=(replace(MANUAL, fee_micros=DOLLAR),))
    world.fund(100 * DOLLAR)
    with world.session() as session:
        shown = withdrawals.preview(session, world.config, world.now, world.ada, 60 * DOLLAR)
    assert replace(shown, draft="") == withdrawals.Preview(
        draft="",
        expires_at=NOW + dt.timedelta(minutes=15),
        program="studio",
        amount=60 * DOLLAR,
        fee=DOLLAR,
        net=59 * DOLLAR,
        minimum=50 * DOLLAR,
        balance=100 * DOLLAR,
        balance_after=40 * DOLLAR,
        method="manual",
        method_title="By hand",
        arrives_from=dt.date(2026, 1, 15),
        arrives_by=dt.date(2026, 1, 20),
        approvals_needed=1,
    )
    assert len(shown.draft) == 36
    assert world.wallet() == Wallet(0, 100 * DOLLAR, 0)
    assert world.facts == []


def test_confirm_holds_the_money(world: World) -> None:
    """Confirming moves the amount available → reserved at once and tells of it, once."""
    world.config = replace(CONFIG, methods=(replace(MANUAL, fee_micros=DOLLAR),))
    world.fund(100 * DOLLAR)
    made = world.request(60 * DOLLAR)
    assert world.wallet() == Wallet(0, 40 * DOLLAR, 60 * DOLLAR)
    stored = world.get(made.id)
    assert stored.model_dump(exclude={"id"}) == {
        "program": "studio",
        "creator_id": "ada",
        "number": 1,
        "amount": 60 * DOLLAR,
        "fee": DOLLAR,
        "method": "manual",
        "rail": "manual",
        "destination": "",
        "state": "requested",
        "approvals_needed": 1,
        "requested_by": world.ada.person_id,
        "requested_at": NOW,
        "approved_at": None,
        "sent_at": None,
        "ended_at": None,
        "ended_by": "",
        "arrives_from": dt.date(2026, 1, 15),
        "arrives_by": dt.date(2026, 1, 20),
        "reason": "",
        "reference": "",
        "batch_id": None,
    }
    assert world.facts == [WithdrawalRequested(made.id or 0, NOW)]
    assert world.trail()[-1] == ("Ada", "payout.request", f"WD-{made.id}", "$60.00 by manual")
    memo = "ada's withdrawal no. 1: requested"
    assert world.entries()[-1] == ("withdrawal:studio:ada:1:request", "withdrawal.request", memo)


def test_numbers_count_per_creator_and_program(database: Database) -> None:
    """Ledger keys count 1, 2, … for each creator and program, so that they hold no database id."""
    world = World(database, TWO_PROGRAMS)
    for program in ("studio", "arcade"):
        world.fund(200 * DOLLAR, program=program)
    world.fund(200 * DOLLAR, "bo")
    made = [world.request(50 * DOLLAR, program=program) for program in ("studio", "arcade", "studio", "arcade")]
    made.append(world.request(50 * DOLLAR, world.bo))
    assert [(one.program, one.creator_id, one.number) for one in made] == [
        ("studio", "ada", 1),
        ("arcade", "ada", 1),
        ("studio", "ada", 2),
        ("arcade", "ada", 2),
        ("studio", "bo", 1),
    ]


def test_balance_below_minimum(small: World) -> None:
    """A balance too low is refused with the shortfall, whatever was asked for."""
    small.fund(31_200_000)
    expected = "Minimum $50.00; you have $31.20, $18.80 short."
    assert refused(small) == expected
    assert refused(small, 20 * DOLLAR) == expected
    assert refused(small, 60 * DOLLAR) == expected


def test_amount_below_minimum(small: World) -> None:
    """An amount too low is refused with the shortfall."""
    small.fund(100 * DOLLAR)
    assert refused(small, 49_990_000) == "Minimum $50.00; you asked for $49.99, $0.01 short. Nothing moved."
    assert refused(small, 0) == "Minimum $50.00; you asked for $0.00, $50.00 short. Nothing moved."
    assert refused(small, -DOLLAR) == "Minimum $50.00; you asked for −$1.00, $51.00 short. Nothing moved."


def test_minimum_itself_passes(small: World) -> None:
    """Exactly the minimum of exactly the minimum's balance passes and leaves nothing."""
    small.fund(50 * DOLLAR)
    small.request(50 * DOLLAR)
    assert small.wallet() == Wallet(0, 0, 50 * DOLLAR)


def test_above_the_balance(small: World) -> None:
    """More than there is is refused, saying what is available."""
    small.fund(70 * DOLLAR)
    expected = "You asked for $70.01; $70.00 is available. Nothing moved."
    assert refused(small, 70 * DOLLAR + CENT) == expected


def test_negative_balance(small: World) -> None:
    """A negative balance is refused first of all: future earnings repay it."""
    small.fund(-12 * DOLLAR)
    assert refused(small) == "−$12.00; future earnings repay this first. Nothing moved."
    assert refused(small, 60 * DOLLAR) == "−$12.00; future earnings repay this first. Nothing moved."


def test_zero_balance(small: World) -> None:
    """Nothing earned yet is a balance below the minimum, not a negative one."""
    assert refused(small) == "Minimum $50.00; you have $0.00, $50.00 short."


def test_whole_cents(world: World) -> None:
    """A withdrawal is in whole cents; “all” is the balance cut down to them."""
    world.fund(100 * DOLLAR + 9_999)
    expected = "A withdrawal is in whole cents; you asked for $60.005. Nothing moved."
    assert refused(world, 60_005_000) == expected
    assert world.request(None).amount == 100 * DOLLAR
    assert world.wallet() == Wallet(0, 9_999, 100 * DOLLAR)


def test_a_cent_is_the_least(small: World) -> None:
    """Where nobody set a minimum, a cent is it: a balance of less has nothing to withdraw."""
    free = {"studio": Program("studio", "credits", (Terms(dt.date(2025, 1, 1), minimum_micros=0),))}
    small.config = replace(CONFIG, programs=free)
    small.fund(9_999)
    assert refused(small) == "Minimum $0.01; you have $0.009999, $0.000001 short."
    small.fund(1)
    assert small.request(None).amount == CENT


def test_the_larger_minimum_counts(small: World) -> None:
    """The amount must reach the larger of the program's and the method's minimum."""
    small.fund(100 * DOLLAR)
    small.config = replace(CONFIG, methods=(replace(MANUAL, minimum_micros=75 * DOLLAR),))
    assert refused(small, 74 * DOLLAR) == "Minimum $75.00; you asked for $74.00, $1.00 short. Nothing moved."
    small.config = replace(CONFIG, methods=(replace(MANUAL, minimum_micros=20 * DOLLAR),))
    assert refused(small, 49 * DOLLAR) == "Minimum $50.00; you asked for $49.00, $1.00 short. Nothing moved."


def test_the_terms_of_today_count(small: World) -> None:
    """The minimum is that of the terms in force today (UTC)."""
    terms = (Terms(dt.date(2025, 1, 1)), Terms(dt.date(2026, 1, 14), minimum_micros=80 * DOLLAR))
    small.config = replace(CONFIG, programs={"studio": Program("studio", "credits", terms)})
    small.fund(100 * DOLLAR)
    assert refused(small, 79 * DOLLAR) == "Minimum $80.00; you asked for $79.00, $1.00 short. Nothing moved."
    small.now = dt.datetime(2026, 1, 13, 23, 59, tzinfo=dt.UTC)
    assert small.request(79 * DOLLAR).amount == 79 * DOLLAR


def test_the_fee_must_leave_something(small: World) -> None:
    """The fee comes out of the amount; where nothing would be left, that is refused."""
    small.config = replace(CONFIG, methods=(replace(MANUAL, fee_micros=60 * DOLLAR),))
    small.fund(100 * DOLLAR)
    expected = "The fee of $60.00 would leave nothing of $60.00. Ask for more. Nothing moved."
    assert refused(small, 60 * DOLLAR) == expected
    assert small.request(60 * DOLLAR + CENT).fee == 60 * DOLLAR


def test_only_creators_withdraw(small: World) -> None:
    """A person who earns nothing is told so."""
    expected = "Nothing moved. Only creators have a balance, and you are not linked to one."
    assert refused(small, who=small.mira) == expected
    assert not_confirmed(small, "x", small.mira) == expected


def test_no_wallet(small: World) -> None:
    """A creator without a project has no wallet to withdraw from; nor one whose program was configured away."""
    expected = "Nothing moved. There is no wallet yet: it comes with the first project."
    small.config = replace(CONFIG, programs={})
    assert refused(small) == expected


def test_which_program(database: Database) -> None:
    """Who earns in several programs has to name one; by slug or title, in any case."""
    world = World(database, TWO_PROGRAMS)
    world.config = replace(
        TWO_PROGRAMS,
        programs={**TWO_PROGRAMS.programs, "studio": replace(CONFIG.programs["studio"], title="The Studio")},
    )
    world.fund(100 * DOLLAR)
    assert refused(world) == "Nothing changed. You earn in several programs; say which: arcade, studio."
    assert refused(world, program="moon") == "Nothing changed. 'moon' is none of your programs: arcade, studio."
    assert refused(world, program="") == "Nothing changed. '' is none of your programs: arcade, studio."
    assert world.request(50 * DOLLAR, program=" the studio").program == "studio"
    assert world.request(50 * DOLLAR, program="STUDIO").program == "studio"
    assert refused(world, program="arcade") == "Minimum $50.00; you have $0.00, $50.00 short."


def test_methods_by_country(small: World) -> None:
    """Only what the configuration offers for the creator's country; none at all says that the balance is safe."""
    small.config = replace(CONFIG, methods=(BANK, replace(MANUAL, countries=("DE", "FR"))))
    small.fund(100 * DOLLAR, "bo")
    small.fund(100 * DOLLAR)
    expected = "'bank' is not offered in DE. You can use: manual. Nothing moved."
    assert refused(small, who=small.bo, method="bank") == expected
    assert small.request(60 * DOLLAR, small.bo, method="By HAND ").method == "manual"
    small.config = replace(CONFIG, methods=(replace(MANUAL, countries=("FR",)),))
    expected = "No payout method is offered in US yet. Nothing moved; your balance is safe."
    assert refused(small, 60 * DOLLAR) == expected


def test_methods_that_need_setting_up(small: World) -> None:
    """A method without its destination is refused when named and passed over when not."""
    small.config = replace(CONFIG, methods=(BANK, MANUAL))
    small.fund(200 * DOLLAR)
    assert refused(small, method="bank") == "Bank transfer isn't set up yet. Set it up with /methods. Nothing moved."
    assert small.request(50 * DOLLAR).method == "manual"
    with small.session() as session:
        methods.choose(session, small.config, small.now, small.ada, "studio", "bank", "••6411")
    made = small.request(50 * DOLLAR)
    assert (made.method, made.rail, made.destination, made.fee) == ("bank", "stripe", "••6411", 2 * DOLLAR)
    assert small.request(50 * DOLLAR, method="manual").method == "manual"


def test_a_method_without_a_title(small: World) -> None:
    """A method that has no title goes by its name."""
    small.config = replace(CONFIG, methods=(replace(BANK, title=""),))
    small.fund(100 * DOLLAR)
    assert refused(small) == "bank isn't set up yet. Set it up with /methods. Nothing moved."
    small.config = replace(CONFIG, methods=(replace(MANUAL, title=""),))
    with small.session() as session:
        assert withdrawals.preview(session, small.config, small.now, small.ada).method_title == "manual"


def test_frozen(world: World) -> None:
    """A creator on hold can't request; the reason is told, and that the balance is safe."""
    world.fund(100 * DOLLAR)
    token = world.draft()
    with world.session() as session:
        freezes.freeze(session, world.now, world.ann, "ada", "Chargeback under review")
    expected = "Your account is on hold: Chargeback under review. Nothing moved; your balance is safe."
    assert refused(world) == expected
    assert not_confirmed(world, token) == expected


def link(world: World, at: dt.datetime, user: str) -> None:
    with world.session() as session:
        code, _ = people.create_link_code(session, at, world.ada.person_id)
        assert people.link(session, at, Identity("slack", user, "T1"), code).ok


def test_waiting_after_a_further_identity(small: World) -> None:
    """A further chat account starts 24 hours of waiting, with the time named; the first one doesn't."""
    small.fund(100 * DOLLAR)
    link(small, NOW - 2 * HOUR, "U1")
    token = small.draft(50 * DOLLAR)
    link(small, NOW - HOUR, "U2")
    expected = (
        "New requests wait until 15 Jan 2026 08:14 UTC: a further chat account was linked on 14 Jan 2026 08:14 UTC. "
        "Nothing moved; open requests go on."
    )
    assert refused(small) == expected
    assert not_confirmed(small, token) == expected
    small.now = NOW + 23 * HOUR - dt.timedelta(microseconds=1)
    assert refused(small) == expected
    small.now = NOW + 23 * HOUR
    assert small.request(50 * DOLLAR).amount == 50 * DOLLAR


def test_waiting_after_another_destination(small: World) -> None:
    """Changing where the money goes starts the waiting time; the later of two waits counts."""
    small.config = replace(CONFIG, methods=(BANK, MANUAL), link_wait=dt.timedelta(hours=10))
    small.fund(200 * DOLLAR)
    with small.session() as session:
        methods.choose(session, small.config, NOW - 5 * HOUR, small.ada, "studio", "bank", "••6411")
    small.request(50 * DOLLAR)
    with small.session() as session:
        methods.choose(session, small.config, NOW - 4 * HOUR, small.ada, "studio", "bank", "••0001")
    expected = (
        "New requests wait until 14 Jan 2026 15:14 UTC: the payout method was changed on 14 Jan 2026 05:14 UTC. "
        "Nothing moved; open requests go on."
    )
    assert refused(small) == expected
    link(small, NOW - 6 * HOUR, "U1")
    link(small, NOW - 5 * HOUR, "U2")
    assert refused(small) == expected
    link(small, NOW - 3 * HOUR, "U3")
    assert refused(small).startswith("New requests wait until 14 Jan 2026 16:14 UTC: a further chat account")
