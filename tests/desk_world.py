"""A whole desk for scenarios: usage, settlement, payouts, announcements for real; people type and press, time moves."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from adapters.rails.manual import Manual
from core import people
from core.chat import announcements, outbox
from core.chat.cards import Actions as ActionsBlock
from core.chat.cards import Button, Card, Select
from core.chat.desk import Desk
from core.chat.outbox import Destination
from core.chat.registry import Reply
from core.chat.text import as_text
from core.config import DeskConfig, Method, Program, Terms
from core.earnings.catalog import upsert_creators, upsert_projects
from core.earnings.intake import accept
from core.earnings.settlement import settle_due
from core.earnings.terms import sync_programs
from core.payouts import attempts
from core.people import Actor, Identity
from core.storage import Database
from core.verify import verify

STUDIO = Program("studio", "credits", (Terms(dt.date(2025, 1, 1)),), title="Creator Studio")
ARCADE = Program("arcade", "credits", (Terms(dt.date(2025, 1, 1)),), title="Arcade")
BANK = Method("bank", "manual", business_days=(1, 3), title="Bank transfer")
WALLET = Method("wallet", "manual", ("US",), 20_000_000, 1_000_000, (0, 1), title="Wallet")
CONFIG = DeskConfig(programs={"studio": STUDIO}, methods=(BANK, WALLET))
TWO_PROGRAMS = DeskConfig(programs={"studio": STUDIO, "arcade": ARCADE}, methods=(BANK, WALLET))
CHANNEL = Destination("playground", "demo", "payout-approvals")
EARNINGS = Destination("playground", "demo", "earnings")
STAFF = {"Mira": "approver", "Tom": "approver", "Ann": "admin", "Amos": "admin", "Olga": "owner"}


def jan(day: int, hour: int = 10, minute: int = 0) -> dt.datetime:
    """A moment of January 2026, UTC."""
    return dt.datetime(2026, 1, day, hour, minute, tzinfo=dt.UTC)


@dataclass
class World:
    """Ada (Berlin) and Bo earn; Mira and Tom approve; Ann and Amos are admins; Olga is the owner; Zoe is nobody."""

    database: Database
    config: DeskConfig = CONFIG
    now: dt.datetime = field(default_factory=lambda: jan(14))
    begun: bool = False  # everybody is there already

    def __post_init__(self) -> None:
        self._numbers = itertools.count(100_000 if self.begun else 1)
        self.database = Database(self.database.engine, announcements.announce)
        self.desk = Desk(self.database, self.config, lambda: self.now)
        if not self.begun:
            self._begin()

    def _begin(self) -> None:
        self.people()
        self.project("logo", "Logo Lab", "ada")
        self.project("pal", "Prompt Pal", "ada")
        self.project("song", "Song Smith", "bo")

    def people(self) -> None:
        """Everyone who is there from the beginning."""
        with self.database.transaction() as session:
            sync_programs(session, self.config)
            creators = [
                {"creator_id": "ada", "name": "Ada", "country": "US", "timezone": "Europe/Berlin"},
                {"creator_id": "bo", "name": "Bo", "country": "DE", "timezone": "UTC"},
            ]
            assert upsert_creators(session, creators).accepted == 2
            for name, role in STAFF.items():
                people.add_person(session, self.now, name, roles=[role])

    def close(self) -> None:
        self.desk.close()

    def creator(self, creator_id: str, name: str, country: str = "US") -> None:
        """One more creator."""
        row = {"creator_id": creator_id, "name": name, "country": country}
        with self.database.transaction() as session:
            assert not upsert_creators(session, [row]).rejected

    def project(
        self, project_id: str, name: str, creator: str, program: str = "studio", deleted: dt.datetime | None = None
    ) -> None:
        """One more project, or one that changes."""
        row: dict[str, object] = {
            "project_id": project_id,
            "creator_id": creator,
            "program": program,
            "name": name,
            "published_on": "2025-11-03",
        }
        if deleted is not None:
            row["deleted_at"] = deleted.isoformat()
        with self.database.transaction() as session:
            report = upsert_projects(session, [row], self.now)
        assert not report.rejected, report.rejected

    def usage(
        self,
        project: str,
        at: dt.datetime,
        credits_: str = "0",
        cost: str = "0",
        user: str = "u1",
        kind: str = "generate",
    ) -> str:
        """One event, taken in as a platform reports it; its id."""
        return self.events([(project, at, credits_, cost, user, kind)])[0]

    def events(self, rows: Iterable[tuple[str, dt.datetime, str, str, str, str]]) -> list[str]:
        """Many events: project, time, credits, cost, user, kind."""
        ids, batch = [], []
        for project, at, credits_, cost, user, kind in rows:
            ids.append(f"e{next(self._numbers)}")
            batch.append(
                {
                    "event_id": ids[-1],
                    "occurred_at": at.isoformat(),
                    "project_id": project,
                    "user_id": user,
                    "kind": kind,
                    "credits": credits_,
                    "platform_cost": cost,
                }
            )
        report = accept(self.database, self.config, batch, "platform", self.now)
        assert not report.rejected, report.rejected
        return ids

    def void(self, event: str, at: dt.datetime) -> None:
        """Take an event out."""
        row = {"event_id": f"v{next(self._numbers)}", "occurred_at": at.isoformat(), "kind": "void", "voids": event}
        report = accept(self.database, self.config, [row], "platform", self.now)
        assert not report.rejected, report.rejected

    def earn(self, project: str, day: dt.datetime, dollars: int) -> None:
        """Usage that comes to so many dollars: 200 credits a dollar, without costs."""
        self.usage(project, day, str(dollars * 200))

    def settle(self, at: dt.datetime | None = None) -> None:
        """Settle what is due, at a time if one is given; the clock stays there."""
        self.now = at or self.now
        settle_due(self.database, self.config, self.now)

    def funded(self, dollars: int = 1_000) -> World:
        """Ada earned this with Logo Lab on 12 Jan, settled; it is 13 Jan 10:00."""
        self.now = jan(12, 12)
        self.earn("logo", jan(12, 11), dollars)
        self.settle(jan(13))
        return self

    def pay(self) -> None:
        """What the relay does with approved withdrawals: hand them to the rail."""
        attempts.send_due(self.database, self.config, {"manual": Manual()}, self.now)

    def who(self, name: str) -> Actor:
        """A creator by id or a person by name."""
        with self.database.transaction() as session:
            return people.resolve(session, name)

    def ask(self, name: str, text: str) -> Reply:
        """Type a command line as someone."""
        return self.desk.run_as(self.who(name), text)

    def press(self, name: str, action: str, value: str, **fields: str) -> Reply:
        """Press a button as someone."""
        return self.desk.press_as(self.who(name), action, value, fields)

    def press_in(self, reply: Reply, name: str, label: str, **fields: str) -> Reply:
        """Press the button of a reply whose label begins so."""
        button = button_of(reply.card, label)
        return self.press(name, button.action, button.value, **fields)

    def link(self, name: str, user_id: str = "", platform: str = "playground") -> Identity:
        """A chat account for someone."""
        identity = Identity(platform, user_id or f"U{name}", "demo")
        with self.database.transaction() as session:
            code, _ = people.create_link_code(session, self.now, people.resolve(session, name).person_id)
            assert people.link(session, self.now, identity, code).ok
        return identity

    def posted(self) -> list[tuple[str, Card]]:
        """Everything that is due in the outbox, drawn as the relay draws it: to whom, and the card."""
        found: list[tuple[str, Card]] = []
        while True:
            with self.database.transaction() as session:
                claimed = outbox.claim(session, self.now, "test")
            if not claimed:
                return found
            for one in claimed:
                with self.database.reading() as session:
                    card = announcements.draw(session, self.config, self.now, one)
                found.append((one.to.channel or one.to.user_id, card))
                with self.database.transaction() as session:
                    outbox.delivered(session, self.now, one.id, one.message_id or f"m{one.id}", one.to)

    def withdrawal(self, name: str = "ada", amount: str = "50") -> int:
        """A confirmed request; its id."""
        preview = self.ask(name, f"/withdraw {amount}")
        assert preview.ok, said(preview)
        made = self.press_in(preview, name, "Request")
        assert made.ok, said(made)
        return int(button_of(made.card, "Cancel").value)

    def sound(self) -> bool:
        """Whether the books verify."""
        with self.database.reading() as session:
            return all(check.ok for check in verify(session))


def said(reply: Reply) -> str:
    """A reply as plain text."""
    return as_text(reply.card)


def button_of(card: Card, label: str) -> Button:
    """The button whose label begins so."""
    return next(button for button in card.buttons if button.label.startswith(label))


def labels(card: Card) -> list[str]:
    return [button.label for button in card.buttons]


def options_of(card: Card, label: str) -> Mapping[str, str]:
    """A menu's values by their labels."""
    for block in card.blocks:
        for item in block.items if isinstance(block, ActionsBlock) else ():
            if isinstance(item, Select) and item.label == label:
                return {option.label: option.value for option in item.options}
    raise AssertionError(f"no menu {label}")


def chosen_of(card: Card) -> list[str]:
    """The labels that are selected in a card's menus, in order."""
    menus = [item for block in card.blocks if isinstance(block, ActionsBlock) for item in block.items]
    return [option.label for item in menus if isinstance(item, Select) for option in item.options if option.selected]


def balance_line(text: str) -> str:
    """The line of a reply that holds the account balance."""
    return next(line for line in text.split("\n") if line.startswith("Account Balance"))
