"""A card as Slack's Block Kit draws it, and what was pressed on one.

Nothing of a card can become a mention, a link, an emoji or markup: it stands in rich text, plain text or raw text,
which Slack shows as they are. Only fields whose values are plain words and figures use mrkdwn, for their bold names.
What does not fit a block (a second table, a chart that Slack can't draw) is drawn in words, whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from adapters.slack.block_limits import BUTTON_VALUE, LIMITS, OPTION_VALUE, Surface
from core.chat.cards import (
    Actions,
    Block,
    Button,
    Card,
    Chart,
    Divider,
    FieldItem,
    Fields,
    Note,
    Option,
    Select,
    Span,
    Table,
    Text,
    Time,
)
from core.chat.text import as_text
from core.chat.words import clock_text, day_text

__all__ = [
    "BUTTON_VALUE",
    "OPTION_VALUE",
    "ChartAs",
    "Drawn",
    "Json",
    "Pressed",
    "answer",
    "home",
    "message",
    "native_possible",
    "plain",
    "read_action",
]

Json: TypeAlias = dict[str, object]
ChartAs: TypeAlias = Mapping[str, str]

ANSWER = "answer"  # the callback_id of an answer's view
NOTIFICATION = 300  # characters of a message's notification
NARROW = 200  # longer values don't read well in two columns
WIDE = 4_000  # characters of an aligned table: a long name in one row would pad all others
_PIECE = 3_000

# Plain words and figures: nothing here is markup, a mention, an emoji, a link or quoting to mrkdwn. A dot, colon or
# slash between letters could make an address of them.
_TAME = re.compile(r"(?:[^\W_]|[ $%,;+−–—·×()'’\"“”?!=]|[.:](?![^\W\d_])|(?<![:/])/(?!/)|-)*")
_EMOJI = re.compile(r":[^\s:]+:")  # :+1: and :100: have no letter after a colon; 10:30:00 is drawn otherwise too


@dataclass(frozen=True, slots=True)
class Drawn:
    """A message: its blocks, and the words of its notification, escaped."""

    blocks: list[Json]
    text: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """What somebody pressed or chose. asks: its questions come first."""

    action: str
    value: str
    asks: bool


def message(card: Card, charts: ChartAs) -> Drawn:
    """The card as a message. charts says how each is drawn; one that is not named is said in words."""
    return Drawn(_Drawing("message", charts).card(card), _notification(card))


def home(card: Card) -> Json:
    """The card as somebody's home view."""
    return {"type": "home", "blocks": _Drawing("home", {}).card(card)}


def answer(card: Card, charts: ChartAs) -> Json:
    """The card as a view that opens over whatever someone looks at: the answer to a press in their home view."""
    blocks = _Drawing("modal", charts).card(card)
    return {"type": "modal", "callback_id": ANSWER, "title": plain("Earnings desk"), "blocks": blocks}


def native_possible(chart: Chart) -> bool:
    """Whether Slack can draw the chart itself: few points, short labels, each once."""
    labels = [point.label for point in chart.points]
    return (
        0 < len(labels) <= LIMITS["data points"].most
        and len(set(labels)) == len(labels)
        and all(0 < len(label) <= LIMITS["chart label"].most for label in labels)
        and 0 < len(_title(chart)) <= LIMITS["chart title"].most
        and all(_number(point.value) is not None for point in chart.points)
    )


def read_action(action: Mapping[str, object]) -> Pressed | None:
    """What an entry of a payload's `actions` says; None for an element that is none of ours."""
    way, _, rest = str(action.get("action_id", "")).partition("|")
    name, _, number = rest.rpartition("|")
    if way not in ("press", "form", "pick") or not name or not number.isdecimal():
        return None
    value: object = action.get("value", "")
    if way == "pick":
        chosen = action.get("selected_option")
        value = chosen.get("value") if isinstance(chosen, Mapping) else None
    return Pressed(name, value, way == "form") if isinstance(value, str) else None


def plain(text: str) -> Json:
    """A text object that shows its text as it is."""
    return {"type": "plain_text", "text": text, "emoji": False}


class _Drawing:
    """One card on its way into blocks: numbers its controls and counts what a surface takes only once or twice."""

    def __init__(self, surface: Surface, charts: ChartAs) -> None:
        self.surface, self.charts = surface, charts
        self.controls = self.tables = self.natives = 0

    def card(self, card: Card) -> list[Json]:
        blocks: list[Json] = [{"type": "header", "text": plain(card.title)}] if card.title.strip() else []
        for block in card.blocks:
            blocks += self._block(block)
        return blocks

    def _block(self, block: Block) -> Sequence[Json]:
        match block:
            case Text(spans):
                return _rich([_styled(span) for span in spans])
            case Fields(items):
                return _fields(items)
            case Table():
                return self._table(block)
            case Chart():
                return self._chart(block)
            case Actions(items):
                return self._actions(items)
            case Time():
                return _time(block)
            case Note(text):
                return _muted(text)
            case Divider():
                return [{"type": "divider"}]

    def _table(self, table: Table) -> Sequence[Json]:
        fits = (
            self.surface != "modal"  # which takes no tables
            # A table without names of columns is a sum or a formula: Slack would take its first row for them.
            and any(column.name.strip() for column in table.columns)
            and self.tables < LIMITS["tables"].most
            and len(table.rows) < LIMITS["table rows"].most
            and len(table.columns) <= LIMITS["table columns"].most
        )
        if not fits:
            return _preformatted(table)
        self.tables += 1
        rows: list[list[Json]] = [[_head(column.name) for column in table.columns]]
        rows += [[_cell(text) for text in row] for row in table.rows]
        settings: list[Json] = [{"align": column.align, "is_wrapped": True} for column in table.columns]
        return [{"type": "table", "rows": rows, "column_settings": settings}]

    def _chart(self, chart: Chart) -> Sequence[Json]:
        way = self.charts.get(chart.name, "words")
        room = self.surface == "message" and self.natives < LIMITS["charts"].most
        if way == "native" and room and native_possible(chart):
            self.natives += 1
            # Slack's own charts have no alternative text: the words stand below.
            return [_native(chart), *_muted(chart.alt)]
        if way.startswith("file:") and 0 < len(chart.alt) <= LIMITS["image alt_text"].most:
            file = {"id": way.removeprefix("file:")}
            title = plain(_title(chart) or "Chart")
            return [{"type": "image", "slack_file": file, "alt_text": chart.alt, "title": title}]
        return _muted(chart.alt)

    def _actions(self, items: Sequence[Button | Select]) -> Sequence[Json]:
        elements = [self._button(item) if isinstance(item, Button) else self._select(item) for item in items]
        most = LIMITS["actions elements"].most
        return [{"type": "actions", "elements": elements[at : at + most]} for at in range(0, len(elements), most)]

    def _button(self, button: Button) -> Json:
        way = "press" if button.form is None else "form"
        drawn: Json = {"type": "button", "text": plain(button.label), "action_id": self._id(way, button.action)}
        if button.value:
            drawn["value"] = button.value
        if button.style != "default":
            drawn["style"] = button.style
        return drawn

    def _select(self, select: Select) -> Json:
        return menu(select.options, action_id=self._id("pick", select.action), label=select.label)

    def _id(self, way: str, action: str) -> str:
        self.controls += 1
        return f"{way}|{action}|{self.controls}"


def menu(options: Sequence[Option], *, action_id: str, label: str = "", chosen: str = "") -> Json:
    """A menu of options; it starts with the selected one, or the one whose value is `chosen`."""
    drawn: Json = {"type": "static_select", "action_id": action_id, "options": [_option(one) for one in options]}
    if label:
        drawn["placeholder"] = plain(label)
    start = next((one for one in options if one.selected or (chosen and one.value == chosen)), None)
    if start is not None:
        drawn["initial_option"] = _option(start)
    return drawn


def _option(option: Option) -> Json:
    return {"text": plain(option.label), "value": option.value}


def _text(text: str, **style: bool) -> Json:
    return {"type": "text", "text": text, "style": dict(style)} if style else {"type": "text", "text": text}


def _styled(span: Span) -> Json:
    match span.style:
        case "bold":
            return _text(span.text, bold=True)
        case "code":
            return _text(span.text, code=True)
        case "muted":
            return _text(span.text, italic=True)
    return _text(span.text)


def _rich(elements: Sequence[Json]) -> list[Json]:
    """A paragraph of rich text; empty pieces, which Slack refuses, are left out."""
    inside = [one for one in elements if one.get("text") != ""]
    if not inside:
        return []
    return [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": inside}]}]


def _fields(items: Sequence[FieldItem]) -> list[Json]:
    if items and all(_tame(item) for item in items):
        found: list[Json] = [
            {"type": "mrkdwn", "text": f"*{item.name}*\n{item.value}", "verbatim": True} for item in items
        ]
        most = LIMITS["section fields"].most
        return [{"type": "section", "fields": found[at : at + most]} for at in range(0, len(found), most)]
    elements: list[Json] = []
    for item in items:
        elements += [_text("\n")] if elements else []
        elements += [_text(item.name, bold=True), _text(f"  {item.value}")]
    return _rich(elements)


def _tame(item: FieldItem) -> bool:
    """Whether mrkdwn shows both name and value as they are, the name in bold."""
    return (
        len(item.name) + len(item.value) <= NARROW
        and item.name == item.name.strip() != ""
        and item.value.strip() != ""
        and _TAME.fullmatch(item.name) is not None
        and _TAME.fullmatch(item.value) is not None
        and _EMOJI.search(f"{item.name}\n{item.value}") is None
    )


def _head(name: str) -> Json:
    if not name.strip():
        return _cell("")
    section = {"type": "rich_text_section", "elements": [_text(name, bold=True)]}
    return {"type": "rich_text", "elements": [section]}


def _cell(text: str) -> Json:
    return {"type": "raw_text", "text": text or " "}  # an empty one is refused


def _preformatted(table: Table) -> list[Json]:
    aligned = as_text(Card("", blocks=(table,))).removeprefix("\n") if table.columns else ""
    if len(aligned) > WIDE:
        lines = [tuple(column.name for column in table.columns), *table.rows]
        aligned = "\n".join("\t".join(line) for line in lines)
    if not aligned.strip():
        return []
    pieces = [_text(aligned[at : at + _PIECE]) for at in range(0, len(aligned), _PIECE)]
    return [{"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": pieces}]}]


def _muted(text: str) -> list[Json]:
    """Small grey lines; as many as it takes."""
    most = LIMITS["text"].most
    pieces = [text[at : at + most] for at in range(0, len(text), most)]
    return [{"type": "context", "elements": [plain(piece)]} for piece in pieces if piece.strip()]


def _time(block: Time) -> list[Json]:
    """The moment by the reader's own clock, as Slack knows it; and in UTC, which the desk goes by."""
    date: Json = {
        "type": "date",
        "timestamp": int(block.at.timestamp()),
        "format": "{date_short_pretty} at {time}",
    }
    if block.label:
        date["fallback"] = block.label
    return _rich([date, _text(f" ({day_text(block.at.date())} {clock_text(block.at)})", italic=True)])


def _title(chart: Chart) -> str:
    """incentive-by-day as people write it."""
    words = chart.name.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _native(chart: Chart) -> Json:
    unit = {"usd": "US dollars", "percent": "Percent"}.get(chart.unit, "Count")
    data: list[Json] = [{"label": point.label, "value": _number(point.value)} for point in chart.points]
    drawn: Json = {
        "type": chart.kind,
        "series": [{"name": unit, "data": data}],
        "axis_config": {"categories": [point.label for point in chart.points], "y_label": unit},
    }
    return {"type": "data_visualization", "title": _title(chart), "chart": drawn}


def _number(text: str) -> int | float | None:
    """Decimal text as a number of JSON; None for what is none."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) > 10**15:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _notification(card: Card) -> str:
    """The title and what the first lines say, on one line."""
    words = " · ".join(filter(None, (" ".join(line.split()) for line in _first_words(card))))
    if len(words) > NOTIFICATION:
        words = words[: NOTIFICATION - 1].rstrip() + "…"
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") or "Earnings"


def _first_words(card: Card) -> Iterator[str]:
    yield card.title
    for block in card.blocks:
        match block:
            case Text():
                yield block.plain
            case Fields(items):
                yield from (f"{item.name} {item.value}" for item in items)
            case Note(text):
                yield text
