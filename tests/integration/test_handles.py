"""Short names for long values, on both databases."""

from __future__ import annotations

import threading

import pytest

from core.chat import handles
from core.chat.cards import Actions, Button, Card, FormField, Option, Select, Text
from core.storage import Database
from tests.conftest import count
from tests.desk_world import jan

LONG = "/stats " + "project " * 40
LONGER = "/stats " + "x" * 3_000


def card(*items: Button | Select) -> Card:
    return Card("A card", blocks=(Text(()), Actions(items)))


def items_of(found: Card) -> tuple[Button | Select, ...]:
    block = found.blocks[1]
    assert isinstance(block, Actions)
    return block.items


def resolved(database: Database, value: str) -> str:
    with database.reading() as session:
        return handles.resolve(session, value)


def test_long_values_get_handles_and_come_back(database: Database) -> None:
    """What is too long for its carrier is replaced, in buttons, menus and forms alike; the rest stays as it is."""
    form = (FormField("which", "Which", kind="choice", options=(Option(LONG, "One"), Option("b", "Two")), value=LONG),)
    given = card(
        Button("open", LONG, "Short enough for a button"),
        Button("open", LONGER, "Too long", form=form),
        Select("page", "Project", (Option(LONG, "One", selected=True), Option("/stats", "All"))),
    )
    short = handles.shorten(database, jan(14), given, button=2_000, option=150)
    kept, replaced, menu = items_of(short)
    assert isinstance(kept, Button)
    assert kept.value == LONG
    assert isinstance(replaced, Button)
    assert len(replaced.value) <= 40
    assert resolved(database, replaced.value) == LONGER
    assert replaced.form is not None
    assert resolved(database, replaced.form[0].options[0].value) == LONG
    assert replaced.form[0].value == replaced.form[0].options[0].value
    assert replaced.form[0].options[1].value == "b"
    assert isinstance(menu, Select)
    assert resolved(database, menu.options[0].value) == LONG
    assert menu.options[0].selected
    assert menu.options[1].value == "/stats"
    assert resolved(database, "/stats") == "/stats"


def test_the_same_value_is_kept_once(database: Database) -> None:
    """However often a card is drawn, and by however many at once, there is one row for each long value."""
    given = card(Button("open", LONGER, "One"), Button("open", LONGER, "Two"))
    start = threading.Barrier(4)

    def draw() -> None:
        start.wait()
        handles.shorten(database, jan(14), given, button=2_000, option=150)

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert handles.shorten(database, jan(15), given, button=2_000, option=150) == handles.shorten(
        database, jan(16), given, button=2_000, option=150
    )
    assert count(database, "chat_handle") == 1


def test_a_card_without_long_values_writes_nothing(database: Database) -> None:
    """It is the very same card."""
    given = card(Button("open", "/stats", "Statistics"))
    assert handles.shorten(database, jan(14), given, button=2_000, option=150) is given
    assert count(database, "chat_handle") == 0


def test_an_unknown_handle_is_refused(database: Database) -> None:
    """It says that nothing changed and what to do; a typed answer that only looks like a handle stays as typed."""
    with pytest.raises(handles.UnknownHandle, match="Nothing changed"):
        resolved(database, handles.handle_of("never kept"))
    with database.reading() as session:
        typed = handles.resolve_fields(session, {"reason": f"{handles.PREFIX}hello", "method": "bank"})
    assert typed == {"reason": f"{handles.PREFIX}hello", "method": "bank"}


def test_a_value_that_looks_like_a_handle_comes_back_as_itself(database: Database) -> None:
    """It gets a handle of its own, so that nobody's text is taken for somebody's handle."""
    text = f"{handles.PREFIX}mine"
    (button,) = items_of(handles.shorten(database, jan(14), card(Button("a", text, "A")), button=2_000, option=150))
    assert isinstance(button, Button)
    assert button.value != text
    assert resolved(database, button.value) == text


def test_the_answers_of_a_form_are_resolved(database: Database) -> None:
    """A choice whose value was too long for an option arrives as the value."""
    form = (FormField("which", "Which", kind="choice", options=(Option(LONG, "One"),)), FormField("why", "Why"))
    short = handles.shorten_form(database, jan(14), form, option=100)
    assert len(short[0].options[0].value) <= 40
    with database.reading() as session:
        answers = handles.resolve_fields(session, {"which": short[0].options[0].value, "why": LONG})
    assert answers == {"which": LONG, "why": LONG}
