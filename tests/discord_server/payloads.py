"""What the bot is told: the payloads of interactions, and who may use which command where."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from tests.discord_server.gateway import Session
from tests.discord_server.posts import Posts
from tests.discord_server.shapes import SIZE_LIMIT, channel_json, guild_json, member_json, message_json
from tests.discord_server.things import (
    ADMINISTRATOR,
    ATTACH_FILES,
    EMBED_LINKS,
    KINDS,
    USE_COMMANDS,
    VIEW_CHANNEL,
    Channel,
    Interaction,
    Json,
    Kind,
    Message,
    Modal,
)

GUILD, BOT_DM, PRIVATE = 0, 1, 2
"""The contexts of an interaction."""


@dataclass(frozen=True)
class Place:
    """Where a person does something: a channel, and its context."""

    channel: Channel
    context: int


class Payloads(Posts):
    """Builds what the bot is told."""

    def welcome(self, session: Session) -> list[tuple[str, Json]]:
        """READY, and every guild of the session's shard."""
        homes = [each for each in self.guilds.values() if each.bot_in and session.hears(each.id)]
        ready: Json = {"v": 10, "user": self.users[self.bot_id].as_json() | {"verified": True, "email": None}}
        ready |= {"guilds": [{"id": each.id, "unavailable": True} for each in homes], "session_id": session.id}
        ready |= {"resume_gateway_url": session.resume_url, "shard": list(session.shard), "private_channels": []}
        ready["application"] = {"id": self.application_id, "flags": self.application_flags}
        told = [("GUILD_CREATE", guild_json(self, each)) for each in homes if each.available]
        return [("READY", ready), *told] if session.intents & 1 else [("READY", ready)]

    def place(self, guild: str, channel: str, user: str) -> Place:
        """Where somebody types; AssertionError when they can't be there."""
        assert user in self.users, f"there is no user {user}"
        if not guild and not channel:
            return Place(self.direct_channel(user), BOT_DM)
        where = self.find_channel(channel)
        assert where is not None, f"there is no channel {channel}"
        assert where.guild_id == guild, f"channel {channel} is not in {guild or 'no guild'}"
        if guild:
            assert user in self.guilds[guild].permissions, f"{user} is not in guild {guild}"
            assert self.member_may(guild, user) & (VIEW_CHANNEL | ADMINISTRATOR), f"{user} can't see {channel}"
            return Place(where, GUILD)
        assert user in where.members, f"{user} is not in {channel}"
        return Place(where, BOT_DM if where.type == 1 else PRIVATE)

    def offered(self, where: Place, user: str, command: str) -> tuple[Json, list[str]]:
        """The declared command and the rest of the path ("/desk approve": the subcommand); AssertionError when this
        person's client does not offer it here."""
        name, *path = command.lstrip("/").split()
        own = self.guild_commands.get(where.channel.guild_id, []) if where.channel.guild_id else []
        declared = next((each for each in [*own, *self.commands] if each["name"] == name), None)
        there = sorted(each["name"] for each in [*own, *self.commands])
        assert declared is not None, f"Discord knows no command /{name}: it was not synced; there is {there}"
        contexts = declared.get("contexts")
        if contexts is None:
            contexts = [GUILD, BOT_DM, PRIVATE] if declared.get("dm_permission", True) else [GUILD]
        assert where.context in contexts, f"/{name} is not offered in context {where.context}, only in {contexts}"
        assert self._owners(where, user, declared), f"/{name} is not installed for {user} here"
        if where.context == GUILD:
            self._permitted(where.channel.guild_id, user, declared)
        return declared, path

    def command_data(self, declared: Json, path: list[str], options: list[Json]) -> Json:
        """The data of a command: its options inside the subcommand's, where there is one."""
        for depth, name in reversed(list(enumerate(path))):
            options = [{"type": 2 if depth < len(path) - 1 else 1, "name": name, "options": options}]
        data: Json = {"id": declared["id"], "name": declared["name"], "type": 1}
        data |= {"options": options} if options else {}
        return data | ({"guild_id": declared["guild_id"]} if declared.get("guild_id") else {})

    def invoked(self, kind: Kind, where: Place, user: str, data: Json) -> Interaction:
        """A command, or typing in one of its options."""
        known = [*self.commands, *itertools.chain.from_iterable(self.guild_commands.values())]
        declared = next(each for each in known if each["id"] == data["id"])
        return self._made(kind, where, user, data, self._owners(where, user, declared))

    def pressed(self, user: str, message: Message, data: Json) -> Interaction:
        """A press or a choice on a message."""
        made_by = message.interaction
        where = Place(self.channel(message.channel_id), self._context(message.channel_id))
        owners = (
            {"0": message.guild_id or "0"}
            if made_by is None
            else dict(made_by.payload["authorizing_integration_owners"])
        )
        made = self._made("component", where, user, data, owners)
        made.source = message
        made.payload["message"] = message_json(self, message)
        return made

    def sent(self, modal: Modal, data: Json) -> Interaction:
        """A submitted form; carries the message whose button opened it."""
        opened = modal.interaction
        where = Place(self.channel(opened.channel_id), self._context(opened.channel_id))
        owners = dict(opened.payload["authorizing_integration_owners"])
        made = self._made("modal", where, modal.user, data, owners)
        made.form, made.source = modal, modal.source
        if modal.source is not None:
            made.payload["message"] = message_json(self, modal.source)
        return made

    def _made(self, kind: Kind, where: Place, user: str, data: Json, owners: Mapping[str, str]) -> Interaction:
        channel, number = where.channel, self.mint()
        token = f"token-{number}-{self.sequence()}"
        payload: Json = {"id": number, "application_id": self.application_id, "type": KINDS[kind], "data": data}
        payload |= {"token": token, "version": 1, "locale": "en-US", "entitlements": [], "context": where.context}
        payload |= {"channel_id": channel.id, "channel": channel_json(self, channel)}
        payload |= {"attachment_size_limit": SIZE_LIMIT, "authorizing_integration_owners": dict(owners)}
        inside = self.bot_may(channel) or (ATTACH_FILES | EMBED_LINKS)
        payload["app_permissions"] = str(inside)
        if channel.guild_id:
            home, granted = self.guilds[channel.guild_id], self.member_may(channel.guild_id, user)
            payload |= {"guild_id": home.id, "guild_locale": "en-US"}
            payload["guild"] = {"id": home.id, "locale": "en-US", "features": []}
            payload["member"] = member_json(self, home, user, permissions=granted)
            payload["channel"] = {**payload["channel"], "permissions": str(granted)}
        else:
            payload["user"] = self.users[user].as_json()
        return Interaction(number, token, kind, payload, user, channel.guild_id, channel.id, self.now(), 0.0)

    def _owners(self, where: Place, user: str, declared: Json) -> dict[str, str]:
        """By whose installation a command is there: {} when by nobody's."""
        types = declared.get("integration_types") or [0]
        guild, found = where.channel.guild_id, dict[str, str]()
        if 0 in types and where.context == GUILD and self.guilds[guild].bot_in:
            found["0"] = guild
        if (
            0 in types
            and where.context == BOT_DM
            and any(user in each.permissions and each.bot_in for each in self.guilds.values())
        ):
            found["0"] = "0"
        if 1 in types and self.users[user].installed:
            found["1"] = user
        return found

    def _permitted(self, guild: str, user: str, declared: Json) -> None:
        """Is the command shown to this member? The server's own settings go before the command's default."""
        home, granted, name = self.guilds[guild], self.member_may(guild, user), declared["name"]
        if granted & ADMINISTRATOR:
            return
        assert granted & USE_COMMANDS, f"{user} may not use commands"
        settled = home.allowed.get((name, user))
        if settled is not None:
            assert settled, f"/{name} is forbidden to {user} by the server's settings"
            return
        needed = declared.get("default_member_permissions")
        if needed is None:
            return
        wanted = int(needed)
        assert wanted, f"/{name} is hidden from all but administrators, {user} too"
        assert granted & wanted == wanted, f"/{name} is hidden from {user}"

    def _context(self, channel_id: str) -> int:
        channel = self.channel(channel_id)
        return GUILD if channel.guild_id else BOT_DM if channel.type == 1 else PRIVATE
