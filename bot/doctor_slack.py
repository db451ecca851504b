"""The part of `doctor` that asks Slack: only when Slack is configured, and never posting anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from adapters.checks import Found, Subscribed
from adapters.slack.api import new_session, web_client
from adapters.slack.checks import Doctor
from adapters.slack.installations import Installed
from adapters.slack.workspaces import ClientFactory, OneWorkspace, Workspaces
from bot.bootstrap import App
from bot.doctor import Finding
from bot.doctor_platforms import channels, samples
from bot.settings import SlackSettings
from core.clock import system_clock


def findings(app: App, slack: SlackSettings, *, database: bool) -> Iterator[Finding]:
    """Every check of Slack. database: whether ours can be read; without it, channels and installs are not looked at."""
    if slack.many and not database:
        yield Finding("Slack workspaces", "note", "not looked at: they are in the database", "Mend the database first.")
        return
    heard = channels(app, "slack") if database else []
    for one in asyncio.run(_ask(app, slack, heard)):
        yield Finding(one.name, one.status, one.detail, one.hint)


async def _ask(app: App, slack: SlackSettings, heard: list[Subscribed]) -> list[Found]:
    async with new_session() as session:
        client = web_client(slack.api_url, session)
        workspaces = _workspaces(app, slack, lambda: client)
        try:
            public_url = slack.public_url if slack.many else ""
            doctor = Doctor(workspaces, client, system_clock, public_url)
            return await doctor.examine(slack.app_token.reveal(), heard, samples)
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
