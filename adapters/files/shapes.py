"""What a file may hold: its kind's columns, and the pieces that readers hand on (interfaces.md, "Files")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.earnings import catalog, intake, payments
from core.errors import InvalidInput

# Columns of a rejects file that tell why; a mended file is imported with them, and they are not read.
REJECT_COLUMNS = ("reject_file", "reject_line", "reject_field", "reject_reason", "reject_rest")


class CantRead(InvalidInput):
    """Nothing of '{file}' was imported: {problem}"""


Columns = Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file: which columns it must and may have, in the order of interfaces.md."""

    name: str
    columns: tuple[str, ...]
    required: tuple[str, ...]

    @property
    def updates(self) -> bool:
        """Whether a row may come again to change some fields; of an event, absent and empty say the same."""
        return self.name in ("creators", "projects")


FILE_KINDS = {
    kind.name: kind
    for kind in (
        FileKind("creators", catalog.CREATOR_COLUMNS, ("creator_id", "name", "country")),
        FileKind("projects", catalog.PROJECT_COLUMNS, ("project_id", "creator_id", "program", "name", "published_on")),
        FileKind("usage", intake.COLUMNS, intake.REQUIRED_COLUMNS),
        FileKind("subscriptions", payments.COLUMNS, payments.REQUIRED_COLUMNS),
    )
}


class Absent:
    """Stands for a field that a JSON object lacks, where that differs from an empty one."""


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that is no row. row: its fields, where it has any; rest: its text; both for whoever mends it."""

    line: int
    reason: str
    rest: str = ""
    row: Sequence[object] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a file in their order, column by column as the reader's, with the rows' line numbers.

    again: reads the same columns once more, so that nobody has to hold on to all rows for the sake of a few.
    """

    lines: Sequence[int]
    columns: Columns
    again: Callable[[], Columns]
    broken: Sequence[Broken] = field(default=())


def ragged(fields: int, named: int) -> str:
    """Why a row of the wrong width is none."""
    return f"has {fields} fields where {named} are named"


class Reader(Protocol):
    """Reads one file from its beginning to its end, piece by piece."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    def pieces(self) -> Iterator[Piece]: ...

    def bytes_done(self) -> int: ...


def check_header(file: str, header: Sequence[str], kind: FileKind, hint: str = "") -> None:
    """Refuse columns that nobody would read, columns that are missing, and columns that are there twice."""
    known = (*kind.columns, *REJECT_COLUMNS)
    unknown = [name for name in header if name not in known]
    if unknown:
        names = ", ".join(repr(name[:60]) for name in unknown[:10]) + (", …" if len(unknown) > 10 else "")
        raise CantRead(file=file, problem=f"unknown column {names}. Known here: {', '.join(kind.columns)}.{hint}")
    missing = [name for name in kind.required if name not in header]
    if missing:
        raise CantRead(file=file, problem=f"the column {', '.join(missing)} is missing.")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise CantRead(file=file, problem=f"the column {', '.join(twice)} is there twice.")
