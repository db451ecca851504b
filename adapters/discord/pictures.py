"""Charts as pictures, which go along with their message as attachments, and files beside them.

Discord shows an attachment of a message made of components only where a component names it: a gallery for pictures, a
file component for other files. A chart that can't be drawn stands there in words.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from adapters.discord.api import Upload
from core.chat import charts
from core.chat.cards import Card
from core.chat.registry import File

log = structlog.get_logger(__name__)

ALT_MOST = 1_024  # characters of an attachment's description
ATTACHMENTS_MOST = 10  # of a message
UPLOAD_MOST = 10_000_000  # bytes of a message's files together, where nobody pays for more
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Pictures:
    """A card's pictures. names: the attachment that shows a chart, by the chart's name; others are shown in words."""

    names: dict[str, str] = field(default_factory=dict)
    uploads: tuple[Upload, ...] = ()


NO_PICTURES = Pictures()


async def drawn(card: Card) -> Pictures:
    """Draw every chart of the card; nothing is sent yet."""
    names: dict[str, str] = {}
    uploads: list[Upload] = []
    for chart in card.charts[:ATTACHMENTS_MOST]:
        try:
            data = await asyncio.to_thread(charts.png, chart)
        except charts.NoPicture as fault:
            log.warning("a chart is shown in words", fault=str(fault))
            continue
        name = f"chart-{len(uploads) + 1}.png"
        alt = chart.alt if len(chart.alt) <= ALT_MOST else chart.alt[: ALT_MOST - 1] + "…"
        names[chart.name] = name
        uploads.append(Upload(name, data, "image/png", alt))
    return Pictures(names, tuple(uploads))


def attached(files: Sequence[File]) -> tuple[tuple[Upload, ...], str]:
    """Files as attachments, and a sentence about those that Discord won't take, "" for none."""
    taken: list[Upload] = []
    left: list[str] = []
    room = UPLOAD_MOST
    for file in files:
        name = _UNSAFE.sub("_", file.name).strip("._") or "file"
        if len(file.data) > room or len(taken) == ATTACHMENTS_MOST or any(one.name == name for one in taken):
            left.append(file.name)
            continue
        room -= len(file.data)
        taken.append(Upload(name, file.data, file.mime))
    note = f"{', '.join(left)}: too large for Discord. Ask for less, such as a shorter time." if left else ""
    return tuple(taken), note
