"""From usage to micro-dollars without leaving 64 bits; each rule once, for whole numbers and for SQL columns alike.

Both databases and Python agree on `//` here because every operand is ≥ 0 (domain.md, "Units": rounded down, once).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement

Whole = TypeVar("Whole", int, ColumnElement[int])

FULL_SHARE_BP = 10_000


@dataclass(frozen=True, slots=True)
class Entitlement(Generic[Whole]):
    """What one project-day comes to, in micro-dollars, each rounded down. The margin is what remains of `spent`."""

    share: Whole
    spent: Whole
    costs: Whole


def in_micros(micro_credits: Whole, credits_per_usd: Whole) -> Whole:
    """Micro-credits as micro-dollars, rounded down."""
    return micro_credits // credits_per_usd


def share_of(remaining: Whole, share_bp: Whole, credits_per_usd: Whole) -> Whole:
    """floor(remaining × share / credits per dollar) in micro-dollars, for remaining micro-credits ≥ 0.

    With remaining = q·d + r the product is taken of q and of r apart, so that no step leaves BIGINT: SQLite would go on
    in floats without a word.
    """
    divisor = credits_per_usd * FULL_SHARE_BP
    return share_bp * (remaining // divisor) + share_bp * (remaining % divisor) // divisor
