"""Ending the connection at an inconvenient moment: while a dropped one is being resumed."""

from __future__ import annotations

import asyncio
from functools import partial
from unittest.mock import create_autospec

from adapters.discord.api import redirect
from adapters.discord.client import Gateway, Listener
from tests.discord_server import DiscordServer


def come_back(server: DiscordServer, before: int) -> bool:
    """Whether there was another connection since."""
    return server.hellos > before


async def test_ending_while_a_shard_resumes() -> None:
    """Neither the desk's end nor a lost lease waits for a new connection that Discord doesn't greet; afterwards the
    same gateway listens again."""
    server = await DiscordServer.start()
    redirect(server.api_url, server.gateway_url)
    gateway = Gateway(server.token, create_autospec(Listener, instance=True), server.gateway_url)
    try:
        for _ in range(2):
            await gateway.connect()
            await server.connected()
            async with asyncio.timeout(5):
                while not gateway.ready:
                    await asyncio.sleep(0.01)
            hellos, server.hello_delay = server.hellos, 30.0
            server.drop()
            await server.wait_for(partial(come_back, server, hellos))  # it has come back, and waits
            async with asyncio.timeout(3):
                await gateway.disconnect()
            assert not gateway.ready
            server.hello_delay = 0.0
    finally:
        redirect()
        await server.close()
