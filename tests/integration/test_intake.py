"""Usage in: what is taken, what is a duplicate, what is refused and why; on both databases."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal

import pytest

from core.config import DeskConfig
from core.earnings import intake
from core.earnings.catalog import upsert_projects
from core.earnings.intake import slices
from core.earnings.intake.writing import Collision
from core.errors import InvalidInput
from core.storage import Database
from tests.conftest import count
from tests.intake_world import (
    CONFIG,
    MICRO,
    NOW,
    REFUSED,
    column,
    open_studio,
    outcome,
    roll_up,
    settle_through,
    take,
    usage,
    view,
    void,
)


@pytest.fixture
def studio(database: Database) -> Database:
    open_studio(database)
    return database


DAY_13 = ("2026-01-13", "logo")


def test_rolls_up_by_project_and_day(studio: Database) -> None:
    """Each kind counts in its own figures; credits and costs add up in micro-credits."""
    report = take(
        studio,
        usage("e1"),
        usage("e2", kind="remix", credits="0.000001", platform_cost=""),
        usage("e3", kind="feature", credits="0"),
        view("e4"),
        view("e5", kind="save", credits="0", platform_cost="0"),
        usage("e6", occurred_at="2026-01-14T00:00:00Z"),
    )
    assert outcome(report) == (6, 0, [])
    assert roll_up(studio) == {
        DAY_13: (10 * MICRO + 1, 8 * MICRO, 0, 3, 1, 1, 1),
        ("2026-01-14", "logo"): (10 * MICRO, 4 * MICRO, 0, 1, 0, 0, 0),
    }


def test_own_use_is_kept_apart(studio: Database) -> None:
    """Use by the project's own creator changes own_credits and no other figure; own views change nothing."""
    take(studio, usage("e1", user_id="ada"), usage("e2", user_id="ada", kind="remix"), view("e3", user_id="ada"))
    assert roll_up(studio) == {DAY_13: (0, 0, 20 * MICRO, 0, 0, 0, 0)}
    assert count(studio, "usage_event") == 3


def test_day_boundaries(studio: Database) -> None:
    """A day is half open in UTC: its 00:00:00 belongs to it, the next one does not, whatever the offset."""
    moments = {
        "2026-01-13T00:00:00Z": "2026-01-13",
        "2026-01-13T23:59:59.999999Z": "2026-01-13",
        "2026-01-14T00:00:00.000000Z": "2026-01-14",
        "2026-01-14T00:59:59+01:00": "2026-01-13",
        "2026-01-14T01:00:00+01:00": "2026-01-14",
        "2026-01-13T18:30:00-05:30": "2026-01-14",
        "2026-01-13T23:59:59.9999999Z": "2026-01-13",
        "2026-01-13 10:00:00+00:00": "2026-01-13",
        "2026-01-13t10:00z": "2026-01-13",
    }
    counted: Counter[str] = Counter()
    for number, (moment, day) in enumerate(moments.items()):
        assert outcome(take(studio, usage(f"e{number}", occurred_at=moment))) == (1, 0, [])
        counted[day] += 1
        assert {day: sums[3] for (day, _project), sums in roll_up(studio).items()} == counted
    assert column(studio, "SELECT count(*) FROM dirty_day") == [2]


def test_same_event_again_is_a_duplicate(studio: Database) -> None:
    """The same id with the same content is ignored and counted, in one batch or in two, however it is written."""
    again = usage(credits=Decimal("10.0"), platform_cost=4, occurred_at="2026-01-13T11:00:00.000+01:00", voids=None)
    assert outcome(take(studio, usage(), usage(), again)) == (1, 2, [])
    assert outcome(take(studio, again)) == (0, 1, [])
    assert roll_up(studio) == {DAY_13: (10 * MICRO, 4 * MICRO, 0, 1, 0, 0, 0)}


@pytest.mark.parametrize("together", [True, False])
def test_other_content_is_a_conflict(studio: Database, together: bool) -> None:
    """The same id with other content is refused, says what differs, and leaves the first as it is."""
    changes: list[dict[str, object]] = [
        {"credits": "11"},
        {"platform_cost": "5"},
        {"user_id": "kim"},
        {"project_id": "poster"},
        {"kind": "remix"},
        {"occurred_at": "2026-01-13T10:00:00.000001Z"},
    ]
    if not together:
        take(studio, usage())
    report = take(studio, usage(), *(usage() | change for change in changes))
    assert outcome(report)[2] == [(number, "event_id") for number in range(1, 7)]
    assert all(next(iter(change)) in one.reason for one, change in zip(report.rejected, changes, strict=True))
    assert roll_up(studio) == {DAY_13: (10 * MICRO, 4 * MICRO, 0, 1, 0, 0, 0)}


def test_sources_are_apart(studio: Database) -> None:
    """The same id from another source is another event, and a void names an event of its own source."""
    take(studio, usage())
    assert outcome(take(studio, usage(), void("v1", "e1"), source="partner")) == (2, 0, [])
    assert roll_up(studio) == {DAY_13: (10 * MICRO, 4 * MICRO, 0, 1, 0, 0, 0)}


def test_refuses_by_field_and_reason(studio: Database) -> None:
    """Rows that can't be taken name their place, the field and what to do; the rows between them are taken."""
    rows: list[dict[str, object]] = []
    for number, (change, _field, _reason) in enumerate(REFUSED):
        rows += [usage(f"good{number}"), usage(f"bad{number}") | change]
    report = take(studio, *rows)
    wanted = [(2 * number + 1, field) for number, (_change, field, _reason) in enumerate(REFUSED)]
    assert outcome(report) == (len(REFUSED), 0, wanted)
    for one, (_change, _field, reason) in zip(report.rejected, REFUSED, strict=True):
        assert reason in one.reason
        assert one.reason.isprintable()


def test_refuses_what_is_no_row(studio: Database) -> None:
    """Things in a batch that are no rows are refused by their place."""
    rows: list[object] = [usage(), "e2", None, ["e3"], {}]
    report = intake.accept(studio, CONFIG, rows, "platform", NOW)  # type: ignore[arg-type]
    assert outcome(report) == (1, 0, [(1, ""), (2, ""), (3, ""), (4, "event_id")])


def test_refuses_malformed_voids(studio: Database) -> None:
    """A void has its own id and time and what it voids, and nothing else."""
    changes: list[dict[str, object]] = [
        {"voids": ""},
        {"voids": "v1"},
        {"user_id": "eve"},
        {"credits": "1"},
        {"platform_cost": "1"},
        {"occurred_at": "2027-01-01T00:00:00Z"},
    ]
    for change in changes:
        report = take(studio, usage(), void("v1", "e1") | change)
        assert [one.field for one in report.rejected] == list(change)
    assert roll_up(studio) == {DAY_13: (10 * MICRO, 4 * MICRO, 0, 1, 0, 0, 0)}


def test_time_up_to_five_minutes_ahead_is_taken(studio: Database) -> None:
    """Clocks differ: five minutes into the future are allowed."""
    assert outcome(take(studio, usage(occurred_at="2026-01-20T12:05:00Z"))) == (1, 0, [])


def test_use_before_publication_is_taken(studio: Database) -> None:
    """Platforms report odd things: use of a project before the day it was published counts."""
    assert outcome(take(studio, usage(occurred_at="2025-01-01T00:00:00Z"))) == (1, 0, [])


def test_deleted_project(studio: Database) -> None:
    """Late usage from before the deletion is the creator's; usage after it is refused; stored usage is a duplicate."""
    take(studio, usage("e1", occurred_at="2026-01-15T10:00:00Z"))
    gone = {
        "project_id": "logo",
        "creator_id": "ada",
        "program": "studio",
        "name": "logo",
        "published_on": "2025-11-03",
        "deleted_at": "2026-01-14T00:00:00Z",
    }
    with studio.transaction() as session:
        upsert_projects(session, [gone], NOW)
    report = take(
        studio,
        usage("e1", occurred_at="2026-01-15T10:00:00Z"),
        usage("e2", occurred_at="2026-01-13T23:59:59.999999Z"),
        usage("e3", occurred_at="2026-01-14T00:00:00Z"),
    )
    assert outcome(report) == (1, 1, [(2, "occurred_at")])
    assert "deleted at 2026-01-14 00:00:00" in report.rejected[0].reason
    assert outcome(take(studio, usage("e4", occurred_at="2026-01-13T10:00:00Z"))) == (1, 0, [])


def test_program_without_configuration(studio: Database) -> None:
    """Usage and voids of a program that is no longer configured are refused."""
    config = DeskConfig(programs={"arcade": CONFIG.programs["arcade"]})
    take(studio, usage())
    report = intake.accept(studio, config, [usage("e2"), void("v1", "e1")], "platform", NOW)
    assert outcome(report) == (0, 0, [(0, "project_id"), (1, "voids")])
    assert all("not configured" in one.reason for one in report.rejected)


def test_void_takes_an_event_out(studio: Database) -> None:
    """A voided event leaves the figures of its own day, and that day is settled again."""
    take(studio, usage("e1"), usage("e2"), usage("e3", user_id="ada"), view("e4"))
    take_away_dirt(studio)
    assert outcome(take(studio, void("v1", "e1"), void("v3", "e3"), void("v4", "e4"))) == (3, 0, [])
    assert roll_up(studio) == {DAY_13: (10 * MICRO, 4 * MICRO, 0, 1, 0, 0, 0)}
    assert [str(day) for day in column(studio, "SELECT day FROM dirty_day")] == ["2026-01-13"]
    assert count(studio, "usage_event") == 7


def take_away_dirt(database: Database) -> None:
    with database.transaction() as session:
        session.connection().exec_driver_sql("DELETE FROM dirty_day")


def test_void_before_its_event(studio: Database) -> None:
    """A void that arrives first is kept; its event is stored when it comes, and never counts."""
    assert outcome(take(studio, void("v1", "e1"))) == (1, 0, [])
    assert column(studio, "SELECT applied FROM usage_void") == [False]
    assert outcome(take(studio, usage("e1"), usage("e2"))) == (2, 0, [])
    assert roll_up(studio) == {DAY_13: (10 * MICRO, 4 * MICRO, 0, 1, 0, 0, 0)}
    assert column(studio, "SELECT applied FROM usage_void") == [True]
    assert outcome(take(studio, usage("e1"), void("v1", "e1"))) == (0, 2, [])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_void_beside_its_event(studio: Database, order: tuple[int, int]) -> None:
    """A void in the same batch as its event takes it out, whichever stands first."""
    rows = [usage("e1"), void("v1", "e1")]
    assert outcome(take(studio, *(rows[place] for place in order))) == (2, 0, [])
    assert roll_up(studio) == {}
    assert column(studio, "SELECT applied FROM usage_void") == [True]


def test_second_void_is_a_duplicate(studio: Database) -> None:
    """Voiding an event again counts as a duplicate: in the same batch, later, or before the event comes."""
    take(studio, usage("e1"), usage("e2"))
    assert outcome(take(studio, void("v1", "e1"), void("v2", "e1"))) == (1, 1, [])
    assert outcome(take(studio, void("v3", "e1"), void("v1", "e1"))) == (0, 2, [])
    assert outcome(take(studio, void("v4", "e9"), void("v5", "e9"))) == (1, 1, [])
    assert outcome(take(studio, void("v6", "e9"))) == (0, 1, [])
    assert roll_up(studio) == {DAY_13: (10 * MICRO, 4 * MICRO, 0, 1, 0, 0, 0)}


def test_void_id_conflicts(studio: Database) -> None:
    """A void whose own id is taken by something else is refused, even when what it voids is voided already."""
    take(studio, usage("e1"), usage("e2"), void("v1", "e1"))
    report = take(studio, void("e2", "e1"), void("v1", "e2"), usage("v1"))
    assert outcome(report) == (0, 0, [(0, "event_id"), (1, "event_id"), (2, "event_id")])


def test_void_cannot_be_voided(studio: Database) -> None:
    """A void that is known can't be voided; one kept for something that turns out to be a void stays without effect."""
    take(studio, usage("e1"), void("v1", "e1"))
    report = take(studio, void("v2", "v1"), usage("e2"), void("v3", "e2"), void("v4", "v3"))
    assert outcome(report) == (2, 0, [(0, "voids"), (3, "voids")])
    assert outcome(take(studio, void("w1", "v9"))) == (1, 0, [])
    assert outcome(take(studio, void("v9", "e5"), usage("e5"))) == (2, 0, [])
    assert roll_up(studio) == {}


def test_late_limit(studio: Database) -> None:
    """Usage of a day is taken until the program is settled through that day + late_days; then it is refused."""
    old = "2025-12-13T10:00:00Z"
    assert outcome(take(studio, usage("e1", occurred_at=old))) == (1, 0, [])
    settle_through(studio, "2026-01-12")
    assert outcome(take(studio, usage("e2", occurred_at=old))) == (1, 0, [])
    settle_through(studio, "2026-01-13")
    report = take(
        studio,
        usage("e1", occurred_at=old),
        usage("e1", occurred_at=old, credits="5"),
        usage("e3", occurred_at=old),
        usage("e4", occurred_at="2025-12-14T00:00:00Z"),
        usage("e5", occurred_at=old, project_id="quiz"),
    )
    assert outcome(report) == (2, 1, [(1, "event_id"), (2, "occurred_at")])
    assert "settled through 2026-01-13" in report.rejected[1].reason
    assert "--reopen" in report.rejected[1].reason


def test_late_limit_of_voids(studio: Database) -> None:
    """A void acts on its event's day: after that day's limit it is refused, whenever the void itself occurred."""
    take(studio, usage("e1", occurred_at="2025-12-13T10:00:00Z"), usage("e2", occurred_at="2025-12-14T10:00:00Z"))
    settle_through(studio, "2026-01-13")
    report = take(studio, void("v1", "e1"), void("v2", "e2"))
    assert outcome(report) == (1, 0, [(0, "voids")])
    assert "2025-12-13" in report.rejected[0].reason


def test_reopening(studio: Database) -> None:
    """With a reason, late usage and voids are taken, and the audit trail says who, what and why."""
    old = "2025-12-13T10:00:00Z"
    take(studio, usage("e1", occurred_at=old))
    settle_through(studio, "2026-01-13")
    rows = [
        usage("e2", occurred_at=old),
        usage("e3", occurred_at="2025-12-12T10:00:00Z"),
        void("v1", "e1"),
        usage("e4"),
    ]
    assert outcome(take(studio, *rows, reopen="The exporter was down")) == (4, 0, [])
    assert roll_up(studio) == {
        ("2025-12-13", "logo"): (10 * MICRO, 4 * MICRO, 0, 1, 0, 0, 0),
        ("2025-12-12", "logo"): (10 * MICRO, 4 * MICRO, 0, 1, 0, 0, 0),
        DAY_13: (10 * MICRO, 4 * MICRO, 0, 1, 0, 0, 0),
    }
    assert column(studio, "SELECT actor || ' ' || action || ' ' || subject || ' ' || detail FROM audit_record") == [
        "operator usage.reopen studio 3 rows, 2 days from 2025-12-12 to 2025-12-13: The exporter was down"
    ]


def test_reopening_what_is_open_leaves_no_trail(studio: Database) -> None:
    """Only what was taken against the rule is audited."""
    take(studio, usage(), reopen="To be sure")
    assert count(studio, "audit_record") == 0


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\x00"])
def test_reopening_needs_a_reason(studio: Database, reason: str) -> None:
    """Without a reason that can be kept, nothing is imported."""
    with pytest.raises(InvalidInput, match="reason for reopening"):
        take(studio, usage(), reopen=reason)
    assert count(studio, "usage_event") == 0


@pytest.mark.parametrize("source", ["", "x" * 65, "a\tb"])
def test_source_must_be_kept(studio: Database, source: str) -> None:
    """A source that can't be kept is refused before anything is taken."""
    with pytest.raises(InvalidInput, match="source"):
        take(studio, usage(), source=source)


def test_first_day_is_the_earliest(studio: Database) -> None:
    """A program's first day is that of its earliest usage so far, per program."""
    for day in ("2026-01-10", "2026-01-12", "2026-01-08"):
        take(studio, usage(day, occurred_at=f"{day}T10:00:00Z"))
    take(studio, usage("q", project_id="quiz", occurred_at="2026-01-11T10:00:00Z"))
    assert [str(day) for day in column(studio, "SELECT first_day FROM program ORDER BY slug")] == [
        "2026-01-11",
        "2026-01-08",
    ]


def test_project_day_has_a_largest_sum(studio: Database) -> None:
    """A project's day that would pass ten billion credits is refused; the rest of the batch is taken."""
    big = [usage(f"big{number}", credits="1000000000", platform_cost="0") for number in range(11)]
    report = take(studio, *big, usage("other", project_id="poster"))
    assert outcome(report) == (1, 0, [(place, "credits") for place in range(11)])
    assert outcome(take(studio, *big[:10])) == (10, 0, [])
    assert outcome(take(studio, big[10], usage("small", credits="1"))) == (0, 0, [(0, "credits"), (1, "credits")])
    assert outcome(take(studio, void("v", "big0"))) == (1, 0, [])
    assert roll_up(studio)[DAY_13][0] == 9_000_000_000 * MICRO


def test_odd_ids_are_kept_as_they_are(studio: Database) -> None:
    """Ids that mean something to a database or a terminal are data, compared to the letter."""
    odd = ["back\\slash", 'quo"te', "co,mma", "brace}", "ünï", "ZWJ\u200d", "rtl\u202e", "'; DROP", "NULL", "\\N"]
    project = {"creator_id": "ada", "program": "studio", "name": "odd", "published_on": "2025-11-03"}
    with studio.transaction() as session:
        upsert_projects(session, [project | {"project_id": name} for name in odd], NOW)
    for name in odd:
        row = usage(name, user_id=name, project_id=name)
        assert outcome(take(studio, row, usage("x"), source=name)) == (2, 0, [])
        assert outcome(take(studio, row, void("v", name), source=name)) == (1, 1, [])
    for field in ("event_id", "user_id", "project_id", "source"):
        kept = column(studio, f"SELECT {field} FROM usage_event WHERE kind = 'generate' AND event_id <> 'x'")
        assert sorted(map(str, kept)) == sorted(odd)
    assert list(roll_up(studio)) == [DAY_13]


def test_slices(studio: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of several slices reports as one, in its own order, and tells its progress."""
    monkeypatch.setattr(intake, "SLICE_ROWS", 10)
    monkeypatch.setattr(intake, "_BLOCK_ROWS", 5)
    rows = [usage(f"e{number % 40}", credits="x" if number % 10 == 7 else "1") for number in range(60)]
    done: list[int] = []
    report = intake.accept(studio, CONFIG, rows, "platform", NOW, progress=done.append)
    assert outcome(report) == (36, 18, [(place, "credits") for place in range(7, 60, 10)])
    assert done == [10, 20, 30, 40, 50, 60]
    assert roll_up(studio)[DAY_13][3] == 36


def test_empty_batch(studio: Database) -> None:
    """Nothing in, nothing out."""
    assert outcome(take(studio)) == (0, 0, [])


def test_project_memory_is_bounded(studio: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many projects an import meets, those of a slice are known while it is judged."""
    monkeypatch.setattr("core.earnings.intake.known._KEPT_PROJECTS", 1)
    monkeypatch.setattr(intake, "SLICE_ROWS", 2)
    monkeypatch.setattr(intake, "_BLOCK_ROWS", 2)
    rows = [usage(f"e{number}", project_id=("logo", "poster", "game")[number % 3]) for number in range(9)]
    assert outcome(take(studio, *rows)) == (9, 0, [])


def test_overtaken_for_ever(studio: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that others keep overtaking gives up with a reason, and keeps nothing of that slice."""

    def collide(*_args: object) -> None:
        raise Collision

    monkeypatch.setattr(slices, "write_events", collide)
    with pytest.raises(slices.TooManyCollisions, match="Run it again"):
        take(studio, usage())
    assert count(studio, "usage_event") == 0


def test_future_is_told_by_the_clock_that_is_passed_in(studio: Database) -> None:
    """An import as at an earlier time refuses what lay ahead of it then."""
    earlier = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
    assert outcome(take(studio, usage(), now=earlier)) == (0, 0, [(0, "occurred_at")])
