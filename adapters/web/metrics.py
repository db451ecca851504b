"""What Prometheus scrapes at `/metrics`: `earnings_desk_*`, in base units; no money, which would be a float there."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from core.chat.tables import OutboxMessage
from core.clock import Clock, start_of
from core.earnings.tables import ProgramState
from core.payouts.tables import OPEN_STATES, Withdrawal
from core.storage import Database

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_DUE_STATES = ("waiting", "claimed", "unclear")
_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Outcome:
    """How a command ended; whoever answers it says so."""

    refused: bool = False


class Metrics:
    """One process's figures, in a registry of their own: two desks in one process (as in tests) don't mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(namespace="earnings_desk", registry=self.registry)
        self._requests = Counter(
            "earnings_desk_http_requests",
            "HTTP requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "earnings_desk_http_request_duration_seconds",
            "Time from a request's headers to the end of its answer.",
            ["route"],
            buckets=_LATENCY,
            registry=self.registry,
        )
        self._commands = Counter(
            "earnings_desk_commands",
            "Commands and button presses answered, by what was asked and how it ended.",
            ["platform", "command", "outcome"],
            registry=self.registry,
        )
        self._command_seconds = Histogram(
            "earnings_desk_command_duration_seconds",
            "Time to answer a command or a button press.",
            ["command"],
            buckets=_LATENCY,
            registry=self.registry,
        )

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request answered. `route` is the declared path, never the raw one: its values would be endless."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    @contextmanager
    def command(self, platform: str, command: str) -> Iterator[Outcome]:
        """Times one command or press. `command` is a declared name, or "unknown". An exception counts as `error`."""
        start, outcome, ending = time.perf_counter(), Outcome(), "error"
        try:
            yield outcome
            ending = "refused" if outcome.refused else "ok"
        finally:
            self._commands.labels(platform, command, ending).inc()
            self._command_seconds.labels(command).observe(time.perf_counter() - start)

    def watch(self, database: Database, clock: Clock) -> None:
        """Add what only the database knows (the outbox, open withdrawals, settlement), read when scraped."""
        self.registry.register(_Books(database, clock))

    def text(self) -> bytes:
        """The exposition. Blocking: it may read the database."""
        return generate_latest(self.registry)


class _Books(Collector):
    """Figures out of the database, the same from whichever replica they are scraped."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def describe(self) -> Iterable[Metric]:
        return []  # registering must not touch the database

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("earnings_desk_database_up", "Whether the database answered this scrape.")
        try:
            with self._database.reading() as session:
                found = [*_outbox(session, self._clock()), _withdrawals(session), *_settlement(session)]
        except SQLAlchemyError:
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return [up, *found]


def _outbox(session: Session, now: dt.datetime) -> list[Metric]:
    due = select(OutboxMessage.state, func.count()).where(col(OutboxMessage.state).in_(_DUE_STATES))
    waiting = GaugeMetricFamily(
        "earnings_desk_outbox_waiting_messages", "Messages not delivered yet.", labels=["state"]
    )
    counts = dict(session.exec(due.group_by(OutboxMessage.state)).all())
    for state in _DUE_STATES:
        waiting.add_metric([state], counts.get(state, 0))
    oldest: dt.datetime | None = session.exec(
        select(func.min(OutboxMessage.not_before)).where(
            col(OutboxMessage.state).in_(_DUE_STATES), col(OutboxMessage.not_before) <= now
        )
    ).one()
    age = GaugeMetricFamily(
        "earnings_desk_outbox_oldest_age_seconds", "How long the oldest due message has been waiting; 0 when none is."
    )
    age.add_metric([], 0 if oldest is None else (now - oldest).total_seconds())
    return [waiting, age]


def _withdrawals(session: Session) -> Metric:
    rows = session.exec(
        select(Withdrawal.program, Withdrawal.state, func.count())
        .where(col(Withdrawal.state).in_(OPEN_STATES))
        .group_by(Withdrawal.program, Withdrawal.state)
    ).all()
    metric = GaugeMetricFamily(
        "earnings_desk_withdrawals_open", "Withdrawals on their way, by state.", labels=["program", "state"]
    )
    for program, state, count in rows:
        metric.add_metric([program, state], count)
    return metric


def _settlement(session: Session) -> list[Metric]:
    runs = CounterMetricFamily("earnings_desk_settlement_runs", "Runs that posted an entry.", labels=["program"])
    last = GaugeMetricFamily(
        "earnings_desk_settlement_last_run_timestamp_seconds", "When the last run ended.", labels=["program"]
    )
    through = GaugeMetricFamily(
        "earnings_desk_settlement_settled_through_timestamp_seconds",
        "Start of the last settled UTC day.",
        labels=["program"],
    )
    for program in session.exec(select(ProgramState).order_by(ProgramState.slug)):
        runs.add_metric([program.slug], program.runs)
        if program.settled_at is not None:
            last.add_metric([program.slug], program.settled_at.timestamp())
        if program.settled_through is not None:
            through.add_metric([program.slug], start_of(program.settled_through).timestamp())
    return [runs, last, through]
