"""The desk's commands as Discord knows them, and an interaction's options back as the desk takes them.

Everything comes from the one declaration of each command (core.chat.registry). What people write in more ways than one
("all", "$50", "13 Jan", "WD-12") is an option of text; the desk reads it as it reads a typed line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from adapters.discord.limits import LIMITS
from core.chat.registry import Command, Kind, Param, Registry
from core.chat.values import LONGEST_TEXT
from core.errors import DeskError

Json = dict[str, object]

CHAT_INPUT: Final = 1
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL = range(1, 8)
GUILD, BOT_DM, PRIVATE_CHANNEL = range(3)
GUILD_INSTALL, USER_INSTALL = range(2)
NOBODY: Final = 0
"""default_member_permissions that hides a command from members until a server's admins show it to some."""
PRESS: Final = "open"
"""The desk's action that takes a command line and its arguments: Desk.press(…, PRESS, *line(…), …)."""

_TYPES: Mapping[Kind, int] = {"bool": BOOLEAN, "person": USER, "channel": CHANNEL}


class NotOurCommand(DeskError):
    """Nothing changed. The desk has no command /{name} any more. Type / to see what there is."""


class Focused(NamedTuple):
    """What somebody is typing: the command's name as the registry knows it, the parameter, the text so far."""

    command: str
    option: str
    typed: str


def payload(registry: Registry) -> list[Json]:
    """All commands, as PUT /applications/{id}/commands takes them, in the order of declaration."""
    drawn: list[Json] = []
    for name in registry.names():
        members = registry.group(name)
        if members and name in registry.commands:
            raise ValueError(f"/{name} has subcommands: Discord lets nobody use it without one")
        drawn.append(_group(name, members) if members else _command(registry.commands[name]))
    return drawn


def digest(payload: Sequence[Mapping[str, object]]) -> str:
    """A short hash of what is synced: the same for the same commands, on every machine."""
    text = json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def line(data: Mapping[str, object], registry: Registry) -> tuple[str, dict[str, str]]:
    """A command interaction's data as ("/desk reject", {"id": "WD-12", …}), for Desk.press(…, PRESS, line, fields, …).

    As fields, texts reach the desk as they were given: no quoting, and an empty one counts as left out. Raises
    NotOurCommand for a command or option that this desk does not declare.
    """
    command, options = _found(data, registry)
    kinds = {param.name: param.kind for param in command.params}
    fields: dict[str, str] = {}
    for option in options:
        name = str(option.get("name", ""))
        if name not in kinds:
            raise NotOurCommand(name=f"{command.name} {name}")
        fields[name] = _given(kinds[name], option.get("value"))
    return f"/{command.name}", fields


def unknown(data: Mapping[str, object]) -> tuple[str, dict[str, str]]:
    """What `line` raises NotOurCommand for, so that the desk refuses it in its own words and does nothing of it.

    The names of all options come along, without their values: the desk refuses the one that it doesn't know.
    """
    name, options = _leaf(data)
    return f"/{name}", {str(option.get("name", "")): "" for option in options}


def focused(data: Mapping[str, object], registry: Registry) -> Focused | None:
    """What an autocomplete interaction asks about; None for a command or option that is none of ours."""
    try:
        command, options = _found(data, registry)
    except NotOurCommand:
        return None
    for option in options:
        if option.get("focused") is True and any(param.name == option.get("name") for param in command.params):
            return Focused(command.name, str(option["name"]), str(option.get("value", "")))
    return None


def _found(data: Mapping[str, object], registry: Registry) -> tuple[Command, list[Mapping[str, object]]]:
    name, options = _leaf(data)
    command = registry.commands.get(name)
    if command is None:
        raise NotOurCommand(name=name[:40])
    return command, options


def _leaf(data: Mapping[str, object]) -> tuple[str, list[Mapping[str, object]]]:
    """The name of the command, with its subcommand's, and the options that were given to it."""
    name, options = str(data.get("name", "")), _objects(data.get("options"))
    inner = options[0] if options else {}
    if inner.get("type") == GROUP:
        # Groups only make room: their names are not in the registry.
        inner = next(iter(_objects(inner.get("options"))), {})
    if inner.get("type") == SUBCOMMAND:
        name, options = f"{name} {inner.get('name')}", _objects(inner.get("options"))
    return name, options


def _given(kind: Kind, value: object) -> str:
    if kind == "bool":
        return "on" if value else "off"
    text = value if isinstance(value, str) else str(value)
    if kind == "person":
        return f"<@{text}>"
    return f"<#{text}>" if kind == "channel" else text


def _command(command: Command) -> Json:
    drawn = _head(command.name, command.summary, CHAT_INPUT)
    drawn |= {"options": _options(command)}
    if command.roles:
        return drawn | _for_staff()
    contexts, installs = [GUILD, BOT_DM, PRIVATE_CHANNEL], [GUILD_INSTALL, USER_INSTALL]
    return drawn | {"contexts": contexts, "integration_types": installs}


def _group(name: str, members: Sequence[Command]) -> Json:
    subcommands = [
        _head(command.name.removeprefix(f"{name} "), command.summary, SUBCOMMAND) | {"options": _options(command)}
        for command in members
    ]
    most = LIMITS["options of a command"].most
    if len(subcommands) > most:
        pieces = [subcommands[at : at + most] for at in range(0, len(subcommands), most)]
        subcommands = [
            _head(f"part-{number}", f"{piece[0]['name']} to {piece[-1]['name']}", GROUP) | {"options": piece}
            for number, piece in enumerate(pieces, 1)
        ]
    drawn = _head(name, "For those who run the desk", CHAT_INPUT) | {"options": subcommands}
    if all(command.roles for command in members):
        return drawn | _for_staff()
    return drawn | {"contexts": [GUILD, BOT_DM], "integration_types": [GUILD_INSTALL]}


def _for_staff() -> Json:
    return {
        "default_member_permissions": NOBODY,
        "contexts": [GUILD, BOT_DM],
        "integration_types": [GUILD_INSTALL],
    }


def _options(command: Command) -> list[Json]:
    # Discord wants what is needed before what may be left out.
    return [_option(param) for param in sorted(command.params, key=lambda param: not param.required)]


def _option(param: Param) -> Json:
    number = param.kind == "int" and not param.arg.prefix
    drawn = _head(param.name, param.arg.help or param.name, INTEGER if number else _TYPES.get(param.kind, STRING))
    drawn["required"] = param.required
    if number:
        drawn |= dict(_bounds(param))
    elif param.choices:
        drawn["choices"] = [{"name": choice, "value": choice} for choice in param.choices]
    elif param.arg.suggest is not None:
        drawn["autocomplete"] = True
    if param.kind == "text":
        if param.arg.min_length:
            drawn["min_length"] = param.arg.min_length
        drawn["max_length"] = param.arg.max_length or LONGEST_TEXT
    return drawn


def _bounds(param: Param) -> Iterator[tuple[str, object]]:
    most = LIMITS["integer"].most
    for name, bound in (("min_value", param.arg.minimum), ("max_value", param.arg.maximum)):
        if bound is not None:
            yield name, max(-most, min(bound, most))


def _head(name: str, description: str, kind: int) -> Json:
    return {"type": kind, "name": name, "description": description}


def _objects(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
