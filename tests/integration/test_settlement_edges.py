"""Settlement at its edges: boundaries, clocks, programs, dry runs, and two at once."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from core.config import DeskConfig, Terms
from core.earnings.settlement import RunResult, UnknownProgram, settle_due
from core.earnings.terms import sync_programs
from core.ledger import accounts
from core.storage import Database, make_engine
from tests.conftest import count
from tests.earnings_world import CREDIT, DOLLAR, STUDIO, World, jan
from tests.settlement_world import D13, MORNING, balances, entry, state, wrong


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_costs_above_credits_are_no_debt(world: World) -> None:
    """Costs above credits give the creator zero and the platform a negative margin, all in the books."""
    world.use("logo", jan(13), 100, 150)
    world.use("song", jan(13), 20)
    result = world.settle(MORNING)
    assert result is not None
    assert (result.amount, result.spent, result.costs, result.margin) == (100_000, 1_200_000, 1_500_000, -400_000)
    assert (result.projects, result.creators) == (1, 1)
    assert result.entry_id is not None
    assert entry(world, result.entry_id)[3] == [
        ("usage", "available:bob", 100_000),
        ("usage", "costs", 1_500_000),
        ("margin", "usage", 400_000),
    ]
    assert wrong(world) == []


def test_differences_that_cancel_out_are_written_both_ways(world: World) -> None:
    """Costs that rise in one project as they fall in another keep an entry with transfers, not an empty one."""
    event = world.use("logo", jan(13), 100, 100)
    world.settle(MORNING)
    world.void(event)
    world.use("pal", jan(13), 100, 100)
    result = world.settle(jan(14, 4))
    assert result is not None
    assert (result.amount, result.spent, result.costs, result.margin, result.projects) == (0, 0, 0, 0, 0)
    assert result.entry_id is not None
    assert entry(world, result.entry_id)[3] == [("usage", "costs", DOLLAR), ("costs", "usage", DOLLAR)]
    assert wrong(world) == []


def test_own_use_earns_nothing(world: World) -> None:
    """What a creator spends on their own project moves no money."""
    world.use("logo", jan(13), 320, 10, user="ada")
    result = world.settle(MORNING)
    assert result is not None
    assert result.entry_id is None
    assert balances(world) == {}


def test_shares_round_down_to_a_micro(world: World) -> None:
    """The rest of a micro-dollar stays with the platform; spent and costs are rounded down each for itself."""
    world.config = DeskConfig(
        programs={"studio": replace(STUDIO, terms=(Terms(dt.date(2025, 1, 1), share_bp=3_333, credits_per_usd=7),))}
    )
    with world.database.transaction() as session:
        sync_programs(session, world.config)
    world.use("logo", jan(13), 100, 33)
    result = world.settle(MORNING)
    assert result is not None
    assert result.amount == 67 * CREDIT * 3_333 // 70_000
    assert result.spent == 100 * CREDIT // 7
    assert result.costs == 33 * CREDIT // 7
    assert result.margin == result.spent - result.costs - result.amount
    assert wrong(world) == []


def test_the_largest_day_stays_whole(world: World) -> None:
    """Quantities near BIGINT's end don't overflow on the way to a share."""
    world.use("logo", jan(13), 1)
    huge = 8_999_999_999_999_999_999
    with world.database.transaction() as session:
        session.connection().execute(text(f"UPDATE usage_day SET credits = {huge}"))
    result = world.settle(MORNING)
    assert result is not None
    assert (result.amount, result.spent) == (huge // 200, huge // 100)


def test_boundary_events_belong_to_their_day(world: World) -> None:
    """00:00:00 belongs to the day, and so does 23:59:59.999999."""
    world.use("logo", jan(13), 100)
    world.use("logo", jan(14) - dt.timedelta(microseconds=1), 100)
    world.use("logo", jan(14), 100)
    result = world.settle(MORNING)
    assert result is not None
    assert result.spent == 2 * DOLLAR
    assert wrong(world) == []


def test_before_three_the_day_is_not_due(world: World) -> None:
    """Until 03:00 UTC only the day before yesterday is settled."""
    world.use("logo", jan(12), 100)
    world.use("logo", jan(13), 100)
    early = world.settle(MORNING - dt.timedelta(microseconds=1))
    assert early is not None
    assert (early.through, early.amount) == (dt.date(2026, 1, 12), 500_000)
    due = world.settle(MORNING)
    assert due is not None
    assert (due.start, due.through, due.amount) == (D13, D13, 500_000)


def test_an_earlier_clock_does_not_undo(world: World) -> None:
    """A run for an earlier time settles what is left of the days due then, and the settled day doesn't go back."""
    world.use("logo", jan(12), 100)
    world.settle(MORNING)
    world.use("logo", jan(12), 100)
    world.use("logo", jan(13), 100)
    result = world.settle(jan(13, 3))
    assert result is not None
    assert (result.start, result.through, result.late_days, result.amount) == (
        None,
        dt.date(2026, 1, 12),
        (dt.date(2026, 1, 12),),
        500_000,
    )
    assert state(world)[0] == D13
    assert count(world.database, "dirty_day") == 1


def test_deleted_projects_keep_earning(world: World) -> None:
    """Late usage from before a project's deletion stays the creator's."""
    with world.database.transaction() as session:
        session.connection().execute(text("UPDATE project SET deleted_at = '2026-01-13 20:00:00+00:00'"))
    world.use("logo", jan(13, 12), 100)
    result = world.settle(MORNING)
    assert result is not None
    assert result.amount == 500_000


def test_a_dry_run_posts_nothing(world: World) -> None:
    """A dry run shows what would be posted, tells nobody and leaves no row behind."""
    world.use("logo", jan(13), 10_000, 8_000)
    tried = world.settle(MORNING, dry_run=True)
    assert tried == RunResult(
        program="studio",
        start=D13,
        through=D13,
        dry_run=True,
        projects=1,
        creators=1,
        amount=10 * DOLLAR,
        spent=100 * DOLLAR,
        costs=80 * DOLLAR,
        margin=10 * DOLLAR,
    )
    assert (count(world.database, "entry"), count(world.database, "settlement_line"), world.facts) == (0, 0, [])
    assert state(world) == (None, None, 0)
    done = world.settle(MORNING)
    assert done is not None
    assert done.amount == tried.amount
    assert world.settle(jan(14, 5), dry_run=True) == RunResult("studio", None, D13, True)


def test_a_dry_run_waits_for_the_first_usage_too(world: World) -> None:
    """A program without usage is not listed by a dry run either."""
    assert world.settle(MORNING, dry_run=True) is None


def test_programs_settle_apart(database: Database) -> None:
    """Two programs that share days, or a creator, never settle each other's usage."""
    programs = {"studio": STUDIO, "second": replace(STUDIO, slug="second", terms=(Terms(dt.date(2025, 1, 1), 8_000),))}
    world = World(database, DeskConfig(programs=programs))
    with world.database.transaction() as session:
        world.add_projects(session, [("other", "ada")], "second")
    world.use("logo", jan(13), 100)
    world.use("other", jan(13), 100, program="second")
    first = settle_due(world.database, world.config, MORNING, only="second")
    assert [(result.program, result.amount) for result in first] == [("second", 800_000)]
    assert balances(world) == {}
    world.use("other", jan(13), 100, program="second")
    both = settle_due(world.database, world.config, jan(14, 4))
    assert [(result.program, result.amount) for result in both] == [("second", 800_000), ("studio", 500_000)]
    assert [result.program for result in settle_due(world.database, world.config, jan(14, 5))] == ["second", "studio"]
    assert balances(world, "second")["available:ada"] == 1_600_000
    assert wrong(world) == []


def test_an_unknown_program_is_named(world: World) -> None:
    """Asking for a program that isn't configured says which there are."""
    with pytest.raises(UnknownProgram) as refused:
        settle_due(world.database, world.config, MORNING, only="studios")
    assert refused.value.text == "No program called 'studios'; there is studio. Nothing was settled."
    with pytest.raises(UnknownProgram, match="there is none"):
        settle_due(world.database, DeskConfig(), MORNING, only="x")


def test_a_configured_program_unknown_to_the_database_waits(world: World) -> None:
    """A program that the database hasn't met has no usage, so it is left alone."""
    config = DeskConfig(programs={"new": replace(STUDIO, slug="new")})
    assert settle_due(world.database, config, MORNING) == []


def test_many_late_days_are_counted(world: World) -> None:
    """The entry names the first twelve late days and counts the rest."""
    for day in range(1, 14):
        world.use("logo", jan(day), 100)
    world.settle(MORNING)
    for day in range(1, 14):
        world.use("logo", jan(day), 100)
    result = world.settle(jan(14, 4))
    assert result is not None
    assert result.entry_id is not None
    assert len(result.late_days) == 13
    assert entry(world, result.entry_id)[2] == (
        "late usage for 1 Jan, 2 Jan, 3 Jan, 4 Jan, 5 Jan, 6 Jan, 7 Jan, 8 Jan, 9 Jan, 10 Jan, 11 Jan, 12 Jan "
        "and 1 more day"
    )


def test_a_failed_listener_leaves_nothing(world: World) -> None:
    """What can't be told of isn't posted: a run is whole or not at all."""

    def fail(_session: object, _fact: object) -> None:
        raise RuntimeError("outbox")

    world.use("logo", jan(13), 100)
    broken = Database(world.database.engine, fail)
    with pytest.raises(RuntimeError, match="outbox"):
        settle_due(broken, world.config, MORNING)
    assert (count(world.database, "entry"), count(world.database, "seal"), count(world.database, "dirty_day")) == (
        0,
        0,
        1,
    )
    assert state(world) == (None, None, 0)


def test_a_missing_wallet_stops_the_run(world: World) -> None:
    """A line without a wallet to go to fails loudly and posts nothing."""
    world.use("logo", jan(13), 100)
    with world.database.transaction() as session:
        session.connection().execute(text("DELETE FROM account WHERE creator = 'ada'"))
    with pytest.raises(Exception, match=r"(?i)not.null"):
        world.settle(MORNING)
    assert count(world.database, "entry") == 0


def test_the_same_history_gives_the_same_seal(sqlite_url: str, postgres_url: str) -> None:
    """Both databases seal the same books alike, whatever their ids."""
    heads = []
    for url in (sqlite_url, postgres_url):
        engine = make_engine(url)
        world = World(Database(engine))
        for project in ("song", "Über", "logo", "pal"):
            if project == "Über":
                with world.database.transaction() as session:
                    world.add_projects(session, [("Über", "bob"), ("_x", "bob"), ("Z", "ada")], "studio")
                world.use("Z", jan(12), 7)
                world.use("_x", jan(12), 8)
            world.use(project, jan(12), 1_234, 56)
            world.use(project, jan(13), 77)
        world.settle(jan(13, 3))
        late = world.use("pal", jan(12), 500)
        world.settle(MORNING)
        world.void(late)
        result = world.settle(jan(15, 3))
        assert result is not None
        heads.append(result.head)
        engine.dispose()
    assert heads[0] == heads[1]


def test_two_at_once_post_once(postgres_url: str) -> None:
    """Of four that settle at the same moment, one posts and the others find nothing."""
    engine = make_engine(postgres_url)
    world = World(Database(engine))
    for number in range(1, 6):
        world.use("logo", jan(9 + number), 100)
        results = _settle_together(world, jan(10 + number, 3), 4)
        assert sum(result.entry_id is not None for result in results if result) == 1
        assert count(world.database, "entry") == number
    with world.database.reading() as session:
        assert accounts.wallet(session, "studio", "ada").available == 5 * 500_000
    assert len(world.facts) == 5
    assert wrong(world) == []
    engine.dispose()


def _settle_together(world: World, now: dt.datetime, many: int) -> list[RunResult | None]:
    barrier = threading.Barrier(many)

    def settle(_number: int) -> RunResult | None:
        barrier.wait()
        return world.settle(now)

    with ThreadPoolExecutor(many) as threads:
        return list(threads.map(settle, range(many)))
