"""Our own Discord: REST v10 and gateway v10 over loopback, for tests with the real discord.py.

`DiscordServer.start()` gives a server; `api_url` and `gateway_url` are its addresses, `token` and `application_id` the
bot's. Tests set up guilds and people, act as people, order faults, and look at what stands in channels.
"""

from tests.discord_server import routes
from tests.discord_server.gateway import Session
from tests.discord_server.reading import plain
from tests.discord_server.server import DiscordServer
from tests.discord_server.things import (
    ADMINISTRATOR,
    ATTACH_FILES,
    MEMBER_PERMISSIONS,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    VIEW_CHANNEL,
    Answer,
    Attachment,
    Call,
    Channel,
    Guild,
    Interaction,
    Message,
    Modal,
    User,
)

__all__ = [
    "ADMINISTRATOR",
    "ATTACH_FILES",
    "MEMBER_PERMISSIONS",
    "READ_MESSAGE_HISTORY",
    "SEND_MESSAGES",
    "VIEW_CHANNEL",
    "Answer",
    "Attachment",
    "Call",
    "Channel",
    "DiscordServer",
    "Guild",
    "Interaction",
    "Message",
    "Modal",
    "Session",
    "User",
    "plain",
    "routes",
]
