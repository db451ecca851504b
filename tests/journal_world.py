"""Accounts of the books, and many who post at once, for tests."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import text
from sqlmodel import Session

from core.ledger import accounts
from core.ledger.journal import Move
from core.storage import Database

USAGE = accounts.account_id("studio", "usage")
COSTS = accounts.account_id("studio", "costs")
AVAILABLE = accounts.account_id("studio", "available", "ada")
RESERVED = accounts.account_id("studio", "reserved", "ada")


def open_books(database: Database) -> Database:
    """The same database, with the accounts of program studio and creator ada."""
    with database.transaction() as session:
        accounts.open_wallets(session, [("studio", "ada")])
        accounts.open_account(session, "studio", "usage")
        accounts.open_account(session, "studio", "costs")
    return database


def balances(session: Session) -> dict[int, int]:
    """Every balance that isn't zero, by account."""
    rows = session.connection().execute(text("SELECT id, balance FROM account WHERE balance <> 0"))
    return {row.id: row.balance for row in rows}


def at_once(number: int, work: Callable[[int], object]) -> list[object]:
    """What each of so many threads returned, or the exception it died of."""
    results: list[object] = []
    barrier = threading.Barrier(number)

    def run(index: int) -> None:
        barrier.wait()
        try:
            results.append(work(index))
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=[index]) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def count_of(session: Session, table: str) -> int:
    """How many rows a table has, seen from inside a transaction."""
    return int(session.connection().execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


FIRST = [Move(USAGE, AVAILABLE, 1_000), Move(USAGE, COSTS, 1)]
