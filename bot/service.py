"""`up`: one event loop, one TaskGroup: HTTP, scheduler, relay, playground on request; a clean stop on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from bot.bootstrap import App, prepare
from bot.relay import Relay
from bot.scheduler import Scheduler
from core.errors import DeskError

log = structlog.get_logger(__name__)
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 15.0
# What is written is safe however the process ends; this only spares a message in delivery its "unclear".
STOP_WITHIN_SECONDS = 8.0


class PortInUse(DeskError):
    """Nothing started. Port {port} on {host} is in use by another program. Stop it, or change {setting}."""


class NoAddress(DeskError):
    """Nothing started. This machine can't listen on {host}, port {port} ({reason}). Change HTTP_HOST or {setting}."""


class Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would replace ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int, setting: str = "HTTP_PORT") -> socket.socket:
    """A listening socket. Raises PortInUse, NoAddress: before anything else has started."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        found = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise NoAddress(host=host, port=port, reason=error.strerror or error, setting=setting) from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(128)
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(port=port, host=host, setting=setting) from None
        raise NoAddress(host=host, port=port, reason=error.strerror, setting=setting) from None
    found.setblocking(False)
    return found


class Platform(Protocol):
    """A chat platform's adapter: what runs beside the desk, and whether its connection stands."""

    platform: str

    @property
    def connected(self) -> bool: ...
    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, and then until what was acknowledged is answered or left for the next start."""
        ...


@dataclass(slots=True)
class Readiness:
    """What /readyz tells beside the database: whether the schema is there and the loops run, and each platform."""

    started: bool = False
    platforms: Sequence[Platform] = ()

    def __call__(self) -> Mapping[str, bool]:
        return {"desk": self.started, **{one.platform: one.connected for one in self.platforms}}


@dataclass(slots=True)
class Service:
    """Everything that runs in one loop. `web` is served on `socket`; closing ends what would keep connections open;
    give_up is called when a stop takes longer than STOP_WITHIN_SECONDS."""

    app: App
    relay: Relay
    scheduler: Scheduler
    web: FastAPI
    socket: socket.socket
    readiness: Readiness
    closing: Callable[[], None] | None = None
    on_ready: Callable[[], None] | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    give_up: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Until SIGTERM, SIGINT or `stop`. A second signal ends the process at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        config = uvicorn.Config(
            self.web,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = Server(config)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(server.serve(sockets=[self.socket]), name="http")
                group.create_task(self._start(group), name="start")
                group.create_task(self._stopper(server), name="stopper")
        except BaseExceptionGroup as group:  # such as a database newer than the program: no retry helps
            raise first_of(group) from None
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            self.app.desk.close()
        log.info("stopped")
        gc.freeze()  # nothing is left to find; searching half a million objects would take longer than stopping

    def _signalled(self) -> None:
        if self.stop.is_set():
            os._exit(130)
        self.stop.set()

    async def _start(self, group: asyncio.TaskGroup) -> None:
        """Bring the database to this version, waiting for it if need be; then settle what is due and deliver."""
        pause = FIRST_RETRY_SECONDS
        while not self.stop.is_set():
            try:
                await asyncio.to_thread(prepare, self.app, upgrade=True)
            except SQLAlchemyError as error:
                log.warning("the database doesn't answer; trying again", seconds=pause, fault=type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), pause)
                pause = min(2 * pause, LONGEST_RETRY_SECONDS)
                continue
            group.create_task(self.scheduler.run(self.stop), name="scheduler")
            group.create_task(self.relay.run(self.stop), name="relay")
            for one in self.readiness.platforms:
                group.create_task(one.run(self.stop), name=one.platform)
            self.readiness.started = True
            host, port = self.socket.getsockname()[:2]
            log.info("ready", http=f"http://{host}:{port}", programs=sorted(self.app.config.programs))
            if self.on_ready is not None:
                self.on_ready()
            return

    async def _stopper(self, server: Server) -> None:
        await self.stop.wait()
        if self.closing is not None:
            self.closing()
        server.should_exit = True
        # The loop waits for threads at its end; one that hangs on a dead database must not hold the process.
        asyncio.get_running_loop().call_later(STOP_WITHIN_SECONDS, self.give_up)


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended a TaskGroup, alone: a person can act on one reason, not on a tree of them."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def give_up() -> None:
    """End the process, whatever it is doing; for a service that has one to itself (`Service.give_up`)."""
    log.warning("stopped without waiting for work in progress; it is rolled back")
    sys.stderr.flush()
    os._exit(1)  # not the clean stop that was asked for
