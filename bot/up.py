"""`earnings-desk up`: what is configured, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib

from bot import logs
from bot.bootstrap import assemble, build
from bot.lock import sole_service
from bot.service import give_up, listen
from bot.settings import Settings


def run(settings: Settings, playground: bool) -> None:
    """Serve until SIGTERM or SIGINT. Raises PortInUse, AlreadyRunning and what the database refuses."""
    tokens = settings.chat_tokens()
    if playground:
        from adapters.web.playground import refuse_real_tokens, require_loopback

        refuse_real_tokens(tokens)
        require_loopback(settings.http_host)
    logs.configure(settings.log_format, [settings.database_url, *settings.secrets.values()])
    with contextlib.ExitStack() as stack:
        stack.enter_context(sole_service(settings.database_url.reveal()))
        listening = stack.enter_context(contextlib.closing(listen(settings.http_host, settings.http_port)))
        app = build(settings)
        stack.callback(app.close)
        service = assemble(app, listening, playground=playground)
        service.give_up = give_up
        asyncio.run(service.run())
