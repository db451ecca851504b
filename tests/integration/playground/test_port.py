"""The playground's server side: a chat platform in memory, and who may talk to it."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from adapters.web.playground import (
    GUEST,
    PLATFORM,
    WORKSPACE,
    Playground,
)
from adapters.web.playground import journal as books
from adapters.web.playground.hub import Hub
from adapters.web.playground.port import NoSuchMoment, NothingToApprove
from adapters.web.playground.residents import residents
from adapters.web.playground.routes import stream
from adapters.web.playground.timeline import Post, Timeline
from core import people
from core.chat import outbox
from core.chat.cards import Button
from core.chat.outbox import ChannelGone, Destination, DirectMessageClosed
from core.chat.registry import File, Reply
from core.ledger import accounts, journal
from core.people import Identity
from core.storage import Database, make_engine
from tests.earnings_world import World
from tests.integration.playground.conftest import (
    ADA,
    CHANNEL,
    CONFIG,
    NOW,
    FakeDesk,
    frames,
    link,
    plain,
    say,
)


async def test_a_post_with_the_same_key_stands_once(playground: Playground) -> None:
    """The relay may post again after an unclear answer: the message is not doubled, and can be found by its key."""
    first = await playground.post(CHANNEL, say("a"), "k1")
    assert await playground.post(CHANNEL, say("a"), "k1") == first
    assert await playground.find(CHANNEL, "k1", NOW) == first
    assert await playground.find(CHANNEL, "k2", NOW) is None
    assert len(playground.timeline.posts) == 1


async def test_a_repaint_replaces_the_card_where_it_stands(playground: Playground) -> None:
    """A copy from before a restart is not known any more: it is shown as it is now, under its old id."""
    known = await playground.post(CHANNEL, say("before"), "k1")
    await playground.post(CHANNEL, say("later"), "k2")
    await playground.repaint(CHANNEL, known, say("after"))
    await playground.repaint(CHANNEL, "from-before", say("restored"))
    titles = [post.card.title for post in playground.timeline.posts.values() if post.card]
    assert titles == ["after", "later", "restored"]
    assert list(playground.timeline.posts)[2] == "from-before"


async def test_places_that_are_not_there_are_refused_as_chat_platforms_do(playground: Playground) -> None:
    """An unknown channel is gone, an unknown person's messages are closed; the newcomer's are open."""
    with pytest.raises(ChannelGone):
        await playground.post(Destination(PLATFORM, WORKSPACE, channel="random"), say("a"), "k1")
    with pytest.raises(DirectMessageClosed):
        await playground.post(Destination(PLATFORM, WORKSPACE, user_id="nobody"), say("a"), "k2")
    await playground.post(Destination(PLATFORM, WORKSPACE, user_id=GUEST), say("a"), "k3")
    await playground.post(ADA, say("a"), "k4")
    assert [(post.surface, post.seen_by) for post in playground.timeline.posts.values()] == [
        ("dm", GUEST),
        ("dm", "ada"),
    ]


async def test_a_command_and_its_answer_are_seen_by_the_asker_alone(playground: Playground, desk: FakeDesk) -> None:
    """In a channel too: others see neither what was typed nor what was said."""
    ada = await playground.person("ada")
    assert ada is not None
    await playground.run(ada, "earnings", "/balance")
    assert [(post.seen_by, post.author) for post in playground.timeline.posts.values()] == [
        ("ada", "ada"),
        ("ada", "desk"),
    ]
    surface = Destination(PLATFORM, WORKSPACE, channel="earnings")
    assert desk.heard == [("run", Identity(PLATFORM, "ada", WORKSPACE), "/balance", surface)]


async def test_talk_is_no_command(playground: Playground, desk: FakeDesk) -> None:
    """A line without a slash is for the others in the channel; the desk isn't asked, and says so."""
    ada = await playground.person("ada")
    assert ada is not None
    await playground.run(ada, "earnings", "hello")
    assert not desk.heard
    talk, hint = playground.timeline.posts.values()
    assert (talk.text, talk.seen_by) == ("hello", "")
    assert "slash" in hint.text
    assert hint.seen_by == "ada"


async def test_paging_replaces_ones_own_card_and_never_one_that_all_see(playground: Playground, desk: FakeDesk) -> None:
    """A reply that replaces takes the pressed card's place only where nobody else looks at it."""
    mira = await playground.person("mira")
    assert mira is not None
    desk.next_reply = Reply(say("page 2"), replaces=True)
    public = await playground.post(CHANNEL, say("public"), "k1")
    await playground.press(mira, public, "payout-approvals", "page", "/x", {})
    own = list(playground.timeline.posts)[1]
    assert playground.timeline.posts[own].seen_by == "mira"
    await playground.press(mira, own, "payout-approvals", "page", "/x", {})
    await playground.press(mira, "forgotten", "payout-approvals", "page", "/x", {})
    cards = [post.card.title for post in playground.timeline.posts.values() if post.card]
    assert cards == ["public", "page 2", "page 2"]
    assert playground.timeline.posts[own].edited


async def test_both_approvers_press_the_newest_open_card(playground: Playground, desk: FakeDesk) -> None:
    """Two presses at once, by two people, on the card that waits; without one there is nothing to press."""
    with pytest.raises(NothingToApprove):
        await playground.both_approve()
    await playground.post(CHANNEL, say("old", Button("payout.approve", "1", "Approve")), "k1")
    await playground.post(CHANNEL, say("new", Button("payout.approve", "2", "Approve")), "k2")
    await playground.post(CHANNEL, say("decided"), "k3")
    answers = await playground.both_approve()
    assert [person.name for person, _ in answers] == ["Mira", "Tom"]
    pressed = [(heard[1], heard[3]) for heard in desk.heard]
    assert pressed == [(Identity(PLATFORM, name, WORKSPACE), "2") for name in ("mira", "tom")]


async def test_the_clock_jumps_once_at_a_time_and_every_page_hears_of_it(world: Database, desk: FakeDesk) -> None:
    """Two impatient clicks make two jumps one after the other, never one inside the other."""
    running, most, now = 0, 0, [NOW]

    class Night:
        def moments(self) -> dict[str, dt.datetime]:
            return {"night": now[0] + dt.timedelta(hours=18)}

        async def __call__(self, to: str) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            now[0] = self.moments()[to]
            running -= 1

    playground = Playground(desk, world, CONFIG, lambda: now[0], jumps=Night())
    try:
        assert playground.clock_json() == {
            "now": "2026-01-14T09:00:00Z",
            "jumps": {"night": "2026-01-15T03:00:00Z"},
        }
        with pytest.raises(NoSuchMoment):
            await playground.jump("month")
        with playground.hub.listener() as queue:
            await asyncio.gather(playground.jump("night"), playground.jump("night"))
            assert most == 1
            assert [(await queue.get() or ("", 0))[0] for _ in range(2)] == ["clock", "clock"]
    finally:
        playground.close()


async def test_a_page_hears_the_state_and_then_what_happens(playground: Playground, world: Database) -> None:
    """Everything at first; then posts, repaints and journal entries as they are committed; the end when it closes."""
    events = frames(playground)
    kind, state = await anext(events)
    assert kind == "state"
    assert isinstance(state, dict)
    assert [one["id"] for one in state["people"]] == ["ada", "mira", "tom", GUEST]
    assert {one["usage"] for one in state["commands"]} == {"/balance", "/desk approve <value>"}
    post_id = await playground.post(CHANNEL, say("hello"), "k1")
    assert (await anext(events))[0] == "post"
    await playground.repaint(CHANNEL, post_id, say("changed"))
    kind, changed = await anext(events)
    assert kind == "change"
    assert isinstance(changed, dict)
    assert changed["card"]["title"] == "changed"

    def move() -> None:
        with world.transaction() as session:
            usage = accounts.open_account(session, "studio", "usage")
            ada = accounts.open_account(session, "studio", "available", "ada")
            journal.post(session, "k", "settlement", NOW, [journal.Move(usage, ada, 10_000_000)], memo="day")

    await asyncio.to_thread(move)
    kind, entries = await asyncio.wait_for(anext(events), 2)
    assert kind == "journal"
    assert isinstance(entries, dict)
    assert entries["entries"][0]["transfers"][0]["credit"] == "studio:available:ada"
    playground.close()
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_a_page_that_cannot_follow_starts_over() -> None:
    """A listener whose queue is full is told to stop; the browser reconnects and gets the whole state."""
    hub = Hub()
    with hub.listener() as queue:
        for number in range(1_001):
            hub.tell("post", number)
        assert await queue.get() is None
    hub.close()
    with hub.listener() as queue:
        assert await queue.get() is None


def test_the_journal_shows_the_balance_that_each_transfer_left(world: Database) -> None:
    """Walked backwards from today's balances, through entries that touch the same account several times."""
    with world.transaction() as session:
        usage = accounts.open_account(session, "studio", "usage")
        ada = accounts.open_account(session, "studio", "available", "ada")
        held = accounts.open_account(session, "studio", "reserved", "ada")
        moves = [journal.Move(usage, ada, 7_000_000), journal.Move(usage, ada, 3_000_000)]
        journal.post(session, "k1", "settlement", NOW, moves)
        journal.post(session, "k2", "withdrawal.request", NOW, [journal.Move(ada, held, 4_000_000)])
    with world.reading() as session:
        page = plain(books.newest(session))
        assert page["balanced"] is True
        newest, oldest = page["entries"]
        assert newest["transfers"] == [
            {
                "debit": "studio:available:ada",
                "credit": "studio:reserved:ada",
                "amount": "$4.00",
                "debit_after": "$6.00",
                "credit_after": "$4.00",
            }
        ]
        after = [one["credit_after"] for one in oldest["transfers"]]
        assert after == ["$7.00", "$10.00"]
        assert plain(books.newest(session, after=oldest["id"]))["entries"] == [newest]
        assert len(books.transfers_of(session, oldest["id"])) == 2


def test_someone_unlinked_can_still_be_played(world: Database) -> None:
    """/unlink makes a stranger of them, not a gap in the list; the newcomer who links becomes somebody."""
    with world.transaction() as session:
        people.unlink(session, NOW, Identity(PLATFORM, "ada", WORKSPACE))
        link(session, GUEST, people.ensure_creator_person(session, "bob", "Bob"))
        found = {one.user_id: one for one in residents(session)}
    assert not found["ada"].linked
    assert (found[GUEST].name, found[GUEST].linked) == ("Bob", True)
    assert len(found) == 4


def test_old_posts_go_and_their_files_with_them() -> None:
    """What is kept is bounded, however long the playground runs."""
    timeline = Timeline()
    file = File("a.csv", b"x", "text/csv")
    for number in range(1_000):
        timeline.add(Post(str(number), "earnings", "", "desk", NOW, card=say("x"), files=timeline.offer((file,))))
    assert len(timeline.posts) == 600
    assert len(timeline.files) == 100
    assert timeline.change("0", say("gone")) is None


async def test_after_a_restart_the_channels_show_what_was_delivered(world: Database, desk: FakeDesk) -> None:
    """Drawn anew from the outbox, in order, under the same ids; what a person alone reads stays theirs."""
    with world.transaction() as session:
        ada = people.actor_of(session, Identity(PLATFORM, "ada", WORKSPACE))
        assert ada is not None
        facts = {"creator": "Ada", "reason": "Looking into it"}
        outbox.put(session, NOW, "k1", "unasked/frozen", facts, person_id=ada.person_id)
        outbox.put(session, NOW, "k2", "unasked/frozen", facts, to=CHANNEL)
        outbox.put(session, NOW, "k3", "unasked/no_such_template", {}, to=CHANNEL)
        outbox.put(session, NOW, "k4", "unasked/frozen", facts, to=Destination("slack", "T1", channel="C1"))
    for number in range(3):
        with world.transaction() as session:
            for one in outbox.claim(session, NOW, "relay", 10, [PLATFORM, "slack"]):
                outbox.delivered(session, NOW + dt.timedelta(seconds=number), one.id, "x")
    playground = Playground(desk, world, CONFIG, lambda: NOW + dt.timedelta(hours=1))
    try:
        fresh = await playground.post(CHANNEL, say("since"), "k5")
        assert await playground.find(CHANNEL, "k2", NOW) is None, "nobody has looked yet"
        state = await playground.state()
        posts = plain(state["posts"])
        assert [(post["surface"], post["seen_by"]) for post in posts] == [
            ("dm", "ada"),
            ("payout-approvals", ""),
            ("payout-approvals", ""),
        ]
        assert posts[2]["id"] == fresh
        assert await playground.post(CHANNEL, say("again"), "k2") == posts[1]["id"]
        assert len(playground.timeline.posts) == 3
    finally:
        playground.close()


async def test_either_database_will_do(database: Database, desk: FakeDesk) -> None:
    """People, books and the newcomer's code are read alike from SQLite and PostgreSQL."""
    World(database)
    with database.transaction() as session:
        link(session, "ada", people.ensure_creator_person(session, "ada", "Ada"))
        usage = accounts.open_account(session, "studio", "usage")
        ada = accounts.open_account(session, "studio", "available", "ada")
        journal.post(session, "k", "settlement", NOW, [journal.Move(usage, ada, 10_000_000)])
    playground = Playground(desk, database, CONFIG, lambda: NOW)
    try:
        state = plain(await playground.state())
        assert [one["id"] for one in state["people"]] == ["ada", GUEST]
        assert state["journal"]["entries"][0]["moved"] == "$10.00"
        assert state["journal"]["sum"] == "$0.00"
        assert (await playground.link_code())[1] == "Bob"
    finally:
        playground.close()


async def test_a_page_waits_for_a_database_that_is_gone(desk: FakeDesk) -> None:
    """The stream ends and asks the browser to come back; nothing is raised."""
    gone = Database(make_engine("sqlite:////nowhere/at/all.db"))
    playground = Playground(desk, gone, CONFIG, lambda: NOW)
    try:
        assert [part async for part in stream(playground)] == [b"retry: 3000\n\n"]
    finally:
        playground.close()
