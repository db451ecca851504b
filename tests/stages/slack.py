"""Slack, over either transport, with the whole service beside it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from core.chat import subscriptions
from tests.desk_world import World
from tests.slack_server import Interaction
from tests.slack_server import plain as as_read
from tests.slack_server.reading import elements, options_of
from tests.slack_world import APPROVALS, EARNINGS, TEAM, USERS, SlackWorld, Transport, running
from tests.stages import stage

PLACES = {"": "", stage.EARNINGS: EARNINGS, stage.APPROVALS: APPROVALS}
_DRAWN = ("image", "data_visualization")


@dataclass(frozen=True)
class _Seen:
    """What stood on somebody's screen before they did something: direct messages, and each view's content."""

    direct: int
    views: dict[str, str]


class SlackStage:
    """See `Stage`."""

    def __init__(self, slack: SlackWorld, transport: Transport) -> None:
        self.name = f"slack-{transport}"
        self.slack, self.server, self.world = slack, slack.server, slack.world
        self._asking: dict[str, Interaction] = {}  # whose press or command opened the form on a person's screen

    async def link(self, *people: str) -> None:
        self.slack.link(*people)

    def code(self, who: str) -> str:
        return self.slack.code(who)

    def standing_home(self, who: str) -> str:
        return self.slack.standing_home(who)

    async def subscribe(self, place: str, topic: str) -> None:
        chosen: subscriptions.Topic = "digest" if topic == "digest" else "approvals"
        self.slack.subscribe(PLACES[place], chosen)

    async def type(self, who: str, line: str, place: str = "") -> str:
        seen = self._seen(who)
        made = await self.server.slash(TEAM, PLACES[place], USERS[who], line)
        return await self._answer(who, made, seen)

    async def offered(self, who: str, command: str) -> list[str]:
        """Slack completes no commands: the form that asks for what is missing offers it."""
        form = await self.type(who, command, stage.EARNINGS)
        view = self.server.modal(USERS[who])
        assert view is not None, form
        _, field = next(iter(elements(view.blocks)))
        await self.server.close_modal(TEAM, USERS[who])
        return [one["text"]["text"] for one in options_of(field)]

    async def press(self, who: str, label: str) -> str:
        seen = self._seen(who)
        return await self._answer(who, await self.server.click(TEAM, USERS[who], label), seen)

    async def choose(self, who: str, menu: str, option: str) -> str:
        seen = self._seen(who)
        return await self._answer(who, await self.server.choose(TEAM, USERS[who], menu, option), seen)

    async def fill(self, who: str, **answers: str) -> str:
        view, asking = self.server.modal(USERS[who]), self._asking[who]
        assert view is not None, f"{who} has no form open"
        labels = [block["label"]["text"] for block in view.blocks if block["type"] == "input"]
        values = {_label(labels, name): text for name, text in answers.items()}
        before, seen = len(asking.answers), self._seen(who)
        made = await self.server.submit(TEAM, USERS[who], values)
        if not asking.payload.get("response_url"):  # asked on the dashboard
            return await self._answer(who, made, seen)
        await self.server.wait_for(lambda: len(asking.answers) > before)
        return as_read(asking.answers[-1]["blocks"])

    def private(self, who: str) -> list[str]:
        mine = [(one.seq, one.plain) for one in self.server.ephemerals(USERS[who])]
        mine += [(one.seq, one.plain) for one in self.server.direct(USERS[who])]
        return [text for _, text in sorted(mine)]

    def public(self, place: str) -> list[str]:
        return [one.plain for one in self.server.messages(PLACES[place])]

    def files(self, who: str) -> dict[str, bytes]:
        channel = self.server.direct_channel(TEAM, USERS[who]).id
        return {one.name: one.content for one in self.server.files.values() if one.channel == channel and one.complete}

    def pictures(self) -> list[str]:
        channels = self.server.workspaces[TEAM].channels.values()
        messages = [one.blocks for channel in channels for one in channel.messages]
        messages += [one.blocks for channel in channels for one in channel.ephemerals]
        return [
            as_read(blocks[place : place + 2])  # what stands under a native chart is its alternative text
            for blocks in messages
            for place, block in enumerate(blocks)
            if block["type"] in _DRAWN
        ]

    async def home(self, who: str) -> str:
        before = self.server.home(USERS[who])
        opened = None if before is None else before.seq
        await self.server.open_home(TEAM, USERS[who])
        await self.server.wait_for(lambda: (view := self.server.home(USERS[who])) and view.seq != opened)
        view = self.server.home(USERS[who])
        assert view is not None
        return view.plain

    async def until(self, holds: Callable[[], object]) -> None:
        await self.server.wait_for(holds)

    def _seen(self, who: str) -> _Seen:
        views = {view.id: view.hash for view in self.server.views.values()}
        return _Seen(len(self.server.direct(USERS[who])), views)

    async def _answer(self, who: str, made: Interaction, seen: _Seen) -> str:
        """What came back: to the response_url, as a form, or as a direct message where Slack gives no other way."""

        def came() -> str:
            if made.answers:
                return as_read(made.answers[-1]["blocks"])
            view = self.server.modal(USERS[who])
            if view is not None and seen.views.get(view.id) != view.hash:
                self._asking[who] = made
                return view.plain
            told = self.server.direct(USERS[who])[seen.direct :]
            return told[-1].plain if told and not made.payload.get("response_url") else ""

        found = await self.server.wait_for(came)
        assert not self.server.violations, self.server.violations
        return found


def _label(labels: list[str], name: str) -> str:
    wanted = name.replace("_", " ").casefold()
    return next(label for label in labels if label.casefold().startswith(wanted))


@contextlib.asynccontextmanager
async def slack_stage(world: World, transport: Transport) -> AsyncIterator[SlackStage]:
    """The service on a Slack of its own until the end of the block."""
    async with running(world, transport) as slack:
        yield SlackStage(slack, transport)
        assert not slack.server.violations, slack.server.violations
        await asyncio.sleep(0)
