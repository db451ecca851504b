"""A bad line, on every kind of post: in the end each digest, card and notice stands once, and says what holds."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import discord
import pytest

from adapters.discord.api import DiscordApi, redirect
from adapters.discord.port import DiscordPort
from adapters.rails.manual import Manual
from bot.relay import Relay
from core import people
from core.chat import outbox
from core.chat.outbox import Destination
from core.people import Identity
from core.storage import Database
from tests.desk_world import World, said
from tests.discord_server import DiscordServer, Message, routes
from tests.discord_server.faults import Fault, Kind
from tests.discord_world import APPROVALS, EARNINGS, GUILD, USERS, settle
from tests.faulty_line import EMPTY, LINKED, FaultyLine, story

POST, EDIT = routes.SEND, routes.EDIT
QUICK: tuple[Kind, ...] = ("cut_before", "cut_after", "429", "429_global", "outage")
SLOW: tuple[Kind, ...] = ("500", "502", "500_after")  # discord.py waits a second and more before it repeats
WAIT = 0.02  # seconds of a 429, which the library waits for
OUTAGE_SECONDS = 30


@dataclass
class Line(FaultyLine):
    """The desk's relay on our Discord, with clocks that whoever waits puts forward."""

    earnings, approvals = EARNINGS, APPROVALS

    discord: DiscordServer
    outage_ends: dt.datetime | None = None

    async def sleep(self, seconds: float) -> None:
        self.world.now += dt.timedelta(seconds=seconds)
        self.discord.advance(seconds)
        if self.outage_ends is not None and self.world.now >= self.outage_ends:
            self.outage_ends = None
            self.discord.end_faults()
        await asyncio.sleep(0)

    def fault(self, kind: Kind, route: str, channel: str = "", times: int = 2) -> Fault:
        if kind == "outage":
            self.outage_ends = self.world.now + dt.timedelta(seconds=OUTAGE_SECONDS)
            return self.discord.fault("*", "outage")
        return self.discord.fault(route, kind, times, channel=channel, retry_after=WAIT)

    async def settled(self) -> None:
        """Everything said, however long it takes."""
        for _ in range(300):
            await self.relay.drain()
            with self.world.database.reading() as session:
                waits = outbox.backlog(session, self.world.now)
            if waits == EMPTY and self.outage_ends is None:
                return
            again = None if self.outage_ends else waits.next_at
            await self.sleep(3 if again is None else max(3, (again - self.world.now).total_seconds()))
        raise AssertionError("something never came")

    def destination(self, channel: str) -> Destination:
        return Destination("discord", GUILD, channel)

    def in_channel(self, channel: str) -> list[Message]:
        return self.discord.messages(channel)

    def told(self, name: str) -> list[Message]:
        return self.discord.direct(USERS[name])

    def direct(self, name: str) -> str:
        """The channel of somebody's direct messages."""
        return self.discord.direct_channel(USERS[name]).id

    def standing(self) -> list[Message]:
        """Every message that stands anywhere."""
        channels = [one.id for one in self.discord.everywhere()]
        return [one for channel in channels for one in self.discord.messages(channel)]

    def check(self) -> None:
        """Nothing stands twice: each message was posted with the nonce of its own key."""
        nonces = [one.nonce for one in self.standing()]
        assert all(nonces), "a message without its nonce"
        assert sorted(set(nonces)) == sorted(nonces)
        assert not self.discord.violations, self.discord.violations


@pytest.fixture
async def line(sqlite_database: Database) -> AsyncIterator[Line]:
    """Ada has $1,000; everybody is linked. 13 Jan, 10:00."""
    world = World(sqlite_database).funded()
    async with DiscordServer.running() as server:
        settle(server)
        redirect(server.api_url, server.gateway_url)
        client = discord.Client(intents=discord.Intents.none())
        api = DiscordApi(client.http)
        port = DiscordPort(api, world.database, lambda: world.now)
        ports: dict[str, outbox.ChatPort] = {"discord": port}
        relay = Relay(world.database, world.config, ports, {"manual": Manual()}, lambda: world.now, "relay")
        try:
            await client.login(server.token)
            _link(world, *LINKED)
            yield Line(world, relay, server)
            assert world.sound()
        finally:
            await api.close()
            await client.close()
            redirect()
            world.close()


def _link(world: World, *names: str) -> None:
    with world.database.transaction() as session:
        for name in names:
            code, _ = people.create_link_code(session, world.now, people.resolve(session, name).person_id)
            assert people.link(session, world.now, Identity("discord", USERS[name]), code).ok


STORY = story(Line, POST, EDIT)


def check_story(line: Line) -> None:
    """The story's end, with its chart."""
    line.check_story()
    (digest,) = line.discord.messages(EARNINGS)
    assert [one.filename for one in digest.attachments] == ["chart-1.png"]
    assert "$42.00" in digest.attachments[0].description


async def with_faults(line: Line, kind: Kind, times: int = 2) -> None:
    """The desk's week, with a fault of one kind on each thing that has to reach Discord."""
    for step in STORY:
        calls = step.calls[:1] if kind == "outage" else step.calls  # an outage is of everything
        struck = [line.fault(kind, route, _place(line, place), times) for route, place in calls]
        line.act(step)
        await line.settled()
        assert [fault.hits > 0 for fault in struck] == [True] * len(struck), (step.what, struck)
        line.discord.end_faults()
        line.check()
    check_story(line)


def _place(line: Line, place: str) -> str:
    return line.direct(place) if place in USERS else place


@pytest.mark.parametrize("kind", QUICK)
async def test_each_post_and_repaint_stands_once(line: Line, kind: Kind) -> None:
    """Whatever befalls each post and repaint of a desk's week: nothing is missing, nothing stands twice."""
    await with_faults(line, kind)


@pytest.mark.deep
@pytest.mark.parametrize("kind", SLOW)
async def test_each_post_and_repaint_stands_once_after_server_errors(line: Line, kind: Kind) -> None:
    """The same, where the library itself repeats the call."""
    await with_faults(line, kind)


async def test_server_errors_while_a_withdrawal_is_approved(line: Line) -> None:
    """A repaint, a card and a notice at once, each answered with a 5xx, whether Discord acted or not: each once."""
    for step in STORY[:3]:
        line.act(step)
        await line.settled()
    kinds: tuple[Kind, ...] = ("502", "500_after", "500")
    struck = [
        line.fault(kind, route, _place(line, place), 1)
        for kind, (route, place) in zip(kinds, STORY[3].calls, strict=True)
    ]
    line.act(STORY[3])
    await line.settled()
    assert [fault.hits for fault in struck] == [1, 1, 1]
    for step in STORY[4:]:
        line.act(step)
        await line.settled()
    check_story(line)


async def any_faults(line: Line, seed: int, kinds: tuple[Kind, ...]) -> None:
    """Any faults, on any call, in any order, while the story goes on."""
    chance = random.Random(seed)
    calls = (POST, EDIT, routes.OPEN_DM, routes.HISTORY, routes.MESSAGE, routes.ME)
    for step in STORY:
        for _ in range(chance.randint(0, 5)):
            line.fault(chance.choice(kinds), chance.choice(calls), times=chance.randint(1, 5))
        if chance.random() < 0.2:
            line.fault("outage", "*")
        line.act(step)
        if chance.random() < 0.7:
            await line.settled()
    await line.settled()
    check_story(line)


@pytest.mark.parametrize("seed", range(2))
async def test_any_faults(line: Line, seed: int) -> None:
    """Faults on any call, the searches for what was cut off among them."""
    await any_faults(line, seed, QUICK[:-1])


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(2, 52))
async def test_any_faults_many_times(line: Line, seed: int) -> None:
    """The same, fifty times, some with server errors too."""
    await any_faults(line, seed, QUICK[:-1] if seed % 5 else (*QUICK[:-1], *SLOW))


@pytest.mark.parametrize("kind", ["429", "cut_before"])
async def test_a_search_that_has_to_wait_is_taken_up_again(line: Line, kind: Kind) -> None:
    """A card was posted, its answer lost, and Discord doesn't let itself be searched at once: it isn't posted again."""
    line.fault("cut_after", POST, APPROVALS, 1)
    search = line.fault(kind, routes.HISTORY, APPROVALS, 4)
    line.request()
    await line.settled()
    assert search.hits
    assert len(line.discord.messages(APPROVALS)) == 1
    line.check()


async def test_closed_direct_messages_are_shown_at_the_next_command_once(line: Line) -> None:
    """A notice that Ada's direct messages don't take stands under her next answer, and never again."""
    line.act(STORY[2])
    await line.settled()
    line.discord.close_dms(USERS["ada"])
    line.act(STORY[3])
    await line.settled()
    assert line.discord.direct(USERS["ada"]) == []
    line.discord.open_dms(USERS["ada"])
    await line.settled()
    first, second = (said(line.world.ask("ada", "/balance")) for _ in range(2))
    assert "While your direct messages were closed" in first
    assert "approved" in first
    assert "While your direct messages were closed" not in second
    assert line.discord.direct(USERS["ada"]) == []


async def test_a_deleted_channel_pauses_its_digest_and_the_owner_is_told_once(line: Line) -> None:
    """The digest of a channel that is gone stands nowhere; Olga hears why, once; other channels have theirs."""
    line.subscribe(APPROVALS, "digest")
    await line.discord.delete_channel(EARNINGS)
    line.digest()
    await line.settled()
    line.digest_again()
    await line.settled()
    (digest,) = line.discord.messages(APPROVALS)
    assert "$42.00" in digest.plain
    assert line.discord.messages(EARNINGS) == []
    (told,) = line.discord.direct(USERS["Olga"])
    assert "the channel was deleted" in told.plain
    line.check()


async def test_cards_of_a_deleted_channel_reach_those_who_act(line: Line) -> None:
    """The approvals' channel is gone: Mira and Tom get the card themselves, Olga hears of it once."""
    line.subscribe(APPROVALS, "approvals")
    await line.discord.delete_channel(APPROVALS)
    line.world.withdrawal("ada", "60")
    await line.settled()
    for name in ("Mira", "Tom"):
        (card,) = line.discord.direct(USERS[name])
        assert "WD-1" in card.plain
    told, card = line.discord.direct(USERS["Olga"])  # who may act on it, too
    assert "the channel was deleted" in told.plain
    assert "WD-1" in card.plain
    line.check()
