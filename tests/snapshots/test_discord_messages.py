"""Every message of the other snapshots, and every form behind its buttons, as Discord draws them.

The tests are those of test_creator_messages and test_desk_messages; only what they compare with is another.
"""

from __future__ import annotations

import json
import re

import pytest
from syrupy.assertion import SnapshotAssertion

import core.chat.desk  # noqa: F401 - declares every command
from adapters.discord import commands, custom_ids, layouts, modals
from adapters.discord.limits import command_problems, problems
from core.chat import handles
from core.chat.cards import Card
from core.chat.registry import REGISTRY, Reply
from tests.desk_world import CHANNEL, EARNINGS, World, jan
from tests.snapshots import test_creator_messages, test_desk_messages
from tests.snapshots.conftest import ShownAs, TextFile
from tests.unit.discord.reading import harmful, shown

LINE = "─" * 24
_TOKEN = re.compile(r"\b[0-9a-f]{36}\b")  # a preview's, another one every time


def _tests(module: object) -> dict[str, object]:
    return {
        name: test for name, test in vars(module).items() if name.startswith("test_") and name != "test_cards_as_data"
    }


globals().update(_tests(test_creator_messages) | _tests(test_desk_messages))


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
    return _TOKEN.sub("(token)", "\n".join(parts) + "\n")


@pytest.fixture
def shown_as(snapshot: SnapshotAssertion) -> ShownAs:
    """Compare a reply, as Discord draws it, with the file of that name."""
    files = snapshot.use_extension(TextFile)

    def check(name: str, reply: Reply | Card) -> None:
        assert drawn(reply.card if isinstance(reply, Reply) else reply) == files(name=name)

    return check


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
