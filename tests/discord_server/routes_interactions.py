"""The first answer to an interaction, and what follows through its token."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.discord_server import routes
from tests.discord_server.calls import Answered, Refused, Request, route
from tests.discord_server.shapes import message_json
from tests.discord_server.things import KINDS, TOKEN_LIFE, Interaction, Json, Message, Modal

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer

_ANSWERS = {"command": (4, 5, 9), "autocomplete": (8,), "component": (4, 5, 6, 7, 9), "modal": (4, 5, 6, 7)}
"""The types of first answers that each kind of interaction takes; 6 and 7 need a message to change."""


@route(routes.CALLBACK, open=True)
async def callback(server: DiscordServer, asked: Request) -> Answered:
    """The first answer: within 3 seconds, and only once."""
    meant = _known(server, asked.params["webhook_token"])
    if meant is None or meant.id != asked.params["webhook_id"]:
        raise Refused(404, 10062, "Unknown interaction")
    if meant.callback is not None:
        raise Refused(400, 40060, "Interaction has already been acknowledged.")
    if server.now() - meant.at > server.answer_timeout:
        raise Refused(404, 10062, "Unknown interaction")
    body = asked.checked(server, message=meant.source)
    kind = body["type"]
    if kind not in _ANSWERS[meant.kind] or (kind in (6, 7) and meant.source is None):
        told = {"type": {"_errors": [{"code": "BASE_TYPE_CHOICES", "message": f"not for a {meant.kind}"}]}}
        server.violations.append(f"{asked.route}: type {kind} is no answer to a {meant.kind}")
        raise Refused(400, 50035, "Invalid Form Body", told)
    if kind == 4:
        _not_empty(body.get("data") or {}, asked)
    meant.callback = body
    meant.answered_after = time.perf_counter() - meant.sent_at
    made = _answer(server, meant, body, asked)
    if meant.form is not None:
        meant.form.open = False
        if server.modals.get(meant.user) is meant.form:
            del server.modals[meant.user]
    meant.done.set()
    if asked.params.get("with_response") not in ("1", "true"):
        return 204, None
    return 200, _told(server, meant, kind, made)


def _answer(server: DiscordServer, meant: Interaction, body: Json, asked: Request) -> Message | None:
    """What the first answer brings about; gives the message that it is about."""
    kind, data = body["type"], body.get("data") or {}
    if kind in (4, 5):
        where = server.channel(meant.channel_id)
        loading = kind == 5
        made = server.put_message(where, server.bot_id, data, asked.uploads, interaction=meant, loading=loading)
        meant.original = made
        if not loading:
            server.show(meant, "initial", made)
        return made
    if kind in (6, 7):
        meant.original = meant.source
        if kind == 7 and meant.source is not None:
            server.show(meant, "update", server.change_message(meant.source, data, asked.uploads))
        return meant.source
    if kind == 8:
        meant.choices = list(data.get("choices") or [])
    if kind == 9:
        meant.modal = Modal(meant.user, meant, _with_ids(data), meant.source, server.sequence())
        server.modals[meant.user] = meant.modal
    return None


def _told(server: DiscordServer, meant: Interaction, kind: int, made: Message | None) -> Json:
    told: Json = {"id": meant.id, "type": KINDS[meant.kind]}
    resource: Json = {"type": kind}
    if made is not None:
        told |= {"response_message_id": made.id, "response_message_loading": made.loading}
        told["response_message_ephemeral"] = made.ephemeral
        resource |= {"message": message_json(server, made)} if kind in (4, 5, 7) else {}
    return {"interaction": told, "resource": resource}


def _with_ids(data: Json) -> Json:
    """A modal's components with ids where the bot gave none."""
    number = 0
    made: list[Json] = []
    for component in data["components"]:
        number += 1
        each = {"id": number, **component}
        if "component" in each:
            number += 1
            each["component"] = {"id": number, **each["component"]}
        made.append(each)
    return {**data, "components": made}


@route(routes.FOLLOW_UP, open=True)
async def follow_up(server: DiscordServer, asked: Request) -> Answered:
    """One more message; after a deferral the first one takes the place of "thinking"."""
    meant = _alive(server, asked)
    if meant.callback is None:
        raise Refused(404, 10015, "Unknown Webhook")
    body = asked.checked(server)
    _not_empty(body, asked)
    waiting = meant.original
    if waiting is not None and waiting.loading:
        made = server.change_message(waiting, body, asked.uploads)
        server.show(meant, "edited", made)
    else:
        where = server.channel(meant.channel_id)
        made = server.put_message(where, server.bot_id, body, asked.uploads, interaction=meant)
        server.show(meant, "followup", made)
    return 200, message_json(server, made)


@route(routes.ORIGINAL, open=True)
@route(routes.FOLLOWED, open=True)
async def fetch(server: DiscordServer, asked: Request) -> Answered:
    """One of the messages that the token made."""
    return 200, message_json(server, _message(server, asked))


@route(routes.EDIT_ORIGINAL, open=True)
@route(routes.EDIT_FOLLOWED, open=True)
async def change(server: DiscordServer, asked: Request) -> Answered:
    """Change one of them; on a deferred answer this is the answer."""
    found = _message(server, asked)
    body = asked.checked(server, message=found)
    made = server.change_message(found, body, asked.uploads)
    server.show(_alive(server, asked), "edited", made)
    return 200, message_json(server, made)


@route(routes.DELETE_ORIGINAL, open=True)
@route(routes.DELETE_FOLLOWED, open=True)
async def remove(server: DiscordServer, asked: Request) -> Answered:
    """Delete one of them."""
    _message(server, asked).deleted = True
    server.changed()
    return 204, None


def _known(server: DiscordServer, token: str) -> Interaction | None:
    return next((each for each in reversed(server.interactions) if each.token == token), None)


def _alive(server: DiscordServer, asked: Request) -> Interaction:
    meant = _known(server, asked.params["webhook_token"])
    if asked.params["webhook_id"] != server.application_id:
        raise Refused(404, 10015, "Unknown Webhook")
    if meant is None or server.now() - meant.at > TOKEN_LIFE:
        raise Refused(401, 50027, "Invalid Webhook Token")
    return meant


def _message(server: DiscordServer, asked: Request) -> Message:
    meant, wanted = _alive(server, asked), asked.params.get("message_id", "@original")
    if wanted == "@original":
        if meant.original is not None and not meant.original.deleted:
            return meant.original
        raise Refused(404, 10008 if meant.callback is not None else 10015, "Unknown Message")
    for each in server.channel(meant.channel_id).messages:
        if each.id == wanted and not each.deleted and each in (meant.original, meant.source):
            return each
        if each.id == wanted and not each.deleted and each.interaction is meant:
            return each
    raise Refused(404, 10008, "Unknown Message")


def _not_empty(body: Json, asked: Request) -> None:
    if not any(body.get(name) for name in ("content", "components", "embeds")) and not asked.uploads:
        raise Refused(400, 50006, "Cannot send an empty message")
