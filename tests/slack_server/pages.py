"""What is not the Web API: response_urls, uploads, and the page where people install the app."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from tests.slack_server.faults import Fault
from tests.slack_server.things import RESPONSE_URL_LIFE, RESPONSE_URL_USES, Call, Json

if TYPE_CHECKING:
    from tests.slack_server.server import SlackServer


async def before(request: web.Request, call: Call, fault: Fault | None) -> web.Response | None:
    """What a fault does before anything happened: an answer to give, or None to go on."""
    if fault is None:
        return None
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        return None
    if fault.kind in ("cut_after", "500_after"):
        return None
    call.outcome = fault.kind if fault.kind != "error" else fault.error
    if fault.kind == "429":
        limited: Json = {"ok": False, "error": "ratelimited"}
        return web.json_response(limited, status=429, headers={"Retry-After": str(fault.retry_after)})
    if fault.kind == "500":
        return web.Response(status=500, text="Internal Server Error")
    if fault.kind == "error":
        return web.json_response({"ok": False, "error": fault.error})
    return cut(request)


def after(request: web.Request, call: Call, fault: Fault | None) -> web.Response | None:
    """What a fault does once it happened: an answer instead of the real one, or None."""
    if fault is None or fault.kind not in ("cut_after", "500_after"):
        return None
    call.outcome = fault.kind
    return cut(request) if fault.kind == "cut_after" else web.Response(status=500, text="Internal Server Error")


def cut(request: web.Request) -> web.Response:
    """Reset the connection: no answer ever arrives (the one returned goes nowhere)."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


async def respond(server: SlackServer, request: web.Request) -> web.Response:
    """A response_url: 5 uses in 30 minutes, then 404."""
    url = server.response_urls.get(request.match_info["id"])
    body: Json = await request.json()
    call = Call("response_url", body, request.match_info["team"], server.now())
    server.calls.append(call)
    fault = server.faults.strike("response_url", url.channel if url is not None else "")
    try:
        early = await before(request, call, fault)
        if early is not None:
            return early
        error = "invalid_url" if url is None else ""
        if url is not None and server.now() - url.at > RESPONSE_URL_LIFE:
            error = "expired_url"
        elif url is not None and url.uses >= RESPONSE_URL_USES:
            error = "used_url"
        if error or url is None:
            call.outcome = error
            return web.json_response({"ok": False, "error": error}, status=404)
        if not (body.get("text") or body.get("blocks") or body.get("delete_original")):
            call.outcome = "no_text"
            return web.json_response({"ok": False, "error": "no_text"}, status=500)
        wrong = server.answer(url, body)
        if wrong:
            call.outcome = "invalid_blocks"
            told = {"messages": [f"[ERROR] {each}" for each in wrong]}
            return web.json_response({"ok": False, "error": "invalid_blocks", "response_metadata": told}, status=400)
        url.uses += 1
        call.outcome = "ok"
        return after(request, call, fault) or web.Response(text="ok")
    finally:
        server.changed()


async def upload(server: SlackServer, request: web.Request) -> web.Response:
    """Where files.getUploadURLExternal sends the bytes: raw, or as the first part of a form."""
    file = server.files.get(request.match_info["id"])
    call = Call("upload", {"id": request.match_info["id"]}, file.team_id if file is not None else "", server.now())
    server.calls.append(call)
    fault = server.faults.strike("upload")
    try:
        early = await before(request, call, fault)
        if early is not None:
            return early
        if file is None or file.complete:
            call.outcome = "not found"
            return web.Response(status=404, text="not found")
        if request.content_type.startswith("multipart/"):
            part = await (await request.multipart()).next()
            assert part is not None
            file.content = bytes(await part.read())  # type: ignore[union-attr]
        else:
            file.content = await request.read()
        call.outcome = "ok"
        return after(request, call, fault) or web.Response(text=f"OK - {len(file.content)}")
    finally:
        server.changed()


async def authorize(server: SlackServer, request: web.Request) -> web.Response:
    """The install page: the person agrees at once and is sent back with a code and the state."""
    if request.query.get("client_id") != server.client_id:
        return web.Response(status=400, text="invalid_client_id")
    back = request.query.get("redirect_uri") or server.redirect_uri
    if not back:
        return web.Response(status=400, text="bad_redirect_uri")
    team = request.query.get("team") or server.installing_team or next(iter(server.workspaces))
    code = server.mint("code-")
    server.codes[code] = team
    server.workspaces[team].scopes = tuple(filter(None, request.query.get("scope", "").split(",")))
    query = urlencode({"code": code, "state": request.query.get("state", "")})
    raise web.HTTPFound(f"{back}{'&' if '?' in back else '?'}{query}")
