"""The command line (interfaces.md, "Command line"): status 0 done, 1 refused or found wrong, 2 wrong usage.

Thin: each command lives in bot/commands and imports what it needs when it runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from bot.commands import bench, books, conversation, importing, manifest, payouts, people, service
from bot.commands.common import State, one_line, tell

app = typer.Typer(
    name="earnings-desk",
    help="Creator earnings: a ledger, a settlement engine and a desk in chat. `earnings-desk demo` shows it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # drawing help with rich would double the time of --help
    pretty_exceptions_enable=False,  # its tracebacks show local values, secrets among them
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(version("earnings-desk"))
        except PackageNotFoundError:
            typer.echo("not installed: running from the checkout")
        raise typer.Exit


@app.callback()
def _options(
    config: Annotated[
        Path | None, typer.Option("--config", help="The configuration file.", show_default="earnings-desk.toml")
    ] = None,
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    State.config = config


for module in (service, importing, books, people, conversation, payouts, manifest, bench):
    module.register(app)


def main() -> NoReturn:
    """Run the command line and end the process with its status."""
    try:
        app()
    except KeyboardInterrupt:
        tell("Stopped.")
        sys.exit(130)
    except BrokenPipeError:  # `… | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        tell(one_line(explain(error)))
        if os.environ.get("EARNINGS_DESK_TRACEBACK"):
            raise
        sys.exit(1)
    sys.exit(0)


def explain(error: Exception) -> str:
    """The one line that tells a person what went wrong and what to do."""
    from core.errors import DeskError

    if isinstance(error, DeskError):
        return error.text
    if "sqlalchemy" in sys.modules:
        from bot.faults import database_fault

        fault = database_fault(error)
        if fault:
            return fault
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        return f"Nothing changed.{where}: {error.strerror or error}."
    return (
        f"Something unexpected went wrong ({type(error).__name__}: {error}). "
        "Set EARNINGS_DESK_TRACEBACK=1 and run it again to see where."
    )
