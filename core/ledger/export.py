"""The journal as text that other people's programs check: hledger and Beancount (domain.md, "Ledger").

What is a credit here is negative there: what the platform owes a creator stands as a negative liability. Amounts are
to the micro-dollar. Names become `-XX` escapes where they hold more than ASCII letters and digits, so that two accounts
never share a name; memos lose what could be read as syntax. At the end the closing balances are asserted, so that
whoever checks the file confirms them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TextIO

from sqlalchemy import ColumnElement, Select, func, select, union_all
from sqlmodel import Session

from core.clock import DAY, start_of, utc_day
from core.errors import InvalidInput
from core.ledger.accounts import RAIL, WALLET_ROLES
from core.ledger.money import decimal_text
from core.ledger.tables import Account, Entry, Transfer
from core.storage import table_of

_account = table_of(Account)
_entry = table_of(Entry)
_transfer = table_of(Transfer)

_ROWS = 5_000  # in memory at a time
_ROOTS = {
    "usage": "Assets",
    "subscriptions": "Assets",
    "rail": "Assets",
    "costs": "Income",
    "margin": "Income",
    "fees": "Income",
    "adjustments": "Expenses",
}


class BackwardRange(InvalidInput):
    """Nothing was exported. The range ends on {end}, before it begins on {start}."""


def hledger(
    session: Session,
    out: TextIO,
    start: dt.date | None = None,
    end: dt.date | None = None,
    currency: str = "USD",
) -> None:
    """Write the entries of the UTC days from start to end, both included, for `hledger check`; None leaves a side open.

    With start, everything before is written as opening balances. Raises BackwardRange.
    """
    _write(session, out, _Range(start, end), _hledger_style(currency))


def beancount(
    session: Session,
    out: TextIO,
    start: dt.date | None = None,
    end: dt.date | None = None,
    currency: str = "USD",
) -> None:
    """Write the entries of the UTC days from start to end, both included, for `bean-check`; None leaves a side open.

    With start, everything before is written as opening balances. Raises BackwardRange.
    """
    _write(session, out, _Range(start, end), _beancount_style(currency))


@lru_cache(maxsize=100_000)
def account_path(program: str, role: str, creator: str = "") -> str:
    """What an account is called in both formats: `Liabilities:P-studio:Available:C-ada`."""
    if role in WALLET_ROLES:
        return f"Liabilities:P-{_spelled(program)}:{role.capitalize()}:C-{_spelled(creator)}"
    if role.startswith(RAIL):
        return f"{_ROOTS['rail']}:P-{_spelled(program)}:Rail:R-{_spelled(role.removeprefix(RAIL))}"
    return f"{_ROOTS[role]}:P-{_spelled(program)}:{role.capitalize()}"


@dataclass(frozen=True, slots=True)
class _Range:
    start: dt.date | None
    end: dt.date | None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise BackwardRange(start=self.start, end=self.end)

    def before(self) -> list[ColumnElement[bool]]:
        """What opening balances sum up."""
        return [] if self.start is None else [_entry.c.effective_at < start_of(self.start)]

    def until(self) -> list[ColumnElement[bool]]:
        """What closing balances sum up."""
        return [] if self.end in (None, dt.date.max) else [_entry.c.effective_at < start_of(self.end + DAY)]

    def within(self) -> list[ColumnElement[bool]]:
        """What is written entry by entry."""
        began = [] if self.start is None else [_entry.c.effective_at >= start_of(self.start)]
        return began + self.until()


@dataclass(frozen=True, slots=True)
class _Style:
    """How a format writes each thing. Amounts in micro-dollars, already with the format's sign."""

    head: Callable[[], str]
    account: Callable[[dt.date, str], str]
    entry: Callable[[dt.date, str, str, str], str]
    posting: Callable[[str, int], str]
    closing: Callable[[dt.date], str]
    assertion: Callable[[dt.date, str, int], str]


def _write(session: Session, out: TextIO, span: _Range, style: _Style) -> None:
    out.write(style.head())
    extremes = (func.min(_entry.c.effective_at), func.max(_entry.c.effective_at))
    first, last = session.execute(select(*extremes).where(*span.within())).one()
    first_day = span.start or (utc_day(first) if first else None)
    last_day = utc_day(last) if last else span.start
    if first_day is None or last_day is None:
        return  # nothing in the range, and nothing before it
    for path, _ in _balances(session, span.until()):
        out.write(style.account(first_day, path))
    if span.start is not None:
        _write_opening(session, out, span, style)
    out.writelines(_entries(session, span, style))
    out.write("\n" + style.closing(last_day))
    for path, micros in _balances(session, span.until()):
        out.write(style.assertion(last_day, path, micros))


def _write_opening(session: Session, out: TextIO, span: _Range, style: _Style) -> None:
    assert span.start is not None  # noqa: S101 - the caller asked
    header = "\n" + style.entry(span.start, "opening balances", "", "")
    for path, micros in _balances(session, span.before()):
        if micros:
            out.write(header + style.posting(path, micros))
            header = ""


def _entries(session: Session, span: _Range, style: _Style) -> Iterator[str]:
    current = None
    for row in session.execute(_transfers(span), execution_options={"yield_per": _ROWS}):
        if row.entry_id != current:
            current = row.entry_id
            yield "\n" + style.entry(utc_day(row.effective_at), row.kind, row.memo, row.key)
        yield style.posting(account_path(*row[5:8]), row.amount) + style.posting(account_path(*row[8:11]), -row.amount)


def _transfers(span: _Range) -> Select[Any]:
    debit, credit = _account.alias("debit"), _account.alias("credit")
    return (
        select(
            _transfer.c.entry_id,
            _entry.c.effective_at,
            _entry.c.kind,
            _entry.c.memo,
            _entry.c.key,
            *(debit.c[part] for part in ("program", "role", "creator")),
            *(credit.c[part] for part in ("program", "role", "creator")),
            _transfer.c.amount,
        )
        .join_from(_transfer, _entry, _entry.c.id == _transfer.c.entry_id)
        .join(debit, debit.c.id == _transfer.c.debit_id)
        .join(credit, credit.c.id == _transfer.c.credit_id)
        .where(*span.within())
        .order_by(_transfer.c.entry_id, _transfer.c.seq)
    )


def _balances(session: Session, which: list[ColumnElement[bool]]) -> Iterator[tuple[str, int]]:
    """Every account that the chosen entries touch, by name, with the sum they leave in it (debits positive)."""
    joined = _transfer.join(_entry, _entry.c.id == _transfer.c.entry_id)
    out_of = select(_transfer.c.debit_id.label("id"), _transfer.c.amount.label("change"))
    into = select(_transfer.c.credit_id.label("id"), (-_transfer.c.amount).label("change"))
    sides = union_all(*(side.select_from(joined).where(*which) for side in (out_of, into))).subquery("sides")
    sums = select(sides.c.id, func.sum(sides.c.change).label("total")).group_by(sides.c.id).subquery("sums")
    names = (_account.c.program, _account.c.role, _account.c.creator)
    statement = select(*names, sums.c.total).join_from(sums, _account, _account.c.id == sums.c.id).order_by(*names)
    for row in session.execute(statement, execution_options={"yield_per": _ROWS}):
        yield account_path(row[0], row[1], row[2]), int(row[3])


def _hledger_style(currency: str) -> _Style:
    def entry(day: dt.date, kind: str, memo: str, key: str) -> str:
        words = _plain(f"{kind}: {memo}" if memo else kind).replace(";", ",").replace("|", "/")
        return f"{day} * {words}\n" + (f"    ; key: {_spelled(key)}\n" if key else "")

    return _Style(
        head=lambda: f"; The journal of an earnings desk. Credits are negative.\ncommodity 1000.000000 {currency}\n\n",
        account=lambda _day, path: f"account {path}\n",
        entry=entry,
        posting=lambda path, micros: f"    {path}  {decimal_text(micros)} {currency}\n",
        closing=lambda day: f"{day} * closing balances\n",
        assertion=lambda _day, path, micros: f"    {path}  0 {currency} = {decimal_text(micros)} {currency}\n",
    )


def _beancount_style(currency: str) -> _Style:
    def entry(day: dt.date, kind: str, memo: str, key: str) -> str:
        return f"{day} * {_quoted(kind)} {_quoted(memo)}\n" + (f"  key: {_quoted(key)}\n" if key else "")

    return _Style(
        head=lambda: (
            f'; The journal of an earnings desk. Credits are negative.\noption "operating_currency" "{currency}"\n'
            # Six places in every amount: by Beancount's own rule nothing as large as a micro-dollar may be lost.
            f"1900-01-01 commodity {currency}\n\n"
        ),
        account=lambda day, path: f"{day} open {path} {currency}\n",
        entry=entry,
        posting=lambda path, micros: f"  {path}  {decimal_text(micros)} {currency}\n",
        closing=lambda day: f"; closing balances of {day}: a balance holds at the beginning of its day\n",
        assertion=lambda day, path, micros: f"{day + DAY} balance {path}  {decimal_text(micros)} ~ 0 {currency}\n",
    )


def _spelled(text: str) -> str:
    """ASCII letters and digits as they are, every other byte of the UTF-8 text as `-XX`: no two texts are alike."""
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"-{byte:02X}" for byte in text.encode())


def _plain(text: str) -> str:
    """One line without anything that doesn't print."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _quoted(text: str) -> str:
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
