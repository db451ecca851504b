"""The programs of earnings-desk.toml: each kind has settings and terms of its own (interfaces.md, "Configuration")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from bot.desk_section import SLUG, Section, shown
from core.config import Program, Terms
from core.earnings import programs as kinds

FIRST_BUSINESS_DAY = "first-business-day"
LAST_PAYOUT_DAY = 7  # the processing is in the first week of the month (domain.md, "Program kind `assistants`")


def read_programs(section: Section) -> dict[str, Program]:
    """The configured programs by name; what is wrong is added to the section's faults."""
    programs = {}
    for slug in section.table:
        table = section.take(slug)
        if not SLUG.fullmatch(slug):
            section.wrong(slug, "is no program name", "begin with a letter; small letters, digits, - and _ only")
            continue
        programs[slug] = _program(slug, Section(section.path(slug), table, section.faults))
    if not section.table:
        section.faults.add("programs", "is missing", "describe at least one, such as [programs.studio]")
    return programs


def _program(slug: str, section: Section) -> Program:
    if "kind" not in section.table:
        section.wrong("kind", "is missing", "write " + " or ".join(f'kind = "{name}"' for name in KINDS))
    kind = section.choice("kind", "credits", KINDS)
    title = section.text("title", "", "how people call the program")
    settle_at = section.time("settle_at", dt.time(3, 0))
    late_days = section.whole("late_days", 31, 0, 3660)
    payout_day, holidays, business_days = None, "US", None
    if kinds.KINDS[kind].monthly:
        payout_day = _payout_day(section)
        holidays = section.bank_country("holidays") or "US"
        business_days = section.business_days("business_days", (5, 7))
    terms = _dated_terms(section, KINDS[kind])
    section.finish()
    return Program(slug, kind, terms, settle_at, late_days, title, payout_day, holidays, business_days)


def _payout_day(section: Section) -> int | None:
    """None is the first business day."""
    value = section.take("payout_day")
    if value is None or value == FIRST_BUSINESS_DAY:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LAST_PAYOUT_DAY:
        return value
    right = f'write "{FIRST_BUSINESS_DAY}", or a day of the month from 1 to {LAST_PAYOUT_DAY}'
    section.wrong("payout_day", f"is {shown(value)}", right)
    return None


def _dated_terms(section: Section, read: Callable[[Section], Terms | None]) -> tuple[Terms, ...]:
    listed = section.take("terms")
    terms: list[Terms] = []
    if not isinstance(listed, list) or not listed:
        right = f"write [[{section.path('terms')}]] with a from date"
        section.wrong("terms", "is missing" if listed is None else "is no list of tables", right)
        listed = []
    for number, table in enumerate(listed, 1):
        one = read(Section(f"{section.path('terms')}[{number}]", table, section.faults))
        if one is None:
            continue
        if any(other.valid_from == one.valid_from for other in terms):
            section.wrong(f"terms[{number}].from", f"is {one.valid_from} again", "give each terms a date of their own")
        terms.append(one)
    return tuple(sorted(terms, key=lambda item: item.valid_from)) or (Terms(dt.date.min),)


def _credits_terms(section: Section) -> Terms | None:
    valid_from = section.date("from")
    share = section.percent("share", 5000)
    credits_per_usd = section.whole("credits_per_usd", 100, 1, 1_000_000)
    minimum = section.money("minimum", 50_000_000)
    section.finish()
    return Terms(valid_from, share, credits_per_usd, minimum) if valid_from else None


def _assistants_terms(section: Section) -> Terms | None:
    valid_from = section.date("from")
    share = section.percent("share", 7000)
    referral = section.percent("referral", 2000)
    minimum = section.money("minimum", 10_000_000)
    minimum_price = section.money("minimum_price_per_million", 3_750_000)
    section.finish()
    if not valid_from:
        return None
    return Terms(valid_from, share, minimum_micros=minimum, referral_bp=referral, minimum_price=minimum_price)


KINDS: Mapping[str, Callable[[Section], Terms | None]] = {"credits": _credits_terms, "assistants": _assistants_terms}
