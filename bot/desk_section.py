"""One table of earnings-desk.toml being read: typed values out, faults with their name and what would be right."""

from __future__ import annotations

import contextlib
import datetime as dt
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.errors import DeskError
from core.ledger.money import parse_money

CENT = 10_000  # micro-dollars
SLUG = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_PERCENT = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))?%")


def nearest(name: str, known: Iterable[str]) -> str:
    """What was probably meant, for the end of a message about an unknown name; else the names there are."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, 1, 0.6)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"


@dataclass(slots=True)
class Faults:
    """All that is wrong with the settings, so that one start tells everything."""

    found: list[str] = field(default_factory=list)

    def add(self, name: str, fault: str, right: str) -> None:
        self.found.append(f"{name} {fault}; {right}")


class Section:
    """One TOML table being read. A reader returns the default when a value is missing or wrong, and notes the fault."""

    def __init__(self, name: str, table: object, faults: Faults) -> None:
        self.name = name
        self.faults = faults
        self.table: Mapping[str, object] = {}
        self.read: set[str] = set()
        if isinstance(table, Mapping):
            self.table = table
        else:
            faults.add(name, "is not a table", f"write [{name}] on a line of its own")

    def path(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def wrong(self, key: str, fault: str, right: str) -> None:
        self.faults.add(self.path(key), fault, right)

    def take(self, key: str) -> object | None:
        """The raw value; None when it is missing."""
        self.read.add(key)
        return self.table.get(key)

    def text(self, key: str, default: str, right: str, longest: int = 100) -> str:
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, str) or not value.strip() or len(value) > longest or not value.isprintable():
            self.wrong(key, f"is {shown(value)}", f"write {right}, at most {longest} characters")
            return default
        return value.strip()

    def choice(self, key: str, default: str, known: Iterable[str]) -> str:
        value = self.take(key)
        if value is None:
            return default
        if value not in tuple(known):
            hint = nearest(value, known) if isinstance(value, str) else f"known here: {', '.join(known)}"
            self.wrong(key, f"is {shown(value)}", hint)
            return default
        return str(value)

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.wrong(key, f"is {shown(value)}", f"write a whole number from {low} to {high}")
            return default
        return value

    def money(self, key: str, default: int) -> int:
        """Micro-dollars from text such as "50.00": never through a float, and in whole cents."""
        value = self.take(key)
        if value is None:
            return default
        right = 'write dollars and cents as text, such as "50.00"'
        if not isinstance(value, str):
            self.wrong(key, f"is {shown(value)}", right)
            return default
        try:
            amount = parse_money(value)
        except DeskError:
            amount = -1
        if amount < 0 or amount % CENT:
            self.wrong(key, f"is {shown(value)}", right)
            return default
        return amount

    def percent(self, key: str, default: int) -> int:
        """Basis points from text such as "50%" or "12.5%"."""
        value = self.take(key)
        if value is None:
            return default
        match = _PERCENT.fullmatch(value.replace(" ", "")) if isinstance(value, str) else None
        points = int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0")) if match else -1
        if not 0 <= points <= 10_000:
            self.wrong(key, f"is {shown(value)}", 'write a share from 0% to 100% as text, such as "50%"')
            return default
        return points

    def time(self, key: str, default: dt.time) -> dt.time:
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, dt.time):
            return value
        if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
            return dt.time.fromisoformat(value)
        self.wrong(key, f"is {shown(value)}", 'write hours and minutes in UTC as text, such as "03:00"')
        return default

    def date(self, key: str) -> dt.date | None:
        value = self.take(key)
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = dt.date.fromisoformat(value)
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return value
        fault = "is missing" if value is None else f"is {shown(value)}"
        self.wrong(key, fault, "write a date, such as 2025-01-01")
        return None

    def countries(self, key: str) -> tuple[str, ...]:
        value = self.take(key)
        if value is None:
            return ("*",)
        fits = isinstance(value, list) and all(
            isinstance(item, str) and (item == "*" or _COUNTRY.fullmatch(item)) for item in value
        )
        if isinstance(value, list) and value and fits:
            return tuple(value)
        self.wrong(key, f"is {shown(value)}", 'list two-letter country codes, such as ["US", "DE"], or ["*"] for all')
        return ("*",)

    def business_days(self, key: str, default: tuple[int, int]) -> tuple[int, int]:
        """(fewest, most) business days until money arrives."""
        days = self.take(key)
        if days is None:
            return default
        if isinstance(days, list) and len(days) == 2 and all(type(day) is int for day in days):
            fewest, most = int(days[0]), int(days[1])
            if 0 <= fewest <= most <= 60:
                return fewest, most
        self.wrong(key, f"is {shown(days)}", f"write the fewest and the most, such as {list(default)}")
        return default

    def bank_country(self, key: str) -> str | None:
        """A country whose bank holidays are known; None when none is named."""
        country = self.text(key, "", "a country's code, such as US", 2)
        if country and not _has_holidays(country):
            self.wrong(key, f"is {shown(country)}", "write a country's two-letter code, such as US")
            return None
        return country or None

    def finish(self) -> None:
        """Note every key that nothing asked for."""
        for key in self.table:
            if key not in self.read:
                self.wrong(key, "is unknown", nearest(key, self.read))


def shown(value: object) -> str:
    """A wrong value as the file has it, cut short; these are no secrets."""
    text = f'"{value}"' if isinstance(value, str) else "a table" if isinstance(value, Mapping) else str(value)
    text = "".join(sign if sign.isprintable() else "?" for sign in text)
    return text if len(text) <= 60 else text[:57] + "…"


def _has_holidays(country: str) -> bool:
    if country == "US":
        return True
    from holidays.registry import COUNTRIES  # 40 ms, seldom needed

    return any(names[1] == country for names in COUNTRIES.values())
