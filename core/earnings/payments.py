"""Subscription payments in: checked, kept once, voided (domain.md, "Program kind `assistants`").

A payment belongs to its `month`, whenever it was paid. It is taken until the program was settled through the month's
last day + `late_days`; what it changes is posted when the month closes, or by the next run where it has closed.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from sqlmodel import Session

from core import audit
from core.config import DeskConfig, Program
from core.earnings.intake import fields
from core.earnings.intake.fields import FieldError
from core.earnings.intake.orders import checked_reason, checked_source
from core.earnings.intake.report import ImportReport, Progress, Rejected
from core.earnings.payment_rows import COLUMNS, NAMES, REQUIRED_COLUMNS, Facts, Reported, read
from core.earnings.payment_store import Changes, Known, learn, write
from core.earnings.periods import last_day
from core.earnings.programs.assistants import Assistants
from core.errors import InvalidInput
from core.storage import Database

__all__ = ["COLUMNS", "REQUIRED_COLUMNS", "NoProgramForPayments", "accept_payments", "program_of"]

SLICE_ROWS = 5_000
_PAUSE = 0.005  # between slices: without it, others that want to write to SQLite starve while an import runs


class NoProgramForPayments(InvalidInput):
    """Nothing was imported. {problem}"""


class Orders(NamedTuple):
    """How an import was asked for. reopen: the reason to take payments that are too late; None refuses them."""

    program: Program
    source: str
    now: dt.datetime
    actor: str
    reopen: str | None


def program_of(config: DeskConfig, named: str | None = None) -> Program:
    """The program that payments belong to: the one named, else the only one of kind `assistants`.

    Raises NoProgramForPayments.
    """
    kind = Assistants().name
    there = sorted(slug for slug, program in config.programs.items() if program.kind == kind)
    if not there:
        problem = f"Subscription payments belong to programs of kind {kind}, and none is configured."
    elif named is not None and named not in there:
        problem = f"There is no program {fields.shown(named)} of kind {kind}; there is {', '.join(there)}."
    elif named is None and len(there) > 1:
        problem = f"Name the program that the payments belong to: {', '.join(there)}."
    else:
        return config.programs[named or there[0]]
    raise NoProgramForPayments(problem=problem)


def accept_payments(
    database: Database,
    config: DeskConfig,
    rows: Iterable[Mapping[str, object]],
    source: str,
    now: dt.datetime,
    *,
    program: str | None = None,
    reopen: str | None = None,
    actor: str = "operator",
    progress: Progress | None = None,
) -> ImportReport:
    """Take payments and voids of payments; values are text, int, Decimal or None. A refused row never stops the rest.

    Each slice of up to SLICE_ROWS rows is committed by itself. reopen: the reason, kept in the audit trail, for taking
    payments of months that are closed for good. Raises NoProgramForPayments, InvalidInput for a source or reason that
    can't be kept, and what the database raises.
    """
    orders = Orders(program_of(config, program), checked_source(source), now, actor, checked_reason(reopen))
    report = ImportReport()
    numbered = enumerate(rows)
    while part := list(islice(numbered, SLICE_ROWS)):
        if part[0][0]:
            time.sleep(_PAUSE)
        reported: list[Reported] = []
        for index, row in part:
            try:
                reported.append(read(index, row, orders.program.slug, now))
            except FieldError as error:
                report.rejected.append(Rejected(index, error.field, error.reason))
        _take(database, orders, reported, report)
        if progress is not None:
            progress(part[-1][0] + 1)
    report.rejected.sort(key=lambda one: one.index)
    return report


def _take(database: Database, orders: Orders, reported: Sequence[Reported], report: ImportReport) -> None:
    if not reported:
        return
    with database.transaction() as session:
        judge = _Judge(orders, learn(session, orders.program.slug, orders.source, reported))
        judge.decide(reported)
        write(session, orders.program.slug, orders.source, judge.changes)
        judge.record(session)
    report.accepted += len(judge.changes.taken)
    report.duplicates += judge.duplicates
    report.rejected += judge.rejected


class _Judge:
    """Goes through a slice row by row, in order, as if each had come alone."""

    def __init__(self, orders: Orders, known: Known) -> None:
        self._orders = orders
        self._known = known
        self._here = dict(known.payments)
        self._voided = set(known.voided)
        self._reopened: Counter[dt.date] = Counter()
        self.changes = Changes()
        self.duplicates = 0
        self.rejected: list[Rejected] = []

    def decide(self, reported: Iterable[Reported]) -> None:
        for one in reported:
            before = self._here.get(one.payment_id)
            try:
                if before is not None:
                    self._repeat(one, before)
                elif one.facts.voids:
                    self._void(one)
                else:
                    self._payment(one)
            except FieldError as error:
                self.rejected.append(Rejected(one.row, error.field, error.reason))

    def record(self, session: Session) -> None:
        """Note in the audit trail what was taken against the rule."""
        months = self._reopened
        if months:
            span = f"{months.total()} rows, {len(months)} months from {_name(min(months))} to {_name(max(months))}"
            detail = f"{span}: {self._orders.reopen}"
            slug = self._orders.program.slug
            audit.record(session, self._orders.now, self._orders.actor, "subscriptions.reopen", slug, detail)

    def _repeat(self, one: Reported, before: Facts) -> None:
        differing = [name for name, new, old in zip(NAMES, one.facts, before, strict=True) if new != old]
        if differing:
            reason = f"is here already, with another {', '.join(differing)}; void it and report a new one"
            raise FieldError("payment_id", reason)
        self._agrees(one, self._here.get(one.facts.voids))
        self.duplicates += 1

    def _payment(self, one: Reported) -> None:
        facts, changes = one.facts, self.changes
        referrer = facts.referrer_id
        if referrer is not None and referrer not in self._known.creators:
            raise FieldError("referrer_id", f"{fields.shown(referrer)} is unknown; import creators first")
        self._check_late("month", facts)
        self._keep(one)
        if one.payment_id not in self._voided:
            self._touch(facts)
            return
        changes.dead.add(one.payment_id)  # a void that came first
        here = changes.voids.get(one.payment_id)
        if here is None:
            changes.come.add(one.payment_id)
        else:
            changes.voids[one.payment_id] = (here[0], True)

    def _void(self, one: Reported) -> None:
        target_id, changes = one.facts.voids, self.changes
        target = self._here.get(target_id)
        if target is not None and target.voids:
            raise FieldError("voids", f"names {fields.shown(target_id)}, which is a void; a void can't be voided")
        self._agrees(one, target)
        if target_id in self._voided:
            self.duplicates += 1
            return
        if target is not None:
            if target.program != one.facts.program:
                raise FieldError("voids", f"names a payment of program {target.program!r}; name that program")
            self._check_late("voids", target)
            (changes.dead if target_id in changes.taken else changes.gone).add(target_id)
            self._touch(target)
        self._keep(one)
        self._voided.add(target_id)
        changes.voids[target_id] = (one.payment_id, target is not None)

    def _keep(self, one: Reported) -> None:
        self.changes.taken[one.payment_id] = one.facts
        self._here[one.payment_id] = one.facts

    def _touch(self, facts: Facts) -> None:
        if facts.month is not None:
            self.changes.months.add(facts.month)

    @staticmethod
    def _agrees(one: Reported, target: Facts | None) -> None:
        """A void may say again what the payment said, and nothing else."""
        for place, value in one.said.items():
            if target is not None and target[place] != value:
                reason = f"differs from the payment {fields.shown(one.facts.voids)}; leave it empty in a void"
                raise FieldError(NAMES[place], reason)

    def _check_late(self, field: str, facts: Facts) -> None:
        through, program, month = self._known.settled_through, self._orders.program, facts.month
        if through is None or month is None:
            return
        until = last_day(month) + dt.timedelta(days=program.late_days)
        if through < until:
            return
        if self._orders.reopen is None:
            raise FieldError(
                field,
                f"is too late: payments for {_name(month)} were taken until {program.slug} was settled through "
                f"{until}, and it is settled through {through}; an operator can import it with --reopen --reason",
            )
        self._reopened[month] += 1


def _name(month: dt.date) -> str:
    return f"{month:%Y-%m}"
