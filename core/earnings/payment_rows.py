"""Rows of subscription payments as they are reported → facts in normal form (interfaces.md, "Files")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import NamedTuple

from core.earnings.intake import fields
from core.earnings.intake.fields import FieldError
from core.ledger.money import MICROS

REQUIRED_COLUMNS = ("payment_id", "paid_at", "user_id", "plan", "amount_usd", "month")
COLUMNS = (*REQUIRED_COLUMNS, "referrer_id", "voids")
LARGEST_AMOUNT = 100_000 * MICROS
# Some pay for years in advance; a month beyond is a slip of the pen that would wait for ever.
_YEARS_AHEAD = 5
_KNOWN = frozenset(COLUMNS)


class Facts(NamedTuple):
    """A payment in normal form. amount: micro-dollars; month: its first day; voids: of a void, the payment's id.

    A void has nothing but program, paid_at and voids. The order is that of `NAMES`.
    """

    program: str
    paid_at: dt.datetime
    user_id: str
    plan: str
    amount: int
    month: dt.date | None
    referrer_id: str | None
    voids: str


NAMES = ("program", "paid_at", "user_id", "plan", "amount_usd", "month", "referrer_id", "voids")


class Reported(NamedTuple):
    """A row that was read. row: its place in the batch. said: what a void repeats of the payment that it takes out, by
    place in `Facts`."""

    row: int
    payment_id: str
    facts: Facts
    said: Mapping[int, object]


def read(index: int, row: Mapping[str, object], program: str, now: dt.datetime) -> Reported:
    """Raises FieldError."""
    if not isinstance(row, Mapping):
        raise FieldError("", "is not an object with named fields")
    fields.unknown_fields(row, _KNOWN)
    payment_id = fields.required(row.get("payment_id"), "payment_id")
    paid_at = fields.past_moment(row.get("paid_at"), "paid_at", now)
    voids = fields.clean(row.get("voids"), "voids")
    if voids == payment_id:
        raise FieldError("voids", "names the void itself; name the payment to take out")
    if not voids:
        values = {place: reader(row.get(NAMES[place]), NAMES[place], now) for place, reader in _READERS.items()}
        return Reported(index, payment_id, Facts._make([program, paid_at, *values.values(), ""]), {})
    said = {
        place: reader(row.get(NAMES[place]), NAMES[place], now)
        for place, reader in _READERS.items()
        if not fields.is_empty(row.get(NAMES[place]))
    }
    return Reported(index, payment_id, Facts(program, paid_at, "", "", 0, None, None, voids), said)


def _text(value: object, name: str, _now: dt.datetime) -> str:
    return fields.required(value, name)


def _amount(value: object, name: str, _now: dt.datetime) -> int:
    if fields.is_empty(value):
        raise FieldError(name, "is empty; write 0 if nothing was paid")
    return fields.dollars(value, name, LARGEST_AMOUNT)


def _month(value: object, name: str, now: dt.datetime) -> dt.date:
    found = fields.month(value, name)
    if found.year > now.year + _YEARS_AHEAD:
        raise FieldError(name, f"is {fields.shown(value)}, more than {_YEARS_AHEAD} years ahead; check the year")
    return found


def _referrer(value: object, name: str, _now: dt.datetime) -> str | None:
    return None if fields.is_empty(value) else fields.required(value, name)


_READERS: Mapping[int, Callable[[object, str, dt.datetime], object]] = dict(
    enumerate((_text, _text, _amount, _month, _referrer), NAMES.index("user_id"))
)
