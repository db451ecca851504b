"""Payout methods: what the configuration offers for a creator's country, and what the creator chose."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session

from core import audit
from core.config import DeskConfig, Method
from core.earnings.tables import Creator
from core.payouts.facts import MethodChosen
from core.payouts.guard import lock_creator
from core.payouts.refusals import MethodNotReady, NoDestination, NoMethods, NoSuchMethod, NoSuchProgram, NotACreator
from core.payouts.tables import PayoutChoice
from core.people import Actor
from core.storage import publish

NO_SETUP = frozenset({"manual"})  # rails that are always ready; choosing them is no change


@dataclass(frozen=True, slots=True)
class Offer:
    """A method as one creator sees it. ready: can be used for a request now. chosen: the creator's default."""

    method: Method
    ready: bool
    chosen: bool
    destination: str = ""
    since: dt.datetime | None = None


def needs_setup(method: Method) -> bool:
    """Whether a creator has to give a destination before the method can pay."""
    return method.rail not in NO_SETUP


def choice(session: Session, creator_id: str, program: str) -> PayoutChoice | None:
    """What the creator chose in a program; None before any choice."""
    return session.get(PayoutChoice, (creator_id, program), populate_existing=True)


def offers(session: Session, config: DeskConfig, creator: Creator, program: str) -> list[Offer]:
    """The methods for the creator's country, in the configuration's order. None for a country: an empty list."""
    return offers_with(config, creator.country, choice(session, creator.creator_id, program))


def offers_with(config: DeskConfig, country: str, chosen: PayoutChoice | None) -> list[Offer]:
    """The same for whoever chose so."""
    return [_offer(method, chosen) for method in config.methods_for(country)]


def _offer(method: Method, chosen: PayoutChoice | None) -> Offer:
    if chosen is None or chosen.method != method.name:
        return Offer(method, ready=not needs_setup(method), chosen=False)
    ready = bool(chosen.destination) or not needs_setup(method)
    return Offer(method, ready=ready, chosen=True, destination=chosen.destination, since=chosen.chosen_at)


def pick(found: list[Offer], wanted: str | None, country: str) -> Offer:
    """The method a request goes to: the one named, else the creator's choice, else the first that is ready.

    Raises NoMethods, NoSuchMethod, MethodNotReady.
    """
    if not found:
        raise NoMethods(country=country)
    if wanted is None:
        best = max(found, key=lambda offer: (offer.chosen and offer.ready, offer.ready))  # the first among equals
    else:
        named = [offer for offer in found if wanted.strip().casefold() in _names(offer.method)]
        if not named:
            listed = ", ".join(offer.method.name for offer in found)
            raise NoSuchMethod(method=wanted, country=country, methods=listed)
        best = named[0]
    if not best.ready:
        raise MethodNotReady(method=best.method.title or best.method.name)
    return best


def _names(method: Method) -> set[str]:
    return {method.name.casefold(), method.title.casefold()} - {""}


def choose(
    session: Session,
    config: DeskConfig,
    now: dt.datetime,
    actor: Actor,
    program: str,
    method: str,
    destination: str = "",
) -> PayoutChoice:
    """Make a method the creator's default in a program. Changing where the money goes starts the waiting time; the
    first choice doesn't, nor does a method without set-up (domain.md, "Withdrawals").

    Raises NotACreator, NoSuchProgram, NoMethods, NoSuchMethod, NoDestination.
    """
    if actor.creator_id is None:
        raise NotACreator
    if program not in config.programs:
        raise NoSuchProgram(program=program, whose="the desk's", programs=", ".join(sorted(config.programs)))
    creator = lock_creator(session, actor.creator_id)
    named = _named(config, creator, method)
    target = destination.strip() if needs_setup(named) else ""
    if needs_setup(named) and not 0 < len(target) <= 200:
        raise NoDestination(method=named.title or named.name)
    before = choice(session, creator.creator_id, program)
    if before is not None and (before.method, before.destination) == (named.name, target):
        return before
    new = before or PayoutChoice(creator_id=creator.creator_id, program=program, method="", chosen_at=now)
    if before is not None and needs_setup(named):
        new.wait_from = now
    new.method, new.destination, new.chosen_at = named.name, target, now
    session.add(new)
    session.flush()
    audit.record(session, now, actor.name, "method.choose", f"{creator.creator_id} in {program}", named.name)
    publish(session, MethodChosen(creator.creator_id, now))
    return new


def _named(config: DeskConfig, creator: Creator, wanted: str) -> Method:
    found = config.methods_for(creator.country)
    if not found:
        raise NoMethods(country=creator.country)
    for method in found:
        if wanted.strip().casefold() in _names(method):
            return method
    raise NoSuchMethod(method=wanted, country=creator.country, methods=", ".join(one.name for one in found))
