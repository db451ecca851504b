"""Dashboards that stand open: where they are, and whose has to be drawn anew when something happens.

A platform with such a view (Slack's App Home) keeps one per account. Opening it is remembered like a posted card, under
a subject of its own, and facts put repaints for those that are remembered: on a platform without the view there are
none. Each waits in a line of its own, so that neither cards nor dashboards hold the other back. core.chat.dashboard
draws it, from what is true at that moment.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select
from sqlmodel import Session

from core.chat import outbox
from core.chat.outbox import Destination, Draft
from core.chat.tables import PostedCard
from core.earnings.facts import SettlementPosted
from core.earnings.month_tables import MonthLine, ReferralLine
from core.earnings.tables import Project, SettlementLine
from core.ledger.tables import Account
from core.people import ChatIdentity, Identity, Person
from core.storage import insert_once, table_of

TEMPLATE = "unasked/home"
MESSAGE_ID = "home"
_PREFIX, _AFTER = "home:", "home;"

_POSTED, _IDENTITY, _PERSON = table_of(PostedCard), table_of(ChatIdentity), table_of(Person)
_LINE, _PROJECT, _ACCOUNT = table_of(SettlementLine), table_of(Project), table_of(Account)
_MONTH_LINE, _REFERRAL_LINE = table_of(MonthLine), table_of(ReferralLine)


def subject_of(identity: Identity) -> str:
    """What a home view is about: one account's dashboard."""
    subject = f"{_PREFIX}{identity.platform}:{identity.workspace}:{identity.user_id}"
    return subject if len(subject) <= 100 else _PREFIX + hashlib.sha256(subject.encode()).hexdigest()


def is_open(session: Session, identity: Identity) -> bool:
    """Whether the account has opened its dashboard before."""
    return session.get(PostedCard, tuple(_copy(identity).values())) is not None


def opened(session: Session, _now: dt.datetime, identity: Identity) -> None:
    """Remember that the account has a home view: from now on it is repainted. Before it is drawn, so that no change
    falls between."""
    copy = _copy(identity)
    insert_once(session, PostedCard, copy, list(copy))


def forget(session: Session, identity: Identity) -> None:
    """Nobody looks at it any more."""
    session.execute(delete(_POSTED).where(_POSTED.c.subject == subject_of(identity)))


def forget_workspace(session: Session, platform: str, workspace: str) -> None:
    """The same for everyone there."""
    there = and_(_homes(), _POSTED.c.platform == platform, _POSTED.c.workspace == workspace)
    session.execute(delete(_POSTED).where(there))


def identity_of(facts: outbox.Facts) -> Identity:
    """Whose dashboard a message of TEMPLATE repaints."""
    return Identity(str(facts["platform"]), str(facts["user"]), str(facts["workspace"]))


def account_changed(session: Session, now: dt.datetime, identity: Identity) -> None:
    """Repaint one account's: whom it speaks for has changed."""
    if is_open(session, identity):
        _repaint(session, now, [identity])


def changed(session: Session, now: dt.datetime, persons: Collection[int]) -> None:
    """Repaint those of these persons: something of theirs, or of what they decide, has changed."""
    if persons:
        _repaint(session, now, _open_now(session, _open_homes().where(_IDENTITY.c.person_id.in_(sorted(persons)))))


def settled(session: Session, posted: SettlementPosted) -> None:
    """Repaint those of the creators who earned, or lost, something with a run."""
    if posted.entry_id is None or session.execute(select(_POSTED.c.subject).where(_homes()).limit(1)).first() is None:
        return
    days = [posted.start or posted.through, posted.through, *posted.late_days]  # lines are kept by day
    months = [one.month for one in posted.months]
    earned = (
        select(_PROJECT.c.creator_id)
        .join(_LINE, _LINE.c.project_id == _PROJECT.c.project_id)
        .where(_LINE.c.day.between(min(days), max(days)), _LINE.c.entry_id == posted.entry_id)
    )
    of_months = (
        select(_PROJECT.c.creator_id)
        .join(_MONTH_LINE, _MONTH_LINE.c.project_id == _PROJECT.c.project_id)
        .where(_MONTH_LINE.c.month.in_(months), _MONTH_LINE.c.entry_id == posted.entry_id)
    )
    referred = select(_REFERRAL_LINE.c.creator_id).where(
        _REFERRAL_LINE.c.program == posted.program,
        _REFERRAL_LINE.c.month.in_(months),
        _REFERRAL_LINE.c.entry_id == posted.entry_id,
    )
    theirs = _open_homes().join(_PERSON, _PERSON.c.id == _IDENTITY.c.person_id)
    anyone = or_(*(_PERSON.c.creator_id.in_(part) for part in (earned, of_months, referred)))
    _repaint(session, posted.settled_at, _open_now(session, theirs.where(anyone)))


def of_program(session: Session, now: dt.datetime, program: str, persons: Collection[int]) -> None:
    """Repaint those of everyone who has a wallet in a program, and of these persons: closed months were paid out."""
    earners = select(_ACCOUNT.c.creator).where(_ACCOUNT.c.program == program, _ACCOUNT.c.role == "available")
    theirs = _open_homes().join(_PERSON, _PERSON.c.id == _IDENTITY.c.person_id)
    concerned = or_(_PERSON.c.creator_id.in_(earners), _PERSON.c.id.in_(sorted(persons)))
    _repaint(session, now, _open_now(session, theirs.where(concerned)))


def _homes() -> ColumnElement[bool]:
    return and_(_POSTED.c.subject >= _PREFIX, _POSTED.c.subject < _AFTER)


def _open_homes() -> Select[tuple[str, str, str]]:
    """The accounts that speak for somebody and have opened their dashboard."""
    same = and_(*(_IDENTITY.c[name] == _POSTED.c[name] for name in ("platform", "workspace", "user_id")))
    return (
        select(_POSTED.c.platform, _POSTED.c.workspace, _POSTED.c.user_id)
        .select_from(_POSTED)
        .join(_IDENTITY, same)
        .where(_homes(), _IDENTITY.c.unlinked_at.is_(None))
    )


def _open_now(session: Session, statement: Select[tuple[str, str, str]]) -> list[Identity]:
    return [Identity(platform, user_id, workspace) for platform, workspace, user_id in session.execute(statement)]


def _repaint(session: Session, now: dt.datetime, accounts: Iterable[Identity]) -> None:
    """A repaint for each; of several that wait, the outbox delivers the last one only."""
    mark = secrets.token_hex(8)
    drafts = []
    for one in sorted(set(accounts), key=lambda one: (one.platform, one.workspace, one.user_id)):
        subject = subject_of(one)
        facts = {"platform": one.platform, "workspace": one.workspace, "user": one.user_id}
        to = Destination(one.platform, one.workspace, user_id=one.user_id)
        key = f"repaint:{subject}:{mark}"
        drafts.append(Draft(key, TEMPLATE, facts, to, kind="repaint", subject=subject, lane=subject))
    outbox.put_all(session, now, drafts)


def _copy(identity: Identity) -> dict[str, object]:
    return {
        "subject": subject_of(identity),
        "platform": identity.platform,
        "workspace": identity.workspace,
        "channel": "",
        "user_id": identity.user_id,
        "message_id": MESSAGE_ID,
    }
