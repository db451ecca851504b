"""What earnings tell the rest of the desk, published in the transaction that made it true."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SettlementPosted:
    """A program was brought up to date. Amounts are micro-dollars and are what this run posted, late days included.

    start to through: the UTC days this run settled for the first time; start is None when it only posted differences
    for days settled before; late_days are those days. entry_id and run: None when no money moved ("nothing earned";
    the digest comes all the same). head: the seal over the books, None only while nothing was ever posted.
    """

    program: str
    run: int | None
    start: dt.date | None
    through: dt.date
    entry_id: int | None
    head: str | None
    projects: int
    creators: int
    amount: int
    spent: int
    costs: int
    margin: int
    late_days: tuple[dt.date, ...]
    settled_at: dt.datetime
