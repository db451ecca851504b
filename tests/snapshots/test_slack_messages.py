"""Every message of the other snapshots, and every form behind its buttons, as Slack draws them.

The tests are those of test_creator_messages and test_desk_messages; only what they compare with is another.
"""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from adapters.slack import block_limits, blocks, forms
from core.chat import handles
from core.chat.cards import Card
from tests.desk_world import World
from tests.snapshots.conftest import ShownAs, compared
from tests.snapshots.drawn import LINE, borrowed, joined, say_unasked
from tests.unit.slack.reading import harmful, harmful_notification, shown

globals().update(borrowed())


def drawn(card: Card) -> str:
    """The card as Slack's message and its buttons' forms, readable; asserts that Slack takes all of it."""
    card = handles.shortened(card, button=blocks.BUTTON_VALUE, option=blocks.OPTION_VALUE)
    for way in ("words", "file:F1"):
        other = blocks.message(card, {chart.name: way for chart in card.charts})
        assert block_limits.problems("message", {"blocks": other.blocks}) == []
    assert block_limits.problems("home", blocks.home(card)) == []
    message = blocks.message(card, {chart.name: "native" for chart in card.charts if blocks.native_possible(chart)})
    payload = {"blocks": message.blocks}
    assert block_limits.problems("message", payload) == []
    assert harmful(payload) == []
    assert not harmful_notification(message.text)
    parts = [f"NOTIFICATION {message.text}", shown(payload)]
    known: set[str] = set()
    for button in card.buttons:
        if button.form is None:
            continue
        view = forms.modal(button.label, button.form, private_metadata="{}")
        assert block_limits.problems("modal", view) == []
        assert harmful(view) == []
        text = shown(view)
        if text not in known:
            parts += [LINE, text]
        known.add(text)
    return joined(parts)


@pytest.fixture
def shown_as(snapshot: SnapshotAssertion) -> ShownAs:
    """Compare a reply, as Slack draws it, with the file of that name."""
    return compared(snapshot, drawn)


async def test_what_is_said_unasked(mockup: World, shown_as: ShownAs) -> None:
    """Cards for approvers and messages to people, as the desk posts them by itself."""
    await say_unasked(mockup, shown_as)
