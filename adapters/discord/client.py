"""The connection to Discord's gateway: what people do comes in here, and only here.

One process listens at a time (`gateway.GatewayLease`), with a client made anew for each time: discord.py's can't be
used again once it was closed. REST calls don't go through it; every process makes them with a client of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

import aiohttp
import discord
import structlog
from discord.gateway import DiscordWebSocket
from yarl import URL

from adapters.discord.custom_ids import Pick, Press, Pressed

log = structlog.get_logger(__name__)
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
CLOSE_WITHIN_SECONDS = 3.0
RESUMED_WITHIN_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 0.2
SILENCE_SECONDS = 60.0  # longer than between two heartbeats (41.25 seconds): Discord answers each
LABEL = 80  # characters of a button's label


class Listener(Protocol):
    """Who hears of it. Each returns soon and raises nothing."""

    async def command(self, interaction: discord.Interaction) -> None: ...
    async def pressed(self, interaction: discord.Interaction, what: Pressed, label: str) -> None: ...
    async def submitted(self, interaction: discord.Interaction) -> None: ...
    async def typing(self, interaction: discord.Interaction) -> None: ...
    async def guild_gone(self, guild_id: int) -> None: ...
    async def channel_gone(self, guild_id: int, channel_id: int) -> None: ...


class DeskClient(discord.AutoShardedClient):
    """discord.py's client, with as little as it can do with: guilds, no members, no messages."""

    def __init__(self, listener: Listener, silence: float) -> None:
        super().__init__(
            heartbeat_timeout=silence,
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            guild_ready_timeout=0.3,  # nothing here waits for the list of servers
        )
        self.listener = listener

    async def setup_hook(self) -> None:
        """Buttons and menus are recognised by what they carry, on messages of any age."""
        self.add_dynamic_items(Press, Pick)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Components come in as dynamic items, everything else here."""
        if interaction.type is discord.InteractionType.application_command:
            await self.listener.command(interaction)
        elif interaction.type is discord.InteractionType.autocomplete:
            await self.listener.typing(interaction)
        elif interaction.type is discord.InteractionType.modal_submit:
            await self.listener.submitted(interaction)

    async def pressed(self, interaction: discord.Interaction, pressed: Pressed) -> None:
        """A button or a menu of ours (custom_ids.Presses)."""
        await self.listener.pressed(interaction, pressed, _label(interaction))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self.listener.guild_gone(guild.id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self.listener.channel_gone(channel.guild.id, channel.id)


class Gateway:
    """Listens while it is told to. `ready`: every shard is connected and knows its guilds.

    silence: seconds without a word from Discord after which a line counts as dead.
    """

    def __init__(
        self, token: str, listener: Listener, gateway_url: str = "", *, silence: float = SILENCE_SECONDS
    ) -> None:
        self._token, self._listener, self._url, self._silence = token, listener, gateway_url, silence
        self._client: DeskClient | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        return self._client is not None and self._client.is_ready()

    async def connect(self) -> None:
        """Begin to listen; what fails is tried again until `disconnect`."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_connected(), name="discord gateway")

    async def disconnect(self) -> None:
        """Stop listening, with a clean close: Discord shows the desk as offline at once."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _keep_connected(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            client = self._client = DeskClient(self._listener, self._silence)
            try:
                await self._listen(client)
            except discord.LoginFailure:
                log.error("Discord refuses DISCORD_TOKEN; `earnings-desk doctor` says why")
                pause = LONGEST_PAUSE_SECONDS
            except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as trouble:
                log.warning("no connection to Discord; trying again", fault=type(trouble).__name__, seconds=pause)
            finally:
                self._client = None
                await _close(client)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _listen(self, client: DeskClient) -> None:
        """Until the connection ends for good; drops and resumes on the way are discord.py's own business."""
        await client.login(self._token)
        # Asked here, because the library takes the address that Discord names for itself even when told another.
        client.shard_count, url, _ = await client.http.get_bot_gateway()
        DiscordWebSocket.DEFAULT_GATEWAY = URL(self._url or url)
        listening = asyncio.create_task(client.connect(), name="discord shards")
        try:
            await asyncio.wait([listening])
        finally:
            await _resumed(client)
            # Perhaps more than once: one that comes while a shard resumes, the library takes for its own and goes on.
            while not listening.done():
                listening.cancel()
                await asyncio.wait([listening], timeout=CANCEL_AGAIN_SECONDS)
            trouble = None if listening.cancelled() else listening.exception()
        if trouble is not None:
            raise trouble


async def _resumed(client: DeskClient) -> None:
    """Give shards that are resuming a moment: of one that is cut off then, nobody closes the new line."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(RESUMED_WITHIN_SECONDS):
            while any(_resumes(shard) for shard in client.shards.values()):
                await asyncio.sleep(0.02)


def _resumes(shard: discord.ShardInfo) -> bool:
    """Whether nobody reads from the shard: its line was lost, and the new one is not there yet.

    The library tells nobody; `is_closed` says no of a line that only seems to stand.
    """
    reading = getattr(getattr(shard, "_parent", None), "_task", None)
    return isinstance(reading, asyncio.Task) and reading.done()


async def _close(client: DeskClient) -> None:
    with contextlib.suppress(TimeoutError, discord.DiscordException, aiohttp.ClientError, OSError):
        async with asyncio.timeout(CLOSE_WITHIN_SECONDS):
            await client.close()


def _label(interaction: discord.Interaction) -> str:
    """What stands on the button that was pressed; "" for a menu."""
    data: object = interaction.data
    custom_id = data.get("custom_id") if isinstance(data, dict) else None
    if interaction.message is None:
        return ""
    for component in discord.ui.LayoutView.from_message(interaction.message).walk_children():
        if isinstance(component, discord.ui.Button) and component.custom_id == custom_id:
            return (component.label or "")[:LABEL]
    return ""
