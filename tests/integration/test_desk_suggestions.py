"""What the desk suggests while somebody types, and lines that mean harm."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from core.chat import completion, settings
from core.chat.desk import Desk
from core.chat.registry import Call
from core.people import Actor, Identity
from core.storage import Database
from tests.payouts_world import CONFIG, NOW
from tests.small_desk import ADA, HERE, STRANGER, Setting


@pytest.fixture
def setting(database: Database) -> Iterator[Setting]:
    made = Setting(database)
    yield made
    made.desk.close()


@pytest.fixture
def quick(sqlite_database: Database) -> Iterator[Setting]:
    """For what doesn't depend on the kind of database."""
    made = Setting(sqlite_database)
    yield made
    made.desk.close()


def suggested(setting: Setting, typed: str, who: Identity = ADA) -> list[str]:
    return [one.value for one in asyncio.run(setting.desk.suggest(who, typed))]


def test_suggestions(quick: Setting) -> None:
    """Names of commands, subcommands, values and keywords are completed; each suggestion is the whole new line."""
    assert suggested(quick, "") == ["/say ", "/open ", "/who ", "/note ", "/read "]
    assert suggested(quick, "/s") == ["/say "]
    assert suggested(quick, "/zzz") == []
    assert suggested(quick, "/say ") == ['/say "Logo Lab" ', '/say "Prompt Pal" ']
    assert suggested(quick, "/say lo") == ['/say "Logo Lab" ']
    assert suggested(quick, "/say Logo La") == ['/say "Logo Lab" ']
    assert suggested(quick, '/say "Logo La') == ['/say "Logo Lab" ']
    assert suggested(quick, "/say what=pro") == ['/say what="Prompt Pal" ']
    assert suggested(quick, "/say colour=re") == []
    assert suggested(quick, "/note x b") == ["/note x break "]
    assert suggested(quick, "/note ") == ["/note "]
    assert suggested(quick, "/note x mode=wrong ") == []
    assert suggested(quick, "/", STRANGER) == ["/open ", "/who "]
    assert suggested(quick, "/say ", STRANGER) == []


def test_suggestions_by_role(quick: Setting) -> None:
    """Subcommands come for those who may use them."""
    world = quick.world

    def of(actor: Actor, typed: str) -> list[str]:
        return [one.value for one in quick.desk.suggest_as(actor, typed)]

    assert "/desk " in of(world.mira, "/")
    assert of(world.mira, "/desk") == ["/desk pay "]
    assert of(world.ann, "/desk ") == ["/desk stop ", "/desk pay "]
    assert of(world.ann, "/desk s") == ["/desk stop "]
    assert of(world.ann, "/desk pay Logo pro") == ["/desk pay Logo program="]
    assert of(world.ann, '/desk pay "Logo Lab" pro') == ['/desk pay "Logo Lab" program=']
    assert suggested(quick, "/desk ") == []


def test_suggesting_never_fails(quick: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong, there are just no suggestions."""
    monkeypatch.setattr(Desk, "_suggest", lambda *_: 1 / 0)
    assert suggested(quick, "/") == []


def test_values_of_one_argument(quick: Setting) -> None:
    """A surface that knows the argument asks for its values alone."""
    registry = quick.desk.registry
    with quick.world.session() as session:
        call = Call(session, CONFIG, NOW, quick.world.ada, None, HERE, settings.UTC)
        say = registry.commands["say"]
        assert [one.value for one in completion.values(say, call, "what", "p")] == ["Prompt Pal"]
        assert completion.values(say, call, "nothing", "p") == []
        assert completion.values(registry.commands["desk pay"], call, "whom", "p") == []


def test_hostile_lines(quick: Setting) -> None:
    """Odd text is an argument or refused, whatever the database thinks of it."""
    for line in ("/say \x00", "/say \ud800", "/say " + "x" * 10_000, "/note \x00\x1b", "/" + "y" * 9_000, "\u202e/say"):
        assert quick.run(line).card.title
    with quick.world.database.reading() as session:
        rows = session.connection().execute(text("SELECT count(*) FROM audit_record WHERE action = 'note'"))
        assert rows.scalar_one() == 1
