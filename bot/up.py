"""`earnings-desk up`: what is configured, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from adapters.web.app import create_app
from adapters.web.measured import Measured
from adapters.web.metrics import Metrics
from bot import logs
from bot.bootstrap import App, build
from bot.lock import sole_service
from bot.relay import Relay
from bot.scheduler import Scheduler
from bot.service import Readiness, Service, listen
from bot.settings import Settings
from core.chat.outbox import ChatPort
from core.errors import DeskError


class NoAdapterYet(DeskError):
    """Nothing started. {names} set, but this version has no Slack or Discord adapter yet. Unset {them} to run without
    chat; `up --playground` serves a small chat client on this machine."""


def run(settings: Settings, playground: bool) -> None:
    """Serve until SIGTERM or SIGINT. Raises NoAdapterYet, PortInUse, AlreadyRunning and what the database refuses."""
    tokens = settings.chat_tokens()
    if playground:
        from adapters.web.playground import refuse_real_tokens, require_loopback

        refuse_real_tokens(tokens)
        require_loopback(settings.http_host)
    if tokens:
        several = len(tokens) > 1
        raise NoAdapterYet(names=f"{', '.join(tokens)} {'are' if several else 'is'}", them="them" if several else "it")
    logs.configure(settings.log_format, [settings.database_url, *settings.secrets.values()])
    with contextlib.ExitStack() as stack:
        stack.enter_context(sole_service(settings.database_url.reveal()))
        listening = stack.enter_context(contextlib.closing(listen(settings.http_host, settings.http_port)))
        app = build(settings)
        stack.callback(app.close)
        asyncio.run(_serve(app, listening, playground))


async def _serve(app: App, listening: socket.socket, with_playground: bool) -> None:
    readiness = Readiness()
    metrics = Metrics()
    web = create_app(app.database, app.config, app.clock, ports_ready=readiness, metrics=metrics)
    ports: dict[str, ChatPort] = {}
    relay = Relay(app.database, app.config, ports, app.rails, app.clock)
    app.nudge.to = relay.nudge
    closing: Callable[[], None] | None = None
    if with_playground:
        from adapters.web.playground import Playground, mount

        playground = Playground(Measured(app.desk, metrics), app.database, app.config, app.clock)
        mount(web, playground)
        ports[playground.platform] = playground
        closing = playground.close
    service = Service(
        app=app,
        relay=relay,
        scheduler=Scheduler(app.database, app.config, app.clock, relay.nudge),
        web=web,
        socket=listening,
        readiness=readiness,
        closing=closing,
    )
    await service.run()
