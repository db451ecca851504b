"""The playground's server side: a chat platform in memory, and who may talk to it."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import Session

from adapters.web.measured import Measured, command_name
from adapters.web.metrics import Metrics
from adapters.web.playground import (
    GUEST,
    PLATFORM,
    WORKSPACE,
    NextToRealTokens,
    NotLoopback,
    Playground,
    mount,
    refuse_real_tokens,
    require_loopback,
)
from adapters.web.playground import journal as books
from adapters.web.playground.hub import Hub
from adapters.web.playground.port import NothingToApprove
from adapters.web.playground.residents import residents
from adapters.web.playground.routes import stream
from adapters.web.playground.timeline import Post, Timeline
from core import people
from core.chat import outbox
from core.chat.cards import Actions, Button, Card, Chart, Point, Span, Text
from core.chat.outbox import ChannelGone, Destination, DirectMessageClosed
from core.chat.registry import Call, File, Registry, Reply, Suggestion, command
from core.config import DeskConfig
from core.ledger import accounts, journal
from core.people import Identity
from core.storage import Database, make_engine
from tests.earnings_world import STUDIO, World, jan

NOW = jan(14, 9)
OWN = {"Host": "127.0.0.1:8321", "X-Earnings-Desk": "playground"}
CHANNEL = Destination(PLATFORM, WORKSPACE, channel="payout-approvals")
ADA = Destination(PLATFORM, WORKSPACE, user_id="ada")
CONFIG = DeskConfig(programs={"studio": STUDIO})
REGISTRY = Registry()


@command("balance", "What you have", registry=REGISTRY)
def _balance(call: Call) -> Reply:
    raise NotImplementedError


@command("desk approve", "Approve", registry=REGISTRY)
def _approve(call: Call, value: int) -> Reply:
    raise NotImplementedError


@dataclass
class FakeDesk:
    """Says what it was asked; `next_reply` is what it answers."""

    registry: Registry = field(default_factory=lambda: REGISTRY)
    heard: list[tuple[object, ...]] = field(default_factory=list)
    next_reply: Reply = field(default_factory=lambda: Reply(Card("Done", "good")))

    async def run(self, identity: Identity, text: str, surface: Destination) -> Reply:
        self.heard.append(("run", identity, text, surface))
        return self.next_reply

    async def press(
        self, identity: Identity, action: str, value: str, fields: Mapping[str, str], surface: Destination
    ) -> Reply:
        self.heard.append(("press", identity, action, value, dict(fields), surface))
        await asyncio.sleep(0)
        return self.next_reply

    async def suggest(self, identity: Identity, text: str) -> list[Suggestion]:
        return [Suggestion(f"{text}lance ", "/balance", f"for {identity.user_id}")]


def link(session: Session, user_id: str, person_id: int, at: dt.datetime = NOW) -> None:
    code, _ = people.create_link_code(session, at, person_id)
    assert people.link(session, at, Identity(PLATFORM, user_id, WORKSPACE), code).ok


@pytest.fixture
def world(sqlite_database: Database) -> Database:
    """Ada and Bob are creators, Mira and Tom approve; all linked but Bob."""
    World(sqlite_database)
    with sqlite_database.transaction() as session:
        link(session, "ada", people.ensure_creator_person(session, "ada", "Ada"))
        for name in ("Mira", "Tom"):
            person = people.add_person(session, NOW, name, roles=["approver"])
            link(session, name.lower(), person.id or 0)
    return sqlite_database


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def playground(world: Database, desk: FakeDesk) -> Iterator[Playground]:
    made = Playground(desk, world, CONFIG, lambda: NOW)
    yield made
    made.close()


@pytest.fixture
def web(playground: Playground) -> Iterator[TestClient]:
    app = FastAPI()
    mount(app, playground)
    with TestClient(app, base_url="http://127.0.0.1:8321") as client:
        yield client


def plain(value: object) -> Any:
    """What a browser gets."""
    return json.loads(json.dumps(value))


def say(title: str, *buttons: Button) -> Card:
    return Card(title, blocks=(Text((Span(title),)), Actions(buttons)) if buttons else (Text((Span(title),)),))


async def test_a_post_with_the_same_key_stands_once(playground: Playground) -> None:
    """The relay may post again after an unclear answer: the message is not doubled, and can be found by its key."""
    first = await playground.post(CHANNEL, say("a"), "k1")
    assert await playground.post(CHANNEL, say("a"), "k1") == first
    assert await playground.find(CHANNEL, "k1") == first
    assert await playground.find(CHANNEL, "k2") is None
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

    async def jump() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        now[0] += dt.timedelta(days=1)
        running -= 1

    playground = Playground(desk, world, CONFIG, lambda: now[0], jump=jump)
    try:
        assert playground.clock_json() == {
            "now": "2026-01-14T09:00:00Z",
            "next": "2026-01-15T03:00:00Z",
            "can_jump": True,
        }
        with playground.hub.listener() as queue:
            await asyncio.gather(playground.jump(), playground.jump())
            assert most == 1
            assert [(await queue.get() or ("", 0))[0] for _ in range(2)] == ["clock", "clock"]
    finally:
        playground.close()


async def _frames(playground: Playground) -> AsyncIterator[tuple[str, object]]:
    async for part in stream(playground):
        for event in part.decode().split("\n\n"):
            lines = event.splitlines()
            if lines and lines[0].startswith("event: "):
                yield lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))


async def test_a_page_hears_the_state_and_then_what_happens(playground: Playground, world: Database) -> None:
    """Everything at first; then posts, repaints and journal entries as they are committed; the end when it closes."""
    events = _frames(playground)
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


# From outside: what a browser sends, and what other sites might.

RUN = {"person": "ada", "surface": "dm", "text": "/balance"}


def test_the_page_and_all_it_needs_come_from_here(web: TestClient) -> None:
    """No address of another machine stands in any file of the page, and the policy would not allow one."""
    page = web.get("/")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    for path in [part.split('"')[0] for part in page.text.split('"/playground/static/')[1:]]:
        answer = web.get(f"/playground/static/{path}")
        assert answer.status_code == 200
        assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in answer.text


def test_people_come_from_the_server(web: TestClient) -> None:
    """The switch shows who is linked here, and the newcomer."""
    said = web.get("/playground/people").json()["people"]
    assert [(one["name"], one["about"], one["approver"]) for one in said] == [
        ("Ada", "Creator", False),
        ("Mira", "Approver", True),
        ("Tom", "Approver", True),
        ("Newcomer", "Not linked yet", False),
    ]


def test_a_line_is_run_as_the_person_who_typed_it(web: TestClient, desk: FakeDesk) -> None:
    """The command reaches the desk with the playground's identity of that person."""
    assert web.post("/playground/run", json=RUN, headers=OWN).status_code == 204
    assert desk.heard[0][1:3] == (Identity(PLATFORM, "ada", WORKSPACE), "/balance")


@pytest.mark.parametrize(
    "headers",
    [
        OWN | {"Host": "evil.example"},
        OWN | {"Host": "127.0.0.1.evil.example:8321"},
        OWN | {"Host": "10.0.0.5:8321"},
        OWN | {"Host": ""},
        OWN | {"Origin": "http://evil.example"},
        OWN | {"Origin": "http://127.0.0.1:9999"},
        OWN | {"Origin": "null"},
        OWN | {"Sec-Fetch-Site": "cross-site"},
        OWN | {"Sec-Fetch-Site": "same-site"},
        {"Host": "127.0.0.1:8321"},
        OWN | {"X-Earnings-Desk": "x"},
        OWN | {"Content-Length": "9999999"},
    ],
)
def test_other_sites_get_nothing_done(web: TestClient, desk: FakeDesk, headers: dict[str, str]) -> None:
    """Another name for this machine, another origin, a form on another site, a body too large: 403, and no command."""
    for path in ("run", "press", "jump", "both", "link-code", "suggest"):
        assert web.post(f"/playground/{path}", json=RUN, headers=headers).status_code == 403
    assert not desk.heard


@pytest.mark.parametrize("path", ["/", "/playground/people", "/playground/events", "/playground/static/js/main.js"])
def test_other_names_and_sites_read_nothing(web: TestClient, path: str) -> None:
    """A page elsewhere that points its own name here reads nothing; a link to the page may be followed."""
    assert web.get(path, headers={"Host": "evil.example"}).status_code == 403
    assert web.get(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert web.get("/", headers=followed).status_code == 200


@pytest.mark.parametrize("host", ["localhost:8321", "127.0.0.1", "127.1.2.3:80", "[::1]:8321"])
def test_every_name_of_this_machine_will_do(web: TestClient, host: str) -> None:
    """Loopback in all its spellings."""
    assert web.get("/playground/people", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("text", ["\\ud800", "/\\ud83d", "/balance \\u0000", "/\\u202e\\u2028", "\\ud83d\\ude00"])
async def test_no_text_breaks_the_stream(web: TestClient, playground: Playground, text: str) -> None:
    """Half characters, control characters, line separators: refused or shown, and the next page still opens."""
    body = f'{{"person": "ada", "surface": "earnings", "text": "{text}"}}'
    answer = web.post("/playground/run", content=body, headers=OWN | {"Content-Type": "application/json"})
    assert answer.status_code in (204, 422)
    async for kind, _ in _frames(playground):
        assert kind == "state"
        break


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("run", RUN | {"person": "nobody"}, 404),
        ("run", RUN | {"surface": "random"}, 422),
        ("run", RUN | {"text": "   "}, 422),
        ("run", RUN | {"text": "x" * 5000}, 422),
        ("run", [], 422),
        ("press", RUN, 422),
        ("both", {}, 409),
        ("jump", {}, 409),
        ("nothing", {}, 404),
    ],
)
def test_requests_that_make_no_sense_say_so(web: TestClient, path: str, body: object, status: int) -> None:
    """A sentence for the page to show, in every case."""
    answer = web.post(f"/playground/{path}", json=body, headers=OWN)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_completions_are_asked_as_the_person(web: TestClient) -> None:
    """What may be completed depends on who types."""
    answer = web.post("/playground/suggest", json={"person": "ada", "text": "/ba"}, headers=OWN)
    assert answer.json() == {"suggestions": [{"value": "/balance ", "label": "/balance", "hint": "for ada"}]}


def test_the_newcomer_gets_a_code_as_from_the_account_page(web: TestClient, world: Database) -> None:
    """It belongs to a creator whom nobody has linked, and links like any other."""
    said = web.post("/playground/link-code", json={}, headers=OWN).json()
    assert said["name"] == "Bob"
    with world.transaction() as session:
        outcome = people.link(session, NOW, Identity(PLATFORM, GUEST, WORKSPACE), said["code"])
        assert outcome.actor is not None
        assert outcome.actor.creator_id == "bob"
    answer = web.post("/playground/link-code", json={}, headers=OWN)
    assert answer.status_code == 409


def test_charts_and_files_of_a_reply_can_be_fetched(web: TestClient, playground: Playground, desk: FakeDesk) -> None:
    """A chart is a PNG in the page's colours with its words as alt; a file is a download with its own bytes."""
    chart = Chart("bar", "by-day", "Rises to $8.00.", (Point("12 Jan", "8.00"),), "usd")
    data = b"source,amount\n'=1+1,5.00\n"
    desk.next_reply = Reply(Card("Stats", blocks=(chart,)), (File("täglich ü.csv", data, "text/csv"),))
    web.post("/playground/run", json=RUN, headers=OWN)
    post = plain(playground.timeline.as_json(list(playground.timeline.posts.values())[-1]))
    block = post["card"]["blocks"][0]
    assert block["alt"] == "Rises to $8.00."
    for theme in ("light", "dark", "card"):
        picture = web.get(f"{block['src']}?theme={theme}")
        assert picture.headers["content-type"] == "image/png"
        assert picture.content.startswith(b"\x89PNG")
    assert web.get("/playground/charts/" + "0" * 32 + ".png").status_code == 404
    file = post["files"][0]
    answer = web.get(file["url"])
    assert answer.content == data
    assert answer.headers["content-disposition"] == "attachment"
    assert next(csv.reader(answer.text.splitlines())) == ["source", "amount"]
    assert web.get("/playground/files/guessed/x.csv").status_code == 404


def test_an_entry_unfolds(web: TestClient, world: Database) -> None:
    """The transfers of a long entry are fetched when asked for."""
    with world.transaction() as session:
        usage = accounts.open_account(session, "studio", "usage")
        ada = accounts.open_account(session, "studio", "available", "ada")
        journal.post(session, "k1", "settlement", NOW, [journal.Move(usage, ada, 1 + n) for n in range(12)])
    with world.reading() as session:
        entry = plain(books.newest(session))["entries"][0]
    assert (len(entry["transfers"]), entry["count"]) == (8, 12)
    answer = web.get(f"/playground/journal/{entry['id']}").json()
    assert len(answer["transfers"]) == 12


def test_it_refuses_to_run_next_to_real_accounts() -> None:
    """Real tokens are named (never shown), and only this machine may listen."""
    refuse_real_tokens([])
    with pytest.raises(NextToRealTokens, match="unset DISCORD_TOKEN, SLACK_BOT_TOKEN"):
        refuse_real_tokens(["SLACK_BOT_TOKEN", "DISCORD_TOKEN"])
    for host in ("127.0.0.1", "localhost", "::1"):
        require_loopback(host)
    for host in ("0.0.0.0", "192.168.1.5", "::", "example.com", ""):  # noqa: S104 - refused
        with pytest.raises(NotLoopback):
            require_loopback(host)


async def test_commands_are_counted_by_declared_names_only(desk: FakeDesk) -> None:
    """What people make up does not become a label; refusals are told from answers."""
    metrics = Metrics()
    measured = Measured(desk, metrics)
    who, where = Identity(PLATFORM, "ada", WORKSPACE), ADA
    await measured.run(who, "/balance please", where)
    await measured.run(who, "/desk approve 12", where)
    desk.next_reply = replace(desk.next_reply, ok=False)
    await measured.run(who, '/{evil="label"}', where)
    await measured.press(who, "made.up", "1", {}, where)
    await measured.press(who, "page", "/balance", {}, where)
    page = metrics.text().decode()
    for labels in (
        'command="/balance",outcome="ok"',
        'command="/desk approve",outcome="ok"',
        'command="page",outcome="refused"',
    ):
        assert f'earnings_desk_commands_total{{{labels},platform="playground"}} 1.0' in page
    assert 'earnings_desk_commands_total{command="unknown",outcome="refused",platform="playground"} 2.0' in page
    assert command_name(REGISTRY, "  /Balance ") == "/balance"
    assert command_name(REGISTRY, "") == "unknown"


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
        assert await playground.find(CHANNEL, "k2") is None, "nobody has looked yet"
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
