"""Any life of withdrawals against a plain-Python model, on both databases (quality.md, Model check).

After every step the wallet equals the model's, all balances sum to zero and every check of the books is clean.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from core import people
from core.earnings.tables import Creator
from core.errors import DeskError
from core.ledger import accounts
from core.ledger.verify import ledger_checks
from core.payouts import adjustments, approvals, attempts, freezes, withdrawals
from core.payouts.attempts import NotKnown
from core.payouts.checks import payout_checks
from core.payouts.rail import Outcome, PaymentOrder, Refused, Sent
from core.people import Actor, Identity
from core.storage import Database
from tests.payouts_world import CONFIG, DOLLAR, MANUAL, World

DAY = dt.timedelta(hours=24)
LIMIT = 500 * DOLLAR
FEE = 2 * DOLLAR
MINIMUM = 50 * DOLLAR
CENT = 10_000
_runs = itertools.count(1)


@dataclass
class Asked:
    """A withdrawal as the model has it. unclear: the rail may have paid; retry: not before then."""

    amount: int
    at: dt.datetime
    state: str = "requested"
    approvers: set[str] = field(default_factory=set)
    unclear: bool = False
    retry: dt.datetime | None = None


class Scripted:
    """A rail that acts as told, without any idempotency of its own."""

    name = "manual"

    def __init__(self) -> None:
        self.acts = "ok"
        self.transfers: dict[str, int] = {}

    def ready(self, creator_id: str) -> bool:
        return bool(creator_id)

    def send(self, order: PaymentOrder) -> Outcome:
        if self.acts == "refuse":
            return Refused("account closed")
        if self.acts in ("ok", "acted"):
            self.transfers[order.key] = self.transfers.get(order.key, 0) + 1
        if self.acts != "ok":
            raise TimeoutError("no answer")
        return Sent("T")

    def look_up(self, key: str) -> Outcome | None:
        return Sent("T") if key in self.transfers else None


class Life(RuleBasedStateMachine):
    """One creator's payouts, from a fresh wallet on."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.now = self.world.now
        self.who = f"creator-{next(_runs)}"
        with self.world.session() as session:
            session.add(Creator(creator_id=self.who, name=self.who, country="US"))
            session.flush()
            accounts.open_wallets(session, [("studio", self.who)])
            self.actor: Actor = people.resolve(session, self.who)
        self.rail = Scripted()
        self.available = 0
        self.links = 0
        self.wait_until = self.now
        self.frozen = False
        self.drafts: dict[str, tuple[int, dt.datetime]] = {}
        self.used: set[str] = set()
        self.asked: dict[int, Asked] = {}
        self.proposed: dict[int, tuple[int, str]] = {}

    def ok(self, do: str, *facts: object) -> bool:
        """Run one of the core's verbs in a transaction; whether it was accepted."""
        verbs = {
            "approve": approvals.approve,
            "reject": approvals.reject,
            "cancel": withdrawals.cancel,
            "paid": withdrawals.mark_paid,
            "failed": withdrawals.mark_failed,
            "returned": withdrawals.mark_returned,
        }
        try:
            with self.world.session() as session:
                verbs[do](session, self.world.config, self.now, *facts)  # type: ignore[operator]
        except DeskError:
            return False
        return True

    def reserved(self) -> int:
        open_states = ("requested", "approved", "sending", "sent")
        return sum(one.amount for one in self.asked.values() if one.state in open_states)

    def may_ask(self, amount: int) -> bool:
        return (
            not self.frozen
            and self.now >= self.wait_until
            and MINIMUM <= amount <= self.available
            and amount % CENT == 0
        )

    def needed(self, this: Asked) -> int:
        """The rule once more, told differently: two people if any 24 hours holding this request, or the last ones
        together with it, reach the limit."""
        counted = [one for one in self.asked.values() if one.state not in ("rejected", "cancelled")]
        for end in [*(one.at for one in counted), self.now]:
            inside = [one for one in counted if dt.timedelta(0) <= end - one.at < DAY]
            if end != self.now and not any(one is this for one in inside):
                continue
            total = sum(one.amount for one in inside) + (0 if any(one is this for one in inside) else this.amount)
            if total >= LIMIT:
                return 2
        return 1

    @rule(micros=st.integers(-80 * DOLLAR, 400 * DOLLAR).filter(bool))
    def earn(self, micros: int) -> None:
        self.world.fund(micros, self.who)
        self.available += micros

    @rule(hours=st.sampled_from([0.1, 0.3, 5, 25]))
    def wait(self, hours: float) -> None:
        self.now += dt.timedelta(hours=hours)

    @rule(cents=st.one_of(st.none(), st.integers(4_900, 60_000)))
    def preview(self, cents: int | None) -> None:
        amount = self.available // CENT * CENT if cents is None else cents * CENT
        try:
            with self.world.session() as session:
                wanted = None if cents is None else amount
                shown = withdrawals.preview(session, self.world.config, self.now, self.actor, wanted)
        except DeskError:
            assert not self.may_ask(amount)
            return
        assert self.may_ask(amount)
        assert (shown.amount, shown.net, shown.balance_after) == (amount, amount - FEE, self.available - amount)
        self.drafts[shown.draft] = (amount, self.now)

    @precondition(lambda self: self.drafts)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(list(self.drafts)), "draft")
        amount, made_at = self.drafts[token]
        fresh = token not in self.used and self.now < made_at + withdrawals.DRAFT_LIFE
        try:
            with self.world.session() as session:
                made = withdrawals.confirm(session, self.world.config, self.now, self.actor, token)
        except DeskError:
            assert not (fresh and self.may_ask(amount))
            return
        assert fresh
        assert self.may_ask(amount)
        self.used.add(token)
        self.available -= amount
        self.asked[made.id or 0] = Asked(amount, self.now)
        for number, one in self.asked.items():
            if one.state == "requested":
                assert self.world.get(number).approvals_needed == self.needed(one)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), verdict=st.sampled_from(["approve", "approve", "approve", "reject"]), second=st.booleans())
    def decide(self, data: st.DataObject, verdict: str, second: bool) -> None:
        number = data.draw(st.sampled_from(list(self.asked)), "withdrawal")
        one, who = self.asked[number], (self.world.tom if second else self.world.mira)
        accepted = self.ok(verdict, who, number, "test", "looks like self-made traffic")
        if one.state != "requested":
            assert not accepted
        elif verdict == "reject":
            assert accepted
            one.state = "rejected"
            self.available += one.amount
        else:
            needed = self.needed(one)
            assert accepted == (who.name not in one.approvers or len(one.approvers) >= needed)
            if accepted:
                one.approvers.add(who.name)
                one.state = "approved" if len(one.approvers) >= needed else "requested"

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(list(self.asked)), "withdrawal")
        one = self.asked[number]
        accepted = self.ok("cancel", self.actor, number)
        assert accepted == (one.state in ("requested", "approved"))
        if accepted:
            one.state = "cancelled"
            self.available += one.amount

    @rule(acts=st.sampled_from(["ok", "ok", "refuse", "acted", "lost"]))
    def send(self, acts: str) -> None:
        self.rail.acts = acts
        due = {
            number
            for number, one in self.asked.items()
            if (one.state == "approved" and not self.frozen)
            or (one.state == "sending" and one.unclear and one.retry is not None and one.retry <= self.now)
            or (one.state == "sending" and not one.unclear and not self.frozen)
        }
        tried = attempts.send_due(self.world.database, self.world.config, {"manual": self.rail}, self.now)
        mine = {one.withdrawal_id: one.outcome for one in tried if one.withdrawal_id in self.asked}
        assert set(mine) == due
        for number, outcome in mine.items():
            one = self.asked[number]
            if isinstance(outcome, Sent):
                one.state, one.unclear = "sent", False
            elif isinstance(outcome, Refused):
                one.state, one.unclear = "failed", False
                self.available += one.amount
            elif isinstance(outcome, NotKnown):
                assert self.frozen
                one.unclear = False
            else:
                with self.world.database.reading() as session:
                    (attempt,) = attempts.of_withdrawal(session, number)
                one.state, one.unclear, one.retry = "sending", True, attempt.claimed_until

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), verb=st.sampled_from(["paid", "failed", "returned"]))
    def mark(self, data: st.DataObject, verb: str) -> None:
        number = data.draw(st.sampled_from(list(self.asked)), "withdrawal")
        one = self.asked[number]
        accepted = self.ok(verb, self.world.ann, number, "because")
        assert accepted == (one.state == ("paid" if verb == "returned" else "sent"))
        if accepted:
            one.state = verb
            self.available += 0 if verb == "paid" else one.amount

    @rule(cents=st.integers(-20_000, 20_000).filter(bool))
    def propose(self, cents: int) -> None:
        with self.world.session() as session:
            facts = (session, self.world.config, self.now, self.world.ann)
            made = adjustments.propose(*facts, self.who, None, cents * CENT, "goodwill")
        self.proposed[made.id or 0] = (cents * CENT, "proposed")

    @precondition(lambda self: self.proposed)
    @rule(data=st.data(), approve=st.booleans(), other=st.booleans())
    def adjust(self, data: st.DataObject, approve: bool, other: bool) -> None:
        number = data.draw(st.sampled_from(list(self.proposed)), "adjustment")
        amount, state = self.proposed[number]
        verb = adjustments.approve if approve else adjustments.decline
        who = self.world.amos if other else self.world.ann
        try:
            with self.world.session() as session:
                verb(session, self.world.config, self.now, who, number)
        except DeskError:
            assert state != "proposed" or (approve and not other)
            return
        assert state == "proposed"
        assert other or not approve
        self.proposed[number] = (amount, "approved" if approve else "declined")
        self.available += amount if approve else 0

    @rule()
    def freeze_or_unfreeze(self) -> None:
        change = freezes.unfreeze if self.frozen else freezes.freeze
        with self.world.session() as session:
            change(session, self.now, self.world.ann, self.who, "because")
        self.frozen = not self.frozen

    @precondition(lambda self: self.links < 3)
    @rule()
    def link(self) -> None:
        with self.world.session() as session:
            code, _ = people.create_link_code(session, self.now, self.actor.person_id)
            assert people.link(session, self.now, Identity("slack", f"{self.who}-{self.links}"), code).ok
        self.links += 1
        if self.links > 1:
            self.wait_until = self.now + DAY

    @invariant()
    def books_agree(self) -> None:
        with self.world.database.reading() as session:
            wallet = accounts.wallet(session, "studio", self.who)
            assert (wallet.available, wallet.reserved) == (self.available, self.reserved())
            for number, one in self.asked.items():
                assert withdrawals.find(session, number).state == one.state
            paid = sum(one.amount for one in self.asked.values() if one.state == "paid")
            assert withdrawals.withdrawn(session, self.who) == paid
            assert withdrawals.processing(session, self.who) == self.reserved()
            assert all(times == 1 for times in self.rail.transfers.values())

    def teardown(self) -> None:
        """The checks of the whole books, once a life: they look at everybody's."""
        with self.world.database.reading() as session:
            assert [check for check in (*payout_checks(session), *ledger_checks(session)) if not check.ok] == []
        with self.world.session() as session:  # what this life left due is nobody else's business
            for number, one in self.asked.items():
                if one.state in ("approved", "sending"):
                    for attempt in attempts.of_withdrawal(session, number):
                        attempt.not_before = attempt.claimed_until = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)
                        session.add(attempt)


@pytest.mark.parametrize(
    ("lives", "steps"), [pytest.param(12, 40, id="12"), pytest.param(100, 100, id="100", marks=pytest.mark.deep)]
)
def test_lives(database: Database, lives: int, steps: int) -> None:
    """Whatever happens in whatever order, the desk does what the model does, to the micro-dollar."""
    config = replace(CONFIG, methods=(replace(MANUAL, fee_micros=FEE),))
    Life.world = World(database, config)
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
