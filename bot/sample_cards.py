"""A card of every template, drawn from a throw-away sample desk: what a platform is asked about before anyone needs it.

People of the sample platform type every command's sample line, press one button of each kind, and the night after is
settled; whatever is drawn meanwhile, asked for or not, is kept. What nothing of that draws can be told by its absence.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from sqlalchemy import Date, bindparam, select

from adapters.web.playground import PLATFORM, WORKSPACE
from bot import sample
from bot.bootstrap import App, build, prepare
from bot.relay import Relay
from bot.sample_assistants import ASSISTERS
from bot.settings import Secret, Settings
from core import people
from core.chat import outbox, subscriptions, templates
from core.chat.cards import Actions, Button, Card, FormField, Select
from core.chat.outbox import ChannelLost, Destination
from core.chat.registry import COMMAND_ACTIONS, REGISTRY, Reply
from core.clock import DAY, system_clock
from core.earnings import catalog, stats
from core.earnings.month_tables import MonthUse
from core.earnings.payments import accept_payments
from core.earnings.periods import closed_through
from core.earnings.settlement import settle_due
from core.earnings.tables import Project
from core.errors import DeskError
from core.payouts import processing, withdrawals
from core.people import Identity
from core.storage import publish, table_of

CHANNEL = Destination(PLATFORM, WORKSPACE, sample.CHANNELS[1])
LOST = Destination(PLATFORM, WORKSPACE, "gone")
PEOPLE = ("ada", "kenji", "mira", "tom", "noor")
LINES = (
    ("ada", "/settings alerts=on"),
    ("ada", f"/stats program={sample.PROGRAM}"),
    ("ada", f"/stats program={ASSISTERS}"),
    ("ada", "/stats"),
    ("ada", "/payouts 7"),
    ("ada", "/payouts 1"),
    ("ada", "/link"),
    ("ada", "/withdraw"),
    ("ada", "/help paid"),
    ("ada", "/help withdraw"),
    ("ada", "/nonsense"),
    ("noor", "/desk"),
    ("noor", "/desk digest test"),
    ("noor", "/desk digest on daily full"),
    ("tom", "/desk approve"),
    ("noor", "/desk settlement dry-run"),
    ("noor", "/desk export transactions"),
)
HELD = "grace-hopper"  # a creator of assistants whom the next payout passes over
ASKED = f"/withdraw 60 bank program={sample.PROGRAM}"
REASON = "The account's name doesn't match; please look again."

_USE, _PROJECT = table_of(MonthUse), table_of(Project)
# Who used an assistant of Ada's in the last month that is closed.
_A_SUBSCRIBER = (
    select(_USE.c.user_id, _USE.c.month)
    .join(_PROJECT, _PROJECT.c.project_id == _USE.c.project_id)
    .where(_PROJECT.c.creator_id == "ada", _USE.c.tokens > 0, _USE.c.month <= bindparam("closed", type_=Date))
    .order_by(_USE.c.month.desc(), _USE.c.tokens.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A card, and the template that it is of."""

    template: str
    card: Card


@cache
def sample_cards() -> tuple[Sequence[Drawn], Sequence[str]]:
    """For each template its fullest card, by name; and the templates that nothing drew. The first call takes seconds.

    Not on a running event loop: it runs one of its own.
    """
    fullest: dict[str, Card] = {}

    def seen(template: str, card: Card) -> None:
        if template not in fullest or len(repr(card)) > len(repr(fullest[template])):
            fullest[template] = card

    with _desk() as app, templates.watched(seen):
        asyncio.run(_Tour(app).walk())
        _ask_which(app)
    missing = [name for name in all_templates() if name not in fullest]
    return tuple(Drawn(name, card) for name, card in sorted(fullest.items())), tuple(missing)


def all_templates() -> list[str]:
    """Every template that makes a card, by name; those that begin with "_" are parts of others."""
    found = templates.DIRECTORY.rglob("*.card")
    names = (path.relative_to(templates.DIRECTORY).with_suffix("").as_posix() for path in found)
    return sorted(name for name in names if not Path(name).name.startswith("_"))


@contextmanager
def _desk() -> Iterator[App]:
    """The sample platform in a file that is deleted afterwards; its clock stands two days later for what comes due."""
    now = system_clock()
    with tempfile.TemporaryDirectory(prefix="earnings-desk-cards-", ignore_cleanup_errors=True) as folder:
        url = f"sqlite:///{Path(folder) / 'sample.db'}"
        app = build(replace(Settings(), desk=sample.CONFIG, database_url=Secret(url)), lambda: now)
        try:
            prepare(app)
            sample.load(app.database, app.rails, now)
            yield app
        finally:
            app.close()


def _ask_which(app: App) -> None:
    """With a second program, the desk asks which one is meant."""
    second = replace(sample.CONFIG.programs[sample.PROGRAM], slug="second", title="Second")
    config = replace(sample.CONFIG, programs={**sample.CONFIG.programs, "second": second})
    two = build(replace(app.settings, desk=config), app.clock)
    try:
        prepare(two)
        with two.database.transaction() as session:
            ada, noor = people.resolve(session, "ada"), people.resolve(session, "Noor")
            row = {"project_id": "second-1", "creator_id": "ada", "program": "second", "name": "Second"}
            published = {"published_on": app.clock().date().isoformat(), "deleted_at": ""}
            catalog.upsert_projects(session, [row | published], app.clock())
        two.desk.run_as(ada, "/withdraw")
        two.desk.run_as(noor, f"/desk adjust ada 5.00 {REASON}")
    finally:
        two.close()


@dataclass(slots=True)
class _Sink:
    """A platform where everything arrives."""

    platform: str = PLATFORM
    count: int = 0

    async def post(self, to: Destination, card: Card, key: str) -> str:  # noqa: ARG002 - as ports are called
        self.count += 1
        return str(self.count)

    async def repaint(self, to: Destination, message_id: str, card: Card) -> None:
        """Nothing to do."""

    async def find(self, to: Destination, key: str, since: dt.datetime) -> str | None:  # noqa: ARG002 - as above
        return None


class _Tour:
    """What people do, in an order in which each step finds what the one before left."""

    def __init__(self, app: App) -> None:
        self.app, self.desk = app, app.desk
        self.pressed: set[str] = set()

    async def walk(self) -> None:
        """Everything."""
        await self._deliver(dt.timedelta())
        for who in ("ada", "noor", "stranger"):
            await self.desk.home(_identity(who), Destination(PLATFORM, WORKSPACE, user_id=who))
        # First of all a small request: what is pressed once isn't pressed again for the whole balance.
        for who, line in (("ada", ASKED), *self._samples(), *LINES):
            await self._press_all(await self._run(who, line))
        await self._decide_one()
        self._what_is_rare()
        with self.app.database.transaction() as session:
            code, _ = people.create_link_code(session, self.app.clock(), people.resolve(session, "ada").person_id)
        await self._run("ada-phone", f"/link {code}")
        await self._deliver(dt.timedelta(days=2))
        await self._end_a_month()

    def _samples(self) -> Iterator[tuple[str, str]]:
        """Every command's sample line, by somebody who may use it; leaving the desk comes last."""
        commands = sorted(REGISTRY.commands.values(), key=lambda one: one.name == "unlink")
        for command in commands:
            who = "kenji" if command.name == "unlink" else "ada" if not command.roles else "noor"
            yield who, command.example

    async def _run(self, who: str, line: str) -> tuple[str, Reply]:
        return who, await self.desk.run(_identity(who), line, CHANNEL)

    async def _press_all(self, answered: tuple[str, Reply]) -> None:
        """One control of each kind that hasn't been used yet, and those of the cards that come of it."""
        who, reply = answered
        waiting = list(_controls(reply.card))
        while waiting:
            action, value, form = waiting.pop(0)
            kind = f"{action}|{value.split()[0] if action in COMMAND_ACTIONS else ''}"
            if kind in self.pressed:
                continue
            self.pressed.add(kind)
            fields = {field.name: _answer(field) for field in form}
            answer = await self.desk.press(_identity(who), action, value, fields, CHANNEL)
            waiting += _controls(answer.card)

    async def _decide_one(self) -> None:
        """Requests that are thrown away, approved one by one and together, refused, paid, failed and returned."""
        await self._first_press("ada", ASKED, "withdraw.cancel")
        await self._request("ada")
        await self._first_press("mira", "/desk batch", "payout.batch")
        await self._run("tom", f"/desk adjust ada 5.00 program={sample.PROGRAM} {REASON}")
        await self._first_press("noor", "/desk adjustments", "adjust.approve")
        await self._deliver(dt.timedelta())
        for creator, ending in (("ada", "paid"), ("ada", "reject"), ("ada", "failed"), ("ada", "returned")):
            number = await self._request(creator)
            if number is None:
                continue
            if ending == "reject":
                await self._press("mira", "payout.reject", str(number), reason=REASON)
                continue
            for who in ("mira", "tom"):
                await self._press(who, "payout.approve", str(number))
            await self._deliver(dt.timedelta())
            if ending == "failed":
                await self._press("noor", "payout.failed", str(number), reason=REASON)
                continue
            await self._press("noor", "payout.paid", str(number), reference="TR-20418")
            if ending == "returned":
                with self.app.database.transaction() as session, suppress(DeskError):
                    withdrawals.mark_returned(session, self.app.config, self.app.clock(), None, number, REASON)

    async def _first_press(self, who: str, line: str, action: str) -> Reply | None:
        """Type a line and press the first button with that action; what came of it, None where there is none."""
        _, reply = await self._run(who, line)
        for button in reply.card.buttons:
            if button.action == action:
                return await self._press(who, action, button.value)
        return None

    async def _request(self, creator: str) -> int | None:
        """A request of $60.00; its number, None when the sample can't afford one more."""
        made = await self._first_press(creator, ASKED, "withdraw.confirm")
        if made is None:
            return None
        return next((int(one.value) for one in made.card.buttons if one.value.isdecimal()), None)

    async def _press(self, who: str, action: str, value: str, **fields: str) -> Reply:
        return await self.desk.press(_identity(who), action, value, fields, CHANNEL)

    def _what_is_rare(self) -> None:
        """A channel and a workspace that are lost, a payment that comes late, a night that is settled."""
        app, now = self.app, self.app.clock()
        with app.database.transaction() as session:
            subscriptions.subscribe(session, now, people.resolve(session, "Noor"), LOST, "digest")
            publish(session, ChannelLost(LOST, "it was archived", now))
        self._pay_late()
        settle_due(app.database, app.config, now + dt.timedelta(days=1))
        with app.database.transaction() as session:
            elsewhere = Destination(PLATFORM, "elsewhere", "earnings")
            subscriptions.subscribe(session, now, people.resolve(session, "Noor"), elsewhere, "digest")
            subscriptions.workspace_gone(session, now, PLATFORM, "elsewhere", "the desk was removed")

    async def _end_a_month(self) -> None:
        """The next payout, with somebody who can't be paid."""
        app, now = self.app, self.app.clock()
        program = app.config.programs[ASSISTERS]
        with app.database.transaction() as session:
            code, _ = people.create_link_code(session, now, people.resolve(session, HELD).person_id)
        await self._run(HELD, f"/link {code}")
        await self._run("noor", f"/desk freeze {HELD} {REASON}")
        due = processing.next_payout(program, now)
        if due - now < 3 * DAY:  # too soon after a new account was linked
            due = processing.next_payout(program, due)
        settle_due(app.database, app.config, due)
        made = processing.process_due(app.database, app.config, due)[-1]
        with app.database.transaction() as session:
            # One card for all that is paid by hand is for batches larger than the sample's.
            noor = people.resolve(session, "Noor").person_id
            outbox.put(session, due, "many", "unasked/batch_to_pay", {"batch": made.batch_id}, person_id=noor)
        await self._deliver(due - now + DAY)
        await self._press("mira", "batch.list", str(made.batch_id))
        await self._press("mira", "batch.approve", str(made.batch_id))

    def _pay_late(self) -> None:
        """A subscription payment for a month that is closed."""
        app, now = self.app, self.app.clock()
        with app.database.reading() as session:
            user, month = session.execute(
                _A_SUBSCRIBER, {"closed": closed_through(stats.settled_through(session, ASSISTERS))}
            ).one()
        row = {"payment_id": "late", "user_id": user, "plan": "Plus", "amount_usd": "19.00", "referrer_id": "ada"}
        dates = {"paid_at": now.isoformat(), "month": f"{month:%Y-%m}"}
        accept_payments(app.database, app.config, [row | dates], "late", now, program=ASSISTERS)

    async def _deliver(self, later: dt.timedelta) -> None:
        """Draw what waits to be said, and send payouts that are due."""
        app, now = self.app, self.app.clock()
        relay = Relay(app.database, app.config, {PLATFORM: _Sink()}, app.rails, lambda: now + later)
        await relay.drain()


def _controls(card: Card) -> Iterator[tuple[str, str, tuple[FormField, ...]]]:
    """Action, value and questions of every button, and of every menu's last choice."""
    for block in card.blocks:
        for item in block.items if isinstance(block, Actions) else ():
            if isinstance(item, Select):
                yield item.action, item.options[-1].value, ()
            else:
                yield item.action, item.value, item.form or ()


def _identity(who: str) -> Identity:
    return Identity(PLATFORM, who, WORKSPACE)


def _answer(field: FormField) -> str:
    """Something that a question takes."""
    if field.value:
        return field.value
    if field.options:
        return field.options[0].value
    if field.kind == "number":
        return "1"
    return REASON if (field.min_length or 0) > 1 or field.kind == "long" else "TR-20418"


def forms(drawn: Sequence[Drawn]) -> Mapping[str, Button]:
    """One button with questions of each kind, by its action and label."""
    found: dict[str, Button] = {}
    for one in drawn:
        for button in one.card.buttons:
            if button.form:
                found.setdefault(f"{button.action} ({button.label})", button)
    return found
