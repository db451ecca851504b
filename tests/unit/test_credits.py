"""The formula of program kind `credits` (domain.md, "Program kind `credits`", and seed 1)."""

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
from core.earnings.programs.credits import Credits
from core.earnings.programs.money import Entitlement, share_of
from core.errors import NotYetBuilt

CREDIT = 1_000_000
DOLLAR = 1_000_000
TERMS = Terms(dt.date(2025, 1, 1))
BIGGEST = 9_000_000_000_000_000_000


def test_the_seeds_example() -> None:
    """10,000 credits − 8,000 costs = 2,000; 50 % = 1,000 credits = $10.00."""
    assert Credits().entitlement(10_000 * CREDIT, 8_000 * CREDIT, TERMS) == Entitlement(
        share=10 * DOLLAR, spent=100 * DOLLAR, costs=80 * DOLLAR
    )


def test_costs_above_credits_give_zero() -> None:
    """Costs above credits are never a debt; equal ones earn nothing either."""
    assert Credits().entitlement(100, 101, TERMS) == Entitlement(share=0, spent=1, costs=1)
    assert Credits().entitlement(200, 200, TERMS).share == 0


@given(
    remaining=st.integers(0, BIGGEST),
    share_bp=st.integers(0, 10_000),
    rate=st.integers(1, 1_000_000),
)
def test_a_share_is_exact_and_never_leaves_64_bits(remaining: int, share_bp: int, rate: int) -> None:
    """The share is the exact one rounded down, and no step on the way is larger than BIGINT."""
    assert share_of(remaining, share_bp, rate) == int(Fraction(remaining * share_bp, 10_000 * rate))
    divisor = rate * 10_000
    steps = (share_bp * (remaining // divisor), share_bp * (remaining % divisor), divisor)
    assert max(steps) < 2**63


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """A database that can compute."""
    engine = create_engine("sqlite://")
    yield engine
    engine.dispose()


@given(
    credits_=st.integers(0, BIGGEST),
    cost=st.integers(0, BIGGEST),
    share_bp=st.integers(0, 10_000),
    rate=st.integers(1, 500),
)
def test_sql_and_python_agree(engine: Engine, credits_: int, cost: int, share_bp: int, rate: int) -> None:
    """The rule over columns gives what the rule over numbers gives, to the last micro-dollar."""
    kind = Credits()
    numbers = [literal(value, BigInteger) for value in (credits_, cost, share_bp, rate)]
    columns = kind.entitlement_sql(numbers[0], numbers[1], numbers[2], numbers[3])
    with engine.connect() as connection:
        row = connection.execute(select(columns.share, columns.spent, columns.costs)).one()
    terms = Terms(dt.date(2025, 1, 1), share_bp=share_bp, credits_per_usd=rate)
    assert Entitlement(*row) == kind.entitlement(credits_, cost, terms)


def test_what_each_usage_kind_counts_as() -> None:
    """generate, remix and feature are uses and spend credits; a remix is also built on; views and saves only count."""
    kind = KINDS["credits"]
    assert dict(kind.counters) == {
        "generate": ("uses",),
        "remix": ("uses", "remixes"),
        "feature": ("uses",),
        "view": ("views",),
        "save": ("saves",),
    }
    assert kind.spending == {"generate", "remix", "feature"}
    assert (kind.name, kind.wallet) == ("credits", "available")


def test_an_unbuilt_kind_is_refused() -> None:
    """A program of another kind is named, and what to do about it."""
    assert kind_of(Program("studio", "credits", (TERMS,))) is KINDS["credits"]
    with pytest.raises(NotYetBuilt) as refused:
        kind_of(Program("assisters", "lotteries", (TERMS,)))
    assert refused.value.text == (
        "Program 'assisters' is of kind 'lotteries', which this version can't run yet. "
        'Remove it or set kind = "credits".'
    )
