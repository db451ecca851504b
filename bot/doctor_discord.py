"""The part of `doctor` that asks Discord: only when Discord is configured, and never posting anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from adapters.checks import Found
from adapters.discord.checks import Doctor, new_session
from adapters.discord.tables import DiscordState
from bot.bootstrap import App
from bot.doctor import Finding
from bot.doctor_platforms import channels, samples
from bot.settings import DiscordSettings
from core.clock import system_clock


def findings(app: App, discord: DiscordSettings, *, database: bool) -> Iterator[Finding]:
    """Every check of Discord. database: whether ours can be read; without it, channels are not looked at, nor what
    Discord was told before."""
    for one in asyncio.run(_ask(app, discord, database=database)):
        yield Finding(one.name, one.status, one.detail, one.hint)


async def _ask(app: App, discord: DiscordSettings, *, database: bool) -> list[Found]:
    def told(application_id: str) -> str | None:
        return _told(app, application_id) if database else None

    async with new_session() as session:
        doctor = Doctor(session, discord.api_url, discord.token.reveal(), system_clock, told, app.desk.registry)
        return await doctor.examine(channels(app, "discord") if database else [], samples)


def _told(app: App, application_id: str) -> str:
    """The digest of the commands that Discord was last told, "" when it never was."""
    with app.database.reading() as session:
        state = session.get(DiscordState, application_id)
        return "" if state is None else state.commands
