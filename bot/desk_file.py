"""earnings-desk.toml → DeskConfig. Every fault is collected with its name, what is wrong and what would be right."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from bot.desk_programs import read_programs
from bot.desk_section import SLUG, Faults, Section, shown
from core.config import DeskConfig, Method

RAILS_TO_COME = ("stripe", "sepa")


def read_config(table: Mapping[str, object], faults: Faults) -> DeskConfig:
    """The desk's configuration out of a parsed earnings-desk.toml; what is wrong is added to `faults`."""
    root = Section("", table, faults)
    desk = Section("desk", root.take("desk") or {}, faults)
    name = desk.text("name", "Creator Studio", "the platform's name")
    currency = desk.choice("currency", "USD", ("USD",))
    two_person_from = desk.money("two_person_from", 500_000_000)
    link_wait_hours = desk.whole("link_wait_hours", 24, 0, 24 * 30)
    desk.finish()
    programs = read_programs(Section("programs", root.take("programs") or {}, faults))
    methods = _methods(Section("rails", root.take("rails") or {}, faults))
    root.finish()
    return DeskConfig(
        name=name,
        currency=currency,
        two_person_from_micros=two_person_from,
        link_wait=dt.timedelta(hours=link_wait_hours),
        programs=programs,
        methods=methods,
    )


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
    if not SLUG.fullmatch(name):
        section.wrong("name", f"is {shown(name)}", "begin with a letter; small letters, digits, - and _ only")
    title = section.text("title", "", "how people call the method")
    countries = section.countries("countries")
    minimum = section.money("minimum", 0)
    fee = section.money("fee", 0)
    business_days = section.business_days("business_days", (1, 3))
    named = section.take("holidays") is not None  # else those of the payee's country count
    holidays = section.bank_country("holidays") if named else None
    section.finish()
    return Method(name, "manual", countries, minimum, fee, business_days, holidays, title)
