"""The dashboard that a chat account opens: a creator's live figures, what waits for those who run the desk.

A platform that has such a view keeps one per account, and each is remembered like any posted card, under a subject of
its own; facts that change what it shows put a repaint for it, which is drawn from what is true at that moment.
"""

from __future__ import annotations

import datetime as dt
import hashlib

from sqlmodel import Session

from core.chat.cards import Card
from core.chat.outbox import Destination
from core.chat.tables import PostedCard
from core.config import DeskConfig
from core.people import Identity
from core.storage import insert_once

TEMPLATE = "unasked/home"
MESSAGE_ID = "home"
_PREFIX = "home:"


def subject_of(identity: Identity) -> str:
    """What a posted home view is about: one account's dashboard."""
    subject = f"{_PREFIX}{identity.platform}:{identity.workspace}:{identity.user_id}"
    return subject if len(subject) <= 100 else _PREFIX + hashlib.sha256(subject.encode()).hexdigest()


def is_open(session: Session, identity: Identity) -> bool:
    """Whether the account has opened its dashboard before."""
    return session.get(PostedCard, tuple(_copy(identity).values())) is not None


def opened(session: Session, _now: dt.datetime, identity: Identity) -> None:
    """Remember that the account has a home view: from now on it is repainted."""
    copy = _copy(identity)
    insert_once(session, PostedCard, copy, list(copy))


def _copy(identity: Identity) -> dict[str, object]:
    return {
        "subject": subject_of(identity),
        "platform": identity.platform,
        "workspace": identity.workspace,
        "channel": "",
        "user_id": identity.user_id,
        "message_id": MESSAGE_ID,
    }


def card(session: Session, config: DeskConfig, now: dt.datetime, identity: Identity, surface: Destination) -> Card:
    """The dashboard as it reads now for whoever the account speaks for; how to link for an account of nobody's."""
    raise NotImplementedError
