"""What other processes do in the money-under-fire tests. Each opens its own connections; some are killed on purpose."""

from __future__ import annotations

import datetime as dt
from multiprocessing.connection import Connection
from typing import Any

from core.earnings import settlement
from core.errors import DeskError
from core.payouts import withdrawals
from core.people import Actor
from tests import fire


def settle(url: str, now: dt.datetime, ready: Connection) -> None:
    """Settle once; says when it is about to begin, so that it can be killed on the way."""
    database = fire.open_database(url)
    with database.reading():
        pass  # connected
    ready.send("begin")
    settlement.settle_due(database, fire.CONFIG, now)
    ready.send("end")


def withdraw(url: str, actor: Actor, amount: int, times: int, now: dt.datetime, barrier: Any, results: Any) -> None:
    """Ask for the same amount many times at once, from threads; reports how many passed."""
    from concurrent.futures import ThreadPoolExecutor

    database = fire.open_database(url)
    with database.transaction() as session:
        drafts = [withdrawals.preview(session, fire.CONFIG, now, actor, amount).draft for _ in range(times)]
    barrier.wait()

    def confirm(draft: str) -> bool:
        try:
            with database.transaction() as session:
                withdrawals.confirm(session, fire.CONFIG, now, actor, draft)
        except DeskError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        results.put(sum(pool.map(confirm, drafts)))
