"""Convergence of months: payments, messages, voids, late arrivals and price changes, settled at any times, end in the
books of one settlement of the final truth (issue of kind `assistants`, show 2; quality.md, "Money under fire", 3)."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.clock import iso
from core.config import DeskConfig, Program, Terms
from core.earnings.catalog import upsert_creators, upsert_projects
from core.earnings.intake import accept
from core.earnings.payments import accept_payments
from core.earnings.settlement import settle_due
from core.earnings.terms import sync_programs
from core.storage import Database
from core.verify import verify

JAN, FEB = dt.date(2026, 1, 1), dt.date(2026, 2, 1)
MONTHS = (JAN, FEB)
FIRST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)
# Terms that change inside a month, which the marketplace and referrals of that month don't follow, and embed does.
TERMS = (
    Terms(dt.date(2025, 1, 1), share_bp=7_000, referral_bp=2_000, minimum_price=3_750_000),
    Terms(dt.date(2026, 1, 15), share_bp=6_667, referral_bp=1_999, minimum_price=5_000_001),
    Terms(dt.date(2026, 2, 10), share_bp=9_999, referral_bp=7, minimum_price=3_750_000),
)
OWNERS = {"a": "ada", "b": "ada", "c": "bob"}
USERS = ("u", "v", "w", "ada")
REFERRERS = (None, "cleo", "bob", "u")
# What each project costs from which day on; the later ones are told in the middle of it all.
PRICES = {"a": ((JAN, 3_750_000),), "b": ((JAN, 0),), "c": ((JAN, 4_000_001), (dt.date(2026, 2, 20), 9_123_457))}
PRICE_CHANGE = dt.datetime(2026, 2, 20, tzinfo=dt.UTC)
BATCHES = 6


@dataclass(frozen=True)
class Message:
    """One message, and in which batch it and its void are sent (None: never)."""

    project: str
    user: str
    at: dt.datetime
    tokens: int
    embed: bool
    sent: int
    voided: int | None


@dataclass(frozen=True)
class Paid:
    """One payment in micro-dollars, and when it and its void are sent."""

    user: str
    amount: int
    month: dt.date
    referrer: str | None
    sent: int
    voided: int | None


@dataclass(frozen=True)
class Plan:
    """When batches arrive, and after which of them somebody settles."""

    times: tuple[dt.datetime, ...]
    settles: tuple[bool, ...]


def _moment(minute: int) -> dt.datetime:
    return FIRST + dt.timedelta(minutes=minute)


rarely = st.integers(0, 9).flatmap(lambda dice: st.integers(0, BATCHES - 1) if dice < 3 else st.none())
places = st.integers(0, BATCHES - 1)
messages = st.builds(
    Message,
    project=st.sampled_from(sorted(OWNERS)),
    user=st.sampled_from(USERS),
    at=st.integers(0, 58 * 24 * 60).map(_moment),
    tokens=st.one_of(st.sampled_from([0, 1, 2, 3, 1_000_000]), st.integers(0, 1_000_000_000)),
    embed=st.booleans(),
    sent=places,
    voided=rarely,
)
payments = st.builds(
    Paid,
    user=st.sampled_from(USERS),
    amount=st.one_of(st.sampled_from([1, 2, 5, 19_000_000]), st.integers(1, 10**10)),
    month=st.sampled_from(MONTHS),
    referrer=st.sampled_from(REFERRERS),
    sent=places,
    voided=rarely,
)
plans = st.builds(
    lambda minutes, settles: Plan((*sorted(map(_moment, minutes)), END), (*settles, True)),
    st.lists(st.integers(0, 61 * 24 * 60), min_size=BATCHES - 1, max_size=BATCHES - 1),
    st.tuples(*[st.booleans()] * (BATCHES - 1)),
)


def terms_on(day: dt.date) -> Terms:
    return [one for one in TERMS if one.valid_from <= day][-1]


def price_on(project: str, day: dt.date) -> int:
    begun = [price for start, price in PRICES[project] if start <= day]
    return max(begun[-1], terms_on(day).minimum_price)


def split(amount: int, used: dict[str, int]) -> dict[str, int]:
    """Largest remainder, ties by id; naive on purpose."""
    total = sum(used.values())
    parts = {name: amount * tokens // total for name, tokens in used.items()}
    rest = sorted(used, key=lambda name: (-(amount * used[name] % total), name))
    for name in rest[: amount - sum(parts.values())]:
        parts[name] += 1
    return parts


Balances = dict[str, int]
Settled = dict[tuple[str, str, str], tuple[int, ...]]


def books(told: list[Message], paid: list[Paid]) -> tuple[Balances, Settled]:
    """The oracle: balances, and what is settled per project-day, project-month and referrer-month."""
    days: dict[tuple[str, dt.date], int] = defaultdict(int)
    used: dict[tuple[str, dt.date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in told:
        if one.voided is not None or one.user == OWNERS[one.project]:
            continue
        if one.embed:
            days[one.project, one.at.date()] += one.tokens
        elif one.tokens:
            used[one.user, one.at.date().replace(day=1)][one.project] += one.tokens
    balances: dict[str, int] = defaultdict(int)
    settled: Settled = {}
    for (project, day), tokens in days.items():
        cost = tokens * price_on(project, day)
        share, gross = cost * terms_on(day).share_bp // 10**10, cost // 10**6
        settled["day", project, day.isoformat()] = (share, gross)
        balances[OWNERS[project]] += share
        balances["margin"] += gross - share
        balances["usage"] -= gross
    _months([one for one in paid if one.voided is None], used, balances, settled)
    return (
        {name: amount for name, amount in balances.items() if amount},
        {key: amounts for key, amounts in settled.items() if any(amounts)},
    )


def _months(
    paid: list[Paid], used: dict[tuple[str, dt.date], dict[str, int]], balances: Balances, settled: Settled
) -> None:
    gross_of: dict[tuple[str, dt.date], int] = defaultdict(int)
    commission: dict[tuple[str, dt.date], int] = defaultdict(int)
    for one in paid:
        balances["subscriptions"] -= one.amount
        balances["margin"] += one.amount
        pool = used.get((one.user, one.month))
        for project, part in split(one.amount, pool).items() if pool else ():
            gross_of[project, one.month] += part
        if one.referrer and one.referrer != one.user:
            commission[one.referrer, one.month] += one.amount * terms_on(one.month).referral_bp // 10_000
    for (project, month), gross in gross_of.items():
        share = gross * terms_on(month).share_bp // 10_000
        settled["month", project, month.isoformat()] = (share, gross)
        balances[OWNERS[project]] += share
        balances["margin"] -= share
    for (creator, month), amount in commission.items():
        settled["referral", creator, month.isoformat()] = (amount, amount)
        balances[creator] += amount
        balances["margin"] -= amount


_SETTLED = (
    "SELECT 'day', project_id, CAST(day AS text), sum(share), sum(spent) FROM settlement_line GROUP BY 2, 3",
    "SELECT 'month', project_id, CAST(month AS text), sum(share), sum(gross) FROM month_line GROUP BY 2, 3",
    "SELECT 'referral', creator_id, CAST(month AS text), sum(amount), sum(amount) FROM referral_line GROUP BY 2, 3",
)


def found(database: Database, program: str, prefix: str) -> tuple[Balances, Settled]:
    """What the desk's books say, names without their prefix."""
    with database.reading() as session:
        connection = session.connection()
        statement = text("SELECT role, creator, balance FROM account WHERE program = :program AND balance <> 0")
        rows = connection.execute(statement, {"program": program}).all()
        balances = {creator.removeprefix(prefix) or role: int(amount) for role, creator, amount in rows}
        settled: Settled = {}
        for query in _SETTLED:
            for kind, name, day, *amounts in connection.execute(text(query)):
                if name.startswith(prefix) and any(amounts):
                    settled[kind, name.removeprefix(prefix), day] = tuple(map(int, amounts))
    return balances, settled


class Play:
    """One program of its own, told everything as planned."""

    def __init__(self, database: Database, prefix: str, plan: Plan) -> None:
        self.database, self.prefix, self.plan = database, prefix, plan
        self.program = Program(f"helpers-{prefix}", "assistants", TERMS, late_days=90)
        self.config = DeskConfig(programs={self.program.slug: self.program})
        with database.transaction() as session:
            sync_programs(session, self.config)
            names = ("ada", "bob", "cleo", "u")
            upsert_creators(session, [{"creator_id": prefix + name, "name": name, "country": "US"} for name in names])
        self.price(0, FIRST)

    def price(self, place: int, now: dt.datetime) -> None:
        """Tell every project's first or second price."""
        rows = [
            {
                "project_id": self.prefix + project,
                "creator_id": self.prefix + creator,
                "program": self.program.slug,
                "name": project,
                "published_on": "2025-11-03",
                "price_per_million_usd": f"{PRICES[project][place][1] / 1_000_000:.6f}",
                "price_from": PRICES[project][place][0].isoformat(),
            }
            for project, creator in OWNERS.items()
            if len(PRICES[project]) > place and PRICES[project][place][1]
        ]
        rows += [
            {
                "project_id": self.prefix + project,
                "creator_id": self.prefix + creator,
                "program": self.program.slug,
                "name": project,
                "published_on": "2025-11-03",
            }
            for project, creator in OWNERS.items()
            if not place and not PRICES[project][0][1]
        ]
        with self.database.transaction() as session:
            assert upsert_projects(session, rows, now).rejected == []

    def first(self, wanted: int, earliest: dt.datetime) -> int:
        return next(number for number in range(wanted, BATCHES) if self.plan.times[number] >= earliest)

    def usage(self, told: list[Message]) -> list[list[dict[str, object]]]:
        batches: list[list[dict[str, object]]] = [[] for _ in range(BATCHES)]
        for number, one in enumerate(told):
            event_id = f"{self.prefix}{number}"
            row: dict[str, object] = {
                "event_id": event_id,
                "occurred_at": iso(one.at),
                "project_id": self.prefix + one.project,
                "user_id": self.prefix + one.user,
                "kind": "message",
                "tokens": one.tokens,
                "channel": "embed" if one.embed else "marketplace",
                "conversation_id": f"c{number}",
            }
            batches[self.first(one.sent, one.at)].append(row)
            if one.voided is not None:
                place = self.first(one.voided, one.at)
                void: dict[str, object] = {
                    "event_id": f"{event_id}v",
                    "occurred_at": iso(one.at),
                    "kind": "void",
                    "voids": event_id,
                }
                batches[place].append(void)
        return batches

    def paid(self, paid: list[Paid]) -> list[list[dict[str, object]]]:
        batches: list[list[dict[str, object]]] = [[] for _ in range(BATCHES)]
        for number, one in enumerate(paid):
            payment_id = f"{self.prefix}{number}"
            row: dict[str, object] = {
                "payment_id": payment_id,
                "paid_at": iso(FIRST),
                "user_id": self.prefix + one.user,
                "plan": "Plus",
                "amount_usd": f"{one.amount // 10**6}.{one.amount % 10**6:06}",
                "month": one.month.isoformat()[:7],
                "referrer_id": self.prefix + one.referrer if one.referrer else "",
            }
            batches[self.first(one.sent, FIRST)].append(row)
            if one.voided is not None:
                void: dict[str, object] = {"payment_id": f"{payment_id}v", "paid_at": iso(FIRST), "voids": payment_id}
                batches[self.first(one.voided, FIRST)].append(void)
        return batches

    def run(self, told: list[Message], paid: list[Paid]) -> None:
        batches = zip(self.plan.times, self.plan.settles, self.usage(told), self.paid(paid), strict=True)
        changes = next(place for place in (1, 0) if self.plan.times[place] < PRICE_CHANGE or not place)
        for number, (now, settles, rows, pays) in enumerate(batches):
            if number == changes:
                self.price(1, now)
            assert accept(self.database, self.config, rows, "platform", now).rejected == []
            assert accept_payments(self.database, self.config, pays, "platform", now).rejected == []
            if settles:
                settle_due(self.database, self.config, now, only=self.program.slug)


def converge(database: Database, prefix: str, told: list[Message], paid: list[Paid], plan: Plan) -> None:
    play = Play(database, prefix, plan)
    # A program is not settled before its first usage arrives: this one always does.
    told = [*told, Message("a", "w", FIRST, 1_000, embed=True, sent=0, voided=None)]
    play.run(told, paid)
    assert found(database, play.program.slug, prefix) == books(told, paid)
    again = settle_due(database, play.config, END, only=play.program.slug)
    assert [result.entry_id for result in again] == [None]


@pytest.mark.parametrize("examples", [20, pytest.param(600, marks=pytest.mark.deep)])
def test_any_history_of_months_ends_in_the_same_books(database: Database, examples: int) -> None:
    """Payments, messages, voids and late arrivals over two months, settled at any times, end where the truth ends."""
    prefixes: Iterator[str] = (f"x{number}-" for number in itertools.count(1))

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(told=st.lists(messages, max_size=25), paid=st.lists(payments, max_size=10), plan=plans)
    def play(told: list[Message], paid: list[Paid], plan: Plan) -> None:
        converge(database, next(prefixes), told, paid, plan)

    play()
    with database.reading() as session:
        assert [check for check in verify(session) if not check.ok] == []
