"""Draw templates/<name>.card: Jinja2 with autoescape and strict names, then `markup.parse` and `limits.fit`.

Filters (money and quantities are integer micros; moments are aware, or ISO text as stored facts hold them):

    {{ 1288400000|money }}          $1,288.40           {{ 5000|share }}            50%
    {{ 216449928|approx }}          $216.45, for estimates
    {{ 10000000000|quantity }}      10,000              {{ 1030|count }}            1,030
    {{ day|day }}                   13 Jan              {{ day|fullday }}           3 Nov 2025
    {{ (start, end)|days }}         7–13 Jan            {{ at|clock }}              03:04 UTC
    {{ at|moment }}                 15 Jan 03:00 UTC (04:00 in Berlin), by the viewer's timezone
    {{ now|change(before) }}        +12%, −5%, ±0%, or new where there was nothing before
    {{ text|name }}                 a user-supplied name, at most 60 characters
    {{ n|plural("project") }}       214 projects; irregular: plural("day", "days")
    {{ month|month }}               Jan 2026            {{ none|counted }}          fewer than 5 users; else 1,030
    {{ head|short }}                3f9a…c2             {{ "stats"|line(project=p) }}   /stats project="…"

Every template also knows `zone` (the viewer's) and `now`. A value that is None is refused: say what is meant instead.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from core.chat.cards import BadCard, Card, clean, shown_name
from core.chat.limits import fit
from core.chat.markup import FormOf, no_forms, parse
from core.chat.words import (
    approx_text,
    change_text,
    clock_text,
    command_line,
    counted,
    day_text,
    days_text,
    full_day_text,
    moment_text,
    month_text,
    plural,
    share_text,
)
from core.ledger.money import format_money, format_quantity

__all__ = ["BadCard", "draw", "render"]

# In a checkout and in an installed wheel alike, templates/ is core/'s neighbour (pyproject.toml, force-include).
DIRECTORY = Path(__file__).resolve().parents[2] / "templates"
UTC = ZoneInfo("UTC")
_watchers: list[Callable[[str, Card], None]] = []


def render(
    template: str,
    /,
    *,
    form_of: FormOf = no_forms,
    zone: ZoneInfo = UTC,
    now: dt.datetime | None = None,
    **facts: object,
) -> Card:
    """The card of templates/<template>.card. Raises BadCard when it yields none, or one that no platform could draw."""
    source = _environment().get_template(f"{template}.card")
    card = _card(source.render({**facts, "zone": zone, "now": now}), form_of)
    for seen in _watchers:
        seen(template, card)
    return card


@contextmanager
def watched(seen: Callable[[str, Card], None]) -> Iterator[None]:
    """Have `seen` told of every card that is drawn meanwhile, on any thread, with its template's name."""
    _watchers.append(seen)
    try:
        yield
    finally:
        _watchers.remove(seen)


def draw(source: str, /, *, form_of: FormOf = no_forms, zone: ZoneInfo = UTC, **facts: object) -> Card:
    """The card of a template given as text; for tests and for cards of two lines."""
    return _card(_environment().from_string(source).render({**facts, "zone": zone, "now": None}), form_of)


def _card(xml: str, form_of: FormOf) -> Card:
    return fit(parse(xml, form_of))


def _finalize(value: object) -> object:
    """What happens to every value before it is escaped: its dangerous characters go; a missing one is a fault."""
    if value is None:
        raise BadCard("a template shows a value that is None")
    if isinstance(value, Markup):
        return value
    return clean(str(value))


def check_all() -> list[str]:
    """What is wrong with the templates on disk, a line each: for `doctor`, where a damaged installation ends up."""
    names = sorted(path.relative_to(DIRECTORY).as_posix() for path in DIRECTORY.rglob("*.card"))
    faults = [] if names else [f"no templates in {DIRECTORY}"]
    for name in names:
        try:
            _environment().get_template(name)
        except (TemplateError, OSError, UnicodeDecodeError) as error:
            faults.append(f"{name}: {error}")
    return faults


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(DIRECTORY),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    # Nothing may declare data to be markup.
    for name in ("safe", "tojson", "xmlattr", "urlize", "striptags"):
        del environment.filters[name]
    environment.filters.update(FILTERS)
    return environment


@pass_context
def _moment(context: Context, value: dt.datetime | str) -> str:
    return moment_text(_aware(value), context["zone"])


def _aware(value: dt.datetime | str) -> dt.datetime:
    return dt.datetime.fromisoformat(value) if isinstance(value, str) else value


def _date(value: dt.date | str) -> dt.date:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value


def _days(value: tuple[dt.date | str, dt.date | str]) -> str:
    return days_text(_date(value[0]), _date(value[1]))


def _line(name: str, /, **arguments: object) -> str:
    return command_line(name, **arguments)


FILTERS: Mapping[str, Any] = {
    "money": format_money,
    "approx": approx_text,
    "quantity": format_quantity,
    "count": lambda number: f"{number:,}",
    "share": share_text,
    "day": lambda value: day_text(_date(value)),
    "fullday": lambda value: full_day_text(_date(value)),
    "days": _days,
    "month": lambda value: month_text(_date(value)),
    "counted": counted,
    "clock": lambda value: clock_text(_aware(value)),
    "moment": _moment,
    "change": change_text,
    "name": shown_name,
    "plural": plural,
    "short": lambda head: f"{head[:4]}…{head[-2:]}",
    "line": _line,
}
