"""What a person reads in components, and where the buttons, menus and fields are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    match component["type"]:
        case 1:
            return " ".join(filter(None, (_read(each) for each in component["components"])))
        case 2:
            return f"[{label_of(component)}]"
        case 3 | 5 | 6 | 7 | 8:
            return _menu(component)
        case 4:
            return str(component.get("value") or "")
        case 9:
            parts = [_read(each) for each in component["components"]]
            return "\n".join(filter(None, [*parts, _read(component["accessory"])]))
        case 10:
            return str(component["content"])
        case 11:
            return f"({component.get('description') or ''})"
        case 12:
            return "\n".join(f"({item.get('description') or ''})" for item in component["items"])
        case 13:
            return f"({component.get('name') or str(component['file']['url']).rpartition('/')[2]})"
        case 14:
            return ""
        case 17:
            return plain(component["components"])
        case 18:
            shown = f"{component['label']}: {_read(component['component'])}".rstrip()
            return f"{shown}\n{component['description']}" if component.get("description") else shown
        case 21 | 22:
            return _menu(component)
        case other:
            return f"({other})" if other not in (FILE_UPLOAD, CHECKBOX) else ""


def _menu(component: Mapping[str, Any]) -> str:
    options = component.get("options") or []
    start = next((str(each["label"]) for each in options if each.get("default")), "")
    start = start or str(component.get("placeholder") or "")
    shown = " / ".join(str(each["label"]) for each in options)
    return f"[{start}: {shown}]" if shown else f"[{start}]"
