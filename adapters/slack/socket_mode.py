"""Socket Mode: Slack's payloads over a connection that the desk opens, without a public address.

slack_sdk keeps the connection and follows Slack's refreshes. What it doesn't do is looked after here: the first
connection is tried until it stands, and one that is dead is replaced by a new one: the library takes five seconds to
look, in which people read that the desk doesn't answer, and may try an address for ever that was good for 30 seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

log = structlog.get_logger(__name__)
# slack_sdk writes every payload to its log at DEBUG, link codes and response_urls among them: never.
_quiet = logging.getLogger("slack_sdk.socket_mode")
_quiet.setLevel(logging.INFO)
CONNECT_WITHIN_SECONDS = 10.0
CLOSE_WITHIN_SECONDS = 1.0
ACKNOWLEDGE_WITHIN_SECONDS = 1.6  # at the end; keeping something takes 1.5 s at most
HELLO_WITHIN_SECONDS = 3.0  # Slack greets at once; a line that stays mute is none
DEAD_AFTER_SECONDS = 0.75  # the library follows a refresh in less
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 10.0  # a connection that stood so long was a good one
LOOK_SECONDS = 0.25


class SocketMode:
    """One connection, kept alive. `connected` says whether it stands now."""

    def __init__(self, app: AsyncApp, app_token: str, client: Callable[[], AsyncWebClient]) -> None:
        self._app, self._token, self._client = app, app_token, client
        self._greeted = asyncio.Event()
        self._handling = 0
        self.connected = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`: connect, watch, connect again."""
        pause = FIRST_PAUSE_SECONDS
        while not stop.is_set():
            socket, begun = self._make(), time.monotonic()
            try:
                if await _unless(stop, self._connect(socket)):
                    await self._watch(socket, stop)
                    if time.monotonic() - begun > STEADY_SECONDS:
                        pause = FIRST_PAUSE_SECONDS
                if stop.is_set():
                    await self._acknowledged()
            finally:
                self.connected = False
                await _close(socket)
            if not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _make(self) -> SocketModeClient:
        socket = SocketModeClient(
            app_token=self._token,
            web_client=self._client(),
            ping_interval=5,
            logger=_quiet,
        )
        socket.message_listeners.append(self._hear)
        socket.socket_mode_request_listeners.append(self._handle)
        return socket

    async def _connect(self, socket: SocketModeClient) -> bool:
        self._greeted.clear()
        try:
            async with asyncio.timeout(CONNECT_WITHIN_SECONDS):
                await socket.connect_to_new_endpoint(force=True)
            async with asyncio.timeout(HELLO_WITHIN_SECONDS):
                await self._greeted.wait()
        except SlackApiError as refused:
            word = refused.response.get("error", "") if hasattr(refused.response, "get") else ""
            log.error("Slack refuses SLACK_APP_TOKEN; `earnings-desk doctor` says why", error=word)
        except (aiohttp.ClientError, OSError, TimeoutError) as trouble:
            log.warning("no connection to Slack yet; trying again", fault=type(trouble).__name__)
        else:
            log.info("connected to Slack", mode="socket")
            self.connected = True
            return True
        return False

    async def _watch(self, socket: SocketModeClient, stop: asyncio.Event) -> None:
        """Return when told to stop, or when the library has not got its connection back in time."""
        alive = time.monotonic()
        while not stop.is_set():
            self.connected = await socket.is_connected()
            if self.connected:
                alive = time.monotonic()
            elif time.monotonic() - alive > DEAD_AFTER_SECONDS:
                log.warning("the connection to Slack is dead; opening a new one")
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)

    async def _hear(self, _client: AsyncBaseSocketModeClient, message: Mapping[str, object], _raw: str | None) -> None:
        if message.get("type") == "hello":
            self._greeted.set()

    async def _handle(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        started = time.time()
        self._handling += 1
        try:
            answer = await run_async_bolt_app(self._app, request)
            await send_async_response(client, request, answer, started)
        except (aiohttp.ClientError, ConnectionError) as cut:
            # Slack brings it again over the next connection, where it is known.
            log.info("the connection ended before an acknowledgement", fault=type(cut).__name__)
        finally:
            self._handling -= 1

    async def _acknowledged(self) -> None:
        """Let what came in be kept and acknowledged before the connection is closed."""
        deadline = time.monotonic() + ACKNOWLEDGE_WITHIN_SECONDS
        while self._handling and time.monotonic() < deadline:
            await asyncio.sleep(0.01)


async def _unless(stop: asyncio.Event, work: Coroutine[object, object, bool]) -> bool:
    """What `work` gives; False when `stop` came first."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        return working.done() and await working
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


async def _close(socket: SocketModeClient) -> None:
    """Say goodbye; where nobody answers, close what the library would then leave open."""
    with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_WITHIN_SECONDS):
            await socket.close()  # type: ignore[no-untyped-call]
            return
    for task in (socket.message_processor, socket.message_receiver, socket.current_session_monitor):
        if task is not None:
            task.cancel()
    await socket.aiohttp_client_session.close()
