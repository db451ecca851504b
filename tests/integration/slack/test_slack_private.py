"""What must stay between the desk and one person: figures, codes and files; and what no log may ever hold."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from core import people
from core.storage import Database
from tests.desk_world import World
from tests.slack_world import APPROVALS, BOT_TOKEN, EARNINGS, TEAM, USERS, SlackWorld, Transport, running


@pytest.fixture
def world(migrated_database: Database) -> Iterator[World]:
    """Ada has $1,000."""
    world = World(migrated_database).funded()
    yield world
    assert world.sound()
    world.close()


async def a_busy_day(slack: SlackWorld) -> str:
    """Linking, figures, files, a request, a decision, a form, the dashboard, a refusal; the code that was used."""
    server, code = slack.server, slack.code("ada")
    await slack.type("ada", f"/link {code}", EARNINGS)
    slack.link("Mira", "Olga", "bo")
    slack.subscribe(APPROVALS, "approvals")
    for line in (
        "/balance",
        "/stats",
        "/transactions",
        '/explain "Logo Lab"',
        "/payouts",
        "/nonsense",
        "/link AAAAA-AAAAA",
    ):
        await slack.type("ada", line, EARNINGS)
    await server.click(TEAM, USERS["ada"], "CSV")
    await server.wait_for(lambda: server.files)
    await slack.type("ada", "/withdraw 612.34", EARNINGS)
    await server.click(TEAM, USERS["ada"], "Request $612.34")
    await server.wait_for(lambda: server.messages(APPROVALS))
    asked = await server.click(TEAM, USERS["Mira"], "Reject…")
    await server.wait_for(lambda: asked.modal)
    await server.submit(TEAM, USERS["Mira"], {"Why; the creator reads it": "the account is closed"})
    await server.wait_for(lambda: asked.answers)
    await server.open_home(TEAM, USERS["ada"])
    await server.wait_for(lambda: "$1,000.00" in slack.standing_home("ada"))
    await slack.type("zoe", "/balance", EARNINGS)
    await server.disconnect()
    return code


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_logs_hold_no_secret(world: World, transport: Transport, caplog: pytest.LogCaptureFixture) -> None:
    """At every level, of every library: no token, link code, response_url, trigger id or amount; also when it fails."""
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        async with running(world, transport) as slack:
            code = await a_busy_day(slack)
            with slack.app.database.transaction() as session:
                session.execute(text("ALTER TABLE chat_received RENAME TO chat_received_away"))
            unused = slack.code("bo")
            failed = await slack.server.slash(TEAM, EARNINGS, USERS["bo"], f"/link {unused}")
            await slack.server.wait_for(lambda: "Ref E-" in failed.said)
            with slack.app.database.transaction() as session:
                session.execute(text("ALTER TABLE chat_received_away RENAME TO chat_received"))
            server = slack.server
    lines = [f"{line.name} {line.getMessage()} {line.exc_text or ''} {line.args}" for line in caplog.records]
    lines += [f"{line!r} {line.get('exc_info')}" for line in logs]
    assert lines
    secrets = {BOT_TOKEN, server.app_token, server.signing_secret, code, unused, "/respond/", "$1,000"}
    secrets |= {one.payload["trigger_id"] for one in server.interactions if "trigger_id" in one.payload}
    secrets |= {one.rpartition("=")[2] for one in server.tickets}
    assert len(secrets) > 10
    for line in lines:
        assert not [one for one in secrets if one in line], line
    assert any("could not be kept" in str(line) for line in logs)


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_what_one_person_may_know_reaches_nobody_else(world: World, transport: Transport) -> None:
    """Figures, codes and files go to whoever asked, seen by them alone; a channel has the request and nothing else."""
    async with running(world, transport) as slack:
        code = await a_busy_day(slack)
        server = slack.server
        assert server.messages(EARNINGS) == []
        [card] = server.messages(APPROVALS)
        for told in (card.plain, card.text, json.dumps(card.blocks), json.dumps(card.metadata)):
            assert not [one for one in ("$1,000", "$387", "Logo Lab", code) if one in told], told
        for name in ("bo", "Tom", "Amos"):
            assert server.ephemerals(USERS[name]) == []
            assert server.direct(USERS[name]) == []
            assert server.home(USERS[name]) is None
        [refused] = server.ephemerals(USERS["zoe"])
        assert "Not linked yet" in refused.plain
        for name in ("Mira", "Olga", "zoe"):
            seen = [one.plain for one in server.ephemerals(USERS[name])]
            seen += [one.plain for one in server.direct(USERS[name])]
            assert not [one for text in seen for one in ("$1,000", "$387", "Logo Lab", code) if one in text], name
        assert {one.channel for one in server.files.values()} == {server.direct_channel(TEAM, USERS["ada"]).id}
        for call in server.calls:
            if call.method == "response_url":
                assert call.args["response_type"] == "ephemeral"
            elif call.method == "chat.postMessage" and not str(call.args["channel"]).startswith("D"):
                assert (call.args["channel"], "WD-1" in str(call.args["blocks"])) == (APPROVALS, True)
            elif call.method == "views.publish":
                assert call.args["user_id"] == USERS["ada"]
        assert not server.violations


async def test_a_dashboard_forgets_whoever_unlinks(world: World) -> None:
    """The dashboard that stands open shows no figures once its account speaks for nobody, and none come later."""
    async with running(world, "socket") as slack:
        slack.link("ada")
        await slack.server.open_home(TEAM, USERS["ada"])
        await slack.server.wait_for(lambda: "$1,000.00" in slack.standing_home("ada"))
        await slack.type("ada", "/unlink", EARNINGS)
        await slack.server.wait_for(lambda: "/link" in slack.standing_home("ada"))
        assert "$" not in slack.standing_home("ada")
        world.withdrawal("ada", "60")
        slack.service.relay.nudge()
        assert "Not linked yet" in (await slack.type("ada", "/balance", EARNINGS)).said
        assert "$" not in slack.standing_home("ada")


async def test_a_role_that_is_taken_takes_its_queue_along(world: World) -> None:
    """What waits for approvers leaves the dashboard of somebody who is none any more."""
    async with running(world, "socket") as slack:
        slack.link("Mira")
        world.withdrawal("ada", "60")
        await slack.server.open_home(TEAM, USERS["Mira"])
        await slack.server.wait_for(lambda: "WD-1" in slack.standing_home("Mira"))
        with slack.app.database.transaction() as session:
            people.set_roles(session, slack.clock(), people.resolve(session, "Mira").person_id, [])
        slack.service.relay.nudge()
        await slack.server.wait_for(lambda: "WD-1" not in slack.standing_home("Mira"))
        assert "$60.00" not in slack.standing_home("Mira")
