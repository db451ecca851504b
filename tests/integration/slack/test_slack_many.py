"""Two workspaces on one running desk: installed through its pages, their tokens refreshed under commands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial

import aiohttp
import pytest
from cryptography.fernet import Fernet

from adapters.slack.manifest import SCOPES
from bot.bootstrap import assemble, build
from bot.service import listen
from bot.settings import Secret, SlackSettings
from core import people
from core.people import Identity
from core.storage import Database
from tests.desk_world import World
from tests.integration.slack.test_slack_install import link
from tests.running_desk import Clock
from tests.slack_server import Interaction, SlackServer
from tests.slack_world import settings_for

TEAMS = ("T1", "T2")
NEARLY_OVER = 3_600  # seconds that a token lives: it is refreshed two hours before its end, so at once
AT_ONCE = 20


@dataclass
class Many:
    """A desk, and our Slack with two workspaces that have a user of the same id each."""

    server: SlackServer
    world: World
    address: str

    async def install(self, team: str) -> str:
        """Walk the install page as an administrator of the workspace; what stands on the last page."""
        self.server.installing_team = team
        jar = aiohttp.CookieJar(unsafe=True)  # the desk is at an IP address here
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            async with browser.get(f"{self.address}/slack/install") as begun:
                slack = link(await begun.text())
                cookie = begun.headers["Set-Cookie"].partition(";")[0]  # it is Secure, and this is no TLS
            async with browser.get(slack, allow_redirects=False) as agreed:
                back = agreed.headers["Location"]
            async with browser.get(back, headers={"Cookie": cookie}) as done:
                return await done.text()

    def link(self, team: str, name: str) -> None:
        """U1 of a workspace speaks for someone."""
        with self.world.database.transaction() as session:
            code, _ = people.create_link_code(session, self.world.now, people.resolve(session, name).person_id)
            assert people.link(session, self.world.now, Identity("slack", "U1", team), code).ok


@pytest.fixture(params=["socket", "http"])
async def many(request: pytest.FixtureRequest, migrated_database: Database) -> AsyncIterator[Many]:
    """A desk that any workspace may install, by either transport."""
    world = World(migrated_database).funded()
    async with SlackServer.running() as server:
        server.rotation, server.expires_in = True, NEARLY_OVER
        for team in TEAMS:
            server.add_workspace(team, scopes=SCOPES)
            server.add_user(team, "U1", "someone")
            server.add_channel(team, f"C{team}", "earnings", members=["U1"], bot_in=False)
        with contextlib.closing(listen("127.0.0.1", 0)) as listening:
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            url = migrated_database.engine.url.render_as_string(hide_password=False)
            settings = settings_for(server, url, request.param)
            slack = SlackSettings(
                api_url=server.api_url,
                app_token=Secret(server.app_token if request.param == "socket" else ""),
                signing_secret=Secret(server.signing_secret if request.param == "http" else ""),
                client_id=server.client_id,
                client_secret=Secret(server.client_secret),
                token_keys=(Secret(Fernet.generate_key().decode()),),
                public_url=address,
            )
            server.request_url = f"{address}/slack/events" if request.param == "http" else ""
            app = build(replace(settings, slack=slack), Clock(world))
            service = assemble(app, listening)
            running = asyncio.create_task(service.run())
            async with asyncio.timeout(15):
                while not (service.readiness.started and all(one.connected for one in service.readiness.platforms)):
                    await asyncio.sleep(0.01)
            try:
                yield Many(server, world, address)
            finally:
                service.stop.set()
                await running
                app.close()
    world.close()


async def test_tokens_change_under_twenty_commands_in_two_workspaces(many: Many) -> None:
    """Every command is answered, to its own workspace's person; each token is refreshed once, and nothing fails."""
    for team in TEAMS:
        assert "/link" in await many.install(team)
    many.link("T1", "ada")
    many.link("T2", "bo")
    for team in TEAMS:  # over the dashboard and direct messages: answers that need a token
        await many.server.open_home(team, "U1")
    asked = [(team, line) for team in TEAMS for line in ("/balance", "/transactions")] * (AT_ONCE // 4)
    made: list[Interaction] = await asyncio.gather(
        *(many.server.slash(team, f"C{team}", "U1", line) for team, line in asked)
    )
    for (team, _), interaction in zip(asked, made, strict=True):
        said = await many.server.wait_for(partial(_said, interaction))
        assert ("$1,000.00" in said) == (team == "T1"), said
    for team, name in zip(TEAMS, ("Ada", "Bo"), strict=True):
        home = await many.server.wait_for(partial(many.server.home, "U1", team))
        assert home is not None
        assert name in home.plain
    # A token that still serves is refreshed beside the commands, not before them.
    await many.server.wait_for(lambda: {team for team, _ in many.server.refreshes} == set(TEAMS))
    assert all(word == "ok" for _, word in many.server.refreshes), many.server.refreshes
    assert not [call for call in many.server.calls if call.outcome not in ("ok", "")], many.server.calls
    assert not many.server.violations


def _said(interaction: Interaction) -> str:
    return interaction.said
