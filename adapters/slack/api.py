"""Calls of Slack's Web API: paced, on one session, and what went wrong said in the relay's own words.

Nothing is ever sent twice here unless sending it twice is the same as once (findings.md, "Slack": the default handler
of slack_sdk repeats a post whose answer was lost). Tokens are taken from `Workspaces` for each call and appear in no
message, exception or log line.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.pacing import Pacer
from adapters.slack.workspaces import DEAD_TOKEN, NoAnswer, NotInstalled, Workspace, Workspaces
from core.chat.outbox import TryLater, Unclear

__all__ = ["SLACK", "NotInstalled", "SlackApi", "SlackRefused", "web_client"]

SLACK = "https://slack.com/api/"
TIMEOUT_SECONDS = 8.0  # of one request
CONNECT_SECONDS = 4.0
REPEAT_WITHIN_SECONDS = 12.0  # a call that may be repeated is not begun again after that
REPEATS = 3
RELAY_PATIENCE = 2.0  # seconds that a delivery slot is held for a turn
DEFAULT_WAIT = 5.0  # seconds, when Slack says 429 and not how long

_REPEATABLE = frozenset(
    {
        "auth.test",
        "blocks.validate",
        "bots.info",
        "chat.update",
        "conversations.history",
        "conversations.info",
        "conversations.members",
        "conversations.open",
        "files.info",
        "team.info",
        "users.conversations",
        "users.info",
        "views.publish",
    }
)
_UNCLEAR = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "update_failed"})
_BUSY = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "team_added_to_org", "org_login_required"})
_EXPIRED = frozenset({"token_expired"})
_AS_JSON = ("chat.", "views.", "blocks.")  # the others take forms; all take these

Answer = Mapping[str, object]

# slack_sdk writes whole requests and answers to its log at DEBUG, amounts and new tokens among them: never.
_quiet = logging.getLogger("adapters.slack.web")
_quiet.setLevel(logging.WARNING)


class SlackRefused(Exception):
    """Slack said no, for sure: nothing was done. error is its own word, such as "channel_not_found"."""

    def __init__(self, method: str, error: str, response: Answer | None = None) -> None:
        self.method, self.error = method, error
        self.response: Answer = response or {}
        super().__init__(f"Slack refused {method}: {error}{self._details()}")

    @property
    def messages(self) -> list[str]:
        """What Slack adds about faulty blocks."""
        metadata = self.response.get("response_metadata")
        found = metadata.get("messages") if isinstance(metadata, Mapping) else None
        return [str(one) for one in found] if isinstance(found, list) else []

    def _details(self) -> str:
        parts = [f"needs the scope {self.response['needed']}"] if self.response.get("needed") else []
        return "".join(f"; {part}" for part in [*parts, *self.messages])[:500]


def web_client(base_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """slack_sdk's client on a session of ours: nothing is repeated, nothing logged. Give each call its token."""
    return AsyncWebClient(
        base_url=base_url or SLACK,
        session=session,
        timeout=int(TIMEOUT_SECONDS),
        retry_handlers=[],
        logger=_quiet,
    )


def new_session() -> aiohttp.ClientSession:
    """A session with our time-outs; idle connections are dropped before Slack would drop them."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS)
    connector = aiohttp.TCPConnector(limit=100, keepalive_timeout=15)
    return aiohttp.ClientSession(timeout=timeout, connector=connector, trust_env=True)


class SlackApi:
    """The Web API as each workspace's bot. `open` before the first call, `close` after the last."""

    def __init__(self, workspaces: Workspaces, base_url: str = SLACK, *, pacer: Pacer | None = None) -> None:
        self.workspaces = workspaces
        self.base_url = base_url or SLACK
        self._pacer = pacer or Pacer()
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None

    async def open(self) -> None:
        """Make the session; on the event loop that the calls are made on."""
        if self._session is None:
            self._session = new_session()
            self._client = web_client(self.base_url, self._session)

    async def close(self) -> None:
        """Drop the connections."""
        session, self._session, self._client = self._session, None, None
        if session is not None:
            await session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session, for uploads and response_urls. Raises TryLater before `open` and after `close`."""
        if self._session is None:
            raise TryLater(1.0)
        return self._session

    def client(self) -> AsyncWebClient:
        """slack_sdk's client, without a token. Raises TryLater before `open` and after `close`."""
        if self._client is None:
            raise TryLater(1.0)
        return self._client

    async def workspace(self, team_id: str) -> Workspace:
        """The workspace with a fresh token. Raises NotInstalled, TryLater."""
        try:
            found = await self.workspaces.of(team_id)
        except NoAnswer:
            raise TryLater from None
        if found is None:
            raise NotInstalled
        return found

    async def call(
        self, team_id: str, method: str, *, lane: str = "", patience: float = RELAY_PATIENCE, **params: object
    ) -> Answer:
        """One call, as soon as Slack's limits allow it; patience: how many seconds to wait for that.

        lane: what Slack counts by beside the method, such as the channel of a post. Raises TryLater (not done),
        Unclear (perhaps done), SlackRefused (not done) and NotInstalled. Calls that may be repeated are, a few times.
        """
        begun = time.monotonic()
        for attempt in range(1, REPEATS + 1):
            await self._pacer.turn(team_id, method, lane, patience=patience)
            try:
                return await self._as_workspace(team_id, method, lane, params)
            except Unclear:
                late = time.monotonic() - begun > REPEAT_WITHIN_SECONDS
                if method not in _REPEATABLE or attempt == REPEATS or late:
                    raise
            await self._pacer.sleep(0.2 * attempt)
        raise Unclear(f"{method}: no answer")  # not reached: the last attempt returns or raises

    async def _as_workspace(self, team_id: str, method: str, lane: str, params: Answer) -> Answer:
        """The call with the workspace's token; once more with a newer one if Slack no longer takes this one."""
        workspace = await self.workspace(team_id)
        answer = await self._send(workspace.bot_token, method, params)
        error = _error(answer)
        if error in _EXPIRED or error in DEAD_TOKEN:
            newer = await self.workspace(team_id)
            if newer.bot_token != workspace.bot_token:
                answer = await self._send(newer.bot_token, method, params)
                error = _error(answer)
        if error in _BUSY:
            wait = _seconds(answer.get("retry_after"))
            self._pacer.shut(team_id, method, lane, wait)
            raise TryLater(wait)
        if error in DEAD_TOKEN:
            raise NotInstalled
        if error in _EXPIRED:
            raise TryLater  # a rotation that hasn't worked yet
        if error in _UNCLEAR:
            raise Unclear(f"{method}: {error}")
        if error:
            raise SlackRefused(method, error, answer)
        return answer

    async def _send(self, token: str, method: str, params: Answer) -> Answer:
        """What Slack answered, `ok` or not. Raises TryLater when nothing was sent, Unclear when nobody knows."""
        # Judged outside of the handlers: slack_sdk's exceptions hold the request, and with it the token.
        failed: object = None
        problem: Exception | None = None
        try:
            response = await self._request(token, method, params)
        except SlackApiError as refused:
            failed = refused.response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            problem = TryLater()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            problem = Unclear(f"{method}: {type(error).__name__}")
        except (RuntimeError, AssertionError):
            if self._session is not None:
                raise
            # What aiohttp raises when the session is closed under a call: this process is stopping.
            problem = Unclear(f"{method}: closed meanwhile")
        else:
            return response.data if isinstance(response.data, dict) else {"ok": True}
        if problem is not None:
            raise problem
        return _refusal(method, failed)

    async def _request(self, token: str, method: str, params: Answer) -> AsyncSlackResponse:
        given = {name: value for name, value in params.items() if value is not None}
        headers = {"Authorization": f"Bearer {token}"}
        if method.startswith(_AS_JSON):
            return await self.client().api_call(method, json=given, headers=headers)
        form = {name: _form_value(value) for name, value in given.items()}
        return await self.client().api_call(method, data=form, headers=headers)


def _form_value(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)  # true, 12, [...]: as Slack reads forms


def _refusal(method: str, response: object) -> Answer:
    """An answer that is not "ok": Slack's own, or one that says 429 or 5xx. Raises Unclear for anything unreadable."""
    if not isinstance(response, AsyncSlackResponse):
        raise Unclear(f"{method}: an unreadable answer")
    data: Answer = response.data if isinstance(response.data, dict) else {}
    if response.status_code == 429:
        return {"ok": False, "error": "ratelimited", "retry_after": response.headers.get("Retry-After")}
    if response.status_code >= 500 or not data.get("error"):
        raise Unclear(f"{method}: HTTP {response.status_code}")
    return data


def _error(answer: Answer) -> str:
    return "" if answer.get("ok") else str(answer.get("error") or "unknown_error")


def _seconds(text: object) -> float:
    """Retry-After, in seconds."""
    try:
        return max(0.0, min(float(str(text)), 3_600.0))
    except ValueError:
        return DEFAULT_WAIT
