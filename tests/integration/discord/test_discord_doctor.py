"""`doctor` about Discord: what is well, and for everything that isn't what it is and how to mend it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import core.chat.commands  # noqa: F401 - declares every command
from adapters.checks import Samples
from adapters.discord import checks, commands, manifest, permitted
from adapters.discord.tables import DiscordState
from bot.sample_cards import all_templates
from core import people
from core.chat import subscriptions
from core.chat.cards import Actions, Button, Card, Span, Text
from core.chat.outbox import Destination
from core.chat.registry import REGISTRY
from core.clock import system_clock
from core.storage import Database, make_engine
from tests.commands import Terminal
from tests.discord_server import (
    ADMINISTRATOR,
    ATTACH_FILES,
    MEMBER_PERMISSIONS,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    VIEW_CHANNEL,
    DiscordServer,
    routes,
)

GUILD, GONE_GUILD = "7000", "7999"
ALL = manifest.permissions()


@dataclass
class Clinic:
    """A desk in a folder that is set up for our Discord."""

    discord: DiscordServer
    terminal: Terminal

    async def examine(self) -> dict[str, Mapping[str, Any]]:
        """What doctor finds, by name; of several of one name the last of the worst."""
        result = await asyncio.to_thread(self.terminal.run, "doctor", "--json")
        document: Any = result.json
        assert self.discord.token not in result.out + result.err
        found: dict[str, Mapping[str, Any]] = {}
        for one in sorted(document["checks"], key=lambda one: ("ok", "note", "wrong").index(one["status"])):
            assert set(one) == {"name", "ok", "status", "detail", "hint"}
            found[one["name"]] = one
        return found

    def database(self) -> Database:
        return Database(make_engine(f"sqlite:///{self.terminal.folder}/earnings-desk.db"))

    def subscribe(self, *channels: str, guild: str = GUILD) -> None:
        """Have channels hear of digests."""
        database = self.database()
        with database.transaction() as session:
            noor = people.resolve(session, "Noor")
            for channel in channels:
                to = Destination("discord", guild, channel)
                subscriptions.subscribe(session, system_clock(), noor, to, "digest")
        database.engine.dispose()

    def told(self, digest: str) -> None:
        """Have the database say which commands Discord was told."""
        database = self.database()
        with database.transaction() as session:
            number = self.discord.application_id
            session.merge(DiscordState(application_id=number, commands=digest, synced_at=system_clock()))
        database.engine.dispose()


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Clinic]:
    async with DiscordServer.running() as discord:
        discord.add_guild(GUILD, "Studio", bot_permissions=ALL)
        variables = {"DISCORD_TOKEN": discord.token, "DISCORD_API_URL": discord.api_url}
        terminal = Terminal(tmp_path)
        terminal.ok("init")
        terminal.ok("person", "add", "Noor", "--role", "owner")
        terminal.variables.update(variables)
        yield Clinic(discord, terminal)


async def test_all_is_well(clinic: Clinic) -> None:
    """Token, application, commands, clock, gateway and channel are fine, every card fits; nothing is posted."""
    discord = clinic.discord
    discord.add_channel(GUILD, "7001", "earnings")
    clinic.subscribe("7001")
    wanted = commands.payload(REGISTRY)
    discord.commands = [dict(one) for one in wanted]
    clinic.told(commands.digest(wanted))
    found = await clinic.examine()
    assert found["chat"]["detail"] == "Discord"
    assert found["Discord token"]["detail"] == "@earnings"
    assert found["Discord application"]["detail"] == "earnings (900), in 1 server; anyone may add it"
    assert found["Discord gateway"]["detail"] == "1000 of 1000 connections left for 1 shard; new ones in 2.0 hours"
    assert found["Discord commands"]["detail"] == f"Discord has all {len(wanted)}"
    assert found["Discord clock"]["status"] == "ok"
    assert found["Discord channel #earnings"]["detail"] == "gets digests"
    assert found["Discord cards"]["detail"].startswith(f"all {len(all_templates())} cards and ")
    assert {one["status"] for name, one in found.items() if name.startswith("Discord")} == {"ok"}
    assert {call.route.split()[0] for call in discord.calls} == {"GET"}
    assert discord.violations == []


async def test_what_is_wrong_is_said_with_its_fix(clinic: Clinic) -> None:
    """A clock that is off, channels that are deleted, closed or of a server that the desk left, and few connections."""
    discord = clinic.discord
    discord.advance(400)
    discord.starts = 0
    discord.add_channel(GUILD, "7001", "closed", bot_permissions=0)
    discord.add_channel(GUILD, "7002", "quiet", bot_permissions=ALL & ~(SEND_MESSAGES | ATTACH_FILES))
    discord.add_channel(GUILD, "7003", "gone")
    discord.channel("7003").deleted = True
    discord.add_guild(GONE_GUILD, "Gone", bot_in=False)
    discord.add_channel(GONE_GUILD, "7004", "elsewhere")
    clinic.subscribe("7001", "7002", "7003")
    clinic.subscribe("7004", guild=GONE_GUILD)
    found = await clinic.examine()
    assert found["Discord clock"]["status"] == "wrong"
    assert "NTP" in found["Discord clock"]["hint"]
    assert found["Discord gateway"]["status"] == "wrong"
    assert found["Discord channel 7001"]["detail"] == "the desk lacks View Channel there, for its digests"
    quiet = found["Discord channel #quiet"]
    assert quiet["detail"] == "the desk lacks Send Messages and Attach Files there, for its digests"
    assert quiet["hint"].startswith("In Studio: the channel's settings → Permissions")
    assert found["Discord channel 7003"]["detail"] == "it was deleted, so its digests can't be posted"
    assert "not in the server 7999" in found["Discord channel 7004"]["detail"]
    assert manifest.server_link("900") in found["Discord channel 7004"]["hint"]
    assert {found[f"Discord channel {one}"]["status"] for one in ("7001", "#quiet", "7003", "7004")} == {"wrong"}


async def test_a_refused_token_ends_the_questions(clinic: Clinic) -> None:
    """A token that Discord refuses is said to be refused, and where to get another; cards are judged all the same."""
    clinic.terminal.variables["DISCORD_TOKEN"] = "OTAw.other.token"
    found = await clinic.examine()
    assert found["Discord token"]["detail"] == "Discord refuses DISCORD_TOKEN"
    assert "Reset Token" in found["Discord token"]["hint"]
    assert found["Discord cards"]["status"] == "ok"
    assert [call.route for call in clinic.discord.calls] == [routes.ME]


async def test_discord_that_does_not_answer_is_no_wrong_token(clinic: Clinic) -> None:
    """While Discord is out of reach or in trouble, doctor says that and nothing about tokens."""
    clinic.discord.outage()
    found = await clinic.examine()
    assert found["Discord token"]["detail"] == "Discord doesn't answer"
    assert "discordstatus.com" in found["Discord token"]["hint"]
    assert found["database"]["status"] == "ok"
    clinic.discord.end_faults()
    clinic.discord.fault(routes.APPLICATION, "502")
    clinic.discord.fault(routes.ME, "429", retry_after=0.01)
    found = await clinic.examine()
    assert found["Discord token"]["status"] == "ok"
    assert found["Discord application"]["detail"] == "Discord doesn't answer"
    clinic.discord.fault(routes.ME, "banned")
    found = await clinic.examine()
    assert found["Discord token"]["detail"] == "Discord answers 429 (no reason given)"


async def test_settings_in_the_portal_are_looked_at(clinic: Clinic) -> None:
    """An endpoint for interactions, a missing way to install and needless intents are named with their page."""
    discord = clinic.discord
    discord.install_contexts = (1,)
    found = (await clinic.examine())["Discord application"]
    assert (found["status"], found["detail"]) == ("wrong", "Guild Install is off: no server can add the desk")
    assert found["hint"].startswith("https://discord.com/developers/applications/900/installation")
    discord.install_contexts = (0,)
    discord.interactions_endpoint = "https://elsewhere.example.com/interactions"
    found = (await clinic.examine())["Discord application"]
    assert "the desk hears nothing" in found["detail"]
    assert found["hint"].startswith("Clear it: ")


def test_settings_that_are_less_grave() -> None:
    """A code grant keeps links from working; no user install, privileged intents and a private bot are noted."""
    both: dict[str, object] = {"0": {}, "1": {}}
    told = {"name": "Desk", "bot_public": False, "integration_types_config": {"0": {}}, "flags": 1 << 15 | 1 << 18}
    named, install, intents = checks.application(told, "1")
    assert (named.status, named.detail) == ("ok", "Desk (1); only its owner may add it")
    assert (install.status, install.detail[:19]) == ("note", "User Install is off")
    assert intents.detail == "the desk needs no Server Members Intent and Message Content Intent"
    (grant,) = checks.application({"bot_require_code_grant": True, "integration_types_config": both}, "1")
    assert (grant.status, grant.hint[-27:]) == ("wrong", "Requires OAuth2 Code Grant.")


async def test_commands_of_another_version(clinic: Clinic) -> None:
    """Commands that Discord wasn't told yet are noted; replaced ones are wrong, with the way back."""
    found = await clinic.examine()
    assert found["Discord commands"]["detail"] == "Discord wasn't told them yet"
    clinic.told("0" * 64)
    found = await clinic.examine()
    assert found["Discord commands"]["detail"] == "Discord was told another version's"
    assert "`earnings-desk up`" in found["Discord commands"]["hint"]
    wanted = commands.payload(REGISTRY)
    clinic.told(commands.digest(wanted))
    clinic.discord.commands = [dict(one) for one in wanted if one["name"] != "balance"]
    found = await clinic.examine()
    assert found["Discord commands"]["detail"] == "somebody else changed them: /balance"
    assert "earnings-desk manifest discord | jq .commands" in found["Discord commands"]["hint"]


async def test_commands_that_are_shown_twice(clinic: Clinic) -> None:
    """Commands registered for a server beside the global ones are named, with what removes them."""
    wanted = commands.payload(REGISTRY)
    clinic.discord.commands = [dict(one) for one in wanted]
    clinic.told(commands.digest(wanted))
    clinic.discord.guild_commands[GUILD] = [{"name": name, "type": 1} for name in ("stats", "balance", "dice")]
    found = await clinic.examine()
    twice = found["Discord commands"]
    assert (twice["status"], twice["detail"]) == ("note", "shown twice in Studio: /balance, /stats")
    assert f"/applications/900/guilds/{GUILD}/commands" in twice["hint"]


async def test_without_a_database_channels_are_left_out(clinic: Clinic) -> None:
    """A database that isn't there hinders nothing that Discord can be asked."""
    clinic.discord.commands = [dict(one) for one in commands.payload(REGISTRY)]
    clinic.terminal.variables["DATABASE_URL"] = "sqlite:///other.db"
    found = await clinic.examine()
    assert found["database"]["status"] == "wrong"
    assert found["Discord commands"]["status"] == "ok"


async def test_without_discord_nothing_is_asked(clinic: Clinic) -> None:
    """Without a token doctor says nothing about Discord and calls nobody."""
    clinic.terminal.variables.clear()
    found = await clinic.examine()
    assert not [name for name in found if "Discord" in name or name == "chat"]
    assert clinic.discord.calls == []


def home(roles: Mapping[str, int], *, mine: tuple[str, ...] = (), owner: str = "1") -> permitted.Home:
    """A server with roles, and the bot 900 with some of them."""
    told = [{"id": name, "permissions": str(bits)} for name, bits in roles.items()]
    return permitted.Home({"id": "5", "name": "S", "owner_id": owner, "roles": told}, {"roles": list(mine)}, "900")


def overwrites(*given: tuple[str, int, int]) -> Mapping[str, object]:
    """A channel with overwrites: of whom, what is allowed, what denied."""
    told = [{"id": name, "allow": str(allow), "deny": str(deny)} for name, allow, deny in given]
    return {"type": 0, "permission_overwrites": told}


def test_permissions_are_those_of_discord() -> None:
    """Everyone's role, then the bot's roles, then overwrites for everyone, its roles and itself; owners may all."""
    plain = home({"5": ALL, "6": MEMBER_PERMISSIONS}, mine=())
    assert permitted.lacking(plain, overwrites()) == []
    assert permitted.lacking(plain, overwrites(("5", 0, SEND_MESSAGES))) == ["Send Messages"]
    assert permitted.lacking(plain, overwrites(("6", 0, SEND_MESSAGES))) == []
    assert permitted.lacking(plain, overwrites(("5", 0, SEND_MESSAGES), ("900", SEND_MESSAGES, 0))) == []
    assert permitted.lacking(plain, overwrites(("5", 0, VIEW_CHANNEL | SEND_MESSAGES))) == ["View Channel"]
    member = home({"5": 0, "6": ALL & ~READ_MESSAGE_HISTORY, "8": 0}, mine=("6", "8"))
    assert permitted.lacking(member, overwrites()) == ["Read Message History"]
    roles = overwrites(("6", 0, ATTACH_FILES), ("8", ATTACH_FILES | READ_MESSAGE_HISTORY, 0))
    assert permitted.lacking(member, roles) == []
    closed = overwrites(("5", 0, ALL))
    assert permitted.lacking(home({"5": ADMINISTRATOR}), closed) == []
    assert permitted.lacking(home({"5": 0}, owner="900"), closed) == []


def test_threads_need_a_permission_of_their_own() -> None:
    """In a thread it is Send Messages in Threads that counts; a parent channel doesn't need it."""
    without = home({"5": MEMBER_PERMISSIONS})
    assert permitted.lacking(without, overwrites()) == []
    assert permitted.lacking(without, overwrites(), thread=True) == ["Send Messages in Threads"]
    assert permitted.lacking(home({"5": ALL & ~SEND_MESSAGES}), overwrites(), thread=True) == []
    assert permitted.is_thread({"type": 11})
    assert not permitted.is_thread({"type": 0})


@pytest.mark.parametrize(
    ("until", "silenced"),
    [(None, False), ("2025-01-01T00:00:00+00:00", False), ("2025-01-03T00:00:00+00:00", True), ("soon", False)],
)
def test_time_outs_end(until: str | None, silenced: bool) -> None:
    """A bot that a moderator timed out may post nothing until that ends."""
    now = dt.datetime(2025, 1, 2, tzinfo=dt.UTC)
    member = permitted.Home({}, {"communication_disabled_until": until}, "900")
    assert (member.silenced_until(now) is not None) is silenced


def test_a_card_that_breaks_a_limit_is_named() -> None:
    """A card or form that Discord would refuse is named with the limit, and so is a template that nothing drew."""
    fine = Card("Fine", blocks=(Text((Span("words"),)), Actions((Button("go", "1" * 90, "Go"),))))
    found = checks.cards(Samples([("fine", fine)], {}, ["rare"]))
    assert [(one.name, one.status) for one in found] == [("Discord cards", "ok"), ("Discord cards", "note")]
    broken = Card("Broken", blocks=(Actions((Button("go", "1", "x" * 81),)),))
    (refused,) = checks.cards(Samples([("broken", broken)]))
    assert (refused.name, refused.status) == ("Discord card broken", "wrong")
    assert "at most 80" in refused.detail
