"""Amounts as integers: micro-dollars and micro-units in, text out, and the two ways to divide (domain.md, "Units").

No float is ever made: text is read digit by digit and written the same way. 1 USD = 1,000,000 micro-dollars.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.errors import InvalidInput

MICROS = 1_000_000
PLACES = 6
CENT = 10_000
FULL_SHARE = 10_000  # basis points
# No stored amount or balance may be larger: sums beyond leave BIGINT, and SQLite would turn them into floats.
LARGEST = 9_000_000_000_000_000_000
MINUS = "\u2212"

_NUMBER = r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.(?P<part>[0-9]{1,6}))?"
_MONEY = re.compile(rf"(?P<sign>[+\-{MINUS}])?\$?{_NUMBER}")
_QUANTITY = re.compile(_NUMBER)
_LONGEST_TEXT = 64  # nobody types a longer number; reading one digit by digit costs time
_SHOWN = 40


class NotAnAmount(InvalidInput):
    """Nothing changed. “{text}” isn't an amount of money. Write it like 50 or 1,288.40."""


class NotAQuantity(InvalidInput):
    """“{text}” isn't a quantity: a number, not negative, with at most 6 decimal places."""


class NumberTooLarge(InvalidInput):
    """Nothing changed. “{text}” is larger than the books can hold."""


def parse_money(text: str) -> int:
    """Micro-dollars from what a person typed: `50`, `$1,288.40`, `-12.5`; at most 6 places.

    A sign is read; whether a negative amount makes sense is for the caller to say.
    Raises NotAnAmount, NumberTooLarge.
    """
    trimmed = text.strip()
    found = _MONEY.fullmatch(trimmed) if len(trimmed) <= _LONGEST_TEXT else None
    if found is None:
        raise NotAnAmount(text=_shown(text))
    micros = _micros(found["whole"], found["part"], text)
    return -micros if found["sign"] in ("-", MINUS) else micros


def parse_quantity(text: str) -> int:
    """Micro-units (micro-credits) from decimal text, never negative, at most 6 places.

    Raises NotAQuantity, NumberTooLarge.
    """
    trimmed = text.strip()
    found = _QUANTITY.fullmatch(trimmed) if len(trimmed) <= _LONGEST_TEXT else None
    if found is None:
        raise NotAQuantity(text=_shown(text))
    return _micros(found["whole"], found["part"], text)


def format_money(micros: int) -> str:
    """What people read: `$1,288.40`, `−$12.00`; more places, up to 6, only where there are fractions of a cent."""
    whole, part = divmod(abs(micros), MICROS)
    digits = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{MINUS if micros < 0 else ''}${whole:,}.{digits}"


def decimal_text(micros: int) -> str:
    """What machines read: `10.000000`, `-0.500000`; always 6 places."""
    whole, part = divmod(abs(micros), MICROS)
    return f"{'-' if micros < 0 else ''}{whole}.{part:06d}"


def format_quantity(micro_units: int) -> str:
    """What people read: `10,000`, `0.5`, `−3`; only the places there are."""
    whole, part = divmod(abs(micro_units), MICROS)
    digits = f".{part:06d}".rstrip("0") if part else ""
    return f"{MINUS if micro_units < 0 else ''}{whole:,}{digits}"


def share(amount: int, basis_points: int) -> int:
    """A part of an amount, rounded down to a whole micro; the rest stays with the platform (domain.md, "Units").

    Raises ValueError for a negative amount (nobody earns a debt) or a share outside 0 to 10,000 basis points.
    """
    if amount < 0 or not 0 <= basis_points <= FULL_SHARE:
        raise ValueError(f"no share of {basis_points} bp in {amount}")
    return amount * basis_points // FULL_SHARE


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split a pool by weights so that the parts sum to it exactly: the largest-remainder method.

    Each part is its exact share rounded down; the left-over micros go one each to the largest remainders, the earlier
    part first among equals. Raises ValueError for a negative total or weight, or a pool that nobody has a weight in.
    """
    everything = sum(weights)
    if total < 0 or min(weights, default=0) < 0 or (total > 0 and everything == 0):
        raise ValueError(f"{total} can't be split by these weights")
    if total == 0:
        return [0] * len(weights)
    parts = [total * weight // everything for weight in weights]
    remainders = [total * weight % everything for weight in weights]
    in_order = sorted(range(len(weights)), key=lambda index: (-remainders[index], index))
    for index in in_order[: total - sum(parts)]:
        parts[index] += 1
    return parts


def _micros(whole: str, part: str | None, text: str) -> int:
    micros = int(whole.replace(",", "")) * MICROS + int((part or "").ljust(PLACES, "0"))
    if micros > LARGEST:
        raise NumberTooLarge(text=_shown(text))
    return micros


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
