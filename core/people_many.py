"""What `core.people` does for one person, for thousands at once: a few statements, however many there are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import func, select
from sqlmodel import Session

from core.audit import OPERATOR
from core.people import ensure_creator_person
from core.people_tables import ChatIdentity, Person
from core.storage import table_of, upsert

Chunked = TypeVar("Chunked")

_CHUNK = 5_000  # values of a statement; SQLite takes 32,766
_IDENTITY, _PERSON = table_of(ChatIdentity), table_of(Person)


def ensure_creator_persons(session: Session, creators: Mapping[str, str]) -> dict[str, int]:
    """`ensure_creator_person` for many creators, id → name: the persons' ids, by creator."""
    found = _persons_of(session, creators)
    # A namesake, and a name that is no person's, are seen to one by one.
    named = {name: creator_id for creator_id, name in creators.items() if creator_id not in found and _plain(name)}
    for part in chunks(named.items()):
        rows = [{"name": name, "creator_id": creator_id} for name, creator_id in part]
        session.execute(upsert(session, Person).values(rows).on_conflict_do_nothing())
    if named:
        found = _persons_of(session, creators)
    for creator_id in sorted(creators.keys() - found.keys()):
        found[creator_id] = ensure_creator_person(session, creator_id, creators[creator_id])
    return found


def _plain(name: str) -> bool:
    return 0 < len(name) <= 200 and name.lower() != OPERATOR


def _persons_of(session: Session, creators: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in chunks(creators):
        rows = session.execute(select(_PERSON.c.creator_id, _PERSON.c.id).where(_PERSON.c.creator_id.in_(part)))
        found.update((row[0], row[1]) for row in rows)
    return found


def further_links_since(session: Session, since: dt.datetime) -> dict[str, dt.datetime]:
    """`last_further_link_at` of every creator whose person's last one is later than `since`, by creator."""
    first = (
        select(_IDENTITY.c.person_id, func.min(_IDENTITY.c.id).label("id")).group_by(_IDENTITY.c.person_id).subquery()
    )
    rows = session.execute(
        select(_PERSON.c.creator_id, func.max(_IDENTITY.c.linked_at))
        .join(first, first.c.person_id == _IDENTITY.c.person_id)
        .join(_PERSON, _PERSON.c.id == _IDENTITY.c.person_id)
        .where(_IDENTITY.c.linked_at > since, _IDENTITY.c.id != first.c.id, _PERSON.c.creator_id.is_not(None))
        .group_by(_PERSON.c.creator_id)
    )
    return {row[0]: row[1] for row in rows}


def chunks(values: Iterable[Chunked], size: int = _CHUNK) -> Iterator[Sequence[Chunked]]:
    """The values in parts that a statement can hold."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part
