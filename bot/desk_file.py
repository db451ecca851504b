"""earnings-desk.toml → DeskConfig. Every fault is collected with its name, what is wrong and what would be right."""

from __future__ import annotations

import contextlib
import datetime as dt
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.config import DeskConfig, Method, Program, Terms
from core.errors import DeskError, NotYetBuilt
from core.ledger.money import parse_money

CENT = 10_000  # micro-dollars
_SLUG = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_PERCENT = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))?%")
BUILT_KINDS = ("credits",)
KINDS = (*BUILT_KINDS, "assistants")
RAILS_TO_COME = ("stripe", "sepa")


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


def read_config(table: Mapping[str, object], faults: Faults) -> DeskConfig:
    """The desk's configuration out of a parsed earnings-desk.toml; what is wrong is added to `faults`.

    Raises NotYetBuilt for a program kind of a later version, once nothing else is wrong.
    """
    root = Section("", table, faults)
    desk = Section("desk", root.take("desk") or {}, faults)
    name = desk.text("name", "Creator Studio", "the platform's name")
    currency = desk.choice("currency", "USD", ("USD",))
    two_person_from = desk.money("two_person_from", 500_000_000)
    link_wait_hours = desk.whole("link_wait_hours", 24, 0, 24 * 30)
    desk.finish()
    programs = _programs(Section("programs", root.take("programs") or {}, faults))
    methods = _methods(Section("rails", root.take("rails") or {}, faults))
    root.finish()
    if not faults.found:
        for program in programs.values():
            if program.kind not in BUILT_KINDS:
                raise NotYetBuilt(program=program.slug, kind=program.kind)
    return DeskConfig(
        name=name,
        currency=currency,
        two_person_from_micros=two_person_from,
        link_wait=dt.timedelta(hours=link_wait_hours),
        programs=programs,
        methods=methods,
    )


def _programs(section: Section) -> dict[str, Program]:
    programs = {}
    for slug in section.table:
        table = section.take(slug)
        if not _SLUG.fullmatch(slug):
            section.wrong(slug, "is no program name", "begin with a letter; small letters, digits, - and _ only")
            continue
        programs[slug] = _program(slug, Section(section.path(slug), table, section.faults))
    if not section.table:
        section.faults.add("programs", "is missing", "describe at least one, such as [programs.studio]")
    return programs


def _program(slug: str, section: Section) -> Program:
    if "kind" not in section.table:
        section.wrong("kind", "is missing", 'write kind = "credits"')
    kind = section.choice("kind", "credits", KINDS)
    title = section.text("title", "", "how people call the program")
    if kind not in BUILT_KINDS:  # refused as a whole afterwards: its other settings belong to the version that runs it
        return Program(slug, kind, (Terms(dt.date.min),), title=title)
    settle_at = section.time("settle_at", dt.time(3, 0))
    late_days = section.whole("late_days", 31, 0, 3660)
    listed = section.take("terms")
    right = f"write [[{section.path('terms')}]] with a from date"
    terms: list[Terms] = []
    if not isinstance(listed, list) or not listed:
        section.wrong("terms", "is missing" if listed is None else "is no list of tables", right)
        listed = []
    for number, table in enumerate(listed, 1):
        read = _terms(Section(f"{section.path('terms')}[{number}]", table, section.faults))
        if read is None:
            continue
        if any(other.valid_from == read.valid_from for other in terms):
            section.wrong(f"terms[{number}].from", f"is {read.valid_from} again", "give each terms a date of their own")
        terms.append(read)
    section.finish()
    ordered = tuple(sorted(terms, key=lambda item: item.valid_from))
    return Program(slug, kind, ordered or (Terms(dt.date.min),), settle_at, late_days, title)


def _terms(section: Section) -> Terms | None:
    valid_from = section.date("from")
    share = section.percent("share", 5000)
    credits_per_usd = section.whole("credits_per_usd", 100, 1, 1_000_000)
    minimum = section.money("minimum", 50_000_000)
    section.finish()
    return Terms(valid_from, share, credits_per_usd, minimum) if valid_from else None


def _methods(section: Section) -> tuple[Method, ...]:
    for rail in RAILS_TO_COME:
        if section.take(rail) is not None:
            section.wrong(rail, "is a way to pay that this version can't use yet", "use [[rails.manual]] until it can")
    listed = section.take("manual")
    section.finish()
    if listed is None:
        return ()
    if not isinstance(listed, list):
        section.wrong("manual", "is no list of tables", "write [[rails.manual]], with two brackets")
        return ()
    methods: list[Method] = []
    for number, table in enumerate(listed, 1):
        method = _method(Section(f"{section.path('manual')}[{number}]", table, section.faults), number)
        if any(other.name == method.name for other in methods):
            section.wrong(f"manual[{number}].name", f"is {shown(method.name)} again", "give each method its own name")
        methods.append(method)
    return tuple(methods)


def _method(section: Section, number: int) -> Method:
    name = section.text("name", "manual" if number == 1 else f"manual-{number}", "a short name", 64)
    if not _SLUG.fullmatch(name):
        section.wrong("name", f"is {shown(name)}", "begin with a letter; small letters, digits, - and _ only")
    title = section.text("title", "", "how people call the method")
    countries = section.countries("countries")
    minimum = section.money("minimum", 0)
    fee = section.money("fee", 0)
    business_days = _business_days(section)
    holidays = section.text("holidays", "US", "a country's code, such as US", 2)
    if not _has_holidays(holidays):
        section.wrong("holidays", f"is {shown(holidays)}", "write a country's two-letter code, such as US")
    section.finish()
    return Method(name, "manual", countries, minimum, fee, business_days, holidays, title)


def _business_days(section: Section) -> tuple[int, int]:
    days = section.take("business_days")
    if days is None:
        return 1, 3
    if isinstance(days, list) and len(days) == 2 and all(type(day) is int for day in days):
        fewest, most = int(days[0]), int(days[1])
        if 0 <= fewest <= most <= 60:
            return fewest, most
    section.wrong("business_days", f"is {shown(days)}", "write the fewest and the most, such as [1, 3]")
    return 1, 3


def _has_holidays(country: str) -> bool:
    if country == "US":
        return True
    from holidays.registry import COUNTRIES  # 40 ms, seldom needed

    return any(names[1] == country for names in COUNTRIES.values())
