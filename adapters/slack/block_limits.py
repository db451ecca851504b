"""Block Kit's documented limits, in one table, and a walk over a payload that says every breach in words.

What our blocks are drawn by and what the tests' own Slack judges by. Only what this adapter draws is known here: any
other kind of block, element or key counts as a breach. Sources name pages under docs.slack.dev/reference/block-kit;
"observed" marks what Slack refuses without a page that says so. Lengths are in characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from adapters.rules import Found, Limit, Object, Rules

BUTTON_VALUE: Final = 2_000
OPTION_VALUE: Final = 150

Surface = Literal["message", "modal", "home"]


_ID = "blocks, block_id"
_PAGE = {
    name: f"blocks/{name}-block" for name in ("section", "actions", "context", "header", "image", "input", "table")
}
_CHART = "blocks/data-visualization-block"
_VIEW = "surfaces/views"

LIMITS: Final[Mapping[str, Limit]] = {
    "message blocks": Limit(50, "blocks", least=0),
    "modal blocks": Limit(100, "blocks"),
    "home blocks": Limit(100, "blocks"),
    # No page: chat.postMessage answers msg_blocks_too_long from about 13,200 on; Slack's staff speak of 12,000
    # characters of text and a buffer for what holds it (bolt-js issues 2509 and 2867).
    "message text": Limit(12_000, "observed", least=0),
    "block_id": Limit(255, _ID),
    "action_id": Limit(255, "block-elements, action_id"),
    "text": Limit(3_000, "composition-objects/text-object"),
    "header text": Limit(150, _PAGE["header"]),
    "section text": Limit(3_000, _PAGE["section"]),
    "section fields": Limit(10, _PAGE["section"]),
    "section field": Limit(2_000, _PAGE["section"]),
    "actions elements": Limit(25, _PAGE["actions"]),
    "context elements": Limit(10, _PAGE["context"]),
    "button text": Limit(75, "block-elements/button-element"),
    "button value": Limit(BUTTON_VALUE, "block-elements/button-element"),
    "placeholder": Limit(150, "block-elements/select-menu-element"),
    "options": Limit(100, "block-elements/select-menu-element"),
    "option text": Limit(75, "composition-objects/option-object"),
    "option value": Limit(OPTION_VALUE, "composition-objects/option-object"),
    "image title": Limit(2_000, _PAGE["image"]),
    "image alt_text": Limit(2_000, _PAGE["image"]),
    "rich text elements": Limit(10_000, "blocks/rich-text-block (none empty: observed)"),
    "rich text": Limit(12_000, "blocks/rich-text-block (none empty: observed)"),
    "tables": Limit(1, _PAGE["table"], least=0),
    "table rows": Limit(100, _PAGE["table"]),
    "table columns": Limit(20, _PAGE["table"]),
    "column_settings": Limit(20, _PAGE["table"], least=0),
    "table text": Limit(10_000, _PAGE["table"], least=0),
    "table cell": Limit(10_000, f"{_PAGE['table']} (none empty: observed)"),
    "charts": Limit(2, f"{_CHART} (observed)", least=0),
    "chart title": Limit(50, _CHART),
    "chart series": Limit(6, _CHART),
    "series name": Limit(20, _CHART),
    "data points": Limit(20, _CHART),
    "chart label": Limit(20, _CHART),
    "axis label": Limit(50, _CHART),
    "input label": Limit(2_000, _PAGE["input"]),
    "input length": Limit(3_000, "block-elements/plain-text-input-element", least=0),
    "view title": Limit(24, _VIEW),
    "view submit": Limit(24, _VIEW),
    "view close": Limit(24, _VIEW),
    "private_metadata": Limit(3_000, _VIEW, least=0),
    "callback_id": Limit(255, _VIEW),
}

# Where each kind of block may stand (blocks.json of docs.slack.dev; charts are documented for messages only).
_SURFACES: Final[Mapping[str, tuple[Surface, ...]]] = {
    "header": ("message", "modal", "home"),
    "section": ("message", "modal", "home"),
    "rich_text": ("message", "modal", "home"),
    "divider": ("message", "modal", "home"),
    "context": ("message", "modal", "home"),
    "actions": ("message", "modal", "home"),
    "image": ("message", "modal", "home"),
    "input": ("message", "modal", "home"),
    "table": ("message", "home"),
    "data_visualization": ("message",),
}

# Keys of each kind of object: the needed ones, then those that may be left out. Others are refused.
_KEYS: Final[Mapping[str, tuple[str, str]]] = {
    "header": ("text", "block_id"),
    "section": ("", "text fields accessory block_id"),
    "rich_text": ("elements", "block_id"),
    "divider": ("", "block_id"),
    "context": ("elements", "block_id"),
    "actions": ("elements", "block_id"),
    "image": ("alt_text slack_file", "title block_id"),
    "input": ("label element", "optional hint block_id"),
    "table": ("rows", "column_settings block_id"),
    "data_visualization": ("title chart", "block_id"),
    "button": ("text action_id", "value style"),
    "static_select": ("options action_id", "placeholder initial_option"),
    "plain_text_input": ("action_id", "multiline min_length max_length initial_value placeholder"),
    "number_input": ("action_id is_decimal_allowed", "initial_value placeholder"),
    "plain_text": ("text", "emoji"),
    "mrkdwn": ("text", "verbatim"),
    "rich_text_section": ("elements", ""),
    "rich_text_preformatted": ("elements", "border"),
    "rich text text": ("text", "style"),
    "rich text date": ("timestamp format", "fallback style"),
    "raw_text": ("text", ""),
    "option": ("text value", ""),
    "modal": ("title blocks", "submit close private_metadata callback_id external_id notify_on_close clear_on_close"),
    "home": ("blocks", "private_metadata callback_id external_id"),
}
_RULES: Final = Rules(LIMITS, _KEYS)
_STYLES = frozenset({"bold", "italic", "code"})
_DATE_TOKEN = re.compile(r"\{(?:date(?:_num|_slash|_short|_long)?(?:_full)?(?:_pretty)?|time(?:_secs)?|ago)\}")


def problems(surface: Surface, payload: Mapping[str, object]) -> list[str]:
    """Every limit that a message ({"blocks": …}) or a view breaks, in words; empty when Slack would take it."""
    return list(_Walk(surface).payload(payload))


class _Walk:
    """One payload's walk: what has to be unique or is counted over all of it is kept here."""

    def __init__(self, surface: Surface) -> None:
        self.surface: Surface = surface
        self.block_ids: set[str] = set()
        self.letters = 0

    def payload(self, payload: Object) -> Found:
        if self.surface != "message":
            yield from self._view(payload)
        blocks = _objects(payload.get("blocks"))
        yield from _RULES.count(f"{self.surface} blocks", len(blocks))
        kinds = [block.get("type") for block in blocks]
        yield from _RULES.count("tables", kinds.count("table"))
        yield from _RULES.count("charts", kinds.count("data_visualization"))
        for at, block in enumerate(blocks):
            yield from (f"block {at} ({block.get('type')}): {found}" for found in self._block(block))
        if self.surface == "message":
            yield from _RULES.count("message text", self.letters)

    def _view(self, view: Object) -> Found:
        if view.get("type") != self.surface:
            yield f"a view of type {view.get('type')!r}, not {self.surface}"
        yield from _RULES.keys(view, self.surface)
        for name in ("title", "submit", "close"):
            if name in view:
                yield from self._plain(view[name], f"view {name}")
        for name in ("private_metadata", "callback_id"):
            if name in view:
                yield from _RULES.length(name, view[name])
        asks = any(block.get("type") == "input" for block in _objects(view.get("blocks")))
        if self.surface == "modal" and asks and "submit" not in view:
            yield "a modal with inputs and no submit"

    def _block(self, block: Object) -> Found:
        kind = str(block.get("type"))
        if self.surface not in _SURFACES.get(kind, ()):
            yield f"no such block in a {self.surface}"
            return
        yield from _RULES.keys(block, kind)
        if "block_id" in block:
            yield from _RULES.length("block_id", block["block_id"])
            if str(block["block_id"]) in self.block_ids:
                yield f"block_id {block['block_id']!r} is used twice"
            self.block_ids.add(str(block["block_id"]))
        walk = {
            "header": self._header,
            "section": self._section,
            "rich_text": self._rich,
            "context": self._context,
            "actions": self._actions,
            "image": self._image,
            "input": self._input,
            "table": self._table,
            "data_visualization": self._chart,
        }.get(kind)
        if walk is not None:
            yield from walk(block)

    def _header(self, block: Object) -> Found:
        yield from self._plain(block.get("text"), "header text")

    def _section(self, block: Object) -> Found:
        if "text" not in block and "fields" not in block:
            yield "neither text nor fields"
        if "text" in block:
            yield from self._text(block["text"], "section text")
        if "fields" in block:
            fields = _objects(block["fields"])
            yield from _RULES.count("section fields", len(fields))
            for field in fields:
                yield from self._text(field, "section field")
        if "accessory" in block:
            yield from self._element(_object(block["accessory"]))

    def _context(self, block: Object) -> Found:
        elements = _objects(block.get("elements"))
        yield from _RULES.count("context elements", len(elements))
        for element in elements:
            yield from self._text(element, "text")

    def _actions(self, block: Object) -> Found:
        elements = _objects(block.get("elements"))
        yield from _RULES.count("actions elements", len(elements))
        ids = [element.get("action_id") for element in elements]
        if len(set(ids)) != len(ids):
            yield "an action_id is used twice"
        for element in elements:
            if element.get("type") not in ("button", "static_select"):
                yield f"no such element in actions: {element.get('type')}"
            else:
                yield from self._element(element)

    def _image(self, block: Object) -> Found:
        if "title" in block:
            yield from self._plain(block["title"], "image title")
        yield from _RULES.length("image alt_text", block.get("alt_text"))
        file = _object(block.get("slack_file"))
        if set(file) != {"id"} or not str(file.get("id")):
            yield "slack_file needs an id and nothing else"

    def _input(self, block: Object) -> Found:
        yield from self._plain(block.get("label"), "input label")
        if "hint" in block:
            yield from self._plain(block["hint"], "input label")
        element = _object(block.get("element"))
        if element.get("type") not in ("plain_text_input", "number_input", "static_select"):
            yield f"no such element in an input: {element.get('type')}"
            return
        yield from self._element(element)

    def _element(self, element: Object) -> Found:
        kind = str(element.get("type"))
        if kind not in ("button", "static_select", "plain_text_input", "number_input"):
            yield f"no such element: {kind}"
            return
        yield from _RULES.keys(element, kind)
        yield from _RULES.length("action_id", element.get("action_id"))
        if "placeholder" in element:
            yield from self._plain(element["placeholder"], "placeholder")
        match kind:
            case "button":
                yield from self._plain(element.get("text"), "button text")
                if "value" in element:
                    yield from _RULES.length("button value", element["value"])
                if element.get("style", "primary") not in ("primary", "danger"):
                    yield f"no such style: {element.get('style')}"
            case "static_select":
                yield from self._select(element)
            case "plain_text_input":
                yield from _RULES.typed(element, "initial_value")
            case _:
                if not re.fullmatch(r"-?[0-9]*\.?[0-9]+", str(element.get("initial_value", "0"))):
                    yield "a number_input that starts with no number"

    def _select(self, element: Object) -> Found:
        options = _objects(element.get("options"))
        yield from _RULES.count("options", len(options))
        counted = self.letters
        for option in options:
            yield from _RULES.keys({"type": "option", **option}, "option")
            yield from self._plain(option.get("text"), "option text")
            yield from _RULES.length("option value", option.get("value"))
        self.letters = counted  # what a closed menu holds is no text of the message
        if "initial_option" in element and element["initial_option"] not in options:
            yield "initial_option is none of the options"

    def _rich(self, block: Object) -> Found:
        parts = _objects(block.get("elements"))
        yield from _RULES.count("rich text elements", len(parts))
        for part in parts:
            kind = str(part.get("type"))
            if kind not in ("rich_text_section", "rich_text_preformatted"):
                yield f"no such rich text: {kind}"
                continue
            yield from _RULES.keys(part, kind)
            inside = _objects(part.get("elements"))
            yield from _RULES.count("rich text elements", len(inside))
            for element in inside:
                yield from self._rich_element(element)

    def _rich_element(self, element: Object) -> Found:
        kind = f"rich text {element.get('type')}"
        if kind not in _KEYS:
            yield f"no such element: {kind}"
            return
        yield from _RULES.keys(element, kind)
        if kind == "rich text date":
            if not _DATE_TOKEN.search(str(element.get("format"))):
                yield "a date whose format has no token"
            if type(element.get("timestamp")) is not int:
                yield "a date without whole seconds"
        else:
            yield from _RULES.length("rich text", element.get("text"))
        self._read(element.get("text", element.get("fallback", "")))
        style = _object(element.get("style", {}))
        if not set(style) <= _STYLES or not all(value is True for value in style.values()):
            yield f"no such style: {dict(style)}"

    def _table(self, block: Object) -> Found:
        rows = [_objects(row) for row in _items(block.get("rows"))]
        yield from _RULES.count("table rows", len(rows))
        for width in sorted({len(row) for row in rows}):
            yield from _RULES.count("table columns", width)
        if len({len(row) for row in rows}) > 1:
            yield "rows of unequal length"
        before = self.letters
        for cell in (cell for row in rows for cell in row):
            if cell.get("type") == "rich_text":
                yield from self._rich(cell)
            elif cell.get("type") == "raw_text":
                yield from _RULES.keys(cell, "raw_text")
                yield from _RULES.length("table cell", cell.get("text"))
                self._read(cell.get("text"))
            else:
                yield f"no such cell: {cell.get('type')}"
        yield from _RULES.count("table text", self.letters - before)
        settings = _objects(block.get("column_settings", []))
        yield from _RULES.count("column_settings", len(settings))
        for setting in settings:
            if not set(setting) <= {"align", "is_wrapped"} or setting.get("align", "left") not in _ALIGNS:
                yield f"no such column setting: {dict(setting)}"

    def _chart(self, block: Object) -> Found:
        yield from _RULES.length("chart title", block.get("title"))
        self._read(block.get("title"))
        chart = _object(block.get("chart"))
        if set(chart) != {"type", "series", "axis_config"} or chart.get("type") not in ("bar", "line", "area"):
            yield f"no such chart: {chart.get('type')} of {', '.join(sorted(chart))}"
            return
        axis = _object(chart["axis_config"])
        categories = [str(item) for item in _items(axis.get("categories"))]
        yield from _RULES.count("data points", len(categories))
        for label in categories:
            yield from _RULES.length("chart label", label)
        for name in ("x_label", "y_label"):
            if name in axis:
                yield from _RULES.length("axis label", axis[name])
        series = _objects(chart["series"])
        yield from _RULES.count("chart series", len(series))
        names = [one.get("name") for one in series]
        if len(set(names)) != len(names):
            yield "two series of one name"
        for one in series:
            yield from _RULES.length("series name", one.get("name"))
            data = _objects(one.get("data"))
            if [point.get("label") for point in data] != categories or len(set(categories)) != len(categories):
                yield "the data's labels are not the categories, each once"
            if not all(type(point.get("value")) in (int, float) for point in data):
                yield "a value that is no number"

    def _plain(self, text: object, what: str) -> Found:
        if _object(text).get("type") != "plain_text":
            yield f"{what} has to be plain_text"
        yield from self._text(text, what)

    def _text(self, text: object, what: str) -> Found:
        found = _object(text)
        kind = str(found.get("type"))
        if kind not in ("plain_text", "mrkdwn"):
            yield f"{what}: no such text object: {kind}"
            return
        yield from _RULES.keys(found, kind)
        yield from _RULES.length(what, found.get("text"))
        self._read(found.get("text"))

    def _read(self, text: object) -> None:
        self.letters += len(str(text))


_ALIGNS = ("left", "center", "right")


def _object(value: object) -> Object:
    return value if isinstance(value, Mapping) else {"type": type(value).__name__}


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else ()


def _objects(value: object) -> list[Object]:
    return [_object(item) for item in _items(value)]
