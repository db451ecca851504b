"""Answers to people: where they asked, seen by them alone.

An answer goes to the response_url of what was typed or pressed (five uses in 30 minutes). Once that is used up, it goes
as an ephemeral message to the channel, and where the desk can't do that, to the person's direct messages. It is never
posted openly in a channel. Files always go to the direct messages.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlsplit

import aiohttp
import structlog

from adapters.answers import NotDelivered
from adapters.slack.api import NotInstalled, SlackRefused
from adapters.slack.blocks import Drawn, Json, answer, message
from adapters.slack.pacing import Sleep
from adapters.slack.pictures import WORDS, UploadFailed, upload
from adapters.slack.port import SlackPort, publish_home
from adapters.slack.sending import BADLY_DRAWN, QUIET, plain
from core.chat.cards import BadCard, Card, Note
from core.chat.outbox import TryLater, Unclear
from core.chat.registry import File, Reply

log = structlog.get_logger(__name__)

PATIENCE = 20.0  # seconds that an answer waits for its turn
TRIGGER_PATIENCE = 1.0  # a trigger_id lives three seconds
RESPOND_PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds between tries at a response_url that doesn't answer
LONGEST_WAIT = 20.0  # seconds of a Retry-After that are waited for
FILES_KEPT = 2_000_000  # bytes of files in a kept answer

# Where Slack's response_urls lead, beside wherever its Web API is.
_HOOKS = frozenset({("https", "hooks.slack.com"), ("https", "hooks.slack-gov.com")})
_USED_UP = frozenset({"used_url", "expired_url", "invalid_url", "no_such_url"})
_TRIGGER_OVER = frozenset({"expired_trigger_id", "trigger_expired", "exchanged_trigger_id", "trigger_exchanged"})
Way = Callable[[Drawn], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Where:
    """Where somebody asked. channel: "" for the home tab; response_url: "" for none.

    own: what was pressed is seen by this person alone, so that an answer may take its place. view_id: of the form or
    home view it was pressed in.
    """

    team: str
    channel: str = ""
    user: str = ""
    response_url: str = field(default="", repr=False)
    own: bool = False
    trigger_id: str = field(default="", repr=False)
    view_id: str = ""

    @property
    def in_view(self) -> bool:
        """Whether it was asked in the home view or over it: Slack gives no response_url there."""
        return not self.response_url and not self.channel


class Delivery:
    """Gives people their answers. Shares the session, the pace and the pictures of the port."""

    def __init__(self, port: SlackPort, sleep: Sleep = asyncio.sleep) -> None:
        self._api, self._sender, self._sleep = port.api, port.sender, sleep

    async def show(self, reply: Reply, where: Where) -> None:
        """Give an answer by the best way left, its files in the person's direct messages.

        Raises TryLater or Unclear when it may work later, NotDelivered when it can't.
        """
        card = await self._with_files(reply.card, reply.files, where)
        if not (where.in_view and await self._over_view(card, where)):
            await self._show(card, reply.replaces, where)

    async def show_kept(self, text: str, where: Where) -> None:
        """Give an answer that `keepable` wrote down before a restart. Raises as `show`; ValueError for another text."""
        answer = _read_kept(text)
        note = await self._sent_note(where, answer.files)
        more = [_note_block(note)] if note else []
        best, words = (Drawn([*blocks, *more], answer.text) for blocks in (answer.blocks, answer.words))

        async def present(send: Way) -> None:
            try:
                await send(best)
            except SlackRefused as refused:
                if refused.error not in BADLY_DRAWN:
                    raise
                log.warning("Slack refused a kept answer", error=refused.error, messages=refused.messages)
                await send(words)

        await self._by_best_way(where, answer.replaces, present)

    def keepable(self, reply: Reply) -> str:
        """An answer as text for `show_kept`: drawn, its charts in words, with its small files. Asks nobody anything."""
        charts = dict.fromkeys((chart.name for chart in reply.card.charts), WORDS)
        try:
            drawn = message(reply.card, charts)
        except BadCard:
            drawn = plain(reply.card)
        small = sum(len(file.data) for file in reply.files) <= FILES_KEPT
        files = [
            {"name": file.name, "mime": file.mime, "data": base64.b64encode(file.data).decode()}
            for file in (reply.files if small else ())
        ]
        body: Json = {"text": drawn.text, "blocks": drawn.blocks, "words": plain(reply.card).blocks}
        body |= {"replaces": reply.replaces, "files": files}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    async def respond(self, url: str, drawn: Drawn, replaces: bool = False) -> bool:
        """Answer at a response_url; False when it is used up or has expired. Raises SlackRefused, Unclear, TryLater.

        It is tried for a few seconds: an answer that arrives twice is better than none. An address that is not
        Slack's is refused: nobody's figures are sent anywhere else, whatever a payload says.
        """
        if not self._slacks_own(url):
            raise SlackRefused("response_url", "not_an_address_of_slack")
        body: dict[str, object] = {
            "response_type": "ephemeral",
            "replace_original": replaces,
            "text": drawn.text,
            "blocks": drawn.blocks,
            **QUIET,
        }
        last: Exception = Unclear("response_url: no answer")
        for pause in (*RESPOND_PAUSES, None):
            try:
                return await self._respond_once(url, body)
            except TryLater as later:
                last = later
                wait = later.seconds if later.seconds is not None else pause
                if wait is None or wait > LONGEST_WAIT:
                    break
            except Unclear as unclear:
                last, wait = unclear, pause
            if pause is None:
                break
            await self._sleep(wait or 0.0)
        raise last

    async def ephemeral(self, team_id: str, channel: str, user_id: str, drawn: Drawn) -> None:
        """Show a message to one person in a channel that the desk is in. Raises as `SlackApi.call` does."""
        await self._api.call(
            team_id,
            "chat.postEphemeral",
            lane=channel,
            patience=PATIENCE,
            channel=channel,
            user=user_id,
            text=drawn.text,
            blocks=drawn.blocks,
            link_names=False,
            parse="none",
        )

    async def direct(self, team_id: str, user_id: str, drawn: Drawn) -> None:
        """Post to somebody's direct messages with the desk. Raises as `SlackApi.call` does."""
        channel = await self._sender.direct_channel(team_id, user_id, patience=PATIENCE)
        await self._api.call(
            team_id,
            "chat.postMessage",
            lane=channel,
            patience=PATIENCE,
            channel=channel,
            text=drawn.text,
            blocks=drawn.blocks,
            **QUIET,
        )

    async def files(self, team_id: str, user_id: str, files: Sequence[File]) -> None:
        """Put files into somebody's direct messages. Raises as `pictures.upload` does."""
        channel = await self._sender.direct_channel(team_id, user_id, patience=PATIENCE)
        for file in files:
            await upload(self._api, team_id, file.name, file.name, file.data, channel=channel)

    async def open_modal(self, team_id: str, trigger_id: str, view: Json, *, on_top: bool = False) -> bool:
        """Open a form; False when it is too late for that (a trigger_id lives three seconds, and serves once).

        on_top: of the form that was pressed in. Raises SlackRefused, NotInstalled.
        """
        method = "views.push" if on_top else "views.open"
        try:
            await self._api.call(team_id, method, patience=TRIGGER_PATIENCE, trigger_id=trigger_id, view=view)
        except SlackRefused as refused:
            if refused.error in _TRIGGER_OVER:
                return False
            raise
        except (TryLater, Unclear) as problem:
            log.info("a form could not be opened", team=team_id, fault=str(problem))
            return False
        return True

    async def publish_home(self, team_id: str, user_id: str, card: Card) -> None:
        """Show a card as somebody's home view. Raises as `SlackApi.call` does."""
        await publish_home(self._sender, team_id, user_id, card, patience=PATIENCE)

    async def _over_view(self, card: Card, where: Where) -> bool:
        """Answer in a view: in the place of the one that was pressed in, else in a new one. False: another way is left.

        It opens at once, charts in words, because a trigger_id lives three seconds; pictures come into it when ready.
        """
        card = await self._sender.shortened(card)
        try:
            view_id = await self._put_view(answer(card, {}), where)
            charts = await self._sender.pictures.uploaded(where.team, card) if view_id and card.charts else {}
            if charts:
                view = answer(card, charts)
                await self._api.call(where.team, "views.update", patience=PATIENCE, view_id=view_id, view=view)
        except (SlackRefused, NotInstalled, TryLater, Unclear) as problem:
            log.info("an answer goes another way", team=where.team, way="view", fault=str(problem))
            return False
        return bool(view_id)

    async def _put_view(self, view: Json, where: Where) -> str:
        """The id of the view that shows it now; "" when it is too late for one."""
        shown: Mapping[str, object] = {}
        if where.view_id:
            try:
                shown = await self._api.call(
                    where.team, "views.update", patience=TRIGGER_PATIENCE, view_id=where.view_id, view=view
                )
            except SlackRefused as refused:
                if refused.error != "not_found":  # closed meanwhile: opened anew
                    raise
        if not shown and where.trigger_id:
            try:
                shown = await self._api.call(
                    where.team, "views.open", patience=TRIGGER_PATIENCE, trigger_id=where.trigger_id, view=view
                )
            except SlackRefused as refused:
                if refused.error not in _TRIGGER_OVER:
                    raise
        found = shown.get("view")
        return str(found.get("id", "")) if isinstance(found, Mapping) else ""

    async def _show(self, card: Card, replaces: bool, where: Where) -> None:
        await self._by_best_way(where, replaces, partial(self._sender.present, where.team, card))

    async def _by_best_way(self, where: Where, replaces: bool, present: Callable[[Way], Awaitable[None]]) -> None:
        """Try the ways one after the other. An answer that is seen twice is better than none. Raises as `show`."""
        later: Exception | None = None
        reason = "there is no way to answer"
        for name, way in self._ways(where, replaces):
            try:
                await present(way)
            except (TryLater, Unclear) as problem:
                later, reason = problem, str(problem)
            except (SlackRefused, NotInstalled, _UsedUp) as problem:
                reason = str(problem)
            else:
                return
            log.info("an answer goes another way", team=where.team, way=name, fault=reason)
        raise later or NotDelivered(reason)

    def _ways(self, where: Where, replaces: bool) -> Iterator[tuple[str, Way]]:
        if where.response_url:
            yield "response_url", partial(self._at_url, where.response_url, replaces and where.own)
        if where.channel and where.user and not where.channel.startswith("D"):
            yield "ephemeral", partial(self.ephemeral, where.team, where.channel, where.user)
        if where.user:
            yield "direct", partial(self.direct, where.team, where.user)

    async def _at_url(self, url: str, replaces: bool, drawn: Drawn) -> None:
        if not await self.respond(url, drawn, replaces):
            raise _UsedUp

    def _slacks_own(self, url: str) -> bool:
        return _origin(url) in _HOOKS or _origin(url) == _origin(self._api.base_url)

    async def _respond_once(self, url: str, body: Json) -> bool:
        # Judged outside of the handlers: aiohttp's exceptions may name the address, which is a capability.
        problem: Exception
        try:
            async with self._api.session.post(url, json=body, allow_redirects=False) as response:
                status, text = response.status, await response.text()
                asked = response.headers.get("Retry-After", "")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            problem = TryLater()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            problem = Unclear(f"response_url: {type(error).__name__}")
        else:
            return _responded(status, text, asked)
        raise problem

    async def _with_files(self, card: Card, files: Sequence[File], where: Where) -> Card:
        note = await self._sent_note(where, files)
        return replace(card, blocks=(*card.blocks, Note(note))) if note else card

    async def _sent_note(self, where: Where, files: Sequence[File]) -> str:
        """Send the files and say in a sentence where they are; "" without files."""
        if not files:
            return ""
        names = ", ".join(file.name for file in files)
        try:
            await self.files(where.team, where.user, files)
        except Unclear:
            return f"{names}: the line to Slack was cut. If it isn't in your direct messages with me, ask again."
        except (UploadFailed, TryLater, SlackRefused, NotInstalled) as fault:
            log.warning("a file could not be sent", team=where.team, fault=str(fault))
            return f"{names} could not be sent to your direct messages. Ask again in a minute."
        return f"{names} is in your direct messages with me."


class _UsedUp(Exception):
    """response_url: used up or expired"""

    def __str__(self) -> str:
        return "response_url: used up or expired"


@dataclass(frozen=True, slots=True)
class _Kept:
    """A kept answer. words: its blocks should Slack refuse the drawn ones."""

    text: str
    blocks: list[Json]
    words: list[Json]
    replaces: bool
    files: list[File]


def _read_kept(text: str) -> _Kept:
    try:
        body = json.loads(text)
        files = [File(one["name"], base64.b64decode(one["data"]), one["mime"]) for one in body["files"]]
        return _Kept(str(body["text"]), list(body["blocks"]), list(body["words"]), bool(body["replaces"]), files)
    except (KeyError, TypeError, ValueError) as fault:
        raise ValueError("no kept answer") from fault


def _origin(url: str) -> tuple[str, str]:
    """Scheme and host, with the port if one is named; none for what is no address, or carries a user's name."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()


def _note_block(note: str) -> Json:
    return {"type": "context", "elements": [{"type": "plain_text", "text": note, "emoji": False}]}


def _responded(status: int, text: str, asked: str) -> bool:
    """What a response_url answered: "ok", a word, or JSON. True: shown; False: used up."""
    error = _word(text)
    if status == 429:
        try:
            raise TryLater(max(0.0, float(asked)))
        except ValueError:
            raise TryLater from None
    if status >= 500:
        raise Unclear(f"response_url: HTTP {status}")
    if error in _USED_UP or status in (404, 410):
        return False
    if status == 200 and not error:
        return True
    raise SlackRefused("response_url", error or f"HTTP {status}")


def _word(text: str) -> str:
    """The error in an answer; "" for none."""
    text = text.strip()
    try:
        body: object = json.loads(text)
    except ValueError:
        return "" if text in ("", "ok") else text[:60]
    if isinstance(body, Mapping):
        return "" if body.get("ok", True) and not body.get("error") else str(body.get("error") or "unknown_error")
    return ""
