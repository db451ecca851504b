"""What a person reads in components, and where the buttons, menus and fields are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

ROW, BUTTON, SELECT, TEXT_INPUT = 1, 2, 3, 4
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER, LABEL = 9, 10, 11, 12, 13, 14, 17, 18
FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 19, 21, 22, 23
MENUS = (3, 5, 6, 7, 8)
FIELDS = (*MENUS, TEXT_INPUT, FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX)


def plain(components: Sequence[Mapping[str, Any]]) -> str:
    """The readable text of components, a line or more for each: labels of buttons stand in [brackets]."""
    return "\n".join(line for line in (_read(component) for component in components) if line)


def walk(components: Sequence[Mapping[str, Any]]) -> Iterator[Json]:
    """Every component, those inside others too, in reading order."""
    for component in components:
        yield dict(component) if not isinstance(component, dict) else component
        yield from walk(component.get("components", ()))
        inside = [component[name] for name in ("accessory", "component") if component.get(name)]
        yield from walk(inside)


def pressable(components: Sequence[Mapping[str, Any]]) -> Iterator[Json]:
    """Every button and menu that sends an interaction."""
    for component in walk(components):
        if component["type"] in (BUTTON, *MENUS) and component.get("custom_id"):
            yield component


def label_of(component: Mapping[str, Any]) -> str:
    """What a person calls a button or menu: its label, emoji or placeholder."""
    emoji = (component.get("emoji") or {}).get("name") or ""
    return str(component.get("label") or component.get("placeholder") or emoji)


def fields(components: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Json]]:
    """Every field of a modal with its label."""
    for component in components:
        if component["type"] == LABEL:
            yield str(component["label"]), component["component"]
        elif component["type"] == ROW:
            for each in component["components"]:
                yield str(each.get("label") or each.get("placeholder") or ""), each


def _read(component: Mapping[str, Any]) -> str:
    reader = _READERS.get(component["type"])
    return f"({component['type']})" if reader is None else reader(component)


def _row(component: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (_read(each) for each in component["components"])))


def _section(component: Mapping[str, Any]) -> str:
    return "\n".join(filter(None, [plain(component["components"]), _read(component["accessory"])]))


def _gallery(component: Mapping[str, Any]) -> str:
    return "\n".join(f"({item.get('description') or ''})" for item in component["items"])


def _file(component: Mapping[str, Any]) -> str:
    return f"({component.get('name') or str(component['file']['url']).rpartition('/')[2]})"


def _label(component: Mapping[str, Any]) -> str:
    shown = f"{component['label']}: {_read(component['component'])}".rstrip()
    return f"{shown}\n{component['description']}" if component.get("description") else shown


def _menu(component: Mapping[str, Any]) -> str:
    options = component.get("options") or []
    start = next((str(each["label"]) for each in options if each.get("default")), "")
    start = start or str(component.get("placeholder") or "")
    shown = " / ".join(str(each["label"]) for each in options)
    return f"[{start}: {shown}]" if shown else f"[{start}]"


_READERS: dict[int, Callable[[Mapping[str, Any]], str]] = {
    ROW: _row,
    BUTTON: lambda component: f"[{label_of(component)}]",
    **dict.fromkeys((*MENUS, RADIO, CHECKBOXES), _menu),
    TEXT_INPUT: lambda component: str(component.get("value") or ""),
    SECTION: _section,
    TEXT: lambda component: str(component["content"]),
    THUMBNAIL: lambda component: f"({component.get('description') or ''})",
    GALLERY: _gallery,
    FILE: _file,
    **dict.fromkeys((SEPARATOR, FILE_UPLOAD, CHECKBOX), lambda _: ""),
    CONTAINER: lambda component: plain(component["components"]),
    LABEL: _label,
}
