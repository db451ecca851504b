"""The line to Discord's gateway breaks, in every way it can: nothing that was done meanwhile is lost or done twice."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import discord
import pytest

from adapters.discord.api import redirect
from adapters.discord.client import Gateway
from adapters.discord.custom_ids import Pressed
from core.storage import Database
from tests.conftest import count
from tests.desk_world import World
from tests.discord_server import DiscordServer, Interaction, routes
from tests.discord_server.typed import Typed
from tests.discord_world import APPROVALS, EARNINGS, GUILD, USERS, DiscordWorld, running, settle

ELSEWHERE = "900000000000000002"
Trouble = Callable[[DiscordServer], Awaitable[None]]


@pytest.fixture
def world(migrated_database: Database) -> Iterator[World]:
    """Ada has $1,000; in the end the books are right."""
    made = World(migrated_database).funded()
    yield made
    made.close()
    assert made.sound()


async def balance(discord: DiscordWorld, name: str = "bo") -> Interaction:
    made = await discord.server.slash(GUILD, EARNINGS, USERS[name], "/balance")
    await discord.server.wait_for(lambda: made.answers)
    assert len(made.answers) == 1
    return made


async def test_what_an_earlier_process_drew_still_works(world: World) -> None:
    """Buttons, menus and open forms that stand since before a restart do what they say."""
    async with DiscordServer.running() as server:
        settle(server)
        async with running(world, server=server) as discord:
            discord.link("ada", "bo", "Mira", "Tom")
            discord.subscribe(APPROVALS, "approvals")
            for _ in range(2):
                world.withdrawal("ada", "60")
            discord.app.nudge()
            await server.wait_for(lambda: len(server.messages(APPROVALS)) == 2)
            await server.slash(GUILD, EARNINGS, USERS["ada"], "/stats", {"project": "Logo Lab"})
            await server.wait_for(lambda: server.private(USERS["ada"]))
            first, second = server.messages(APPROVALS)
            asked = await server.click(USERS["Tom"], "Reject…", within=second)
            assert asked.modal is not None
        assert server.sessions[-1].close_code == 1000
        assert not server.online
        async with running(world, server=server) as discord:
            await server.click(USERS["Mira"], "Approve", within=first)
            chosen = await server.choose(USERS["ada"], "Period", "This month")
            label = next(one["label"] for one in asked.modal.components if one.get("label"))
            await server.submit(USERS["Tom"], {label: "the account belongs to somebody else"})
            await server.wait_for(lambda: chosen.answers)
            await server.wait_for(lambda: "Mira" in server.messages(APPROVALS)[0].plain)
            await server.wait_for(lambda: "Rejected by Tom" in server.messages(APPROVALS)[1].plain.replace("**", ""))
            assert len(server.private(USERS["ada"])) == 1  # in its place
        assert not server.violations


async def _drop(server: DiscordServer) -> None:
    server.drop()


async def _reconnect(server: DiscordServer) -> None:
    await server.reconnect()


async def _close(server: DiscordServer) -> None:
    await server.close_lines(4000)


async def _invalid(server: DiscordServer) -> None:
    await server.invalidate(resumable=False)


async def _invalid_but_resumable(server: DiscordServer) -> None:
    await server.invalidate(resumable=True)


@pytest.mark.parametrize(
    "trouble", [_drop, _reconnect, _invalid_but_resumable, pytest.param(_close, marks=pytest.mark.deep)]
)
async def test_what_was_done_during_a_break_is_answered_once(world: World, trouble: Trouble) -> None:
    """The session is resumed; a write from the time between is done once, though Discord tells of it twice."""
    async with running(world) as discord:
        server = discord.server
        discord.link("Ann", "bo")
        before = server.hellos
        await trouble(server)
        await server.wait_for(lambda: not server.live or server.hellos > before)
        options: dict[str, Typed] = {"creator": "ada", "amount": "5", "reason": "a bonus for the contest"}
        made = await server.slash(GUILD, APPROVALS, USERS["Ann"], "/desk adjust", options, wait=False)
        await server.redeliver(made)
        await server.wait_for(lambda: made.answers)
        await balance(discord)
        assert len(server.sessions) == 1
        assert server.sessions[0].resumes == 1
        assert (count(discord.app.database, "adjustment"), len(made.answers)) == (1, 1)
        assert not server.violations


@pytest.mark.deep  # discord.py waits five seconds before it identifies again
async def test_an_invalid_session_is_begun_anew(world: World) -> None:
    """What can't be resumed is identified again, and goes on."""
    async with running(world) as discord:
        server = discord.server
        discord.link("bo")
        await _invalid(server)
        await server.wait_for(lambda: len(server.sessions) == 2 and server.live == server.sessions[1:])
        await balance(discord)


async def test_a_log_in_that_is_refused_is_tried_again(world: World) -> None:
    """At the start nobody answers, then only with errors: the desk tries until Discord knows it."""
    async with DiscordServer.running() as server:
        settle(server)
        refused = server.fault(routes.ME, "error", status=503)
        no_gateway = server.fault(routes.GATEWAY_BOT, "error", status=503)
        async with running(world, server=server) as discord:
            discord.link("bo")
            await balance(discord)
            assert (refused.hits, no_gateway.hits) == (1, 1)


@pytest.mark.deep
async def test_a_first_connection_that_is_refused_is_tried_again(world: World) -> None:
    """discord.py waits five seconds then; nothing that is posted waits for it."""
    async with DiscordServer.running() as server:
        settle(server)
        refused = server.fault(routes.GATEWAY, "cut_before")
        async with running(world, server=server) as discord:
            discord.link("bo")
            await balance(discord)
            assert refused.hits == 1


class Heard:
    """A listener that only counts."""

    def __init__(self) -> None:
        self.commands: list[int] = []

    async def command(self, interaction: discord.Interaction) -> None:
        self.commands.append(interaction.id)

    async def pressed(self, interaction: discord.Interaction, what: Pressed, label: str) -> None: ...
    async def submitted(self, interaction: discord.Interaction) -> None: ...
    async def typing(self, interaction: discord.Interaction) -> None: ...
    async def guild_gone(self, guild_id: int) -> None: ...
    async def channel_gone(self, guild_id: int, channel_id: int) -> None: ...


@contextlib.asynccontextmanager
async def gateway(server: DiscordServer, heard: Heard, silence: float) -> AsyncIterator[Gateway]:
    redirect(server.api_url, server.gateway_url)
    made = Gateway(server.token, heard, server.gateway_url, silence=silence)
    try:
        await made.connect()
        await server.connected()
        yield made
    finally:
        await made.disconnect()
        redirect()


async def test_a_line_that_only_seems_to_stand_is_given_up() -> None:
    """Without a word from Discord for longer than between two heartbeats, the session is resumed on a new line."""
    heard = Heard()
    async with DiscordServer.running() as server:
        server.heartbeat_interval = 0.3
        async with gateway(server, heard, 0.8):
            server.zombie()
            await server.event("INTERACTION_CREATE", {}, "")  # as lost as the line
            await server.wait_for(lambda: server.sessions[0].resumes == 1)
        assert server.sessions[0].close_code == 1000


async def test_the_desk_is_removed_from_a_server(world: World) -> None:
    """Both its channels' subscriptions pause at once, and Olga reads why in her direct messages, once."""
    async with running(world) as discord:
        server = discord.server
        server.add_guild(ELSEWHERE, "Another server")
        server.add_member(ELSEWHERE, USERS["Olga"])
        discord.link("Olga", "Mira", "bo")
        discord.subscribe(EARNINGS, "digest")
        discord.subscribe(APPROVALS, "approvals")
        await server.remove_bot(GUILD)
        (told,) = await server.wait_for(lambda: server.direct(USERS["Olga"]))
        assert "removed" in told.plain
        world.withdrawal("ada", "60")
        discord.app.nudge()
        await server.wait_for(lambda: len(server.direct(USERS["Olga"])) == 2)
        card = server.direct(USERS["Olga"])[1]
        assert "WD-1" in card.plain  # without a channel, who may act on it gets it
        assert count(discord.app.database, "chat_received") == 1


async def test_a_channel_is_deleted_while_the_desk_listens(world: World) -> None:
    """Its subscription pauses before anything is posted there; Olga hears of it once."""
    async with running(world) as discord:
        server = discord.server
        discord.link("Olga")
        discord.subscribe(EARNINGS, "digest")
        await server.delete_channel(EARNINGS)
        (told,) = await server.wait_for(lambda: server.direct(USERS["Olga"]))
        assert "the channel was deleted" in told.plain
        assert [call.params["channel_id"] for call in server.called(routes.SEND)] == [told.channel_id]
