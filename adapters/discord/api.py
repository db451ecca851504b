"""Calls of Discord's REST API, and what went wrong said in the relay's own words.

The bot's calls go through discord.py's HTTP client, which keeps to Discord's limits: it waits for a 429 of up to
LONGEST_WAIT seconds, and repeats any request up to five times after a 500, 502, 504 or 524 (after 1, 3, 5, 7 and 9
seconds), posts too. That is harmless here: every post carries a nonce with enforce_nonce, by which Discord tells a
repetition for some minutes, and everything else that is called comes to the same when it is done twice.

Answers to interactions go past it, on a session of their own: they need no bot token, the bot's limits don't bind them,
and the first one must be there within three seconds. Neither the token of the bot nor that of an interaction is in any
message, exception or log line.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import structlog
import yarl
from discord.errors import HTTPException, RateLimited
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route

from core.chat.outbox import TryLater, Unclear

log = structlog.get_logger(__name__)

API = "https://discord.com/api/v10"
GATEWAY = "wss://gateway.discord.gg/"
TIMEOUT_SECONDS = 8.0  # of one request
UPLOAD_SECONDS = 15.0  # of one with files
CONNECT_SECONDS = 4.0
WITHIN_SECONDS = 25.0  # for a call with all its repetitions: below the relay's patience
LONGEST_WAIT = 8.0  # seconds of a 429 that are waited for with the call in hand
DEFAULT_WAIT = 5.0  # seconds, when Discord says 429 and not how long
REPEAT_PAUSE = 0.2  # seconds between tries of an answer

UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_USER = 10003, 10008, 10013
UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION = 10015, 10062
BAD_TOKEN, ACKNOWLEDGED, BAD_FORM = 50027, 40060, 50035
_BUSY = frozenset({20016, 20022, 20028, 30046, 40003, 40006, 40062, 110000, 130000})  # said as 4xx, and passing

Json = Mapping[str, object]

# discord.py writes whole requests and answers to its log at DEBUG: amounts, and addresses that anybody may answer at.
for _name in ("discord.http", "discord.webhook.async_", "discord.gateway"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class DiscordRefused(Exception):
    """Discord said no, for sure: nothing was done. code is its own number, such as 50013; 0 for none."""

    def __init__(self, what: str, status: int, code: int, text: str = "") -> None:
        self.what, self.status, self.code = what, status, code
        super().__init__(f"Discord refused {what}: HTTP {status}, code {code}{': ' + text if text else ''}"[:500])


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a message. description: the words for those who don't see it, "" for none."""

    name: str
    data: bytes = field(repr=False)
    mime: str = "application/octet-stream"
    description: str = ""


def redirect(api_url: str = "", gateway_url: str = "") -> None:
    """Set where Discord is, for every client of this process; "" for Discord's own address.

    Both are attributes of discord.py's classes. To be called before a client logs in, and after anything that calls
    discord.http._set_api_version, which would set the first one back.
    """
    Route.BASE = api_url.rstrip("/") or API
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url or GATEWAY)


class DiscordApi:
    """REST as the bot, over the client's HTTP side, which must be logged in; `close` after the last call.

    http may be replaced when the client is made anew. longest_wait: seconds of a 429 that are waited for.
    """

    def __init__(self, http: HTTPClient, *, longest_wait: float = LONGEST_WAIT) -> None:
        self._longest_wait = longest_wait
        self.http = http
        self._session: aiohttp.ClientSession | None = None
        self._user_id = ""

    @property
    def http(self) -> HTTPClient:
        return self._http

    @http.setter
    def http(self, http: HTTPClient) -> None:
        # Its own parameter takes no less than 30 seconds, as long as the relay waits for a whole delivery.
        http.max_ratelimit_timeout = self._longest_wait
        self._http = http

    async def close(self) -> None:
        """Drop the connections that answers were given on; the client closes its own."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def user_id(self) -> str:
        """The bot's own user, asked once. Raises as `call`."""
        if not self._user_id:
            self._user_id = str(mapping(await self.call("GET", "/users/@me")).get("id", ""))
        return self._user_id

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        files: Sequence[Upload] = (),
        **parameters: str,
    ) -> object:
        """One call as the bot, with discord.py's own waits and repetitions: what Discord answered, as JSON.

        path: with {channel_id} and the like for the parameters. Raises TryLater (not done), Unclear (perhaps done) and
        DiscordRefused (not done).
        """
        what = f"{method} {path}"
        if self.http.token is None:  # not logged in yet
            raise TryLater(1.0)
        # Judged outside of the handlers: the exceptions hold the request, and with it the token.
        problem: Exception
        try:
            async with asyncio.timeout(WITHIN_SECONDS):
                return await self._request(Route(method, path, **parameters), body, query, files)
        except RateLimited as limited:
            problem = TryLater(limited.retry_after)
        except HTTPException as error:
            problem = _meaning(what, error)
        except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError) as error:
            problem = _failure(what, error)
        raise problem

    async def answer(
        self,
        method: str,
        path: str,
        *,
        body: Json,
        files: Sequence[Upload] = (),
        within: float,
        tries: int = 1,
        once: bool = False,
        **parameters: str,
    ) -> None:
        """One call with an interaction's token instead of the bot's; within: seconds for all tries together.

        once: a refusal because it was acknowledged before, after a try whose answer was lost, means that try. Raises as
        `call`.
        """
        ends = time.monotonic() + within
        unclear = False
        for attempt in range(1, tries + 1):
            last = attempt == tries
            try:
                await self._answer_once(method, path, body, files, ends - time.monotonic(), parameters)
            except TryLater as later:
                wait = REPEAT_PAUSE if later.seconds is None else later.seconds
                if last or time.monotonic() + wait >= ends:
                    raise
            except Unclear:
                unclear, wait = True, REPEAT_PAUSE
                if last or time.monotonic() + wait >= ends:
                    raise
            except DiscordRefused as refused:
                if once and unclear and refused.code == ACKNOWLEDGED:
                    return
                raise
            else:
                return
            await asyncio.sleep(wait)

    async def _request(
        self, route: Route, body: object, query: Mapping[str, str] | None, files: Sequence[Upload]
    ) -> object:
        seconds = UPLOAD_SECONDS if files else TIMEOUT_SECONDS
        given: dict[str, Any] = {"timeout": _timeout(seconds)}
        if query:
            given["params"] = dict(query)
        if files:
            given["form"] = _form(body, files)
        elif body is not None:
            given["json"] = body
        try:
            return await self.http.request(route, **given)
        except asyncio.CancelledError:
            self._reopen()
            raise

    def _reopen(self) -> None:
        """Undo what a call leaves behind that is cancelled while it waits for a global 429.

        discord.py shuts a gate for everybody then, and opens it only when that very wait is over.
        """
        gate = getattr(self.http, "_global_over", None)
        if isinstance(gate, asyncio.Event) and not gate.is_set():
            asyncio.get_running_loop().call_later(self._longest_wait, gate.set)

    async def _answer_once(
        self, method: str, path: str, body: Json, files: Sequence[Upload], seconds: float, parameters: Mapping[str, str]
    ) -> None:
        what = f"{method} {path}"
        problem: Exception
        try:
            route = Route(method, path, **parameters)
            form = aiohttp.FormData(quote_fields=False)  # Discord wants the brackets of files[0] as they are
            for part in _form(body, files) if files else ():
                form.add_field(**part)
            async with self._open_session().request(
                method,
                route.url,
                data=form if files else None,
                json=None if files else body,
                timeout=_timeout(max(0.1, min(seconds, UPLOAD_SECONDS if files else TIMEOUT_SECONDS))),
                allow_redirects=False,
                proxy=self.http.proxy,
                proxy_auth=self.http.proxy_auth,
            ) as response:
                data = _json(await response.text(encoding="utf-8", errors="replace"))
                if 200 <= response.status < 300:
                    return
                problem = _meaning(what, HTTPException(response, data))
                if isinstance(problem, TryLater) and isinstance(data, dict):
                    problem = TryLater(_seconds(data.get("retry_after"), problem.seconds))  # finer than the header
        except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError) as error:
            problem = _failure(what, error)
        raise problem

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=200, keepalive_timeout=15)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def mapping(answer: object) -> Json:
    """An answer as an object; empty for anything else."""
    return answer if isinstance(answer, Mapping) else {}


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    connect = min(CONNECT_SECONDS, seconds)
    return aiohttp.ClientTimeout(total=seconds, connect=connect, sock_connect=connect)


def _form(body: object, files: Sequence[Upload]) -> list[dict[str, Any]]:
    """A request with files, as discord.py wants its parts; made anew for each repetition from the same bytes."""
    parts: list[dict[str, Any]] = [{"name": "payload_json", "value": json.dumps(body, ensure_ascii=False)}]
    for number, file in enumerate(files):
        part = {"name": f"files[{number}]", "value": file.data, "filename": file.name, "content_type": file.mime}
        parts.append(part)
    return parts


def _json(text: str) -> dict[str, Any] | str:
    try:
        data: object = json.loads(text)
    except ValueError:
        return text
    return data if isinstance(data, dict) else text


def _failure(what: str, error: Exception) -> Exception:
    """What a call that got no answer means: nothing was sent, or nobody knows."""
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
        return TryLater()
    if isinstance(error, RuntimeError):  # "Session is closed"
        return TryLater(1.0)
    return Unclear(f"{what}: {type(error).__name__}")


def _meaning(what: str, error: HTTPException) -> Exception:
    """What an answer that isn't 2xx means. Its text is Discord's own, without the request."""
    if error.status == 429 or error.code in _BUSY:
        return TryLater(_wait(error))
    if error.status >= 500:
        return Unclear(f"{what}: HTTP {error.status}")
    if error.status == 401 and error.code != BAD_TOKEN:
        log.error("Discord doesn't take the bot's token (any more)", call=what)
        return TryLater()
    if error.code == 0 and error.status == 403:  # a page of the network before Discord
        return TryLater()
    return DiscordRefused(what, error.status, error.code, error.text if error.code else "")


def _wait(error: HTTPException) -> float | None:
    """Retry-After, in seconds."""
    return _seconds(error.response.headers.get("Retry-After"), DEFAULT_WAIT if error.status == 429 else None)


def _seconds(found: object, otherwise: float | None) -> float | None:
    try:
        return max(0.0, min(float(str(found)), 3_600.0))
    except ValueError:
        return otherwise
