"""files.*: the three steps of an upload, and whether a picture is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.slack_server.calls import Refused, Request, method
from tests.slack_server.things import Channel, Json, SlackFile

if TYPE_CHECKING:
    from tests.slack_server.server import SlackServer


@method("files.getUploadURLExternal", scope="files:write")
async def upload_url(server: SlackServer, call: Request) -> Json:
    """Where to send a file's bytes."""
    name, length = call.needed("filename"), call.needed("length")
    if int(length) <= 0:
        raise Refused("invalid_arguments")
    made = SlackFile(server.mint("F"), call.home.team_id, name, alt_txt=call.text("alt_txt"))
    made.polls_left = server.image_polls
    server.files[made.id] = made
    return {"upload_url": f"{server.base_url}/upload/{made.id}", "file_id": made.id}


@method("files.completeUploadExternal", scope="files:write")
async def complete(server: SlackServer, call: Request) -> Json:
    """The bytes are there: keep the files, and show them in a channel if one is named."""
    given = call.args.get("files") or []
    channel = _channel(call)
    files: list[SlackFile] = []
    for each in given:
        file = server.files.get(each.get("id", ""))
        if file is None or file.team_id != call.home.team_id or not file.content:
            raise Refused("file_not_found")
        files.append(file)
    if not files:
        raise Refused("invalid_arguments")
    for file, each in zip(files, given, strict=True):
        file.complete, file.title = True, each.get("title") or file.name
        file.alt_txt = each.get("alt_txt") or file.alt_txt
        file.channel = channel.id if channel is not None else ""
    if channel is not None:
        message = server.put_message(channel, call.home.bot_user_id, call.text("initial_comment"), [])
        message.files = [file.id for file in files]
        message.thread_ts = call.text("thread_ts")
    return {"files": [{"id": file.id, "title": file.title} for file in files]}


@method("files.info", scope="files:read")
async def info(server: SlackServer, call: Request) -> Json:
    """A file; a picture's mimetype and size come once it is ready, after so many polls."""
    file = server.files.get(call.needed("file"))
    if file is None or file.team_id != call.home.team_id or not file.complete:
        raise Refused("file_not_found")
    told = file.as_json()
    if file.polls_left > 0:
        file.polls_left -= 1
    return {"file": told}


def _channel(call: Request) -> Channel | None:
    """Where to show the files: a channel that the bot is in."""
    wanted = call.text("channel_id") or call.text("channels").partition(",")[0]
    if not wanted:
        return None
    channel = call.seen(wanted)
    if channel.archived:
        raise Refused("is_archived")
    if call.home.bot_user_id not in channel.members:
        raise Refused("not_in_channel")
    return channel
