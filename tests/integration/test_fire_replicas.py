"""Money under fire: several desks on one PostgreSQL (quality.md, "Replicas")."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from core import verify
from core.earnings import intake
from core.storage import Database, make_engine
from tests import fire, workers


@pytest.mark.parametrize("rounds", [8, pytest.param(50, marks=pytest.mark.deep)])
def test_three_replicas(postgres_url: str, tmp_path: Path, rounds: int) -> None:
    """Three desks that all wake at 03:00 post one entry a day and one digest a channel."""
    database = Database(make_engine(postgres_url))
    owners = fire.prepare(database)
    channels = ["C1", "C2"]
    fire.subscribe(database, fire.hire(database), channels)
    rows = fire.some_usage(3, 60 * rounds, list(owners), days=rounds)
    intake.accept(database, fire.CONFIG, rows, "platform", fire.morning(rounds + 2))
    mornings = [fire.morning(day + 2) for day in range(rounds)]
    outside = tmp_path / "chat"
    context = fire.processes()
    barrier = context.Barrier(3)
    running = [
        context.Process(target=workers.replica, args=(postgres_url, str(outside), mornings, barrier)) for _ in range(3)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join(240)
    assert [process.exitcode for process in running] == [0, 0, 0]
    posted = Counter(outside.read_text().splitlines())
    assert set(posted.values()) == {1}
    assert Counter(line.split("\t")[0] for line in posted) == dict.fromkeys(channels, rounds)
    with database.reading() as session:
        keys = session.connection().execute(text("SELECT key FROM entry ORDER BY id")).scalars().all()
        assert keys == [f"settlement:studio:{run}" for run in range(1, rounds + 1)]
        assert [check for check in verify.verify(session) if not check.ok] == []
    database.engine.dispose()
