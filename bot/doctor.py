"""`earnings-desk doctor`: one function per check; each says what it found and, if need be, how to mend it."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col
from sqlmodel import select as rows_of

from bot.bootstrap import App, build
from bot.faults import database_fault
from bot.lock import sqlite_path
from bot.service import NoAddress, PortInUse, listen
from bot.settings import NoConfig, Settings, WrongSettings, load
from core import migrations, people
from core.chat import templates
from core.chat.outbox import backlog
from core.chat.tables import Subscription
from core.chat.words import full_day_text, plural
from core.clock import iso, system_clock
from core.earnings.periods import last_due
from core.earnings.tables import Creator, DirtyDay, ProgramState
from core.earnings.terms import sync_programs
from core.errors import DeskError
from core.storage import table_of

Status = Literal["ok", "note", "wrong"]
MARKS: dict[Status, str] = {"ok": "✓", "note": "!", "wrong": "✗"}
SCARCE_BYTES = 500 * 1024 * 1024
SKEW = dt.timedelta(seconds=5)
LATE = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. status "note": the desk runs, but someone should know. hint: how to mend it."""

    name: str
    status: Status
    detail: str
    hint: str = ""

    @property
    def mark(self) -> str:
        return MARKS[self.status]

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "ok": self.status != "wrong",
            "status": self.status,
            "detail": self.detail,
            "hint": self.hint,
        }


def examine(config: Path | None, at: dt.datetime | None = None) -> list[Finding]:
    """Every check that can be made; those that need the database are left out when it doesn't answer."""
    settings, found = _settings(config)
    if settings is None:
        return found
    app = build(settings, (lambda: at) if at else system_clock)
    try:
        found += [_cards(), _zones(), _port(settings), *_tokens(settings), _parquet(), *_disk(settings)]
        reachable = _database(app)
        found.append(reachable)
        if reachable.status != "wrong":
            for check in DATABASE_CHECKS:
                found += _guarded(check, app)
        for platform in (_slack, _discord):
            found += _guarded(platform(reachable.status != "wrong"), app)
    finally:
        app.close()
    return found


def _guarded(check: Callable[[App], Iterator[Finding]], app: App) -> list[Finding]:
    try:
        return list(check(app))
    except SQLAlchemyError as error:
        return [Finding(check.__name__.strip("_"), "wrong", database_fault(error) or str(error))]
    except DeskError as refused:
        return [Finding(check.__name__.strip("_"), "wrong", refused.text)]


def _settings(config: Path | None) -> tuple[Settings | None, list[Finding]]:
    try:
        settings = load(config)
    except WrongSettings as wrong:
        parts = [one.partition("; ") for one in wrong.found]
        return None, [Finding("settings", "wrong", fault, right and f"Try: {right}.") for fault, _, right in parts]
    except NoConfig as refused:
        return None, [Finding("settings", "wrong", refused.text)]
    programs = ", ".join(sorted(settings.desk.programs))
    found = [Finding("settings", "ok", f"{settings.config_path}; programs: {programs}")]
    if not settings.desk.methods:
        hint = "Add [[rails.manual]] to the configuration; until then balances are safe, but nobody can withdraw."
        found.append(Finding("payout methods", "note", "none is configured", hint))
    return settings, found


def _cards() -> Finding:
    faults = templates.check_all()
    if faults:
        return Finding("templates", "wrong", "; ".join(faults), "Install the program anew; its templates are damaged.")
    return Finding("templates", "ok", f"{len(list(templates.DIRECTORY.rglob('*.card')))} cards parse")


def _zones() -> Finding:
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return Finding("time zones", "wrong", "no time zone data", "Install the package tzdata.")
    return Finding("time zones", "ok", "data is there")


def _port(settings: Settings) -> Finding:
    where = f"{settings.http_host}:{settings.http_port}"
    try:
        listen(settings.http_host, settings.http_port).close()
    except PortInUse:
        hint = "Fine if that is `earnings-desk up`; otherwise choose another with HTTP_PORT."
        return Finding("HTTP port", "note", f"{where} is in use", hint)
    except NoAddress as refused:
        return Finding("HTTP port", "wrong", refused.text, "Set HTTP_HOST to an address of this machine.")
    return Finding("HTTP port", "ok", f"{where} is free")


def _tokens(settings: Settings) -> Iterator[Finding]:
    slack = settings.slack
    if slack is not None:
        where = "many workspaces" if slack.many else "one workspace"
        transport = "Socket Mode" if slack.transport == "socket" else "HTTP"
        yield Finding("chat", "ok", f"Slack, {where}, by {transport}")
    if settings.discord is not None:
        yield Finding("chat", "ok", "Discord")


def _slack(database: bool) -> Callable[[App], Iterator[Finding]]:
    """Whether Slack takes what is configured; nothing without it. Guarded like the others: it reads the database."""

    def slack(app: App) -> Iterator[Finding]:
        if app.settings.slack is not None:
            from bot.doctor_slack import findings

            yield from findings(app, app.settings.slack, database=database)

    return slack


def _discord(database: bool) -> Callable[[App], Iterator[Finding]]:
    """The same for Discord."""

    def discord(app: App) -> Iterator[Finding]:
        if app.settings.discord is not None:
            from bot.doctor_discord import findings

            yield from findings(app, app.settings.discord, database=database)

    return discord


def _parquet() -> Finding:
    if find_spec("pyarrow") is None:
        return Finding("parquet", "note", "pyarrow is not installed", "Only `import … FILE.parquet` needs it.")
    return Finding("parquet", "ok", "pyarrow is installed")


def _disk(settings: Settings) -> Iterator[Finding]:
    path = sqlite_path(settings.database_url.reveal())
    if path is None or not path.parent.is_dir():
        return
    free = shutil.disk_usage(path.parent).free
    status: Status = "ok" if free > SCARCE_BYTES else "note"
    yield Finding("disk", status, f"{free / 1e9:.1f} GB free", "" if status == "ok" else "Make room soon.")


def _database(app: App) -> Finding:
    try:
        state = migrations.state(app.database.engine)
    except SQLAlchemyError as error:
        return Finding("database", "wrong", database_fault(error) or str(error), "Check DATABASE_URL.")
    newest = migrations.revisions()[-1]
    if state == "current":
        return Finding("database", "ok", f"{app.database_name}, schema {newest}")
    hints = {
        "empty": "Run `earnings-desk migrate`.",
        "behind": "Make a backup, then run `earnings-desk migrate`.",
        "ahead": "Install the newer Earnings Desk that it belongs to.",
        "foreign": "Use an empty database.",
    }
    return Finding("database", "wrong", f"{app.database_name} is {state} (needed: schema {newest})", hints[state])


class _Undo(Exception):
    """Ends a transaction that must not commit."""


def _terms(app: App) -> Iterator[Finding]:
    try:
        with app.database.transaction() as session:
            sync_programs(session, app.config)
            raise _Undo
    except _Undo:
        yield Finding("terms", "ok", "the configuration agrees with what is settled")
    except DeskError as refused:
        yield Finding("terms", "wrong", refused.text)


def _clock(app: App) -> Iterator[Finding]:
    if app.database.engine.dialect.name != "postgresql":
        return
    with app.database.reading() as session:
        theirs = session.connection().execute(text("SELECT clock_timestamp()")).scalar_one()
    skew = abs(theirs - system_clock())
    if skew > SKEW:
        detail = f"this machine and the database differ by {skew.total_seconds():.0f} s"
        yield Finding("clock", "wrong", detail, "Have both take their time from NTP.")
    else:
        yield Finding("clock", "ok", "agrees with the database's")


def _settled(app: App) -> Iterator[Finding]:
    now = app.clock()
    with app.database.reading() as session:
        states = {state.slug: state for state in session.exec(rows_of(ProgramState)).all()}
        dirty = table_of(DirtyDay)
        first = dict(session.execute(select(dirty.c.program, func.min(dirty.c.day)).group_by(dirty.c.program)).all())
    for slug, program in sorted(app.config.programs.items()):
        through = states[slug].settled_through if slug in states else None
        due = last_due(program, now - LATE)
        if through is None and slug in first:
            status: Status = "note" if first[slug] <= due else "ok"
            hint = "Run `earnings-desk up`, or `earnings-desk settle`." if status == "note" else ""
            yield Finding(f"settlement of {slug}", status, f"usage from {full_day_text(first[slug])} waits", hint)
        elif through is None:
            yield Finding(f"settlement of {slug}", "ok", "waits for the first usage")
        elif through < due:
            detail = f"settled through {through}, due through {due}"
            yield Finding(f"settlement of {slug}", "note", detail, "Start `earnings-desk up`, or run `settle` now.")
        else:
            yield Finding(f"settlement of {slug}", "ok", f"settled through {through}")


def _roles(app: App) -> Iterator[Finding]:
    with app.database.reading() as session:
        approvers = set(people.with_role(session, "approver"))
        admins = set(people.with_role(session, "admin"))
    counts = f"{plural(len(approvers), 'approver')}, {plural(len(admins), 'admin')}"
    if not approvers or not admins:
        hint = "`earnings-desk person add NAME --role approver` (or admin, or owner, who is both)."
        yield Finding("roles", "note", counts, hint)
    elif len(approvers) < 2 or len(admins) < 2:
        hint = "Large withdrawals need two approvers, adjustments two admins: `earnings-desk person add`."
        yield Finding("roles", "note", counts, hint)
    elif approvers == admins:
        hint = "Give the roles to different people, so that whoever approves doesn't also mark as paid."
        yield Finding("roles", "note", "every approver is an admin too", hint)
    else:
        yield Finding("roles", "ok", counts)


def _methods(app: App) -> Iterator[Finding]:
    creator = table_of(Creator)
    with app.database.reading() as session:
        counted = session.execute(select(creator.c.country, func.count()).group_by(creator.c.country)).all()
    without = sorted(country for country, _ in counted if not app.config.methods_for(country))
    if without and app.config.methods:
        hint = "Add them to a method's countries; until then those creators can't withdraw."
        yield Finding("payout methods", "note", f"none for creators in {', '.join(without)}", hint)


def _outbox(app: App) -> Iterator[Finding]:
    now = app.clock()
    with app.database.reading() as session:
        waiting = backlog(session, now)
        paused = session.exec(rows_of(Subscription).where(col(Subscription.paused) != "")).all()
    if waiting.oldest is not None and now - waiting.oldest > LATE:
        detail = f"{waiting.due} messages wait, the oldest since {iso(waiting.oldest)}"
        yield Finding("outbox", "note", detail, "Is `earnings-desk up` running?")
    else:
        yield Finding("outbox", "ok", f"{waiting.due} messages wait")
    for one in paused:
        hint = "Invite the desk again, then type /desk digest on there."
        yield Finding("outbox", "note", f"{one.platform} channel {one.channel} is paused: {one.paused}", hint)


DATABASE_CHECKS: tuple[Callable[[App], Iterator[Finding]], ...] = (
    _terms,
    _clock,
    _settled,
    _roles,
    _methods,
    _outbox,
)
