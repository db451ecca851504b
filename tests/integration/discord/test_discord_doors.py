"""Who gets in on Discord: copied and made-up buttons and forms, commands of another version, guessed codes, replays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlmodel import Session

from core import people
from core.chat.handles import handle_of
from core.payouts.tables import Withdrawal
from core.people import Identity
from core.storage import Database
from tests.conftest import count
from tests.desk_world import World
from tests.discord_server import Interaction, Message, Modal
from tests.discord_server.reading import pressable
from tests.discord_server.things import Json
from tests.discord_world import APPROVALS, EARNINGS, GUILD, USERS, DiscordWorld, press_forged, running

LINKED = ("ada", "bo", "Mira", "Ann")
OLDER = "older version"


@pytest.fixture
def world(migrated_database: Database) -> Iterator[World]:
    """Ada has $1,000."""
    world = World(migrated_database).funded()
    yield world
    assert world.sound()
    world.close()


@pytest.fixture
async def discord(world: World) -> AsyncIterator[DiscordWorld]:
    """The service; nobody is linked but Ada, Bo, Mira and Ann, and approvals are told in their channel."""
    async with running(world) as discord:
        discord.link(*LINKED)
        discord.subscribe(APPROVALS, "approvals")
        yield discord
        assert not discord.server.violations, discord.server.violations


async def said(discord: DiscordWorld, made: Interaction) -> str:
    """What was answered, to that person alone."""
    await discord.server.wait_for(lambda: made.answers)
    assert all(answer.ephemeral for answer in made.answers if made.guild_id)
    return made.said.replace("\\", "")


async def type_(discord: DiscordWorld, who: str, command: str, **options: str) -> str:
    """Type a command in a channel; the answer."""
    return await said(discord, await discord.server.slash(GUILD, EARNINGS, USERS[who], command, options))


async def requested(discord: DiscordWorld) -> Message:
    """Ada asked for $60; the card before the approvers."""
    discord.world.withdrawal("ada", "60")
    discord.service.relay.nudge()
    cards = await discord.server.wait_for(lambda: discord.server.messages(APPROVALS))
    return cards[0]


def state_of(discord: DiscordWorld) -> str:
    """What Ada's withdrawal says of itself."""
    with discord.app.database.reading() as session:
        return session.get_one(Withdrawal, 1).state


async def test_copied_and_made_up_buttons_do_nothing(discord: DiscordWorld) -> None:
    """Whatever action and value somebody sends: without the right to it nothing is shown, and nothing moves."""
    card, server = await requested(discord), discord.server
    preview = await server.slash(GUILD, EARNINGS, USERS["ada"], "/withdraw", {"amount": "70"})
    await said(discord, preview)
    confirm = next(
        one["custom_id"] for one in pressable(preview.answers[-1].components) if "withdraw.confirm" in one["custom_id"]
    )
    token = confirm.split("|", 4)[4]
    cases = {
        ("ada", "press|payout.approve|1|1"): "Only approvers",
        ("ada", "form|payout.reject|1|1"): "Only approvers",
        ("bo", "press|payout.batch|1|1"): "Only approvers",
        ("bo", "press|payout.cancel|1|1"): "of yours",
        ("bo", f"press|withdraw.confirm|1|{token}"): "no such preview of yours",
        ("bo", f"form|withdraw.edit|1|{token}"): "no such preview of yours",
        ("bo", "press|open|1|/payouts 1"): "of yours",
        ("bo", "press|open|1|/desk audit"): "Only admins",
        ("bo", "press|open|1|/desk freeze ada because"): "Only admins",
        ("bo", 'press|page|1|/stats "Logo Lab"'): "No project called",
        ("bo", "press|page|1|/stats logo"): "No project called",
        ("bo", "press|csv|1|/desk audit"): "Only admins",
        ("zoe", "press|payout.approve|1|1"): "Not linked yet",
        ("zoe", "form|payout.reject|1|1"): "Not linked yet",
        ("zoe", "press|open|1|/balance"): "Not linked yet",
        ("Mira", "press|payout.approve|1|999"): "WD-999",
        ("Mira", "press|payout.approve|1|1; DROP TABLE withdrawal"): "no number",
        ("Mira", "press|payout.approve|1|" + "1" * 5_000): "no number",
        ("Mira", "press|payout.approve|1|~h1~" + "A" * 32): "knows nothing of",
        ("bo", f"press|payout.approve|1|{handle_of('1')}"): "knows nothing of",
        ("Mira", "press|no.such.thing|1|1"): OLDER,
        ("Mira", "press|__class__|1|1"): OLDER,
        ("Mira", "form|no.such.thing|1|1"): OLDER,
        ("Mira", "press|payout.approve|1|"): "",
        ("Mira", "press|settings.notices|1|slack"): "None of your linked chat accounts",
        ("Mira", "press|settings.digest|1|99"): "",
        ("Mira", "press|payout.approve|1|" + "\u202e1\x00" * 20): "",
    }
    for (who, custom_id), says in cases.items():
        found = await said(discord, await press_forged(server, USERS[who], card, f"ed|{custom_id}"))
        assert says in found, (who, custom_id, found)
        assert "Ref E-" not in found, (custom_id, found)
        assert "$1,000" not in found, (custom_id, found)
    for who, action, value, says in (
        ("ada", "payout.approve", "1", "Only approvers"),
        ("bo", "period", '/stats "Logo Lab"', "No project called"),
        ("bo", "page", "~h1~" + "B" * 32, "knows nothing of"),
    ):
        found = await said(discord, await press_forged(server, USERS[who], card, f"ed|pick|{action}|1", value))
        assert says in found, (action, value, found)
    assert state_of(discord) == "requested"
    assert card.edited == 0  # and no answer took the place of what everyone sees


async def test_what_is_none_of_ours_is_left_alone(discord: DiscordWorld) -> None:
    """Buttons, menus and forms that no version of the desk ever made are not even taken in."""
    card, server = await requested(discord), discord.server
    taken = count(discord.app.database, "chat_received")
    cases: list[tuple[str, ...]] = [
        ("",),
        ("ed",),
        ("ed|press|payout.approve|1",),
        ("ed|press||1|1",),
        ("ed|press|payout.approve|x|1",),
        ("ED|press|payout.approve|1|1",),
        ("ed|press|payout.approve|9999|1",),
        ("press|payout.approve|1|1",),
        (" ed|press|payout.approve|1|1",),
        ("ed|send|payout.approve|1",),
        ("ed|pick|payout.approve|1", "1", "2"),
        ("ed|pick|payout.approve", "1"),
    ]
    nothing = [await press_forged(server, USERS["Mira"], card, *one, wait=False) for one in cases]
    for custom_id in ("", "ed|press|payout.approve|1|1", "ed|send||1", "ed|send|payout.approve", "x|send|a|1"):
        form = await rejecting(discord, card)
        form.content["custom_id"] = custom_id
        nothing.append(await server.submit(USERS["Mira"], {"reason": "because I say so"}, wait=False))
    assert "what you can do here" in await type_(discord, "Mira", "/help")  # and the desk is well
    assert not [one.payload["data"] for one in nothing if one.answered or one.answered_after]
    assert count(discord.app.database, "chat_received") == taken + 5 + 1  # the forms that were asked for, and /help
    assert state_of(discord) == "requested"


async def rejecting(discord: DiscordWorld, card: Message) -> Modal:
    """The form in which Mira rejects."""
    asked = await discord.server.click(USERS["Mira"], "Reject…", within=card)
    assert asked.modal is not None
    return asked.modal


async def test_forms_that_were_changed_do_no_more_than_buttons(discord: DiscordWorld) -> None:
    """Another action, value, person or field in a form that comes back is refused as a button would be."""
    card, server = await requested(discord), discord.server
    reason = {"reason": "because I say so, at length"}
    cases: list[tuple[str, str, dict[str, str], str]] = [
        ("bo", "payout.reject|1", reason, "Only approvers"),
        ("zoe", "payout.reject|1", reason, "Not linked yet"),
        ("Mira", "payout.reject|77", reason, "WD-77"),
        ("Mira", "payout.reject|1", reason | {"amount": "1"}, "no “amount” to give"),
        ("Mira", "payout.reject|1", {}, "must be given"),
        ("Mira", "payout.reject|1", {"reason": "x" * 9_000}, "characters"),
        ("Mira", "payout.nothing|1", reason, OLDER),
        ("Mira", "creator.freeze|ada", reason, "Only admins"),
        ("Mira", "open|/desk freeze ada", reason, "Only admins"),
        ("Mira", "payout.reject|~h1~" + "C" * 32, reason, "knows nothing of"),
        ("bo", "withdraw.edit|token", {"amount": "1"}, "no such preview of yours"),
    ]
    for who, custom_id, fields, says in cases:
        form = await rejecting(discord, card)
        form.user = USERS[who]
        inputs: list[Json] = [
            {"type": 4, "id": n, "custom_id": name, "value": text} for n, (name, text) in enumerate(fields.items())
        ]
        components = [{"type": 18, "id": 50 + n, "component": one} for n, one in enumerate(inputs)]
        made = server.sent(form, {"custom_id": f"ed|send|{custom_id}", "components": components})
        server.modals.clear()
        await server.deliver(made)
        found = await said(discord, made)
        assert says in found, (who, custom_id, found)
        assert "Ref E-" not in found
    assert state_of(discord) == "requested"
    assert card.edited == 0


async def test_commands_of_another_version_are_refused(discord: DiscordWorld) -> None:
    """What this desk does not declare, a command, a subcommand or an option, changes nothing and says so."""
    server = discord.server
    where = server.place(GUILD, EARNINGS, USERS["ada"])
    known = {one["name"]: one for one in server.commands}

    async def send(who: str, name: str, options: list[Json]) -> str:
        made = server.invoked(
            "command", where, USERS[who], {"id": known["help"]["id"], "name": name, "type": 1, "options": options}
        )
        made.payload["member"]["user"]["id"] = USERS[who]
        await server.deliver(made)
        return await said(discord, made)

    def option(name: str, value: object, kind: int = 3) -> Json:
        return {"type": kind, "name": name, "value": value}

    def sub(name: str, *options: Json) -> Json:
        return {"type": 1, "name": name, "options": list(options)}

    assert "no command" in (await send("ada", "earnings", [])).lower()
    assert "no command" in (await send("ada", "earnings", [option("month", "2026-01")])).lower()
    for who, name, given in (
        ("ada", "unlink", [option("everywhere", True, 5)]),
        ("ada", "withdraw", [option("amount", "60"), option("currency", "EUR")]),
        ("ada", "settings", [option("alerts", False, 5), option("volume", 11, 4)]),
        (
            "Ann",
            "desk",
            [sub("freeze", option("creator", "ada"), option("reason", "because of it"), option("silently", "yes"))],
        ),
    ):
        found = await send(who, name, list(given))
        assert "to give" in found or "no command" in found.lower(), (name, found)
        assert "Nothing has moved yet" not in found
        assert "Ref E-" not in found
    found = await send("Ann", "desk", [sub("pay-everybody", option("amount", "1"))])
    assert "desk" in found
    assert "Ref E-" not in found
    # Options of a type that was declared otherwise, and more than a line ever holds.
    for given in (
        [option("amount", 60, 4)],
        [option("amount", "6" * 9_000)],
        [option("amount", {"a": 1})],
        [option("amount", None)],
    ):
        found = await send("ada", "withdraw", given)
        assert "Ref E-" not in found, found
    assert "$1,000.00" in await type_(discord, "ada", "/balance")
    assert "Alerts on" in (await type_(discord, "ada", "/settings")).replace("**", "").replace(":", "")
    assert "frozen" not in (await type_(discord, "ada", "/withdraw", amount="60")).lower()


async def test_other_peoples_projects_stay_unknown(discord: DiscordWorld) -> None:
    """Bo reaches Ada's projects by no name, id or completion, and is not told that they are there."""
    server = discord.server
    for command in ("/stats", "/explain"):
        unknown = await type_(discord, "bo", command, project="Nothing At All")
        for project in ("Logo Lab", "logo", "LOGO LAB"):
            found = await type_(discord, "bo", command, project=project)
            assert found.replace(project, "…") == unknown.replace("Nothing At All", "…"), (command, project)
    for typed in ("", "Lo", "logo", "Prompt"):
        made = await server.autocomplete(GUILD, EARNINGS, USERS["bo"], "/stats", focused="project", typed=typed)
        assert not [one for one in made.choices if one["value"] in ("Logo Lab", "logo", "Prompt Pal", "pal")], typed
        made = await server.autocomplete(GUILD, EARNINGS, USERS["zoe"], "/stats", focused="project", typed=typed)
        assert made.choices == []
    mine = await server.autocomplete(GUILD, EARNINGS, USERS["ada"], "/stats", focused="project", typed="Lo")
    assert [one["value"] for one in mine.choices] == ["Logo Lab"]


async def test_guessing_codes_locks_out(discord: DiscordWorld) -> None:
    """Five wrong codes, wherever they are typed, and no code is taken from that account for an hour; others go on."""
    server = discord.server
    for number in range(5):
        place = (GUILD, EARNINGS) if number % 2 else ("", "")
        made = await server.slash(*place, USERS["zoe"], "/link", {"code": f"AAAAA-AAAA{number + 2}"})
        found = await said(discord, made)
        assert ("That code is wrong" in found) is (number < 4), found
    assert "no code is taken from you until" in found
    made = await server.slash("", "", USERS["zoe"], "/link", {"code": discord.code("Tom")})
    assert "no code is taken from you until" in await said(discord, made)
    made = await server.slash("", "", USERS["Tom"], "/link", {"code": discord.code("Tom")})
    assert "You are **Tom** here now" in await said(discord, made)
    with discord.app.database.reading() as session:
        assert linked(session, "zoe") is False


def linked(session: Session, name: str) -> bool:
    """Whether somebody's account speaks for anybody."""
    return people.actor_of(session, Identity("discord", USERS[name])) is not None


async def test_a_role_that_was_taken_ends_at_once(discord: DiscordWorld) -> None:
    """A card that an approver may see and a form that they opened are worth nothing once they are none any more."""
    card, server = await requested(discord), discord.server
    await rejecting(discord, card)
    with discord.app.database.transaction() as session:
        people.set_roles(session, discord.clock(), people.resolve(session, "Mira").person_id, [])
    assert "Only approvers" in await said(discord, await server.submit(USERS["Mira"], {"reason": "too late for that"}))
    for label in ("Approve", "Ledger"):
        assert "Only approvers" in await said(discord, await server.click(USERS["Mira"], label, within=card))
    assert "Only approvers" in await type_(discord, "Mira", "/desk approvals")
    await type_(discord, "ada", "/unlink")
    assert "Not linked yet" in await said(
        discord, await press_forged(server, USERS["ada"], card, "ed|press|payout.cancel|1|1")
    )
    assert state_of(discord) == "requested"


async def test_a_replay_does_nothing_twice(discord: DiscordWorld) -> None:
    """The same interaction once more, as a resumed session may bring it, is not done and not answered again."""
    server = discord.server
    card = await requested(discord)
    first = await server.slash(GUILD, EARNINGS, USERS["ada"], "/balance")
    second = await server.click(USERS["Mira"], "Approve", within=card)
    for made in (first, second):
        await said(discord, made)
        before = len(server.calls)
        await server.redeliver(made)
        await type_(discord, "ada", "/help")
        assert made.id not in str([call.params for call in server.calls[before:]])
        assert len(made.answers) == 1
    assert count(discord.app.database, "chat_received") == 4
    assert count(discord.app.database, "decision") == 1
