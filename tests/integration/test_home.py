"""Dashboards: what they show to whom, and that they are drawn anew when something on them changes."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator

import pytest
from sqlmodel import select

from core import people
from core.chat import announcements, home, outbox, subscriptions
from core.chat.limits import problems
from core.chat.outbox import Destination
from core.chat.tables import OutboxMessage, PostedCard
from core.chat.text import as_text
from core.people import Identity
from core.storage import Database
from tests.conftest import count
from tests.desk_world import TWO_PROGRAMS, World, jan, labels, said

WORKSPACE = "T1"
CHANNEL = Destination("slack", WORKSPACE, "C1")


def account(user_id: str) -> Identity:
    return Identity("slack", user_id, WORKSPACE)


class Homes:
    """A desk whose people open their dashboards in Slack."""

    def __init__(self, world: World) -> None:
        self.world = world

    def link(self, name: str) -> Identity:
        identity = account(f"U{name}")
        with self.world.database.transaction() as session:
            code, _ = people.create_link_code(session, self.world.now, people.resolve(session, name).person_id)
            assert people.link(session, self.world.now, identity, code).ok
        return identity

    def open(self, name: str) -> str:
        """What someone sees who opens it."""
        to = Destination("slack", WORKSPACE, user_id=f"U{name}")
        reply = asyncio.run(self.world.desk.home(account(f"U{name}"), to))
        assert reply.ok, said(reply)
        return said(reply)

    def repainted(self) -> dict[str, str]:
        """The dashboards that are drawn anew by now, by whose they are."""
        homes: dict[str, str] = {}
        for message, text in self.delivered():
            if message.template == home.TEMPLATE:
                assert message.message_id == "home"
                assert message.to.user_id not in homes, "drawn once, whatever happened meanwhile"
                homes[message.to.user_id] = text
        return homes

    def delivered(self) -> list[tuple[outbox.Claimed, str]]:
        found: list[tuple[outbox.Claimed, str]] = []
        world = self.world
        while True:
            with world.database.transaction() as session:
                claimed = outbox.claim(session, world.now, "test")
            if not claimed:
                return found
            for one in claimed:
                with world.database.reading() as session:
                    found.append((one, as_text(announcements.draw(session, world.config, world.now, one))))
                with world.database.transaction() as session:
                    outbox.delivered(session, world.now, one.id, one.message_id or f"D:{one.id}", one.to)


@pytest.fixture
def homes(database: Database) -> Iterator[Homes]:
    world = World(database)
    yield Homes(world.funded())
    world.close()


@pytest.fixture
def small(sqlite_database: Database) -> Iterator[Homes]:
    """Where the kind of database doesn't matter."""
    world = World(sqlite_database)
    yield Homes(world.funded())
    world.close()


def test_a_creators(homes: Homes) -> None:
    """Balance, today's estimate, the month, the best projects, open withdrawals and settings, each said to be settled
    or an estimate."""
    world = homes.world
    homes.link("ada")
    world.withdrawal("ada", "50")
    world.earn("pal", jan(13, 9), 3)
    text = homes.open("ada")
    assert text.startswith("Ada · Creator Studio\n")
    for line in (
        "Account Balance $950.00 settled to 12 Jan (UTC)",
        "Processing $50.00 · Withdrawn $0.00",
        "Today so far: about $3.00 (estimate).",
        "This month (1–13 Jan): $1,000.00 settled, about $3.00 more (estimate)",
        "You can withdraw: minimum $50.00, no maximum.",
        "Top projects this month: 1 Logo Lab $1,000.00 · 2 Prompt Pal about $3.00",
        "WD-1 $50.00 · pending · expected",
        "Timezone Europe/Berlin · morning message off · alerts on · public name hidden",
        "[Withdraw]",
        "[Settings]",
    ):
        assert line in text, line
    assert "approval" not in text
    assert "paid by hand" not in text


def test_nothing_to_withdraw(small: Homes) -> None:
    """Whoever can't withdraw reads why, and how much is missing, in place of the button."""
    small.link("bo")
    text = small.open("bo")
    assert "You can't withdraw now." in text
    assert "$50.00" in text
    assert "[Withdraw]" not in text


def test_for_those_who_run_the_desk(homes: Homes) -> None:
    """Approvers see the oldest requests with buttons, admins what waits to be paid; nobody sees what isn't theirs."""
    world = homes.world
    for amount in ("50", "60", "70", "80"):
        world.withdrawal("ada", amount)
    world.now += dt.timedelta(days=2, hours=3)
    for name in ("Mira", "Ann", "Olga"):
        homes.link(name)
    mira = homes.open("Mira")
    assert "Waiting for approval: 4 · $260.00" in mira
    assert "WD-1 · $50.00 · Ada · waits 2 days · 0 of 1 approval" in mira
    assert "[Approve WD-3]" in mira
    assert "[Reject WD-3…]" in mira
    assert "WD-4" not in mira
    assert "[All 4 in /desk approvals]" in mira
    assert "Account Balance" not in mira
    assert "paid by hand" not in mira
    world.ask("Mira", "/desk approve WD-1")
    world.pay()
    world.ask("Ann", "/desk adjust ada -5 A voucher was booked twice")
    ann = homes.open("Ann")
    assert "To be paid by hand: 1 · $50.00" in ann
    assert "Adjustments that wait for a second person: 1" in ann
    assert "Waiting for approval" not in ann
    olga = homes.open("Olga")
    assert "Waiting for approval: 3" in olga
    assert "To be paid by hand: 1" in olga


def test_ones_own(small: Homes) -> None:
    """An approver who earns has no buttons on a request of their own, and whoever gave an approval is told so."""
    world = small.world
    with world.database.transaction() as session:
        people.set_roles(session, world.now, people.resolve(session, "ada").person_id, ["approver"])
    world.withdrawal("ada", "600")
    small.link("ada")
    text = small.open("ada")
    assert "Account Balance $400.00" in text
    assert "Your own: someone else has to decide it." in text
    assert "[Approve WD-1]" not in text
    small.link("Mira")
    world.ask("Mira", "/desk approve WD-1")
    assert "You approved it; someone else has to be the next." in small.open("Mira")


def test_neither_creator_nor_role(small: Homes) -> None:
    """Someone without anything here is told so; someone nobody knows reads how to link, with a form for the code."""
    with small.world.database.transaction() as session:
        people.add_person(session, small.world.now, "Zoe")
    small.link("Zoe")
    assert "no creator account on this desk and no role" in small.open("Zoe")
    reply = asyncio.run(small.world.desk.home(account("U9"), Destination("slack", WORKSPACE, user_id="U9")))
    assert "Get a code on your account page" in said(reply)
    (button,) = reply.card.buttons
    assert (button.action, button.value) == ("open", "/link")
    assert [field.name for field in button.form or ()] == ["code"]


def test_drawn_anew(homes: Homes) -> None:
    """Whatever changes on a dashboard has it drawn anew: the creator's, and those of whoever decides."""
    world = homes.world
    for name in ("ada", "bo", "Mira", "Tom", "Ann"):
        homes.link(name)
        homes.open(name)
    homes.repainted()  # what linking brought

    made = world.withdrawal("ada", "50")
    found = homes.repainted()
    assert set(found) == {"Uada", "UMira", "UTom", "UAnn"}
    assert "WD-1 $50.00 · pending" in found["Uada"]
    assert "[Approve WD-1]" in found["UMira"]

    world.ask("Mira", f"/desk approve {made}")
    world.pay()
    found = homes.repainted()
    assert "Waiting for approval: 0" in found["UTom"]
    assert "To be paid by hand: 1" in found["UAnn"]
    assert "processing" in found["Uada"]

    world.ask("Ann", "/desk freeze ada Identity check, two days")
    assert "Identity check" in homes.repainted()["Uada"]
    world.ask("Ann", "/desk unfreeze ada All is well")
    world.ask("Ann", "/desk adjust ada -5 A voucher was booked twice")
    assert "wait for a second person: 1" in homes.repainted()["UAnn"]
    world.press("Amos", "adjust.approve", "1")
    assert "Account Balance $945.00" in homes.repainted()["Uada"]

    world.ask("ada", "/settings alerts=off")
    found = homes.repainted()
    assert set(found) == {"Uada"}
    assert "alerts off" in found["Uada"]
    world.ask("ada", "/settings")
    world.ask("ada", "/settings alerts=off")
    assert homes.repainted() == {}, "nothing changed"
    world.press("ada", "method.choose", "studio/wallet")
    assert set(homes.repainted()) == {"Uada"}


def test_settlement(homes: Homes) -> None:
    """A run draws the dashboards of those anew who earned in it, among those that are open."""
    world = homes.world
    for name in ("ada", "bo"):
        homes.link(name)
    world.earn("song", jan(13, 9), 7)
    world.settle(jan(14, 3))
    assert homes.repainted() == {}, "nobody has opened one"
    for name in ("ada", "bo", "Mira"):
        homes.open(name)
    world.earn("song", jan(14, 2), 8)
    world.settle(jan(15, 3))
    found = homes.repainted()
    assert set(found) == {"Ubo"}
    assert "Account Balance $15.00 settled to 14 Jan" in found["Ubo"]
    world.settle(jan(16, 3))
    assert homes.repainted() == {}, "nothing earned"


def test_linking(homes: Homes) -> None:
    """A dashboard follows its account: linked, unlinked, and gone for good."""
    world = homes.world
    reply = asyncio.run(world.desk.home(account("Uada"), Destination("slack", WORKSPACE, user_id="Uada")))
    assert "Link this chat account" in said(reply)
    homes.link("ada")
    assert "Account Balance $1,000.00" in homes.repainted()["Uada"]
    with world.database.transaction() as session:
        people.unlink(session, world.now, account("Uada"))
    (text,) = homes.repainted().values()
    assert "Get a code on your account page" in text
    assert "Account Balance" not in text
    homes.link("ada")
    homes.repainted()
    with world.database.transaction() as session:
        people.deactivate(session, world.now, account("Uada"))
    assert homes.repainted() == {}
    assert count(world.database, "posted_card") == 0
    homes.link("ada")
    assert homes.repainted() == {}, "nobody has opened it since"


def test_one_line_each(homes: Homes) -> None:
    """A dashboard waits for no card and holds none back, though both go to the same person."""
    world = homes.world
    homes.link("Mira")
    homes.open("Mira")
    homes.delivered()
    world.withdrawal("ada", "50")
    with world.database.transaction() as session:
        claimed = outbox.claim(session, world.now, "test")
    to_mira = [one for one in claimed if one.to.user_id == "UMira"]
    assert sorted(one.template for one in to_mira) == ["unasked/approval", home.TEMPLATE]
    with world.database.transaction() as session:
        for one in to_mira:
            if one.template == home.TEMPLATE:
                outbox.undeliverable(session, world.now, one.id, "gone")
        mira = people.resolve(session, "Mira").person_id
        assert outbox.notices(session, mira) == []


def test_opened_once(homes: Homes) -> None:
    """However often it is opened, there is one; elsewhere nothing is ever repainted for it."""
    homes.link("ada")
    for _ in range(3):
        homes.open("ada")
    with homes.world.database.reading() as session:
        (posted,) = session.exec(select(PostedCard)).all()
    assert (posted.subject, posted.user_id, posted.channel) == ("home:slack:T1:Uada", "Uada", "")
    long = Identity("slack", "U" * 100, "T1")
    assert len(home.subject_of(long)) <= 100
    assert home.subject_of(long) != home.subject_of(Identity("slack", "U" * 99, "T1"))


def test_a_removed_workspace(homes: Homes) -> None:
    """Nothing is painted any more in a workspace that the desk was removed from."""
    world = homes.world
    homes.link("ada")
    homes.open("ada")
    with world.database.transaction() as session:
        subscriptions.workspace_gone(session, world.now, "slack", "T2", "another one")
    assert count(world.database, "posted_card") == 1
    with world.database.transaction() as session:
        subscriptions.workspace_gone(session, world.now, "slack", WORKSPACE, "uninstalled")
    world.withdrawal("ada", "50")
    assert homes.repainted() == {}


def test_huge(sqlite_database: Database) -> None:
    """With 300 projects, long names and reasons, and two programs it still is a card that every platform can draw."""
    world = World(sqlite_database, TWO_PROGRAMS)
    try:
        with world.database.transaction() as session:
            people.set_roles(session, world.now, people.resolve(session, "ada").person_id, ["owner"])
        rows = []
        for number in range(300):
            name = f"{number} " + "Wide & <b>long</b> name 🧵" * 7
            program = ("studio", "arcade")[number % 2]
            world.project(f"p{number}", name[:200], "ada" if number % 3 else "bo", program)
            rows.append((f"p{number}", jan(12, 9), str(100_000 + number), "0", "u1", "generate"))
        world.now = jan(12, 12)
        world.events(rows)
        world.settle(jan(13))
        for number in range(12):
            world.ask("ada", "/help")
            who = ("ada", "bo")[number % 2]
            preview = world.ask(who, "/withdraw 60 program=studio")
            world.press_in(preview, who, "Request")
        world.ask("Ann", "/desk freeze bo " + "a very long reason & more " * 15)
        world.ask("Ann", "/desk freeze ada " + "a very long reason & more " * 15)
        homes = Homes(world)
        homes.link("ada")
        reply = asyncio.run(world.desk.home(account("Uada"), Destination("slack", WORKSPACE, user_id="Uada")))
        assert reply.ok, said(reply)
        assert list(problems(reply.card)) == []
        text = said(reply)
        assert "more in /stats month" in text
        assert "All 12 in /desk approvals" in text
        assert "/balance says it all." in text
        assert "[Settings]" in text
        assert len(labels(reply.card)) <= 15
    finally:
        world.close()


def test_when_the_desk_breaks(small: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dashboard that can't be drawn says so and what to tell, like any command."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("core.chat.dashboard.card", broken)
    reply = asyncio.run(small.world.desk.home(account("U1"), Destination("slack", WORKSPACE, user_id="U1")))
    assert not reply.ok
    assert "Ref E-" in said(reply)


def test_few_statements(small: Homes) -> None:
    """Repaints of one change are written in one go, and of several only the last is delivered."""
    world = small.world
    for name in ("ada", "Mira"):
        small.link(name)
        small.open(name)
    small.delivered()
    for amount in ("50", "60", "70"):
        world.withdrawal("ada", amount)
    with world.database.reading() as session:
        waiting = session.exec(select(OutboxMessage).where(OutboxMessage.template == home.TEMPLATE)).all()
    assert len(waiting) >= 6
    assert set(small.repainted()) == {"Uada", "UMira"}
