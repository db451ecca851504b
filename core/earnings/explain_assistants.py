"""Why an assistant's amount is what it is: a day's embed revenue and its month's part of the pools (`/explain`).

Only money, and the tokens and price that explain it: how many subscribers are behind a month stays untold.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import Session

from core.config import DeskConfig, Program, Terms
from core.earnings.daily import DIRTY
from core.earnings.differences import LINE
from core.earnings.explain import Posted
from core.earnings.periods import Days, last_day, late_label, late_month_label, month_of, settles_at
from core.earnings.revenue_days import (
    MONTH_LINE,
    Money,
    Prices,
    RevenueDay,
    dirty_months,
    revenue_days,
    settled_through,
)
from core.earnings.tables import Project
from core.ledger.tables import Entry
from core.storage import table_of

_ENTRY = table_of(Entry)


@dataclass(frozen=True, slots=True)
class EmbedExplained:
    """tokens (others', through embed or API) × price = gross; the creator's part of it is amount. Micro-dollars; price
    per 1,000,000 tokens.

    settled: amount is in the ledger, and the numbers are those it was computed from; else all are an estimate.
    waiting: what usage reported since would add to a settled day. posted: the ledger's entries, oldest first.
    """

    tokens: int
    price: int
    gross: int
    amount: int
    settled: bool
    waiting: int
    posted: tuple[Posted, ...]


@dataclass(frozen=True, slots=True)
class MarketplaceExplained:
    """gross: the assistant's slices of the month's payments, by its `tokens` of what each subscriber used; the
    creator's part of it is amount, under `terms`, those of the month's first day. Micro-dollars.

    of_day: what of gross and amount falls on the day, by its tokens; own_tokens: the creator's own in the month, left
    out. settled, waiting and posted as in `EmbedExplained`, of the month; settles_at: when it is, or was, closed.
    """

    month: dt.date
    tokens: int
    own_tokens: int
    gross: int
    amount: int
    of_day: Money
    settled: bool
    waiting: int
    terms: Terms
    settles_at: dt.datetime
    posted: tuple[Posted, ...]


@dataclass(frozen=True, slots=True)
class AssistantExplanation:
    """The formulas of domain.md with an assistant's day and month. terms: those in force on the day. own_tokens: the
    creator's own of the day, left out."""

    project: Project
    day: dt.date
    terms: Terms
    own_tokens: int
    embed: EmbedExplained
    marketplace: MarketplaceExplained


def assistant_explanation(
    session: Session, config: DeskConfig, project: Project, day: dt.date, now: dt.datetime
) -> AssistantExplanation:
    """Explain what an assistant earned on a UTC day and in its month, or would earn."""
    program = config.programs[project.program]
    month = month_of(day)
    whole = Days(month, last_day(month))
    cells = revenue_days(session, config, program, [project.project_id], whole, now)
    cell = next((one for one in cells if one.day == day), None)
    terms = program.terms_on(day)
    price = Prices(session, program, [project.project_id]).on(project.project_id, day)
    settled = settled_through(session, program.slug)
    return AssistantExplanation(
        project=project,
        day=day,
        terms=terms,
        own_tokens=cell.own_tokens if cell is not None else 0,
        embed=_embed(session, project, day, cell, price, settled is not None and day <= settled),
        marketplace=_marketplace(session, program, project, whole, cells, cell, settled),
    )


def _embed(
    session: Session, project: Project, day: dt.date, cell: RevenueDay | None, price: int, settled: bool
) -> EmbedExplained:
    lines = session.execute(_day_lines(project.project_id, day)).all()
    posted = tuple(
        Posted(
            line.entry_id, line.effective_at, line.share, line.late, late_label(day, line.share) if line.late else ""
        )
        for line in lines
    )
    known, tokens = (cell.embed, cell.embed_tokens) if cell is not None else (Money(), 0)
    if not settled:
        return EmbedExplained(tokens, price, known.gross, known.share, False, 0, posted)
    amount, gross = sum(line.share for line in lines), sum(line.spent for line in lines)
    if _waits(session, project.program, day):
        tokens, price = (lines[-1].tokens, lines[-1].price) if lines else (0, price)
    return EmbedExplained(tokens, price, gross, amount, True, known.share - amount, posted)


def _marketplace(
    session: Session,
    program: Program,
    project: Project,
    days: Days,
    cells: Sequence[RevenueDay],
    cell: RevenueDay | None,
    through: dt.date | None,
) -> MarketplaceExplained:
    month, settled = days.first, through is not None and through >= days.last
    lines = session.execute(_month_lines(project.project_id, month)).all()
    posted = tuple(
        Posted(
            line.entry_id,
            line.effective_at,
            line.share,
            line.late,
            late_month_label(month, line.share) if line.late else "",
        )
        for line in lines
    )
    known = sum((one.marketplace for one in cells), Money())
    tokens = sum(one.tokens - one.embed_tokens for one in cells)
    amount, gross = known.share, known.gross
    if settled:
        amount, gross = sum(line.share for line in lines), sum(line.gross for line in lines)
        if month in dirty_months(session, program.slug):
            tokens = lines[-1].tokens if lines else 0
    return MarketplaceExplained(
        month=month,
        tokens=tokens,
        own_tokens=sum(one.own_tokens for one in cells),
        gross=gross,
        amount=amount,
        of_day=cell.marketplace if cell is not None else Money(),
        settled=settled,
        waiting=known.share - amount if settled else 0,
        terms=program.terms_on(month),
        settles_at=settles_at(program, days.last),
        posted=posted,
    )


def _waits(session: Session, program: str, day: dt.date) -> bool:
    """Whether usage for the day has come that no settlement has seen."""
    statement = select(DIRTY.c.day).where(DIRTY.c.program == program, DIRTY.c.day == day)
    return session.execute(statement).first() is not None


def _day_lines(project_id: str, day: dt.date) -> Select[Any]:
    columns = [LINE.c[name] for name in ("entry_id", "share", "late", "spent", "tokens", "price")]
    return (
        select(_ENTRY.c.effective_at, *columns)
        .join(_ENTRY, _ENTRY.c.id == LINE.c.entry_id)
        .where(LINE.c.day == day, LINE.c.project_id == project_id)
        .order_by(LINE.c.entry_id)
    )


def _month_lines(project_id: str, month: dt.date) -> Select[Any]:
    columns = [MONTH_LINE.c[name] for name in ("entry_id", "share", "late", "gross", "tokens")]
    return (
        select(_ENTRY.c.effective_at, *columns)
        .join(_ENTRY, _ENTRY.c.id == MONTH_LINE.c.entry_id)
        .where(MONTH_LINE.c.month == month, MONTH_LINE.c.project_id == project_id)
        .order_by(MONTH_LINE.c.entry_id)
    )
