"""What must stay between the desk and one person: figures, codes and files; and what no log may ever hold."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import inspect, text
from structlog.testing import capture_logs

from core.chat.desk import THREADS, Desk
from core.storage import Database
from tests.desk_world import STAFF, World
from tests.discord_server import DiscordServer, Interaction, Message, routes
from tests.discord_server.faults import Kind
from tests.discord_server.typed import Typed
from tests.discord_world import APPROVALS, EARNINGS, GUILD, USERS, DiscordWorld, running

FOREIGN, THERE, GROUP = "900000000000000002", "900000000000000021", "900000000000000031"
SECRETS = ("$1,000", "$387", "Logo Lab")


@pytest.fixture
def world(migrated_database: Database) -> Iterator[World]:
    """Ada has $1,000."""
    world = World(migrated_database).funded()
    yield world
    assert world.sound()
    world.close()


@pytest.fixture
async def discord(world: World) -> AsyncIterator[DiscordWorld]:
    """The service; Ada and Mira are linked, and approvals are told in their channel."""
    async with running(world) as discord:
        discord.link("ada", "Mira", "Olga", "bo")
        discord.subscribe(APPROVALS, "approvals")
        yield discord
        assert not discord.server.violations, discord.server.violations


async def answered(server: DiscordServer, made: Interaction) -> None:
    """Wait until somebody was told something."""
    await server.wait_for(lambda: made.answers)


async def a_busy_day(discord: DiscordWorld) -> str:
    """Linking, figures, files, a request, a decision, a form, refusals; the code that was used."""
    server, code = discord.server, discord.code("ada")
    await server.slash(GUILD, EARNINGS, USERS["ada"], "/link", {"code": code})
    discord.link("Mira", "Olga", "bo")
    discord.subscribe(APPROVALS, "approvals")
    typed: tuple[tuple[str, dict[str, Typed]], ...] = (
        ("/balance", {}),
        ("/stats", {}),
        ("/transactions", {}),
        ("/explain", {"project": "Logo Lab"}),
        ("/payouts", {}),
        ("/link", {"code": "AAAAA-AAAAA"}),
    )
    for command, options in typed:
        made = await server.slash(GUILD, EARNINGS, USERS["ada"], command, options)
        await answered(server, made)
    await server.autocomplete(GUILD, EARNINGS, USERS["ada"], "/stats", focused="project", typed="Lo")
    sent = await server.click(USERS["ada"], "CSV")
    await server.wait_for(lambda: sent.files)
    await server.slash(GUILD, EARNINGS, USERS["ada"], "/withdraw", {"amount": "612.34"})
    await server.click(USERS["ada"], "Request $612.34")
    await server.wait_for(lambda: server.messages(APPROVALS))
    asked = await server.click(USERS["Mira"], "Reject…")
    assert asked.modal is not None
    told = await server.submit(USERS["Mira"], {"reason": "the account is closed"})
    await server.wait_for(lambda: told.answers)
    await server.wait_for(lambda: len(server.direct(USERS["ada"])) > 0)
    refused = await server.slash(GUILD, EARNINGS, USERS["zoe"], "/balance")
    await server.wait_for(lambda: refused.answers)
    server.drop()
    return code


async def test_logs_hold_no_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """At every level, of every library: no token, link code, interaction token or amount; also when it fails."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="discord")
    with capture_logs() as logs:
        async with running(world) as discord:
            code = await a_busy_day(discord)
            server = discord.server
            await server.wait_for(lambda: server.online)
            with discord.app.database.transaction() as session:
                session.execute(text("ALTER TABLE chat_received RENAME TO chat_received_away"))
            unused = discord.code("bo")
            failed = await server.slash("", "", USERS["bo"], "/link", {"code": unused})
            await server.wait_for(lambda: "Ref E" in failed.said)
            with discord.app.database.transaction() as session:
                session.execute(text("ALTER TABLE chat_received_away RENAME TO chat_received"))
            # What Discord refuses or cuts is said without the address, which holds the token.
            kinds: tuple[Kind, ...] = ("500", "cut_before")
            for kind in kinds:
                server.fault(routes.CALLBACK, kind)
                made = await server.slash(GUILD, EARNINGS, USERS["ada"], "/balance")
                await answered(server, made)
    lines = [f"{line.name} {line.getMessage()} {line.exc_text or ''} {line.args}" for line in caplog.records]
    lines += [f"{line!r} {line.get('exc_info')}" for line in logs]
    assert lines
    tokens = {one.token for one in server.interactions}
    secrets = {server.token, code, unused, "$1,000", *tokens}
    assert len(tokens) > 10
    for line in lines:
        assert not [one for one in secrets if one in line], line
    assert any("could not be kept" in str(line) for line in logs)


def seen(discord: DiscordWorld, name: str) -> list[Message]:
    """Everything that stands for this person alone."""
    return [*discord.server.private(USERS[name]), *discord.server.direct(USERS[name])]


def all_done(discord: DiscordWorld) -> bool:
    """Whether nothing that was taken in waits for its answer."""
    with discord.app.database.reading() as session:
        waits = session.execute(text("SELECT count(*) FROM chat_received WHERE done_at IS NULL"))
        return int(waits.scalar_one()) == 0


async def test_what_one_person_may_know_reaches_nobody_else(world: World) -> None:
    """Figures, codes and files go to whoever asked, seen by them alone; a channel has the request and nothing else.
    Once people have their answers, codes and Discord's tickets for answering are kept nowhere."""
    async with running(world) as discord:
        code = await a_busy_day(discord)
        server = discord.server
        assert server.messages(EARNINGS) == []
        [card] = server.messages(APPROVALS)
        told = json.dumps(card.components) + card.content
        assert not [one for one in (*SECRETS, code) if one in told], told
        for name in ("bo", "Tom", "Amos"):
            assert seen(discord, name) == []
        [refused] = seen(discord, "zoe")
        assert "Not linked yet" in refused.plain
        for name in ("Mira", "Olga", "zoe"):
            for one in seen(discord, name):
                assert not [secret for secret in (*SECRETS, code) if secret in one.plain], name
        files = [one for channel in server.everywhere() for one in channel.messages if one.attachments]
        assert files
        assert {one.seen_by for one in files} == {USERS["ada"]}
        direct = server.direct_channel(USERS["ada"]).id
        for call in server.called(routes.SEND):
            assert call.params["channel_id"] in (direct, APPROVALS)
        for made in server.interactions:
            assert all(answer.ephemeral for answer in made.answers), made.payload
        async with asyncio.timeout(5):
            while not all_done(discord):
                await asyncio.sleep(0.01)
        for table in inspect(discord.app.database.engine).get_table_names():
            with discord.app.database.reading() as session:
                rows = str(session.execute(text(f"SELECT * FROM {table}")).all())
            assert not [one for one in (code, *(made.token for made in server.interactions)) if one in rows], table
        assert not server.violations


@contextlib.contextmanager
def busy(desk: Desk) -> Iterator[threading.Event]:
    """Keep every thread of the desk busy, until the event is set or the block ends."""
    free = threading.Event()
    for _ in range(THREADS):
        desk._pool.submit(free.wait)
    try:
        yield free
    finally:
        free.set()


async def test_a_late_answer_is_for_its_person_alone(discord: DiscordWorld) -> None:
    """What takes longer than a second is acknowledged unseen by others; the answer, its files, and an answer to a
    press on a channel's card, come where only that person looks, and the card stays as it is."""
    server, world = discord.server, discord.world
    number = world.withdrawal("ada", "60")
    discord.service.relay.nudge()
    [card] = await server.wait_for(lambda: server.messages(APPROVALS))
    shown = card.plain
    with busy(discord.app.desk) as free:
        made = [
            await server.slash(GUILD, EARNINGS, USERS["ada"], "/stats", wait=False),
            await server.slash("", "", USERS["bo"], "/balance", wait=False),
            await server.click(USERS["Mira"], "Ledger", within=card, wait=False),
            await server.click(USERS["zoe"], "Approve", within=card, wait=False),
        ]
        await server.wait_for(lambda: all(one.deferred for one in made))
        free.set()
        await server.wait_for(lambda: all(one.answers for one in made))
    for one in made:
        direct = one.user == USERS["bo"]
        assert one.callback == {"type": 5, "data": {"flags": 0 if direct else 64}}
        assert all(answer.ephemeral is not direct for answer in one.answers)
    assert "Not linked yet" in made[3].said
    assert "WD-1" in made[2].said
    assert number == 1
    assert card.plain == shown
    assert card.edited == 0
    assert server.messages(EARNINGS) == []
    assert [one.plain for one in server.messages(APPROVALS)] == [shown]


async def test_answers_stay_private_wherever_the_desk_is_used(discord: DiscordWorld) -> None:
    """In a server that the desk was never invited to, in group messages and in its own messages, by people who
    installed it for themselves: only they see what it says, pages and files too, and nothing is ever posted there."""
    server = discord.server
    server.users[USERS["ada"]].installed = True
    server.add_guild(FOREIGN, "Elsewhere", bot_in=False)
    server.add_channel(FOREIGN, THERE, "lounge")
    server.add_member(FOREIGN, USERS["ada"])
    server.add_member(FOREIGN, USERS["bo"])
    server.add_group(GROUP, [USERS["ada"], USERS["bo"], USERS["zoe"]])
    for guild, channel in ((FOREIGN, THERE), ("", GROUP)):
        for command in ("/balance", "/transactions", "/stats"):
            made = await server.slash(guild, channel, USERS["ada"], command)
            await answered(server, made)
            assert all(answer.ephemeral for answer in made.answers)
            assert "$1,000.00" in made.said
        sent = await server.click(USERS["ada"], "CSV")
        await answered(server, sent)
        assert all(answer.ephemeral for answer in sent.answers)
        assert server.messages(channel) == []
        with pytest.raises(AssertionError, match="not installed"):
            await server.slash(guild, channel, USERS["bo"], "/balance")
        with pytest.raises(AssertionError):
            await server.slash(guild, channel, USERS["ada"], "/desk audit")
    made = await server.slash("", "", USERS["ada"], "/balance")
    assert not made.answers[0].ephemeral  # nobody else is there
    assert seen(discord, "bo") == []
    assert seen(discord, "zoe") == []
    elsewhere = {call.params["channel_id"] for call in server.called(routes.SEND)}
    assert not elsewhere & {THERE, GROUP}


async def test_a_channel_of_a_foreign_server_is_never_subscribed(discord: DiscordWorld) -> None:
    """An owner who installed the desk for themselves can't have it post where it was not invited."""
    server = discord.server
    server.users[USERS["Olga"]].installed = True
    server.add_guild(FOREIGN, "Elsewhere", bot_in=False)
    server.add_channel(FOREIGN, THERE, "lounge")
    server.add_member(FOREIGN, USERS["Olga"])
    made = await server.slash(FOREIGN, THERE, USERS["Olga"], "/help")
    await server.wait_for(lambda: made.answers)
    declared, path = next(one for one in server.commands if one["name"] == "desk"), ["digest"]
    data = server.command_data(declared, path, [{"type": 3, "name": "what", "value": "on"}])
    where = server.place(FOREIGN, THERE, USERS["Olga"])
    forged = server.invoked("command", where, USERS["Olga"], data)
    forged.payload["authorizing_integration_owners"] = {"1": USERS["Olga"]}
    await server.deliver(forged)
    await server.wait_for(lambda: forged.answers)
    assert all(answer.ephemeral for answer in forged.answers)
    assert "Type this in the channel that should get it" in forged.said
    with discord.app.database.reading() as session:
        rows = session.execute(text("SELECT channel FROM subscription")).scalars().all()
    assert rows == [APPROVALS]


async def test_staff_is_all_that_sees_the_desk_group(discord: DiscordWorld) -> None:
    """By default /desk is shown to no member; whoever a server lets use it is still asked for the desk's own role."""
    server = discord.server
    for name, user in USERS.items():
        if name not in STAFF:
            with pytest.raises(AssertionError, match="hidden"):
                await server.slash(GUILD, APPROVALS, user, "/desk approvals")
    for name in ("ada", "zoe"):
        server.allow_command(GUILD, "desk", USERS[name])
    discord.world.withdrawal("ada", "60")
    desk = next(one for one in server.commands if one["name"] == "desk")
    assert str(desk["default_member_permissions"]) == "0"
    for sub in desk["options"]:
        given = {one["name"]: _something(one) for one in sub.get("options") or [] if one.get("required")}
        for name, says in (("ada", "Only "), ("zoe", "Not linked yet")):
            made = await server.slash(GUILD, EARNINGS, USERS[name], f"/desk {sub['name']}", given)
            await answered(server, made)
            assert says in made.said, (sub["name"], made.said)
            assert all(answer.ephemeral for answer in made.answers)
            for option in sub.get("options") or []:
                if option.get("autocomplete"):
                    typing = await server.autocomplete(
                        GUILD, EARNINGS, USERS[name], f"/desk {sub['name']}", focused=option["name"]
                    )
                    assert typing.choices == [], (sub["name"], option["name"])


def _something(option: dict[str, object]) -> str | int | bool:
    """What fits an option."""
    if option["type"] == 4:
        return 1
    choices = option.get("choices")
    if isinstance(choices, list) and choices:
        return str(choices[0]["value"])
    return (
        True
        if option["type"] == 5
        else "1"
        if option["type"] in (6, 7)
        else "x" * int(str(option.get("min_length") or 3))
    )
