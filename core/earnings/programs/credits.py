"""Program kind `credits`: a share of what others spent, after platform costs (domain.md, "Program kind `credits`")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlalchemy import ColumnElement, case

from core.config import Program, Terms
from core.earnings.programs.dated import dated
from core.earnings.programs.money import Entitlement, in_micros, share_of

_COUNTERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "generate": ("uses",),
        "remix": ("uses", "remixes"),
        "feature": ("uses",),
        "view": ("views",),
        "save": ("saves",),
    }
)
_SPENDING = frozenset({"generate", "remix", "feature"})
_USED: Mapping[str, str] = MappingProxyType({name: name for name in ("credits", "cost", "own_credits")})


@dataclass(frozen=True, slots=True)
class Credits:
    """Seed 1: `share × max(0, credits − platform costs)` over a project's whole day, available at once."""

    name: str = "credits"
    wallet: str = "available"
    counters: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _COUNTERS)
    spending: frozenset[str] = _SPENDING
    used: Mapping[str, str] = field(default_factory=lambda: _USED)
    monthly: bool = False
    business_days: tuple[int, int] | None = None

    def terms_sql(
        self,
        program: Program,
        day: ColumnElement[dt.date],
        project_id: ColumnElement[str],  # noqa: ARG002 - the same for all projects
    ) -> Mapping[str, ColumnElement[int]]:
        """The share, and the credits that make a dollar."""
        return {
            "share_bp": dated(program, day, lambda terms: terms.share_bp),
            "credits_per_usd": dated(program, day, lambda terms: terms.credits_per_usd),
        }

    def earns(self, kept: Mapping[str, ColumnElement[int]]) -> Entitlement[ColumnElement[int]]:
        """The day's credits less its costs, at its terms."""
        return self.entitlement_sql(kept["credits"], kept["cost"], kept["share_bp"], kept["credits_per_usd"])

    def entitlement(self, credits_: int, cost: int, terms: Terms) -> Entitlement[int]:
        """Micro-credits in, micro-dollars out; costs above credits give zero, never a debt."""
        rate = terms.credits_per_usd
        return Entitlement(
            share=share_of(max(0, credits_ - cost), terms.share_bp, rate),
            spent=in_micros(credits_, rate),
            costs=in_micros(cost, rate),
        )

    def entitlement_sql(
        self,
        credits_: ColumnElement[int],
        cost: ColumnElement[int],
        share_bp: ColumnElement[int],
        credits_per_usd: ColumnElement[int],
    ) -> Entitlement[ColumnElement[int]]:
        """The same over columns."""
        remaining = case((credits_ > cost, credits_ - cost), else_=0)
        return Entitlement(
            share=share_of(remaining, share_bp, credits_per_usd),
            spent=in_micros(credits_, credits_per_usd),
            costs=in_micros(cost, credits_per_usd),
        )
