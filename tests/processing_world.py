"""A small desk of kind `assistants` for tests of monthly payouts: money waits in buckets, put there by hand."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import insert
from sqlmodel import col, select

from core import people
from core.chat import subscriptions
from core.config import DeskConfig, Method, Program, Terms
from core.earnings.month_tables import PendingMonth
from core.earnings.tables import Creator, ProgramState
from core.earnings.terms import as_json
from core.ledger import accounts, journal
from core.ledger.verify import ledger_checks
from core.payouts.checks import payout_checks
from core.payouts.processing import Processed, process_due
from core.payouts.tables import BatchSkip, PayoutBatch, Withdrawal
from core.people import Actor, Identity
from core.storage import Database, table_of
from tests import desk_world

DOLLAR = 1_000_000
CENT = 10_000
PROGRAM = Program(
    "helpers", "assistants", (Terms(dt.date(2025, 1, 1), share_bp=7000, minimum_micros=10 * DOLLAR),), title="Helpers"
)
BANK = Method("bank", "manual", ("US", "DE"), title="Bank transfer")
CONFIG = DeskConfig(programs={"helpers": PROGRAM}, methods=(BANK,))
JAN, FEB = dt.date(2026, 1, 1), dt.date(2026, 2, 1)
MONDAY = dt.datetime(2026, 2, 2, 3, tzinfo=dt.UTC)  # the first business day of February, at settle_at


_entries = itertools.count(1)


def settled(database: Database, day: dt.date) -> None:
    """Have the program's books say that they are settled through a day."""
    with database.transaction() as session:
        session.get_one(ProgramState, "helpers").settled_through = day


def earn(
    database: Database, now: dt.datetime, amounts: Mapping[str, int], month: dt.date = JAN, country: str = "US"
) -> None:
    """Have money (micro-dollars) wait for a month's processing, as settlement leaves it; new creators are made."""
    with database.transaction() as session:
        for creator in amounts:
            if session.get(Creator, creator) is None:
                session.add(Creator(creator_id=creator, name=creator.capitalize(), country=country))
        session.flush()
        accounts.open_wallets(session, [("helpers", creator) for creator in amounts])
        usage = accounts.account_id("helpers", "usage")
        moves = []
        for creator, amount in amounts.items():
            pending = accounts.account_id("helpers", "pending", creator)
            ends = (usage, pending) if amount > 0 else (pending, usage)
            moves.append(journal.Move(*ends, abs(amount)))
            row = {"program": "helpers", "creator_id": creator, "month": month, "amount": amount}
            session.execute(insert(table_of(PendingMonth)).values(row))
        journal.post(session, f"earn:{next(_entries)}", "test", now, moves)


@dataclass
class World:
    """Mira and Tom approve, Olga owns; creators come as tests need them."""

    database: Database
    config: DeskConfig = CONFIG
    now: dt.datetime = MONDAY
    facts: list[object] = field(default_factory=list)
    staff: dict[str, Actor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database = Database(self.database.engine, lambda _session, fact: self.facts.append(fact))
        with self.database.transaction() as session:
            for slug, program in self.config.programs.items():
                terms = as_json(program)
                state = ProgramState(slug=slug, kind=program.kind, terms=terms, first_day=JAN)
                session.add(state)
                for role in accounts.PROGRAM_ROLES:
                    accounts.open_account(session, slug, role)
            for name, role in (("Mira", "approver"), ("Tom", "approver"), ("Ann", "admin"), ("Olga", "owner")):
                people.add_person(session, self.now, name, roles=[role])
                self.staff[name] = people.resolve(session, name)
        self.settled(dt.date(2026, 2, 1))

    def settled(self, day: dt.date) -> None:
        settled(self.database, day)

    def earn(self, amounts: Mapping[str, int], month: dt.date = JAN, country: str = "US") -> None:
        earn(self.database, self.now, amounts, month, country)

    def process(self) -> list[Processed]:
        return process_due(self.database, self.config, self.now)

    def set(self, **terms: object) -> None:
        """Another configuration of the program from now on."""
        program = replace(self.config.programs["helpers"], **terms)  # type: ignore[arg-type]
        self.config = replace(self.config, programs={"helpers": program})

    def wallet(self, creator: str) -> tuple[int, int, int]:
        """pending, available, reserved."""
        with self.database.reading() as session:
            found = accounts.wallet(session, "helpers", creator)
        return found.pending, found.available, found.reserved

    def withdrawals(self) -> list[Withdrawal]:
        with self.database.reading() as session:
            return list(session.exec(select(Withdrawal).order_by(col(Withdrawal.id))))

    def skips(self) -> dict[str, tuple[str, str]]:
        with self.database.reading() as session:
            return {one.creator_id: (one.why, one.reason) for one in session.exec(select(BatchSkip))}

    def batches(self) -> list[PayoutBatch]:
        with self.database.reading() as session:
            return list(session.exec(select(PayoutBatch).order_by(col(PayoutBatch.id))))

    def person(self, creator: str) -> Actor:
        with self.database.transaction() as session:
            return people.resolve(session, creator)

    def check(self) -> None:
        """The books are as they should be."""
        with self.database.reading() as session:
            wrong = [one for one in (*ledger_checks(session), *payout_checks(session)) if not one.ok]
        assert not wrong, wrong

    def link(self, actor: Actor, user: str, at: dt.datetime | None = None) -> Identity:
        """One more chat account for somebody."""
        identity = Identity("playground", user)
        with self.database.transaction() as session:
            code = people.create_link_code(session, at or self.now, actor.person_id)[0]
            people.link(session, at or self.now, identity, code)
        return identity


@dataclass
class Talk(desk_world.World):
    """The desk of the scenarios with a second program, of kind `assistants`, whose January is about to be paid out."""

    config: DeskConfig = field(
        default_factory=lambda: replace(
            desk_world.CONFIG, programs={"studio": desk_world.STUDIO, "helpers": PROGRAM}, methods=(BANK,)
        )
    )
    now: dt.datetime = MONDAY

    def month(self, amounts: Mapping[str, int]) -> int:
        """Pay out what these creators earned in January; the batch's id."""
        earn(self.database, self.now, amounts)
        settled(self.database, dt.date(2026, 2, 1))
        (done,) = process_due(self.database, self.config, self.now)
        self.now += dt.timedelta(hours=6)
        return done.batch_id

    def channel(self) -> None:
        """Have the approvals channel get the cards to act on."""
        with self.database.transaction() as session:
            mira = people.resolve(session, "Mira")
            subscriptions.subscribe(session, self.now, mira, desk_world.CHANNEL, "approvals")
