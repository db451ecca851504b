"""What other processes do in the money-under-fire tests. Each opens its own connections; some are killed on purpose."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bot.relay import Relay
from core.chat import announcements
from core.chat.cards import Card
from core.chat.outbox import Destination
from core.earnings import settlement
from core.errors import DeskError
from core.payouts import withdrawals
from core.payouts.rail import Outcome, PaymentOrder, Sent
from core.people import Actor
from core.storage import Database
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


class Ledgerfile:
    """What the outside remembers, in a file that survives the process: one line per act."""

    def __init__(self, path: str, slow: float = 0.0) -> None:
        self.path, self.slow = Path(path), slow

    def act(self, line: str) -> None:
        """Do it once more; slowly, so that a kill meets every moment of it."""
        time.sleep(self.slow)
        with self.path.open("a") as out:
            out.write(f"{line}\n")
        time.sleep(self.slow)

    def acts(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


class FilePort:
    """A chat platform whose channel is a file."""

    platform = "slack"

    def __init__(self, outside: Ledgerfile) -> None:
        self.outside = outside

    async def post(self, to: Destination, card: Card, key: str) -> str:  # noqa: ARG002 - what it says is not the point
        await asyncio.to_thread(self.outside.act, f"{to.channel}\t{key}")
        return key

    async def repaint(self, to: Destination, message_id: str, card: Card) -> None:
        """Nothing to see in a file."""

    async def find(self, to: Destination, key: str, since: dt.datetime) -> str | None:  # noqa: ARG002 - as `post`
        return key if f"{to.channel}\t{key}" in self.outside.acts() else None


class FileRail:
    """A way to pay that remembers each transfer in a file, and does not deduplicate by itself."""

    name = "manual"

    def __init__(self, outside: Ledgerfile) -> None:
        self.outside = outside

    def ready(self, creator_id: str) -> bool:  # noqa: ARG002 - everyone can be paid
        return True

    def send(self, order: PaymentOrder) -> Outcome:
        self.outside.act(order.key)
        return Sent(order.key)

    def look_up(self, key: str) -> Outcome | None:
        return Sent(key) if key in self.outside.acts() else None


def deliver(url: str, path: str, slow: float, now: dt.datetime, ready: Connection) -> None:
    """Settle what is due and deliver everything that waits, into a file."""
    database = Database(fire.open_database(url).engine, announcements.announce)
    outside = Ledgerfile(path, slow)
    relay = Relay(database, fire.CONFIG, {"slack": FilePort(outside)}, {"manual": FileRail(outside)}, lambda: now)
    ready.send("begin")
    settlement.settle_due(database, fire.CONFIG, now)
    asyncio.run(relay.drain())
    ready.send("end")


def replica(url: str, path: str, mornings: list[dt.datetime], barrier: Any) -> None:
    """One of several desks that wake at the same 03:00, day after day."""
    database = Database(fire.open_database(url).engine, announcements.announce)
    port = FilePort(Ledgerfile(path))
    for now in mornings:
        barrier.wait(120)
        relay = Relay(database, fire.CONFIG, {"slack": port}, {}, lambda now=now: now)  # type: ignore[misc]
        settlement.settle_due(database, fire.CONFIG, now)
        asyncio.run(relay.drain())
        barrier.wait(120)
