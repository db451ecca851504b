"""`earnings-desk demo`: a throw-away desk with sample data, its clock adjustable, the playground on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import typer

from adapters.web.app import create_app
from adapters.web.measured import Measured
from adapters.web.metrics import Metrics
from adapters.web.playground import Playground, mount, refuse_real_tokens
from bot import logs, sample
from bot.bootstrap import App, build, prepare
from bot.clock import AdjustableClock
from bot.lock import sole_service
from bot.relay import Relay
from bot.scheduler import Scheduler
from bot.service import Readiness, Service, listen
from bot.settings import Secret, Settings, tokens_present
from core.earnings.periods import next_settlement

HOST = "127.0.0.1"


def run(port: int, database: str | None, open_browser: bool, start: dt.datetime | None = None) -> None:
    """Serve the demo until SIGTERM or SIGINT; the throw-away database goes with it.

    start: the moment the demo's clock shows at first (default: now). Raises NextToRealTokens, PortInUse, NotEmpty.
    """
    refuse_real_tokens(tokens_present())
    logs.configure("console", level=logging.WARNING)
    signal.signal(signal.SIGTERM, _leave)  # until the loop takes over: what is thrown away is thrown away
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(contextlib.closing(listen(HOST, port, "--port")))
        url = database or f"sqlite:///{stack.enter_context(_throw_away())}/demo.db"
        stack.enter_context(sole_service(url))
        clock = AdjustableClock()
        if start is not None:
            clock.set(start)
        settings = Settings(desk=sample.CONFIG, database_url=Secret(url), http_host=HOST, http_port=port)
        app = build(settings, clock)
        stack.callback(app.close)
        fill(app, clock)
        asyncio.run(_serve(app, clock, listening, open_browser))


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(0)


@contextlib.contextmanager
def _throw_away() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="earnings-desk-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def fill(app: App, clock: AdjustableClock) -> None:
    """Fill an empty database with the sample data; go on with one that was filled before. Raises NotEmpty."""
    began = time.monotonic()
    prepare(app, upgrade=True)
    if sample.present(app.database):
        ahead = sample.newest_moment(app.database)
        if ahead is not None:
            clock.jump_to(ahead)
        _tell("The database holds the demo's sample data already; going on with it.")
        return
    _tell("Filling a throw-away database with sample data …")
    made = sample.load(app.database, app.rails, clock())
    _tell(
        f"{made.creators} creators, {made.projects} projects, {made.events:,} usage events over {made.days} days, "
        f"settled, in {time.monotonic() - began:.1f} s."
    )


async def _serve(app: App, clock: AdjustableClock, listening: socket.socket, open_browser: bool) -> None:
    relay = Relay(app.database, app.config, {}, app.rails, clock)
    app.nudge.to = relay.nudge
    scheduler = Scheduler(app.database, app.config, clock, relay.nudge)

    async def jump() -> None:
        """To the next time to settle; all that is due then is done before the page hears of it."""
        clock.jump_to(min(next_settlement(program, clock()) for program in app.config.programs.values()))
        await scheduler.settle()
        await relay.drain()

    metrics = Metrics()
    playground = Playground(Measured(app.desk, metrics), app.database, app.config, clock, jump=jump)
    relay.ports = {playground.platform: playground}
    readiness = Readiness()
    web = create_app(app.database, app.config, clock, ports_ready=readiness, metrics=metrics)
    mount(web, playground)
    address = f"http://{HOST}:{listening.getsockname()[1]}"

    def ready() -> None:
        _tell(f"\n    The playground is at {address}\n\n    The money is not real. Ctrl-C stops and deletes it.\n")
        if open_browser and _has_display():
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    service = Service(
        app=app,
        relay=relay,
        scheduler=scheduler,
        web=web,
        socket=listening,
        readiness=readiness,
        closing=playground.close,
        on_ready=ready,
    )
    await service.run()


def _has_display() -> bool:
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def _tell(text: str) -> None:
    typer.echo(text)
    sys.stdout.flush()
