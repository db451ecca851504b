"""A message as data: what every surface draws in its own idiom. `markup` reads it from XML, `limits` checks it.

Names and other user-supplied text in a card are data: a surface escapes what its platform would take for markup.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from core.clock import iso

Tone = Literal["neutral", "good", "warn", "bad"]
Style = Literal["plain", "bold", "code", "muted"]
Align = Literal["left", "right"]
ButtonStyle = Literal["default", "primary", "danger"]
FieldKind = Literal["text", "long", "choice", "number"]

HIDDEN = "hidden"  # the value of a point that concerns too few people (domain.md, "Privacy")
NAME_SHOWN = 60  # characters of a user-supplied name that are shown; amounts are never cut


class BadCard(Exception):
    """A template yields something that is no card: a fault of ours, never of the data."""


class CardTooLarge(BadCard):
    """A card breaks a limit of a platform: a fault of the template or command, which should page."""


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    style: Style = "plain"


@dataclass(frozen=True, slots=True)
class Text:
    spans: tuple[Span, ...]

    @property
    def plain(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class FieldItem:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Fields:
    items: tuple[FieldItem, ...]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    align: Align = "left"


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Point:
    """value is decimal text, in the chart's unit; HIDDEN for one that may not be shown, which is drawn as a gap."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Chart:
    """unit: "usd" draws dollars on the axis, "percent" percents; "" or "count" plain numbers. alt says in words what
    the picture shows."""

    kind: Literal["bar", "line"]
    name: str
    alt: str
    points: tuple[Point, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    selected: bool = False


@dataclass(frozen=True, slots=True)
class FormField:
    """One question of a form. value is what it starts with; kind "choice" picks from options."""

    name: str
    label: str
    required: bool = True
    kind: FieldKind = "text"
    min_length: int | None = None
    max_length: int | None = None
    options: tuple[Option, ...] = ()
    value: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """value is opaque to surfaces. form: questions to ask before it is pressed, None for none."""

    action: str
    value: str
    label: str
    style: ButtonStyle = "default"
    form: tuple[FormField, ...] | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """The chosen option's value is passed to the action as its value."""

    action: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Actions:
    items: tuple[Button | Select, ...]


@dataclass(frozen=True, slots=True)
class Time:
    """A moment; label is how it reads in the viewer's timezone where the surface has no way of its own."""

    at: dt.datetime
    label: str


@dataclass(frozen=True, slots=True)
class Divider:
    pass


@dataclass(frozen=True, slots=True)
class Note:
    text: str


Block: TypeAlias = Text | Fields | Table | Chart | Actions | Time | Divider | Note
Json: TypeAlias = "str | int | bool | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Card:
    title: str
    tone: Tone = "neutral"
    blocks: tuple[Block, ...] = ()

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Every button of the card, in reading order."""
        controls = (item for block in self.blocks if isinstance(block, Actions) for item in block.items)
        return tuple(item for item in controls if isinstance(item, Button))

    @property
    def charts(self) -> tuple[Chart, ...]:
        return tuple(block for block in self.blocks if isinstance(block, Chart))

    def as_json(self) -> dict[str, Json]:
        """The card as plain data for the playground and `ask --json` (interfaces.md, "Command line")."""
        blocks: list[Json] = [_block_json(block) for block in self.blocks]
        return {"title": self.title, "tone": self.tone, "blocks": blocks}

    def followed_by(self, other: Card, heading: str = "") -> Card:
        """This card with another's content under it, behind a divider."""
        title = Text((Span(heading or other.title, "bold"),))
        return replace(self, blocks=(*self.blocks, Divider(), title, *other.blocks))


def buttons_json(card: Card) -> list[Json]:
    """The `buttons` of `ask --json`: what `press` may be given next. A select's options count as buttons."""
    found: list[Json] = []
    for block in card.blocks:
        for item in block.items if isinstance(block, Actions) else ():
            if isinstance(item, Button):
                found.append({"action": item.action, "value": item.value, "label": item.label})
            else:
                found += [{"action": item.action, "value": one.value, "label": one.label} for one in item.options]
    return found


def form_json(form: Iterable[FormField]) -> list[Json]:
    """A form as the playground draws it."""
    return [
        {
            "name": field.name,
            "label": field.label,
            "required": field.required,
            "min_length": field.min_length,
            "max_length": field.max_length,
            "kind": field.kind,
            "options": [{"value": option.value, "label": option.label} for option in field.options],
            "value": field.value,
        }
        for field in form
    ]


def _control_json(item: Button | Select) -> dict[str, Json]:
    if isinstance(item, Button):
        form: Json = None if item.form is None else form_json(item.form)
        head: dict[str, Json] = {"type": "button", "action": item.action, "value": item.value}
        return head | {"label": item.label, "style": item.style, "form": form}
    options: list[Json] = [{"value": o.value, "label": o.label, "selected": o.selected} for o in item.options]
    return {"type": "select", "action": item.action, "label": item.label, "options": options}


def _block_json(block: Block) -> dict[str, Json]:
    match block:
        case Text(spans):
            return {"type": "text", "spans": [{"text": span.text, "style": span.style} for span in spans]}
        case Fields(items):
            return {"type": "fields", "items": [{"name": item.name, "value": item.value} for item in items]}
        case Table(columns, rows):
            heads: list[Json] = [{"name": column.name, "align": column.align} for column in columns]
            return {"type": "table", "columns": heads, "rows": [list(row) for row in rows]}
        case Chart():
            points: list[Json] = [{"label": point.label, "value": point.value} for point in block.points]
            head: dict[str, Json] = {"type": "chart", "kind": block.kind, "name": block.name}
            return head | {"alt": block.alt, "unit": block.unit, "points": points}
        case Actions(controls):
            return {"type": "actions", "items": [_control_json(item) for item in controls]}
        case Time(at, label):
            return {"type": "time", "at": iso(at), "label": label}
        case Note(text):
            return {"type": "note", "text": text}
    return {"type": "divider"}


_SPACE = frozenset("\t\n\r\v\f\x85\u2028\u2029")
# Format characters that are seen, or that join letters and emoji: kept. All others (bidirectional controls, zero width
# spaces, tags, …) reorder or hide what stands beside them.
_VISIBLE_FORMAT = frozenset("\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2\U000110bd\U000110cd")


def clean(text: str) -> str:
    """Text without characters that reorder or hide other text: those are taken out, line breaks become spaces; other
    control characters, half surrogates and non-characters become a visible �."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_cleaned(character) for character in text)


def _cleaned(character: str) -> str:
    if character in _SPACE:
        return " "
    category = unicodedata.category(character)
    if category == "Cf":
        return character if character in _VISIBLE_FORMAT else ""
    code = ord(character)
    if category in ("Cc", "Cs") or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return "�"
    return character


def shown_name(text: str) -> str:
    """A user-supplied name for display: clean, on one line, at most NAME_SHOWN characters ("…" marks a cut)."""
    name = " ".join(clean(text).split()) or "(no name)"
    return name if len(name) <= NAME_SHOWN else name[: NAME_SHOWN - 1].rstrip() + "…"
