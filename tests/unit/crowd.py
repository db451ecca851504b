"""A creator with hundreds of projects of the longest names, and every answer that this makes long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from core.chat import handles
from core.chat.cards import Actions, Card, Select
from core.chat.registry import Reply
from core.earnings.catalog import upsert_projects
from core.storage import Database
from tests.desk_world import World, jan

PROJECTS = 300
LONGEST = 200  # characters of a name that intake takes


def crowded_world(database: Database, names: Sequence[str]) -> World:
    """Mal has 300 projects with these names, as long as they may be; all earned on 12 Jan. To be closed."""
    world = World(database)
    world.creator("mal", names[0][:LONGEST])
    rows: list[dict[str, object]] = [
        {
            "project_id": f"p{n:03}",
            "creator_id": "mal",
            "program": "studio",
            "name": f"{n} {names[n % len(names)]}"[:LONGEST],
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
    return world


def ask_everything(world: World, names: Sequence[str], checked: Callable[[World, Reply], Card]) -> None:
    """Have `checked` see every answer, each page of it, and whatever its menus lead to; it gives the card as sent."""
    preview = world.ask("mal", "/withdraw 60")
    assert world.press_in(preview, "mal", "Request").ok
    lines = ("/balance", "/stats", "/stats month", "/explain", "/transactions", "/payouts", "/payouts 1", "/methods")
    asked = [*[world.ask("mal", line) for line in lines], world.ask("mal", "/stats"), world.ask("mal", "/help")]
    asked += [world.ask("Mira", line) for line in ("/desk approvals", "/desk batch", "/desk approvals 1")]
    asked += [world.ask("Olga", line) for line in ("/desk audit", "/desk digest test full", "/desk settlement")]
    asked += [world.ask("mal", f'/{name} "{text}"') for text in names for name in ("stats", "explain", "withdraw")]
    asked.append(preview)
    followed = 0
    for reply in asked:
        card = checked(world, reply)
        for action, value in list(leads(card))[:12]:
            with world.database.reading() as session:
                meant = handles.resolve(session, value)
            answer = world.press("mal", action, meant)
            checked(world, answer)
            followed += 1
    assert followed > 50


def leads(card: Card) -> Iterator[tuple[str, str]]:
    """What can be pressed without changing anything: pages, periods and the choices of menus."""
    for block in card.blocks:
        for item in block.items if isinstance(block, Actions) else ():
            if item.action not in ("page", "period", "open"):
                continue
            if isinstance(item, Select):
                yield from ((item.action, option.value) for option in item.options)
            elif item.form is None:
                yield item.action, item.value
