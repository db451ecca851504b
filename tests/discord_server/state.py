"""The state of our Discord, how tests set it up and look at it, and how they wait for it to change."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from tests.discord_server.faults import Fault
from tests.discord_server.things import (
    ADMINISTRATOR,
    EPOCH_MS,
    MEMBER_PERMISSIONS,
    Call,
    Channel,
    Guild,
    Interaction,
    Json,
    Message,
    Modal,
    User,
)
from tests.loopback import Loopback


class World(Loopback[Fault]):
    """Everything that our Discord knows."""

    def __init__(self) -> None:
        """An empty Discord with one application and its bot, in no guild."""
        super().__init__()
        self.token = "OTAw.token.for-tests"
        self.application_id = "900"
        self.bot_id = "900"
        """The bot's user id, as Discord gives new applications: the application's own."""
        self.guilds: dict[str, Guild] = {}
        self.users: dict[str, User] = {self.bot_id: User(self.bot_id, "earnings", bot=True)}
        self.directs: dict[str, Channel] = {}
        """Direct messages and group messages by channel id."""
        self.commands: list[Json] = []
        """The global application commands, as they were synced (with ids)."""
        self.guild_commands: dict[str, list[Json]] = {}
        self.command_creates: dict[str, list[float]] = {}
        """When commands were created: "" for global ones, else by guild; 200 a day."""
        self.starts = 1000
        """How many sessions may begin a day."""
        self.application_flags = 0
        self.install_contexts: tuple[int, ...] = (0, 1)
        """How the application may be installed: 0 in a guild, 1 by a user."""
        self.interactions: list[Interaction] = []
        self.modals: dict[str, Modal] = {}
        """Each person's open modal."""
        self.calls: list[Call] = []
        self.violations: list[str] = []
        """Bodies that broke Discord's description or limits; tests assert that there are none."""
        self.check_bodies = True
        """Whether bodies are checked as they come; measurements say no, and call `judge` when the clock has stopped."""
        self.unjudged: list[tuple[str, Any, list[str], Message | None]] = []
        self.limits: dict[str, tuple[int, float]] = {}
        """Route → (requests, seconds) for each channel, guild or webhook; more get a 429."""
        self.global_limit: tuple[int, float] | None = None
        """(requests, seconds) of everything together."""
        self.buckets: dict[str, tuple[float, int]] = {}
        """Each bucket's beginning (by the machine's clock) and how much of it is used."""
        self.interactions_endpoint = ""
        """What the portal's page says under Interactions Endpoint URL; we deliver over the gateway all the same."""
        self.nonce_life = 180.0
        """Seconds that a nonce is remembered."""
        self._count = itertools.count(1)
        self._last_id = 0

    def mint(self) -> str:
        """A new id (a snowflake), greater than every other."""
        self._last_id = max(int(self.now() * 1000 - EPOCH_MS) << 22, self._last_id + 1)
        return str(self._last_id)

    def sequence(self) -> int:
        """The next place in the order of things."""
        return next(self._count)

    def told(self) -> list[tuple[str, str]]:
        """Every call so far and what came of it."""
        return [(call.route, call.outcome) for call in self.calls]

    # what tests set up

    def add_guild(
        self,
        guild_id: str,
        name: str = "",
        *,
        owner: str = "1",
        bot_in: bool = True,
        bot_permissions: int = MEMBER_PERMISSIONS,
    ) -> Guild:
        """A guild. Not `bot_in`: only people who installed the app for themselves use it there.

        A running bot is told of it only by `join_guild`.
        """
        made = Guild(guild_id, name or f"Guild {guild_id}", owner, bot_in, bot_permissions)
        self.guilds[guild_id] = made
        return made

    def add_channel(
        self, guild_id: str, channel_id: str, name: str = "", *, bot_permissions: int | None = None
    ) -> Channel:
        """A text channel of a guild; everybody sees it. `bot_permissions`: what our bot may do there."""
        home = self.guilds[guild_id]
        allowed = home.bot_permissions if bot_permissions is None else bot_permissions
        home.channels[channel_id] = Channel(channel_id, guild_id, name or f"channel-{channel_id}", allowed)
        return home.channels[channel_id]

    def add_group(self, channel_id: str, members: Iterable[str]) -> Channel:
        """Group messages among people, without our bot: only commands that people installed themselves work there."""
        self.directs[channel_id] = Channel(channel_id, "", "", 0, tuple(members))
        return self.directs[channel_id]

    def add_user(
        self,
        user_id: str,
        name: str = "",
        *,
        guilds: Iterable[str] | None = None,
        permissions: int = MEMBER_PERMISSIONS,
        dms_open: bool = True,
        installed: bool = False,
    ) -> User:
        """A person, a member of `guilds` (of all there are so far by default) with these permissions.

        `dms_open`: takes direct messages. `installed`: has added the app to their own account.
        """
        made = User(user_id, name or f"user{user_id}", dms_open, installed)
        self.users[user_id] = made
        for guild_id in self.guilds if guilds is None else guilds:
            self.add_member(guild_id, user_id, permissions=permissions)
        return made

    def add_member(self, guild_id: str, user_id: str, *, permissions: int = MEMBER_PERMISSIONS) -> None:
        """Somebody joins a guild, or is given other permissions in it."""
        self.guilds[guild_id].permissions[user_id] = permissions

    def allow_command(self, guild_id: str, command: str, user_id: str, *, allowed: bool = True) -> None:
        """What a server's administrators settle under Integrations: who may use a command ("desk")."""
        self.guilds[guild_id].allowed[command.lstrip("/"), user_id] = allowed

    def direct_channel(self, user_id: str) -> Channel:
        """The direct messages between a person and our bot; made when there are none."""
        for channel in self.directs.values():
            if channel.members == (user_id,):
                return channel
        made = Channel(self.mint(), "", "", MEMBER_PERMISSIONS, (user_id,))
        self.directs[made.id] = made
        return made

    # what tests look at

    def channel(self, channel_id: str) -> Channel:
        """A channel by its id, deleted ones too; AssertionError when there never was one."""
        for home in self.guilds.values():
            if channel_id in home.channels:
                return home.channels[channel_id]
        assert channel_id in self.directs, f"no channel {channel_id}"
        return self.directs[channel_id]

    def messages(self, channel_id: str) -> list[Message]:
        """What everyone sees in a channel, oldest first; deleted, ephemeral and "thinking" ones left out."""
        return [each for each in self.channel(channel_id).messages if each.stands and not each.ephemeral]

    def direct(self, user_id: str) -> list[Message]:
        """What stands in the direct messages of a person and our bot, ephemeral ones left out."""
        found = [each for each in self.directs.values() if each.members == (user_id,)]
        return [each for channel in found for each in channel.messages if each.stands and not each.ephemeral]

    def private(self, user_id: str, channel_id: str | None = None) -> list[Message]:
        """The ephemeral messages that only this person sees, in a channel or everywhere, oldest first."""
        found = [
            each
            for channel in self.everywhere()
            if channel_id in (None, channel.id)
            for each in channel.messages
            if each.ephemeral and each.seen_by == user_id and each.stands
        ]
        return sorted(found, key=lambda each: each.seq)

    def modal(self, user_id: str) -> Modal | None:
        """The modal on a person's screen."""
        return self.modals.get(user_id)

    def called(self, route: str) -> list[Call]:
        """The requests of one route (as in `tests.discord_server.routes`), in order."""
        return [call for call in self.calls if call.route == route]

    def everywhere(self) -> list[Channel]:
        """Every channel there is or was."""
        return [*(each for home in self.guilds.values() for each in home.channels.values()), *self.directs.values()]

    def find_channel(self, channel_id: str) -> Channel | None:
        """A channel that is still there."""
        for channel in self.everywhere():
            if channel.id == channel_id and not channel.deleted:
                home = self.guilds.get(channel.guild_id)
                return None if home is not None and not home.available else channel
        return None

    def bot_may(self, channel: Channel) -> int:
        """What our bot may do in a channel: nothing in a guild that it is not in."""
        if channel.guild_id:
            home = self.guilds[channel.guild_id]
            return channel.bot_permissions if home.bot_in else 0
        return channel.bot_permissions if len(channel.members) == 1 else 0

    def member_may(self, guild_id: str, user_id: str) -> int:
        """What a member may do; an owner may do everything."""
        home = self.guilds[guild_id]
        granted = home.permissions.get(user_id, 0)
        return granted | (ADMINISTRATOR if home.owner == user_id else 0)
