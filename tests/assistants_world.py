"""A desk with a program of assistants beside one of credits, and a plain oracle of what messages roll up to."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import text

from core.config import DeskConfig, Program, Terms
from core.earnings.catalog import upsert_creators, upsert_projects
from core.earnings.intake import ImportReport, accept
from core.earnings.payments import accept_payments
from core.earnings.terms import sync_programs
from core.storage import Database
from tests.intake_world import NOW

TERMS = (Terms(dt.date(2025, 1, 1), share_bp=7000, minimum_micros=10_000_000),)
HELPERS = Program("helpers", "assistants", TERMS)
STUDIO = Program("studio", "credits", (Terms(dt.date(2025, 1, 1)),))
CONFIG = DeskConfig(programs={"helpers": HELPERS, "studio": STUDIO})
OWNERS = {"tutor": "ada", "cook": "bob", "logo": "ada"}

Roll = dict[tuple[object, ...], tuple[object, ...]]
TABLES = {
    "usage_day": ("day, project_id", "messages, ratings, tokens, embed_tokens, own_tokens"),
    "month_use": ("month, user_id, project_id", "tokens"),
    "visit": ("project_id, day, slot, embed, user_id, conversation_id", "messages, tokens"),
    "question": ("project_id, day, text, user_id", "asked"),
    "shared_context": ("project_id, day, user_id, context", "messages"),
    "rating": ("project_id, day, event_id", "user_id, stars, review"),
}


def open_helpers(database: Database, prefix: str = "", config: DeskConfig = CONFIG) -> None:
    """Ada has tutor, bob has cook (assistants), ada has logo in studio; ids of projects start with the prefix."""
    with database.transaction() as session:
        sync_programs(session, config)
        creators = [{"creator_id": name, "name": name.title(), "country": "US"} for name in ("ada", "bob")]
        upsert_creators(session, creators)
        rows = [
            {
                "project_id": prefix + project,
                "creator_id": owner,
                "program": "studio" if project == "logo" else "helpers",
                "name": project,
                "published_on": "2025-11-03",
            }
            for project, owner in OWNERS.items()
        ]
        assert upsert_projects(session, rows, NOW).rejected == []


def message(event_id: str = "m1", /, **changes: object) -> dict[str, object]:
    """A row: eve says 100 tokens to tutor on the marketplace at 10:20 on 13 January."""
    row: dict[str, object] = {
        "event_id": event_id,
        "occurred_at": "2026-01-13T10:20:00Z",
        "project_id": "tutor",
        "user_id": "eve",
        "kind": "message",
        "tokens": "100",
        "channel": "marketplace",
        "conversation_id": "c1",
    }
    return row | changes


def rating(event_id: str = "r1", /, **changes: object) -> dict[str, object]:
    """A row: eve gives tutor four stars."""
    row = {name: message(event_id)[name] for name in ("event_id", "occurred_at", "project_id", "user_id")}
    return row | {"kind": "rating", "stars": "4", "review": "Clear"} | changes


def payment(payment_id: str = "p1", /, **changes: object) -> dict[str, object]:
    """A row: eve pays $19.00 for January, referred by bob."""
    row: dict[str, object] = {
        "payment_id": payment_id,
        "paid_at": "2026-01-03T08:00:00Z",
        "user_id": "eve",
        "plan": "Plus",
        "amount_usd": "19.00",
        "month": "2026-01",
        "referrer_id": "bob",
    }
    return row | changes


def refund(payment_id: str, voids: str, /, **changes: object) -> dict[str, object]:
    """A row that takes a payment out."""
    return {"payment_id": payment_id, "paid_at": "2026-01-14T10:00:00Z", "voids": voids} | changes


def tell(database: Database, *rows: Mapping[str, object], reopen: str | None = None) -> ImportReport:
    return accept(database, CONFIG, rows, "platform", NOW, reopen=reopen)


def pay(
    database: Database, *rows: Mapping[str, object], config: DeskConfig = CONFIG, **orders: str | None
) -> ImportReport:
    source = orders.pop("source", None) or "platform"
    return accept_payments(database, config, rows, source, NOW, **orders)  # type: ignore[arg-type]


def kept(database: Database, table: str, prefix: str = "") -> Roll:
    """A roll-up's rows by their keys; project-days that came to nothing left out; days as text."""
    key, values = TABLES[table]
    statement = text(f"SELECT {key}, {values} FROM {table} WHERE project_id LIKE :mine")
    with database.reading() as session:
        rows = session.connection().execute(statement, {"mine": f"{prefix}%"}).all()
    width = len(key.split(","))
    found: Roll = {}
    for row in rows:
        cells = [str(cell).removeprefix(prefix) if isinstance(cell, str | dt.date) else int(cell) for cell in row]
        if table != "usage_day" or any(cells[width:]):
            found[tuple(cells[:width])] = tuple(cells[width:])
    return found


def everything(database: Database, prefix: str = "") -> dict[str, Roll]:
    return {table: kept(database, table, prefix) for table in TABLES}


def counted(rows: Iterable[Mapping[str, object]]) -> dict[str, Roll]:
    """The oracle: each event once, none that a void names, a creator's own only in own_tokens."""
    events = {str(row["event_id"]): row for row in rows}
    voided = {row["voids"] for row in events.values() if row["kind"] == "void"}
    sums: dict[str, dict[tuple[object, ...], list[int]]] = {table: defaultdict(list) for table in TABLES}
    rated: Roll = {}

    def add(table: str, key: tuple[object, ...], *values: int) -> None:
        before = sums[table][key] or [0] * len(values)
        sums[table][key] = [old + new for old, new in zip(before, values, strict=True)]

    for event_id, row in events.items():
        if row["kind"] == "void" or event_id in voided:
            continue
        at = dt.datetime.fromisoformat(str(row["occurred_at"])).astimezone(dt.UTC)
        day, project, user = at.date().isoformat(), str(row["project_id"]), str(row["user_id"])
        tokens = int(str(row.get("tokens") or 0))
        if user == OWNERS[project]:
            add("usage_day", (day, project), 0, 0, 0, 0, tokens)
        elif row["kind"] == "rating":
            add("usage_day", (day, project), 0, 1, 0, 0, 0)
            rated[project, day, event_id] = (user, int(str(row["stars"])), str(row.get("review") or ""))
        else:
            embed = row["channel"] == "embed"
            add("usage_day", (day, project), 1, 0, tokens, tokens * embed, 0)
            if not embed:
                add("month_use", (day[:8] + "01", user, project), tokens)
            slot = at.hour * 4 + at.minute // 15
            add("visit", (project, day, slot, int(embed), user, str(row["conversation_id"])), 1, tokens)
            if row.get("question"):
                add("question", (project, day, " ".join(str(row["question"]).split())[:200], user), 1)
            if embed and row.get("shared_context"):
                add("shared_context", (project, day, user, str(row["shared_context"])), 1)
    plain = {
        table: {key: tuple(values) for key, values in found.items() if any(values)} for table, found in sums.items()
    }
    return {**plain, "rating": rated}  # type: ignore[dict-item]
