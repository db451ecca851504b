"""Every message of the other snapshots, and every form behind its buttons, as Slack draws them.

The tests are those of test_creator_messages and test_desk_messages; only what they compare with is another.
"""

from __future__ import annotations

import re

import pytest
from syrupy.assertion import SnapshotAssertion

from adapters.slack import block_limits, blocks, forms
from core.chat import handles
from core.chat.cards import Card
from core.chat.registry import Reply
from tests.desk_world import CHANNEL, EARNINGS, World, jan
from tests.snapshots import test_creator_messages, test_desk_messages
from tests.snapshots.conftest import ShownAs, TextFile
from tests.unit.slack.reading import harmful, harmful_notification, shown

LINE = "─" * 24
_TOKEN = re.compile(r"\b[0-9a-f]{36}\b")  # a preview's, another one every time


def _tests(module: object) -> dict[str, object]:
    return {
        name: test for name, test in vars(module).items() if name.startswith("test_") and name != "test_cards_as_data"
    }


globals().update(_tests(test_creator_messages) | _tests(test_desk_messages))


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
    return _TOKEN.sub("(token)", "\n".join(parts) + "\n")


@pytest.fixture
def shown_as(snapshot: SnapshotAssertion) -> ShownAs:
    """Compare a reply, as Slack draws it, with the file of that name."""
    files = snapshot.use_extension(TextFile)

    def check(name: str, reply: Reply | Card) -> None:
        assert drawn(reply.card if isinstance(reply, Reply) else reply) == files(name=name)

    return check


async def test_what_is_said_unasked(mockup: World, shown_as: ShownAs) -> None:
    """Cards for approvers and messages to people, as the desk posts them by itself."""
    for name in ("ada", "Mira", "Ann", "Olga"):
        mockup.link(name)
    olga = mockup.link("Olga", "UOlga2")
    await mockup.desk.run(olga, "/desk digest on full", EARNINGS)
    await mockup.desk.run(olga, "/desk approvals-channel on", CHANNEL)
    mockup.ask("ada", "/settings digest=08:00")
    mockup.withdrawal("ada", "600")
    mockup.withdrawal("ada", "60")
    mockup.withdrawal("ada", "70")
    seen = Seen(mockup, shown_as)
    mockup.ask("Mira", "/desk approve 2")
    mockup.ask("Tom", "/desk approve 2")
    mockup.ask("Tom", "/desk approve 4")
    mockup.press("Mira", "payout.reject", "3", reason="The account name does not match.")
    seen.look()
    mockup.pay()
    seen.look()
    mockup.press("Ann", "payout.paid", "2", reference="TR-9")
    mockup.press("Ann", "payout.failed", "4", reason="The bank sent it back.")
    mockup.ask("Ann", "/desk adjust ada -5 A voucher was booked twice")
    seen.look()
    mockup.press("Amos", "adjust.approve", "1")
    mockup.ask("Ann", "/desk freeze ada Identity check, two days at most")
    seen.look()
    mockup.ask("Ann", "/desk unfreeze ada All is well")
    mockup.settle(jan(15, 3))
    mockup.now = jan(15, 9)
    seen.look()
    assert len(seen.titles) > 12, seen.titles


class Seen:
    """What came out of the outbox so far: each new card is compared once."""

    def __init__(self, world: World, shown_as: ShownAs) -> None:
        self.world, self.shown_as = world, shown_as
        self.titles: list[str] = []
        self.look()

    def look(self) -> None:
        for _, card in self.world.posted():
            if card.title not in self.titles:
                self.titles.append(card.title)
                self.shown_as(f"{len(self.titles):02}", card)
