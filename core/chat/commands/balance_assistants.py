"""/balance in a program of kind `assistants`: what is ready, what waits for which payout, what this month may bring."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from core.chat.commands.own import creator_of, days_phrase, offers_in, title_of
from core.chat.registry import Call
from core.clock import utc_day
from core.config import Program
from core.earnings import revenue, stats
from core.earnings.periods import closes_at, month_before, month_of
from core.earnings.revenue import Lifetime, MonthSoFar
from core.errors import DeskError
from core.ledger import accounts
from core.ledger.accounts import Wallet
from core.payouts import methods, processing, views, withdrawals


@dataclass(frozen=True, slots=True)
class Payout:
    """The next monthly payout. month: the last month that it pays out; brings: what it moves to `available`, of which
    `estimate` is not in the ledger yet; after: what is available then. overdue: closed months wait though their moment
    has passed. short: how much `after` lacks of `minimum`, 0 when it is reached. way: how it is sent; missing: why it
    can't be, empty when it can.
    """

    at: dt.datetime
    month: dt.date
    brings: int
    estimate: int
    after: int
    overdue: bool
    minimum: int
    short: int
    way: str
    missing: str


@dataclass(frozen=True, slots=True)
class AssistantBalance:
    """One program's figures. Amounts in micro-dollars, the creator's part but for `lifetime.gross`.

    available + pending + processing + withdrawn = lifetime.share + lifetime.referral + adjustments. closes_at: when the
    current month closes; hindrance: why nothing can be withdrawn on request now, empty when it can.
    card, home_card: the templates that show it in /balance and on the dashboard.
    """

    title: str
    available: int
    pending: int
    processing: int
    withdrawn: int
    adjustments: int
    lifetime: Lifetime
    settled_through: dt.date | None
    month: MonthSoFar
    closes_at: dt.datetime
    payout: Payout
    minimum: int
    hindrance: str
    card: str = "_balance_assistants.card"
    home_card: str = "_home_assistants.card"

    @property
    def total(self) -> int:
        """Total Earnings: gross revenue, before the platform's part."""
        return self.lifetime.gross


def assistants_in(call: Call, program: Program, known: Wallet | None = None) -> AssistantBalance:
    """The creator's figures in one program, as things stand now; known: the wallet, if it was read already."""
    session, slug = call.session, program.slug
    wallet = known or accounts.wallet(session, slug, call.creator_id)
    month = revenue.month_so_far(session, call.config, call.creator_id, slug, call.now)
    standing = withdrawals.standing(session, call.config, call.now, call.actor, slug)
    return AssistantBalance(
        title=title_of(call.config, program),
        available=wallet.available,
        pending=wallet.pending,
        processing=wallet.reserved,
        withdrawn=views.withdrawn(session, call.creator_id, slug),
        adjustments=views.adjustments_total(session, call.creator_id, slug),
        lifetime=revenue.lifetime(session, call.creator_id, slug),
        settled_through=stats.settled_through(session, slug),
        month=month,
        closes_at=closes_at(program, month.month),
        payout=_payout(call, program, wallet, month, standing.minimum),
        minimum=standing.minimum,
        hindrance=standing.refusal.text if standing.refusal is not None else "",
    )


def _payout(call: Call, program: Program, wallet: Wallet, month: MonthSoFar, minimum: int) -> Payout:
    """What the next payout brings if nothing else happens: with this month's estimates where it pays this month."""
    at = processing.next_payout(program, call.now)
    pays = month_before(utc_day(at))
    this_month = pays >= month_of(utc_day(call.now))
    estimate = month.earlier_estimate
    if this_month:
        estimate += month.embed_waiting + month.marketplace_estimate + month.referral_estimate
    brings = month.closed_pending + (month.later_pending if this_month else 0) + estimate
    after = wallet.available + brings
    way, missing = _way(call, program)
    return Payout(
        at=at,
        month=pays,
        brings=brings,
        estimate=estimate,
        after=after,
        overdue=this_month and month.closed_pending != 0,
        minimum=minimum,
        short=max(0, minimum - after),
        way=way,
        missing=missing,
    )


def _way(call: Call, program: Program) -> tuple[str, str]:
    """How a payout would be sent, with its days, or why it can't be."""
    try:
        offer = methods.pick(offers_in(call, program), None, creator_of(call).country)
    except DeskError as refusal:
        return "", refusal.text
    days = program.business_days or offer.method.business_days
    return f"{offer.method.title or offer.method.name}, {days_phrase(days)}", ""
