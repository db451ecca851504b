"""What earnings tell the rest of the desk, published in the transaction that made it true."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MonthPosted:
    """What a run posted for a month of kind `assistants`: differences in micro-dollars.

    first_close: nothing had been posted for the month before, its last day being new; else it is a late change.
    payments: what subscribers paid; gross: the part of it that assistants were used for; share: their creators' part;
    referral: commissions; margin: what is left for the platform, payments - share - referral. projects and referrers:
    how many have another amount now.
    """

    month: dt.date
    first_close: bool
    payments: int
    gross: int
    share: int
    referral: int
    projects: int
    referrers: int

    @property
    def margin(self) -> int:
        return self.payments - self.share - self.referral


@dataclass(frozen=True, slots=True)
class LateChange:
    """What a run changed for a creator in a month that was closed before, in micro-dollars, by source; negative where
    it took back. bucket: the month whose processing pays it out, the month itself while that is still to come."""

    creator_id: str
    month: dt.date
    bucket: dt.date
    embed: int = 0
    marketplace: int = 0
    referral: int = 0

    @property
    def amount(self) -> int:
        return self.embed + self.marketplace + self.referral


@dataclass(frozen=True, slots=True)
class SettlementPosted:
    """A program was brought up to date. Amounts are micro-dollars and are what this run posted, late days included.

    start to through: the UTC days this run settled for the first time; start is None when it only posted differences
    for days settled before; late_days are those days. entry_id and run: None when no money moved ("nothing earned";
    the digest comes all the same). head: the seal over the books, None only while nothing was ever posted.

    Kind `assistants`: the amounts hold what the run posted for months as well, `spent` the payments among them; months:
    those it closed or changed, oldest first; touched_late: whose part of a month closed before it changed, by creator
    and month.
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
    months: tuple[MonthPosted, ...] = ()
    touched_late: tuple[LateChange, ...] = ()
