"""The part of `doctor` that asks Slack: only when Slack is configured, and never posting anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from sqlmodel import col, select

from adapters.slack.api import new_session, web_client
from adapters.slack.checks import Doctor, Found, Samples, Subscribed
from adapters.slack.installations import Installed
from adapters.slack.workspaces import ClientFactory, OneWorkspace, Workspaces
from bot.bootstrap import App
from bot.doctor import Finding
from bot.sample_cards import forms, sample_cards
from bot.settings import SlackSettings
from core.chat.tables import Subscription
from core.clock import system_clock


def findings(app: App, slack: SlackSettings, *, database: bool) -> Iterator[Finding]:
    """Every check of Slack. database: whether ours can be read; without it, channels and installs are not looked at."""
    if slack.many and not database:
        yield Finding("Slack workspaces", "note", "not looked at: they are in the database", "Mend the database first.")
        return
    channels = _channels(app) if database else []
    for one in asyncio.run(_ask(app, slack, channels)):
        yield Finding(one.name, one.status, one.detail, one.hint)


def _samples() -> Samples:
    drawn, missing = sample_cards()
    return Samples([(one.template, one.card) for one in drawn], forms(drawn), missing)


async def _ask(app: App, slack: SlackSettings, channels: list[Subscribed]) -> list[Found]:
    async with new_session() as session:
        client = web_client(slack.api_url, session)
        workspaces = _workspaces(app, slack, lambda: client)
        try:
            public_url = slack.public_url if slack.many else ""
            doctor = Doctor(workspaces, client, system_clock, public_url)
            return await doctor.examine(slack.app_token.reveal(), channels, _samples)
        finally:
            await workspaces.close()


def _workspaces(app: App, slack: SlackSettings, client: ClientFactory) -> Workspaces:
    if not slack.many:
        return OneWorkspace(slack.bot_token.reveal(), client)
    return Installed(
        app.database,
        client,
        system_clock,
        client_id=slack.client_id,
        client_secret=slack.client_secret.reveal(),
        token_keys=[key.reveal() for key in slack.token_keys],
    )


def _channels(app: App) -> list[Subscribed]:
    """Channels in Slack that hear of something now, each once."""
    with app.database.reading() as session:
        mine = select(Subscription).where(Subscription.platform == "slack", Subscription.paused == "")
        order = col(Subscription.workspace), col(Subscription.channel), col(Subscription.topic)
        rows = session.exec(mine.order_by(*order)).all()
    topics: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        topics.setdefault((row.workspace, row.channel), []).append(
            f"{row.topic}s" if row.topic == "digest" else row.topic
        )
    return [Subscribed(team, channel, " and ".join(names)) for (team, channel), names in topics.items()]
