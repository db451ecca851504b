"""`manifest discord`: the links, permissions and settings that Discord needs, and the commands as they are synced."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import discord
import pytest

import core.chat.commands  # noqa: F401 - declares every command
from adapters.discord import commands, manifest
from adapters.discord.limits import command_problems
from bot.sample_assistants import PROGRAM
from core.chat.registry import REGISTRY
from core.config import DeskConfig
from tests.commands import Terminal

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.G-hush.hush_hush-hush"
APPLICATION = "123456789012345678"
LONG = DeskConfig(name="A platform with a name that goes on and on " * 5)


def asked(link: str) -> dict[str, str]:
    """What a link asks of whoever opens it."""
    parts = urlsplit(link)
    assert (parts.scheme, parts.hostname, parts.path) == ("https", "discord.com", "/oauth2/authorize")
    return {name: value for name, (value,) in parse_qs(parts.query, strict_parsing=True).items()}


def test_links_ask_for_no_more_than_is_needed() -> None:
    """A server is asked for five permissions, an account for none; both for the commands."""
    document: Any = manifest.manifest(LONG, application_id=APPLICATION)
    in_server = asked(document["add_to_server"])
    assert in_server["scope"].split() == ["applications.commands", "bot"]
    assert (in_server["client_id"], in_server["integration_type"]) == (APPLICATION, "0")
    granted = discord.Permissions(int(in_server["permissions"]))
    assert {name for name, has in granted if has} == {
        "attach_files",
        "read_message_history",
        "read_messages",
        "send_messages",
        "send_messages_in_threads",
    }
    assert document["permissions"]["value"] == in_server["permissions"]
    assert len(document["permissions"]["why"]) == 5
    on_account = {"client_id": APPLICATION, "integration_type": "1", "scope": "applications.commands"}
    assert asked(document["add_to_account"]) == on_account


def test_commands_are_those_that_are_synced() -> None:
    """The commands stand there as `up` tells them Discord, and within its limits; those of assistants where a program
    has some."""
    for config, registry in (
        (LONG, REGISTRY.of(LONG)),
        (replace(LONG, programs={PROGRAM.slug: PROGRAM}), REGISTRY),
    ):
        document: Any = json.loads(json.dumps(manifest.manifest(config)))
        assert document["commands"] == commands.payload(registry)
        assert command_problems(document["commands"]) == []


def test_portal_settings_are_said() -> None:
    """No privileged intents, no endpoint for interactions, both ways to install; texts within Discord's limits."""
    portal: Any = manifest.manifest(LONG, application_id=APPLICATION)["developer_portal"]
    assert portal["address"] == f"https://discord.com/developers/applications/{APPLICATION}"
    assert set(portal["Bot"]["Privileged Gateway Intents"].values()) == {"off"}
    assert portal["General Information"]["Interactions Endpoint URL"].startswith("empty")
    assert 2 <= len(portal["General Information"]["Name"]) <= 32
    assert len(portal["General Information"]["Description"]) <= 400
    assert portal["General Information"]["Description"].endswith("answered to you alone.")
    assert portal["Installation"]["Installation Contexts"] == ["Guild Install", "User Install"]
    install = portal["Installation"]["Default Install Settings"]
    assert install["Guild Install"]["Permissions"] == list(manifest.PERMISSIONS)
    assert install["User Install"] == {"Scopes": ["applications.commands"]}


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal in an empty folder."""
    return Terminal(tmp_path, {})


def test_application_id_comes_from_the_token(terminal: Terminal) -> None:
    """The token names its application; --application goes before it; the token itself is not shown."""
    terminal.variables["DISCORD_TOKEN"] = TOKEN
    out = terminal.ok("manifest", "discord")
    document = json.loads(out)
    assert "hush" not in out
    assert "missing" not in document
    assert document["application_id"] == asked(document["add_to_server"])["client_id"] == APPLICATION
    document = json.loads(terminal.ok("manifest", "discord", "--application", "42"))
    assert asked(document["add_to_account"])["client_id"] == "42"


def test_a_missing_application_id_is_said_first(terminal: Terminal) -> None:
    """Without token or id, the first thing said is that the links don't work yet, and how to mend that."""
    document = json.loads(terminal.ok("manifest", "discord"))
    assert next(iter(document)) == "missing"
    assert "--application ID" in document["missing"]
    assert asked(document["add_to_server"])["client_id"] == "YOUR_APPLICATION_ID"
    assert document["developer_portal"]["address"] == "https://discord.com/developers/applications"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--http",), "--http, --url and --oauth are for Slack"),
        (("--url", "https://desk.example.com"), "Discord needs no address"),
        (("--application", "desk"), "--application takes the number under General Information"),
    ],
)
def test_command_refuses(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    """What belongs to Slack, or is no id, is refused in one line."""
    assert said in terminal.refused("manifest", "discord", *words)
