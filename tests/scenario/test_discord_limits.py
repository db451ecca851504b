"""Everything that is much, long or hostile, typed and pressed through Discord: taken by Discord, inert, and whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping

import pytest

from core.chat import arguments
from core.chat.registry import REGISTRY, Command
from core.storage import Database
from tests import assistants_desk
from tests.desk_world import CONFIG, World, jan
from tests.discord_server import Interaction, Message, Modal
from tests.discord_server.reading import MENUS, fields, label_of, pressable
from tests.discord_server.things import Json
from tests.discord_server.typed import Typed
from tests.discord_world import APPROVALS, EARNINGS, GUILD, USERS, DiscordWorld, running
from tests.unit.discord.reading import harmful, read, words

PROJECTS = 300
LONG_IDS = (11, 151, 288)  # projects whose ids are twice as long as an option's value
PLACE, NAME = re.compile(r"P\d{3}(?= )"), re.compile(r"P\d{3}")
UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08]")
EVERYTHING = {f"P{number:03}" for number in range(PROJECTS)}
HOSTILE = (
    f"@everyone @here <@{USERS['Mira']}> <@!{USERS['Mira']}> <@&{GUILD}> <#{EARNINGS}>",
    "<t:1700000000:R> </withdraw:1234> <:boom:1234> <a:boom:1234> <id:customize>",
    "[Your bank](https://evil.example) <https://evil.example|x> discord.gg/evil",
    "https://evil.example/login?a=b&c www.evil.example discord.com/invite/evil",
    "**bold** __under__ ~~gone~~ ||spoiler|| `code` ```block``` > quote",
    "# big -# small - list 1. list >>> quote :rotating_light: :+1:",
    "abc\u202etxt.exe\u2066\u200b \\*\\_ \\@everyone",
    "{{ 7*191 }}{% raw %}</cell><b>=SUM(A1)&lt;@everyone&gt;",
    "👩‍👩‍👧‍👦" * 12,
    "e\u0301" * 60,
)


def name_of(number: int) -> str:
    """A project's name: each of its own, hostile, every third as long as names may be."""
    name = f"P{number:03} {HOSTILE[number % len(HOSTILE)]}"
    return (name + " " + "long " * 50)[:200] if number % 3 == 0 else name[:200]


def id_of(number: int) -> str:
    return f"p{number:03}" + ("-" + "i" * 195 if number in LONG_IDS else "")


@pytest.fixture
def world(migrated_database: Database) -> Iterator[World]:
    """Ada has 300 more projects of such names, all with earnings. Bo's own name is such a one."""
    world = World(migrated_database)
    world.now = jan(12, 12)
    for number in range(PROJECTS):
        world.project(id_of(number), name_of(number), "ada")
    rows = [(id_of(number), jan(12, 11), str(200 * (number + 1)), "0", "u1", "generate") for number in range(PROJECTS)]
    world.creator("bo", (HOSTILE[0] + " " + HOSTILE[2] * 9)[:200])
    world.project("song", HOSTILE[1], "bo")
    world.events([*rows, ("song", jan(12, 11), "2000000", "0", "u1", "generate")])
    world.settle(jan(13))
    yield world
    assert world.sound()
    world.close()


@pytest.fixture
async def discord(world: World) -> AsyncIterator[DiscordWorld]:
    """The service, everybody linked; what was sent is judged in the end."""
    async with running(world) as discord:
        discord.server.check_bodies = False
        discord.link("ada", "bo", "Mira", "Ann", "Olga")
        yield discord
        assert not discord.server.judge(), discord.server.violations


def inert(discord: DiscordWorld) -> None:
    """Whatever stands anywhere does no more than be read, and no body that was sent lets anybody be pinged."""
    server = discord.server
    for message in (one for channel in server.everywhere() for one in channel.messages):
        assert not harmful({"components": message.components}), harmful({"components": message.components})
        assert not message.content
        shown = as_read(message.plain)
        for unwanted in ("1337", "WD-WD", "Ref E-", "~h1~"):
            assert unwanted not in shown, shown
        assert not UNSEEN.search(message.plain)
        assert message.allowed_mentions == {"parse": []}
        for file in message.attachments:
            assert not UNSEEN.search(file.filename + file.description)
    sent = 0
    for call in server.calls:
        body = call.body if isinstance(call.body, dict) else {}
        told: Json = body.get("data") or body if "type" in body else body
        if "components" in told and "title" not in told:
            sent += 1
            assert told["allowed_mentions"] == {"parse": []}, call.route
            assert "content" not in told
            assert "embeds" not in told
    assert sent > 10


def as_read(shown: str) -> str:
    """What Discord shows for its markdown."""
    return words(read(shown))


async def answered(discord: DiscordWorld, made: Interaction) -> str:
    """What somebody reads as an answer."""
    await discord.server.wait_for(lambda: made.answers)
    return as_read(made.answers[-1].plain)


async def paged(discord: DiscordWorld, command: str, more: str) -> list[str]:
    """What Ada reads on every page of a list, from its first to its last."""
    server = discord.server
    made = await server.slash(GUILD, EARNINGS, USERS["ada"], command)
    pages = [await answered(discord, made)]
    shown = made.answers[-1].message
    while more in [label_of(one) for one in pressable(shown.components)]:
        pages.append(await answered(discord, await server.click(USERS["ada"], more, within=shown)))
        assert len(pages) <= PROJECTS
    return pages


async def test_all_of_300_projects_are_reached(discord: DiscordWorld) -> None:
    """Each page stands in the place of the last one, and together they have every project, as the files do."""
    server = discord.server
    for command, more in (("/stats", "More projects"), ("/transactions", "Older")):
        pages = await paged(discord, command, more)
        found = [name for page in pages for name in PLACE.findall(page)]
        assert set(found) == EVERYTHING, (command, len(found), sorted(EVERYTHING - set(found))[:5])
        sent = await server.click(USERS["ada"], "CSV")
        await answered(discord, sent)
        [data] = [one for name, one in sent.files.items() if name.endswith(".csv")]
        assert set(NAME.findall(data.decode())) >= EVERYTHING, command
    assert len(server.private(USERS["ada"])) == 4  # two lists, two files
    inert(discord)


async def test_all_of_300_projects_are_offered(discord: DiscordWorld) -> None:
    """Typing leads to every project, whatever it is called; what is chosen there is found."""
    server = discord.server
    offered: dict[str, Typed] = {}
    for tens in range(PROJECTS // 10):
        typed = f"P{tens:02}"
        made = await server.autocomplete(GUILD, EARNINGS, USERS["ada"], "/explain", focused="project", typed=typed)
        for one in made.choices:
            assert not UNSEEN.search(one["name"])
            offered[one["name"][:4]] = one["value"]
    assert set(offered) == EVERYTHING
    for number in (*range(10), *LONG_IDS, 299):
        name = f"P{number:03}"
        made = await server.slash(GUILD, EARNINGS, USERS["ada"], "/explain", {"project": offered[name]})
        assert name in await answered(discord, made), number
    inert(discord)


def given(command: Command, declared: Json, way: str) -> dict[str, Typed] | None:
    """What is typed into a command's options. way: "least" (only what is needed), "example", "hostile" or "long"."""
    line = command.example.replace("WD-12", "WD-9").replace(" ada ", " bo ")
    found, rest = arguments.find(REGISTRY, line)
    example: Mapping[str, str] = arguments.read(found, rest, jan(13, 10)).typed if found is command else {}
    made: dict[str, Typed] = {}
    for option in declared.get("options") or []:
        if way == "least" and not option.get("required"):
            continue
        value = _typed(option, example.get(option["name"], ""), way)
        if value is not None:
            made[option["name"]] = value
    return made


def _typed(option: Json, example: str, way: str) -> Typed | None:
    if option["type"] == 4:
        return int(example) if example.isdigit() else max(1, int(option.get("min_value") or 1))
    if option["type"] == 5:
        return way != "long"
    if option["type"] in (6, 7):
        return USERS["bo"] if option["type"] == 6 else EARNINGS
    if option.get("choices"):
        return str(option["choices"][0]["value"])
    if way in ("least", "example"):
        return example or ("x" * int(option.get("min_length") or 1) if option.get("required") else None)
    most = min(int(option.get("max_length") or 6_000), 6_000)
    return (" ".join(HOSTILE) + " y" * 3_000 if way == "hostile" else "z" * 6_000)[:most]


def declared_as(discord: DiscordWorld, command: Command) -> Json:
    """How Discord was told of a command."""
    found: Json = {"options": discord.server.commands}
    for name in command.name.split():
        found = next(one for one in found["options"] if one["name"] == name)
    return found


async def act(discord: DiscordWorld, who: str, made: Interaction, seen: set[tuple[str, str]], depth: int) -> None:
    """Wait for an answer, then press, choose and fill in whatever it offers that nobody tried yet."""
    server = discord.server
    await server.wait_for(lambda: made.answered)
    if made.modal is not None:
        await act(discord, who, await fill(discord, who, made.modal), seen, depth)
        return
    if not depth:
        return
    shown = made.answers[-1].message
    for control in list(pressable(shown.components)):
        values = [one["value"] for one in control.get("options", [])]
        for value in [*values[:2], *values[-1:]] or [""]:
            what = control["custom_id"].split("|", 4)
            key = what[2], value or what[-1]
            if key in seen or not standing(shown, control["custom_id"]):
                continue
            seen.add(key)
            data: Json = {"component_type": control["type"], "custom_id": control["custom_id"], "id": control["id"]}
            data |= {"values": [value]} if control["type"] in MENUS else {}
            pressed = await server.deliver(server.pressed(USERS[who], shown, data))
            await act(discord, who, pressed, seen, depth - 1)


def standing(shown: Message, custom_id: str) -> bool:
    """Whether a control is still there to be pressed."""
    return custom_id in [one["custom_id"] for one in pressable(shown.components)]


async def fill(discord: DiscordWorld, who: str, form: Modal) -> Interaction:
    """Answer a form with the longest and worst that its fields take, or with its first option."""
    assert not harmful({"components": form.components})
    assert not UNSEEN.search(form.plain)
    values = {}
    for _, field in fields(form.components):
        options = field.get("options")
        bad = (" ".join(HOSTILE) + " y" * 3_000)[: int(field.get("max_length") or 4_000)]
        values[field["custom_id"]] = options[0]["value"] if options else bad
    return await discord.server.submit(USERS[who], values)


def actors(command: Command) -> tuple[str, ...]:
    """Who types it: whoever may, and of those who run the desk also the owner, who may do everything."""
    if not command.roles:
        return ("ada",)
    return ("Mira", "Olga") if "approver" in command.roles else ("Ann", "Olga")


async def test_every_command_and_what_it_offers(discord: DiscordWorld) -> None:
    """Each command of a creator and of the desk, every button, menu and form of its answers: Discord takes them all."""
    server, world = discord.server, discord.world
    for number in range(9):  # more than a page of the queue holds
        world.withdrawal("bo", str(50 + 100 * number))
    world.withdrawal("ada", "60")
    seen: dict[str, set[tuple[str, str]]] = {name: set() for name in USERS}
    typed = 0
    there = REGISTRY.of(CONFIG).commands
    for command in sorted(there.values(), key=lambda one: not one.roles):  # the desk first: ada cancels
        if command.name in ("link", "unlink"):
            continue
        declared = declared_as(discord, command)
        for who in actors(command):
            for way in ("least", "example", "hostile", "long"):
                options = given(command, declared, way)
                made = await server.slash(GUILD, EARNINGS, USERS[who], f"/{command.name}", options)
                await act(discord, who, made, seen[who], 2)
                typed += 1
            for option in declared.get("options") or []:
                for text in ("", HOSTILE[0], "z" * 90) if option.get("autocomplete") else ():
                    await server.autocomplete(
                        GUILD, EARNINGS, USERS[who], f"/{command.name}", focused=option["name"], typed=text
                    )
    assert typed > 100
    discord.subscribe(APPROVALS, "approvals")
    number = world.withdrawal("bo", "77")
    discord.service.relay.nudge()
    await server.wait_for(lambda: any(f"WD-{number} " in one.plain for one in server.messages(APPROVALS)))
    for who, label in (("Mira", "Ledger"), ("Ann", "Freeze…"), ("Mira", "Reject…")):
        card = server.messages(APPROVALS)[-1]
        await act(discord, who, await server.click(USERS[who], label, within=card), seen[who], 2)
    assert sum(map(len, seen.values())) > 100
    pressed = {action for tried in seen.values() for action, _ in tried}
    wanted = {"payout.approve", "payout.reject", "payout.ledger", "payout.cancel", "page", "period", "csv", "open"}
    assert pressed >= wanted, wanted - pressed
    inert(discord)


@pytest.fixture
async def assisted(migrated_database: Database) -> AsyncIterator[DiscordWorld]:
    """A desk of assistants full of such words, the morning that January is paid out."""
    world = assistants_desk.World(migrated_database, now=jan(1))
    async with running(assistants_desk.hostile(world, [name_of(number) for number in range(10)])) as discord:
        discord.server.check_bodies = False
        discord.link("ada", "Mira")
        yield discord
        assert not discord.server.judge(), discord.server.violations
    assert world.sound()
    world.close()


async def test_a_desk_of_assistants(assisted: DiscordWorld) -> None:
    """What only creators of assistants ask, and a month's payout with its list and its forms, are taken as well."""
    server = assisted.server
    seen: dict[str, set[tuple[str, str]]] = {name: set() for name in USERS}
    asked: list[tuple[str, dict[str, Typed]]] = [
        ("/analytics", {"project": "h0"}),
        ("/stats", {"project": "h0"}),
        ("/explain", {"project": "h0"}),
        ("/referrals", {}),
        ("/review", {}),
    ]
    for command, options in asked:
        made = await server.slash(GUILD, EARNINGS, USERS["ada"], command, options)
        await act(assisted, "ada", made, seen["ada"], 2)
    made = await server.slash(GUILD, EARNINGS, USERS["Mira"], "/desk batch", {})
    await act(assisted, "Mira", made, seen["Mira"], 3)
    assert {action for action, _ in seen["ada"]} >= {"page", "period", "csv", "open"}
    assert {action for action, _ in seen["Mira"]} >= {"batch.list", "batch.approve", "payout.approve", "payout.reject"}
    inert(assisted)
