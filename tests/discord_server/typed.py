"""A command's options as a Discord client types them, and what the client would not send."""

from __future__ import annotations

from collections.abc import Mapping

from tests.discord_server.things import Json

Typed = str | int | float | bool
"""What a person types or picks in an option; choices by their name or value."""

STRING, INTEGER, BOOLEAN, NUMBER = 3, 4, 5, 10


def options_for(
    declared: Json, path: list[str], given: Mapping[str, Typed], *, focused: str = "", typed: str = ""
) -> list[Json]:
    """The options of an interaction. With `focused`: that option holds what was typed so far, and nothing is required.

    Raises AssertionError for what the client shows in red: an unknown option, one that is missing, a wrong type, a
    value out of range, a choice that is not there.
    """
    known = {each["name"]: each for each in _leaf(declared, path).get("options") or []}
    unknown = sorted({*given, *filter(None, [focused])} - set(known))
    assert not unknown, f"/{declared['name']} has no option {unknown}; there is {list(known)}"
    if focused:
        assert known[focused].get("autocomplete"), f"{focused} does not complete itself"
    made: list[Json] = []
    for name, option in known.items():
        if name == focused:
            made.append({"type": option["type"], "name": name, "value": typed, "focused": True})
        elif name in given:
            made.append({"type": option["type"], "name": name, "value": _value(option, given[name])})
        else:
            assert focused or not option.get("required"), f"{name}: this option is required"
    return made


def _leaf(declared: Json, path: list[str]) -> Json:
    """The command or subcommand that is meant."""
    at = declared
    for name in path:
        inside = {each["name"]: each for each in at.get("options") or [] if each["type"] in (1, 2)}
        assert name in inside, f"/{declared['name']} has no subcommand {name}; there is {list(inside)}"
        at = inside[name]
    below = [each["name"] for each in at.get("options") or [] if each["type"] in (1, 2)]
    assert not below, f"/{declared['name']} needs one of its subcommands: {below}"
    return at


def _value(option: Json, given: Typed) -> Typed:
    name, kind = option["name"], option["type"]
    for choice in option.get("choices") or []:
        if given in (choice["name"], choice["value"]):
            value: Typed = choice["value"]
            return value
    assert not option.get("choices"), f"{name}: {given!r} is no choice; there is {_names(option)}"
    match kind:
        case 3:
            text = str(given)
            assert len(text) >= (option.get("min_length") or 0), f"{name}: at least {option['min_length']} characters"
            assert len(text) <= (option.get("max_length") or 6000), f"{name}: at most {option['max_length']} characters"
            return text
        case 4:
            assert str(given).lstrip("-").isdigit(), f"{name}: a whole number, please, not {given!r}"
            return _ranged(option, int(given))
        case 10:
            return _ranged(option, float(given))
        case 5:
            assert isinstance(given, bool), f"{name}: True or False, please, not {given!r}"
            return given
        case _:
            return str(given)


def _ranged(option: Json, value: float) -> Typed:
    least, most = option.get("min_value"), option.get("max_value")
    assert least is None or value >= least, f"{option['name']}: at least {least}"
    assert most is None or value <= most, f"{option['name']}: at most {most}"
    return value


def _names(option: Json) -> list[str]:
    return [each["name"] for each in option["choices"]]
