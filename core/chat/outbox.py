"""What the desk says unasked: written with the fact it reports, delivered by a relay, once (domain.md, "Messages out").

A relay's round, with no transaction open while it talks to a platform:

    claim → commit → announcements.draw → port.post or port.repaint → delivered / retry / undeliverable

A claim is a lease. When it runs out (the relay was killed) or the platform's answer was lost, nobody knows whether the
message stands in the channel: it is claimed again with `check_first`, and the relay asks `port.find(to, key, since)`
before it posts. A port's time-outs must end well before LEASE does. Messages of one destination go out in the order
they were written, one at a time; one that waits for its back-off holds the later ones back (PATIENCE times), one that
is only due later does not.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, literal_column, or_, select, update
from sqlmodel import Session
from sqlmodel import select as sql

from core.chat import copies as places
from core.chat import settings
from core.chat.copies import ACTIVE
from core.chat.ports import ChannelGone, ChatPort, Destination, DirectMessageClosed, TryLater, Unclear
from core.chat.tables import OutboxMessage
from core.storage import is_postgres, publish, table_of, upsert

__all__ = ["ChannelGone", "ChatPort", "Destination", "DirectMessageClosed", "TryLater", "Unclear"]

LEASE = dt.timedelta(seconds=120)
LONGEST_BACKOFF = dt.timedelta(minutes=15)
PATIENCE = 12  # tries, over an hour of them: a message that fails so often no longer holds the later ones back
NOTICES_AT_ONCE = 3

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message to deliver now. check_first: it may have been posted before; message_id: of the copy to repaint."""

    id: int
    key: str
    kind: str
    to: Destination
    template: str
    facts: Mapping[str, object]
    subject: str
    person_id: int | None
    tries: int
    created_at: dt.datetime
    check_first: bool = False
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message that could not be delivered to a person, to be shown at their next command."""

    id: int
    template: str
    facts: Mapping[str, object]
    person_id: int
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class ChannelLost:
    """A fact: a channel that the desk posts to is gone. Its subscriptions pause and the owners are told.

    template, facts and subject are those of the message that could not be posted there; empty for a repaint.
    """

    channel: Destination
    reason: str
    at: dt.datetime
    template: str = ""
    facts: Facts = field(default_factory=dict)
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be put; see `put` for its fields. lane: what it waits in line with, if not with its destination."""

    key: str
    template: str
    facts: Facts = field(default_factory=dict)
    to: Destination | None = None
    person_id: int | None = None
    kind: str = "post"
    subject: str = ""
    not_before: dt.datetime | None = None
    lane: str = ""


_T = table_of(OutboxMessage)
_DUE = _T.c.state.in_(ACTIVE)


def lane_of(to: Destination | None, person_id: int | None) -> str:
    """One text per destination; direct messages to a person share a lane whatever account they go to."""
    if to is None:
        return f"person:{person_id}"
    return "\x1f".join((to.platform, to.workspace, to.channel, to.user_id))


def put(
    session: Session,
    now: dt.datetime,
    key: str,
    template: str,
    facts: Facts,
    *,
    to: Destination | None = None,
    person_id: int | None = None,
    kind: str = "post",
    subject: str = "",
    not_before: dt.datetime | None = None,
) -> bool:
    """Write a message in the caller's transaction; False when one with this key was written before.

    to: a channel or account; without it, person_id: that person's account when it is delivered, on the platform that
    they chose, or their newest (core.chat.settings.accounts). facts: what the template shows, as JSON (integers, text,
    ISO dates). not_before: hold it back until then.
    """
    return put_all(session, now, [Draft(key, template, facts, to, person_id, kind, subject, not_before)]) == 1


def put_all(session: Session, now: dt.datetime, drafts: Iterable[Draft]) -> int:
    """Write many messages; how many were new."""
    rows = [_row(draft, now) for draft in drafts]
    if not rows:
        return 0
    # One statement for any number of rows: made once, not for each five hundred.
    statement = upsert(session, OutboxMessage).on_conflict_do_nothing(index_elements=["key"]).returning(_T.c.id)
    new = len(session.execute(statement, rows).all())
    if new:
        session.info["outbox"] = True
    return new


def _row(draft: Draft, now: dt.datetime) -> dict[str, object]:
    if draft.to is None and draft.person_id is None:
        raise ValueError(f"message {draft.key} goes to nobody")
    to = draft.to or Destination("")
    return {
        "key": draft.key,
        "kind": draft.kind,
        "platform": to.platform,
        "workspace": to.workspace,
        "channel": to.channel,
        "user_id": to.user_id,
        "lane": draft.lane or lane_of(draft.to, draft.person_id),
        "person_id": draft.person_id,
        "template": draft.template,
        "facts": json.dumps(draft.facts, ensure_ascii=False, separators=(",", ":")),
        "subject": draft.subject,
        "state": "waiting",
        "created_at": now,
        "not_before": max(now, draft.not_before or now),
        "tries": 0,
        "claimed_by": "",
        "error": "",
    }


def wrote(session: Session) -> bool:
    """Whether this transaction put a message, so that a relay should wake once it is committed."""
    return bool(session.info.get("outbox"))


def claim(
    session: Session, now: dt.datetime, who: str, limit: int = 20, platforms: Collection[str] | None = None
) -> list[Claimed]:
    """Take up to `limit` messages that are due, the first of each destination, for LEASE. Commit before delivering.

    platforms: those that the caller can post to (None: all); others are left alone.
    """
    earlier = _T.alias("earlier")
    blocked = exists().where(
        earlier.c.lane == _T.c.lane,
        earlier.c.id < _T.c.id,
        earlier.c.state.in_(ACTIVE),
        or_(earlier.c.tries > 0, earlier.c.not_before <= now),
        earlier.c.tries < PATIENCE,
    )
    free = or_(_T.c.claimed_until.is_(None), _T.c.claimed_until <= now)
    conditions: list[ColumnElement[bool]] = [_DUE, _T.c.not_before <= now, free, ~blocked]
    if platforms is not None:
        conditions.append(_T.c.platform.in_(["", *platforms]))
    due = sql(OutboxMessage).where(*conditions).order_by(_T.c.not_before, _T.c.id).limit(limit)
    if is_postgres(session):
        due = due.with_for_update(skip_locked=True)
    claimed: list[Claimed] = []
    for _ in range(limit):
        rows = session.exec(due.execution_options(populate_existing=True)).all()
        claimed += [message for row in rows if (message := _claimed(session, now, who, row, platforms))]
        if claimed or not rows:
            break
        # All of them had come to an end (repaints of nothing, people without accounts): on to what they held back.
    return claimed


def _claimed(
    session: Session, now: dt.datetime, who: str, row: OutboxMessage, platforms: Collection[str] | None
) -> Claimed | None:
    message = _ready(session, row, platforms)
    if message is not None:
        values = {"state": "claimed", "claimed_by": who, "claimed_until": now + LEASE, "tries": message.tries}
        session.execute(update(_T).where(_T.c.id == message.id).values(**values))
    return message


def _ready(session: Session, message: OutboxMessage, platforms: Collection[str] | None) -> Claimed | None:
    """The row as a message to deliver; None (and its state says why) when there is nothing to deliver."""
    if message.id is None:
        raise ValueError("an unsaved message")
    to, message_id = Destination(message.platform, message.workspace, message.channel, message.user_id), ""
    if message.kind == "repaint":
        copy = None if _followed(session, message) else places.standing(session, message)
        if copy is None or (platforms is not None and copy.platform not in platforms):
            _end(session, message.id, "dropped", "no copy stands there, or a newer repaint follows")
            return None
        to, message_id = Destination(copy.platform, copy.workspace, copy.channel, copy.user_id), copy.message_id
    elif not message.platform:
        account = _account(session, message.person_id or 0, platforms)
        if account is None:
            _late(session, message, "no chat account linked")
            return None
        to = account
    return Claimed(
        id=message.id,
        key=message.key,
        kind=message.kind,
        to=to,
        template=message.template,
        facts=json.loads(message.facts),
        subject=message.subject,
        person_id=message.person_id,
        tries=message.tries + 1,
        created_at=message.created_at,
        check_first=message.state in ("claimed", "unclear"),
        message_id=message_id,
    )


def _account(session: Session, person_id: int, platforms: Collection[str] | None) -> Destination | None:
    for identity in settings.accounts(session, person_id):
        if platforms is None or identity.platform in platforms:
            return Destination(identity.platform, identity.workspace, user_id=identity.user_id)
    return None


def _followed(session: Session, message: OutboxMessage) -> bool:
    """Whether a newer repaint of the same card waits behind this one: it is drawn later, and says it all."""
    newer = select(_T.c.id).where(
        _T.c.lane == message.lane,
        _T.c.id > message.id,
        _DUE,
        _T.c.kind == "repaint",
        _T.c.subject == message.subject,
    )
    return session.execute(newer.limit(1)).first() is not None


def _late(session: Session, message: OutboxMessage, reason: str) -> None:
    """Keep a person's message for their next command; one about the same subject that waited there says less by now."""
    if message.person_id is not None and message.subject:
        older = and_(
            _T.c.person_id == message.person_id, _T.c.subject == message.subject, _T.c.state == "undeliverable"
        )
        session.execute(update(_T).where(older).values(state="dropped"))
    _end(session, message.id or 0, "undeliverable", reason)


def _end(session: Session, message_id: int, state: str, error: str) -> None:
    session.execute(
        update(_T)
        .where(_T.c.id == message_id)
        .values(state=state, error=error[:300], claimed_by="", claimed_until=None)
    )


def _open(session: Session, message_id: int) -> OutboxMessage | None:
    """The message as it is now, unless it has come to an end."""
    message = session.get(OutboxMessage, message_id, populate_existing=True, with_for_update=True)
    return message if message is not None and message.state in ACTIVE else None


def delivered(
    session: Session, now: dt.datetime, message_id: int, platform_id: str, to: Destination | None = None
) -> None:
    """It stands there as platform_id; copies of a subject's card are remembered, to be repainted.

    to: where it went, as it was claimed: a person's messages may go to another account by now.
    """
    message = _open(session, message_id)
    if message is None:
        return
    message.state, message.delivered_at, message.claimed_until, message.error = "delivered", now, None, ""
    session.add(message)
    if message.kind == "post":
        place = to or Destination(message.platform, message.workspace, message.channel, message.user_id)
        places.remember(session, message.subject, asdict(place), platform_id)


def retry(
    session: Session,
    now: dt.datetime,
    message_id: int,
    error: str,
    after: dt.timedelta | None = None,
    *,
    unclear: bool = False,
) -> None:
    """Not delivered (or unclear): due again after the platform's own wait, or 2, 4, 8 s … up to LONGEST_BACKOFF.

    There is no last try: what was committed doesn't go unreported, however long an outage lasts.
    """
    message = _open(session, message_id)
    if message is None:
        return
    wait = after if after is not None else min(dt.timedelta(seconds=2 ** min(message.tries, 12)), LONGEST_BACKOFF)
    message.state = "unclear" if unclear else "waiting"
    message.not_before, message.error = now + wait, error[:300]
    message.claimed_by, message.claimed_until = "", None
    session.add(message)


def undeliverable(session: Session, now: dt.datetime, message_id: int, reason: str) -> None:
    """No retry helps. A person's message is shown at their next command; a lost channel is published as ChannelLost."""
    message = _open(session, message_id)
    if message is None:
        return
    if message.kind == "repaint":
        _end(session, message_id, "dropped", reason)  # what it shows was said to that person before
    else:
        _late(session, message, reason)
    if message.channel:
        gone = Destination(message.platform, message.workspace, message.channel)
        lost = ChannelLost(gone, reason[:300], now)
        if message.kind == "post":
            lost = ChannelLost(gone, reason[:300], now, message.template, json.loads(message.facts), message.subject)
        publish(session, lost)


def repaints_waiting(session: Session, subject: str) -> frozenset[str]:
    """The lanes in which a repaint of a subject's card waits. Nobody can claim it until this transaction ends, so that
    it is drawn from what this one commits."""
    mine = _T.c.subject == subject, _T.c.kind == "repaint", _T.c.state == "waiting", _T.c.tries == 0
    rows = session.execute(select(_T.c.lane).where(*mine).with_for_update(skip_locked=True))
    return frozenset(rows.scalars())


def copies(session: Session, subject: str) -> list[Destination]:
    """Everywhere that a card of this subject stands, and every channel where it will once its post is delivered."""
    return [Destination(*place) for place in places.places(session, subject)]


def last_about(session: Session, subject: str) -> Facts | None:
    """The facts of the newest message about a subject, delivered or not; None when there never was one."""
    found = select(_T.c.facts).where(_T.c.subject == subject).order_by(_T.c.id.desc()).limit(1)
    facts: str | None = session.execute(found).scalar_one_or_none()
    return None if facts is None else json.loads(facts)


# Every command asks this, so the statement is made once; the literal state lets the partial index serve it.
_NOTICES = (
    select(_T.c.id, _T.c.template, _T.c.facts, _T.c.created_at)
    .where(_T.c.person_id == bindparam("person"), _T.c.state == literal_column("'undeliverable'"))
    .order_by(_T.c.id)
    .limit(NOTICES_AT_ONCE)
)


def notices(session: Session, person_id: int) -> list[Notice]:
    """Messages to this person that could not be delivered, oldest first, a few at a time."""
    rows = session.execute(_NOTICES, {"person": person_id})
    return [Notice(row.id, row.template, json.loads(row.facts), person_id, row.created_at) for row in rows]


def shown(session: Session, now: dt.datetime, ids: Sequence[int]) -> list[int]:
    """Mark notices as shown; the ids of those that nobody else showed meanwhile."""
    late = and_(_T.c.id.in_(ids), _T.c.state == "undeliverable")
    done = session.execute(update(_T).where(late).values(state="shown", delivered_at=now).returning(_T.c.id))
    return sorted(done.scalars())


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: how many messages are due, since when the oldest is, and when the next one will be."""

    due: int
    oldest: dt.datetime | None
    next_at: dt.datetime | None


def backlog(session: Session, now: dt.datetime, platforms: Collection[str] | None = None) -> Backlog:
    """For metrics, and for the relay to know how long it may sleep. platforms: as for `claim`."""
    mine = _DUE if platforms is None else and_(_DUE, _T.c.platform.in_(["", *platforms]))
    when = func.coalesce(_T.c.claimed_until, _T.c.not_before)
    waiting = select(_T.c.not_before, _T.c.claimed_until).where(mine)
    due = session.execute(
        select(func.count(), func.min(_T.c.not_before)).where(mine, _T.c.not_before <= now, when <= now)
    ).one()
    ahead = session.execute(waiting.where(when > now).order_by(when).limit(1)).first()
    return Backlog(due[0], due[1], None if ahead is None else ahead.claimed_until or ahead.not_before)
