"""What `doctor` asks any chat platform about: the channels that hear of something, sample cards, and the clocks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from core.chat.cards import Button, Card

SKEW: Final = dt.timedelta(seconds=60)
"""How far clocks may differ: from five minutes on there is trouble with every platform, and NTP keeps machines within a
second."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one check found; see `bot.doctor.Finding`."""

    name: str
    status: Literal["ok", "note", "wrong"]
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A channel that hears of something, and of what. workspace: Slack's team or Discord's server."""

    workspace: str
    channel: str
    topics: str


@dataclass(frozen=True, slots=True)
class Samples:
    """A card of each template, the buttons that ask something first, and the templates that no sample drew."""

    cards: Sequence[tuple[str, Card]] = ()
    forms: Mapping[str, Button] | None = None
    missing: Sequence[str] = ()

    @property
    def counted(self) -> str:
        return f"all {len(self.cards)} cards and {len(self.forms or {})} forms"


def clocks(platform: str, theirs: dt.datetime | None, ours: dt.datetime, trouble: str) -> list[Found]:
    """Whether the clocks agree; nothing when the platform's isn't known. trouble: what comes of five minutes."""
    if theirs is None:
        return []
    name, skew = f"{platform} clock", abs(theirs - ours)
    if skew <= SKEW:
        return [Found(name, "ok", f"agrees with {platform}'s")]
    detail = f"this machine and {platform} differ by {skew.total_seconds():.0f} s"
    return [Found(name, "wrong", detail, f"Have this machine take its time from NTP; from 5 minutes on, {trouble}.")]


def bad_cards(platform: str, faults: Sequence[tuple[str, str]]) -> list[Found]:
    """What is wrong with the samples, each by its name."""
    return [
        Found(f"{platform} card {name}", "wrong", why, "Report it: this is a fault of ours.") for name, why in faults
    ]


def undrawn(platform: str, samples: Samples) -> list[Found]:
    """A note about the templates that no sample drew, if any."""
    if not samples.missing:
        return []
    return [Found(f"{platform} cards", "note", f"no sample draws {', '.join(samples.missing)}", "Nothing to do.")]


def date_of(header: str | None) -> dt.datetime | None:
    """The time in a Date header, None when there is none to be read."""
    try:
        return parsedate_to_datetime(header).astimezone(dt.UTC) if header else None
    except ValueError:
        return None
