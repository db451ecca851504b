"""Where the cards stand that are drawn anew when what they are about changes: in channels, in direct messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlmodel import Session
from sqlmodel import select as sql

from core import people
from core.chat.tables import OutboxMessage, PostedCard
from core.people_many import chunks
from core.storage import insert_once, table_of

ACTIVE = ("waiting", "claimed", "unclear")
LAST_WORD = "morning:"  # subjects that only say which of several late messages is shown; no copy is repainted

_T = table_of(OutboxMessage)
_ON_ITS_WAY = _T.c.kind == "post", _T.c.state.in_(ACTIVE)


def remember(session: Session, subject: str, place: Mapping[str, object], message_id: str) -> None:
    """A copy of a subject's card was delivered. place: the fields of a Destination."""
    if subject and place["platform"] and (place["channel"] or not subject.startswith(LAST_WORD)):
        row = {"subject": subject, **place, "message_id": message_id}
        insert_once(session, PostedCard, row, list(row))


def standing(session: Session, message: OutboxMessage) -> PostedCard | None:
    """The copy that a repaint replaces; one for a person is in that person's direct messages, on whatever platform."""
    copy = sql(PostedCard).where(PostedCard.subject == message.subject)
    if message.platform:
        copy = copy.where(
            PostedCard.platform == message.platform,
            PostedCard.workspace == message.workspace,
            PostedCard.channel == message.channel,
            PostedCard.user_id == message.user_id,
        )
        return session.exec(copy.limit(1)).first()
    own = {(one.platform, one.workspace, one.user_id) for one in people.identities(session, message.person_id or 0)}
    direct = session.exec(copy.where(PostedCard.user_id != "")).all()
    return next((one for one in direct if (one.platform, one.workspace, one.user_id) in own), None)


def places(session: Session, subject: str) -> list[tuple[str, str, str, str]]:
    """Everywhere that a card of this subject stands, and every channel where it will once its post is delivered:
    platform, workspace, channel, user id."""
    placed = table_of(PostedCard).c
    posted = select(placed.platform, placed.workspace, placed.channel, placed.user_id).where(placed.subject == subject)
    coming = select(_T.c.platform, _T.c.workspace, _T.c.channel, _T.c.user_id).where(
        _T.c.subject == subject, _T.c.channel != "", *_ON_ITS_WAY
    )
    return sorted({(row[0], row[1], row[2], row[3]) for row in session.execute(posted.union(coming))})


def expecting(session: Session, subject: str) -> list[int]:
    """The persons to whom a card of this subject is on its way."""
    coming = _T.c.subject == subject, _T.c.platform == "", _T.c.person_id.is_not(None), *_ON_ITS_WAY
    return list(session.execute(select(_T.c.person_id).where(*coming).distinct().order_by(_T.c.person_id)).scalars())


def known(session: Session, subjects: Iterable[str]) -> list[str]:
    """Those of many subjects of which a card stands anywhere, or is on its way."""
    placed, found = table_of(PostedCard).c, set[str]()
    for part in chunks(subjects):
        found.update(session.execute(select(placed.subject).where(placed.subject.in_(part))).scalars())
        found.update(session.execute(select(_T.c.subject).where(_T.c.subject.in_(part), *_ON_ITS_WAY)).scalars())
    return sorted(found)
