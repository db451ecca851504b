"""Digests and morning messages after a settlement, on both databases (commands.md, "Mock-ups")."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlmodel import Session

import core.chat.commands  # noqa: F401 - declares the actions that the cards carry
from core import people
from core.chat import announcements, digest, outbox, settings, subscriptions
from core.chat.cards import Card
from core.chat.outbox import Destination
from core.chat.text import as_text
from core.config import Program, Terms
from core.earnings.catalog import upsert_creators
from core.earnings.tables import Creator
from core.ledger import accounts, journal, seal
from core.payouts.facts import WithdrawalRequested
from core.payouts.tables import Withdrawal
from core.people import Actor, Identity
from core.storage import Database
from tests import earnings_world
from tests.earnings_world import DOLLAR, jan

OPEN = Destination("playground", "demo", "earnings")
FULL = Destination("slack", "T1", "finance")


class World(earnings_world.World):
    """A platform with six creators, Olga who owns the desk, and two channels."""

    olga: Actor

    def start(self) -> None:
        self.database = Database(self.database.engine, announcements.announce)
        with self.database.transaction() as session:
            rows = [{"creator_id": f"c{n}", "name": f"C{n}", "country": "US"} for n in range(4)]
            assert upsert_creators(session, rows).accepted == 4
            self.add_projects(session, [(f"p{n}", f"c{n}") for n in range(4)], "studio")
            people.add_person(session, jan(1), "Olga", roles=["owner"])
            self.olga = people.resolve(session, "Olga")

    def subscribe(self, to: Destination, cadence: str = "daily", full: bool = False) -> None:
        with self.database.transaction() as session:
            subscriptions.subscribe(session, jan(1), self.olga, to, "digest", cadence, full)  # type: ignore[arg-type]

    def choose(self, creator: str, **chosen: object) -> Actor:
        """What a creator chose in /settings; they have a chat account then."""
        with self.database.transaction() as session:
            actor = people.resolve(session, creator)
            settings.change(session, actor.person_id, **chosen)  # type: ignore[arg-type]
            if not people.identities(session, actor.person_id):
                code, _ = people.create_link_code(session, jan(1), actor.person_id)
                people.link(session, jan(1), Identity("playground", f"u-{creator}", "demo"), code)
        return actor

    def earn(self, day: int, dollars: dict[str, int]) -> None:
        for project, amount in dollars.items():
            self.use(project, jan(day, 12), amount * 200)  # 200 credits at 50 % are a dollar

    def everyone(self, day: int, dollars: int = 10) -> None:
        """Six creators earn."""
        self.earn(day, {"logo": dollars, "song": dollars, **{f"p{n}": dollars for n in range(4)}})

    def said(self, now: dt.datetime) -> dict[str, Card]:
        """What is due by then, by destination."""
        found: dict[str, Card] = {}
        while True:
            with self.database.transaction() as session:
                claimed = outbox.claim(session, now, "test")
            if not claimed:
                return found
            for message in claimed:
                with self.database.reading() as session:
                    card = announcements.draw(session, self.config, now, message)
                found[message.to.channel or message.to.user_id] = card
                with self.database.transaction() as session:
                    outbox.delivered(session, now, message.id, message.message_id or f"m{message.id}", message.to)


@pytest.fixture
def world(database: Database) -> World:
    world = World(database)
    world.start()
    return world


def test_daily(world: World) -> None:
    """The digest says what the settlement came to, how that compares, the seal, and shows the days before."""
    world.subscribe(OPEN)
    world.everyone(12)
    world.settle(jan(13, 3))
    world.said(jan(13, 3))
    world.everyone(13)
    world.earn(13, {"logo": 20})
    world.choose("ada", public_name=True)
    world.settle(jan(14, 3, 4))
    with world.database.reading() as session:
        head = seal.short(seal.head(session) or "")
    card = world.said(jan(14, 3, 4))["earnings"]
    assert as_text(card) == "\n".join(
        [
            "Settlement for 13 Jan: complete (03:04 UTC)",
            "6 projects earned · 6 creators · Incentives $80.00 (+33% on the day before)",
            "[chart: Daily incentives: $60.00 on 12 Jan, $80.00 on 13 Jan. Total $140.00.]",
            "Top projects (creators who opted in): 1 Logo",
            f"Settled, by UTC day. Books sealed {head}.",
            "[See mine]",
        ]
    )
    assert [(point.label, point.value) for point in card.charts[0].points] == [
        ("12 Jan", "60.000000"),
        ("13 Jan", "80.000000"),
    ]


def test_few_creators(world: World) -> None:
    """With fewer than five creators a public channel sees no totals, not even in the chart; a full one sees all."""
    world.subscribe(OPEN)
    world.subscribe(FULL, full=True)
    world.earn(13, {"logo": 20, "song": 5})
    world.settle(jan(14, 3))
    cards = world.said(jan(14, 3))
    public, full = as_text(cards["earnings"]), as_text(cards["finance"])
    assert "$" not in public
    assert "Logo" not in public
    assert "Fewer than 5 creators earned, so a public channel shows no totals." in public
    assert "1 day on which fewer than 5 creators earned is left out of the chart." in public
    assert "2 projects earned · 2 creators · Incentives $25.00 (new on the day before)" in full
    assert "Top projects: 1 Logo $20.00 · 2 Song $5.00" in full
    with world.database.reading() as session:
        assert f"Books sealed {seal.head(session)}." in full


def test_no_comparison_with_few(world: World) -> None:
    """The change on the day before would give away the total of a day that too few creators share."""
    world.subscribe(OPEN)
    world.earn(12, {"logo": 20})
    world.everyone(13)
    world.settle(jan(13, 3))
    world.settle(jan(14, 3))
    card = world.said(jan(14, 3))["earnings"]
    assert "Incentives $60.00\n" in as_text(card)
    assert [point.label for point in card.charts[0].points] == ["13 Jan"]
    assert "1 day on which" in as_text(card)


def test_no_total_that_tells_of_a_day(world: World) -> None:
    """A total of several days, the chart beside it, would give away a day of few: it is shown once the days left out
    are of five creators together."""
    world.subscribe(OPEN, "weekly")
    for day in (5, 6, 11):
        world.everyone(day)
    world.earn(8, {"logo": 20})
    world.settle(jan(12, 3))
    text = as_text(world.said(jan(12, 3))["earnings"])
    assert "On some of these days fewer than 5 creators earned, so a public channel shows no total" in text
    assert "Incentives $" not in text
    assert "Total $180.00" in text
    world.everyone(18)
    world.settle(jan(19, 3))
    assert "$60.00\n" in as_text(world.said(jan(19, 3))["earnings"])  # nor is the week before compared
    for day in (19, 20):
        world.earn(day, {"song": 5} if day == 19 else {f"p{number}": 5 for number in range(4)})
    world.settle(jan(26, 3))
    assert "Incentives $25.00" in as_text(world.said(jan(26, 3))["earnings"])


def test_nothing_earned(world: World) -> None:
    """A day without earnings still has its digest."""
    world.subscribe(OPEN)
    world.everyone(12)
    world.settle(jan(13, 3))
    world.said(jan(13, 3))
    world.settle(jan(14, 3))
    assert "Nothing was earned on this day." in as_text(world.said(jan(14, 3))["earnings"])


def test_after_downtime(world: World) -> None:
    """One digest names all the days that one run settled; later days that are due at other times get their own."""
    world.subscribe(OPEN)
    world.everyone(12)
    world.settle(jan(13, 3))
    world.said(jan(13, 3))
    for day in (13, 14, 15):
        world.everyone(day)
    world.settle(jan(16, 3))
    card = world.said(jan(16, 3))["earnings"]
    assert card.title == "Settlement for 13–15 Jan: complete (03:00 UTC)"
    assert "Incentives $180.00 (+200% on the same number of days before)" in as_text(card)


def test_late_usage_repaints(world: World) -> None:
    """A further run for days that were settled before brings their digest up to date instead of posting another one."""
    world.subscribe(OPEN)
    world.subscribe(FULL, full=True)
    for day in (12, 13):
        world.everyone(day)
    world.settle(jan(14, 3))
    first = world.said(jan(14, 3))
    assert first["earnings"].title == "Settlement for 12–13 Jan: complete (03:00 UTC)"
    world.earn(12, {"song": 1})
    world.settle(jan(14, 9))
    with world.database.transaction() as session:
        claimed = outbox.claim(session, jan(14, 9), "test")
        assert {message.kind for message in claimed} == {"repaint"}
        again = {m.to.channel: as_text(announcements.draw(session, world.config, jan(14, 9), m)) for m in claimed}
    assert "Settlement for 12–13 Jan: complete (09:00 UTC)" in again["earnings"]
    assert "Incentives $121.00" in again["earnings"]
    assert "Also settled: late usage and corrections for 12 Jan." in again["earnings"]
    assert "Also settled: late usage and corrections for 12 Jan ($1.00)." in again["finance"]


def test_many_late_days(world: World) -> None:
    """A long list of late days is counted rather than cut."""
    world.subscribe(OPEN)
    for day in range(1, 13):
        world.everyone(day)
    world.settle(jan(13, 3))
    world.said(jan(13, 3))
    for day in range(1, 10):
        world.earn(day, {"song": 1})
    world.everyone(13)
    world.settle(jan(14, 3))
    assert "for 1 Jan, 2 Jan, 3 Jan, 4 Jan, 5 Jan, 6 Jan, 7 Jan and 2 more days." in as_text(
        world.said(jan(14, 3))["earnings"]
    )


def test_weekly(world: World) -> None:
    """A weekly channel hears after the run that ends a week, once, with the whole week's figures."""
    world.subscribe(OPEN, "weekly")
    world.everyone(5)
    world.settle(jan(6, 3))
    world.everyone(11)  # a Sunday
    world.settle(jan(11, 3))
    assert world.said(jan(11, 3)) == {}
    world.settle(jan(12, 3))
    card = world.said(jan(12, 3))["earnings"]
    assert card.title == "Settlement for 5–11 Jan: complete (03:00 UTC)"
    assert "Incentives $120.00" in as_text(card)
    world.earn(11, {"song": 1})
    world.settle(jan(12, 4))
    assert world.said(jan(12, 4)) == {}
    assert digest.week_of(dt.date(2026, 1, 1), dt.date(2026, 1, 10)) == (dt.date(2025, 12, 29), dt.date(2026, 1, 4))


def test_delivered_once_per_run(world: World) -> None:
    """Settling again posts no second digest; a paused channel gets none."""
    world.subscribe(OPEN)
    world.everyone(13)
    world.settle(jan(14, 3))
    world.said(jan(14, 3))
    world.settle(jan(14, 4))
    assert world.said(jan(14, 4)) == {}
    with world.database.transaction() as session:
        subscriptions.pause(session, jan(14), OPEN, "gone")
    world.settle(jan(15, 3))
    assert world.said(jan(15, 3)) == {}


def test_morning(world: World) -> None:
    """Who asked for it reads at their hour what each project earned and how the balance moved."""
    world.choose("ada", digest_hour=9, timezone="berlin")
    world.choose("bob")
    world.earn(12, {"logo": 7})
    world.settle(jan(13, 3))
    world.said(jan(13, 9))
    world.earn(13, {"logo": 5, "pal": 1})
    world.earn(12, {"pal": 2})
    world.settle(jan(14, 3))
    assert world.said(jan(14, 7, 59)) == {}
    cards = world.said(jan(14, 8))
    assert list(cards) == ["u-ada"]
    assert as_text(cards["u-ada"]) == "\n".join(
        [
            "Good morning, Ada. 13 Jan settled: +$8.00",
            "Logo $5.00 · Pal $3.00",
            "Of this, $2.00 is late usage or a correction for earlier days.",
            "Balance $7.00 → $15.00",
            "[Why this amount?] [Withdraw] [Change or stop]",
        ]
    )


def test_morning_of_a_correction(world: World) -> None:
    """Money taken back is told as such, and nothing is offered where nothing is left."""
    world.choose("ada", digest_hour=3)
    event = world.use("logo", jan(13, 12), 1000)
    world.settle(jan(14, 3))
    world.said(jan(14, 3))
    world.void(event)
    world.settle(jan(14, 3, 30))
    text = as_text(world.said(jan(14, 3, 30))["u-ada"])
    assert text.startswith("Good morning, Ada. 13 Jan corrected: −$5.00\nLogo −$5.00\nOf this, −$5.00 is late usage")
    assert "[Withdraw]" not in text


def test_morning_with_many_projects(world: World) -> None:
    """The five projects that earned most are named, the rest are counted."""
    with world.database.transaction() as session:
        world.add_projects(session, [(f"x{n}", "ada") for n in range(7)], "studio")
    world.choose("ada", digest_hour=3)
    world.earn(13, {f"x{n}": n + 1 for n in range(7)})
    world.settle(jan(14, 3))
    text = as_text(world.said(jan(14, 3))["u-ada"])
    assert "X6 $7.00 · X5 $6.00 · X4 $5.00 · X3 $4.00 · X2 $3.00 · and 2 more projects" in text


def test_no_news_no_message(world: World) -> None:
    """Who earned nothing is not written to."""
    world.choose("ada", digest_hour=3)
    world.earn(13, {"song": 5})
    world.settle(jan(14, 3))
    world.settle(jan(15, 3))
    assert world.said(jan(16)) == {}


def test_a_balance_below_zero_flags_requests(world: World) -> None:
    """A run that takes back what a creator already asked for repaints the card that approvers look at."""
    ada, bob = world.choose("ada"), world.choose("bob")
    with world.database.transaction() as session:
        subscriptions.subscribe(session, jan(1), world.olga, OPEN, "approvals")
    event = world.use("logo", jan(13, 12), 20_000)
    world.earn(13, {"song": 100})
    world.settle(jan(14, 3))
    with world.database.transaction() as session:
        for who in (ada, bob):
            number = _withdraw(session, who)
            announcements.announce(session, WithdrawalRequested(number, jan(14, 4)))
    world.said(jan(14, 4))
    world.void(event)
    world.earn(13, {"song": 1})
    world.settle(jan(14, 5))
    card = world.said(jan(14, 5))["earnings"]
    assert "the balance is −$100.00 since it was requested" in as_text(card)
    assert card.title.endswith("$100.00 · 0 of 1 approval")


def _withdraw(session: Session, who: Actor) -> int:
    made = Withdrawal(
        program="studio",
        creator_id=who.creator_id or "",
        number=1,
        amount=100 * DOLLAR,
        fee=0,
        method="manual",
        rail="manual",
        requested_by=who.person_id,
        requested_at=jan(14, 4),
    )
    session.add(made)
    available = accounts.open_account(session, "studio", "available", made.creator_id)
    reserved = accounts.open_account(session, "studio", "reserved", made.creator_id)
    move = journal.Move(available, reserved, made.amount)
    journal.post(session, f"w:{who.creator_id}", "withdrawal.request", jan(14, 4), [move])
    session.flush()
    return made.id or 0


def test_latest(world: World) -> None:
    """A test digest shows the last settled day or whole week, as it would read now."""
    with world.database.reading() as session:
        assert digest.latest(session, "studio", full=True, weekly=False) is None
        assert digest.latest(session, "nothing", full=True, weekly=False) is None
    world.everyone(13)
    world.settle(jan(14, 3))
    with world.database.reading() as session:
        day = digest.latest(session, "studio", full=False, weekly=False)
        week = digest.latest(session, "studio", full=False, weekly=True)
    assert day is not None
    assert week is not None
    assert (day["start"], day["through"], day["amount"]) == ("2026-01-13", "2026-01-13", 60 * DOLLAR)
    assert (week["start"], week["through"]) == ("2026-01-05", "2026-01-11")


def test_program_titles(world: World) -> None:
    """A digest names its program only where the desk has more than one."""
    world.subscribe(OPEN)
    world.everyone(13)
    world.settle(jan(14, 3))
    other = Program("arcade", "credits", (Terms(dt.date(2025, 1, 1)),))
    studio = replace(world.config.programs["studio"], title="The Studio")
    world.config = replace(world.config, programs={"studio": studio, "arcade": other})
    assert world.said(jan(14, 3))["earnings"].title == "The Studio: settlement for 13 Jan: complete (03:00 UTC)"
    assert digest.shown(world.config, {"program": "gone"})["title"] == "gone"


def test_names_are_inert(world: World) -> None:
    """A creator's hostile name stays a name in what is said of it."""
    world.choose("ada", digest_hour=3)
    with world.database.transaction() as session:
        session.get_one(Creator, "ada").name = "<b>@everyone</b>" + "x" * 100
    world.earn(13, {"logo": 5})
    world.settle(jan(14, 3))
    title = world.said(jan(14, 3))["u-ada"].title
    assert title.startswith("Good morning, <b>@everyone</b>xxx")
    assert title.endswith("…. 13 Jan settled: +$5.00")
