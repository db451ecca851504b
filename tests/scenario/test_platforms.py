"""What people do in chat, played on every platform: each scenario is written once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.storage import Database
from tests.desk_world import World, jan
from tests.stages import APPROVALS, EARNINGS, STAGES, Stage, staged


def only(*names: str) -> pytest.MarkDecorator:
    """Play a scenario on these platforms only."""
    return pytest.mark.parametrize("stage", names, indirect=True)


ASKING = only("slack-socket", "slack-http", "playground")  # Discord's client asks for what is missing by itself
LINKING = only("slack-socket", "slack-http", "discord")  # the playground's people are linked from the start
WITH_HOME = only("slack-socket", "slack-http")  # others have no dashboard


@pytest.fixture(params=STAGES)
async def stage(request: pytest.FixtureRequest, migrated_database: Database) -> AsyncIterator[Stage]:
    """A platform where Ada has $1,000 and everybody may link; it is 13 Jan 10:00."""
    world = World(migrated_database).funded()
    async with staged(request.param, world) as stage:
        yield stage
    assert world.sound()
    world.close()


async def test_balance_is_read_by_its_owner_alone(stage: Stage) -> None:
    """A balance asked for in a channel is seen by whoever asked, and by nobody else."""
    await stage.link("ada", "bo")
    said = await stage.type("ada", "/balance", EARNINGS)
    assert "$1,000.00" in said
    assert "settled to 12 Jan" in said
    assert any("$1,000.00" in text for text in stage.private("ada"))
    assert not any("$1,000.00" in text for text in [*stage.private("bo"), *stage.public(EARNINGS)])


async def test_stats_with_chart_and_period(stage: Stage) -> None:
    """Statistics come with a chart whose words say the same; another period takes their place."""
    await stage.link("ada")
    said = await stage.type("ada", '/stats "Logo Lab"', EARNINGS)
    assert "Logo Lab" in said
    assert "Incentive" in said
    assert any("$1,000.00" in picture for picture in stage.pictures())
    count = len(stage.private("ada"))
    said = await stage.choose("ada", "Period", "This month")
    assert "month" in said.lower()
    assert len(stage.private("ada")) == count  # in its place, not under it


async def test_withdrawal_by_text_approved_from_a_channel(stage: Stage) -> None:
    """A request goes before the channel; an approver decides there; every copy and the creator are told."""
    await stage.link("ada", "Mira", "Tom")
    await stage.subscribe(APPROVALS, "approvals")
    preview = await stage.type("ada", "/withdraw 50", EARNINGS)
    assert "Nothing has moved yet" in preview
    assert "WD-1 requested" in await stage.press("ada", "Request $50.00")
    await stage.until(lambda: stage.public(APPROVALS))
    [card] = stage.public(APPROVALS)
    assert "WD-1" in card
    assert "$50.00" in card
    assert "0 of 1" in card
    assert "Only approvers" in await stage.press("ada", "Approve")
    assert "WD-1" in await stage.press("Mira", "Approve")
    await stage.until(lambda: "Mira" in stage.public(APPROVALS)[0])
    assert "Approve]" not in stage.public(APPROVALS)[0]
    await stage.until(lambda: any("approved" in text.lower() for text in stage.private("ada")))


async def test_withdrawal_by_form(stage: Stage) -> None:
    """Edit on a preview opens a form; what is answered there becomes a new preview."""
    await stage.link("ada")
    await stage.type("ada", "/withdraw 50", EARNINGS)
    form = await stage.press("ada", "Edit…")
    assert "Amount" in form
    said = await stage.fill("ada", Amount="75")
    assert "$75.00" in said
    assert "WD-1 requested" in await stage.press("ada", "Request $75.00")


@ASKING
async def test_missing_argument_is_asked_for(stage: Stage) -> None:
    """A command without what it needs asks in a form, with what was given filled in; the answer completes it."""
    await stage.link("ada", "Ann")
    form = await stage.type("Ann", "/desk freeze ada", APPROVALS)
    assert "Why" in form, form
    said = await stage.fill("Ann", Why="the account was reported as stolen")
    assert "Ada" in said
    await stage.until(lambda: any("stolen" in text for text in stage.private("ada")))


async def test_rejection_carries_its_reason(stage: Stage) -> None:
    """Reject… asks for a reason; the creator reads it and has the money back."""
    await stage.link("ada", "Mira")
    await stage.subscribe(APPROVALS, "approvals")
    await stage.type("ada", "/withdraw 60", EARNINGS)
    await stage.press("ada", "Request $60.00")
    await stage.until(lambda: stage.public(APPROVALS))
    form = await stage.press("Mira", "Reject…")
    assert "Why" in form
    assert "WD-1" in await stage.fill("Mira", Why="the bank account belongs to someone else")
    await stage.until(lambda: any("belongs to someone else" in text for text in stage.private("ada")))
    assert "$1,000.00" in await stage.type("ada", "/balance")


async def test_digest_in_the_channel(stage: Stage) -> None:
    """The morning after, the channel has the day's totals, the seal and a chart, and no creator's own figures."""
    await stage.link("ada", "Olga")
    await stage.type("Olga", "/desk digest on", EARNINGS)
    stage.world.now = jan(13, 11)
    for number in range(5):
        stage.world.creator(f"c{number}", f"Creator {number}")
        stage.world.project(f"p{number}", f"Project {number}", f"c{number}")
        stage.world.earn(f"p{number}", jan(13, 9), 7)
    stage.world.earn("pal", jan(13, 9), 40)
    stage.world.settle(jan(14, 3))
    await stage.until(lambda: any("13 Jan" in text for text in stage.public(EARNINGS)))
    [digest] = stage.public(EARNINGS)
    assert "Settlement for 13 Jan" in digest
    assert "Books sealed" in digest
    assert stage.pictures()
    assert "$75.00" in digest
    assert "Ada" not in digest
    assert "$40.00" not in digest


async def test_settings_are_chosen(stage: Stage) -> None:
    """What is chosen under /settings holds from then on."""
    await stage.link("ada")
    assert "Europe/Berlin" in await stage.type("ada", "/settings")
    await stage.type("ada", "/settings timezone=Asia/Tokyo")
    assert "Asia/Tokyo" in await stage.type("ada", "/settings")


async def test_lists_page_in_place_and_come_as_csv(stage: Stage) -> None:
    """A long list pages where it stands; its CSV goes to the person alone."""
    await stage.link("ada")
    for day in range(1, 13):
        stage.world.earn("pal", jan(day, 9), day)
    stage.world.settle(jan(14, 3))
    await stage.type("ada", "/transactions", EARNINGS)
    count = len(stage.private("ada"))
    older = await stage.press("ada", "Older")
    assert older
    assert len(stage.private("ada")) == count
    await stage.press("ada", "CSV")
    await stage.until(lambda: stage.files("ada"))
    [(name, data)] = stage.files("ada").items()
    assert name.endswith(".csv")
    assert b"Logo Lab" in data
    assert stage.public(EARNINGS) == []


@LINKING
async def test_link_and_unlink(stage: Stage) -> None:
    """A code from the account page links; afterwards the desk knows who types; /unlink ends it."""
    assert "Not linked yet" in await stage.type("ada", "/balance", EARNINGS)
    assert "wrong" in await stage.type("ada", "/link AAAAA-AAAAA")
    code = stage.code("ada")
    assert "You are Ada here now" in await stage.type("ada", f"/link {code}")
    assert "$1,000.00" in await stage.type("ada", "/balance", EARNINGS)
    await stage.type("ada", "/unlink")
    assert "Not linked yet" in await stage.type("ada", "/balance")


@WITH_HOME
async def test_dashboard_is_live(stage: Stage) -> None:
    """The dashboard shows one's own figures, and changes when they do, without being opened again."""
    assert "/link" in await stage.home("ada")
    await stage.link("ada", "Mira")
    home = await stage.home("ada")
    assert "$1,000.00" in home
    assert "Logo Lab" in home
    queue = await stage.home("Mira")
    assert "WD-1" not in queue
    await stage.type("ada", "/withdraw 50")
    await stage.press("ada", "Request $50.00")
    await stage.until(lambda: "WD-1" in stage.standing_home("ada") and "WD-1" in stage.standing_home("Mira"))
    assert "$950.00" in stage.standing_home("ada")
    await stage.type("Mira", "/desk approve 1")
    await stage.until(lambda: "WD-1" not in stage.standing_home("Mira"))


@WITH_HOME
async def test_dashboard_answers_where_one_looks(stage: Stage) -> None:
    """What is pressed on the dashboard is answered over it: a list, its pages, a form and what comes of it."""
    await stage.link("ada")
    for day in range(1, 13):
        stage.world.earn("pal", jan(day, 9), day)
    stage.world.settle(jan(14, 3))
    await stage.home("ada")
    first = await stage.press("ada", "Transactions")
    assert "Prompt Pal" in first
    older = await stage.press("ada", "Older")
    assert older != first
    await stage.home("ada")
    preview = await stage.press("ada", "Withdraw")
    assert "Nothing has moved yet" in preview
    assert "Amount" in await stage.press("ada", "Edit…")
    assert "$75.00" in await stage.fill("ada", Amount="75")
    assert "WD-1 requested" in await stage.press("ada", "Request $75.00")
    assert stage.public(EARNINGS) == []
