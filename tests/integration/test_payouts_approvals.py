"""Deciding: who may, how many it takes, what everybody else is told, on both databases (domain.md, Approval)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import text

from core import people
from core.errors import DeskError
from core.ledger.accounts import Wallet
from core.payouts import approvals, attempts, freezes, methods, withdrawals
from core.payouts.facts import WithdrawalChanged, WithdrawalDecided, WithdrawalRequested
from core.payouts.views import approval_view
from core.people import Actor
from core.storage import Database
from tests.conftest import count
from tests.payouts_world import CONFIG, DOLLAR, HOUR, MANUAL, NOW, TWO_PROGRAMS, World

REASON = "Looks like self-made traffic"


@pytest.fixture
def world(database: Database) -> World:
    world = World(database)
    world.fund(2000 * DOLLAR)
    return world


@pytest.fixture
def small(sqlite_database: Database) -> World:
    """For rules in which the kind of database has no part."""
    world = World(sqlite_database)
    world.fund(2000 * DOLLAR)
    return world


def approve(world: World, who: Actor, withdrawal_id: int | None) -> approvals.Decided:
    with world.session() as session:
        return approvals.approve(session, world.config, world.now, who, withdrawal_id or 0, "slack")


def reject(world: World, who: Actor, withdrawal_id: int | None, reason: str | None = REASON) -> approvals.Decided:
    with world.session() as session:
        return approvals.reject(session, world.config, world.now, who, withdrawal_id or 0, "discord", reason)


def not_approved(world: World, who: Actor, withdrawal_id: int | None) -> str:
    with pytest.raises(DeskError) as refusal:
        approve(world, who, withdrawal_id)
    return refusal.value.text


def not_rejected(world: World, who: Actor, withdrawal_id: int | None, reason: str | None = REASON) -> str:
    with pytest.raises(DeskError) as refusal:
        reject(world, who, withdrawal_id, reason)
    return refusal.value.text


def test_one_approval(world: World) -> None:
    """Below the limit one approver's word approves, and the attempt to send is written in the same transaction."""
    made = world.request(60 * DOLLAR)
    world.now = NOW + dt.timedelta(minutes=6)
    decided = approve(world, world.mira, made.id)
    assert (decided.approvals, decided.needed, decided.final) == (1, 1, True)
    stored = world.get(made.id)
    assert (stored.state, stored.approved_at, stored.ended_at) == ("approved", world.now, None)
    with world.session() as session:
        (attempt,) = attempts.of_withdrawal(session, made.id or 0)
    assert (attempt.number, attempt.key, attempt.state) == (1, f"WD-{made.id}-1", "ready")
    assert (attempt.not_before, attempt.calls, attempt.claimed_until) == (world.now, 0, None)
    assert world.wallet() == Wallet(0, 1940 * DOLLAR, 60 * DOLLAR)
    assert world.facts[-1] == WithdrawalDecided(made.id or 0, world.mira.person_id, "approve", "approved", world.now)
    assert world.trail()[-1] == ("Mira", "payout.approve", f"WD-{made.id}", "1 of 1")


def test_two_people(world: World) -> None:
    """From the limit on two different people have to approve; until then nothing is due."""
    made = world.request(500 * DOLLAR)
    assert made.approvals_needed == 2
    first = approve(world, world.mira, made.id)
    assert (first.approvals, first.needed, first.final, first.withdrawal.state) == (1, 2, False, "requested")
    assert count(world.database, "attempt") == 0
    assert world.facts[-1] == WithdrawalDecided(made.id or 0, world.mira.person_id, "approve", "requested", NOW)
    second = approve(world, world.tom, made.id)
    assert (second.approvals, second.needed, second.final, second.withdrawal.state) == (2, 2, True, "approved")
    assert [line[3] for line in world.trail()[-2:]] == ["1 of 2", "2 of 2"]
    assert count(world.database, "attempt") == 1


def test_a_person_counts_once(world: World) -> None:
    """The same person pressing again, wherever, is told so; an owner may be the second person."""
    made = world.request(600 * DOLLAR)
    approve(world, world.mira, made.id)
    world.now = NOW + HOUR
    expected = f"You approved WD-{made.id} at 09:14: 1 of 2. Someone else has to be the next. Nothing changed."
    assert not_approved(world, world.mira, made.id) == expected
    assert count(world.database, "decision") == 1
    assert approve(world, world.olga, made.id).final


def test_roles(small: World) -> None:
    """Approvers and owners decide; admins, creators and everybody else don't."""
    made = small.request(60 * DOLLAR)
    for who in (small.ann, small.bo, small.ada):
        assert not_approved(small, who, made.id) == "Nothing changed. Only approvers can do that."
        assert not_rejected(small, who, made.id) == "Nothing changed. Only approvers can do that."
    assert approve(small, small.olga, made.id).final


def test_nobody_decides_their_own(small: World) -> None:
    """Neither the creator nor whoever made the request decides it, owner or not."""
    made = small.request(60 * DOLLAR)
    with small.session() as session:
        ada = people.set_roles(session, NOW, small.ada.person_id, ["owner"])
    expected = f"Nothing changed. WD-{made.id} is your own; someone else has to decide it."
    assert not_approved(small, ada, made.id) == expected
    assert not_rejected(small, ada, made.id) == expected
    requester = Actor(small.ada.person_id, "Ada", None, frozenset({"approver"}))
    assert not_approved(small, requester, made.id) == expected
    namesake = Actor(small.mira.person_id, "Mira", "ada", frozenset({"approver"}))
    assert not_approved(small, namesake, made.id) == expected
    assert count(small.database, "decision") == 0


def test_no_such_withdrawal(small: World) -> None:
    """A number that names no withdrawal is refused, however large or negative."""
    for number in (1, 0, -1, 2**63, 10**30):
        expected = f"There is no withdrawal WD-{number}. Nothing changed."
        assert not_approved(small, small.mira, number) == expected
        assert not_rejected(small, small.mira, number) == expected


def test_rejecting(world: World) -> None:
    """One approver's no gives the whole amount back; the creator reads the reason."""
    made = world.request(600 * DOLLAR)
    approve(world, world.mira, made.id)
    world.now = NOW + HOUR
    decided = reject(world, world.tom, made.id, f"  {REASON}\0 ")
    assert (decided.approvals, decided.needed, decided.final) == (1, 2, True)
    stored = world.get(made.id)
    assert (stored.state, stored.reason, stored.ended_at, stored.ended_by) == ("rejected", REASON, world.now, "Tom")
    assert world.wallet() == Wallet(0, 2000 * DOLLAR, 0)
    assert world.facts[-1] == WithdrawalDecided(made.id or 0, world.tom.person_id, "reject", "rejected", world.now)
    assert world.trail()[-1] == ("Tom", "payout.rejected", f"WD-{made.id}", REASON)
    assert world.entries()[-1] == (
        "withdrawal:studio:ada:1:request-rejected",
        "withdrawal.request",
        "ada's withdrawal no. 1: rejected",
    )
    with world.session() as session:
        said = approvals.decisions(session, made.id or 0)
    assert said == [
        approvals.Said(world.mira.person_id, "Mira", "approve", "", "slack", NOW),
        approvals.Said(world.tom.person_id, "Tom", "reject", REASON, "discord", world.now),
    ]


def test_a_reason_is_required(small: World) -> None:
    """10 to 500 characters; otherwise nothing happens."""
    made = small.request(60 * DOLLAR)
    for reason, length in ((None, 0), ("too short", 9), ("x" * 501, 501)):
        expected = f"Nothing changed. Say why in 10 to 500 characters; yours has {length}."
        assert not_rejected(small, small.mira, made.id, reason) == expected
    assert small.get(made.id).state == "requested"
    reject(small, small.mira, made.id, "x" * 10)


def test_thinking_better_of_it(world: World) -> None:
    """Who approved may still reject before the second approval comes; that is then their one word."""
    made = world.request(600 * DOLLAR)
    approve(world, world.mira, made.id)
    decided = reject(world, world.mira, made.id)
    assert (decided.approvals, decided.withdrawal.state) == (0, "rejected")
    with world.session() as session:
        assert [one.verdict for one in approvals.decisions(session, made.id or 0)] == ["reject"]


def test_the_loser_is_told(world: World) -> None:
    """Whoever comes late learns who decided and when, whatever has happened since."""
    made = world.request(60 * DOLLAR)
    approve(world, world.mira, made.id)
    world.now = NOW + dt.timedelta(minutes=5)
    expected = "Already decided by Mira at 09:14. Nothing changed."
    assert not_approved(world, world.tom, made.id) == expected
    assert not_rejected(world, world.tom, made.id) == expected
    assert not_approved(world, world.mira, made.id) == expected
    world.send()
    with world.session() as session:
        withdrawals.mark_paid(session, world.config, world.now, None, made.id or 0)
    world.now = NOW + 24 * HOUR
    assert not_approved(world, world.tom, made.id) == "Already decided by Mira at 14 Jan 09:14. Nothing changed."
    other = world.request(60 * DOLLAR)
    reject(world, world.tom, other.id)
    assert not_approved(world, world.mira, other.id) == "Already decided by Tom at 09:14. Nothing changed."


def test_cancelled_requests_can_not_be_decided(small: World) -> None:
    """A request that the creator took back, before or after its approval, is named as such."""
    for approved in (False, True):
        made = small.request(60 * DOLLAR)
        if approved:
            approve(small, small.mira, made.id)
        with small.session() as session:
            withdrawals.cancel(session, small.config, small.now, small.ada, made.id or 0)
        assert not_approved(small, small.tom, made.id) == "Already cancelled by Ada at 09:14. Nothing changed."


def needed(world: World, withdrawal_id: int | None) -> int:
    return world.get(withdrawal_id).approvals_needed


def test_requests_of_a_day_count_together(world: World) -> None:
    """A second request that brings the day to the limit lifts the first one too; its card is repainted."""
    first = world.request(300 * DOLLAR)
    assert needed(world, first.id) == 1
    world.now = NOW + 23 * HOUR
    world.facts.clear()
    second = world.request(200 * DOLLAR)
    assert (needed(world, first.id), needed(world, second.id)) == (2, 2)
    assert world.facts == [
        WithdrawalRequested(second.id or 0, world.now),
        WithdrawalChanged(first.id or 0, "requested", world.now),
    ]
    world.now = NOW + 48 * HOUR
    third = world.request(300 * DOLLAR)
    assert needed(world, third.id) == 1


def test_rejected_and_cancelled_requests_do_not_count(world: World) -> None:
    """What was rejected or cancelled is off the day's sum again, paid and failed money is not."""
    first = world.request(300 * DOLLAR)
    second = world.request(300 * DOLLAR)
    reject(world, world.mira, first.id)
    assert needed(world, second.id) == 1
    third = world.request(300 * DOLLAR)
    assert (needed(world, second.id), needed(world, third.id)) == (2, 2)
    with world.session() as session:
        withdrawals.cancel(session, world.config, world.now, world.ada, second.id or 0)
    assert needed(world, third.id) == 1
    approve(world, world.mira, third.id)
    world.send()
    with world.session() as session:
        withdrawals.mark_failed(session, world.config, world.now, None, third.id or 0, "account closed")
    assert needed(world, world.request(300 * DOLLAR).id) == 2


def test_all_programs_count_together(database: Database) -> None:
    """The limit looks at the creator, not at one wallet; other creators have no part in it."""
    world = World(database, TWO_PROGRAMS)
    for program in TWO_PROGRAMS.programs:
        world.fund(400 * DOLLAR, program=program)
    world.fund(400 * DOLLAR, "bo")
    first = world.request(300 * DOLLAR, program="studio")
    bos = world.request(300 * DOLLAR, world.bo)
    second = world.request(300 * DOLLAR, program="arcade")
    assert [needed(world, one.id) for one in (first, bos, second)] == [2, 1, 2]


def test_judged_again_when_approving(world: World) -> None:
    """How many it takes is judged anew at the approval: a lower limit set since counts."""
    made = world.request(300 * DOLLAR)
    world.config = replace(CONFIG, two_person_from_micros=300 * DOLLAR)
    first = approve(world, world.mira, made.id)
    assert (first.needed, first.final) == (2, False)
    assert needed(world, made.id) == 2
    world.config = CONFIG
    # Her approval suffices by now: pressing again only finds that out, and is not a second word.
    again = approve(world, world.mira, made.id)
    assert (again.approvals, again.needed, again.final) == (1, 1, True)
    assert count(world.database, "decision") == 1


def test_the_queue(world: World) -> None:
    """The queue holds what waits, oldest first; the batch what one word decides."""
    big, little = world.request(500 * DOLLAR), world.request(50 * DOLLAR)
    world.fund(100 * DOLLAR, "bo")
    other = world.request(60 * DOLLAR, world.bo)
    with world.session() as session:
        assert [one.id for one in approvals.queue(session)] == [big.id, little.id, other.id]
        assert [one.id for one in approvals.batch(session)] == [other.id]
    approve(world, world.mira, big.id)
    with world.session() as session:
        assert [one.id for one in approvals.batch(session)] == [other.id]
    approve(world, world.tom, big.id)
    with world.session() as session:
        assert [one.id for one in approvals.queue(session)] == [little.id, other.id]


def test_a_batch(world: World) -> None:
    """Many at once: each is approved or says why not, and one refusal stops no other."""
    world.fund(100 * DOLLAR, "bo")
    bos = world.request(60 * DOLLAR, world.bo)
    adas = world.request(60 * DOLLAR)
    gone = world.request(60 * DOLLAR)
    reject(world, world.tom, gone.id)
    with world.session() as session:
        wanted = [bos.id or 0, 999, gone.id or 0, adas.id or 0, bos.id or 0]
        approved, refused = approvals.approve_batch(session, world.config, NOW, world.mira, wanted, "slack")
    assert [one.withdrawal.id for one in approved] == [adas.id, bos.id]
    assert [(number, refusal.text) for number, refusal in refused] == [
        (gone.id, "Already decided by Tom at 09:14. Nothing changed."),
        (999, "There is no withdrawal WD-999. Nothing changed."),
    ]
    assert [world.get(one.id).state for one in (bos, adas, gone)] == ["approved", "approved", "rejected"]
    with pytest.raises(DeskError, match="Only approvers"), world.session() as session:
        approvals.approve_batch(session, world.config, NOW, world.ann, wanted, "slack")


def test_the_card(world: World) -> None:
    """An approval card says all that an approver has to know."""
    bank = replace(MANUAL, name="bank", rail="stripe", fee_micros=DOLLAR, title="Bank transfer")
    world.config = replace(CONFIG, methods=(bank,))
    with world.session() as session:
        methods.choose(session, world.config, NOW - 48 * HOUR, world.ada, "studio", "bank", "••6411")
    made = world.request(600 * DOLLAR)
    approve(world, world.mira, made.id)
    with world.session() as session:
        view = approval_view(session, world.config, world.now, world.get(made.id))
    assert (view.withdrawal_id, view.shown, view.program) == (made.id, f"WD-{made.id}", "studio")
    assert (view.amount, view.fee, view.net) == (600 * DOLLAR, DOLLAR, 599 * DOLLAR)
    assert (view.creator_id, view.creator_name, view.creator_country) == ("ada", "Ada", "US")
    assert (view.method, view.method_title, view.destination) == ("bank", "Bank transfer", "••6411")
    assert (view.destination_since, view.nth_payout) == (NOW - 48 * HOUR, 1)
    assert (view.state, view.state_words, view.status) == ("requested", "Waiting for approval", "pending")
    assert [(one.name, one.at, one.surface) for one in view.decisions] == [("Mira", NOW, "slack")]
    assert (view.approvals, view.needed) == (1, 2)
    assert (view.balance_covers, view.negative_balance, view.frozen) == (True, None, "")
    assert (view.requested_at, view.approved_at, view.sent_at, view.ended_at) == (NOW, None, None, None)
    assert (view.arrives_from, view.arrives_by) == (dt.date(2026, 1, 15), dt.date(2026, 1, 20))
    assert (view.ended_by, view.reason, view.reference) == ("", "", "")


def test_the_card_warns(small: World) -> None:
    """A balance that went negative and a hold show on the card; an ended request needs no cover."""
    made = small.request(60 * DOLLAR)
    small.fund(-1950 * DOLLAR)
    with small.session() as session:
        freezes.freeze(session, small.now, small.ann, "ada", "Chargeback under review")
    with small.session() as session:
        view = approval_view(session, small.config, small.now, small.get(made.id))
    assert (view.balance_covers, view.negative_balance) == (False, -10 * DOLLAR)
    assert view.frozen == "Chargeback under review"
    assert view.destination_since is None
    reject(small, small.mira, made.id)
    with small.session() as session:
        view = approval_view(session, small.config, small.now, small.get(made.id))
    assert (view.balance_covers, view.negative_balance) == (True, None)
    assert (view.ended_by, view.reason, view.approvals) == ("Mira", REASON, 0)


def test_the_card_of_everything(small: World) -> None:
    """A request for the whole balance is covered: nothing is left or missing. What pending owes is told."""
    made = small.request(None)
    with small.session() as session:
        view = approval_view(session, small.config, small.now, small.get(made.id))
        assert (view.balance_covers, view.negative_balance) == (True, None)
        small_change = text("UPDATE account SET balance = balance - 1 WHERE role = 'reserved' AND creator = 'ada'")
        session.connection().execute(small_change)
        owing = text("UPDATE account SET balance = -5 WHERE role = 'pending' AND creator = 'ada'")
        session.connection().execute(owing)
        view = approval_view(session, small.config, small.now, small.get(made.id))
        assert (view.balance_covers, view.negative_pending) == (False, -5)


def test_the_card_counts_payouts(small: World) -> None:
    """The n-th payout counts the creator's earlier ones that were sent or paid, and no others."""
    first = small.sent(50 * DOLLAR)
    rejected = small.request(50 * DOLLAR)
    reject(small, small.mira, rejected.id)
    small.fund(100 * DOLLAR, "bo")
    bos = small.request(50 * DOLLAR, small.bo)
    third = small.request(50 * DOLLAR)
    with small.session() as session:
        withdrawals.mark_paid(session, small.config, small.now, None, first.id or 0)
    with small.session() as session:
        nth = [
            approval_view(session, small.config, small.now, small.get(one.id)).nth_payout
            for one in (first, rejected, bos, third)
        ]
    assert nth == [1, 2, 1, 2]


def test_the_card_keeps_its_destination(small: World) -> None:
    """A destination chosen since then is not shown as this request's; a method that is gone goes by its name."""
    bank = replace(MANUAL, name="bank", rail="stripe", title="Bank transfer")
    small.config = replace(CONFIG, methods=(bank,))
    with small.session() as session:
        methods.choose(session, small.config, NOW, small.ada, "studio", "bank", "••6411")
    made = small.request(60 * DOLLAR)
    with small.session() as session:
        methods.choose(session, small.config, NOW + HOUR, small.ada, "studio", "bank", "••0001")
    small.config = CONFIG
    with small.session() as session:
        view = approval_view(session, small.config, small.now, small.get(made.id))
    assert (view.destination, view.destination_since, view.method_title) == ("••6411", None, "bank")
