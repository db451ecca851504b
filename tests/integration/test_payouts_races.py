"""Everything at the same moment: money moves once, one decision falls, every loser is told (quality.md, Races)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from core import people
from core.ledger.accounts import Wallet
from core.ledger.verify import ledger_checks
from core.payouts import adjustments, approvals, freezes, withdrawals
from core.payouts.checks import payout_checks
from core.people import Actor
from core.storage import Database
from tests.conftest import count
from tests.payouts_storm import at_once, confirm_all
from tests.payouts_world import DOLLAR, NOW, World

REASON = "Looks like self-made traffic"
NO_MORE = {
    "You asked for $50.00; $0.00 is available. Nothing moved.",
    "Minimum $50.00; you have $0.00, $50.00 short.",
}
FEW_OR_ALL = [pytest.param(60, id="60"), pytest.param(200, id="200", marks=pytest.mark.deep)]
DECIDERS = [pytest.param(12, id="12"), pytest.param(50, id="50", marks=pytest.mark.deep)]


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def clean(world: World) -> None:
    with world.database.reading() as session:
        assert [check for check in (*payout_checks(session), *ledger_checks(session)) if not check.ok] == []


def exactly_twenty(world: World, found: list[str]) -> None:
    """Of all the answers 20 are withdrawals, the others say that nothing is left; the books agree."""
    made = [answer for answer in found if answer.startswith("WD-")]
    assert len(set(made)) == len(made) == 20
    assert set(found) - set(made) <= NO_MORE
    assert world.wallet() == Wallet(0, 0, 1000 * DOLLAR)
    assert count(world.database, "withdrawal") == 20
    clean(world)


@pytest.mark.parametrize("many", FEW_OR_ALL)
def test_simultaneous_withdrawals(world: World, many: int) -> None:
    """Of any number of simultaneous $50.00 requests against $1,000.00 exactly 20 pass."""
    world.fund(1000 * DOLLAR)
    drafts = [world.draft(50 * DOLLAR) for _ in range(many)]
    exactly_twenty(world, confirm_all(world.database, drafts))


@pytest.mark.parametrize("many", FEW_OR_ALL)
def test_simultaneous_withdrawals_from_two_processes(world: World, database_url: str, many: int) -> None:
    """The same from two processes: replicas share nothing but the database."""
    world.fund(1000 * DOLLAR)
    drafts = [world.draft(50 * DOLLAR) for _ in range(many)]
    world.database.engine.dispose()  # PostgreSQL has only so many connections
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.payouts_storm", database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    for process, half in zip(processes, (drafts[::2], drafts[1::2]), strict=True):
        assert process.stdin is not None
        json.dump(half, process.stdin)
        process.stdin.close()
    found: list[str] = []
    for process in processes:
        assert process.stdout is not None
        found += json.loads(process.stdout.read())
        process.stdout.close()
        assert process.wait(120) == 0
    assert len(found) == many
    exactly_twenty(world, found)


def test_one_draft_pressed_often(world: World) -> None:
    """A draft confirmed by many presses at once makes one withdrawal; every other press is told of it."""
    world.fund(1000 * DOLLAR)
    token = world.draft(60 * DOLLAR)
    found = Counter(confirm_all(world.database, [token] * 20))
    (made,) = [answer for answer in found if answer.startswith("WD-")]
    assert found == {made: 1, f"Already requested at 09:14: {made}, $60.00, pending. Nothing changed.": 19}
    assert world.wallet() == Wallet(0, 940 * DOLLAR, 60 * DOLLAR)
    clean(world)


def test_requests_at_once_count_together(world: World) -> None:
    """Ten requests of $60.00 at the same moment see each other: all of them need two people."""
    world.fund(1000 * DOLLAR)
    confirm_all(world.database, [world.draft(60 * DOLLAR) for _ in range(10)])
    with world.database.reading() as session:
        assert [one.approvals_needed for one in approvals.queue(session)] == [2] * 10


def deciders(world: World, many: int) -> list[Actor]:
    with world.session() as session:
        for number in range(many):
            people.add_person(session, NOW, f"Approver {number}", roles=["approver"])
        return [people.resolve(session, f"Approver {number}") for number in range(many)]


@pytest.mark.parametrize("many", DECIDERS)
def test_approvals_and_rejections_at_once(world: World, many: int) -> None:
    """Approvals and rejections of one withdrawal at the same moment: one decision, every loser told who and when."""
    world.fund(100 * DOLLAR)
    made = world.request(60 * DOLLAR).id or 0
    people_here = deciders(world, 2 * many)

    def decide(place: int) -> str:
        who = people_here[place]
        with world.session() as session:
            facts = (session, world.config, world.now, who, made)
            if place % 2:
                approvals.approve(*facts, "slack")
            else:
                approvals.reject(*facts, "discord", REASON)
        return who.name

    found = at_once([lambda place=place: decide(place) for place in range(2 * many)])  # type: ignore[misc]
    (winner,) = [answer for answer in found if answer.startswith("Approver")]
    assert Counter(found) == {winner: 1, f"Already decided by {winner} at 09:14. Nothing changed.": 2 * many - 1}
    with world.session() as session:
        (said,) = approvals.decisions(session, made)
    approved = int(winner.split()[1]) % 2 == 1
    assert (said.name, said.verdict) == (winner, "approve" if approved else "reject")
    assert world.get(made).state == ("approved" if approved else "rejected")
    assert world.wallet() == (Wallet(0, 40 * DOLLAR, 60 * DOLLAR) if approved else Wallet(0, 100 * DOLLAR, 0))
    assert count(world.database, "attempt") == approved
    clean(world)


def test_two_person_approvals_at_once(world: World) -> None:
    """Where two are needed, exactly two of many simultaneous approvals count, each person once."""
    world.fund(1000 * DOLLAR)
    made = world.request(600 * DOLLAR).id or 0
    people_here = deciders(world, 6)

    def approve(who: Actor) -> str:
        with world.session() as session:
            return approvals.approve(session, world.config, world.now, who, made, "slack").withdrawal.state

    found = at_once([lambda who=who: approve(who) for who in people_here * 3])  # type: ignore[misc]
    assert (found.count("requested"), found.count("approved")) == (1, 1)
    with world.session() as session:
        assert len({one.person_id for one in approvals.decisions(session, made)}) == 2
    for answer in found:
        assert answer.startswith(("requested", "approved", "Already decided by Approver", "You approved WD-"))
    clean(world)


def test_cancelling_while_it_is_sent(world: World) -> None:
    """Cancelling and sending at the same moment: one of them happens, never both."""
    world.fund(1000 * DOLLAR)
    for _ in range(5):
        world.now += world.config.link_wait * 2
        made = world.request(50 * DOLLAR).id or 0
        world.approve(made)

        def cancel(made: int = made) -> str:
            with world.session() as session:
                return withdrawals.cancel(session, world.config, world.now, world.ada, made).state

        found = at_once([cancel, lambda: f"sent {len(world.send())}"])
        state = world.get(made).state
        assert found in (["cancelled", "sent 0"], [found[0], "sent 1"])
        assert state == ("cancelled" if found[0] == "cancelled" else "sent")
    clean(world)


def test_paid_and_failed_at_once(world: World) -> None:
    """Admins marking paid, failed and paid again at the same moment: the money goes one way, once."""
    world.fund(100 * DOLLAR)
    made = world.sent(60 * DOLLAR).id or 0

    def mark(place: int) -> str:
        who = (world.ann, world.amos, world.olga)[place % 3]
        with world.session() as session:
            facts = (session, world.config, world.now, who, made)
            done = withdrawals.mark_paid(*facts) if place % 2 else withdrawals.mark_failed(*facts, "closed")
            return done.state

    found = at_once([lambda place=place: mark(place) for place in range(12)])  # type: ignore[misc]
    state = world.get(made).state
    assert found.count(state) == 1
    assert sum(answer.startswith(f"WD-{made} is already {state}, by ") for answer in found) == 11
    clean(world)


def test_one_adjustment_decided_at_once(world: World) -> None:
    """An adjustment approved and declined by many at the same moment takes effect at most once."""
    with world.session() as session:
        made = adjustments.propose(session, world.config, NOW, world.ann, "ada", None, 7 * DOLLAR, "goodwill").id or 0

    def decide(place: int) -> str:
        who = (world.amos, world.olga)[place % 2]
        with world.session() as session:
            verb = adjustments.approve if place % 3 else adjustments.decline
            return verb(session, world.config, world.now, who, made).state

    found = at_once([lambda place=place: decide(place) for place in range(12)])  # type: ignore[misc]
    states = [answer for answer in found if answer in ("approved", "declined")]
    assert len(states) == 1
    assert sum(answer.startswith("Already decided by ") for answer in found) == 11
    assert world.wallet().available == (7 * DOLLAR if states == ["approved"] else 0)
    clean(world)


def test_freezing_at_once(world: World) -> None:
    """Of many holds put on one creator at the same moment one is kept."""

    def freeze(who: Actor) -> str:
        with world.session() as session:
            freezes.freeze(session, world.now, who, "ada", "under review")
            return "frozen"

    found = at_once([lambda who=who: freeze(who) for who in (world.ann, world.amos, world.olga) * 3])  # type: ignore[misc]
    expected = "Ada is on hold already, since 09:14: under review. Nothing changed."
    assert Counter(found) == {"frozen": 1, expected: 8}
