"""How long the command line takes to show its help, against importing typer (quality.md, "Speed")."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from bot.bench.figures import Figure

ROUNDS = 7


def figures(rounds: int = ROUNDS) -> Iterator[Figure]:
    """The one figure; medians, ours and the floor taking turns."""
    ours, floors = [], []
    for number in range(rounds + 1):
        floor, help_ = _seconds("-c", "import typer"), _seconds("-m", "bot", "--help")
        if number:  # the first round fills caches
            floors.append(floor)
            ours.append(help_)
    yield Figure(
        "earnings-desk --help",
        "none",
        f"median of {rounds}",
        statistics.median(ours),
        statistics.median(floors),
        'python -c "import typer"',
        2.0,
    )


def _seconds(*words: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return time.perf_counter() - began
