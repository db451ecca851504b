"""What a press carries comes back whole, after a restart too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

import core.chat.desk  # noqa: F401 - declares every action
from adapters.discord import custom_ids
from adapters.discord.custom_ids import ACTION_NAME, BUTTON_VALUE, MOST, Pick, Press, Pressed
from core.chat import handles
from core.chat.registry import COMMAND_ACTIONS, REGISTRY

actions = st.from_regex(r"[a-z_.]{1,27}", fullmatch=True)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=BUTTON_VALUE) | st.sampled_from(
    ["", "|", "a|b", "ed|press|x|1|y", "/stats page=2\nx", "~h1~" + "A" * 32]
)


@given(actions, st.integers(1, 15), values, st.booleans())
def test_a_button_comes_back(action: str, number: int, value: str, asks: bool) -> None:
    """Whatever stands in its value; the library finds its item by the id."""
    custom_id = custom_ids.button_id(action, number, value, asks=asks)
    assert len(custom_id) <= MOST
    assert custom_ids.read_component({"custom_id": custom_id, "component_type": 2}) == Pressed(action, value, asks)
    assert Press.__discord_ui_compiled_template__.fullmatch(custom_id)
    assert not Pick.__discord_ui_compiled_template__.fullmatch(custom_id)
    assert custom_ids.read_send(custom_id) is None


@given(actions, st.integers(1, 15), values)
def test_a_choice_comes_back(action: str, number: int, value: str) -> None:
    """The option's value is what is picked."""
    custom_id = custom_ids.menu_id(action, number)
    data = {"custom_id": custom_id, "component_type": 3, "values": [value]}
    assert custom_ids.read_component(data) == Pressed(action, value, asks=False)
    assert Pick.__discord_ui_compiled_template__.fullmatch(custom_id)
    assert not Press.__discord_ui_compiled_template__.fullmatch(custom_id)


@given(actions, values)
def test_a_form_comes_back(action: str, value: str) -> None:
    """Its button's action and value."""
    custom_id = custom_ids.modal_id(action, value)
    assert len(custom_id) <= MOST
    assert custom_ids.read_send(custom_id) == (action, value)
    assert custom_ids.read_component({"custom_id": custom_id}) is None


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"custom_id": "other"},
        {"custom_id": "ed|press|a|x|v"},
        {"custom_id": "ed|press||1|v"},
        {"custom_id": "ed|pick|a|1"},
        {"custom_id": "ed|pick|a|1", "values": []},
        {"custom_id": "ed|pick|a|1", "values": ["a", "b"]},
        {"custom_id": "ed|pick|a|1", "values": "a"},
    ],
)
def test_what_is_none_of_ours(data: dict[str, object]) -> None:
    """Other programs' controls, and choices of nothing."""
    assert custom_ids.read_component(data) is None
    assert custom_ids.read_send(str(data.get("custom_id", ""))) is None


def test_what_does_not_fit_is_said() -> None:
    """A value that was not shortened is a fault of ours, not a broken button."""
    with pytest.raises(custom_ids.TooLong):
        custom_ids.button_id("a" * ACTION_NAME, 15, "x" * 100, asks=False)
    for action in ("", "a|b", "a" * (ACTION_NAME + 1)):
        with pytest.raises(custom_ids.TooLong):
            custom_ids.menu_id(action, 1)


def test_every_action_of_the_desk_fits_beside_a_handle() -> None:
    """With room for the longest value that is not replaced by one."""
    assert len(handles.handle_of("x")) <= BUTTON_VALUE
    for action in (*REGISTRY.actions, *COMMAND_ACTIONS):
        assert custom_ids.button_id(action, 15, "x" * BUTTON_VALUE, asks=True)
        assert custom_ids.modal_id(action, "x" * BUTTON_VALUE)


class Client:
    """Hears of presses."""

    def __init__(self) -> None:
        self.heard: list[Pressed] = []

    async def pressed(self, _interaction: discord.Interaction, pressed: Pressed) -> None:
        self.heard.append(pressed)


async def test_the_items_hand_over_to_the_client() -> None:
    """Made anew from the message's own item, as the library does after a restart."""
    client = Client()
    press_id = custom_ids.button_id("page", 1, "/stats|x", asks=False)
    pick_id = custom_ids.menu_id("period", 2)
    button = discord.ui.Button[discord.ui.LayoutView](label="x", custom_id=press_id)
    menu = discord.ui.Select[discord.ui.LayoutView](custom_id=pick_id)
    for kind, item, data in (
        (Press, button, {"custom_id": press_id}),
        (Pick, menu, {"custom_id": pick_id, "values": ["week"]}),
        (Press, button, {"custom_id": "other"}),
    ):
        interaction = cast(discord.Interaction, SimpleNamespace(client=client, data=data))
        match = kind.__discord_ui_compiled_template__.fullmatch(str(item.custom_id))
        assert match is not None
        made = await kind.from_custom_id(interaction, item, match)
        await made.callback(interaction)
    assert client.heard == [Pressed("page", "/stats|x", False), Pressed("period", "week", False)]
