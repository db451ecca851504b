"""How far long work is: a bar on a terminal, a line every few seconds elsewhere; on stderr, beside the results."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

LINE_EVERY_SECONDS = 5.0
Progress = Callable[[int, int | None], None]


@contextmanager
def bytes_read(what: str) -> Iterator[Progress]:
    """A function to be told how many bytes are read, and of how many (None: unknown)."""
    if sys.stderr.isatty():
        with _bar(what) as told:
            yield told
    else:
        yield _lines(what)


@contextmanager
def _bar(what: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(what: str) -> Progress:
    began = told = time.monotonic()

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told < LINE_EVERY_SECONDS:
            return
        told = now
        part = f"{done / 1e6:.0f} MB" if not total else f"{100 * done // total} % of {total / 1e6:.0f} MB"
        typer.echo(f"{what}: {part} after {now - began:.0f} s", err=True)

    return tell
