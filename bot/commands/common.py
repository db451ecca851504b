"""What commands share: options, the desk that they work on, and how they answer."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from bot.bootstrap import App

Config = Annotated[
    Path | None, typer.Option("--config", help="The configuration file.", show_default="earnings-desk.toml")
]
At = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="Act as at this time, such as 2026-01-14T03:00:00Z.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Who = Annotated[str, typer.Option("--as", metavar="WHO", help="A creator id or a person's name.")]

EARLIEST, LATEST = 1970, 9000  # years that --at may name: every day before and after them is one that dates can tell


class State:
    """What the options before the command's name said; a command's own --config goes first."""

    config: Path | None = None


def open_desk(
    config: Path | None = None,
    at: str | None = None,
    *,
    need_config: bool = True,
    sync: bool = True,
    create: bool = True,
) -> App:
    """The wired desk on its database, which gets this version's schema first if it is empty.

    sync: make the configured programs and their terms known to it, too; commands that only look don't. create: without
    it an empty database, or one that isn't there, is refused, so that a mistyped address is noticed.
    Raises WrongSettings, NoConfig, NoDesk, and what core.migrations raises for a database of another version.
    """
    from bot.bootstrap import build, prepare
    from bot.settings import load
    from core.clock import system_clock

    moment = parse_moment(at)
    settings = load(config or State.config, need_config=need_config)
    app = build(settings, clock=(lambda: moment) if moment else system_clock)
    prepare(app, sync=sync, create=create)
    return app


def parse_moment(text: str | None) -> dt.datetime | None:
    """A moment in UTC from ISO 8601 with an offset; a usage error otherwise."""
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write 2026-01-14T03:00:00Z", param_hint="--at") from None
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset; end it in Z or +00:00", param_hint="--at")
    if not EARLIEST <= moment.year <= LATEST:
        raise typer.BadParameter(f"{text!r} is not between the years {EARLIEST} and {LATEST}", param_hint="--at")
    return moment.astimezone(dt.UTC)


def parse_day(text: str | None, option: str) -> dt.date | None:
    """A UTC day from 2026-01-14; a usage error otherwise."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; write 2026-01-14", param_hint=option) from None


def say(text: str = "") -> None:
    """A line on stdout."""
    typer.echo(text)


def tell(text: str) -> None:
    """A line on stderr, for what is no result."""
    typer.echo(text, err=True)


def emit(document: object) -> None:
    """The command's one JSON document."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def refuse(reason: str) -> NoReturn:
    """End with status 1 and the reason in one line on stderr."""
    tell(one_line(reason))
    raise typer.Exit(1)


def one_line(text: str) -> str:
    """Text without line ends or control characters, so that it stays one line on any terminal."""
    joined = " ".join(text.split())
    return "".join(sign if sign.isprintable() else "?" for sign in joined)


def amounts(**micros: int) -> Mapping[str, object]:
    """Money for JSON: `amount_micros: 10000000` with `amount: "10.000000"` beside it."""
    from core.ledger.money import decimal_text

    document: dict[str, object] = {}
    for name, value in micros.items():
        document[f"{name}_micros"] = value
        document[name] = decimal_text(value)
    return document


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under a header, columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, *rows):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
