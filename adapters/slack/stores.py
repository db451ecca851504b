"""What the install page stored: workspaces and their tokens, encrypted; states of installs under way; rotation leases.

slack_sdk's SQLAlchemy stores on the desk's own engine. They are synchronous: call them on a thread. A lease row says
which process refreshes a workspace's token; no transaction is open while it asks Slack:

    claim → commit → oauth.v2.access → store (or postpone) → commit
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from slack_sdk.oauth.installation_store.models.bot import Bot
from slack_sdk.oauth.installation_store.sqlalchemy import SQLAlchemyInstallationStore
from slack_sdk.oauth.sqlalchemy_utils import normalize_datetime_for_db
from slack_sdk.oauth.state_store.sqlalchemy import SQLAlchemyOAuthStateStore
from sqlalchemy import Dialect, Engine, Text, TypeDecorator, delete, select, update

from adapters.slack.tables import TOKENS, SlackRotation
from core.errors import DeskError
from core.storage import Database, insert_once, reading_connection, table_of

LEASE = dt.timedelta(seconds=30)
"""Three times as long as Slack's answer may take."""
STATE_SECONDS = 600
"""How long an install may take, from our page to Slack's and back."""

_quiet = logging.getLogger("earnings_desk.slack.stores")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False  # slack_sdk's stores log states and rows
_L = table_of(SlackRotation)


class WrongTokenKey(DeskError):
    """Nothing changed. SLACK_TOKEN_KEY doesn't open the Slack tokens that are stored. Add the key that they were
    encrypted with, after a comma, or install the desk in its workspaces anew."""


class Vault:
    """Encrypts and decrypts tokens: the first key encrypts, all of them decrypt, so that keys can be changed."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def lock(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, text: str) -> str:
        """Raises WrongTokenKey."""
        try:
            return self._fernet.decrypt(text.encode()).decode()
        except InvalidToken:
            raise WrongTokenKey from None


class _Encrypted(TypeDecorator[str]):
    """A column whose value is encrypted on its way in and decrypted on its way out; NULL stays NULL."""

    impl = Text
    cache_ok = False

    def __init__(self, vault: Vault) -> None:
        super().__init__()
        self._vault = vault

    def copy(self, **_kw: object) -> _Encrypted:
        return _Encrypted(self._vault)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else self._vault.lock(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else self._vault.open(value)


@dataclass(frozen=True, slots=True)
class Stored:
    """A workspace's newest installation: the row's id, and the bot as slack_sdk reads it. Never print the bot."""

    row: int
    bot: Bot

    @property
    def expires_at(self) -> dt.datetime | None:
        """When the token ends; None for one that doesn't."""
        end = self.bot.bot_token_expires_at
        return None if end is None else dt.datetime.fromtimestamp(end, dt.UTC)


@dataclass(frozen=True, slots=True)
class Claim:
    """What came of claiming a refresh. "mine": do it, `stored` says with what; "fresh": nobody needs to;
    "busy": another process is at it; "later": it failed, and is not tried again before `until`."""

    state: Literal["mine", "fresh", "busy", "later"]
    stored: Stored | None = None
    until: dt.datetime | None = None


class Store(SQLAlchemyInstallationStore):
    """slack_sdk's store with encrypted tokens, looked up by workspace alone."""

    def __init__(self, client_id: str, engine: Engine, vault: Vault) -> None:
        super().__init__(client_id, engine, logger=_quiet)
        for table in (self.bots, self.installations):
            for name in TOKENS:
                if name in table.c:
                    table.c[name].type = _Encrypted(vault)

    def newest(self, team_id: str) -> Stored | None:
        """The newest installation in a workspace. Raises WrongTokenKey."""
        bots = self.bots.c
        mine = select(self.bots).where(bots.client_id == self.client_id, bots.team_id == team_id)
        with reading_connection(self.engine) as connection:
            row = (
                connection.execute(mine.order_by(bots.installed_at.desc(), bots.id.desc()).limit(1)).mappings().first()
            )
        return None if row is None else Stored(int(row["id"]), self.build_bot_entity(row))

    def teams(self) -> list[str]:
        """The ids of every workspace that it is installed in, sorted."""
        bots = self.bots.c
        with reading_connection(self.engine) as connection:
            found = connection.execute(select(bots.team_id).where(bots.client_id == self.client_id).distinct())
            return sorted(str(team_id) for team_id in found.scalars() if team_id)

    def remove(self, team_id: str) -> bool:
        """Delete everything about a workspace; whether there was anything."""
        with self.engine.begin() as connection:
            removed = 0
            for table in (self.bots, self.installations):
                mine = (table.c.client_id == self.client_id) & (table.c.team_id == team_id)
                removed += connection.execute(delete(table).where(mine)).rowcount
            connection.execute(delete(_L).where(_L.c.team_id == team_id))
        return removed > 0

    def rotate(self, stored: Stored, token: str, refresh_token: str, expires_at: dt.datetime) -> None:
        """Put new tokens in the place of those that were refreshed, and give the lease back, in one transaction.

        A workspace that was uninstalled meanwhile stays so.
        """
        values = {
            "bot_token": token,
            "bot_refresh_token": refresh_token,
            "bot_token_expires_at": normalize_datetime_for_db(expires_at),
        }
        with self.engine.begin() as connection:
            connection.execute(update(self.bots).where(self.bots.c.id == stored.row).values(**values))
            connection.execute(delete(_L).where(_L.c.team_id == stored.bot.team_id))


class Leases:
    """Who refreshes which workspace's token: one row each, in the database that every replica shares."""

    def __init__(self, database: Database, store: Store) -> None:
        self.database, self.store = database, store

    def claim(self, team_id: str, who: str, now: dt.datetime, due_before: dt.datetime) -> Claim:
        """Claim the refresh of a token that ends before `due_before`; the row is read anew, for another process may
        have refreshed it since. Raises WrongTokenKey."""
        with self.database.transaction() as session:
            values = {"team_id": team_id, "holder": who, "until": now + LEASE}
            if not insert_once(session, SlackRotation, values, ["team_id"]):
                free = update(_L).where(_L.c.team_id == team_id, _L.c.until <= now).values(**values)
                if session.execute(free.returning(_L.c.team_id)).first() is None:
                    held = session.get(SlackRotation, team_id)
                    if held is not None:
                        return Claim("busy" if held.holder else "later", until=held.until)
                    return Claim("busy", until=now)
        stored = self.store.newest(team_id)  # after the commit: whoever held it before has stored what it got
        if stored is None or stored.expires_at is None or stored.expires_at > due_before:
            self.release(team_id, who)
            return Claim("fresh", stored)
        return Claim("mine", stored)

    def release(self, team_id: str, who: str) -> None:
        """Give a claim back."""
        with self.database.transaction() as session:
            session.execute(delete(_L).where(_L.c.team_id == team_id, _L.c.holder == who))

    def postpone(self, team_id: str, who: str, until: dt.datetime) -> None:
        """The refresh failed: nobody tries again before `until`."""
        with self.database.transaction() as session:
            mine = update(_L).where(_L.c.team_id == team_id, _L.c.holder == who)
            session.execute(mine.values(holder="", until=until))


class States(SQLAlchemyOAuthStateStore):
    """slack_sdk's store of installs under way; each state serves once, also when two requests bring it at once."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(STATE_SECONDS, engine, logger=_quiet)

    def issue(self, *_args: object, **_kwargs: object) -> str:
        """A new state; those that ran out are deleted."""
        with self.engine.begin() as connection:
            connection.execute(delete(self.oauth_states).where(self.oauth_states.c.expire_at <= _now()))
        return super().issue()

    def consume(self, state: str) -> bool:
        """Whether the state was issued by us within the last minutes and is used for the first time."""
        states = self.oauth_states
        mine = delete(states).where(states.c.state == state, states.c.expire_at > _now())
        with self.engine.begin() as connection:
            return connection.execute(mine).rowcount > 0


def _now() -> dt.datetime:
    """As the SDK's tables have it: UTC without saying so."""
    return dt.datetime.fromtimestamp(time.time(), dt.UTC).replace(tzinfo=None)
