"""A desk that takes usage in, and a plain oracle of what its roll-up must come to."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from sqlalchemy import text

from core.config import DeskConfig, Program, Terms
from core.earnings.catalog import upsert_creators, upsert_projects
from core.earnings.intake import ImportReport, accept
from core.earnings.terms import sync_programs
from core.storage import Database

TERMS = (Terms(dt.date(2025, 1, 1)),)
CONFIG = DeskConfig(programs={slug: Program(slug, "credits", TERMS) for slug in ("studio", "arcade")})
NOW = dt.datetime(2026, 1, 20, 12, tzinfo=dt.UTC)
OWNERS = {"logo": "ada", "poster": "ada", "game": "bob", "quiz": "bob"}
MICRO = 1_000_000
SUMS = ("credits", "cost", "own_credits", "uses", "remixes", "views", "saves")

# Changes to a good row, the field that is refused for them, and a part of the reason.
REFUSED: list[tuple[dict[str, object], str, str]] = [
    ({"event_id": ""}, "event_id", "is empty"),
    ({"event_id": None}, "event_id", "is empty"),
    ({"event_id": 7}, "event_id", "must be text"),
    ({"event_id": "x" * 201}, "event_id", "201 characters"),
    ({"event_id": "a\x00b"}, "event_id", "control character"),
    ({"event_id": "a\nb"}, "event_id", "control character"),
    ({"event_id": "a\ud800b"}, "event_id", "broken Unicode"),
    ({"user_id": "a\udcffb"}, "user_id", "not valid UTF-8"),
    ({"user_id": " "}, "user_id", "is empty"),
    ({"project_id": ""}, "project_id", "is empty"),
    ({"project_id": "nothing"}, "project_id", "unknown"),
    ({"occurred_at": "2026-01-13T10:00:00"}, "occurred_at", "without an offset"),
    ({"occurred_at": "2026-01-13"}, "occurred_at", "no time"),
    ({"occurred_at": "2026-02-30T10:00:00Z"}, "occurred_at", "no time"),
    ({"occurred_at": "2026-W03-2T10:00:00Z"}, "occurred_at", "no time"),
    ({"occurred_at": "1969-12-31T23:59:59Z"}, "occurred_at", "before 1970"),
    ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at", "no time"),
    ({"occurred_at": "2026-01-20T12:05:01Z"}, "occurred_at", "in the future"),
    ({"occurred_at": 1768298400}, "occurred_at", "must be text"),
    ({"kind": "chat"}, "kind", "known here"),
    ({"kind": ""}, "kind", "known here"),
    ({"credits": ""}, "credits", "is empty"),
    ({"credits": None}, "credits", "is empty"),
    ({"credits": "-1"}, "credits", "not negative"),
    ({"credits": -1}, "credits", "negative"),
    ({"credits": "1.0000001"}, "credits", "6 decimal places"),
    ({"credits": "ten"}, "credits", "must be a number"),
    ({"credits": "1e3"}, "credits", "must be a number"),
    ({"credits": True}, "credits", "no exact number"),
    ({"credits": 1.5}, "credits", "decimal text"),
    ({"credits": Decimal("NaN")}, "credits", "can be counted"),
    ({"credits": Decimal("1e30")}, "credits", "can be counted"),
    ({"credits": "1000000000.000001"}, "credits", "at most 1,000,000,000"),
    ({"credits": 10**5000}, "credits", "at most"),
    ({"credits": ["1"]}, "credits", "no exact number"),
    ({"platform_cost": "x"}, "platform_cost", "must be a number"),
    ({"kind": "view", "platform_cost": ""}, "credits", "consumes nothing"),
    ({"kind": "save", "credits": "0", "platform_cost": "0.5"}, "platform_cost", "consumes nothing"),
    ({"tokens": "5"}, "tokens", "kind assistants"),
    ({"tokens": 0}, "tokens", "kind assistants"),
    ({"question": "Why?"}, "question", "kind assistants"),
    ({"voids": "e0"}, "voids", "only for rows of kind void"),
    ({"kind": "void", "voids": "e0"}, "project_id", "must be empty in a void"),
    ({"amount": "5"}, "amount", "is not a field"),
]

RollUp = dict[tuple[str, str], tuple[int, ...]]


def open_studio(database: Database, prefix: str = "") -> None:
    """Ada has logo and poster in studio, bob has game in studio and quiz in arcade; ids start with the prefix."""
    with database.transaction() as session:
        sync_programs(session, CONFIG)
        names = sorted(set(OWNERS.values()))
        upsert_creators(session, [{"creator_id": prefix + name, "name": name, "country": "US"} for name in names])
        projects = [
            {
                "project_id": prefix + project,
                "creator_id": prefix + owner,
                "program": "arcade" if project == "quiz" else "studio",
                "name": project,
                "published_on": "2025-11-03",
            }
            for project, owner in OWNERS.items()
        ]
        report = upsert_projects(session, projects, NOW)
    assert report.rejected == []


def usage(event_id: str = "e1", **changes: object) -> dict[str, object]:
    """A row of usage: eve generates with logo on 13 January for 10 credits of which 4 are costs."""
    row: dict[str, object] = {
        "event_id": event_id,
        "occurred_at": "2026-01-13T10:00:00Z",
        "project_id": "logo",
        "user_id": "eve",
        "kind": "generate",
        "credits": "10",
        "platform_cost": "4",
    }
    return row | changes


def view(event_id: str = "e1", **changes: object) -> dict[str, object]:
    """A row that consumes nothing."""
    return usage(event_id, kind="view", credits="", platform_cost="") | changes


def void(event_id: str, voids: str, **changes: object) -> dict[str, object]:
    """A row that takes an event out."""
    return {"event_id": event_id, "occurred_at": "2026-01-14T10:00:00Z", "kind": "void", "voids": voids} | changes


def take(
    database: Database,
    *rows: Mapping[str, object],
    now: dt.datetime = NOW,
    reopen: str | None = None,
    source: str = "platform",
) -> ImportReport:
    return accept(database, CONFIG, rows, source, now, reopen=reopen)


def outcome(report: ImportReport) -> tuple[int, int, list[tuple[int, str]]]:
    """Accepted, duplicates, and the place and field of each refusal."""
    return report.accepted, report.duplicates, [(one.index, one.field) for one in report.rejected]


def roll_up(database: Database, prefix: str = "") -> RollUp:
    """What is kept per (day, project); project-days that came to nothing left out."""
    statement = text(f"SELECT day, project_id, {', '.join(SUMS)} FROM usage_day WHERE project_id LIKE :mine")
    with database.reading() as session:
        rows = session.connection().execute(statement, {"mine": f"{prefix}%"}).all()
    kept = [
        (str(day), project.removeprefix(prefix), tuple(map(int, sums))) for day, project, *sums in rows if any(sums)
    ]
    return {(day, project): sums for day, project, sums in kept}


def expected(rows: Iterable[Mapping[str, object]]) -> RollUp:
    """The oracle: each event once, none that a void names; own use apart. Rows are `usage`'s, `view`'s and `void`'s."""
    events = {str(row["event_id"]): row for row in rows}
    voided = {str(row["voids"]) for row in events.values() if row["kind"] == "void"}
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * len(SUMS))
    for event_id, row in events.items():
        if event_id in voided or row["kind"] == "void":
            continue
        day = dt.datetime.fromisoformat(str(row["occurred_at"])).astimezone(dt.UTC).date().isoformat()
        into = sums[day, str(row["project_id"])]
        spent = int(str(row["credits"] or 0)) * MICRO
        if row["user_id"] == OWNERS[str(row["project_id"])]:
            into[2] += spent
            continue
        into[0] += spent
        into[1] += int(str(row["platform_cost"] or 0)) * MICRO
        into[3] += row["kind"] in ("generate", "remix", "feature")
        into[4] += row["kind"] == "remix"
        into[5] += row["kind"] == "view"
        into[6] += row["kind"] == "save"
    return {key: tuple(into) for key, into in sums.items() if any(into)}


def settle_through(database: Database, day: str, program: str = "studio") -> None:
    """As if the program had been settled through a day."""
    with database.transaction() as session:
        change = text("UPDATE program SET settled_through = :day WHERE slug = :slug")
        session.connection().execute(change, {"day": day, "slug": program})


def column(database: Database, statement: str) -> list[object]:
    """The first column of a query's rows."""
    with database.reading() as session:
        return list(session.connection().execute(text(statement)).scalars())
