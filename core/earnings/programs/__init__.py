"""The kinds of program: what settlement, statistics and intake need to know of each. A new kind is a new file here
and one line in `KINDS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement

from core.config import Program, Terms
from core.earnings.programs.credits import Credits
from core.earnings.programs.money import Entitlement
from core.errors import NotYetBuilt


@dataclass(frozen=True, slots=True)
class TermsSQL:
    """The terms in force on a row's day, as SQL: basis points and whole credits a dollar."""

    share_bp: ColumnElement[int]
    credits_per_usd: ColumnElement[int]


class ProgramKind(Protocol):
    """What a kind decides.

    wallet: the wallet role that settled earnings go to ("available" or "pending").
    counters: per usage kind, the columns of `UsageDay` that one event by somebody else adds 1 to.
    spending: the usage kinds whose credits and platform costs count.
    """

    @property
    def name(self) -> str: ...
    @property
    def wallet(self) -> str: ...
    @property
    def counters(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def spending(self) -> frozenset[str]: ...

    def entitlement(self, credits_: int, cost: int, terms: Terms) -> Entitlement[int]:
        """What a project-day's usage (micro-credits) earns, in micro-dollars."""
        ...

    def entitlement_sql(
        self,
        credits_: ColumnElement[int],
        cost: ColumnElement[int],
        share_bp: ColumnElement[int],
        credits_per_usd: ColumnElement[int],
    ) -> Entitlement[ColumnElement[int]]:
        """The same rule over columns, so that a settlement is one statement."""
        ...


KINDS: dict[str, ProgramKind] = {kind.name: kind for kind in (Credits(),)}


def kind_of(program: Program) -> ProgramKind:
    """The program's kind; NotYetBuilt for one that this version can't run."""
    kind = KINDS.get(program.kind)
    if kind is None:
        raise NotYetBuilt(program=program.slug, kind=program.kind)
    return kind
