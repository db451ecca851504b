"""Settlement on both databases: what is posted, when, and what it says of itself (domain.md, "Settlement")."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import text

from core.config import DeskConfig, Terms
from core.earnings.facts import SettlementPosted
from core.earnings.settlement import RunResult, StaleTerms, settle_due
from core.earnings.terms import TermsChangeSettledDays, sync_programs
from core.ledger import seal
from core.storage import Database
from tests.conftest import count
from tests.earnings_world import DOLLAR, STUDIO, World, jan
from tests.settlement_world import D13, MORNING, balances, entry, state, wrong


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_the_seed_comes_out_to_the_letter(world: World) -> None:
    """10,000 credits − 8,000 costs leave 2,000; half of it is 1,000 credits, $10.00."""
    world.use("logo", jan(13, 12), 10_000, 8_000)
    result = world.settle(MORNING)
    assert result == RunResult(
        program="studio",
        start=D13,
        through=D13,
        dry_run=False,
        projects=1,
        creators=1,
        amount=10 * DOLLAR,
        spent=100 * DOLLAR,
        costs=80 * DOLLAR,
        margin=10 * DOLLAR,
        entry_id=result.entry_id if result else None,
        head=result.head if result else None,
        late_days=(),
    )
    assert result.entry_id is not None
    assert entry(world, result.entry_id) == (
        "settlement:studio:1",
        "settlement",
        "usage of 2026-01-13",
        [
            ("usage", "available:ada", 10 * DOLLAR),
            ("usage", "costs", 80 * DOLLAR),
            ("usage", "margin", 10 * DOLLAR),
        ],
    )
    assert balances(world) == {
        "usage": -100 * DOLLAR,
        "available:ada": 10 * DOLLAR,
        "costs": 80 * DOLLAR,
        "margin": 10 * DOLLAR,
    }
    assert state(world) == (D13, MORNING, 1)
    assert wrong(world) == []


def test_settling_again_posts_nothing(world: World) -> None:
    """The second run finds no difference: no entry, no fact, no seal."""
    world.use("logo", jan(13), 100)
    first = world.settle(MORNING)
    told, entries, seals = len(world.facts), count(world.database, "entry"), count(world.database, "seal")
    again = world.settle(jan(14, 9))
    assert first is not None
    assert again == RunResult("studio", None, D13, False)
    assert (len(world.facts), count(world.database, "entry"), count(world.database, "seal")) == (told, entries, seals)
    assert state(world) == (D13, MORNING, 1)


def test_late_usage_adds_and_its_void_takes_back(world: World) -> None:
    """A late event of 100 credits without costs adds $0.50 for its own day, labelled; a void takes it back."""
    world.use("logo", jan(13, 12), 10_000, 8_000)
    world.settle(MORNING)
    late = world.use("logo", jan(13, 23, 59), 100)
    added = world.settle(jan(14, 12))
    assert added is not None
    assert (added.start, added.through, added.late_days) == (None, D13, (D13,))
    assert (added.amount, added.spent, added.costs, added.margin) == (500_000, 1_000_000, 0, 500_000)
    assert added.entry_id is not None
    assert entry(world, added.entry_id)[2:] == (
        "late usage for 13 Jan",
        [("usage", "available:ada", 500_000), ("usage", "margin", 500_000)],
    )
    world.void(late)
    taken = world.settle(jan(15, 3))
    assert taken is not None
    assert (taken.start, taken.through, taken.late_days) == (dt.date(2026, 1, 14), dt.date(2026, 1, 14), (D13,))
    assert (taken.amount, taken.spent, taken.margin, taken.projects, taken.creators) == (
        -500_000,
        -1_000_000,
        -500_000,
        1,
        1,
    )
    assert taken.entry_id is not None
    assert entry(world, taken.entry_id)[2:] == (
        "usage of 2026-01-14; late usage for 13 Jan",
        [("available:ada", "usage", 500_000), ("margin", "usage", 500_000)],
    )
    assert balances(world)["available:ada"] == 10 * DOLLAR
    assert wrong(world) == []


def test_a_void_can_leave_a_debt(world: World) -> None:
    """`available` falls below zero by a negative difference, and later earnings repay it."""
    event = world.use("logo", jan(13), 1_000)
    world.settle(MORNING)
    with world.database.transaction() as session:
        session.connection().execute(
            text("UPDATE account SET balance = balance - 5000000 WHERE role = 'available' AND creator = 'ada'")
        )
    world.void(event)
    world.settle(jan(15, 3))
    assert balances(world)["available:ada"] == -5 * DOLLAR


def test_waits_for_the_first_usage(world: World) -> None:
    """A program that no usage ever reached isn't settled, however late it gets; nor by usage of a day not yet due."""
    assert world.settle(MORNING) is None
    world.use("logo", jan(14, 1), 100)
    assert world.settle(MORNING) is None
    assert state(world) == (None, None, 0)
    assert world.facts == []
    settled = world.settle(jan(15, 3))
    assert settled is not None
    assert settled.start == settled.through == dt.date(2026, 1, 14)


def test_a_day_without_earnings_still_gets_its_digest(world: World) -> None:
    """A run that earns nothing posts no entry, moves the settled day on, and is told of, once."""
    world.use("logo", jan(12), 100)
    world.settle(jan(13, 3))
    world.facts.clear()
    world.use("logo", jan(13), kind="view")
    quiet = world.settle(MORNING)
    assert quiet is not None
    assert (quiet.start, quiet.entry_id, quiet.amount, quiet.projects) == (D13, None, 0, 0)
    assert state(world) == (D13, MORNING, 1)
    with world.database.reading() as session:
        head = seal.head(session)
    assert head is not None
    assert world.facts == [
        SettlementPosted(
            program="studio",
            run=None,
            start=D13,
            through=D13,
            entry_id=None,
            head=head,
            projects=0,
            creators=0,
            amount=0,
            spent=0,
            costs=0,
            margin=0,
            late_days=(),
            settled_at=MORNING,
        )
    ]
    assert quiet.head == head
    assert count(world.database, "dirty_day") == 0
    assert wrong(world) == []


def test_late_views_change_nothing(world: World) -> None:
    """Late usage that moves no money for a settled day is taken note of without an entry or a word."""
    world.use("logo", jan(13), 100)
    world.settle(MORNING)
    world.facts.clear()
    world.use("logo", jan(13, 5), kind="view")
    assert world.settle(jan(14, 4)) == RunResult("studio", None, D13, False)
    assert (world.facts, count(world.database, "dirty_day"), state(world)[1]) == ([], 0, MORNING)


def test_tells_what_it_posted(world: World) -> None:
    """The fact names the run, its days, its entry, the seal and what moved."""
    world.use("logo", jan(11), 1_000)
    world.use("song", jan(13), 400, 100)
    result = world.settle(MORNING)
    assert result is not None
    assert world.facts == [
        SettlementPosted(
            program="studio",
            run=1,
            start=dt.date(2026, 1, 11),
            through=D13,
            entry_id=result.entry_id,
            head=result.head,
            projects=2,
            creators=2,
            amount=6_500_000,
            spent=14_000_000,
            costs=1_000_000,
            margin=6_500_000,
            late_days=(),
            settled_at=MORNING,
        )
    ]
    assert result.head is not None
    assert len(result.head) == 64


def test_downtime_is_made_up_in_one_run(world: World) -> None:
    """After days of downtime one entry covers every missed day, each day under its own terms, dated at the last."""
    config = DeskConfig(
        programs={
            "studio": replace(
                STUDIO,
                terms=(
                    Terms(dt.date(2025, 1, 1)),
                    Terms(dt.date(2026, 1, 12), share_bp=7_500),
                    Terms(dt.date(2026, 1, 13), share_bp=7_500, credits_per_usd=200),
                ),
            )
        }
    )
    world.config = config
    with world.database.transaction() as session:
        sync_programs(session, config)
    for day in (10, 11, 12, 13):
        world.use("logo", jan(day), 100)
    result = world.settle(jan(14, 22))
    assert result is not None
    assert (result.start, result.through, result.projects) == (dt.date(2026, 1, 10), D13, 1)
    assert result.entry_id is not None
    _key, _kind, memo, transfers = entry(world, result.entry_id)
    assert memo == "usage of 2026-01-10 to 2026-01-13"
    assert [amount for _debit, _credit, amount in transfers] == [500_000, 500_000, 750_000, 375_000, 1_375_000]
    assert count(world.database, "entry") == 1
    with world.database.reading() as session:
        effective = session.connection().execute(text("SELECT effective_at FROM entry")).scalar_one()
    assert str(effective).startswith("2026-01-14 03:00:00")
    assert wrong(world) == []


def test_a_late_day_is_settled_under_its_own_terms(world: World) -> None:
    """Terms that changed since don't touch late usage for a day before the change."""
    world.use("logo", jan(13), 100)
    world.settle(MORNING)
    terms = (*STUDIO.terms, Terms(dt.date(2026, 1, 14), share_bp=10_000))
    world.config = DeskConfig(programs={"studio": replace(STUDIO, terms=terms)})
    with world.database.transaction() as session:
        sync_programs(session, world.config)
    world.use("logo", jan(13), 100)
    world.use("pal", jan(14), 100)
    result = world.settle(jan(15, 3))
    assert result is not None
    assert result.amount == 500_000 + 1_000_000
    assert wrong(world) == []


def test_changing_settled_terms_is_refused(world: World) -> None:
    """Terms that would change a settled day are refused before settlement ever sees them."""
    world.use("logo", jan(13), 100)
    world.settle(MORNING)
    changed = DeskConfig(programs={"studio": replace(STUDIO, terms=(Terms(dt.date(2025, 1, 1), share_bp=6_000),))})
    with pytest.raises(TermsChangeSettledDays, match="2026-01-13"), world.database.transaction() as session:
        sync_programs(session, changed)


def test_newer_terms_of_another_process_are_waited_for(world: World) -> None:
    """A process that started before the terms changed settles nothing under the old ones."""
    terms = (*STUDIO.terms, Terms(D13, share_bp=6_000))
    newer = DeskConfig(programs={"studio": replace(STUDIO, terms=terms)})
    with world.database.transaction() as session:
        sync_programs(session, newer)
    world.use("logo", jan(13), 100)
    with pytest.raises(StaleTerms) as refused:
        world.settle(MORNING)
    assert refused.value.text.startswith("Nothing was settled. Program 'studio' has other terms in the database")
    assert (count(world.database, "entry"), state(world)) == (0, (None, None, 0))
    second = replace(STUDIO, slug="zoo")
    both = DeskConfig(programs={"studio": STUDIO, "zoo": second})
    with world.database.transaction() as session:
        sync_programs(session, DeskConfig(programs={"zoo": second}))
        world.add_projects(session, [("cage", "bob")], "zoo")
    world.use("cage", jan(13), 100, program="zoo")
    with pytest.raises(StaleTerms, match="studio"):
        settle_due(world.database, both, MORNING)
    assert balances(world, "zoo")["available:bob"] == 500_000
    world.config = newer
    result = world.settle(MORNING)
    assert result is not None
    assert result.amount == 600_000
