"""The CSV buttons: the same rows as the list they stand under, all pages of it, as a file in the reply.

A CSV button carries the list's own command line as its value; it runs as whoever presses: there is nothing to forge.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence

from core.chat import arguments
from core.chat.registry import REGISTRY, Call, File, Reply, RoleNeeded, action
from core.errors import DeskError
from core.ledger.csvsafe import safe_cell
from core.ledger.money import decimal_text

MIME = "text/csv; charset=utf-8"
Export = Callable[..., Reply]
EXPORTS: dict[str, Export] = {}


class Figure(str):
    """A number as text: not made harmless, since a minus sign in front of it is no formula."""

    __slots__ = ()


class NothingToExport(DeskError):
    """Nothing changed. There is no file of /{name}."""


def csv_of(command_name: str) -> Callable[[Export], Export]:
    """Declare the function below as what a command's CSV button does; it takes the command's arguments."""

    def declare(function: Export) -> Export:
        EXPORTS[command_name] = function
        return function

    return declare


@action("csv", writes=False)
def press_csv(call: Call, value: str) -> Reply:
    """The file of the list that `value`, a command line, shows."""
    command, rest = arguments.find(REGISTRY.of(call.config), value)
    export = EXPORTS.get(command.name)
    if export is None:
        raise NothingToExport(name=command.name)
    if not command.allows(call.who):
        raise RoleNeeded(roles=" and ".join(f"{role}s" for role in command.roles))
    values = arguments.parse(command, rest, call.now)
    values.pop("page", None)
    return export(call, **values)


def table_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> tuple[str, int]:
    """Rows as CSV text, and how many there are. Text is made harmless to spreadsheets, every `Figure` left alone."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    written = 0
    for row in rows:
        writer.writerow([_cell(cell) for cell in row])
        written += 1
    return out.getvalue(), written


def _cell(cell: object) -> object:
    return safe_cell(cell) if isinstance(cell, str) and not isinstance(cell, Figure) else cell


def amount(micros: int) -> Figure:
    """Micro-dollars, or micro-credits, with six places."""
    return Figure(decimal_text(micros))


def csv_reply(call: Call, name: str, text: str, rows: int) -> Reply:
    """A reply that carries the file and says what is in it."""
    file = File(f"{name}.csv", text.encode(), MIME)
    return call.reply("csv", files=[file], name=file.name, rows=rows)
