"""Which workspaces the desk is installed in, and the token it speaks with there.

`OneWorkspace` serves the bot token of SLACK_BOT_TOKEN; `installations.Installed` serves as many as were installed
through the desk's own install page. A user of a workspace that neither knows is nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from core.chat.outbox import TryLater
from core.errors import DeskError

logger = logging.getLogger(__name__)

# What auth.test says about a token that no retry will mend.
DEAD_TOKEN = frozenset(
    {"account_inactive", "invalid_auth", "not_authed", "token_revoked", "team_access_not_granted", "org_login_required"}
)

ClientFactory = Callable[[], AsyncWebClient]
"""Gives the client that everything shares, without a token; raises TryLater while there is none."""


class NotInstalled(DeskError):
    """Nothing changed. The desk is not installed in this Slack workspace."""


class NoAnswer(DeskError):
    """Nothing changed. Slack didn't answer when the desk asked for its token. Try again in a minute."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace and how the desk speaks there. scopes: what the token may do; empty when Slack didn't say."""

    team_id: str
    bot_token: str = field(repr=False)
    bot_user_id: str
    scopes: frozenset[str] = frozenset()


class Workspaces(Protocol):
    """What the rest of the adapter asks."""

    async def of(self, team_id: str) -> Workspace | None:
        """The workspace, its token fresh; None when the desk is not installed there. Raises NoAnswer."""
        ...

    async def teams(self) -> list[str]:
        """The ids of all of them, sorted. Raises NoAnswer."""
        ...

    async def forget(self, team_id: str) -> None:
        """Slack says that the desk was removed there (app_uninstalled, tokens_revoked)."""
        ...

    async def close(self) -> None:
        """Let what is under way end: a token that Slack has given must be stored. Before the client is closed."""
        ...


Gone = Callable[[str], None]
"""Told of a team id once the desk has left it: what was posted there stops. Called on a thread."""


def scopes_of(header: str) -> frozenset[str]:
    """The scopes in Slack's `x-oauth-scopes` header, or in an installation: a comma-separated list."""
    return frozenset(part.strip() for part in header.split(",") if part.strip())


class OneWorkspace:
    """The workspace of one bot token. Slack is asked once which one that is, and asked again until it has answered."""

    def __init__(self, token: str, client: ClientFactory, gone: Gone | None = None) -> None:
        self._token, self._client, self._gone = token, client, gone
        self._known: Workspace | None = None
        self._team = ""
        self._dead = False
        self._asking = asyncio.Lock()

    async def of(self, team_id: str) -> Workspace | None:
        """The workspace if it is this token's; None for every other one, and once the token is dead."""
        workspace = await self._workspace()
        return workspace if workspace is not None and workspace.team_id == team_id else None

    async def teams(self) -> list[str]:
        """The one team id; none once the token is dead."""
        workspace = await self._workspace()
        return [] if workspace is None else [workspace.team_id]

    async def forget(self, team_id: str) -> None:
        """Ask again what the token is good for; if for nothing, the workspace is gone until a restart."""
        if self._known is None or self._known.team_id != team_id:
            return
        self._known = None
        with contextlib.suppress(NoAnswer):  # asked again at the next use
            await self._workspace()

    async def close(self) -> None:
        """Nothing is under way."""

    async def _workspace(self) -> Workspace | None:
        if self._known is None and not self._dead:
            async with self._asking:
                await self._ask()
        return self._known

    async def _ask(self) -> None:
        """Unless somebody has while this one waited for its turn."""
        if self._known is not None or self._dead:
            return
        found = await ask(self._client, self._token)
        if found is None:
            self._dead = True
            logger.error("Slack refuses SLACK_BOT_TOKEN; `earnings-desk doctor` says why")
            if self._team and self._gone is not None:
                await asyncio.to_thread(self._gone, self._team)
        else:
            self._known, self._team = found, found.team_id


async def ask(client: ClientFactory, token: str) -> Workspace | None:
    """Whose token this is, by auth.test; None for one that Slack refuses for good. Raises NoAnswer."""
    try:
        answer = await client().auth_test(token=token)
    except SlackApiError as refused:
        if error_of(refused) in DEAD_TOKEN:
            return None
        raise NoAnswer from None  # its text may hold the request
    except (TryLater, aiohttp.ClientError, TimeoutError, OSError):
        raise NoAnswer from None
    scopes = answer.headers.get("x-oauth-scopes", "") if answer.headers else ""
    return Workspace(str(answer["team_id"]), token, str(answer["user_id"]), scopes_of(scopes))


def error_of(refused: SlackApiError) -> str:
    """Slack's own word for what is wrong, such as "invalid_auth"; "" when the answer has none."""
    data = getattr(refused.response, "data", None)  # text, when a proxy answered
    word = data.get("error") if isinstance(data, dict) else None
    return word if isinstance(word, str) else ""
