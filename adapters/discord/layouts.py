"""A card as a Discord layout: one container, coloured by tone, of text displays, pictures and rows of controls.

Nothing of a card can become a mention, a link, an emoji or markup (see markdown). Discord takes 40 components and 4,000
characters of text. A card is drawn in the best of several ways that fits: what core.chat.limits lets pass fits the last
of them at least, in which all words stand in one block of code above all controls. Nothing is ever cut.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, cast

import discord

from adapters.discord.custom_ids import BUTTON_VALUE, OPTION_VALUE, Pick, Press, button_id, menu_id
from adapters.discord.limits import COMPONENTS_V2, LIMITS
from adapters.discord.markdown import NOTHING, block, bold, code, heading, inert, italic, small
from core.chat.cards import (
    Actions,
    Block,
    Button,
    ButtonStyle,
    Card,
    CardTooLarge,
    Chart,
    Divider,
    Fields,
    Note,
    Option,
    Select,
    Span,
    Table,
    Text,
    Time,
    Tone,
)
from core.chat.text import as_text, width
from core.chat.words import clock_text, full_day_text

__all__ = ["BUTTON_VALUE", "OPTION_VALUE", "body", "inert", "mark", "menu_options", "message"]

Json: TypeAlias = dict[str, object]
_Item: TypeAlias = discord.ui.Item[discord.ui.LayoutView]
_Row: TypeAlias = discord.ui.ActionRow[discord.ui.LayoutView]

COLOURS: Final[Mapping[Tone, int]] = {"neutral": 0x5865F2, "good": 0x2E9E5B, "warn": 0xE0A100, "bad": 0xC93B3B}
STYLES: Final[Mapping[ButtonStyle, discord.ButtonStyle]] = {
    "default": discord.ButtonStyle.secondary,
    "primary": discord.ButtonStyle.primary,
    "danger": discord.ButtonStyle.danger,
}
WIDE: Final = 56  # columns of an aligned table; wider ones are not padded: a phone would break every line of them
BLANK: Final = "–"  # in place of a label of spaces, which Discord refuses
_RULE: Final = "─"


def message(card: Card, *, key: str = "", pictures: Mapping[str, str] | None = None) -> discord.ui.LayoutView:
    """The card as a layout. key: what the outermost container is marked with (see mark); "" for no mark.

    pictures: names of charts and of the files attached to the message that show them; other charts are said in words.
    Raises CardTooLarge for a card that breaks core.chat.limits; custom_ids.TooLong for values that were not shortened.
    """
    parts = _parts(card, pictures or {})
    for way in _WAYS:
        drawn = _Drawing(way)
        drawn.all(parts)
        if drawn.fits:
            return _view(drawn.children, COLOURS[card.tone], mark(key) if key else None)
    raise CardTooLarge(f"card “{card.title[:60]}” does not fit a message on Discord")


def body(view: discord.ui.LayoutView) -> Json:
    """The layout as it is sent."""
    components: object = view.to_components()  # type: ignore[no-untyped-call] # the library says nothing of it
    return {"components": components, "flags": COMPONENTS_V2}


def mark(key: str) -> int:
    """A number for an outbox key, by which its message is found again: a component's id, 1 to 2**31 − 1."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8]) % (2**31 - 1) + 1


def menu_options(options: Sequence[Option], *, chosen: str = "") -> list[discord.SelectOption]:
    """A menu's options; it starts with the first selected one, or with the one whose value is `chosen`.

    Discord takes each value once: a second option of the same value, which would do the same, is left out.
    """
    start = next((one.value for one in options if one.selected or (chosen and one.value == chosen)), None)
    kept: dict[str, discord.SelectOption] = {}
    for one in options:
        label = one.label if one.label.strip() else BLANK
        kept.setdefault(one.value, discord.SelectOption(label=label, value=one.value, default=one.value == start))
    return list(kept.values())


@dataclass(frozen=True, slots=True)
class _Words:
    """Some text: with markup, the same with tables unpadded, and without any, for a block of code."""

    rich: str
    lean: str
    plain: str


@dataclass(frozen=True, slots=True)
class _Picture:
    file: str
    alt: str


@dataclass(frozen=True, slots=True)
class _Controls:
    items: tuple[Button | Select, ...]
    first: int  # the number of its first one


_Part: TypeAlias = _Words | _Picture | _Controls | Divider


@dataclass(frozen=True, slots=True)
class _Way:
    """How to draw. words: a field of _Words. rules: dividers are lines across; otherwise text. apart: words and
    pictures first, then all controls."""

    words: str = "rich"
    rules: bool = True
    apart: bool = False


_WAYS: Final = tuple(
    _Way(words, rules, apart)
    for words in ("rich", "lean", "plain")
    for rules, apart in ((True, False), (False, False), (False, True))
)


@dataclass(slots=True)
class _Drawing:
    """One try: what goes into the container, and how much that is."""

    way: _Way
    children: list[_Item] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    components: int = 1
    letters: int = 0

    @property
    def fits(self) -> bool:
        return self.components <= LIMITS["components"].most and self.letters <= LIMITS["text of all text displays"].most

    def all(self, parts: Sequence[_Part]) -> None:
        if self.way.apart:
            parts = sorted(parts, key=lambda part: (isinstance(part, _Controls), isinstance(part, _Picture)))
        for part in parts:
            self.part(part)
        self.flush()
        if not self.children:
            self.run.append(BLANK)
            self.flush()

    def part(self, part: _Part) -> None:
        match part:
            case _Words():
                self.run.append(str(getattr(part, self.way.words)))
            case Divider() if not self.way.rules:
                self.run.append(_RULE)
            case Divider():
                self.add(discord.ui.Separator())
            case _Picture(file, alt):
                item = discord.MediaGalleryItem(f"attachment://{file}", description=alt)
                self.add(discord.ui.MediaGallery(item))
            case _Controls():
                for row in _rows(part):
                    self.add(row)
                self.components += len(part.items)

    def add(self, item: _Item) -> None:
        self.flush()
        self.children.append(item)
        self.components += 1

    def flush(self) -> None:
        """Texts beside each other are one text display."""
        text = "\n".join(self.run)
        self.run = []
        if text.strip():
            text = block(text) if self.way.words == "plain" else text
            self.letters += len(text)
            self.add(discord.ui.TextDisplay(text))


def _view(children: Sequence[_Item], colour: int, number: int | None) -> discord.ui.LayoutView:
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.Container(*children, accent_colour=colour, id=number))
    return view


def _parts(card: Card, pictures: Mapping[str, str]) -> list[_Part]:
    parts: list[_Part] = []
    if card.title.strip():
        title = heading(card.title)
        parts.append(_Words(title, title, card.title))
    controls = 0
    for one in card.blocks:
        if isinstance(one, Actions):
            if one.items:
                parts.append(_Controls(one.items, controls))
            controls += len(one.items)
        else:
            parts += _part(one, pictures)
    return parts


def _part(one: Block, pictures: Mapping[str, str]) -> Iterator[_Part]:
    words: _Words | None = None
    match one:
        case Divider():
            yield one
        case Chart() if one.name in pictures and 0 < len(one.alt.strip()) <= LIMITS["picture description"].most:
            yield _Picture(pictures[one.name], one.alt)
        case Chart():
            words = _Words(small(one.alt), small(one.alt), one.alt)
        case Text(spans):
            rich = _text(spans)
            words = _Words(rich, rich, one.plain)
        case Fields(items):
            rich = "\n".join(f"{bold(item.name)} {inert(item.value)}" for item in items)
            words = _Words(rich, rich, "\n".join(f"{item.name}  {item.value}" for item in items))
        case Table():
            words = _table(one)
        case Time(at, label):
            label = label or f"{full_day_text(at.date())} {clock_text(at)}"
            rich = f"<t:{int(at.timestamp())}:f> ({inert(label)})"
            words = _Words(rich, rich, label)
        case Note(text):
            words = _Words(small(text), small(text), text)
    if words is not None and words.plain.strip():
        yield words


def _text(spans: Sequence[Span]) -> str:
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].style == span.style:
            joined[-1] = Span(joined[-1].text + span.text, span.style)
        elif span.text:
            joined.append(span)
    if all(span.style == "muted" for span in joined):
        return small("".join(span.text for span in joined))
    drawn = ""
    styled = False
    for span in joined:
        part = _span(span)
        # Marks beside each other would be read together, and a mark beside the same sign, though that one is escaped.
        if (styled and span.style != "plain") or (drawn[-1:] == part[:1] != "" and drawn[-1] in "*`"):
            drawn += NOTHING
        drawn += part
        styled = span.style != "plain"
    return drawn


def _span(span: Span) -> str:
    match span.style:
        case "bold":
            return bold(span.text)
        case "code":
            return code(span.text)
        case "muted":
            return italic(span.text)
    return inert(span.text)


def _table(table: Table) -> _Words | None:
    if not table.columns:
        return None
    named = any(column.name.strip() for column in table.columns)
    rows = [tuple(column.name for column in table.columns), *table.rows] if named else list(table.rows)
    bare = "\n".join(" · ".join(row) for row in rows)
    aligned = as_text(Card("", blocks=(table,))).removeprefix("\n")
    if max(width(line) for line in aligned.split("\n")) > WIDE:
        aligned = bare
    return _Words(block(aligned), block(bare), bare)


def _rows(controls: _Controls) -> Iterator[_Row]:
    """A menu fills a row; buttons stand five in one."""
    most = LIMITS["action row buttons"].most
    buttons: list[_Item] = []
    for number, item in enumerate(controls.items, controls.first + 1):
        if buttons and (isinstance(item, Select) or len(buttons) == most):
            yield discord.ui.ActionRow(*buttons)
            buttons = []
        if isinstance(item, Select):
            yield discord.ui.ActionRow(_menu(item, number))
        else:
            buttons.append(_button(item, number))
    if buttons:
        yield discord.ui.ActionRow(*buttons)


def _button(button: Button, number: int) -> _Item:
    drawn = discord.ui.Button[discord.ui.LayoutView](
        label=button.label if button.label.strip() else BLANK,
        style=STYLES[button.style],
        custom_id=button_id(button.action, number, button.value, asks=button.form is not None),
    )
    return cast(_Item, Press(drawn))


def _menu(select: Select, number: int) -> _Item:
    drawn = discord.ui.Select[discord.ui.LayoutView](
        custom_id=menu_id(select.action, number),
        placeholder=select.label if select.label.strip() else None,
        options=menu_options(select.options),
    )
    return cast(_Item, Pick(drawn))
