"""The kinds of program: what settlement, statistics and intake need to know of each. A new kind is a new file here
and one line in `KINDS`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Protocol

from sqlalchemy import ColumnElement
from sqlmodel import Session

from core.config import Program
from core.earnings.programs.assistants import Assistants
from core.earnings.programs.credits import Credits
from core.earnings.programs.money import Entitlement
from core.earnings.tables import ProgramState
from core.errors import NotYetBuilt


class ProgramKind(Protocol):
    """What a kind decides.

    wallet: the wallet role that settled earnings go to ("available" or "pending").
    counters: per usage kind, the columns of `UsageDay` that one event by somebody else adds 1 to.
    spending: the usage kinds whose credits and platform costs count.
    used: what a settled line keeps of the day's usage: columns of `SettlementLine`, each with the one of `UsageDay`.
    monthly: whether subscribers' payments are split when a month is over, and what was earned is paid out by months.
    business_days: (fewest, most) until sent money arrives where the program says nothing else, None where each payout
    method says its own.
    """

    @property
    def name(self) -> str: ...
    @property
    def wallet(self) -> str: ...
    @property
    def counters(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def spending(self) -> frozenset[str]: ...
    @property
    def used(self) -> Mapping[str, str]: ...
    @property
    def monthly(self) -> bool: ...
    @property
    def business_days(self) -> tuple[int, int] | None: ...

    def terms_sql(
        self, program: Program, day: ColumnElement[dt.date], project_id: ColumnElement[str]
    ) -> Mapping[str, ColumnElement[int]]:
        """What a line keeps of the terms in force on a row's day, by column of `SettlementLine`; `credits_per_usd`,
        which is never 0, among them."""
        ...

    def earns(self, kept: Mapping[str, ColumnElement[int]]) -> Entitlement[ColumnElement[int]]:
        """What a project-day comes to, in micro-dollars, from what a line keeps of its usage and terms: columns, so
        that a settlement is one statement."""
        ...


KINDS: dict[str, ProgramKind] = {kind.name: kind for kind in (Credits(), Assistants())}
ASSISTANTS = Assistants().name  # the kind whose projects people call assistants


def kind_of(program: Program) -> ProgramKind:
    """The program's kind; NotYetBuilt for one that this version can't run."""
    kind = KINDS.get(program.kind)
    if kind is None:
        raise NotYetBuilt(program=program.slug, kind=program.kind)
    return kind


def kind_in(session: Session, slug: str) -> ProgramKind:
    """The kind of a program that the database knows."""
    return KINDS[session.get_one(ProgramState, slug).kind]
