"""What someone did in Discord, read from the interactions that its gateway brings.

An interaction becomes a `Deed`: plain data that can be stored as JSON, worked on after a restart, and recognised when a
resumed session brings it again. Where the desk was only installed by the user, whatever the server, it speaks with that
person alone: such a channel is no place that it could post to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

import discord

from adapters.discord import commands, modals
from adapters.discord.custom_ids import Pressed, read_send
from core.chat.outbox import Destination
from core.chat.registry import Registry
from core.people import Identity

PLATFORM = "discord"
Kind = Literal["command", "press", "ask", "submit", "guild_gone", "channel_gone"]


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that someone did. text: the command line, fields: arguments by name, or a form's answers.

    kind: "command", "press" (a button or an option), "ask" (a button whose form comes first), "submit" (a form),
    "guild_gone" (the desk was removed from a server), "channel_gone" (deleted).
    token: Discord's ticket for answering, for 15 minutes. own: the card that was pressed is seen by this person alone,
    so that an answer may take its place. direct: done in their direct messages with the desk.
    """

    kind: Kind
    key: str
    user: str = ""
    guild: str = ""
    channel: str = ""
    text: str = ""
    action: str = ""
    value: str = ""
    label: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    interaction: str = ""
    application: str = ""
    token: str = field(default="", repr=False)
    own: bool = False
    direct: bool = False

    @property
    def identity(self) -> Identity:
        return Identity(PLATFORM, self.user)

    @property
    def surface(self) -> Destination:
        """Where it was done; where the desk can't post, and in direct messages: with that person alone."""
        if self.guild and self.channel:
            return Destination(PLATFORM, self.guild, self.channel)
        return Destination(PLATFORM, user_id=self.user)

    def as_json(self) -> str:
        """Plain ASCII: whatever half a character somebody managed to send, every database keeps it."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})


def from_json(text: str) -> Deed:
    """The deed that `as_json` wrote."""
    return Deed(**json.loads(text))


def command(interaction: discord.Interaction, registry: Registry) -> Deed:
    """A slash command, its options as arguments by name; what the desk doesn't know (any more), it refuses."""
    data = data_of(interaction)
    try:
        line, fields = commands.line(data, registry)
    except commands.NotOurCommand:
        line, fields = commands.unknown(data)
    return _deed("command", interaction, text=line, fields=fields)


def pressed(interaction: discord.Interaction, what: Pressed, label: str) -> Deed:
    """A button, or an option chosen in a menu."""
    return _deed("ask" if what.asks else "press", interaction, action=what.action, value=what.value, label=label)


def submitted(interaction: discord.Interaction) -> Deed | None:
    """A form; None for one of another program's."""
    data = data_of(interaction)
    sent = read_send(str(data.get("custom_id", "")))
    if sent is None:
        return None
    return _deed("submit", interaction, action=sent.action, value=sent.value, fields=modals.answers(data))


def guild_gone(guild_id: int, session: str) -> Deed:
    """The desk was removed from a server. session: tells this time from another one."""
    return Deed("guild_gone", f"guild:{guild_id}:{session}", guild=str(guild_id))


def channel_gone(guild_id: int, channel_id: int) -> Deed:
    """A channel was deleted; its id is never used again."""
    return Deed("channel_gone", f"channel:{channel_id}", guild=str(guild_id), channel=str(channel_id))


def _deed(
    kind: Kind,
    interaction: discord.Interaction,
    *,
    text: str = "",
    action: str = "",
    value: str = "",
    label: str = "",
    fields: Mapping[str, str] | None = None,
) -> Deed:
    message = interaction.message
    in_guild = interaction.guild_id is not None and interaction.is_guild_integration()
    direct = interaction.context.dm_channel
    return Deed(
        kind=kind,
        key=f"interaction:{interaction.id}",
        user=str(interaction.user.id),
        guild=str(interaction.guild_id) if in_guild else "",
        channel=str(interaction.channel_id or "") if in_guild else "",
        text=text,
        action=action,
        value=value,
        label=label,
        fields=fields or {},
        interaction=str(interaction.id),
        application=str(interaction.application_id),
        token=interaction.token,
        own=message is not None and (direct or message.flags.ephemeral),
        direct=direct,
    )


def data_of(interaction: discord.Interaction) -> Mapping[str, object]:
    """The raw data of an interaction."""
    data: object = interaction.data
    return data if isinstance(data, Mapping) else {}
