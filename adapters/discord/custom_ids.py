"""What a button, menu or modal carries in its custom_id, and the items that hear of a press after a restart too.

    ed|press|<action>|<number>|<value>    a button
    ed|form|<action>|<number>|<value>     a button whose questions come first
    ed|pick|<action>|<number>             a menu; its options carry the values
    ed|send|<action>|<value>              a modal

The number sets equal controls of one message apart. A value stands last, so whatever it holds comes back whole.
Discord gives a custom_id 100 characters: longer values travel as handles (core.chat.handles).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, Self, TypeAlias, cast

import discord

BUTTON_VALUE: Final = 60
"""Characters of a button's value, so that an action of ACTION_NAME characters fits beside it, in modals as well."""
OPTION_VALUE: Final = 100
ACTION_NAME: Final = 27
MOST: Final = 100

_PRESS = re.compile(r"ed\|(?P<way>press|form)\|(?P<action>[^|]+)\|(?P<number>[0-9]{1,3})\|(?P<value>.*)", re.DOTALL)
_PICK = re.compile(r"ed\|pick\|(?P<action>[^|]+)\|(?P<number>[0-9]{1,3})")
_SEND = re.compile(r"ed\|send\|(?P<action>[^|]+)\|(?P<value>.*)", re.DOTALL)

_Button: TypeAlias = discord.ui.Button[discord.ui.LayoutView]
_Menu: TypeAlias = discord.ui.Select[discord.ui.LayoutView]


class TooLong(ValueError):
    """A value was not shortened before (core.chat.handles.shorten), or an action's name is too long: ours to mend."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """What somebody pressed or chose. asks: its questions come first."""

    action: str
    value: str
    asks: bool


class Sent(NamedTuple):
    """The button whose form was sent."""

    action: str
    value: str


class Presses(Protocol):
    """The client that hears of presses and choices."""

    async def pressed(self, interaction: discord.Interaction, pressed: Pressed, /) -> None:
        """Answer a button or a menu."""


def button_id(action: str, number: int, value: str, *, asks: bool) -> str:
    """A button's custom_id. Raises TooLong."""
    return _checked(f"ed|{'form' if asks else 'press'}|{_named(action)}|{number}|{value}")


def menu_id(action: str, number: int) -> str:
    """A menu's custom_id. Raises TooLong."""
    return _checked(f"ed|pick|{_named(action)}|{number}")


def modal_id(action: str, value: str) -> str:
    """The custom_id of the modal that asks a button's questions. Raises TooLong."""
    return _checked(f"ed|send|{_named(action)}|{value}")


def read_component(data: Mapping[str, object]) -> Pressed | None:
    """What the data of a component's interaction says; None for a component that is none of ours."""
    custom_id = str(data.get("custom_id", ""))
    press = _PRESS.fullmatch(custom_id)
    if press is not None:
        return Pressed(press["action"], press["value"], press["way"] == "form")
    pick = _PICK.fullmatch(custom_id)
    values = data.get("values")
    if pick is None or not isinstance(values, list) or len(values) != 1:
        return None
    return Pressed(pick["action"], str(values[0]), asks=False)


def read_send(custom_id: str) -> Sent | None:
    """What a submitted modal was for; None for one that is none of ours."""
    sent = _SEND.fullmatch(custom_id)
    return None if sent is None else Sent(sent["action"], sent["value"])


class Press(discord.ui.DynamicItem[_Button], template=_PRESS):
    """A button of ours, on a message of any age. The client is a `Presses`."""

    def __init__(self, button: _Button) -> None:
        super().__init__(button)

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003 - the library's signature
        item: discord.ui.Item[discord.ui.LayoutView],
        match: re.Match[str],  # noqa: ARG003 - read_component reads it again
        /,
    ) -> Self:
        """Made anew for each press."""
        return cls(cast(_Button, item))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Hand it to the client."""
        await _hand_over(interaction)


class Pick(discord.ui.DynamicItem[_Menu], template=_PICK):
    """A menu of ours, on a message of any age. The client is a `Presses`."""

    def __init__(self, menu: _Menu) -> None:
        super().__init__(menu)

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003 - the library's signature
        item: discord.ui.Item[discord.ui.LayoutView],
        match: re.Match[str],  # noqa: ARG003 - read_component reads it again
        /,
    ) -> Self:
        """Made anew for each choice."""
        return cls(cast(_Menu, item))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Hand it to the client."""
        await _hand_over(interaction)


async def _hand_over(interaction: discord.Interaction) -> None:
    pressed = read_component(cast(Mapping[str, object], interaction.data or {}))
    if pressed is not None:
        await cast(Presses, interaction.client).pressed(interaction, pressed)


def _named(action: str) -> str:
    if not action or "|" in action or len(action) > ACTION_NAME:
        raise TooLong(f"no action's name: {action[:60]!r}")
    return action


def _checked(custom_id: str) -> str:
    if len(custom_id) > MOST:
        raise TooLong(f"a custom_id of {len(custom_id)} characters: {custom_id[:60]}…")
    return custom_id
