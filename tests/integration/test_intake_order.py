"""However usage arrives — shuffled, repeated, in pieces, voids first, from many at once — the roll-up is the same."""

from __future__ import annotations

import itertools
import multiprocessing
import random
import threading
from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.earnings import intake
from core.earnings.intake import accept
from core.storage import Database, make_engine
from tests.intake_world import CONFIG, NOW, OWNERS, column, expected, open_studio, roll_up, usage, void

Row = dict[str, object]

days = st.sampled_from(
    ["2026-01-12T23:59:59.999999Z", "2026-01-13T00:00:00Z", "2026-01-13T12:00:00Z", "2026-01-14T00:30:00+01:00"]
)
events = st.builds(
    lambda project, user, at, kind, spent, cost: {
        "project_id": project,
        "user_id": user,
        "occurred_at": at,
        "kind": kind,
        "credits": "" if kind in ("view", "save") else str(spent),
        "platform_cost": "" if kind in ("view", "save") else str(cost),
    },
    st.sampled_from(sorted(OWNERS)),
    st.sampled_from(["ada", "bob", "eve"]),
    days,
    st.sampled_from(["generate", "remix", "feature", "view", "save"]),
    st.integers(0, 1_000_000_000),
    st.integers(0, 50),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Row], list[list[Row]]]:
    """What happened, and how it arrives: each row once to three times, in batches, in any order."""
    truth: list[Row] = [usage(f"e{number}") | event for number, event in enumerate(draw(st.lists(events, max_size=12)))]
    for number in draw(st.lists(st.integers(0, 13), max_size=6)):
        truth.append(void(f"v{len(truth)}", f"e{number}"))
    arriving = draw(st.permutations([row for row in truth for _ in range(draw(st.integers(1, 3)))]))
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), max_size=4)))
    return truth, [list(arriving[start:end]) for start, end in itertools.pairwise([0, *cuts, len(arriving)])]


def prefixed(row: Row, prefix: str) -> Row:
    """The row for a desk whose ids start with a prefix."""
    return {
        name: f"{prefix}{value}" if value and name in ("event_id", "project_id", "user_id", "voids") else value
        for name, value in row.items()
    }


def from_events(database: Database, prefix: str) -> list[str]:
    """Where the roll-up differs from what the stored events say."""
    counted = (
        "SELECT e.project_id, sum(e.credits), count(*) FROM usage_event e "
        "JOIN project p ON p.project_id = e.project_id "
        "LEFT JOIN usage_void v ON v.source = e.source AND v.voids = e.event_id "
        "WHERE v.voids IS NULL AND e.project_id LIKE :mine AND e.user_id <> p.creator_id GROUP BY e.project_id"
    )
    kept = (
        "SELECT project_id, sum(credits), sum(uses + views + saves) FROM usage_day "
        "WHERE project_id LIKE :mine GROUP BY project_id HAVING sum(uses + views + saves) > 0"
    )
    found: list[set[tuple[str, ...]]] = []
    with database.reading() as session:
        for statement in (counted, kept):
            rows = session.connection().execute(text(statement), {"mine": f"{prefix}%"})
            found.append({tuple(map(str, row)) for row in rows})
    return sorted(map(str, found[0] ^ found[1]))


@pytest.mark.parametrize("examples", [40, pytest.param(1_000, marks=pytest.mark.deep)])
def test_any_order_gives_the_same_roll_up(database: Database, examples: int) -> None:
    """Shuffled, repeated and cut into batches, voids before or after their events: the oracle's roll-up."""
    prefixes = (f"x{number}-" for number in itertools.count())

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(histories())
    def holds(history: tuple[list[Row], list[list[Row]]]) -> None:
        truth, batches = history
        prefix = next(prefixes)
        open_studio(database, prefix)
        accepted = refused = 0
        for batch in batches:
            report = accept(database, CONFIG, [prefixed(row, prefix) for row in batch], "platform", NOW)
            accepted += report.accepted
            refused += len(report.rejected)
        assert refused == 0
        assert accepted == len(truth) - second_voids(truth)
        assert roll_up(database, prefix) == expected(truth)
        assert from_events(database, prefix) == []

    holds()


def second_voids(truth: Sequence[Row]) -> int:
    named = [row["voids"] for row in truth if row["kind"] == "void"]
    return len(named) - len(set(named))


def a_lot(seed: int, number: int) -> list[Row]:
    """Usage with a tenth of it voided, each row two or three times, shuffled."""
    dice = random.Random(seed)
    rows: list[Row] = []
    for index in range(number):
        project, user = dice.choice(sorted(OWNERS)), dice.choice(["ada", "bob", "eve", "kim"])
        day, spent = dice.randint(1, 14), dice.randint(1, 9)
        at = f"2026-01-{day:02}T{dice.randint(0, 23):02}:00:00Z"
        rows.append(usage(f"e{index}", project_id=project, user_id=user, occurred_at=at, credits=str(spent)))
        if index % 10 == 0:
            rows.append(void(f"v{index}", f"e{index}"))
    return rows


def shuffled(rows: Sequence[Row], seed: int) -> list[Row]:
    dice = random.Random(seed)
    again = list(rows) + dice.sample(list(rows), len(rows) // 3)
    dice.shuffle(again)
    return again


def test_threads_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports of the same and of overlapping usage in several threads: nothing lost, nothing twice, nobody stuck."""
    monkeypatch.setattr(intake, "SLICE_ROWS", 60)
    monkeypatch.setattr(intake, "_BLOCK_ROWS", 20)
    open_studio(database)
    truth = a_lot(1, 400)
    reports: list[intake.ImportReport] = []

    def work(seed: int) -> None:
        mine = truth if seed < 2 else truth[seed * 40 : seed * 40 + 200]
        reports.append(accept(database, CONFIG, shuffled(mine, seed), "platform", NOW))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(reports) == 4
    assert [one for report in reports for one in report.rejected] == []
    assert sum(report.accepted for report in reports) == len(truth)
    assert roll_up(database) == expected(truth)
    assert [str(day) for day in column(database, "SELECT min(first_day) FROM program")] == ["2026-01-01"]


def test_a_void_and_its_event_at_once(database: Database) -> None:
    """A void and its event that come at the same moment, from two callers, always find each other."""
    open_studio(database)
    rounds = 30
    barrier = threading.Barrier(2)

    def work(rows: Sequence[Mapping[str, object]]) -> None:
        for row in rows:
            barrier.wait(60)
            accept(database, CONFIG, [row], "platform", NOW)

    events = [usage(f"e{number}") for number in range(rounds)]
    voids = [void(f"v{number}", f"e{number}") for number in range(rounds)]
    threads = [threading.Thread(target=work, args=(rows,)) for rows in (events, voids)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert roll_up(database) == {}
    assert column(database, "SELECT count(*) FROM usage_void WHERE applied") == [rounds]


def import_elsewhere(url: str, seed: int, number: int) -> None:
    """Runs in a process of its own."""
    intake.SLICE_ROWS = 60
    intake._BLOCK_ROWS = 20
    database = Database(make_engine(url))
    accept(database, CONFIG, shuffled(a_lot(1, number), seed), "platform", NOW)
    database.engine.dispose()


def test_processes_at_once(database: Database, database_url: str) -> None:
    """The same from two processes."""
    open_studio(database)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=import_elsewhere, args=(database_url, seed, 400)) for seed in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert roll_up(database) == expected(a_lot(1, 400))


def test_killed_between_slices(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that dies leaves whole slices; run again, it comes out as if nothing had happened."""
    monkeypatch.setattr(intake, "SLICE_ROWS", 50)
    monkeypatch.setattr(intake, "_BLOCK_ROWS", 25)
    open_studio(database)
    truth = a_lot(2, 300)

    def dying(after: int) -> Iterator[Row]:
        yield from truth[:after]
        raise ConnectionError("gone")

    for after in (10, 60, 130, 260):
        with pytest.raises(ConnectionError):
            accept(database, CONFIG, dying(after), "platform", NOW)
        assert from_events(database, "") == []
    report = accept(database, CONFIG, truth, "platform", NOW)
    assert (report.accepted + report.duplicates, report.rejected) == (len(truth), [])
    assert report.duplicates >= 200
    assert roll_up(database) == expected(truth)


def test_sigkilled_at_any_moment(database: Database, database_url: str) -> None:
    """SIGKILL at random moments leaves a roll-up that agrees with the events; run again, everything is there once."""
    open_studio(database)
    dice = random.Random(3)
    context = multiprocessing.get_context("spawn")
    for seed in range(3):
        process = context.Process(target=import_elsewhere, args=(database_url, seed, 2_000))
        process.start()
        while not column(database, "SELECT 1 FROM usage_event LIMIT 1") and process.is_alive():
            process.join(0.01)
        process.join(dice.random() / 5)
        process.kill()
        process.join(60)
        assert from_events(database, "") == []
    truth = a_lot(1, 2_000)
    report = accept(database, CONFIG, truth, "platform", NOW)
    assert (report.accepted + report.duplicates, report.rejected) == (len(truth), [])
    assert roll_up(database) == expected(truth)
