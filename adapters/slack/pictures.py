"""How each chart of a card is shown: by Slack itself, as an uploaded picture, or in words.

Slack draws charts where it has been rolled out; a workspace that refuses one gets pictures for some hours. A picture is
ready late: a message may name it only once `files.info` says so (findings.md, "Slack"). Whatever fails, the chart's
words remain, so that no message waits for a picture.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections import OrderedDict
from collections.abc import Mapping

import aiohttp
import structlog

from adapters.slack.api import NotInstalled, SlackApi, SlackRefused
from adapters.slack.blocks import ChartAs, native_possible
from adapters.slack.pacing import Sleep
from core.chat import charts
from core.chat.cards import Card, Chart
from core.chat.outbox import TryLater, Unclear
from core.clock import Clock

log = structlog.get_logger(__name__)

NATIVE, WORDS = "native", "words"
REFUSED_FOR = dt.timedelta(hours=6)
KEPT = 500  # pictures whose ids are remembered
ALT_MOST = 1_000  # characters (files.getUploadURLExternal, alt_txt_too_large)
READY_WITHIN = (0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0)  # seconds between looks
PATIENCE = 2.0  # seconds for a turn at each call
WITHIN_SECONDS = 12.0  # for a picture in all; a message must go out within half a minute


class UploadFailed(Exception):
    """A file could not be put on Slack; nobody sees it."""


class Pictures:
    """Decides how charts are shown, and puts their pictures on Slack."""

    def __init__(
        self, api: SlackApi, clock: Clock, sleep: Sleep = asyncio.sleep, *, within: float = WITHIN_SECONDS
    ) -> None:
        self._api, self._clock, self._sleep, self._within = api, clock, sleep, within
        self._refused: dict[str, dt.datetime] = {}
        self._ready: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._making: dict[tuple[str, str], asyncio.Lock] = {}

    async def charts(self, team_id: str, card: Card) -> ChartAs:
        """How to show each chart of the card there. Never raises for Slack's sake."""
        native = self.native_in(team_id)
        drawn = [chart for chart in card.charts if not (native and native_possible(chart))]
        pictures = await asyncio.gather(*(self._picture(team_id, chart) for chart in drawn))
        return {chart.name: NATIVE for chart in card.charts} | {
            chart.name: picture for chart, picture in zip(drawn, pictures, strict=True)
        }

    async def uploaded(self, team_id: str, card: Card) -> ChartAs:
        """Every chart as a picture, for views, where Slack draws none. Never raises for Slack's sake."""
        pictures = await asyncio.gather(*(self._picture(team_id, chart) for chart in card.charts))
        return {chart.name: picture for chart, picture in zip(card.charts, pictures, strict=True)}

    def native_in(self, team_id: str) -> bool:
        """Whether the workspace is thought to draw charts itself."""
        until = self._refused.get(team_id)
        return until is None or until <= self._clock()

    def refused(self, team_id: str) -> None:
        """The workspace refused a chart: pictures there for a while."""
        self._refused[team_id] = self._clock() + REFUSED_FOR

    async def _picture(self, team_id: str, chart: Chart) -> str:
        try:
            data = await asyncio.to_thread(charts.png, chart)
        except charts.NoPicture as fault:
            log.warning("a chart can't be drawn", fault=str(fault))
            return WORDS
        key = (team_id, hashlib.sha256(data + chart.alt.encode()).hexdigest())
        lock = self._making.setdefault(key, asyncio.Lock())
        try:
            async with asyncio.timeout(self._within), lock:  # the same picture at the same time is uploaded once
                return await self._uploaded(key, chart, data)
        except (UploadFailed, TryLater, Unclear, SlackRefused, NotInstalled, TimeoutError) as fault:
            log.warning("a chart is shown in words", team=team_id, fault=str(fault) or "no answer in time")
            return WORDS
        finally:
            self._making.pop(key, None)

    async def _uploaded(self, key: tuple[str, str], chart: Chart, data: bytes) -> str:
        file_id = self._ready.get(key)
        if file_id is None:
            alt = chart.alt if len(chart.alt) <= ALT_MOST else chart.alt[: ALT_MOST - 1] + "…"
            file_id = await upload(self._api, key[0], "chart.png", chart.name, data, alt=alt)
            await self._until_ready(key[0], file_id)
            self._ready[key] = file_id
            while len(self._ready) > KEPT:
                self._ready.popitem(last=False)
        self._ready.move_to_end(key)
        return f"file:{file_id}"

    def forget(self, team_id: str) -> None:
        """A message with pictures was refused: they may have been deleted, and are uploaded anew next time."""
        for key in [key for key in self._ready if key[0] == team_id]:
            del self._ready[key]

    async def _until_ready(self, team_id: str, file_id: str) -> None:
        """Slack has looked at the file once it knows its type."""
        for pause in READY_WITHIN:
            answer = await self._api.call(team_id, "files.info", patience=PATIENCE, file=file_id)
            file = answer.get("file")
            if isinstance(file, Mapping) and file.get("mimetype"):
                return
            await self._sleep(pause)
        raise UploadFailed(f"the picture {file_id} is not ready in time")


async def upload(
    api: SlackApi,
    team_id: str,
    name: str,
    title: str,
    data: bytes,
    *,
    alt: str | None = None,
    channel: str | None = None,
) -> str:
    """Put a file on Slack and return its id; with a channel, show it there.

    Raises UploadFailed, TryLater, SlackRefused, NotInstalled when nobody sees it, Unclear when somebody may.
    """
    offered = await api.call(
        team_id, "files.getUploadURLExternal", patience=PATIENCE, filename=name, length=len(data), alt_txt=alt
    )
    file_id, url = str(offered.get("file_id", "")), str(offered.get("upload_url", ""))
    if not file_id or not url:
        raise UploadFailed("Slack gave no address to upload to")
    await _send(api, url, data)
    files = [{"id": file_id, "title": title}]
    await api.call(team_id, "files.completeUploadExternal", patience=PATIENCE, files=files, channel_id=channel)
    return file_id


async def _send(api: SlackApi, url: str, data: bytes) -> None:
    """The bytes themselves. The address is a capability: no exception of ours names it."""
    headers = {"Content-Type": "application/octet-stream"}
    fault = ""
    for _ in range(2):  # the same bytes at the same address are the same file
        try:
            async with api.session.post(url, data=data, headers=headers) as response:
                if response.status == 200:
                    return
                fault = f"HTTP {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            fault = type(error).__name__
    raise UploadFailed(f"uploading failed: {fault}")
