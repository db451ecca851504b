"""Whose Slack account still exists: a deactivated user's link is void, also when Slack's event about it was missed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError

from adapters.slack.api import SlackApi, SlackRefused
from adapters.slack.workspaces import NoAnswer, NotInstalled, Workspaces
from core import people
from core.chat.outbox import TryLater, Unclear
from core.clock import Clock
from core.people import Identity, NotLinked
from core.storage import Database

log = structlog.get_logger(__name__)
PLATFORM = "slack"
EVERY_SECONDS = 24 * 3600.0
AGAIN_SECONDS = 60.0


async def keep_looking(
    api: SlackApi, workspaces: Workspaces, database: Database, clock: Clock, stop: asyncio.Event
) -> None:
    """At the start and once a day, until `stop`; a look that fails is taken again in a minute."""
    while not stop.is_set():
        pause = EVERY_SECONDS
        try:
            for team in await workspaces.teams():
                await look(api, database, clock, team, stop)
        except (TryLater, Unclear, NoAnswer, NotInstalled, SlackRefused, SQLAlchemyError) as trouble:
            log.warning(
                "could not look who left Slack; tried again", seconds=AGAIN_SECONDS, fault=type(trouble).__name__
            )
            pause = AGAIN_SECONDS
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


async def look(api: SlackApi, database: Database, clock: Clock, team: str, stop: asyncio.Event) -> int:
    """Ask about every linked account of a workspace; how many links became void."""
    void = 0
    for identity in await asyncio.to_thread(_linked, database, team):
        if stop.is_set():
            break
        if await _is_deactivated(api, team, identity.user_id):
            await asyncio.to_thread(_deactivate, database, clock, identity)
            log.info("a deactivated account's link is void", workspace=team, user=identity.user_id)
            void += 1
    return void


async def _is_deactivated(api: SlackApi, team: str, user: str) -> bool:
    try:
        answer = await api.call(team, "users.info", user=user)
    except SlackRefused as refused:
        if refused.error in ("user_not_found", "user_not_visible"):
            return refused.error == "user_not_found"
        raise
    person = answer.get("user")
    return isinstance(person, dict) and person.get("deleted") is True


def _linked(database: Database, team: str) -> Sequence[Identity]:
    with database.reading() as session:
        return people.identities_of(session, PLATFORM, team)


def _deactivate(database: Database, clock: Clock, identity: Identity) -> None:
    with database.transaction() as session, suppress(NotLinked):
        people.deactivate(session, clock(), identity)
