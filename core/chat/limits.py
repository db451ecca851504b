"""One table of limits: the stricter of the chat platforms', so that a card that fits is drawn whole everywhere.

Nothing is cut silently: too long text is split over blocks; anything else that doesn't fit is a fault of the template
or command (which should page), raised where cards are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from core.chat.cards import (
    Actions,
    Block,
    Button,
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
)

# The stricter of Slack's and Discord's limits (findings.md), in characters or pieces.
LIMITS: Mapping[str, int] = {
    "title": 150,  # Slack header
    "text": 3_000,  # Slack section
    "all text": 3_900,  # Discord allows 4,000 in all text displays of a message; the rest is for a frame around it
    "blocks": 30,  # Discord counts 40 components, nested ones too; Slack 50 blocks
    "fields": 10,  # Slack section fields
    "rows": 100,  # Slack table
    "columns": 20,  # Slack table
    "tables": 1,  # Slack: one per message
    "charts": 2,
    "points": 60,
    "alt": 1_000,  # Discord allows 1,024 to describe a picture, Slack 2,000
    "controls": 15,  # buttons and selects of a message
    "label": 75,  # Slack button
    "value": 2_000,  # Slack button; Discord's 100 are met by an opaque id that stands for it
    "options": 25,  # Discord select
    "option label": 75,  # Slack option
    "form fields": 5,  # Discord modal
    "form label": 45,  # Discord modal
}
_MOMENT = len("31 Dec 2026 23:59 UTC")  # a time without a label


def fit(card: Card) -> Card:
    """The card with over-long titles and texts spread over blocks.

    Raises CardTooLarge, naming every limit it breaks, when that is not enough.
    """
    blocks: list[Block] = []
    title = card.title
    if len(title) > LIMITS["title"]:
        # The whole title stands below its beginning: nothing is lost.
        blocks.append(Text((Span(title, "bold"),)))
        title = title[: LIMITS["title"] - 1].rstrip() + "…"
    for block in card.blocks:
        blocks += _pieces(block)
    fitted = replace(card, title=title, blocks=tuple(blocks))
    broken = list(problems(fitted))
    if broken:
        raise CardTooLarge(f"card “{title[:60]}”: " + "; ".join(broken))
    return fitted


def problems(card: Card) -> Iterator[str]:
    """Each limit that the card breaks, in words."""
    counts = {
        "title": len(card.title),
        "all text": sum(_letters(block) for block in card.blocks) + len(card.title),
        "blocks": len(card.blocks),
        "tables": sum(isinstance(block, Table) for block in card.blocks),
        "charts": len(card.charts),
        "controls": sum(len(block.items) for block in card.blocks if isinstance(block, Actions)),
    }
    yield from _over(counts)
    for block in card.blocks:
        yield from _block_problems(block)


def _block_problems(block: Block) -> Iterator[str]:
    match block:
        case Text():
            yield from _over({"text": len(block.plain)})
        case Note(text):
            yield from _over({"text": len(text)})
        case Fields(items):
            yield from _over({"fields": len(items)})
        case Table(columns, rows):
            yield from _over({"columns": len(columns), "rows": len(rows)})
        case Chart():
            yield from _over({"points": len(block.points), "alt": len(block.alt)})
        case Actions(items):
            for item in items:
                yield from _button_problems(item) if isinstance(item, Button) else _select_problems(item)


def _select_problems(select: Select) -> Iterator[str]:
    yield from _over({"label": len(select.label)})
    yield from _option_problems(select.options)
    if not select.options:
        yield f"a menu of {select.action} without options"


def _option_problems(options: Sequence[Option]) -> Iterator[str]:
    longest = max((len(option.label) for option in options), default=0)
    value = max((len(option.value) for option in options), default=0)
    yield from _over({"options": len(options), "option label": longest, "value": value})
    if not all(option.label and option.value for option in options):
        yield "an option without a label or a value"


def _button_problems(button: Button) -> Iterator[str]:
    form = button.form or ()
    yield from _over(
        {
            "label": len(button.label),
            "value": len(button.value),
            "form fields": len(form),
            "form label": max((len(field.label) for field in form), default=0),
        }
    )
    for field in form:
        yield from _option_problems(field.options)
    if not button.label:
        yield f"a button of {button.action} without a label"


def _over(counts: Mapping[str, int]) -> Iterator[str]:
    for what, count in counts.items():
        if count > LIMITS[what]:
            yield f"{what} {count} over {LIMITS[what]}"


def _letters(block: Block) -> int:
    """Characters of a block's words and of what stands between them, however plainly it is drawn."""
    match block:
        case Text():
            return len(block.plain) + 1
        case Fields(items):
            return sum(len(item.name) + len(item.value) + 3 for item in items)
        case Table(columns, rows):
            cells = [column.name for column in columns] + [cell for row in rows for cell in row]
            return sum(len(cell) + 3 for cell in cells)
        case Chart():
            return len(block.alt) + 1
        case Time(_, label):
            return max(len(label), _MOMENT) + 1
        case Note(text):
            return len(text) + 1
        case Divider():
            return 2
    return 0


def _pieces(block: Block) -> Iterator[Block]:
    if isinstance(block, Note) and len(block.text) > LIMITS["text"]:
        yield from (Note(piece) for piece in _cut(block.text))
    elif isinstance(block, Fields):
        for start in range(0, len(block.items), LIMITS["fields"]):
            yield Fields(block.items[start : start + LIMITS["fields"]])
    elif isinstance(block, Text) and len(block.plain) > LIMITS["text"]:
        yield from _texts(block)
    else:
        yield block


def _texts(block: Text) -> Iterator[Text]:
    """Pieces of at most a block's length, cut between words where there are some."""
    spans: list[Span] = []
    room = LIMITS["text"]
    for span in block.spans:
        for piece in _cut(span.text):
            if len(piece) > room:
                yield Text(tuple(spans))
                spans, room = [], LIMITS["text"]
            spans.append(Span(piece, span.style))
            room -= len(piece)
    if spans:
        yield Text(tuple(spans))


def _cut(text: str) -> Iterator[str]:
    while len(text) > LIMITS["text"]:
        space = text.rfind(" ", 1, LIMITS["text"])
        at = space + 1 if space > 0 else LIMITS["text"]
        yield text[:at]
        text = text[at:]
    yield text
