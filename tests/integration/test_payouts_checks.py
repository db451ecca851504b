"""The checks of payouts: clean after every kind of life, and each tampering is named (domain.md, `verify`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from core.ledger import accounts, journal
from core.ledger.verify import Check
from core.payouts import adjustments, approvals, withdrawals
from core.payouts.checks import payout_checks
from core.payouts.rail import Outcome, PaymentOrder, Refused, Unclear
from core.storage import Base, Database, make_engine
from tests.payouts_world import CONFIG, DOLLAR, MANUAL, NOW, AtOnce, World

REASON = "Looks like self-made traffic"
NAMES = [
    "reserved and open withdrawals",
    "rails, fees and paid withdrawals",
    "adjustments",
    "withdrawals and entries",
    "adjustments and entries",
    "withdrawals and decisions",
    "withdrawals and attempts",
    "withdrawals and previews",
    "monthly payouts and entries",
    "monthly payouts and what waits",
    "pending balances",
    "monthly payouts and withdrawals",
]
LIVES = ("requested", "approved", "sending", "sent", "paid", "returned", "failed", "refused", "rejected", "cancelled")
ONE_OF_EACH = {life: number for number, life in enumerate((*LIVES, "late"), 1)}


class Says(AtOnce):
    """A rail that always gives one answer."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    def send(self, order: PaymentOrder) -> Outcome:
        assert order.amount > 0
        return self.outcome


def live(world: World, life: str) -> None:
    """Take a new $50.00 withdrawal to a state; "late" is cancelled after its approval."""
    made = world.request(50 * DOLLAR)
    number = made.id or 0
    if life not in ("requested", "rejected", "cancelled"):
        world.approve(number, *((world.mira, world.tom) if made.approvals_needed == 2 else (world.mira,)))
    if life in ("sending", "refused"):
        world.send(Says(Unclear("504") if life == "sending" else Refused("account closed")))
    elif life in ("sent", "paid", "returned", "failed"):
        world.send()
    with world.session() as session:
        facts = (session, world.config, world.now)
        if life in ("paid", "returned"):
            withdrawals.mark_paid(*facts, world.ann, number)
        if life == "returned":
            withdrawals.mark_returned(*facts, world.ann, number, "came back")
        if life == "failed":
            withdrawals.mark_failed(*facts, world.ann, number, "account closed")
        if life == "rejected":
            approvals.reject(*facts, world.mira, number, "test", REASON)
        if life in ("cancelled", "late"):
            withdrawals.cancel(*facts, world.ada, number)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One database of either kind for all tests of this file: none of them commits anything."""
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('checks')}/desk.db")
        Base.metadata.create_all(engine)
        yield engine
        engine.dispose()
        return
    server = f"host={request.getfixturevalue('postgres_socket')}"
    template = request.getfixturevalue("postgres_template")
    with psycopg.connect(f"postgresql://postgres@/postgres?{server}", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE desk_of_checks TEMPLATE {template}".encode())
        engine = make_engine(f"postgresql://postgres@/desk_of_checks?{server}")
        yield engine
        engine.dispose()
        connection.execute(b"DROP DATABASE desk_of_checks WITH (FORCE)")


@pytest.fixture(scope="module")
def world(engine: Engine) -> World:
    """One withdrawal in each state, a fee of $1.00 each, an approved, a declined and a waiting adjustment."""
    world = World(Database(engine))
    world.config = replace(CONFIG, methods=(replace(MANUAL, fee_micros=DOLLAR),))
    world.fund(1000 * DOLLAR)
    with world.session() as session:
        for approve in (adjustments.approve, adjustments.decline, None):
            made = adjustments.propose(session, world.config, NOW, world.ann, "ada", None, 3 * DOLLAR, "goodwill")
            if approve is not None:
                approve(session, world.config, NOW, world.amos, made.id or 0)
    # "approved" goes last: whatever is approved is sent in the next round.
    for life in (*(life for life in ONE_OF_EACH if life not in ("sending", "approved")), "sending", "approved"):
        live(world, life)
    return world


def checks(world: World, *changes: str | Callable[[Session], object]) -> list[Check]:
    """What the checks say after these changes, which are then rolled back."""
    with Session(world.database.engine) as session:
        for change in changes:
            if isinstance(change, str):
                session.connection().execute(text(change))
            else:
                change(session)
        found = payout_checks(session)
        session.rollback()
    return found


def test_clean(world: World) -> None:
    """After one withdrawal of each kind of life every check is clean and says what it counted."""
    assert checks(world) == [
        Check("reserved and open withdrawals", True, "4 open withdrawals are reserved"),
        Check("rails, fees and paid withdrawals", True, "1 paid withdrawals are with their rails"),
        Check("adjustments", True, "1 adjustments are in the books"),
        Check("withdrawals and entries", True, "20 entries tell the lives of 11 withdrawals"),
        Check("adjustments and entries", True, "two people stand behind each adjustment"),
        Check("withdrawals and decisions", True, "every decision was made by those who may"),
        Check("withdrawals and attempts", True, "8 attempts"),
        Check("withdrawals and previews", True, "every request is what its preview said"),
        Check("monthly payouts and entries", True, "0 monthly payouts are in the ledger"),
        Check("monthly payouts and what waits", True, "what waits, waits for a payout that is to come"),
        Check("pending balances", True, "pending balances are what waits for each month's payout"),
        Check("monthly payouts and withdrawals", True, "0 withdrawals came with monthly payouts"),
    ]


def test_nothing_yet(database: Database) -> None:
    """An empty desk is clean."""
    with database.reading() as session:
        found = payout_checks(session)
    assert [(check.name, check.ok) for check in found] == [(name, True) for name in NAMES]


def test_frozen_after_a_look_up(world: World) -> None:
    """An attempt that waits for a hold to end, after it was looked up, is no fault."""
    found = checks(world, "UPDATE attempt SET state = 'ready' WHERE state = 'calling'")
    assert all(check.ok for check in found)


def number_of(world: World, life: str) -> int:
    """The id of the withdrawal that lived so."""
    order = [name for name in ONE_OF_EACH if name not in ("sending", "approved")] + ["sending", "approved"]
    with world.database.reading() as session:
        ids = sorted(session.connection().execute(text("SELECT id FROM withdrawal")).scalars())
    return int(ids[order.index(life)])


@pytest.mark.parametrize(
    ("life", "change", "wrong"),
    [
        ("requested", "state = 'cancelled'", {0, 3}),
        ("requested", "state = 'paid'", {0, 1, 3, 5, 6}),
        ("requested", "state = 'approved'", {5, 6}),
        ("requested", "amount = amount + 10000", {0, 3, 7}),
        ("requested", "fee = fee + 10000", {7}),
        ("requested", "number = 99", {3}),
        ("requested", "approved_at = requested_at", {5}),
        ("approved", "approvals_needed = 3", {5}),
        ("approved", "approved_at = NULL", {5}),
        ("sending", "state = 'sent'", {6}),
        ("sent", "state = 'approved'", {6}),
        ("paid", "state = 'sent'", {0, 1, 3}),
        ("paid", "fee = fee + 10000", {1, 7}),
        ("paid", "amount = amount + 10000", {1, 3, 7}),
        ("paid", "rail = 'other'", {1}),
        ("paid", "state = 'returned'", {1, 3}),
        ("returned", "state = 'paid'", {1, 3}),
        ("failed", "state = 'sent'", {0, 3}),
        ("refused", "state = 'cancelled'", set()),
        ("rejected", "state = 'cancelled'", {5}),
        ("cancelled", "state = 'rejected'", {5}),
        ("late", "state = 'requested'", {0, 3, 5, 6}),
        ("late", "method = 'other'", {7}),
    ],
)
def test_tampered_withdrawals(world: World, life: str, change: str, wrong: set[int]) -> None:
    """A withdrawal's row that no longer fits the books is named by the checks it concerns, and by no others."""
    number = number_of(world, life)
    found = checks(world, f"UPDATE withdrawal SET {change} WHERE id = {number}")
    assert {place for place, check in enumerate(found) if not check.ok} == wrong
    for place in wrong & {3, 5, 6, 7}:
        assert f"WD-{number}" in found[place].detail


@pytest.mark.parametrize(
    ("statement", "wrong", "says"),
    [
        ("UPDATE account SET balance = balance - 1 WHERE role = 'reserved' AND creator = 'ada'", 0, "0.000001 less"),
        ("UPDATE account SET balance = balance + 2 WHERE role = 'reserved' AND creator = 'bo'", 0, "0.000002 more"),
        (
            "UPDATE account SET balance = balance + 1 WHERE role = 'rail:manual'",
            1,
            "studio:rail:manual holds 0.000001 more",
        ),
        ("UPDATE account SET balance = balance - 1 WHERE role = 'fees'", 1, "studio:fees holds 0.000001 less"),
        ("UPDATE account SET balance = balance + 5 WHERE role = 'adjustments'", 2, "0.000005 more"),
        ("UPDATE adjustment SET amount = amount + 1 WHERE state = 'approved'", 2, "0.000001 more"),
        ("UPDATE adjustment SET amount = amount + 1 WHERE state = 'approved'", 4, "adjustment 1 is approved"),
        ("UPDATE adjustment SET state = 'approved' WHERE state = 'declined'", 4, "adjustment 2 is approved"),
        ("UPDATE adjustment SET state = 'proposed' WHERE state = 'approved'", 4, "adjustment 1 is proposed"),
        ("UPDATE adjustment SET decided_by = proposed_by WHERE state = 'approved'", 4, "adjustment 1 is approved"),
        ("UPDATE adjustment SET decided_by = NULL WHERE state = 'approved'", 4, "adjustment 1 is approved"),
        ("UPDATE adjustment SET number = 99 WHERE state = 'approved'", 4, "belongs to no adjustment"),
        ("UPDATE decision SET verdict = 'reject' WHERE verdict = 'approve'", 5, "that was not decided so"),
        ("UPDATE decision SET verdict = 'approve' WHERE verdict = 'reject'", 5, "that was not decided so"),
        ("UPDATE person SET creator_id = NULL WHERE name = 'Ada'", 5, None),
        (
            "UPDATE withdrawal SET requested_by = (SELECT id FROM person WHERE name = 'Mira')",
            5,
            "decided by Mira, whose own",
        ),
        ("DELETE FROM attempt WHERE state = 'ready'", 6, "but its last attempt is missing"),
        ("UPDATE attempt SET state = 'failed' WHERE state = 'sent'", 6, "but its last attempt is failed"),
        ("UPDATE draft SET creator_id = 'bo' WHERE amount > 0", 7, "is not what its preview said"),
        ("UPDATE draft SET amount = amount + 10000", 7, "is not what its preview said"),
        ("UPDATE draft SET method = 'other'", 7, "is not what its preview said"),
    ],
)
def test_tampered_rows(world: World, statement: str, wrong: int, says: str | None) -> None:
    """Each other row that decides or proves something is checked too."""
    check = checks(world, statement)[wrong]
    if says is None:
        assert check.ok
    else:
        assert not check.ok
        assert says in check.detail


def test_decided_by_the_creator_concerned(world: World) -> None:
    """A decision by somebody who is the creator, under another name, is noticed."""
    nobody = "UPDATE person SET creator_id = NULL WHERE name = 'Ada'"
    check = checks(world, nobody, "UPDATE person SET creator_id = 'ada' WHERE name = 'Mira'")[5]
    assert not check.ok
    assert "was decided by Mira, whose own it is" in check.detail


@pytest.mark.parametrize("kind", ["withdrawal.request", "withdrawal.paid", "adjustment"])
def test_stray_entries(world: World, kind: str) -> None:
    """A ledger entry that calls itself a payout's but belongs to none is named."""

    def stray(session: Session) -> None:
        usage = accounts.open_account(session, "studio", "usage")
        available = accounts.open_account(session, "studio", "available", "ada")
        journal.post(session, "withdrawal:studio:ada:77:request", kind, NOW, [journal.Move(usage, available, 1)])

    found = [check for check in checks(world, stray) if not check.ok]
    assert [check.name for check in found] == [NAMES[4 if kind == "adjustment" else 3]]
    assert "(withdrawal:studio:ada:77:request) belongs to no" in found[0].detail
