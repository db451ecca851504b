"""People of other workspaces, people who left, a desk that was removed, and buttons that were copied or made up."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from sqlmodel import select

from adapters.slack.api import SlackApi, SlackRefused
from adapters.slack.blocks import Drawn
from adapters.slack.delivery import Delivery
from adapters.slack.port import SlackPort
from adapters.slack.workspaces import OneWorkspace
from core import people
from core.chat.handles import handle_of
from core.chat.tables import Subscription
from core.chat.text import as_text
from core.payouts.tables import Withdrawal
from core.people import Identity
from core.storage import Database
from tests.desk_world import World
from tests.slack_server import Interaction, Message, SlackServer, View
from tests.slack_world import APPROVALS, EARNINGS, TEAM, USERS, SlackWorld, running, settle

Json = dict[str, Any]
OTHER = "T2"
UNLINKED = "Not linked yet"


@pytest.fixture
def world(migrated_database: Database) -> Iterator[World]:
    """Ada has $1,000."""
    world = World(migrated_database).funded()
    yield world
    assert world.sound()
    world.close()


@pytest.fixture
async def slack(world: World) -> AsyncIterator[SlackWorld]:
    """The service over its socket; Ada, Bo, Mira, Ann and Olga are linked, and a channel hears of approvals."""
    async with running(world, "socket") as slack:
        slack.link("ada", "bo", "Mira", "Ann", "Olga")
        slack.subscribe(APPROVALS, "approvals")
        yield slack
        assert not slack.server.violations


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what only the database tells."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def answered(slack: SlackWorld, made: Interaction) -> str:
    """Deliver what somebody may not have done by a client of Slack's; the desk's answer."""
    await slack.server.deliver(made)
    assert made.acked_after is not None
    return await slack.server.wait_for(lambda: made.said or (made.modal and made.modal.plain) or "")


def pressing(slack: SlackWorld, who: str, action_id: str, value: str, surface: Message) -> Interaction:
    """Somebody presses a button that stands nowhere, with any action and value."""
    action: Json = {"type": "button", "action_id": action_id, "block_id": "b1", "value": value}
    action["text"] = {"type": "plain_text", "text": "A button"}
    return slack.server.pressed(TEAM, USERS[who], surface, action)


def of_other_team(made: Interaction) -> Interaction:
    """The same, by the person of that id in another workspace, through a channel that both share."""
    made.payload["user"] = {**made.payload["user"], "team_id": OTHER}
    return made


def filled_in(slack: SlackWorld, who: str, view: View, fields: dict[str, str]) -> Interaction:
    """Somebody sends a form with these answers, whether it asks for them or not."""
    view.picked = {f"field|{name}": {"x": {"type": "plain_text_input", "value": text}} for name, text in fields.items()}
    return slack.server.submitted(TEAM, USERS[who], view)


async def rejecting(slack: SlackWorld, card: Message) -> View:
    """The form that asks Mira why she rejects."""
    asked = await slack.server.click(TEAM, USERS["Mira"], "Reject…", within=card)
    await slack.server.wait_for(lambda: asked.modal)
    assert asked.modal is not None
    return asked.modal


@contextlib.asynccontextmanager
async def listener(heard: list[bytes], moved_to: str = "") -> AsyncIterator[str]:
    """Somebody's own address that notes what it is sent; moved_to: where it sends everybody on to."""

    async def hear(request: web.Request) -> web.Response:
        heard.append(await request.read())
        return web.Response(status=307, headers={"Location": moved_to}) if moved_to else web.Response(text="ok")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", hear)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def requested(slack: SlackWorld, amount: str = "60") -> Message:
    """Ada asks for money; the card before the approvers."""
    before = len(slack.server.messages(APPROVALS))
    await slack.type("ada", f"/withdraw {amount}", EARNINGS)
    await slack.server.click(TEAM, USERS["ada"], f"Request ${amount}.00")
    await slack.server.wait_for(lambda: len(slack.server.messages(APPROVALS)) > before)
    return slack.server.messages(APPROVALS)[-1]


def state_of(slack: SlackWorld, number: int = 1) -> str:
    """What Ada's withdrawal says of itself."""
    with slack.app.database.reading() as session:
        found = session.get(Withdrawal, number)
        assert found is not None
        return found.state


async def test_people_of_another_workspace_are_nobody(slack: SlackWorld) -> None:
    """Someone of another workspace with Mira's or Ada's id gets nothing by command, button, form or home view."""
    card = await requested(slack)
    for action, value in (("payout.approve", "1"), ("payout.ledger", "1"), ("open", "/balance")):
        said = await answered(slack, of_other_team(pressing(slack, "Mira", f"press|{action}|1", value, card)))
        assert UNLINKED in said, action
    asked = of_other_team(pressing(slack, "Mira", "form|payout.reject|1", "1", card))
    assert UNLINKED in await answered(slack, asked)
    assert asked.modal is None

    form = await slack.server.click(TEAM, USERS["Mira"], "Reject…", within=card)
    await slack.server.wait_for(lambda: form.modal)
    assert form.modal is not None
    state = {"field|reason": {"reason": {"type": "plain_text_input", "value": "it is mine now"}}}
    form.modal.picked = state
    foreign = of_other_team(slack.server.submitted(TEAM, USERS["Mira"], form.modal))
    await slack.server.deliver(foreign)
    await slack.server.wait_for(lambda: UNLINKED in form.said)

    command = slack.server.command(TEAM, slack.server.channel(EARNINGS), USERS["ada"], "/balance", "")
    command.payload["team_id"] = OTHER
    assert UNLINKED in await answered(slack, command)

    await slack.server.open_home(TEAM, USERS["ada"])
    await slack.server.wait_for(lambda: "$940.00" in slack.standing_home("ada"))
    stands = slack.server.home(USERS["ada"])
    assert stands is not None
    drawn = stands.seq
    await slack.server.event(TEAM, {"type": "app_home_opened", "user": USERS["ada"], "tab": "home"}, wait=False)
    slack.server.interactions[-1].payload["team_id"] = OTHER
    await slack.type("ada", "/help", EARNINGS)
    assert stands.seq == drawn
    assert state_of(slack) == "requested"


async def test_a_guest_of_a_shared_channel_is_answered_there_or_at_home(slack: SlackWorld) -> None:
    """Bo's account of another workspace has the id that Mira has here: nothing of Bo's is sent to Mira."""
    with slack.app.database.transaction() as session:
        code, _ = people.create_link_code(session, slack.clock(), people.resolve(session, "bo").person_id)
        assert people.link(session, slack.clock(), Identity("slack", USERS["Mira"], OTHER), code).ok
    card = await requested(slack)
    asked = await answered(slack, of_other_team(pressing(slack, "Mira", "press|open|1", "/balance", card)))
    assert "Account Balance $0.00" in asked
    assert "Only approvers" in await answered(
        slack, of_other_team(pressing(slack, "Mira", "press|payout.approve|1", "1", card))
    )
    said = await answered(slack, of_other_team(pressing(slack, "Mira", "press|csv|1", "/transactions", card)))
    assert "could not be sent" in said
    late = of_other_team(pressing(slack, "Mira", "press|open|1", "/balance", card))
    late.payload["response_url"] = ""
    before = len(slack.server.ephemerals(USERS["Mira"]))
    await slack.server.deliver(late)
    await slack.type("Mira", "/help", EARNINGS)
    assert len(slack.server.ephemerals(USERS["Mira"])) == before + 1
    assert not slack.server.files
    assert not slack.server.direct(USERS["Mira"])


async def test_a_deactivated_account_speaks_for_nobody(slack: SlackWorld) -> None:
    """Whoever was deactivated is nobody from then on, also once reactivated; their money and requests stay."""
    card = await requested(slack)
    await slack.server.deactivate(TEAM, USERS["Mira"])
    await until(lambda: not linked(slack, "Mira"))
    assert UNLINKED in await answered(slack, pressing(slack, "Mira", "press|payout.approve|1", "1", card))
    await slack.server.reactivate(TEAM, USERS["Mira"])
    assert UNLINKED in await answered(slack, pressing(slack, "Mira", "press|payout.approve|1", "1", card))
    await slack.server.deactivate(TEAM, USERS["ada"])
    await until(lambda: not linked(slack, "ada"))
    await slack.server.reactivate(TEAM, USERS["ada"])
    assert UNLINKED in (await slack.type("ada", "/balance")).said
    await slack.server.open_home(TEAM, USERS["ada"])
    await slack.server.wait_for(lambda: "/link" in slack.standing_home("ada"))
    assert state_of(slack) == "requested"
    elsewhere = slack.server.add_user(TEAM, "U99", "visitor")
    elsewhere.team_id = OTHER  # a member of another workspace who has Bo's id there
    gone = {"type": "user_change", "user": {**elsewhere.as_json(), "id": USERS["bo"], "deleted": True}}
    await slack.server.event(TEAM, gone)
    assert UNLINKED not in (await slack.type("bo", "/balance")).said


async def test_a_missed_departure_is_found_at_the_start(world: World) -> None:
    """Accounts that were deactivated while the desk was down are void once it has started."""
    server = await SlackServer.start()
    try:
        settle(server)
        async with running(world, "socket", server=server) as slack:
            slack.link("ada", "Mira")
        server.workspaces[TEAM].users[USERS["ada"]].deleted = True
        async with running(world, "socket", server=server) as slack:
            await until(lambda: not linked(slack, "ada"))
            assert linked(slack, "Mira")
            server.workspaces[TEAM].users[USERS["ada"]].deleted = False
            assert UNLINKED in (await slack.type("ada", "/balance")).said
    finally:
        await server.close()


@pytest.mark.parametrize("way", ["uninstall", "revoke_tokens"])
async def test_the_desk_is_removed_from_a_workspace(slack: SlackWorld, way: str) -> None:
    """Its channels hear nothing more, and the owner reads why: elsewhere at once, or at their next command."""
    subscribed = [one.paused for one in subscriptions_of(slack)]
    assert subscribed == [""]
    await (slack.server.uninstall(TEAM) if way == "uninstall" else slack.server.revoke_tokens(TEAM))
    await until(lambda: all(one.paused for one in subscriptions_of(slack)))
    await until(lambda: "the desk was removed" in as_text(slack.world.ask("Olga", "/settings").card))
    assert len([call for call in slack.server.calls if call.outcome == "ok" and call.method == "chat.postMessage"]) == 0


def linked(slack: SlackWorld, name: str) -> bool:
    """Whether somebody's Slack account speaks for them."""
    with slack.app.database.reading() as session:
        return people.actor_of(session, slack.identity(name)) is not None


def subscriptions_of(slack: SlackWorld) -> list[Subscription]:
    """What the workspace's channels hear of."""
    with slack.app.database.reading() as session:
        return list(session.exec(select(Subscription)).all())


async def test_copied_and_made_up_buttons_do_nothing(slack: SlackWorld) -> None:
    """Whatever action and value somebody sends: without the right to it nothing is shown, and nothing moves."""
    card = await requested(slack)
    preview = await slack.type("ada", "/withdraw 70", EARNINGS)
    token = next(e["value"] for b in preview.answers[-1]["blocks"] for e in b.get("elements", []) if "value" in e)
    cases = {
        ("ada", "press|payout.approve|1", "1"): "Only approvers",
        ("ada", "form|payout.reject|1", "1"): "Only approvers",
        ("bo", "press|payout.batch|1", "1"): "Only approvers",
        ("bo", "press|payout.cancel|1", "1"): "of yours",
        ("bo", "press|withdraw.confirm|1", token): "no such preview of yours",
        ("bo", "form|withdraw.edit|1", token): "no such preview of yours",
        ("bo", "press|open|1", "/payouts 1"): "of yours",
        ("bo", "press|open|1", "/desk audit"): "Only admins",
        ("bo", "press|page|1", '/stats "Logo Lab"'): "No project called",
        ("bo", "press|page|1", "/transactions page=99"): "",
        ("bo", "press|csv|1", "/desk audit"): "Only admins",
        ("Mira", "press|payout.approve|1", "999"): "WD-999",
        ("Mira", "press|payout.approve|1", "1; DROP TABLE withdrawal"): "no number",
        ("Mira", "press|payout.approve|1", "~h1~" + "A" * 32): "knows nothing of",
        ("bo", "press|payout.approve|1", handle_of("1")): "knows nothing of",
        ("Mira", "press|no.such.thing|1", "1"): "older version",
        ("Mira", "press|__class__|1", "1"): "older version",
        ("Mira", "form|no.such.thing|1", "1"): "older version",
        ("Mira", "press|settings.digest|1", "99"): "",
        ("Mira", "press|payout.approve|1", "\u202e1\x00" * 20): "",
    }
    for (who, action, value), said in cases.items():
        found = await answered(slack, pressing(slack, who, action, value, card))
        assert said in found, (who, action, value, found)
        assert "Ref E-" not in found, (action, value, found)
        assert "$1,000" not in found, (action, value, found)
    for action in (
        "",
        "press",
        "press|x",
        "press||1",
        "press|payout.approve|x",
        "pick|open|1",
        "PRESS|payout.approve|1",
        "approve",
    ):
        made = pressing(slack, "Mira", action, "1", card)
        await slack.server.deliver(made)
        assert made.ack == {}, action
        assert not made.answers
    assert state_of(slack) == "requested"
    assert (await slack.type("Mira", "/help")).said  # nothing of it was still on its way
    assert card.edited == 0  # and no answer took the place of what everyone sees


async def test_forms_that_were_changed_do_no_more_than_buttons(slack: SlackWorld) -> None:
    """Another action, value or field in a form that comes back is refused as a button would be."""
    card = await requested(slack)
    metadata: list[tuple[str, Json, str]] = [
        ("bo", {"action": "payout.reject", "value": "1"}, "Only approvers"),
        ("Mira", {"action": "payout.reject", "value": "77"}, "WD-77"),
        ("Mira", {"action": "payout.nothing", "value": "1"}, "older version"),
        ("Mira", {"action": "creator.freeze", "value": "ada"}, "Only admins"),
        ("Mira", {"action": "open", "value": "/desk freeze ada"}, "Only admins"),
        ("bo", {"action": "withdraw.edit", "value": "token"}, "no “reason” to give"),
        ("Mira", {"action": "", "value": ""}, "older version"),
        ("Mira", {}, "older version"),
        ("Mira", {"action": "payout.reject", "value": "1", "bogus": ["x"], "own": 5}, "no “amount” to give"),
    ]
    for who, carried, said in metadata:
        view = await rejecting(slack, card)
        view.content["private_metadata"] = json.dumps({"channel": APPROVALS, **carried})
        fields = {"reason": "because I say so, at length"}
        if "bogus" in carried:
            fields["amount"] = "1"
        await slack.server.deliver(filled_in(slack, who, view, fields))
        # No address to answer at is carried any more: it comes as a message that they alone see.
        shown = (await slack.server.wait_for(partial(slack.server.ephemerals, USERS[who])))[-1].plain
        assert said in shown, (carried, shown)
        slack.server.channel(APPROVALS).ephemerals.clear()
    for changed in ({"callback_id": "another"}, {"private_metadata": "[" * 3_000}, {"private_metadata": "7"}):
        view = await rejecting(slack, card)
        view.content |= changed
        await slack.server.deliver(filled_in(slack, "Mira", view, {"reason": "because I say so"}))
    await slack.type("Mira", "/help", EARNINGS)
    assert state_of(slack) == "requested"


async def test_answers_go_to_slack_alone(slack: SlackWorld) -> None:
    """An address in a form or payload that is not Slack's gets nothing; the answer goes another way."""
    heard: list[bytes] = []
    async with listener(heard) as address:
        for foreign in (f"{address}/respond/T1/x", "http://169.254.169.254/x", "file:///etc/passwd", "not an address"):
            made = slack.server.command(TEAM, slack.server.channel(EARNINGS), USERS["ada"], "/balance", "")
            made.payload["response_url"] = foreign
            slack.server.channel(EARNINGS).ephemerals.clear()
            await slack.server.deliver(made)
            await slack.server.wait_for(partial(slack.server.ephemerals, USERS["ada"]))
            assert "$1,000.00" in slack.newest("ada", EARNINGS)
        card = await requested(slack)
        view = await rejecting(slack, card)
        carried = json.loads(view.private_metadata)
        view.content["private_metadata"] = json.dumps({**carried, "url": f"{address}/x"})
        await slack.server.deliver(filled_in(slack, "Mira", view, {"reason": "not this one"}))
        await slack.server.wait_for(lambda: any("WD-1" in one.plain for one in slack.server.ephemerals(USERS["Mira"])))
    assert heard == []


async def test_an_answer_is_not_sent_on(world: World) -> None:
    """Where Slack's address sends a request on to another one, the answer is not taken there."""
    heard: list[bytes] = []
    async with listener(heard) as elsewhere, listener([], elsewhere) as slacks:
        api = SlackApi(OneWorkspace("xoxb-1", lambda: api.client()), f"{slacks}/api/")
        await api.open()
        try:
            delivery = Delivery(SlackPort(api, world.database, lambda: world.now))
            with pytest.raises(SlackRefused, match="HTTP 307"):
                await delivery.respond(f"{slacks}/respond/T1/x", Drawn([], "$1,000.00"))
        finally:
            await api.close()
    assert heard == []
