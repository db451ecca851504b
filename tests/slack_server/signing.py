"""Requests as Slack signs them, and as someone who is not Slack would."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.slack_server.things import Json


@dataclass(frozen=True)
class RawRequest:
    """A POST to the app's request URL: tests send it with any HTTP client."""

    body: bytes
    headers: dict[str, str]


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's v0 signature of a body."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def encode(kind: str, payload: Json) -> tuple[bytes, str]:
    """A payload's body and content type, by what it is: a command, an interaction, or an event."""
    if kind == "slash_commands":
        return urlencode(payload).encode(), "application/x-www-form-urlencoded"
    if kind == "interactive":
        return urlencode({"payload": json.dumps(payload)}).encode(), "application/x-www-form-urlencoded"
    return json.dumps(payload).encode(), "application/json"


def signed(secret: str, kind: str, payload: Json, *, age: float = 0.0) -> RawRequest:
    """A request as Slack sends it, `age` seconds ago (over 300 is stale)."""
    body, content_type = encode(kind, payload)
    stamp = str(int(time.time() - age))
    headers = {"Content-Type": content_type, "X-Slack-Request-Timestamp": stamp}
    return RawRequest(body, {**headers, "X-Slack-Signature": sign(secret, stamp, body)})


def unsigned(request: RawRequest) -> RawRequest:
    """The request without its signature and timestamp."""
    kept = {name: value for name, value in request.headers.items() if not name.startswith("X-Slack-")}
    return RawRequest(request.body, kept)


def tampered(request: RawRequest, old: bytes, new: bytes) -> RawRequest:
    """The request with its body changed after it was signed."""
    if old not in request.body:
        raise ValueError(f"{old!r} is not in the body")
    return RawRequest(request.body.replace(old, new), request.headers)
