"""What a chat platform hands over: taken in once, held by one, kept with the write it asked for; on both databases."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlmodel import select

from core.chat import inbox
from core.chat.desk import Once
from core.chat.inbox import AlreadyTaken, Item, Received
from core.chat.outbox import Destination
from core.chat.registry import Reply
from core.chat.tables import ChatReceived
from core.chat.text import as_text
from core.people import Identity
from core.storage import Database
from tests.conftest import count
from tests.desk_world import World, button_of, said

NOW = dt.datetime(2026, 1, 14, 3, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
HERE = Destination("playground", "demo", "earnings")


def store(database: Database, *keys: str, who: str = "a", now: dt.datetime = NOW) -> dict[str, Item]:
    with database.transaction() as session:
        return inbox.store(session, now, who, [Received("slack", key, f'{{"of": "{key}"}}') for key in keys])


def lost(database: Database, now: dt.datetime, who: str = "b", limit: int = 20, platform: str = "slack") -> list[Item]:
    with database.transaction() as session:
        return inbox.claim_lost(session, now, who, platform, limit)


def at_once(number: int, work: Callable[[int], None]) -> None:
    """Run work in threads that begin together."""
    gate = threading.Barrier(number)

    def run(which: int) -> None:
        gate.wait()
        work(which)

    threads = [threading.Thread(target=run, args=(which,)) for which in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_only_the_new_ones(database: Database) -> None:
    """A payload that came before is not handed out again, nor one that comes twice in the same batch."""
    first = store(database, "t1", "t2", "t1")
    assert sorted(first) == ["t1", "t2"]
    assert (first["t1"].payload, first["t1"].kept, first["t1"].tries) == ('{"of": "t1"}', None, 1)
    assert list(store(database, "t2", "t3")) == ["t3"]
    assert store(database, "t1") == store(database) == {}
    with database.transaction() as session:
        assert list(inbox.store(session, NOW, "a", [Received("discord", "t1", "{}")])) == ["t1"]
    assert count(database, "chat_received") == 4


def test_a_whole_burst(database: Database) -> None:
    """Hundreds of payloads are stored in one go."""
    assert len(store(database, *(f"t{number}" for number in range(1_203)))) == 1_203


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_impossible_keys(sqlite_database: Database, key: str) -> None:
    """A key that no column holds is refused before the database is asked."""
    with pytest.raises(ValueError, match=f"a key of {len(key)} characters"):
        store(sqlite_database, key)


def test_twenty_at_once(database: Database) -> None:
    """Of twenty that store the same payloads at the same moment, in any order, exactly one gets each."""
    got: list[str] = []
    keys = ["t1", "t2", "t3"]
    at_once(20, lambda which: got.extend(store(database, *(keys if which % 2 else keys[::-1]), who=f"p{which}")))
    assert sorted(got) == keys


def test_leases(database: Database) -> None:
    """A payload is its holder's until the lease runs out, is renewed by the holder alone, and can be let go."""
    one, two = store(database, "t1", "t2").values()
    assert lost(database, NOW + inbox.LEASE - SECOND) == []
    with database.transaction() as session:
        inbox.renew(session, NOW + 20 * SECOND, "a", [one.id])
        inbox.renew(session, NOW + 20 * SECOND, "someone else", [two.id])
    (taken,) = lost(database, NOW + inbox.LEASE)
    assert (taken.id, taken.key, taken.payload, taken.tries) == (two.id, "t2", '{"of": "t2"}', 2)
    assert taken.received_at == NOW
    assert lost(database, NOW + inbox.LEASE) == [], "held by b now"
    with database.transaction() as session:
        inbox.release(session, [one.id])
    (released,) = lost(database, NOW + inbox.LEASE)
    assert (released.id, released.tries) == (one.id, 2)


def test_the_oldest_of_this_platform_first(database: Database) -> None:
    """Lost payloads are taken up in the order they came, a few at a time, of the platform that was asked for."""
    store(database, "t1", "t2", "t3")
    later = NOW + inbox.LEASE
    assert lost(database, later, platform="discord") == []
    assert [item.key for item in lost(database, later, limit=2)] == ["t1", "t2"]
    assert [item.key for item in lost(database, later, limit=2)] == ["t3"]


def test_taken_up_by_one(database: Database) -> None:
    """Of many processes that look for lost payloads at once, each payload goes to one."""
    store(database, *(f"t{number}" for number in range(30)))
    got: list[str] = []

    def work(which: int) -> None:
        for _ in range(20):
            got.extend(item.key for item in lost(database, NOW + inbox.LEASE, f"p{which}", limit=4))

    at_once(6, work)
    assert sorted(got) == sorted(f"t{number}" for number in range(30))


def test_done(database: Database) -> None:
    """What was answered is not taken up again, keeps nothing of what was said, and is forgotten after two days."""
    one = store(database, "t1")["t1"]
    with database.transaction() as session:
        inbox.keep(session, one.id, "yes")
        inbox.done(session, NOW, one.id)
    with database.transaction() as session:
        inbox.done(session, NOW + SECOND, one.id)
        row = session.exec(select(ChatReceived)).one()
        assert (row.payload, row.kept, row.done_at) == ("", None, NOW)
        assert inbox.prune(session, NOW + inbox.MEMORY) == 0
    assert lost(database, NOW + 9 * inbox.LEASE) == []
    assert store(database, "t1") == {}, "a redelivery is still known"
    with database.transaction() as session:
        assert inbox.prune(session, NOW + inbox.MEMORY + SECOND) == 1
    assert count(database, "chat_received") == 0


def test_kept_once(database: Database) -> None:
    """An answer is kept once; a second one, or one for a payload that is done or unknown, is refused."""
    one, two = store(database, "t1", "t2").values()
    with database.transaction() as session:
        inbox.keep(session, one.id, "yes")
        inbox.done(session, NOW, two.id)
    for item_id in (one.id, two.id, 4_711):
        with pytest.raises(AlreadyTaken), database.transaction() as session:
            inbox.keep(session, item_id, "again")
    with database.reading() as session:
        assert (inbox.kept(session, one.id), inbox.kept(session, two.id)) == ("yes", None)
    (taken,) = lost(database, NOW + inbox.LEASE)
    assert taken.kept == "yes"


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    made = World(database)
    yield made.funded()
    made.close()


def kept_text(reply: Reply) -> str:
    return json.dumps(as_text(reply.card))


def confirming(world: World, who: Identity, amount: str) -> tuple[str, str]:
    preview = asyncio.run(world.desk.run(who, f"/withdraw {amount}", HERE))
    button = button_of(preview.card, "Request")
    return button.action, button.value


def test_money_moves_once(world: World) -> None:
    """A payload worked on by two at the same moment moves money once; the other is told so, and what was kept is the
    answer that was given."""
    ada = world.link("ada")
    presses = [confirming(world, ada, "50"), confirming(world, ada, "60")]
    item = store(world.database, "t1")["t1"]
    replies: list[Reply] = []

    def work(which: int) -> None:
        action, value = presses[which % 2]
        once = Once(item.id, kept_text)
        replies.append(asyncio.run(world.desk.press(ada, action, value, {}, HERE, once=once)))

    at_once(8, work)
    (done,) = [reply for reply in replies if reply.ok]
    assert all(reply.again for reply in replies if not reply.ok)
    assert count(world.database, "withdrawal") == 1
    with world.database.reading() as session:
        assert inbox.kept(session, item.id) == kept_text(done)
    assert world.sound()


def test_a_second_keep_undoes_the_move(world: World) -> None:
    """When the payload took effect before, the money that moved in the second transaction is where it was."""
    ada = world.link("ada")
    before = said(world.ask("ada", "/balance"))
    action, value = confirming(world, ada, "50")
    item = store(world.database, "t1")["t1"]
    with world.database.transaction() as session:
        inbox.keep(session, item.id, "answered before")
    reply = asyncio.run(world.desk.press(ada, action, value, {}, HERE, once=Once(item.id, kept_text)))
    assert (reply.ok, reply.again) == (False, True)
    assert "did not happen a second time" in said(reply)
    assert said(world.ask("ada", "/balance")) == before
    assert count(world.database, "withdrawal") == 0
    with world.database.reading() as session:
        assert inbox.kept(session, item.id) == "answered before"


def test_reading_keeps_nothing(world: World) -> None:
    """A command that only reads leaves no trace: run again, it is answered anew."""
    ada = world.link("ada")
    item = store(world.database, "t1")["t1"]
    for _ in range(2):
        reply = asyncio.run(world.desk.run(ada, "/balance", HERE, once=Once(item.id, kept_text)))
        assert reply.ok
    with world.database.reading() as session:
        assert inbox.kept(session, item.id) is None


def test_a_refusal_stands(world: World) -> None:
    """Whoever was told that nothing happened isn't surprised later: the payload that comes again is not run again."""
    ada = world.link("ada")
    item = store(world.database, "t1")["t1"]
    refused = asyncio.run(world.desk.run(ada, "/withdraw 5000", HERE, once=Once(item.id, kept_text)))
    assert not refused.ok
    assert not refused.again
    world.earn("logo", world.now - dt.timedelta(hours=1), 9_000)
    world.settle(world.now + dt.timedelta(days=1))
    again = asyncio.run(world.desk.run(ada, "/withdraw 5000", HERE, once=Once(item.id, kept_text)))
    assert (again.ok, again.again) == (False, True)
    with world.database.reading() as session:
        assert inbox.kept(session, item.id) == kept_text(refused)


def test_refused_while_another_took_it(world: World) -> None:
    """A refusal that only says that the payload took effect meanwhile gives way to the answer that was kept."""
    ada = world.link("ada")
    action, value = confirming(world, ada, "50")
    item = store(world.database, "t1")["t1"]
    once = Once(item.id, kept_text)
    assert asyncio.run(world.desk.press(ada, action, value, {}, HERE, once=once)).ok
    reply = asyncio.run(world.desk.press(ada, action, value, {}, HERE, once=once))
    assert (reply.ok, reply.again) == (False, True)


def test_an_answer_that_cannot_be_drawn(world: World) -> None:
    """A write whose answer can't be kept did not happen."""
    ada = world.link("ada")
    action, value = confirming(world, ada, "50")
    item = store(world.database, "t1")["t1"]

    def broken(_reply: Reply) -> str:
        raise ZeroDivisionError

    reply = asyncio.run(world.desk.press(ada, action, value, {}, HERE, once=Once(item.id, broken)))
    assert "Nothing changed" in said(reply)
    assert count(world.database, "withdrawal") == 0
    refused = asyncio.run(world.desk.press(ada, action, "nothing", {}, HERE, once=Once(item.id, broken)))
    assert not refused.ok
