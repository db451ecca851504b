"""Money under fire: long random lives of a desk, held against a plain model after each step (quality.md)."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

import pytest

from core import people, verify
from core.clock import start_of, utc_day
from core.earnings import intake, settlement
from core.errors import DeskError
from core.ledger.tables import Account
from core.payouts import adjustments, approvals, attempts, freezes, withdrawals
from core.people import Identity
from core.storage import Database, table_of
from tests import fire
from tests.model import Event, Model, Request

DAY = dt.timedelta(days=1)
REASON = "a reason of ten letters"
FROM_TWO = 500 * fire.DOLLAR


class Life:
    """One seed's life: a desk, its model, and a clock that only goes forward."""

    def __init__(self, database: Database, seed: int, verify_every: int) -> None:
        self.database = database
        self.verify_every = verify_every
        self.steps = 0
        self.random = random.Random(seed)
        self.model = Model(fire.prepare(database))
        self.staff = fire.hire(database)
        self.now = fire.morning(2)
        self.number = 0
        self.links: dict[str, list[dt.datetime]] = {creator: [] for creator in set(self.model.owners.values())}
        self.times: dict[int, dt.datetime] = {}

    def step(self) -> None:
        """One random operation, then every promise of the books."""
        self.now += dt.timedelta(minutes=self.random.randrange(1, 600))
        operations: list[tuple[Callable[[], None], int]] = [
            (self.use, 8),
            (self.void, 2),
            (self.settle, 4),
            (self.withdraw, 5),
            (self.decide, 5),
            (self.send, 3),
            (self.finish, 3),
            (self.adjust, 1),
            (self.freeze, 1),
            (self.link, 1),
        ]
        (chosen,) = self.random.choices([one for one, _ in operations], [weight for _, weight in operations])
        chosen()
        self.steps += 1
        self.check()

    def check(self) -> None:
        """Balances are the model's and sum to zero; `verify` finds nothing."""
        account = table_of(Account)
        with self.database.reading() as session:
            rows = session.connection().execute(account.select()).mappings().all()
            ours = {(one["role"], one["creator"]): one["balance"] for one in rows if one["balance"]}
            due = self.steps % self.verify_every == 0
            wrong = [check for check in verify.verify(session) if not check.ok] if due else []
        assert ours == {key: amount for key, amount in self.model.balances.items() if amount}
        assert sum(ours.values()) == 0
        assert wrong == []

    def use(self) -> None:
        """A handful of events, some late, some one's own, some sent twice."""
        rows = []
        for _ in range(self.random.randrange(1, 6)):
            self.number += 1
            name = f"e{self.number}"
            project = self.random.choice(list(self.model.owners))
            at = max(self.now - dt.timedelta(hours=self.random.randrange(0, 24 * 40)), start_of(fire.START))
            credits_ = self.random.choice([0, 1, 99, self.random.randrange(1, 60_000)])
            cost = self.random.randrange(0, credits_ * 3 // 2 + 1)
            user = self.model.owners[project] if self.random.random() < 0.1 else "visitor"
            rows += [fire.row(name, at, project, credits_, cost, user)] * self.random.choice([1, 1, 2])
            if not self.model.too_late(utc_day(at)):
                scaled = (credits_ * fire.CREDIT, cost * fire.CREDIT)
                self.model.events[name] = Event(project, user, utc_day(at), *scaled)
        self.random.shuffle(rows)
        intake.accept(self.database, fire.CONFIG, rows, "platform", self.now)

    def void(self) -> None:
        """Take an event out: of the past, of the future or of nothing."""
        name = f"e{self.random.randrange(1, self.number + 3)}"
        self.number += 1
        event = self.model.events.get(name)
        report = intake.accept(
            self.database, fire.CONFIG, [fire.void(f"v{self.number}", self.now, name)], "platform", self.now
        )
        if name in self.model.voids:
            assert report.duplicates == 1
        elif event is not None and self.model.too_late(event.day):
            assert len(report.rejected) == 1
        else:
            assert report.accepted == 1
            self.model.voids.add(name)

    def settle(self) -> None:
        """Jump to some morning and settle, twice now and then."""
        self.now = start_of(utc_day(self.now) + self.random.choice([1, 1, 1, 9]) * DAY) + dt.timedelta(hours=3)
        self.model.settle(utc_day(self.now) - DAY)
        for _ in range(self.random.choice([1, 2])):
            settlement.settle_due(self.database, fire.CONFIG, self.now)

    def withdraw(self) -> None:
        """Ask for some amount; it passes when the model says so."""
        creator = self.random.choice(list(self.links))
        available = self.model.balances["available", creator]
        cents = self.random.choice([available // 10_000, 5_000, 4_999, self.random.randrange(1, 90_000)])
        amount = cents * 10_000
        linked = self.links[creator]
        waiting = len(linked) > 1 and self.now < linked[-1] + fire.CONFIG.link_wait
        allowed = creator not in self.model.frozen and not waiting and 50 * fire.DOLLAR <= amount <= available
        try:
            with self.database.transaction() as session:
                actor = people.resolve(session, creator)
                draft = withdrawals.preview(session, fire.CONFIG, self.now, actor, amount).draft
                made = withdrawals.confirm(session, fire.CONFIG, self.now, actor, draft)
        except DeskError:
            assert not allowed
            return
        assert allowed
        assert made.id is not None
        self.model.requests[made.id] = Request(creator, amount)
        self.times[made.id] = self.now
        self.model.move(("available", creator), ("reserved", creator), amount)

    def needed(self, number: int) -> int:
        """Two approvals from $500.00 in any 24 hours with this request in them; rejected and cancelled don't count."""
        request = self.model.requests[number]
        mine = [
            (self.times[other], one.amount)
            for other, one in self.model.requests.items()
            if one.creator == request.creator and (one.state not in ("rejected", "cancelled") or other == number)
        ]
        at = self.times[number]
        most = max(
            sum(amount for when, amount in mine if end - DAY < when <= end) for end, _ in mine if end - DAY < at <= end
        )
        return 2 if most >= FROM_TWO else 1

    def pick(self, *states: str) -> int | None:
        """A withdrawal in one of the states."""
        found = [number for number, request in self.model.requests.items() if request.state in states]
        return self.random.choice(found) if found else None

    def decide(self) -> None:
        """Approve, reject or cancel something open; one's own approval twice is refused."""
        number = self.pick("requested")
        if number is None:
            return
        request = self.model.requests[number]
        what = self.random.choice(["approve", "approve", "approve", "reject", "cancel"])
        who = self.random.choice([self.staff.mira, self.staff.tom, self.staff.olga])
        with self.database.transaction() as session:
            if what == "cancel":
                withdrawals.cancel(session, fire.CONFIG, self.now, people.resolve(session, request.creator), number)
                self.model.give_back(request, "cancelled")
            elif what == "reject":
                approvals.reject(session, fire.CONFIG, self.now, who, number, "cli", REASON)
                self.model.give_back(request, "rejected")
            else:
                try:
                    decided = approvals.approve(session, fire.CONFIG, self.now, who, number, "cli")
                except DeskError:
                    assert who.name in request.approvals
                    return
                request.approvals.add(who.name)
                assert decided.needed == self.needed(number)
                if len(request.approvals) >= decided.needed:
                    request.state = "approved"
                assert decided.withdrawal.state == request.state

    def send(self) -> None:
        """Send what is approved; a frozen creator's money stays."""
        attempts.send_due(self.database, fire.CONFIG, fire.RAILS, self.now)
        for request in self.model.requests.values():
            if request.state == "approved" and request.creator not in self.model.frozen:
                request.state = "sent"

    def finish(self) -> None:
        """Money on its way arrives, fails, or comes back after it had arrived."""
        number = self.pick("sent", "paid")
        if number is None:
            return
        request = self.model.requests[number]
        with self.database.transaction() as session:
            arguments = (session, fire.CONFIG, self.now, self.staff.olga, number)
            if request.state == "paid":
                withdrawals.mark_returned(*arguments, REASON)
                self.model.move(("rail:manual", ""), ("available", request.creator), request.amount)
                request.state = "returned"
            elif self.random.random() < 0.6:
                withdrawals.mark_paid(*arguments)
                self.model.move(("reserved", request.creator), ("rail:manual", ""), request.amount)
                request.state = "paid"
            else:
                withdrawals.mark_failed(*arguments, REASON)
                self.model.give_back(request, "failed")

    def adjust(self) -> None:
        """A correction by two people, below zero if need be."""
        creator = self.random.choice(list(self.links))
        amount = self.random.choice([-1, 1]) * self.random.randrange(1, 400 * fire.DOLLAR)
        with self.database.transaction() as session:
            proposed = adjustments.propose(
                session, fire.CONFIG, self.now, self.staff.mira, creator, None, amount, REASON
            )
            assert proposed.id is not None
            with pytest.raises(DeskError):
                adjustments.approve(session, fire.CONFIG, self.now, self.staff.mira, proposed.id)
            adjustments.approve(session, fire.CONFIG, self.now, self.staff.tom, proposed.id)
        self.model.move(("adjustments", ""), ("available", creator), amount)

    def freeze(self) -> None:
        """Freeze a creator, or lift the hold."""
        creator = self.random.choice(list(self.links))
        act = freezes.unfreeze if creator in self.model.frozen else freezes.freeze
        with self.database.transaction() as session:
            act(session, self.now, self.staff.olga, creator, REASON)
        self.model.frozen ^= {creator}

    def link(self) -> None:
        """A chat account joins a creator; from the second on, new requests wait."""
        creator = self.random.choice(list(self.links))
        with self.database.transaction() as session:
            code, _ = people.create_link_code(session, self.now, people.resolve(session, creator).person_id)
            identity = Identity("slack", f"U{creator}{len(self.links[creator])}", "W1")
            assert people.link(session, self.now, identity, code).ok
        self.links[creator].append(self.now)


@pytest.mark.parametrize("seed", range(5))
def test_random_lives(database: Database, seed: int) -> None:
    """Whatever happens in whatever order, the books say what a plain model says, and `verify` agrees."""
    life = Life(database, seed, verify_every=10)
    for _ in range(100):
        life.step()
    assert life.model.balances


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(500))
def test_many_long_lives(database: Database, seed: int) -> None:
    """The same for 500 lives of 200 operations, verified after each."""
    life = Life(database, seed, verify_every=1)
    for _ in range(200):
        life.step()
    assert life.model.balances
