"""What creators of assistants read. Each card is also put to what Slack and Discord take, without files of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from core.chat.cards import Card
from core.chat.text import as_text
from core.storage import Base, Database, make_engine
from tests.assistants_desk import BOTH, World, feb, lively
from tests.desk_world import EARNINGS, jan
from tests.snapshots import test_discord_messages, test_slack_messages
from tests.snapshots.conftest import ShownAs, compared

VIEWS = ("peak-hours", "questions", "drop-offs", "growth", "sources", "ratings", "per-user")


def drawn(card: Card) -> str:
    """The card as text; asserts that Slack and Discord take it whole and inert."""
    test_slack_messages.drawn(card)
    test_discord_messages.drawn(card)
    return f"{as_text(card)}\n"


@pytest.fixture
def shown_as(snapshot: SnapshotAssertion) -> ShownAs:
    """Compare a reply with the file of that name."""
    return compared(snapshot, drawn)


@pytest.fixture(scope="session")
def lively_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database behind `desk`, made once."""
    path = tmp_path_factory.mktemp("lively") / "desk.db"
    engine = make_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    world = World(Database(engine), BOTH, now=jan(1))
    lively(world)
    world.close()
    engine.dispose()
    return path


@pytest.fixture
def desk(lively_file: Path, tmp_path: Path) -> Iterator[World]:
    """A month of many users; Ada has assistants, and two projects that have earned nothing. It is 14 Jan, 10:00 UTC."""
    path = tmp_path / "desk.db"
    shutil.copy(lively_file, path)
    engine = make_engine(f"sqlite:///{path}")
    world = World(Database(engine), BOTH, now=jan(14), begun=True)
    yield world
    world.close()
    engine.dispose()


def test_stats(desk: World, shown_as: ShownAs) -> None:
    """/stats: revenue with the creator's part beside it, every metric of the seed, and both kinds apart."""
    shown_as("week", desk.ask("ada", "/stats tax"))
    shown_as("today", desk.ask("ada", "/stats tax today"))
    shown_as("all", desk.ask("ada", "/stats tax all"))
    shown_as("assistants", desk.ask("ada", "/stats month program=assisters"))
    shown_as("both", desk.ask("ada", "/stats"))


@pytest.mark.parametrize("view", VIEWS)
def test_analytics(desk: World, shown_as: ShownAs, view: str) -> None:
    """/analytics: a chart, and what it means in a sentence; of few users nothing is told."""
    shown_as(view, desk.ask("ada", f"/analytics tax {view}"))
    card = desk.ask("bo", f"/analytics yoga {view}").card
    assert drawn(card)
    assert len(card.charts) == 1


def test_money(desk: World, shown_as: ShownAs) -> None:
    """What is pending, why, and when it comes."""
    shown_as("balance", desk.ask("ada", "/balance"))
    shown_as("explain", desk.ask("ada", "/explain tax 13 Jan"))
    shown_as("explain_today", desk.ask("ada", "/explain tax today"))
    shown_as("referrals", desk.ask("ada", "/referrals"))
    shown_as("referrals_none", desk.ask("bo", "/referrals"))


def test_reviews_and_answers(desk: World, shown_as: ShownAs) -> None:
    """The checklist with figures, the tips that follow from them, the second seed's questions."""
    shown_as("weekly", desk.ask("ada", "/review weekly"))
    shown_as("monthly", desk.ask("ada", "/review monthly"))
    for key in ("paid", "lower", "increase", "who"):
        shown_as(f"help_{key}", desk.ask("ada", f"/help {key}"))
    shown_as("help", desk.ask("ada", "/help"))


async def test_a_month_closes(desk: World, shown_as: ShownAs) -> None:
    """The digest, the morning message and the dashboard say what the month brought; in public two creators are few."""
    identity, olga = desk.link("ada"), desk.link("Olga")
    desk.ask("ada", "/settings digest=08:00")
    await desk.desk.run(olga, "/desk digest on", EARNINGS)
    shown_as("home", (await desk.desk.home(identity, EARNINGS)).card)
    desk.posted()
    desk.settle(feb(1, 3))
    desk.now = feb(1, 9)
    cards = [card for _, card in desk.posted()]
    shown_as("digest", next(card for card in cards if card.title.startswith("Assisters")))
    shown_as("morning", next(card for card in cards if card.title.startswith("Good morning")))
    shown_as("digest_full", desk.ask("Olga", "/desk digest test full"))
    shown_as("explained", desk.ask("ada", "/explain"))
