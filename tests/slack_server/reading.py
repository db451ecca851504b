"""What a person reads in blocks, and where the buttons and fields are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]


def plain(blocks: Sequence[Mapping[str, Any]]) -> str:
    """The readable text of blocks, a line or more for each: labels of buttons stand in [brackets]."""
    return "\n".join(line for line in (_block(block) for block in blocks) if line)


def elements(blocks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Json, Json]]:
    """Every interactive element with the block that holds it, in reading order."""
    for block in blocks:
        inside = list(block.get("elements", [])) if block["type"] in ("actions", "context_actions") else []
        for one in ("accessory", "element"):
            if isinstance(block.get(one), dict):
                inside.append(block[one])
        for element in inside:
            if "action_id" in element:
                yield dict(block), element


def label_of(block: Mapping[str, Any], element: Mapping[str, Any]) -> str:
    """What a person calls an element: a button's text, a field's label, a menu's placeholder."""
    for found in (element.get("text"), block.get("label"), element.get("placeholder")):
        if found:
            return _text(found)
    return ""


def options_of(element: Mapping[str, Any]) -> list[Json]:
    """The options of a menu, those in groups too."""
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    return [*element.get("options", []), *grouped]


def _text(value: object) -> str:
    return str(value.get("text", "")) if isinstance(value, Mapping) else str(value)


def _block(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "header" | "markdown":
            return _text(block["text"])
        case "section":
            parts = [_text(block["text"])] if block.get("text") else []
            parts += [_text(each) for each in block.get("fields", [])]
            return "\n".join([*parts, *([_element(block["accessory"])] if block.get("accessory") else [])])
        case "context" | "actions" | "context_actions":
            return " ".join(filter(None, (_element(each) for each in block["elements"])))
        case "image":
            return "\n".join(filter(None, (_text(block.get("title", "")), f"({block.get('alt_text', '')})")))
        case "input":
            hint = _text(block.get("hint", ""))
            shown = f"{_text(block['label'])}: {_element(block['element'])}"
            return f"{shown}\n{hint}" if hint else shown
        case "rich_text":
            return "\n".join(_rich(each) for each in block["elements"])
        case "table":
            return "\n".join(" | ".join(_cell(cell) for cell in row) for row in block["rows"])
        case "data_visualization":
            return "\n".join([_text(block.get("title", "")), *_points(block.get("chart", {}))])
        case "video" | "file" | "divider":
            return _text(block.get("title", ""))
        case other:
            return f"({other})"


def _element(element: Mapping[str, Any]) -> str:
    match element["type"]:
        case "plain_text" | "mrkdwn":
            return _text(element)
        case "image":
            return f"({element.get('alt_text', '')})"
        case "button":
            return f"[{_text(element['text'])}]"
        case "plain_text_input" | "number_input" | "email_text_input" | "url_text_input":
            return str(element.get("initial_value", ""))
        case _:
            chosen = element.get("initial_option", {})
            shown = " / ".join(_text(option["text"]) for option in options_of(element))
            start = _text(chosen.get("text", "")) or _text(element.get("placeholder", ""))
            return f"[{start}: {shown}]" if shown else f"[{start}]"


def _rich(element: Mapping[str, Any]) -> str:
    match element["type"]:
        case "text":
            return str(element["text"])
        case "link":
            return str(element.get("text", element["url"]))
        case "emoji":
            return f":{element['name']}:"
        case "user":
            return f"<@{element['user_id']}>"
        case "channel":
            return f"<#{element['channel_id']}>"
        case "date":
            return str(element.get("fallback", element.get("timestamp", "")))
        case "rich_text_list":
            return "\n".join("• " + _rich(each) for each in element["elements"])
        case _:
            return "".join(_rich(each) for each in element.get("elements", []))


def _cell(cell: Mapping[str, Any]) -> str:
    if cell["type"] == "rich_text":
        return "".join(_rich(each) for each in cell["elements"])
    return _text(cell.get("text", cell.get("value", "")))


def _points(chart: object) -> list[str]:
    """A chart's numbers, whichever of its forms they are in: a line for each point."""
    if not isinstance(chart, Mapping):
        return []
    lines = [f"{each.get('label', '')}: {each.get('value', '')}" for each in chart.get("segments", [])]
    for series in chart.get("series", []):
        points = series.get("data", series.get("values", []))
        shown = [f"{p.get('label', '')}: {p.get('value', '')}" if isinstance(p, Mapping) else str(p) for p in points]
        lines.append(f"{series.get('name', '')} " + ", ".join(shown))
    return lines
