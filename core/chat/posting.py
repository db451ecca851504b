"""Cards that people act on: posted where those who may act on them look, and drawn anew when they change."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Collection

from sqlmodel import Session

from core import people
from core.chat import copies, outbox, subscriptions
from core.chat.outbox import Destination, Draft, Facts
from core.people import Identity


def repaint(
    session: Session, now: dt.datetime, subject: str, template: str, facts: Facts, *, often: bool = False
) -> None:
    """Have every copy of a subject's card drawn anew, after what is on its way to the same place.

    often: it changes many times in a row; a repaint that waits already is relied on instead of writing another.
    """
    drafts = [
        Draft(
            unique(f"repaint:{subject}"),
            template,
            facts,
            to,
            kind="repaint",
            subject=subject,
            lane=_reader_lane(session, to),
        )
        for to in outbox.copies(session, subject)
    ]
    # A card that is on its way to a person may have been drawn already: once it stands there, it is drawn anew.
    drafts += [
        Draft(unique(f"repaint:{subject}"), template, facts, person_id=person_id, kind="repaint", subject=subject)
        for person_id in copies.expecting(session, subject)
    ]
    waiting = outbox.repaints_waiting(session, subject) if often else frozenset[str]()
    fresh = [draft for draft in drafts if (draft.lane or outbox.lane_of(draft.to, draft.person_id)) not in waiting]
    outbox.put_all(session, now, fresh)


def _reader_lane(session: Session, to: Destination) -> str:
    """The line that a repaint waits in: a person's direct messages are one, whatever account they go to."""
    if not to.user_id:
        return ""
    reader = people.actor_of(session, Identity(to.platform, to.user_id, to.workspace))
    return "" if reader is None else outbox.lane_of(None, reader.person_id)


def card(
    session: Session,
    now: dt.datetime,
    template: str,
    subject: str,
    facts: Facts,
    role: str,
    but: Collection[int] = (),
) -> None:
    """A card to act on: to the approvals channels; where there is none, to everyone who may act on it."""
    channels = [subscriptions.destination(one) for one in subscriptions.active(session, "approvals")]
    drafts = [
        Draft(f"{subject}:{to.platform}:{to.workspace}:{to.channel}", template, facts, to, subject=subject)
        for to in channels
    ]
    if not channels:
        drafts = [
            Draft(f"{subject}:person:{person_id}", template, facts, person_id=person_id, subject=subject)
            for person_id in people.with_role(session, role)
            if person_id not in but
        ]
    outbox.put_all(session, now, drafts)


def unique(text: str) -> str:
    """A key that no other message has."""
    return f"{text}:{secrets.token_hex(8)}"
