"""A creator's settled earnings line by line, newest first (`/transactions`, the message of the morning after).

Three kinds of lines, each found by the creator's own keys: project-days, assistants' parts of a month's pools, and
commissions of a month.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, case, literal, null, select
from sqlmodel import Session

from core.clock import end_of, start_of
from core.earnings.daily import lines_of
from core.earnings.differences import LINE, PROJECT
from core.earnings.month_tables import MonthLine, ReferralLine
from core.earnings.periods import day_name, last_day, late_label, late_month_label, month_name
from core.ledger.tables import Entry
from core.storage import is_postgres, table_of

EMBED, MARKETPLACE, REFERRAL = "embed", "marketplace", "referral"
REFERRAL_NAME = "Referral commission"

_ENTRY, _MONTH_LINE, _REFERRAL_LINE = table_of(Entry), table_of(MonthLine), table_of(ReferralLine)
_CHUNK = 1000
_SAID = {EMBED: "Embed/API", MARKETPLACE: "Marketplace"}
_SOURCES = (REFERRAL, MARKETPLACE, EMBED, "")  # of the same run and time: what is for a month comes first


@dataclass(frozen=True, slots=True)
class EarnedLine:
    """What one settlement posted for one project-day, or for a month: micro-dollars, negative where it took back.

    posted_at: the settlement's time (UTC). late: the day, or month, was settled before. source: "embed", "marketplace"
    or "referral" in a program of kind `assistants`, else empty. Marketplace and referral lines are for a `month`: its
    first UTC day, which is their `day` too; referral lines have no project. bucket: the month whose processing pays the
    line out, None where it was available at once.
    """

    program: str
    project_id: str
    project_name: str
    day: dt.date
    amount: int
    entry_id: int
    posted_at: dt.datetime
    late: bool
    source: str = ""
    month: dt.date | None = None
    bucket: dt.date | None = None

    @property
    def label(self) -> str:
        """Empty, or "late usage for 13 Jan" / "correction for Jan 2026" for what was settled before."""
        if not self.late:
            return ""
        if self.month is None:
            return late_label(self.day, self.amount)
        return late_month_label(self.month, self.amount, "payment" if self.source == REFERRAL else "usage")

    @property
    def words(self) -> str:
        """What the line is for: "Marketplace, Jan 2026", "Embed/API, late usage for 13 Jan"; the label alone in a
        program of kind `credits`."""
        if not self.source:
            return self.label
        when = day_name(self.day) if self.month is None else month_name(self.month)
        return ", ".join(part for part in (_SAID.get(self.source, ""), self.label or when) if part)


def newest_first(line: EarnedLine) -> tuple[float, int, int, int, str]:
    """The order of a history; `place` tells the part that other lines of the same run share."""
    return -line.posted_at.timestamp(), -line.entry_id, *place(line.day, line.month, line.source), line.project_id


def place(day: dt.date | None, month: dt.date | None, source: str) -> tuple[int, int]:
    """Among lines of one run: the latest day first; a month stands before its last day. (0, 0) for neither."""
    last = day if month is None else last_day(month)
    return (-last.toordinal(), _SOURCES.index(source)) if last is not None else (0, 0)


def earned_lines(
    session: Session,
    creator_id: str,
    program: str | None = None,
    start: dt.date | None = None,
    end: dt.date | None = None,
    *,
    entry_id: int | None = None,
    limit: int | None = None,
) -> list[EarnedLine]:
    """Lines posted on UTC days start to end (both included), newest first; one settlement's by its `entry_id`.

    To page through several merged histories, ask each for `limit` = the rows up to the end of the page.
    """
    values = {"creator": creator_id, "program": program} if program is not None else {"creator": creator_id}
    mine = PROJECT.c.creator_id == bindparam("creator")
    referred = _REFERRAL_LINE.c.creator_id == bindparam("creator")
    if program is not None:
        mine &= PROJECT.c.program == bindparam("program")
        referred &= _REFERRAL_LINE.c.program == bindparam("program")
    of_creator = (lines_of(is_postgres(session), program is not None), mine, referred)
    found: list[EarnedLine] = []
    for lines, own in zip(_KINDS, of_creator, strict=True):
        narrowed = _posted_between(lines.statement.where(own), start, end)
        if entry_id is not None:
            narrowed = narrowed.where(_ENTRY.c.id == entry_id)
        order = (_ENTRY.c.effective_at.desc(), _ENTRY.c.id.desc(), lines.when.desc(), lines.key)
        found += [EarnedLine(*row) for row in session.execute(narrowed.order_by(*order).limit(limit), values)]
    found.sort(key=newest_first)
    return found if limit is None else found[:limit]


def everybodys_lines(
    session: Session, start: dt.date | None = None, end: dt.date | None = None
) -> Iterator[tuple[str, EarnedLine]]:
    """(creator, line) of all that was posted on UTC days start to end, both included; oldest first, a few rows in
    memory at a time."""
    kinds = [_streamed(session, lines, start, end) for lines in _KINDS]
    return heapq.merge(*kinds, key=lambda found: (found[1].posted_at, found[1].entry_id))


def _streamed(
    session: Session, lines: _Kind, start: dt.date | None, end: dt.date | None
) -> Iterator[tuple[str, EarnedLine]]:
    narrowed = _posted_between(lines.statement.add_columns(lines.creator), start, end)
    ordered = narrowed.order_by(_ENTRY.c.effective_at, _ENTRY.c.id, lines.when, lines.key, lines.creator)
    for *line, creator_id in session.execute(ordered, execution_options={"yield_per": _CHUNK}):
        yield creator_id, EarnedLine(*line)


def _posted_between(statement: Select[Any], start: dt.date | None, end: dt.date | None) -> Select[Any]:
    if start is not None:
        statement = statement.where(_ENTRY.c.effective_at >= start_of(start))
    if end is not None and (stop := end_of(end)) is not None:
        statement = statement.where(_ENTRY.c.effective_at < stop)
    return statement


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of line. statement: the columns of `EarnedLine`, in order; when and key: its day or month and what tells
    lines of the same one apart; creator: whose it is."""

    statement: Select[Any]
    when: ColumnElement[dt.date]
    key: ColumnElement[str]
    creator: ColumnElement[str]


def _text(value: str) -> ColumnElement[str]:
    return literal(value, String)


def _day_lines() -> Select[Any]:
    """Project-days."""
    return (
        select(
            PROJECT.c.program,
            LINE.c.project_id,
            PROJECT.c.name,
            LINE.c.day,
            LINE.c.share,
            LINE.c.entry_id,
            _ENTRY.c.effective_at,
            LINE.c.late,
            # Only lines of kind `assistants` wait for a month's processing.
            case((LINE.c.bucket.is_(None), _text("")), else_=_text(EMBED)).label("source"),
            null().label("month"),
            LINE.c.bucket,
        )
        .join(PROJECT, PROJECT.c.project_id == LINE.c.project_id)
        .join(_ENTRY, _ENTRY.c.id == LINE.c.entry_id)
        .where(LINE.c.share != 0)
    )


def _month_lines() -> Select[Any]:
    """Assistants' parts of a month's pools."""
    return (
        select(
            PROJECT.c.program,
            _MONTH_LINE.c.project_id,
            PROJECT.c.name,
            _MONTH_LINE.c.month.label("day"),
            _MONTH_LINE.c.share,
            _MONTH_LINE.c.entry_id,
            _ENTRY.c.effective_at,
            _MONTH_LINE.c.late,
            _text(MARKETPLACE).label("source"),
            _MONTH_LINE.c.month,
            _MONTH_LINE.c.bucket,
        )
        .join(PROJECT, PROJECT.c.project_id == _MONTH_LINE.c.project_id)
        .join(_ENTRY, _ENTRY.c.id == _MONTH_LINE.c.entry_id)
        .where(_MONTH_LINE.c.share != 0)
    )


def _referral_lines() -> Select[Any]:
    """A referrer's commissions of a month."""
    return (
        select(
            _REFERRAL_LINE.c.program,
            _text("").label("project_id"),
            _text(REFERRAL_NAME).label("name"),
            _REFERRAL_LINE.c.month.label("day"),
            _REFERRAL_LINE.c.amount,
            _REFERRAL_LINE.c.entry_id,
            _ENTRY.c.effective_at,
            _REFERRAL_LINE.c.late,
            _text(REFERRAL).label("source"),
            _REFERRAL_LINE.c.month,
            _REFERRAL_LINE.c.bucket,
        )
        .join(_ENTRY, _ENTRY.c.id == _REFERRAL_LINE.c.entry_id)
        .where(_REFERRAL_LINE.c.amount != 0)
    )


_KINDS = (
    _Kind(_day_lines(), LINE.c.day, LINE.c.project_id, PROJECT.c.creator_id),
    _Kind(_month_lines(), _MONTH_LINE.c.month, _MONTH_LINE.c.project_id, PROJECT.c.creator_id),
    _Kind(_referral_lines(), _REFERRAL_LINE.c.month, _REFERRAL_LINE.c.program, _REFERRAL_LINE.c.creator_id),
)
