"""Program kind `assistants`: what others' messages through embed or API cost, a share of it, every day (domain.md,
"Program kind `assistants`"). The marketplace's months and referrals are `core.earnings.months`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlalchemy import ColumnElement

from core.config import Program, Terms
from core.earnings.prices import price_sql
from core.earnings.programs.dated import dated, whole
from core.earnings.programs.money import Entitlement, share_of

# Prices are per so many tokens.
PRICED_TOKENS = 1_000_000

_COUNTERS: Mapping[str, tuple[str, ...]] = MappingProxyType({"message": ("messages",), "rating": ("ratings",)})
_USED: Mapping[str, str] = MappingProxyType({"tokens": "embed_tokens", "own_tokens": "own_tokens"})


@dataclass(frozen=True, slots=True)
class Assistants:
    """Seed 2: `tokens × price × share` of an assistant's day through embed or API, pending until the month is paid."""

    name: str = "assistants"
    wallet: str = "pending"
    counters: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _COUNTERS)
    spending: frozenset[str] = frozenset()
    used: Mapping[str, str] = field(default_factory=lambda: _USED)
    monthly: bool = True
    business_days: tuple[int, int] | None = (5, 7)  # domain.md, Monthly payout processing

    def terms_sql(
        self, program: Program, day: ColumnElement[dt.date], project_id: ColumnElement[str]
    ) -> Mapping[str, ColumnElement[int]]:
        """The share, and the price that the project had on the day."""
        return {
            "share_bp": dated(program, day, lambda terms: terms.share_bp),
            "credits_per_usd": dated(program, day, lambda terms: terms.credits_per_usd),
            "price": price_sql(program, day, project_id),
        }

    def earns(self, kept: Mapping[str, ColumnElement[int]]) -> Entitlement[ColumnElement[int]]:
        """The day's tokens at its price."""
        cost = kept["tokens"] * kept["price"]  # both bounded at intake, so that this stays within BIGINT
        return Entitlement(
            share=share_of(cost, kept["share_bp"], whole(PRICED_TOKENS)),
            spent=cost // whole(PRICED_TOKENS),
            costs=whole(0),
        )

    def entitlement(self, tokens: int, price: int, terms: Terms) -> Entitlement[int]:
        """The same for a known number of embed tokens and a price in micro-dollars per 1,000,000 tokens."""
        cost = tokens * price
        return Entitlement(share=share_of(cost, terms.share_bp, PRICED_TOKENS), spent=cost // PRICED_TOKENS, costs=0)
