"""`doctor` about Slack: what is well, and for everything that isn't what it is and how to mend it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.slack.manifest import SCOPES
from bot.sample_cards import all_templates, forms, sample_cards
from core import people
from core.chat import subscriptions
from core.chat.outbox import Destination
from core.clock import system_clock
from core.storage import Database, make_engine
from tests.commands import Terminal
from tests.slack_server.server import SlackServer

TOKEN = "xoxb-one-secret"
KEY = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU="


@dataclass
class Clinic:
    """A desk in a folder that is set up for our Slack."""

    slack: SlackServer
    terminal: Terminal

    async def examine(self) -> dict[str, Mapping[str, Any]]:
        """What doctor finds, by name."""
        result = await asyncio.to_thread(self.terminal.run, "doctor", "--json")
        document: Any = result.json
        assert not re.search("secret", result.out + result.err)
        return {one["name"]: one for one in document["checks"]}

    def database(self) -> Database:
        return Database(make_engine(f"sqlite:///{self.terminal.folder}/earnings-desk.db"))

    def subscribe(self, *channels: str, team: str = "T1") -> None:
        """Have channels hear of digests."""
        database = self.database()
        with database.transaction() as session:
            noor = people.resolve(session, "Noor")
            for channel in channels:
                subscriptions.subscribe(session, system_clock(), noor, Destination("slack", team, channel), "digest")
        database.engine.dispose()


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Clinic]:
    async with SlackServer.running() as slack:
        slack.add_workspace("T1", bot_token=TOKEN, scopes=SCOPES)
        variables = {
            "SLACK_BOT_TOKEN": TOKEN,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url.rstrip("/"),
        }
        terminal = Terminal(tmp_path)
        terminal.ok("init")
        terminal.ok("person", "add", "Noor", "--role", "owner")
        terminal.variables.update(variables)
        yield Clinic(slack, terminal)


def test_samples_draw_every_template() -> None:
    """The sample desk yields a card of each template there is, so that none is posted unseen by Slack."""
    drawn, missing = sample_cards()
    assert missing == ()
    assert [one.template for one in drawn] == all_templates()
    assert any("payout.reject" in name for name in forms(drawn))


async def test_all_is_well(clinic: Clinic) -> None:
    """Token, scopes, clock, transport and channel are fine, and Slack takes every card; nothing is posted."""
    clinic.slack.add_channel("T1", "C1", "earnings")
    clinic.slack.workspace("T1").channels["C1"].members.add(clinic.slack.workspace("T1").bot_user_id)
    clinic.subscribe("C1")
    found = await clinic.examine()
    assert found["chat"]["detail"] == "Slack, one workspace, by Socket Mode"
    assert found["Slack transport"]["detail"] == "Socket Mode: Slack takes SLACK_APP_TOKEN"
    assert found["Slack workspace T1"]["detail"] == "Team T1, as @earnings"
    assert found["Slack scopes T1"]["detail"] == f"all {len(SCOPES)} are granted"
    assert found["Slack clock"]["status"] == "ok"
    assert found["Slack channel #earnings"]["detail"] == "gets digests"
    cards = found["Slack cards"]
    assert cards["status"] == "ok", found
    assert cards["detail"].startswith(f"Slack takes all {len(all_templates())} cards")
    methods = {call.method for call in clinic.slack.calls}
    assert methods == {"apps.connections.open", "auth.test", "conversations.info", "blocks.validate"}


async def test_what_is_wrong_is_said_with_its_fix(clinic: Clinic) -> None:
    """Missing scopes, a clock that is off, a refused app token, channels that are archived, left or gone."""
    home = clinic.slack.workspace("T1")
    clinic.slack.tokens[TOKEN].scopes = tuple(scope for scope in SCOPES if scope not in ("files:write", "users:read"))
    clinic.slack.date_skew = 400
    clinic.terminal.variables["SLACK_APP_TOKEN"] = "xapp-wrong-secret"
    for channel, name in (("C1", "left"), ("C2", "archived")):
        clinic.slack.add_channel("T1", channel, name)
        home.channels[channel].members.discard(home.bot_user_id)
    home.channels["C2"].archived = True
    clinic.subscribe("C1", "C2", "C3")
    clinic.subscribe("C9", team="T9")
    found = await clinic.examine()
    assert found["Slack transport"]["detail"] == "Slack refuses SLACK_APP_TOKEN (invalid_auth)"
    assert "connections:write" in found["Slack transport"]["hint"]
    scopes = found["Slack scopes T1"]
    assert (scopes["status"], scopes["detail"]) == ("wrong", "missing: files:write, users:read")
    assert "reinstall from the app's page" in scopes["hint"]
    assert re.fullmatch(r"this machine and Slack differ by (399|40\d) s", found["Slack clock"]["detail"])
    assert found["Slack channel #left"]["hint"] == "Type /invite @Earnings Desk in #left."
    assert found["Slack channel #archived"]["detail"] == "it is archived"
    assert "it doesn't exist, or is private" in found["Slack channel C3"]["detail"]
    assert found["Slack channel C9"]["status"] == "note"


@pytest.mark.parametrize("error", ["token_revoked", "account_inactive"])
async def test_a_dead_token_is_named(clinic: Clinic, error: str) -> None:
    """A token that Slack refuses is said to be refused, and where the right one stands."""
    clinic.slack.kill_tokens("T1", error)
    found = await clinic.examine()
    assert found["Slack token"]["detail"] == "Slack refuses SLACK_BOT_TOKEN"
    assert "OAuth & Permissions" in found["Slack token"]["hint"]


async def test_slack_that_does_not_answer_is_no_wrong_token(clinic: Clinic) -> None:
    """While Slack is out of reach, doctor says that and nothing about tokens."""
    clinic.slack.outage()
    found = await clinic.examine()
    assert found["Slack token"]["detail"] == "Slack doesn't answer"
    assert "SLACK_API_URL" in found["Slack token"]["hint"]
    assert found["database"]["status"] == "ok"


async def test_cards_that_slack_refuses_are_named(clinic: Clinic) -> None:
    """A refused card is named with Slack's reason; a Slack that can't judge is no fault of the cards."""
    clinic.slack.fault("blocks.validate", "error", times=1, error="invalid_message")
    found = await clinic.examine()
    (refused,) = [one for name, one in found.items() if name.startswith("Slack card ")]
    assert refused["status"] == "wrong"
    assert "invalid_message" in refused["detail"]
    clinic.slack.fault("blocks.validate", "error", times=None, error="unknown_method")
    found = await clinic.examine()
    assert found["Slack cards"]["status"] == "note"
    assert "unknown_method" in found["Slack cards"]["detail"]


async def test_many_workspaces(clinic: Clinic) -> None:
    """With a client id, doctor says where to install; a key that doesn't fit is said, too."""
    clinic.terminal.variables |= {
        "SLACK_BOT_TOKEN": "",
        "SLACK_CLIENT_ID": clinic.slack.client_id,
        "SLACK_CLIENT_SECRET": "0123456789abcdef0123456789abcdef",
        "SLACK_TOKEN_KEY": KEY,
        "PUBLIC_URL": "https://desk.example.com",
    }
    found = await clinic.examine()
    assert found["chat"]["detail"] == "Slack, many workspaces, by Socket Mode"
    assert found["Slack workspaces"]["status"] == "note"
    assert "https://desk.example.com/slack/install" in found["Slack workspaces"]["hint"]


async def test_wrong_settings_are_told_one_by_one(clinic: Clinic) -> None:
    """A fault in the settings is one finding, with what would be right as its hint."""
    clinic.terminal.variables["SLACK_BOT_TOKEN"] = "xoxp-secret"
    result = await asyncio.to_thread(clinic.terminal.run, "doctor", "--json")
    document: Any = result.json
    (finding,) = document["checks"]
    assert finding["detail"] == "SLACK_BOT_TOKEN doesn't start with xoxb- (it looks like a user token)"
    assert "Bot User OAuth Token" in finding["hint"]


async def test_without_slack_nothing_is_asked(clinic: Clinic) -> None:
    """Without tokens doctor says nothing about Slack and calls nobody."""
    clinic.terminal.variables.clear()
    found = await clinic.examine()
    assert not [name for name in found if "Slack" in name or name == "chat"]
    assert clinic.slack.calls == []
