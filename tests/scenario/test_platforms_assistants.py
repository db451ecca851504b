"""Assistants on every platform: figures and views, a month's end with its payouts, and approvers at the same moment."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable

import pytest
from sqlmodel import col, select

from core import people
from core.payouts import freezes
from core.payouts.tables import Decision, Withdrawal
from core.storage import Database
from tests.assistants_desk import BOTH, World, feb, lively, message
from tests.desk_world import jan
from tests.stages import APPROVALS, EARNINGS, STAGES, Stage, staged

TOGETHER = re.compile(r"\[(Approve \d+ payouts: [^\]]+)\]")
READY, TWO_PEOPLE = 5, 1  # rows of the payout of `crowded`; more than a page of its list holds


@pytest.fixture(params=STAGES)
async def busy(request: pytest.FixtureRequest, migrated_database: Database) -> AsyncIterator[Stage]:
    """A platform where Ada's assistants have users, questions and ratings; it is 14 Jan 10:00."""
    world = lively(World(migrated_database, BOTH, now=jan(1)))
    async with staged(request.param, world) as stage:
        await stage.link("ada")
        yield stage
    assert world.sound()
    world.close()


@pytest.fixture(params=STAGES)
async def ending(request: pytest.FixtureRequest, migrated_database: Database) -> AsyncIterator[Stage]:
    """A platform the evening before January closes; two channels hear of digests and of what is to be decided."""
    world = crowded(World(migrated_database, BOTH, now=jan(1)))
    async with staged(request.param, world) as stage:
        await stage.link("ada", "bo", "zoe", "Mira", "Tom", "Ann")
        await stage.subscribe(EARNINGS, "digest")
        await stage.subscribe(APPROVALS, "approvals")
        yield stage
    assert world.sound()
    world.close()


def crowded(world: World) -> World:
    """Seven creators, each with one subscriber in January and a business on its 31st: $30.00 and some dollars, Cem's
    $1,000.00. Zoe's account is on hold. It is 31 Jan 12:00, settled to the 30th."""
    names = [("tax", "ada"), ("yoga", "bo")]
    for creator, name in {"cem": "Cem", "zoe": "Zoe"}.items() | {(f"d{one}", f"Dee {one}") for one in range(3)}:
        world.creator(creator, name)
        world.assistant(f"of-{creator}", f"{name}'s assistant", creator)
        names.append((f"of-{creator}", creator))
    world.now = jan(30, 12)
    with world.database.transaction() as session:
        freezes.freeze(session, world.now, people.resolve(session, "Ann"), "zoe", "papers are missing")
    for place, (project, creator) in enumerate(sorted(names, key=lambda one: one[1])):
        world.pay_for(f"u{place}", "1000.00" if creator == "cem" else f"{30 + place}.00")
        world.take(message(project, jan(20, 10), 1_000, f"u{place}"))
    world.settle(jan(31, 3))
    world.now = jan(31, 12)
    world.take(*(message(project, jan(31, 9), 1_000_000, "shop", embed=True) for project, _ in names))
    return world


async def paid_out(stage: Stage) -> None:
    """January closes and is paid out; the cards are there."""
    world = stage.world
    assert isinstance(world, World)
    world.settle(feb(1, 3))
    world.settle(feb(2, 3))
    world.process()
    await stage.until(lambda: len(stage.public(APPROVALS)) == 1 + TWO_PEOPLE)


def card(stage: Stage) -> str:
    """The batch's card as it stands."""
    return next(one for one in stage.public(APPROVALS) if "Monthly payouts for Jan 2026" in one)


def together(stage: Stage) -> str:
    """What its button says that approves all that one approver decides."""
    return str(TOGETHER.findall(card(stage))[0])


def heard(stage: Stage, who: str, words: str) -> Callable[[], bool]:
    return lambda: any(words in one for one in stage.private(who))


async def test_figures_and_views(busy: Stage) -> None:
    """/stats leads to /analytics; its menus change view, period and assistant in place; the file says no more than the
    card; only assistants are offered."""
    stage = busy
    assert sorted(await stage.offered("ada", "/analytics")) == ["Tax Buddy", "Trip Planner"]
    said = await stage.type("ada", '/stats "Tax Buddy"', EARNINGS)
    assert "Total Revenue about $225.90" in said
    assert "fewer than 5 users" in said
    assert "your part about $591.14" in await stage.choose("ada", "Period", "All time")
    assert "Peak Hours" in await stage.press("ada", "Analytics")
    count = len(stage.private("ada"))
    assert "7–13 Jan" not in await stage.choose("ada", "View", "Growth Trends")
    week = await stage.choose("ada", "Period", "Last 7 settled days")
    assert "Growth Trends · 7–13 Jan" in week
    assert "9% more than in the week before" in week
    assert "Trip Planner · Growth Trends · 7–13 Jan" in await stage.choose("ada", "Assistant", "Trip Planner")
    assert any("Daily revenue from 7 Jan to 13 Jan" in one for one in stage.pictures())
    assert "Ratings" in await stage.choose("ada", "View", "Ratings")
    assert "Peak Hours" in await stage.choose("ada", "View", "Peak Hours")
    assert len(stage.private("ada")) == count
    await stage.press("ada", "CSV")
    await stage.until(lambda: stage.files("ada"))
    [(name, data)] = stage.files("ada").items()
    assert name == "analytics-peak-hours.csv"
    assert data.count(b"fewer than 5 users") >= 23
    assert stage.public(EARNINGS) == []


async def test_a_months_end(ending: Stage) -> None:
    """The close in one channel, the payout's card in the other: who may not approve is refused, a row is turned down
    from the list, the others go in one press; every creator hears what became of theirs."""
    stage = ending
    await paid_out(stage)
    await stage.until(lambda: len(stage.public(EARNINGS)) == 2)
    digest = stage.public(EARNINGS)[0]
    assert "7 assistants earned through Embed/API · 7 creators · Creators' part $18.375" in digest
    assert "Jan 2026 closed: marketplace $839.30, 7 assistants, 7 creators" in digest
    assert not any(word in digest + card(stage) for word in ("Ada", "Tax Buddy", "Dee", "$1,000.00"))
    assert "6 payouts · $829.82 · 6 to decide" in card(stage)
    assert heard(stage, "ada", "on its way once approved")()
    assert heard(stage, "zoe", "No payout for Jan 2026 this time; your $")()
    assert "Only approvers" in await stage.press("ada", together(stage))

    assert "1–5 of 6" in await stage.press("Mira", "See all")
    assert "Ada, US" in await stage.press("Mira", "Next")
    assert "Why" in await stage.press("Mira", "Reject WD-1…")
    said = await stage.fill("Mira", Why="the bank account belongs to someone else")
    assert "WD-1" in said
    assert "Rejected" in said
    await stage.until(heard(stage, "ada", "the bank account belongs to someone else"))
    await stage.until(lambda: "5 to decide" in card(stage))
    said = await stage.press("Tom", together(stage))
    assert f"{READY - 1} payouts for Jan 2026 approved" in said
    assert "WD-3: needs two approvers" in said
    await stage.until(lambda: "Last decision: Tom" in card(stage))
    assert "1 to decide" in card(stage)
    assert not TOGETHER.search(card(stage))

    await stage.until(heard(stage, "bo", "Handed over, not paid yet"))
    await stage.type("Ann", "/desk payments", APPROVALS)
    await stage.press("Ann", "Mark WD-2 paid…")
    assert "Paid" in await stage.fill("Ann", Trace="TR-2026-02")
    await stage.until(heard(stage, "bo", "TR-2026-02"))
    assert not heard(stage, "ada", "Handed over")()
    assert not heard(stage, "zoe", "on its way")()


async def test_approvers_at_the_same_moment(ending: Stage) -> None:
    """Mira twice, Tom, and Ada, who approves and earns: each row is decided once, Ada's own by somebody else, and each
    press is told what it did or who was quicker."""
    stage = ending
    with stage.world.database.transaction() as session:
        ada = people.resolve(session, "ada").person_id
        people.set_roles(session, stage.world.now, ada, ["approver"])
    await paid_out(stage)
    label = together(stage)
    answers = await asyncio.gather(*(stage.press(who, label) for who in ("ada", "Mira", "Tom", "Mira")))
    done = [int(found[1]) for one in answers if (found := re.search(r"(\d+) payouts? for Jan 2026 approved", one))]
    assert sum(done) == READY, answers
    assert all("approved" in one or "was the last" in one or "can't be approved" in one for one in answers), answers
    await stage.until(lambda: "1 to decide" in card(stage))
    with stage.world.database.reading() as session:
        said = session.exec(select(Decision).order_by(col(Decision.withdrawal_id))).all()
        rows = session.exec(select(Withdrawal).where(Withdrawal.approvals_needed == 1)).all()
    assert [one.withdrawal_id for one in said] == sorted(one.id or 0 for one in rows)
    own = next(one.id for one in rows if one.creator_id == "ada")
    assert [one.person_id == ada for one in said if one.withdrawal_id == own] == [False]
