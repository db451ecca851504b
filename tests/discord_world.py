"""The whole service beside our own Discord: the real discord.py, the real relay, people who type and press."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from adapters.discord.api import redirect
from bot.bootstrap import build
from bot.service import listen
from bot.settings import DiscordSettings, Secret, Settings, SlackSettings
from core.chat import subscriptions
from core.chat.outbox import Destination
from core.people import Identity
from tests.desk_world import CONFIG, STAFF, World
from tests.discord_server import DiscordServer, Interaction, Message
from tests.discord_server.things import Json
from tests.running_desk import Clock, RunningDesk, serving

GUILD = "900000000000000001"
EARNINGS = "900000000000000011"
APPROVALS = "900000000000000012"
# Discord ids of the people of `World`; Zoe is linked to nobody.
USERS = {
    name: f"8000000000000000{number:02}"
    for number, name in enumerate(("ada", "bo", "Mira", "Tom", "Ann", "Amos", "Olga", "zoe"), 1)
}


@dataclass
class DiscordWorld(RunningDesk):
    """One server with everybody in it, two channels, and the running service."""

    server: DiscordServer

    def identity(self, name: str) -> Identity:
        return Identity("discord", USERS[name])

    def link(self, *names: str) -> None:
        """Link people without a word."""
        for name in names:
            self.link_as(name, self.identity(name))

    def subscribe(self, channel: str, topic: subscriptions.Topic, *, full: bool = False) -> None:
        """Have a channel hear of something."""
        self.subscribe_to(Destination("discord", GUILD, channel), topic, full=full)


@contextlib.asynccontextmanager
async def running(
    world: World, *, server: DiscordServer | None = None, slack: SlackSettings | None = None
) -> AsyncIterator[DiscordWorld]:
    """The service, connected to a Discord (its own one unless given), until the end of the block.

    slack: settings of a Slack that the same service is connected to as well, over its socket.
    """
    own = server is None
    server = server or await DiscordServer.start()
    if own:
        settle(server)
    url = world.database.engine.url.render_as_string(hide_password=False)
    clock = Clock(world)
    app = build(replace(settings_for(server, url), desk=world.config, slack=slack), clock)
    try:
        with contextlib.closing(listen("127.0.0.1", 0)) as listening:
            async with serving(app, listening) as service:
                await server.wait_for(lambda: server.commands and server.online)
                yield DiscordWorld(world, app, service, clock, server)
    finally:
        redirect()
        if own:
            await server.close()


async def press_forged(
    server: DiscordServer, user: str, on: Message, custom_id: str, *values: str, wait: bool = True
) -> Interaction:
    """Press a button that stands on no message: as if `on` had one. values: a menu, with these chosen."""
    kind = 3 if values else 2
    data: Json = {"component_type": kind, "custom_id": custom_id, "id": 77} | (
        {"values": list(values)} if values else {}
    )
    made = server.pressed(user, on, data)
    control: Json = {"type": kind, "id": 77, "custom_id": custom_id, "label": "Forged", "style": 2}
    if values:
        options = [{"label": one or "x", "value": one} for one in values]
        control = {"type": 3, "id": 77, "custom_id": custom_id, "options": options}
    row = {"type": 1, "id": 76, "components": [control]}
    made.payload["message"] = {**made.payload["message"], "components": [row]}
    return await server.deliver(made, wait=wait)


def settle(server: DiscordServer) -> None:
    """A server with its people and channels; the staff may see /desk, as an administrator would settle it."""
    server.add_guild(GUILD, "Creator Studio")
    server.add_channel(GUILD, EARNINGS, "earnings")
    server.add_channel(GUILD, APPROVALS, "payout-approvals")
    for name, user in USERS.items():
        server.add_user(user, name.lower())
        if name in STAFF:
            server.allow_command(GUILD, "desk", user)


def settings_for(server: DiscordServer, database_url: str) -> Settings:
    """What an operator would set for this Discord."""
    discord = DiscordSettings(token=Secret(server.token), api_url=server.api_url, gateway_url=server.gateway_url)
    return Settings(desk=CONFIG, database_url=Secret(database_url), discord=discord)
