"""Many workspaces: what the install page stored, and tokens refreshed in one place.

With token rotation a token ends after 12 hours. From two hours before, whoever asks for a workspace starts its refresh
and goes on with the old token, which stays valid; only a token that has really ended is waited for.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store.models.installation import Installation
from sqlalchemy.exc import SQLAlchemyError

from adapters.slack.stores import Leases, States, Store, Stored, Vault, WrongTokenKey
from adapters.slack.workspaces import ClientFactory, Gone, NoAnswer, Workspace, ask, error_of
from core.chat.outbox import TryLater
from core.clock import Clock
from core.storage import Database

logger = logging.getLogger(__name__)

EARLY = dt.timedelta(hours=2)
ENDED = dt.timedelta(seconds=30)
"""A token so near its end counts as ended: clocks differ, and a call takes its time."""
KEPT_SECONDS = 30.0
"""How long what was read is used again; another replica's uninstall is heard of that late."""
UNKNOWN_SECONDS = 2.0
POLL_SECONDS = 0.2
STORE_PAUSES = (0.2, 0.5, 1, 2, 4, *[8] * 60)
LONGEST_PAUSE = dt.timedelta(minutes=5)
REINSTALL = frozenset({"invalid_refresh_token", "invalid_grant", "token_revoked", "invalid_auth", "account_inactive"})


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of a workspace, when (monotonic seconds). workspace: None where the desk is not installed."""

    workspace: Workspace | None
    expires_at: dt.datetime | None
    at: float

    @property
    def stale(self) -> bool:
        return time.monotonic() - self.at > (UNKNOWN_SECONDS if self.workspace is None else KEPT_SECONDS)


class Installed:
    """Every workspace that installed the desk. `close` once nothing asks any more."""

    def __init__(
        self,
        database: Database,
        client: ClientFactory,
        clock: Clock,
        *,
        client_id: str,
        client_secret: str,
        token_keys: Sequence[str],
        gone: Gone | None = None,
    ) -> None:
        self.client_id, self.client, self.clock = client_id, client, clock
        self.store = Store(client_id, database.engine, Vault(token_keys))
        self.states = States(database.engine)
        self._client_secret, self._gone = client_secret, gone
        self._leases = Leases(database, self.store)
        self._who = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._known: dict[str, _Known] = {}
        self._reading: dict[str, asyncio.Lock] = {}
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, dt.datetime] = {}
        self._failures: dict[str, int] = {}

    async def of(self, team_id: str) -> Workspace | None:
        """The workspace with a token that works; None where the desk is not installed. Raises NoAnswer when its token
        has ended and can't be refreshed now, WrongTokenKey, and SQLAlchemyError while nothing is known of it."""
        known = await self._look(team_id)
        if known.workspace is None or known.expires_at is None or known.expires_at - EARLY > self.clock():
            return known.workspace
        refreshing = self._refresh_soon(team_id)
        if known.expires_at - ENDED > self.clock():
            return known.workspace
        if refreshing is not None:
            await asyncio.shield(refreshing)
        known = await self._look(team_id)
        if known.workspace is not None and known.expires_at is not None and known.expires_at - ENDED <= self.clock():
            raise NoAnswer
        return known.workspace

    async def teams(self) -> list[str]:
        """The ids of all of them, sorted."""
        return await asyncio.to_thread(self.store.teams)

    async def forget(self, team_id: str) -> None:
        """Delete the installation, unless its token works: then the desk was installed anew since Slack said so."""
        if await self._works(team_id):
            return
        await asyncio.to_thread(self.store.remove, team_id)
        self._drop(team_id)
        if self._gone is not None:
            await asyncio.to_thread(self._gone, team_id)

    async def save(self, installation: Installation) -> None:
        """Store what the install page got. Raises SQLAlchemyError."""
        await asyncio.to_thread(self.store.save, installation)
        self._drop(str(installation.team_id))

    async def exchange(self, code: str, redirect_uri: str) -> Installation | None:
        """The installation that a code of Slack's install page stands for; None when Slack refuses the code.
        Raises NoAnswer. An org-wide installation has no team_id."""
        answer = await self._oauth_access({"code": code, "redirect_uri": redirect_uri})
        if not answer.get("ok"):
            logger.warning("Slack refused the code of an install: %s", answer.get("error"))
            return None
        return self._installation(answer)

    async def close(self) -> None:
        """Wait for refreshes under way: a token that Slack has given must be stored."""
        await asyncio.gather(*self._refreshing.values(), return_exceptions=True)

    def _installation(self, answer: Mapping[str, object]) -> Installation:
        team, enterprise, person = (_table(answer, name) for name in ("team", "enterprise", "authed_user"))
        ends = answer.get("expires_in")
        now = self.clock()
        return Installation(
            app_id=_text(answer, "app_id"),
            enterprise_id=_text(enterprise, "id") or None,
            enterprise_name=_text(enterprise, "name") or None,
            team_id=_text(team, "id") or None,
            team_name=_text(team, "name") or None,
            bot_token=_text(answer, "access_token"),
            bot_id="",
            bot_user_id=_text(answer, "bot_user_id"),
            bot_scopes=_text(answer, "scope"),
            bot_refresh_token=_text(answer, "refresh_token") or None,
            bot_token_expires_at=int(now.timestamp()) + ends if isinstance(ends, int) else None,
            user_id=_text(person, "id"),
            is_enterprise_install=answer.get("is_enterprise_install") is True,
            token_type=_text(answer, "token_type"),
            installed_at=now.timestamp(),
        )

    async def _look(self, team_id: str) -> _Known:
        """What is known, read anew when it is stale. With the database gone, what was read before still serves."""
        known = self._known.get(team_id)
        if known is not None and not known.stale:
            return known
        async with self._reading.setdefault(team_id, asyncio.Lock()):
            known = self._known.get(team_id)
            if known is not None and not known.stale:
                return known
            try:
                found = _known(await asyncio.to_thread(self.store.newest, team_id))
            except SQLAlchemyError:
                if known is None or known.workspace is None:
                    raise
                return known
            if len(self._known) > 10_000:  # ids that somebody makes up must not fill the memory
                self._known.clear()
            self._known[team_id] = found
            return found

    def _drop(self, team_id: str) -> None:
        """What is known of a workspace is no longer so."""
        for kept in (self._known, self._not_before, self._failures):
            kept.pop(team_id, None)

    async def _works(self, team_id: str) -> bool:
        """Whether Slack takes the newest token of a workspace."""
        try:
            stored = await asyncio.to_thread(self.store.newest, team_id)
            return stored is not None and await ask(self.client, stored.bot.bot_token) is not None
        except (NoAnswer, WrongTokenKey):
            return False

    def _refresh_soon(self, team_id: str) -> asyncio.Task[None] | None:
        """The one refresh of a workspace in this process, begun if need be; None while one that failed is put off."""
        running = self._refreshing.get(team_id)
        if running is not None:
            return running
        not_before = self._not_before.get(team_id)
        if not_before is not None and not_before > self.clock():
            return None
        task = asyncio.create_task(self._refresh(team_id), name=f"slack token of {team_id}")
        self._refreshing[team_id] = task
        task.add_done_callback(lambda _: self._refreshing.pop(team_id, None))
        return task

    async def _refresh(self, team_id: str) -> None:
        """Refresh the token, or wait until another replica has. Never raises: a failure is put off and logged."""
        try:
            while True:
                now = self.clock()
                claim = await asyncio.to_thread(self._leases.claim, team_id, self._who, now, now + EARLY)
                if claim.state != "busy":
                    break
                await asyncio.sleep(POLL_SECONDS)
            if claim.state == "later":
                self._not_before[team_id] = claim.until or now
            elif claim.state == "mine" and claim.stored is not None:
                await self._exchange_refresh(team_id, claim.stored)
            if claim.state != "later":
                self._known.pop(team_id, None)
        except Exception as fault:  # its text may hold a token
            self._not_before[team_id] = self.clock() + self._pause(team_id)
            logger.warning("the Slack token of %s could not be refreshed: %s", team_id, type(fault).__name__)

    async def _exchange_refresh(self, team_id: str, stored: Stored) -> None:
        given = {"grant_type": "refresh_token", "refresh_token": stored.bot.bot_refresh_token or ""}
        try:
            answer = await self._oauth_access(given)
            fault = "" if answer.get("ok") else _text(answer, "error") or "no reason given"
        except NoAnswer:
            answer, fault = {}, "no answer"
        if not fault:
            ends = answer.get("expires_in")
            expires_at = self.clock() + dt.timedelta(seconds=ends if isinstance(ends, int) else 12 * 3600)
            token, refresh_token = _text(answer, "access_token"), _text(answer, "refresh_token")
            await self._keep(stored, token, refresh_token, expires_at)
            self._failures.pop(team_id, None)
            return
        until = self.clock() + (LONGEST_PAUSE if fault in REINSTALL else self._pause(team_id))
        self._not_before[team_id] = until
        await asyncio.to_thread(self._leases.postpone, team_id, self._who, until)
        advice = "; install the desk in that workspace anew" if fault in REINSTALL else "; it is tried again"
        logger.warning("Slack did not refresh the token of %s (%s)%s", team_id, fault, advice)

    async def _keep(self, stored: Stored, token: str, refresh_token: str, expires_at: dt.datetime) -> None:
        """Store new tokens. Slack has revoked the old refresh token, so a database that is gone is waited for."""
        for seconds in STORE_PAUSES:
            try:
                await asyncio.to_thread(self.store.rotate, stored, token, refresh_token, expires_at)
            except SQLAlchemyError:
                logger.warning("a new Slack token waits for the database to be stored")
                await asyncio.sleep(seconds)
            else:
                return
        await asyncio.to_thread(self.store.rotate, stored, token, refresh_token, expires_at)

    def _pause(self, team_id: str) -> dt.timedelta:
        """2, 4, 8 s … up to LONGEST_PAUSE."""
        self._failures[team_id] = failures = self._failures.get(team_id, 0) + 1
        return min(dt.timedelta(seconds=2 ** min(failures, 12)), LONGEST_PAUSE)

    async def _oauth_access(self, given: Mapping[str, str]) -> Mapping[str, object]:
        """oauth.v2.access, refusals as they are. Raises NoAnswer."""
        form = {"client_id": self.client_id, "client_secret": self._client_secret, **given}
        try:
            answer = await self.client().api_call("oauth.v2.access", data=form)
        except SlackApiError as refused:
            word = error_of(refused)
            if not word or word in ("ratelimited", "internal_error", "fatal_error", "service_unavailable"):
                raise NoAnswer from None  # its text holds the request, and with it the secret
            return {"ok": False, "error": word}
        except (TryLater, aiohttp.ClientError, TimeoutError, OSError):
            raise NoAnswer from None
        return answer.data if isinstance(answer.data, dict) else {}


def _known(stored: Stored | None) -> _Known:
    if stored is None:
        return _Known(None, None, time.monotonic())
    bot = stored.bot
    workspace = Workspace(bot.team_id or "", bot.bot_token, bot.bot_user_id, frozenset(bot.bot_scopes))
    return _Known(workspace, stored.expires_at, time.monotonic())


def _table(answer: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = answer.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(answer: Mapping[str, object], name: str) -> str:
    found = answer.get(name)
    return found if isinstance(found, str) else ""
