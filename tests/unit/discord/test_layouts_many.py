"""A creator with hundreds of projects of the longest names, through the real commands: every answer fits Discord."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.discord import custom_ids, layouts, modals
from adapters.discord.limits import problems
from core.chat import handles
from core.chat.cards import Card
from core.chat.registry import Reply
from core.storage import Database
from tests.desk_world import World
from tests.unit.crowd import ask_everything, crowded_world
from tests.unit.discord.reading import harmful

NAMES = (
    "x" * 4_000,
    "@everyone <@80351110224678912> [x](https://x.example) " * 100,
    "👩‍👩‍👧‍👦" * 400,
    '"quoted" ' * 400,
    "\u202eabc\u200b " * 500,
    "*_~`|<>[]" * 400,
)


@pytest.fixture
def crowded(sqlite_database: Database) -> Iterator[World]:
    """Mal has 300 projects with names as long as they may be; all earned on 12 Jan."""
    world = crowded_world(sqlite_database, NAMES)
    yield world
    world.close()


def checked(world: World, reply: Reply) -> Card:
    """The reply's card as it is sent, with its forms; asserts that Discord takes it."""
    card = handles.shorten(
        world.database, world.now, reply.card, button=custom_ids.BUTTON_VALUE, option=custom_ids.OPTION_VALUE
    )
    for pictures in ({}, {chart.name: "chart.png" for chart in card.charts}):
        body = layouts.body(layouts.message(card, key="a key", pictures=pictures))
        assert problems(body) == []
        assert harmful(body) == []
    for button in card.buttons:
        if button.form is not None:
            custom_id = custom_ids.modal_id(button.action, button.value)
            asked = modals.modal(button.label, button.form, custom_id).to_dict()
            assert problems(asked) == []
            assert harmful(asked) == []
    return card


def test_every_answer_fits(crowded: World) -> None:
    """What is asked, each page of it, and whatever its menus lead to."""
    ask_everything(crowded, NAMES, checked)
