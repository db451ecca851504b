"""The XML that templates yield, read into a `Card`. Elements:

    <card tone="neutral|good|warn|bad"><title>plain text</title>
      <text>words, <b>bold</b>, <code>code</code>, <muted>small</muted>, <br/></text>
      <field name="Balance after">$1.00</field>              neighbours become one block of fields
      <table><column>Source</column><column align="right">Amount</column>
             <row><cell>Logo Lab</cell><cell>$5.00</cell></row></table>
      <chart kind="bar|line" name="incentive-by-day" unit="usd" alt="what it shows, in words">
             <point label="12 Jan" value="8.00"/></chart>      value: decimal text, or hidden
      <button action="payout.reject" value="12" style="default|primary|danger">Reject…</button>
             the form comes from the action's signature. <input name="method" value="manual"> with
             <option value="manual">By hand</option> inside a button fills in or narrows a field of it.
             <button action="open" value="/withdraw" form="yes"> asks for that command's arguments.
      <select action="period" label="Period"><option value="/stats week" selected="yes">Week</option></select>
      <time at="2026-01-15T03:00:00Z">how it reads in the viewer's timezone</time>
      <divider/> <note>small print</note></card>

White space is as in HTML: any run of it is one space. Values arrive as text (autoescape), so that they can never become
elements; `cards.clean` has made characters that would reorder or hide text harmless before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Literal, cast
from xml.etree.ElementTree import Element, ParseError, fromstring

from core.chat.cards import (
    Actions,
    Align,
    BadCard,
    Block,
    Button,
    ButtonStyle,
    Card,
    Chart,
    Column,
    Divider,
    FieldItem,
    FieldKind,
    Fields,
    FormField,
    Note,
    Option,
    Point,
    Select,
    Span,
    Style,
    Table,
    Text,
    Time,
    Tone,
)

FormOf = Callable[[str, str, bool], "tuple[FormField, ...] | None"]
_STYLES: Mapping[str, Style] = {"b": "bold", "code": "code", "muted": "muted"}
_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "card": frozenset({"tone"}),
    "field": frozenset({"name"}),
    "column": frozenset({"align"}),
    "chart": frozenset({"kind", "name", "alt", "unit"}),
    "point": frozenset({"label", "value"}),
    "button": frozenset({"action", "value", "style", "form"}),
    "input": frozenset({"name", "value"}),
    "select": frozenset({"action", "label"}),
    "option": frozenset({"value", "selected"}),
    "time": frozenset({"at"}),
}


def no_forms(_action: str, _value: str, _asked: bool) -> None:
    """A `FormOf` for cards without forms."""


def parse(xml: str, form_of: FormOf = no_forms) -> Card:
    """Read a card. form_of(action, value, asked) gives the form of a button; asked: it has form="yes".

    Raises BadCard for anything that isn't on this page's list of elements and attributes.
    """
    try:
        root = fromstring(xml)  # noqa: S314 - our own templates; data in them is escaped, so it can't declare entities
    except ParseError as error:
        raise BadCard(f"not well-formed: {error}") from error
    if root.tag != "card":
        raise BadCard(f"the outermost element is {root.tag}, not card")
    tone = _choice(root, "tone", "neutral", ("neutral", "good", "warn", "bad"))
    title, blocks = "", list[Block]()
    _only_elements(root)
    for element in root:
        if element.tag == "title":
            title = _plain(element)
        else:
            _add(blocks, _block(element, form_of))
    if not title:
        raise BadCard("a card needs a title")
    return Card(title, cast(Tone, tone), tuple(blocks))


def _add(blocks: list[Block], block: Block) -> None:
    """Append a block; neighbouring fields and controls become one block."""
    last = blocks[-1] if blocks else None
    if isinstance(block, Fields) and isinstance(last, Fields):
        blocks[-1] = Fields(last.items + block.items)
    elif isinstance(block, Actions) and isinstance(last, Actions):
        blocks[-1] = Actions(last.items + block.items)
    else:
        blocks.append(block)


def _block(element: Element, form_of: FormOf) -> Block:
    _check_attributes(element)
    match element.tag:
        case "text":
            return Text(_spans(element))
        case "field":
            return Fields((FieldItem(_need(element, "name"), _plain(element)),))
        case "table":
            return _table(element)
        case "chart":
            return _chart(element)
        case "button":
            return Actions((_button(element, form_of),))
        case "select":
            return Actions((Select(_need(element, "action"), _need(element, "label"), _options(element)),))
        case "time":
            return Time(_moment(_need(element, "at")), _plain(element))
        case "divider":
            return Divider()
        case "note":
            return Note(_plain(element))
    raise BadCard(f"no such element: {element.tag}")


def _spans(element: Element) -> tuple[Span, ...]:
    raw: list[Span] = [Span(element.text or "")]
    for child in element:
        if child.tag == "br":
            raw.append(Span("\n", "code"))
        elif child.tag in _STYLES:
            raw.append(Span(_raw(child), _STYLES[child.tag]))
        else:
            raise BadCard(f"no such element in text: {child.tag}")
        raw.append(Span(child.tail or ""))
    return _collapse(raw)


def _collapse(raw: Iterable[Span]) -> tuple[Span, ...]:
    """White space as in HTML, over the borders of spans; a break eats the spaces around it."""
    spans: list[Span] = []
    at_start = True
    for span in raw:
        if span.text == "\n" and span.style == "code":
            if spans:
                spans[-1] = replace(spans[-1], text=spans[-1].text.rstrip(" "))
            spans.append(Span("\n"))
            at_start = True
            continue
        text = " ".join(span.text.split())
        lead = " " if span.text[:1].isspace() and not at_start else ""
        tail = " " if span.text[-1:].isspace() and text else ""
        if text or lead:
            spans.append(Span(lead + text + tail, span.style))
            at_start = spans[-1].text.endswith(" ")
    while spans and not spans[-1].text.strip():
        spans.pop()
    if spans:
        spans[-1] = replace(spans[-1], text=spans[-1].text.rstrip())
    return _joined(spans)


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    result: list[Span] = []
    for span in spans:
        if not span.text:
            continue
        if result and result[-1].style == span.style:
            result[-1] = Span(result[-1].text + span.text, span.style)
        else:
            result.append(span)
    return tuple(result)


def _raw(element: Element) -> str:
    if len(element):
        raise BadCard(f"{element.tag} holds plain text only, not {element[0].tag}")
    return element.text or ""


def _plain(element: Element) -> str:
    return " ".join(_raw(element).split())


def _table(element: Element) -> Table:
    _only_elements(element)
    columns: list[Column] = []
    rows: list[tuple[str, ...]] = []
    for child in element:
        _check_attributes(child)
        if child.tag == "column":
            columns.append(Column(_plain(child), cast(Align, _choice(child, "align", "left", ("left", "right")))))
        elif child.tag == "row":
            _only_elements(child)
            if any(cell.tag != "cell" for cell in child) or len(child) != len(columns):
                raise BadCard(f"a row needs one cell for each of {len(columns)} columns")
            rows.append(tuple(_plain(cell) for cell in child))
        else:
            raise BadCard(f"no such element in table: {child.tag}")
    return Table(tuple(columns), tuple(rows))


def _chart(element: Element) -> Chart:
    kind = cast(Literal["bar", "line"], _choice(element, "kind", "bar", ("bar", "line")))
    points: list[Point] = []
    for child in element:
        if child.tag != "point":
            raise BadCard(f"no such element in chart: {child.tag}")
        _check_attributes(child)
        points.append(Point(_need(child, "label"), _need(child, "value")))
    return Chart(kind, _need(element, "name"), _need(element, "alt"), tuple(points), element.get("unit", ""))


def _button(element: Element, form_of: FormOf) -> Button:
    label = [element.text or ""]
    filled: dict[str, Element] = {}
    for child in element:
        if child.tag != "input":
            raise BadCard(f"no such element in button: {child.tag}")
        _check_attributes(child)
        filled[_need(child, "name")] = child
        label.append(child.tail or "")
    action, value = _need(element, "action"), element.get("value", "")
    form = form_of(action, value, element.get("form") == "yes")
    if form is not None:
        form = tuple(_filled(field, filled.pop(field.name, None)) for field in form)
    if filled:
        raise BadCard(f"{action} asks for no {', '.join(filled)}")
    style = cast(ButtonStyle, _choice(element, "style", "default", ("default", "primary", "danger")))
    return Button(action, value, " ".join("".join(label).split()), style, form)


def _filled(field: FormField, given: Element | None) -> FormField:
    if given is None:
        return field
    options = _options(given)
    kind: FieldKind = "choice" if options else field.kind
    return replace(field, value=given.get("value", field.value), options=options or field.options, kind=kind)


def _options(element: Element) -> tuple[Option, ...]:
    options: list[Option] = []
    for child in element:
        if child.tag != "option":
            raise BadCard(f"no such element in {element.tag}: {child.tag}")
        _check_attributes(child)
        options.append(Option(_need(child, "value"), _plain(child), child.get("selected", "") in ("yes", "True")))
    return tuple(options)


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise BadCard(f"no time: {text}") from error
    if moment.tzinfo is None:
        raise BadCard(f"a time without a zone: {text}")
    return moment


def _need(element: Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        raise BadCard(f"{element.tag} needs {name}")
    return value


def _choice(element: Element, name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = element.get(name, default)
    if value not in allowed:
        raise BadCard(f"{element.tag} {name} is one of {', '.join(allowed)}, not {value}")
    return value


def _check_attributes(element: Element) -> None:
    unknown = set(element.attrib) - _ATTRIBUTES.get(element.tag, frozenset())
    if unknown:
        raise BadCard(f"{element.tag} has no {', '.join(sorted(unknown))}")


def _only_elements(element: Element) -> None:
    """Words between elements would be lost: refused instead."""
    stray = [text for text in (element.text, *(child.tail for child in element)) if text and text.strip()]
    if stray:
        raise BadCard(f"words outside of any element in {element.tag}: {stray[0].strip()[:40]}")
