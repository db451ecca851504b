"""A creator with hundreds of projects of the longest names, through the real commands: every answer fits Discord."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.discord import custom_ids, layouts, modals
from adapters.discord.limits import problems
from core.chat import handles
from core.chat.cards import Actions, Card, Select
from core.chat.registry import Reply
from core.earnings.catalog import upsert_projects
from core.storage import Database
from tests.desk_world import World, jan
from tests.unit.discord.reading import harmful

PROJECTS = 300
LONGEST = 200  # characters of a name that intake takes
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
