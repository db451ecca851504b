"""/methods: the ways to be paid that are offered in the creator's country (domain.md, "Withdrawals", Payout method)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from core.chat.commands.own import (
    MOST_SUGGESTIONS,
    creator_of,
    days_phrase,
    menu_label,
    narrowed,
    offers_in,
    own_programs,
    programs_of,
    title_of,
)
from core.chat.registry import Arg, Call, Reply, action, command
from core.clock import utc_day
from core.config import Program
from core.payouts import guard
from core.payouts import methods as payout_methods
from core.payouts.guard import moment


@dataclass(frozen=True, slots=True)
class MethodLine:
    """One offered method. minimum: the larger of the program's and the method's, micro-dollars; value: the button's."""

    title: str
    minimum: int
    fee: int
    days: str
    state: str
    value: str
    label: str
    chosen: bool
    needs_setup: bool


@dataclass(frozen=True, slots=True)
class ProgramMethods:
    title: str
    lines: tuple[MethodLine, ...]


def methods_in(call: Call, program: Program) -> ProgramMethods:
    """What a program's money can be sent by, as things stand now."""
    minimum = program.terms_on(utc_day(call.now)).minimum_micros
    offers = offers_in(call, program)
    usual = payout_methods.pick(offers, None, "").method.name if any(offer.ready for offer in offers) else ""
    title = title_of(call.config, program)
    several = title if len(programs_of(call)) > 1 else ""
    return ProgramMethods(
        title,
        tuple(_line(program, one, minimum, usual=one.method.name == usual, title=several) for one in offers),
    )


def _line(program: Program, offer: payout_methods.Offer, minimum: int, *, usual: bool, title: str) -> MethodLine:
    """title: the program's, where the creator has several."""
    method = offer.method
    state = "your usual way" if usual else "ready" if offer.ready else "not set up"
    return MethodLine(
        title=method.title or method.name,
        minimum=max(minimum, method.minimum_micros),
        fee=method.fee_micros,
        days=days_phrase(program.business_days or method.business_days),
        state=state,
        value=f"{program.slug}/{method.name}",
        label=menu_label(f"{method.title or method.name} ({title})" if title else method.title or method.name),
        chosen=usual,
        needs_setup=payout_methods.needs_setup(method),
    )


@command("methods", "The ways to be paid in your country", topic="payouts")
def methods(
    call: Call, program: Annotated[str | None, Arg("Only in this program", suggest=own_programs)] = None
) -> Reply:
    """Each with its minimum, fee and days; which one is used."""
    found = [methods_in(call, one) for one in narrowed(call, program)]
    choices = [line for one in found for line in one.lines if not line.chosen and not line.needs_setup]
    return call.reply("methods", country=creator_of(call).country, programs=found, choices=choices[:MOST_SUGGESTIONS])


@action("method.choose")
def choose(call: Call, value: str) -> Reply:
    """Use a method from now on; open withdrawals keep theirs."""
    slug, _, name = value.partition("/")
    program = guard.pick_program(call.session, call.config, call.creator_id, slug)
    chosen = payout_methods.choose(call.session, call.config, call.now, call.actor, program, name)
    titles = {method.name: method.title or method.name for method in call.config.methods}
    wait = chosen.wait_from + call.config.link_wait if chosen.wait_from is not None else None
    return call.reply(
        "method_chosen",
        replaces=True,
        title=titles.get(chosen.method, chosen.method),
        program=title_of(call.config, call.config.programs[program]) if len(programs_of(call)) > 1 else "",
        wait_until=moment(wait) if wait is not None and wait > call.now else "",
    )
