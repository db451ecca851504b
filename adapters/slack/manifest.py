"""The app's manifest, derived from the commands that there are, so that it is pasted once and complete.

Limits are those of Slack's app manifest reference; the names that Slack keeps for itself are those of its own help
("built-in slash commands") and those that other apps' manifests were refused for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from core.chat.registry import REGISTRY, Command, Registry
from core.config import DeskConfig

Json = dict[str, object]

NAME, LONGEST_DESCRIPTION = "Earnings Desk", 140
COMMANDS_AT_MOST, LONGEST_COMMAND, LONGEST_SUMMARY, LONGEST_HINT = 50, 32, 2000, 1000

SCOPES = (
    "channels:history",  # to find a message again whose post was cut off, in public channels,
    "channels:read",  # whether a channel is there and the desk in it; events about channels
    "chat:write",
    "commands",
    "files:read",  # whether an uploaded chart is ready
    "files:write",  # charts and CSV files
    "groups:history",  # in private channels
    "groups:read",
    "im:history",  # and in direct messages
    "im:write",  # opens direct messages
    "users:read",  # who was deactivated
)
"""What the bot may do. Nothing may be posted where it was not invited, and no other messages are kept or answered."""

EVENTS = (
    "app_home_opened",
    "app_uninstalled",
    "channel_archive",
    "channel_deleted",
    "group_archive",
    "group_deleted",
    "tokens_revoked",
    "user_change",
)

RESERVED = frozenset(
    (
        *(
            "active",
            "apps",
            "archive",
            "away",
            "call",
            "canvas",
            "close",
            "collapse",
            "commands",
            "dm",
            "dnd",
            "expand",
        ),
        *("feed", "feedback", "help", "huddle", "invite", "join", "keys", "kick", "leave", "list", "me", "msg", "mute"),
        *("open", "part", "people", "prefs", "pro", "purpose", "remind", "remove", "rename", "search", "shortcuts"),
        *("shrug", "slack", "star", "status", "topic", "unarchive", "who"),
    )
)
"""Commands that are Slack's own: a manifest with one of them is refused as a whole."""

DESCRIPTION = "Your earnings: balances, statistics, withdrawals and their approval."
LONG_DESCRIPTION = (
    "Creators ask what they have earned and why, how their projects do, and for their money. Approvers and admins "
    "decide on withdrawals where they talk already, two of them where it matters. Channels that want one get a daily "
    "digest.\n\n"
    "Type /balance to see what you have, /withdraw to be paid out, and /desk-help for everything else. What you ask is "
    "answered to you alone. The desk is run by your own platform: it keeps the books on its own server, and reads "
    "messages in channels only to find its own again."
)


def aliases(registry: Registry = REGISTRY) -> dict[str, str]:
    """Commands that Slack keeps for itself, under the name that they have there: {"/desk-help": "/help"}."""
    return {f"/desk-{name}": f"/{name}" for name in registry.names() if name in RESERVED}


def manifest(
    config: DeskConfig,
    registry: Registry = REGISTRY,
    *,
    transport: Literal["socket", "http"] = "socket",
    url: str = "",
    oauth: bool = False,
) -> Json:
    """The manifest as Slack takes it. url: where people reach the desk (HTTP and OAuth), without a slash at its end."""
    registry = registry.of(config)
    events = f"{url}/slack/events" if transport == "http" else ""
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": NAME,
            "description": f"{config.name[:60]}. {DESCRIPTION}"[:LONGEST_DESCRIPTION],
            "long_description": LONG_DESCRIPTION,
            "background_color": "#1f2a44",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": NAME, "always_online": True},
            "slash_commands": [_slash(name, group, events) for name, group in _slashes(registry).items()],
        },
        "oauth_config": _oauth(url, oauth),
        "settings": _settings(events, transport, oauth),
    }


def _slashes(registry: Registry) -> Mapping[str, list[Command]]:
    """The commands by first word, under the names that Slack takes."""
    renamed = {ours: theirs for theirs, ours in aliases(registry).items()}
    found: dict[str, list[Command]] = {}
    for name in registry.names():
        own = registry.commands.get(name)
        found[renamed.get(f"/{name}", f"/{name}")] = [own] if own is not None else registry.group(name)
    return found


def _slash(name: str, commands: list[Command], events: str) -> Json:
    first = commands[0]
    if " " in first.name:
        summary = "For approvers and admins: withdrawals, payments, corrections, digests, the books"
        hint = f"[{' | '.join(command.name.split(' ', 1)[1] for command in commands)}]"
    else:
        summary, hint = first.summary, first.usage.removeprefix(f"/{first.name}").strip()
    slash: Json = {"command": name, "description": summary[:LONGEST_SUMMARY], "should_escape": True}
    if hint:
        slash["usage_hint"] = hint[:LONGEST_HINT]
    return slash | ({"url": events} if events else {})


def _oauth(url: str, oauth: bool) -> Json:
    scopes: Json = {"scopes": {"bot": list(SCOPES)}}
    return {"redirect_urls": [f"{url}/slack/oauth_redirect"], **scopes} if oauth else scopes


def _settings(events: str, transport: str, oauth: bool) -> Json:
    where: Json = {"request_url": events} if events else {}
    return {
        "event_subscriptions": {**where, "bot_events": list(EVENTS)},
        "interactivity": {"is_enabled": True, **where},
        "org_deploy_enabled": False,
        "socket_mode_enabled": transport == "socket",
        "token_rotation_enabled": oauth,
    }


def problems(document: Json) -> list[str]:
    """What Slack would refuse about a manifest's slash commands; nothing, for the ones that this module makes."""
    features = document.get("features")
    slashes = features.get("slash_commands") if isinstance(features, dict) else None
    found = [] if isinstance(slashes, list) and len(slashes) <= COMMANDS_AT_MOST else ["too many slash commands"]
    for slash in slashes if isinstance(slashes, list) else []:
        name = str(slash["command"])
        if not re.fullmatch(r"/[a-z0-9_-]{1,31}", name):
            found.append(f"{name}: not a name that Slack takes")
        if name.removeprefix("/") in RESERVED:
            found.append(f"{name}: Slack's own")
    return found
