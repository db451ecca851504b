"""The gateway, v10: sessions, heartbeats, resuming with what was missed, and how events and interactions go out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import zlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.discord_server.routes import GATEWAY
from tests.discord_server.state import World
from tests.discord_server.things import ANSWER_LIFE, Interaction, Json

GUILDS = 1
"""The intent that brings what happens to guilds and channels."""
PRIVILEGED = (1 << 1) | (1 << 8) | (1 << 15)
DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
_HARMLESS = (3, 4, 8)  # presence, voice state, request of members: taken and not answered


@dataclass(eq=False)
class Line:
    """One open gateway connection. A `silent` one is a zombie: it takes everything and says nothing."""

    socket: web.WebSocketResponse
    request: web.Request
    silent: bool = False
    closed_by_us: bool = False
    heartbeats: int = 0
    deflate: Callable[[bytes], bytes] | None = None

    async def tell(self, op: int, data: object = None, *, seq: int | None = None, event: str | None = None) -> None:
        """Send one payload; a line that is going down swallows it."""
        if self.silent or self.socket.closed:
            return
        text = json.dumps({"op": op, "d": data, "s": seq, "t": event})
        with contextlib.suppress(ConnectionError, RuntimeError):
            if self.deflate is None:
                await self.socket.send_str(text)
            else:
                await self.socket.send_bytes(self.deflate(text.encode()))

    def cut(self) -> None:
        """Reset the connection without a word."""
        if self.request.transport is not None:
            self.request.transport.abort()


@dataclass(eq=False)
class Session:
    """One gateway session, over however many connections. A `dead` one can't be resumed."""

    id: str
    shard: tuple[int, int]
    intents: int
    resume_url: str
    line: Line | None = None
    seq: int = 0
    log: list[tuple[int, str, Json]] = field(default_factory=list)
    resumes: int = 0
    received: int = 0
    """How many interactions were meant for it."""
    closed_at: float | None = None
    close_code: int | None = None
    dead: bool = False

    def hears(self, guild_id: str) -> bool:
        """Is this session's shard the one for a guild ("": direct messages, shard 0)?"""
        place, count = self.shard
        return place == ((int(guild_id) >> 22) % count if guild_id else 0)


class Gateway(World):
    """Delivers events and interactions to the sessions that are there, and keeps them for those that may resume."""

    def __init__(self) -> None:
        """Nobody connected yet."""
        super().__init__()
        self.shards = 1
        """How many shards we recommend."""
        self.heartbeat_interval = 41.25
        """Seconds between heartbeats, as hello says."""
        self.hello_delay = 0.0
        """Seconds until a new connection hears hello."""
        self.answer_timeout = ANSWER_LIFE
        """Seconds until our Discord gives up on a first answer."""
        self.lingers = 120.0
        """Seconds that a session which was not closed cleanly looks online and may be resumed."""
        self.privileged_intents = 0
        """Privileged intents that the application was granted."""
        self.sessions: list[Session] = []
        """Every session there ever was, in the order of their beginning."""
        self.lines: list[Line] = []
        """The open connections, identified or not."""
        self.hellos = 0
        """How many connections were made."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def gateway_url(self) -> str:
        """The gateway's address."""
        return f"ws{self.base_url.removeprefix('http')}/gateway/"

    @property
    def live(self) -> list[Session]:
        """The sessions that are connected now."""
        return [each for each in self.sessions if each.line is not None]

    @property
    def online(self) -> bool:
        """Does the bot look online? A session that ended other than by 1000 or 1001 lingers for a while."""
        return any(each.line is not None or self._lingers(each) for each in self.sessions)

    async def connected(self, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until so many sessions are connected."""
        await self.wait_for(lambda: len(self.live) >= count, timeout)

    # what goes wrong

    def drop(self) -> None:
        """Cut every connection's TCP line without a word."""
        for line in list(self.lines):
            line.cut()

    async def reconnect(self) -> None:
        """Ask every connection to come anew (op 7)."""
        for line in list(self.lines):
            await line.tell(RECONNECT)

    async def invalidate(self, *, resumable: bool = False) -> None:
        """Tell every session that it is invalid (op 9)."""
        for session in self.live:
            session.dead = session.dead or not resumable
            if session.line is not None:
                await session.line.tell(INVALID, resumable)

    def zombie(self) -> None:
        """The connections that are open now go silent: no acknowledgements, no events."""
        for line in self.lines:
            line.silent = True

    async def close_lines(self, code: int = 4000) -> None:
        """Close every connection with a code of ours (4014: disallowed intents, 4004: bad token…)."""
        for line in list(self.lines):
            line.closed_by_us = True
            await line.socket.close(code=code)

    # what goes out

    async def event(self, name: str, data: Json, guild_id: str = "") -> None:
        """Tell every session of the shard; those that may still resume are told when they do."""
        for session in list(self.sessions):
            if session.hears(guild_id) and (session.line is not None or self._lingers(session)):
                if name != "INTERACTION_CREATE" and not session.intents & GUILDS:
                    continue
                await self._dispatch(session, name, data)

    async def deliver(self, interaction: Interaction, *, wait: bool = True) -> Interaction:
        """Send an interaction to every session of its shard. Waiting ends with the first answer, or giving up."""
        self.interactions.append(interaction)
        meant = [each for each in self.sessions if each.hears(interaction.guild_id)]
        for session in meant:
            if session.line is not None or self._lingers(session):
                interaction.deliveries += 1
                session.received += 1
        interaction.sent_at = time.perf_counter()
        interaction.at = self.now()
        self.changed()
        await self.event("INTERACTION_CREATE", interaction.payload, interaction.guild_id)
        if not interaction.deliveries:
            interaction.done.set()
        self.spawn(self._give_up(interaction))
        if wait:
            await interaction.done.wait()
        return interaction

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run something beside, until the server closes."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def shut(self) -> None:
        """Cut every line and end what runs beside."""
        self.drop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """The gateway's door; also the one that READY names for resuming."""
        fault = self.faults.strike(GATEWAY)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        elif fault is not None:
            if fault.kind in ("500", "502"):
                return web.Response(status=int(fault.kind))
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        wanted = request.query.get("compress", "")
        if wanted not in ("", "zlib-stream"):
            return web.Response(status=400, text=f"our gateway doesn't speak {wanted}")
        socket = web.WebSocketResponse(max_msg_size=4096 * 4)
        await socket.prepare(request)
        line = Line(socket, request, deflate=_deflater() if wanted else None)
        self.lines.append(line)
        self.hellos += 1
        self.changed()
        try:
            if request.query.get("v") != "10" or request.query.get("encoding", "json") != "json":
                await socket.close(code=4012)
                return socket
            if self.hello_delay:
                await asyncio.sleep(self.hello_delay)
            await line.tell(HELLO, {"heartbeat_interval": int(self.heartbeat_interval * 1000), "_trace": []})
            async for message in socket:
                if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    await self._take(line, message.data)
        finally:
            self.lines.remove(line)
            self._ended(line)
            self.changed()
        return socket

    def welcome(self, session: Session) -> list[tuple[str, Json]]:
        """READY and what follows it; the rest of the server knows what guilds look like."""
        raise NotImplementedError

    async def _take(self, line: Line, data: str | bytes) -> None:
        try:
            payload = json.loads(data)
            op, told = payload["op"], payload.get("d")
        except (ValueError, KeyError, TypeError):
            await line.socket.close(code=4002)
            return
        session = next((each for each in self.sessions if each.line is line), None)
        if op == HEARTBEAT:
            line.heartbeats += 1
            await line.tell(ACK)
        elif op == IDENTIFY:
            await (line.socket.close(code=4005) if session is not None else self._identify(line, told))
        elif op == RESUME:
            await (line.socket.close(code=4005) if session is not None else self._resume(line, told))
        elif session is None or op not in _HARMLESS:
            await line.socket.close(code=4003 if session is None else 4001)
        self.changed()

    async def _identify(self, line: Line, told: Json) -> None:
        shard = (int(told.get("shard", [0, 1])[0]), int(told.get("shard", [0, 1])[1]))
        code = 0
        if told.get("token") != self.token:
            code = 4004
        elif not 0 <= shard[0] < shard[1]:
            code = 4010
        elif "shard" not in told and self.shards > 1:
            code = 4011
        elif not isinstance(told.get("intents"), int) or told["intents"] >= 1 << 30:
            code = 4013
        elif told["intents"] & PRIVILEGED & ~self.privileged_intents:
            code = 4014
        if code:
            await line.socket.close(code=code)
            return
        resume_url = f"{self.gateway_url}resume/{self.sequence()}/"
        session = Session(f"session{self.sequence()}", shard, told["intents"], resume_url, line)
        self.sessions.append(session)
        for name, data in self.welcome(session):
            await self._dispatch(session, name, data)

    async def _resume(self, line: Line, told: Json) -> None:
        if told.get("token") != self.token:
            await line.socket.close(code=4004)
            return
        session = next((each for each in self.sessions if each.id == told.get("session_id")), None)
        if session is None or session.dead or not (session.line is not None or self._lingers(session)):
            await line.tell(INVALID, False)
            return
        if not isinstance(told.get("seq"), int) or told["seq"] > session.seq:
            await line.socket.close(code=4007)
            return
        older, session.line = session.line, line
        if older is not None:
            await older.socket.close(code=4000)
        session.resumes += 1
        session.closed_at = session.close_code = None
        for seq, name, data in [each for each in session.log if each[0] > told["seq"]]:
            await line.tell(DISPATCH, data, seq=seq, event=name)
        await self._dispatch(session, "RESUMED", {"_trace": []})

    async def _dispatch(self, session: Session, name: str, data: Json) -> None:
        session.seq += 1
        session.log.append((session.seq, name, data))
        if session.line is not None:
            await session.line.tell(DISPATCH, data, seq=session.seq, event=name)

    def _ended(self, line: Line) -> None:
        for session in self.sessions:
            if session.line is line:
                session.line = None
                session.closed_at = self.now()
                session.close_code = line.socket.close_code
                by_bot = not line.closed_by_us  # whose library says 1000 in reply to whatever we close with
                session.dead = session.dead or (by_bot and session.close_code in (1000, 1001))

    def _lingers(self, session: Session) -> bool:
        """May a session that is not connected still be resumed, and look online?"""
        if session.line is not None or session.dead or session.closed_at is None:
            return False
        return self.now() - session.closed_at < self.lingers

    async def _give_up(self, interaction: Interaction) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(interaction.done.wait(), self.answer_timeout)
        interaction.done.set()
        self.changed()


def _deflater() -> Callable[[bytes], bytes]:
    """One zlib stream for one connection: each message ends with a sync flush."""
    stream = zlib.compressobj()
    return lambda data: stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
