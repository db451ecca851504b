"""Usage in: checked, deduplicated and rolled up per project and day, slice by slice (domain.md, "Usage in")."""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice

from core.config import DeskConfig
from core.earnings.intake import fields
from core.earnings.intake.batch import COLUMNS, REQUIRED_COLUMNS, SLICE_ROWS, Batch, Block, UsageReader
from core.earnings.intake.fields import FieldError
from core.earnings.intake.orders import checked_reason, checked_source
from core.earnings.intake.report import ImportReport, Progress, Rejected
from core.earnings.intake.slices import Intake, Orders, SliceReport
from core.storage import Database

__all__ = [
    "COLUMNS",
    "REQUIRED_COLUMNS",
    "SLICE_ROWS",
    "Block",
    "ImportReport",
    "Rejected",
    "SliceReport",
    "accept",
    "accept_blocks",
]

RawRow = Mapping[str, object]
_KNOWN = frozenset(COLUMNS)
# Between slices on SQLite: without it, others that want to write starve while an import runs.
_PAUSE = 0.005
_BLOCK_ROWS = 2_000
# On PostgreSQL: one slice's events are copied while another's roll-up is written and the next is being read.
_WRITERS = 2


def accept(
    database: Database,
    config: DeskConfig,
    rows: Iterable[RawRow],
    source: str,
    now: dt.datetime,
    *,
    reopen: str | None = None,
    actor: str = "operator",
    progress: Progress | None = None,
) -> ImportReport:
    """Take usage rows; values are text, int, Decimal or None. A refused row never stops the rest.

    Each slice of up to SLICE_ROWS rows is committed by itself, with its part of the roll-up. reopen: the reason, kept
    in the audit trail, for taking usage of days that are closed.
    Raises InvalidInput for a source or reason that can't be kept, and what the database raises.
    """
    report = ImportReport()
    done = 0
    malformed: list[Rejected] = []
    for part in accept_blocks(
        database, config, COLUMNS, _blocks(rows, malformed), source, now, reopen=reopen, actor=actor
    ):
        report.accepted += part.accepted
        report.duplicates += part.duplicates
        report.rejected += part.rejected
        done += part.rows
        if progress is not None:
            progress(done)
    report.rejected = sorted([*report.rejected, *malformed], key=lambda one: one.index)
    return report


def accept_blocks(
    database: Database,
    config: DeskConfig,
    columns: Sequence[str],
    blocks: Iterable[Block],
    source: str,
    now: dt.datetime,
    *,
    reopen: str | None = None,
    actor: str = "operator",
) -> Iterator[SliceReport]:
    """As `accept`, for blocks whose columns are those named; one report per slice, in order.

    columns: of COLUMNS, with all of REQUIRED_COLUMNS. Blocks of a few thousand rows read fastest; they are stored in
    slices of about SLICE_ROWS. On PostgreSQL two slices are being stored while the next is read.
    """
    orders = Orders(checked_source(source), now, actor, checked_reason(reopen))
    intake = Intake(database, config, orders)
    reader = UsageReader(columns, now)
    batches = _slices(reader, blocks)
    if database.engine.dialect.name == "postgresql":
        yield from _overlapping(intake, batches)
    else:
        yield from _one_by_one(intake, batches)


def _slices(reader: UsageReader, blocks: Iterable[Block]) -> Iterator[Batch]:
    batch = Batch()
    for block in blocks:
        reader.read(block, batch)
        if batch.rows >= SLICE_ROWS:
            yield batch
            batch = Batch()
    if batch.rows:
        yield batch


def _one_by_one(intake: Intake, batches: Iterator[Batch]) -> Iterator[SliceReport]:
    for number, batch in enumerate(batches):
        if number:
            time.sleep(_PAUSE)
        yield intake.take(batch)


def _overlapping(intake: Intake, batches: Iterator[Batch]) -> Iterator[SliceReport]:
    first = next(batches, None)
    if first is None:
        return
    second = next(batches, None)
    if second is None:
        yield intake.take(first)
        return
    running: deque[Future[SliceReport]] = deque()
    with ThreadPoolExecutor(_WRITERS, "intake") as writers:
        for batch in chain((first, second), batches):
            if len(running) == _WRITERS:
                yield running.popleft().result()
            running.append(writers.submit(intake.take, batch))
        while running:
            yield running.popleft().result()


def _blocks(rows: Iterable[RawRow], malformed: list[Rejected]) -> Iterator[Block]:
    """Mappings as positional rows; what is no mapping, or has a field that nobody reads, is put aside."""
    numbered = enumerate(rows)
    while part := list(islice(numbered, _BLOCK_ROWS)):
        positions: list[int] = []
        values: list[list[object]] = []
        for index, row in part:
            try:
                if not isinstance(row, Mapping):
                    raise FieldError("", "is not an object with named fields")
                if not row.keys() <= _KNOWN:
                    fields.unknown_fields(row, _KNOWN)
            except FieldError as error:
                malformed.append(Rejected(index, error.field, error.reason))
                continue
            get = row.get
            positions.append(index)
            values.append([get(name) for name in COLUMNS])
        if values:
            yield Block(positions, list(zip(*values, strict=True)))
