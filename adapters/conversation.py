"""The desk as whoever speaks to it for people sees it: chat platforms, and what measures them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from core.chat.cards import FormField
from core.chat.desk import Once
from core.chat.outbox import Destination
from core.chat.registry import Registry, Reply, Suggestion
from core.people import Identity


class Conversation(Protocol):
    """See `core.chat.desk.Desk`. Nothing here raises: whatever happens, there is an answer."""

    @property
    def registry(self) -> Registry: ...
    async def run(
        self,
        identity: Identity,
        text: str,
        surface: Destination,
        *,
        fields: Mapping[str, str] | None = None,
        once: Once | None = None,
    ) -> Reply: ...
    async def press(
        self,
        identity: Identity,
        action: str,
        value: str,
        fields: Mapping[str, str],
        surface: Destination,
        *,
        once: Once | None = None,
    ) -> Reply: ...
    async def form(self, identity: Identity, action: str, value: str) -> tuple[FormField, ...] | None: ...
    async def home(self, identity: Identity, surface: Destination) -> Reply: ...
    async def suggest(self, identity: Identity, text: str) -> list[Suggestion]: ...
    async def complete(self, identity: Identity, command: str, argument: str, typed: str) -> list[Suggestion]: ...
