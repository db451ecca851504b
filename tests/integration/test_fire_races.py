"""Money under fire: races between threads and between processes, on both databases."""

from __future__ import annotations

import pytest

from core import people, verify
from core.ledger import accounts
from core.storage import Database
from tests import fire, workers
from tests.conftest import count


@pytest.mark.parametrize("at_once", [40, pytest.param(200, marks=pytest.mark.deep)])
def test_two_processes_cannot_overdraw(database: Database, database_url: str, at_once: int) -> None:
    """$50.00 asked for at once from two processes against $1,000.00: exactly 20 pass and nothing is left or owed."""
    fire.prepare(database)
    fire.earn(database, "p0", 1_000)
    with database.transaction() as session:
        creator = people.resolve(session, "c0")
    context = fire.processes()
    barrier, results = context.Barrier(2), context.Queue()
    each = at_once // 2
    arguments = (database_url, creator, 50 * fire.DOLLAR, each, fire.morning(3), barrier, results)
    running = [context.Process(target=workers.withdraw, args=arguments) for _ in range(2)]
    for process in running:
        process.start()
    passed = sum(results.get(timeout=120) for _ in running)
    for process in running:
        process.join(30)
    assert passed == 20
    assert count(database, "withdrawal") == 20
    with database.reading() as session:
        wallet = accounts.wallet(session, fire.PROGRAM, "c0")
        assert (wallet.available, wallet.reserved) == (0, 1_000 * fire.DOLLAR)
        assert [check for check in verify.verify(session) if not check.ok] == []
