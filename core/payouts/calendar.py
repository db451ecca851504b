"""Business days: when sent money is expected to arrive (domain.md, "Withdrawals", Payout method)."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from core.clock import DAY
from core.config import DeskConfig, Method
from core.earnings.programs import kind_of
from core.errors import InvalidInput

SATURDAY = 5  # as dt.date.weekday counts
ELSEWHERE = "US"  # whose bank holidays count where a payee's country has none that are known


class UnknownHolidays(InvalidInput):
    """No bank holidays are known for '{country}'. Use a two-letter country code such as US, or leave it empty."""


@lru_cache(maxsize=128)
def bank_holidays(country: str, year: int) -> frozenset[dt.date]:
    """The days of a year on which a country's banks rest; none for an empty country. Raises UnknownHolidays."""
    if not country:
        return frozenset()
    from holidays import country_holidays  # 0.1 s that only expected dates need

    try:  # one year at a time, as the library's own growing calendar is not safe to share between threads
        return frozenset(country_holidays(country, years=year))
    except NotImplementedError:
        raise UnknownHolidays(country=country) from None


def is_business_day(day: dt.date, country: str) -> bool:
    """Whether banks of a country work that day: Monday to Friday, no bank holiday."""
    return day.weekday() < SATURDAY and day not in bank_holidays(country, day.year)


def after_business_days(start: dt.date, days: int, country: str) -> dt.date:
    """The day that lies `days` business days after `start`; 0 gives the next business day, `start` included."""
    day = start
    while not is_business_day(day, country) and days == 0:
        day += DAY
    while days > 0:
        day += DAY
        if is_business_day(day, country):
            days -= 1
    return day


def arrival(start: dt.date, business_days: tuple[int, int], country: str) -> tuple[dt.date, dt.date]:
    """The first and the last day on which money sent on `start` is expected; business_days is (fewest, most)."""
    fewest, most = business_days
    return after_business_days(start, fewest, country), after_business_days(start, most, country)


def expected(config: DeskConfig, program: str, method: Method, country: str, start: dt.date) -> tuple[dt.date, dt.date]:
    """When money sent on `start` to a payee in a country should be there: the first and the last day.

    A program that pays out by months says in how many business days, others leave it to the method. The bank holidays
    are the method's, where it names a country (or none), else those of the payee's country.
    """
    found = config.programs.get(program)
    own_days = found.business_days or kind_of(found).business_days if found is not None else None
    days = own_days or method.business_days
    return arrival(start, days, method.holidays if method.holidays is not None else _known(country, start.year))


def _known(country: str, year: int) -> str:
    """The country, if its bank holidays are known, else ELSEWHERE."""
    try:
        bank_holidays(country, year)
    except UnknownHolidays:
        return ELSEWHERE
    return country or ELSEWHERE
