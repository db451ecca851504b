"""Whom a monthly processing pays and whom it can't, judged for all creators of a program at once.

The rules are those of a request (core.payouts.withdrawals), read in a few statements instead of several a creator.
The caller has locked the creators. Amounts are micro-dollars.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from core.clock import utc_day
from core.config import DeskConfig, Method
from core.ledger.money import CENT, format_money
from core.payouts import limits, methods
from core.payouts.calendar import expected
from core.payouts.guard import moment
from core.payouts.tables import Freeze, PayoutChoice, Withdrawal
from core.people_many import chunks, further_links_since
from core.storage import table_of

_FREEZE, _CHOICE, _WITHDRAWAL = table_of(Freeze), table_of(PayoutChoice), table_of(Withdrawal)

# Why a creator was paid nothing, as `BatchSkip.why` keeps it.
FROZEN, WAITING, NO_METHOD, NOT_READY, FEE = "frozen", "waiting", "no_method", "not_ready", "fee"


Asked = tuple[int, limits.Request]  # a withdrawal's id, and what limits read of it


@dataclass(frozen=True, slots=True)
class Account:
    """A creator and what will be available to them, once their closed months are."""

    creator_id: str
    name: str
    country: str
    available: int


@dataclass(frozen=True, slots=True)
class Payee:
    """A creator to be paid, how much and how. arrives: the days expected if it were sent at once."""

    creator_id: str
    name: str
    amount: int
    method: Method
    destination: str
    arrives: tuple[dt.date, dt.date]
    approvals_needed: int


@dataclass(frozen=True, slots=True)
class Passed:
    """A creator who has enough money and can't be paid: why, and in words for them."""

    creator_id: str
    available: int
    why: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What bears on everyone's payment, by creator. asked: the requests that count for the 24-hour rule."""

    frozen: Mapping[str, str]
    linked: Mapping[str, dt.datetime]
    chosen: Mapping[str, PayoutChoice]
    asked: Mapping[str, Sequence[Asked]]


def judge(
    session: Session, config: DeskConfig, now: dt.datetime, program: str, found: Sequence[Account]
) -> tuple[list[Payee], list[Passed]]:
    """Who of these is paid now, and who is not though the program's minimum is there; others are in neither list."""
    least = max(config.programs[program].terms_on(utc_day(now)).minimum_micros, CENT)
    known = _known(session, config, now, program)
    payees: list[Payee] = []
    passed: list[Passed] = []
    arrivals: dict[tuple[str, str], tuple[dt.date, dt.date]] = {}
    for one in found:
        if one.available < least:
            continue
        hindrance = _held(config, now, known, one.creator_id)
        offer = None if hindrance else _offer(config, known, one)
        if isinstance(offer, methods.Offer):
            if one.available < offer.method.minimum_micros:
                continue
            hindrance = _too_dear(offer.method, one.available)
        elif offer is not None:
            hindrance = offer
        if hindrance is not None:
            passed.append(Passed(one.creator_id, one.available, *hindrance))
        elif isinstance(offer, methods.Offer):
            place = offer.method.name, one.country
            if place not in arrivals:
                arrivals[place] = expected(config, program, offer.method, one.country, utc_day(now))
            payees.append(_payee(config, now, known, one, offer, arrivals[place]))
    return payees, passed


def _payee(
    config: DeskConfig,
    now: dt.datetime,
    known: _Known,
    one: Account,
    offer: methods.Offer,
    arrives: tuple[dt.date, dt.date],
) -> Payee:
    amount = one.available // CENT * CENT
    others = [request for _, request in known.asked.get(one.creator_id, ())]
    needed = limits.approvals_needed(config, (now, amount), others, now)
    return Payee(one.creator_id, one.name, amount, offer.method, offer.destination, arrives, needed)


def _known(session: Session, config: DeskConfig, now: dt.datetime, program: str) -> _Known:
    frozen = session.execute(select(_FREEZE.c.creator_id, _FREEZE.c.reason).where(_FREEZE.c.lifted_at.is_(None)))
    chosen = session.execute(select(PayoutChoice).where(_CHOICE.c.program == program)).scalars()
    return _Known(
        frozen={row[0]: row[1] for row in frozen},
        linked=further_links_since(session, now - config.link_wait),
        chosen={one.creator_id: one for one in chosen},
        asked=asked_since(session, now - limits.WINDOW),
    )


def asked_since(session: Session, since: dt.datetime, creators: Sequence[str] | None = None) -> dict[str, list[Asked]]:
    """The requests after a moment that count for the 24-hour rule, by creator, in all programs, the oldest first.

    creators: only theirs, None for everyone's.
    """
    recent = (
        select(_WITHDRAWAL.c.creator_id, _WITHDRAWAL.c.id, _WITHDRAWAL.c.requested_at, _WITHDRAWAL.c.amount)
        .where(_WITHDRAWAL.c.requested_at > since, _WITHDRAWAL.c.state.not_in(limits.NOT_COUNTED))
        .order_by(_WITHDRAWAL.c.id)
    )
    parts = [recent]
    if creators is not None:
        parts = [recent.where(_WITHDRAWAL.c.creator_id.in_(part)) for part in chunks(creators)]
    found: dict[str, list[Asked]] = {}
    for statement in parts:
        for creator_id, number, at, amount in session.execute(statement):
            found.setdefault(creator_id, []).append((number, (at, amount)))
    return found


def _held(config: DeskConfig, now: dt.datetime, known: _Known, creator_id: str) -> tuple[str, str] | None:
    """Not while frozen, nor within the waiting time after a further chat account or another destination."""
    if creator_id in known.frozen:
        return FROZEN, f"Your account is on hold: {known.frozen[creator_id]}"
    chosen = known.chosen.get(creator_id)
    changes = [
        (known.linked.get(creator_id), "a further chat account was linked"),
        (chosen.wait_from if chosen is not None else None, "the payout method was changed"),
    ]
    waits = [(since + config.link_wait, since, why) for since, why in changes if since is not None]
    until, since, why = max(waits, default=(now, now, ""))
    if now < until:
        return WAITING, f"Payouts wait until {moment(until)}: {why} on {moment(since)}."
    return None


def _offer(config: DeskConfig, known: _Known, one: Account) -> methods.Offer | tuple[str, str]:
    """The creator's own choice; without one, the first that is ready. A choice that can't be used is not replaced: the
    money goes nowhere that nobody named."""
    offers = methods.offers_with(config, one.country, known.chosen.get(one.creator_id))
    if not offers:
        return NO_METHOD, f"No payout method is offered in {one.country} yet."
    chosen = known.chosen.get(one.creator_id)
    if chosen is not None:
        offers = [offer for offer in offers if offer.chosen]
        if not offers:
            return (
                NOT_READY,
                f"Your payout method ({chosen.method}) is no longer offered. Choose another with /methods.",
            )
    ready = [offer for offer in offers if offer.ready]
    if not ready:
        title = offers[0].method.title or offers[0].method.name
        return NOT_READY, f"{title} isn't set up yet. Set it up with /methods."
    return ready[0]


def _too_dear(method: Method, available: int) -> tuple[str, str] | None:
    amount = available // CENT * CENT
    if amount > method.fee_micros:
        return None
    return FEE, f"The fee of {format_money(method.fee_micros)} would leave nothing of {format_money(amount)}."
