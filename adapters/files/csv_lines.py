"""CSV, read in pieces: true line numbers, and no line that can swallow the lines after it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from adapters.files.shapes import REJECT_COLUMNS, Broken, CantRead, FileKind, Piece, check_header

_READ = 1 << 18
_LONGEST_LINE = 1 << 20
_MOST_LINES = 1_000
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

_UNCLOSED = "a quote that opens on this line is not closed; write a quote inside a field twice"

Rows = list[list[str]]


def _parsed(text: str) -> Rows:
    """All records of some lines. Where nothing can be quoted, cutting at commas says the same in half the time."""
    lines = text.split("\n")
    if '"' in text or "\r" in text or "" in lines:
        return list(csv.reader(lines, strict=True))
    return [line.split(",") for line in lines]


def _told(error: csv.Error) -> str:
    """What the parser found, in words for whoever wrote the line."""
    said = str(error)
    if "expected after" in said:
        return "text follows a closing quote; write a quote inside a field twice"
    if "new-line" in said:
        return "a carriage return stands inside the line"
    if "end of data" in said:
        return _UNCLOSED
    if "field limit" in said:
        return f"a field is longer than {csv.field_size_limit():,} characters"
    return said


class CsvReader:
    """Bytes that are no UTF-8 arrive as lone surrogates, which the field rules refuse by line.

    Where nothing is quoted over a line's end, a piece is parsed at once. Otherwise record by record: a line whose quote
    is never closed is refused by itself, and reading goes on with the line after it.
    """

    def __init__(self, file: str, handle: BinaryIO, kind: FileKind) -> None:
        self._handle = handle
        self._text = io.TextIOWrapper(handle, "utf-8-sig", errors="surrogateescape", newline="\n")
        self._waiting: list[str] = []  # lines read ahead of a record that did not end
        self._too_long = False  # the line after those is longer than any real one
        self._line = 2
        header = self._header(file)
        hint = " Separate columns with commas." if len(header) == 1 else ""
        check_header(file, header, kind, hint)
        self._width = len(header)
        self._keep = [place for place, name in enumerate(header) if name not in REJECT_COLUMNS]
        self.columns = tuple(header[place] for place in self._keep)

    def bytes_done(self) -> int:
        try:
            return self._handle.tell()
        except OSError:
            return 0  # a pipe

    def let_go(self) -> None:
        """Leave the bytes' handle open for whoever opened it."""
        self._text.detach()

    def pieces(self) -> Iterator[Piece]:
        while True:
            text = self._next_text()
            if text is not None:
                yield self._piece(text)
            elif self._too_long:
                self._too_long = False
                broken = Broken(self._line, f"the line is longer than {_LONGEST_LINE:,} characters", "")
                self._line += 1
                yield Piece((), (), list, (broken,))
            else:
                return

    def _header(self, file: str) -> list[str]:
        line = self._text.readline(_LONGEST_LINE)
        if line.encode("utf-8", "surrogateescape")[:2] in _UTF_16:
            raise CantRead(file=file, problem="it is UTF-16. Save it as UTF-8.")
        if not line.strip():
            raise CantRead(file=file, problem="its first line is empty. It must name the columns.")
        try:
            return [name.strip() for name in next(csv.reader([line], strict=True))]
        except csv.Error as error:
            raise CantRead(file=file, problem=f"its first line can't be read as names of columns ({error}).") from None

    def _next_text(self) -> str | None:
        """Whole lines, the last without its end: those read ahead, else the next ones of the file; None at its end."""
        if self._waiting:
            text = "\n".join(self._waiting)
            self._waiting = []
            return text
        if self._too_long:
            return None
        text = self._text.read(_READ)
        if text and not text.endswith("\n"):
            rest = self._line_of_file()
            text = text[: text.rfind("\n") + 1] if rest is None else text + rest
        return text.removesuffix("\n") if text else None

    def _line_of_file(self) -> str | None:
        """The rest of a line, its end included. Of one that is too long, None: it is skipped and `_too_long` is set."""
        line = self._text.readline(_LONGEST_LINE)
        if line.endswith("\n") or len(line) < _LONGEST_LINE:
            return line
        while len(line) == _LONGEST_LINE and not line.endswith("\n"):
            line = self._text.readline(_LONGEST_LINE)
        self._too_long = True
        return None

    def _piece(self, text: str) -> Piece:
        lines = text.split("\n")
        try:
            rows = _parsed(text)
        except csv.Error:
            return self._by_record(lines)
        if len(rows) != len(lines):
            return self._by_record(lines)
        first = self._line
        self._line += len(lines)
        return self._kept(range(first, self._line), rows, lambda: _parsed(text), ())

    def _by_record(self, lines: list[str]) -> Piece:
        first, at, end = self._line, 0, len(lines)
        numbers: list[int] = []
        rows: Rows = []
        broken: list[Broken] = []
        while at < end:
            row, used, problem = self._record(lines, at)
            if used > 1 and len(row) != self._width:
                problem = problem or _UNCLOSED
            if problem:
                broken.append(Broken(first + at, problem, lines[at]))
                at += 1
                continue
            numbers.append(first + at)
            rows.append(row)
            at += used
        self._waiting = lines[at:]
        self._line = first + at
        return self._kept(numbers, rows, lambda: rows, broken)

    def _record(self, lines: list[str], at: int) -> tuple[list[str], int, str]:
        """The record that starts at a line: its fields, how many lines it took, and what is wrong with it."""
        used = 0

        def feed() -> Iterator[str]:
            nonlocal used
            while used < _MOST_LINES and (at + used < len(lines) or self._read_ahead(lines)):
                used += 1
                yield lines[at + used - 1] + "\n"

        try:
            return next(csv.reader(feed(), strict=True)), used, ""
        except csv.Error as error:
            return [], used, _UNCLOSED if used > 1 else _told(error)

    def _read_ahead(self, lines: list[str]) -> bool:
        line = None if self._too_long else self._line_of_file()
        if not line:
            return False
        lines.append(line.removesuffix("\n"))
        return True

    def _kept(self, numbers: Sequence[int], rows: Rows, again: Callable[[], Rows], broken: Sequence[Broken]) -> Piece:
        """Leave out empty lines and the columns of a rejects file. Ragged rows stay as they are."""
        everything = len(self._keep) == self._width and [] not in rows
        if everything:
            return Piece(numbers, rows, again, broken)
        numbers = [number for number, row in zip(numbers, rows, strict=True) if row]
        return Piece(numbers, self._picked(rows), lambda: self._picked(again()), broken)

    def _picked(self, rows: Rows) -> Rows:
        if len(self._keep) == self._width:
            return [row for row in rows if row]
        return [[row[place] for place in self._keep] if len(row) == self._width else row for row in rows if row]
