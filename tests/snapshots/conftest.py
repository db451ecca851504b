"""Messages as they are read, one text file each, so that a change of words is seen as a change of words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from core.chat.cards import Card
from core.chat.registry import Reply
from core.chat.text import as_text
from core.storage import Base, Database, make_engine
from tests.desk_world import World, jan
from tests.processing_world import Talk

ShownAs = Callable[[str, "Reply | Card"], None]


class TextFile(SingleFileSnapshotExtension):
    """messages/<test module>/<test>[<name>].txt beside the tests."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"
    snapshot_dirname = "messages"


def compared(snapshot: SnapshotAssertion, drawn: Callable[[Card], str]) -> ShownAs:
    """A comparison of what `drawn` makes of a reply's card with the file of a name."""
    files = snapshot.use_extension(TextFile)

    def check(name: str, reply: Reply | Card) -> None:
        assert drawn(reply.card if isinstance(reply, Reply) else reply) == files(name=name)

    return check


@pytest.fixture
def shown_as(snapshot: SnapshotAssertion) -> ShownAs:
    """Compare a reply with the file of that name."""
    return compared(snapshot, lambda card: f"{as_text(card)}\n")


@pytest.fixture(scope="session")
def mockup_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database behind `mockup`, made once."""
    path = tmp_path_factory.mktemp("mockup") / "desk.db"
    engine = make_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    world = World(Database(engine), now=jan(1))
    _first_payout(world)
    _weeks(world)
    world.now = jan(14)
    world.usage("logo", jan(14, 9), "620", user="u9")
    world.close()
    engine.dispose()  # the last connection that closes brings the write-ahead log into the file
    return path


@pytest.fixture
def mockup(mockup_file: Path, tmp_path: Path) -> Iterator[World]:
    """The desk whose figures are those of the mock-ups: Ada's wallet, Logo Lab's week; it is 14 Jan, 10:00 UTC."""
    path = tmp_path / "desk.db"
    shutil.copy(mockup_file, path)
    engine = make_engine(f"sqlite:///{path}")
    world = World(Database(engine), begun=True)
    yield world
    world.close()
    engine.dispose()


def _first_payout(world: World) -> None:
    """Ada earned enough before to have been paid $410.00."""
    world.now = jan(1, 12)
    # Total Earnings $1,698.40, of which the two weeks bring $41.20 + $36.80 + Prompt Pal's $1.40.
    world.usage("pal", jan(1, 11), "323800", user="u1")
    world.settle(jan(2, 3))
    world.now = jan(2, 10)
    number = world.withdrawal("ada", "410")
    world.ask("Mira", f"/desk approve {number}")
    world.pay()
    world.press("Ann", "payout.paid", str(number), reference="TR-1")


def _weeks(world: World) -> None:
    """Logo Lab's 31 Dec to 6 Jan ($36.80) and 7 to 13 Jan ($41.20: $8.00 on Mon 12, then $5.00)."""
    world.now = jan(6, 23)
    world.usage("logo", jan(5, 9), "36800", "29440")
    world.settle(jan(7, 3))
    daily = {7: 4000, 8: 5000, 9: 6000, 10: 6400, 11: 6800, 12: 8000, 13: 5000}
    rows = []
    for day, spent in daily.items():
        rows += [("logo", jan(day, 9), str(spent - 100), str(spent * 4 // 5), "u2", "generate")]
        rows += [("logo", jan(day, 10), "1", "0", f"u{n}", "generate") for n in range(100)]
    # Times Used 1,030 with the remixes, Built On 37.
    rows += [("logo", jan(13, 11), "0", "0", f"m{n}", "remix") for n in range(37)]
    rows += [("logo", jan(13, 11), "0", "0", f"g{n}", "generate") for n in range(1030 - 37 - 7 * 101)]
    rows += [("logo", jan(13, 12), "0", "0", f"v{n}", "view") for n in range(5410)]
    rows += [("logo", jan(13, 12), "0", "0", f"s{n}", "save") for n in range(212)]
    rows += [("pal", jan(13, 12), "280", "0", "u3", "feature"), ("logo", jan(13, 9), "320", "0", "ada", "generate")]
    world.now = jan(13, 23)
    world.events(rows)
    world.settle(jan(14, 3, 4))


@pytest.fixture
def talk(sqlite_database: Database) -> Iterator[Talk]:
    """A desk of two programs on the day of January's payouts."""
    world = Talk(sqlite_database)
    yield world
    world.close()


@pytest.fixture
def shown_as_json(snapshot: SnapshotAssertion) -> ShownAs:
    """Compare a reply's card, as other programs get it, with the file of that name."""
    return compared(snapshot, lambda card: f"{json.dumps(card.as_json(), ensure_ascii=False, indent=1)}\n")
