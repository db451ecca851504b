"""The whole service beside our own Slack: real slack-bolt and slack_sdk, real relay, people who type and press."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Literal

from adapters.slack.manifest import SCOPES
from bot.bootstrap import build
from bot.service import listen
from bot.settings import Secret, Settings, SlackSettings
from core.chat import subscriptions
from core.chat.outbox import Destination
from core.people import Identity
from tests.desk_world import CONFIG, World
from tests.running_desk import Clock, RunningDesk, serving
from tests.slack_server import Interaction, SlackServer

Transport = Literal["socket", "http"]
TEAM = "T1"
EARNINGS = "C1"
APPROVALS = "C2"
BOT_TOKEN = "xoxb-1-test"
# Slack ids of the people of `World`; Zoe is linked to nobody.
USERS = {"ada": "U1", "bo": "U2", "Mira": "U3", "Tom": "U4", "Ann": "U5", "Amos": "U6", "Olga": "U7", "zoe": "U8"}


@dataclass
class SlackWorld(RunningDesk):
    """One workspace with everybody in it, two channels, and the running service."""

    server: SlackServer

    def user(self, name: str) -> str:
        """A person's Slack id."""
        return USERS[name]

    def identity(self, name: str, team: str = TEAM) -> Identity:
        return Identity("slack", USERS[name], team)

    def link(self, *names: str, team: str = TEAM) -> None:
        """Link people without a word."""
        for name in names:
            self.link_as(name, self.identity(name, team))

    def subscribe(self, channel: str, topic: subscriptions.Topic, *, full: bool = False) -> None:
        """Have a channel hear of something."""
        self.subscribe_to(Destination("slack", TEAM, channel), topic, full=full)

    async def type(self, name: str, text: str, channel: str = "") -> Interaction:
        """Type a command and wait for its answer. channel: "" for the messages with the desk."""
        made = await self.server.slash(TEAM, channel, USERS[name], text)
        await self.server.wait_for(lambda: made.answers or made.modal)
        return made

    def newest(self, name: str, channel: str | None = None) -> str:
        """What the newest message that only this person sees says."""
        return self.server.ephemerals(USERS[name], channel)[-1].plain

    def standing_home(self, name: str) -> str:
        """The dashboard as it stands on somebody's screen."""
        view = self.server.home(USERS[name])
        return "" if view is None else view.plain


@contextlib.asynccontextmanager
async def running(
    world: World, transport: Transport, *, server: SlackServer | None = None, playground: bool = False
) -> AsyncIterator[SlackWorld]:
    """The service, connected to a Slack (its own one unless given), until the end of the block."""
    own = server is None
    server = server or await SlackServer.start()
    if own:
        settle(server)
    url = world.database.engine.url.render_as_string(hide_password=False)
    settings = replace(settings_for(server, url, transport), desk=world.config)
    clock = Clock(world)
    app = build(settings, clock)
    try:
        with contextlib.closing(listen("127.0.0.1", 0)) as listening:
            events = f"http://127.0.0.1:{listening.getsockname()[1]}/slack/events"
            server.request_url = events if transport == "http" else ""
            async with serving(app, listening, playground=playground) as service:
                yield SlackWorld(world, app, service, clock, server)
    finally:
        if own:
            await server.close()


def settle(server: SlackServer) -> None:
    """A workspace with its people and channels."""
    server.add_workspace(TEAM, bot_token=BOT_TOKEN, scopes=SCOPES)
    for name, user in USERS.items():
        server.add_user(TEAM, user, name.lower())
    server.add_channel(TEAM, EARNINGS, "earnings", members=USERS.values())
    server.add_channel(TEAM, APPROVALS, "payout-approvals", members=USERS.values())


def settings_for(server: SlackServer, database_url: str, transport: Transport) -> Settings:
    """What an operator would set for this Slack."""
    socket = transport == "socket"
    slack = SlackSettings(
        api_url=server.api_url,
        bot_token=Secret(BOT_TOKEN),
        app_token=Secret(server.app_token if socket else ""),
        signing_secret=Secret("" if socket else server.signing_secret),
    )
    return Settings(desk=CONFIG, database_url=Secret(database_url), slack=slack)
