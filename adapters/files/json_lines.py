"""JSONL: one object per line. Numbers arrive as int or Decimal, never as floats."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import BinaryIO

from adapters.files.shapes import ABSENT, REJECT_COLUMNS, Broken, FileKind, Piece

_BLOCK_ROWS = 2_000
_LONGEST_LINE = 1 << 20


def _piece(numbers: list[int], rows: list[Sequence[object]], broken: list[Broken]) -> Piece:
    columns = list(zip(*rows, strict=True))
    return Piece(numbers, columns, lambda: columns, broken)


class NotARow(ValueError):
    """A line that holds no row, and why."""


class JsonReader:
    """Each line is refused by itself; a file of this kind has no header that could be wrong."""

    def __init__(self, handle: BinaryIO, kind: FileKind) -> None:
        self._handle = handle
        self.columns = kind.columns
        # An update leaves a field alone that it doesn't name.
        self._absent = ABSENT if kind.updates else None
        self._known = frozenset((*kind.columns, *REJECT_COLUMNS))

    def bytes_done(self) -> int:
        return self._handle.tell()

    def pieces(self) -> Iterator[Piece]:
        numbers: list[int] = []
        rows: list[Sequence[object]] = []
        broken: list[Broken] = []
        for number, line in self._lines():
            try:
                row = self._row(line, first=number == 1)
            except (ValueError, ArithmeticError, RecursionError) as error:
                broken.append(Broken(number, _told(error), line.decode("utf-8", "surrogateescape").rstrip("\r\n")))
            else:
                if row is not None:
                    numbers.append(number)
                    rows.append(row)
            if len(rows) + len(broken) >= _BLOCK_ROWS:
                yield _piece(numbers, rows, broken)
                numbers, rows, broken = [], [], []
        yield _piece(numbers, rows, broken)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        number = 0
        while line := self._handle.readline(_LONGEST_LINE):
            number += 1
            yield number, line
            while len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                line = self._handle.readline(_LONGEST_LINE)

    def _row(self, line: bytes, first: bool) -> Sequence[object] | None:
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            raise NotARow(f"the line is longer than {_LONGEST_LINE:,} bytes")
        text = line.decode("utf-8-sig" if first else "utf-8")
        if not text.strip():
            return None
        found = _DECODER.decode(text)
        if not isinstance(found, dict):
            raise NotARow("the line is no JSON object with named fields")
        unknown = next((name for name in found if name not in self._known), None)
        if unknown is not None:
            raise NotARow(f"unknown field {unknown[:60]!r}; known here: {', '.join(self.columns)}")
        return [found.get(name, self._absent) for name in self.columns]


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotARow("a field is there twice")
    return found


def _no_number(name: str) -> object:
    raise NotARow(f"{name} is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_float=Decimal, parse_constant=_no_number)


def _told(error: Exception) -> str:
    if isinstance(error, NotARow):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "the line is not valid UTF-8; save the file as UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"the line is no JSON: {error.msg} at character {error.pos + 1}"
    if isinstance(error, RecursionError):
        return "the line is nested too deeply"
    return "the line holds a number that is too long"
