"""A small desk for tests of payouts: two creators, people with roles, money put into wallets by hand."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlmodel import Session, col, select

from core import people
from core.audit import AuditRecord
from core.config import DeskConfig, Method, Program, Terms
from core.earnings.tables import Creator, ProgramState
from core.ledger import accounts, journal
from core.ledger.tables import Entry
from core.payouts import approvals, attempts, withdrawals
from core.payouts.rail import Outcome, PaymentOrder, Rail, Sent
from core.payouts.tables import Withdrawal
from core.people import Actor
from core.storage import Database

NOW = dt.datetime(2026, 1, 14, 9, 14, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DOLLAR = 1_000_000
MANUAL = Method("manual", "manual", business_days=(1, 3), title="By hand")
CONFIG = DeskConfig(
    programs={"studio": Program("studio", "credits", (Terms(dt.date(2025, 1, 1)),))},
    methods=(MANUAL,),
)
TWO_PROGRAMS = replace(
    CONFIG, programs={**CONFIG.programs, "arcade": Program("arcade", "credits", (Terms(dt.date(2025, 1, 1)),))}
)


@dataclass
class World:
    """Who is there: Ada and Bo earn; Mira and Tom approve; Ann and Amos are admins; Olga is the owner."""

    database: Database
    config: DeskConfig = CONFIG
    now: dt.datetime = NOW
    ada: Actor = field(init=False)
    bo: Actor = field(init=False)
    mira: Actor = field(init=False)
    tom: Actor = field(init=False)
    ann: Actor = field(init=False)
    amos: Actor = field(init=False)
    olga: Actor = field(init=False)
    facts: list[object] = field(default_factory=list)
    first: int = 0  # entries that a fixture may want to name
    second: int = 0
    third: int = 0

    def __post_init__(self) -> None:
        self.database = Database(self.database.engine, lambda _session, fact: self.facts.append(fact))
        with self.session() as session:
            for slug in self.config.programs:
                session.add(ProgramState(slug=slug, kind="credits"))
            session.add(Creator(creator_id="ada", name="Ada", country="US"))
            session.add(Creator(creator_id="bo", name="Bo", country="DE"))
            session.flush()
            accounts.open_wallets(session, [(slug, "ada") for slug in self.config.programs])
            accounts.open_wallets(session, [("studio", "bo")])
            self.ada = people.resolve(session, "ada")
            self.bo = people.resolve(session, "bo")
            for name, role in (("Mira", "approver"), ("Tom", "approver"), ("Ann", "admin"), ("Amos", "admin")):
                people.add_person(session, self.now, name, roles=[role])
            people.add_person(session, self.now, "Olga", roles=["owner"])
            self.mira, self.tom, self.ann, self.amos, self.olga = (
                people.resolve(session, name) for name in ("Mira", "Tom", "Ann", "Amos", "Olga")
            )

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.database.transaction() as session:
            yield session

    def fund(self, micros: int, creator: str = "ada", program: str = "studio") -> None:
        """Put money into (or, negative, take it from) a creator's available balance."""
        with self.session() as session:
            usage = accounts.open_account(session, program, "usage")
            available = accounts.open_account(session, program, "available", creator)
            ends = (usage, available) if micros > 0 else (available, usage)
            move = journal.Move(*ends, abs(micros))
            journal.post(session, f"fund:{next(_funds)}", "test", self.now, [move])

    def next_run(self) -> int:
        return next(_funds)

    def request(
        self, amount: int | None = None, who: Actor | None = None, program: str | None = None, method: str | None = None
    ) -> Withdrawal:
        """Preview and confirm in one go."""
        with self.session() as session:
            actor = who or self.ada
            shown = withdrawals.preview(session, self.config, self.now, actor, amount, method, program)
            return withdrawals.confirm(session, self.config, self.now, actor, shown.draft)

    def draft(self, amount: int | None = None, who: Actor | None = None) -> str:
        """The token of a fresh preview."""
        with self.session() as session:
            return withdrawals.preview(session, self.config, self.now, who or self.ada, amount).draft

    def approve(self, withdrawal_id: int | None, *who: Actor) -> None:
        for actor in who or (self.mira,):
            with self.session() as session:
                approvals.approve(session, self.config, self.now, actor, withdrawal_id or 0, "test")

    def send(self, rail: Rail | None = None) -> list[attempts.Tried]:
        rails = {"manual": rail or AtOnce()}
        return attempts.send_due(self.database, self.config, rails, self.now)

    def sent(self, amount: int | None = None) -> Withdrawal:
        """A withdrawal of Ada's that is approved and sent."""
        made = self.request(amount)
        self.approve(made.id, *((self.mira, self.tom) if made.approvals_needed == 2 else (self.mira,)))
        self.send()
        return self.get(made.id)

    def get(self, withdrawal_id: int | None) -> Withdrawal:
        with self.database.reading() as session:
            return session.get_one(Withdrawal, withdrawal_id)

    def trail(self) -> list[tuple[str, str, str, str]]:
        """The audit trail, oldest first: who, what, to what, why."""
        with self.database.reading() as session:
            lines = session.exec(select(AuditRecord).order_by(col(AuditRecord.id))).all()
        return [(line.actor, line.action, line.subject, line.detail) for line in lines]

    def entries(self) -> list[tuple[str, str, str]]:
        """The journal, oldest first: key, kind, memo."""
        with self.database.reading() as session:
            found = session.exec(select(Entry).order_by(col(Entry.id))).all()
        return [(entry.key, entry.kind, entry.memo) for entry in found]

    def wallet(self, creator: str = "ada", program: str = "studio") -> accounts.Wallet:
        with self.database.reading() as session:
            return accounts.wallet(session, program, creator)

    def balance(self, role: str, program: str = "studio") -> int:
        with self.database.reading() as session:
            return accounts.balance(session, program, role)


_funds = itertools.count(1)


class AtOnce:
    """A rail that takes everything."""

    name = "manual"

    def ready(self, creator_id: str) -> bool:
        return bool(creator_id)

    def send(self, order: PaymentOrder) -> Outcome:
        return Sent(f"sent {order.key}")

    def look_up(self, key: str) -> Outcome | None:
        assert key
        return None
