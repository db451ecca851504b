"""Messages in channels, and opening direct messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.discord_server import routes
from tests.discord_server.calls import Answered, Refused, Request, route
from tests.discord_server.shapes import channel_json, message_json
from tests.discord_server.things import ATTACH_FILES, READ_MESSAGE_HISTORY, SEND_MESSAGES, Channel, Message

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer


@route(routes.OPEN_DM)
async def open_dm(server: DiscordServer, asked: Request) -> Answered:
    """Open the direct messages with somebody; works for closed ones too."""
    user = str(asked.checked(server).get("recipient_id"))
    if user not in server.users or server.users[user].bot:
        raise Refused(400, 50033, "Invalid Recipient(s)")
    return 200, channel_json(server, server.direct_channel(user))


@route(routes.CHANNEL)
async def channel(server: DiscordServer, asked: Request) -> Answered:
    """One channel."""
    return 200, channel_json(server, asked.channel(server))


@route(routes.SEND)
async def send(server: DiscordServer, asked: Request) -> Answered:
    """Send a message; the same nonce within minutes gives the message that is there."""
    where = asked.channel(server)
    _writable(server, where, files=bool(asked.uploads))
    body = asked.checked(server)
    if not any(body.get(name) for name in ("content", "components", "embeds", "sticker_ids")) and not asked.uploads:
        raise Refused(400, 50006, "Cannot send an empty message")
    if body.get("nonce") and body.get("enforce_nonce"):
        before = server.nonce_of(server.bot_id, str(body["nonce"]))
        if before is not None and before.deleted:
            raise Refused(404, 10008, "Unknown Message")
        if before is not None:
            return 200, message_json(server, before)
    return 200, message_json(server, server.put_message(where, server.bot_id, body, asked.uploads))


@route(routes.HISTORY)
async def history(server: DiscordServer, asked: Request) -> Answered:
    """What stands in a channel, the newest first; ephemeral messages are nobody's history."""
    where = asked.channel(server)
    limit = asked.params.get("limit", "50")
    if not limit.isdigit() or not 1 <= int(limit) <= 100:
        told = {"limit": {"_errors": [{"code": "NUMBER_TYPE_MAX", "message": "int value should be 1 to 100."}]}}
        raise Refused(400, 50035, "Invalid Form Body", told)
    if not server.bot_may(where) & READ_MESSAGE_HISTORY:
        return 200, []
    found = _page(server.messages(where.id), asked.params, int(limit))
    return 200, [message_json(server, each) for each in found]


@route(routes.MESSAGE)
async def message(server: DiscordServer, asked: Request) -> Answered:
    """One message; unlike the history, it says so when our bot may not read here."""
    if not server.bot_may(asked.channel(server)) & READ_MESSAGE_HISTORY:
        raise Refused(403, 50001, "Missing Access")
    return 200, message_json(server, _meant(server, asked))


@route(routes.EDIT)
async def edit(server: DiscordServer, asked: Request) -> Answered:
    """Change a message of our bot's own."""
    meant = _meant(server, asked)
    if meant.author != server.bot_id:
        raise Refused(403, 50005, "Cannot edit a message authored by another user")
    body = asked.checked(server, message=meant)
    return 200, message_json(server, server.change_message(meant, body, asked.uploads))


@route(routes.DELETE)
async def delete(server: DiscordServer, asked: Request) -> Answered:
    """Delete a message of our bot's own."""
    meant = _meant(server, asked)
    if meant.author != server.bot_id:
        raise Refused(403, 50003 if meant.guild_id == "" else 50013, "Missing Permissions")
    meant.deleted = True
    server.changed()
    return 204, None


def _meant(server: DiscordServer, asked: Request) -> Message:
    where = asked.channel(server)
    for each in server.messages(where.id):
        if each.id == asked.params["message_id"]:
            return each
    raise Refused(404, 10008, "Unknown Message")


def _writable(server: DiscordServer, where: Channel, *, files: bool) -> None:
    if where.private:
        user = server.users[where.members[0]]
        shared = any(each.bot_in and user.id in each.permissions for each in server.guilds.values())
        if not user.dms_open:
            raise Refused(403, 50007, "Cannot send messages to this user")
        if not shared and not user.installed:
            raise Refused(403, 50278, "Cannot send messages to this user due to having no mutual guilds")
        return
    allowed = server.bot_may(where)
    if not allowed & SEND_MESSAGES or (files and not allowed & ATTACH_FILES):
        raise Refused(403, 50013, "Missing Permissions")


def _page(messages: list[Message], params: object, limit: int) -> list[Message]:
    """The page that before, after or around means, the newest first."""
    assert isinstance(params, dict)
    newest = sorted(messages, key=lambda each: -int(each.id))
    if "after" in params:
        found = [each for each in newest if int(each.id) > int(params["after"])]
        return found[max(0, len(found) - limit) :]
    if "before" in params:
        return [each for each in newest if int(each.id) < int(params["before"])][:limit]
    if "around" in params:
        at = int(params["around"])
        later = [each for each in newest if int(each.id) >= at][-(limit // 2) - 1 :]
        return [*later, *[each for each in newest if int(each.id) < at]][:limit]
    return newest[:limit]
