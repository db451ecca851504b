"""What desk commands share: the queue as people read it, and finding a creator by id, name or mention."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, or_
from sqlmodel import col, select

from core import people
from core.chat.approval_cards import ordinal
from core.chat.cards import shown_name
from core.chat.commands.own import MOST_SUGGESTIONS, title_of
from core.chat.registry import Call, Suggestion
from core.chat.words import plural
from core.earnings.tables import Creator
from core.errors import DeskError
from core.ledger.money import format_money
from core.payouts import approvals, guard, views
from core.payouts.refusals import NoSuchCreator
from core.payouts.tables import Withdrawal
from core.people import Actor, Identity

_MENTION = re.compile(r"<@!?([A-Za-z0-9]+)(?:\|[^<>]*)?>")


class MentionNotLinked(DeskError):
    """Nothing changed. {mention} has no linked creator account here: the desk doesn't know whom you mean. Name the
    creator by id or name."""


class SeveralCreators(DeskError):
    """Nothing changed. {count} creators are called '{name}'. Name one by id: {ids}."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A withdrawal that waits for a decision, in one line. flags: what speaks against it, in words; mine: the viewer's
    own, or approved by the viewer already."""

    id: int
    shown: str
    creator: str
    country: str
    program: str
    method: str
    amount: int
    approvals: int
    needed: int
    nth: str
    flags: tuple[str, ...]
    mine: str


def waiting_line(call: Call, withdrawal: Withdrawal) -> Waiting:
    """What an approver has to know, as it stands now."""
    view = views.approval_view(call.session, call.config, call.now, withdrawal)
    flags = []
    if view.frozen:
        flags.append(f"on hold: {shown_name(view.frozen)}")
    if view.negative_balance is not None:
        flags.append(f"balance {format_money(view.negative_balance)}")
    elif not view.balance_covers:
        flags.append("the money set aside does not cover it")
    program = call.config.programs.get(view.program)
    several = program is not None and len(call.config.programs) > 1
    return Waiting(
        id=view.withdrawal_id,
        shown=view.shown,
        creator=shown_name(view.creator_name),
        country=view.creator_country,
        program=title_of(call.config, program) if program is not None and several else "",
        method=" ".join(part for part in (view.method_title, view.destination) if part),
        amount=view.amount,
        approvals=view.approvals,
        needed=view.needed,
        nth=ordinal(view.nth_payout),
        flags=tuple(flags),
        mine=_mine(call.actor, withdrawal, [said.person_id for said in view.decisions]),
    )


def _mine(actor: Actor, withdrawal: Withdrawal, said: list[int]) -> str:
    if actor.person_id == withdrawal.requested_by or actor.creator_id == withdrawal.creator_id:
        return "your own: someone else has to decide it"
    return "you approved it; someone else has to be the next" if actor.person_id in said else ""


def waiting(call: Call, text: str) -> Iterator[Suggestion]:
    """Withdrawals that wait for a decision; the oldest first."""
    if call.who is None or not call.who.may("approver"):
        return
    offered = 0
    for one in approvals.queue(call.session):
        shown = guard.shown_id(one.id)
        if text.strip().casefold() not in shown.casefold():
            continue
        creator = call.session.get(Creator, one.creator_id)
        name = shown_name(creator.name) if creator is not None else ""
        yield Suggestion(shown, f"{shown} {format_money(one.amount)}", name)
        offered += 1
        if offered == MOST_SUGGESTIONS:
            return


def creators(call: Call, text: str) -> Iterator[Suggestion]:
    """Creators whose id or name contains what is typed; for people with a role only."""
    if call.who is None or not call.who.roles:
        return
    typed = text.strip()
    fitting = or_(
        col(Creator.creator_id).icontains(typed, autoescape=True), col(Creator.name).icontains(typed, autoescape=True)
    )
    found = select(Creator).where(fitting).order_by(col(Creator.creator_id)).limit(MOST_SUGGESTIONS)
    for creator in call.session.exec(found):
        yield Suggestion(creator.creator_id, shown_name(creator.name), creator.creator_id)


def find_creator(call: Call, text: str) -> Creator:
    """The creator with that id, else the only one with that name, else the one behind a mention.

    A mention means an account of the workspace where it is typed. Raises NoSuchCreator, SeveralCreators,
    MentionNotLinked.
    """
    wanted = text.strip()
    found = call.session.get(Creator, wanted) if wanted and "\x00" not in wanted else None
    if found is not None:
        return found
    mention = _MENTION.fullmatch(wanted)
    if mention is not None:
        identity = Identity(call.surface.platform, mention[1], call.surface.workspace)
        who = people.actor_of(call.session, identity)
        creator = call.session.get(Creator, who.creator_id) if who is not None and who.creator_id else None
        if creator is not None:
            return creator
        raise MentionNotLinked(mention=shown_name(wanted))
    same = select(Creator).where(func.lower(col(Creator.name)) == wanted.lower()).order_by(col(Creator.creator_id))
    named = list(call.session.exec(same.limit(6)))
    if len(named) > 1:
        ids = ", ".join(creator.creator_id for creator in named[:5])
        count = str(len(named)) if len(named) <= 5 else "More than 5"
        raise SeveralCreators(count=count, name=shown_name(wanted), ids=ids)
    if not named:
        raise NoSuchCreator(creator_id=wanted)
    return named[0]


def people_needed(needed: int, given: int) -> str:
    """`one more approver`, `2 more approvers`."""
    left = needed - given
    return "one more approver" if left == 1 else plural(left, "more approver")
