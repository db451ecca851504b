"""Which channels hear of what: daily or weekly digests, and approvals (the cards that approvers and admins act on)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from sqlmodel import Session, col, select

from core import audit
from core.chat.outbox import Destination
from core.chat.registry import RoleNeeded
from core.chat.tables import Subscription
from core.errors import DeskError
from core.people import Actor
from core.storage import publish

Topic = Literal["digest", "approvals"]
Cadence = Literal["daily", "weekly"]

_MAY: dict[str, tuple[str, ...]] = {"digest": ("admin",), "approvals": ("admin", "approver")}


@dataclass(frozen=True, slots=True)
class WorkspaceLost:
    """A fact: the desk can no longer speak in a workspace; paused: the subscriptions that stopped with it."""

    platform: str
    workspace: str
    reason: str
    paused: tuple[Subscription, ...]
    at: dt.datetime


class NotAChannel(DeskError):
    """Nothing changed. Type this in the channel that should get it, not in a direct message or a terminal."""


class NotSubscribed(DeskError):
    """Nothing changed. This channel gets no {topic}."""


def subscribe(
    session: Session,
    now: dt.datetime,
    actor: Actor,
    to: Destination,
    topic: Topic,
    cadence: Cadence = "daily",
    full: bool = False,
) -> Subscription:
    """Have a channel hear of something from now on, or change how; a paused one starts again.

    full: totals and names without the privacy floor, for finance's own eyes; only approvers may say so (domain.md,
    "Roles"). Raises RoleNeeded, NotAChannel.
    """
    _may(actor, topic)
    if full and not actor.may("approver"):
        raise RoleNeeded(roles="approvers")
    _channel(to)
    found = of_channel(session, to, topic)
    if found is None:
        found = Subscription(
            platform=to.platform,
            workspace=to.workspace,
            channel=to.channel,
            topic=topic,
            created_by=actor.person_id,
            created_at=now,
        )
    found.cadence, found.full, found.paused = cadence, full, ""
    session.add(found)
    session.flush()
    detail = topic if topic == "approvals" else f"{topic} {cadence}{' full' if full else ''}"
    audit.record(session, now, actor.name, "channel.subscribe", _name(to), detail)
    return found


def mark_full(
    session: Session, now: dt.datetime, actor: Actor, to: Destination, cadence: Cadence | None = None
) -> Subscription:
    """Have a channel that gets digests get them in full; what approvers may say who turn none on themselves.

    Raises RoleNeeded, NotAChannel, NotSubscribed.
    """
    if not actor.may("approver"):
        raise RoleNeeded(roles="approvers")
    _channel(to)
    found = of_channel(session, to, "digest")
    if found is None:
        raise NotSubscribed(topic="digests")
    found.full, found.cadence = True, cadence or found.cadence
    session.add(found)
    session.flush()
    audit.record(session, now, actor.name, "channel.subscribe", _name(to), f"digest {found.cadence} full")
    return found


def unsubscribe(session: Session, now: dt.datetime, actor: Actor, to: Destination, topic: Topic) -> None:
    """Stop. Raises RoleNeeded, NotAChannel, NotSubscribed."""
    _may(actor, topic)
    _channel(to)
    found = of_channel(session, to, topic)
    if found is None:
        raise NotSubscribed(topic="digests" if topic == "digest" else topic)
    session.delete(found)
    session.flush()
    audit.record(session, now, actor.name, "channel.unsubscribe", _name(to), topic)


def of_channel(session: Session, to: Destination, topic: Topic) -> Subscription | None:
    """A channel's subscription, paused or not; None when it has none."""
    return session.get(Subscription, (to.platform, to.workspace, to.channel, topic), populate_existing=True)


def active(session: Session, topic: Topic) -> list[Subscription]:
    """Every channel that hears of a topic now."""
    found = select(Subscription).where(Subscription.topic == topic, Subscription.paused == "")
    order = col(Subscription.platform), col(Subscription.workspace), col(Subscription.channel)
    return list(session.exec(found.order_by(*order)).all())


def destination(subscription: Subscription) -> Destination:
    """Where it goes."""
    return Destination(subscription.platform, subscription.workspace, subscription.channel)


def pause(session: Session, now: dt.datetime, to: Destination, reason: str) -> list[Subscription]:
    """Stop posting to a channel that is gone, until someone subscribes it anew; those that were active before."""
    found = select(Subscription).where(
        Subscription.platform == to.platform,
        Subscription.workspace == to.workspace,
        Subscription.channel == to.channel,
        Subscription.paused == "",
    )
    paused = list(session.exec(found).all())
    for subscription in paused:
        subscription.paused = reason[:300] or "gone"
        session.add(subscription)
        audit.record(session, now, audit.OPERATOR, "channel.pause", _name(to), f"{subscription.topic}: {reason}")
    session.flush()
    return paused


def workspace_gone(
    session: Session, now: dt.datetime, platform: str, workspace: str, reason: str
) -> list[Subscription]:
    """The desk was removed from a whole workspace: nothing is posted there until someone subscribes its channels anew;
    those that were active. Links stay, so that everyone is known again when it comes back."""
    found = select(Subscription).where(
        Subscription.platform == platform, Subscription.workspace == workspace, Subscription.paused == ""
    )
    channels = sorted({one.channel for one in session.exec(found).all()})
    paused = [one for name in channels for one in pause(session, now, Destination(platform, workspace, name), reason)]
    publish(session, WorkspaceLost(platform, workspace, reason[:300], tuple(paused), now))
    return paused


def _may(actor: Actor, topic: Topic) -> None:
    if not any(actor.may(role) for role in _MAY[topic]):
        raise RoleNeeded(roles=" and ".join(f"{role}s" for role in _MAY[topic]))


def _channel(to: Destination) -> None:
    if not to.channel or to.user_id or to.platform in ("", "cli"):
        raise NotAChannel


def _name(to: Destination) -> str:
    return "/".join(part for part in (to.platform, to.workspace, to.channel) if part)
