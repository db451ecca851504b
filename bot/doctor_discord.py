"""The part of `doctor` that asks Discord: only when Discord is configured, and never posting anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from sqlmodel import col, select

from adapters.discord.checks import Doctor, Found, Samples, Subscribed, new_session
from adapters.discord.tables import DiscordState
from bot.bootstrap import App
from bot.doctor import Finding
from bot.sample_cards import forms, sample_cards
from bot.settings import DiscordSettings
from core.chat.tables import Subscription
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
        doctor = Doctor(session, discord.api_url, discord.token.reveal(), system_clock, told)
        return await doctor.examine(_channels(app) if database else [], _samples)


def _samples() -> Samples:
    drawn, missing = sample_cards()
    return Samples([(one.template, one.card) for one in drawn], forms(drawn), missing)


def _told(app: App, application_id: str) -> str:
    """The digest of the commands that Discord was last told, "" when it never was."""
    with app.database.reading() as session:
        state = session.get(DiscordState, application_id)
        return "" if state is None else state.commands


def _channels(app: App) -> list[Subscribed]:
    """Channels in Discord that hear of something now, each once."""
    with app.database.reading() as session:
        mine = select(Subscription).where(Subscription.platform == "discord", Subscription.paused == "")
        order = col(Subscription.workspace), col(Subscription.channel), col(Subscription.topic)
        rows = session.exec(mine.order_by(*order)).all()
    topics: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        topic = "digests" if row.topic == "digest" else row.topic
        topics.setdefault((row.workspace, row.channel), []).append(topic)
    return [Subscribed(guild, channel, " and ".join(names)) for (guild, channel), names in topics.items()]
