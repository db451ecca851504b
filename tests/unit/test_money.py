"""Amounts: text in, text out, and division without loss."""

from __future__ import annotations

import random
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.ledger.money import (
    LARGEST,
    NotAnAmount,
    NotAQuantity,
    NumberTooLarge,
    allocate,
    decimal_text,
    format_money,
    format_quantity,
    parse_money,
    parse_quantity,
    share,
)

amounts = st.integers(-LARGEST, LARGEST)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("50", 50_000_000),
        ("$50", 50_000_000),
        (" $1,288.40 ", 1_288_400_000),
        ("1288.4", 1_288_400_000),
        ("0.000001", 1),
        ("49.99", 49_990_000),
        ("007", 7_000_000),
        ("-12.00", -12_000_000),
        ("\u2212$12.50", -12_500_000),
        ("+3", 3_000_000),
        ("1,234,567.123456", 1_234_567_123_456),
        ("9,000,000,000,000", LARGEST),
        ("0", 0),
    ],
)
def test_reads_money(text: str, micros: int) -> None:
    """Money is read to the micro-dollar, with or without a dollar sign, commas and a sign."""
    assert parse_money(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "$",
        "-",
        "abc",
        "1_000",
        "1,00",
        "1,0000",
        ",100",
        "12,34,567",
        "1.2345678",
        "0.0000001",
        ".5",
        "5.",
        "1.2.3",
        "1e3",
        "NaN",
        "inf",
        "0x10",
        "١٢",
        "５０",
        "²",
        "50\n51",
        "50 dollars",
        "--5",
        "$-5",
        "$$5",
        "5$",
        "1 000",
        "1\x000",
        "9" * 10_000,
        "{text}",
    ],
)
def test_refuses_what_is_no_money(text: str) -> None:
    """What isn't plainly an amount is refused with what was typed and how to write it; nothing is guessed."""
    with pytest.raises(NotAnAmount) as refusal:
        parse_money(text)
    assert "isn't an amount of money. Write it like 50 or 1,288.40." in refusal.value.text
    assert len(refusal.value.text) < 140


def test_refusal_shows_what_was_typed() -> None:
    """The refusal repeats a short text whole and a long one cut to 40 characters."""
    with pytest.raises(NotAnAmount, match=r"^Nothing changed\. “fifty” isn't an amount"):
        parse_money("fifty")
    with pytest.raises(NotAnAmount, match="“" + "x" * 40 + "” isn't"):
        parse_money("x" * 40)
    with pytest.raises(NotAnAmount, match="“" + "x" * 39 + "…” isn't"):
        parse_money("x" * 41)


@pytest.mark.parametrize("text", ["9000000000000.000001", "99999999999999999999", "9" * 64])
def test_refuses_amounts_beyond_the_books(text: str) -> None:
    """An amount that no balance could hold is refused as too large, not cut or made a float."""
    for parse in (parse_money, parse_quantity):
        with pytest.raises(
            NumberTooLarge, match=f"^Nothing changed. “{text[:39]}.*” is larger than the books can hold"
        ):
            parse(text)


def test_a_number_longer_than_any_is_not_read() -> None:
    """65 digits and more are refused unread."""
    with pytest.raises(NotAnAmount):
        parse_money("0" * 64 + "1")
    with pytest.raises(NotAQuantity):
        parse_quantity("0" * 64 + "1")
    assert parse_money("0" * 63 + "1") == parse_quantity("0" * 63 + "1") == 1_000_000


@pytest.mark.parametrize(
    ("text", "micro"),
    [("10000", 10_000_000_000), ("10,000", 10_000_000_000), ("0.5", 500_000), (" 3.000001 ", 3_000_001), ("0", 0)],
)
def test_reads_quantities(text: str, micro: int) -> None:
    """Quantities are read to the millionth."""
    assert parse_quantity(text) == micro


@pytest.mark.parametrize("text", ["", "-1", "+1", "$1", "1.0000001", "1e3", "nan", "1_0", "٣", "1\n"[:1] + "\n2"])
def test_refuses_what_is_no_quantity(text: str) -> None:
    """Signs, exponents, foreign digits and a seventh place are refused."""
    refusal = f"^“{re.escape(text)}” isn't a quantity: a number, not negative, with at most 6 decimal places"
    with pytest.raises(NotAQuantity, match=refusal):
        parse_quantity(text)


@given(st.text())
def test_any_text_is_an_amount_or_a_clear_refusal(text: str) -> None:
    """No text makes the parsers fail in any other way than by refusing."""
    for parse in (parse_money, parse_quantity):
        try:
            assert isinstance(parse(text), int)
        except InvalidInput as refusal:
            assert refusal.text  # noqa: PT017


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000001"),
        (123_456, "$0.123456"),
        (500_000, "$0.50"),
        (10_000, "$0.01"),
        (1_234_000, "$1.234"),
        (1_288_400_000, "$1,288.40"),
        (-12_000_000, "\u2212$12.00"),
        (-1, "\u2212$0.000001"),
        (1_000_000_000_000, "$1,000,000.00"),
    ],
)
def test_shows_money(micros: int, text: str) -> None:
    """Money is shown with cents, and with more places only where there are fractions of a cent."""
    assert format_money(micros) == text


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0.000000"), (10_000_000, "10.000000"), (-500_000, "-0.500000"), (1, "0.000001"), (-12_000_001, "-12.000001")],
)
def test_writes_decimal_text(micros: int, text: str) -> None:
    """Machines get six places, always, and a plain minus."""
    assert decimal_text(micros) == text


@pytest.mark.parametrize(
    ("micro", "text"),
    [(0, "0"), (10_000_000_000, "10,000"), (500_000, "0.5"), (-3_000_000, "\u22123"), (1_000_001, "1.000001")],
)
def test_shows_quantities(micro: int, text: str) -> None:
    """Quantities are shown with the places they have and no more."""
    assert format_quantity(micro) == text


@given(amounts)
def test_money_comes_back_as_it_was(micros: int) -> None:
    """What is shown or written reads back as the same amount."""
    assert parse_money(format_money(micros)) == micros
    assert parse_money(decimal_text(micros)) == micros
    assert Fraction(decimal_text(micros)) == Fraction(micros, 1_000_000)
    assert parse_quantity(format_quantity(abs(micros))) == abs(micros)


@pytest.mark.parametrize(
    ("amount", "basis_points", "part"),
    [(2_000, 5_000, 1_000), (3, 5_000, 1), (1, 9_999, 0), (7, 10_000, 7), (7, 0, 0), (0, 5_000, 0)],
)
def test_share_rounds_down(amount: int, basis_points: int, part: int) -> None:
    """A share is rounded down to a whole micro."""
    assert share(amount, basis_points) == part


@pytest.mark.parametrize(("amount", "basis_points"), [(-1, 5_000), (1, -1), (1, 10_001)])
def test_share_refuses_nonsense(amount: int, basis_points: int) -> None:
    """There is no share of a debt, and none below nothing or above everything."""
    with pytest.raises(ValueError, match=f"no share of {basis_points} bp in {amount}"):
        share(amount, basis_points)


@given(st.integers(0, LARGEST), st.integers(0, 10_000))
def test_share_is_exact_but_for_the_last_micro(amount: int, basis_points: int) -> None:
    """A share is the exact one, less than a micro below it."""
    exact = Fraction(amount * basis_points, 10_000)
    assert 0 <= exact - share(amount, basis_points) < 1


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (101, [1, 1, 1], [34, 34, 33]),
        (10, [1, 2, 7], [1, 2, 7]),
        (1, [1, 2], [0, 1]),
        (5, [3, 3, 4], [2, 1, 2]),
        (1, [0, 5, 5], [0, 1, 0]),
        (0, [1, 2], [0, 0]),
        (0, [], []),
        (0, [0], [0]),
        (7, [1], [7]),
        (19_000_000, [40, 60], [7_600_000, 11_400_000]),
    ],
)
def test_allocates_by_largest_remainder(total: int, weights: list[int], parts: list[int]) -> None:
    """The left-over micros go to the largest remainders, the earlier first among equals."""
    assert allocate(total, weights) == parts


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, [1, -1]), (1, []), (1, [0, 0]), (0, [-1])])
def test_allocate_refuses_nonsense(total: int, weights: list[int]) -> None:
    """No negative pool or weight, and no pool without anyone to give it to."""
    with pytest.raises(ValueError, match="can't be split by these weights"):
        allocate(total, weights)


def _allocates_exactly(seed: int, pools: int) -> None:
    chance = random.Random(seed)
    for _ in range(pools):
        total = chance.randrange(10 ** chance.randrange(1, 16))
        weights = [chance.randrange(10 ** chance.randrange(1, 13)) for _ in range(chance.randrange(1, 12))]
        if not any(weights):
            weights[0] = 1
        parts = allocate(total, weights)
        assert sum(parts) == total
        everything = sum(weights)
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part * everything - total * weight) < everything


def test_parts_sum_to_the_pool() -> None:
    """Of 10,000 random pools, the parts sum to each exactly, each within one micro of its exact share."""
    _allocates_exactly(1, 10_000)


@pytest.mark.deep
def test_parts_sum_to_the_pool_deep() -> None:
    """The same for 100,000 random pools."""
    _allocates_exactly(2, 100_000)
