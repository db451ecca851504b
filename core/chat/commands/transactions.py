"""/transactions: what came in and what went out, ten rows a page, newest first (commands.md, "Creator commands")."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from core.chat.cards import shown_name
from core.chat.commands.csvfiles import csv_of, csv_reply
from core.chat.commands.own import own_programs, programs_of, project_label, title_of
from core.chat.commands.paging import MOST_PAGES, ROWS, Leaf, offset_of
from core.chat.kinds import face_of
from core.chat.registry import Arg, Call, Reply, command
from core.chat.words import command_line, day_text, full_day_text
from core.clock import utc_day
from core.config import DeskConfig
from core.earnings import catalog
from core.earnings.tables import Project
from core.errors import DeskError
from core.payouts import guard, history
from core.payouts.export import transactions_csv

Status = Literal["settled", "pending", "processing", "completed", "failed", "rejected", "cancelled"]


class BackwardsDates(DeskError):
    """Nothing to show: from {start} to {end} runs backwards. Nothing changed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line as people read it; amount in micro-dollars, signed as the balance felt it."""

    source: str
    amount: int
    method: str
    status: str
    date: str
    program: str


@command("transactions", "What came in and what went out", topic="earnings", sample="1 Jan 13 Jan")
def transactions(
    call: Call,
    from_: Annotated[dt.date | None, Arg("From this UTC day on")] = None,
    to: Annotated[dt.date | None, Arg("To this UTC day, included")] = None,
    status: Annotated[Status | None, Arg("Only with this status")] = None,
    *,
    program: Annotated[str | None, Arg("Only in this program", suggest=own_programs)] = None,
    page: Annotated[int, Arg("Page", minimum=1, maximum=MOST_PAGES)] = 1,
) -> Reply:
    """Source, amount, payment method, status, date."""
    slug = _checked(call, from_, to, program)
    found = history.transactions(
        call.session, call.creator_id, slug, from_, to, status, offset=offset_of(page), limit=ROWS
    )
    arguments = {"from_": from_, "to": to, "status": status, "program": program}
    own = {one.project_id: one for one in catalog.projects_of(call.session, call.creator_id)}
    mine = programs_of(call)
    shown = [one for one in mine if slug in (None, one.slug)]
    return call.reply(
        "transactions",
        rows=[_row(call, line, own) for line in found.rows],
        several=slug is None and len(mine) > 1,
        waits=[text for text in dict.fromkeys(face_of(one).words.waits for one in shown) if text],
        filtered=any(value is not None for value in arguments.values()),
        said=_filters(from_, to, status),
        pages=Leaf(page, found.older, "transactions", arguments),
        csv=command_line("transactions", **arguments),
    )


def _checked(call: Call, start: dt.date | None, end: dt.date | None, program: str | None) -> str | None:
    """The program's slug; refuses days that run backwards and programs that aren't theirs."""
    if start is not None and end is not None and end < start:
        raise BackwardsDates(start=full_day_text(start), end=full_day_text(end))
    if program is None:
        _ = call.creator_id
        return None
    return guard.pick_program(call.session, call.config, call.creator_id, program)


def _filters(start: dt.date | None, end: dt.date | None, status: str | None) -> str:
    """The filters in words: `from 1 Jan 2026, completed only`."""
    parts = [
        f"from {full_day_text(start)}" if start is not None else "",
        f"to {full_day_text(end)}" if end is not None else "",
        f"{status} only" if status is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def _row(call: Call, line: history.Transaction, own: Mapping[str, Project]) -> Row:
    return Row(
        source=_source(line, own),
        amount=line.amount,
        method=_method(call.config, line.method),
        status=line.status,
        date=_date(line.at, call.now),
        program=title_of(call.config, call.config.programs[line.program])
        if line.program in call.config.programs
        else line.program,
    )


def _source(line: history.Transaction, own: Mapping[str, Project]) -> str:
    """`Logo Lab, 13 Jan`; `Logo Lab, late usage for 13 Jan`; `WD-12: reason`."""
    if line.kind == "earning":
        project = own.get(line.project_id)
        name = project_label(project) if project is not None else shown_name(line.source)
        return f"{name}, {line.note or (day_text(line.day) if line.day is not None else '')}"
    return f"{line.source}: {shown_name(line.note)}" if line.note else line.source


def _method(config: DeskConfig, name: str) -> str:
    if not name:
        return "—"
    return next((one.title or one.name for one in config.methods if one.name == name), name)


def _date(at: dt.datetime, now: dt.datetime) -> str:
    """14 Jan; with its year where that is another one. UTC days."""
    day = utc_day(at)
    return day_text(day) if day.year == utc_day(now).year else full_day_text(day)


@csv_of("transactions")
def export(
    call: Call,
    from_: dt.date | None = None,
    to: dt.date | None = None,
    status: str | None = None,
    program: str | None = None,
) -> Reply:
    """All pages as a file, oldest first."""
    slug = _checked(call, from_, to, program)
    out = io.StringIO()
    rows = transactions_csv(call.session, out, from_, to, call.creator_id, slug, status)
    return csv_reply(call, "transactions", out.getvalue(), rows)
