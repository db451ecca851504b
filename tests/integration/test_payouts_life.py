"""What becomes of a withdrawal after it was sent or taken back, to the micro-dollar (domain.md, "Withdrawals")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest

from core import people
from core.errors import DeskError
from core.ledger import journal
from core.ledger.accounts import Wallet
from core.ledger.verify import ledger_checks
from core.payouts import guard, lists, transitions, withdrawals
from core.payouts.checks import payout_checks
from core.payouts.facts import WithdrawalChanged
from core.payouts.tables import Withdrawal
from core.people import Actor
from core.storage import Database
from tests.payouts_world import CONFIG, DOLLAR, HOUR, MANUAL, NOW, TWO_PROGRAMS, AtOnce, World

LATER = NOW + HOUR


def start(world: World) -> World:
    """$100.00 in the wallet and a fee of $1.00."""
    world.config = replace(CONFIG, methods=(replace(MANUAL, fee_micros=DOLLAR),))
    world.fund(100 * DOLLAR)
    return world


@pytest.fixture
def world(database: Database) -> World:
    return start(World(database))


@pytest.fixture
def small(sqlite_database: Database) -> World:
    """For rules in which the kind of database has no part."""
    return start(World(sqlite_database))


def paid(world: World, made: Withdrawal, who: Actor | None = None, reference: str = "") -> Withdrawal:
    with world.session() as session:
        return withdrawals.mark_paid(session, world.config, world.now, who, made.id or 0, reference)


def failed(world: World, made: Withdrawal, who: Actor | None = None, reason: str = "account closed") -> Withdrawal:
    with world.session() as session:
        return withdrawals.mark_failed(session, world.config, world.now, who, made.id or 0, reason)


def returned(world: World, made: Withdrawal, who: Actor | None = None, reason: str = "came back") -> Withdrawal:
    with world.session() as session:
        return withdrawals.mark_returned(session, world.config, world.now, who, made.id or 0, reason)


def cancel(world: World, made: Withdrawal, who: Actor | None = None) -> Withdrawal:
    with world.session() as session:
        return withdrawals.cancel(session, world.config, world.now, who or world.ada, made.id or 0)


def refused(do: Callable[..., Withdrawal], world: World, made: Withdrawal, *more: Actor | str | None) -> str:
    before = world.wallet(), world.get(made.id).state, world.trail()
    with pytest.raises(DeskError) as refusal:
        do(world, made, *more)
    assert (world.wallet(), world.get(made.id).state, world.trail()) == before
    return refusal.value.text


def clean(world: World) -> None:
    with world.database.reading() as session:
        assert [check for check in (*payout_checks(session), *ledger_checks(session)) if not check.ok] == []


def test_paid(world: World) -> None:
    """Paid moves the net to the rail and the fee to the fees, and keeps the trace."""
    made = world.sent(60 * DOLLAR)
    assert (made.state, made.reference) == ("sent", f"sent WD-{made.id}-1")
    assert world.wallet() == Wallet(0, 40 * DOLLAR, 60 * DOLLAR)
    world.now = LATER
    paid(world, made, world.ann, " T-1\t")
    assert world.wallet() == Wallet(0, 40 * DOLLAR, 0)
    assert (world.balance("rail:manual"), world.balance("fees")) == (59 * DOLLAR, DOLLAR)
    stored = world.get(made.id)
    assert (stored.state, stored.reference, stored.ended_at, stored.ended_by) == ("paid", "T-1", LATER, "Ann")
    assert world.facts[-1] == WithdrawalChanged(made.id or 0, "paid", LATER)
    assert world.trail()[-1] == ("Ann", "payout.paid", f"WD-{made.id}", "T-1")
    assert world.entries()[-1] == ("withdrawal:studio:ada:1:paid", "withdrawal.paid", "ada's withdrawal no. 1: paid")
    clean(world)


def test_paid_without_fee_or_trace(world: World) -> None:
    """Without a fee only the rail gets something; the rail's own trace stays when no other is given."""
    world.config = CONFIG
    made = world.sent(60 * DOLLAR)
    paid(world, made)
    assert (world.balance("rail:manual"), world.balance("fees")) == (60 * DOLLAR, 0)
    stored = world.get(made.id)
    assert (stored.reference, stored.ended_by) == (f"sent WD-{made.id}-1", "operator")
    clean(world)


def test_failed(world: World) -> None:
    """Failed gives the whole amount back, fee included, once; the creator reads the reason."""
    made = world.sent(60 * DOLLAR)
    world.now = LATER
    failed(world, made, world.olga, " account closed ")
    assert world.wallet() == Wallet(0, 100 * DOLLAR, 0)
    stored = world.get(made.id)
    assert (stored.state, stored.reason, stored.ended_at, stored.ended_by) == (
        "failed",
        "account closed",
        LATER,
        "Olga",
    )
    assert world.facts[-1] == WithdrawalChanged(made.id or 0, "failed", LATER)
    assert world.trail()[-1] == ("Olga", "payout.failed", f"WD-{made.id}", "account closed")
    assert refused(failed, world, made) == f"WD-{made.id} is already failed, by Olga at 10:14. Nothing changed."
    assert refused(paid, world, made) == f"WD-{made.id} is already failed, by Olga at 10:14. Nothing changed."
    clean(world)


def test_returned(world: World) -> None:
    """Returned after paid: rail and fees give back what they had, and the whole amount is available again, once."""
    made = world.sent(60 * DOLLAR)
    assert refused(returned, world, made) == f"WD-{made.id} is sent, not paid. Nothing changed."
    paid(world, made, world.ann)
    world.now = LATER
    returned(world, made, world.amos)
    assert world.wallet() == Wallet(0, 100 * DOLLAR, 0)
    assert (world.balance("rail:manual"), world.balance("fees")) == (0, 0)
    stored = world.get(made.id)
    assert (stored.state, stored.reason, stored.ended_at, stored.ended_by) == ("returned", "came back", LATER, "Amos")
    assert world.facts[-1] == WithdrawalChanged(made.id or 0, "returned", LATER)
    assert world.trail()[-1] == ("Amos", "payout.returned", f"WD-{made.id}", "came back")
    assert [key for key, _, _ in world.entries()[-2:]] == [
        "withdrawal:studio:ada:1:paid-returned",
        "withdrawal:studio:ada:1:request-returned",
    ]
    assert refused(returned, world, made) == f"WD-{made.id} is already returned, by Amos at 10:14. Nothing changed."
    clean(world)


def test_marking_in_the_wrong_state(small: World) -> None:
    """What was not sent can't be marked; the second press is told who was first."""
    made = small.request(60 * DOLLAR)
    for do in (paid, failed):
        assert refused(do, small, made) == f"WD-{made.id} is requested, not sent. Nothing changed."
    small.approve(made.id)
    assert refused(paid, small, made) == f"WD-{made.id} is approved, not sent. Nothing changed."
    small.send()
    paid(small, made, small.ann)
    small.now = LATER
    assert refused(paid, small, made, small.amos) == f"WD-{made.id} is already paid, by Ann at 09:14. Nothing changed."
    assert refused(failed, small, made) == f"WD-{made.id} is already paid, by Ann at 09:14. Nothing changed."


def test_who_may_mark(small: World) -> None:
    """Admins and owners mark, approvers and creators don't, nobody their own."""
    made = small.sent(60 * DOLLAR)
    for do in (paid, failed, returned):
        for who in (small.mira, small.ada, small.bo):
            assert refused(do, small, made, who) == "Nothing changed. Only admins can do that."
        with small.session() as session:
            ada = people.set_roles(session, NOW, small.ada.person_id, ["owner"])
        expected = f"Nothing changed. WD-{made.id} is your own; someone else has to decide it."
        assert refused(do, small, made, ada) == expected
        with small.session() as session:
            people.set_roles(session, NOW, small.ada.person_id, [])
    ghost = replace_id(made, 99)
    with pytest.raises(DeskError, match=r"There is no withdrawal WD-99\. Nothing changed\."):
        paid(small, ghost)
    with pytest.raises(DeskError, match=r"There is no withdrawal WD-99\."), small.session() as session:
        guard.lock_withdrawal(session, 99)


def replace_id(made: Withdrawal, number: int) -> Withdrawal:
    return Withdrawal.model_construct(**{**made.model_dump(), "id": number})


def test_what_marks_say(small: World) -> None:
    """A reason is required, a reference bounded; neither may be longer than its column."""
    made = small.sent(60 * DOLLAR)
    expected = "Nothing changed. Say why in 1 to 500 characters; yours has {}."
    for do in (failed, returned):
        assert refused(do, small, made, None, " ") == expected.format(0)
        assert refused(do, small, made, None, "x" * 501) == expected.format(501)
    expected = "Nothing changed. A reference has at most 200 characters; yours has 201."
    assert refused(paid, small, made, None, "x" * 201) == expected
    paid(small, made, None, "x" * 200)


@pytest.mark.parametrize("approved", [False, True])
def test_cancelled(world: World, approved: bool) -> None:
    """The creator takes a request back before it is sent: the whole amount is available again, nothing is sent."""
    made = world.request(60 * DOLLAR)
    if approved:
        world.approve(made.id)
    world.now = LATER
    cancel(world, made)
    assert world.wallet() == Wallet(0, 100 * DOLLAR, 0)
    stored = world.get(made.id)
    assert (stored.state, stored.reason, stored.ended_at, stored.ended_by) == ("cancelled", "", LATER, "Ada")
    assert world.facts[-1] == WithdrawalChanged(made.id or 0, "cancelled", LATER)
    assert world.trail()[-1] == ("Ada", "payout.cancelled", f"WD-{made.id}", "")
    assert refused(cancel, world, made) == "Already cancelled by Ada at 10:14. Nothing changed."
    assert world.send() == []
    clean(world)


def test_too_late_to_cancel(small: World) -> None:
    """What is being sent, was sent or has ended can't be cancelled; the refusal says since when."""

    class Silent(AtOnce):
        def send(self, order: object) -> object:  # type: ignore[override]
            raise TimeoutError(str(order))

    made = small.request(60 * DOLLAR)
    small.approve(made.id)
    small.now = LATER
    small.send(Silent())  # type: ignore[arg-type]
    expected = f"WD-{made.id} is sending since 09:14; it can't be cancelled any more. Nothing changed."
    assert refused(cancel, small, made) == expected
    small.now += HOUR
    small.send()
    expected = f"WD-{made.id} is sent since 11:14; it can't be cancelled any more. Nothing changed."
    assert refused(cancel, small, made) == expected
    small.now += HOUR
    paid(small, made)
    expected = f"WD-{made.id} is paid since 12:14; it can't be cancelled any more. Nothing changed."
    assert refused(cancel, small, made) == expected


def test_cancelling_what_is_not_yours(small: World) -> None:
    """Another creator's request and one that is not there are one and the same refusal."""
    made = small.request(60 * DOLLAR)
    expected = f"There is no withdrawal WD-{made.id} of yours. Nothing changed."
    for who in (small.bo, small.mira, small.olga):
        assert refused(cancel, small, made, who) == expected


def test_lists_and_totals(database: Database) -> None:
    """Lists are newest first and by program; processing and withdrawn count open and paid amounts."""
    world = start(World(database, TWO_PROGRAMS))
    world.config = TWO_PROGRAMS
    world.fund(500 * DOLLAR)
    world.fund(500 * DOLLAR, program="arcade")
    made = []
    for number in range(6):
        world.now += dt.timedelta(days=2)
        made.append(world.request((50 + number) * DOLLAR, program="arcade" if number == 5 else "studio"))
    ids = [one.id for one in made]
    for one in made[:4]:
        world.approve(one.id)
    world.send()
    paid(world, made[0])
    paid(world, made[1])
    failed(world, made[2])
    with world.database.reading() as session:
        assert [one.id for one in lists.open_of(session, "ada")] == [ids[5], ids[4], ids[3]]
        assert [one.id for one in lists.open_of(session, "ada", "studio")] == [ids[4], ids[3]]
        assert [one.id for one in lists.history(session, "ada", offset=1, limit=2)] == [ids[4], ids[3]]
        assert [one.id for one in lists.history(session, "ada", "studio")] == ids[4::-1]
        assert [one.id for one in lists.history(session, "bo")] == []
        assert (lists.count_of_creator(session, "ada"), lists.count_of_creator(session, "ada", "studio")) == (6, 5)
        assert [one.id for one in lists.every(session)] == ids
        assert [one.id for one in lists.every(session, ("paid", "failed"))] == ids[:3]
        assert [one.id for one in lists.every(session, (), 2, 3)] == ids[2:5]
        assert lists.processing(session, "ada") == (53 + 54 + 55) * DOLLAR
        assert lists.processing(session, "ada", "arcade") == 55 * DOLLAR
        assert lists.withdrawn(session, "ada") == (50 + 51) * DOLLAR
        assert (lists.withdrawn(session, "ada", "arcade"), lists.withdrawn(session, "bo")) == (0, 0)
        assert isinstance(lists.processing(session, "ada"), int)


def test_a_missing_entry_stops_everything(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the ledger lacks what a withdrawal needs taken back, nothing is made up."""
    made = small.request(60 * DOLLAR)
    monkeypatch.setattr(journal, "find", lambda *_: None)
    with pytest.raises(ValueError, match="the ledger has no entry withdrawal:studio:ada:1:request"):
        cancel(small, made)
    assert small.get(made.id).state == "requested"
    assert transitions.entry_key(made, "x") == "withdrawal:studio:ada:1:x"
