"""The rejects file: refused rows as they came, with the reason beside them, ready to be mended and imported again."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, TextIO

from adapters.files.shapes import ABSENT, REJECT_COLUMNS, CantRead, FileKind

# What CSV readers take: a longer one is no field that anybody typed.
_LONGEST_CELL = 100_000


class FileReject(NamedTuple):
    """A row that was not taken: its file, its line there (the header is line 1), the field at fault, and why."""

    file: str
    line: int
    field: str
    reason: str


class RejectsFile:
    """Written beside its place and moved there when the import is through: a failed import leaves what was there.

    Every column of the kind, then REJECT_COLUMNS, which the readers skip. `reject_rest`: what did not fit the columns.
    """

    def __init__(self, path: Path, kind: FileKind) -> None:
        if path.suffix.lower() != ".csv":
            raise CantRead(file=str(path), problem="rejects are written as CSV; name a file that ends in .csv.")
        self._path = path
        self._kind = kind
        self._partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            self._out: TextIO = self._partial.open("w", encoding="utf-8", errors="surrogateescape", newline="")
        except OSError as error:
            raise CantRead(file=str(path), problem=f"the rejects can't be written there ({error.strerror}).") from None
        self._writer = csv.writer(self._out)
        self._writer.writerow([*kind.columns, *REJECT_COLUMNS])

    def add(self, reject: FileReject, columns: Sequence[str], row: Sequence[object], rest: str = "") -> None:
        values = dict(zip(columns, row, strict=False))
        beyond = row[len(columns) :]
        if beyond:
            rest = ",".join(map(_as_text, beyond))
        cells = [_as_text(values.get(name)) for name in self._kind.columns]
        self._writer.writerow([_writable(cell[:_LONGEST_CELL]) for cell in (*cells, *map(str, reject), rest)])

    def keep(self) -> None:
        """Put the file in its place."""
        self._out.close()
        self._partial.replace(self._path)

    def discard(self) -> None:
        """Leave nothing behind, unless it was kept."""
        self._out.close()
        self._partial.unlink(missing_ok=True)


def _as_text(value: object) -> str:
    if value is None or value is ABSENT:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f") if value.adjusted() < 100 else str(value)
    try:
        return json.dumps(value, default=str)
    except ValueError:
        return "(a number that is too long)"


def _writable(cell: str) -> str:
    """Bytes that were no UTF-8 go out as they came; other lone surrogates, which no file can hold, as escapes."""
    try:
        cell.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return cell.encode("utf-8", "backslashreplace").decode()
    return cell
