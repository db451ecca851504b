"""A creator with hundreds of projects of the longest names, through the real commands: every answer fits Slack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.slack import blocks, forms
from adapters.slack.block_limits import problems
from core.chat import handles
from core.chat.cards import Card
from core.chat.registry import Reply
from core.storage import Database
from tests.desk_world import World
from tests.unit.crowd import ask_everything, crowded_world, leads
from tests.unit.slack.reading import harmful, harmful_notification

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
    world = crowded_world(sqlite_database, NAMES)
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
    ask_everything(crowded, NAMES, checked)


def test_long_values_lead_where_they_should(crowded: World) -> None:
    """Where a menu may carry little, the handles in it lead to the same answers as the values."""
    whole = crowded.ask("mal", "/explain").card
    card = handles.shorten(crowded.database, crowded.now, whole, button=20, option=20)
    pairs = [(one, other) for one, other in zip(leads(whole), leads(card), strict=True) if one != other]
    assert len(pairs) > 10
    for (action, value), (_, handle) in pairs[:10]:
        assert len(handle) <= 40
        with crowded.database.reading() as session:
            assert handles.resolve(session, handle) == value
        assert crowded.press("mal", action, value).ok
