"""The dashboard's card: a creator's live figures, what waits for those who run the desk (core.chat.home repaints it).

Everything is read when it is drawn. It holds a few of each kind and says how many more there are, and where.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from core import people
from core.chat import settings, templates
from core.chat.cards import Card, CardTooLarge, shown_name
from core.chat.commands.desk_queue import Waiting, waiting_line
from core.chat.commands.own import known_programs
from core.chat.commands.payouts import expected_text
from core.chat.commands.personal import direct_messages
from core.chat.kinds import Balance, Month, Top, face_of, noun_of
from core.chat.outbox import Destination
from core.chat.registry import Call, form_of
from core.chat.words import days_text, plural
from core.clock import DAY
from core.config import DeskConfig, Program
from core.earnings.periods import Days
from core.ledger import accounts
from core.ledger.accounts import Wallet
from core.payouts import adjustments, approvals, guard, views
from core.payouts.tables import Withdrawal
from core.payouts.words import status_word
from core.people import Identity

HINDRANCE_SHOWN = 200  # characters of a reason why nothing can be withdrawn; /balance says all of it


@dataclass(frozen=True, slots=True)
class Room:
    """How many of each kind are shown."""

    programs: int
    projects: int
    payouts: int
    queue: int


ROOMS = (Room(3, 5, 5, 3), Room(2, 3, 3, 2), Room(1, 1, 1, 1))


@dataclass(frozen=True, slots=True)
class SaidMonth:
    """The calendar month to date in one program. days: as people read them; change: on last month's same days."""

    days: str
    settled: int
    estimate: int
    change: str


@dataclass(frozen=True, slots=True)
class Earning:
    """One program of a creator's."""

    balance: Balance
    hindrance: str
    month: SaidMonth


@dataclass(frozen=True, slots=True)
class Payout:
    """An open withdrawal. expected: when the money should arrive."""

    shown: str
    amount: int
    status: str
    expected: str


@dataclass(frozen=True, slots=True)
class Queued:
    """A withdrawal that waits for a decision; age: since when."""

    line: Waiting
    age: str


def card(session: Session, config: DeskConfig, now: dt.datetime, identity: Identity, surface: Destination) -> Card:
    """The dashboard as it reads now for whoever the account speaks for; how to link, for an account of nobody's."""
    who = people.actor_of(session, identity)
    if who is None:
        return templates.render("link_how", form_of=form_of, now=now, name="")
    call = Call(session, config, now, who, identity, surface, settings.zone_of(session, who))
    facts = _facts(call)
    for room in ROOMS[:-1]:
        try:
            return call.card("home", **_cut(facts, room))
        except CardTooLarge:
            continue  # long names and reasons: fewer of them, and where to read the others
    return call.card("home", **_cut(facts, ROOMS[-1]))


@dataclass(frozen=True, slots=True)
class _Facts:
    """Everything that could be shown; the first of each kind, and how many there are."""

    desk: str
    name: str
    creator: bool
    roles: frozenset[str]
    earnings: Sequence[Earning]
    programs: int
    noun: str
    top: Sequence[Top]
    projects: int
    payouts: Sequence[Payout]
    open: int
    queue: Sequence[Queued]
    waiting: int
    waiting_total: int
    to_pay: int
    to_pay_total: int
    adjustments: int
    chosen: dict[str, object]


def _facts(call: Call) -> _Facts:
    most, actor = ROOMS[0], call.actor
    earnings: list[Earning] = []
    top: list[Top] = []
    payouts: list[Withdrawal] = []
    programs: list[Program] = []
    projects = 0
    if actor.creator_id is not None:
        wallets = accounts.wallets(call.session, actor.creator_id)
        programs = known_programs(call.config, wallets)
        for program in programs:
            month = face_of(program).month(call, program)
            top += month.top
            if len(earnings) < most.programs:
                earnings.append(_earning(call, program, wallets[program.slug], month))
        payouts = views.open_of(call.session, actor.creator_id)
        projects = len(top)
        top.sort(key=lambda one: (-one.amount, one.name))
    queue = approvals.queue(call.session) if actor.may("approver") else []
    to_pay = views.every(call.session, ("sent",)) if actor.may("admin") else []
    return _Facts(
        desk=shown_name(call.config.name),
        name=shown_name(actor.name),
        creator=actor.creator_id is not None,
        roles=frozenset(role for role in ("approver", "admin") if actor.may(role)),
        earnings=earnings,
        programs=len(programs),
        noun=noun_of(call.config, {program.slug for program in programs[: most.programs]}),
        top=top[: most.projects],
        projects=projects,
        payouts=[_payout(one) for one in payouts[: most.payouts]],
        open=len(payouts),
        queue=[Queued(waiting_line(call, one), age_text(call.now - one.requested_at)) for one in queue[: most.queue]],
        waiting=len(queue),
        waiting_total=sum(one.amount for one in queue),
        to_pay=len(to_pay),
        to_pay_total=sum(one.amount - one.fee for one in to_pay),
        adjustments=len(adjustments.proposed(call.session)) if actor.may("admin") else 0,
        chosen=_chosen(call),
    )


def _cut(facts: _Facts, room: Room) -> dict[str, object]:
    """What templates/home.card shows, with so much of each kind; `more_…`: how many are left out."""
    earnings, top = facts.earnings[: room.programs], facts.top[: room.projects]
    payouts, queue = facts.payouts[: room.payouts], facts.queue[: room.queue]
    return {
        "desk": facts.desk,
        "name": facts.name,
        "creator": facts.creator,
        "approver": "approver" in facts.roles,
        "admin": "admin" in facts.roles,
        "earnings": earnings,
        "several": facts.programs > 1,
        "noun": facts.noun,
        "more_programs": facts.programs - len(earnings),
        "can_withdraw": any(not one.balance.hindrance for one in facts.earnings),
        "top": top,
        "more_top": facts.projects - len(top),
        "payouts": payouts,
        "more_payouts": facts.open - len(payouts),
        "queue": queue,
        "waiting": facts.waiting,
        "waiting_total": facts.waiting_total,
        "to_pay": facts.to_pay,
        "to_pay_total": facts.to_pay_total,
        "adjustments": facts.adjustments,
        **facts.chosen,
    }


def _earning(call: Call, program: Program, wallet: Wallet, month: Month) -> Earning:
    """A program's part of the card."""
    face = face_of(program)
    balance = face.balance(call, program, wallet)
    said = SaidMonth(_days(month.days), month.settled, month.estimate, _change(month.change))
    return Earning(balance, _hindrance(balance.hindrance), said)


def _change(percent: int | None) -> str:
    if percent is None:
        return ""
    sign = "+" if percent > 0 else "±" if percent == 0 else "−"
    return f"{sign}{abs(percent):,}%"


def _days(days: Days | None) -> str:
    return days_text(days.first, days.last) if days is not None else ""


def _hindrance(text: str) -> str:
    if len(text) <= HINDRANCE_SHOWN:
        return text
    return text[: HINDRANCE_SHOWN - 1].rstrip() + "… /balance says it all."


def _payout(one: Withdrawal) -> Payout:
    return Payout(guard.shown_id(one.id), one.amount, status_word(one.state), expected_text(one))


def _chosen(call: Call) -> dict[str, object]:
    chosen = settings.of(call.session, call.actor.person_id)
    return {
        "timezone": call.zone.key,
        "hour": "" if chosen.digest_hour is None else f"{chosen.digest_hour:02d}:00",
        "alerts": chosen.alerts,
        "public_name": chosen.public_name,
        "direct": direct_messages(call, chosen),
    }


def age_text(age: dt.timedelta) -> str:
    """How long something has waited: `3 days`, `5 hours`, `under an hour`."""
    if age >= DAY:
        return plural(age // DAY, "day")
    hours = age // dt.timedelta(hours=1)
    return plural(hours, "hour") if hours > 0 else "under an hour"
