"""The whole adapter, wired: what listens, what answers, and the port that the relay posts through."""

from __future__ import annotations

import asyncio
import contextlib
import secrets

import aiohttp
import discord
import structlog

from adapters.conversation import Conversation
from adapters.discord import commands, intake
from adapters.discord.answer import Answers
from adapters.discord.api import DiscordApi, redirect
from adapters.discord.client import Gateway
from adapters.discord.custom_ids import Pressed
from adapters.discord.delivery import Delivery, Where
from adapters.discord.gateway import GatewayLease
from adapters.discord.intake import PLATFORM, Deed
from adapters.discord.port import DiscordPort
from adapters.discord.sync import CommandSync
from adapters.inbox import Inbox, Stopping
from core.chat.inbox import Item
from core.clock import Clock
from core.storage import Database

log = structlog.get_logger(__name__)
FINISH_WITHIN_SECONDS = 3.0
CLOSE_WITHIN_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


class Discord:
    """Everything of Discord that runs in one process. Every process posts and answers; one of them listens.

    sole: no other process works on this database; see `Inbox` and `GatewayLease`.
    """

    platform = PLATFORM

    def __init__(
        self,
        desk: Conversation,
        database: Database,
        clock: Clock,
        token: str,
        *,
        who: str,
        api_url: str = "",
        gateway_url: str = "",
        sole: bool = False,
    ) -> None:
        redirect(api_url, gateway_url)
        self.desk, self.database, self.clock, self.who = desk, database, clock, who
        self._token = token
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody is going to speak
        self._rest = discord.Client(intents=discord.Intents(guilds=True))
        self.api = DiscordApi(self._rest.http)
        self.port = DiscordPort(self.api, database, clock)
        self._delivery = Delivery(self.port)
        self._answers = Answers(desk, self._delivery, database, clock)
        self._inbox: Inbox[Deed] = Inbox(PLATFORM, database, clock, who, self._found, self._answers.lost, sole=sole)
        self._gateway = Gateway(token, self, gateway_url)
        # In containers several processes may have the same name: as leases have it, it is this one's alone.
        name = f"{who[:80]}:{secrets.token_hex(4)}"
        self._lease = GatewayLease(database, clock, name, self._gateway.connect, self._gateway.disconnect, sole=sole)
        self._logged_in = False

    @property
    def connected(self) -> bool:
        """For /readyz: whoever holds the lease is connected to the gateway, the others are logged in."""
        return self._logged_in and (self._gateway.ready or not self._lease.held)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what was acknowledged is finished, or left for whoever starts next."""
        finished = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._inbox.run(finished), name="discord inbox")
                group.create_task(self._connected(stop), name="discord")
                await stop.wait()
                await self._answers.drain(FINISH_WITHIN_SECONDS)
                finished.set()
        finally:
            self._logged_in = False
            await self._answers.drain(0)
            await self._inbox.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN_SECONDS):
                    await self.api.close()
                    await self._rest.close()

    async def _connected(self, stop: asyncio.Event) -> None:
        """Log in, and then listen in turns with other processes."""
        if not await self._log_in(stop):
            return
        payload = commands.payload(self.desk.registry)
        sync = CommandSync(self.api, self.database, self.clock, str(self._rest.application_id), payload, self.who)
        async with asyncio.TaskGroup() as group:
            group.create_task(sync.run(stop), name="discord commands")
            group.create_task(self._lease.run(stop), name="discord gateway lease")

    async def _log_in(self, stop: asyncio.Event) -> bool:
        """Try until Discord knows us; False when told to stop before."""
        pause = FIRST_PAUSE_SECONDS
        while not stop.is_set():
            try:
                await self._rest.login(self._token)
            except discord.LoginFailure:
                log.error("Discord refuses DISCORD_TOKEN; `earnings-desk doctor` says why")
                pause = LONGEST_PAUSE_SECONDS
            except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as trouble:
                log.warning("Discord doesn't answer; trying again", fault=type(trouble).__name__, seconds=pause)
            else:
                self._logged_in = True
                return True
            await self._rest.close()  # discord.py's client has one log-in
            self._rest = _rest()
            self.api.http = self._rest.http
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        return False

    # What the gateway brings (client.Listener).

    async def command(self, interaction: discord.Interaction) -> None:
        await self._take(intake.command(interaction, self.desk.registry))

    async def pressed(self, interaction: discord.Interaction, what: Pressed, label: str) -> None:
        await self._take(intake.pressed(interaction, what, label))

    async def submitted(self, interaction: discord.Interaction) -> None:
        deed = intake.submitted(interaction)
        if deed is not None:
            await self._take(deed)

    async def typing(self, interaction: discord.Interaction) -> None:
        """Completions come at once or not at all: they are not kept."""
        if not self._lease.held:
            return
        asked = commands.focused(intake.data_of(interaction), self.desk.registry)
        if asked is not None:
            user = str(interaction.user.id)
            where = Where(user, str(interaction.id), interaction.token, str(interaction.application_id))
            await self._delivery.autocomplete(where, await self._answers.complete(user, asked))

    async def guild_gone(self, guild_id: int) -> None:
        await self._take(intake.guild_gone(guild_id, secrets.token_hex(8)))

    async def channel_gone(self, guild_id: int, channel_id: int) -> None:
        await self._take(intake.channel_gone(guild_id, channel_id))

    async def _take(self, deed: Deed) -> None:
        if not self._lease.held:  # another process listens by now: it has the same, and answers it
            log.info("left to the process that listens now", deed=deed.kind)
            return
        self._answers.arrived(deed)
        try:
            await self._inbox.take(deed)
        except Stopping:
            self._answers.left(deed)
        else:
            self._answers.taken(deed)

    def _found(self, item: Item) -> None:
        self._answers.found(self._inbox, item)


def _rest() -> discord.Client:
    """A client that is only asked for its HTTP side."""
    return discord.Client(intents=discord.Intents.none())
