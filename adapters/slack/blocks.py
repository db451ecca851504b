"""A card as Slack draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from core.chat.cards import Card, Chart

Json: TypeAlias = dict[str, object]
ChartAs: TypeAlias = Mapping[str, str]

BUTTON_VALUE = 2_000
OPTION_VALUE = 150


@dataclass(frozen=True, slots=True)
class Drawn:
    """A message: its blocks, and the words of its notification."""

    blocks: list[Json]
    text: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """What somebody pressed or chose. asks: its questions come first."""

    action: str
    value: str
    asks: bool


def message(card: Card, charts: ChartAs) -> Drawn:
    raise NotImplementedError


def home(card: Card) -> Json:
    raise NotImplementedError


def native_possible(chart: Chart) -> bool:
    raise NotImplementedError


def read_action(action: Mapping[str, object]) -> Pressed | None:
    raise NotImplementedError
