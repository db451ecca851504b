"""How long the close of a month takes, against the bare SQL for the same allocation: `python -m bot.bench.closing`.

200 k subscribers, 20 k assistants, 5 M messages: about 2 M rows of use by month, a payment a subscriber, a tenth of
them referred; on both databases.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Date, TextClause, bindparam, text

from bot.bench.figures import Figure, alone
from bot.bench.filling import Size, numbers, refresh_statistics
from bot.bench.settling import DATABASES, NewDatabase
from core.config import DeskConfig, Program, Terms
from core.earnings.periods import closes_at, last_day, next_month
from core.earnings.settlement import settle_due
from core.earnings.terms import sync_programs
from core.ledger import accounts, seal
from core.storage import Database, is_postgres

PROGRAM = "helpers"
CONFIG = DeskConfig(programs={PROGRAM: Program(PROGRAM, "assistants", (Terms(dt.date(2025, 1, 1), share_bp=7_000),))})
FIRST_MONTH = dt.date(2026, 1, 1)
ROUNDS = 2
CLOSED_AT_MOST = 4.0


Close = Callable[[Database, dt.date], None]


@dataclass(frozen=True, slots=True)
class Market:
    """A month: subscribers, each with a payment; what they used; the messages that this came from."""

    subscribers: int = 200_000
    assistants: int = 20_000
    creators: int = 10_000
    messages: int = 5_000_000
    used_by_each: int = 10

    def divided_by(self, divisor: int) -> Market:
        return Market(
            self.subscribers // divisor, self.assistants // divisor, self.creators // divisor, self.messages // divisor
        )


def measure(kind: str, new_database: NewDatabase, market: Market, rounds: int = ROUNDS) -> Iterator[Figure]:
    """The close and the floor take turns, month after month, so that whatever else the machine does meets both; each
    time is the best of the rounds."""
    database = new_database()
    _open(database, market)
    ours, floor = [], []
    month = FIRST_MONTH
    for _ in range(rounds):
        ours.append(_next_month(database, market, month, _close))
        month = next_month(month)
        floor.append(_next_month(database, market, month, _close_bare))
        month = next_month(month)
        with database.transaction() as session:
            seal.seal(session)  # so that the next close seals its own entry only, as it would have
    database.engine.dispose()
    rows = (
        f"{market.subscribers:,} subscribers, {market.assistants:,} assistants, {market.messages:,} messages "
        f"({market.subscribers * market.used_by_each:,} rows of use)"
    )
    yield Figure("close a month", kind, rows, min(ours), min(floor), "the bare SQL statements", CLOSED_AT_MOST)


def _open(database: Database, market: Market) -> None:
    """The program, its assistants and its creators' wallets."""
    with database.transaction() as session:
        sync_programs(session, CONFIG)
        facts = {"many": market.assistants, "creators": market.creators, "program": PROGRAM}
        session.connection().execute(text(_ASSISTANTS.format(numbers=numbers(session))), facts)
        accounts.open_wallets(session, ((PROGRAM, f"c{number:07}") for number in range(market.creators)))


def _next_month(
    database: Database, market: Market, month: dt.date, close: Callable[[Database, dt.date], None]
) -> float:
    """Seconds to close a month. All months have the same use and payments."""
    facts: dict[str, object] = {
        "many": market.subscribers,
        "each": market.used_by_each,
        "assistants": market.assistants,
        "creators": market.creators,
        "month": month,
        "day": last_day(month),
        "prefix": month.isoformat(),
        "moment": f"{month} 08:00:00+00:00",
        "program": PROGRAM,
    }
    with database.transaction() as session:
        for statement in (_USE, _PAYMENTS, _DAY, _DIRTY_DAY, _DIRTY_MONTH):
            many = int(str(facts["many"])) * (market.used_by_each if statement is _USE else 1)
            moment = "CAST(:moment AS timestamptz)" if is_postgres(session) else ":moment"
            written = statement.format(numbers=numbers(session), moment=moment)
            session.connection().execute(_typed(written), _named(written, facts | {"many": many}))
    refresh_statistics(database)
    started = time.perf_counter()
    close(database, month)
    return time.perf_counter() - started


def _named(statement: str, facts: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if f":{name}" in statement}


def _close(database: Database, month: dt.date) -> None:
    results = settle_due(database, CONFIG, closes_at(CONFIG.programs[PROGRAM], month), only=PROGRAM)
    if not results or not results[0].months:
        raise RuntimeError(f"{month} was not closed")


def _close_bare(database: Database, month: dt.date) -> None:
    """The floor: the same allocation, its lines, transfers and balances, in one transaction; nothing else."""
    with database.transaction() as session:
        connection = session.connection()
        run = connection.execute(text(_RUN), {"program": PROGRAM}).scalar_one()
        last = last_day(month)
        moment = closes_at(CONFIG.programs[PROGRAM], month).strftime("%Y-%m-%d %H:%M:%S+00:00")
        entry = {"key": f"settlement:{PROGRAM}:{run}", "moment": moment}
        facts: dict[str, object] = {
            "program": PROGRAM,
            "month": month,
            "day": last,
            "entry_id": connection.execute(text(_ENTRY), entry).scalar_one(),
            "subscriptions": accounts.account_id(PROGRAM, "subscriptions"),
        }
        for statement in _BARE:
            connection.execute(_typed(statement), _named(statement, facts))


def _typed(statement: str) -> TextClause:
    """A statement whose values arrive as what they are on both databases."""
    types = {"entry_id": BigInteger, "subscriptions": BigInteger, "many": BigInteger, "each": BigInteger}
    types |= {"assistants": BigInteger, "creators": BigInteger}
    typed: list[BindParameter[Any]] = [bindparam(name, type_=kind) for name, kind in types.items()]
    typed += [bindparam(name, type_=Date) for name in ("month", "day")]
    return text(statement).bindparams(*[one for one in typed if f":{one.key}" in statement])


_ASSISTANTS = (
    "INSERT INTO project (project_id, creator_id, program, name, published_on) "
    "SELECT 'a' || substr(CAST(10000000 + i AS text), 2), "
    "'c' || substr(CAST(10000000 + i % CAST(:creators AS bigint) AS text), 2), "
    "CAST(:program AS text), 'Assistant ' || CAST(i AS text), '2025-01-01' FROM {numbers}"
)
# 7919 is prime: what one subscriber uses are different assistants.
_USE = (
    "INSERT INTO month_use (month, user_id, project_id, tokens) "
    "SELECT :month, 'u' || substr(CAST(10000000 + i / CAST(:each AS bigint) AS text), 2), "
    "'a' || substr(CAST(10000000 + (i * 7919) % CAST(:assistants AS bigint) AS text), 2), "
    "1000 + i % 977 FROM {numbers}"
)
_PAYMENTS = (
    "INSERT INTO payment (source, payment_id, program, paid_at, user_id, plan, amount, month, referrer_id, voided) "
    "SELECT 'platform', CAST(:prefix AS text) || '-' || substr(CAST(10000000 + i AS text), 2), CAST(:program AS text), "
    "{moment}, 'u' || substr(CAST(10000000 + i AS text), 2), 'Plus', 19000000 + i % 7, :month, "
    "CASE WHEN i % 10 = 0 THEN 'c' || substr(CAST(10000000 + i % CAST(:creators AS bigint) AS text), 2) END, false "
    "FROM {numbers}"
)
_DAY = (
    "INSERT INTO usage_day (day, project_id, credits, cost, own_credits, uses, remixes, views, saves) "
    "VALUES (:day, 'a0000000', 0, 0, 0, 0, 0, 0, 0)"
)
_DIRTY_DAY = "INSERT INTO dirty_day (program, day) VALUES (:program, :day)"
_DIRTY_MONTH = "INSERT INTO dirty_month (program, month) VALUES (:program, :month)"
_RUN = "SELECT runs + 1 FROM program WHERE slug = :program"
_ENTRY = "INSERT INTO entry (key, kind, effective_at, memo) VALUES (:key, 'settlement', :moment, '') RETURNING id"
_MONTH_LINES = (
    "INSERT INTO month_line (month, project_id, entry_id, seq, share, gross, tokens, share_bp, late, bucket) "
    "WITH total AS (SELECT user_id, sum(tokens) AS tokens FROM month_use WHERE month = :month GROUP BY user_id), "
    "cut AS (SELECT p.payment_id, p.amount, u.project_id, u.tokens, "
    "CAST(p.amount * u.tokens / t.tokens AS bigint) AS part, p.amount * u.tokens % t.tokens AS remainder "
    "FROM total t JOIN payment p ON p.month = :month AND p.user_id = t.user_id "
    "JOIN month_use u ON u.month = :month AND u.user_id = t.user_id "
    "WHERE p.program = :program AND p.voids IS NULL AND NOT p.voided), "
    "ranked AS (SELECT project_id, tokens, part, "
    "row_number() OVER (PARTITION BY payment_id ORDER BY remainder DESC, project_id) AS place, "
    "amount - sum(part) OVER (PARTITION BY payment_id) AS left_over FROM cut), "
    "slices AS (SELECT project_id, CAST(sum(part + CASE WHEN place <= left_over THEN 1 ELSE 0 END) AS bigint) "
    "AS gross, CAST(sum(tokens) AS bigint) AS tokens FROM ranked GROUP BY project_id) "
    "SELECT :month, project_id, CAST(:entry_id AS bigint), row_number() OVER (ORDER BY project_id), "
    "gross * 7000 / 10000, gross, tokens, 7000, false, :month FROM slices ORDER BY project_id"
)
_REFERRAL_LINES = (
    "INSERT INTO referral_line (program, month, creator_id, entry_id, seq, amount, paid, referral_bp, late, bucket) "
    "SELECT CAST(:program AS text), :month, referrer_id, CAST(:entry_id AS bigint), "
    "(SELECT count(*) FROM month_line WHERE month = :month AND entry_id = :entry_id) "
    "+ row_number() OVER (ORDER BY referrer_id), CAST(sum(amount * 2000 / 10000) AS bigint), "
    "CAST(sum(amount) AS bigint), 2000, false, :month FROM payment WHERE program = :program AND month = :month "
    "AND voids IS NULL AND NOT voided AND referrer_id IS NOT NULL GROUP BY referrer_id ORDER BY referrer_id"
)
_SLICES = (
    "INSERT INTO transfer (entry_id, seq, debit_id, credit_id, amount) "
    "SELECT l.entry_id, l.seq, CAST(:subscriptions AS bigint), a.id, l.share FROM month_line l "
    "JOIN project p ON p.project_id = l.project_id "
    "JOIN account a ON a.program = :program AND a.role = 'pending' AND a.creator = p.creator_id "
    "WHERE l.month = :month AND l.entry_id = :entry_id"
)
_COMMISSIONS = (
    "INSERT INTO transfer (entry_id, seq, debit_id, credit_id, amount) "
    "SELECT l.entry_id, l.seq, CAST(:subscriptions AS bigint), a.id, l.amount FROM referral_line l "
    "JOIN account a ON a.program = :program AND a.role = 'pending' AND a.creator = l.creator_id "
    "WHERE l.program = :program AND l.month = :month AND l.entry_id = :entry_id"
)
_WALLETS = (
    "UPDATE account SET balance = balance + earned.amount FROM (SELECT credit_id, sum(amount) AS amount FROM transfer "
    "WHERE entry_id = :entry_id GROUP BY credit_id) AS earned WHERE account.id = earned.credit_id"
)
_SUBSCRIPTIONS = (
    "UPDATE account SET balance = balance - (SELECT sum(amount) FROM transfer WHERE entry_id = :entry_id) "
    "WHERE id = :subscriptions"
)
_CLEAN_MONTH = "DELETE FROM dirty_month WHERE program = :program AND month = :month"
_CLEAN_DAY = "DELETE FROM dirty_day WHERE program = :program AND day = :day"
_PROGRAM = "UPDATE program SET runs = runs + 1, settled_through = :day WHERE slug = :program"
_BARE = (
    _MONTH_LINES,
    _REFERRAL_LINES,
    _SLICES,
    _COMMISSIONS,
    _WALLETS,
    _SUBSCRIPTIONS,
    _CLEAN_MONTH,
    _CLEAN_DAY,
    _PROGRAM,
)


def figures(market: Market, kinds: Sequence[str] = tuple(DATABASES), rounds: int = ROUNDS) -> Iterator[Figure]:
    """The figure of each kind of database, one after the other as they are found."""
    for kind in kinds:
        with DATABASES[kind](Size(0, 1, market.creators)) as new_database:
            yield from measure(kind, new_database, market, rounds)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every figure is reached."""

    def measured(divide: int, kinds: Sequence[str], rounds: int) -> Iterator[Figure]:
        return figures(Market().divided_by(divide), kinds, rounds)

    return alone(__doc__, measured, DATABASES, ("rounds", ROUNDS, "how often each is taken"), arguments)


if __name__ == "__main__":
    sys.exit(main())
