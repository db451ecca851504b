"""Monthly payouts: once per program and month, for everyone who can be paid, with the books whole (domain.md)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import text

from adapters.rails.manual import Manual
from core import people
from core.config import Method
from core.ledger import accounts, journal
from core.payouts import approvals, attempts, batch_approvals, freezes, methods, processing, withdrawals
from core.payouts.calendar import expected
from core.payouts.checks import payout_checks
from core.payouts.facts import PayoutsProcessed
from core.payouts.processing import last_payable, next_payout, payout_day
from core.storage import Database
from tests.payouts_storm import at_once
from tests.processing_world import BANK, DOLLAR, FEB, JAN, MONDAY, PROGRAM, World

NIGHT = dt.timedelta(hours=24)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_payout_days() -> None:
    """The first business day at settle_at, or the day that the operator names; the moment decides, not the day."""
    assert payout_day(PROGRAM, JAN) == MONDAY
    assert payout_day(PROGRAM, dt.date(2025, 12, 1)).date() == dt.date(2026, 1, 2)  # New Year's Day is none
    assert payout_day(replace(PROGRAM, payout_day=5), dt.date(2025, 12, 31)).date() == dt.date(2026, 1, 5)
    assert last_payable(PROGRAM, MONDAY) == JAN
    assert last_payable(PROGRAM, MONDAY - dt.timedelta(seconds=1)) == dt.date(2025, 12, 1)
    assert next_payout(PROGRAM, MONDAY) == payout_day(PROGRAM, FEB)
    assert next_payout(PROGRAM, MONDAY - dt.timedelta(seconds=1)) == MONDAY


def test_once_a_month(world: World) -> None:
    """What closed months earned becomes available and is asked for, in whole cents, once; the running month waits."""
    world.earn({"ada": 25 * DOLLAR + 7, "bo": 9 * DOLLAR, "cy": -3 * DOLLAR})
    world.earn({"ada": 40 * DOLLAR}, FEB)
    (done,) = world.process()
    assert (done.month, done.creators, done.moved) == (JAN, 3, 31 * DOLLAR + 7)
    assert (done.payouts, done.total, done.two_people, done.skipped) == (1, 25 * DOLLAR, 0, 0)
    assert world.wallet("ada") == (40 * DOLLAR, 7, 25 * DOLLAR)
    assert world.wallet("bo") == (0, 9 * DOLLAR, 0)
    assert world.wallet("cy") == (0, -3 * DOLLAR, 0)  # a negative net lowers what is available
    (made,) = world.withdrawals()
    assert (made.creator_id, made.number, made.state, made.batch_id) == ("ada", 1, "requested", done.batch_id)
    assert made.requested_by == world.person("ada").person_id
    assert (made.arrives_from, made.arrives_by) == (dt.date(2026, 2, 9), dt.date(2026, 2, 11))
    with world.database.reading() as session:
        entry = journal.find(session, "processing:helpers:2026-01")
        assert entry is not None
        assert (entry.effective_at, entry.memo) == (MONDAY, "payout of 2026-01")
        assert journal.find(session, "withdrawal:helpers:ada:1:request") is not None
    assert world.process() == []
    assert [fact for fact in world.facts if isinstance(fact, PayoutsProcessed)] == [
        PayoutsProcessed(done.batch_id, "helpers", JAN, 1, 0, MONDAY)
    ]
    world.check()


def test_waits_for_the_settlement(world: World) -> None:
    """Before the payout moment, or before that morning's settlement, nothing moves; then months missed go together."""
    world.earn({"ada": 20 * DOLLAR})
    world.now = MONDAY - dt.timedelta(seconds=1)
    assert [(one.month, one.moved) for one in world.process()] == [(dt.date(2025, 12, 1), 0)]
    world.now = MONDAY
    world.settled(dt.date(2026, 1, 31))
    assert world.process() == []
    world.earn({"ada": 30 * DOLLAR}, FEB)
    world.now = payout_day(PROGRAM, FEB) + dt.timedelta(days=5)  # nobody ran for weeks
    world.settled(dt.date(2026, 3, 6))
    (done,) = world.process()
    assert (done.month, done.moved, done.total) == (FEB, 50 * DOLLAR, 50 * DOLLAR)
    world.check()


def test_a_month_closed_early_waits_for_its_own_day(world: World) -> None:
    """Who catches up between a month's close and its payout day pays out the month before only."""
    world.earn({"ada": 20 * DOLLAR})
    world.earn({"ada": 30 * DOLLAR}, FEB)
    world.now = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    world.settled(dt.date(2026, 2, 28))
    (done,) = world.process()
    assert (done.month, done.total) == (JAN, 20 * DOLLAR)
    assert world.wallet("ada") == (30 * DOLLAR, 0, 20 * DOLLAR)
    world.check()


def test_nothing_to_move(world: World) -> None:
    """A month without money is paid out too, without an entry; what was available before is asked for."""
    world.earn({"ada": 5 * DOLLAR, "bo": -DOLLAR})
    world.process()
    world.now = payout_day(PROGRAM, FEB)
    world.settled(dt.date(2026, 3, 1))
    (done,) = world.process()
    assert (done.entry_id, done.moved, done.payouts) == (None, 0, 0)
    world.now = payout_day(PROGRAM, dt.date(2026, 3, 1))
    world.settled(dt.date(2026, 4, 1))
    world.earn({"ada": 5 * DOLLAR, "bo": 3 * DOLLAR}, dt.date(2026, 3, 1))
    (done,) = world.process()
    assert [(one.creator_id, one.amount) for one in world.withdrawals()] == [("ada", 10 * DOLLAR)]
    assert world.wallet("bo") == (0, 2 * DOLLAR, 0)
    world.check()


def test_who_is_passed_over(world: World) -> None:
    """Frozen, waiting, without a method or with one that can't be used: told why, and the money stays."""
    everyone = ("frost", "linked", "changed", "gone", "setup", "fine")
    world.earn(dict.fromkeys(everyone, 20 * DOLLAR))
    world.earn({"abroad": 20 * DOLLAR}, country="FR")
    world.earn({"poor": 9_999_999, "small": 15 * DOLLAR}, country="DE")
    world.config = replace(
        world.config,
        methods=(
            Method("stripe", "stripe", ("US",)),
            Method("cash", "manual", ("US",)),
            replace(BANK, countries=("DE",), minimum_micros=16 * DOLLAR),
        ),
    )
    ago = world.now - dt.timedelta(hours=5)
    actors = {name: world.person(name) for name in ("linked", "changed", "gone", "setup")}
    with world.database.transaction() as session:
        freezes.freeze(session, ago, world.staff["Ann"], "frost", "papers are missing")
        methods.choose(session, world.config, ago - 9 * NIGHT, actors["changed"], "helpers", "stripe", "acct_1")
        methods.choose(session, world.config, ago, actors["changed"], "helpers", "stripe", "acct_2")
        old = replace(world.config, methods=(Method("paypal", "paypal"),))
        methods.choose(session, old, ago - 9 * NIGHT, actors["gone"], "helpers", "paypal", "x")
    world.link(actors["linked"], "u1")
    world.link(actors["linked"], "u2")
    (done,) = world.process()
    assert (done.payouts, done.skipped) == (2, 5)
    assert {one.creator_id: one.method for one in world.withdrawals()} == {"fine": "cash", "setup": "cash"}
    skips = world.skips()
    assert skips["frost"] == ("frozen", "Your account is on hold: papers are missing")
    assert skips["linked"][1].startswith("Payouts wait until 3 Feb 2026 03:00 UTC: a further chat account was linked")
    assert skips["changed"][1] == (
        "Payouts wait until 2 Feb 2026 22:00 UTC: the payout method was changed on 1 Feb 2026 22:00 UTC."
    )
    assert skips["gone"] == (
        "not_ready",
        "Your payout method (paypal) is no longer offered. Choose another with /methods.",
    )
    assert skips["abroad"] == ("no_method", "No payout method is offered in FR yet.")
    assert world.wallet("frost") == (0, 20 * DOLLAR, 0)
    assert world.wallet("small") == (0, 15 * DOLLAR, 0)  # below the method's minimum: no reason to be told each month
    world.check()


def test_fees_numbers_and_two_people(world: World) -> None:
    """The fee comes out of it; numbers go on from the creator's own; what was asked in the same 24 hours counts."""
    fee = replace(BANK, fee_micros=2 * DOLLAR, business_days=(1, 1))
    world.config = replace(world.config, methods=(fee,))
    world.earn({"ada": 300 * DOLLAR, "bo": 500 * DOLLAR, "cy": 499 * DOLLAR})
    world.process()
    world.now += dt.timedelta(days=28)
    world.settled(dt.date(2026, 3, 1))
    world.earn({"ada": 320 * DOLLAR}, FEB)
    assert [one.approvals_needed for one in world.withdrawals()] == [1, 2, 1]
    with world.database.transaction() as session:  # what is rejected is there again, and may be asked for
        approvals.reject(session, world.config, world.now, world.staff["Mira"], 1, "test", "the name does not match")
        ada = people.resolve(session, "ada")
        shown = withdrawals.preview(session, world.config, world.now, ada, 200 * DOLLAR, None, "helpers")
        first = withdrawals.confirm(session, world.config, world.now, ada, shown.draft)
    assert first.approvals_needed == 1
    (done,) = world.process()
    assert (done.total, done.two_people) == (420 * DOLLAR, 1)
    made = world.withdrawals()[-1]
    assert (made.number, made.fee, made.approvals_needed) == (3, 2 * DOLLAR, 2)
    assert world.withdrawals()[-2].approvals_needed == 2  # asked for before, judged again
    world.check()


def test_simultaneous_runners(world: World) -> None:
    """Of several replicas that wake at the same moment one processes; creators who ask at that moment are served."""
    world.earn({f"c{number:02}": 20 * DOLLAR for number in range(30)})
    world.earn({"ada": 60 * DOLLAR})
    world.now = MONDAY - dt.timedelta(seconds=1)
    world.process()
    world.now = MONDAY
    ada = world.person("ada")
    with world.database.transaction() as session:
        usage, wallet = (accounts.account_id("helpers", *role) for role in (("usage",), ("available", "ada")))
        journal.post(session, "fund", "test", world.now, [journal.Move(usage, wallet, 40 * DOLLAR)])
        draft = withdrawals.preview(session, world.config, world.now, ada, 40 * DOLLAR).draft

    def confirm() -> str:
        with world.database.transaction() as session:
            return str(withdrawals.confirm(session, world.config, world.now, ada, draft).amount)

    runners = [lambda: str(len(world.process()))] * 4
    found = at_once([*runners, confirm])
    assert sorted(found[:4]) == ["0", "0", "0", "1"], found
    mine = [one.amount for one in world.withdrawals() if one.creator_id == "ada"]
    assert sum(mine) == 100 * DOLLAR
    assert found[4] == str(40 * DOLLAR) or "$0.00" in found[4], found  # the payout may have taken all of it before
    assert len({one.creator_id for one in world.withdrawals()}) == 31
    world.check()


def test_a_crash_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stops a processing before its commit, nothing of it is there, and the next one does all of it."""
    world.earn({"ada": 20 * DOLLAR, "bo": -DOLLAR})
    with monkeypatch.context() as broken:
        broken.setattr(processing, "publish", _crash)
        with pytest.raises(KeyboardInterrupt):
            world.process()
    assert (world.wallet("ada"), world.withdrawals(), world.batches()) == ((20 * DOLLAR, 0, 0), [], [])
    world.check()
    (done,) = world.process()
    assert (done.payouts, world.wallet("ada")) == (1, (0, 0, 20 * DOLLAR))
    world.check()


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


def test_holidays_of_the_payee(world: World) -> None:
    """Five to seven business days of the payee's country, again at sending; a method that names one goes first."""
    world.config = replace(world.config, methods=(replace(BANK, countries=("*",)),))
    world.now = dt.datetime(2026, 4, 1, 3, tzinfo=dt.UTC)  # before Good Friday, 3 Apr, and Easter Monday, 6 Apr
    world.settled(dt.date(2026, 3, 31))
    world.earn({"german": 20 * DOLLAR}, FEB, "DE")
    world.earn({"us": 20 * DOLLAR}, FEB, "US")
    world.earn({"nowhere": 20 * DOLLAR}, FEB, "XX")
    world.process()
    april = {one.creator_id: (one.arrives_from, one.arrives_by) for one in world.withdrawals()}
    us = dt.date(2026, 4, 8), dt.date(2026, 4, 10)
    assert april == {"german": (dt.date(2026, 4, 10), dt.date(2026, 4, 14)), "us": us, "nowhere": us}
    with world.database.transaction() as session:
        batch_approvals.approve(session, world.config, world.now, world.staff["Mira"], 1, "test")
    world.now += dt.timedelta(days=1)
    attempts.send_due(world.database, world.config, {"manual": Manual()}, world.now)
    assert {one.creator_id: one.arrives_from for one in world.withdrawals()} == {
        "german": dt.date(2026, 4, 13),
        "us": dt.date(2026, 4, 9),
        "nowhere": dt.date(2026, 4, 9),
    }
    german = replace(BANK, holidays="")
    assert expected(world.config, "helpers", german, "DE", dt.date(2026, 4, 1)) == us
    slow = replace(world.config, programs={"helpers": replace(PROGRAM, business_days=(1, 2))})
    assert expected(slow, "helpers", BANK, "DE", dt.date(2026, 4, 1))[1] == dt.date(2026, 4, 7)
    assert expected(slow, "other", BANK, "US", dt.date(2026, 4, 1))[0] == dt.date(2026, 4, 2)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ("UPDATE payout_batch SET moved = moved + 1", "entry 2 (processing:helpers:2026-01) is not what its monthly"),
        ("UPDATE payout_batch SET entry_id = NULL", "the payout of helpers for 2026-01 has no ledger entry of its own"),
        ("UPDATE program SET processed_month = '2026-02-01'", "helpers is not paid out through the month of its last"),
        ("UPDATE program SET processed_month = NULL", "helpers is not paid out through the month of its last batch"),
        (
            "INSERT INTO pending_month (program, creator_id, month, amount) VALUES ('helpers', 'ada', '2026-01-01', 0)",
            "ada still has money in helpers for 2026-01, which was paid out",
        ),
        (
            "INSERT INTO pending_month (program, creator_id, month, amount) VALUES ('helpers', 'ada', '2026-02-01', 5)",
            "helpers:pending:ada is not what waits for its payouts",
        ),
        ("UPDATE withdrawal SET batch_id = 9", "WD-1 names a monthly payout that did not make it"),
    ],
)
def test_checks_notice(sqlite_database: Database, change: str, wrong: str) -> None:
    """What doesn't fit between batches, the ledger, what waits and withdrawals is named."""
    world = World(sqlite_database)
    world.earn({"ada": 20 * DOLLAR})
    world.process()
    with world.database.transaction() as session:
        session.execute(text(change))
    with world.database.reading() as session:
        found = [check.detail for check in payout_checks(session) if not check.ok]
    assert [detail for detail in found if wrong in detail], found
