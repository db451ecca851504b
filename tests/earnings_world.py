"""A small platform for tests of settlement and statistics: usage written as intake leaves it, one event at a time."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field

from sqlmodel import Session

from core.clock import utc_day
from core.config import DeskConfig, Program, Terms
from core.earnings.catalog import upsert_creators, upsert_projects
from core.earnings.settlement import RunResult, settle_due
from core.earnings.tables import DirtyDay, Project, UsageDay, UsageEvent, UsageVoid
from core.earnings.terms import sync_programs
from core.storage import Database, table_of, upsert

CREDIT = 1_000_000
DOLLAR = 1_000_000
STUDIO = Program("studio", "credits", (Terms(dt.date(2025, 1, 1)),))
BEGINNING = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


def jan(day: int, hour: int = 0, minute: int = 0) -> dt.datetime:
    """A moment of January 2026, UTC."""
    return dt.datetime(2026, 1, day, hour, minute, tzinfo=dt.UTC)


@dataclass
class World:
    """A desk with a program `studio`, creators ada and bob, projects logo and pal (ada's) and song (bob's)."""

    database: Database
    config: DeskConfig = field(default_factory=lambda: DeskConfig(programs={"studio": STUDIO}))
    facts: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self.database = Database(self.database.engine, self._hear)
        with self.database.transaction() as session:
            sync_programs(session, self.config)
            people = [{"creator_id": name, "name": name.title(), "country": "US"} for name in ("ada", "bob")]
            assert upsert_creators(session, people).accepted == 2
            projects = [("logo", "ada"), ("pal", "ada"), ("song", "bob")]
            self.add_projects(session, projects, "studio")

    def _hear(self, _session: Session, fact: object) -> None:
        self.facts.append(fact)

    def add_projects(self, session: Session, projects: list[tuple[str, str]], program: str) -> None:
        rows = [
            {
                "project_id": project,
                "creator_id": creator,
                "program": program,
                "name": project.title(),
                "published_on": "2025-11-03",
            }
            for project, creator in projects
        ]
        assert upsert_projects(session, rows, BEGINNING).accepted == len(projects)

    def use(
        self,
        project: str,
        at: dt.datetime,
        credits_: int = 0,
        cost: int = 0,
        *,
        kind: str = "generate",
        user: str = "visitor",
        program: str = "studio",
    ) -> str:
        """One event, in whole credits; its id."""
        event_id = f"e{next(self._numbers)}"
        event = UsageEvent(
            source="platform",
            event_id=event_id,
            occurred_at=at,
            project_id=project,
            user_id=user,
            kind=kind,
            credits=credits_ * CREDIT,
            cost=cost * CREDIT,
        )
        with self.database.transaction() as session:
            session.add(event)
            self._roll(session, event, program, 1)
        return event_id

    def void(self, event_id: str, program: str = "studio") -> str:
        """Take an event out."""
        void_id = f"v{next(self._numbers)}"
        with self.database.transaction() as session:
            event = session.get(UsageEvent, ("platform", event_id))
            assert event is not None
            session.add(
                UsageEvent(
                    source="platform",
                    event_id=void_id,
                    occurred_at=event.occurred_at,
                    project_id="",
                    user_id="",
                    kind="void",
                    voids=event_id,
                )
            )
            session.add(UsageVoid(source="platform", voids=event_id, event_id=void_id, applied=True))
            self._roll(session, event, program, -1)
        return void_id

    def _roll(self, session: Session, event: UsageEvent, program: str, sign: int) -> None:
        project = session.get(Project, event.project_id)
        assert project is not None
        own = event.user_id == project.creator_id
        spent = {"own_credits": event.credits} if own else {"credits": event.credits, "cost": event.cost}
        counts = {
            "uses": event.kind in ("generate", "remix", "feature"),
            "remixes": event.kind == "remix",
            "views": event.kind == "view",
            "saves": event.kind == "save",
        }
        added = {name: sign * value for name, value in spent.items()}
        if not own:
            added |= {name: sign * int(counted) for name, counted in counts.items()}
        day = utc_day(event.occurred_at)
        row = dict.fromkeys(("credits", "cost", "own_credits", "uses", "remixes", "views", "saves"), 0) | added
        table = table_of(UsageDay)
        session.execute(
            upsert(session, UsageDay)
            .values(day=day, project_id=event.project_id, **row)
            .on_conflict_do_update(
                index_elements=["day", "project_id"], set_={name: table.c[name] + row[name] for name in row}
            )
        )
        session.execute(upsert(session, DirtyDay).values(program=program, day=day).on_conflict_do_nothing())

    def settle(self, now: dt.datetime, *, dry_run: bool = False) -> RunResult | None:
        """Settle the studio; its result, None where it was not settled."""
        results = settle_due(self.database, self.config, now, only="studio", dry_run=dry_run)
        return results[0] if results else None
