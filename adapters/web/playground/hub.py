"""Live updates: what happens is pushed to every open page as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

Event: TypeAlias = tuple[str, object]
_BACKLOG = 1000


class Hub:
    """Hands every event to every listener. One too slow to follow is cut off and starts over with the whole state."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Queue[Event | None], asyncio.AbstractEventLoop] = {}
        self._closed = False

    @property
    def listening(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listener(self) -> Iterator[asyncio.Queue[Event | None]]:
        """A queue of (kind, data); None in it says: stop."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_BACKLOG)
        if self._closed:
            queue.put_nowait(None)
        self._listeners[queue] = asyncio.get_running_loop()
        try:
            yield queue
        finally:
            self._listeners.pop(queue, None)

    def tell(self, kind: str, data: object) -> None:
        """To all, from the event loop's own thread."""
        for queue in list(self._listeners):
            self._put(queue, (kind, data))

    def tell_from_thread(self, kind: str, data: object) -> None:
        """To all, from any thread."""
        for queue, loop in list(self._listeners.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._put, queue, (kind, data))

    def close(self) -> None:
        """End every stream, so that the server can stop without waiting for open pages."""
        self._closed = True
        for queue in list(self._listeners):
            self._put(queue, None)

    def _put(self, queue: asyncio.Queue[Event | None], event: Event | None) -> None:
        if queue.full():
            while not queue.empty():
                queue.get_nowait()
            event = None
        queue.put_nowait(event)


def frame(kind: str, data: object) -> bytes:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode(errors="replace")


HEARTBEAT = b": still here\n\n"
