"""The REST API's door: tokens, bodies, faults, rate limits, and the form of answers and errors."""

from __future__ import annotations

import asyncio
import json
import math
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.typedefs import Handler

from tests.discord_server import routes_apps, routes_interactions, routes_messages
from tests.discord_server.calls import ROUTES, Refused, Request, Route
from tests.discord_server.faults import Fault
from tests.discord_server.things import Call, Json

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer

MODULES = (routes_apps, routes_interactions, routes_messages)
"""Imported so that their routes are registered."""

_PLENTY = (1000, 1.0)
"""The limit that we tell of routes which no test tightened: (requests, seconds)."""


def mount(app: web.Application, server: DiscordServer) -> None:
    """Put every route on the application; those with fewer holes first, as they win."""
    for name, route in sorted(ROUTES.items(), key=lambda each: each[0].count("{")):
        method, _, path = name.partition(" ")
        app.router.add_route(method, f"/api/v10{path}", _for(server, name, route))
    app.router.add_get("/attachments/{channel_id}/{attachment_id}/{filename}", _attachment(server))
    app.router.add_route("*", "/api/{rest:.*}", _for(server, "*", Route(_nowhere, open=True)))


def _for(server: DiscordServer, name: str, route: Route) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await _serve(server, name if name != "*" else f"{request.method} {request.path}", route, request)

    return handler


async def _serve(server: DiscordServer, name: str, route: Route, request: web.Request) -> web.StreamResponse:
    """Answer one request: with its faults, or as Discord would."""
    params = {**dict(request.query), **dict(request.match_info)}
    body, uploads = await _body(request)
    call = Call(name, params, body, [filename for filename, _ in uploads.values()], server.now())
    server.calls.append(call)
    fault = server.faults.strike(name, params.get("channel_id", ""))
    asked = Request(name, params, body, uploads)
    try:
        early = await _before(request, fault)
        if early is not None and fault is not None:
            call.status, call.outcome = early.status, fault.kind if fault.kind != "error" else str(fault.code)
            return early
        try:
            if not route.open and request.headers.get("Authorization") != f"Bot {server.token}":
                raise Refused(401, 0, "401: Unauthorized")
            headers = _limited(server, asked)
            status, told = await route.handler(server, asked)
            call.outcome = "ok"
        except Refused as refused:
            status, told, headers = refused.status, refused.as_json(), refused.headers
            call.outcome = str(refused.code or refused.status)
        call.status = status
        late = _after(request, fault)
        if late is not None and fault is not None:
            call.outcome = fault.kind
            return late
        headers |= {"Via": "1.1 google", "Date": formatdate(server.now(), usegmt=True)}
        if told is None:
            return web.Response(status=status, headers=headers)
        return _json(told, status=status, headers=headers)
    finally:
        server.changed()


async def _body(request: web.Request) -> tuple[Any, dict[int, tuple[str, bytes]]]:
    """The JSON and the files of a request."""
    if not request.content_type.startswith("multipart/"):
        text = await request.text()
        try:
            return (json.loads(text) if text else None), {}
        except ValueError:
            return text, {}
    body: Any = None
    uploads: dict[int, tuple[str, bytes]] = {}
    form = await request.post()
    for name, value in form.items():
        if name == "payload_json":
            body = json.loads(_read(value).decode() if isinstance(value, web.FileField) else str(value))
        elif isinstance(value, web.FileField) and name.startswith("files["):
            uploads[int(name[6:-1])] = (value.filename, _read(value))
    return body, uploads


def _read(field: web.FileField) -> bytes:
    """What is in a file; closed here, for a request that is cut off nobody else would."""
    with field.file as file:
        return file.read()


async def _before(request: web.Request, fault: Fault | None) -> web.Response | None:
    """What a fault does before anything happened: an answer to give, or None to go on."""
    if fault is None or fault.kind in ("cut_after", "500_after"):
        return None
    match fault.kind:
        case "slow":
            await asyncio.sleep(fault.seconds)
            return None
        case "429" | "429_global":
            everywhere = fault.kind == "429_global"
            return _too_many(fault.retry_after, everywhere=everywhere)
        case "banned":
            return web.Response(status=429, text="error code: 1015", headers={"Retry-After": "60"})
        case "500" | "502":
            return web.Response(status=int(fault.kind), text="<html>upstream</html>", content_type="text/html")
        case "error":
            return _json({"code": fault.code, "message": "ordered by a test"}, status=fault.status)
        case _:
            return cut(request)


def _after(request: web.Request, fault: Fault | None) -> web.Response | None:
    """What a fault does once it happened: an answer instead of the real one, or None."""
    if fault is None or fault.kind not in ("cut_after", "500_after"):
        return None
    return cut(request) if fault.kind == "cut_after" else web.Response(status=500, text="Internal Server Error")


def _json(told: object, *, status: int, headers: dict[str, str] | None = None) -> web.Response:
    """JSON as Discord sends it: discord.py takes it for text when the type names a charset."""
    return web.Response(body=json.dumps(told).encode(), status=status, headers=headers, content_type="application/json")


def cut(request: web.Request) -> web.Response:
    """Reset the connection: no answer ever arrives (the one returned goes nowhere)."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


def _too_many(wait: float, *, everywhere: bool, bucket: str = "ordered") -> web.Response:
    told: Json = {"message": "You are being rate limited.", "retry_after": wait, "global": everywhere}
    headers = _told_of_limits((1, wait), 0, wait, bucket) if not everywhere else {"X-RateLimit-Global": "true"}
    headers |= {"X-RateLimit-Scope": "global" if everywhere else "user", "Retry-After": str(math.ceil(wait))}
    return _json(told, status=429, headers=headers | {"Via": "1.1 google"})


def _limited(server: DiscordServer, asked: Request) -> dict[str, str]:
    """Count a request in its buckets; gives its headers, raises a 429 when there were too many."""
    open_door = asked.route.startswith("POST /interactions") or "/webhooks/" in asked.route
    if server.global_limit is not None and not open_door:
        left, wait = _count(server, "global", server.global_limit)
        if left < 0:
            raise _refused(wait, {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}, everywhere=True)
    limit = server.limits.get(asked.route, _PLENTY)
    bucket = f"{sum(asked.route.encode()):x}{len(asked.route):x}"
    left, wait = _count(server, f"{asked.route} {asked.major}", limit)
    headers = _told_of_limits(limit, max(left, 0), wait, bucket)
    if left < 0:
        raise _refused(wait, {**headers, "X-RateLimit-Scope": "user"}, everywhere=False)
    return headers


def _refused(wait: float, headers: dict[str, str], *, everywhere: bool) -> Refused:
    more: Json = {"retry_after": round(wait, 3), "global": everywhere}
    told = {**headers, "Retry-After": str(math.ceil(wait))}
    return Refused(429, 0, "You are being rate limited.", more=more, headers=told)


def _count(server: DiscordServer, key: str, limit: tuple[int, float]) -> tuple[int, float]:
    """One more request in a bucket: how many are left (-1: refused), and the seconds until it is full again."""
    now = time.monotonic()
    began, used = server.buckets.get(key, (now, 0))
    if now - began >= limit[1]:
        began, used = now, 0
    wait = began + limit[1] - now
    if used >= limit[0]:
        return -1, wait
    server.buckets[key] = (began, used + 1)
    return limit[0] - used - 1, wait


def _told_of_limits(limit: tuple[int, float], left: int, wait: float, bucket: str) -> dict[str, str]:
    told = {"X-RateLimit-Limit": str(limit[0]), "X-RateLimit-Remaining": str(left), "X-RateLimit-Bucket": bucket}
    return {**told, "X-RateLimit-Reset": f"{time.time() + wait:.3f}", "X-RateLimit-Reset-After": f"{wait:.3f}"}


def _attachment(server: DiscordServer) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["attachment_id"]
        for channel in server.everywhere():
            for message in channel.messages:
                for each in message.attachments:
                    if each.id == wanted:
                        return web.Response(body=each.content, content_type=each.content_type)
        return web.Response(status=404)

    return handler


async def _nowhere(_: DiscordServer, __: Request) -> tuple[int, Any]:
    raise Refused(404, 0, "404: Not Found")
