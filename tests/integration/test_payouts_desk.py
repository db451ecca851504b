"""Holds, corrections by hand and payout methods, on both databases (domain.md, "Roles" and "Withdrawals")."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core import people
from core.config import Method
from core.earnings.tables import Creator
from core.errors import DeskError
from core.ledger.accounts import Wallet
from core.ledger.verify import ledger_checks
from core.payouts import adjustments, freezes, lists, methods
from core.payouts.checks import payout_checks
from core.payouts.facts import AdjustmentDecided, AdjustmentProposed, CreatorFrozen, CreatorUnfrozen
from core.payouts.tables import Adjustment, Freeze, PayoutChoice
from core.people import Actor
from core.storage import Database
from tests.conftest import count
from tests.payouts_world import CONFIG, DOLLAR, HOUR, MANUAL, NOW, TWO_PROGRAMS, World

BANK = Method("bank", "stripe", ("US",), title="Bank transfer")
SEPA = Method("sepa", "sepa", ("DE", "FR"))


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def small(sqlite_database: Database) -> World:
    """For rules in which the kind of database has no part."""
    return World(sqlite_database)


def freeze(world: World, who: Actor, creator: str = "ada", reason: str = "under review") -> None:
    with world.session() as session:
        freezes.freeze(session, world.now, who, creator, reason)


def unfreeze(world: World, who: Actor, creator: str = "ada", reason: str = "cleared") -> None:
    with world.session() as session:
        freezes.unfreeze(session, world.now, who, creator, reason)


def propose(
    world: World, who: Actor, amount: int, creator: str = "ada", program: str | None = None, reason: str = "goodwill"
) -> Adjustment:
    with world.session() as session:
        return adjustments.propose(session, world.config, world.now, who, creator, program, amount, reason)


def decide(world: World, who: Actor, made: Adjustment | int, approve: bool = True) -> Adjustment:
    number = made if isinstance(made, int) else made.id or 0
    with world.session() as session:
        verb = adjustments.approve if approve else adjustments.decline
        return verb(session, world.config, world.now, who, number)


def test_freezing(world: World) -> None:
    """A hold is kept with who, when and why, told and audited; lifting it too; and it can come again."""
    freeze(world, world.ann, reason="  under review ")
    with world.session() as session:
        held = freezes.active(session, "ada")
        assert held is not None
        assert (held.reason, held.frozen_by, held.frozen_at) == ("under review", world.ann.person_id, NOW)
        assert [one.creator_id for one in freezes.frozen(session)] == ["ada"]
        assert freezes.active(session, "bo") is None
    assert world.facts == [CreatorFrozen("ada", "under review", NOW)]
    assert world.trail()[-1] == ("Ann", "creator.freeze", "ada", "under review")
    world.now = NOW + HOUR
    unfreeze(world, world.olga)
    with world.session() as session:
        assert freezes.active(session, "ada") is None
        assert freezes.frozen(session) == []
        session.refresh(held := session.get_one(Freeze, held.id))
        assert (held.lifted_by, held.lifted_at, held.lift_reason) == (world.olga.person_id, NOW + HOUR, "cleared")
    assert world.facts[-1] == CreatorUnfrozen("ada", "cleared", NOW + HOUR)
    assert world.trail()[-1] == ("Olga", "creator.unfreeze", "ada", "cleared")
    freeze(world, world.olga)
    freeze(world, world.ann, "bo")
    with world.session() as session:
        assert [one.creator_id for one in freezes.frozen(session)] == ["ada", "bo"]
    assert count(world.database, '"freeze"') == 3


def test_freezing_refused(small: World) -> None:
    """Roles, reasons, unknown creators, what is frozen already or not at all; and nobody lifts their own hold."""
    for who in (small.mira, small.ada):
        for do in (freeze, unfreeze):
            with pytest.raises(DeskError, match=r"Nothing changed\. Only admins can do that\."):
                do(small, who)
    for do in (freeze, unfreeze):
        with pytest.raises(DeskError, match=r"Say why in 1 to 500 characters; yours has 0\."):
            do(small, small.ann, "ada", " ")
        with pytest.raises(DeskError, match=r"Nothing changed\. There is no creator 'ghost'\."):
            do(small, small.ann, "ghost")
    with pytest.raises(DeskError, match=r"Ada is not on hold\. Nothing changed\."):
        unfreeze(small, small.ann)
    freeze(small, small.ann)
    expected = r"Ada is on hold already, since 09:14: under review\. Nothing changed\."
    with pytest.raises(DeskError, match=expected):
        freeze(small, small.amos, reason="again")
    with small.session() as session:
        ada = people.set_roles(session, NOW, small.ada.person_id, ["owner"])
    with pytest.raises(DeskError, match=r"This concerns your own account; someone else has to do it\."):
        unfreeze(small, ada)
    assert count(small.database, '"freeze"') == 1


@pytest.mark.parametrize(("amount", "shown"), [(12_345_678, "$12.345678"), (-7 * DOLLAR, "−$7.00")])
def test_adjusting(world: World, amount: int, shown: str) -> None:
    """Proposed by one, in effect when another approves; it may take the balance below zero."""
    world.fund(5 * DOLLAR)
    made = propose(world, world.ann, amount, reason=" goodwill\0 ")
    assert (made.program, made.number, made.amount, made.reason, made.state) == (
        "studio",
        1,
        amount,
        "goodwill",
        "proposed",
    )
    assert (made.proposed_by, made.proposed_at) == (world.ann.person_id, NOW)
    assert world.wallet() == Wallet(0, 5 * DOLLAR, 0)
    assert world.facts == [AdjustmentProposed(made.id or 0, NOW)]
    assert world.trail()[-1] == ("Ann", "adjustment.propose", "ada", f"studio {shown}: goodwill")
    with world.session() as session:
        assert [one.id for one in adjustments.proposed(session)] == [made.id]
        assert lists.adjustments_total(session, "ada") == 0
    world.now = NOW + HOUR
    done = decide(world, world.olga, made)
    assert (done.state, done.decided_by, done.decided_at) == ("approved", world.olga.person_id, NOW + HOUR)
    assert world.wallet() == Wallet(0, 5 * DOLLAR + amount, 0)
    assert world.balance("adjustments") == -amount
    assert world.entries()[-1] == ("adjustment:studio:ada:1", "adjustment", "goodwill")
    assert world.facts[-1] == AdjustmentDecided(made.id or 0, "approved", NOW + HOUR)
    assert world.trail()[-1] == ("Olga", "adjustment.approve", "ada", f"studio {shown}")
    with world.session() as session:
        assert adjustments.proposed(session) == []
        assert lists.adjustments_total(session, "ada") == amount
        assert lists.adjustments_total(session, "ada", "studio") == amount
        assert lists.adjustments_total(session, "ada", "arcade") == 0
        assert [check for check in (*payout_checks(session), *ledger_checks(session)) if not check.ok] == []


def test_declining(world: World) -> None:
    """A declined proposal moves nothing; its own proposer may take it back."""
    first, second = propose(world, world.ann, DOLLAR), propose(world, world.ann, 2 * DOLLAR)
    assert (first.number, second.number) == (1, 2)
    assert decide(world, world.amos, first, approve=False).state == "declined"
    assert decide(world, world.ann, second, approve=False).state == "declined"
    assert world.wallet() == Wallet(0, 0, 0)
    assert count(world.database, "entry") == 0
    assert world.facts[-1] == AdjustmentDecided(second.id or 0, "declined", NOW)
    assert world.trail()[-1] == ("Ann", "adjustment.decline", "ada", "studio $2.00")
    with world.session() as session:
        assert lists.adjustments_total(session, "ada") == 0


def test_adjusting_takes_two_others(small: World) -> None:
    """Two people, admins or owners, neither of them the creator; the loser of a race learns who decided."""
    with small.session() as session:
        ada = people.set_roles(session, NOW, small.ada.person_id, ["admin"])
    own = r"This concerns your own account; someone else has to do it\."
    with pytest.raises(DeskError, match=own):
        propose(small, ada, DOLLAR)
    made = propose(small, small.ann, DOLLAR)
    for approve in (True, False):
        for who in (small.mira, small.bo):
            with pytest.raises(DeskError, match="Only admins can do that"):
                decide(small, who, made, approve)
        with pytest.raises(DeskError, match=own):
            decide(small, ada, made, approve)
        with pytest.raises(DeskError, match=r"There is no adjustment 99\. Nothing changed\."):
            decide(small, small.ann, 99, approve)
    with pytest.raises(DeskError, match=r"There is no adjustment -1\."):
        decide(small, small.ann, -1)
    with pytest.raises(DeskError, match=r"There is no adjustment 9223372036854775808\."):
        decide(small, small.ann, 2**63)
    with pytest.raises(DeskError, match=r"You proposed this adjustment; another admin or owner has to approve it\."):
        decide(small, small.ann, made)
    decide(small, small.amos, made)
    for approve in (True, False):
        with pytest.raises(DeskError, match=r"Already decided by Amos at 09:14\. Nothing changed\."):
            decide(small, small.olga, made, approve)
    assert small.wallet() == Wallet(0, DOLLAR, 0)


def test_proposals_refused(small: World) -> None:
    """Who may not, nothing to adjust, too much, no reason, no such creator, no wallet."""
    with pytest.raises(DeskError, match=r"Nothing changed\. Only admins can do that\."):
        propose(small, small.mira, DOLLAR)
    with pytest.raises(DeskError, match=r"An adjustment of \$0\.00 adjusts nothing\."):
        propose(small, small.ann, 0)
    for amount in (10**15 + 1, -(10**15) - 1):
        with pytest.raises(DeskError, match=r"An adjustment is \$1,000,000,000\.00 at most, up or down\."):
            propose(small, small.ann, amount)
    assert propose(small, small.ann, 10**15).amount == 10**15
    with pytest.raises(DeskError, match="Say why in 1 to 500 characters; yours has 0"):
        propose(small, small.ann, DOLLAR, reason="")
    with pytest.raises(DeskError, match=r"There is no creator 'ghost'\."):
        propose(small, small.ann, DOLLAR, "ghost")
    small.config = replace(CONFIG, programs={})
    with pytest.raises(DeskError, match=r"There is no wallet yet: it comes with the first project\."):
        propose(small, small.ann, DOLLAR)


def test_adjusting_one_of_several_programs(sqlite_database: Database) -> None:
    """Where the creator earns in several programs, one has to be named."""
    world = World(sqlite_database, TWO_PROGRAMS)
    with pytest.raises(DeskError) as refusal:
        propose(world, world.ann, DOLLAR)
    assert refusal.value.text == "Nothing changed. Ada earns in several programs; say which: arcade, studio."
    with pytest.raises(DeskError) as refusal:
        propose(world, world.ann, DOLLAR, program="moon")
    assert refusal.value.text == "Nothing changed. 'moon' is none of Ada's programs: arcade, studio."
    decide(world, world.olga, propose(world, world.ann, DOLLAR, program="arcade"))
    assert (world.wallet(program="arcade").available, world.wallet().available) == (DOLLAR, 0)
    with world.session() as session:
        assert lists.adjustments_total(session, "ada") == DOLLAR
        assert lists.adjustments_total(session, "ada", "studio") == 0


def choose(world: World, who: Actor, method: str, destination: str = "", program: str = "studio") -> PayoutChoice:
    with world.session() as session:
        return methods.choose(session, world.config, world.now, who, program, method, destination)


def test_offers(world: World) -> None:
    """A creator is offered what serves their country; the chosen one is marked, what needs setting up is not ready."""
    world.config = replace(CONFIG, methods=(BANK, MANUAL, SEPA))
    choose(world, world.bo, " SEPA ", " DE02 ")
    with world.session() as session:
        ada = session.get_one(Creator, "ada")
        bo = session.get_one(Creator, "bo")
        assert methods.offers(session, world.config, ada, "studio") == [
            methods.Offer(BANK, ready=False, chosen=False),
            methods.Offer(MANUAL, ready=True, chosen=False),
        ]
        assert methods.offers(session, world.config, bo, "studio") == [
            methods.Offer(MANUAL, ready=True, chosen=False),
            methods.Offer(SEPA, ready=True, chosen=True, destination="DE02", since=NOW),
        ]
        found = methods.offers(session, world.config, bo, "studio")
        assert methods.pick(found, None, "DE").method == SEPA
        assert methods.pick(found, "By hand", "DE").method == MANUAL
        assert methods.offers(session, replace(CONFIG, methods=()), bo, "studio") == []


def test_the_first_ready_method_is_the_default() -> None:
    """Without a choice it is the first that is ready; an unready choice is passed over."""
    first = methods.Offer(MANUAL, ready=True, chosen=False)
    second = methods.Offer(SEPA, ready=True, chosen=False)
    unready = methods.Offer(BANK, ready=False, chosen=True)
    assert methods.pick([first, second], None, "DE") == first
    assert methods.pick([unready, second, first], None, "DE") == second


def test_choosing(world: World) -> None:
    """The first choice starts no wait, a further one with set-up does, one without set-up never, nor the same again."""
    world.config = replace(CONFIG, methods=(BANK, MANUAL))
    first = choose(world, world.ada, "Bank Transfer", "••6411")
    assert (first.method, first.destination, first.chosen_at, first.wait_from) == ("bank", "••6411", NOW, None)
    assert world.trail()[-1] == ("Ada", "method.choose", "ada in studio", "bank")
    world.now = NOW + HOUR
    same = choose(world, world.ada, "bank", "••6411")
    assert (same.chosen_at, same.wait_from) == (NOW, None)
    other = choose(world, world.ada, "bank", "••0001")
    assert (other.destination, other.chosen_at, other.wait_from) == ("••0001", world.now, world.now)
    world.now += HOUR
    manual = choose(world, world.ada, "manual", "ignored")
    assert (manual.method, manual.destination, manual.chosen_at) == ("manual", "", world.now)
    assert manual.wait_from == NOW + HOUR  # the wait that runs goes on
    world.now += HOUR
    assert choose(world, world.ada, "bank", "••6411").wait_from == world.now


def test_choosing_manual_first_is_no_change(small: World) -> None:
    """Choosing a method that needs no set-up starts no wait, first or not."""
    small.config = replace(CONFIG, methods=(replace(MANUAL, name="cash"), MANUAL))
    assert choose(small, small.ada, "manual").wait_from is None
    assert choose(small, small.ada, "cash").wait_from is None


def test_choosing_refused(small: World) -> None:
    """Not for people who don't earn, unknown programs or methods, nor without a destination where one is needed."""
    small.config = replace(CONFIG, methods=(BANK, MANUAL))
    with pytest.raises(DeskError, match="Only creators have a balance"):
        choose(small, small.mira, "manual")
    with pytest.raises(DeskError) as refusal:
        choose(small, small.ada, "manual", program="moon")
    assert refusal.value.text == "Nothing changed. 'moon' is none of the desk's programs: studio."
    with pytest.raises(DeskError) as refusal:
        choose(small, small.bo, "bank", "x")
    assert refusal.value.text == "'bank' is not offered in DE. You can use: manual. Nothing moved."
    for destination in ("", "  ", "x" * 201):
        with pytest.raises(DeskError) as refusal:
            choose(small, small.ada, "bank", destination)
        assert refusal.value.text == (
            "Bank transfer needs a destination to pay to, of at most 200 characters. Nothing changed."
        )
    small.config = replace(CONFIG, methods=(replace(SEPA, countries=("FR",)),))
    with pytest.raises(DeskError) as refusal:
        choose(small, small.bo, "sepa", "x")
    assert refusal.value.text == "No payout method is offered in DE yet. Nothing moved; your balance is safe."
    small.config = replace(CONFIG, methods=(SEPA,))
    with pytest.raises(DeskError, match="sepa needs a destination"):
        choose(small, small.bo, "sepa")
    assert choose(small, small.bo, "sepa", "x" * 200).destination == "x" * 200
    assert count(small.database, "payout_choice") == 1
