"""The platforms that scenarios are played on."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from tests.desk_world import World
from tests.stages.discord import discord_stage
from tests.stages.playground import playground_stage
from tests.stages.slack import slack_stage
from tests.stages.stage import Stage

STAGES = ("slack-socket", "slack-http", "discord", "playground")


@contextlib.asynccontextmanager
async def staged(name: str, world: World) -> AsyncIterator[Stage]:
    """A platform by its name, with the world's people on it, until the end of the block."""
    if name == "playground":
        async with playground_stage(world) as playground:
            yield playground
    elif name == "discord":
        async with discord_stage(world) as discord:
            yield discord
    elif name == "slack-socket":
        async with slack_stage(world, "socket") as over_socket:
            yield over_socket
    else:
        async with slack_stage(world, "http") as over_http:
            yield over_http
