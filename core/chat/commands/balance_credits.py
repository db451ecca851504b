"""/balance in a program of kind `credits`: what is settled, what today may bring, what can be withdrawn."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from core.chat.commands.own import title_of
from core.chat.registry import Call
from core.clock import DAY, utc_day
from core.config import Program
from core.earnings import stats
from core.earnings.daily import waiting_days
from core.earnings.periods import settles_at
from core.ledger import accounts
from core.ledger.accounts import Wallet
from core.payouts import views, withdrawals


@dataclass(frozen=True, slots=True)
class ProgramBalance:
    """One program's lines. Amounts in micro-dollars; estimates say so in the template.

    total: everything ever settled; adjustments: what corrections by hand added to it, so that balance + pending +
    processing + withdrawn = total + adjustments. waiting: the estimate for days that are over but not settled, which
    `waiting_at` will settle. overdue_since: when the first of those days was to be settled, if that moment has passed:
    then the next run settles them, whenever it is. hindrance: why nothing can be withdrawn now, empty when it can.
    card, home_card: the templates that show it in /balance and on the dashboard.
    """

    title: str
    available: int
    pending: int
    processing: int
    withdrawn: int
    total: int
    adjustments: int
    settled_through: dt.date | None
    waiting: int
    waiting_days: tuple[dt.date, dt.date] | None
    waiting_at: dt.datetime
    overdue_since: dt.datetime | None
    today: int
    today_at: dt.datetime
    minimum: int
    hindrance: str
    card: str = "_balance_credits.card"
    home_card: str = "_home_credits.card"


def balance_in(call: Call, program: Program, known: Wallet | None = None) -> ProgramBalance:
    """The creator's figures in a program of kind `credits`, as things stand now; known: the wallet, if read already."""
    session, slug, now = call.session, program.slug, call.now
    wallet = known or accounts.wallet(session, slug, call.creator_id)
    withdrawn = views.withdrawn(session, call.creator_id, slug)
    total = stats.total_earned(session, call.creator_id, slug)
    through = stats.settled_through(session, slug)
    estimate = stats.today_estimate(session, call.config, call.creator_id, slug, now)
    standing = withdrawals.standing(session, call.config, now, call.actor, slug)
    over = utc_day(now) - DAY
    unsettled = through + DAY if through is not None else min(waiting_days(session, slug, over), default=None)
    due = settles_at(program, unsettled) if unsettled is not None else None
    return ProgramBalance(
        title=title_of(call.config, program),
        available=wallet.available,
        pending=wallet.pending,
        processing=wallet.reserved,
        withdrawn=withdrawn,
        total=total,
        adjustments=views.adjustments_total(session, call.creator_id, slug),
        settled_through=through,
        waiting=estimate.before,
        waiting_days=(unsettled, over) if unsettled is not None and unsettled <= over else None,
        waiting_at=estimate.settles_at,
        overdue_since=due if due is not None and due <= now else None,
        today=estimate.today,
        today_at=settles_at(program, estimate.day),
        minimum=standing.minimum,
        hindrance=standing.refusal.text if standing.refusal is not None else "",
    )
