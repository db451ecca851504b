"""Convergence: whatever the order, the repeats, the lateness and the hours of settlement, the final books are those of
one settlement of the final truth (quality.md, "Money under fire", 3)."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.config import DeskConfig, Program, Terms
from core.earnings.catalog import upsert_creators, upsert_projects
from core.earnings.checks import earnings_checks
from core.earnings.intake import accept
from core.earnings.settlement import settle_due
from core.earnings.terms import sync_programs
from core.ledger.verify import ledger_checks
from core.storage import Database

CREDIT = 1_000_000
FIRST = dt.date(2026, 1, 1)
FIRST_MOMENT = dt.datetime.combine(FIRST, dt.time(), dt.UTC)
LAST_DAY = 7
END = dt.datetime(2026, 1, 10, 12, tzinfo=dt.UTC)
# Terms that change in the middle of the month: the share, then the rate with it.
TERMS = (
    Terms(dt.date(2025, 1, 1), share_bp=5_000, credits_per_usd=100),
    Terms(dt.date(2026, 1, 3), share_bp=3_333, credits_per_usd=100),
    Terms(dt.date(2026, 1, 6), share_bp=7_001, credits_per_usd=97),
)
CREATORS = {"a": "ada", "b": "ada", "c": "bob"}
BOUNDARIES = (
    dt.time(),
    dt.time(0, 0, 0, 1),
    dt.time(3),
    dt.time(12, 34, 56, 789),
    dt.time(23, 59, 59, 999_999),
)


@dataclass(frozen=True)
class Event:
    """One event of the truth, and in which batch its report, its repeat and its voids are sent (None: never)."""

    project: str
    at: dt.datetime
    kind: str
    user: str
    credits: int
    cost: int
    sent: int
    repeated: int | None
    voided: int | None
    voided_again: int | None


@dataclass(frozen=True)
class Plan:
    """When batches arrive, and after which of them somebody settles."""

    times: tuple[dt.datetime, ...]
    settles: tuple[bool, ...]

    def place(self, wanted: int, earliest: dt.datetime) -> int:
        """The first batch from the wanted one on that isn't before a moment."""
        return next(number for number in range(wanted, len(self.times)) if self.times[number] >= earliest)


BATCHES = 5
moments = st.builds(
    lambda day, time: dt.datetime.combine(FIRST + dt.timedelta(days=day), time, dt.UTC),
    st.integers(0, LAST_DAY - 1),
    st.sampled_from(BOUNDARIES),
)
# Every third report is repeated; a fifth of all events is taken out again.
seldom = st.integers(0, 9).flatmap(lambda dice: st.integers(0, BATCHES - 1) if dice < 3 else st.none())
rarely = st.integers(0, 9).flatmap(lambda dice: st.integers(0, BATCHES - 1) if dice < 2 else st.none())
quantities = st.one_of(
    st.integers(0, 1_000_000_000 * CREDIT), st.sampled_from([0, 1, 99, 100, 101, CREDIT]), st.integers(0, 1_000)
)
events = st.builds(
    Event,
    project=st.sampled_from(sorted(CREATORS)),
    at=moments,
    kind=st.sampled_from(["generate", "remix", "feature", "view", "save"]),
    user=st.sampled_from(["ada", "bob", "visitor"]),
    credits=quantities,
    cost=quantities,
    sent=st.integers(0, BATCHES - 1),
    repeated=seldom,
    voided=rarely,
    voided_again=rarely,
)
minutes = st.lists(st.integers(0, 9 * 24 * 60), min_size=BATCHES - 1, max_size=BATCHES - 1)
plans = st.builds(
    lambda offsets, settles: Plan((*sorted(FIRST_MOMENT + dt.timedelta(minutes=at) for at in offsets), END), settles),
    minutes,
    st.tuples(*[st.booleans()] * (BATCHES - 1), st.just(True)),
)


def entitlements(truth: list[Event]) -> dict[tuple[str, dt.date], tuple[int, int, int]]:
    """The oracle: share, spent and costs of each project-day, in plain Python from the rule book."""
    sums: dict[tuple[str, dt.date], list[int]] = defaultdict(lambda: [0, 0])
    for event in truth:
        counts = event.kind in ("generate", "remix", "feature") and event.user != CREATORS[event.project]
        if counts and event.voided is None:
            sums[event.project, event.at.date()][0] += event.credits
            sums[event.project, event.at.date()][1] += event.cost
    earned = {}
    for (project, day), (credits_, cost) in sums.items():
        terms = [one for one in TERMS if one.valid_from <= day][-1]
        rate = terms.credits_per_usd
        share = terms.share_bp * max(0, credits_ - cost) // (10_000 * rate)
        amounts = (share, credits_ // rate, cost // rate)
        if any(amounts):
            earned[project, day] = amounts
    return earned


def rows_of(number: int, event: Event, prefix: str, plan: Plan) -> list[tuple[int, dict[str, object]]]:
    """What is sent for one event, each with its place in the plan."""
    spends = event.kind in ("generate", "remix", "feature")
    row: dict[str, object] = {
        "event_id": f"{prefix}{number}",
        "occurred_at": event.at.isoformat(),
        "project_id": f"{prefix}{event.project}",
        "user_id": f"{prefix}{event.user}",
        "kind": event.kind,
    }
    if spends:
        row |= {"credits": in_credits(event.credits), "platform_cost": in_credits(event.cost)}
    sent = [(plan.place(place, event.at), row) for place in (event.sent, event.repeated) if place is not None]
    for attempt, place in enumerate((event.voided, event.voided_again if event.voided is not None else None)):
        if place is not None:
            at = plan.times[place]
            void: dict[str, object] = {
                "event_id": f"{prefix}v{number}-{attempt}",
                "occurred_at": at.isoformat(),
                "kind": "void",
                "voids": f"{prefix}{number}",
            }
            sent.append((place, void))
    return sent


def in_credits(micro: int) -> str:
    return f"{micro // CREDIT}.{micro % CREDIT:06}"


def settled_lines(database: Database, prefix: str) -> dict[tuple[str, dt.date], tuple[int, int, int]]:
    """What is settled per project-day, lines that cancel out left out."""
    statement = text(
        "SELECT project_id, day, sum(share), sum(spent), sum(costs) FROM settlement_line "
        "WHERE project_id LIKE :mine GROUP BY project_id, day"
    )
    with database.reading() as session:
        rows = session.connection().execute(statement, {"mine": f"{prefix}%"}).all()
    found = {
        (project.removeprefix(prefix), dt.date.fromisoformat(str(day))): (int(share), int(spent), int(costs))
        for project, day, share, spent, costs in rows
    }
    return {key: amounts for key, amounts in found.items() if any(amounts)}


def balances(database: Database, program: str, prefix: str) -> dict[str, int]:
    statement = text("SELECT role, creator, balance FROM account WHERE program = :program AND balance <> 0")
    with database.reading() as session:
        rows = session.connection().execute(statement, {"program": program}).all()
    return {creator.removeprefix(prefix) or role: int(balance) for role, creator, balance in rows}


def books_of(earned: dict[tuple[str, dt.date], tuple[int, int, int]]) -> dict[str, int]:
    """The balances that one settlement of these entitlements leaves."""
    books: dict[str, int] = defaultdict(int)
    for (project, _day), (share, spent, costs) in earned.items():
        books[CREATORS[project]] += share
        books["costs"] += costs
        books["margin"] += spent - costs - share
        books["usage"] -= spent
    return {name: amount for name, amount in books.items() if amount}


def play(database: Database, prefix: str, truth: list[Event], plan: Plan) -> None:
    """Send everything as planned, settle as planned, and compare the books with the oracle's."""
    program = Program(f"studio-{prefix}", "credits", TERMS)
    config = DeskConfig(programs={program.slug: program})
    with database.transaction() as session:
        sync_programs(session, config)
        names = sorted(set(CREATORS.values()))
        upsert_creators(session, [{"creator_id": prefix + name, "name": name, "country": "US"} for name in names])
        projects = [
            {
                "project_id": prefix + project,
                "creator_id": prefix + creator,
                "program": program.slug,
                "name": project,
                "published_on": "2025-11-03",
            }
            for project, creator in CREATORS.items()
        ]
        upsert_projects(session, projects, FIRST_MOMENT)
    batches: list[list[dict[str, object]]] = [[] for _ in plan.times]
    for number, event in enumerate(truth):
        for place, row in rows_of(number, event, prefix, plan):
            batches[place].append(row)
    for batch, now, settles in zip(batches, plan.times, plan.settles, strict=True):
        report = accept(database, config, batch, "platform", now)
        assert report.rejected == []
        if settles:
            settle_due(database, config, now, only=program.slug)
    earned = entitlements(truth)
    assert settled_lines(database, prefix) == earned
    assert balances(database, program.slug, prefix) == books_of(earned)
    again = settle_due(database, config, END, only=program.slug)
    assert [result.entry_id for result in again] in ([], [None])


@pytest.mark.parametrize("examples", [30, pytest.param(500, marks=pytest.mark.deep)])
def test_any_history_ends_in_the_same_books(database: Database, examples: int) -> None:
    """Shuffled, repeated, late, voided usage, settled at any times under changing terms, ends where the truth ends."""
    prefixes = (f"x{number}-" for number in itertools.count(1))

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(truth=st.lists(events, min_size=1, max_size=30), plan=plans)
    def converge(truth: list[Event], plan: Plan) -> None:
        play(database, next(prefixes), truth, plan)

    converge()
    with database.reading() as session:
        checks = (*ledger_checks(session), *earnings_checks(session))
        assert [check for check in checks if not check.ok] == []
