"""The form of a button, made without its card, is the form that the card has."""

from __future__ import annotations

import asyncio
import re

import pytest

from core.chat import templates
from core.chat.cards import Button
from core.chat.registry import COMMAND_ACTIONS, REGISTRY, Reply
from core.people import Identity
from tests.desk_world import EARNINGS, World, button_of, jan, said

LINES = {
    "ada": (
        "/withdraw 50",
        "/withdraw 60 wallet",
        "/settings",
        "/settings timezone=Asia/Tokyo",
        "/link",
        "/help",
        "/help linking",
        "/payouts",
        "/methods",
        "/stats",
        "/balance",
    ),
    "Mira": (
        "/desk approvals",
        "/desk approvals WD-1",
        "/desk reject WD-1",
        "/desk reject",
        "/desk approve",
        "/settings",
    ),
    "Ann": (
        "/desk payments",
        "/settings",
        "/desk adjust",
        "/desk adjust ada",
        "/desk adjust ada -5",
        '/desk freeze "Ada"',
        "/desk freeze creator=bo",
        "/desk adjustments",
        "/desk unfreeze",
    ),
    "Olga": ("/desk approvals WD-1",),
    "Zoe": ("/help", "/link"),
}


def asks(reply: Reply) -> list[Button]:
    return [button for button in reply.card.buttons if button.form is not None]


@pytest.fixture
def world(world: World) -> World:
    """Something to decide and something to pay."""
    world.funded().withdrawal("ada", "50")
    number = world.withdrawal("ada", "60")
    assert world.ask("Mira", f"/desk approve {number}").ok
    world.pay()
    world.now = jan(14)
    return world


def test_as_on_the_card(world: World) -> None:
    """Every button with a form, on every card that anybody is given: the same questions, filled in the same way."""
    seen: set[str] = set()
    for name, lines in LINES.items():
        who = Identity("playground", "UZoe", "demo") if name == "Zoe" else world.link(name)
        for line in lines:
            reply = asyncio.run(world.desk.run(who, line, EARNINGS))
            for button in asks(reply):
                found = asyncio.run(world.desk.form(who, button.action, button.value))
                if button.action in REGISTRY.actions and not REGISTRY.actions[button.action].allows(world.who(name)):
                    assert found is None, "pressing it says who may"
                    continue
                assert found == button.form, (line, button.label)
                seen.add(f"{button.action} {button.value}" if button.action == "open" else button.action)
        home = asyncio.run(world.desk.home(who, EARNINGS))
        for button in asks(home):
            assert asyncio.run(world.desk.form(who, button.action, button.value)) == button.form, (name, button.label)
    assert {"withdraw.edit", "settings.timezone", "payout.reject", "payout.paid", "payout.failed"} <= seen
    assert {"creator.freeze", "open /link", 'open /desk adjust creator=ada amount="-5"'} <= seen


def test_templates_that_fill_in() -> None:
    """Whatever a template fills in beforehand, the action can fill in without the template."""
    for path in sorted(templates.DIRECTORY.rglob("*.card")):
        for action, body in re.findall(r'<button action="([^"]+)"[^>]*>((?:(?!</button>).)*)', path.read_text(), re.S):
            if "<input" in body:
                assert action not in COMMAND_ACTIONS, path
                assert REGISTRY.actions[action].starts is not None, (path, action)
    for path in sorted(templates.DIRECTORY.rglob("*.card")):
        for value in re.findall(r'action="open" value="/([^"]+)" form="yes"', path.read_text()):
            assert all(param.arg.suggest is None for param in REGISTRY.commands[value].params), (path, value)


def test_what_was_given_is_kept(world: World) -> None:
    """A button that asks for the rest carries what was given; an answer that is taken out of the form is out."""
    reply = world.ask("Ann", "/desk adjust ada -5")
    fill_in = button_of(reply.card, "Fill in")
    done = world.press("Ann", fill_in.action, fill_in.value, reason="A voucher was booked twice")
    assert done.ok, said(done)
    assert "Ada" in said(done)
    emptied = world.press("Ann", fill_in.action, fill_in.value, creator="", reason="A voucher was booked twice")
    assert not emptied.ok
    assert emptied.opens
    long = world.ask("Ann", f"/desk adjust {'x' * 990} 7 program={'y' * 990}")
    assert button_of(long.card, "Fill in").value == "/desk adjust"


def test_no_form(world: World) -> None:
    """Nobody gets a form that they may not use, or one of a button that asks nothing; pressing says why."""
    ada = world.link("ada")
    mira = world.link("Mira")
    for action, value in (
        ("payout.reject", "1"),
        ("open", "/desk reject"),
        ("open", "/no such command"),
        ("no.such.action", ""),
        ("withdraw.edit", "somebody else's"),
        ("withdraw.confirm", "1"),
        ("open", "/balance"),
        ("open", "~h1~no-such-handle"),
    ):
        assert asyncio.run(world.desk.form(ada, action, value)) is None, action
    assert asyncio.run(world.desk.form(mira, "payout.reject", "1"))
    assert asyncio.run(world.desk.form(Identity("slack", "U9", "T9"), "payout.reject", "1")) is None
