"""Who gets in: requests that Slack did not sign, people of other workspaces, people who left, and copied buttons."""

from __future__ import annotations

import io
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping

import aiohttp
import pytest
from structlog.testing import capture_logs

from core.storage import Database
from tests.conftest import count
from tests.desk_world import World
from tests.slack_server import RawRequest, signed, tampered, unsigned
from tests.slack_server.signing import sign
from tests.slack_world import EARNINGS, TEAM, SlackWorld, running

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def world(migrated_database: Database) -> Iterator[World]:
    """Ada has $1,000."""
    world = World(migrated_database).funded()
    yield world
    assert world.sound()
    world.close()


@pytest.fixture
async def http(world: World) -> AsyncIterator[SlackWorld]:
    """The service, reached by signed requests."""
    async with running(world, "http") as slack:
        yield slack
        assert not slack.server.violations


async def sent(slack: SlackWorld, request: RawRequest, method: str = "POST") -> tuple[int, str]:
    """A raw request to the desk: its status and body."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, slack.server.request_url, data=io.BytesIO(request.body), headers=request.headers
        ) as answer,
    ):
        return answer.status, await answer.text(errors="replace")


def restamped(request: RawRequest, **headers: str) -> RawRequest:
    """The request with other headers, _ for -; an empty one is left out."""
    changed = dict(request.headers) | {name.replace("_", "-"): text for name, text in headers.items()}
    return RawRequest(request.body, {name: text for name, text in changed.items() if text})


def forgeries(slack: SlackWorld) -> dict[str, tuple[RawRequest, str]]:
    """Requests that Slack never sent, and the reason that the log gives for each refusal."""
    server, secret = slack.server, slack.server.signing_secret
    good = server.raw_command(TEAM, EARNINGS, slack.user("ada"), "/withdraw 60")
    now = str(int(time.time()))
    later = str(int(time.time()) + 60)
    odd = b"command=/balance&text=\xff\xfe&team_id=T1&user_id=U1"
    bomb = b"[" * 200_000
    other = sign("another-secret", now, good.body)
    short = good.headers["X-Slack-Signature"][:-1]
    v1 = good.headers["X-Slack-Signature"].replace("v0", "v1")
    return {
        "unsigned": (unsigned(good), "unsigned"),
        "no signature": (restamped(good, X_Slack_Signature=""), "unsigned"),
        "no timestamp": (restamped(good, X_Slack_Request_Timestamp=""), "unsigned"),
        "another secret": (restamped(good, X_Slack_Signature=other), "wrong signature"),
        "cut signature": (restamped(good, X_Slack_Signature=short), "wrong signature"),
        "another version": (restamped(good, X_Slack_Signature=v1), "wrong signature"),
        "tampered body": (tampered(good, b"withdraw", b"balance"), "wrong signature"),
        "longer body": (RawRequest(good.body + b"&text=900", good.headers), "wrong signature"),
        "tampered timestamp": (restamped(good, X_Slack_Request_Timestamp=later), "wrong signature"),
        "stale": (server.raw_command(TEAM, EARNINGS, slack.user("ada"), "/balance", age=301), "stale"),
        "replayed": (signed(secret, "slash_commands", {"command": "/balance"}, age=86_400), "stale"),
        "from the future": (signed(secret, "slash_commands", {"command": "/balance"}, age=-400), "stale"),
        "garbage": (restamped(good, X_Slack_Request_Timestamp="soon", X_Slack_Signature="v0=é"), "no signature"),
        "negative": (restamped(good, X_Slack_Request_Timestamp="-1"), "no signature"),
        "endless number": (restamped(good, X_Slack_Request_Timestamp="9" * 5_000), "no signature"),
        "odd digits": (restamped(good, X_Slack_Request_Timestamp="²"), "no signature"),
        "odd bytes": (RawRequest(odd, dict(good.headers)), "no text"),
        "JSON bomb": (RawRequest(bomb, good.headers | {"Content-Type": "application/json"}), "wrong signature"),
        "empty": (RawRequest(b"", {}), "unsigned"),
        "ssl_check": (RawRequest(b"ssl_check=1&token=x", {"Content-Type": FORM}), "unsigned"),
    }


async def test_what_slack_did_not_sign_is_refused(http: SlackWorld) -> None:
    """Each forged request is a 401, logged with its reason and without a secret; nothing is taken in."""
    http.link("ada")
    for name, (request, reason) in forgeries(http).items():
        with capture_logs() as logs:
            status, body = await sent(http, request)
        assert status == 401, (name, status)
        assert json.loads(body) == {"error": "invalid request"}, name
        assert [(line["log_level"], line.get("reason")) for line in logs] == [("warning", reason)], (name, logs)
        for secret in (http.server.signing_secret, request.headers.get("X-Slack-Signature", "-none-")):
            assert secret not in str(logs), name
    assert count(http.app.database, "chat_received") == 0
    assert not http.server.ephemerals(http.user("ada"))


async def test_other_ways_to_ask_are_refused(http: SlackWorld) -> None:
    """Another method is a 405, a body larger than any of Slack's a 413; what is signed and unreadable a 4xx."""
    good = http.server.raw_command(TEAM, EARNINGS, http.user("ada"), "/balance")
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert (await sent(http, good, method))[0] == 405, method
    huge = RawRequest(b"text=" + b"x" * (1024 * 1024 + 1), good.headers)
    with capture_logs() as logs:
        assert (await sent(http, huge))[0] == 413
    assert "too large" in str(logs)
    for body, content_type in UNREADABLE.items():
        stamp = str(int(time.time()))
        headers = {"X-Slack-Request-Timestamp": stamp, "Content-Type": content_type}
        headers["X-Slack-Signature"] = sign(http.server.signing_secret, stamp, body)
        status, answer = await sent(http, RawRequest(body, headers))
        assert 400 <= status < 500, (body[:40], status, answer)
        assert "Traceback" not in answer
    assert count(http.app.database, "chat_received") == 0
    assert (await http.type("ada", "/help", EARNINGS)).status == 200  # and the desk is well


UNREADABLE: Mapping[bytes, str] = {
    b"\xff\xfe": FORM,
    b"": FORM,
    b"payload=%7B": FORM,
    b"payload=[]": FORM,
    b"payload=" + b"[" * 100_000: FORM,
    b'payload={"type":"block_actions"}': "text/plain",
    b"[" * 100_000: "application/json",
    b'"text"': "application/json",
    b"[1]": "application/json",
    b"null": "application/json",
    b"{": "application/json",
}


async def test_slacks_own_checks_are_answered(http: SlackWorld) -> None:
    """The check of a request URL has its challenge back, the certificate check a 200, both only when signed."""
    request = http.server.raw_url_verification("abc-1")
    status, body = await sent(http, request)
    assert status == 200
    assert json.loads(body)["challenge"] == "abc-1"
    assert (await sent(http, unsigned(request)))[0] == 401
    secret = http.server.signing_secret
    status, _ = await sent(http, signed(secret, "slash_commands", {"ssl_check": "1", "token": "x"}))
    assert status == 200
    assert count(http.app.database, "chat_received") == 0


async def test_a_replay_within_five_minutes_does_nothing_twice(http: SlackWorld) -> None:
    """The same signed request once more, and once more as a retry, is acknowledged and not done again."""
    http.link("ada")
    request = http.server.raw_command(TEAM, EARNINGS, http.user("ada"), "/balance")
    headers = request.headers | {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}
    for one in (request, request, RawRequest(request.body, headers)):
        assert (await sent(http, one))[0] == 200
    made = http.server.interactions[-1]
    await http.server.wait_for(lambda: made.answers)
    await http.type("ada", "/help", EARNINGS)
    assert len(made.answers) == 1
    assert count(http.app.database, "chat_received") == 2
