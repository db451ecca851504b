"""The desk as chat adapters use it, with every command and press counted and timed."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.conversation import Conversation
from adapters.web.metrics import Metrics
from core.chat.cards import FormField
from core.chat.desk import Once
from core.chat.outbox import Destination
from core.chat.registry import COMMAND_ACTIONS, Registry, Reply, Suggestion
from core.people import Identity


class Measured:
    """Passes everything on to the desk and tells the metrics."""

    def __init__(self, desk: Conversation, metrics: Metrics) -> None:
        self._desk, self._metrics = desk, metrics

    @property
    def registry(self) -> Registry:
        return self._desk.registry

    async def run(
        self,
        identity: Identity,
        text: str,
        surface: Destination,
        *,
        fields: Mapping[str, str] | None = None,
        once: Once | None = None,
    ) -> Reply:
        with self._metrics.command(identity.platform, command_name(self.registry, text)) as outcome:
            reply = await self._desk.run(identity, text, surface, fields=fields, once=once)
            outcome.refused = not reply.ok
            return reply

    async def press(
        self,
        identity: Identity,
        action: str,
        value: str,
        fields: Mapping[str, str],
        surface: Destination,
        *,
        once: Once | None = None,
    ) -> Reply:
        known = action in self.registry.actions or action in COMMAND_ACTIONS
        with self._metrics.command(identity.platform, action if known else "unknown") as outcome:
            reply = await self._desk.press(identity, action, value, fields, surface, once=once)
            outcome.refused = not reply.ok
            return reply

    async def form(self, identity: Identity, action: str, value: str) -> tuple[FormField, ...] | None:
        return await self._desk.form(identity, action, value)

    async def home(self, identity: Identity, surface: Destination) -> Reply:
        with self._metrics.command(identity.platform, "home") as outcome:
            reply = await self._desk.home(identity, surface)
            outcome.refused = not reply.ok
            return reply

    async def suggest(self, identity: Identity, text: str) -> list[Suggestion]:
        return await self._desk.suggest(identity, text)

    async def complete(self, identity: Identity, command: str, argument: str, typed: str) -> list[Suggestion]:
        return await self._desk.complete(identity, command, argument, typed)


def command_name(registry: Registry, text: str) -> str:
    """The declared command that a line begins with, as a label: "/desk approve", or "unknown" for anything else."""
    words = text.strip().lower().lstrip("/").split(maxsplit=2)
    for length in (2, 1):
        name = " ".join(words[:length])
        if len(words) >= length and name in registry.commands:
            return f"/{name}"
    return "unknown"
