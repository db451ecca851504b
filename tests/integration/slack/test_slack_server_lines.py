"""Our own Slack reaches the real slack-bolt over Socket Mode and signed HTTP, and brings what people do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.integration.slack.trivial_app import error_of, menu, over_http, over_socket, text
from tests.slack_server import Interaction, RawRequest, SlackServer, tampered, unsigned


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


async def walk(server: SlackServer) -> None:
    """What a person does, whatever the transport."""
    said = await server.slash("T1", "C1", "U1", "/echo hello")
    await server.wait_for(lambda: said.answers)
    assert said.acked_after is not None
    assert said.acked_after < 1
    assert server.ephemerals("U1", "C1")[-1].plain == "you said hello\n[Again]"
    assert server.ephemerals("U2", "C1") == []
    pressed = await server.click("T1", "U1", "Again")
    await server.wait_for(lambda: pressed.answers)
    assert "message" not in pressed.payload
    assert [each.plain for each in server.ephemerals("U1", "C1")] == ["pressed 1"]
    opened = await server.slash("T1", "", "U1", "/form")
    assert opened.payload["channel_name"] == "directmessage"
    await server.wait_for(lambda: opened.modal)
    with pytest.raises(AssertionError, match="at least 3"):
        await server.submit("T1", "U1", {"Reason": "no"})
    with pytest.raises(AssertionError, match="required"):
        await server.submit("T1", "U1", {"Reason": ""})
    wrong = await server.submit("T1", "U1", {"Reason": "bad"})
    assert wrong.errors == {"reason": "Say it better."}
    right = await server.submit("T1", "U1", {"Reason": "good"})
    assert right.payload["view"]["private_metadata"] == "kept"
    assert server.modal("U1") is None
    await server.open_home("T1", "U1")
    home = await server.wait_for(lambda: server.home("U1"))
    assert home is not None
    assert home.plain == "your dashboard"
    assert server.violations == []


async def test_bolt_over_socket_mode(server: SlackServer) -> None:
    """A command, a press, a modal and the home tab work with bolt's Socket Mode handler."""
    async with over_socket(server):
        await walk(server)


async def test_bolt_over_http(server: SlackServer) -> None:
    """The same works with bolt's HTTP server and signed requests."""
    async with over_http(server):
        await walk(server)


async def test_a_hundred_at_once(server: SlackServer) -> None:
    """A hundred commands at once are each acknowledged and answered, over either transport."""

    async def burst() -> None:
        said = await asyncio.gather(*(server.slash("T1", "C1", "U1", f"/echo {at}") for at in range(100)))
        await server.wait_for(lambda: all(each.answers for each in said))
        assert all(each.acked_after is not None and each.deliveries == 1 for each in said)
        assert {each.said for each in said} == {f"you said {at}\n[Again]" for at in range(100)}

    async with over_socket(server):
        await burst()
    async with over_http(server):
        await burst()


async def test_bad_requests(server: SlackServer) -> None:
    """Bolt takes our signature and refuses the request unsigned, stale or changed; it answers the URL's challenge."""
    async with over_http(server) as url, aiohttp.ClientSession() as http:

        async def status(request: RawRequest) -> int:
            async with http.post(url, data=request.body, headers=request.headers) as answer:
                return answer.status

        good = server.raw_command("T1", "C1", "U1", "/echo hello")
        assert await status(good) == 200
        assert await status(unsigned(good)) == 401
        assert await status(tampered(good, b"hello", b"other")) == 401
        assert await status(server.raw_command("T1", "C1", "U1", "/echo hello", age=301)) == 401
        challenge = server.raw_url_verification("say this")
        async with http.post(url, data=challenge.body, headers=challenge.headers) as answer:
            assert (await answer.json())["challenge"] == "say this"


async def test_events_again(server: SlackServer) -> None:
    """An event that is not acknowledged comes again with the same id and Slack's retry headers."""
    seen: list[tuple[str, str | None]] = []

    async def app(request: web.Request) -> web.Response:
        seen.append(((await request.json())["event_id"], request.headers.get("X-Slack-Retry-Num")))
        return web.Response(status=500 if len(seen) < 3 else 200)

    made = web.Application()
    made.router.add_post("/slack/events", app)
    runner = web.AppRunner(made, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    told = await server.deactivate("T1", "U1")
    await runner.cleanup()
    assert [retry for _, retry in seen] == [None, "1", "2"]
    assert len({event for event, _ in seen}) == 1
    assert told.payload["event"]["user"]["deleted"] is True


async def test_mentions_arrive_as_ids(server: SlackServer) -> None:
    """@name and #name become ids, only names that exist, and only where the manifest says should_escape."""
    commands = [{"command": "/a", "should_escape": True}, {"command": "/b", "should_escape": False}]
    server.manifest = {"features": {"slash_commands": commands}, "settings": {}}
    escaped = await server.slash("T1", "C1", "U1", "/a @ben #finance @nobody <x> a@b.c http://x.y", wait=False)
    assert escaped.payload["text"] == "<@U2|ben> <#C1|finance> @nobody &lt;x&gt; a@b.c <http://x.y>"
    bare = await server.slash("T1", "C1", "U1", "/b @ben", wait=False)
    assert bare.payload["text"] == "@ben"
    with pytest.raises(AssertionError, match="not in the manifest"):
        await server.slash("T1", "C1", "U1", "/c")


async def test_menus_and_messages(server: SlackServer, client: AsyncWebClient) -> None:
    """A choice in a posted message carries the message, its state and the option; the answer stays beside it."""
    async with over_socket(server):
        await client.chat_postMessage(channel="C1", text="card", blocks=[text("card"), menu("May", "June")])
        chosen = await server.choose("T1", "U1", "Month", "June")
        await server.wait_for(lambda: chosen.answers)
        assert chosen.payload["message"]["text"] == "card"
        (held,) = chosen.payload["state"]["values"].values()
        assert held["pick"]["selected_option"]["value"] == "june"
        assert chosen.said == "picked june"
        with pytest.raises(AssertionError, match="there is \\['Month'\\]"):
            await server.click("T1", "U1", "Approve")


async def test_response_url(server: SlackServer) -> None:
    """A response_url serves 5 uses within 30 minutes, then 404."""
    said = await server.slash("T1", "C1", "U1", "/echo", wait=False)
    hook = AsyncWebhookClient(said.payload["response_url"])
    for _ in range(5):
        assert (await hook.send(text="hi", response_type="in_channel")).body == "ok"
    used = await hook.send(text="hi")
    assert (used.status_code, "used_url" in used.body) == (404, True)
    assert len(server.messages("C1")) == 5
    late = await server.slash("T1", "C1", "U1", "/echo", wait=False)
    server.advance(1801)
    expired = await AsyncWebhookClient(late.payload["response_url"]).send(text="hi")
    assert (expired.status_code, "expired_url" in expired.body) == (404, True)


async def test_redelivery_over_a_dropped_socket(server: SlackServer) -> None:
    """What a dropped socket left unacknowledged goes over the next one: a new envelope, the same trigger id."""
    async with aiohttp.ClientSession() as http:
        socket = await http.ws_connect(await _socket_url(server))
        hello = await socket.receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        await server.connected()
        told = await server.slash("T1", "C1", "U1", "/echo", wait=False)
        first = await socket.receive_json()
        server.drop_socket()
        await server.wait_for(lambda: not server.connections)
        await socket.close()
        socket = await http.ws_connect(await _socket_url(server))
        assert (await socket.receive_json())["type"] == "hello"
        second = await socket.receive_json()
        assert first["envelope_id"] != second["envelope_id"]
        assert first["payload"] == second["payload"]
        await socket.send_json({"envelope_id": second["envelope_id"], "payload": {"text": "there"}})
        await told.done.wait()
        assert (told.ack, told.deliveries) == ({"text": "there"}, 2)
        assert server.ephemerals("U1", "C1")[-1].text == "there"
        await socket.close()


async def _socket_url(server: SlackServer) -> str:
    opened = await AsyncWebClient(base_url=server.api_url).apps_connections_open(app_token=server.app_token)
    return str(opened["url"])


async def test_ten_sockets(server: SlackServer) -> None:
    """Ten connections may be open; each payload goes to one; the eleventh is told that there are too many."""
    async with aiohttp.ClientSession() as http:
        sockets = [await http.ws_connect(await _socket_url(server)) for _ in range(10)]
        await server.connected(10)
        for _ in range(20):
            await server.slash("T1", "C1", "U1", "/echo", wait=False)
        await server.wait_for(lambda: sum(each.received for each in server.connections) == 20)
        assert {each.received for each in server.connections} == {2}
        eleventh = await http.ws_connect(await _socket_url(server))
        assert (await eleventh.receive_json())["reason"] == "too_many_websockets"
        for socket in [*sockets, eleventh]:
            await socket.close()


async def test_socket_refresh(server: SlackServer) -> None:
    """Told that the socket is refreshed, bolt opens a new one and goes on there."""
    async with over_socket(server):
        await server.disconnect("refresh_requested")
        await server.connected()
        said = await server.slash("T1", "C1", "U1", "/echo again")
        await server.wait_for(lambda: said.answers)
        assert len(server.called("apps.connections.open")) == 2


async def test_uninstall(server: SlackServer, client: AsyncWebClient) -> None:
    """Uninstalled, the app is told twice and its tokens are dead; afterwards it hears nothing."""
    async with over_http(server):
        told = await server.uninstall("T1")
        assert [each.payload["event"]["type"] for each in server.interactions] == ["tokens_revoked", "app_uninstalled"]
        assert told.payload["team_id"] == "T1"
        assert await error_of(client.auth_test()) == "account_inactive"
        silent: Interaction = await server.open_home("T1", "U1")
        assert silent.deliveries == 0
