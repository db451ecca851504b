"""What digests and morning messages know of a month's close, on both databases (commands.md, "Daily digest")."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlmodel import Session

from core import people
from core.chat import digest, settings
from core.earnings.catalog import upsert_creators, upsert_projects
from core.earnings.facts import SettlementPosted
from core.storage import Database
from tests.revenue_world import World, at

LAST = dt.date(2026, 1, 31)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def facts(session: Session, posted: SettlementPosted, full: bool) -> digest.Facts:
    run = digest.Run(posted.settled_at, posted.head, posted.entry_id)
    start = posted.start or posted.through
    return digest.channel_facts(session, "helpers", start, posted.through, run, full=full, weekly=False)


def settled(world: World, now: dt.datetime) -> SettlementPosted:
    world.settle(now)
    return [fact for fact in world.facts if isinstance(fact, SettlementPosted)][-1]


def crowd(world: World, number: int) -> None:
    """More creators with an assistant each, that Uma uses."""
    names = [f"c{one}" for one in range(number)]
    with world.database.transaction() as session:
        upsert_creators(session, [{"creator_id": name, "name": name, "country": "US"} for name in names])
        rows = [
            {
                "project_id": f"p{name}",
                "creator_id": name,
                "program": "helpers",
                "name": name,
                "published_on": "2025-11-03",
            }
            for name in names
        ]
        upsert_projects(session, rows, at(1, 1))
    world.take(*[world.message(f"p{name}", at(1, 5), 1_000) for name in names])


def test_a_closed_month(world: World) -> None:
    """Finance reads what a month came to; a public channel only what five creators earned, and no one's commission."""
    world.take(world.message("bot", at(1, 5), 1_000), world.message("tutor", at(1, 31), 1_000))
    world.collect(world.payment("uma", "20", referrer="cleo"))
    posted = settled(world, at(2, 1, 3))
    with world.reading() as session:
        public, full = (facts(session, posted, full)["months"] for full in (False, True))
    assert full == [
        {
            "month": "2026-01-01",
            "hidden": False,
            "projects": 2,
            "creators": 2,
            "amount": 14_000_000,
            "before": 0,
            "referral": 4_000_000,
            "payments": 20_000_000,
            "gross": 20_000_000,
            "margin": 2_000_000,
            "top": [{"name": "Bot", "amount": 7_000_000}, {"name": "Tutor", "amount": 7_000_000}],
        }
    ]
    nothing = dict.fromkeys(("before", "referral", "payments", "gross", "margin"))
    hidden = {"month": "2026-01-01", "hidden": True, "projects": 0, "creators": 0, "amount": 0, "top": []}
    assert public == [hidden | nothing]
    crowd(world, 3)
    posted = settled(world, at(2, 2, 3))
    with world.reading() as session:
        again = digest.channel_facts(
            session, "helpers", LAST, LAST, digest.Run(at(2, 2, 3), None, posted.entry_id), full=False, weekly=False
        )
        assert facts(session, posted, full=True)["months"] == []
    assert again["months"] == [hidden | nothing | {"hidden": False, "projects": 5, "creators": 5, "amount": 14_000_000}]
    assert again["late_months"] == [{"month": "2026-01-01", "amount": None}]


def test_a_morning_with_a_month(world: World) -> None:
    """Creators read what the marketplace and their commissions brought, beside the day; referrers without an assistant
    get a message too; the balance is what is pending."""
    with world.database.transaction() as session:
        for creator in ("ada", "bob", "cleo"):
            settings.change(session, people.resolve(session, creator).person_id, digest_hour=9)
    world.take(
        world.message("bot", at(1, 31), 1_000_000, channel="embed"),
        world.message("bot", at(1, 5), 1_000),
        world.message("coach", at(1, 5), 1_000, user="vic"),
    )
    world.collect(world.payment("uma", "20", referrer="cleo"), world.payment("vic", "1", referrer="ada"))
    posted = settled(world, at(2, 1, 3))
    with world.reading() as session:
        ada, cleo = (morning.facts for morning in digest.mornings(session, posted))
    assert ada["projects"] == [("Bot", 16_625_000), ("Coach", 700_000)]
    assert ada["months"] == [{"month": "2026-01-01", "marketplace": 14_700_000, "referral": 200_000, "late": 0}]
    assert (ada["amount"], ada["before"], ada["after"], ada["wallet"]) == (17_525_000, 0, 17_525_000, "pending")
    assert (cleo["name"], cleo["projects"], cleo["amount"], cleo["after"]) == ("Cleo", [], 4_000_000, 4_000_000)
