"""Which events of a slice count, and what they add to each project's day (domain.md, "Usage in")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.config import DeskConfig
from core.earnings.intake import fields
from core.earnings.intake.batch import VOID, Batch, Event
from core.earnings.intake.extra import EMBED, EXTRA_COLUMNS, KINDS_WITH_EXTRA, NOTHING
from core.earnings.intake.fields import FieldError
from core.earnings.intake.known import Known, ProjectFacts
from core.earnings.intake.report import Rejected
from core.earnings.programs import KINDS
from core.ledger.money import MICROS

# Columns of the roll-up, in the order of the sums kept for each project-day.
SUMS = ("credits", "cost", "own_credits", "uses", "remixes", "views", "saves")
_CREDITS, _COST, _OWN = 0, 1, 2
_COUNTED = {
    kind: tuple(SUMS.index(name) for name in names)
    for program in KINDS.values()
    for kind, names in program.counters.items()
    if kind not in KINDS_WITH_EXTRA
}
_WITH_EXTRA = frozenset(name for name, kind in KINDS.items() if not kind.counters.keys().isdisjoint(KINDS_WITH_EXTRA))
# Nobody spends ten billion credits on one project in one day; sums stay far inside BIGINT.
LARGEST_DAY = 10_000_000_000 * MICROS
# Of one project-day through embed or API: at the highest price they come to just what BIGINT holds.
LARGEST_EMBED_DAY = 9_000_000_000

ProjectDay = tuple[str, str]
"""A day as text, and a project."""
Sums = dict[str, dict[str, list[int]]]
"""What is added to each project's day: by day as text, then project, in the order of SUMS."""


@dataclass(slots=True)
class Verdict:
    """What becomes of a slice. Indexes are places in the batch.

    accepted: events to store. counted: those that add to the roll-up. voided: stored or fresh events taken out of it,
    each with its id.
    new_voids: target → (void's id, whether the target is here). effective: waiting voids whose event has come.
    reopened: days taken though they are too late, by program.
    """

    accepted: list[int] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)
    voided: list[tuple[str, Event]] = field(default_factory=list)
    new_voids: dict[str, tuple[str, bool]] = field(default_factory=dict)
    effective: list[str] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    unsure: list[int] = field(default_factory=list)
    reopened: dict[str, dict[str, int]] = field(default_factory=dict)


def is_plain(config: DeskConfig, batch: Batch, known: Known) -> bool:
    """Whether every event of the slice simply counts, so that nothing has to be looked at one by one."""
    if known.events or known.waiting or VOID in batch.kinds or len(set(batch.ids)) < len(batch.ids):
        return False
    projects = known.projects
    programs = {project.program for project in projects.values()}
    if not projects.keys() >= set(batch.projects) or not programs <= known.programs.keys():
        return False
    with_extra = {config.programs[slug].kind in _WITH_EXTRA for slug in programs}
    if batch.told != (len(batch.ids) if True in with_extra else 0) or len(with_extra) > 1:
        return False
    if min(batch.days) <= max(known.programs[slug].closed for slug in programs):
        return False
    return max(batch.at) < min((project.deleted for project in projects.values() if project.deleted), default="9999")


def everything(batch: Batch) -> Verdict:
    """The verdict on a plain slice: all of it counts."""
    places = list(range(len(batch.ids)))
    return Verdict(accepted=places, counted=places)


class Judge:
    """Goes through a slice event by event, in order, as if each had come alone."""

    def __init__(
        self, config: DeskConfig, batch: Batch, known: Known, reopen: bool, full: Iterable[ProjectDay] = ()
    ) -> None:
        self._config = config
        self._batch = batch
        self._known = known
        self._reopen = reopen
        self._full = frozenset(full)
        self._fresh: dict[str, Event] = {}
        self._voided = set(known.voided)
        self.verdict = Verdict()

    def decide(self) -> Verdict:
        batch, verdict = self._batch, self.verdict
        for index, event_id in enumerate(batch.ids):
            event = batch.event(index)
            before = self._known.events.get(event_id) or self._fresh.get(event_id)
            try:
                if before is not None:
                    self._repeat(index, event, before)
                elif event.kind == VOID:
                    self._void(index, event_id, event)
                else:
                    self._usage(index, event_id, event)
            except FieldError as error:
                verdict.rejected.append(Rejected(batch.positions[index], error.field, error.reason))
                if before is None:
                    verdict.unsure.append(index)
        return verdict

    def _repeat(self, index: int, event: Event, before: Event) -> None:
        if event == before:
            self.verdict.duplicates.append(index)
            return
        pairs = zip(_COMPARED, _content(event), _content(before), strict=True)
        differing = [name for name, new, old in pairs if new != old]
        raise FieldError(
            "event_id", f"is here already, with another {', '.join(differing)}; void it and report a new one"
        )

    def _usage(self, index: int, event_id: str, event: Event) -> None:
        project = self._known.projects.get(event.project_id)
        if project is None:
            raise FieldError("project_id", f"{fields.shown(event.project_id)} is unknown; import the project first")
        if project.program not in self._known.programs:
            raise FieldError("project_id", f"belongs to program {project.program!r}, which is not configured")
        kind = self._config.programs[project.program].kind
        if event.kind not in KINDS[kind].counters:
            raise FieldError("kind", f"is {fields.shown(event.kind)}, which programs of kind {kind} don't have")
        if project.deleted and event.at >= project.deleted:
            raise FieldError("occurred_at", f"is after the project was deleted at {project.deleted[:19]} UTC")
        day = event.at[:10]
        if (day, event.project_id) in self._full:
            _refuse_full(event, project, day)
        self._check_late("occurred_at", project, day)
        self.verdict.accepted.append(index)
        self._fresh[event_id] = event
        if event_id in self._known.waiting or event_id in self._voided:
            self._take_effect(event_id)
        else:
            self.verdict.counted.append(index)

    def _take_effect(self, event_id: str) -> None:
        """A void that came first: the event is kept and never counts."""
        here = self.verdict.new_voids.get(event_id)
        if here is None:
            self.verdict.effective.append(event_id)
        else:
            self.verdict.new_voids[event_id] = (here[0], True)

    def _void(self, index: int, event_id: str, event: Event) -> None:
        target_id = event.voids
        known = self._known
        target = known.targets.get(target_id) or known.events.get(target_id) or self._fresh.get(target_id)
        if target is not None and target.kind == VOID:
            raise FieldError("voids", f"names {fields.shown(target_id)}, which is a void; a void can't be voided")
        if target_id in self._voided:
            self.verdict.duplicates.append(index)
            self.verdict.unsure.append(index)
            return
        if target is not None:
            project = known.projects[target.project_id]
            if project.program not in known.programs:
                raise FieldError("voids", f"names usage of program {project.program!r}, which is not configured")
            self._check_late("voids", project, target.at[:10])
            self.verdict.voided.append((target_id, target))
        self.verdict.accepted.append(index)
        self._fresh[event_id] = event
        self._voided.add(target_id)
        self.verdict.new_voids[target_id] = (event_id, target is not None)

    def _check_late(self, field: str, project: ProjectFacts, day: str) -> None:
        program = self._known.programs[project.program]
        if day > program.closed:
            return
        if not self._reopen:
            late_days = self._config.programs[project.program].late_days
            raise FieldError(
                field,
                f"is too late: usage of {day} was taken until {project.program} was settled through "
                f"{dt.date.fromisoformat(day) + dt.timedelta(days=late_days)}, and it is settled through "
                f"{program.settled_through}; an operator can import it with --reopen --reason",
            )
        days = self.verdict.reopened.setdefault(project.program, {})
        days[day] = days.get(day, 0) + 1


_COMPARED = ("occurred_at", "project_id", "user_id", "kind", "credits", "platform_cost", "voids", *EXTRA_COLUMNS)


def _content(event: Event) -> tuple[object, ...]:
    *plain, extra = event
    return *plain, *(extra or NOTHING)


def _refuse_full(event: Event, project: ProjectFacts, day: str) -> None:
    if event.extra is None:
        raise FieldError("credits", f"would take the project's {day} above {LARGEST_DAY // MICROS:,} credits")
    if event.extra.channel == EMBED and event.user_id != project.creator_id:
        raise FieldError("tokens", f"would take the project's {day} above {LARGEST_EMBED_DAY:,} tokens through embed")


def add_up(
    sums: Sums,
    events: Iterable[tuple[str, str, str, str, int, int]],
    creators: Mapping[str, str],
    sign: int = 1,
) -> None:
    """Add events (day, project, user, kind, credits, cost) to their project-days; own use to own_credits alone."""
    here = ""
    projects: dict[str, list[int]] = {}
    for day, project_id, user_id, kind, credits_, cost in events:
        if day is not here:  # most reports come in order of time
            projects = sums.setdefault(day, {})
            here = day
        row = projects.get(project_id)
        if row is None:
            projects[project_id] = row = [0] * len(SUMS)
        if user_id == creators[project_id]:
            row[_OWN] += sign * credits_
            continue
        row[_CREDITS] += sign * credits_
        row[_COST] += sign * cost
        for place in _COUNTED[kind]:
            row[place] += sign
