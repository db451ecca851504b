"""A small strict reader of Discord's markdown: what a layout says to a person, and everything else it could do.

It knows every construct that Discord documents or its clients are known to look for, in the order in which they do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.discord.markdown import NOTHING

Json = Mapping[str, Any]

# Constructs that a layout is drawn with; all others are harm.
OURS = {"text", "heading", "small", "bold", "italic", "code", "block", "time"}


@dataclass(frozen=True)
class Piece:
    """Something that Discord finds. inside: what it found within."""

    kind: str
    text: str
    inside: tuple[Piece, ...] = ()


_AT_LINE_START = {
    "heading": re.compile(r" *#{1,3}\s+([^\n]+?)#*\s*(?:\n|$)"),
    "small": re.compile(r" *-#\s+([^\n]+)(?:\n|$)"),
    "list": re.compile(r"\s*(?:[-+*]|\d+[.)])(?:\s|$)()"),
    "quote": re.compile(r"\s*>()"),
}
_ANYWHERE = {
    "escape": re.compile(r"\\([^0-9A-Za-z\s])"),
    "block": re.compile(r"```(?:[A-Za-z0-9_+\-.#]+?\n)?\n*([^\n][\s\S]*?)\n*```"),
    "code": re.compile(r"(?<!`)`([^`]+)`(?!`)"),
    "link": re.compile(r"<?[A-Za-z][A-Za-z+.-]*://[^\s<]+()"),
    "invite": re.compile(r"(?:discord(?:app)?\.com/invite|discord\.gg|dsc\.gg)()", re.IGNORECASE),
    "domain": re.compile(r"(?:www\.|[A-Za-z]+\.(?:example|com|gg))()"),
    "mask": re.compile(r"\[[^\]]*\]\([^)]*\)()"),
    "time": re.compile(r"<(t:-?\d+:f)>"),
    "angle": re.compile(r"<(?:[@#]|:|a:|/|t:|id:|\+|[^\s<>]*@)[^>\n]*>()"),
    "everybody": re.compile(r"@(?:everyone|here)()", re.IGNORECASE),
    "emoji": re.compile(r":[^\s:]+:()"),
    "spoiler": re.compile(r"\|\|()"),
    "bold": re.compile(r"\*\*((?:\\[\s\S]|[^\\*])+?)\*\*(?!\*)"),
    "italic": re.compile(r"\*(?=\S)((?:\\[\s\S]|[^\\*])+?)(?<!\s)\*(?!\*)"),
    "underline": re.compile(r"_+()"),
    "strike": re.compile(r"~+()"),
    "stray": re.compile(r"[*`|<>\[\]\\]()"),
}


def read(content: str) -> tuple[Piece, ...]:
    """What Discord makes of a text display."""
    return tuple(_joined(_read(content)))


def _read(content: str) -> Iterator[Piece]:
    place, fresh = 0, True
    while place < len(content):
        found = _at(content, place, fresh)
        if found is None:
            yield Piece("text", content[place])
            fresh = content[place] == "\n"
            place += 1
            continue
        kind, match = found
        fresh = match[0].endswith("\n")
        place = match.end()
        if kind == "escape":
            yield Piece("text", match[1])
        elif kind in ("heading", "small", "bold", "italic"):
            yield Piece(kind, match[1], read(match[1]))
            if fresh:
                yield Piece("text", "\n")
        else:
            yield Piece(kind, match[1] or match[0])


def _at(content: str, place: int, fresh: bool) -> tuple[str, re.Match[str]] | None:
    for kind, pattern in (*(_AT_LINE_START.items() if fresh else ()), *_ANYWHERE.items()):
        match = pattern.match(content, place)
        if match is not None:
            return kind, match
    return None


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    words = ""
    for piece in pieces:
        if piece.kind == "text":
            words += piece.text
            continue
        if words:
            yield Piece("text", words)
        words = ""
        yield piece
    if words:
        yield Piece("text", words)


def words(pieces: tuple[Piece, ...]) -> str:
    """What a person reads of them, without what nobody sees."""
    said = "".join(words(piece.inside) if piece.inside else piece.text for piece in pieces)
    return said.replace(NOTHING, "")


def kinds(pieces: tuple[Piece, ...]) -> Iterator[str]:
    """Every construct of them."""
    for piece in pieces:
        yield piece.kind
        yield from kinds(piece.inside)


def displays(found: object) -> Iterator[str]:
    """The content of every text display."""
    if isinstance(found, list):
        for item in found:
            yield from displays(item)
    elif isinstance(found, Mapping):
        if found.get("type") == 10:
            yield str(found["content"])
        for value in found.values():
            yield from displays(value)


def harmful(body: Json) -> list[str]:
    """Every place where Discord could read text as more than words, or lets it carry an emoji or a link."""
    found = [
        f"{kind} in {content!r}"
        for content in displays(body.get("components"))
        for kind in kinds(read(content))
        if kind not in OURS
    ]
    return found + [f"{key} in a component" for key in ("url", "emoji", "sku_id") if f"'{key}': '" in _controls(body)]


def _controls(body: Json) -> str:
    """The rows of controls as text; pictures have addresses of their own, which problems() checks."""
    return "".join(str(item) for item in _flat(body.get("components")) if item.get("type") in (2, 3))


def _flat(found: object) -> Iterator[Json]:
    for item in found if isinstance(found, list) else ():
        yield item
        yield from _flat(item.get("components"))


def readable(body: Json) -> Iterator[str]:
    """Every text that a person reads in a message or a modal."""
    for item in _flat(body.get("components")):
        if item["type"] == 10:
            yield words(read(item["content"]))
        for key in ("label", "placeholder", "description"):
            if item.get(key):
                yield str(item[key])
        yield from (str(option["label"]) for option in item.get("options", ()))
        yield from (str(picture.get("description", "")) for picture in item.get("items", ()))


def shown(body: Json) -> str:
    """A message or modal as a few lines: a kind of component and what is read there."""
    lines = [f"TITLE {body['title']}  {body['custom_id']}"] if "title" in body else []
    for item in body["components"]:
        lines += _component(item)
    return "\n".join(line.rstrip() for line in lines)


_STYLES = {1: "primary", 2: "", 3: "success", 4: "danger"}


def _component(item: Json) -> list[str]:
    match item["type"]:
        case 17:
            head = f"CONTAINER #{item['accent_color']:06x}"
            return [head, *(line for inner in item["components"] for line in _component(inner))]
        case 10:
            return _text(item["content"])
        case 14:
            return ["SEPARATOR"]
        case 12:
            return [f"PICTURE {one['media']['url']}: {one['description']}" for one in item["items"]]
        case 1:
            return [line for inner in item["components"] for line in _component(inner)]
        case 2:
            return [f"[{item['label']}] {_STYLES[item['style']]} {item['custom_id']}".replace("  ", " ")]
        case 18:
            said = f" ({item['description']})" if "description" in item else ""
            asked = "needed" if item["component"]["required"] else "may be left out"
            head = f"LABEL {item['label']}{said}, {asked}"
            return [head, *(f"  {line}" for line in _component(item["component"]))]
        case 3:
            head = f"MENU {item.get('placeholder', '')} {item['custom_id']}"
            return [
                head,
                *(f"  {'✓' if one['default'] else '·'} {one['label']} → {one['value']}" for one in item["options"]),
            ]
    others = {key: value for key, value in item.items() if key not in ("type", "required") and value is not None}
    return [" ".join(["INPUT", *(f"{key}={value}" for key, value in others.items())])]


def _option(option: Json) -> str:
    return f"{'✓' if option['default'] else '·'} {option['label']} → {option['value']}"


def _text(content: str) -> list[str]:
    first, *others = "".join(_inline(piece) for piece in read(content)).replace(NOTHING, "").split("\n")
    return [f"TEXT {first}", *(f"  {line}" for line in others)]


def _inline(piece: Piece) -> str:
    inner = "".join(_inline(inside) for inside in piece.inside) or piece.text
    match piece.kind:
        case "heading":
            return f"HEADING {inner}"
        case "small":
            return f"SMALL {inner}"
        case "bold":
            return f"**{inner}**"
        case "italic":
            return f"//{inner}//"
        case "code":
            return f"`{inner}`"
        case "block":
            return f"CODE\n{inner}"
        case "time":
            return f"{{{inner}}}"
    return inner
