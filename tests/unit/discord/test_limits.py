"""The one table of Discord's limits: each breach is said, and what is within them is not."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.discord.limits import COMPONENTS_V2, LIMITS, command_problems, problems

Json = dict[str, Any]


def display(text: str = "x", **others: object) -> Json:
    return {"type": 10, "content": text, **others}


def button(label: str = "x", custom_id: str = "a", **others: object) -> Json:
    return {"type": 2, "style": 2, "label": label, "custom_id": custom_id, **others}


def option(label: str = "x", value: str = "v", **others: object) -> Json:
    return {"label": label, "value": value, **others}


def menu(*options: Json, custom_id: str = "m", **others: object) -> Json:
    return {"type": 3, "custom_id": custom_id, "options": list(options), **others}


def row(*inside: Json) -> Json:
    return {"type": 1, "components": list(inside)}


def picture(url: str = "attachment://a.png", **others: object) -> Json:
    return {"media": {"url": url}, **others}


def gallery(*items: Json) -> Json:
    return {"type": 12, "items": list(items)}


def box(*inside: Json, **others: object) -> Json:
    return {"type": 17, "components": list(inside), **others}


def message(*components: Json, **others: object) -> Json:
    return {"flags": COMPONENTS_V2, "components": list(components), **others}


def field(**others: object) -> Json:
    return {"type": 4, "custom_id": "f", "style": 1, **others}


def label(component: Json, text: str = "x", **others: object) -> Json:
    return {"type": 18, "label": text, "component": component, **others}


def modal(*components: Json, title: str = "x", custom_id: str = "c") -> Json:
    return {"title": title, "custom_id": custom_id, "components": list(components)}


TAKEN = {
    "one text": message(display()),
    "everything": message(
        box(display(), row(button()), row(menu(option())), gallery(picture()), {"type": 14}, accent_color=1, id=7)
    ),
    "at the limit": message(display("x" * 3_000), display("y" * 1_000), *[{"type": 14}] * 38),
    "nulls": message(display(id=None), content=None, nonce="x" * 25),
    "attached": message(gallery(picture()), attachments=[{"id": 0, "filename": "a.png", "description": "x" * 1_024}]),
    "modal": modal(label(field(value="x", max_length=4_000)), label(menu(option(), custom_id="s", required=False))),
    "modal of text": modal(display()),
}

REFUSED = {
    "components: 41": message(*[display(str(n)) for n in range(41)]),
    "components: 42": message(box(*[row(button(custom_id=str(n))) for n in range(20)], display())),
    "text of all text displays: 4,001": message(display("x" * 4_000), display("y")),
    "text display: 4,001": message(display("x" * 4_001)),
    "text display: 0": message(display("")),
    "text display is blank": message(display(" \n")),
    "content has to be text": message(display(1)),  # type: ignore[arg-type]
    "no component of type 99": message({"type": 99}),
    "no component of type 17 in a container": message(box(box(display()))),
    "no component of type 2 in the message": message(button()),
    "no component of type 10 in an action row": message(row(display())),
    "no component of type 4 in the message": message(field()),
    "button has no url": message(row(button(url="https://x"))),
    "message has no poll": message(display(), poll={}),
    "content or embeds": message(display(), content="x"),
    "without their flag": message(display(), flags=0),
    "nonce: 26": message(display(), nonce="x" * 26),
    "attachments: 11": message(display(), attachments=[{"id": n} for n in range(11)]),
    "attachment description: 1,025": message(display(), attachments=[{"id": 0, "description": "x" * 1_025}]),
    "pictures without a file: attachment://a.png": message(gallery(picture()), attachments=[{"filename": "b.png"}]),
    "no file of ours: https://x": message(gallery(picture("https://x"))),
    "gallery items: 11": message(gallery(*[picture()] * 11)),
    "gallery items: 0": message(gallery()),
    "picture description: 1,025": message(gallery(picture(description="x" * 1_025))),
    "component id: 0": message(display(id=0)),
    "component id: 2,147,483,648": message(display(id=2**31)),
    "id 'x' is no number": message(display(id="x")),
    "id 3 is used twice": message(display(id=3), display(id=3)),
    "no colour": message(box(display(), accent_color=-1)),
    "components: 0": message(box()),
    "custom_id: 101": message(row(button(custom_id="x" * 101))),
    "custom_id: 0": message(row(button(custom_id=""))),
    "is used twice": message(row(button(), button())),
    "button label: 81": message(row(button("x" * 81))),
    "button label is blank": message(row(button(" "))),
    "no such style: 5": message(row(button(style=5))),
    "action row buttons: 6": message(row(*[button(custom_id=str(n)) for n in range(6)])),
    "action row buttons: 0": message(row()),
    "a menu stands alone": message(row(menu(option()), button())),
    "options: 26": message(row(menu(*[option(value=str(n)) for n in range(26)]))),
    "options: 0": message(row(menu())),
    "option label: 101": message(row(menu(option("x" * 101)))),
    "option value: 101": message(row(menu(option(value="x" * 101)))),
    "option value: 0": message(row(menu(option(value="")))),
    "option description: 101": message(row(menu(option(description="x" * 101)))),
    "option has no emoji": message(row(menu(option(emoji={})))),
    "two options of one value": message(row(menu(option(), option("y")))),
    "more than one option is chosen": message(row(menu(option(default=True), option(value="w", default=True)))),
    "0 to 2 to choose": message(row(menu(option(), min_values=0, max_values=2))),
    "answered with nothing": message(row(menu(option(), min_values=0, required=True))),
    "placeholder: 151": message(row(menu(option(), placeholder="x" * 151))),
    "modal title: 46": modal(label(field()), title="x" * 46),
    "modal title: 0": modal(label(field()), title=""),
    "custom_id: 102": modal(label(field()), custom_id="x" * 102),
    "modal rows: 0": modal(),
    "modal rows: 6": modal(*[label(field(custom_id=str(n))) for n in range(6)]),
    "label: 46": modal(label(field(), "x" * 46)),
    "label is blank": modal(label(field(), " ")),
    "label description: 101": modal(label(field(), description="x" * 101)),
    "no component of type 1 in the modal": modal(row(field())),
    "no component of type 2 in a label": modal(label(button())),
    "input length: 4,001": modal(label(field(max_length=4_001))),
    "input length: -1": modal(label(field(min_length=-1))),
    "lengths from 5 to 4": modal(label(field(min_length=5, max_length=4))),
    "lengths are whole": modal(label(field(min_length="1"))),
    "more than may be typed": modal(label(field(value="xx", max_length=1))),
    "no such style: 3": modal(label(field(style=3))),
    "modal has no flags": modal(label(field())) | {"flags": 1},
}


@pytest.mark.parametrize("body", TAKEN.values(), ids=TAKEN)
def test_what_discord_takes(body: Json) -> None:
    """No breach is said."""
    assert problems(body) == []


@pytest.mark.parametrize(("said", "body"), REFUSED.items(), ids=REFUSED)
def test_what_discord_refuses(said: str, body: Json) -> None:
    """The breach is named."""
    assert any(said.replace("content has", "text display has") in found for found in problems(body)), problems(body)


def test_a_modal_may_have_fewer_texts_than_a_message() -> None:
    """Its texts are not counted with a message's; keys of one are unknown to the other."""
    assert problems({"components": [label(field())]}) != []
    assert "message without components" in problems({})


def command(name: str = "a", *options: Json, **others: object) -> Json:
    return {"type": 1, "name": name, "description": "x", "options": list(options), **others}


def argument(name: str = "o", kind: int = 3, **others: object) -> Json:
    return {"type": kind, "name": name, "description": "x", **others}


COMMANDS_REFUSED = {
    "commands: 101": [command(f"a{n}") for n in range(101)],
    "two commands of one name": [command(), command()],
    "no name: 'A'": [command("A")],
    "no name: 'a b'": [command("a b")],
    "description: 101": [command(description="x" * 101)],
    "description: 0": [command(description="")],
    "options of a command: 26": [command("a", *[argument(f"o{n}") for n in range(26)])],
    "two options of one name": [command("a", argument(), argument())],
    "subcommands beside options": [command("a", argument(kind=1), argument("p"))],
    "a needed option behind": [command("a", argument(), argument("p", required=True))],
    "nested too deep": [command("a", argument(kind=1, options=[argument(kind=2, options=[])]))],
    "no such type: 11": [command("a", argument(kind=11))],
    "choices: 26": [command("a", argument(choices=[{"name": str(n), "value": str(n)} for n in range(26)]))],
    "choice: 101": [command("a", argument(choices=[{"name": "x" * 101, "value": "x"}]))],
    "choices and autocomplete": [command("a", argument(choices=[{"name": "x", "value": "x"}], autocomplete=True))],
    "option length: 6,001": [command("a", argument(max_length=6_001))],
    "integer: 9,007,199,254,740,992": [command("a", argument(kind=4, max_value=2**53))],
    "integer has to be": [command("a", argument(kind=4, min_value="1"))],
    "text of a command": [command("a", *[argument(f"o{n}", description="x" * 100, choices=[]) for n in range(1)])],
    "command has no handler": [command(handler=1)],
    "command option has no channel_types": [command("a", argument(channel_types=[0]))],
}


@pytest.mark.parametrize(("said", "payload"), COMMANDS_REFUSED.items(), ids=COMMANDS_REFUSED)
def test_commands_that_discord_refuses(said: str, payload: list[Json]) -> None:
    """The breach is named."""
    if said == "text of a command":
        payload = [command("a", *[_big(number) for number in range(25)])]
    assert any(said in found for found in command_problems(payload)), command_problems(payload)


def _big(number: int) -> Json:
    choices = [{"name": "x" * 100, "value": "x" * 100}] * 2
    return argument(f"o{number}", choices=choices)


def test_commands_that_discord_takes() -> None:
    """Groups of subcommands with options."""
    sub = argument("sub", 1, options=[argument(required=True), argument("n", 4, min_value=-5, max_value=5)])
    assert command_problems([command("a", argument("group", 2, options=[sub])), command("b")]) == []


def test_every_limit_has_a_source() -> None:
    """Where a number comes from is said beside it."""
    assert all(limit.source and limit.least <= limit.most for limit in LIMITS.values())
