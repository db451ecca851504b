"""The outbox, on both databases (domain.md, "Messages out")."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlmodel import select

from core import people
from core.chat import outbox
from core.chat.outbox import ChannelLost, Destination
from core.chat.tables import OutboxMessage, PostedCard
from core.people import Identity
from core.storage import Database

NOW = dt.datetime(2026, 1, 14, 3, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
HERE = Destination("playground", "demo", "earnings")
THERE = Destination("slack", "T1", "C1")


def put(database: Database, key: str, to: Destination | None = HERE, **more: object) -> bool:
    with database.transaction() as session:
        return outbox.put(session, NOW, key, "refusal", {"text": key}, to=to, **more)  # type: ignore[arg-type]


def claim(database: Database, now: dt.datetime = NOW, **more: object) -> list[outbox.Claimed]:
    with database.transaction() as session:
        return outbox.claim(session, now, "relay", **more)  # type: ignore[arg-type]


def keys(database: Database, now: dt.datetime = NOW, **more: object) -> list[str]:
    return [message.key for message in claim(database, now, **more)]


def delivered(database: Database, message: outbox.Claimed, at: str = "m1") -> None:
    with database.transaction() as session:
        outbox.delivered(session, NOW, message.id, at, message.to)


def state(database: Database, key: str) -> str:
    with database.reading() as session:
        return session.exec(select(OutboxMessage.state).where(OutboxMessage.key == key)).one()


def person(database: Database, *accounts: Identity) -> int:
    with database.transaction() as session:
        person_id = people.add_person(session, NOW, "Mira").id or 0
        for account in accounts:
            code, _ = people.create_link_code(session, NOW, person_id)
            assert people.link(session, NOW, account, code).ok
        return person_id


def test_once(database: Database) -> None:
    """A message with a key that is there already is not written again, and its transaction wakes no relay."""
    assert put(database, "a")
    with database.transaction() as session:
        assert not outbox.put(session, NOW, "a", "refusal", {"text": "other"}, to=THERE)
        assert not outbox.wrote(session)
        assert outbox.put_all(session, NOW, []) == 0
        assert outbox.put(session, NOW, "b", "refusal", {}, to=HERE)
        assert outbox.wrote(session)
    (message,) = claim(database)
    assert (message.key, message.to, message.facts, message.tries) == ("a", HERE, {"text": "a"}, 1)
    assert not message.check_first


def test_to_nobody(sqlite_database: Database) -> None:
    """A message needs a destination."""
    with pytest.raises(ValueError, match="nobody"):
        put(sqlite_database, "a", None)


def test_rolled_back_with_its_fact(database: Database) -> None:
    """What was not committed is not reported."""
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        outbox.put(session, NOW, "a", "refusal", {}, to=HERE)
        raise ZeroDivisionError
    assert keys(database) == []


def test_claimed_by_one(database: Database) -> None:
    """Of several relays at once, each message goes to exactly one."""
    for number in range(20):
        put(database, f"m{number}", Destination("playground", "demo", f"c{number}"))
    got: list[str] = []

    def relay() -> None:
        for _ in range(8):
            got.extend(keys(database, limit=3))

    threads = [threading.Thread(target=relay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(f"m{number}" for number in range(20))


def test_in_order(database: Database) -> None:
    """Messages of one destination go out one after the other, others beside them."""
    put(database, "1")
    put(database, "2")
    put(database, "there", THERE)
    first, there = claim(database)
    assert (first.key, there.key) == ("1", "there")
    assert keys(database) == []
    delivered(database, first)
    assert keys(database) == ["2"]


def test_back_off_holds_the_later_ones_back(database: Database) -> None:
    """A message that failed is due again after 2, 4, 8 … seconds, and those behind it wait for it."""
    put(database, "1")
    put(database, "2")
    now = NOW
    for wait in (2, 4, 8):
        (message,) = claim(database, now)
        with database.transaction() as session:
            outbox.retry(session, now, message.id, "500")
        assert keys(database, now + (wait - 1) * SECOND) == []
        now += wait * SECOND
    (message,) = claim(database, now)
    assert (message.key, message.tries, message.check_first) == ("1", 4, False)


def test_patience_ends(database: Database) -> None:
    """A message that fails for an hour no longer holds the later ones back, and is still tried."""
    put(database, "1")
    put(database, "2")
    now = NOW
    for _ in range(outbox.PATIENCE):
        (message,) = claim(database, now)
        assert message.key == "1"
        with database.transaction() as session:
            outbox.retry(session, now, message.id, "500")
        now += outbox.LONGEST_BACKOFF
    assert sorted(keys(database, now)) == ["1", "2"]


def test_the_platforms_own_wait(database: Database) -> None:
    """When a platform says how long to wait, that is how long."""
    put(database, "1")
    (message,) = claim(database)
    with database.transaction() as session:
        outbox.retry(session, NOW, message.id, "429", 30 * SECOND)
    assert keys(database, NOW + 29 * SECOND) == []
    assert keys(database, NOW + 30 * SECOND) == ["1"]


def test_an_unclear_answer_is_checked(database: Database) -> None:
    """After a lost answer the relay looks for the message before it posts it again."""
    put(database, "1")
    (message,) = claim(database)
    with database.transaction() as session:
        outbox.retry(session, NOW, message.id, "cut", unclear=True)
    (again,) = claim(database, NOW + 2 * SECOND)
    assert again.check_first


def test_a_killed_relay(database: Database) -> None:
    """A claim that ran out is taken over, and checked first: the killed relay may have posted it."""
    put(database, "1")
    assert keys(database) == ["1"]
    assert claim(database, NOW + outbox.LEASE - SECOND) == []
    (again,) = claim(database, NOW + outbox.LEASE)
    assert (again.key, again.check_first, again.tries) == ("1", True, 2)
    delivered(database, again)
    assert claim(database, NOW + 2 * outbox.LEASE) == []


def test_the_end_is_the_end(database: Database) -> None:
    """A slow relay that reports after another one delivered changes nothing."""
    put(database, "1", subject="s")
    (message,) = claim(database)
    delivered(database, message)
    delivered(database, message, "m2")
    with database.transaction() as session:
        outbox.retry(session, NOW, message.id, "late")
        outbox.undeliverable(session, NOW, message.id, "late")
        outbox.undeliverable(session, NOW, 404, "no such message")
    assert state(database, "1") == "delivered"
    with database.reading() as session:
        assert session.get_one(PostedCard, ("s", "playground", "demo", "earnings", "", "m1")).message_id == "m1"


def test_later(database: Database) -> None:
    """A message for tomorrow morning waits, and holds nothing back."""
    person_id = person(database, Identity("slack", "U1", "T1"))
    put(database, "morning", None, person_id=person_id, not_before=NOW + 3600 * SECOND)
    put(database, "now", None, person_id=person_id)
    (message,) = claim(database)
    assert (message.key, message.to) == ("now", Destination("slack", "T1", user_id="U1"))
    delivered(database, message)
    assert keys(database, NOW + 3600 * SECOND) == ["morning"]


def test_to_the_newest_account(database: Database) -> None:
    """A person's message goes to the newest chat account on a platform that is running here."""
    person_id = person(database, Identity("slack", "U1", "T1"), Identity("discord", "7"))
    put(database, "1", None, person_id=person_id)
    (message,) = claim(database)
    assert message.to == Destination("discord", user_id="7")
    delivered(database, message)
    put(database, "2", None, person_id=person_id)
    (message,) = claim(database, platforms=["slack"])
    assert message.to == Destination("slack", "T1", user_id="U1")


def test_platforms_that_are_not_here(database: Database) -> None:
    """A relay leaves messages for other platforms alone."""
    put(database, "1", THERE)
    assert keys(database, platforms=["playground"]) == []
    with database.reading() as session:
        assert outbox.backlog(session, NOW, ["playground"]).due == 0
        assert outbox.backlog(session, NOW).due == 1
    assert keys(database, platforms=["slack"]) == ["1"]


def test_shown_late(database: Database) -> None:
    """Who has no chat account, or closed their messages, is shown them at the next command, once, a few at a time."""
    person_id = person(database)
    for number in range(4):
        put(database, f"m{number}", None, person_id=person_id)
        assert keys(database) == []
    with database.transaction() as session:
        late = outbox.notices(session, person_id)
        assert [notice.facts["text"] for notice in late] == ["m0", "m1", "m2"]
        ids = [notice.id for notice in late]
        assert outbox.shown(session, NOW, ids) == ids
        assert outbox.shown(session, NOW, ids) == []
        assert [notice.facts["text"] for notice in outbox.notices(session, person_id)] == ["m3"]


def test_the_last_of_several_late_ones(database: Database) -> None:
    """Of several undeliverable messages about the same, the newest is shown; others stay beside it."""
    person_id = person(database)
    for number in range(3):
        put(database, f"m{number}", None, person_id=person_id, subject="morning:studio")
        put(database, f"n{number}", None, person_id=person_id)
    assert keys(database) == []
    with database.reading() as session:
        assert [notice.facts["text"] for notice in outbox.notices(session, person_id)] == ["n0", "n1", "m2"]


def test_a_closed_direct_message(database: Database) -> None:
    """A closed direct message is shown late too, even when it went to one account; no channel is lost by it."""
    facts: list[object] = []
    database = Database(database.engine, lambda _session, fact: facts.append(fact))
    person_id = person(database)
    facts.clear()
    put(database, "1", Destination("slack", "T1", user_id="U1"), person_id=person_id)
    (message,) = claim(database)
    with database.transaction() as session:
        outbox.undeliverable(session, NOW, message.id, "closed")
        assert len(outbox.notices(session, person_id)) == 1
    assert not facts


def test_a_lost_channel_is_a_fact(database: Database) -> None:
    """A channel that is gone is published, so that its subscriptions pause and the owners hear of it."""
    facts: list[object] = []
    database = Database(database.engine, lambda _session, fact: facts.append(fact))
    put(database, "1")
    (message,) = claim(database)
    with database.transaction() as session:
        outbox.undeliverable(session, NOW, message.id, "archived")
    assert facts == [ChannelLost(HERE, "archived", NOW, "refusal", {"text": "1"})]
    assert state(database, "1") == "undeliverable"


def test_repaint_after_its_post(database: Database) -> None:
    """A card that changes before it was posted is repainted after it; a repaint without a copy is dropped."""
    with database.transaction() as session:
        outbox.put(session, NOW, "card", "refusal", {}, to=HERE, subject="s")
        assert outbox.copies(session, "s") == [HERE]
        outbox.put(session, NOW, "r1", "refusal", {}, to=HERE, kind="repaint", subject="s")
        outbox.put(session, NOW, "r2", "refusal", {}, to=HERE, kind="repaint", subject="s")
        outbox.put(session, NOW, "lost", "refusal", {}, to=THERE, kind="repaint", subject="s")
    (card,) = claim(database)
    assert state(database, "lost") == "dropped"
    delivered(database, card, "m7")
    (repaint,) = claim(database)  # r2 says it better than r1
    assert state(database, "r1") == "dropped"
    assert (repaint.key, repaint.kind, repaint.message_id) == ("r2", "repaint", "m7")
    delivered(database, repaint, "m7")
    with database.reading() as session:
        assert outbox.copies(session, "s") == [HERE]
        assert outbox.copies(session, "other") == []


def test_last_about(database: Database) -> None:
    """The newest message about a subject can be looked up again."""
    put(database, "1", subject="s")
    put(database, "2", subject="s")
    with database.reading() as session:
        assert outbox.last_about(session, "s") == {"text": "2"}
        assert outbox.last_about(session, "t") is None


def test_backlog(database: Database) -> None:
    """What is due, since when, and when the next message will be."""
    with database.reading() as session:
        assert outbox.backlog(session, NOW) == outbox.Backlog(0, None, None)
    put(database, "1")
    put(database, "2", THERE, not_before=NOW + SECOND)
    with database.reading() as session:
        assert outbox.backlog(session, NOW) == outbox.Backlog(1, NOW, NOW + SECOND)
    claim(database)
    with database.reading() as session:
        assert outbox.backlog(session, NOW) == outbox.Backlog(0, None, NOW + SECOND)
        assert outbox.backlog(session, NOW + 5 * SECOND).next_at == NOW + outbox.LEASE
