"""What the database already holds that decides about a slice: events by id, voids, projects, how far is settled."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.intake.batch import VOID, Batch, Event
from core.earnings.intake.extra import EXTRA_COLUMNS, Extra
from core.earnings.intake.fields import stamp
from core.earnings.intake.keys import among
from core.earnings.tables import ProgramState, Project, UsageDay, UsageEvent, UsageVoid
from core.storage import is_postgres, table_of

_EVENT = table_of(UsageEvent)
_VOID = table_of(UsageVoid)
_PROJECT = table_of(Project)
_PROGRAM = table_of(ProgramState)
_DAY = table_of(UsageDay)

_KEPT_PROJECTS = 100_000
_VOIDS_LOCK = zlib.crc32(b"earnings.usage_void")
_CROWDED_LOCK = zlib.crc32(b"earnings.usage_day")


class ProjectFacts(NamedTuple):
    """deleted: when, as a stamp; empty for a live project."""

    creator_id: str
    program: str
    deleted: str


class ProgramFacts(NamedTuple):
    """closed: the last day, as text, for which usage is too late; empty when none is. first_day: of usage so far."""

    closed: str
    settled_through: dt.date | None
    first_day: dt.date | None


@dataclass(slots=True)
class Known:
    """What one slice's transaction has read. projects: those that the slice is about, if they exist.

    events: stored events by id, of those looked up. targets: those that the slice's voids name. voided: those
    that a stored void names. waiting: ids in the slice that a void came ahead of.
    """

    projects: Mapping[str, ProjectFacts] = field(default_factory=dict)
    programs: Mapping[str, ProgramFacts] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    targets: dict[str, Event] = field(default_factory=dict)
    voided: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)


class ProjectMemory:
    """Projects seen during one import. Bounded; what is kept is at most as old as the import."""

    def __init__(self) -> None:
        self._facts: dict[str, ProjectFacts] = {}

    def of(self, session: Session, project_ids: set[str]) -> dict[str, ProjectFacts]:
        """Those of these projects that exist."""
        kept = self._facts
        found = {name: kept[name] for name in project_ids & kept.keys()}
        missing = project_ids - found.keys()
        if missing:
            columns = (_PROJECT.c.project_id, _PROJECT.c.creator_id, _PROJECT.c.program, _PROJECT.c.deleted_at)
            statement = select(*columns).where(among(session, _PROJECT.c.project_id, missing))
            for project_id, creator_id, program, deleted_at in session.execute(statement):
                found[project_id] = ProjectFacts(creator_id, program, stamp(deleted_at) if deleted_at else "")
            # Another slice's thread may be reading: it keeps the dictionary that it has.
            self._facts = found if len(kept) + len(missing) > _KEPT_PROJECTS else kept | found
        return found


def exclude_voids(session: Session, bringing_voids: bool) -> None:
    """Let a slice with voids run alone among slices: a void and its event that come at once must see each other.

    SQLite's one writer does that already.
    """
    if is_postgres(session):
        lock = func.pg_advisory_xact_lock if bringing_voids else func.pg_advisory_xact_lock_shared
        session.execute(select(lock(_VOIDS_LOCK)))


def events_by_id(session: Session, source: str, ids: Iterable[str]) -> dict[str, Event]:
    """The stored events of a source with these ids, in normal form."""
    columns = (
        _EVENT.c.event_id,
        _EVENT.c.occurred_at,
        _EVENT.c.project_id,
        _EVENT.c.user_id,
        _EVENT.c.kind,
        _EVENT.c.credits,
        _EVENT.c.cost,
        _EVENT.c.voids,
        *[_EVENT.c[name] for name in EXTRA_COLUMNS],
    )
    statement = select(*columns).where(_EVENT.c.source == source, among(session, _EVENT.c.event_id, ids))
    return {
        event_id: Event(stamp(at), project_id, user_id, kind, credits_, cost, voids or "", _extra(extra))
        for event_id, at, project_id, user_id, kind, credits_, cost, voids, *extra in session.execute(statement)
    }


def _extra(columns: Sequence[Any]) -> Extra | None:
    found = Extra._make(columns)
    return None if found.tokens is None and found.stars is None else found


def voided(session: Session, source: str, targets: Iterable[str]) -> set[str]:
    """Which of these events a stored void names, whether they are here or not."""
    statement = select(_VOID.c.voids).where(_VOID.c.source == source, among(session, _VOID.c.voids, targets))
    return set(session.scalars(statement))


def waiting_voids(session: Session, source: str, batch: Batch) -> set[str]:
    """Which of the batch's events a void came ahead of."""
    waits = (_VOID.c.source == source, _VOID.c.applied.is_(False))
    if session.execute(select(_VOID.c.voids).where(*waits).limit(1)).first() is None:
        return set()
    usage = [event_id for event_id, kind in zip(batch.ids, batch.kinds, strict=True) if kind != VOID]
    return set(session.scalars(select(_VOID.c.voids).where(*waits, among(session, _VOID.c.voids, usage))))


def lock_programs(
    session: Session,
    config: DeskConfig,
    slugs: Iterable[str],
    earliest: dt.date,
    first_days: Mapping[str, dt.date],
) -> dict[str, ProgramFacts]:
    """Share the programs' rows until the transaction ends, so that no settlement runs meanwhile; sorted by name.

    A program whose first day this slice may lower is locked alone at once: two that share a row and then both want
    to change it would wait for each other for ever.
    """
    found: dict[str, ProgramFacts] = {}
    for slug in sorted(slugs):
        program = config.programs.get(slug)
        first = first_days.get(slug)
        changes = first is None or earliest < first
        statement = select(_PROGRAM.c.settled_through, _PROGRAM.c.first_day).where(_PROGRAM.c.slug == slug)
        locked = statement.with_for_update(key_share=True) if changes else statement.with_for_update(read=True)
        row = session.execute(locked).first()
        if program is None or row is None:
            continue
        through, first_day = row
        closed = "" if through is None else (through - dt.timedelta(days=program.late_days)).isoformat()
        found[slug] = ProgramFacts(closed, through, first_day)
    return found


def days_so_far(
    session: Session, names: Sequence[str], keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], tuple[int, ...]]:
    """These columns of project-days' roll-up; keys are (day as text, project)."""
    wanted = set(keys)
    columns = (_DAY.c.day, _DAY.c.project_id, *[_DAY.c[name] for name in names])
    days = [dt.date.fromisoformat(day) for day, _ in wanted]
    statement = select(*columns).where(
        _DAY.c.day.between(min(days), max(days)), among(session, _DAY.c.project_id, {project for _, project in wanted})
    )
    rows = ((day.isoformat(), project, tuple(sums)) for day, project, *sums in session.execute(statement))
    return {(day, project): sums for day, project, sums in rows if (day, project) in wanted}


def one_at_a_time(session: Session) -> None:
    """Let slices that bring very much to one project-day wait for each other, so that each sees what is there."""
    if is_postgres(session):
        session.execute(select(func.pg_advisory_xact_lock(_CROWDED_LOCK)))


def learn_voids(session: Session, source: str, batch: Batch, known: Known) -> None:
    """Read what the batch's voids are about, and which of its events a void came ahead of."""
    targets = set(batch.voids) - {""}
    if targets:
        known.targets.update(events_by_id(session, source, targets))
        known.voided.update(voided(session, source, targets))
    known.waiting.update(waiting_voids(session, source, batch))
