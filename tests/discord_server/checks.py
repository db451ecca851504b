"""Is a body one that Discord takes? Its own description of the API, the documented limits, and rules between parts."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from tests.discord_server.posts import media_of
from tests.discord_server.reading import BUTTON, CONTAINER, FILE, GALLERY, ROW, SECTION, SEPARATOR, TEXT, walk
from tests.discord_server.routes import CALLBACK, GUILD_SYNC, OPEN_DM, SYNC
from tests.discord_server.things import COMPONENTS_V2, Json, Message

Problem = tuple[tuple[str, ...], str]
"""Where in the body, and what is wrong there."""

_V2 = (SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER)
_COMMAND_NAME = re.compile(r"[-_'\w]{1,32}\Z")
_MESSAGES = ("POST /channels", "PATCH /channels", "POST /webhooks", "PATCH /webhooks")


def problems(route: str, body: Any, files: Sequence[str] = (), *, message: Message | None = None) -> list[Problem]:
    """What Discord would refuse in a body. `message`: the one that is edited; `files`: the names of what came along."""
    body = _as_taken(route, body)
    found = _described(route, body)
    if found or not isinstance(body, dict):
        return found or (_synced(body or []) if route in (SYNC, GUILD_SYNC) else [])
    if route == CALLBACK:
        data = body.get("data") or {}
        inner = list(_modal(data)) if body["type"] == 9 else []
        if body["type"] in (4, 7):
            inner = list(_message(data, files, message if body["type"] == 7 else None))
        inner += _limits(data) if body["type"] in (4, 7, 9) else []
        return [(("data", *where), told) for where, told in inner]
    if route.startswith(_MESSAGES):
        return [*_message(body, files, message), *_limits(body)]
    return []


def tree(found: Sequence[Problem]) -> Json:
    """The problems as Discord's error tree."""
    made: Json = {}
    for where, told in found:
        at = made
        for part in where:
            at = at.setdefault(part, {})
        at.setdefault("_errors", []).append({"code": "BASE_TYPE_BAD", "message": told})
    return made


def in_words(route: str, found: Sequence[Problem]) -> list[str]:
    """The problems as violations are remembered."""
    return [f"{route}: {'.'.join(where)}: {told}" for where, told in found]


def _as_taken(route: str, body: Any) -> Any:
    """What Discord takes though its description does not say so: numbers for ids, texts for permissions."""
    if route in (SYNC, GUILD_SYNC) and isinstance(body, list):
        return [_permissions(each) if isinstance(each, dict) else each for each in body]
    if not isinstance(body, dict):
        return body
    if route == OPEN_DM and isinstance(body.get("recipient_id"), int):
        return {**body, "recipient_id": str(body["recipient_id"])}
    if route == CALLBACK:
        return {**body, "data": _attachment_ids(body["data"])} if isinstance(body.get("data"), dict) else body
    return _attachment_ids(body)


def _permissions(command: Json) -> Json:
    needed = command.get("default_member_permissions")
    is_text = isinstance(needed, str) and needed.isdigit()
    return {**command, "default_member_permissions": int(str(needed))} if is_text else command


def _attachment_ids(body: Json) -> Json:
    told = body.get("attachments")
    if not isinstance(told, list):
        return body
    return {**body, "attachments": [{**each, "id": str(each["id"])} if "id" in each else each for each in told]}


def _described(route: str, body: Any) -> list[Problem]:
    judge = _judges().get(route)
    if judge is None:
        return []
    return [problem for error in judge.iter_errors(body) for problem in _leaves(error)]


@functools.cache
def _judges() -> dict[str, Any]:
    """A validator for each route, from the trimmed description."""
    told = json.loads(Path(__file__).with_name("description.json").read_text())
    schemas = told["components"]["schemas"]
    wider = jsonschema.Draft202012Validator

    def of_type(kind: str) -> Callable[..., Iterator[ValidationError]]:
        usual = wider.VALIDATORS[kind]

        def judge(validator: Any, branches: list[Json], value: Any, schema: Json) -> Iterator[ValidationError]:
            if "const" in branches[0]:  # a list of numbers or words: quicker than one judge for each
                if value not in [branch.get("const") for branch in branches]:
                    yield ValidationError(f"{value!r} is none of those that are known")
                return
            fits = _by_type(schemas, branches, value)
            if fits is None:
                yield from usual(validator, branches, value, schema)
            elif fits:
                yield from validator.descend(value, fits[0])
            else:
                yield ValidationError(f"a {value['type']!r} is not allowed here", path=["type"])

        return judge

    def named(validator: Any, ref: str, value: Any, _: Json) -> Iterator[ValidationError]:
        yield from validator.descend(value, schemas[ref.rpartition("/")[2]])

    ours = {"oneOf": of_type("oneOf"), "anyOf": of_type("anyOf"), "$ref": named}
    made = jsonschema.validators.extend(wider, ours)
    return {route: made(body) for route, body in told["bodies"].items()}


def _by_type(schemas: Json, branches: list[Json], value: Any) -> list[Json] | None:
    """The branch for a thing with a "type", so that errors are told of that one; None: there are no such branches."""
    if not isinstance(value, dict) or not isinstance(value.get("type"), int):
        return None
    fits: list[Json] = []
    for branch in branches:
        if branch.get("type") == "null":
            continue
        named = str(branch.get("$ref", "")).rpartition("/")[2]
        kinds = schemas.get(named, {}).get("properties", {}).get("type", {}).get("enum")
        if kinds is None:
            return None
        if value["type"] in kinds:
            fits.append(branch)
    return fits


def _leaves(error: Any, above: tuple[str, ...] = ()) -> list[Problem]:
    """The errors that say most: of alternatives the one that came nearest."""
    where = (*above, *(str(each) for each in error.path))
    if not error.context:
        return [(where, str(error.message)[:300])]
    groups: dict[int, list[Any]] = {}
    for each in error.context:
        groups.setdefault(each.schema_path[0], []).append(each)
    nearest = max(groups.values(), key=lambda group: max(len(each.absolute_path) for each in group))
    return [problem for each in nearest for problem in _leaves(each, where)]


def _limits(body: Json) -> list[Problem]:
    """The adapter's one table of limits, for what it draws: modals and messages made of components alone."""
    drawn = "title" in body or (int(body.get("flags") or 0) & COMPONENTS_V2 and "components" in body)
    return [((), told) for told in _table().problems(body)] if drawn and _table() is not None else []


@functools.cache
def _table() -> Any:
    """The module of the adapter with its limits, None while it is not there."""
    there = importlib.util.find_spec("adapters.discord") and importlib.util.find_spec("adapters.discord.limits")
    return importlib.import_module("adapters.discord.limits") if there else None


def _message(body: Json, files: Sequence[str], edited: Message | None) -> Iterator[Problem]:
    components: list[Json] = body.get("components") or []
    flags = int(body.get("flags") or 0) | (edited.flags if edited is not None else 0)
    if flags & COMPONENTS_V2:
        for name in ("content", "embeds", "sticker_ids", "poll"):
            if body.get(name):
                yield (name,), "cannot be used with MessageFlags.IS_COMPONENTS_V2"
    else:
        newer = [at for at, component in enumerate(components) if component["type"] in _V2]
        yield from ((("components", str(at)), "needs MessageFlags.IS_COMPONENTS_V2") for at in newer)
        if len(components) > 5:
            yield ("components",), "Must be 5 or fewer in length."
    every = list(walk(components))
    yield from _taken_twice(every)
    if len(every) > 40:
        yield ("components",), f"a message holds at most 40 components, this one {len(every)}"
    length = sum(len(each["content"]) for each in every if each["type"] == TEXT)
    if length > 4000:
        yield ("components",), f"texts hold at most 4,000 characters together, these {length}"
    for component in every:
        yield from _component(component)
    yield from _shown(every, body, files, edited)


def _shown(every: Sequence[Json], body: Json, files: Sequence[str], edited: Message | None) -> Iterator[Problem]:
    """Pictures and files that components name must come along or be there already."""
    kept = edited.attachments if edited is not None else []
    there = {f"attachment://{name}" for name in [*files, *(each.filename for each in kept)]}
    for component in every:
        for media in media_of(component):
            url = str(media.get("url"))
            if url.startswith("attachment://") and url not in there:
                yield ("components",), f"{url} names no attachment of this message"
            if component["type"] == FILE and not url.startswith(("attachment://", "http")):
                yield ("components",), "a file component needs attachment://"
    known = {str(number) for number in range(len(files))} | {each.id for each in kept}
    for number, told in enumerate(body.get("attachments") or []):
        if str(told.get("id")) not in known:
            yield ("attachments", str(number), "id"), "names no attachment"


def _component(component: Json) -> Iterator[Problem]:
    """Rules within one component that the description does not tell."""
    if component["type"] == ROW:
        kinds = {each["type"] for each in component["components"]}
        buttons = kinds <= {BUTTON}
        if len(component["components"]) > (5 if buttons else 1):
            yield ("components",), "a row holds five buttons or one menu"
    if component["type"] == BUTTON:
        link = component["style"] == 5
        if link != bool(component.get("url")) or (component["style"] < 6 and link == bool(component.get("custom_id"))):
            yield ("components",), "a button has a custom_id, a link button a url, never both"
        if not component.get("label") and not component.get("emoji"):
            yield ("components",), "a button needs a label or an emoji"
    if component["type"] == 3:
        values = [each["value"] for each in component["options"]]
        if len(set(values)) < len(values):
            yield ("components",), f"two options have the same value: {values}"
        most = component.get("max_values") or 1
        if not 0 < len(values) <= 25 or most > len(values) or (component.get("min_values") or 0) > most:
            yield ("components",), f"{len(values)} options don't fit min_values and max_values"


def _modal(data: Json) -> Iterator[Problem]:
    every = list(walk(data["components"]))
    yield from _taken_twice(every)
    if len(data["components"]) > 5:
        yield ("components",), "Must be between 1 and 5 in length."
    for each in every:
        if each["type"] == 3:
            yield from _component(each)


def _taken_twice(every: Sequence[Json]) -> Iterator[Problem]:
    for name in ("custom_id", "id"):
        taken = [each[name] for each in every if each.get(name)]
        for twice in sorted({str(each) for each in taken if taken.count(each) > 1}):
            yield ("components",), f"Component {name} cannot be duplicated: {twice}"


def _synced(commands: Sequence[Json]) -> list[Problem]:
    found = list(_commands(commands))
    table = _table()
    return found if table is None else [*found, *(((), told) for told in table.command_problems(commands))]


def _commands(listed: Sequence[Json]) -> Iterator[Problem]:
    """Rules of commands that the description does not tell."""
    names = [(each.get("type", 1), each.get("name")) for each in listed]
    if len(set(names)) < len(names):
        yield (), "Application command names must be unique"
    if sum(kind == 1 for kind, _ in names) > 100:
        yield (), "Maximum number of application commands reached (100)."
    for at, command in enumerate(listed):
        if not command.get("description") and command.get("type", 1) == 1:
            yield (str(at), "description"), "This field is required"
        if _size(command) > 8000:
            yield (str(at),), "Command exceeds maximum size (8000)"
        for where, option in _options((str(at),), command):
            yield from _named(where, option)


def _options(where: tuple[str, ...], command: Json) -> Iterator[tuple[tuple[str, ...], Json]]:
    yield where, command
    for at, option in enumerate(command.get("options") or []):
        yield from _options((*where, "options", str(at)), option)


def _named(where: tuple[str, ...], part: Json) -> Iterator[Problem]:
    name = str(part.get("name", ""))
    if not _COMMAND_NAME.match(name) or name != name.lower():
        yield (*where, "name"), f"{name!r} is not a valid name: lower case letters, digits, - and _, up to 32"
    options: list[Json] = part.get("options") or []
    names = [each["name"] for each in options]
    if len(set(names)) < len(names):
        yield (*where, "options"), "Option names must be unique"
    needed = [bool(each.get("required")) for each in options]
    if needed != sorted(needed, reverse=True):
        yield (*where, "options"), "Required options must be placed before non-required options"
    if part.get("autocomplete") and part.get("choices"):
        yield (*where, "choices"), "an option completes itself or has choices, not both"


def _size(part: Json) -> int:
    """The characters that count towards a command's 8,000."""
    own = len(str(part.get("name") or "")) + len(str(part.get("description") or ""))
    chosen = sum(len(str(e["name"])) + len(str(e["value"])) for e in part.get("choices") or [])
    return own + chosen + sum(_size(each) for each in part.get("options") or [])
