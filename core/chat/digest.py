"""The facts of digests: what a channel reads after a settlement, and what a creator reads the morning after.

Facts are read in the settlement's own transaction and kept with the message, so that a digest reports what was
committed then, however late it is delivered. Privacy (domain.md, "Messages out"): a public channel sees totals only
where at least PUBLIC_LEAST creators earned, and names only of creators who opted in; a `full` channel sees everything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, func, or_, select
from sqlmodel import Session

from core.chat import settings
from core.chat.charts import describe
from core.chat.digest_months import MorningMonth, by_month, late_months, month_facts, morning_months
from core.chat.kinds import FACES, words_of
from core.chat.tables import PersonSettings
from core.chat.words import day_text
from core.clock import DAY
from core.config import DeskConfig
from core.earnings.facts import SettlementPosted
from core.earnings.periods import Days
from core.earnings.platform import PlatformDay, platform_day
from core.earnings.programs import kind_in
from core.earnings.tables import Creator, ProgramState, Project, SettlementLine
from core.ledger import seal
from core.ledger.money import decimal_text
from core.ledger.tables import Account
from core.people import Person
from core.storage import table_of

PUBLIC_LEAST = 5
TOP = 5
PROJECTS_SHOWN = 5

Facts = dict[str, object]

_LINE, _PROJECT, _CREATOR = table_of(SettlementLine), table_of(Project), table_of(Creator)
_PERSON, _SETTINGS, _ACCOUNT = table_of(Person), table_of(PersonSettings), table_of(Account)


def week_of(start: dt.date, through: dt.date) -> tuple[dt.date, dt.date] | None:
    """The last Monday-to-Sunday week that a run brought to its end, None when it ended none."""
    sunday = through - DAY * ((through.weekday() + 1) % 7)
    return (sunday - DAY * 6, sunday) if sunday >= start else None


@dataclass(frozen=True, slots=True)
class Run:
    """What a digest says of the settlement itself. head: the seal; entry_id: None when no money moved."""

    settled_at: dt.datetime
    head: str | None
    entry_id: int | None


def channel_facts(
    session: Session, program: str, start: dt.date, through: dt.date, run: Run, *, full: bool, weekly: bool
) -> Facts:
    """What templates/unasked/digest.card shows, as JSON."""
    figures = platform_day(session, program, start, through, _admitted(full), TOP)
    few: set[dt.date] = set() if full else _few(session, figures)
    enough = full or figures.creators >= PUBLIC_LEAST
    shown = enough and _apart(session, program, figures.days, few)
    before = figures.days.before()
    told = full or _enough(session, program, _LINE.c.day.between(before.first, before.last))
    compared = shown and told and _apart(session, program, before, few)
    top = [{"name": one.name, "amount": one.amount if full else None} for one in figures.top]
    months = month_facts(session, program, figures.days, _admitted(full), full=full, least=PUBLIC_LEAST, top=TOP)
    facts: Facts = {
        "program": program,
        "start": start.isoformat(),
        "through": through.isoformat(),
        "weekly": weekly,
        "full": full,
        "settled_at": run.settled_at.isoformat(),
        "head": run.head or "",
        "nothing": figures.creators == 0 and figures.amount == 0 and not months,
        "hidden": not shown,
        "few_days": enough and not shown,
        "projects": figures.projects if shown else 0,
        "creators": figures.creators if shown else 0,
        "amount": figures.amount if shown else 0,
        "before": figures.before if compared else None,
        "top": top,
        "late": _late(session, run.entry_id, full),
        "months": months,
        "late_months": late_months(session, run.entry_id, full),
    }
    return facts | _chart(session, figures, few)


def _few(session: Session, figures: PlatformDay) -> set[dt.date]:
    """Of the last 30 days those that earned, but fewer than PUBLIC_LEAST creators: no public channel is told of them.

    A day without earnings is told as such in its own digest too.
    """
    program = figures.program
    return {day for day, amount in figures.series if amount and not _enough(session, program, _LINE.c.day == day)}


def _apart(session: Session, program: str, days: Days, few: AbstractSet[dt.date]) -> bool:
    """Whether a total of these days tells nothing of those that are not told of: the others are known one by one, so
    what is left of it has to be of nobody, or of as many creators again."""
    hidden = sorted(day for day in few if days.first <= day <= days.last)
    return not hidden or _enough(session, program, _LINE.c.day.in_(hidden))


def _admitted(full: bool) -> Select[tuple[str]]:
    """Creators whose projects may be named."""
    if full:
        return select(_CREATOR.c.creator_id)
    opted_in = select(_PERSON.c.creator_id).join(_SETTINGS, _SETTINGS.c.person_id == _PERSON.c.id)
    return opted_in.where(_SETTINGS.c.public_name)


def _enough(session: Session, program: str, on_days: ColumnElement[bool], sample: int = 50) -> bool:
    """Whether at least PUBLIC_LEAST creators earned more than nothing on those days.

    Looks at a sample first, so that a month of big days costs no more than a month of small ones.
    """
    mine = (_PROJECT.c.program == program) & on_days
    lines = _LINE.join(_PROJECT, _LINE.c.project_id == _PROJECT.c.project_id)
    some = select(_PROJECT.c.creator_id).select_from(lines).where(mine, _LINE.c.share > 0).distinct().limit(sample)
    candidates = session.execute(some).scalars().all()
    earned = select(_PROJECT.c.creator_id).select_from(lines).where(mine).group_by(_PROJECT.c.creator_id)
    earned = earned.having(func.sum(_LINE.c.share) > 0).limit(PUBLIC_LEAST)
    if len(session.execute(earned.where(_PROJECT.c.creator_id.in_(candidates))).all()) >= PUBLIC_LEAST:
        return True
    # Fewer candidates than asked for are all there are: nobody earns without a line above zero.
    return len(candidates) >= sample and len(session.execute(earned).all()) >= PUBLIC_LEAST


def _chart(session: Session, figures: PlatformDay, few: AbstractSet[dt.date]) -> Facts:
    """The last 30 days by day, from the first that earned, without the days that too few creators share."""
    series = dropwhile(lambda one: not one[1], figures.series)
    known = [(day, amount, day not in few) for day, amount in series]
    kept = list(dropwhile(lambda one: not one[1], ((day_text(day), amount) for day, amount, may in known if may)))
    points = [[label, decimal_text(amount)] for label, amount in kept]
    left_out = sum(not may for _, _, may in known)
    what = FACES[kind_in(session, figures.program).name].words.by_day
    return {"points": points, "alt": describe(what, kept), "days_left_out": left_out}


def _late(session: Session, entry_id: int | None, full: bool) -> list[dict[str, object]]:
    """Earlier days that this run posted a difference for; amounts only for `full`: one may be one creator's."""
    if entry_id is None:
        return []
    amount = cast(func.sum(_LINE.c.share), BigInteger)
    mine = select(_LINE.c.day, amount).where(_LINE.c.entry_id == entry_id, _LINE.c.late)
    rows = session.execute(mine.group_by(_LINE.c.day).order_by(_LINE.c.day))
    return [{"day": day.isoformat(), "amount": total if full else None} for day, total in rows]


@dataclass(slots=True)
class Morning:
    """One creator's message after a settlement: to whom, when it is due, and what it says. Amounts in micro-dollars."""

    person_id: int
    due: dt.datetime
    name: str
    posted: SettlementPosted
    balance_after: int
    amount: int = 0
    late: int = 0
    wallet: str = "available"
    earned: dict[str, tuple[str, int]] = field(default_factory=dict)
    months: list[MorningMonth] = field(default_factory=list)

    def count(self, project_id: str, project: str, amount: int, late: int) -> None:
        """Take in what the run posted for one project."""
        self.amount += amount
        self.late += late
        before = self.earned[project_id][1] if project_id in self.earned else 0
        self.earned[project_id] = (project, before + amount)

    def count_month(self, line: MorningMonth) -> None:
        """Take in what the run posted of a month, for an assistant or in commissions."""
        self.months.append(line)
        if line.project_id:
            self.count(line.project_id, line.project_name, line.amount, line.late)
        else:
            self.amount += line.amount
            self.late += line.late

    @property
    def projects(self) -> list[tuple[str, int]]:
        """Names and amounts, the largest amount first."""
        changed = [(one, key) for key, one in self.earned.items() if one[1]]
        return [one for one, _ in sorted(changed, key=lambda found: (-found[0][1], found[1]))]

    @property
    def is_news(self) -> bool:
        """Whether the run changed anything for this creator."""
        return bool(self.projects) or any(line.amount for line in self.months)

    @property
    def facts(self) -> Facts:
        """What templates/unasked/morning.card shows, as JSON. projects: those with the most, `more` others."""
        return {
            "program": self.posted.program,
            "start": (self.posted.start or self.posted.through).isoformat(),
            "through": self.posted.through.isoformat(),
            "corrected": self.posted.start is None,
            "name": self.name,
            "amount": self.amount,
            "late": self.late,
            "before": self.balance_after - self.amount,
            "after": self.balance_after,
            "projects": self.projects[:PROJECTS_SHOWN],
            "more": max(0, len(self.projects) - PROJECTS_SHOWN),
            "wallet": self.wallet,
            "months": by_month(self.months),
        }


def mornings(session: Session, posted: SettlementPosted) -> list[Morning]:
    """A message for everyone who asked for one and whose balance this run changed.

    Due at the hour they chose, by their own clock; at once when the run ended within that hour.
    """
    if posted.entry_id is None or _nobody_listens(session):
        return []
    wallet = kind_in(session, posted.program).wallet
    days = session.execute(_morning_lines(posted)).all()
    months = morning_months(session, posted.entry_id)
    changed = {row.person_id for row in days} | {line.person_id for line in months}
    found = {}
    for row in session.execute(_listeners(posted.program, wallet)):
        if row.person_id in changed:
            zone = settings.zone(row.timezone or row.creator_zone)
            due = settings.at_hour(posted.settled_at, row.digest_hour, zone)
            found[row.person_id] = Morning(row.person_id, due, row.name, posted, row.balance, wallet=wallet)
    for row in days:
        found[row.person_id].count(row.project_id, row.name, row.amount, row.late)
    for line in months:
        found[line.person_id].count_month(line)
    return [morning for morning in found.values() if morning.is_news]


def _nobody_listens(session: Session) -> bool:
    listening = select(_SETTINGS.c.person_id).where(_SETTINGS.c.digest_hour.is_not(None)).limit(1)
    return session.execute(listening).first() is None


def _listeners(program: str, wallet: str) -> Select[Any]:
    """Who asked for a message, with their hour, their clock and the wallet's balance after the run."""
    return (
        select(
            _PERSON.c.id.label("person_id"),
            _SETTINGS.c.timezone,
            _SETTINGS.c.digest_hour,
            _CREATOR.c.timezone.label("creator_zone"),
            _CREATOR.c.name,
            _ACCOUNT.c.balance,
        )
        .join_from(_SETTINGS, _PERSON, _SETTINGS.c.person_id == _PERSON.c.id)
        .join(_CREATOR, _CREATOR.c.creator_id == _PERSON.c.creator_id)
        .join(_ACCOUNT, _ACCOUNT.c.creator == _CREATOR.c.creator_id)
        .where(_SETTINGS.c.digest_hour.is_not(None), _ACCOUNT.c.program == program, _ACCOUNT.c.role == wallet)
        .order_by(_PERSON.c.id)
    )


def _morning_lines(posted: SettlementPosted) -> Select[Any]:
    """A row per listener and project: what this run posted."""
    amount = cast(func.sum(_LINE.c.share), BigInteger)
    late = cast(func.sum(case((_LINE.c.late, _LINE.c.share), else_=0)), BigInteger)
    return (
        select(
            _PERSON.c.id.label("person_id"),
            _PROJECT.c.project_id,
            _PROJECT.c.name,
            amount.label("amount"),
            late.label("late"),
        )
        .join_from(_LINE, _PROJECT, _LINE.c.project_id == _PROJECT.c.project_id)
        .join(_PERSON, _PERSON.c.creator_id == _PROJECT.c.creator_id)
        .join(_SETTINGS, _SETTINGS.c.person_id == _PERSON.c.id)
        .where(_LINE.c.entry_id == posted.entry_id, _on_days(posted), _SETTINGS.c.digest_hour.is_not(None))
        .group_by(_PERSON.c.id, _PROJECT.c.project_id, _PROJECT.c.name)
    )


def _on_days(posted: SettlementPosted) -> ColumnElement[bool]:
    """The days that a run posted for: lines are found by day, not by entry."""
    late = _LINE.c.day.in_(posted.late_days)
    return late if posted.start is None else or_(late, _LINE.c.day.between(posted.start, posted.through))


def latest(session: Session, program: str, *, full: bool, weekly: bool) -> Facts | None:
    """The digest of the last settled day (or week), as it would read now; None before the first settlement."""
    state = session.get(ProgramState, program, populate_existing=True)
    if state is None or state.settled_through is None or state.settled_at is None:
        return None
    through = state.settled_through
    week = week_of(dt.date.min + DAY * 7, through) if weekly else None
    start, through = week or (through, through)
    run = Run(state.settled_at, seal.head(session), None)
    return channel_facts(session, program, start, through, run, full=full, weekly=weekly)


def shown(config: DeskConfig, facts: Mapping[str, object]) -> Facts:
    """Stored facts with what configuration adds: the program's title, empty where the desk has only one program; and
    the words of its kind."""
    slug = str(facts["program"])
    program = config.programs.get(slug)
    title = (program.title if program else "") or slug
    later: Facts = {
        "months": [],
        "late_months": [],
        "wallet": "available",
        "few_days": False,
    }  # facts kept before there were any
    return {**later, **facts, "title": title if len(config.programs) > 1 else "", "words": words_of(config, slug)}
