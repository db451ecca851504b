"""/withdraw: a preview that moves nothing, and its buttons (domain.md, "Withdrawals")."""

from __future__ import annotations

from typing import Annotated

from core.chat.cards import Option, shown_name
from core.chat.commands.own import (
    creator_of,
    own_methods,
    own_programs,
    programs_of,
    title_of,
    which_program,
)
from core.chat.registry import Arg, Call, Money, Reply, Start, action, command
from core.chat.words import command_line
from core.clock import utc_day
from core.errors import DeskError
from core.ledger.money import decimal_text
from core.payouts import guard, refusals, withdrawals
from core.payouts.tables import Draft

MOST_SHOWN = 60


class NeitherAmountNorMethod(DeskError):
    """“{text}” is neither an amount (50.00 or all) nor a way to be paid ({methods}). Nothing moved."""


@command("withdraw", "Ask to be paid out: first a preview, nothing moves", writes=True, topic="payouts")
def withdraw(
    call: Call,
    amount: Annotated[Money | None, Arg("Empty or “all” means everything", empty="all")] = None,
    method: Annotated[str | None, Arg("Where to", suggest=own_methods)] = None,
    program: Annotated[str | None, Arg("Which program", suggest=own_programs)] = None,
) -> Reply:
    """What a request would come to: amount, fee, what arrives, balance after, expected dates."""
    known = programs_of(call)
    if amount is None and method is not None:
        _check_method(call, method)
    if program is None and len(known) > 1:
        asked = decimal_text(amount).rstrip("0").rstrip(".") if amount is not None else None
        lines = [(one, command_line("withdraw", amount=asked, method=method, program=one.slug)) for one in known]
        return which_program(call, lines)
    return _preview(call, amount, method, program)


def _check_method(call: Call, text: str) -> None:
    """A word that was taken for a method because it is no amount: refused as what it may have been meant for."""
    offered = call.config.methods_for(creator_of(call).country)
    if offered and not any(text.strip().casefold() in (one.name.casefold(), one.title.casefold()) for one in offered):
        shown = text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
        raise NeitherAmountNorMethod(text=shown, methods=", ".join(one.name for one in offered))


def _preview(call: Call, amount: int | None, method: str | None, program: str | None) -> Reply:
    found = withdrawals.preview(call.session, call.config, call.now, call.actor, amount, method, program)
    offered = call.config.methods_for(creator_of(call).country)
    return call.reply(
        "withdraw_preview",
        found=found,
        program=title_of(call.config, call.config.programs[found.program]) if len(programs_of(call)) > 1 else "",
        day=utc_day(call.now),
        amount_text=_typed(found.amount),
        methods=[{"name": one.name, "title": one.title or one.name} for one in offered],
    )


def _typed(micros: int) -> str:
    """An amount as a person would type it into the form: 50.00."""
    return decimal_text(micros)[:-4]


@action("withdraw.confirm")
def confirm(call: Call, value: str) -> Reply:
    """Make the previewed request; everything is checked again, then the money is reserved."""
    made = withdrawals.confirm(call.session, call.config, call.now, call.actor, value)
    title = next((one.title or one.name for one in call.config.methods if one.name == made.method), made.method)
    return call.reply(
        "withdraw_requested",
        replaces=True,
        shown=guard.shown_id(made.id),
        made=made,
        net=made.amount - made.fee,
        method=title,
        today=utc_day(call.now),
    )


@action("withdraw.cancel")
def cancel(call: Call, value: str) -> Reply:
    """Throw the preview away."""
    withdrawals.discard(call.session, call.now, call.actor, value)
    return call.reply("withdraw_discarded", replaces=True)


def _as_previewed(call: Call, value: str) -> dict[str, Start]:
    draft = _own_draft(call, value)
    options = tuple(
        Option(one.name, shown_name(one.title or one.name), one.name == draft.method)
        for one in call.config.methods_for(creator_of(call).country)
    )
    return {"amount": Start(_typed(draft.amount)), "method": Start(draft.method, options)}


@action("withdraw.edit", starts=_as_previewed)
def edit(
    call: Call,
    value: str,
    amount: Annotated[Money | None, Arg("Amount; “all” for everything", empty="all")] = None,
    method: Annotated[str | None, Arg("Where to", suggest=own_methods)] = None,
) -> Reply:
    """A new preview in the place of this one, which can't be confirmed any more."""
    draft = _own_draft(call, value)
    withdrawals.discard(call.session, call.now, call.actor, value)
    reply = _preview(call, amount, method or draft.method, draft.program)
    return Reply(reply.card, replaces=True)


def _own_draft(call: Call, value: str) -> Draft:
    draft = call.session.get(Draft, value) if value.isascii() and value.isprintable() else None
    if draft is None or draft.creator_id != call.creator_id:
        raise refusals.NoSuchDraft
    return draft
