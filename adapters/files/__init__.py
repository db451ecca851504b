"""Files in: CSV, JSONL and Parquet of creators, projects, usage and payments (interfaces.md, "Files")."""

from __future__ import annotations

import datetime as dt
import gc
import sys
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from adapters.files.csv_lines import CsvReader
from adapters.files.json_lines import JsonReader
from adapters.files.parquet import ParquetReader
from adapters.files.rejects import FileReject, RejectsFile
from adapters.files.shapes import ABSENT, FILE_KINDS, CantRead, FileKind, Piece, Reader
from core.config import DeskConfig
from core.earnings.catalog import upsert_creators, upsert_projects
from core.earnings.intake import Block, ImportReport, Rejected, accept_blocks
from core.earnings.payments import accept_payments, program_of
from core.errors import InvalidInput
from core.storage import Database

__all__ = ["CantRead", "FileReject", "FileReport", "import_file", "import_files"]

STDIN = "-"
Progress = Callable[[int, int | None], None]
"""Told now and then: bytes read, and bytes there are in all (None where a pipe doesn't say)."""


@dataclass(slots=True)
class FileReport:
    """What became of the files' rows; rejected in the order of files and lines."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[FileReject] = field(default_factory=list)


def import_file(
    database: Database,
    config: DeskConfig,
    kind: str,
    path: str | Path,
    source: str,
    now: dt.datetime,
    *,
    program: str | None = None,
    reopen: str | None = None,
    actor: str = "operator",
    rejects: Path | None = None,
    progress: Progress | None = None,
) -> FileReport:
    """Import one file; see `import_files`."""
    return import_files(
        database,
        config,
        kind,
        [path],
        source,
        now,
        program=program,
        reopen=reopen,
        actor=actor,
        rejects=rejects,
        progress=progress,
    )


def import_files(
    database: Database,
    config: DeskConfig,
    kind: str,
    paths: Sequence[str | Path],
    source: str,
    now: dt.datetime,
    *,
    program: str | None = None,
    reopen: str | None = None,
    actor: str = "operator",
    rejects: Path | None = None,
    progress: Progress | None = None,
) -> FileReport:
    """Import files of one kind: creators, projects, usage or subscriptions. "-" is CSV on standard input.

    Rows are committed slice by slice; a refused one never stops the rest. With `rejects`, refused rows are written
    there as CSV. source, reopen and actor matter for usage and subscriptions, program for subscriptions alone: see
    `core.earnings.intake.accept` and `core.earnings.payments.accept_payments`.
    Raises CantRead (before anything is imported, where the header shows it), NoProgramForPayments, InvalidInput.
    """
    if kind not in FILE_KINDS:
        raise InvalidInput(problem=f"There are no files of kind {kind!r}; there are {', '.join(FILE_KINDS)}.")
    file_kind = FILE_KINDS[kind]
    if kind == "subscriptions":
        program = program_of(config, program).slug
    names = [str(path) for path in paths]
    sizes = [_look(name, file_kind) for name in names]
    run = _Run(database, config, file_kind, source, now, program, reopen, actor)
    run.rejects = RejectsFile(rejects, file_kind) if rejects is not None else None
    total = None if None in sizes else sum(size or 0 for size in sizes)
    before = 0
    try:
        with _no_collector():
            for name, size in zip(names, sizes, strict=True):
                with _opened(name, file_kind) as reader:
                    for done in run.take(name, reader):
                        if progress is not None:
                            progress(before + done, total)
                before += size or 0
        if run.rejects is not None:
            run.rejects.keep()
    finally:
        if run.rejects is not None:
            run.rejects.discard()
    if progress is not None:
        progress(before, total)
    return run.report


@dataclass(slots=True)
class _Run:
    """One import: where to, as what, and what has become of it so far."""

    database: Database
    config: DeskConfig
    kind: FileKind
    source: str
    now: dt.datetime
    program: str | None
    reopen: str | None
    actor: str
    rejects: RejectsFile | None = None
    report: FileReport = field(default_factory=FileReport)

    def take(self, file: str, reader: Reader) -> Iterator[int]:
        """Import a file; yields how many of its bytes are read, after each commit."""
        waiting: deque[Piece] = deque()
        if self.kind.name == "usage":
            slices = accept_blocks(
                self.database,
                self.config,
                reader.columns,
                self._blocks(reader, waiting),
                self.source,
                self.now,
                reopen=self.reopen,
                actor=self.actor,
            )
            for part in slices:
                self._note(file, reader, _first_rows(waiting, part.rows), part.rejected)
                self.report.accepted += part.accepted
                self.report.duplicates += part.duplicates
                yield reader.bytes_done()
            self._note(file, reader, waiting, [])
            return
        for piece in reader.pieces():
            self._note(file, reader, [piece], self._whole(reader.columns, piece))
            yield reader.bytes_done()

    def _blocks(self, reader: Reader, waiting: deque[Piece]) -> Iterator[Block]:
        for piece in reader.pieces():
            again = piece.again if self.rejects is not None else list  # nobody will ask
            waiting.append(Piece(piece.lines, (), again, piece.broken))
            if piece.lines:
                yield Block(piece.lines, piece.columns)

    def _whole(self, columns: Sequence[str], piece: Piece) -> list[Rejected]:
        rows = [
            {name: cell for name, cell in zip(columns, row, strict=True) if cell is not ABSENT}
            for row in zip(*piece.columns, strict=True)
        ]
        if self.kind.name == "subscriptions":
            report = self._pay(rows)
        else:
            with self.database.transaction() as session:
                if self.kind.name == "creators":
                    report = upsert_creators(session, rows)
                else:
                    report = upsert_projects(session, rows, self.now)
        self.report.accepted += report.accepted
        self.report.duplicates += report.duplicates
        return [Rejected(piece.lines[one.index], one.field, one.reason) for one in report.rejected]

    def _pay(self, rows: Sequence[Mapping[str, object]]) -> ImportReport:
        return accept_payments(
            self.database,
            self.config,
            rows,
            self.source,
            self.now,
            program=self.program,
            reopen=self.reopen,
            actor=self.actor,
        )

    def _note(self, file: str, reader: Reader, pieces: Sequence[Piece] | deque[Piece], refused: list[Rejected]) -> None:
        """Report refused rows, and write them down as they came."""
        places = [one.index for one in refused]
        for piece in pieces:
            found: list[tuple[FileReject, Sequence[object], str]] = [
                (FileReject(file, one.line, "", one.reason), one.row, one.rest) for one in piece.broken
            ]
            if piece.lines:
                here = refused[bisect_left(places, piece.lines[0]) : bisect_right(places, piece.lines[-1])]
                columns = piece.again() if here and self.rejects is not None else ()
                for one in here:
                    place = bisect_left(piece.lines, one.index)
                    row = [column[place] for column in columns]
                    found.append((FileReject(file, one.index, one.field, one.reason), row, ""))
            for reject, cells, rest in sorted(found, key=lambda one: one[0].line):
                self.report.rejected.append(reject)
                if self.rejects is not None:
                    self.rejects.add(reject, reader.columns, cells, rest)


def _first_rows(waiting: deque[Piece], rows: int) -> list[Piece]:
    """Take the pieces off that hold the next so many rows."""
    pieces: list[Piece] = []
    while rows > 0:
        piece = waiting.popleft()
        rows -= len(piece.lines)
        pieces.append(piece)
    return pieces


def _look(name: str, kind: FileKind) -> int | None:
    """Check that a file can be read and has the right columns, before any is imported; its size in bytes."""
    if name == STDIN or Path(name).is_fifo():
        return None  # can be read only once
    with _opened(name, kind):
        return Path(name).stat().st_size


@contextmanager
def _opened(name: str, kind: FileKind) -> Iterator[Reader]:
    if name == STDIN:
        with _csv(name, sys.stdin.buffer, kind) as reader:
            yield reader
        return
    ending = Path(name).suffix.lower()
    if ending not in (".csv", ".jsonl", ".parquet"):
        raise CantRead(file=name, problem="it must end in .csv, .jsonl or .parquet.")
    try:
        handle: BinaryIO = Path(name).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise CantRead(file=name, problem=f"{error.strerror or error}.") from None
    with handle:
        if ending == ".csv":
            with _csv(name, handle, kind) as reader:
                yield reader
        elif ending == ".jsonl":
            yield JsonReader(handle, kind)
        else:
            yield ParquetReader(name, handle, kind)


@contextmanager
def _csv(name: str, handle: BinaryIO, kind: FileKind) -> Iterator[CsvReader]:
    reader = CsvReader(name, handle, kind)
    try:
        yield reader
    finally:
        reader.let_go()


@contextmanager
def _no_collector() -> Iterator[None]:
    """Millions of short-lived rows, no cycle among them: looking for cycles would take a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
