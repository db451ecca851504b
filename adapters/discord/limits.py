"""Discord's documented limits, in one table, and walks over bodies that say every breach in words.

What our layouts, modals and commands are drawn by and what the tests' own Discord judges by. Only what this adapter
draws is known here: any other kind of component or key counts as a breach. Sources name pages under
docs.discord.com/developers; "observed" marks what Discord refuses without a page that says so. Lengths are in
characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from adapters.rules import Found, Limit, Object, Rules

COMPONENTS_V2: Final = 1 << 15
"""The flag of a message that is made of components alone."""


_PAGE = "components/reference"
_COMMANDS = "interactions/application-commands"

LIMITS: Final[Mapping[str, Limit]] = {
    "components": Limit(40, f"{_PAGE}, nested ones counted"),
    "text of all text displays": Limit(4_000, f"{_PAGE}, text display", least=0),
    "text display": Limit(4_000, f"{_PAGE}, text display (none empty: observed)"),
    "component id": Limit(2**31 - 1, f"{_PAGE}, id"),
    "custom_id": Limit(100, f"{_PAGE}, custom_id"),
    "action row buttons": Limit(5, f"{_PAGE}, action row"),
    "button label": Limit(80, f"{_PAGE}, button (none empty: observed)"),
    "placeholder": Limit(150, f"{_PAGE}, string select"),
    "options": Limit(25, f"{_PAGE}, string select"),
    "option label": Limit(100, f"{_PAGE}, string select"),
    "option value": Limit(100, f"{_PAGE}, string select"),
    "option description": Limit(100, f"{_PAGE}, string select"),
    "gallery items": Limit(10, f"{_PAGE}, media gallery"),
    "picture description": Limit(1_024, f"{_PAGE}, media gallery"),
    "attachments": Limit(10, "resources/message (observed)", least=0),
    "attachment description": Limit(1_024, "resources/message, attachment", least=0),
    "nonce": Limit(25, "resources/message"),
    "modal title": Limit(45, "interactions/receiving-and-responding, modal"),
    "modal rows": Limit(5, "interactions/receiving-and-responding, modal"),
    "label": Limit(45, f"{_PAGE}, label"),
    "label description": Limit(100, f"{_PAGE}, label"),
    "input length": Limit(4_000, f"{_PAGE}, text input", least=0),
    "commands": Limit(100, f"{_COMMANDS}, registering", least=0),
    "command name": Limit(32, f"{_COMMANDS}, naming"),
    "description": Limit(100, _COMMANDS),
    "options of a command": Limit(25, _COMMANDS, least=0),
    "choices": Limit(25, f"{_COMMANDS}, option structure"),
    "choice": Limit(100, f"{_COMMANDS}, option choice structure"),
    "option length": Limit(6_000, f"{_COMMANDS}, option structure", least=0),
    "text of a command": Limit(8_000, f"{_COMMANDS}, in all names, descriptions and values"),
    "integer": Limit(2**53 - 1, f"{_COMMANDS}, option type", least=0),
    "autocomplete choices": Limit(25, "interactions/receiving-and-responding, autocomplete", least=0),
}

ACTION_ROW, BUTTON, SELECT, TEXT_INPUT = 1, 2, 3, 4
TEXT_DISPLAY, MEDIA_GALLERY, FILE, SEPARATOR, CONTAINER, LABEL = 10, 12, 13, 14, 17, 18

# Keys of each kind of object: the needed ones, then those that may be left out. Others are refused.
_KEYS: Final[Mapping[str, tuple[str, str]]] = {
    "message": (
        "components",
        "flags attachments nonce enforce_nonce allowed_mentions tts message_reference content embeds",
    ),
    "modal": ("custom_id title components", ""),
    "action row": ("components", ""),
    "button": ("custom_id style label", "disabled"),
    "select": ("custom_id options", "placeholder min_values max_values disabled required"),
    "text input": ("custom_id style", "value required min_length max_length placeholder"),
    "text display": ("content", ""),
    "media gallery": ("items", ""),
    "file": ("file", "spoiler"),
    "separator": ("", "divider spacing"),
    "container": ("components", "accent_color spoiler"),
    "label": ("label component", "description"),
    "option": ("label value", "default description"),
    "picture": ("media", "description spoiler"),
    "command": (
        "name description type",
        "options default_member_permissions contexts integration_types",
    ),
    "command option": (
        "name description type",
        "options required choices autocomplete min_value max_value min_length max_length",
    ),
}
_NAMES: Final[Mapping[int, str]] = {
    ACTION_ROW: "action row",
    BUTTON: "button",
    SELECT: "select",
    TEXT_INPUT: "text input",
    TEXT_DISPLAY: "text display",
    MEDIA_GALLERY: "media gallery",
    FILE: "file",
    SEPARATOR: "separator",
    CONTAINER: "container",
    LABEL: "label",
}
# What may stand in what.
_RULES: Final = Rules(LIMITS, _KEYS)
_IN_MESSAGE = frozenset({ACTION_ROW, TEXT_DISPLAY, MEDIA_GALLERY, FILE, SEPARATOR, CONTAINER})
_IN_CONTAINER = _IN_MESSAGE - {CONTAINER}
_IN_MODAL = frozenset({LABEL, TEXT_DISPLAY})
_IN_LABEL = frozenset({TEXT_INPUT, SELECT})
_COMMAND_NAME = re.compile(r"[-_'\w]{1,32}")
_FILE = re.compile(r"attachment://[A-Za-z0-9._-]+")


def problems(body: Mapping[str, object]) -> list[str]:
    """Every limit that a message or a modal breaks, in words; empty when Discord would take it.

    A body with a title is a modal's (the `data` of its interaction response); any other one a message's.
    """
    walk, body = _Walk(), _object(body)
    return list(walk.modal(body) if "title" in body else walk.message(body))


def command_problems(payload: Sequence[Mapping[str, object]]) -> list[str]:
    """The same for the commands that are synced."""
    return list(_commands(payload))


class _Walk:
    """One body's walk: what has to be unique or is counted over all of it is kept here."""

    def __init__(self) -> None:
        self.ids: set[object] = set()
        self.custom_ids: set[str] = set()
        self.components = self.letters = 0
        self.pictures: set[str] = set()

    def message(self, body: Object) -> Found:
        yield from _RULES.keys(body, "message")
        if body.get("content") or body.get("embeds"):
            yield "content or embeds beside components"
        flags = body.get("flags", COMPONENTS_V2)
        if not isinstance(flags, int) or not flags & COMPONENTS_V2:
            yield "components without their flag"
        if "nonce" in body:
            yield from _RULES.length("nonce", body["nonce"])
        yield from self._all(body.get("components"), _IN_MESSAGE, "the message")
        yield from _RULES.count("components", self.components)
        yield from _RULES.count("text of all text displays", self.letters, "characters")
        yield from self._attachments(body)

    def _attachments(self, body: Object) -> Found:
        files = _objects(body.get("attachments"))
        yield from _RULES.count("attachments", len(files))
        for file in files:
            if "description" in file:
                yield from _RULES.length("attachment description", file["description"])
        names = {f"attachment://{file.get('filename')}" for file in files if "filename" in file}
        if names and not self.pictures <= names:
            yield f"pictures without a file: {', '.join(sorted(self.pictures - names))}"

    def modal(self, body: Object) -> Found:
        yield from _RULES.keys(body, "modal")
        yield from _shown("modal title", body.get("title"))
        yield from self._custom_id(body)
        rows = _objects(body.get("components"))
        yield from _RULES.count("modal rows", len(rows))
        yield from self._all(rows, _IN_MODAL, "the modal")

    def _all(self, components: object, allowed: frozenset[int], where: str) -> Found:
        for at, component in enumerate(_objects(components)):
            kind = component.get("type")
            if not isinstance(kind, int) or kind not in allowed:
                yield f"no component of type {kind} in {where}"
                continue
            self.components += 1
            name = _NAMES[kind]
            yield from (f"{name} {at} of {where}: {found}" for found in self._component(kind, component))

    def _component(self, kind: int, component: Object) -> Found:
        yield from _RULES.keys({key: value for key, value in component.items() if key != "id"}, _NAMES[kind])
        yield from self._id(component)
        walk = {
            ACTION_ROW: self._row,
            BUTTON: self._button,
            SELECT: self._select,
            TEXT_INPUT: self._input,
            TEXT_DISPLAY: self._text,
            MEDIA_GALLERY: self._gallery,
            FILE: self._file,
            CONTAINER: self._container,
            LABEL: self._label,
        }.get(kind)
        if walk is not None:
            yield from walk(component)

    def _text(self, display: Object) -> Found:
        yield from _shown("text display", display.get("content"))
        self.letters += len(str(display.get("content")))

    def _container(self, container: Object) -> Found:
        colour = container.get("accent_color")
        if colour is not None and (not isinstance(colour, int) or not 0 <= colour <= 0xFFFFFF):
            yield f"no colour: {colour}"
        inside = _objects(container.get("components"))
        yield from _RULES.count("components", len(inside))
        yield from self._all(inside, _IN_CONTAINER, "a container")

    def _label(self, label: Object) -> Found:
        yield from _shown("label", label.get("label"))
        if "description" in label:
            yield from _shown("label description", label["description"])
        yield from self._all([label.get("component")], _IN_LABEL, "a label")

    def _input(self, element: Object) -> Found:
        yield from self._custom_id(element)
        yield from _input(element)

    def _id(self, component: Object) -> Found:
        number = component.get("id")
        if "id" not in component:
            return
        if not isinstance(number, int):
            yield f"id {number!r} is no number"
            return
        yield from _RULES.count("component id", number)
        if number in self.ids:
            yield f"id {number} is used twice"
        self.ids.add(number)

    def _custom_id(self, found: Object) -> Found:
        yield from _RULES.length("custom_id", found.get("custom_id"))
        custom_id = str(found.get("custom_id"))
        if custom_id in self.custom_ids:
            yield f"custom_id {custom_id!r} is used twice"
        self.custom_ids.add(custom_id)

    def _row(self, row: Object) -> Found:
        inside = _objects(row.get("components"))
        yield from _RULES.count("action row buttons", len(inside))
        kinds = {component.get("type") for component in inside}
        if SELECT in kinds and len(inside) > 1:
            yield "a menu stands alone in its row"
        yield from self._all(inside, frozenset({BUTTON, SELECT}), "an action row")

    def _button(self, button: Object) -> Found:
        yield from self._custom_id(button)
        yield from _shown("button label", button.get("label"))
        if button.get("style") not in (1, 2, 3, 4):
            yield f"no such style: {button.get('style')}"

    def _select(self, select: Object) -> Found:
        yield from self._custom_id(select)
        if "placeholder" in select:
            yield from _RULES.length("placeholder", select["placeholder"])
        options = _objects(select.get("options"))
        yield from _RULES.count("options", len(options))
        least, most = select.get("min_values", 1), select.get("max_values", 1)
        if least not in (0, 1) or most != 1:
            yield f"{least} to {most} to choose"
        if select.get("required") is True and least == 0:
            yield "a menu that has to be answered with nothing"
        if sum(option.get("default") is True for option in options) > 1:
            yield "more than one option is chosen"
        values = [option.get("value") for option in options]
        if len(set(values)) != len(values):
            yield "two options of one value"
        for option in options:
            yield from _RULES.keys(option, "option")
            yield from _shown("option label", option.get("label"))
            yield from _RULES.length("option value", option.get("value"))
            if "description" in option:
                yield from _shown("option description", option["description"])

    def _gallery(self, gallery: Object) -> Found:
        items = _objects(gallery.get("items"))
        yield from _RULES.count("gallery items", len(items))
        for item in items:
            yield from _RULES.keys(item, "picture")
            if "description" in item:
                yield from _RULES.length("picture description", item["description"])
            yield from self._attached(item.get("media"))

    def _file(self, component: Object) -> Found:
        yield from self._attached(component.get("file"))

    def _attached(self, media: object) -> Found:
        url = str(_object(media).get("url"))
        if not _FILE.fullmatch(url):
            yield f"no file of ours: {url}"
        self.pictures.add(url)


def _input(element: Object) -> Found:
    if element.get("style") not in (1, 2):
        yield f"no such style: {element.get('style')}"
    yield from _RULES.typed(element, "value")


def _commands(payload: Sequence[Object]) -> Found:
    yield from _RULES.count("commands", len(payload))
    names = [command.get("name") for command in payload]
    if len(set(names)) != len(names):
        yield "two commands of one name"
    for command in payload:
        yield from _RULES.keys(command, "command")
        yield from (f"/{command.get('name')}: {found}" for found in _command(command, depth=0))
        yield from _RULES.count("text of a command", _letters(command), "characters")


def _command(found: Object, depth: int) -> Found:
    name = str(found.get("name"))
    if not _COMMAND_NAME.fullmatch(name) or name != name.lower():
        yield f"no name: {name!r}"
    yield from _shown("description", found.get("description"))
    options = _objects(found.get("options"))
    yield from _RULES.count("options of a command", len(options))
    names = [option.get("name") for option in options]
    if len(set(names)) != len(names):
        yield "two options of one name"
    kinds = [option.get("type") in (1, 2) for option in options]
    if any(kinds) and not all(kinds):
        yield "subcommands beside options"
    needed = [option.get("required") is True for option in options]
    if needed != sorted(needed, reverse=True):
        yield "a needed option behind one that may be left out"
    for option in options:
        yield from _RULES.keys(option, "command option")
        yield from (f"{option.get('name')}: {one}" for one in _option(option, depth))


def _option(option: Object, depth: int) -> Found:
    kind = option.get("type")
    if kind in (1, 2):
        if depth >= 2 or (kind == 2 and depth > 0):
            yield "nested too deep"
        yield from _command(option, depth + 1)
        return
    if kind not in (3, 4, 5, 6, 7):
        yield f"no such type: {kind}"
    yield from _command({"name": option.get("name"), "description": option.get("description")}, depth)
    if "choices" in option:
        yield from _choices(option)
    for name in ("min_length", "max_length"):
        yield from _whole("option length", option.get(name, 0))
    for name in ("min_value", "max_value"):
        yield from _whole("integer", option.get(name, 0))


def _choices(option: Object) -> Found:
    choices = _objects(option["choices"])
    yield from _RULES.count("choices", len(choices))
    for choice in choices:
        yield from _shown("choice", choice.get("name"))
        yield from _shown("choice", choice.get("value"))
    if option.get("autocomplete"):
        yield "choices and autocomplete"


def _letters(found: Object) -> int:
    own = sum(len(str(found.get(name, ""))) for name in ("name", "description", "value"))
    return own + sum(_letters(inner) for name in ("options", "choices") for inner in _objects(found.get(name)))


def _shown(what: str, value: object) -> Found:
    """Text that people see: Discord trims it before it counts whether anything is there."""
    yield from _RULES.length(what, value)
    if isinstance(value, str) and value and not value.strip():
        yield f"{what} is blank"


def _whole(what: str, value: object) -> Found:
    if isinstance(value, int):
        yield from _RULES.count(what, abs(value))
    else:
        yield f"{what} has to be a whole number"


def _object(value: object) -> Object:
    """What it holds; null is as good as nothing."""
    return {key: one for key, one in value.items() if one is not None} if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[Object]:
    return [_object(item) for item in value] if isinstance(value, (list, tuple)) else []
