"""/desk audit and /desk export: who did what, and the books as files (domain.md, "Roles")."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from core import audit
from core.chat.cards import shown_name
from core.chat.commands.csvfiles import csv_of, csv_reply
from core.chat.commands.paging import MOST_PAGES, ROWS, Leaf, offset_of
from core.chat.commands.transactions import BackwardsDates
from core.chat.registry import Arg, Call, File, Reply, command
from core.chat.words import command_line, full_day_text
from core.errors import DeskError
from core.ledger import export as journal_export
from core.payouts import guard
from core.payouts.export import payouts_csv, transactions_csv

ADMIN = ("admin",)
DETAIL_SHOWN = 140  # longer ones are in the CSV, and the card says so
LARGEST_FILE = 8_000_000  # bytes; what both chat platforms take

What = Literal["transactions", "payouts", "audit", "hledger", "beancount"]
From = Annotated[dt.date | None, Arg("From this UTC day on")]
To = Annotated[dt.date | None, Arg("To this UTC day, included")]


class TooLargeForChat(DeskError):
    """Nothing changed. That file is larger than a chat message may carry ({most} MB). Give a shorter span of days, or
    use the command line: earnings-desk export."""


@dataclass(frozen=True, slots=True)
class AuditLine:
    when: str
    actor: str
    action: str
    subject: str
    detail: str


@command("desk audit", "Who did what, when and why", roles=ADMIN, topic="desk")
def trail(
    call: Call,
    from_: From = None,
    to: To = None,
    *,
    page: Annotated[int, Arg("Page", minimum=1, maximum=MOST_PAGES)] = 1,
) -> Reply:
    """Newest first, ten a page."""
    _forwards(from_, to)
    found = audit.recent(call.session, offset_of(page), ROWS + 1, from_, to)
    arguments: Mapping[str, object] = {"from_": from_, "to": to}
    lines = [
        AuditLine(
            when=guard.clock_time(one.at, call.now),
            actor=shown_name(one.actor),
            action=one.action,
            subject=shown_name(one.subject),
            detail=_shortened(one.detail),
        )
        for one in found[:ROWS]
    ]
    return call.reply(
        "desk_audit",
        lines=lines,
        shortened=any(len(one.detail) > DETAIL_SHOWN for one in found[:ROWS]),
        pages=Leaf(page, len(found) > ROWS, "desk audit", arguments),
        csv=command_line("desk audit", **arguments),
    )


def _shortened(detail: str) -> str:
    return detail if len(detail) <= DETAIL_SHOWN else detail[: DETAIL_SHOWN - 1].rstrip() + "…"


def _forwards(start: dt.date | None, end: dt.date | None) -> None:
    if start is not None and end is not None and end < start:
        raise BackwardsDates(start=full_day_text(start), end=full_day_text(end))


class _Bounded(io.StringIO):
    """Text that refuses to outgrow a chat message, before it fills the memory."""

    def write(self, text: str) -> int:
        if self.tell() + len(text) > LARGEST_FILE:
            raise TooLargeForChat(most=LARGEST_FILE // 1_000_000)
        return super().write(text)


Writer = Callable[[Call, io.StringIO, "dt.date | None", "dt.date | None"], object]


def _hledger(call: Call, out: io.StringIO, start: dt.date | None, end: dt.date | None) -> None:
    journal_export.hledger(call.session, out, start, end, call.config.currency)


def _beancount(call: Call, out: io.StringIO, start: dt.date | None, end: dt.date | None) -> None:
    journal_export.beancount(call.session, out, start, end, call.config.currency)


WRITERS: Mapping[str, tuple[str, str, Writer]] = {
    "transactions": (
        "transactions.csv",
        "text/csv; charset=utf-8",
        lambda call, out, start, end: transactions_csv(call.session, out, start, end),
    ),
    "payouts": (
        "payouts.csv",
        "text/csv; charset=utf-8",
        lambda call, out, start, end: payouts_csv(call.session, out, start, end),
    ),
    "audit": (
        "audit.csv",
        "text/csv; charset=utf-8",
        lambda call, out, start, end: audit.export_csv(call.session, out, start, end),
    ),
    "hledger": ("journal.hledger", "text/plain; charset=utf-8", _hledger),
    "beancount": ("journal.beancount", "text/plain; charset=utf-8", _beancount),
}


@command("desk export", "The books as files", roles=ADMIN, topic="desk")
def export(
    call: Call, what: Annotated[What | None, Arg("Which file")] = None, from_: From = None, to: To = None
) -> Reply:
    """Everybody's transactions, payouts, the audit trail, or the journal for hledger and Beancount."""
    _forwards(from_, to)
    if what is None:
        lines = [(name, command_line("desk export", what=name, from_=from_, to=to)) for name in WRITERS]
        return call.reply("desk_export", lines=lines)
    name, mime, write = WRITERS[what]
    out = _Bounded(newline="")
    write(call, out, from_, to)
    data = out.getvalue().encode()
    if len(data) > LARGEST_FILE:
        raise TooLargeForChat(most=LARGEST_FILE // 1_000_000)
    return call.reply("desk_exported", files=[File(name, data, mime)], name=name, size=len(data))


@csv_of("desk audit")
def audit_csv(call: Call, from_: dt.date | None = None, to: dt.date | None = None) -> Reply:
    """The whole trail of those days, oldest first."""
    _forwards(from_, to)
    out = _Bounded(newline="")
    rows = audit.export_csv(call.session, out, from_, to)
    return csv_reply(call, "audit", out.getvalue(), rows)
