"""conversations.* and users.*: channels, their members and messages, and people."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.slack_server.calls import Refused, Request, method
from tests.slack_server.things import Json

if TYPE_CHECKING:
    from tests.slack_server.server import SlackServer


@method("conversations.open", scope="im:write")
async def open_direct(server: SlackServer, call: Request) -> Json:
    """The direct messages with a person."""
    wanted = [each for each in call.text("users").split(",") if each]
    if len(wanted) != 1:
        raise Refused("invalid_users" if wanted else "invalid_arguments")
    user = call.home.users.get(wanted[0])
    if user is None:
        raise Refused("user_not_found")
    if user.deleted:
        raise Refused("user_disabled")
    if user.is_bot:
        raise Refused("cannot_dm_bot")
    channel = server.direct_channel(call.home.team_id, user.id)
    return {"channel": channel.as_json(call.home.bot_user_id) if call.flag("return_im") else {"id": channel.id}}


@method("conversations.history")
async def history(server: SlackServer, call: Request) -> Json:  # noqa: ARG001
    """A channel's messages, the newest first, a page at a time."""
    channel = call.read(call.needed("channel", "channel_not_found"), "history")
    if call.home.bot_user_id not in channel.members:
        raise Refused("not_in_channel")
    inclusive = call.flag("inclusive")
    latest, oldest = call.text("latest"), call.text("oldest")
    cursor = call.text("cursor")
    until = base64.b64decode(cursor).decode() if cursor else ""
    found = [
        each
        for each in reversed(channel.messages)
        if not each.deleted
        and (not oldest or float(each.ts) > float(oldest) or (inclusive and float(each.ts) == float(oldest)))
        and (not latest or float(each.ts) < float(latest) or (inclusive and float(each.ts) == float(latest)))
        and (not until or float(each.ts) < float(until))
    ]
    limit = int(call.text("limit") or 100)
    if not 1 <= limit <= 999:
        raise Refused("invalid_limit")
    page, more = found[:limit], len(found) > limit
    told = [each.as_json(metadata=call.flag("include_all_metadata")) for each in page]
    following = base64.b64encode(page[-1].ts.encode()).decode() if more else ""
    return {"messages": told, "has_more": more, "response_metadata": {"next_cursor": following}}


@method("conversations.info")
async def info(server: SlackServer, call: Request) -> Json:  # noqa: ARG001
    """A channel, and whether the bot is in it."""
    channel = call.read(call.needed("channel", "channel_not_found"), "read")
    return {"channel": channel.as_json(call.home.bot_user_id)}


@method("conversations.members")
async def members(server: SlackServer, call: Request) -> Json:  # noqa: ARG001
    """Who is in a channel, a page at a time."""
    channel = call.read(call.needed("channel", "channel_not_found"), "read")
    return _page(call, sorted(channel.members), "members")


@method("conversations.list")
async def listing(server: SlackServer, call: Request) -> Json:  # noqa: ARG001
    """The channels that the bot may know of, a page at a time."""
    call.need("channels:read", "groups:read", "im:read")
    bot = call.home.bot_user_id
    seen = [
        each for each in call.home.channels.values() if not each.im_user and (not each.private or bot in each.members)
    ]
    kept = [each for each in seen if not (each.archived and call.flag("exclude_archived"))]
    by_id = {each.id: each.as_json(bot) for each in kept}
    told = _page(call, sorted(by_id), "channels")
    return {**told, "channels": [by_id[each] for each in told["channels"]]}


@method("conversations.join", scope="channels:join")
async def join(server: SlackServer, call: Request) -> Json:  # noqa: ARG001
    """The bot joins a public channel."""
    channel = call.seen(call.needed("channel", "channel_not_found"))
    if channel.private or channel.im_user:
        raise Refused("method_not_supported_for_channel_type")
    if channel.archived:
        raise Refused("is_archived")
    channel.members.add(call.home.bot_user_id)
    return {"channel": channel.as_json(call.home.bot_user_id)}


@method("users.info", scope="users:read")
async def user_info(server: SlackServer, call: Request) -> Json:  # noqa: ARG001
    """A person; `deleted` tells a deactivated one."""
    user = call.home.users.get(call.text("user"))
    if user is None:
        raise Refused("user_not_found")
    return {"user": user.as_json()}


@method("users.list", scope="users:read")
async def user_list(server: SlackServer, call: Request) -> Json:  # noqa: ARG001
    """Everybody of a workspace, a page at a time."""
    told = _page(call, sorted(call.home.users), "members")
    return {**told, "members": [call.home.users[each].as_json() for each in told["members"]]}


@method("team.info", scope="team:read")
async def team_info(server: SlackServer, call: Request) -> Json:  # noqa: ARG001
    """The workspace."""
    domain = call.home.name.lower().replace(" ", "-")
    return {"team": {"id": call.home.team_id, "name": call.home.name, "domain": domain}}


def _page(call: Request, ids: list[str], name: str) -> Json:
    start = int(base64.b64decode(call.text("cursor")).decode()) if call.text("cursor") else 0
    limit = int(call.text("limit") or 100)
    end = start + limit
    following = base64.b64encode(str(end).encode()).decode() if end < len(ids) else ""
    return {name: ids[start:end], "response_metadata": {"next_cursor": following}}
