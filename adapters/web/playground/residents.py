"""Who can be played: everyone with a linked identity here, and one who is not linked yet."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, col, select

from core.earnings.tables import Creator, Project
from core.people import ChatIdentity, Identity, Person, PersonRole

PLATFORM = "playground"
WORKSPACE = "demo"
GUEST = "guest"
_GUEST_NAME = "Newcomer"


@dataclass(frozen=True, slots=True)
class Resident:
    """A person in the switch. user_id is their chat account here. about: a few words on what they can do."""

    user_id: str
    name: str
    about: str
    creator_id: str | None
    roles: tuple[str, ...]
    linked: bool

    @property
    def approves(self) -> bool:
        return bool({"approver", "owner"} & set(self.roles))

    @property
    def identity(self) -> Identity:
        return identity(self.user_id)


def identity(user_id: str) -> Identity:
    """Where someone speaks from in the playground."""
    return Identity(platform=PLATFORM, workspace=WORKSPACE, user_id=user_id)


def residents(session: Session) -> list[Resident]:
    """Creators first, then those with roles, then whoever was never linked; each in the order they came.

    Someone who typed /unlink can still be played, as the stranger they are now.
    """
    accounts = session.exec(
        select(ChatIdentity, Person)
        .join(Person, col(Person.id) == ChatIdentity.person_id)
        .where(ChatIdentity.platform == PLATFORM, ChatIdentity.workspace == WORKSPACE)
        .order_by(col(ChatIdentity.id))
    ).all()
    ids = {person.id for _, person in accounts}
    roles: dict[int, list[str]] = {}
    for held in session.exec(select(PersonRole).where(col(PersonRole.person_id).in_(ids)).order_by(PersonRole.role)):
        roles.setdefault(held.person_id, []).append(held.role)
    found = {
        account.user_id: _resident(account, person, tuple(roles.get(account.person_id, ())))
        for account, person in accounts
    }
    found.setdefault(GUEST, Resident(GUEST, _GUEST_NAME, "Not linked yet", None, (), linked=False))
    return sorted(found.values(), key=lambda one: (not one.linked, one.creator_id is None))


def _resident(account: ChatIdentity, person: Person, roles: tuple[str, ...]) -> Resident:
    if account.unlinked_at is not None:
        return Resident(account.user_id, person.name, "Not linked any more", None, (), linked=False)
    words = ["creator"] if person.creator_id is not None else []
    about = ", ".join([*words, *roles]).capitalize() or "No role"
    return Resident(account.user_id, person.name, about, person.creator_id, roles, linked=True)


def someone_to_link(session: Session) -> tuple[str, str] | None:
    """A creator with live projects whom nobody has linked: (creator id, name). Who the newcomer turns out to be."""
    known = (
        select(Person.creator_id)
        .join(ChatIdentity, col(ChatIdentity.person_id) == Person.id)
        .where(col(Person.creator_id).is_not(None))
    )
    row = session.exec(
        select(Creator.creator_id, Creator.name)
        .join(Project, col(Project.creator_id) == Creator.creator_id)
        .where(col(Project.deleted_at).is_(None), col(Creator.creator_id).not_in(known))
        .order_by(Creator.creator_id)
        .limit(1)
    ).first()
    return None if row is None else (row[0], row[1])
