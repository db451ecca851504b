"""What our own Slack and our own Discord have in common: a clock that can be put forward, waiting for a change, what
goes wrong when a test says so, and a port of this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

from aiohttp import web

Seen = TypeVar("Seen")


@dataclass
class Fault:
    """One fault ordered by a test. where: the call it befalls, "*" for all; channel: only calls about this one, if
    any; left: how often still, None for as long as it is in force. `hits` counts how often it struck."""

    where: str
    left: int | None
    channel: str = field(default="", kw_only=True)
    seconds: float = field(default=0.0, kw_only=True)
    """How late a slow answer is."""
    hits: int = field(default=0, init=False)


AFault = TypeVar("AFault", bound=Fault)


class Faults(Generic[AFault]):
    """The faults in force, oldest first; the first that fits strikes."""

    def __init__(self) -> None:
        self.ordered: list[AFault] = []

    def order(self, fault: AFault) -> AFault:
        """Put a fault in force."""
        self.ordered.append(fault)
        return fault

    def clear(self) -> None:
        """End every fault, outages too."""
        self.ordered.clear()

    def strike(self, where: str, channel: str = "") -> AFault | None:
        """The fault that befalls this call, None when it goes well. Counts it."""
        for fault in self.ordered:
            if fault.where not in ("*", where) or (fault.channel and fault.channel != channel):
                continue
            if fault.left == 0:
                continue
            if fault.left is not None:
                fault.left -= 1
            fault.hits += 1
            return fault
        return None


class Loopback(Generic[AFault]):
    """A platform of our own. Changes call `changed`, which wakes whoever is in `wait_for`."""

    def __init__(self) -> None:
        """Not listening yet."""
        self.faults: Faults[AFault] = Faults()
        self.base_url = ""
        self._ahead = 0.0
        self._change = asyncio.Event()
        self._runner: web.AppRunner | None = None

    def now(self) -> float:
        """Seconds since 1970, as the platform's clock has it."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Put the platform's clock forward: what lives for a while there grows old."""
        self._ahead += seconds
        self.changed()

    def changed(self) -> None:
        """Wake everybody who waits for a change."""
        past, self._change = self._change, asyncio.Event()
        past.set()

    async def wait_for(self, predicate: Callable[[], Seen], timeout: float = 10.0) -> Seen:
        """Wait until the predicate holds, looking again at each change here; gives what it gave.

        Raises AssertionError with the last calls when it does not hold within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not (found := predicate()):
            left = deadline - time.monotonic()
            try:
                await asyncio.wait_for(self._change.wait(), left if left > 0 else 0)
            except TimeoutError:
                told = "\n".join(f"  {name} {outcome}" for name, outcome in self.told()[-12:])
                raise AssertionError(f"nothing of the kind within {timeout} s; the last calls:\n{told}") from None
        return found

    def end_faults(self) -> None:
        """All is well again."""
        self.faults.clear()
        self.changed()

    # the port

    @classmethod
    async def start(cls, *, port: int = 0) -> Self:
        """A listening server on 127.0.0.1; `close` it."""
        made = cls()
        made._runner = web.AppRunner(made.routed(), access_log=None, shutdown_timeout=0.5)
        await made._runner.setup()
        site = web.TCPSite(made._runner, "127.0.0.1", port, reuse_address=True)
        await site.start()
        made.base_url = f"http://127.0.0.1:{made._runner.addresses[0][1]}"
        return made

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[Self]:
        """A server for the length of a block."""
        server = await cls.start()
        try:
            yield server
        finally:
            await server.close()

    async def close(self) -> None:
        """Cut every line and stop listening."""
        await self.shut()
        if self._runner is not None:
            await self._runner.cleanup()

    # what each platform says for itself

    def told(self) -> list[tuple[str, str]]:
        """Every call so far and what came of it, for whoever waited in vain."""
        raise NotImplementedError

    def routed(self) -> web.Application:
        """What answers requests."""
        raise NotImplementedError

    async def shut(self) -> None:
        """Cut every line and end what runs beside."""
        raise NotImplementedError
