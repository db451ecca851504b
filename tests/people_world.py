"""People in an empty database, for tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session, select

from core import people
from core.audit import AuditRecord
from core.earnings.tables import Creator
from core.people import Actor, Identity, LinkOutcome, Person
from core.storage import Database

NOW = dt.datetime(2026, 1, 14, 9, 14, tzinfo=dt.UTC)


class Desk:
    """A database with two creators, and what was published."""

    def __init__(self, database: Database) -> None:
        self.facts: list[object] = []
        self.database = Database(database.engine, lambda _session, fact: self.facts.append(fact))
        with self.session() as session:
            session.add(Creator(creator_id="ada", name="Ada", country="US"))
            session.add(Creator(creator_id="bo", name="Bo", country="DE"))

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.database.transaction() as session:
            yield session

    def resolve(self, who: str) -> Actor:
        with self.session() as session:
            return people.resolve(session, who)

    def add(self, name: str, creator_id: str | None = None, *roles: str) -> Person:
        with self.session() as session:
            return people.add_person(session, NOW, name, creator_id, roles)

    def code(self, who: str = "ada", now: dt.datetime = NOW) -> str:
        actor = self.resolve(who)
        with self.session() as session:
            return people.create_link_code(session, now, actor.person_id)[0]

    def link(self, identity: Identity, code: str, now: dt.datetime = NOW) -> LinkOutcome:
        with self.session() as session:
            return people.link(session, now, identity, code)

    def speaks(self, identity: Identity) -> Actor | None:
        with self.database.reading() as session:
            return people.actor_of(session, identity)

    def trail(self) -> list[tuple[str, str, str, str]]:
        with self.database.reading() as session:
            lines = session.exec(select(AuditRecord).order_by("id")).all()
        return [(line.actor, line.action, line.subject, line.detail) for line in lines]
