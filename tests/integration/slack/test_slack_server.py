"""Our own Slack's Web API is faithful: the real slack_sdk works against it, and it refuses what Slack refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.integration.slack.trivial_app import MODAL, button, error_of, text
from tests.slack_server import SlackServer, plain
from tests.slack_server.things import Json


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    """Our Slack with one workspace, two people and a channel."""
    async with SlackServer.running() as made:
        made.add_workspace("T1", bot_token="xoxb-1")
        made.add_user("T1", "U1", "ana")
        made.add_user("T1", "U2", "ben")
        made.add_channel("T1", "C1", "finance", members=["U1", "U2"])
        yield made


@pytest.fixture
def client(server: SlackServer) -> AsyncWebClient:
    """The real client with the bot's token."""
    return AsyncWebClient("xoxb-1", base_url=server.api_url, retry_handlers=[])


async def test_triggers(server: SlackServer, client: AsyncWebClient) -> None:
    """A trigger id opens one modal, within 3 seconds, in its own workspace."""
    first = await server.slash("T1", "C1", "U1", "/form", wait=False)
    await client.views_open(trigger_id=first.payload["trigger_id"], view=MODAL)
    again = client.views_open(trigger_id=first.payload["trigger_id"], view=MODAL)
    assert await error_of(again) == "exchanged_trigger_id"
    second = await server.slash("T1", "C1", "U1", "/form", wait=False)
    server.advance(3.1)
    late = client.views_open(trigger_id=second.payload["trigger_id"], view=MODAL)
    assert await error_of(late) == "expired_trigger_id"
    shown = server.modal("U1")
    assert shown is not None
    old = shown.hash
    await client.views_update(view_id=shown.id, hash=old, view=MODAL)
    assert await error_of(client.views_update(view_id=shown.id, hash=old, view=MODAL)) == "hash_conflict"


async def test_tokens(server: SlackServer, client: AsyncWebClient) -> None:
    """Tokens unknown, revoked, without the scope or of the wrong kind are refused in Slack's words."""

    def of(token: str) -> AsyncWebClient:
        return AsyncWebClient(token, base_url=server.api_url)

    assert await error_of(of("xoxb-nobody").auth_test()) == "invalid_auth"
    assert await error_of(of(server.app_token).chat_postMessage(channel="C1", text="x")) == "not_allowed_token_type"
    assert await error_of(client.apps_connections_open(app_token="xoxb-1")) == "not_allowed_token_type"
    assert await error_of(client.api_call("no.such")) == "unknown_method"
    server.add_workspace("T2", bot_token="xoxb-2", scopes=["commands"])
    server.add_channel("T2", "C2")
    with pytest.raises(SlackApiError) as refused:
        await of("xoxb-2").chat_postMessage(channel="C2", text="x")
    answer = refused.value.response
    assert (answer["error"], answer["needed"], answer["provided"]) == ("missing_scope", "chat:write", "commands")
    assert answer.headers["x-oauth-scopes"] == "commands"
    assert await error_of(client.chat_postMessage(channel="C2", text="x")) == "channel_not_found"
    await client.auth_revoke()
    assert await error_of(client.auth_test()) == "token_revoked"


async def test_messages(server: SlackServer, client: AsyncWebClient) -> None:
    """Messages are posted, repainted, deleted, and found again by what was put in their metadata."""
    metadata = {"event_type": "card", "event_payload": {"key": "k1"}}
    posted = await client.chat_postMessage(channel="U1", text="to you", metadata=metadata)
    assert posted["channel"].startswith("D")
    await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="changed", blocks=[text("card")])
    await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="changed")
    found = await client.conversations_history(channel=posted["channel"], include_all_metadata=True)
    assert found["messages"][0]["metadata"] == metadata
    assert found["messages"][0]["text"] == "changed"
    assert (server.direct("U1")[0].plain, server.direct("U1")[0].edited) == ("card", 2)
    await client.chat_delete(channel=posted["channel"], ts=posted["ts"])
    gone = client.chat_update(channel=posted["channel"], ts=posted["ts"], text="x")
    assert await error_of(gone) == "message_not_found"
    theirs = await server.say("T1", "C1", "U1", "hi")
    assert await error_of(client.chat_update(channel="C1", ts=theirs.ts, text="x")) == "cant_update_message"


async def test_history_in_pages(server: SlackServer, client: AsyncWebClient) -> None:
    """History comes newest first, in pages by cursor, between oldest and latest."""
    stamps = [(await client.chat_postMessage(channel="C1", text=str(at)))["ts"] for at in range(5)]
    first = await client.conversations_history(channel="C1", limit=2)
    rest = await client.conversations_history(
        channel="C1", limit=9, cursor=first["response_metadata"]["next_cursor"], oldest=stamps[0]
    )
    assert [each["text"] for each in first["messages"] + rest["messages"]] == ["4", "3", "2", "1"]
    one = await client.conversations_history(channel="C1", oldest=stamps[2], latest=stamps[2], inclusive=True)
    assert [each["ts"] for each in one["messages"]] == [stamps[2]]
    assert len(server.messages("C1")) == 5


async def test_where_the_bot_may_post(server: SlackServer, client: AsyncWebClient) -> None:
    """Archived, unknown and private channels, deactivated people and bots can't be written to."""
    server.add_channel("T1", "C8", private=True, bot_in=False)
    server.workspace("T1").users["U2"].deleted = True
    server.add_user("T1", "U9", bot=True)
    assert await error_of(client.chat_postMessage(channel="C8", text="x")) == "channel_not_found"
    assert await error_of(client.conversations_open(users="U2")) == "user_disabled"
    assert await error_of(client.conversations_open(users="U9")) == "cannot_dm_bot"
    assert await error_of(client.conversations_open(users="U404")) == "user_not_found"
    await server.archive("T1", "C1", wait=False)
    assert await error_of(client.chat_postMessage(channel="C1", text="x")) == "is_archived"


async def test_bad_blocks(server: SlackServer, client: AsyncWebClient) -> None:
    """Blocks over a limit are refused with where, and kept as a violation; long messages have their own errors."""
    over: Json = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C1", text="x", blocks=[over])
    assert refused.value.response["error"] == "invalid_blocks"
    assert refused.value.response["response_metadata"]["messages"]
    assert server.violations
    assert await error_of(client.api_call("blocks.validate", json={"blocks": [over]})) == "invalid_blocks"
    assert (await client.api_call("blocks.validate", json={"blocks": [text("x")]}))["ok"]
    assert await error_of(client.chat_postMessage(channel="C1", text="x" * 40_001)) == "msg_too_long"
    many = [text("x" * 2_900) for _ in range(5)]
    assert await error_of(client.chat_postMessage(channel="C1", text="x", blocks=many)) == "msg_blocks_too_long"
    assert server.messages("C1") == []


async def test_pictures(server: SlackServer, client: AsyncWebClient) -> None:
    """An uploaded picture may stand in a message once files.info says that it is ready."""
    server.image_polls = 2
    done = await client.files_upload_v2(filename="chart.png", content=b"\x89PNG", title="Chart", alt_txt="A chart")
    file = done["files"][0]["id"]
    image = [{"type": "image", "alt_text": "A chart", "slack_file": {"id": file}}]
    assert await error_of(client.chat_postMessage(channel="C1", text="x", blocks=image)) == "invalid_blocks"
    for _ in range(2):
        assert not (await client.files_info(file=file))["file"]["mimetype"]
    assert (await client.files_info(file=file))["file"]["mimetype"] == "image/png"
    await client.chat_postMessage(channel="C1", text="x", blocks=image)
    assert server.messages("C1")[0].plain == "(A chart)"
    assert (server.files[file].content, server.files[file].alt_txt) == (b"\x89PNG", "A chart")
    direct = (await client.conversations_open(users="U1"))["channel"]["id"]
    await client.files_upload_v2(filename="a.csv", content="a,b", channel=direct, initial_comment="Here")
    assert [(each.text, len(each.files)) for each in server.direct("U1")] == [("Here", 1)]
    assert server.violations == []


async def test_native_charts(server: SlackServer, client: AsyncWebClient) -> None:
    """Charts are taken only where the workspace has them; refusing one is no violation."""
    series = [{"name": "Credits", "data": [{"label": "May", "value": 3}]}]
    chart = {"type": "bar", "series": series, "axis_config": {"categories": ["May"]}}
    block: Json = {"type": "data_visualization", "title": "Earnings", "chart": chart}
    await client.chat_postMessage(channel="C1", text="x", blocks=[block])
    assert "Earnings\nCredits May: 3" in server.messages("C1")[0].plain
    server.workspace("T1").native_charts = False
    assert await error_of(client.chat_postMessage(channel="C1", text="x", blocks=[block])) == "invalid_blocks"
    assert server.violations == []


async def test_faults(server: SlackServer, client: AsyncWebClient) -> None:
    """Each fault does what its name says: before or after the message stands, and for so many calls."""

    async def post() -> None:
        await client.chat_postMessage(channel="C1", text="x")

    server.fault("chat.postMessage", "cut_before")
    with pytest.raises(aiohttp.ClientError):
        await post()
    assert server.messages("C1") == []
    server.fault("chat.postMessage", "cut_after")
    with pytest.raises(aiohttp.ClientError):
        await post()
    assert len(server.messages("C1")) == 1
    server.fault("chat.postMessage", "500_after")
    with pytest.raises(SlackApiError):
        await post()
    assert len(server.messages("C1")) == 2
    server.fault("chat.postMessage", "429", retry_after=7)
    with pytest.raises(SlackApiError) as limited:
        await post()
    assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "7")
    server.outage()
    for _ in range(3):
        with pytest.raises(aiohttp.ClientError):
            await client.auth_test()
    server.end_faults()
    await post()
    outcomes = [call.outcome for call in server.called("chat.postMessage")]
    assert outcomes == ["cut_before", "cut_after", "500_after", "429", "ok"]


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")  # slack_sdk's own use of aiohttp
async def test_install_and_rotation(server: SlackServer) -> None:
    """The install page gives a code, the code a token that expires; a refresh token works once."""
    server.add_workspace("T5")
    server.rotation, server.expires_in, server.installing_team = True, 60, "T5"
    asked = {"client_id": server.client_id, "scope": "commands,chat:write", "state": "s", "redirect_uri": "http://x/b"}
    async with (
        aiohttp.ClientSession() as http,
        http.get(server.authorize_url, params=asked, allow_redirects=False) as page,
    ):
        back = parse_qs(urlsplit(page.headers["Location"]).query)
    assert back["state"] == ["s"]
    client = AsyncWebClient(base_url=server.api_url)
    secrets = {"client_id": server.client_id, "client_secret": server.client_secret}
    first = await client.oauth_v2_access(**secrets, code=back["code"][0])
    assert (first["team"]["id"], first["expires_in"], first["scope"]) == ("T5", 60, "commands,chat:write")
    assert await error_of(client.oauth_v2_access(**secrets, code=back["code"][0])) == "invalid_code"
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = await client.oauth_v2_access(**secrets, **refresh)
    assert await error_of(client.oauth_v2_access(**secrets, **refresh)) == "invalid_refresh_token"
    for token in (first["access_token"], second["access_token"]):
        assert (await client.auth_test(token=token))["team_id"] == "T5"
    server.advance(61)
    assert await error_of(client.auth_test(token=second["access_token"])) == "token_expired"
    assert server.refreshes == [("T5", "ok"), ("T5", "invalid_refresh_token")]


async def test_pace_and_clock(server: SlackServer, client: AsyncWebClient) -> None:
    """A method may be limited per channel, and the Date header may be wrong."""
    server.limits["chat.postMessage"] = 30
    server.add_channel("T1", "C2")
    await client.chat_postMessage(channel="C1", text="x")
    await client.chat_postMessage(channel="C2", text="x")
    assert await error_of(client.chat_postMessage(channel="C1", text="x")) == "ratelimited"
    server.advance(31)
    await client.chat_postMessage(channel="C1", text="x")
    server.date_skew = 3600
    answer = await client.api_test()
    told = time.mktime(time.strptime(answer.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
    assert 3590 < told - time.time() < 3610


async def test_waiting(server: SlackServer, client: AsyncWebClient) -> None:
    """wait_for wakes at the change itself and says what was called when nothing came."""
    waiting = asyncio.create_task(server.wait_for(lambda: server.messages("C1")))
    await client.chat_postMessage(channel="C1", text="x")
    assert (await waiting)[0].plain == "x"
    with pytest.raises(AssertionError, match=r"chat\.postMessage ok"):
        await server.wait_for(lambda: server.messages("C1")[1:], 0.01)


def test_plain() -> None:
    """Blocks read as a person reads them."""
    rows = [[{"type": "raw_text", "text": "May"}, {"type": "raw_text", "text": "3"}]]
    said = plain(
        [
            {"type": "header", "text": {"type": "plain_text", "text": "Stats"}},
            {"type": "section", "fields": [{"type": "mrkdwn", "text": "*a*"}, {"type": "mrkdwn", "text": "b"}]},
            {"type": "divider"},
            {"type": "table", "rows": rows},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "as of today"}]},
            button("More"),
        ]
    )
    assert said == "Stats\n*a*\nb\nMay | 3\nas of today\n[More]"
