"""What assistants bring in by UTC day: embed by its price, marketplace as each day's part of the month's pools.

Read from the roll-ups and the posted lines of the assistants asked for, never from raw events.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Date, Select, and_, bindparam, cast, func, select
from sqlmodel import Session

from core.config import DeskConfig, Program
from core.earnings.daily import between
from core.earnings.differences import LINE, USAGE
from core.earnings.month_tables import DirtyMonth, MonthLine, ProjectPrice
from core.earnings.months import estimates
from core.earnings.periods import Days, closed_through, last_day, month_of, months_between
from core.earnings.programs.assistants import Assistants
from core.earnings.programs.money import FULL_SHARE_BP
from core.earnings.tables import ProgramState
from core.ledger.money import allocate
from core.storage import is_postgres, table_of

MONTH_LINE, DIRTY_MONTH = table_of(MonthLine), table_of(DirtyMonth)
_PRICE, _PROGRAM = table_of(ProjectPrice), table_of(ProgramState)


@dataclass(frozen=True, slots=True)
class Money:
    """Micro-dollars. gross and share (the creator's part): of all usage known now; settled: the creator's part that is
    in the ledger."""

    gross: int = 0
    share: int = 0
    settled: int = 0

    @property
    def estimate(self) -> int:
        """What the ledger would still add to the creator's part; negative where it would take back."""
        return self.share - self.settled

    def __add__(self, other: Money) -> Money:
        return Money(self.gross + other.gross, self.share + other.share, self.settled + other.settled)


@dataclass(frozen=True, slots=True)
class RevenueDay:
    """An assistant's UTC day. tokens: all by others; embed_tokens: those through embed or API; own_tokens: the
    creator's own, which count nowhere else.

    marketplace: the day's part of the month's amount, by marketplace tokens; a month's days sum to the month. settled:
    the day was settled (`embed`); closed: its month was (`marketplace`). Later usage can still wait in `estimate`.
    """

    project_id: str
    day: dt.date
    tokens: int
    embed_tokens: int
    own_tokens: int
    embed: Money
    marketplace: Money
    settled: bool
    closed: bool


@dataclass(frozen=True, slots=True)
class MonthMoney:
    """An assistant's part of a month's pools. dirty: something came that no closing has seen, so `money` is live."""

    money: Money
    dirty: bool


@dataclass(frozen=True, slots=True)
class _Cell:
    day: dt.date
    project_id: str
    tokens: int
    embed_tokens: int
    own_tokens: int
    posted: int  # the creator's part of embed revenue


_KIND = Assistants()
NO_MONEY = Money()


def settled_through(session: Session, program: str) -> dt.date | None:
    """The program's last settled UTC day, None before its first settlement."""
    found = select(_PROGRAM.c.settled_through).where(_PROGRAM.c.slug == program)
    day: dt.date | None = session.execute(found).scalar_one_or_none()
    return day


def revenue_days(
    session: Session,
    config: DeskConfig,  # noqa: ARG001 - what every reading is given
    program: Program,
    project_ids: Sequence[str],
    days: Days,
    now: dt.datetime,  # noqa: ARG001
) -> list[RevenueDay]:
    """The assistants' days with usage or money among these, in no particular order."""
    if not project_ids or not len(days):
        return []
    whole = Days(month_of(days.first), last_day(days.last))  # a day's part needs its whole month
    cells = _cells(session, program, project_ids, whole)
    return _in_days(session, program, project_ids, cells, months_between(days), days)


def revenue_on(
    session: Session, program: Program, project_ids: Sequence[str], days: Collection[dt.date]
) -> list[RevenueDay]:
    """The embed part alone, of single days."""
    if not project_ids or not days:
        return []
    values = {"days": list(days), "projects": list(project_ids)}
    cells = [_Cell(*row) for row in session.execute(_listed(), values)]
    return _in_days(session, program, project_ids, cells, [], None)


def _in_days(
    session: Session,
    program: Program,
    project_ids: Sequence[str],
    cells: list[_Cell],
    months: Sequence[dt.date],
    days: Days | None,
) -> list[RevenueDay]:
    through = settled_through(session, program.slug)
    closed = closed_through(through)
    prices = Prices(session, program, project_ids)
    parts = _parts(month_money(session, program, project_ids, months), cells)
    found = []
    for cell in cells:
        if days is not None and cell.day not in days:
            continue
        found.append(
            RevenueDay(
                cell.project_id,
                cell.day,
                cell.tokens,
                cell.embed_tokens,
                cell.own_tokens,
                _embed(program, prices, cell),
                parts.pop((cell.project_id, cell.day), NO_MONEY),
                settled=through is not None and cell.day <= through,
                closed=closed is not None and month_of(cell.day) <= closed,
            )
        )
    for (project_id, day), money in parts.items():  # money whose usage was all taken out since
        if days is not None and day in days and not any(c.day == day and c.project_id == project_id for c in cells):
            is_closed = closed is not None and month_of(day) <= closed
            found.append(RevenueDay(project_id, day, 0, 0, 0, NO_MONEY, money, is_closed, is_closed))
    return found


def _embed(program: Program, prices: Prices, cell: _Cell) -> Money:
    if not cell.embed_tokens:
        return Money(0, 0, cell.posted) if cell.posted else NO_MONEY
    price = prices.on(cell.project_id, cell.day)
    earned = _KIND.entitlement(cell.embed_tokens, price, program.terms_on(cell.day))
    return Money(earned.spent, earned.share, cell.posted)


def _parts(months: Mapping[tuple[str, dt.date], MonthMoney], cells: list[_Cell]) -> dict[tuple[str, dt.date], Money]:
    """The months' money by assistant and day: by marketplace tokens, largest remainder, the earlier day first."""
    by_month: dict[tuple[str, dt.date], list[_Cell]] = {key: [] for key in months}
    for cell in cells:
        if cell.tokens > cell.embed_tokens and (key := (cell.project_id, month_of(cell.day))) in by_month:
            by_month[key].append(cell)
    parts: dict[tuple[str, dt.date], Money] = {}
    for (project_id, month), found in by_month.items():
        money = months[project_id, month].money
        if not found:  # the month's last day has what no usage is left for
            parts[project_id, last_day(month)] = money
            continue
        found.sort(key=lambda cell: cell.day)
        weights = [cell.tokens - cell.embed_tokens for cell in found]
        shares = allocate(money.share, weights)
        settled = shares if money.settled == money.share else _signed(money.settled, weights)
        for cell, gross, share, posted in zip(found, allocate(money.gross, weights), shares, settled, strict=True):
            parts[project_id, cell.day] = Money(gross, share, posted)
    return parts


def _signed(total: int, weights: Sequence[int]) -> list[int]:
    return allocate(total, weights) if total >= 0 else [-part for part in allocate(-total, weights)]


def month_money(
    session: Session, program: Program, project_ids: Sequence[str], months: Sequence[dt.date]
) -> dict[tuple[str, dt.date], MonthMoney]:
    """Each assistant's part of each month's pools, where there is any: as posted for a month that nothing came for
    since its close, else what closing it now would make of it."""
    if not project_ids or not months:
        return {}
    posted = _posted(session, project_ids, months)
    dirty = set(dirty_months(session, program.slug)).intersection(months)
    found = {
        key: MonthMoney(Money(gross, share, share), dirty=False)
        for key, (gross, share) in posted.items()
        if key[1] not in dirty and (gross or share)
    }
    for month in sorted(dirty):
        live = estimates.live_gross(session, program, month, project_ids)
        share_bp = program.terms_on(month).share_bp
        for project_id in project_ids:
            gross, settled = live.get(project_id, 0), posted.get((project_id, month), (0, 0))[1]
            if gross or settled:
                money = Money(gross, share_bp * gross // FULL_SHARE_BP, settled)
                found[project_id, month] = MonthMoney(money, dirty=True)
    return found


def dirty_months(session: Session, program: str) -> list[dt.date]:
    """The months with payments or usage that no closing has seen, oldest first; the current one is among them."""
    statement = select(DIRTY_MONTH.c.month).where(DIRTY_MONTH.c.program == program)
    return list(session.execute(statement.order_by(DIRTY_MONTH.c.month)).scalars())


def _posted(
    session: Session, project_ids: Sequence[str], months: Sequence[dt.date]
) -> dict[tuple[str, dt.date], tuple[int, int]]:
    values = {"first": months[0], "last": months[-1], "projects": list(project_ids)}
    return {(row[0], row[1]): (row[2], row[3]) for row in session.execute(_month_lines(), values)}


class Prices:
    """The prices of some assistants, read once (micro-dollars per 1,000,000 tokens)."""

    def __init__(self, session: Session, program: Program, project_ids: Sequence[str]) -> None:
        self._program = program
        self._known: dict[str, tuple[list[dt.date], list[int]]] = {}
        for project_id, start, price in session.execute(_prices(), {"projects": list(project_ids)}):
            starts, prices = self._known.setdefault(project_id, ([], []))
            starts.append(start)
            prices.append(price)

    def on(self, project_id: str, day: dt.date) -> int:
        """The price in force on a UTC day: the newest that has begun, else the earliest, and never below the floor."""
        floor = self._program.terms_on(day).minimum_price
        starts, prices = self._known.get(project_id, ((), ()))
        if not prices:
            return floor
        return max(floor, prices[max(0, bisect_right(starts, day) - 1)])


def _cells(session: Session, program: Program, project_ids: Sequence[str], days: Days) -> list[_Cell]:
    values = {"first": days.first, "last": days.last, "program": program.slug, "projects": list(project_ids)}
    return [_Cell(*row) for row in session.execute(_between(is_postgres(session)), values)]


# Building a statement takes longer than running it on a few rows: each is built once and kept.
@cache
def _between(postgres: bool) -> Select[Any]:
    return _usage().where(between(USAGE.c.day, postgres))


@cache
def _listed() -> Select[Any]:
    return _usage().where(USAGE.c.day.in_(bindparam("days", expanding=True)))


def _usage() -> Select[Any]:
    """The columns of `_Cell`, of the assistants in the value `projects`."""
    same = and_(LINE.c.day == USAGE.c.day, LINE.c.project_id == USAGE.c.project_id)
    posted = select(cast(func.coalesce(func.sum(LINE.c.share), 0), BigInteger)).where(same).scalar_subquery()
    counted = [USAGE.c[name] for name in ("tokens", "embed_tokens", "own_tokens")]
    return select(USAGE.c.day, USAGE.c.project_id, *counted, posted).where(
        USAGE.c.project_id.in_(bindparam("projects", expanding=True))
    )


@cache
def _month_lines() -> Select[Any]:
    sums = [cast(func.sum(MONTH_LINE.c[name]), BigInteger) for name in ("gross", "share")]
    span = MONTH_LINE.c.month.between(bindparam("first", type_=Date), bindparam("last", type_=Date))
    return (
        select(MONTH_LINE.c.project_id, MONTH_LINE.c.month, *sums)
        .where(MONTH_LINE.c.project_id.in_(bindparam("projects", expanding=True)), span)
        .group_by(MONTH_LINE.c.project_id, MONTH_LINE.c.month)
    )


@cache
def _prices() -> Select[Any]:
    return (
        select(_PRICE.c.project_id, _PRICE.c.price_from, _PRICE.c.price)
        .where(_PRICE.c.project_id.in_(bindparam("projects", expanding=True)))
        .order_by(_PRICE.c.project_id, _PRICE.c.price_from)
    )
