"""What `doctor` asks Slack: tokens, scopes, clocks, channels, and whether it takes every card. Nothing is posted."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.checks import Found, Samples, Subscribed, bad_cards, clocks, date_of, undrawn
from adapters.slack import blocks, forms
from adapters.slack.block_limits import BUTTON_VALUE, OPTION_VALUE, Surface, problems
from adapters.slack.manifest import SCOPES
from adapters.slack.workspaces import DEAD_TOKEN, NoAnswer, Workspace, Workspaces, scopes_of
from core.chat import handles
from core.clock import Clock

INSTALL = "/slack/install"
APP_PAGE = "https://api.slack.com/apps"
AT_ONCE = 4
LONGEST_WAIT_SECONDS = 10.0
Answer = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Said:
    """Slack's answer to one call: error is "" for ok, "no answer" when there was none."""

    error: str
    answer: Answer
    date: dt.datetime | None
    scopes: frozenset[str] | None
    wait: float = 0.0


class Doctor:
    """Asks with the desk's own tokens. public_url: of the install page, "" when there is none."""

    def __init__(self, workspaces: Workspaces, client: AsyncWebClient, clock: Clock, public_url: str = "") -> None:
        self.workspaces, self.client, self.clock, self.public_url = workspaces, client, clock, public_url
        self._skewed = False

    async def examine(
        self, app_token: str, channels: Sequence[Subscribed], samples: Callable[[], Samples]
    ) -> list[Found]:
        """Every check, the transport first. app_token: "" over HTTP. samples: called on a thread, once it is needed."""
        found = [await self._transport(app_token)]
        try:
            teams = await self.workspaces.teams()
        except NoAnswer:
            return [*found, _no_answer("Slack token")]
        if not teams:
            return [*found, self._nowhere()]
        working: list[str] = []
        for team in teams:
            findings = await self._workspace(team)
            found += findings
            if findings[0].status != "wrong":
                working.append(team)
        for one in channels:
            if one.workspace in working:
                found.append(await self._channel(one))
            elif one.workspace not in teams:
                hint = "Install the desk there again, or turn them off from another channel's list."
                found.append(
                    Found(_name(one), "note", f"the desk is not in the workspace {one.workspace} any more", hint)
                )
        if working:
            found += await self._cards(working[0], await asyncio.to_thread(samples))
        return found

    async def _transport(self, app_token: str) -> Found:
        name = "Slack transport"
        if not app_token:
            return Found(name, "ok", "HTTP: Slack calls /slack/events at the address in the app's manifest")
        said = await self._ask(app_token, "apps.connections.open")
        if not said.error:
            return Found(name, "ok", "Socket Mode: Slack takes SLACK_APP_TOKEN")
        if said.error == "no answer":
            return _no_answer(name)
        hint = f"Make an app-level token with connections:write on the app's page, {APP_PAGE}, and set SLACK_APP_TOKEN."
        return Found(name, "wrong", f"Slack refuses SLACK_APP_TOKEN ({said.error})", hint)

    def _nowhere(self) -> Found:
        if self.public_url:
            hint = f"Open {self.public_url}{INSTALL} in a browser."
            return Found("Slack workspaces", "note", "no workspace has installed the desk yet", hint)
        hint = f'Copy the "Bot User OAuth Token" from the page OAuth & Permissions of the app, {APP_PAGE}.'
        return Found("Slack token", "wrong", "Slack refuses SLACK_BOT_TOKEN", hint)

    async def _workspace(self, team: str) -> list[Found]:
        """The token and who it is, what it may do, and the clocks."""
        name = f"Slack workspace {team}"
        try:
            workspace = await self.workspaces.of(team)
        except NoAnswer:
            return [_no_answer(name)]
        said = await self._ask(workspace.bot_token, "auth.test") if workspace is not None else None
        if said is None or said.error in DEAD_TOKEN or said.error == "token_expired":
            hint = f"Install the desk there again from the app's page, {APP_PAGE}, or its install page."
            return [Found(name, "wrong", f"the token no longer works ({said.error if said else 'unknown'})", hint)]
        if said.error == "no answer":
            return [_no_answer(name)]
        if said.error:
            return [Found(name, "wrong", f"Slack answers {said.error}", "")]
        found = [Found(name, "ok", f"{said.answer.get('team')}, as @{said.answer.get('user')}")]
        return [*found, _scopes(team, workspace, said), *self._clocks(said)]

    def _clocks(self, said: _Said) -> list[Found]:
        if said.date is None or self._skewed:
            return []
        self._skewed = True  # one clock, told once
        trouble = "requests look forged and are refused"
        return clocks("Slack", said.date, self.clock(), trouble)

    async def _channel(self, one: Subscribed) -> Found:
        workspace = await self.workspaces.of(one.workspace)
        said = await self._ask(workspace.bot_token if workspace else "", "conversations.info", channel=one.channel)
        channel = said.answer.get("channel")
        if said.error == "no answer":
            return _no_answer(_name(one))
        if said.error == "channel_not_found":
            hint = "If it is a private one, type /invite @Earnings Desk there; if it was deleted, subscribe another."
            return Found(_name(one), "wrong", "it doesn't exist, or is private and the desk is not in it", hint)
        if said.error or not isinstance(channel, Mapping):
            hint = "See the scopes above." if said.error == "missing_scope" else ""
            return Found(_name(one), "wrong", f"Slack answers {said.error}", hint)
        name = f"Slack channel #{channel.get('name')}"
        if channel.get("is_archived") is True:
            return Found(name, "wrong", "it is archived", "Unarchive it, or subscribe another one.")
        if channel.get("is_member") is not True:
            hint = f"Type /invite @Earnings Desk in #{channel.get('name')}."
            return Found(name, "wrong", f"the desk is not in it, so its {one.topics} can't be posted", hint)
        return Found(name, "ok", f"gets {one.topics}")

    async def _cards(self, team: str, samples: Samples) -> list[Found]:
        """Every sample through blocks.validate, several at once."""
        workspace = await self.workspaces.of(team)
        token = workspace.bot_token if workspace is not None else ""
        payloads = [*_payloads(samples)]
        gate = asyncio.Semaphore(AT_ONCE)

        async def judge(name: str, kind: Literal["message", "view"], payload: Answer) -> tuple[str, str]:
            ours = problems(_surface(payload), payload)
            async with gate:
                said = await self._ask(token, "blocks.validate", **{kind: json.dumps(payload)})
                if said.error == "ratelimited":
                    await asyncio.sleep(min(said.wait, LONGEST_WAIT_SECONDS))
                    said = await self._ask(token, "blocks.validate", **{kind: json.dumps(payload)})
            if said.error.startswith("invalid_") and said.error != "invalid_auth":
                return name, "; ".join(_details(said.answer)) or said.error
            return (name, ours[0]) if ours else (name, f"?{said.error}" if said.error else "")

        judged = await asyncio.gather(*(judge(*one) for one in payloads))
        refused = [(name, why) for name, why in judged if why and not why.startswith("?")]
        unclear = sorted({why[1:] for _, why in judged if why.startswith("?")})
        found = bad_cards("Slack", refused)
        if unclear:
            hint = "Run doctor again later; the desk's own table of limits found nothing wrong."
            found.append(Found("Slack cards", "note", f"blocks.validate answers {', '.join(unclear)}", hint))
        elif not refused:
            found.append(Found("Slack cards", "ok", f"Slack takes {samples.counted}"))
        return found + undrawn("Slack", samples)

    async def _ask(self, token: str, method: str, **given: str) -> _Said:
        try:
            response = await self.client.api_call(method, data=given, headers={"Authorization": f"Bearer {token}"})
        except SlackApiError as refused:
            response = refused.response
        except (aiohttp.ClientError, TimeoutError, OSError):
            return _Said("no answer", {}, None, None)
        lowered = {str(name).lower(): str(value) for name, value in (response.headers or {}).items()}
        answer = response.data if isinstance(response.data, dict) else {}
        error = "" if answer.get("ok") else str(answer.get("error") or "no answer")
        if response.status_code == 429:
            error = "ratelimited"
        scopes = scopes_of(lowered["x-oauth-scopes"]) if "x-oauth-scopes" in lowered else None
        wait = lowered.get("retry-after", "1")
        return _Said(error, answer, date_of(lowered.get("date")), scopes, float(wait) if wait.isdecimal() else 1.0)


def _surface(payload: Answer) -> Surface:
    kind = payload.get("type")
    return "home" if kind == "home" else "modal" if kind == "modal" else "message"


def _payloads(samples: Samples) -> list[tuple[str, Literal["message", "view"], Answer]]:
    """Each card as a message, the dashboard as a home view, each form as a modal; charts in words, as they may be."""
    made: list[tuple[str, Literal["message", "view"], Answer]] = []
    for name, card in samples.cards:
        short = handles.shortened(card, button=BUTTON_VALUE, option=OPTION_VALUE)
        if name == "home":
            made.append((name, "view", blocks.home(short)))
        else:
            drawn = blocks.message(short, {})
            made.append((name, "message", {"text": drawn.text, "blocks": drawn.blocks}))
    for name, button in (samples.forms or {}).items():
        made.append((f"form of {name}", "view", forms.modal(button.label, button.form or (), private_metadata="{}")))
    return made


def _scopes(team: str, workspace: Workspace | None, said: _Said) -> Found:
    has = said.scopes if said.scopes is not None else workspace.scopes if workspace is not None else frozenset()
    lacking = [scope for scope in SCOPES if scope not in has]
    name = f"Slack scopes {team}"
    if not lacking:
        return Found(name, "ok", f"all {len(SCOPES)} are granted")
    hint = (
        "Paste `earnings-desk manifest slack` into the app's page under App Manifest, then reinstall from the app's "
        f"page ({APP_PAGE} → Install App); workspaces of their own open the install page again."
    )
    return Found(name, "wrong", f"missing: {', '.join(lacking)}", hint)


def _details(answer: Answer) -> list[str]:
    """What blocks.validate finds wrong, in Slack's words."""
    errors = answer.get("errors")
    told = []
    for one in errors if isinstance(errors, list) else []:
        if isinstance(one, Mapping):
            told.append(f"{one.get('pointer', '')} {one.get('message') or one.get('code') or ''}".strip())
        else:
            told.append(str(one))
    return told[:5]


def _name(one: Subscribed) -> str:
    return f"Slack channel {one.channel}"


def _no_answer(name: str) -> Found:
    return Found(
        name, "wrong", "Slack doesn't answer", "Check the network, SLACK_API_URL and https://slack-status.com."
    )
