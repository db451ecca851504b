"""What Discord has to be told about the desk: links to add it, its commands, and what to set in the developer portal.

Discord takes no manifest as one document; `manifest` gathers what is otherwise clicked together. The names of pages and
switches are those of the developer portal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import discord

from adapters.discord.commands import GUILD_INSTALL, USER_INSTALL, payload
from core.chat.registry import REGISTRY, Registry
from core.config import DeskConfig

Json = dict[str, object]

NAME: Final = "Earnings Desk"
LONGEST_DESCRIPTION: Final = 400
AUTHORIZE: Final = "https://discord.com/oauth2/authorize"
PORTAL: Final = "https://discord.com/developers/applications"
PLACEHOLDER: Final = "YOUR_APPLICATION_ID"

GUILD_SCOPES: Final = ("applications.commands", "bot")
USER_SCOPES: Final = ("applications.commands",)

PERMISSIONS: Final[Mapping[str, tuple[discord.Permissions, str]]] = {
    "View Channel": (discord.Permissions(view_channel=True), "nothing can be posted in a channel that it can't see"),
    "Send Messages": (discord.Permissions(send_messages=True), "digests and approval cards in subscribed channels"),
    "Send Messages in Threads": (
        discord.Permissions(send_messages_in_threads=True),
        "the same in threads that were subscribed",
    ),
    "Attach Files": (discord.Permissions(attach_files=True), "charts, which are pictures beside their card"),
    "Read Message History": (
        discord.Permissions(read_message_history=True),
        "after a connection that was cut: whether a card stands already, instead of posting it twice",
    ),
}
"""All that the bot may do in a server, by the names that people see there. Answers to commands need none of it. Embed
Links is not among them: a card is made of components, and holds neither embeds nor links."""

DESCRIPTION: Final = (
    "Your earnings: what you have earned and why, how your projects do, withdrawals and their approval. "
    "Type /balance to see what you have, /withdraw to be paid out, /help for everything else. "
    "What you ask is answered to you alone."
)


def permissions() -> int:
    """The permissions as the number that links and the API take."""
    return sum(bit.value for bit, _ in PERMISSIONS.values())


def server_link(application_id: str) -> str:
    """Where an admin of a server adds the desk to it."""
    asked = {"client_id": application_id, "integration_type": GUILD_INSTALL}
    return f"{AUTHORIZE}?{urlencode({**asked, 'scope': ' '.join(GUILD_SCOPES), 'permissions': permissions()})}"


def account_link(application_id: str) -> str:
    """Where somebody adds the desk's commands to their own account, to use them in any server and conversation."""
    asked = {"client_id": application_id, "integration_type": USER_INSTALL}
    return f"{AUTHORIZE}?{urlencode({**asked, 'scope': ' '.join(USER_SCOPES)})}"


def portal_page(application_id: str, page: str = "") -> str:
    """An application's page in the developer portal: "bot", "installation", "information"."""
    return "/".join(part for part in (PORTAL, application_id, page) if part)


def manifest(config: DeskConfig, registry: Registry = REGISTRY, *, application_id: str = "") -> Json:
    """Everything, as one document. application_id: "" puts PLACEHOLDER in the links, and says so first."""
    document: Json = {}
    if not application_id:
        document["missing"] = (
            f"The application id. Set DISCORD_TOKEN, or add --application ID (General Information, Application ID): "
            f"the links below don't work before, {PLACEHOLDER} stands in its place."
        )
    number = application_id or PLACEHOLDER
    return document | {
        "application_id": number,
        "add_to_server": server_link(number),
        "add_to_account": account_link(number),
        "permissions": {"value": str(permissions()), "why": {name: why for name, (_, why) in PERMISSIONS.items()}},
        "developer_portal": _portal(config, number),
        "commands": payload(registry.of(config)),
    }


def _portal(config: DeskConfig, number: str) -> Json:
    """Each page's settings, under the names that stand there."""
    return {
        "address": portal_page("" if number == PLACEHOLDER else number),
        "General Information": {
            "Name": NAME,
            "App Icon": "your platform's, square, 512 pixels or more",
            "Description": f"{config.name[:60]}. {DESCRIPTION}"[:LONGEST_DESCRIPTION],
            "Interactions Endpoint URL": "empty: the desk connects to Discord by itself, and needs no public address",
        },
        "Installation": {
            "Installation Contexts": ["Guild Install", "User Install"],
            "Install Link": "Discord Provided Link; None where the bot is not public",
            "Default Install Settings": {
                "Guild Install": {"Scopes": list(GUILD_SCOPES), "Permissions": list(PERMISSIONS)},
                "User Install": {"Scopes": list(USER_SCOPES)},
            },
        },
        "Bot": {
            "Public Bot": "on, if others than you add the desk to a server or to their account; otherwise off",
            "Requires OAuth2 Code Grant": "off",
            "Privileged Gateway Intents": {
                "Presence Intent": "off",
                "Server Members Intent": "off",
                "Message Content Intent": "off",
            },
        },
        "commands": "nothing to set: `earnings-desk up` tells Discord the commands below whenever they changed",
    }
