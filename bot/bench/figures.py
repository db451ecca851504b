"""What a benchmark finds out: a time of ours against a floor taken in the same run (quality.md, "Speed")."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the speed table. ours and floor: seconds, or what `unit` says; reach: the largest ratio allowed.

    what: the work done; rows: how much of it ("1,000,000 events, 100,000 projects"); floor_is: what it is held against.
    """

    what: str
    database: str
    rows: str
    ours: float
    floor: float
    floor_is: str
    reach: float
    unit: str = "s"

    @property
    def ratio(self) -> float:
        return self.ours / self.floor

    @property
    def reached(self) -> bool:
        return self.ratio <= self.reach

    def __str__(self) -> str:
        verdict = "reached" if self.reached else "MISSED"
        return (
            f"{self.what} · {self.database} · {self.rows}\n"
            f"    {self.ours:.2f} {self.unit} against {self.floor:.2f} {self.unit} ({self.floor_is}): "
            f"{self.ratio:.2f}×, at most {self.reach:g}×: {verdict}"
        )


def machine() -> str:
    """The machine the figures were taken on."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def show(figures: Iterable[Figure]) -> bool:
    """Print the figures and the machine; whether all are reached."""
    print(machine())
    reached = True
    for figure in figures:
        print(figure, flush=True)
        reached = reached and figure.reached
    return reached


def alone(
    doc: str | None,
    figures: Callable[[int, Sequence[str], int], Iterable[Figure]],
    kinds: Iterable[str],
    times: tuple[str, int, str],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run one benchmark by itself, as a command line asks for it: 0 when every figure is reached.

    figures: is given by how much the rows are divided, the kinds of database, and how many `times` (an option's name,
    default and help) it measures.
    """
    known = sorted(kinds)
    name, default, about = times
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--divide", type=int, default=1, help="a tenth (10) or less of the rows, for a quick look")
    parser.add_argument(f"--{name}", type=int, default=default, help=about, dest="times")
    parser.add_argument("--database", action="append", choices=known)
    options = parser.parse_args(arguments)
    return 0 if show(figures(options.divide, options.database or known, options.times)) else 1
