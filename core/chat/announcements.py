"""What the desk says unasked: every fact that is published becomes outbox messages, in the fact's own transaction.

`announce` is given to `Database`; `draw` makes the card when the relay delivers. A card that people act on (approval,
to pay, adjustment) is drawn from what is true at that moment, and its copies are repainted when that changes; a digest
or a direct message says what was committed when it was written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, cast, func, select
from sqlmodel import Session, col
from sqlmodel import select as sql

from core import people
from core.chat import dashboard, digest, home, outbox, payout_news, settings, subscriptions, templates
from core.chat.approval_cards import FRESH, Facts
from core.chat.cards import Card
from core.chat.outbox import ChannelLost, Claimed, Destination, Draft, Notice
from core.chat.posting import card, repaint, unique
from core.chat.registry import form_of
from core.chat.settings import SettingsChanged
from core.chat.subscriptions import WorkspaceLost
from core.config import DeskConfig
from core.earnings.facts import SettlementPosted
from core.earnings.programs import kind_in
from core.earnings.tables import Project, SettlementLine
from core.ledger import accounts
from core.payouts.facts import (
    AdjustmentDecided,
    AdjustmentProposed,
    BatchApproved,
    CreatorFrozen,
    CreatorUnfrozen,
    MethodChosen,
    PayoutsProcessed,
    WithdrawalChanged,
    WithdrawalDecided,
    WithdrawalRequested,
)
from core.payouts.tables import OPEN_STATES, Adjustment, Withdrawal
from core.payouts.words import BY_HAND
from core.people import PersonLinked, PersonUnlinked, RolesChanged
from core.storage import table_of

# Told even to those who switched alerts off: money came back, or is held.
TROUBLE = frozenset({"rejected", "failed", "returned"})
TOLD = frozenset({"approved", "rejected", "sent", "paid", "failed", "returned"})

WHO_ACTS = {
    "unasked/approval": "approver",
    "unasked/batch": "approver",
    "unasked/to_pay": "admin",
    "unasked/adjustment": "admin",
}
DECIDED = frozenset({"requested", "approved", "rejected", "cancelled"})  # states that the card of a batch tells of

_LINE, _PROJECT = table_of(SettlementLine), table_of(Project)


def announce(session: Session, fact: object) -> None:
    """Write what a fact gives occasion to say. Facts that nobody needs to hear of are fine."""
    for handler in HANDLERS.get(type(fact), ()):
        handler(session, fact)


def draw(session: Session, config: DeskConfig, now: dt.datetime, message: Claimed | Notice) -> Card:
    """The card of a claimed message, or of one that is shown late, as it reads now; times by the person's own clock."""
    facts: Facts = message.facts
    if message.template == home.TEMPLATE:
        identity = home.identity_of(facts)
        there = Destination(identity.platform, identity.workspace, user_id=identity.user_id)
        return dashboard.card(session, config, now, identity, there)
    if message.template in FRESH:
        facts = FRESH[message.template](session, config, now, facts)
    if "program" in facts:
        facts = digest.shown(config, facts)
    person_id = message.person_id
    zone = ZoneInfo("UTC") if person_id is None else settings.zone_of(session, people.actor(session, person_id))
    return templates.render(message.template, form_of=form_of, zone=zone, now=now, **facts)


def settlement_posted(session: Session, posted: SettlementPosted) -> None:
    """Digests to every channel that hears of them; a message to every creator who asked for one."""
    drafts: list[Draft] = []
    known: dict[tuple[bool, bool], digest.Facts | None] = {}
    for one in subscriptions.active(session, "digest"):
        variant = one.full, one.cadence == "weekly"
        if variant not in known:
            known[variant] = _digest(session, posted, *variant)
        facts = known[variant]
        if facts is not None:
            drafts.append(_to_channel(posted, facts, subscriptions.destination(one)))
    for morning in digest.mornings(session, posted):
        key = f"morning:{posted.program}:{posted.run}:{morning.person_id}"
        drafts.append(
            Draft(
                key,
                "unasked/morning",
                morning.facts,
                person_id=morning.person_id,
                subject=f"morning:{posted.program}",  # of several that could not be delivered, the last is shown
                not_before=morning.due,
            )
        )
    outbox.put_all(session, posted.settled_at, drafts)
    _reflag(session, posted)
    home.settled(session, posted)


def _digest(session: Session, posted: SettlementPosted, full: bool, weekly: bool) -> digest.Facts | None:
    """The facts for one kind of channel; None when this run gives it nothing to say."""
    start, through = posted.start or posted.through, posted.through
    if weekly:
        week = digest.week_of(start, through) if posted.start else None
        if week is None:
            return None
        start, through = week
    elif posted.start is None:
        # Differences for days settled before: that day's digest, which may name more days, is brought up to date.
        start = _range_start(session, posted) or through
    run = digest.Run(posted.settled_at, posted.head, posted.entry_id)
    return digest.channel_facts(session, posted.program, start, through, run, full=full, weekly=weekly)


def _range_start(session: Session, posted: SettlementPosted) -> dt.date | None:
    message = outbox.last_about(session, f"digest:{posted.program}:{posted.through}")
    return dt.date.fromisoformat(str(message["start"])) if message else None


def _to_channel(posted: SettlementPosted, facts: digest.Facts, to: Destination) -> Draft:
    """A digest once per channel and day (or week); a further run for the same day repaints it instead."""
    span = f"week:{facts['through']}" if facts["weekly"] else str(facts["through"])
    subject = f"digest:{posted.program}:{span}"
    key = ":".join((subject, to.platform, to.workspace, to.channel))
    if posted.start is None:
        return Draft(f"{key}:again:{posted.run}", "unasked/digest", facts, to, kind="repaint", subject=subject)
    return Draft(key, "unasked/digest", facts, to, subject=subject)


def _reflag(session: Session, posted: SettlementPosted) -> None:
    """Repaint the cards of open requests whose creators' balance fell below zero with this run, or rose above it."""
    if posted.entry_id is None or kind_in(session, posted.program).monthly:
        return  # what monthly payouts change: core.chat.payout_news
    waiting = sql(Withdrawal).where(Withdrawal.program == posted.program, Withdrawal.state == "requested")
    requests = session.exec(waiting).all()
    if not requests:
        return
    creators = {request.creator_id for request in requests}
    amount = cast(func.sum(_LINE.c.share), BigInteger)
    posted_to = (
        select(_PROJECT.c.creator_id, amount)
        .join(_LINE, _LINE.c.project_id == _PROJECT.c.project_id)
        .where(_LINE.c.entry_id == posted.entry_id, _PROJECT.c.creator_id.in_(creators))
        .group_by(_PROJECT.c.creator_id)
    )
    earned: dict[str, int] = {creator: total for creator, total in session.execute(posted_to)}  # noqa: C416 - rows are no pairs
    for request in requests:
        after = accounts.balance(session, posted.program, "available", request.creator_id)
        if (after < 0) != (after - earned.get(request.creator_id, 0) < 0):
            repaint(session, posted.settled_at, f"withdrawal:{request.id}", "unasked/approval", _about(request))


def withdrawal_requested(session: Session, fact: WithdrawalRequested) -> None:
    """A card to every approvals channel; without one, to every approver who may decide it."""
    withdrawal = _withdrawal(session, fact.withdrawal_id)
    own = {withdrawal.requested_by}
    card(session, fact.at, "unasked/approval", f"withdrawal:{withdrawal.id}", _about(withdrawal), "approver", own)


def withdrawal_decided(session: Session, fact: WithdrawalDecided) -> None:
    """Every copy says who decided; the creator hears of the last word."""
    withdrawal = _withdrawal(session, fact.withdrawal_id)
    _repaint_withdrawal(session, fact.at, withdrawal)
    _tell_creator(session, fact.at, withdrawal)


def withdrawal_changed(session: Session, fact: WithdrawalChanged) -> None:
    """Every copy and the creator are told the new state; money to be paid by hand becomes a card for admins."""
    withdrawal = _withdrawal(session, fact.withdrawal_id)
    _repaint_withdrawal(session, fact.at, withdrawal)
    if payout_news.to_pay_together(session, fact.at, withdrawal):
        pass  # one card for all of them
    elif withdrawal.state == "sent" and withdrawal.rail in BY_HAND:
        card(session, fact.at, "unasked/to_pay", f"to-pay:{withdrawal.id}", _about(withdrawal), "admin")
    else:
        repaint(session, fact.at, f"to-pay:{withdrawal.id}", "unasked/to_pay", _about(withdrawal))
    _tell_creator(session, fact.at, withdrawal)


def _repaint_withdrawal(session: Session, now: dt.datetime, withdrawal: Withdrawal) -> None:
    repaint(session, now, f"withdrawal:{withdrawal.id}", "unasked/approval", _about(withdrawal))
    if withdrawal.batch_id is not None and withdrawal.state in DECIDED:
        payout_news.repaint_batch(session, now, withdrawal.batch_id)


def _tell_creator(session: Session, now: dt.datetime, withdrawal: Withdrawal) -> None:
    """A direct message for each new state, once."""
    person_id = _listener(session, withdrawal.creator_id, withdrawal.state in TROUBLE)
    if withdrawal.state not in TOLD or person_id is None:
        return
    if withdrawal.state == "approved" and withdrawal.batch_id is not None:
        return  # they heard that it is coming; next they hear that it is sent
    facts: Facts = {
        "program": withdrawal.program,
        "withdrawal": withdrawal.id,
        "amount": withdrawal.amount,
        "fee": withdrawal.fee,
        "net": withdrawal.amount - withdrawal.fee,
        "method": withdrawal.method,
        "by_hand": withdrawal.rail in BY_HAND,
        "reason": withdrawal.reason,
        "reference": withdrawal.reference,
        "arrives_from": withdrawal.arrives_from.isoformat() if withdrawal.arrives_from else "",
        "arrives_by": withdrawal.arrives_by.isoformat() if withdrawal.arrives_by else "",
        "balance": accounts.wallet(session, withdrawal.program, withdrawal.creator_id).available,
    }
    key = f"withdrawal:{withdrawal.id}:{withdrawal.state}:creator"
    outbox.put(session, now, key, f"unasked/withdrawal_{withdrawal.state}", facts, person_id=person_id)


def adjustment_proposed(session: Session, fact: AdjustmentProposed) -> None:
    """A card to every approvals channel; without one, to every admin who may approve it."""
    facts = {"adjustment": fact.adjustment_id}
    own = {session.get_one(Adjustment, fact.adjustment_id).proposed_by}
    card(session, fact.at, "unasked/adjustment", f"adjustment:{fact.adjustment_id}", facts, "admin", own)


def adjustment_decided(session: Session, fact: AdjustmentDecided) -> None:
    """Every copy says who decided; the creator hears of one that took effect, with its reason."""
    facts: Facts = {"adjustment": fact.adjustment_id}
    repaint(session, fact.at, f"adjustment:{fact.adjustment_id}", "unasked/adjustment", facts)
    adjustment = session.get_one(Adjustment, fact.adjustment_id, populate_existing=True)
    person_id = _listener(session, adjustment.creator_id, always=True)
    if fact.state != "approved" or person_id is None:
        return
    facts = {
        "program": adjustment.program,
        "amount": adjustment.amount,
        "reason": adjustment.reason,
        "balance": accounts.wallet(session, adjustment.program, adjustment.creator_id).available,
    }
    outbox.put(session, fact.at, f"adjusted:{fact.adjustment_id}", "unasked/adjusted", facts, person_id=person_id)


def creator_frozen(session: Session, fact: CreatorFrozen | CreatorUnfrozen) -> None:
    """The creator reads why; the cards of their open withdrawals say so."""
    template = "unasked/frozen" if isinstance(fact, CreatorFrozen) else "unasked/unfrozen"
    person_id = _listener(session, fact.creator_id, always=True)
    if person_id is not None:
        outbox.put(session, fact.at, unique(template), template, {"reason": fact.reason}, person_id=person_id)
    concerned = sql(Withdrawal).where(Withdrawal.creator_id == fact.creator_id, col(Withdrawal.state).in_(OPEN_STATES))
    for withdrawal in session.exec(concerned.order_by(col(Withdrawal.id))).all():
        _repaint_withdrawal(session, fact.at, withdrawal)


def person_linked(session: Session, fact: PersonLinked) -> None:
    """Every earlier account of that person is told, so that a stolen code is noticed (domain.md, "Chat identities")."""
    facts: Facts = {"platform": fact.identity.platform, "account": fact.identity.user_id, "at": fact.at.isoformat()}
    for earlier in fact.earlier:
        to = Destination(earlier.platform, earlier.workspace, user_id=earlier.user_id)
        outbox.put(session, fact.at, unique("linked"), "unasked/linked", facts, to=to, person_id=fact.person_id)


def person_unlinked(session: Session, fact: PersonUnlinked) -> None:
    """The account's dashboard says how to link; that of an account which is no more is forgotten."""
    if fact.gone:
        home.forget(session, fact.identity)
    else:
        home.account_changed(session, fact.at, fact.identity)


def workspace_lost(session: Session, fact: WorkspaceLost) -> None:
    """Whoever subscribed channels there and every owner is told, where the desk can still reach them."""
    home.forget_workspace(session, fact.platform, fact.workspace)
    facts: Facts = {
        "platform": fact.platform,
        "workspace": fact.workspace,
        "reason": fact.reason,
        "channels": len({one.channel for one in fact.paused}),
    }
    told = {*people.with_role(session, "owner"), *(one.created_by for one in fact.paused)}
    drafts = []
    for person_id in sorted(told):
        elsewhere = (
            Destination(one.platform, one.workspace, user_id=one.user_id)
            for one in settings.accounts(session, person_id)
            if (one.platform, one.workspace) != (fact.platform, fact.workspace)
        )
        # Without an account elsewhere it is shown at their next command, wherever that is.
        to = next(elsewhere, None)
        # A platform may say it twice, in different words: within an hour they are the same news.
        key = f"workspace-lost:{fact.platform}:{fact.workspace}:{fact.at:%Y-%m-%dT%H}:{person_id}"
        drafts.append(Draft(key, "unasked/workspace_lost", facts, to, person_id=person_id))
    outbox.put_all(session, fact.at, drafts)


def _homes_about_withdrawal(
    session: Session, fact: WithdrawalRequested | WithdrawalDecided | WithdrawalChanged
) -> None:
    creator_id = _withdrawal(session, fact.withdrawal_id).creator_id
    home.changed(session, fact.at, _concerned(session, creator_id, "approver", "admin"))


def _homes_about_adjustment(session: Session, fact: AdjustmentProposed | AdjustmentDecided) -> None:
    creator_id = session.get_one(Adjustment, fact.adjustment_id).creator_id
    home.changed(session, fact.at, _concerned(session, creator_id, "admin"))


def _homes_about_creator(session: Session, fact: CreatorFrozen | CreatorUnfrozen | MethodChosen) -> None:
    roles = () if isinstance(fact, MethodChosen) else ("approver", "admin")
    home.changed(session, fact.at, _concerned(session, fact.creator_id, *roles))


def _concerned(session: Session, creator_id: str, *roles: str) -> set[int]:
    """The creator's person, and everyone who acts in these roles."""
    own = people.person_of_creator(session, creator_id)
    return {*(() if own is None else (own,)), *(one for role in roles for one in people.with_role(session, role))}


def _home_of_account(session: Session, fact: PersonLinked) -> None:
    home.account_changed(session, fact.at, fact.identity)


def _home_of_person(session: Session, fact: SettingsChanged | RolesChanged) -> None:
    home.changed(session, fact.at, [fact.person_id])


def channel_lost(session: Session, fact: ChannelLost) -> None:
    """Its subscriptions pause; whoever made them and every owner is told."""
    paused = subscriptions.pause(session, fact.at, fact.channel, fact.reason)
    facts: Facts = {
        "platform": fact.channel.platform,
        "channel": fact.channel.channel,
        "reason": fact.reason,
        "topics": [one.topic for one in paused],
    }
    told = {*people.with_role(session, "owner"), *(one.created_by for one in paused)}
    for person_id in sorted(told if paused else ()):
        outbox.put(session, fact.at, unique("channel-lost"), "unasked/channel_lost", facts, person_id=person_id)
    if fact.template in WHO_ACTS:
        # Nobody saw this card: another channel has it already, or else those who may act on it get it themselves.
        card(session, fact.at, fact.template, fact.subject, fact.facts, WHO_ACTS[fact.template])


def _listener(session: Session, creator_id: str, always: bool) -> int | None:
    """The creator's person, when there is one that wants to hear of it."""
    person_id = people.person_of_creator(session, creator_id)
    if person_id is None:
        return None
    return person_id if always or settings.of(session, person_id).alerts else None


def _withdrawal(session: Session, withdrawal_id: int) -> Withdrawal:
    session.flush()
    return session.get_one(Withdrawal, withdrawal_id, populate_existing=True)


def _about(withdrawal: Withdrawal) -> Facts:
    return {"withdrawal": withdrawal.id}


Handler = Callable[[Session, Any], None]
HANDLERS: Mapping[type, tuple[Handler, ...]] = {
    SettlementPosted: (settlement_posted, payout_news.months_changed),
    PayoutsProcessed: (payout_news.payouts_processed,),
    BatchApproved: (payout_news.batch_approved,),
    WithdrawalRequested: (withdrawal_requested, _homes_about_withdrawal),
    WithdrawalDecided: (withdrawal_decided, _homes_about_withdrawal),
    WithdrawalChanged: (withdrawal_changed, _homes_about_withdrawal),
    AdjustmentProposed: (adjustment_proposed, _homes_about_adjustment),
    AdjustmentDecided: (adjustment_decided, _homes_about_adjustment),
    CreatorFrozen: (creator_frozen, _homes_about_creator),
    CreatorUnfrozen: (creator_frozen, _homes_about_creator),
    MethodChosen: (_homes_about_creator,),
    SettingsChanged: (_home_of_person,),
    RolesChanged: (_home_of_person,),
    PersonLinked: (person_linked, _home_of_account),
    PersonUnlinked: (person_unlinked,),
    ChannelLost: (channel_lost,),
    WorkspaceLost: (workspace_lost,),
}
