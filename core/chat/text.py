"""A card as plain text: what `ask` prints, and what a surface falls back to where it can't draw."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from core.chat.cards import (
    Actions,
    Block,
    Button,
    Card,
    Chart,
    Column,
    FieldItem,
    Fields,
    Note,
    Select,
    Table,
    Text,
    Time,
)

RULE = "─" * 24


def as_text(card: Card) -> str:
    """The whole card, nothing left out: aligned fields and tables, a chart as its words, buttons as [Label]."""
    parts = [card.title]
    for block in card.blocks:
        parts += _lines(block)
    return "\n".join(part.rstrip() for part in parts)


def width(text: str) -> int:
    """Columns that text takes on a terminal: wide characters two, combining marks and joiners none."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _lines(block: Block) -> Iterable[str]:
    match block:
        case Text():
            return block.plain.split("\n")
        case Fields(items):
            return _fields(items)
        case Table(columns, rows):
            return _table(columns, rows)
        case Chart():
            return [f"[chart: {block.alt}]"]
        case Actions(items):
            return _controls(items)
        case Time(_, label):
            return [label]
        case Note(text):
            return [text]
    return [RULE]


def _fields(items: Sequence[FieldItem]) -> list[str]:
    longest = max(width(item.name) for item in items)
    return [f"{_padded(item.name, longest)}  {item.value}" for item in items]


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(width(cell) for cell in (column.name, *cells)) for column, cells in _by_column(columns, rows)]
    lines = [[column.name for column in columns], *rows]
    aligned = [
        "  ".join(
            _padded(cell, wide, right=column.align == "right")
            for cell, wide, column in zip(line, widths, columns, strict=True)
        )
        for line in lines
    ]
    if not any(column.name for column in columns):
        return aligned[1:]
    return [aligned[0], "  ".join("─" * wide for wide in widths), *aligned[1:]]


def _by_column(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterable[tuple[Column, list[str]]]:
    return ((column, [row[at] for row in rows]) for at, column in enumerate(columns))


def _padded(text: str, columns: int, right: bool = False) -> str:
    gap = " " * (columns - width(text))
    return gap + text if right else text + gap


def _controls(items: Sequence[Button | Select]) -> list[str]:
    lines: list[str] = []
    buttons = " ".join(f"[{item.label}]" for item in items if isinstance(item, Button))
    for item in items:
        if isinstance(item, Select):
            options = " ".join(f"[{'✓ ' if option.selected else ''}{option.label}]" for option in item.options)
            lines.append(f"{item.label}: {options}")
    return [*lines, buttons] if buttons else lines
