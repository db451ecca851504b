"""The manifest: complete, within Slack's limits, and made from the commands that there are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import core.chat.commands  # noqa: F401 - declares every command
from adapters.slack import http, intake, manifest, oauth
from adapters.slack.manifest import RESERVED, aliases, problems
from bot.sample_assistants import PROGRAM
from core.chat.registry import REGISTRY
from core.config import DeskConfig
from tests.commands import Terminal

LONG = DeskConfig(name="A platform with a name that goes on and on " * 5)
URL = "https://desk.example.com/earnings"


def made(**given: Any) -> dict[str, Any]:
    """A manifest as Slack reads it."""
    read: dict[str, Any] = json.loads(json.dumps(manifest.manifest(LONG, **given)))
    return read


def test_commands_are_those_of_the_registry() -> None:
    """Every first word is a slash command with its hint, mentions arrive as ids, and no name is Slack's own; commands
    of assistants are there where a program has some."""
    slashes = {slash["command"]: slash for slash in made()["features"]["slash_commands"]}
    assert {"/analytics", "/referrals", "/review"}.isdisjoint(slashes)
    document: Any = manifest.manifest(replace(LONG, programs={PROGRAM.slug: PROGRAM}))
    slashes = {slash["command"]: slash for slash in document["features"]["slash_commands"]}
    back = aliases()
    assert sorted(back.get(name, name) for name in slashes) == sorted(f"/{name}" for name in REGISTRY.names())
    assert all(slash["should_escape"] is True for slash in slashes.values())
    assert all("url" not in slash for slash in slashes.values())
    assert slashes["/stats"]["usage_hint"].startswith("[project] [today|week|month|all]")
    assert "approve | reject" in slashes["/desk"]["usage_hint"]
    assert "usage_hint" not in slashes["/balance"]


def test_reserved_commands_have_another_name() -> None:
    """A command that Slack keeps for itself stands there under another name, and comes back as what it is."""
    assert aliases() == {"/desk-help": "/help"}
    assert not RESERVED & {slash["command"][1:] for slash in made()["features"]["slash_commands"]}
    payload = {"command": "/desk-help", "text": "fees", "team_id": "T1", "user_id": "U1", "trigger_id": "1.2"}
    deed = intake.read(payload, aliases())
    assert deed is not None
    assert deed.text == "/help fees"


@pytest.mark.parametrize("transport", ["socket", "http"])
def test_is_within_slacks_limits(transport: str) -> None:
    """Names, descriptions and hints are no longer than Slack's reference allows, and there are at most 50 commands."""
    document = made(transport=transport, url=URL, oauth=True)
    shown = document["display_information"]
    assert 1 <= len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 174 <= len(shown["long_description"]) <= 4000
    assert len(document["features"]["bot_user"]["display_name"]) <= 80
    slashes = document["features"]["slash_commands"]
    assert len(slashes) <= 50
    for slash in slashes:
        assert len(slash["command"]) <= 32
        assert 1 <= len(slash["description"]) <= 2000
        assert len(slash.get("usage_hint", "")) <= 1000
    assert len(document["oauth_config"]["redirect_urls"]) <= 1000
    assert len(document["oauth_config"]["scopes"]["bot"]) <= 255
    assert len(document["settings"]["event_subscriptions"]["bot_events"]) <= 100
    assert problems(document) == []


def test_says_what_slack_would_refuse() -> None:
    """A reserved or unfit name is found, and so are too many commands."""
    slashes: list[Mapping[str, str]] = [{"command": "/status"}, {"command": "/Two Words"}, *[{"command": "/ok"}] * 49]
    assert problems({"features": {"slash_commands": slashes}}) == [
        "too many slash commands",
        "/status: Slack's own",
        "/Two Words: not a name that Slack takes",
    ]


def test_socket_mode_needs_no_address() -> None:
    """In Socket Mode nothing names an address; tokens don't rotate in an app of one workspace."""
    document = made()
    assert "http" not in json.dumps(document)
    assert document["settings"]["socket_mode_enabled"] is True
    assert document["settings"]["token_rotation_enabled"] is False
    assert document["settings"]["interactivity"] == {"is_enabled": True}
    assert document["features"]["app_home"]["home_tab_enabled"] is True
    assert document["features"]["app_home"]["messages_tab_enabled"] is True
    assert document["features"]["bot_user"]["always_online"] is True


def test_http_names_the_desks_address() -> None:
    """Over HTTP, commands, events and interactions go to the route that the desk serves; installs come back to it."""
    document = made(transport="http", url=URL, oauth=True)
    events = URL + http.PATH
    assert {slash["url"] for slash in document["features"]["slash_commands"]} == {events}
    assert document["settings"]["event_subscriptions"]["request_url"] == events
    assert document["settings"]["interactivity"]["request_url"] == events
    assert document["settings"]["socket_mode_enabled"] is False
    assert document["settings"]["token_rotation_enabled"] is True
    assert document["settings"]["org_deploy_enabled"] is False
    assert document["oauth_config"]["redirect_urls"] == [URL + oauth.REDIRECT]


def test_every_event_is_heard() -> None:
    """No event is subscribed to that nothing comes of."""
    bodies: Mapping[str, Mapping[str, object]] = {
        "app_home_opened": {"tab": "home", "user": "U1"},
        "tokens_revoked": {"tokens": {"bot": ["U0"]}},
        "user_change": {"user": {"id": "U1", "deleted": True}},
    }
    for name in manifest.EVENTS:
        event = {"type": name, "channel": "C1", **bodies.get(name, {})}
        payload = {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{name}", "event": event}
        assert intake.read(payload, {}) is not None, name


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal in an empty folder."""
    return Terminal(tmp_path, {})


def test_command_prints_json(terminal: Terminal) -> None:
    """`manifest slack` prints one JSON document, without a configuration or a database."""
    document = json.loads(terminal.ok("manifest", "slack"))
    assert document["settings"]["socket_mode_enabled"] is True
    document = json.loads(terminal.ok("manifest", "slack", "--http", "--url", f"{URL}/", "--oauth"))
    assert document["settings"]["interactivity"]["request_url"] == f"{URL}/slack/events"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("slack", "--application", "1"), "--application is for Discord"),
        (("slack", "--http"), "--http needs --url https://"),
        (("slack", "--oauth"), "--oauth needs --url https://"),
        (("slack", "--http", "--url", "http://desk.example.com"), "begins with http://; Slack sends"),
        (("slack", "--http", "--url", "desk"), "desk is no address; write https://"),
    ],
)
def test_command_refuses(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    """What can't be made is refused in one line."""
    assert said in terminal.refused("manifest", *words)
