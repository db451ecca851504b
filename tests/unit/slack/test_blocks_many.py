"""A creator with hundreds of projects of the longest names, through the real commands: every answer fits Slack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.slack import blocks, forms
from adapters.slack.block_limits import problems
from core.chat import handles
from core.chat.cards import Actions, Card, Select
from core.chat.registry import Reply
from core.earnings.catalog import upsert_projects
from core.storage import Database
from tests.desk_world import World, jan
from tests.unit.slack.reading import harmful, harmful_notification

PROJECTS = 300
LONGEST = 200  # characters of a name that intake takes
NAMES = (
    "x" * 4_000,
    "<!channel> *bold* <http://x.example|y> " * 100,
    "👩‍👩‍👧‍👦" * 400,
    '"quoted" ' * 400,
    "\u202eabc\u200b " * 500,
)


@pytest.fixture
def crowded(sqlite_database: Database) -> Iterator[World]:
    """Mal has 300 projects with names as long as they may be; all earned on 12 Jan."""
    world = World(sqlite_database)
    world.creator("mal", NAMES[0][:LONGEST])
    rows: list[dict[str, object]] = [
        {
            "project_id": f"p{n:03}",
            "creator_id": "mal",
            "program": "studio",
            "name": f"{n} {NAMES[n % len(NAMES)]}"[:LONGEST],
            "published_on": "2025-11-03",
        }
        for n in range(PROJECTS)
    ]
    with world.database.transaction() as session:
        assert not upsert_projects(session, rows, world.now).rejected
    world.now = jan(12, 12)
    world.events((f"p{n:03}", jan(12, 11), str(200 * (n + 1)), "0", "u1", "generate") for n in range(PROJECTS))
    world.settle(jan(13))
    world.now = jan(14)
    yield world
    world.close()


def checked(world: World, reply: Reply) -> Card:
    """The reply's card as it is sent, with its forms; asserts that Slack takes it."""
    card = handles.shorten(
        world.database, world.now, reply.card, button=blocks.BUTTON_VALUE, option=blocks.OPTION_VALUE
    )
    for way in ("native", "words", "file:F1"):
        message = blocks.message(card, {chart.name: way for chart in card.charts})
        assert problems("message", {"blocks": message.blocks}) == []
        assert harmful({"blocks": message.blocks}) == []
        assert not harmful_notification(message.text)
    assert problems("home", blocks.home(card)) == []
    for button in card.buttons:
        if button.form is not None:
            view = forms.modal(button.label, button.form, private_metadata="{}")
            assert problems("modal", view) == []
            assert harmful(view) == []
    return card


def test_every_answer_fits(crowded: World) -> None:
    """What is asked, each page of it, and whatever its menus lead to."""
    preview = crowded.ask("mal", "/withdraw 60")
    assert crowded.press_in(preview, "mal", "Request").ok
    lines = ("/balance", "/stats", "/stats month", "/explain", "/transactions", "/payouts", "/payouts 1", "/methods")
    asked = [*[crowded.ask("mal", line) for line in lines], crowded.ask("mal", "/stats"), crowded.ask("mal", "/help")]
    asked += [crowded.ask("Mira", line) for line in ("/desk approvals", "/desk batch", "/desk approvals 1")]
    asked += [crowded.ask("Olga", line) for line in ("/desk audit", "/desk digest test full", "/desk settlement")]
    asked += [crowded.ask("mal", f'/{name} "{text}"') for text in NAMES for name in ("stats", "explain", "withdraw")]
    asked.append(preview)
    followed = 0
    for reply in asked:
        card = checked(crowded, reply)
        for action, value in list(_leads(card))[:12]:
            with crowded.database.reading() as session:
                meant = handles.resolve(session, value)
            answer = crowded.press("mal", action, meant)
            checked(crowded, answer)
            followed += 1
    assert followed > 50


def test_long_values_lead_where_they_should(crowded: World) -> None:
    """Where a menu may carry little, the handles in it lead to the same answers as the values."""
    whole = crowded.ask("mal", "/explain").card
    card = handles.shorten(crowded.database, crowded.now, whole, button=20, option=20)
    pairs = [(one, other) for one, other in zip(_leads(whole), _leads(card), strict=True) if one != other]
    assert len(pairs) > 10
    for (action, value), (_, handle) in pairs[:10]:
        assert len(handle) <= 40
        with crowded.database.reading() as session:
            assert handles.resolve(session, handle) == value
        assert crowded.press("mal", action, value).ok


def _leads(card: Card) -> Iterator[tuple[str, str]]:
    """What can be pressed without changing anything: pages, periods and the choices of menus."""
    for block in card.blocks:
        for item in block.items if isinstance(block, Actions) else ():
            if item.action not in ("page", "period", "open"):
                continue
            if isinstance(item, Select):
                yield from ((item.action, option.value) for option in item.options)
            elif item.form is None:
                yield item.action, item.value
