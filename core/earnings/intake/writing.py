"""What a slice writes: events, voids, the roll-up, the days to settle. Always in this order and sorted by key, so that
slices that run at once never wait for each other in a circle."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import psycopg
from sqlalchemy import update
from sqlmodel import Session

from core.earnings.intake.arrays import plain_array, text_array
from core.earnings.intake.batch import Batch
from core.earnings.intake.extra import EXTRA_COLUMNS, NOTHING, Extra
from core.earnings.intake.judge import SUMS, Sums
from core.earnings.intake.keys import among
from core.earnings.month_tables import DirtyMonth
from core.earnings.tables import DirtyDay, ProgramState, UsageEvent, UsageVoid
from core.storage import is_postgres, table_of, upsert

_COPY_LINES = 5_000
_EVENT_COLUMNS = "event_id, source, occurred_at, project_id, user_id, kind, credits, cost, voids"
_INSERT_EVENTS = f"INSERT INTO usage_event ({_EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_WIDE = (*_EVENT_COLUMNS.split(", "), *EXTRA_COLUMNS)
_WIDE_COLUMNS = ", ".join(_WIDE)
_INSERT_WIDE = (
    f"INSERT INTO usage_event ({_WIDE_COLUMNS}) VALUES ({', '.join('?' * len(_WIDE))}) ON CONFLICT DO NOTHING"
)
_ADD_SUMS = "ON CONFLICT (day, project_id) DO UPDATE SET " + ", ".join(
    f"{name} = usage_day.{name} + excluded.{name}" for name in SUMS
)
_SUM_COLUMNS = f"day, project_id, {', '.join(SUMS)}"
_UPSERT_SQLITE = f"INSERT INTO usage_day ({_SUM_COLUMNS}) VALUES (?, ?, {', '.join('?' * len(SUMS))}) {_ADD_SUMS}"
_UPSERT_POSTGRES = (
    f"INSERT INTO usage_day ({_SUM_COLUMNS}) SELECT * FROM unnest("
    f"%s::date[], %s::text[], {', '.join(['%s::bigint[]'] * len(SUMS))}) {_ADD_SUMS}"
)
_VOID = table_of(UsageVoid)
_PROGRAM = table_of(ProgramState)


class Collision(Exception):
    """An event that was thought new is here already: nothing may be kept of this slice; look ids up first."""


def write_events(session: Session, source: str, batch: Batch, places: Sequence[int] | None) -> None:
    """Store events, all of the batch when no places are named. Raises Collision; the transaction is lost then."""
    columns: list[Sequence[Any]] = [
        batch.ids,
        batch.at,
        batch.projects,
        batch.users,
        batch.kinds,
        batch.credits,
        batch.costs,
        batch.voids,
    ]
    if batch.told:
        columns.append(batch.extras)
    if places is not None:
        columns = [[column[place] for place in places] for column in columns]
    if not columns[0]:
        return
    if is_postgres(session):
        _copy_events(session, source, columns)
        return
    rows: list[tuple[Any, ...]]
    if batch.told:
        rows = [
            (i, source, t, p, u, k, c, x, v or None, *(extra or NOTHING))
            for i, t, p, u, k, c, x, v, extra in zip(*columns, strict=True)
        ]
    else:
        rows = [(i, source, t, p, u, k, c, x, v or None) for i, t, p, u, k, c, x, v in zip(*columns, strict=True)]
    rows.sort(key=itemgetter(0))
    statement = _INSERT_WIDE if batch.told else _INSERT_EVENTS
    if session.connection().exec_driver_sql(statement, rows).rowcount != len(rows):
        raise Collision


def write_voids(session: Session, source: str, new: Mapping[str, tuple[str, bool]], effective: Iterable[str]) -> None:
    """Remember new voids (target → void's id, whether the target is here) and those whose event has come."""
    if new:
        rows = [
            {"source": source, "voids": target, "event_id": event_id, "applied": applied}
            for target, (event_id, applied) in sorted(new.items())
        ]
        session.execute(_VOID.insert(), rows)
    come = sorted(effective)
    if come:
        these = (_VOID.c.source == source, among(session, _VOID.c.voids, come))
        session.execute(update(_VOID).where(*these).values(applied=True))


def add_to_days(session: Session, sums: Sums) -> None:
    """Add to the roll-up, in micro-credits and counts."""
    if not sums:
        return
    connection = session.connection()
    if not is_postgres(session):
        rows = [(day, name, *row) for day in sorted(sums) for name, row in sorted(sums[day].items())]
        connection.exec_driver_sql(_UPSERT_SQLITE, rows)
        return
    days: list[str] = []
    names: list[str] = []
    counts: list[list[int]] = []
    for day in sorted(sums):
        projects = sums[day]
        here = sorted(projects)
        names += here
        counts += map(projects.__getitem__, here)
        days += [day] * len(here)
    arrays = map(plain_array, zip(*counts, strict=True))
    connection.exec_driver_sql(_UPSERT_POSTGRES, (plain_array(days), text_array(names), *arrays))


def mark_days(session: Session, touched: Iterable[tuple[str, dt.date]]) -> None:
    """Tell settlement which (program, day) have usage it has not seen."""
    rows = [{"program": program, "day": day} for program, day in sorted(touched)]
    if rows:
        session.execute(upsert(session, DirtyDay).on_conflict_do_nothing(), rows)


def mark_months(session: Session, touched: Iterable[tuple[str, dt.date]]) -> None:
    """Tell settlement which (program, month) have payments or marketplace usage it has not seen."""
    rows = [{"program": program, "month": month} for program, month in sorted(touched)]
    if rows:
        session.execute(upsert(session, DirtyMonth).on_conflict_do_nothing(), rows)


def lower_first_day(session: Session, program: str, day: dt.date) -> None:
    session.execute(update(_PROGRAM).where(_PROGRAM.c.slug == program).values(first_day=day))


def _copy_events(session: Session, source: str, columns: Sequence[Sequence[Any]]) -> None:
    """COPY in PostgreSQL's text format. Control characters were refused before, so only backslashes need care."""
    columns = [*columns]
    for place in (0, 2, 3, 7):
        columns[place] = _escaped(columns[place])
    source = source.replace("\\", "\\\\")
    plain = zip(*columns[:8], strict=True)
    if len(columns) == 8:
        lines = [f"{i}\t{source}\t{t}+00\t{p}\t{u}\t{k}\t{c}\t{x}\t{v or _NULL}\n" for i, t, p, u, k, c, x, v in plain]
    else:
        lines = [
            f"{i}\t{source}\t{t}+00\t{p}\t{u}\t{k}\t{c}\t{x}\t{v or _NULL}\t{more}\n"
            for (i, t, p, u, k, c, x, v), more in zip(plain, _extra_cells(columns[8]), strict=True)
        ]
    lines.sort()  # by id: a tab sorts before all that may stand in one
    names = _EVENT_COLUMNS if len(columns) == 8 else _WIDE_COLUMNS
    connection: Any = session.connection().connection.driver_connection
    try:
        with connection.cursor() as cursor, cursor.copy(f"COPY {_TABLE} ({names}) FROM STDIN") as copy:
            for start in range(0, len(lines), _COPY_LINES):
                copy.write("".join(lines[start : start + _COPY_LINES]))
    except psycopg.errors.UniqueViolation:
        raise Collision from None


def _extra_cells(extras: Sequence[Extra | None]) -> list[str]:
    """The last columns of each line. No text in normal form is empty."""
    cells: list[Sequence[str]] = []
    for column in zip(*[extra or NOTHING for extra in extras], strict=True):
        if column.count(None) == len(column):
            cells.append([_NULL] * len(column))
        else:
            texts = _escaped(["" if value is None else str(value) for value in column])
            cells.append([text or _NULL for text in texts])
    return ["\t".join(row) for row in zip(*cells, strict=True)]


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    if "\\" in "".join(texts):
        return [text.replace("\\", "\\\\") for text in texts]
    return texts


_NULL = "\\N"
_TABLE = table_of(UsageEvent).name
