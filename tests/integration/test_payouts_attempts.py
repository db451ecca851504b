"""Sending: at most one transfer per attempt key, whatever dies when (domain.md, Sending; quality.md, Crashes)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock, Thread

import pytest
from sqlmodel import Session

from core.ledger.accounts import Wallet
from core.payouts import attempts, freezes, withdrawals
from core.payouts.attempts import LEASE, Claimed, NotKnown, Tried
from core.payouts.checks import payout_checks
from core.payouts.facts import WithdrawalChanged
from core.payouts.rail import Outcome, PaymentOrder, Refused, Sent, Unclear
from core.payouts.tables import Attempt, Withdrawal
from core.storage import Database
from tests.payouts_world import CONFIG, DOLLAR, MANUAL, NOW, World

SECOND = dt.timedelta(seconds=1)


class Killed(BaseException):
    """The process dies here; nothing catches this."""


@dataclass
class Death:
    """Dies at the n-th step it is told of; counts on either way."""

    at: int = 0
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise Killed


@dataclass
class Bank:
    """A rail that keeps every transfer by key, has no idempotency of its own, and follows a script.

    script: what to do on each send: "ok", "refuse", "acted" (it paid, the answer is lost), "lost" (it never heard of
    it) or an Outcome to answer with. blind: looking up fails too.
    """

    name: str = "manual"
    script: list[str] = field(default_factory=list)
    transfers: dict[str, list[int]] = field(default_factory=dict)
    orders: list[PaymentOrder] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    blind: int = 0
    death: Death = field(default_factory=Death)
    _lock: Lock = field(default_factory=Lock)

    def ready(self, creator_id: str) -> bool:
        return bool(creator_id)

    def send(self, order: PaymentOrder) -> Outcome:
        self.death.step()
        with self._lock:
            self.orders.append(order)
            what = self.script.pop(0) if self.script else "ok"
            if what == "refuse":
                return Refused("account closed")
            if what in ("ok", "acted"):
                self.transfers.setdefault(order.key, []).append(order.amount)
        self.death.step()
        if what == "unclear":
            return Unclear("504")
        if what in ("acted", "lost"):
            raise TimeoutError("no answer")
        return Sent(f"T-{order.key}")

    def look_up(self, key: str) -> Outcome | None:
        self.death.step()
        self.looked_up.append(key)
        if self.blind:
            self.blind -= 1
            raise ConnectionError("down")
        return Sent(f"T-{key}") if key in self.transfers else None


class Mortal(Database):
    """A database whose user dies before, within or after a transaction."""

    death: Death

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        self.death.step()
        with super().transaction() as session:
            yield session
            self.death.step()
        self.death.step()


def mortal(database: Database, death: Death) -> Mortal:
    mine = Mortal(database.engine, database.announce)
    object.__setattr__(mine, "death", death)
    return mine


@pytest.fixture
def world(database: Database) -> World:
    return ready(World(database))


@pytest.fixture
def small(sqlite_database: Database) -> World:
    """For rules in which the kind of database has no part."""
    return ready(World(sqlite_database))


def ready(world: World) -> World:
    """One withdrawal of $60.00 with a fee of $1.00 is approved and due."""
    world.config = replace(CONFIG, methods=(replace(MANUAL, fee_micros=DOLLAR),))
    world.fund(100 * DOLLAR)
    world.approve(world.request(60 * DOLLAR).id)
    world.facts.clear()
    return world


def only(world: World) -> tuple[Withdrawal, Attempt]:
    with world.database.reading() as session:
        (attempt,) = attempts.of_withdrawal(session, 1)
        return session.get_one(Withdrawal, 1), attempt


def clean(world: World) -> None:
    with world.database.reading() as session:
        assert [check for check in payout_checks(session) if not check.ok] == []


def test_sent(world: World) -> None:
    """The rail is given the net amount under the attempt's key; what it answers is written down and told."""
    bank = Bank()
    world.now = NOW + SECOND
    assert world.send(bank) == [Tried(1, Sent("T-WD-1-1"))]
    assert bank.orders == [PaymentOrder("WD-1-1", 1, "ada", "studio", 59 * DOLLAR, "USD", "manual", "")]
    withdrawal, attempt = only(world)
    assert (withdrawal.state, withdrawal.sent_at, withdrawal.reference) == ("sent", world.now, "T-WD-1-1")
    assert (attempt.state, attempt.reference, attempt.calls, attempt.error) == ("sent", "T-WD-1-1", 1, "")
    assert world.facts == [WithdrawalChanged(1, "sending", world.now), WithdrawalChanged(1, "sent", world.now)]
    assert world.trail()[-2:] == [
        ("relay", "payout.sending", "WD-1", "manual"),
        ("rail:manual", "payout.sent", "WD-1", "T-WD-1-1"),
    ]
    assert bank.looked_up == []
    assert world.send(bank) == []
    clean(world)


def test_expected_dates_count_from_sending(small: World) -> None:
    """What was expected at the request is counted anew from the day of sending; a method that is gone keeps it."""
    small.now = NOW + dt.timedelta(days=2)  # Friday; Monday is a holiday
    small.send(Bank())
    withdrawal, _ = only(small)
    assert (withdrawal.arrives_from, withdrawal.arrives_by) == (dt.date(2026, 1, 20), dt.date(2026, 1, 22))


def test_expected_dates_without_the_method(small: World) -> None:
    """A method that the configuration no longer has leaves the dates as they were."""
    small.config = replace(CONFIG, methods=())
    small.now = NOW + dt.timedelta(days=2)
    small.send(Bank())
    withdrawal, _ = only(small)
    assert (withdrawal.state, withdrawal.arrives_from) == ("sent", dt.date(2026, 1, 15))


def test_refused(world: World) -> None:
    """A rail that will not pay ends the withdrawal: the whole amount is available again, and the reason is kept."""
    bank = Bank(script=["refuse"])
    assert world.send(bank) == [Tried(1, Refused("account closed"))]
    withdrawal, attempt = only(world)
    assert (withdrawal.state, withdrawal.reason, withdrawal.ended_by) == ("failed", "account closed", "rail:manual")
    assert (withdrawal.ended_at, withdrawal.sent_at) == (NOW, None)
    assert (attempt.state, attempt.error) == ("failed", "account closed")
    assert world.wallet() == Wallet(0, 100 * DOLLAR, 0)
    assert world.facts[-1] == WithdrawalChanged(1, "failed", NOW)
    assert world.trail()[-1] == ("rail:manual", "payout.failed", "WD-1", "account closed")
    world.now += LEASE * 100
    assert world.send(bank) == []
    clean(world)


@pytest.mark.parametrize("what", ["acted", "lost", "unclear"])
def test_unclear_answers_are_looked_up(world: World, what: str) -> None:
    """After an unclear answer the rail is asked what became of it before anything is sent again."""
    bank = Bank(script=[what])
    (tried,) = world.send(bank)
    expected = "504" if what == "unclear" else "TimeoutError: no answer"
    assert tried.outcome == Unclear(expected)
    withdrawal, attempt = only(world)
    assert (withdrawal.state, attempt.state, attempt.error) == ("sending", "calling", expected)
    assert attempt.claimed_until == NOW + attempts.FIRST_RETRY
    assert world.wallet() == Wallet(0, 40 * DOLLAR, 60 * DOLLAR)
    clean(world)
    world.now = NOW + attempts.FIRST_RETRY - SECOND
    assert world.send(bank) == []
    world.now = NOW + attempts.FIRST_RETRY
    assert world.send(bank) == [Tried(1, Sent("T-WD-1-1"))]
    assert bank.looked_up == ["WD-1-1"]
    assert bank.transfers == {"WD-1-1": [59 * DOLLAR]}
    assert len(bank.orders) == (1 if what == "acted" else 2)
    withdrawal, attempt = only(world)
    assert (withdrawal.state, attempt.state, attempt.calls) == ("sent", "sent", 2)
    clean(world)


def test_a_rail_that_can_not_be_asked(small: World) -> None:
    """While looking up fails too, nothing is sent, and each try waits longer than the one before."""
    bank = Bank(script=["acted"], blind=3)
    waits = []
    for _ in range(4):
        small.send(bank)
        _, attempt = only(small)
        assert attempt.state == "calling"
        waits.append((attempt.claimed_until or NOW) - small.now)
        small.now = attempt.claimed_until or NOW
    assert waits == [attempts.FIRST_RETRY * factor for factor in (1, 2, 4, 8)]
    assert small.send(bank) == [Tried(1, Sent("T-WD-1-1"))]
    assert bank.transfers == {"WD-1-1": [59 * DOLLAR]}
    assert len(bank.orders) == 1


def test_long_answers_are_cut(small: World) -> None:
    """What a rail says is kept as far as its column goes."""

    class Chatty(Bank):
        def send(self, order: PaymentOrder) -> Outcome:
            if not self.orders:
                self.orders.append(order)
                return Unclear("x" * 2000)
            return Sent("y" * 2000)

    bank = Chatty()
    small.send(bank)
    assert only(small)[1].error == "x" * 500
    small.now += LEASE
    small.send(bank)
    assert only(small)[1].reference == only(small)[0].reference == "y" * 200


def deaths(world: World, bank: Bank, at: int) -> bool:
    """Send until done or dead; whether death came."""
    death = Death(at)
    bank.death = death
    try:
        attempts.send_due(mortal(world.database, death), world.config, {"manual": bank}, world.now)
    except Killed:
        return True
    finally:
        bank.death = Death()
    return False


@pytest.mark.parametrize("what", ["ok", "acted", "lost"])
def test_dying_at_every_step(database: Database, what: str) -> None:
    """Killed at any step of sending, a restart finishes the job with exactly one transfer."""
    world = World(database)
    world.fund(10_000 * DOLLAR)
    for step in range(1, 30):
        world.now += dt.timedelta(days=2)
        made = world.request(50 * DOLLAR)
        world.approve(made.id)
        bank = Bank(script=[what])
        died = deaths(world, bank, step)
        for _ in range(3):
            world.now += LEASE
            world.send(bank)
        assert world.get(made.id).state == "sent"
        assert bank.transfers == {f"WD-{made.id}-1": [50 * DOLLAR]}
        if not died:
            break
    assert not died
    assert step > 9
    clean(world)


@pytest.mark.parametrize("first", range(1, 12))
def test_dying_twice(sqlite_database: Database, first: int) -> None:
    """Killed again while finishing what the first death left, the job is still done exactly once."""
    world = World(sqlite_database)
    world.fund(10_000 * DOLLAR)
    for second in range(1, 20):
        world.now += dt.timedelta(days=2)
        made = world.request(50 * DOLLAR)
        world.approve(made.id)
        bank = Bank(script=["acted"])
        deaths(world, bank, first)
        world.now += LEASE
        died = deaths(world, bank, second)
        for _ in range(3):
            world.now += LEASE
            world.send(bank)
        assert world.get(made.id).state == "sent"
        assert bank.transfers == {f"WD-{made.id}-1": [50 * DOLLAR]}
        if not died:
            break
    assert not died
    clean(world)


def test_a_claim_lasts_its_lease(world: World) -> None:
    """While a claim holds, nobody else takes the attempt; after it ran out, whoever does looks up first."""
    with world.session() as session:
        (mine,) = attempts.claim_due(session, world.now, "one")
    assert mine == Claimed(
        attempt_id=1,
        call=1,
        rail="manual",
        order=PaymentOrder("WD-1-1", 1, "ada", "studio", 59 * DOLLAR, "USD", "manual", ""),
        look_up_first=False,
        may_send=True,
    )
    for wait, found in ((LEASE - SECOND, 0), (LEASE, 1)):
        world.now = NOW + wait
        with world.session() as session:
            theirs = attempts.claim_due(session, world.now, "two")
        assert len(theirs) == found
    assert (theirs[0].call, theirs[0].look_up_first) == (2, True)
    # The first one wakes up late: its word no longer counts.
    with world.session() as session:
        assert not attempts.record(session, world.config, world.now, mine, Refused("late"))
    assert only(world)[0].state == "sending"
    with world.session() as session:
        assert attempts.record(session, world.config, world.now, theirs[0], Sent("T"))
    with world.session() as session:
        assert not attempts.record(session, world.config, world.now, theirs[0], Refused("twice"))
    assert only(world)[0].state == "sent"
    clean(world)


def test_frozen_creators_wait(world: World) -> None:
    """Nothing is sent while the creator is frozen; after the hold is lifted it goes at once."""
    bank = Bank()
    with world.session() as session:
        freezes.freeze(session, world.now, world.ann, "ada", "under review")
    assert world.send(bank) == []
    assert only(world)[0].state == "approved"
    with world.session() as session:
        freezes.unfreeze(session, world.now, world.ann, "ada", "cleared")
    assert world.send(bank) == [Tried(1, Sent("T-WD-1-1"))]


@pytest.mark.parametrize("what", ["acted", "lost"])
def test_frozen_while_unclear(world: World, what: str) -> None:
    """A hold that comes after an unclear answer still lets it be looked up, but nothing is sent again."""
    bank = Bank(script=[what])
    world.send(bank)
    with world.session() as session:
        freezes.freeze(session, world.now, world.ann, "ada", "under review")
    world.now += LEASE
    (tried,) = world.send(bank)
    withdrawal, attempt = only(world)
    if what == "acted":
        assert tried.outcome == Sent("T-WD-1-1")
        assert withdrawal.state == "sent"
    else:
        assert tried.outcome == NotKnown()
        assert (withdrawal.state, attempt.state) == ("sending", "ready")
        assert world.send(bank) == []
        with world.session() as session:
            freezes.unfreeze(session, world.now, world.ann, "ada", "cleared")
        assert world.send(bank) == [Tried(1, Sent("T-WD-1-1"))]
    assert bank.transfers == {"WD-1-1": [59 * DOLLAR]}
    clean(world)


def test_rails_that_are_not_here(small: World) -> None:
    """An attempt of a rail that this desk doesn't have waits, untouched, for one that has it."""
    assert attempts.send_due(small.database, small.config, {"stripe": Bank("stripe")}, small.now) == []
    assert attempts.send_due(small.database, small.config, {}, small.now) == []
    assert only(small)[0].state == "approved"
    assert len(small.send(Bank())) == 1


def test_a_round_has_a_limit(small: World) -> None:
    """A round sends at most as many as it is told to, the oldest first."""
    small.fund(1000 * DOLLAR)
    for _ in range(3):
        small.now += dt.timedelta(days=2)
        small.approve(small.request(60 * DOLLAR).id)
    bank = Bank()
    tried = attempts.send_due(small.database, small.config, {"manual": bank}, small.now, limit=3)
    assert [one.withdrawal_id for one in tried] == [1, 2, 3]
    assert [one.withdrawal_id for one in small.send(bank)] == [4]


def test_not_before(small: World) -> None:
    """An attempt is not due before its time."""
    small.now = NOW - SECOND
    assert small.send(Bank()) == []
    small.now = NOW
    assert len(small.send(Bank())) == 1


def test_claiming_several(world: World) -> None:
    """Several attempts can be claimed at once, in one order for everybody, up to a limit."""
    world.fund(1000 * DOLLAR, "bo")
    for who in (world.bo, world.bo):
        world.approve(world.request(60 * DOLLAR, who).id)
    world.fund(100 * DOLLAR)
    world.approve(world.request(60 * DOLLAR).id)
    with world.session() as session:
        first = attempts.claim_due(session, world.now, "me", 3)
        rest = attempts.claim_due(session, world.now, "me", 3)
    assert [one.order.withdrawal_id for one in (*first, *rest)] == [1, 4, 2, 3]


def test_replicas_send_once(world: World) -> None:
    """Many replicas sending at once: each attempt is called exactly once."""
    world.fund(3000 * DOLLAR)
    for _ in range(11):
        world.now += dt.timedelta(days=2)
        world.approve(world.request(60 * DOLLAR).id)
    bank, failures = Bank(), []

    def send() -> None:
        try:
            world.send(bank)
        except Exception as failure:  # shown by the assertion below
            failures.append(failure)

    threads = [Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert bank.transfers == {f"WD-{number}-1": [59 * DOLLAR] for number in range(1, 13)}
    assert bank.looked_up == []
    clean(world)


def test_cancelled_in_time(world: World) -> None:
    """What the creator cancelled after its approval is never sent."""
    with world.session() as session:
        withdrawals.cancel(session, world.config, world.now, world.ada, 1)
    assert world.send(Bank()) == []
    withdrawal, attempt = only(world)
    assert (withdrawal.state, attempt.state) == ("cancelled", "failed")
    assert attempt.error == "cancelled before it was sent"
    clean(world)
