"""/desk adjust, freeze, unfreeze: what admins do to a creator's account, with a reason (domain.md, "Roles")."""

from __future__ import annotations

from typing import Annotated

from core.chat import approval_cards
from core.chat.cards import shown_name
from core.chat.commands.desk_queue import creators, find_creator
from core.chat.commands.own import title_of
from core.chat.commands.paging import MOST_PAGES, Pages
from core.chat.digest import shown as with_title
from core.chat.registry import Arg, Call, Money, Reply, Suggestion, action, command
from core.chat.words import command_line
from core.earnings.tables import Creator
from core.ledger import accounts
from core.ledger.money import decimal_text, format_money
from core.payouts import adjustments, freezes, views
from core.payouts.tables import Adjustment

ADMIN = ("admin",)
ROWS = 4  # reasons are long, and a message holds so much
CreatorName = Annotated[str, Arg("Which creator: an id, a name or a mention", suggest=creators, example="ada")]
Why = Annotated[
    str, Arg("Why; the creator reads it", min_length=1, max_length=500, example="a voucher was booked twice")
]


def desk_programs(call: Call, text: str) -> list[Suggestion]:
    """Every configured program."""
    found = [(slug, title_of(call.config, program)) for slug, program in call.config.programs.items()]
    typed = text.casefold()
    return [Suggestion(slug, title) for slug, title in found if typed in slug.casefold() or typed in title.casefold()]


@command("desk adjust", "Propose a correction; another admin approves it", roles=ADMIN, writes=True, topic="desk")
def adjust(
    call: Call,
    creator: CreatorName,
    amount: Annotated[Money, Arg("How much; negative takes away", example="-5.00")],
    reason: Why,
    *,
    program: Annotated[str | None, Arg("Which program", suggest=desk_programs)] = None,
) -> Reply:
    """Moves nothing before a second person agrees."""
    found = find_creator(call, creator)
    if program is None:
        several = [slug for slug in accounts.wallets(call.session, found.creator_id) if slug in call.config.programs]
        if len(several) > 1:
            return _which(call, found, amount, reason, several)
    proposed = adjustments.propose(
        call.session, call.config, call.now, call.actor, found.creator_id, program, amount, reason
    )
    return call.reply(
        "desk_proposed",
        id=proposed.id,
        amount=proposed.amount,
        reason=proposed.reason,
        creator=shown_name(found.name),
        balance=accounts.wallet(call.session, proposed.program, found.creator_id).available,
    )


def _which(call: Call, creator: Creator, amount: int, reason: str, slugs: list[str]) -> Reply:
    """Ask in which of the creator's programs: a button each, carrying the whole command line again."""
    wallets = accounts.wallets(call.session, creator.creator_id)
    typed = decimal_text(amount).rstrip("0").rstrip(".")
    choices = [
        {
            "title": title_of(call.config, call.config.programs[slug]),
            "balance": format_money(wallets[slug].available),
            "line": command_line("desk adjust", creator=creator.creator_id, amount=typed, program=slug, reason=reason),
        }
        for slug in slugs
    ]
    card = call.card("desk_which_program", creator=shown_name(creator.name), choices=choices)
    return Reply(card, ok=False)


@command("desk adjustments", "Corrections that wait for a second person", roles=ADMIN, topic="desk")
def waiting_adjustments(call: Call, *, page: Annotated[int, Arg("Page", minimum=1, maximum=MOST_PAGES)] = 1) -> Reply:
    """The oldest first."""
    found = adjustments.proposed(call.session)
    pages = Pages(page, len(found), "desk adjustments", {}, ROWS)
    facts = [_facts(call, one) for one in found[pages.first : pages.end]]
    return call.reply("desk_adjustments", lines=facts, pages=pages, count=len(found))


def _facts(call: Call, one: Adjustment) -> dict[str, object]:
    facts = approval_cards.adjustment(call.session, call.config, call.now, {"adjustment": one.id})
    own = call.actor.creator_id == one.creator_id
    mine = "It concerns your own account; someone else decides." if own else ""
    if one.proposed_by == call.actor.person_id:
        mine = "You proposed it; another admin has to approve it."
    return {**with_title(call.config, dict(facts)), "mine": mine, "own": own}


@action("adjust.approve", roles=ADMIN)
def press_approve(call: Call, value: int) -> Reply:
    """Put a proposal into effect, as the second person."""
    adjustments.approve(call.session, call.config, call.now, call.actor, value)
    return _decided(call, value)


@action("adjust.decline", roles=ADMIN)
def press_decline(call: Call, value: int) -> Reply:
    """Turn a proposal down, or take one's own back."""
    adjustments.decline(call.session, call.config, call.now, call.actor, value)
    return _decided(call, value)


def _decided(call: Call, adjustment_id: int) -> Reply:
    facts = approval_cards.adjustment(call.session, call.config, call.now, {"adjustment": adjustment_id})
    return Reply(call.card("unasked/adjustment", **with_title(call.config, dict(facts))))


@command("desk freeze", "Hold a creator's accounts: no requests, no sending", roles=ADMIN, writes=True, topic="desk")
def freeze(call: Call, creator: CreatorName, reason: Why) -> Reply:
    """The creator reads the reason; earnings go on."""
    return _freeze(call, find_creator(call, creator), reason)


@action("creator.freeze", roles=ADMIN)
def press_freeze(call: Call, value: str, reason: Why) -> Reply:
    """The same from an approval card; value: the creator's id."""
    return _freeze(call, find_creator(call, value), reason)


def _freeze(call: Call, creator: Creator, reason: str) -> Reply:
    held = freezes.freeze(call.session, call.now, call.actor, creator.creator_id, reason)
    return _held(call, creator, held.reason, frozen=True)


@command("desk unfreeze", "Lift the hold on a creator's accounts", roles=ADMIN, writes=True, topic="desk")
def unfreeze(call: Call, creator: CreatorName, reason: Why) -> Reply:
    """What waited goes on."""
    found = find_creator(call, creator)
    lifted = freezes.unfreeze(call.session, call.now, call.actor, found.creator_id, reason)
    return _held(call, found, lifted.lift_reason, frozen=False)


def _held(call: Call, creator: Creator, reason: str, *, frozen: bool) -> Reply:
    waiting = views.open_of(call.session, creator.creator_id)
    unsent = [one for one in waiting if one.state in ("requested", "approved")]
    return call.reply(
        "desk_hold",
        frozen=frozen,
        creator=shown_name(creator.name),
        creator_id=creator.creator_id,
        reason=reason,
        open=len(unsent),
        total=sum(one.amount for one in unsent),
        sent=len(waiting) - len(unsent),
    )
