"""Many workspaces: installed through the pages, their tokens encrypted and refreshed once, and removed again."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import parse_qs, urlsplit

import aiohttp
import httpx2
import pytest
from sqlalchemy import event, text
from starlette.applications import Starlette

from adapters.slack.api import new_session, web_client
from adapters.slack.installations import Installed
from adapters.slack.manifest import SCOPES
from adapters.slack.oauth import INSTALL, REDIRECT, authorize_url, routes
from adapters.slack.stores import WrongTokenKey
from adapters.slack.tables import BOTS, INSTALLATIONS, STATES
from adapters.slack.workspaces import NoAnswer, OneWorkspace, Workspaces
from core.storage import Database, make_engine
from tests.slack_server.server import SlackServer

KEY = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU="
OTHER_KEY = "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
PUBLIC = "https://desk.example.com/earnings"
HALF_A_DAY = 12 * 3600.0


@dataclass
class World:
    """Our Slack with two workspaces, and desks that are installed there. `gone` hears of uninstalls."""

    slack: SlackServer
    database: Database
    stack: AsyncExitStack
    gone: list[str] = field(default_factory=list)

    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.slack.now(), dt.UTC)

    async def desk(self, keys: tuple[str, ...] = (KEY,), url: str = "") -> Installed:
        """A desk of its own: a replica, with its own connections."""
        session = await self.stack.enter_async_context(new_session())
        database = self.database
        if url:
            database = Database(make_engine(url))
            self.stack.callback(database.engine.dispose)
        made = Installed(
            database,
            lambda: web_client(self.slack.api_url, session),
            self.now,
            client_id=self.slack.client_id,
            client_secret=self.slack.client_secret,
            token_keys=keys,
            gone=self.gone.append,
        )
        self.stack.push_async_callback(made.close)
        return made

    def browser(self, desk: Installed) -> httpx2.AsyncClient:
        """Somebody's browser, in front of the desk's pages."""
        app = Starlette(
            routes=routes(desk, api_url=self.slack.api_url, public_url=PUBLIC, desk_name="Creator <Studio>")
        )
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://desk.example.com")

    async def agree(self, address: str, team: str) -> dict[str, str]:
        """Press Allow on Slack's own page; what the address says that it sends the browser back to."""
        self.slack.installing_team = team
        async with aiohttp.ClientSession() as session, session.get(address, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            back = answer.headers["Location"]
        assert back.startswith(f"{PUBLIC}{REDIRECT}?")
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    async def install(self, desk: Installed, team: str) -> str:
        """The whole way through the pages; the last one."""
        async with self.browser(desk) as browser:
            page = await browser.get(INSTALL)
            last = await browser.get(REDIRECT, params=await self.agree(link(page.text), team))
        assert last.status_code == 200, last.text
        return last.text


def link(page: str) -> str:
    """Where the page's button leads."""
    found = re.search(r'class="go" href="([^"]+)"', page)
    assert found is not None, page
    return unescape(found.group(1))


@asynccontextmanager
async def a_world(database: Database) -> AsyncIterator[World]:
    async with SlackServer.running() as slack, AsyncExitStack() as stack:
        slack.rotation = True
        for team in ("T1", "T2"):
            slack.add_workspace(team)
        yield World(slack, database, stack)


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with a_world(database) as made:
        yield made


@pytest.fixture
async def small_world(sqlite_database: Database) -> AsyncIterator[World]:
    async with a_world(sqlite_database) as made:
        yield made


async def works(world: World, desk: Workspaces, team: str) -> bool:
    """Whether Slack takes the token that the desk has for a workspace."""
    workspace = await desk.of(team)
    assert workspace is not None
    return not world.slack.tokens[workspace.bot_token].dead and (
        (ends := world.slack.tokens[workspace.bot_token].expires_at) is None or ends > world.slack.now()
    )


async def eventually(holds: Callable[[], bool]) -> None:
    """Let other tasks go on until something holds."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def test_two_workspaces_are_installed_through_the_pages(world: World) -> None:
    """Each gets a token of its own with the manifest's scopes; the last page says what is left to do."""
    desk = await world.desk()
    assert await desk.of("T1") is None
    page = await world.install(desk, "T1")
    assert "Installed in Team T1" in page
    assert "/link CODE" in page
    await world.install(desk, "T2")
    assert await desk.teams() == ["T1", "T2"]
    first, second = await desk.of("T1"), await desk.of("T2")
    assert first is not None
    assert second is not None
    assert (first.team_id, first.bot_user_id, first.scopes) == ("T1", "UBOTT1", frozenset(SCOPES))
    assert world.slack.tokens[first.bot_token].team_id == "T1"
    assert world.slack.tokens[second.bot_token].team_id == "T2"
    assert first.bot_token not in repr(first)
    assert await desk.of("T3") is None


async def test_no_token_stands_in_the_database(world: World) -> None:
    """Every stored token is encrypted, whoever reads the tables."""
    desk = await world.desk()
    await world.install(desk, "T1")
    with world.database.reading() as session:
        rows = [
            str(row)
            for table in ("slack_bots", "slack_installations", "slack_oauth_states", "slack_rotation")
            for row in session.connection().execute(text(f"SELECT * FROM {table}"))
        ]
    assert any("UBOTT1" in row for row in rows)
    assert not any("xox" in row for row in rows)


async def test_keys_change_without_a_new_install(small_world: World) -> None:
    """The first key encrypts and all decrypt; without the old one, the refusal says what to do."""
    await small_world.install(await small_world.desk((KEY,)), "T1")
    both = await small_world.desk((OTHER_KEY, KEY))
    assert await works(small_world, both, "T1")
    alone = await small_world.desk((OTHER_KEY,))
    with pytest.raises(WrongTokenKey, match="Add the key that they were encrypted with"):
        await alone.of("T1")
    small_world.slack.advance(HALF_A_DAY - 3600)
    await both.of("T1")
    await both.close()  # refreshed, and so stored under the new key
    assert await works(small_world, await small_world.desk((OTHER_KEY,)), "T1")


async def test_twenty_at_once_refresh_once_and_none_fails(world: World) -> None:
    """Near its end a token is refreshed once, however many ask; they go on with the old one meanwhile."""
    desk = await world.desk()
    for team in ("T1", "T2"):
        await world.install(desk, team)
    before = {team: await desk.of(team) for team in ("T1", "T2")}
    world.slack.advance(HALF_A_DAY - 3600)
    world.slack.fault("oauth.v2.access", "slow", times=2, seconds=0.3)
    found = await asyncio.gather(*(desk.of(team) for team in ("T1", "T2") * 20))
    assert [workspace.bot_token for workspace in found if workspace] == [
        before[team].bot_token  # type: ignore[union-attr]
        for team in ("T1", "T2") * 20
    ]
    await desk.close()
    assert sorted(world.slack.refreshes) == [("T1", "ok"), ("T2", "ok")]
    for team in ("T1", "T2"):
        after = await desk.of(team)
        assert after is not None
        assert after != before[team]
    world.slack.advance(7200)  # the old ones have ended
    assert await works(world, desk, "T1")
    assert await works(world, desk, "T2")


async def test_an_ended_token_is_waited_for(world: World) -> None:
    """After an outage of a day, everybody who asks gets the new token, refreshed once."""
    desk = await world.desk()
    await world.install(desk, "T1")
    world.slack.advance(2 * HALF_A_DAY)
    found = await asyncio.gather(*(desk.of("T1") for _ in range(20)))
    assert world.slack.refreshes == [("T1", "ok")]
    assert len({workspace.bot_token for workspace in found if workspace}) == 1
    assert await works(world, desk, "T1")


async def test_two_replicas_refresh_once(world: World, database_url: str) -> None:
    """Replicas on one database: one refreshes, the other waits for what it stored, and neither fails."""
    one, other = await world.desk(), await world.desk(url=database_url)
    await world.install(one, "T1")
    assert await works(world, other, "T1")
    world.slack.advance(2 * HALF_A_DAY)
    world.slack.fault("oauth.v2.access", "slow", times=1, seconds=0.5)
    found = await asyncio.gather(*(desk.of("T1") for desk in (one, other) * 10))
    assert world.slack.refreshes == [("T1", "ok")]
    assert len({workspace.bot_token for workspace in found if workspace}) == 1
    assert await works(world, other, "T1")


async def test_no_transaction_is_open_while_slack_is_asked(world: World) -> None:
    """The refresh holds no connection while it waits for Slack."""
    desk = await world.desk()
    await world.install(desk, "T1")
    world.slack.advance(HALF_A_DAY - 3600)
    busy = {"checked out": 0}
    event.listen(world.database.engine, "checkout", lambda *_: busy.update({"checked out": busy["checked out"] + 1}))
    event.listen(world.database.engine, "checkin", lambda *_: busy.update({"checked out": busy["checked out"] - 1}))
    world.slack.fault("oauth.v2.access", "slow", times=1, seconds=0.4)
    asked = len(world.slack.called("oauth.v2.access"))
    await desk.of("T1")
    await eventually(lambda: len(world.slack.called("oauth.v2.access")) > asked)
    assert busy == {"checked out": 0}
    await desk.close()
    assert world.slack.refreshes == [("T1", "ok")]


@pytest.mark.parametrize("kind", ["cut_before", "500", "429"])
async def test_a_failed_refresh_is_put_off(small_world: World, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The old token serves on; the refresh is tried again after a pause, and the log holds no secret."""
    desk = await small_world.desk()
    await small_world.install(desk, "T1")
    small_world.slack.advance(HALF_A_DAY - 3600)
    small_world.slack.fault("oauth.v2.access", kind, times=1)  # type: ignore[arg-type]
    caplog.set_level(logging.DEBUG)
    assert await works(small_world, desk, "T1")
    await desk.close()
    assert small_world.slack.refreshes == []
    assert await works(small_world, desk, "T1")  # not tried before the pause is over
    assert small_world.slack.refreshes == []
    small_world.slack.advance(5)
    assert await works(small_world, desk, "T1")
    await desk.close()
    assert small_world.slack.refreshes == [("T1", "ok")]
    assert "the token of T1 (no answer); it is tried again" in caplog.text
    assert not re.search(r"xox|client-secret", caplog.text)


async def test_a_refused_refresh_says_to_install_anew(small_world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Without a good refresh token the desk goes on until the token ends; then it says that it can't, at once."""
    desk = await small_world.desk()
    await small_world.install(desk, "T1")
    small_world.slack.refresh_tokens.clear()
    small_world.slack.advance(HALF_A_DAY - 3600)
    assert await works(small_world, desk, "T1")
    await desk.close()
    assert "install the desk in that workspace anew" in caplog.text
    small_world.slack.advance(7200)
    with pytest.raises(NoAnswer):
        await desk.of("T1")
    await small_world.install(desk, "T1")
    assert await works(small_world, desk, "T1")


async def test_a_dead_replica_gives_up_its_refresh(world: World) -> None:
    """A process that died while it refreshed holds the lease for half a minute; then another one takes over."""
    desk = await world.desk()
    await world.install(desk, "T1")
    world.slack.advance(HALF_A_DAY - 3600)
    now = world.now()
    claim = await asyncio.to_thread(desk._leases.claim, "T1", "the dead one", now, now + dt.timedelta(hours=2))
    assert claim.state == "mine"
    assert await works(world, desk, "T1")
    assert world.slack.refreshes == []
    world.slack.advance(31)
    await desk.close()
    assert world.slack.refreshes == [("T1", "ok")]


async def test_an_uninstall_forgets_everything(world: World) -> None:
    """Slack says that the desk was removed: the installation is deleted and the core told; the other one stays."""
    desk = await world.desk()
    for team in ("T1", "T2"):
        await world.install(desk, team)
    world.slack.kill_tokens("T1", "account_inactive")
    await desk.forget("T1")
    assert world.gone == ["T1"]
    assert await desk.of("T1") is None
    assert await desk.teams() == ["T2"]
    with world.database.reading() as session:
        left = session.connection().execute(text("SELECT team_id FROM slack_installations")).scalars().all()
    assert left == ["T2"]


async def test_late_news_of_an_uninstall_does_not_undo_an_install(world: World) -> None:
    """An event that comes after the desk was installed anew changes nothing: the new token works."""
    desk = await world.desk()
    await world.install(desk, "T1")
    world.slack.kill_tokens("T1", "account_inactive")
    await world.install(desk, "T1")
    await desk.forget("T1")
    assert world.gone == []
    assert await works(world, desk, "T1")


async def test_an_uninstall_during_a_refresh_stays(world: World) -> None:
    """A token that arrives after the workspace was forgotten doesn't bring it back."""
    desk = await world.desk()
    await world.install(desk, "T1")
    world.slack.advance(HALF_A_DAY - 3600)
    world.slack.fault("oauth.v2.access", "slow", times=1, seconds=0.4)
    await desk.of("T1")
    await eventually(lambda: world.slack.called("oauth.v2.access")[-1].args.get("grant_type") == "refresh_token")
    await asyncio.to_thread(desk.store.remove, "T1")
    await desk.close()
    assert world.slack.refreshes == [("T1", "ok")]
    assert await desk.of("T1") is None


async def test_installs_can_only_be_finished_where_they_began(small_world: World) -> None:
    """Another browser, a used or invented state, a wrong code, a cancelled install: each page says what happened."""
    desk = await small_world.desk()
    async with small_world.browser(desk) as mine, small_world.browser(desk) as other:
        page = await mine.get(INSTALL, params={"team": "T2"})
        assert "Creator &lt;Studio&gt;" in page.text
        assert "team=T2" in link(page.text)
        cookie = page.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "Secure" in cookie
        assert "SameSite=Lax" in cookie
        back = await small_world.agree(link(page.text), "T1")
        elsewhere = await other.get(REDIRECT, params=back)
        assert elsewhere.status_code == 400
        assert "This browser didn't begin the install" in elsewhere.text
        wrong = await mine.get(REDIRECT, params={**back, "code": "made-up"})
        assert "Slack refused the install" in wrong.text
        page = await mine.get(INSTALL)
        back = await small_world.agree(link(page.text), "T1")
        assert (await mine.get(REDIRECT, params=back)).status_code == 200
        mine.cookies.set("slack-app-oauth-state", back["state"])
        again = await mine.get(REDIRECT, params=back)
        assert "This install is over" in again.text
        cancelled = await mine.get(REDIRECT, params={"error": "access_denied", "state": back["state"]})
        assert "Not installed" in cancelled.text
        hostile = await mine.get(REDIRECT, params={"error": "<script>alert(1)</script>"})
        assert "<script>" not in hostile.text
    assert await desk.teams() == ["T1"]


async def test_a_state_serves_once_even_at_once(world: World) -> None:
    """Of ten requests that bring one state at the same moment, one goes on; one of yesterday serves nobody."""
    desk = await world.desk()
    state = await asyncio.to_thread(desk.states.issue)
    served = await asyncio.gather(*(asyncio.to_thread(desk.states.consume, state) for _ in range(10)))
    assert sorted(served) == [False] * 9 + [True]
    old = await asyncio.to_thread(desk.states.issue)
    with world.database.transaction() as session:
        session.execute(STATES.update().values(expire_at=dt.datetime(2020, 1, 1)))  # noqa: DTZ001 - as the SDK has it
    assert not await asyncio.to_thread(desk.states.consume, old)
    await asyncio.to_thread(desk.states.issue)
    with world.database.reading() as session:
        assert len(session.execute(STATES.select()).all()) == 1


async def test_slack_gone_during_an_install_says_so(small_world: World) -> None:
    """When Slack doesn't answer, or the database is gone, the page says that nothing was installed."""
    desk = await small_world.desk()
    async with small_world.browser(desk) as browser:
        back = await small_world.agree(link((await browser.get(INSTALL)).text), "T1")
        small_world.slack.fault("oauth.v2.access", "cut_before", times=None)
        page = await browser.get(REDIRECT, params=back)
        assert page.status_code == 502
        assert "Slack didn't answer" in page.text
        with small_world.database.transaction() as session:
            session.connection().execute(text("DROP TABLE slack_oauth_states"))
        page = await browser.get(INSTALL)
        assert page.status_code == 503
        assert "Nothing was installed" in page.text
    assert await desk.teams() == []


async def test_tokens_that_never_end_are_never_refreshed(small_world: World) -> None:
    """Without token rotation the token serves for ever."""
    small_world.slack.rotation = False
    desk = await small_world.desk()
    await small_world.install(desk, "T1")
    small_world.slack.advance(1000 * HALF_A_DAY)
    assert await works(small_world, desk, "T1")
    assert small_world.slack.refreshes == []


def test_the_page_is_beside_the_api() -> None:
    """Where people agree follows from SLACK_API_URL."""
    assert authorize_url("https://slack.com/api/") == "https://slack.com/oauth/v2/authorize"
    assert authorize_url("http://127.0.0.1:9/api/") == "http://127.0.0.1:9/oauth/v2/authorize"


def test_tables_have_room_for_encrypted_tokens() -> None:
    """slack_sdk's tables give a token 200 characters; encrypted ones are longer, and PostgreSQL would refuse them."""
    for table in (BOTS, INSTALLATIONS):
        assert all(str(column.type) == "TEXT" for column in table.c if column.name.endswith("_token"))


async def test_one_workspace_asks_slack_once(small_world: World) -> None:
    """The bot token's workspace is known from its first use; every other one is nobody's; no answer is no answer."""
    slack = small_world.slack
    slack.add_workspace("T7", bot_token="xoxb-seven")
    session = await small_world.stack.enter_async_context(new_session())
    desk = OneWorkspace("xoxb-seven", lambda: web_client(slack.api_url, session), small_world.gone.append)
    slack.fault("auth.test", "500", times=1)
    with pytest.raises(NoAnswer):
        await desk.of("T7")
    found = await asyncio.gather(*(desk.of("T7") for _ in range(20)))
    assert all(workspace is not None and workspace.bot_user_id == "UBOTT7" for workspace in found)
    assert "chat:write" in found[0].scopes  # type: ignore[union-attr]
    assert len(slack.called("auth.test")) == 2
    assert await desk.of("T1") is None
    assert await desk.teams() == ["T7"]
    await desk.forget("T7")  # it still works
    assert await desk.teams() == ["T7"]
    slack.kill_tokens("T7", "account_inactive")
    await desk.forget("T7")
    assert await desk.of("T7") is None
    assert await desk.teams() == []
    assert small_world.gone == ["T7"]
