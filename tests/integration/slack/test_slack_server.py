"""Our own Slack is faithful: the real slack-bolt and slack_sdk work against it, and it refuses what Slack refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.slack_server import Interaction, RawRequest, SlackServer, plain, tampered, unsigned
from tests.slack_server.things import Json

MODAL: Json = {
    "type": "modal",
    "callback_id": "form",
    "private_metadata": "kept",
    "title": {"type": "plain_text", "text": "Withdraw"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "typed", "min_length": 3},
        }
    ],
}


def text(words: str) -> Json:
    """A section that says something."""
    return {"type": "section", "text": {"type": "plain_text", "text": words}}


def button(label: str, value: str = "1") -> Json:
    """A row with one button."""
    shown = {"type": "plain_text", "text": label}
    return {"type": "actions", "elements": [{"type": "button", "text": shown, "action_id": "press", "value": value}]}


def menu(*options: str) -> Json:
    """A row with a menu."""
    told = [{"text": {"type": "plain_text", "text": each}, "value": each.lower()} for each in options]
    hint = {"type": "plain_text", "text": "Month"}
    return {
        "type": "actions",
        "elements": [{"type": "static_select", "action_id": "pick", "options": told, "placeholder": hint}],
    }


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


def bolt(server: SlackServer) -> AsyncApp:
    """A trivial app: answers /echo, opens a modal on /form, judges it, and greets whoever opens the home tab."""
    app = AsyncApp(
        client=AsyncWebClient("xoxb-1", base_url=server.api_url),
        signing_secret=server.signing_secret,
        process_before_response=True,
        request_verification_enabled=True,
    )

    @app.command("/echo")
    async def echo(ack, respond, command) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        await ack()
        await respond(text="echo", blocks=[text(f"you said {command['text']}"), button("Again")])

    @app.command("/form")
    async def form(ack, client, body) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.action("press")
    async def press(ack, respond, body) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        await ack()
        await respond(replace_original=True, text=f"pressed {body['actions'][0]['value']}")

    @app.action("pick")
    async def pick(ack, respond, action) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        await ack()
        await respond(replace_original=False, text=f"picked {action['selected_option']['value']}")

    @app.view("form")
    async def judge(ack, view) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        said = view["state"]["values"]["reason"]["typed"]["value"]
        if said == "bad":
            await ack(response_action="errors", errors={"reason": "Say it better."})
        else:
            await ack()

    @app.event("app_home_opened")
    async def home(client, event) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [text("your dashboard")]})

    return app


@asynccontextmanager
async def over_socket(server: SlackServer, *, ping: float = 5) -> AsyncIterator[AsyncSocketModeHandler]:
    """The trivial app on a socket."""
    handler = AsyncSocketModeHandler(bolt(server), server.app_token, ping_interval=ping)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await server.connected()
    try:
        yield handler
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def over_http(server: SlackServer) -> AsyncIterator[str]:
    """The trivial app behind bolt's own HTTP server."""
    runner = web.AppRunner(bolt(server).web_app("/slack/events"), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield server.request_url
    finally:
        await runner.cleanup()


async def error_of(call: object) -> str:
    """Slack's error for a call that it refuses."""
    with pytest.raises(SlackApiError) as refused:
        await call  # type: ignore[misc]
    return str(refused.value.response["error"])


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


async def test_uninstall(server: SlackServer, client: AsyncWebClient) -> None:
    """Uninstalled, the app is told twice and its tokens are dead; afterwards it hears nothing."""
    async with over_http(server):
        told = await server.uninstall("T1")
        assert [each.payload["event"]["type"] for each in server.interactions] == ["tokens_revoked", "app_uninstalled"]
        assert told.payload["team_id"] == "T1"
        assert await error_of(client.auth_test()) == "account_inactive"
        silent: Interaction = await server.open_home("T1", "U1")
        assert silent.deliveries == 0


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
