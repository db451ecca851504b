"""CSV, read in pieces: true line numbers, and no line that can swallow the lines after it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any, BinaryIO

from adapters.files.shapes import REJECT_COLUMNS, Broken, CantRead, FileKind, Piece, check_header, ragged

_READ = 1 << 18
_LONGEST_LINE = 1 << 20
_MOST_LINES = 1_000
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

_UNCLOSED = "a quote that opens on this line is not closed; write a quote inside a field twice"

Rows = list[list[str]]


def _cut(text: str, width: int) -> list[list[str]] | None:
    """The columns of lines in which nothing can be quoted and each has as many fields; None for others."""
    if '"' in text or "\r" in text:
        return None
    marked = "\n" + text.replace("\n", ",\n")
    cells = marked.split(",")
    lines = text.count("\n") + 1
    if len(cells) != lines * width:
        return None
    first = cells[::width]
    if "".join(first).count("\n") != lines:
        return None  # some line has a field more, and another one less
    return [[cell[1:] for cell in first], *(cells[place::width] for place in range(1, width))]


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
        columns = _cut(text, self._width)
        if columns is not None:
            lines = range(self._line, self._line + len(columns[0]))
            self._line += len(lines)
            return Piece(lines, self._kept(columns), lambda: self._kept(_cut(text, self._width) or []))
        lines_of_text = text.split("\n")
        try:
            rows = list(csv.reader(lines_of_text, strict=True))
        except csv.Error:
            return self._by_record(lines_of_text)
        if len(rows) != len(lines_of_text):
            return self._by_record(lines_of_text)
        first = self._line
        self._line += len(rows)
        return self._of_rows(range(first, self._line), rows, [])

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
        return self._of_rows(numbers, rows, broken)

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

    def _of_rows(self, numbers: Sequence[int], rows: Rows, broken: list[Broken]) -> Piece:
        """Leave out empty lines; a row of the wrong width is broken."""
        width = self._width
        right = [len(row) == width for row in rows]
        for number, row in zip(numbers, rows, strict=True):
            if row and len(row) != width:
                broken.append(Broken(number, ragged(len(row), width), row=self._kept(row)))
        kept = self._kept(list(zip(*compress(rows, right), strict=True)))
        return Piece(list(compress(numbers, right)), kept, lambda: kept, broken)

    def _kept(self, row: Sequence[Any]) -> list[Any]:
        """Without the columns of a rejects file; what is beyond the header stays."""
        if len(self._keep) == self._width:
            return list(row)
        return [row[place] for place in self._keep if place < len(row)] + list(row[self._width :])
