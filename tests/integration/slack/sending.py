"""The sending half of the Slack adapter on a line to our own Slack, without waiting for anybody's clock."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from adapters.slack.api import SlackApi
from adapters.slack.delivery import Delivery, Where
from adapters.slack.pacing import Pacer
from adapters.slack.pictures import Pictures
from adapters.slack.port import SlackPort
from adapters.slack.workspaces import Workspace
from core.chat.cards import Actions, Button, Card, Chart, Point, Span, Text
from core.chat.outbox import Destination
from core.storage import Database
from tests.slack_server import Interaction, SlackServer
from tests.slack_server.things import ALL_SCOPES

TOKEN = "xoxb-secret-of-T1"
OTHER_TOKEN = "xoxb-secret-of-T2"
SCOPES = [scope for scope in ALL_SCOPES if scope != "chat:write.public"]
APPROVALS = Destination("slack", "T1", channel="C1")
ADA = Destination("slack", "T1", user_id="U1")
CHART = Chart("bar", "Daily", "Daily: $8.00 on 12 Jan.", (Point("12 Jan", "8.00"), Point("13 Jan", "5.00")), "usd")


@dataclass
class Now:
    """Both clocks, moved by whoever sleeps."""

    monotonic: float = 100.0
    at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    slept: list[float] = field(default_factory=list)

    def seconds(self) -> float:
        return self.monotonic

    def clock(self) -> dt.datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.monotonic += seconds
        self.at += dt.timedelta(seconds=seconds)
        await asyncio.sleep(0)


@dataclass
class Tokens:
    """Workspaces whose tokens are in a dict; `next_tokens` are handed out one after the other before them."""

    known: dict[str, Workspace]
    next_tokens: dict[str, list[str]] = field(default_factory=dict)

    async def of(self, team_id: str) -> Workspace | None:
        found = self.known.get(team_id)
        waiting = self.next_tokens.get(team_id)
        if found is not None and waiting:
            return Workspace(team_id, waiting.pop(0), found.bot_user_id)
        return found

    async def teams(self) -> list[str]:
        return sorted(self.known)

    async def forget(self, team_id: str) -> None:
        self.known.pop(team_id, None)

    async def close(self) -> None:
        """Nothing is under way."""


@dataclass
class Line:
    """Our Slack with two workspaces, and what speaks to it."""

    slack: SlackServer
    tokens: Tokens
    api: SlackApi
    port: SlackPort
    delivery: Delivery
    now: Now

    async def asked(self, channel: str = "C1", text: str = "/balance") -> Interaction:
        """Ada typed a command; nobody took it yet."""
        return await self.slack.slash("T1", channel, "U1", text, wait=False)

    def where(self, asked: Interaction, channel: str = "C1", *, own: bool = False) -> Where:
        url, trigger = asked.payload["response_url"], asked.payload["trigger_id"]
        return Where("T1", channel, "U1", url, own, trigger)


@asynccontextmanager
async def connected(database: Database) -> AsyncIterator[Line]:
    """Workspaces T1 (Ada and Bob; #approvals C1, and C2 without the desk) and T2 (#approvals C1)."""
    async with SlackServer.running() as slack:
        for team, token in (("T1", TOKEN), ("T2", OTHER_TOKEN)):
            slack.add_workspace(team, bot_token=token, scopes=SCOPES)
            slack.add_user(team, "U1", "ada")
            slack.add_user(team, "U2", "bob")
            slack.add_channel(team, "C1", "approvals", members=["U1", "U2"])
        slack.add_channel("T1", "C2", "elsewhere", members=["U1"], bot_in=False)
        now = Now()
        tokens = Tokens(
            {team: Workspace(team, slack.workspace(team).bot_token, f"UBOT{team}") for team in ("T1", "T2")}
        )
        api = SlackApi(tokens, slack.api_url, pacer=Pacer(now.seconds, now.sleep))
        port = SlackPort(api, database, now.clock, Pictures(api, now.clock, now.sleep))
        await api.open()
        try:
            yield Line(slack, tokens, api, port, Delivery(port, now.sleep), now)
            assert slack.violations == []
        finally:
            await api.close()


def card(title: str = "To approve", *, chart: bool = False, button: bool = False, words: str = "WD-1 of Ada") -> Card:
    blocks: list[Text | Chart | Actions] = [Text((Span(words),))]
    if chart:
        blocks.append(CHART)
    if button:
        blocks.append(Actions((Button("payout.approve", "1", "Approve"),)))
    return Card(title, blocks=tuple(blocks))
