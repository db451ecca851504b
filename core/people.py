"""Persons, their roles and chat identities, and the single-use codes that link them (domain.md, "Chat identities").

The rule book for roles is domain.md, "Roles". Everything here is safe against two replicas doing it at once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import unicodedata
from collections.abc import Iterable

from sqlalchemy import ColumnElement, bindparam, column, func, table, update
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, delete, select

from core import audit
from core.people_facts import (
    Actor,
    BadName,
    Identity,
    LinkOutcome,
    NameTaken,
    NotLinked,
    PersonLinked,
    PersonUnlinked,
    RolesChanged,
    UnknownPerson,
    UnknownRole,
)
from core.people_tables import ChatIdentity, LinkCode, LinkFailure, Person, PersonRole
from core.storage import insert_once, publish, table_of, upsert

__all__ = [
    "Actor",
    "BadName",
    "ChatIdentity",
    "Identity",
    "LinkCode",
    "LinkFailure",
    "LinkOutcome",
    "NameTaken",
    "NotLinked",
    "Person",
    "PersonLinked",
    "PersonRole",
    "PersonUnlinked",
    "RolesChanged",
    "UnknownPerson",
    "UnknownRole",
]

ROLES = ("approver", "admin", "owner")


CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no 0/O, no 1/I: read aloud and typed without doubt
CODE_LENGTH = 10
CODE_LIFE = dt.timedelta(minutes=10)
WRONG_CODES = 5
LOCK_TIME = dt.timedelta(hours=1)

_creator = table("creator", column("creator_id"), column("name"))  # the earnings room's, read by name only


def _known_id(person_id: int | None) -> int:
    if person_id is None:
        raise ValueError("the person is not stored yet")
    return person_id


def _actor(session: Session, *conditions: ColumnElement[bool], of_identity: bool = False) -> Actor | None:
    """The one person that meets the conditions, with the roles held now, in one statement: every command asks this."""
    person, role = table_of(Person).c, table_of(PersonRole).c
    found = sa_select(person.id, person.name, person.creator_id, role.role).outerjoin_from(
        table_of(Person), table_of(PersonRole), role.person_id == person.id
    )
    if of_identity:
        found = found.join(table_of(ChatIdentity), table_of(ChatIdentity).c.person_id == person.id)
    rows = session.execute(found.where(*conditions)).all()
    if not rows:
        return None
    person_id, name, creator_id, _ = rows[0]
    return Actor(person_id, name, creator_id, frozenset(row.role for row in rows if row.role is not None))


def actor(session: Session, person_id: int) -> Actor:
    """A person with the roles held now; UnknownPerson when there is none."""
    found = _actor(session, col(Person.id) == person_id)
    if found is None:
        raise UnknownPerson(who=person_id)
    return found


def _is_plain(text: str) -> bool:
    """Whether text can stand in one line of any database: no control characters, no half characters."""
    return not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text)


def _creators_name(session: Session, creator_id: str) -> str | None:
    return session.execute(sa_select(_creator.c.name).where(_creator.c.creator_id == creator_id)).scalar_one_or_none()


def known(session: Session, who: str) -> Actor | None:
    """Whom `resolve` would find without making a person; reads only."""
    found = _actor(session, col(Person.creator_id) == who) if _is_plain(who) else None
    if found is None and _is_plain(who) and _creators_name(session, who) is None:
        found = _actor(session, col(Person.name) == who)
    return found


def resolve(session: Session, who: str) -> Actor:
    """The person behind a creator id or, failing that, a person's name; a creator gets a person on first use."""
    found, name = known(session, who), _creators_name(session, who) if _is_plain(who) else None
    if found is None and name is not None:
        found = actor(session, ensure_creator_person(session, who, name))
    if found is None:
        raise UnknownPerson(who=who.encode(errors="replace").decode())
    return found


def actor_of(session: Session, identity: Identity) -> Actor | None:
    """Who speaks from a chat account; None when it is not linked."""
    return _actor(session, *_active(identity), of_identity=True)


def _active(identity: Identity) -> tuple[ColumnElement[bool], ...]:
    return (
        col(ChatIdentity.platform) == identity.platform,
        col(ChatIdentity.workspace) == identity.workspace,
        col(ChatIdentity.user_id) == identity.user_id,
        col(ChatIdentity.unlinked_at).is_(None),
    )


def person_of_creator(session: Session, creator_id: str) -> int | None:
    """The id of a creator's person; None before anyone linked or asked for it."""
    return session.exec(select(Person.id).where(Person.creator_id == creator_id)).one_or_none()


def ensure_creator_person(session: Session, creator_id: str, name: str) -> int:
    """The id of a creator's person, made if need be. Names are unique: a namesake carries the creator id behind it."""
    found = person_of_creator(session, creator_id)
    if found is not None:
        return found
    candidates = [name] if 0 < len(name) <= 200 and name.lower() != audit.OPERATOR else []
    candidates += [
        f"{name[:90]} ({creator_id[:100]})",
        f"{name[:90]} #{hashlib.sha256(creator_id.encode()).hexdigest()}",  # ids alike in their first 100 characters
    ]
    for candidate in candidates:
        statement = upsert(session, Person).values(name=candidate, creator_id=creator_id).on_conflict_do_nothing()
        new = session.execute(statement.returning(table_of(Person).c.id)).scalar_one_or_none()
        if new is not None:
            return int(new)
        found = person_of_creator(session, creator_id)  # another replica was quicker
        if found is not None:
            return found
    raise NameTaken(name=candidates[-1])


def add_person(
    session: Session,
    now: dt.datetime,
    name: str,
    creator_id: str | None = None,
    roles: Iterable[str] = (),
    by: str = audit.OPERATOR,
) -> Person:
    """Make a person the desk knows, with roles. A creator's person, made when first asked for, is renamed instead."""
    name = name.strip()
    wanted = _checked(roles)
    if not 0 < len(name) <= 200 or name.lower() == audit.OPERATOR or not _is_plain(name):
        raise BadName(operator=audit.OPERATOR)
    before = None if creator_id is None else _name_creator(session, name, creator_id)
    if creator_id is None:
        statement = upsert(session, Person).values(name=name, creator_id=None).on_conflict_do_nothing()
        if session.execute(statement.returning(table_of(Person).c.id)).first() is None:
            raise NameTaken(name=name)
    person = session.exec(select(Person).where(Person.name == name).execution_options(populate_existing=True)).one()
    renamed = f"{before} → {name}, " if before not in (None, name) else ""
    detail = renamed + (f"creator {creator_id}" if creator_id else "")
    audit.record(session, now, by, "person.rename" if renamed else "person.add", name, detail)
    for role in wanted:
        _grant(session, now, by, person, role)
    session.flush()
    return person


def _name_creator(session: Session, name: str, creator_id: str) -> str | None:
    """See to it that the creator's person exists and is called `name`; what it was called, None when it is new."""
    if _creators_name(session, creator_id) is None:
        raise UnknownPerson(who=creator_id)
    before = known(session, creator_id)
    person_id = ensure_creator_person(session, creator_id, name)
    namesake = session.exec(select(Person.id).where(Person.name == name)).one_or_none()
    if namesake not in (None, person_id):
        raise NameTaken(name=name)
    session.execute(update(Person).where(col(Person.id) == person_id).values(name=name))
    return None if before is None else before.name


def _checked(roles: Iterable[str]) -> list[str]:
    wanted = sorted(set(roles))
    for role in wanted:
        if role not in ROLES:
            raise UnknownRole(role=role)
    return wanted


def _grant(session: Session, now: dt.datetime, by: str, person: Person, role: str) -> None:
    key = {"person_id": _known_id(person.id), "role": role}
    if insert_once(session, PersonRole, key, list(key)):
        audit.record(session, now, by, "role.add", person.name, role)


def set_roles(
    session: Session, now: dt.datetime, person_id: int, roles: Iterable[str], by: str = audit.OPERATOR
) -> Actor:
    """Have a person hold exactly these roles from now on; each change is audited."""
    wanted = _checked(roles)
    before = actor(session, person_id)
    person = session.exec(select(Person).where(col(Person.id) == person_id)).one()
    for role in sorted(before.roles - set(wanted)):
        session.execute(delete(PersonRole).where(col(PersonRole.person_id) == person_id, col(PersonRole.role) == role))
        audit.record(session, now, by, "role.remove", person.name, role)
    for role in wanted:
        _grant(session, now, by, person, role)
    if before.roles != set(wanted):
        publish(session, RolesChanged(person_id, now))
    return actor(session, person_id)


def list_people(session: Session) -> list[Actor]:
    """Everyone the desk knows, by name."""
    held: dict[int, set[str]] = {}
    for person_id, role in session.exec(select(PersonRole.person_id, PersonRole.role)):
        held.setdefault(person_id, set()).add(role)
    people = session.exec(select(Person).order_by(col(Person.name))).all()
    return [
        Actor(_known_id(person.id), person.name, person.creator_id, frozenset(held.get(_known_id(person.id), ())))
        for person in people
    ]


def with_role(session: Session, role: str) -> list[int]:
    """The ids of everyone who may act in a role: its holders and the owners."""
    holders = select(PersonRole.person_id).where(col(PersonRole.role).in_((role, "owner"))).distinct()
    return sorted(session.exec(holders).all())


def identities(session: Session, person_id: int) -> list[ChatIdentity]:
    """The chat accounts that speak for a person now, newest first."""
    linked = select(ChatIdentity).where(ChatIdentity.person_id == person_id, col(ChatIdentity.unlinked_at).is_(None))
    return list(session.exec(linked.order_by(col(ChatIdentity.id).desc())).all())


def identities_of(session: Session, platform: str, workspace: str) -> list[Identity]:
    """The accounts of a workspace that speak for somebody now, by user id: to ask the platform who is still there."""
    linked = select(ChatIdentity.user_id).where(
        ChatIdentity.platform == platform,
        ChatIdentity.workspace == workspace,
        col(ChatIdentity.unlinked_at).is_(None),
    )
    users = session.exec(linked.order_by(col(ChatIdentity.user_id))).all()
    return [Identity(platform, user_id, workspace) for user_id in users]


_identity = table_of(ChatIdentity)
_first = _identity.alias()
# Every preview and balance asks this, so the statement is made once.
_FURTHER_LINK = (
    sa_select(_identity.c.linked_at)
    .where(
        _identity.c.person_id == bindparam("person"),
        _identity.c.id
        != sa_select(func.min(_first.c.id)).where(_first.c.person_id == bindparam("person")).scalar_subquery(),
    )
    .order_by(_identity.c.linked_at.desc())
    .limit(1)
)


def last_further_link_at(session: Session, person_id: int) -> dt.datetime | None:
    """When a second or later chat account was last linked to a person, unlinked since or not; None when never.

    New withdrawal requests wait from then on (domain.md, "Withdrawals"); a person's very first account starts no wait.
    """
    found: dt.datetime | None = session.execute(_FURTHER_LINK, {"person": person_id}).scalar_one_or_none()
    return found


def _hash(code: str) -> str:
    """What is stored of a code. Only its letters and digits count, in any case: people copy codes by hand, with spaces,
    dashes, quotes and a chat's formatting around them."""
    plain = "".join(sign for sign in code.upper() if sign.isalnum())
    return hashlib.sha256(plain.encode(errors="replace")).hexdigest()


def create_link_code(
    session: Session, now: dt.datetime, person_id: int, by: str = audit.OPERATOR
) -> tuple[str, dt.datetime]:
    """A new single-use code for a person, and when it expires. The code itself is stored nowhere."""
    name = actor(session, person_id).name
    session.execute(delete(LinkCode).where(col(LinkCode.expires_at) < now - dt.timedelta(days=1)))
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    expires_at = now + CODE_LIFE
    session.add(LinkCode(code_hash=_hash(code), person_id=person_id, expires_at=expires_at))
    session.flush()
    audit.record(session, now, by, "link.code", name)
    return code, expires_at


def link(session: Session, now: dt.datetime, identity: Identity, code: str) -> LinkOutcome:
    """Have a chat account speak for the person a code was made for. Commit whatever comes back: wrong codes count."""
    if identity.platform == "cli":
        return LinkOutcome("no_chat", "Nothing changed. The command line is no chat account; type /link CODE in chat.")
    failure = _failures(session, identity)
    if failure.locked_until is not None:
        if now < failure.locked_until:
            return _locked(failure.locked_until)
        failure.locked_until, failure.wrong = None, 0
    owner = actor_of(session, identity)
    found = session.exec(select(LinkCode).where(LinkCode.code_hash == _hash(code))).one_or_none()
    if found is None:
        return _count_wrong(session, now, identity, failure, "wrong")
    if found.expires_at <= now:
        return _count_wrong(session, now, identity, failure, "expired")
    if owner is not None and owner.person_id != found.person_id:
        return LinkOutcome("taken", "Nothing changed. This chat account speaks for someone else; /unlink it first.")
    unused = (col(LinkCode.code_hash) == found.code_hash, col(LinkCode.used_at).is_(None))
    taken = session.execute(
        update(LinkCode).where(*unused).values(used_at=now).returning(col(LinkCode.person_id))
    ).first()
    if taken is None:
        return _count_wrong(session, now, identity, failure, "used")
    if owner is not None:
        return LinkOutcome("already", f"This chat account was linked to {owner.name} before. Nothing changed.", owner)
    return _linked(session, now, identity, found.person_id, failure)


def _failures(session: Session, identity: Identity) -> LinkFailure:
    """The chat user's count of wrong codes, locked: tries by one user are taken one after another."""
    key = {"platform": identity.platform, "workspace": identity.workspace, "user_id": identity.user_id}
    insert_once(session, LinkFailure, {**key, "wrong": 0}, list(key))
    same = [table_of(LinkFailure).c[name] == value for name, value in key.items()]
    locked = select(LinkFailure).where(*same).with_for_update().execution_options(populate_existing=True)
    return session.exec(locked).one()


def _locked(until: dt.datetime) -> LinkOutcome:
    sentence = f"Nothing changed. {WRONG_CODES} wrong codes: no code is taken from you until {until:%H:%M} UTC."
    return LinkOutcome("locked", sentence, locked_until=until)


_WHY = {
    "wrong": "That code is wrong.",
    "expired": "That code has expired; codes are valid for 10 minutes.",
    "used": "That code was used already; each works once.",
}


def _count_wrong(
    session: Session, now: dt.datetime, identity: Identity, failure: LinkFailure, status: str
) -> LinkOutcome:
    failure.wrong += 1
    left = WRONG_CODES - failure.wrong
    if left <= 0:
        failure.locked_until = now + LOCK_TIME
        subject = f"{identity.platform}:{identity.workspace}:{identity.user_id}"
        audit.record(session, now, subject[:200], "link.locked", subject, f"{WRONG_CODES} wrong codes")
        session.flush()
        return _locked(failure.locked_until)
    session.flush()
    tries = "1 try" if left == 1 else f"{left} tries"
    return LinkOutcome(
        status, f"Nothing changed. {_WHY[status]} Get a new one on your account page; {tries} left this hour."
    )


def _linked(
    session: Session, now: dt.datetime, identity: Identity, person_id: int, failure: LinkFailure
) -> LinkOutcome:
    before = identities(session, person_id)
    ever = session.exec(select(func.count()).where(col(ChatIdentity.person_id) == person_id)).one()
    earlier = tuple(Identity(known.platform, known.user_id, known.workspace) for known in before)
    session.add(
        ChatIdentity(
            platform=identity.platform,
            workspace=identity.workspace,
            user_id=identity.user_id,
            person_id=person_id,
            linked_at=now,
        )
    )
    failure.wrong = 0
    session.flush()
    who = actor(session, person_id)
    audit.record(session, now, who.name, "link", who.name, _spoken(identity))
    publish(session, PersonLinked(person_id, identity, earlier, now))
    return LinkOutcome("linked", f"Linked. You are {who.name} here now.", who, first=ever == 0, earlier=earlier)


def _spoken(identity: Identity) -> str:
    return ":".join(part for part in (identity.platform, identity.workspace, identity.user_id) if part)


def unlink(session: Session, now: dt.datetime, identity: Identity) -> Actor:
    """A chat account stops speaking for its person; its history and open withdrawals stay. NotLinked when it didn't."""
    who = _ended(session, now, identity)
    if who is None:
        raise NotLinked
    audit.record(session, now, who.name, "unlink", who.name, _spoken(identity))
    publish(session, PersonUnlinked(who.person_id, identity, gone=False, at=now))
    return who


def deactivate(session: Session, now: dt.datetime, identity: Identity) -> Actor | None:
    """The platform says that an account is no more: it speaks for nobody from now on, as if unlinked, and open
    withdrawals go on. Whom it spoke for; None for nobody."""
    who = _ended(session, now, identity)
    if who is not None:
        audit.record(session, now, audit.OPERATOR, "unlink.deactivated", who.name, _spoken(identity))
        publish(session, PersonUnlinked(who.person_id, identity, gone=True, at=now))
    return who


def _ended(session: Session, now: dt.datetime, identity: Identity) -> Actor | None:
    ended = update(ChatIdentity).where(*_active(identity)).values(unlinked_at=now)
    person_id = session.execute(ended.returning(col(ChatIdentity.person_id))).scalar_one_or_none()
    return None if person_id is None else actor(session, person_id)
