"""The only place that constructs things: settings in, a wired desk out. A new rail or chat platform is a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy.engine import make_url

from adapters.rails.manual import Manual
from bot.settings import Settings
from core import migrations
from core.chat import announcements, commands  # noqa: F401 - commands: declares what can be typed and pressed
from core.chat.desk import Desk
from core.clock import Clock, system_clock
from core.config import DeskConfig
from core.earnings.terms import sync_programs
from core.payouts.rail import Rail
from core.storage import Database, make_engine


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


def prepare(app: App, *, upgrade: bool = False, sync: bool = True) -> None:
    """Have the database ready for commands: an empty one gets the schema; programs and their terms are made known.

    upgrade: an older schema is brought to this version too (`up`, `init`); otherwise it is refused.
    sync: make the configured programs known.
    Raises OutOfDate, DatabaseTooNew, NotOurDatabase, TermsChangeSettledDays, SQLAlchemyError.
    """
    engine = app.database.engine
    found = migrations.state(engine)
    if found == "empty" or (upgrade and found == "behind"):
        migrations.migrate(engine)
    elif found != "current":
        migrations.require_current(engine)
    if sync and app.config.programs:
        with app.database.transaction() as session:
            sync_programs(session, app.config)


def migrate_now(app: App) -> tuple[str, str]:
    """Bring the schema to this version's; its state before, and its revision now. Raises as core.migrations does."""
    before = migrations.state(app.database.engine)
    migrations.migrate(app.database.engine)
    return before, migrations.revisions()[-1]
