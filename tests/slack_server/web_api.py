"""The Web API's door: arguments, tokens, scopes, faults, and the form of answers."""

from __future__ import annotations

import base64
import json
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import web

from tests.slack_server import methods_apps, methods_chat, methods_conversations, methods_files, methods_views
from tests.slack_server.calls import METHODS, Method, Refused, Request
from tests.slack_server.pages import after, before
from tests.slack_server.things import Call, Json, Token, Workspace

if TYPE_CHECKING:
    from tests.slack_server.server import SlackServer

MODULES = (methods_apps, methods_chat, methods_conversations, methods_files, methods_views)
"""Imported so that their methods are registered."""

_JSON_ARGUMENTS = frozenset({"blocks", "view", "metadata", "files", "attachments", "message"})
_NOBODY = Workspace("", "", "")


async def serve(server: SlackServer, request: web.Request) -> web.Response:
    """Answer one call: with its faults, or as Slack would."""
    name = request.match_info["method"]
    args = await _arguments(request)
    value = _token(request, args)
    token = server.tokens.get(value)
    shown = {key: value for key, value in args.items() if key != "token"}
    call = Call(name, shown, token.team_id if token is not None else "", server.now())
    server.calls.append(call)
    fault = server.faults.strike(name, str(args.get("channel") or args.get("channel_id") or ""))
    try:
        early = await before(request, call, fault)
        if early is None and (early := _too_fast(server, call)) is not None:
            return early
        if early is not None:
            return early
        try:
            body = {"ok": True, **await _act(server, request, name, args, value)}
            call.outcome = "ok"
        except Refused as refused:
            call.outcome = refused.error
            body = {"ok": False, "error": refused.error, **refused.more}
        headers = {"Date": formatdate(time.time() + server.date_skew, usegmt=True), "x-slack-req-id": server.mint("q")}
        if token is not None:
            headers["x-oauth-scopes"] = ",".join(token.scopes)
        return after(request, call, fault) or web.json_response(body, headers=headers)
    finally:
        server.changed()


async def _act(server: SlackServer, request: web.Request, name: str, args: Json, value: str) -> Json:
    method = METHODS.get(name)
    if method is None:
        raise Refused("unknown_method", {"req_method": name})
    token, home = _known(server, method, value)
    if method.scope and method.scope not in token.scopes:
        raise Refused("missing_scope", {"needed": method.scope, "provided": ",".join(token.scopes)})
    if method.token == "none":
        args |= _basic(request)
    made = Request(name, args, token, home, app_token=value == server.app_token)
    return await method.handler(server, made)


def _known(server: SlackServer, method: Method, value: str) -> tuple[Token, Workspace]:
    """Whose token it is; raises what Slack says of bad ones."""
    if method.token == "none":
        return Token("", "", ()), _NOBODY
    if not value:
        raise Refused("not_authed")
    if value == server.app_token:
        if method.token not in ("app", "any"):
            raise Refused("not_allowed_token_type")
        return Token(value, "", ("connections:write",)), _NOBODY
    token = server.tokens.get(value)
    if token is None:
        raise Refused("invalid_auth")
    if token.dead:
        raise Refused(token.dead)
    if token.expires_at is not None and server.now() >= token.expires_at:
        raise Refused("token_expired")
    if method.token == "app":
        raise Refused("not_allowed_token_type")
    return token, server.workspaces[token.team_id]


async def _arguments(request: web.Request) -> Json:
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        text = await request.text()
        sent = json.loads(text) if text else {}
        return {**args, **sent} if isinstance(sent, dict) else args
    form = await request.post()
    args |= {key: str(value) for key, value in form.items()}
    for name in _JSON_ARGUMENTS & set(args):
        try:
            args[name] = json.loads(args[name])
        except ValueError:
            continue  # the method says what is wrong with it
    return args


def _token(request: web.Request, args: Json) -> str:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value if kind == "Bearer" else str(args.get("token") or "")


def _basic(request: web.Request) -> Json:
    """client_id and client_secret from HTTP Basic, as slack_sdk sends them."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind != "Basic":
        return {}
    identity, _, secret = base64.b64decode(value).decode().partition(":")
    return {"client_id": identity, "client_secret": secret}


def _too_fast(server: SlackServer, call: Call) -> web.Response | None:
    """A 429 when a test limits the method and the last call for this channel was taken too short a time ago."""
    pause = server.limits.get(call.method)
    if pause is None:
        return None
    channel = str(call.args.get("channel") or "")
    for past in reversed(server.calls[:-1]):
        same = past.method == call.method and past.team_id == call.team_id and past.outcome == "ok"
        if same and str(past.args.get("channel") or "") == channel:
            if call.at - past.at >= pause:
                return None
            call.outcome = "429"
            wait = str(max(1, round(pause - (call.at - past.at))))
            told = {"ok": False, "error": "ratelimited"}
            return web.json_response(told, status=429, headers={"Retry-After": wait})
    return None
