"""Commands as Discord knows them, and options back as the desk takes them."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core.chat.desk  # noqa: F401 - declares every command
from adapters.discord import commands
from adapters.discord.limits import LIMITS, command_problems
from core.chat import arguments, values
from core.chat.cards import Card
from core.chat.registry import REGISTRY, Arg, Call, ChannelMention, Money, PersonMention, Registry, Reply, command

NOW = dt.datetime(2026, 1, 14, 10, tzinfo=dt.UTC)
OWN = Registry()


@command("try", "Every kind of argument", registry=OWN)
def try_command(
    call: Call,
    text: Annotated[str, Arg("Some text", max_length=300)],
    number: Annotated[int | None, Arg("A number", minimum=-(2**60), maximum=10)] = None,
    shown: Annotated[int | None, Arg("As people write it", prefix="WD-")] = None,
    amount: Annotated[Money | None, Arg("How much", empty="all")] = None,
    switch: Annotated[bool | None, Arg("On or off")] = None,
    day: Annotated[dt.date | None, Arg("Which day")] = None,
    way: Annotated[Literal["one", "two"] | None, Arg("Which way")] = None,
    who: Annotated[PersonMention | None, Arg("Who")] = None,
    where: Annotated[ChannelMention | None, Arg("Where")] = None,
    found: Annotated[str | None, Arg("Found", suggest=lambda _call, _text: [])] = None,
    *,
    from_: Annotated[str | None, Arg("", min_length=2)] = None,
) -> Reply:
    """Nothing."""
    raise NotImplementedError(call, text, number, shown, amount, switch, day, way, who, where, found, from_)


def test_each_kind_of_option() -> None:
    """Its type, its bounds, its choices; what is needed comes first."""
    (drawn,) = commands.payload(OWN)
    assert command_problems([drawn]) == []
    options: Any = {option.pop("name"): option for option in copy.deepcopy(drawn["options"])}  # type: ignore[attr-defined]
    assert all(option.pop("required") is (name == "text") for name, option in options.items())
    assert options == {
        "text": {"type": 3, "description": "Some text", "max_length": 300},
        "number": {"type": 4, "description": "A number", "min_value": -(2**53 - 1), "max_value": 10},
        "shown": {"type": 3, "description": "As people write it"},
        "amount": {"type": 3, "description": "How much"},
        "switch": {"type": 5, "description": "On or off"},
        "day": {"type": 3, "description": "Which day"},
        "way": {
            "type": 3,
            "description": "Which way",
            "choices": [{"name": "one", "value": "one"}, {"name": "two", "value": "two"}],
        },
        "who": {"type": 6, "description": "Who"},
        "where": {"type": 7, "description": "Where"},
        "found": {"type": 3, "description": "Found", "autocomplete": True, "max_length": 1_000},
        "from": {"type": 3, "description": "from", "min_length": 2, "max_length": 1_000},
    }


def test_the_desks_own_commands() -> None:
    """Discord takes them; staff's are hidden from members; no description had to be cut."""
    payload = commands.payload(REGISTRY)
    assert command_problems(payload) == []
    by_name: Any = {one["name"]: one for one in payload}
    assert list(by_name) == list(REGISTRY.names())
    assert by_name["desk"]["default_member_permissions"] == commands.NOBODY
    assert (by_name["desk"]["contexts"], by_name["desk"]["integration_types"]) == ([0, 1], [0])
    assert "default_member_permissions" not in by_name["balance"]
    assert (by_name["balance"]["contexts"], by_name["balance"]["integration_types"]) == ([0, 1, 2], [0, 1])
    assert all(len(found.summary) <= LIMITS["description"].most for found in REGISTRY.commands.values())


def _nothing(_call: Call) -> Reply:
    return Reply(Card("x"))


def declared(*names: str, roles: tuple[str, ...] = ()) -> Registry:
    registry = Registry()
    for name in names:
        command(name, "x", roles=roles, registry=registry)(_nothing)
    return registry


def test_more_subcommands_than_fit_stand_in_groups() -> None:
    """Whose names the desk does not know."""
    registry = declared(*[f"desk c{number}" for number in range(30)])
    (drawn,) = commands.payload(registry)
    assert command_problems([drawn]) == []
    options: Any = drawn["options"]
    assert [(group["name"], len(group["options"])) for group in options] == [("part-1", 25), ("part-2", 5)]
    assert options[1]["description"] == "c25 to c29"
    inner = {"type": 2, "name": "part-2", "options": [{"type": 1, "name": "c29", "options": []}]}
    assert commands.line({"name": "desk", "options": [inner]}, registry) == ("/desk c29", {})
    assert "default_member_permissions" not in drawn
    (hidden,) = commands.payload(declared("a", roles=("admin",)))
    assert hidden["default_member_permissions"] == commands.NOBODY


def test_a_command_beside_its_own_subcommands_is_a_fault() -> None:
    """Discord would show only one of the two."""
    with pytest.raises(ValueError, match="subcommands"):
        commands.payload(declared("desk", "desk on"))


def test_the_digest_is_of_what_is_said() -> None:
    """The same for the same commands whatever the order of keys, another for any change."""
    payload = commands.payload(REGISTRY)
    turned = [dict(reversed(one.items())) for one in payload]
    assert commands.digest(payload) == commands.digest(turned)
    changed: Any = copy.deepcopy(payload)
    changed[0]["description"] += "."
    assert commands.digest(payload) != commands.digest(changed)
    assert len(commands.digest(payload)) == 64


def given_as(name: str, value: object, kind: int = 3) -> dict[str, object]:
    return {"name": name, "type": kind, "value": value}


def test_options_become_fields() -> None:
    """Whole numbers, switches and mentions as people write them."""
    options = [
        given_as("text", 'say "hi" <@7> page=2 --x'),
        given_as("number", 7, 4),
        given_as("switch", False, 5),
        given_as("who", "80351110224678912", 6),
        given_as("where", "103735883630395392", 7),
    ]
    line, fields = commands.line({"name": "try", "options": options}, OWN)
    assert line == "/try"
    assert fields == {
        "text": 'say "hi" <@7> page=2 --x',
        "number": "7",
        "switch": "off",
        "who": "<@80351110224678912>",
        "where": "<#103735883630395392>",
    }
    reject = {"type": 1, "name": "reject", "options": [given_as("id", "WD-2"), given_as("reason", "Not yours")]}
    assert commands.line({"name": "desk", "options": [reject]}, REGISTRY) == (
        "/desk reject",
        {"id": "WD-2", "reason": "Not yours"},
    )


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"name": "gone"},
        {"name": "desk", "options": [{"type": 1, "name": "gone"}]},
        {"name": "desk", "options": [{"type": 2, "name": "part-1", "options": []}]},
        {"name": "try", "options": [given_as("gone", "x")]},
    ],
)
def test_commands_of_an_older_desk_are_refused(data: dict[str, object]) -> None:
    """What was synced long ago may still be typed."""
    with pytest.raises(commands.NotOurCommand):
        commands.line(data, OWN)
    assert commands.focused(data, OWN) is None


def test_what_is_being_typed() -> None:
    """The command, the option and the text so far; a number may come as one."""
    options = [given_as("text", "x"), given_as("found", "Lo") | {"focused": True}]
    assert commands.focused({"name": "try", "options": options}, OWN) == ("try", "found", "Lo")
    inner = {"type": 1, "name": "reject", "options": [given_as("id", 2) | {"focused": True}]}
    assert commands.focused({"name": "desk", "options": [inner]}, REGISTRY) == ("desk reject", "id", "2")
    assert commands.focused({"name": "try", "options": [given_as("text", "x")]}, OWN) is None
    assert commands.focused({"name": "try", "options": [given_as("gone", "x") | {"focused": True}]}, OWN) is None


signs = st.lists(
    st.sampled_from([*"\"'“”„«»\\ =-/<>@#|", "--text", "page=2", "<@7>", "all", "$50", "week", "13 Jan", "a", "\n"]),
    max_size=12,
).map("".join)
texts = st.one_of(signs, st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
written: dict[str, st.SearchStrategy[object]] = {
    "text": texts,
    "number": st.integers(-(10**6), 10),
    "shown": st.sampled_from(["12", "WD-12", "wd-7", "#5"]),
    "amount": st.sampled_from(["all", "$50", "1,288.40", "0.000001", "-5"]),
    "switch": st.booleans(),
    "day": st.sampled_from(["13 Jan", "2026-01-13", "yesterday", "Jan 13, 2025"]),
    "way": st.sampled_from(["one", "two"]),
    "who": st.integers(10**16, 10**19).map(str),
    "where": st.integers(10**16, 10**19).map(str),
    "found": texts,
    "from": texts.filter(lambda text: len(text.strip()) > 1),
}
KINDS = {"number": 4, "switch": 5, "who": 6, "where": 7}
given_options = st.fixed_dictionaries({}, optional=written).flatmap(
    lambda chosen: st.permutations([given_as(name, value, KINDS.get(name, 3)) for name, value in chosen.items()])
)


@settings(max_examples=300, deadline=None)
@given(given_options)
def test_what_was_given_is_what_the_desk_reads(options: list[dict[str, Any]]) -> None:
    """Each option's value as core.chat.arguments reads it by itself, whatever the others hold; blank is left out."""
    line, fields = commands.line({"name": "try", "options": options}, OWN)
    found, rest = arguments.find(OWN, line)
    params = {param.name: param for param in found.params}
    expected: dict[str, object] = {}
    for option in options:
        param, value = params[option["name"]], option["value"]
        if param.kind in ("person", "channel", "bool"):
            expected[param.variable] = value
        elif str(value).strip():
            try:
                expected[param.variable] = values.convert(param, str(value), NOW)
            except Exception:
                with pytest.raises(arguments.BadArguments):
                    arguments.parse(found, rest, NOW, fields)
                return
    if "text" not in expected:
        with pytest.raises(arguments.Missing):
            arguments.parse(found, rest, NOW, fields)
        return
    assert arguments.parse(found, rest, NOW, fields) == expected
