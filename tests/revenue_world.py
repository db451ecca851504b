"""A small platform of kind `assistants` for tests of revenue: usage and payments as reported, real settlement."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlmodel import Session

from core.clock import iso
from core.config import DeskConfig, Method, Program, Terms
from core.earnings.catalog import upsert_creators, upsert_projects
from core.earnings.intake import accept
from core.earnings.payments import accept_payments
from core.earnings.settlement import settle_due
from core.earnings.terms import sync_programs
from core.payouts.processing import process_due
from core.storage import Database

DOLLAR = 1_000_000
JAN, FEB = dt.date(2026, 1, 1), dt.date(2026, 2, 1)
HELPERS = Program("helpers", "assistants", (Terms(dt.date(2025, 1, 1), share_bp=7000, minimum_micros=10 * DOLLAR),))
OWNERS = {"bot": "ada", "coach": "ada", "tutor": "bob"}
PRICES = {"bot": "3.75", "coach": "10", "tutor": "4"}


def at(month: int, day: int, hour: int = 12) -> dt.datetime:
    """A moment of 2026, UTC."""
    return dt.datetime(2026, month, day, hour, tzinfo=dt.UTC)


LATER = at(3, 31)


@dataclass
class World:
    """Ada has the assistants bot and coach, Bob has tutor, Cleo refers."""

    database: Database
    config: DeskConfig = field(
        default_factory=lambda: DeskConfig(
            programs={"helpers": HELPERS}, methods=(Method("bank", "manual", title="Bank transfer"),)
        )
    )
    now: dt.datetime = LATER
    facts: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self.database = Database(self.database.engine, lambda _session, fact: self.facts.append(fact))
        with self.database.transaction() as session:
            sync_programs(session, self.config)
            people = [{"creator_id": name, "name": name.title(), "country": "US"} for name in ("ada", "bob", "cleo")]
            assert upsert_creators(session, people).accepted == 3
            rows = [
                {
                    "project_id": project,
                    "creator_id": creator,
                    "program": "helpers",
                    "name": project.title(),
                    "published_on": "2025-11-03",
                    "price_per_million_usd": PRICES[project],
                    "price_from": "2025-11-03",
                }
                for project, creator in OWNERS.items()
            ]
            assert upsert_projects(session, rows, at(1, 1, 0)).accepted == 3

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self.database.reading() as session:
            yield session

    def message(
        self, project: str, when: dt.datetime, tokens: int, user: str = "uma", channel: str = "marketplace"
    ) -> dict[str, object]:
        """A message as it is reported, to be taken in by `take`."""
        number = next(self._numbers)
        return {
            "event_id": f"e{number}",
            "occurred_at": iso(when),
            "project_id": project,
            "user_id": user,
            "kind": "message",
            "tokens": tokens,
            "channel": channel,
            "conversation_id": f"c{number}",
        }

    def take(self, *rows: dict[str, object]) -> None:
        """Usage in."""
        report = accept(self.database, self.config, rows, "platform", self.now)
        assert not report.rejected, report.rejected

    def void(self, row: dict[str, object]) -> None:
        """Take a message out."""
        void = {"event_id": f"v{row['event_id']}", "occurred_at": row["occurred_at"], "kind": "void"}
        self.take({**void, "voids": row["event_id"]})

    def payment(
        self, user: str, amount: str = "19", month: str = "2026-01", referrer: str | None = None
    ) -> dict[str, object]:
        """A payment as it is reported, to be taken in by `collect`."""
        return {
            "payment_id": f"p{next(self._numbers)}",
            "paid_at": "2026-01-02T08:00:00Z",
            "user_id": user,
            "plan": "plus",
            "amount_usd": amount,
            "month": month,
            "referrer_id": referrer,
        }

    def collect(self, *rows: dict[str, object]) -> None:
        """Payments in."""
        report = accept_payments(self.database, self.config, rows, "platform", self.now)
        assert not report.rejected, report.rejected

    def refund(self, row: dict[str, object]) -> None:
        """Take a payment out."""
        number = next(self._numbers)
        void = {"payment_id": f"r{number}", "paid_at": "2026-01-20T08:00:00Z", "voids": row["payment_id"]}
        self.collect(void)

    def settle(self, now: dt.datetime) -> None:
        """Settle, and close what months are over."""
        settle_due(self.database, self.config, now)

    def process(self, now: dt.datetime) -> None:
        """Settle, then pay out closed months."""
        self.settle(now)
        assert process_due(self.database, self.config, now)
