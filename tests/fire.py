"""A desk under fire: one program, some creators, people with roles; and the workers that run in processes of their own.

Everything goes through the functions that production calls.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import random
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext

from sqlalchemy import text

from adapters.rails.manual import Manual
from core import people
from core.chat import subscriptions
from core.chat.outbox import Destination
from core.clock import start_of
from core.config import DeskConfig, Method, Program, Terms
from core.earnings import intake, settlement
from core.earnings.catalog import upsert_creators, upsert_projects
from core.earnings.terms import sync_programs
from core.ledger import seal
from core.people import Actor
from core.storage import Database, make_engine

CREDIT = 1_000_000
DOLLAR = 1_000_000
START = dt.date(2026, 1, 1)
PROGRAM = "studio"
CONFIG = DeskConfig(
    programs={PROGRAM: Program(PROGRAM, "credits", (Terms(dt.date(2025, 1, 1)),))},
    methods=(Method("manual", "manual"),),
)
RAILS = {"manual": Manual()}


def processes() -> ForkServerContext:
    """Processes that start quickly: their parent has imported everything once, and holds no connection."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.workers"])
    return context


@dataclass(frozen=True)
class Staff:
    """The people of the desk."""

    mira: Actor
    tom: Actor
    olga: Actor


def prepare(database: Database, creators: int = 4, projects: int = 8) -> dict[str, str]:
    """Creators c0…, projects p0… spread over them; project → creator."""
    owners = {f"p{number}": f"c{number % creators}" for number in range(projects)}
    with database.transaction() as session:
        sync_programs(session, CONFIG)
        rows = [{"creator_id": f"c{n}", "name": f"Creator {n}", "country": "US"} for n in range(creators)]
        assert not upsert_creators(session, rows).rejected
        cards = [
            {"project_id": p, "creator_id": c, "program": PROGRAM, "name": f"Project {p}", "published_on": "2025-12-01"}
            for p, c in owners.items()
        ]
        assert not upsert_projects(session, cards, start_of(START)).rejected
    return owners


def hire(database: Database) -> Staff:
    """Mira and Tom approve and administer; Olga owns."""
    now = start_of(START)
    with database.transaction() as session:
        for name, roles in (("Mira", ("approver", "admin")), ("Tom", ("approver", "admin")), ("Olga", ("owner",))):
            people.add_person(session, now, name, roles=roles)
        session.flush()
        mira, tom, olga = (people.resolve(session, name) for name in ("Mira", "Tom", "Olga"))
    return Staff(mira, tom, olga)


def row(
    event_id: str, at: dt.datetime, project: str, credits_: int, cost: int = 0, user: str = "visitor"
) -> dict[str, object]:
    """A `generate` event; whole credits."""
    return {
        "event_id": event_id,
        "occurred_at": at.isoformat(),
        "project_id": project,
        "user_id": user,
        "kind": "generate",
        "credits": str(credits_),
        "platform_cost": str(cost),
    }


def void(event_id: str, at: dt.datetime, voids: str) -> dict[str, object]:
    """A row that takes an event out."""
    return {"event_id": event_id, "occurred_at": at.isoformat(), "kind": "void", "voids": voids}


def some_usage(seed: int, events: int, projects: Sequence[str], days: int = 3) -> list[dict[str, object]]:
    """Random usage of `days` days from START, 10 % of it voided."""
    source = random.Random(seed)
    rows: list[dict[str, object]] = []
    for number in range(events):
        at = start_of(START) + dt.timedelta(seconds=source.randrange(days * 86_400))
        credits_ = source.randrange(1, 500)
        rows.append(row(f"e{number}", at, source.choice(projects), credits_, source.randrange(credits_ + 1)))
        if source.random() < 0.1:
            rows.append(void(f"v{number}", at, f"e{number}"))
    return rows


def earn(database: Database, creator_project: str, dollars: int, name: str = "gift") -> None:
    """Have a project's creator earn whole dollars on START, settled the morning after."""
    credits_ = dollars * 200
    rows = [row(name, start_of(START), creator_project, credits_)]
    assert intake.accept(database, CONFIG, rows, "platform", morning(2)).accepted == 1
    settlement.settle_due(database, CONFIG, morning(2))


def morning(day: int) -> dt.datetime:
    """03:00 UTC of a January day: the day before is due."""
    return start_of(START) + dt.timedelta(days=day - 1, hours=3)


def books(database: Database) -> dict[str, object]:
    """Everything of the books that must not depend on how they came about, the seal's head included."""
    with database.reading() as session:
        connection = session.connection()
        accounts = connection.execute(
            text("SELECT program, role, creator, balance FROM account WHERE balance <> 0 ORDER BY 1, 2, 3")
        )
        lines = connection.execute(
            text(
                "SELECT day, project_id, share, spent, costs, credits, cost, seq FROM settlement_line ORDER BY 1, 2, 8"
            )
        )
        entries = connection.execute(text("SELECT key, kind, memo FROM entry ORDER BY id"))
        return {
            "accounts": [tuple(one) for one in accounts],
            "lines": [(str(one[0]), *one[1:]) for one in lines],
            "entries": [tuple(one) for one in entries],
            "head": seal.head(session),
        }


def subscribe(database: Database, staff: Staff, channels: Sequence[str]) -> None:
    """Channels of a chat platform that get each day's digest."""
    with database.transaction() as session:
        for channel in channels:
            subscriptions.subscribe(session, start_of(START), staff.olga, Destination("slack", "W1", channel), "digest")


def open_database(url: str) -> Database:
    """A connection of one's own, for a worker."""
    return Database(make_engine(url))
