"""Whatever a card holds: Discord takes what is drawn of it, all of it is there, and nobody's text does more than be
read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from adapters.discord import custom_ids, layouts, modals
from adapters.discord.limits import problems
from adapters.discord.markdown import LOOKALIKE, NOTHING
from core.chat.cards import (
    Actions,
    Block,
    Button,
    Card,
    CardTooLarge,
    Chart,
    Column,
    Divider,
    FieldItem,
    Fields,
    Note,
    Option,
    Select,
    Table,
    Text,
    Time,
)
from core.chat.limits import fit
from tests.unit.any_cards import cards, everywhere, fitted, letters
from tests.unit.discord.reading import harmful, readable
from tests.unit.discord.test_markdown import HOSTILE, MARKS

long = st.sampled_from(["*" * 3_000, "x" * 3_000, "`" * 1_000, "\n\n\t", " ", "", "https://x.example/ " * 100])
words = st.one_of(st.sampled_from(HOSTILE), letters, MARKS, long)
attached = st.sampled_from([{}, {"one": "one.png"}, {"one": "one.png", "two": "two.png"}])


def drawn(card: Card, pictures: dict[str, str]) -> dict[str, Any]:
    """The message's body; Discord takes it, and it is inert."""
    body = layouts.body(layouts.message(card, key="a key", pictures=pictures))
    assert problems(body) == []
    assert harmful(body) == []
    return body


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cards(words, most=12), attached)
def test_any_card_is_drawn_within_the_limits_and_inert(card: Card, pictures: dict[str, str]) -> None:
    """With its buttons' forms as modals; everything that can be pressed is there."""
    found = fitted(card, button=custom_ids.BUTTON_VALUE, option=custom_ids.OPTION_VALUE)
    event("drawn" if found is not None else "refused by the desk itself")
    if found is None:
        return
    controls = str(drawn(found, pictures))
    assert controls.count("'ed|press|") + controls.count("'ed|form|") == len(found.buttons)
    for button in found.buttons:
        if button.form is not None:
            custom_id = custom_ids.modal_id(button.action, button.value)
            asked: dict[str, Any] = modals.modal(button.label, button.form, custom_id).to_dict()
            assert problems(asked) == []
            assert harmful(asked) == []


def bare(text: str) -> str:
    """Text without what may differ when it is read: white space, what nobody sees, lookalikes."""
    return "".join(text.replace(NOTHING, "").replace(LOOKALIKE, "`").split())


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cards(words, most=12), attached)
def test_no_word_of_a_card_is_lost(card: Card, pictures: dict[str, str]) -> None:
    """Each text of it is read somewhere, whole."""
    found = fitted(card, button=custom_ids.BUTTON_VALUE, option=custom_ids.OPTION_VALUE)
    if found is None:
        return
    said = bare("".join(readable(drawn(found, pictures))))
    for block in found.blocks:
        for text in _texts(block):
            assert bare(text) in said


def _texts(block: Block) -> list[str]:
    match block:
        case Text():
            return [block.plain]
        case Note(text):
            return [text]
        case Fields(items):
            return [text for item in items for text in (item.name, item.value)]
        case Table(columns, rows):
            heads = [column.name for column in columns]
            return [text for line in (heads, *rows) for text in line] if columns else []
        case Chart(alt=alt):
            return [alt]
        case Time(_, name):
            return [name]
        case Actions(items):
            return [item.label for item in items if isinstance(item, Button)]
    return []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is(text: str) -> None:
    """Each text, wherever it stands, is read unchanged and changes nothing around it."""
    for pictures in ({"one": "one.png"}, {}):
        card = fit(Card(text[:150], blocks=everywhere(text)))
        said = bare("\x00".join(readable(drawn(card, pictures))))
        assert said.count(bare(text)) >= 10, said


FULL = (
    Card("A" * 150, blocks=(Note("x" * 1_900), Note("*" * 1_000), Note("`" * 847))),
    Card("*" * 150, blocks=(Fields(tuple(FieldItem("*", "_") for _ in range(10))),) * 30),
    Card("A", blocks=(Table((Column("`"),) * 9, (("`",) * 9,) * 99),)),
    Card("A", blocks=(Divider(), Actions((Button("page", "x", "Next"),))) * 15),
    Card("A", blocks=(Note("a"), Actions((Select("page", "x", (Option("a", "A"),)),))) * 15),
    Card("A", blocks=(Chart("bar", "one", "*" * 1_000, ()), Chart("bar", "two", "_" * 1_000, ()), Note("~" * 1_894))),
    Card("A", blocks=(Time(dt.datetime(2026, 12, 31, tzinfo=dt.UTC), ""),) * 30),
)


@pytest.mark.parametrize("card", FULL, ids=range(len(FULL)))
def test_the_fullest_cards_fit(card: Card) -> None:
    """Whatever costs most, up to the desk's own limits."""
    whole = fit(card)
    for pictures in ({}, {"one": "one.png", "two": "two.png"}):
        drawn(whole, pictures)


def test_what_breaks_the_desks_limits_is_not_cut() -> None:
    """It is refused, as it would have been where it was made."""
    with pytest.raises(CardTooLarge):
        layouts.message(Card("A", blocks=(Note("x" * 4_000),)))
    with pytest.raises(CardTooLarge):
        layouts.message(Card("A", blocks=(Actions((Button("a", "v", "L"),) * 40),)))
