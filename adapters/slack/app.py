"""The whole adapter, wired: what listens, what answers, and the port that the relay posts through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from starlette.routing import BaseRoute

from adapters.conversation import Conversation
from adapters.inbox import Inbox
from adapters.slack import http, listen, members
from adapters.slack.answer import Answers
from adapters.slack.api import SlackApi
from adapters.slack.delivery import Delivery
from adapters.slack.intake import Deed
from adapters.slack.port import SlackPort
from adapters.slack.socket_mode import SocketMode
from adapters.slack.workspaces import Workspaces
from core.chat.inbox import Item
from core.clock import Clock
from core.storage import Database

log = structlog.get_logger(__name__)
FINISH_WITHIN_SECONDS = 2.5  # with the socket's own end: below five


@dataclass(frozen=True, slots=True)
class Transport:
    """How Slack reaches the desk: over its own socket (app_token), or by signed requests (signing_secret), or both."""

    app_token: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)


class Slack:
    """Everything of Slack that runs in one process. `routes` belong into the HTTP server, `port` to the relay.

    sole: no other process works on this database; see `Inbox`.
    """

    platform = "slack"

    def __init__(
        self,
        desk: Conversation,
        database: Database,
        clock: Clock,
        api: SlackApi,
        workspaces: Workspaces,
        transport: Transport,
        *,
        who: str,
        aliases: Mapping[str, str],
        sole: bool = False,
        more_routes: Sequence[BaseRoute] = (),
    ) -> None:
        self.api, self.workspaces, self.database, self.clock = api, workspaces, database, clock
        self.port = SlackPort(api, database, clock)
        self._answers = Answers(desk, Delivery(self.port), workspaces, database, clock)
        self._inbox = Inbox(self.platform, database, clock, who, self._found, self._answers.lost, sole=sole)
        bolt = listen.bolt(self._take, transport.signing_secret, aliases)
        self._socket = SocketMode(bolt, transport.app_token, api.client) if transport.app_token else None
        self._open = False
        self.routes: list[BaseRoute] = list(more_routes)
        if transport.signing_secret:
            self.routes.append(http.route(bolt, transport.signing_secret))

    @property
    def connected(self) -> bool:
        """For /readyz: the socket stands; over HTTP, Slack comes to us."""
        return self._open and (self._socket is None or self._socket.connected)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what was acknowledged is finished, or left for whoever starts next."""
        await self.api.open()
        self._open = True
        finished, deadline = asyncio.Event(), 0.0
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._inbox.run(finished), name="slack inbox")
                looking = group.create_task(
                    members.keep_looking(self.api, self.workspaces, self.database, self.clock, stop)
                )
                if self._socket is not None:
                    await self._socket.run(stop)  # and until what it had brought is acknowledged
                await stop.wait()
                deadline = time.monotonic() + FINISH_WITHIN_SECONDS
                looking.cancel()
                await self._answers.drain(FINISH_WITHIN_SECONDS)
                finished.set()
        finally:
            self._open = False
            # Requests that were in the HTTP server's hands have come in meanwhile.
            await self._answers.drain(max(0.0, deadline - time.monotonic()))
            await self._inbox.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(4):
                    await self.workspaces.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.api.close()

    def _found(self, item: Item) -> None:
        self._answers.found(self._inbox, item)

    async def _take(self, deed: Deed) -> None:
        await self._inbox.take(deed)
