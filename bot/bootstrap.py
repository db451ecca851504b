"""The only place that constructs things: settings in, a wired desk out. A new rail or chat platform is a line here.

What only a service needs is imported when one is assembled, so that single commands start quickly.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from adapters.rails.manual import Manual
from bot.lock import sqlite_path
from bot.settings import Settings
from core import migrations
from core.chat import announcements, commands  # noqa: F401 - commands: declares what can be typed and pressed
from core.chat.desk import Desk
from core.clock import Clock, system_clock
from core.config import DeskConfig
from core.earnings.terms import in_sync, sync_programs
from core.errors import DeskError
from core.payouts.rail import Rail
from core.storage import Database, make_engine

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from adapters.conversation import Conversation
    from adapters.discord.app import Discord
    from adapters.slack.app import Slack
    from bot.clock import AdjustableClock
    from bot.service import Service
    from bot.settings import DiscordSettings, SlackSettings
    from core.chat.outbox import ChatPort


@dataclass(slots=True)
class Nudge:
    """Wakes the relay once there is one; until then nobody is woken, and the relay finds what waits when it starts."""

    to: Callable[[], None] | None = None

    def __call__(self) -> None:
        if self.to is not None:
            self.to()


@dataclass(frozen=True, slots=True)
class App:
    """The wired desk. `nudge.to` is set by whoever runs a relay."""

    settings: Settings
    database: Database
    desk: Desk
    rails: Mapping[str, Rail]
    clock: Clock
    nudge: Nudge = field(default_factory=Nudge)

    @property
    def config(self) -> DeskConfig:
        return self.settings.desk

    @property
    def database_name(self) -> str:
        """The database's address without its password."""
        return make_url(self.settings.database_url.reveal()).render_as_string(hide_password=True)

    def close(self) -> None:
        """Let go of threads and connections."""
        self.desk.close()
        self.database.engine.dispose()


def build(settings: Settings, clock: Clock = system_clock) -> App:
    """Wire everything. Touches no database yet; see `prepare`."""
    database = Database(make_engine(settings.database_url.reveal()), announcements.announce)
    nudge = Nudge()
    desk = Desk(database, settings.desk, clock, nudge=nudge)
    rails: dict[str, Rail] = {rail.name: rail for rail in (Manual(),)}
    return App(settings, database, desk, rails, clock, nudge)


class NoDesk(DeskError):
    """There is no desk in DATABASE_URL {database}; `earnings-desk init` makes one."""


def prepare(app: App, *, upgrade: bool = False, sync: bool = True, create: bool = True) -> None:
    """Have the database ready for commands: an empty one gets the schema; programs and their terms are made known.

    upgrade: an older schema is brought to this version too (`up`, `init`); otherwise it is refused.
    sync: make the configured programs known; writes only if there is something new.
    create: without it, an empty database is refused and stays as it is, and a file that isn't there is not made.
    Raises NoDesk, DatabaseOutdated, DatabaseTooNew, NotOurDatabase, TermsChangeSettledDays, SQLAlchemyError.
    """
    engine = app.database.engine
    file = sqlite_path(app.settings.database_url.reveal())
    missing = file is not None and not file.exists()
    found = "empty" if missing and not create else migrations.state(engine)
    if found == "empty" and not create:
        raise NoDesk(database=app.database_name)
    if found == "empty" or (upgrade and found == "behind"):
        migrations.migrate(engine)
    elif found != "current":
        migrations.require_current(engine)
    if sync and not _in_sync(app):
        with app.database.transaction() as session:
            sync_programs(session, app.config)


def _in_sync(app: App) -> bool:
    with app.database.reading() as session:
        return in_sync(session, app.config)


def migrate_now(app: App) -> tuple[str, str]:
    """Bring the schema to this version's; its state before, and its revision now. Raises as core.migrations does."""
    before = migrations.state(app.database.engine)
    migrations.migrate(app.database.engine)
    return before, migrations.revisions()[-1]


def assemble(
    app: App,
    listening: socket.socket,
    *,
    playground: bool = False,
    adjustable: AdjustableClock | None = None,
    on_ready: Callable[[], None] | None = None,
) -> Service:
    """Everything that runs beside each other in one loop, ready to `run`.

    adjustable: the clock that the playground may set ahead. on_ready: called once it serves.
    """
    from adapters.web.app import create_app
    from adapters.web.measured import Measured
    from adapters.web.metrics import Metrics
    from bot.clock import Jumps
    from bot.relay import Relay
    from bot.scheduler import Scheduler
    from bot.service import Readiness, Service

    metrics, readiness = Metrics(), Readiness()
    web = create_app(app.database, app.config, app.clock, ports_ready=readiness, metrics=metrics)
    ports: dict[str, ChatPort] = {}
    relay = Relay(app.database, app.config, ports, app.rails, app.clock)
    scheduler = Scheduler(app.database, app.config, app.clock, relay.nudge)
    app.nudge.to = relay.nudge
    closing: Callable[[], None] | None = None
    if playground:
        from adapters.web.playground import Playground, mount

        jumps = Jumps(adjustable, app.config, scheduler, relay) if adjustable is not None else None
        small_chat = Playground(Measured(app.desk, metrics), app.database, app.config, app.clock, jumps=jumps)
        ports[small_chat.platform] = small_chat
        mount(web, small_chat)
        closing = small_chat.close
    if app.settings.slack is not None:
        slack = _slack(app, app.settings.slack, Measured(app.desk, metrics), relay.who)
        ports[slack.platform] = slack.port
        web.router.routes.extend(slack.routes)
        readiness.platforms = (*readiness.platforms, slack)
    if app.settings.discord is not None:
        discord = _discord(app, app.settings.discord, Measured(app.desk, metrics), relay.who)
        ports[discord.platform] = discord.port
        readiness.platforms = (*readiness.platforms, discord)
    return Service(app, relay, scheduler, web, listening, readiness, closing, on_ready)


def _slack(app: App, settings: SlackSettings, desk: Conversation, who: str) -> Slack:
    """The Slack adapter: one workspace by its bot token, or as many as the install page brings."""
    from adapters.slack.api import SlackApi
    from adapters.slack.app import Slack, Transport
    from adapters.slack.manifest import aliases
    from adapters.slack.workspaces import OneWorkspace, Workspaces
    from core.chat import subscriptions

    def gone(team: str) -> None:
        with app.database.transaction() as session:
            subscriptions.workspace_gone(session, app.clock(), "slack", team, "the desk was removed")

    workspaces: Workspaces
    routes: list[BaseRoute] = []
    if settings.client_id:
        from adapters.slack.installations import Installed
        from adapters.slack.oauth import routes as install_routes

        workspaces = installed = Installed(
            app.database,
            lambda: api.client(),
            app.clock,
            client_id=settings.client_id,
            client_secret=settings.client_secret.reveal(),
            token_keys=[key.reveal() for key in settings.token_keys],
            gone=gone,
        )
        where = {"api_url": settings.api_url, "public_url": settings.public_url}
        routes = install_routes(installed, **where, desk_name=app.config.name)
    else:
        workspaces = OneWorkspace(settings.bot_token.reveal(), lambda: api.client(), gone)
    api = SlackApi(workspaces, settings.api_url)
    transport = Transport(settings.app_token.reveal(), settings.signing_secret.reveal())
    return Slack(
        desk,
        app.database,
        app.clock,
        api,
        workspaces,
        transport,
        who=who,
        aliases=aliases(),
        sole=_sole(app),
        more_routes=routes,
    )


def _discord(app: App, settings: DiscordSettings, desk: Conversation, who: str) -> Discord:
    """The Discord adapter, for every server that the bot was invited to."""
    from adapters.discord.app import Discord

    return Discord(
        desk,
        app.database,
        app.clock,
        settings.token.reveal(),
        who=who,
        api_url=settings.api_url,
        gateway_url=settings.gateway_url,
        sole=_sole(app),
    )


def _sole(app: App) -> bool:
    """Whether no other service can be at work on this database (bot.lock: one per SQLite file)."""
    return app.database.engine.dialect.name == "sqlite"
