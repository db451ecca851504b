"""How our Discord tells guilds, channels, members and messages: the objects that REST answers and events carry."""

from __future__ import annotations

from tests.discord_server.state import World
from tests.discord_server.things import (
    COMPONENTS_V2,
    KINDS,
    Channel,
    Guild,
    Interaction,
    Json,
    Message,
    timestamp,
)

JOINED = "2024-01-01T00:00:00+00:00"
SIZE_LIMIT = 10 * 1024 * 1024
"""Bytes that one attachment may have."""


def channel_json(world: World, channel: Channel) -> Json:
    """A channel as GET /channels/{id} and events tell it."""
    told: Json = {"id": channel.id, "type": channel.type, "flags": 0}
    told["last_message_id"] = channel.messages[-1].id if channel.messages else None
    if channel.private:
        told["recipients"] = [world.users[each].as_json() for each in channel.members]
        return told | ({"owner_id": channel.members[0], "name": None, "icon": None} if channel.type == 3 else {})
    home = world.guilds[channel.guild_id]
    own: list[Json] = []
    if channel.bot_permissions != home.bot_permissions:
        allow, deny = channel.bot_permissions, home.bot_permissions & ~channel.bot_permissions
        own.append({"id": world.bot_id, "type": 1, "allow": str(allow), "deny": str(deny)})
    told |= {"guild_id": channel.guild_id, "name": channel.name, "position": 0, "permission_overwrites": own}
    return {**told, "topic": None, "nsfw": False, "rate_limit_per_user": 0, "parent_id": None}


def guild_json(world: World, home: Guild) -> Json:
    """A guild as GUILD_CREATE and GET /guilds/{id} tell it; the event's parts are left out by the latter."""
    told: Json = {"id": home.id, "name": home.name, "owner_id": home.owner, "icon": None, "features": [], "emojis": []}
    told |= {"roles": _roles(world, home), "stickers": [], "afk_timeout": 300, "afk_channel_id": None}
    told |= {"verification_level": 0, "default_message_notifications": 1, "explicit_content_filter": 0}
    told |= {"mfa_level": 0, "nsfw_level": 0, "premium_tier": 0, "preferred_locale": "en-US", "description": None}
    told |= {"system_channel_id": None, "system_channel_flags": 0, "rules_channel_id": None, "splash": None}
    told |= {"joined_at": JOINED, "large": False, "unavailable": not home.available}
    told |= {"member_count": len(home.permissions) + 1, "members": [member_json(world, home, world.bot_id)]}
    told["channels"] = [channel_json(world, each) for each in home.channels.values() if not each.deleted]
    return {**told, "threads": [], "presences": [], "voice_states": [], "stage_instances": []}


def member_json(world: World, home: Guild, user_id: str, *, permissions: int | None = None) -> Json:
    """A member; interactions tell their permissions too."""
    roles = [bot_role(home)] if user_id == world.bot_id else []
    told: Json = {"user": world.users[user_id].as_json(), "nick": None, "avatar": None, "roles": roles, "flags": 0}
    told |= {"joined_at": JOINED, "premium_since": None, "deaf": False, "mute": False, "pending": False}
    told["communication_disabled_until"] = None
    return told if permissions is None else {**told, "permissions": str(permissions)}


def bot_role(home: Guild) -> str:
    """The id of the role that Discord made for our bot when it was invited."""
    return str(int(home.id) + 1)


def _roles(world: World, home: Guild) -> list[Json]:
    base: Json = {"color": 0, "hoist": False, "mentionable": False, "position": 0, "flags": 0, "icon": None}
    base["colors"] = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    everyone: Json = {**base, "id": home.id, "name": "@everyone", "permissions": "0", "managed": False}
    own: Json = {**base, "id": bot_role(home), "name": "earnings", "permissions": str(home.bot_permissions)}
    return [everyone, {**own, "managed": True, "position": 1, "tags": {"bot_id": world.bot_id}}]


def message_json(world: World, message: Message) -> Json:
    """A message as REST answers and component interactions tell it."""
    told: Json = {"id": message.id, "channel_id": message.channel_id, "content": message.content, "tts": False}
    told |= {"author": world.users[message.author].as_json(), "timestamp": timestamp(message.at), "pinned": False}
    told["edited_timestamp"] = None if message.edited_at is None else timestamp(message.edited_at)
    told |= {"mention_everyone": False, "mentions": [], "mention_roles": [], "embeds": []}
    told |= {"attachments": [each.as_json() for each in message.attachments], "components": message.components}
    told |= {"flags": message.flags | (1 << 7 if message.loading else 0), "type": 0}
    if message.nonce:
        told["nonce"] = message.nonce
    if message.author == world.bot_id:
        told["application_id"] = world.application_id
    made_by = message.interaction
    if made_by is not None:
        told |= {"type": 20 if made_by.kind == "command" else 19, "webhook_id": world.application_id}
        told["interaction_metadata"] = _metadata(world, made_by)
    if message.flags & COMPONENTS_V2:
        told["content"] = ""
    return told


def _metadata(world: World, made_by: Interaction) -> Json:
    told: Json = {"id": made_by.id, "type": KINDS[made_by.kind], "user": world.users[made_by.user].as_json()}
    told["authorizing_integration_owners"] = made_by.payload["authorizing_integration_owners"]
    if made_by.kind == "component" and made_by.source is not None:
        told["interacted_message_id"] = made_by.source.id
    if made_by.kind == "modal" and made_by.form is not None:
        told["triggering_interaction_metadata"] = _metadata(world, made_by.form.interaction)
    return told
