"""Everything that is much, long or hostile, typed and pressed through Slack: taken by Slack, inert, and whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from core.chat.registry import REGISTRY, Command
from core.storage import Database
from tests import assistants_desk
from tests.desk_world import CONFIG, World, jan
from tests.slack_server import Ephemeral, Interaction, Message, View
from tests.slack_server.reading import elements, label_of, options_of
from tests.slack_world import APPROVALS, EARNINGS, TEAM, USERS, SlackWorld, running
from tests.unit.slack.reading import harmful, harmful_notification

PROJECTS = 300
PLACE, NAME = re.compile(r"P\d{3}(?= )"), re.compile(r"P\d{3}")
UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\x00-\x08]")
HOSTILE = (
    "<!channel> <@U1> <#C1> @everyone @here",
    "<https://evil.example|Your bank>",
    "https://evil.example/login?a=b&c",
    "*bold* _it_ ~gone~ `code` > quote",
    ":rotating_light: :+1: :100:",
    "abc\u202etxt.exe\u2066\u200b",
    "{{ 7*191 }}{% raw %}</cell><b>",
    "=SUM(A1)&lt;!here&gt;",
    "👩‍👩‍👧‍👦" * 12,
    "e\u0301" * 60,
)


def name_of(number: int) -> str:
    """A project's name: each of its own, hostile, every third as long as names may be."""
    name = f"P{number:03} {HOSTILE[number % len(HOSTILE)]}"
    return (name + " " + "long " * 50)[:200] if number % 3 == 0 else name[:200]


@pytest.fixture
def world(migrated_database: Database) -> Iterator[World]:
    """Ada has 300 more projects of such names, all with earnings. Bo's own name is such a one."""
    world = World(migrated_database)
    world.now = jan(12, 12)
    for number in range(PROJECTS):
        world.project(f"p{number:03}", name_of(number), "ada")
    rows = [
        (f"p{number:03}", jan(12, 11), str(200 * (number + 1)), "0", "u1", "generate") for number in range(PROJECTS)
    ]
    world.creator("bo", (HOSTILE[0] + " " + HOSTILE[1] * 9)[:200])
    world.project("song", HOSTILE[2], "bo")
    world.events([*rows, ("song", jan(12, 11), "2000000", "0", "u1", "generate")])
    world.settle(jan(13))
    yield world
    assert world.sound()
    world.close()


@pytest.fixture
async def slack(world: World) -> AsyncIterator[SlackWorld]:
    """The service over its socket, everybody linked."""
    async with running(world, "socket") as slack:
        slack.link("ada", "bo", "Mira", "Ann", "Olga")
        yield slack
        assert not slack.server.violations, slack.server.violations


def inert(slack: SlackWorld) -> None:
    """Whatever stands anywhere in the workspace does no more than be read."""
    home = slack.server.workspaces[TEAM]
    for channel in home.channels.values():
        standing: list[Message | Ephemeral] = [*channel.messages, *channel.ephemerals]
        for one in standing:
            assert not harmful({"blocks": one.blocks}), one.plain
            assert not harmful_notification(one.text), one.text
            assert not UNSEEN.search(one.plain + one.text)
            assert "1337" not in one.plain
            assert "~h1~" not in one.plain
            assert "WD-WD" not in one.plain
            assert "Ref E-" not in one.plain
    for view in slack.server.views.values():
        content = {name: part for name, part in view.content.items() if name != "private_metadata"}
        assert not harmful(content), harmful(content)
        assert not UNSEEN.search(view.plain)
    for file in slack.server.files.values():
        for words in (file.name, file.title, file.alt_txt):
            assert not harmful_notification(words), words
            assert not UNSEEN.search(words)


def edited(shown: Ephemeral, before: int) -> bool:
    """Whether a message was changed since."""
    return shown.edited > before


def uploaded(slack: SlackWorld) -> list[bytes]:
    """The files that came, pictures left out."""
    return [one.content for one in slack.server.files.values() if one.complete and not one.image]


async def paged(slack: SlackWorld, line: str, more: str) -> list[str]:
    """What Ada reads on every page of a list, from its first to its last."""
    await slack.type("ada", line, EARNINGS)
    pages = []
    while True:
        shown = slack.server.ephemerals(USERS["ada"], EARNINGS)[-1]
        pages.append(shown.plain)
        assert len(pages) <= PROJECTS
        if more not in [label_of(*one) for one in elements(shown.blocks)]:
            return pages
        await slack.server.click(TEAM, USERS["ada"], more, within=shown)
        await slack.server.wait_for(partial(edited, shown, shown.edited))


async def test_all_of_300_projects_are_reached(slack: SlackWorld) -> None:
    """Each page stands in the place of the last one, and together they have every project, as the files do."""
    everything = {f"P{number:03}" for number in range(PROJECTS)}
    for line, more in (("/stats", "More projects"), ("/transactions", "Older")):
        pages = await paged(slack, line, more)
        found = [name for page in pages for name in PLACE.findall(page)]
        assert set(found) == everything, (line, len(found), sorted(everything - set(found))[:5])
        slack.server.files.clear()
        await slack.server.click(TEAM, USERS["ada"], "CSV")
        await slack.server.wait_for(partial(uploaded, slack))
        data = uploaded(slack)[0].decode()
        assert everything <= set(NAME.findall(data)), line
    for number in (0, 7, 151, 299):
        made = await slack.type("ada", f"/explain p{number:03}", EARNINGS)
        assert f"P{number:03}" in made.said
    inert(slack)


async def act(slack: SlackWorld, who: str, made: Interaction, seen: set[tuple[str, str]], depth: int) -> None:
    """Wait for an answer, then press, choose and fill in whatever it offers that nobody tried yet."""
    server, user = slack.server, USERS[who]
    await server.wait_for(lambda: made.answers or made.modal)
    if made.modal is not None and made.modal.open:
        await fill(slack, who, made.modal)
        return
    if not made.answers or not depth:
        return
    shown = newest(slack, who)
    for block, element in list(elements(shown.blocks)):
        options = options_of(element)
        for value in [one["value"] for one in options[:2] + options[-1:]] or [element.get("value", "")]:
            if (element["action_id"].split("|")[1], value) in seen or shown.gone:
                continue
            seen.add((element["action_id"].split("|")[1], value))
            action = {"action_id": element["action_id"], "block_id": block["block_id"], "type": element["type"]}
            chosen = next((one for one in options if one["value"] == value), None)
            action |= {"selected_option": chosen} if chosen else {"value": value, "text": element["text"]}
            pressed = await server.deliver(server.pressed(TEAM, user, shown, action))
            await act(slack, who, pressed, seen, depth - 1)


def newest(slack: SlackWorld, who: str) -> Ephemeral:
    """What changed last of what this person alone sees."""
    return max(slack.server.ephemerals(USERS[who]), key=lambda one: one.seq)


async def fill(slack: SlackWorld, who: str, form: View) -> None:
    """Answer a form with the longest and worst that its fields take, or with its first option."""
    values = {}
    for block, element in elements(form.blocks):
        options = options_of(element)
        most = int(element.get("max_length", 3_000))
        bad = "12" if element["type"] == "number_input" else (" ".join(HOSTILE) + " y" * 3_000)[:most]
        values[block["block_id"]] = options[0]["value"] if options else bad
    told = len(slack.server.ephemerals(USERS[who])) + len(slack.server.direct(USERS[who]))
    changes = sum(one.edited for one in slack.server.ephemerals(USERS[who]))

    def answered() -> bool:
        now = len(slack.server.ephemerals(USERS[who])) + len(slack.server.direct(USERS[who]))
        return (now, sum(one.edited for one in slack.server.ephemerals(USERS[who]))) != (told, changes)

    await slack.server.submit(TEAM, USERS[who], values, view=form)
    await slack.server.wait_for(answered)


def actors(command: Command) -> tuple[str, ...]:
    """Who types it: whoever may, and of those who run the desk also the owner, who may do everything."""
    if not command.roles:
        return ("ada",)
    return ("Mira", "Olga") if "approver" in command.roles else ("Ann", "Olga")


async def test_every_command_and_what_it_offers(slack: SlackWorld) -> None:
    """Each command of a creator and of the desk, every button, menu and form of its answers: Slack takes them all."""
    for number in range(9):  # more than a page of the queue holds
        slack.world.withdrawal("bo", str(50 + 100 * number))
    slack.world.withdrawal("ada", "60")
    seen: dict[str, set[tuple[str, str]]] = {name: set() for name in USERS}
    long = "z" * 3_900
    there = REGISTRY.of(CONFIG).commands
    for command in sorted(there.values(), key=lambda one: not one.roles):  # the desk first: ada cancels
        if command.name in ("link", "unlink"):
            continue
        example = command.example.replace("WD-12", "WD-9").replace(" ada ", " bo ")
        for who in actors(command):
            for line in (f"/{command.name}", example, f"{example} {long}", f"/{command.name} {HOSTILE[0]}"):
                made = await slack.server.slash(TEAM, EARNINGS, USERS[who], line)
                await act(slack, who, made, seen[who], 2)
        assert not slack.server.violations, (command.name, slack.server.violations)
    slack.subscribe(APPROVALS, "approvals")
    number = slack.world.withdrawal("bo", "77")
    slack.service.relay.nudge()
    await slack.server.wait_for(lambda: any(f"WD-{number} " in one.plain for one in slack.server.messages(APPROVALS)))
    for who, label in (("Mira", "Ledger"), ("Ann", "Freeze…"), ("Mira", "Reject…")):
        card = slack.server.messages(APPROVALS)[-1]
        await act(slack, who, await slack.server.click(TEAM, USERS[who], label, within=card), seen[who], 2)
    for name in ("ada", "bo", "Mira", "Olga"):
        await slack.server.open_home(TEAM, USERS[name])
        await slack.server.wait_for(partial(slack.standing_home, name))
    assert sum(map(len, seen.values())) > 100
    pressed = {action for tried in seen.values() for action, _ in tried}
    assert pressed >= {
        "payout.approve",
        "payout.reject",
        "payout.ledger",
        "payout.cancel",
        "page",
        "period",
        "csv",
        "open",
    }
    inert(slack)


@pytest.fixture
async def assisted(migrated_database: Database) -> AsyncIterator[SlackWorld]:
    """A desk of assistants full of such words, the morning that January is paid out."""
    world = assistants_desk.World(migrated_database, now=jan(1))
    async with running(assistants_desk.hostile(world, [name_of(number) for number in range(10)]), "socket") as slack:
        slack.link("ada", "Mira")
        yield slack
        assert not slack.server.violations, slack.server.violations
    assert world.sound()
    world.close()


async def test_a_desk_of_assistants(assisted: SlackWorld) -> None:
    """What only creators of assistants ask, and a month's payout with its list and its forms, are taken as well."""
    seen: dict[str, set[tuple[str, str]]] = {name: set() for name in USERS}
    for line in ("/analytics h0", "/analytics", "/stats h0", "/explain h0 28 Jan", "/referrals", "/review monthly"):
        made = await assisted.server.slash(TEAM, EARNINGS, USERS["ada"], line)
        await act(assisted, "ada", made, seen["ada"], 2)
    for line in (
        "/balance",
        "/transactions",
        "/review weekly",
        f"/analytics {HOSTILE[0]}",
        "/analytics " + "z" * 3_900,
    ):
        await assisted.type("ada", line, EARNINGS)
    made = await assisted.server.slash(TEAM, EARNINGS, USERS["Mira"], "/desk batch")
    await act(assisted, "Mira", made, seen["Mira"], 3)
    assert {action for action, _ in seen["ada"]} >= {"page", "period", "csv", "open"}
    assert {action for action, _ in seen["Mira"]} >= {"batch.list", "batch.approve", "payout.approve", "payout.reject"}
    inert(assisted)
