"""A playground for tests: a few people, a desk that says what it was asked, and a browser's view."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import Session

from adapters.web.playground import (
    PLATFORM,
    WORKSPACE,
    Playground,
    mount,
)
from adapters.web.playground.routes import stream
from core import people
from core.chat.cards import Actions, Button, Card, FormField, Span, Text
from core.chat.desk import Once
from core.chat.outbox import Destination
from core.chat.registry import Call, Registry, Reply, Suggestion, command
from core.config import DeskConfig
from core.people import Identity
from core.storage import Database
from tests.earnings_world import STUDIO, World, jan

NOW = jan(14, 9)
OWN = {"Host": "127.0.0.1:8321", "X-Earnings-Desk": "playground"}
CHANNEL = Destination(PLATFORM, WORKSPACE, channel="payout-approvals")
ADA = Destination(PLATFORM, WORKSPACE, user_id="ada")
CONFIG = DeskConfig(programs={"studio": STUDIO})
REGISTRY = Registry()


@command("balance", "What you have", registry=REGISTRY)
def _balance(call: Call) -> Reply:
    raise NotImplementedError


@command("desk approve", "Approve", registry=REGISTRY)
def _approve(call: Call, value: int) -> Reply:
    raise NotImplementedError


@dataclass
class FakeDesk:
    """Says what it was asked; `next_reply` is what it answers."""

    registry: Registry = field(default_factory=lambda: REGISTRY)
    heard: list[tuple[object, ...]] = field(default_factory=list)
    next_reply: Reply = field(default_factory=lambda: Reply(Card("Done", "good")))

    async def run(
        self,
        identity: Identity,
        text: str,
        surface: Destination,
        *,
        fields: Mapping[str, str] | None = None,
        once: Once | None = None,
    ) -> Reply:
        assert fields is None
        assert once is None
        self.heard.append(("run", identity, text, surface))
        return self.next_reply

    async def form(self, identity: Identity, action: str, value: str) -> tuple[FormField, ...] | None:
        self.heard.append(("form", identity, action, value))
        return None

    async def home(self, identity: Identity, surface: Destination) -> Reply:
        self.heard.append(("home", identity, surface))
        return self.next_reply

    async def press(
        self,
        identity: Identity,
        action: str,
        value: str,
        fields: Mapping[str, str],
        surface: Destination,
        *,
        once: Once | None = None,
    ) -> Reply:
        assert once is None
        self.heard.append(("press", identity, action, value, dict(fields), surface))
        await asyncio.sleep(0)
        return self.next_reply

    async def complete(self, identity: Identity, command: str, argument: str, typed: str) -> list[Suggestion]:
        return [Suggestion(typed, f"/{command} {argument}", f"for {identity.user_id}")]

    async def suggest(self, identity: Identity, text: str) -> list[Suggestion]:
        return [Suggestion(f"{text}lance ", "/balance", f"for {identity.user_id}")]


def link(session: Session, user_id: str, person_id: int, at: dt.datetime = NOW) -> None:
    code, _ = people.create_link_code(session, at, person_id)
    assert people.link(session, at, Identity(PLATFORM, user_id, WORKSPACE), code).ok


@pytest.fixture
def world(sqlite_database: Database) -> Database:
    """Ada and Bob are creators, Mira and Tom approve; all linked but Bob."""
    World(sqlite_database)
    with sqlite_database.transaction() as session:
        link(session, "ada", people.ensure_creator_person(session, "ada", "Ada"))
        for name in ("Mira", "Tom"):
            person = people.add_person(session, NOW, name, roles=["approver"])
            link(session, name.lower(), person.id or 0)
    return sqlite_database


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def playground(world: Database, desk: FakeDesk) -> Iterator[Playground]:
    made = Playground(desk, world, CONFIG, lambda: NOW)
    yield made
    made.close()


@pytest.fixture
def web(playground: Playground) -> Iterator[TestClient]:
    app = FastAPI()
    mount(app, playground)
    with TestClient(app, base_url="http://127.0.0.1:8321") as client:
        yield client


def plain(value: object) -> Any:
    """What a browser gets."""
    return json.loads(json.dumps(value))


def say(title: str, *buttons: Button) -> Card:
    return Card(title, blocks=(Text((Span(title),)), Actions(buttons)) if buttons else (Text((Span(title),)),))


async def frames(playground: Playground) -> AsyncIterator[tuple[str, object]]:
    async for part in stream(playground):
        for event in part.decode().split("\n\n"):
            lines = event.splitlines()
            if lines and lines[0].startswith("event: "):
                yield lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))
