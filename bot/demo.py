"""`earnings-desk demo`: a throw-away desk with sample data, its clock adjustable, the playground on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import typer

from adapters.web.playground import refuse_real_tokens
from bot import logs, sample
from bot.bootstrap import App, assemble, build, prepare
from bot.clock import AdjustableClock
from bot.lock import sole_service
from bot.service import give_up, listen
from bot.settings import ADDRESS_WANTED, Secret, Settings, database_address, tokens_present
from core.errors import DeskError


class WrongAddress(DeskError):
    """Nothing started. --database {wanted}."""


HOST = "127.0.0.1"


def run(port: int, database: str | None, open_browser: bool, start: dt.datetime | None = None) -> None:
    """Serve the demo until SIGTERM or SIGINT; the throw-away database goes with it.

    start: the moment the demo's clock shows at first (default: now). Raises NextToRealTokens, PortInUse, NotEmpty,
    WrongAddress.
    """
    refuse_real_tokens(tokens_present())
    wanted = None if database is None else database_address(database)
    if database is not None and wanted is None:
        raise WrongAddress(wanted=ADDRESS_WANTED)
    logs.configure("console", level=logging.WARNING)
    signal.signal(signal.SIGTERM, _leave)  # until the loop takes over: what is thrown away is thrown away
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(contextlib.closing(listen(HOST, port, "--port")))
        url = wanted or f"sqlite:///{stack.enter_context(_throw_away())}/demo.db"
        stack.enter_context(sole_service(url))
        clock = AdjustableClock()
        if start is not None:
            clock.set(start)
        settings = Settings(desk=sample.CONFIG, database_url=Secret(url), http_host=HOST, http_port=port)
        app = build(settings, clock)
        stack.callback(app.close)
        fill(app, clock)
        address = f"http://{HOST}:{listening.getsockname()[1]}"

        def ready() -> None:
            _tell(f"\n    The playground is at {address}\n\n    The money is not real. Ctrl-C stops and deletes it.\n")
            if open_browser:
                _open(address)

        service = assemble(app, listening, playground=True, adjustable=clock, on_ready=ready)
        service.give_up = give_up
        asyncio.run(service.run())


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


def _open(address: str) -> None:
    if _has_display():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _has_display() -> bool:
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def _tell(text: str) -> None:
    typer.echo(text)
    sys.stdout.flush()
