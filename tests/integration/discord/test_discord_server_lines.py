"""Our own Discord's gateway, as the real discord.py sees it: drops, resuming, invalid sessions, zombies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest
import yarl
from discord.gateway import DiscordWebSocket

from tests.discord_server import DiscordServer, routes
from tests.discord_server.faults import Kind
from tests.integration.discord.trivial_bot import connected, logged_in

GUILD, CHANNEL, ADA = "100", "200", "301"


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer.running() as made:
        made.add_guild(GUILD, "Makers")
        made.add_channel(GUILD, CHANNEL, "earnings")
        made.add_user(ADA, "ada")
        yield made


async def hello(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("hello", ephemeral=True)


async def test_a_clean_end_is_seen_at_once(server: DiscordServer) -> None:
    """While connected the bot is online; closed with 1000 it is not, and the session is dead."""
    async with connected(server) as bot:
        assert server.online
        guild = await server.wait_for(lambda: bot.get_guild(int(GUILD)))
        assert guild is not None
        await server.wait_for(lambda: guild.channels)
        assert guild.get_channel(int(CHANNEL)) is not None
        assert guild.me.guild_permissions.send_messages
    await server.wait_for(lambda: not server.live)
    assert server.sessions[0].close_code == 1000
    assert not server.online


async def test_a_dropped_line_lingers_and_is_resumed_with_what_was_missed(server: DiscordServer) -> None:
    """What happened while the line was down is told after the resume, at the address that READY named."""
    async with connected(server, hello) as bot:
        server.hello_delay = 0.2
        server.drop()
        await server.wait_for(lambda: not server.live)
        assert server.online
        made = await server.slash(GUILD, CHANNEL, ADA, "/stats")
        assert made.said == "hello"
        session = server.sessions[0]
        assert (len(server.sessions), session.resumes, made.deliveries) == (1, 1, 1)
        assert bot.ws is None
    assert session.close_code == 1000


async def test_asked_to_reconnect_it_resumes(server: DiscordServer) -> None:
    """Op 7: the client comes back with the same session."""
    async with connected(server, hello):
        await server.reconnect()
        await server.wait_for(lambda: server.sessions[0].resumes == 1)
        assert (await server.slash(GUILD, CHANNEL, ADA, "/stats")).said == "hello"


async def test_an_invalid_session_begins_anew(server: DiscordServer) -> None:
    """Op 9, not resumable: a new session; resumable: the same one."""
    async with connected(server, hello):
        await server.invalidate(resumable=True)
        await server.wait_for(lambda: server.sessions[0].resumes == 1 and server.live)
        await server.invalidate()
        await server.wait_for(lambda: len(server.sessions) == 2 and server.live)
        assert (await server.slash(GUILD, CHANNEL, ADA, "/stats")).said == "hello"


async def test_a_silent_line_is_given_up(server: DiscordServer) -> None:
    """A zombie acknowledges nothing: the client leaves it and resumes elsewhere."""
    server.heartbeat_interval = 0.1
    async with connected(server, hello, patience=0.5):
        await server.wait_for(lambda: server.lines[0].heartbeats > 3)
        server.zombie()
        made = await server.slash(GUILD, CHANNEL, ADA, "/stats")
        assert made.said == "hello"
        assert server.sessions[0].resumes == 1


async def test_the_first_connect_may_be_refused(server: DiscordServer) -> None:
    """A gateway that is down refuses; the next try gets through."""
    async with logged_in(server) as bot:
        await bot._async_setup_hook()
        kinds: tuple[Kind, ...] = ("502", "cut_before")
        for kind in kinds:
            server.end_faults()
            server.fault(routes.GATEWAY, kind, times=None)
            with pytest.raises((aiohttp.ClientError, OSError)):
                await DiscordWebSocket.from_client(bot, gateway=yarl.URL(server.gateway_url), shard_id=0)
        server.end_faults()
        bot._connection.shard_count = 1
        line = await DiscordWebSocket.from_client(bot, gateway=yarl.URL(server.gateway_url), shard_id=0)
        await server.connected()
        await line.close(1000)
    await server.wait_for(lambda: not server.online)


async def test_two_sessions_of_a_shard_both_hear(server: DiscordServer) -> None:
    """The same interaction goes to each session of its shard; only one may answer it."""
    heard: list[int] = []

    async def answer(interaction: discord.Interaction) -> None:
        try:
            await interaction.response.send_message("me", ephemeral=True)
        except discord.HTTPException as refused:
            heard.append(refused.code)
            server.changed()

    async with connected(server, answer), connected(server, answer):
        await server.connected(2)
        made = await server.slash(GUILD, CHANNEL, ADA, "/stats")
        assert made.deliveries == 2
        await server.wait_for(lambda: heard)
    assert heard == [40060]
    assert made.said == "me"


async def test_each_shard_hears_of_its_guilds(server: DiscordServer) -> None:
    """With two shards a guild's interactions go to one of them, direct messages to the first."""
    server.shards = 2
    other = str(1 << 22)
    server.add_guild(other)
    server.add_channel(other, "600")
    server.add_user(ADA, "ada")
    async with connected(server, hello):
        await server.connected(2)
        assert (await server.slash(other, "600", ADA, "/stats")).said == "hello"
        assert (await server.slash("", "", ADA, "/stats")).said == "hello"
    assert [(each.shard, each.received) for each in server.sessions] == [((0, 2), 1), ((1, 2), 1)]


async def test_a_wrong_identify_is_closed_with_its_code(server: DiscordServer) -> None:
    """Discord's close codes: a bad token, privileged intents, a shard that can't be, nonsense, nothing said before."""
    good = {"token": server.token, "intents": 1, "properties": {}}
    cases = [
        ({"op": 2, "d": {**good, "token": "x"}}, 4004),
        ({"op": 2, "d": {**good, "intents": 1 << 15}}, 4014),
        ({"op": 2, "d": {**good, "shard": [1, 1]}}, 4010),
        ({"op": 8, "d": {}}, 4003),
        ({"nonsense": True}, 4002),
        ({"op": 6, "d": {"token": "x"}}, 4004),
    ]
    async with aiohttp.ClientSession() as client:
        for sent, code in cases:
            async with client.ws_connect(f"{server.gateway_url}?v=10&encoding=json") as line:
                assert (await line.receive_json())["op"] == 10
                await line.send_json(sent)
                async with asyncio.timeout(5):
                    assert (await line.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
                assert line.close_code == code
