"""The playground has no log-in, so that only this machine's own browser may use it, and only from its own page."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import DeskError

# Another site's page can't set this header without asking first, and nobody answers that question.
OWN_HEADER = "x-earnings-desk"
OWN_VALUE = "playground"
_LARGEST_BODY = 256 * 1024
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class NextToRealTokens(DeskError):
    """Nothing started. The playground's play money doesn't run next to real accounts: unset {names}."""


class NotLoopback(DeskError):
    """Nothing started. The playground has no log-in and listens on 127.0.0.1 only, not on '{host}'."""


def refuse_real_tokens(present: Iterable[str]) -> None:
    """Raises NextToRealTokens when any is present: the names of real chat platforms' settings, or payment services'."""
    names = sorted(present)
    if names:
        raise NextToRealTokens(names=", ".join(names))


def require_loopback(host: str) -> None:
    """Raises NotLoopback unless the address to listen on is this machine's own."""
    if not _is_loopback(host):
        raise NotLoopback(host=host)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """Checks every request: the Host names this machine (or a page elsewhere has pointed its own name at it: DNS
    rebinding), and whatever changes something comes from the playground's own page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        problem = _problem(scope["method"], Headers(scope=scope))
        if problem:
            await JSONResponse({"error": problem}, status_code=403)(scope, receive, with_headers)
        else:
            await self.app(scope, receive, with_headers)


def _problem(method: str, headers: Headers) -> str:
    host = headers.get("host", "")
    if not _is_loopback(urlsplit(f"//{host}").hostname or ""):
        return "The playground answers at this machine's own address only: open http://127.0.0.1."
    # Following a link to the page is fine; a page elsewhere that loads its parts is not.
    followed = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not followed:
        return "The playground answers its own page only."
    if method in ("GET", "HEAD"):
        return ""
    origin = headers.get("origin")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return "The playground answers its own page only."
    if headers.get(OWN_HEADER) != OWN_VALUE:
        return f"Send the header '{OWN_HEADER}: {OWN_VALUE}', as the playground's own page does."
    length = headers.get("content-length", "")
    if not length.isdigit() or len(length) > 9 or int(length) > _LARGEST_BODY:
        return f"The playground reads bodies of up to {_LARGEST_BODY} bytes."
    return ""
