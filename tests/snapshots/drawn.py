"""The messages of the desk's own snapshots, held against how a platform draws them."""

from __future__ import annotations

import re
from types import ModuleType

from tests.desk_world import CHANNEL, EARNINGS, World, jan
from tests.snapshots import test_creator_messages, test_desk_messages, test_month_messages
from tests.snapshots.conftest import ShownAs

LINE = "─" * 24
_TOKEN = re.compile(r"\b[0-9a-f]{36}\b")  # a preview's, another one every time


def borrowed() -> dict[str, object]:
    """The tests of the desk's own messages by name; in another module they use that one's `shown_as`."""
    return _tests(test_creator_messages) | _tests(test_desk_messages) | _tests(test_month_messages)


def _tests(module: ModuleType) -> dict[str, object]:
    return {
        name: test for name, test in vars(module).items() if name.startswith("test_") and name != "test_cards_as_data"
    }


def joined(parts: list[str]) -> str:
    """The parts of a drawing as one file's text, the same every time."""
    return _TOKEN.sub("(token)", "\n".join(parts) + "\n")


async def say_unasked(mockup: World, shown_as: ShownAs) -> None:
    """Have the desk post every card that it posts by itself, for approvers and people; each is compared once."""
    for name in ("ada", "Mira", "Ann", "Olga"):
        mockup.link(name)
    olga = mockup.link("Olga", "UOlga2")
    await mockup.desk.run(olga, "/desk digest on full", EARNINGS)
    await mockup.desk.run(olga, "/desk approvals-channel on", CHANNEL)
    mockup.ask("ada", "/settings digest=08:00")
    mockup.withdrawal("ada", "600")
    mockup.withdrawal("ada", "60")
    mockup.withdrawal("ada", "70")
    seen = _Seen(mockup, shown_as)
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


class _Seen:
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
