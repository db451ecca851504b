"""Blocks as a person reads them in a snapshot, and a proof that nothing in a payload can do more than be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

_RICH = {"text", "date"}
_MARKUP = re.compile(r"[*_~`<>&|@#\\\[\]]|:[A-Za-z0-9_+'-]+:|://|[A-Za-z]\.[A-Za-z]|(?:^|\n)\s*(?:>|[-•] )")


def harmful(payload: Json) -> list[str]:
    """Every place where Slack could read text as a mention, a link, an emoji or markup, in words."""
    return list(_harm(payload, "payload"))


def _harm(found: object, where: str) -> Iterator[str]:
    if isinstance(found, list):
        for at, item in enumerate(found):
            yield from _harm(item, f"{where}[{at}]")
    elif isinstance(found, Mapping):
        yield from _harm_in(found, where)
        for key, value in found.items():
            yield from _harm(value, f"{where}.{key}")


def _harm_in(found: Json, where: str) -> Iterator[str]:
    kind = found.get("type")
    if kind == "mrkdwn":
        name, _, value = str(found["text"]).partition("\n")
        bold = name.startswith("*") and name.endswith("*")
        if not bold or _MARKUP.search(name[1:-1]) or _MARKUP.search(value) or found.get("verbatim") is not True:
            yield f"{where}: mrkdwn {found['text']!r}"
    if kind == "plain_text" and found.get("emoji") is not False:
        yield f"{where}: plain_text that draws emoji"
    if kind in ("rich_text_section", "rich_text_preformatted"):
        for element in found["elements"]:
            if element["type"] not in _RICH or "url" in element:
                yield f"{where}: rich text with a {element['type']}"
    if kind in ("markdown", "section") and isinstance(found.get("text"), str):
        yield f"{where}: unescaped text"


def harmful_notification(text: str) -> bool:
    """Whether the words of a notification could mention anybody or link anywhere: "<" begins both."""
    return "<" in text or ">" in text or re.search(r"&(?!amp;|lt;|gt;)", text) is not None


def readable(found: object) -> Iterator[str]:
    """Every text that a person reads in a payload: not ids, values and keys."""
    if isinstance(found, list):
        for item in found:
            yield from readable(item)
    elif isinstance(found, Mapping):
        for key, value in found.items():
            if key in ("text", "alt_text", "fallback", "title", "initial_value") and isinstance(value, str):
                yield value
            else:
                yield from readable(value)


def shown(payload: Json) -> str:
    """A message or view as a few lines: a kind of block and what is read there."""
    lines = [f"{name.upper()}: {payload[name]['text']}" for name in ("title", "submit", "close") if name in payload]
    for block in payload["blocks"]:
        lines += _block(block)
    return "\n".join(line.rstrip() for line in lines)


def _block(block: Json) -> list[str]:
    draw: dict[str, Callable[[Json], list[str]]] = {
        "header": lambda block: [f"HEADER {block['text']['text']}"],
        "section": _section,
        "rich_text": lambda block: [line for part in block["elements"] for line in _part(part)],
        "context": lambda block: [f"CONTEXT {element['text']}" for element in block["elements"]],
        "table": _table,
        "data_visualization": _chart,
        "image": lambda block: [f"IMAGE {block['title']['text']} ({block['slack_file']['id']}): {block['alt_text']}"],
        "actions": lambda block: [line for element in block["elements"] for line in _element(element)],
        "input": _input,
        "divider": lambda _: ["DIVIDER"],
    }
    return draw[block["type"]](block)


def _section(block: Json) -> list[str]:
    if "text" in block:
        return [f"SECTION {block['text']['text']}"]
    return ["FIELDS", *(f"  {field['text']}".replace("\n", "  ") for field in block["fields"])]


def _table(block: Json) -> list[str]:
    aligns = ", ".join(setting["align"] for setting in block["column_settings"])
    return [f"TABLE {aligns}", *("  " + " | ".join(_cell(cell) for cell in row) for row in block["rows"])]


def _input(block: Json) -> list[str]:
    asked = "may be left out" if block["optional"] else "needed"
    return [f"INPUT {block['label']['text']} ({asked})", *(f"  {line}" for line in _element(block["element"]))]


def _part(part: Json) -> list[str]:
    text = "".join(_inline(element) for element in part["elements"])
    kind = "CODE" if part["type"] == "rich_text_preformatted" else "RICH"
    first, *others = text.split("\n")
    return [f"{kind} {first}", *(f"  {line}" for line in others)] if kind == "RICH" else [kind, f"  {first}", *others]


def _inline(element: Json) -> str:
    if element["type"] == "date":
        return f"{{date {element['timestamp']} {element['format']}, else: {element.get('fallback', '')}}}"
    marks = {"bold": "**", "italic": "//", "code": "`"}
    mark = "".join(marks[style] for style in element.get("style", {}))
    return f"{mark}{element['text']}{mark[::-1]}"


def _cell(cell: Json) -> str:
    if cell["type"] == "raw_text":
        return str(cell["text"])
    return "".join(_inline(element) for part in cell["elements"] for element in part["elements"])


def _chart(block: Json) -> list[str]:
    chart = block["chart"]
    lines = [f"CHART {chart['type']} {block['title']}, {chart['axis_config']['y_label']}"]
    data = [point for series in chart["series"] for point in series["data"]]
    return [*lines, "  " + ", ".join(f"{point['label']}: {point['value']}" for point in data)]


def _element(element: Json) -> list[str]:
    match element["type"]:
        case "button":
            style = f" {element['style']}" if "style" in element else ""
            return [f"[{element['text']['text']}]{style} {element['action_id']} {element.get('value', '')}"]
        case "static_select":
            chosen = element.get("initial_option")
            head = f"MENU {element.get('placeholder', {}).get('text', '')} {element['action_id']}"
            return [head, *(f"  {'✓' if one == chosen else '·'} {_option(one)}" for one in element["options"])]
    others = {key: value for key, value in element.items() if key not in ("type", "action_id")}
    return [" ".join([element["type"], *(f"{key}={value}" for key, value in others.items())])]


def _option(option: Json) -> str:
    return f"{option['text']['text']} → {option['value']}"
