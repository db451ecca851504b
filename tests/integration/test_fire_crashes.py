"""Money under fire: processes killed on the way."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import people, verify
from core.chat import outbox
from core.earnings import intake, settlement
from core.payouts import approvals, attempts, withdrawals
from core.storage import Base, Database, make_engine
from tests import fire, workers

EVENTS = 10_000
PROJECTS = 300
CREATORS = 120


def _fill(database: Database) -> None:
    owners = fire.prepare(database, CREATORS, PROJECTS)
    report = intake.accept(database, fire.CONFIG, fire.some_usage(1, EVENTS, list(owners)), "platform", fire.morning(4))
    assert not report.rejected


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, object], float]]:
    """The books of a settlement that nobody disturbed, and how many seconds it took."""
    engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('truth')}/desk.db")
    Base.metadata.create_all(engine)
    database = Database(engine)
    _fill(database)
    begin = time.monotonic()
    settlement.settle_due(database, fire.CONFIG, fire.morning(4))
    yield fire.books(database), time.monotonic() - begin
    engine.dispose()


@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.deep)])
def test_killed_settlement(
    database: Database,
    database_url: str,
    uninterrupted: tuple[dict[str, object], float],
    kills: int,
) -> None:
    """A settlement killed at random moments and run again leaves the books of an undisturbed one, seal included."""
    truth, seconds = uninterrupted
    _fill(database)
    context = fire.processes()
    source = random.Random(kills)
    interrupted = 0
    for _ in range(kills):
        ours, theirs = context.Pipe()
        process = context.Process(target=workers.settle, args=(database_url, fire.morning(4), theirs))
        process.start()
        assert ours.poll(60)
        assert ours.recv() == "begin"
        time.sleep(source.uniform(0, seconds))
        process.kill()
        process.join()
        interrupted += not ours.poll()
        theirs.close()
        ours.close()
    assert interrupted > 0
    settlement.settle_due(database, fire.CONFIG, fire.morning(4))
    assert fire.books(database) == truth
    with database.reading() as session:
        assert [check for check in verify.verify(session) if not check.ok] == []


def test_truth_is_not_empty(uninterrupted: tuple[dict[str, object], float]) -> None:
    """The books that the killed runs are held against hold real earnings."""
    truth, _ = uninterrupted
    lines = truth["lines"]
    assert isinstance(lines, list)
    assert len(lines) > PROJECTS
    assert truth["head"] is not None


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.deep)])
def test_killed_relay(database: Database, database_url: str, tmp_path: Path, kills: int) -> None:
    """However often the desk is killed between commit and post, each digest stands in its channel once."""
    owners = fire.prepare(database)
    channels = ["C1", "C2", "C3"]
    fire.subscribe(database, fire.hire(database), channels)
    rows = fire.some_usage(2, 50, list(owners), days=1)
    assert intake.accept(database, fire.CONFIG, rows, "platform", fire.morning(2)).accepted == len(rows)
    outside = tmp_path / "chat"
    now = fire.morning(2)
    source = random.Random(kills)
    for _ in range(kills):
        _run_and_kill(database_url, outside, now, source.uniform(0.0, 0.3))
        now += outbox.LEASE + dt.timedelta(seconds=1)
    _run_to_the_end(database_url, outside, now)
    assert sorted(line.split("\t")[0] for line in outside.read_text().splitlines()) == channels


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.deep)])
def test_killed_sending(database: Database, database_url: str, tmp_path: Path, kills: int) -> None:
    """However often the desk is killed while it pays, each withdrawal is paid once and none is stuck."""
    fire.prepare(database)
    staff = fire.hire(database)
    fire.earn(database, "p0", 400)
    now = fire.morning(3)
    with database.transaction() as session:
        creator = people.resolve(session, "c0")
        for _ in range(3):
            draft = withdrawals.preview(session, fire.CONFIG, now, creator, 100 * fire.DOLLAR).draft
            made = withdrawals.confirm(session, fire.CONFIG, now, creator, draft)
            assert made.id is not None
            approvals.approve(session, fire.CONFIG, now, staff.mira, made.id, "cli")
    outside = tmp_path / "bank"
    source = random.Random(kills)
    for _ in range(kills):
        _run_and_kill(database_url, outside, now, source.uniform(0.0, 0.3))
        now += attempts.LEASE + dt.timedelta(seconds=1)
    _run_to_the_end(database_url, outside, now)
    assert sorted(outside.read_text().splitlines()) == ["WD-1-1", "WD-2-1", "WD-3-1"]
    with database.reading() as session:
        assert {withdrawals.find(session, number).state for number in (1, 2, 3)} == {"sent"}
        assert [check for check in verify.verify(session) if not check.ok] == []


def _run_and_kill(database_url: str, outside: Path, now: dt.datetime, after: float) -> None:
    context = fire.processes()
    ours, theirs = context.Pipe()
    process = context.Process(target=workers.deliver, args=(database_url, str(outside), 0.05, now, theirs))
    process.start()
    assert ours.poll(60)
    assert ours.recv() == "begin"
    time.sleep(after)
    process.kill()
    process.join()
    theirs.close()
    ours.close()


def _run_to_the_end(database_url: str, outside: Path, now: dt.datetime) -> None:
    context = fire.processes()
    ours, theirs = context.Pipe()
    process = context.Process(target=workers.deliver, args=(database_url, str(outside), 0.0, now, theirs))
    process.start()
    process.join(60)
    assert [ours.recv(), ours.recv()] == ["begin", "end"]
    theirs.close()
    ours.close()
