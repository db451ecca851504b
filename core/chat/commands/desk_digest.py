"""/desk digest and /desk approvals-channel: which channels hear of what (domain.md, "Messages out", and "Roles")."""

from __future__ import annotations

from typing import Annotated, Literal

from core.chat import digest as digests
from core.chat import subscriptions
from core.chat.cards import Card
from core.chat.registry import Arg, Call, Reply, RoleNeeded, command

MAY = ("admin", "approver")
Cadence = Literal["daily", "weekly"]


@command("desk digest", "Digests in this channel, or a test for you alone", roles=MAY, writes=True, topic="desk")
def digest(
    call: Call,
    what: Annotated[Literal["on", "off", "test"], Arg("on, off, or test")],
    cadence: Annotated[Cadence | None, Arg("How often; daily unless you say")] = None,
    full: Annotated[Literal["full"] | None, Arg("For finance's own eyes: all totals and names; approvers only")] = None,
) -> Reply:
    """Admins turn digests on and off; only approvers mark a channel full."""
    if full is not None and not call.actor.may("approver"):
        raise RoleNeeded(roles="approvers")
    if what == "test":
        return _test(call, cadence or "daily", full=full is not None)
    if what == "off":
        subscriptions.unsubscribe(call.session, call.now, call.actor, call.surface, "digest")
        return call.reply("desk_channel", topic="digest", on=False, cadence="", full=False)
    if full is not None and not call.actor.may("admin"):
        made = subscriptions.mark_full(call.session, call.now, call.actor, call.surface, cadence)
    else:
        made = subscriptions.subscribe(
            call.session, call.now, call.actor, call.surface, "digest", cadence or "daily", full=full is not None
        )
    return call.reply("desk_channel", topic="digest", on=True, cadence=made.cadence, full=made.full)


def _test(call: Call, cadence: Cadence, *, full: bool) -> Reply:
    """The digest as it would read now, shown to whoever asks and posted nowhere."""
    cards: list[Card] = []
    for slug in call.config.programs:
        facts = digests.latest(call.session, slug, full=full, weekly=cadence == "weekly")
        if facts is not None:
            cards.append(call.card("unasked/digest", **digests.shown(call.config, facts)))
    card = call.card("desk_digest_test", cadence=cadence, full=full, found=len(cards))
    for one in cards:
        card = card.followed_by(one)
    return Reply(card)


@command("desk approvals-channel", "Approval cards in this channel: on or off", roles=MAY, writes=True, topic="desk")
def approvals_channel(call: Call, what: Annotated[Literal["on", "off"], Arg("on or off")]) -> Reply:
    """Without any such channel, cards go to each approver and admin directly."""
    if what == "off":
        subscriptions.unsubscribe(call.session, call.now, call.actor, call.surface, "approvals")
    else:
        subscriptions.subscribe(call.session, call.now, call.actor, call.surface, "approvals")
    return call.reply("desk_channel", topic="approvals", on=what == "on", cadence="", full=False)
