"""The server: its start and end, its routes, faults, and what happens in guilds besides people pressing things."""

from __future__ import annotations

from aiohttp import web

from tests.discord_server.checks import in_words, problems
from tests.discord_server.faults import Fault, Kind
from tests.discord_server.people import People
from tests.discord_server.rest import mount
from tests.discord_server.shapes import channel_json, guild_json
from tests.discord_server.things import Json


class DiscordServer(People):
    """Our own Discord on a port of this machine. See `World` for what tests set up and look at, `Gateway` for lines
    and sessions, `People` for what people do, and here for what goes wrong and what else happens."""

    @property
    def api_url(self) -> str:
        """The REST API's address, without a slash at its end."""
        return f"{self.base_url}/api/v10"

    def routed(self) -> web.Application:
        """Every address that our Discord answers at."""
        app = web.Application(client_max_size=60_000_000)
        app.router.add_get("/gateway/", self.socket)
        app.router.add_get("/gateway/resume/{session}/", self.socket)
        mount(app, self)
        return app

    # what goes wrong

    def fault(
        self,
        route: str,
        kind: Kind,
        times: int | None = 1,
        *,
        retry_after: float = 1.0,
        status: int = 400,
        code: int = 0,
        seconds: float = 0.0,
        channel: str = "",
    ) -> Fault:
        """Order a fault for a route (see `tests.discord_server.routes`), the "gateway", or "*" for all of them.

        `times=None` (and outages) last until `end_faults`; `retry_after` (seconds) goes with 429s, `status` and
        `code` with "error", `seconds` with "slow"; `channel` limits it to requests about one channel.
        """
        left = None if kind == "outage" else times
        return self.faults.order(Fault(route, left, kind, retry_after, status, code, channel=channel, seconds=seconds))

    def outage(self) -> Fault:
        """Discord is down: lines drop, every request and new connection is cut, until `end_faults`."""
        made = self.fault("*", "outage")
        self.drop()
        return made

    def judge(self) -> list[str]:
        """Check the bodies that came while `check_bodies` was off; gives every violation there is."""
        for route, body, files, message in self.unjudged:
            self.violations += in_words(route, problems(route, body, files, message=message))
        self.unjudged.clear()
        return self.violations

    # what happens in guilds

    async def delete_channel(self, channel_id: str) -> None:
        """A channel is deleted (CHANNEL_DELETE)."""
        channel = self.channel(channel_id)
        channel.deleted = True
        await self._tell("CHANNEL_DELETE", channel_json(self, channel), channel.guild_id)

    async def set_bot_permissions(self, channel_id: str, permissions: int) -> None:
        """What our bot may do in a channel is changed (CHANNEL_UPDATE)."""
        channel = self.channel(channel_id)
        channel.bot_permissions = permissions
        await self._tell("CHANNEL_UPDATE", channel_json(self, channel), channel.guild_id)

    async def remove_bot(self, guild_id: str) -> None:
        """The bot is removed from a guild (GUILD_DELETE)."""
        self.guilds[guild_id].bot_in = False
        self.guild_commands.pop(guild_id, None)
        await self._tell("GUILD_DELETE", {"id": guild_id}, guild_id)

    async def join_guild(self, guild_id: str) -> None:
        """The bot is invited to a guild (GUILD_CREATE)."""
        home = self.guilds[guild_id]
        home.bot_in = True
        await self._tell("GUILD_CREATE", guild_json(self, home), guild_id)

    async def guild_down(self, guild_id: str) -> None:
        """A guild is unavailable for a while, through Discord's own fault (GUILD_DELETE, unavailable)."""
        self.guilds[guild_id].available = False
        await self._tell("GUILD_DELETE", {"id": guild_id, "unavailable": True}, guild_id)

    async def guild_up(self, guild_id: str) -> None:
        """It is back (GUILD_CREATE)."""
        home = self.guilds[guild_id]
        home.available = True
        await self._tell("GUILD_CREATE", guild_json(self, home), guild_id)

    def close_dms(self, user_id: str) -> None:
        """A person takes no direct messages any more."""
        self.users[user_id].dms_open = False

    def open_dms(self, user_id: str) -> None:
        """A person takes direct messages."""
        self.users[user_id].dms_open = True

    def delete_message(self, message_id: str) -> None:
        """Somebody with the right to do so deletes a message."""
        for channel in self.everywhere():
            for message in channel.messages:
                if message.id == message_id:
                    message.deleted = True
                    self.changed()
                    return
        raise AssertionError(f"no message {message_id}")

    async def _tell(self, name: str, data: Json, guild_id: str) -> None:
        self.changed()
        await self.event(name, data, guild_id)
        self.changed()
