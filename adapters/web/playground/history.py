"""What stood in the channels before a restart: posts live in memory, so that they are drawn anew from the outbox."""

from __future__ import annotations

import datetime as dt
import json

import structlog
from sqlmodel import Session, col, or_, select

from adapters.web.playground.residents import PLATFORM, WORKSPACE
from adapters.web.playground.timeline import CHANNELS, DESK, DIRECT, Post, post_id
from core.chat import announcements
from core.chat.outbox import Claimed, Destination
from core.chat.tables import OutboxMessage
from core.config import DeskConfig
from core.people import ChatIdentity

log = structlog.get_logger(__name__)
SHOWN = 60


def delivered(session: Session, config: DeskConfig, now: dt.datetime) -> list[Post]:
    """The newest messages that were delivered here, oldest first; cards that people act on as they read now."""
    accounts = dict(
        session.exec(
            select(ChatIdentity.person_id, ChatIdentity.user_id).where(
                ChatIdentity.platform == PLATFORM,
                ChatIdentity.workspace == WORKSPACE,
                col(ChatIdentity.unlinked_at).is_(None),
            )
        ).all()
    )
    here = (col(OutboxMessage.platform) == PLATFORM) & col(OutboxMessage.channel).in_(CHANNELS)
    rows = session.exec(
        select(OutboxMessage)
        .where(
            OutboxMessage.state == "delivered",
            OutboxMessage.kind == "post",
            or_(here, col(OutboxMessage.person_id).in_(accounts)),
        )
        .order_by(col(OutboxMessage.delivered_at).desc(), col(OutboxMessage.id).desc())
        .limit(SHOWN)
    ).all()
    posts = (_post(session, config, now, row, accounts) for row in reversed(rows))
    return [post for post in posts if post is not None]


def _post(
    session: Session, config: DeskConfig, now: dt.datetime, row: OutboxMessage, accounts: dict[int, str]
) -> Post | None:
    reader = "" if row.channel else accounts.get(row.person_id or 0, "")
    to = Destination(PLATFORM, WORKSPACE, row.channel, reader)
    message = Claimed(
        id=row.id or 0,
        key=row.key,
        kind=row.kind,
        to=to,
        template=row.template,
        facts=json.loads(row.facts),
        subject=row.subject,
        person_id=row.person_id,
        tries=row.tries,
        created_at=row.created_at,
    )
    try:
        card = announcements.draw(session, config, now, message)
    except Exception as error:  # one from an older version must not keep the others away
        log.warning("a delivered message can't be drawn any more", key=row.key, fault=type(error).__name__)
        return None
    at = row.delivered_at or row.created_at
    return Post(post_id(row.key), row.channel or DIRECT, reader, DESK, at, card=card, key=row.key)
