"""A month's payouts under approvers' hands, and what everybody hears of them (domain.md, "Withdrawals", Approval)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from core import people
from core.chat import home, settings
from core.ledger import accounts
from core.payouts import approvals, batch_approvals, batches, freezes
from core.payouts.batch_approvals import Left
from core.payouts.refusals import NotAllowed
from core.storage import Database
from tests.desk_world import button_of, labels, said
from tests.payouts_storm import at_once
from tests.processing_world import DOLLAR, Talk, World

TEN = {"ada": 12 * DOLLAR, "bo": 30 * DOLLAR, "cy": 600 * DOLLAR, "dee": 20 * DOLLAR}


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def talk(sqlite_database: Database) -> Iterator[Talk]:
    world = Talk(sqlite_database)
    yield world
    world.close()


def approve(world: World, name: str, batch_id: int = 1) -> batch_approvals.Outcome:
    with world.database.transaction() as session:
        return batch_approvals.approve(session, world.config, world.now, world.staff[name], batch_id, "test")


def states(world: World) -> dict[str, str]:
    return {one.creator_id: one.state for one in world.withdrawals()}


def test_one_press(world: World) -> None:
    """Every clean row that one approver decides is approved; frozen, two-person and own ones are left, with why."""
    world.earn(TEN)
    world.process()
    with world.database.transaction() as session:
        people.add_person(session, world.now, "Ada Approver", "ada", roles=["approver"])
        world.staff["Ada"] = people.resolve(session, "ada")
        freezes.freeze(session, world.now, world.staff["Ann"], "dee", "papers are missing")
    outcome = approve(world, "Ada")
    assert (outcome.approved, outcome.total, outcome.more, outcome.ready) == (1, 30 * DOLLAR, 0, 0)
    assert outcome.left == (
        Left(1, "your own; someone else has to decide it"),
        Left(3, "needs two approvers"),
        Left(4, "on hold: papers are missing"),
    )
    assert states(world) == {"ada": "requested", "bo": "approved", "cy": "requested", "dee": "requested"}
    outcome = approve(world, "Mira")
    assert (outcome.approved, len(outcome.left)) == (1, 2)
    with pytest.raises(batch_approvals.NothingToApprove, match=r"WD-3 \(needs two approvers.*WD-4 \(on hold"):
        approve(world, "Tom")
    with pytest.raises(NotAllowed):
        approve(world, "Ann")
    with world.database.transaction() as session:
        for name in ("Mira", "Tom"):
            done = approvals.approve(session, world.config, world.now, world.staff[name], 3, "test")
        assert done.final
    world.check()


def test_everything_was_decided(world: World) -> None:
    """A press on an old card is told who was quicker, and when."""
    world.earn({"ada": 12 * DOLLAR})
    world.process()
    approve(world, "Mira")
    with pytest.raises(batch_approvals.NothingToApprove, match=r"decided already; Mira was the last, at 03:00\."):
        approve(world, "Tom")
    with pytest.raises(batches.NoSuchBatch):
        approve(world, "Tom", 77)


def test_another_request_makes_it_two(world: World) -> None:
    """The 24-hour rule is judged again at the press: a row that needs two people by now is left to them."""
    world.earn({"ada": 300 * DOLLAR, "bo": 20 * DOLLAR})
    world.process()
    world.config = replace(world.config, two_person_from_micros=250 * DOLLAR)
    outcome = approve(world, "Mira")
    assert (outcome.approved, outcome.left) == (1, (Left(1, "needs two approvers"),))
    assert world.withdrawals()[0].approvals_needed == 2
    world.check()


def test_approvers_race(world: World) -> None:
    """Two presses, single decisions and a cancellation at once: each row gets one end, and the books agree."""
    world.earn({f"c{number:02}": (11 + number) * DOLLAR for number in range(40)})
    world.process()

    def press(name: str) -> str:
        return str(approve(world, name).approved)

    def reject(number: int) -> str:
        with world.database.transaction() as session:
            approvals.reject(session, world.config, world.now, world.staff["Olga"], number, "test", "not this month")
        return "0"

    work = [lambda: press("Mira"), lambda: press("Tom"), lambda: press("Olga")]
    work += [lambda number=number: reject(number) for number in (3, 9, 27)]  # type: ignore[misc]
    found = at_once(work)
    assert not [answer for answer in found if answer.startswith("CRASH")], found
    ends = list(states(world).values())
    approved = sum(int(answer) for answer in found if answer.isdigit())
    assert (ends.count("approved"), ends.count("requested")) == (approved, 0)
    assert ends.count("rejected") == 40 - approved <= 3
    world.check()


def test_a_press_takes_so_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what one press takes, the next ones wait for another press, and the outcome says so."""
    monkeypatch.setattr(batch_approvals, "MOST_AT_ONCE", 2)
    world.earn(dict.fromkeys(("a", "b", "c", "d", "e"), 20 * DOLLAR))
    world.process()
    assert [(one.approved, one.ready) for one in (approve(world, "Mira"), approve(world, "Tom"))] == [(2, 3), (2, 1)]


@pytest.mark.parametrize("count", [600, pytest.param(5_000, marks=pytest.mark.deep)])
def test_thousands(world: World, count: int) -> None:
    """A press on thousands of rows takes a number of statements that doesn't depend on how many there are."""
    world.earn({f"c{number:05}": (11 + number % 400) * DOLLAR for number in range(count)})
    (done,) = world.process()
    assert (done.payouts, approve(world, "Mira").approved) == (count, count)
    world.check()


def test_what_everybody_hears(talk: Talk) -> None:
    """One card for the batch and one for the row that needs two people; each creator hears that money is coming, or why
    it isn't; those without alerts hear only the latter."""
    talk.channel()
    for name in ("ada", "bo"):
        talk.link(name)
    with talk.database.transaction() as session:
        settings.change(session, people.resolve(session, "bo").person_id, alerts=False)
        freezes.freeze(session, talk.now, people.resolve(session, "Ann"), "bo", "papers are missing")
    talk.posted()
    talk.month({"ada": 25 * DOLLAR, "bo": 80 * DOLLAR, "cy": 600 * DOLLAR})
    posted = talk.posted()
    cards = {card.title: where for where, card in posted}
    assert cards["Monthly payouts for Jan 2026 · 2 payouts · $625.00 · 2 to decide"] == "payout-approvals"
    assert cards["WD-2 · $600.00 · 0 of 2 approvals"] == "payout-approvals"
    assert cards["Your payout for Jan 2026: $25.00, on its way once approved"] == "Uada"
    assert cards["No payout for Jan 2026 this time; your $80.00 is safe"] == "Ubo"
    assert len([where for where, _ in posted if where.startswith("U")]) == 2


def test_pressing_in_chat(talk: Talk) -> None:
    """The card approves, lists and is repainted; a row is decided alone; an old card's press is answered."""
    talk.channel()
    talk.link("ada")
    number = talk.month({f"c{one}": (11 + one) * DOLLAR for one in range(7)} | {"ada": 20 * DOLLAR})
    batch = next(card for where, card in talk.posted() if where == "payout-approvals")
    listed = talk.press("Mira", "batch.list", str(number))
    assert "those to decide come first" in said(listed)
    assert labels(listed.card)[-2:] == ["Next", "Approve all that one approver decides"]
    rest = talk.press_in(listed, "Mira", "Next")
    assert labels(rest.card)[-2:] == ["Before", "Approve all that one approver decides"]
    assert talk.press_in(listed, "Mira", "Reject WD-1", reason="asked us not to pay yet").ok
    (repainted,) = [card for where, card in talk.posted() if where == "payout-approvals"]
    assert repainted.title == "Monthly payouts for Jan 2026 · 8 payouts · $118.00 · 7 to decide"
    press = button_of(batch, "Approve 8 payouts")
    done = talk.press("Tom", press.action, press.value)
    assert done.card.title == "7 payouts for Jan 2026 approved, $98.00"
    posted = talk.posted()
    assert [card.title for where, card in posted if where == "payout-approvals"] == [
        "Monthly payouts for Jan 2026 · 8 payouts · $118.00 · Decided"
    ]
    late = talk.press("Olga", press.action, press.value)
    assert not late.ok
    assert "Tom was the last, at 09:00" in said(late)
    assert not talk.press("Olga", "batch.list", "1:x").ok
    assert not talk.press("ada", "batch.list", "1").ok


def test_batch_leads_to_the_month(talk: Talk) -> None:
    """/desk batch leaves a month's rows to their own card and leads there; sending many by hand is one card."""
    talk.channel()
    talk.month({f"c{one:02}": 20 * DOLLAR for one in range(25)})
    reply = talk.ask("Mira", "/desk batch")
    assert labels(reply.card)[0] == "Monthly payouts Helpers Jan 2026: 25 wait"
    assert talk.press("Mira", "batch.approve", "1").ok
    talk.posted()
    talk.pay()
    titles = [card.title for where, card in talk.posted() if where == "payout-approvals"]
    assert titles[0] == "Monthly payouts for Jan 2026 · 25 payments to make by hand"
    assert len(titles) <= 2
    assert talk.press("Ann", "payout.paid", "1", reference="TR-1").ok
    assert talk.press("Ann", "payout.failed", "2", reason="No such account.").ok
    titles = [card.title for where, card in talk.posted() if where == "payout-approvals"]
    assert titles == ["Monthly payouts for Jan 2026 · 23 payments to make by hand"]


def test_open_dashboards(talk: Talk) -> None:
    """Dashboards of creators of the program and of approvers are drawn anew when a month is paid out or approved."""
    ada, mira, bo = (talk.link(name) for name in ("ada", "Mira", "bo"))
    with talk.database.transaction() as session:
        for identity in (ada, mira, bo):
            home.opened(session, talk.now, identity)
        accounts.open_wallets(session, [("studio", "bo")])
    talk.posted()
    talk.month({"ada": 20 * DOLLAR})
    assert homes(talk) == {"Uada", "UMira"}
    assert talk.press("Tom", "batch.approve", "1").ok
    assert homes(talk) == {"Uada", "UMira"}


def homes(talk: Talk) -> set[str]:
    """Whose dashboards were drawn anew."""
    return {where for where, card in talk.posted() if "Creator Studio" in card.title}
