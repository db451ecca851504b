"""Who acts and from where, what becomes known about people, and the refusals that `core.people` answers with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from core.errors import DeskError


@dataclass(frozen=True, slots=True)
class Identity:
    """Where a human speaks from. platform: "slack", "discord", "playground" or "cli" (which needs no linking)."""

    platform: str
    user_id: str
    workspace: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person with the roles they hold now and, if they earn, their creator id."""

    person_id: int
    name: str
    creator_id: str | None
    roles: frozenset[str]

    def may(self, role: str) -> bool:
        """Whether the person holds a role; an owner holds both others, an admin is no approver (domain.md, "Roles")."""
        return role in self.roles or "owner" in self.roles


@dataclass(frozen=True, slots=True)
class PersonLinked:
    """A fact: a chat account now speaks for a person. Each of `earlier` (that person's other accounts) is told."""

    person_id: int
    identity: Identity
    earlier: tuple[Identity, ...]
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class PersonUnlinked:
    """A fact: a chat account no longer speaks for a person. gone: the account itself is, so that nobody reads there."""

    person_id: int
    identity: Identity
    gone: bool
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class RolesChanged:
    """A fact: a person may do more, or less, than before."""

    person_id: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class LinkOutcome:
    """What came of `/link CODE`. Failures are returned, not raised, because the count of wrong codes must be committed.

    status: "linked", "already" (was this person's before), "taken" (speaks for someone else), "wrong", "expired",
    "used", "locked" (until locked_until, right codes too) or "no_chat" (the command line is no identity).
    """

    status: str
    text: str
    actor: Actor | None = None
    first: bool = False
    earlier: tuple[Identity, ...] = ()
    locked_until: dt.datetime | None = None

    @property
    def ok(self) -> bool:
        return self.status in ("linked", "already")


class UnknownPerson(DeskError):
    """Nobody here is called '{who}': no creator has that id and no person that name. Nothing changed."""


class NameTaken(DeskError):
    """There is a person called '{name}' already. Nothing changed. Choose another name."""


class BadName(DeskError):
    """A person's name is one line of 1 to 200 characters and not '{operator}'. Nothing changed."""


class UnknownRole(DeskError):
    """There is no role '{role}'. Roles are approver, admin and owner. Nothing changed."""


class NotLinked(DeskError):
    """Not linked yet. Get a code on your account page, then type /link CODE."""
