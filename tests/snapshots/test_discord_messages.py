"""Every message of the other snapshots, and every form behind its buttons, as Discord draws them.

The tests are those of test_creator_messages and test_desk_messages; only what they compare with is another.
"""

from __future__ import annotations

import json

import pytest
from syrupy.assertion import SnapshotAssertion

import core.chat.desk  # noqa: F401 - declares every command
from adapters.discord import commands, custom_ids, layouts, modals
from adapters.discord.limits import command_problems, problems
from core.chat import handles
from core.chat.cards import Card
from core.chat.registry import REGISTRY
from tests.desk_world import World
from tests.snapshots.conftest import ShownAs, TextFile, compared
from tests.snapshots.drawn import LINE, borrowed, joined, say_unasked
from tests.unit.discord.reading import harmful, shown

globals().update(borrowed())


def drawn(card: Card) -> str:
    """The card as Discord's message and its buttons' forms, readable; asserts that Discord takes all of it."""
    card = handles.shortened(card, button=custom_ids.BUTTON_VALUE, option=custom_ids.OPTION_VALUE)
    in_words = layouts.body(layouts.message(card))
    assert problems(in_words) == []
    assert harmful(in_words) == []
    body = layouts.body(layouts.message(card, pictures={chart.name: f"{chart.name}.png" for chart in card.charts}))
    assert problems(body) == []
    assert harmful(body) == []
    parts = [shown(body)]
    known: set[str] = set()
    for button in card.buttons:
        if button.form is None:
            continue
        form = modals.modal(button.label, button.form, custom_ids.modal_id(button.action, button.value)).to_dict()
        assert problems(form) == []
        assert harmful(form) == []
        text = shown(form)
        asked = text.partition("  ")[2]
        if asked not in known:
            parts += [LINE, text]
        known.add(asked)
    return joined(parts)


@pytest.fixture
def shown_as(snapshot: SnapshotAssertion) -> ShownAs:
    """Compare a reply, as Discord draws it, with the file of that name."""
    return compared(snapshot, drawn)


def test_the_commands(snapshot: SnapshotAssertion) -> None:
    """What is synced, one option a line; Discord takes it."""
    payload = commands.payload(REGISTRY)
    assert command_problems(payload) == []
    text = "\n".join(_lines(payload, "")) + "\n"
    assert text == snapshot.use_extension(TextFile)(name="commands")


def _lines(found: object, indent: str) -> list[str]:
    lines: list[str] = []
    for one in found if isinstance(found, list) else ():
        others = {key: value for key, value in one.items() if key not in ("name", "description", "options")}
        lines.append(f"{indent}{one['name']}: {one['description']} {json.dumps(others)}")
        lines += _lines(one.get("options"), f"{indent}  ")
    return lines


async def test_what_is_said_unasked(mockup: World, shown_as: ShownAs) -> None:
    """Cards for approvers and messages to people, as the desk posts them by itself."""
    await say_unasked(mockup, shown_as)
