"""Money under fire: processes killed on the way."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from core import verify
from core.earnings import intake, settlement
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
