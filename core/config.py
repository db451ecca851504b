"""What an operator decides, as frozen data. `bot.settings` reads it from earnings-desk.toml."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Terms:
    """A program's terms from a UTC day on, until the next dated terms (domain.md, "Terms change over time").

    share_bp: the creators' part in basis points. credits_per_usd: whole credits that make one dollar.
    minimum_micros: smallest withdrawal, in micro-dollars. Kind `assistants`: referral_bp is a referrer's part of each
    payment in basis points, minimum_price the floor of embed prices, in micro-dollars per 1,000,000 tokens.
    """

    valid_from: dt.date
    share_bp: int = 5000
    credits_per_usd: int = 100
    minimum_micros: int = 50_000_000
    referral_bp: int = 2000
    minimum_price: int = 3_750_000


@dataclass(frozen=True, slots=True)
class Program:
    """A set of earning terms with its own wallets. `terms` is sorted by `valid_from`, never empty.

    Kind `assistants`: payout_day is the day of the month (1 to 7) on which closed months are paid out, None the first
    business day by the bank holidays of the country `holidays`. business_days: (fewest, most) until sent money arrives,
    None where each method says its own.
    """

    slug: str
    kind: str
    terms: tuple[Terms, ...]
    settle_at: dt.time = dt.time(3, 0)
    late_days: int = 31
    title: str = ""
    payout_day: int | None = None
    holidays: str = "US"
    business_days: tuple[int, int] | None = None

    def terms_on(self, day: dt.date) -> Terms:
        """The terms in force on a UTC day; the earliest ones for days before all of them."""
        current = self.terms[0]
        for terms in self.terms:
            if terms.valid_from <= day:
                current = terms
        return current


@dataclass(frozen=True, slots=True)
class Method:
    """A payout method: a rail offered to some countries ("*" is every country).

    fee_micros and minimum_micros are micro-dollars; business_days is (fewest, most) until it arrives.
    holidays: ISO 3166 country whose bank holidays don't count, "" for none, None for the payee's country.
    """

    name: str
    rail: str
    countries: tuple[str, ...] = ("*",)
    minimum_micros: int = 0
    fee_micros: int = 0
    business_days: tuple[int, int] = (1, 3)
    holidays: str | None = None
    title: str = ""

    def serves(self, country: str) -> bool:
        return "*" in self.countries or country in self.countries


@dataclass(frozen=True, slots=True)
class DeskConfig:
    """Everything in the core that configuration decides. Amounts in micro-dollars."""

    name: str = "Creator Studio"
    currency: str = "USD"
    two_person_from_micros: int = 500_000_000
    link_wait: dt.timedelta = dt.timedelta(hours=24)
    programs: Mapping[str, Program] = field(default_factory=dict)
    methods: tuple[Method, ...] = ()

    def methods_for(self, country: str) -> tuple[Method, ...]:
        return tuple(method for method in self.methods if method.serves(country))
