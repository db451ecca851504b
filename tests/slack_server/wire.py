"""How our Slack tells the app what people did: Socket Mode, or signed HTTP requests; with redelivery."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.slack_server.signing import signed
from tests.slack_server.state import World
from tests.slack_server.things import Interaction, Json

MAX_CONNECTIONS = 10


@dataclass(eq=False)
class Connection:
    """One open Socket Mode connection. Draining ones were told to leave and get nothing new."""

    socket: web.WebSocketResponse
    request: web.Request
    draining: bool = False
    unacked: dict[str, Interaction] = field(default_factory=dict)
    received: int = 0
    """How many payloads went over it."""


class Wire(World):
    """Delivers payloads: over an open socket, else to `request_url`, else they wait for a socket."""

    def __init__(self) -> None:
        """Nothing connected yet."""
        super().__init__()
        self.request_url = ""
        """Where signed requests go in HTTP mode."""
        self.ack_timeout = 3.0
        """Seconds until our Slack gives up on an acknowledgement."""
        self.event_retries = 3
        self.tickets: set[str] = set()
        self.connections: list[Connection] = []
        self.pending: list[Interaction] = []
        """Payloads that wait for a socket."""
        self.stray_acks: list[Json] = []
        """Acknowledgements of envelopes that nobody knows."""
        self._client: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = 0

    async def deliver(self, interaction: Interaction, *, wait: bool = True) -> Interaction:
        """Send a payload to the app. Waiting ends with its acknowledgement or when our Slack gives up."""
        self.interactions.append(interaction)
        self.spawn(self._carry(interaction))
        if wait:
            await interaction.done.wait()
        return interaction

    def acknowledged(self, interaction: Interaction) -> None:
        """What an acknowledgement brings about; the person's side does the rest."""

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run something beside, until the server closes."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def disconnect(self, reason: str = "refresh_requested", *, close: bool = False) -> None:
        """Tell every connection to go ("warning", "refresh_requested", "link_disabled"); perhaps close it at once."""
        for connection in list(self.connections):
            connection.draining = True
            await self._tell(connection, {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}})
            if close:
                await connection.socket.close()

    def drop_socket(self) -> None:
        """Cut every connection's TCP line without a word."""
        for connection in list(self.connections):
            if connection.request.transport is not None:
                connection.request.transport.abort()

    async def connected(self, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until so many sockets are open and not draining."""
        await self.wait_for(lambda: sum(not each.draining for each in self.connections) >= count, timeout)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket endpoint that apps.connections.open names."""
        ticket = request.query.get("ticket", "")
        fault = self.faults.strike("socket")
        if fault is not None and fault.kind == "slow":  # it accepts, and never speaks
            mute = web.WebSocketResponse()
            await mute.prepare(request)
            await asyncio.sleep(fault.seconds)
            return mute
        if fault is not None and request.transport is not None:
            request.transport.abort()
            return web.Response(status=503)
        if ticket not in self.tickets:
            return web.Response(status=403, text="invalid ticket")
        self.tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if len(self.connections) >= MAX_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        connection = Connection(socket, request)
        debug = {"host": "applink-1", "build_number": 1, "approximate_connection_time": 18060}
        hello = {"type": "hello", "num_connections": len(self.connections) + 1, "debug_info": debug}
        await socket.send_json({**hello, "connection_info": {"app_id": self.app_id}})
        self.connections.append(connection)
        self.changed()
        try:
            await self._flush()
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    self._take_ack(json.loads(message.data))
        finally:
            self.connections.remove(connection)
            self.pending.extend(connection.unacked.values())
            connection.unacked.clear()
            self.changed()
            await self._flush()
        return socket

    async def shut(self) -> None:
        """Close every line and end what runs beside."""
        self.drop_socket()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    def _open(self) -> list[Connection]:
        return [each for each in self.connections if not each.draining and not each.socket.closed]

    async def _flush(self) -> None:
        """Send what waited to whoever is there."""
        while self.pending and self._open():
            await self._offer(self.pending.pop(0), interaction_reason="socket_closed")

    async def _carry(self, interaction: Interaction) -> None:
        """Deliver, events again when they go unacknowledged; then say that it is over."""
        reason = ""
        for attempt in range(1 + (self.event_retries if interaction.kind == "events_api" else 0)):
            if self._open() or not self.request_url:
                if interaction not in self.pending:
                    await self._offer(interaction, attempt, reason)
                try:
                    await asyncio.wait_for(interaction.done.wait(), self.ack_timeout)
                except TimeoutError:
                    reason = "timeout"
            else:
                reason = await self._post(interaction, attempt, reason)
            if interaction.acked_after is not None:
                return
        interaction.done.set()
        self.changed()

    async def _offer(self, interaction: Interaction, attempt: int = 0, interaction_reason: str = "") -> None:
        """Put a payload on one of the open sockets, in turn; or let it wait."""
        lines = self._open()
        if not lines:
            self.pending.append(interaction)
            return
        self._turn += 1
        connection = lines[self._turn % len(lines)]
        envelope: Json = {"envelope_id": self.mint("env-"), "type": interaction.kind, "payload": interaction.payload}
        envelope["accepts_response_payload"] = interaction.kind != "events_api"
        if interaction.kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": interaction_reason}
        connection.unacked[envelope["envelope_id"]] = interaction
        connection.received += 1
        self._sent(interaction)
        await self._tell(connection, envelope)

    async def _tell(self, connection: Connection, message: Json) -> None:
        try:
            await connection.socket.send_json(message)
        except (ConnectionError, RuntimeError):
            return  # the line is going down: whatever is unacknowledged goes over the next one

    def _sent(self, interaction: Interaction) -> None:
        if interaction.deliveries == 0:
            interaction.sent_at = time.perf_counter()
        interaction.deliveries += 1
        self.changed()

    def _take_ack(self, message: Json) -> None:
        for connection in self.connections:
            interaction = connection.unacked.pop(message.get("envelope_id", ""), None)
            if interaction is not None:
                self._settle(interaction, message.get("payload") or {})
                return
        self.stray_acks.append(message)

    def _settle(self, interaction: Interaction, body: Json) -> None:
        if interaction.acked_after is None:
            interaction.acked_after = time.perf_counter() - interaction.sent_at
            interaction.ack = body
            self.acknowledged(interaction)
        interaction.done.set()
        self.changed()

    async def _post(self, interaction: Interaction, attempt: int, why: str) -> str:
        """Send a signed request; gives why it has to be sent again, "" when it was acknowledged."""
        if self._client is None:
            self._client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        request = signed(self.signing_secret, interaction.kind, interaction.payload)
        headers = dict(request.headers)
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": why}
        self._sent(interaction)
        limit = aiohttp.ClientTimeout(total=self.ack_timeout)
        try:
            async with self._client.post(self.request_url, data=request.body, headers=headers, timeout=limit) as answer:
                text = await answer.text()
                interaction.status = answer.status
                if answer.status != 200:
                    return "http_error"
                self._settle(interaction, _read(text, answer.content_type))
                return ""
        except TimeoutError:
            return "http_timeout"
        except aiohttp.ClientError:
            return "connection_failed"


def _read(text: str, content_type: str) -> Json:
    """An acknowledgement's body: JSON, or a text that is the answer."""
    if content_type == "application/json" and text:
        body = json.loads(text)
        return body if isinstance(body, dict) else {}
    return {"text": text} if text else {}
