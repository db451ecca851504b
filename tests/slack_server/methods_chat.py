"""chat.*: messages and what Slack says when it doesn't take one; blocks.validate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.slack_server.calls import Refused, Request, method
from tests.slack_server.checks import BLOCKS_TEXT, MESSAGE_TEXT, allowed, problems, text_in
from tests.slack_server.things import Channel, Json, Message

if TYPE_CHECKING:
    from tests.slack_server.server import SlackServer


@method("chat.postMessage", scope="chat:write")
async def post_message(server: SlackServer, call: Request) -> Json:
    """Post in a channel, or to a person's direct messages by their id."""
    channel = _target(server, call, call.needed("channel", "channel_not_found"))
    _may_post(call, channel)
    text, blocks = content(server, call)
    made = server.put_message(channel, call.home.bot_user_id, text, blocks)
    made.metadata = call.args.get("metadata") or None
    made.thread_ts = call.text("thread_ts")
    return {"channel": channel.id, "ts": made.ts, "message": made.as_json(metadata=True)}


@method("chat.update", scope="chat:write")
async def update(server: SlackServer, call: Request) -> Json:
    """Repaint a message of the bot's own. Blocks and metadata that are not given stay; [] and {} take them away."""
    message = _own(call, "cant_update_message")
    text, blocks = content(server, call)
    message.text, message.edited, message.seq = text, message.edited + 1, server.sequence()
    if "blocks" in call.args:
        message.blocks = server.named(blocks)
    if isinstance(call.args.get("metadata"), dict):
        message.metadata = call.args["metadata"] or None
    told = message.as_json(metadata=True)
    return {"channel": message.channel, "ts": message.ts, "text": text, "message": told}


@method("chat.delete", scope="chat:write")
async def delete(server: SlackServer, call: Request) -> Json:  # noqa: ARG001
    """Take away a message of the bot's own."""
    message = _own(call, "cant_delete_message")
    message.deleted = True
    return {"channel": message.channel, "ts": message.ts}


@method("chat.postEphemeral", scope="chat:write")
async def post_ephemeral(server: SlackServer, call: Request) -> Json:
    """Show something to one member of a channel."""
    channel = _target(server, call, call.needed("channel", "channel_not_found"))
    _may_post(call, channel, member=True)
    user = call.home.users.get(call.needed("user", "no_user"))
    if user is None or user.deleted or user.id not in channel.members:
        raise Refused("user_not_in_channel")
    text, blocks = content(server, call)
    return {"message_ts": server.put_ephemeral(channel, user.id, text, blocks).ts}


@method("chat.getPermalink")
async def permalink(server: SlackServer, call: Request) -> Json:
    """A message's address."""
    channel, ts = call.seen(call.text("channel")), call.text("message_ts")
    if not any(each.ts == ts and not each.deleted for each in channel.messages):
        raise Refused("message_not_found")
    return {"channel": channel.id, "permalink": f"{server.base_url}/archives/{channel.id}/p{ts.replace('.', '')}"}


@method("blocks.validate", token="bot")
async def validate(server: SlackServer, call: Request) -> Json:  # noqa: ARG001
    """Judge blocks, a message, or a view, without sending it. No violation is kept of it."""
    given = [name for name in ("blocks", "message", "view") if call.args.get(name)]
    if len(given) != 1:
        raise Refused("invalid_arguments")
    body = call.args[given[0]]
    payload = {"blocks": body} if given == ["blocks"] else body
    surface = str(body.get("type")) if given == ["view"] else "message"
    found = problems(surface, payload)
    if found:
        told = [{"pointer": "", "code": "failed_constraint", "message": each} for each in found]
        raise Refused(f"invalid_{given[0]}", {"errors": told})
    return {}


def content(server: SlackServer, call: Request) -> tuple[str, list[Json]]:
    """The text and blocks of a message; raises what Slack says when they won't do."""
    text, blocks = call.text("text"), call.args.get("blocks") or []
    if not text and not blocks:
        raise Refused("no_text")
    if len(text) > MESSAGE_TEXT:
        raise Refused("msg_too_long")
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    wrong = allowed(server, call.home, "message", {"text": text, "blocks": blocks}) if blocks else []
    if text_in(blocks) > BLOCKS_TEXT:
        raise Refused("msg_blocks_too_long")
    if wrong:
        messages = [f"[ERROR] {each}" for each in wrong]
        raise Refused("invalid_blocks", {"errors": wrong, "response_metadata": {"messages": messages}})
    return text, blocks


def _target(server: SlackServer, call: Request, name: str) -> Channel:
    """A channel by its id, or the direct messages with a person by theirs."""
    if not name.startswith(("U", "W")):
        return call.seen(name)
    user = call.home.users.get(name)
    if user is None:
        raise Refused("channel_not_found")
    if user.deleted:
        raise Refused("user_disabled")
    if user.is_bot:
        raise Refused("cannot_dm_bot")
    return server.direct_channel(call.home.team_id, user.id)


def _may_post(call: Request, channel: Channel, *, member: bool = False) -> None:
    if channel.archived:
        raise Refused("is_archived")
    if channel.im_user and call.home.users[channel.im_user].deleted:
        raise Refused("user_disabled")
    if call.home.bot_user_id in channel.members:
        return
    if member or "chat:write.public" not in call.token.scopes:
        raise Refused("not_in_channel")


def _own(call: Request, refusal: str) -> Message:
    """The bot's message that a call names."""
    channel, ts = call.seen(call.needed("channel", "channel_not_found")), call.text("ts")
    for message in channel.messages:
        if message.ts == ts and not message.deleted:
            if message.user != call.home.bot_user_id:
                raise Refused(refusal)
            if channel.archived:
                raise Refused("is_archived")
            return message
    raise Refused("message_not_found")
