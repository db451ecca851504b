"""`verify` notices what is wrong with usage and settlement, and says where (domain.md, "Ledger")."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from sqlmodel import Session

from core.earnings.checks import CHECKS, earnings_checks
from core.ledger.verify import Check
from core.storage import Database
from tests.earnings_world import World, jan

SETTLED = ("logo on 2026-01-12", "pal on 2026-01-12", "song on 2026-01-12", "pal on 2026-01-13")

# A change, the check that notices it, and what it says.
CHANGES = [
    (
        "UPDATE usage_day SET credits = credits - 1000000 WHERE project_id = 'logo' AND day = '2026-01-12'",
        "roll-ups and events",
        "project logo on 2026-01-12: credits too low by 1",
    ),
    (
        "UPDATE usage_day SET cost = cost + 500000, own_credits = 7 WHERE project_id = 'song'",
        "roll-ups and events",
        "project song on 2026-01-12: cost too high by 0.5, own_credits too high by 0.000007",
    ),
    (
        "UPDATE usage_day SET remixes = 0 WHERE project_id = 'song'",
        "roll-ups and events",
        "project song on 2026-01-12: remixes too low by 1",
    ),
    (
        "UPDATE usage_day SET views = views + 1 WHERE project_id = 'pal' AND day = '2026-01-13'",
        "roll-ups and events",
        "project pal on 2026-01-13: views too high by 1",
    ),
    (
        "DELETE FROM usage_day WHERE project_id = 'pal' AND day = '2026-01-13'",
        "roll-ups and events",
        "project pal on 2026-01-13: credits too low by 10, cost too low by 40, uses too low by 1",
    ),
    (
        "UPDATE usage_event SET kind = 'view' WHERE project_id = 'song'",
        "roll-ups and events",
        f"project {SETTLED[2]}: credits too high by 50, uses too high by 1, remixes too high by 1, views too low by 1",
    ),
    (
        "DELETE FROM usage_void",
        "voids",
        "void platform/v7 of e3 is not indexed",
    ),
    (
        "DELETE FROM usage_event WHERE kind = 'void'",
        "voids",
        "platform/e3 is voided by v7, which is not here",
    ),
    (
        "UPDATE usage_void SET applied = NOT applied",
        "voids",
        "void platform/v7 of e3 is marked wrongly",
    ),
    (
        "UPDATE settlement_line SET share = share - 250000 WHERE project_id = 'logo'",
        "settled days and roll-ups",
        "project logo on 2026-01-12: share settled too low by 0.250000",
    ),
    (
        "UPDATE settlement_line SET spent = spent + 1, costs = costs + 2 WHERE project_id = 'logo'",
        "settled days and roll-ups",
        "project logo on 2026-01-12: spent settled too high by 0.000001, costs settled too high by 0.000002",
    ),
    (
        "DELETE FROM dirty_day",
        "days waiting",
        "project logo on 2026-01-14: not marked as waiting for settlement",
    ),
    (
        "UPDATE program SET settled_through = NULL",
        "days waiting",
        "; ".join(f"project {day}: not marked as waiting for settlement" for day in SETTLED),
    ),
    (
        "UPDATE settlement_line SET credits = credits + 1000000 WHERE project_id = 'song'",
        "settled lines",
        "project song on 2026-01-12: the explanation kept with entry {first} doesn't give what was settled",
    ),
    (
        "UPDATE settlement_line SET cost = cost + 1000000 WHERE project_id = 'logo'",
        "settled lines",
        "project logo on 2026-01-12: the explanation kept with entry {first} doesn't give what was settled",
    ),
    (
        "UPDATE settlement_line SET share_bp = 4000 WHERE project_id = 'logo'",
        "settled lines",
        "project logo on 2026-01-12: the explanation kept with entry {first} doesn't give what was settled",
    ),
    (
        "UPDATE settlement_line SET share_bp = 0, credits_per_usd = 99 WHERE project_id = 'pal' AND share = 0",
        "settled lines",
        "project pal on 2026-01-13: the explanation kept with entry {second} doesn't give what was settled",
    ),
    (
        "UPDATE settlement_line SET late = NOT late WHERE project_id = 'pal' AND late",
        "settled lines",
        "project pal on 2026-01-12: the explanation kept with entry {second} doesn't give what was settled",
    ),
    (
        "UPDATE settlement_line SET project_id = 'nobody' WHERE project_id = 'song'",
        "settled lines",
        "project nobody on 2026-01-12: settled for a project that is not here",
    ),
    (
        "UPDATE settlement_line SET seq = seq + 1 WHERE project_id = 'song'",
        "lines and transfers",
        "project song on 2026-01-12: transfer {first}/4 is not this line's",
    ),
    (
        "UPDATE settlement_line SET seq = 9 WHERE share = 0",
        "lines and transfers",
        "project pal on 2026-01-13: transfer {second}/9 is not this line's",
    ),
    (
        "UPDATE transfer SET amount = amount + 1 WHERE entry_id = {first} AND seq = 1",
        "lines and transfers",
        "project logo on 2026-01-12: transfer {first}/1 is not this line's",
    ),
    (
        "UPDATE transfer SET debit_id = credit_id, credit_id = debit_id WHERE entry_id = {first} AND seq = 1",
        "lines and transfers",
        "project logo on 2026-01-12: transfer {first}/1 is not this line's",
    ),
    (
        "UPDATE project SET creator_id = 'ada' WHERE project_id = 'song'",
        "lines and transfers",
        "project song on 2026-01-12: transfer {first}/3 is not this line's",
    ),
    (
        "UPDATE transfer SET amount = amount - 1 WHERE entry_id = {first} AND seq = 4",
        "settlements and lines",
        "entry {first} differs from its lines: usage by 0.000001, costs by -0.000001",
    ),
    (
        "DELETE FROM transfer WHERE entry_id = {first} AND seq = 5",
        "settlements and lines",
        "entry {first} differs from its lines: usage by 1.000000, margin by -1.000000",
    ),
    (
        "UPDATE settlement_line SET share = share + 5, spent = spent + 5 WHERE project_id = 'logo'",
        "settlements and lines",
        "entry {first} differs from its lines: usage by 0.000005, creators by -0.000005",
    ),
    (
        "UPDATE settled_day SET share = share + 1 WHERE day = '2026-01-13'",
        "sums of settled days",
        "studio on 2026-01-13: the day's sums are not those of its lines",
    ),
    (
        "UPDATE settled_day SET costs = 0 WHERE day = '2026-01-12'",
        "sums of settled days",
        "studio on 2026-01-12: the day's sums are not those of its lines",
    ),
    (
        "UPDATE settled_day SET spent = 0 WHERE day = '2026-01-12'",
        "sums of settled days",
        "studio on 2026-01-12: the day's sums are not those of its lines",
    ),
    ("UPDATE program SET runs = 1", "runs", "settlement:studio:2 is beyond the program's 1 runs"),
    ("UPDATE program SET runs = 3", "runs", "settlement:studio:3 is missing"),
]


@pytest.fixture
def world(database: Database) -> World:
    """Two settled days with a late correction, voids, own use and a day that waits."""
    world = World(database)
    world.use("logo", jan(12), 100, 20)
    world.use("song", jan(12, 23, 59), 50, kind="remix")
    taken = world.use("pal", jan(12), 70)
    world.use("pal", jan(12), 30, user="ada")
    world.use("pal", jan(12), kind="view", user="ada")
    world.use("pal", jan(12), kind="save")
    world.settle(jan(13, 3))
    world.void(taken)
    world.use("pal", jan(13), 10, 40)
    world.settle(jan(14, 3))
    world.use("logo", jan(14), 5)
    return world


def wrong(session: Session) -> dict[str, str]:
    """The checks that fail, and what they say."""
    return {check.name: check.detail for check in earnings_checks(session) if not check.ok}


@contextmanager
def changed(world: World, statement: str) -> Iterator[Session]:
    """A desk where something was changed that no part of it may change; as it was again afterwards."""
    with world.database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))  # no triggers, no foreign keys
        else:
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            for table in ("settlement_line", "transfer"):
                connection.execute(text(f"DROP TRIGGER {table}_no_update"))
                connection.execute(text(f"DROP TRIGGER {table}_no_delete"))
        assert connection.execute(text(statement)).rowcount > 0
        with Session(connection) as session:
            yield session
        connection.rollback()


def test_a_whole_desk_passes(world: World) -> None:
    """Usage, corrections, own use and a waiting day are as they should be, and are counted."""
    with world.database.reading() as session:
        assert earnings_checks(session)[: len(CHECKS)] == [
            Check("roll-ups and events", True, "5 project-days equal their events"),
            Check("voids", True, "1 voids"),
            Check("settled days and roll-ups", True, "2 settled days equal their roll-ups"),
            Check("days waiting", True, "1 days wait for settlement"),
            Check("settled lines", True, "5 lines explain themselves"),
            Check("lines and transfers", True, "every line is its transfer"),
            Check("settlements and lines", True, "2 settlements"),
            Check("sums of settled days", True, "every day's sums are those of its lines"),
            Check("runs", True, "2 runs"),
        ]


def test_an_empty_desk_passes(sqlite_database: Database) -> None:
    """A desk without history is well."""
    with sqlite_database.reading() as session:
        assert all(check.ok for check in earnings_checks(session))
        assert len(CHECKS) == 9


def test_notices_every_change(world: World) -> None:
    """A changed or missing row is found by the check that looks at it, named by project and day."""
    with world.database.reading() as session:
        first, second = session.connection().execute(text("SELECT id FROM entry ORDER BY id")).scalars()
    for statement, check, detail in CHANGES:
        with changed(world, statement.format(first=first, second=second)) as session:
            assert (statement, wrong(session)[check]) == (statement, detail.format(first=first, second=second))


def test_a_settled_day_without_its_roll_up(world: World) -> None:
    """Lines whose roll-up is gone are found."""
    with changed(world, "DELETE FROM usage_day WHERE project_id = 'song'") as session:
        assert wrong(session)["settled days and roll-ups"] == (
            "project song on 2026-01-12: share settled too high by 0.250000, spent settled too high by 0.500000"
        )


def test_late_usage_that_waits_is_no_fault(world: World) -> None:
    """A settled day with usage that no settlement has seen yet is not compared."""
    world.use("logo", jan(12), 100)
    with world.database.reading() as session:
        assert wrong(session) == {}


def test_more_than_a_few_findings_are_cut(world: World) -> None:
    """Six findings or more are told as five and more."""
    for day in range(1, 7):
        world.use("logo", jan(day), 10)
    with changed(world, "UPDATE usage_day SET uses = uses + 1 WHERE project_id = 'logo'") as session:
        detail = wrong(session)["roll-ups and events"]
    assert detail.count("uses too high by 1") == 5
    assert detail.endswith("; and more")


def test_unreadable_terms_are_a_finding(world: World) -> None:
    """Terms that can't be read fail their check instead of stopping the others."""
    with changed(world, "UPDATE program SET terms = '[{}]'") as session:
        found = wrong(session)
    assert found["settled lines"] == "can't be read: the terms kept for program studio lack 'from'"
    assert found["settled days and roll-ups"] == found["settled lines"]
