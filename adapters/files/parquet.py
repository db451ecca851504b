"""Parquet, read batch by batch. Whole columns of a type that can't be exact are refused before anything is taken."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, BinaryIO

from adapters.files.shapes import REJECT_COLUMNS, CantRead, FileKind, Piece, check_header

_BLOCK_ROWS = 5_000


class ParquetReader:
    """Its "line" of a row is the row's number, from 1. pyarrow has no types, hence the Any's, here and nowhere else."""

    def __init__(self, file: str, handle: BinaryIO, kind: FileKind) -> None:
        try:
            arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ImportError:
            raise CantRead(file=file, problem="Parquet needs pyarrow: pip install 'earnings-desk[parquet]'.") from None
        self._file = file
        self._handle = handle
        self._arrow: Any = arrow
        self._problems: tuple[type[Exception], ...] = (arrow.ArrowException, OSError, ValueError)
        try:
            self._parquet: Any = parquet.ParquetFile(handle)
            schema: Any = self._parquet.schema_arrow
        except self._problems as error:
            raise self._unreadable(error) from None
        check_header(file, schema.names, kind)
        self.columns = tuple(name for name in schema.names if name not in REJECT_COLUMNS)
        for name in self.columns:
            self._check_type(name, schema.field(name).type)

    def bytes_done(self) -> int:
        return self._handle.tell()

    def pieces(self) -> Iterator[Piece]:
        done = 0
        try:
            for batch in self._parquet.iter_batches(_BLOCK_ROWS, columns=list(self.columns)):
                columns = [self._values(batch.column(name)) for name in self.columns]
                numbers = range(done + 1, done + batch.num_rows + 1)
                yield Piece(numbers, columns, columns.copy)
                done += batch.num_rows
        except self._problems as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> CantRead:
        said = " ".join(str(error).split())[:200]
        return CantRead(file=self._file, problem=f"it can't be read as Parquet ({said}).")

    def _check_type(self, name: str, type_: Any) -> None:  # noqa: ANN401 - see the class
        types = self._arrow.types
        if types.is_floating(type_):
            problem = f"the column {name} holds floats, which are not exact. Store decimals or text."
            raise CantRead(file=self._file, problem=problem)
        if types.is_timestamp(type_) and type_.tz is None:
            problem = f"the column {name} holds times without a time zone. Store them with UTC as their zone."
            raise CantRead(file=self._file, problem=problem)

    def _values(self, column: Any) -> list[object]:  # noqa: ANN401 - see the class
        types, arrow = self._arrow.types, self._arrow
        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if types.is_timestamp(column.type):
            moments = column.cast(arrow.timestamp("us", tz="UTC"), safe=False).to_pylist()
            return [None if moment is None else moment.isoformat() for moment in moments]
        if types.is_date(column.type):
            return [None if day is None else day.isoformat() for day in column.cast(arrow.date32()).to_pylist()]
        try:
            values: list[object] = column.to_pylist()
        except UnicodeDecodeError:
            raw = column.cast(arrow.large_binary()).to_pylist()
            values = [None if text is None else text.decode("utf-8", "surrogateescape") for text in raw]
        return values
