"""The sending half of the Discord adapter on a line to our own Discord."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import discord

from adapters.discord.api import DiscordApi, redirect
from adapters.discord.delivery import Deferred, Delivery, Where
from adapters.discord.port import DiscordPort
from core.chat.cards import Actions, Button, Card, Chart, Point, Span, Text
from core.chat.outbox import Destination
from core.storage import Database
from tests.discord_server import DiscordServer, Interaction

APPROVALS = Destination("discord", "10", channel="100")
ADA = Destination("discord", "", user_id="1")
CHART = Chart("bar", "Daily", "Daily: $8.00 on 12 Jan.", (Point("12 Jan", "8.00"), Point("13 Jan", "5.00")), "usd")
PNG = b"\x89PNG"
COMMAND = {
    "name": "balance",
    "description": "What you earned",
    "type": 1,
    "contexts": [0, 1, 2],
    "integration_types": [0, 1],
}


@dataclass
class Now:
    """The desk's clock, moved by the test; our Discord's goes along."""

    server: DiscordServer
    at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    def clock(self) -> dt.datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)
        self.server.advance(seconds)


@dataclass
class Line:
    """Our Discord with a server and two people, and what speaks to it."""

    server: DiscordServer
    client: discord.Client
    api: DiscordApi
    port: DiscordPort
    delivery: Delivery
    now: Now

    def written(self) -> dt.datetime:
        """A moment ago, as the outbox has it."""
        return self.now.at - dt.timedelta(seconds=30)

    async def asked(self, channel: str = "100") -> Interaction:
        """Ada typed a command, in a channel or ("") in direct messages; nobody took it yet."""
        return await self.server.slash("10" if channel else "", channel, "1", "/balance", wait=False)

    def where(self, asked: Interaction, *, own: bool = False, deferred: Deferred = "") -> Where:
        direct = not asked.guild_id
        return Where(
            asked.user,
            asked.id,
            asked.token,
            self.server.application_id,
            asked.channel_id,
            asked.guild_id,
            own or direct,
            direct,
            deferred,
        )


@asynccontextmanager
async def connected(database: Database) -> AsyncIterator[Line]:
    """Guild 10 with Ada (1), Bob (2) and the channels 100 (approvals) and 101 (ours is not allowed there)."""
    async with DiscordServer.running() as server:
        server.add_guild("10", owner="2")
        server.add_channel("10", "100", "approvals")
        server.add_channel("10", "101", "elsewhere", bot_permissions=0)
        server.add_user("1", "ada")
        server.add_user("2", "bob")
        redirect(server.api_url, server.gateway_url)
        client = discord.Client(intents=discord.Intents(guilds=True), allowed_mentions=discord.AllowedMentions.none())
        try:
            await client.login(server.token)
            now = Now(server)
            api = DiscordApi(client.http)
            port = DiscordPort(api, database, now.clock)
            await api.call(
                "PUT", "/applications/{application_id}/commands", body=[COMMAND], application_id=server.application_id
            )
            server.calls.clear()
            yield Line(server, client, api, port, Delivery(port), now)
            assert server.violations == []
            await api.close()
        finally:
            await client.close()
            redirect()


def card(title: str = "To approve", *, chart: bool = False, button: bool = False, words: str = "WD-1 of Ada") -> Card:
    blocks: list[Text | Chart | Actions] = [Text((Span(words),))]
    if chart:
        blocks.append(CHART)
    if button:
        blocks.append(Actions((Button("payout.approve", "1", "Approve"),)))
    return Card(title, blocks=tuple(blocks))
