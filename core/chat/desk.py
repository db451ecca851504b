"""The one seam between surfaces and the desk: who speaks, may they, run it in one transaction, say what came of it.

The only async file of core. Commands are synchronous functions; they run on a bounded pool of threads, so that a long
one never starves a gateway's heartbeat. Nothing here raises: whatever happens, there is an answer.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

import core.chat.commands  # noqa: F401 - every command and action is declared before a desk is made
from core import people
from core.chat import announcements, arguments, completion, dashboard, handles, home, inbox, outbox, settings, templates
from core.chat.cards import FormField
from core.chat.limits import problems
from core.chat.outbox import Destination
from core.chat.registry import (
    COMMAND_ACTIONS,
    REGISTRY,
    Action,
    Call,
    Command,
    Registry,
    Reply,
    RoleNeeded,
    Suggestion,
)
from core.chat.words import moment_text
from core.clock import Clock
from core.config import DeskConfig
from core.errors import DeskError, LedgerUnavailable
from core.people import Actor, Identity, NotLinked
from core.storage import Database

logger = logging.getLogger(__name__)

THREADS = 8
WAITING_MOST = 2_000  # calls that wait for a thread; more are refused at once instead of piling up
TERMINAL = Destination("cli")
REPLACING = ("page", "period")
OPEN = "open"
LEDGER_DOWN = (OperationalError, InterfaceError, PoolTimeout)


class UnclearOutcome(DeskError):
    """The ledger stopped answering while this was written down: it may or may not have taken effect.
    Look before you try again. Ref {reference}."""


class Broken(DeskError):
    """Nothing changed. Something broke on our side, and it has been noted. Ref {reference}."""


class Busy(DeskError):
    """Nothing changed. Too many requests at once. Try again in a few seconds."""


class StaleButton(DeskError):
    """Nothing changed. This button is from an older version of the desk. Ask for the card anew."""


@dataclass(frozen=True, slots=True)
class Once:
    """A payload that may come twice, as `inbox.store` knows it; a write that it asks for takes effect once.

    draw: the reply as text to be kept with it. It is called within the write's transaction: it opens none of its own.
    """

    item_id: int
    draw: Callable[[Reply], str]


@dataclass(frozen=True, slots=True)
class _Who:
    """Who speaks: a chat account (looked up inside the transaction) or, on the command line, a person already known."""

    identity: Identity | None = None
    actor: Actor | None = None
    surface: Destination = TERMINAL

    def resolve(self, session: Session) -> Actor | None:
        if self.identity is not None:
            return people.actor_of(session, self.identity)
        # Roles may have changed since the actor was read.
        return None if self.actor is None else people.actor(session, self.actor.person_id)


Work = Callable[[Call], Reply]


class Desk:
    """Answers what people type and press. nudge is called after a commit that left something in the outbox."""

    def __init__(
        self,
        database: Database,
        config: DeskConfig,
        clock: Clock,
        *,
        nudge: Callable[[], None] | None = None,
        registry: Registry = REGISTRY,
        threads: int = THREADS,
    ) -> None:
        self.database, self.config, self.clock = database, config, clock
        self.nudge, self.registry = nudge, registry.of(config)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="desk")
        # Completions come with every letter and at once, or not at all: they don't queue behind commands.
        self._typing = ThreadPoolExecutor(2, thread_name_prefix="desk-typing")
        self._waiting = 0

    def close(self) -> None:
        """Let what runs finish, and take nothing more."""
        self._typing.shutdown(wait=True, cancel_futures=True)
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def run(
        self,
        identity: Identity,
        text: str,
        surface: Destination,
        *,
        fields: Mapping[str, str] | None = None,
        once: Once | None = None,
    ) -> Reply:
        """Answer a command line typed on a chat surface; fields: arguments that the surface has by their names."""
        if fields:
            return await self.press(identity, OPEN, text, fields, surface, once=once)
        return await self._on_thread(lambda: self._run(_Who(identity, surface=surface), text, once=once))

    async def press(
        self,
        identity: Identity,
        action: str,
        value: str,
        fields: Mapping[str, str],
        surface: Destination,
        *,
        once: Once | None = None,
    ) -> Reply:
        """Answer a button; fields: the answers of its form, if it has one."""
        return await self._on_thread(lambda: self._press(_Who(identity, surface=surface), action, value, fields, once))

    async def form(self, identity: Identity, action: str, value: str) -> tuple[FormField, ...] | None:
        """The form of a button whose card is not at hand, as the person would get it now.

        None when it has none or they may not have it: pressing it says why.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._form, identity, action, value)
        except DeskError as refusal:
            logger.info("no form of %s: %s", action, refusal.text)
        except Exception:
            logger.exception("a form could not be made")
        return None

    async def home(self, identity: Identity, surface: Destination) -> Reply:
        """The dashboard of whoever opens it; from then on it is repainted whenever it changes (core.chat.home)."""
        return await self._on_thread(lambda: (self._home(identity, surface), False))

    async def suggest(self, identity: Identity, text: str) -> list[Suggestion]:
        """Ways to go on from what is typed so far; each value is the whole new text."""
        return await self._suggestions(lambda: self._suggest(_Who(identity), text))

    async def complete(self, identity: Identity, command: str, argument: str, typed: str) -> list[Suggestion]:
        """What one argument of a command could be, going by what is typed of it; each value is the argument's."""
        return await self._suggestions(lambda: self._complete(_Who(identity), command, argument, typed))

    async def _suggestions(self, work: Callable[[], list[Suggestion]]) -> list[Suggestion]:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._typing, work)
        except Exception:
            logger.exception("suggesting failed")
            return []

    def run_as(self, actor: Actor, text: str) -> Reply:
        """`run` for a person that the operator names (`ask`), on this thread."""
        return self._nudged(self._run(_Who(actor=actor), text))

    def press_as(self, actor: Actor, action: str, value: str, fields: Mapping[str, str] | None = None) -> Reply:
        """`press` for a person that the operator names, on this thread."""
        return self._nudged(self._press(_Who(actor=actor), action, value, fields or {}))

    def suggest_as(self, actor: Actor, text: str) -> list[Suggestion]:
        """`suggest` for a person that the operator names, on this thread."""
        return self._suggest(_Who(actor=actor), text)

    async def _on_thread(self, work: Callable[[], tuple[Reply, bool]]) -> Reply:
        if self._waiting >= WAITING_MOST:
            return self._refusal(Busy())
        self._waiting += 1
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1
        return self._nudged(answer)

    def _nudged(self, answer: tuple[Reply, bool]) -> Reply:
        reply, wrote = answer
        if wrote and self.nudge is not None:
            try:
                self.nudge()
            except Exception:
                logger.exception("waking the relay failed; it wakes by itself")
        return reply

    def _run(
        self, who: _Who, text: str, fields: Mapping[str, str] | None = None, once: Once | None = None
    ) -> tuple[Reply, bool]:
        try:
            command, rest = arguments.find(self.registry, text)
        except arguments.UnknownCommand as fault:
            group = self._group(text)
            if group:
                return self._answer(who, group, writes=False)
            return self._answer(who, _raising(fault), writes=False, public=True)

        def work(call: Call) -> Reply:
            _check(command, call.who)
            try:
                values = arguments.parse(command, rest, call.now, fields)
            except arguments.Missing as missing:
                return completion.ask(call, missing)
            return command.run(call, **values)

        return self._answer(who, work, command.writes, command.public, once)

    def _group(self, text: str) -> Work | None:
        """`/desk` alone, or with a word that is no subcommand: what there is."""
        words = text.strip().lstrip("/").lower().split()
        name = words[0] if words else ""
        members = self.registry.group(name)
        if not members:
            return None
        wrong = " ".join(words[1:])[:40]

        def work(call: Call) -> Reply:
            usable = [command for command in members if command.allows(call.actor)]
            if not usable:
                raise RoleNeeded(roles=_roles(sorted({role for command in members for role in command.roles})))
            card = call.card("group", name=name, wrong=wrong, commands=usable)
            return Reply(card, ok=not wrong)

        return work

    def _press(
        self, who: _Who, name: str, value: str, fields: Mapping[str, str], once: Once | None = None
    ) -> tuple[Reply, bool]:
        try:
            value, fields = self._meant(value, fields)
        except DeskError as refusal:
            return self._refusal(refusal), False
        except Exception as error:
            return self._broken(error, unclear=False), False
        if name in COMMAND_ACTIONS:
            reply, wrote = self._run(who, value, fields, once)
            return replace(reply, replaces=reply.ok and name in REPLACING), wrote
        action = self.registry.actions.get(name)
        if action is None:
            return self._answer(who, _raising(StaleButton()), writes=False)

        def work(call: Call) -> Reply:
            _check(action, call.who)
            values = arguments.parse_action(action, value, call.now, fields)
            return action.run(call, **values)

        return self._answer(who, work, action.writes, once=once)

    def _meant(self, value: str, fields: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        """What a button and its form say, with handles resolved; they seldom are any."""
        if not any(text.startswith(handles.PREFIX) for text in (value, *fields.values())):
            return value, fields
        with self.database.reading() as session:
            return handles.resolve(session, value), handles.resolve_fields(session, fields)

    def _form(self, identity: Identity, name: str, value: str) -> tuple[FormField, ...] | None:
        value, _ = self._meant(value, {})
        with self.database.reading() as session:
            call = self._call(session, _Who(identity))
            if name in COMMAND_ACTIONS:
                command, rest = arguments.find(self.registry, value)
                _check(command, call.who)
                return completion.form(call, command, arguments.read(command, rest, call.now).typed)
            action = self.registry.actions.get(name)
            if action is None:
                raise StaleButton
            _check(action, call.who)
            return completion.form_of_action(call, action, value)

    def _home(self, identity: Identity, surface: Destination) -> Reply:
        try:
            with self.database.reading() as session:
                known = home.is_open(session, identity)
            if not known:
                # Before it is drawn: what changes from now on repaints it.
                with self.database.transaction() as session:
                    home.opened(session, self.clock(), identity)
            with self.database.reading() as session:
                return Reply(dashboard.card(session, self.config, self.clock(), identity, surface))
        except DeskError as refusal:
            return self._refusal(refusal)
        except Exception as error:
            return self._broken(error, unclear=False)

    def _complete(self, who: _Who, command: str, argument: str, typed: str) -> list[Suggestion]:
        found = self.registry.commands.get(command)
        if found is None:
            return []
        with self.database.reading() as session:
            return completion.values(found, self._call(session, who), argument, typed)

    def _suggest(self, who: _Who, text: str) -> list[Suggestion]:
        with self.database.reading() as session:
            return completion.suggest(self.registry, self._call(session, who), text)

    def _call(self, session: Session, who: _Who) -> Call:
        actor = who.resolve(session)
        zone = settings.zone_of(session, actor) if actor else ZoneInfo("UTC")
        return Call(session, self.config, self.clock(), actor, who.identity, who.surface, zone)

    def _answer(
        self, who: _Who, work: Work, writes: bool, public: bool = False, once: Once | None = None
    ) -> tuple[Reply, bool]:
        """Run work in its transaction; every ending has a reply. The flag: whether the outbox got something."""
        finished, wrote, late = False, False, list[outbox.Notice]()
        try:
            with self.database.transaction() if writes else self.database.reading() as session:
                call = self._call(session, who)
                if call.who is None and not public:
                    raise NotLinked
                reply = work(call)
                if once is not None and writes:
                    session.flush()
                    inbox.keep(session, once.item_id, once.draw(reply))
                if call.who is not None:
                    late = outbox.notices(session, call.who.person_id)
                finished, wrote = True, outbox.wrote(session)
        except inbox.AlreadyTaken as taken:
            return replace(self._refusal(taken), again=True), False
        except DeskError as refusal:
            return self._refused_once(refusal, once if writes else None), False
        except Exception as error:
            return self._broken(error, unclear=finished and writes), False
        return self._with_notices(call, reply, late), wrote

    def _refused_once(self, refusal: DeskError, once: Once | None) -> Reply:
        """A refusal stands too: what somebody was told did not happen must not happen when the payload comes again."""
        reply = self._refusal(refusal)
        if once is not None:
            try:
                with self.database.transaction() as session:
                    inbox.keep(session, once.item_id, once.draw(reply))
            except inbox.AlreadyTaken:
                return replace(reply, again=True)
            except Exception:
                logger.exception("a refusal could not be kept")
        return reply

    def _with_notices(self, call: Call, reply: Reply, late: list[outbox.Notice]) -> Reply:
        """The reply, followed by messages that could not be delivered; each is shown once."""
        if not late:
            return reply
        try:
            with self.database.transaction() as session:
                card = reply.card
                for notice in late:
                    late_card = announcements.draw(session, self.config, call.now, notice)
                    at = moment_text(notice.created_at, call.zone)
                    heading = f"While your direct messages were closed, {at}: {late_card.title}"
                    both = card.followed_by(late_card, heading)
                    if any(problems(both)):
                        break  # the rest comes with the next reply
                    if outbox.shown(session, call.now, [notice.id]):
                        card = both
            return replace(reply, card=card)
        except Exception:
            logger.exception("late notices could not be shown; they stay for the next command")
            return reply

    def _refusal(self, refusal: DeskError) -> Reply:
        return Reply(templates.render("refusal", text=refusal.text), ok=False)

    def _broken(self, error: Exception, unclear: bool) -> Reply:
        reference = f"E-{secrets.token_hex(3)}"
        down = isinstance(error, LEDGER_DOWN) or (isinstance(error, DBAPIError) and error.connection_invalidated)
        logger.error("a command failed", exc_info=error, extra={"reference": reference, "ledger_down": down})
        if not down:
            return self._refusal(Broken(reference=reference))
        return self._refusal(UnclearOutcome(reference=reference) if unclear else LedgerUnavailable(reference=reference))


def _raising(fault: DeskError) -> Work:
    def work(_call: Call) -> Reply:
        raise fault

    return work


def _check(what: Command | Action, who: Actor | None) -> None:
    """Raises NotLinked or RoleNeeded unless `who` may use a command or action."""
    if what.allows(who):
        return
    if who is None:
        raise NotLinked
    raise RoleNeeded(roles=_roles(what.roles))


def _roles(roles: tuple[str, ...] | list[str]) -> str:
    return " and ".join(f"{role}s" for role in roles)
