"""The formula of program kind `assistants` (domain.md, "Program kind `assistants`", and seed 2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Engine, create_engine, literal, select

from core.config import Program, Terms
from core.earnings.programs import KINDS, kind_of
from core.earnings.programs.assistants import Assistants
from core.earnings.programs.money import Entitlement

DOLLAR = 1_000_000
TERMS = Terms(dt.date(2025, 1, 1), share_bp=7_000)
MOST_TOKENS, HIGHEST_PRICE = 9_000_000_000, 1_000 * DOLLAR  # of a project-day


def test_the_seeds_example() -> None:
    """1,000,000 tokens at $3.75 a million are $3.75 of revenue; 70 % of it are the creator's."""
    earned = Assistants().entitlement(1_000_000, 3_750_000, TERMS)
    assert earned == Entitlement(share=2_625_000, spent=3_750_000, costs=0)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """A database that can compute."""
    engine = create_engine("sqlite://")
    yield engine
    engine.dispose()


@given(
    tokens=st.one_of(st.integers(0, MOST_TOKENS), st.just(MOST_TOKENS)),
    price=st.one_of(st.integers(0, HIGHEST_PRICE), st.just(HIGHEST_PRICE)),
    share_bp=st.integers(0, 10_000),
)
def test_sql_and_python_are_exact(engine: Engine, tokens: int, price: int, share_bp: int) -> None:
    """Both give tokens × price × share, rounded down once, up to the most that intake lets in."""
    kept = {"tokens": tokens, "price": price, "share_bp": share_bp}
    columns = Assistants().earns({name: literal(value, BigInteger) for name, value in kept.items()})
    with engine.connect() as connection:
        row = connection.execute(select(columns.share, columns.spent, columns.costs)).one()
    assert Entitlement(*row) == Assistants().entitlement(tokens, price, Terms(TERMS.valid_from, share_bp=share_bp))
    assert row[0] == int(Fraction(tokens * price * share_bp, 10_000 * 1_000_000))


def test_what_each_usage_kind_counts_as() -> None:
    """Messages and ratings only count; nothing is available before the month is paid out."""
    kind = KINDS["assistants"]
    assert dict(kind.counters) == {"message": ("messages",), "rating": ("ratings",)}
    assert (kind.spending, kind.wallet, kind.monthly) == (frozenset(), "pending", True)
    assert kind_of(Program("helpers", "assistants", (TERMS,))) is kind
