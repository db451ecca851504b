"""A bad line, on every kind of post: in the end each digest, card and notice stands once, and says what holds."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from adapters.rails.manual import Manual
from adapters.slack.api import SlackApi
from adapters.slack.pacing import Pacer
from adapters.slack.pictures import Pictures
from adapters.slack.port import SlackPort
from adapters.slack.workspaces import Workspace
from bot.relay import Relay
from core import people
from core.chat import home, outbox
from core.chat.outbox import Destination
from core.people import Identity
from core.storage import Database
from tests.desk_world import World
from tests.faulty_line import EMPTY, LINKED, FaultyLine, Step, story
from tests.integration.slack.sending import Tokens
from tests.slack_server import Message, SlackServer
from tests.slack_server.faults import Fault, Kind
from tests.slack_world import APPROVALS, BOT_TOKEN, EARNINGS, TEAM, USERS, settle

POST, UPDATE, PUBLISH = "chat.postMessage", "chat.update", "views.publish"
KINDS: tuple[Kind, ...] = ("cut_before", "cut_after", "500", "500_after", "429", "outage")
OUTAGE_SECONDS = 30


@dataclass
class Line(FaultyLine):
    """The desk's relay on our Slack, with clocks that whoever waits puts forward."""

    earnings, approvals = EARNINGS, APPROVALS

    slack: SlackServer
    monotonic: float = 100.0
    outage_ends: float = 0.0

    def seconds(self) -> float:
        return self.monotonic

    async def sleep(self, seconds: float) -> None:
        self.monotonic += seconds
        self.world.now += dt.timedelta(seconds=seconds)
        if self.outage_ends and self.monotonic >= self.outage_ends:
            self.outage_ends = 0.0
            self.slack.end_faults()
        await asyncio.sleep(0)

    def fault(self, kind: Kind, method: str, channel: str = "") -> Fault:
        """More of it than the calls that may be repeated are repeated by themselves."""
        if kind == "outage":
            self.outage_ends = self.monotonic + OUTAGE_SECONDS
            return self.slack.fault("*", "outage")
        times = 2 if method == POST else 4
        return self.slack.fault(method, kind, times=times, channel=channel, retry_after=7)

    async def settled(self) -> None:
        """Everything said, however long it takes."""
        for turn in range(300):
            await self.relay.drain()
            with self.world.database.reading() as session:
                if outbox.backlog(session, self.world.now) == EMPTY and not self.outage_ends:
                    return
            await self.sleep(3 + turn)  # the longest back-off is a quarter of an hour
        raise AssertionError("something never came")

    def destination(self, channel: str) -> Destination:
        return Destination("slack", TEAM, channel)

    def in_channel(self, channel: str) -> list[Message]:
        return self.slack.messages(channel)

    def told(self, name: str) -> list[Message]:
        return self.slack.direct(USERS[name])

    def direct(self, name: str) -> str:
        """The channel of somebody's direct messages."""
        return self.slack.direct_channel(TEAM, USERS[name]).id

    def standing(self) -> list[Message]:
        """Every message that stands anywhere."""
        channels = self.slack.workspaces[TEAM].channels
        return [one for channel in channels for one in self.slack.messages(channel, TEAM)]

    def check(self) -> None:
        """Nothing stands twice: each message carries its own key."""
        keys = [one.metadata["event_payload"]["key"] for one in self.standing() if one.metadata]
        assert len(keys) == len(self.standing()), "a message without its key"
        assert sorted(set(keys)) == sorted(keys)
        assert not self.slack.violations, self.slack.violations


@pytest.fixture
async def line(sqlite_database: Database) -> AsyncIterator[Line]:
    """Ada has $1,000; everybody is linked; Ada, Mira and Ann have their dashboards open. 13 Jan, 10:00."""
    world = World(sqlite_database).funded()
    async with SlackServer.running() as slack:
        settle(slack)
        tokens = Tokens({TEAM: Workspace(TEAM, BOT_TOKEN, f"UBOT{TEAM}")})
        ports: dict[str, outbox.ChatPort] = {}
        relay = Relay(world.database, world.config, ports, {"manual": Manual()}, lambda: world.now, "relay")
        line = Line(world, relay, slack)
        api = SlackApi(tokens, slack.api_url, pacer=Pacer(line.seconds, line.sleep))
        pictures = Pictures(api, lambda: world.now, line.sleep)
        ports["slack"] = SlackPort(api, world.database, lambda: world.now, pictures)
        await api.open()
        with world.database.transaction() as session:
            for name in LINKED:
                account = Identity("slack", USERS[name], TEAM)
                code, _ = people.create_link_code(session, world.now, people.resolve(session, name).person_id)
                assert people.link(session, world.now, account, code).ok
                if name in ("ada", "Mira", "Ann"):
                    home.opened(session, world.now, account)
        try:
            yield line
            assert world.sound()
        finally:
            await api.close()
            world.close()


STORY = story(Line, POST, UPDATE, dashboard=PUBLISH)


def check_story(line: Line) -> None:
    """The story's end, with its chart and Ada's dashboard."""
    line.check_story()
    (digest,) = line.slack.messages(EARNINGS)
    assert "data_visualization" in {block["type"] for block in digest.blocks}
    view = line.slack.home(USERS["ada"])
    assert view is not None
    assert "$985.00" in view.plain  # 1,000 + 40 - 60 + 5


@pytest.mark.parametrize(
    "kind",
    [kind if kind in ("cut_after", "429", "outage") else pytest.param(kind, marks=pytest.mark.deep) for kind in KINDS],
)
async def test_each_post_and_repaint_stands_once(line: Line, kind: Kind) -> None:
    """Whatever befalls each post, repaint and dashboard of a desk's week: nothing is missing, nothing stands twice."""
    for step in STORY:
        struck = [line.fault(kind, method, _place(line, place)) for method, place in step.calls[: _many(kind, step)]]
        line.act(step)
        await line.settled()
        assert [fault.hits > 0 for fault in struck] == [True] * len(struck), (step.what, struck)
        line.slack.end_faults()
        line.check()
    check_story(line)


def _many(kind: Kind, step: Step) -> int:
    return 1 if kind == "outage" else len(step.calls)  # of everything


def _place(line: Line, place: str) -> str:
    return line.direct(place) if place in USERS else place


async def any_faults(line: Line, seed: int) -> None:
    """Any faults, on any method, in any order, while the story goes on."""
    chance = random.Random(seed)
    methods = (POST, UPDATE, PUBLISH, "conversations.open", "conversations.history", "auth.test")
    for step in STORY:
        for _ in range(chance.randint(0, 5)):
            kind = chance.choice(KINDS[:-1])
            line.slack.fault(
                chance.choice(methods), kind, times=chance.randint(1, 5), retry_after=chance.randint(1, 40)
            )
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
    await any_faults(line, seed)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(2, 102))
async def test_any_faults_many_times(line: Line, seed: int) -> None:
    """The same, a hundred times."""
    await any_faults(line, seed)


@pytest.mark.parametrize("kind", ["429", "500", "cut_before"])
async def test_a_search_that_has_to_wait_is_taken_up_again(line: Line, kind: Kind) -> None:
    """A card was posted, its answer lost, and Slack doesn't let itself be searched at once: it isn't posted again."""
    line.slack.fault(POST, "cut_after", channel=APPROVALS)
    search = line.slack.fault("conversations.history", kind, times=4, channel=APPROVALS, retry_after=7)
    line.request()
    await line.settled()
    assert search.hits
    assert len(line.slack.messages(APPROVALS)) == 1


UPLOADS = ("files.getUploadURLExternal", "upload", "files.completeUploadExternal")
PICTURES: list[tuple[str, Kind]] = [
    *((POST, kind) for kind in KINDS),
    *((method, kind) for method in UPLOADS for kind in ("cut_after", "429")),
]


@pytest.mark.parametrize(("method", "kind"), PICTURES)
async def test_a_digest_with_its_picture_stands_once(line: Line, kind: Kind, method: str) -> None:
    """Where Slack draws no charts the digest has a picture or, when uploading fails, its words; and stands once."""
    line.slack.workspace(TEAM).native_charts = False
    fault = line.fault(kind, method)
    line.digest()
    await line.settled()
    assert fault.hits
    line.check()
    (digest,) = line.slack.messages(EARNINGS)
    assert "$40.00" in digest.plain
    drawn = {block["type"] for block in digest.blocks}
    assert "data_visualization" not in drawn
    if method == POST:
        assert "image" in drawn
