"""The smallest real discord.py bot, for the tests of our own Discord."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.discord_server import DiscordServer
from tests.discord_server.things import Json

Listener = Callable[[discord.Interaction], Awaitable[object]]

COMMANDS: list[Json] = [
    {
        "name": "stats",
        "description": "How a project does",
        "type": 1,
        "contexts": [0, 1, 2],
        "integration_types": [0, 1],
        "options": [
            {"type": 3, "name": "project", "description": "Which", "autocomplete": True},
            {"type": 3, "name": "period", "description": "When", "choices": [{"name": "this week", "value": "week"}]},
            {"type": 4, "name": "count", "description": "How many", "min_value": 1, "max_value": 9},
        ],
    },
    {
        "name": "desk",
        "description": "For the desk",
        "type": 1,
        "contexts": [0],
        "default_member_permissions": "0",
        "options": [
            {
                "type": 1,
                "name": "approve",
                "description": "Approve",
                "options": [{"type": 3, "name": "id", "description": "Which", "required": True}],
            }
        ],
    },
]


@contextlib.contextmanager
def pointed(server: DiscordServer) -> Iterator[None]:
    """discord.py's addresses are our server's until the end of the block."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = server.api_url, yarl.URL(server.gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


class Bot(discord.AutoShardedClient):
    """Gives every interaction to `answer` and remembers what else it was told."""

    def __init__(self, answer: Listener | None = None, *, patience: float = 60.0) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            heartbeat_timeout=patience,
        )
        self.answer = answer
        self.changed: Callable[[], object] = lambda: None
        """Told of each event, so that a test may wait for what it brings about."""
        self.gone: list[int] = []

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Our server lets sessions begin without a pause."""

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if self.answer is not None:
            await self.answer(interaction)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        self.gone.append(channel.id)
        self.changed()

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        self.gone.append(guild.id)
        self.changed()

    async def on_socket_event_type(self, _: str) -> None:
        self.changed()


@contextlib.asynccontextmanager
async def logged_in(server: DiscordServer, bot: Bot | None = None) -> AsyncIterator[Bot]:
    """A bot that may use REST, without a gateway connection."""
    bot = bot or Bot()
    with pointed(server):
        try:
            await bot.login(server.token)
            yield bot
        finally:
            await bot.close()


@contextlib.asynccontextmanager
async def connected(
    server: DiscordServer, answer: Listener | None = None, *, patience: float = 60.0
) -> AsyncIterator[Bot]:
    """A bot with its gateway connection, its commands synced; closed cleanly (1000) at the end."""
    async with logged_in(server, Bot(answer, patience=patience)) as bot:
        bot.changed = server.changed
        await bot.http.bulk_upsert_global_commands(int(server.application_id), COMMANDS)
        running = asyncio.create_task(bot.connect())
        try:
            await server.connected()
            yield bot
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
