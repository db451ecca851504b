"""One slice, one transaction: its events, its part of the roll-up and the days to settle, or nothing of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session

from core import audit
from core.config import DeskConfig
from core.earnings.intake.batch import VOID, Batch, Event
from core.earnings.intake.judge import (
    LARGEST_DAY,
    LARGEST_EMBED_DAY,
    Judge,
    ProjectDay,
    Sums,
    Verdict,
    add_up,
    everything,
    is_plain,
)
from core.earnings.intake.known import (
    Known,
    ProjectMemory,
    days_so_far,
    events_by_id,
    exclude_voids,
    learn_voids,
    lock_programs,
    one_at_a_time,
)
from core.earnings.intake.report import Rejected
from core.earnings.intake.rollup_writing import add_use
from core.earnings.intake.rollups import EMBED_TOKENS, Told, Use
from core.earnings.intake.writing import (
    Collision,
    add_to_days,
    lower_first_day,
    mark_days,
    mark_months,
    write_events,
    write_voids,
)
from core.errors import DeskError
from core.ledger.money import MICROS
from core.storage import Database

# Each retry finds what collided before; only imports that keep overtaking this one could use them all up.
_ATTEMPTS = 20
# Sums this large in one slice are compared with what the day has already.
_NOTABLE = 1_000_000 * MICROS
_NOTABLE_EMBED = 1_000_000
# Slices that bring as many tokens to one project-day, or find it half full, wait for each other.
_CROWDED_EMBED = 100_000_000


class TooManyCollisions(DeskError):
    """Other imports of the same events kept overtaking this one. What it took before stays. Run it again."""


@dataclass(frozen=True, slots=True)
class Orders:
    """How an import was asked for. reopen: the reason to take usage that is too late; None refuses it."""

    source: str
    now: dt.datetime
    actor: str
    reopen: str | None = None


@dataclass(slots=True)
class SliceReport:
    """What became of one slice, committed by now. rejected is sorted by position."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)


class Intake:
    """One import. Remembers between slices what saves work, never what decides."""

    def __init__(self, database: Database, config: DeskConfig, orders: Orders) -> None:
        self._database = database
        self._config = config
        self._orders = orders
        self._projects = ProjectMemory()
        self._first_days: dict[str, dt.date] = {}
        # Looking ids up costs as much as storing them: done only while an import meets events that are here already.
        self._careful = False

    def take(self, batch: Batch) -> SliceReport:
        """Store what can be stored and commit. Raises TooManyCollisions, and what the database raises."""
        report = SliceReport(rows=batch.rows, rejected=list(batch.rejected))
        if batch.ids:
            verdict = self._decide_and_write(batch)
            report.accepted = len(batch.ids) - len(verdict.duplicates) - len(verdict.rejected)
            report.duplicates = len(verdict.duplicates)
            report.rejected.extend(verdict.rejected)
        report.rejected.sort(key=lambda one: one.index)
        return report

    def _decide_and_write(self, batch: Batch) -> Verdict:
        for _ in range(_ATTEMPTS):
            try:
                with self._database.transaction() as session:
                    return self._attempt(session, batch)
            except Collision:
                self._careful = True
        raise TooManyCollisions

    def _attempt(self, session: Session, batch: Batch) -> Verdict:
        known = self._learn(session, batch)
        verdict = everything(batch) if is_plain(self._config, batch, known) else self._judge(session, batch, known)
        sums, use = _add_up(batch, verdict, known), _add_use(batch, verdict, known)
        full = [*_full_days(session, sums), *_full_embed_days(session, use)]
        if full:
            verdict = self._judge(session, batch, known, full)
            sums, use = _add_up(batch, verdict, known), _add_use(batch, verdict, known)
        self._write(session, batch, verdict, known, sums, use)
        return verdict

    def _learn(self, session: Session, batch: Batch) -> Known:
        source = self._orders.source
        exclude_voids(session, VOID in batch.kinds)
        known = Known()
        if self._careful:
            known.events = events_by_id(session, source, batch.ids)
            self._careful = bool(known.events)
        learn_voids(session, source, batch, known)
        names = {*batch.projects, *(target.project_id for target in known.targets.values())} - {""}
        known.projects = self._projects.of(session, names)
        programs = {project.program for project in known.projects.values()}
        earliest = dt.date.fromisoformat(min(batch.days))
        known.programs = lock_programs(session, self._config, programs, earliest, self._first_days)
        return known

    def _judge(self, session: Session, batch: Batch, known: Known, full: Sequence[ProjectDay] = ()) -> Verdict:
        reopen = self._orders.reopen is not None
        verdict = Judge(self._config, batch, known, reopen, full).decide()
        # A refused event may be here already: then it is a duplicate, however things stand by now.
        unsure = [batch.ids[place] for place in verdict.unsure if batch.ids[place] not in known.events]
        if unsure:
            found = events_by_id(session, self._orders.source, unsure)
            if found:
                known.events.update(found)
                verdict = Judge(self._config, batch, known, reopen, full).decide()
        return verdict

    def _write(self, session: Session, batch: Batch, verdict: Verdict, known: Known, sums: Sums, use: Use) -> None:
        source = self._orders.source
        all_of_it = len(verdict.accepted) == len(batch.ids)
        write_events(session, source, batch, None if all_of_it else verdict.accepted)
        write_voids(session, source, verdict.new_voids, verdict.effective)
        add_to_days(session, sums)
        add_use(session, source, use)
        touched = {
            (program, dt.date.fromisoformat(day))
            for days in (sums, use.days)
            for day, projects in days.items()
            for program in {known.projects[name].program for name in projects}
        }
        mark_days(session, touched)
        months = {(known.projects[project].program, month) for month, _, project in use.months}
        mark_months(session, {(program, dt.date.fromisoformat(month)) for program, month in months})
        for program in sorted({program for program, _ in touched}):
            self._note_first_day(session, known, program, min(day for slug, day in touched if slug == program))
        for program, days in sorted(verdict.reopened.items()):
            span = f"{sum(days.values())} rows, {len(days)} days from {min(days)} to {max(days)}"
            detail = f"{span}: {self._orders.reopen}"
            audit.record(session, self._orders.now, self._orders.actor, "usage.reopen", program, detail)

    def _note_first_day(self, session: Session, known: Known, program: str, day: dt.date) -> None:
        before = known.programs[program].first_day
        if before is None or day < before:
            lower_first_day(session, program, day)
            before = day
        self._first_days[program] = before


def _add_up(batch: Batch, verdict: Verdict, known: Known) -> Sums:
    """What the slice adds to each project-day; only those to which it adds anything."""
    sums: Sums = {}
    if batch.told == len(batch.ids):
        return sums
    columns = (batch.days, batch.projects, batch.users, batch.kinds, batch.credits, batch.costs)
    creators = {name: project.creator_id for name, project in known.projects.items()}
    if len(verdict.counted) == len(batch.ids) and not batch.told:
        add_up(sums, zip(*columns, strict=True), creators)
    else:
        events = (batch.event(place) for place in verdict.counted)
        add_up(sums, (_counted(event) for event in events if event.extra is None), creators)
    add_up(sums, (_counted(event) for _, event in verdict.voided if event.extra is None), creators, -1)
    changed = {day: {name: row for name, row in projects.items() if any(row)} for day, projects in sums.items()}
    return {day: projects for day, projects in changed.items() if projects}


def _add_use(batch: Batch, verdict: Verdict, known: Known) -> Use:
    """What the slice's messages and ratings add to the roll-ups of kind `assistants`."""
    use = Use()
    gone = [(name, event) for name, event in verdict.voided if event.extra is not None]
    if not batch.told and not gone:
        return use
    creators = {name: project.creator_id for name, project in known.projects.items()}
    told: Iterable[Told] = zip(batch.ids, batch.days, batch.at, batch.projects, batch.users, batch.extras, strict=True)
    if len(verdict.counted) < len(batch.ids):
        counted = set(verdict.counted)
        told = (event for place, event in enumerate(told) if place in counted)
    use.add(told, creators)
    use.add(((name, e.at[:10], e.at, e.project_id, e.user_id, e.extra) for name, e in gone), creators, -1)
    use.settle()
    return use


def _counted(event: Event) -> tuple[str, str, str, str, int, int]:
    return event.at[:10], event.project_id, event.user_id, event.kind, event.credits, event.cost


def _full_days(session: Session, sums: Sums) -> list[ProjectDay]:
    """The project-days that these sums would take past what any real one reaches."""
    notable = {
        (day, name): row[:3] for day, projects in sums.items() for name, row in projects.items() if max(row) > _NOTABLE
    }
    if not notable:
        return []
    so_far = days_so_far(session, ("credits", "cost", "own_credits"), notable)
    nothing = (0, 0, 0)
    return [
        key
        for key, added in notable.items()
        if any(here + new > LARGEST_DAY for here, new in zip(so_far.get(key, nothing), added, strict=True))
    ]


def _full_embed_days(session: Session, use: Use) -> list[ProjectDay]:
    """The same for tokens through embed or API: beyond the limit, a settlement would leave BIGINT."""
    notable = {
        (day, name): row[EMBED_TOKENS]
        for day, projects in use.days.items()
        for name, row in projects.items()
        if row[EMBED_TOKENS] > _NOTABLE_EMBED
    }
    if not notable:
        return []
    so_far = days_so_far(session, ("embed_tokens",), notable)
    if any(
        added > _CROWDED_EMBED or so_far.get(key, (0,))[0] > LARGEST_EMBED_DAY // 2 for key, added in notable.items()
    ):
        one_at_a_time(session)
        so_far = days_so_far(session, ("embed_tokens",), notable)
    return [key for key, added in notable.items() if so_far.get(key, (0,))[0] + added > LARGEST_EMBED_DAY]
