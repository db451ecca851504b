"""Monthly payout processing: `pending` of closed months becomes `available`, and whoever can be paid gets a withdrawal.

The rule book is domain.md, "Program kind `assistants`", Monthly payout processing. Amounts are micro-dollars; a month
is its first UTC day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from core.clock import DAY, utc_day
from core.config import DeskConfig, Program
from core.payouts.calendar import after_business_days
from core.storage import Database


@dataclass(frozen=True, slots=True)
class Processed:
    """What one processing did. month: the last month that it paid out; moved: what became available, negative nets
    included; payouts and total: the withdrawals it made; two_people: how many of them need two approvers; skipped:
    creators whom it could not pay though money was there. entry_id: None when nothing moved.
    """

    program: str
    month: dt.date
    batch_id: int
    entry_id: int | None
    creators: int
    moved: int
    payouts: int
    total: int
    two_people: int
    skipped: int


def payout_day(program: Program, month: dt.date) -> dt.datetime:
    """When what was earned in a month (any day of it) is paid out: `settle_at` of the payout day of the month after.

    The payout day is the program's own, else the first business day by the bank holidays of its `holidays` country.
    """
    first = month_after(month)
    day = (
        first.replace(day=program.payout_day)
        if program.payout_day is not None
        else after_business_days(first, 0, program.holidays)
    )
    return dt.datetime.combine(day, program.settle_at, dt.UTC)


def month_after(month: dt.date) -> dt.date:
    """The first day of the month that follows."""
    return (month.replace(day=28) + 4 * DAY).replace(day=1)


def month_before(month: dt.date) -> dt.date:
    """The first day of the month that went before."""
    return (month.replace(day=1) - DAY).replace(day=1)


def next_payout(program: Program, now: dt.datetime) -> dt.datetime:
    """The next moment of a payout processing, after `now`."""
    return payout_day(program, month_after(last_payable(program, now)))


def last_payable(program: Program, now: dt.datetime) -> dt.date:
    """The last month whose payout moment has come."""
    month = month_before(utc_day(now))
    return month if payout_day(program, month) <= now else month_before(month)


def process_due(database: Database, config: DeskConfig, now: dt.datetime, only: str | None = None) -> list[Processed]:
    """Process every program of kind `assistants` (or `only` one) whose payout moment has come, each in one transaction.

    A program waits while the settlement of that morning is not done. Months that were missed are paid out together.
    Killed at any moment, a processing leaves either nothing or all of it.
    """
    raise NotImplementedError
