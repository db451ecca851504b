"""A desk with a few commands of its own, for tests of the desk itself."""

# ruff: noqa: ARG001 - of some commands only the signature matters

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated, Literal

from core import people
from core.audit import record
from core.chat import outbox
from core.chat.cards import Card
from core.chat.desk import Desk
from core.chat.outbox import Destination
from core.chat.registry import Arg, Call, Registry, Reply, Suggestion, action, command
from core.errors import InvalidInput
from core.people import Identity
from core.storage import Database
from tests.payouts_world import CONFIG, NOW, World

ADA = Identity("playground", "u-ada", "demo")
STRANGER = Identity("playground", "u-x", "demo")
HERE = Destination("playground", "demo", "earnings")


def names(_call: Call, typed: str) -> Iterable[Suggestion | str]:
    known = ("Logo Lab", "Prompt Pal")
    return [Suggestion(name, hint="yours") for name in known if name.lower().startswith(typed.lower())]


def declare() -> Registry:  # noqa: C901 - a list of small commands
    registry = Registry()
    said = Card("Said")

    @command("say", "Say something", registry=registry)
    def say(call: Call, what: Annotated[str | None, Arg("What", suggest=names)] = None, *, page: int = 1) -> Reply:
        zone, creator = call.zone.key, call.creator_id
        return Reply(Card(f"{creator} says {what} on page {page} in {zone} from {call.surface.channel or 'cli'}"))

    @command("open", "For everyone", public=True, registry=registry)
    def open_(call: Call) -> Reply:
        return Reply(Card(f"Hello {call.who.name if call.who else 'stranger'}"))

    @command("who", "Needs an actor", public=True, registry=registry)
    def who(call: Call) -> Reply:
        return Reply(Card(call.actor.name))

    @command("note", "Write", writes=True, registry=registry)
    def note(
        call: Call, word: Annotated[str, Arg("Word")], mode: Literal["keep", "refuse", "break", "late"] = "keep"
    ) -> Reply:
        record(call.session, call.now, call.actor.name, "note", word)
        if mode == "refuse":
            raise InvalidInput(problem="Nothing changed. No.")
        if mode == "break":
            raise ZeroDivisionError
        if mode == "late":
            outbox.put(
                call.session, call.now, f"note:{word}", "refusal", {"text": word}, person_id=call.actor.person_id
            )
        return Reply(said)

    @command("read", "Tries to write", registry=registry)
    def read(call: Call) -> Reply:
        record(call.session, call.now, "x", "x", "x")
        call.session.flush()
        return Reply(said)

    @command("desk stop", "Stop it", roles=("admin",), registry=registry)
    def stop(call: Call, reason: Annotated[str, Arg("Why", min_length=3, max_length=300)]) -> Reply:
        return Reply(Card(f"Stopped: {reason}"))

    @command("desk pay", "Pay it", roles=("approver", "admin"), registry=registry)
    def pay(
        call: Call, whom: Annotated[str, Arg("Whom", suggest=names)], *, program: Annotated[str, Arg("Where")] = ""
    ) -> Reply:
        return Reply(Card("Paid"))

    @action("stop.it", roles=("admin",), registry=registry)
    def press_stop(call: Call, value: int, reason: Annotated[str, Arg("Why", min_length=3)]) -> Reply:
        record(call.session, call.now, call.actor.name, "stop", str(value), reason)
        return Reply(Card(f"Stopped {value}: {reason}"))

    return registry


class Setting:
    """A desk over the small world, with Ada linked in the playground."""

    def __init__(self, database: Database) -> None:
        self.world = World(database)
        self.nudges = 0
        self.desk = Desk(database, CONFIG, lambda: NOW, nudge=self._nudge, registry=declare(), threads=2)
        with database.transaction() as session:
            code, _ = people.create_link_code(session, NOW, self.world.ada.person_id)
            people.link(session, NOW, ADA, code)

    def _nudge(self) -> None:
        self.nudges += 1

    def run(self, line: str, who: Identity = ADA) -> Reply:
        return asyncio.run(self.desk.run(who, line, HERE))

    def press(self, name: str, value: str, who: Identity = ADA, **fields: str) -> Reply:
        return asyncio.run(self.desk.press(who, name, value, fields, HERE))
