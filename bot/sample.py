"""Sample data that looks like a real platform, filled in through the production functions.

Deterministic: the same moment gives the same books. Chat hears of the last night and of the open request only; what
happened before is history that the ledger, /transactions and the charts know.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import select as sql

from adapters.web.playground import PLATFORM, WORKSPACE
from bot import sample_assistants
from bot.sample_assistants import ASSISTANTS, ASSISTERS, Assisters
from bot.sample_data import (
    ADA_PROJECTS,
    CREATORS,
    FIRST_WORDS,
    HOSTILE_PROJECTS,
    KENJI_PROJECTS,
    SECOND_WORDS,
    SampleCreator,
)
from core import audit, people
from core.audit import AuditRecord
from core.chat import settings as personal
from core.chat import subscriptions
from core.chat.outbox import Destination
from core.clock import DAY, iso, start_of, utc_day
from core.config import DeskConfig, Method, Program, Terms
from core.earnings import catalog
from core.earnings.intake import accept
from core.earnings.payments import accept_payments
from core.earnings.periods import last_due, settles_at
from core.earnings.settlement import settle_due
from core.earnings.tables import Creator, ProgramState
from core.earnings.terms import sync_programs
from core.errors import DeskError
from core.ledger.money import MICROS
from core.payouts import adjustments, approvals, attempts, freezes, withdrawals
from core.payouts.processing import process_due
from core.payouts.rail import Rail
from core.payouts.tables import Withdrawal
from core.people import Actor, Identity
from core.storage import Database, table_of

PROGRAM = "studio"
CONFIG = DeskConfig(
    name="Creator Studio",
    programs={
        PROGRAM: Program(PROGRAM, "credits", (Terms(dt.date(2020, 1, 1)),), title="Creator Studio"),
        ASSISTERS: sample_assistants.PROGRAM,
    },
    methods=(
        Method("bank", "manual", business_days=(1, 3), title="Bank transfer"),
        Method("wallet", "manual", minimum_micros=20 * MICROS, fee_micros=MICROS, business_days=(0, 1), title="Wallet"),
    ),
)
DAYS = 90
CHANNELS = ("earnings", "payout-approvals")
_SEED = 2026
_MARK = "demo.fill"


class NotEmpty(DeskError):
    """Nothing changed. The database holds data that the demo did not make. Name an empty one, or none at all."""


@dataclass(frozen=True, slots=True)
class Made:
    """How much there is."""

    creators: int
    projects: int
    events: int
    days: int


@dataclass(slots=True)
class _Project:
    """A project as it was used. uses: mean events a day at its peak; first to last: the days it was there."""

    project_id: str
    creator_id: str
    name: str
    published: dt.date
    deleted_at: dt.datetime | None
    uses: float
    trend: float
    viral: dt.date | None


def present(database: Database) -> bool:
    """Whether the demo's data is here already. Raises NotEmpty for anybody else's."""
    with database.reading() as session:
        filled = session.execute(select(func.count()).where(table_of(AuditRecord).c.action == _MARK)).scalar_one()
        creators = session.execute(select(func.count()).select_from(table_of(Creator))).scalar_one()
    if creators and not filled:
        raise NotEmpty
    return bool(filled)


def newest_moment(database: Database) -> dt.datetime | None:
    """The latest settlement: an adjustable clock must not start before it."""
    with database.reading() as session:
        found: dt.datetime | None = session.execute(select(func.max(table_of(ProgramState).c.settled_at))).scalar_one()
    return found


def load(database: Database, rails: Mapping[str, Rail], now: dt.datetime) -> Made:
    """Fill an empty database as if the platform had run for 90 days up to `now`."""
    return _Story(database, rails, now).tell()


class _Story:
    """The platform's last 90 days. `quiet` is the same database, with nobody listening: history is not announced."""

    def __init__(self, database: Database, rails: Mapping[str, Rail], now: dt.datetime) -> None:
        self.database, self.rails, self.now = database, rails, now
        self.quiet = Database(database.engine)
        self.program = CONFIG.programs[PROGRAM]
        self.dice = random.Random(_SEED)  # noqa: S311 - sample data, not secrets
        self.today = utc_day(now)
        self.first = self.today - DAY * DAYS
        self.projects = list(self._invent_projects())
        self.assisters = Assisters(self.first, now)
        self.who: dict[str, Actor] = {}
        self.events = 0

    def tell(self) -> Made:
        self._settle_in()
        through = last_due(self.program, self.now)
        for week in range(0, DAYS, 7):
            days = [self.first + DAY * number for number in range(week, min(week + 7, DAYS))]
            self._report(days)
            for day in days:
                if day < through:
                    self._night(day)
        self._report([self.today])
        self._speak_up()
        last_night = min(self.now, settles_at(self.program, through) + dt.timedelta(minutes=4))
        settle_due(self.database, CONFIG, last_night)
        process_due(self.database, CONFIG, last_night)
        self._open_request()
        with self.quiet.transaction() as session:
            audit.record(session, self.now, audit.OPERATOR, _MARK, "sample data", f"{DAYS} days")
        return Made(len(CREATORS), len(self.projects) + len(ASSISTANTS), self.events, DAYS)

    # Who is there.

    def _settle_in(self) -> None:
        """Creators, projects and people; the chat accounts of those who can be played."""
        start = start_of(self.first)
        with self.quiet.transaction() as session:
            sync_programs(session, CONFIG)
            _all_taken(catalog.upsert_creators(session, [_creator_row(one) for one in CREATORS]).rejected)
            rows = [*(_project_row(project) for project in self.projects), *self.assisters.projects()]
            _all_taken(catalog.upsert_projects(session, rows, self.now).rejected)
            for name, roles in (("Mira", ("approver",)), ("Tom", ("approver", "admin")), ("Noor", ("owner",))):
                people.add_person(session, start, name, roles=roles)
            for user_id, who in (
                ("ada", "ada"),
                ("kenji", "kenji"),
                ("mira", "Mira"),
                ("tom", "Tom"),
                ("noor", "Noor"),
            ):
                actor = people.resolve(session, who)
                code, _ = people.create_link_code(session, start, actor.person_id)
                people.link(session, start, Identity(PLATFORM, user_id, WORKSPACE), code)
                self.who[who] = actor
            for one in CREATORS:
                actor = self.who.setdefault(one.creator_id, people.resolve(session, one.creator_id))
                if one.public:
                    personal.change(session, actor.person_id, public_name=True)
            for creator_id in ("ada", "kenji"):
                personal.change(session, self.who[creator_id].person_id, digest_hour=8)

    def _invent_projects(self) -> Iterator[_Project]:
        named = {"ada": list(ADA_PROJECTS), "kenji": list(KENJI_PROJECTS)}
        hostile = [one for one in CREATORS if one.fame < 1 and one.creator_id not in named]
        for place, name in enumerate(HOSTILE_PROJECTS):
            named.setdefault(hostile[place].creator_id, []).append(name)
        taken: set[str] = set()
        number = 0
        for one in CREATORS:
            names = named.get(one.creator_id, [])
            wanted = len(names) if one.creator_id in ("ada", "kenji") else self.dice.choice((2, 3, 3, 4))
            while len(names) < wanted:
                name = f"{self.dice.choice(FIRST_WORDS)} {self.dice.choice(SECOND_WORDS)}"
                if name not in taken:
                    taken.add(name)
                    names.append(name)
            for place, name in enumerate(names):
                number += 1
                yield self._invent(f"p-{number:04d}", one, name, place)

    def _invent(self, project_id: str, one: SampleCreator, name: str, place: int) -> _Project:
        dice = self.dice
        published = self.first + DAY * dice.randint(-200, 60 if place else -10)
        deleted = None
        if (place and dice.random() < 0.08) or name == "Badge Bakery":
            gone = max(published + DAY * 20, self.first + DAY * dice.randint(40, DAYS - 5))
            deleted = dt.datetime.combine(min(gone, self.today - DAY * 3), dt.time(15, 30), dt.UTC)
        viral = self.first + DAY * dice.randint(20, DAYS - 4) if dice.random() < 0.12 else None
        uses = one.fame * (0.55**place) * dice.uniform(0.7, 1.3) * 1.6
        return _Project(project_id, one.creator_id, name, published, deleted, uses, dice.uniform(-0.3, 0.9), viral)

    # What was used.

    def _report(self, days: list[dt.date]) -> None:
        """Import the usage of some days as the platform would have reported it by the end of them."""
        rows = [row for day in days for row in (*self._usage_of(day), *self.assisters.usage_of(day))]
        if days[-1] >= self.first + DAY * 7:
            rows += self._late_and_voided(days[0])
        at = min(self.now, start_of(days[-1] + DAY) + dt.timedelta(hours=1))
        report = accept(self.quiet, CONFIG, rows, "platform", at)
        paid = accept_payments(self.quiet, CONFIG, self.assisters.payments(days), "platform", at)
        _all_taken([*report.rejected, *paid.rejected])
        self.events += report.accepted

    def _usage_of(self, day: dt.date) -> Iterator[Mapping[str, str]]:
        until = min(start_of(day + DAY), self.now)
        share_of_day = (until - start_of(day)) / DAY
        weekday = 0.72 if day.weekday() >= 5 else 1.08
        for project in self.projects:
            there_from = max(project.published, self.first)
            if day < there_from or (project.deleted_at is not None and day > project.deleted_at.date()):
                continue
            mean = project.uses * weekday * (1 + project.trend * (day - self.first).days / DAYS)
            if project.viral is not None and 0 <= (day - project.viral).days < 8:
                mean *= 1 + 4 * math.exp(-(day - project.viral).days / 2.5)
            end = until if project.deleted_at is None else min(until, project.deleted_at)
            number = self._about(mean * share_of_day)
            for place in range(number + self._about(mean * 2.2 * share_of_day)):
                yield self._event(project, day, place, end, viewing=place >= number)

    def _about(self, mean: float) -> int:
        return max(0, round(self.dice.gauss(mean, math.sqrt(mean)))) if mean > 0 else 0

    def _event(
        self, project: _Project, day: dt.date, place: int, end: dt.datetime, viewing: bool, late: str = ""
    ) -> Mapping[str, str]:
        dice = self.dice
        at = start_of(day) + (end - start_of(day)) * (0.999 * dice.random())
        row = {
            "event_id": f"{project.project_id}-{day:%Y%m%d}-{place:04d}{late}",
            "occurred_at": iso(at),
            "project_id": project.project_id,
            "user_id": project.creator_id if dice.random() < 0.03 else f"user-{int(900 * dice.random() ** 2):03d}",
        }
        if viewing:
            return row | {"kind": "save" if dice.random() < 0.08 else "view", "credits": "", "platform_cost": ""}
        kind = dice.choices(("generate", "remix", "feature"), (80, 8, 12))[0]
        spent = dice.randint(4, 60) * 14
        # Some runs cost the platform more than they bring.
        percent = dice.randint(45, 85) if dice.random() < 0.97 else 140
        cost = spent * percent // 200 * 2  # even, so that half of what remains is whole cents, pleasant to read
        return row | {"kind": kind, "credits": str(spent), "platform_cost": str(cost)}

    def _late_and_voided(self, first: dt.date) -> list[Mapping[str, str]]:
        """A few events of the week before that arrive only now, and one of them taken back."""
        late = []
        for place in range(6):
            project = self.projects[self.dice.randrange(12)]
            day = first - DAY * self.dice.randint(1, 5)
            gone = project.deleted_at is not None and project.deleted_at.date() <= day
            if not gone and day >= max(project.published, self.first):
                late.append(self._event(project, day, place, start_of(day + DAY), viewing=False, late="-late"))
        if late:
            voided = late[0]["event_id"]
            at = iso(min(self.now, start_of(first) + dt.timedelta(hours=2)))
            late.append({"event_id": f"void-{voided}", "occurred_at": at, "kind": "void", "voids": voided})
        return late

    # What happened with the money.

    def _night(self, day: dt.date) -> None:
        """Settle a day at its hour, and what people did the morning after."""
        at = settles_at(self.program, day)
        settle_due(self.quiet, CONFIG, at)
        for processed in process_due(self.quiet, CONFIG, at):
            self._pay_batch(processed.batch_id, at + dt.timedelta(hours=5))
        for when, deed in self._deeds().items():
            if when == (day - self.first).days:
                deed(at + dt.timedelta(hours=6))

    def _deeds(self) -> Mapping[int, Callable[[dt.datetime], None]]:
        """By day of the story."""
        return {
            26: lambda at: self._pay_out("ada", 160, at, "TR-20418"),
            33: lambda at: self._pay_out("lucia-fernandez", 220, at, "TR-20977"),
            40: lambda at: self._pay_out("kenji", 90, at, "TR-21344"),
            47: self._goodwill,
            52: lambda at: self._refuse("wei-zhang", 120, at),
            55: lambda at: self._pay_out("ada", 250, at, "TR-22790"),
            61: lambda at: self._pay_out("priya-raman", None, at, "TR-23051"),
            70: self._hold_back,
        }

    def _request(self, database: Database, creator_id: str, dollars: int | None, at: dt.datetime) -> int:
        who = self.who[creator_id]
        amount = None if dollars is None else dollars * MICROS
        with database.transaction() as session:
            draft = withdrawals.preview(session, CONFIG, at, who, amount, "bank", PROGRAM).draft
            made = withdrawals.confirm(session, CONFIG, at + dt.timedelta(seconds=40), who, draft)
        return made.id or 0

    def _pay_out(self, creator_id: str, dollars: int | None, at: dt.datetime, trace: str) -> None:
        number = self._request(self.quiet, creator_id, dollars, at)
        hour = dt.timedelta(hours=1)
        for name in ("Mira", "Tom"):
            with self.quiet.transaction() as session:
                said = approvals.approve(session, CONFIG, at + hour, self.who[name], number, PLATFORM)
            if said.approvals >= said.needed:
                break
        attempts.send_due(self.quiet, CONFIG, self.rails, at + 2 * hour)
        with self.quiet.transaction() as session:
            withdrawals.mark_paid(session, CONFIG, at + 26 * hour, self.who["Tom"], number, trace)

    def _pay_batch(self, batch_id: int, at: dt.datetime) -> None:
        """A month's payouts: Mira approves them, Tom those that need two; the bank takes five days."""
        hour = dt.timedelta(hours=1)
        with self.quiet.transaction() as session:
            made = [one.id or 0 for one in session.exec(sql(Withdrawal).where(Withdrawal.batch_id == batch_id))]
        for name in ("Mira", "Tom"):
            with self.quiet.transaction() as session:
                approvals.approve_batch(session, CONFIG, at, self.who[name], made, PLATFORM)
        attempts.send_due(self.quiet, CONFIG, self.rails, at + hour)
        with self.quiet.transaction() as session:
            for number in made:
                withdrawals.mark_paid(session, CONFIG, min(self.now, at + 5 * DAY), self.who["Tom"], number)

    def _refuse(self, creator_id: str, dollars: int, at: dt.datetime) -> None:
        number = self._request(self.quiet, creator_id, dollars, at)
        why = "The account's name doesn't match yours. Correct it with support, then ask again."
        with self.quiet.transaction() as session:
            approvals.reject(session, CONFIG, at + dt.timedelta(hours=3), self.who["Mira"], number, PLATFORM, why)

    def _goodwill(self, at: dt.datetime) -> None:
        why = "Goodwill for the outage of the remix service."
        with self.quiet.transaction() as session:
            one = adjustments.propose(session, CONFIG, at, self.who["Tom"], "ada", PROGRAM, 15 * MICROS, why)
        with self.quiet.transaction() as session:
            adjustments.approve(session, CONFIG, at + dt.timedelta(minutes=20), self.who["Noor"], one.id or 0)

    def _hold_back(self, at: dt.datetime) -> None:
        with self.quiet.transaction() as session:
            freezes.freeze(session, at, self.who["Tom"], "formula", "Payment details are being checked by the bank.")

    # What chat hears of.

    def _speak_up(self) -> None:
        with self.quiet.transaction() as session:
            noor = self.who["Noor"]
            earnings, approving = (Destination(PLATFORM, WORKSPACE, channel) for channel in CHANNELS)
            subscriptions.subscribe(session, self.now, noor, earnings, "digest", "daily")
            subscriptions.subscribe(session, self.now, noor, approving, "approvals")

    def _open_request(self) -> None:
        """One request that needs two approvers lies before them."""
        self._request(self.database, "lucia-fernandez", 600, self.now - dt.timedelta(minutes=50))


def _creator_row(one: SampleCreator) -> Mapping[str, str]:
    row = {"creator_id": one.creator_id, "name": one.name, "country": one.country, "timezone": one.timezone}
    return row | ({"email": f"{one.creator_id}@example.com"} if one.fame > 1 else {})


def _project_row(project: _Project) -> Mapping[str, str]:
    return {
        "project_id": project.project_id,
        "creator_id": project.creator_id,
        "program": PROGRAM,
        "name": project.name,
        "published_on": project.published.isoformat(),
        "deleted_at": iso(project.deleted_at) if project.deleted_at else "",
    }


def _all_taken(rejected: list[object] | object) -> None:
    if rejected:
        raise ValueError(f"the sample data was refused: {rejected}")
