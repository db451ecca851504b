"""Files in: creators, projects, usage, subscription payments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bot.commands.common import AsJson, At, Config, emit, one_line, open_desk, say, tell

What = Literal["creators", "projects", "usage", "subscriptions"]
SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("import")(import_)


def import_(
    what: Annotated[What, typer.Argument(help="What the files hold.", metavar="creators|projects|usage|subscriptions")],
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help='.csv, .jsonl or .parquet; "-" is CSV on stdin.')],
    rejects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write refused rows here, with reasons, to be mended.")
    ] = None,
    source: Annotated[str, typer.Option(help="Who reports this; ids are unique per source.")] = "platform",
    program: Annotated[
        str | None, typer.Option(help="Whose subscriptions these are, where several programs have some.")
    ] = None,
    reopen: Annotated[
        bool, typer.Option("--reopen", help="Take usage of days, or payments for months, that are closed by now.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why they are reopened; kept in the audit trail.")] = None,
    as_json: AsJson = False,
    at: At = None,
    config: Config = None,
) -> None:
    """Import files. A row that is refused never stops the others; importing a file again changes nothing."""
    if reopen != (reason is not None):
        raise typer.BadParameter("--reopen needs --reason TEXT, and the other way round", param_hint="--reopen")
    if reopen and what not in ("usage", "subscriptions"):
        raise typer.BadParameter("only usage and subscriptions can be reopened", param_hint="--reopen")
    if program is not None and what != "subscriptions":
        raise typer.BadParameter("only subscriptions are imported for a program", param_hint="--program")
    from adapters.files import import_files
    from bot.progress import bytes_read

    app = open_desk(config, at)
    with bytes_read(f"Importing {what}") as progress:
        report = import_files(
            app.database,
            app.config,
            what,
            files,
            source,
            app.clock(),
            program=program,
            reopen=reason,
            rejects=rejects,
            progress=progress,
        )
    if as_json:
        rejected = [{"file": r.file, "line": r.line, "field": r.field, "reason": r.reason} for r in report.rejected]
        emit({"accepted": report.accepted, "duplicates": report.duplicates, "rejected": rejected})
        return
    say(f"{report.accepted:,} accepted, {report.duplicates:,} duplicates, {len(report.rejected):,} rejected.")
    for r in report.rejected[:SHOWN]:
        tell(one_line(f"{r.file}, line {r.line}: {r.field} {r.reason}"))
    more = len(report.rejected) - SHOWN
    if more > 0:
        tell(f"… and {more:,} more.")
    if report.rejected:
        kept = f"They are in {rejects}" if rejects else "--rejects FILE writes them down"
        tell(f"{kept}: mend them there and import that file.")
