"""A trivial bolt app on either transport, and the blocks and calls that tests of our own Slack are made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack_server import SlackServer
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
