"""POST /slack/events: everything that Slack sends to an address, signatures checked on the raw body."""

from __future__ import annotations

import structlog
from slack_bolt.adapter.starlette.async_handler import to_starlette_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

log = structlog.get_logger(__name__)
PATH = "/slack/events"
LARGEST_BODY = 1024 * 1024
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, RecursionError)  # what bolt raises on odd JSON


def route(app: AsyncApp, signing_secret: str) -> Route:
    """The endpoint. 401 for whatever isn't signed with the secret within the last five minutes; each one is logged."""
    verifier = SignatureVerifier(signing_secret)

    async def events(request: Request) -> Response:
        body = await _body(request)
        client = request.client.host if request.client else ""
        if body is None:
            log.warning("refused a request that is too large to be Slack's", client=client)
            return JSONResponse({"error": "too large"}, status_code=413)
        problem = _problem(verifier, request, body)
        if problem:
            log.warning("refused a request that Slack did not sign", reason=problem, client=client)
            return JSONResponse({"error": "invalid request"}, status_code=401)
        try:
            asked = AsyncBoltRequest(body=body.decode(), headers=dict(request.headers))
        except _UNREADABLE as fault:  # signed, and yet not what its type says
            log.warning("a signed request can't be read", fault=type(fault).__name__, client=client)
            return JSONResponse({"error": "unreadable"}, status_code=400)
        return to_starlette_response(await app.async_dispatch(asked))

    return Route(PATH, events, methods=["POST"])


async def _body(request: Request) -> bytes | None:
    """The raw body; None for one that is too large to be Slack's."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > LARGEST_BODY:
                return None
            parts.append(part)
    except ClientDisconnect:
        return b""  # nobody waits for an answer; without its rest the signature doesn't fit
    return b"".join(parts)


def _problem(verifier: SignatureVerifier, request: Request, body: bytes) -> str:
    """Why a request is not Slack's; "" when it is."""
    timestamp = request.headers.get("x-slack-request-timestamp", "")
    signature = request.headers.get("x-slack-signature", "")
    if not signature or not timestamp:
        return "unsigned"
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16 and signature.isascii()):
        return "no signature"
    if abs(verifier.clock.now() - int(timestamp)) > 300:
        return "stale"
    try:
        return "" if verifier.is_valid(body, timestamp, signature) else "wrong signature"
    except UnicodeDecodeError:  # the verifier reads it as UTF-8, which Slack always sends
        return "no text"
