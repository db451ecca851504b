"""Forms as modals, and what was answered in them."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.discord import modals
from adapters.discord.limits import problems
from core.chat.cards import FormField, Option
from tests.unit.discord.reading import harmful, shown


def modal(*fields: FormField, label: str = "Reject…") -> Any:
    """A modal that Discord takes and that is inert."""
    drawn: dict[str, Any] = modals.modal(label, fields, "ed|send|a|1").to_dict()
    assert problems(drawn) == []
    assert harmful(drawn) == []
    return drawn


def element(field: FormField) -> Any:
    return modal(field)["components"][0]["component"]


def test_each_kind_of_question() -> None:
    """Text, long text, a number and a choice; what they start with and how long they may be."""
    drawn = modal(
        FormField("amount", "Amount", required=False, value="50.00"),
        FormField("reason", "Why", kind="long", min_length=10, max_length=500),
        FormField("id", "Which", kind="number", value="12"),
        FormField("to", "Where to", kind="choice", options=(Option("a", "A"), Option("b", "B")), value="b"),
        FormField("or", "Or", required=False, kind="choice", options=(Option("a", "A", True),)),
    )
    assert shown(drawn).split("\n") == [
        "TITLE Reject…  ed|send|a|1",
        "LABEL Amount, may be left out",
        "  INPUT style=1 custom_id=amount value=50.00",
        "LABEL Why, needed",
        "  INPUT style=2 custom_id=reason min_length=10 max_length=500",
        "LABEL Which, needed",
        "  INPUT style=1 custom_id=id value=12",
        "LABEL Where to, needed",
        "  MENU  to",
        "    · A → a",
        "    ✓ B → b",
        "LABEL Or, may be left out",
        "  MENU  or",
        "    ✓ A → a",
    ]
    needed, optional = drawn["components"][3]["component"], drawn["components"][4]["component"]
    assert (needed["required"], needed["min_values"]) == (True, 1)
    assert (optional["required"], optional["min_values"]) == (False, 0)


def test_a_long_label_stands_in_the_form() -> None:
    """The title says that something is asked; the whole label is read with the first question."""
    label = "Approve all of these withdrawals together, now"
    assert shown(modal(FormField("a", "A"), label=label)).split("\n")[:2] == [
        "TITLE One more question  ed|send|a|1",
        f"LABEL A ({label}), needed",
    ]
    both = modal(FormField("a", "A"), FormField("b", "B"), label=label)
    assert both["title"] == "A few questions"
    assert "description" not in both["components"][1]
    assert shown(modal(label="*Unlink*")).split("\n")[1:] == ["TEXT *Unlink*"]
    assert shown(modal(label=" ")).split("\n") == ["TITLE A few questions  ed|send|a|1", "TEXT Send it?"]
    assert modal(FormField("a", " "))["components"][0]["label"] == "a"


def test_five_questions_at_most() -> None:
    """Which is what the desk's own limits allow."""
    fields = [FormField(str(n), "A") for n in range(5)]
    assert len(modal(*fields)["components"]) == 5
    with pytest.raises(ValueError, match="5"):
        modals.modal("A", [*fields, FormField("5", "A")], "c")


def test_lengths_stay_within_discords() -> None:
    """A longer answer than Discord's fields hold, and a start that is longer than its field allows."""
    bounds = element(FormField("a", "A", min_length=-1, max_length=9_000))
    assert (bounds.get("min_length", 0), bounds["max_length"]) == (0, 4_000)
    start = element(FormField("a", "A", max_length=5, value="longer than five"))
    assert (start["max_length"], start["value"]) == (16, "longer than five")
    crossed = element(FormField("a", "A", min_length=5, max_length=0))
    assert (crossed["min_length"], crossed["max_length"]) == (5, 5)
    assert element(FormField("a", "A", value="x" * 4_001)).get("value") is None
    assert element(FormField("c", "C", kind="choice"))["type"] == 4


def test_answers_are_read_back() -> None:
    """By the fields' names, from labels and from rows; what was left out is empty."""
    components = [
        {"type": 18, "id": 1, "component": {"type": 4, "custom_id": "amount", "value": "50"}},
        {"type": 18, "id": 2, "component": {"type": 3, "custom_id": "to", "values": ["bank"]}},
        {"type": 18, "id": 3, "component": {"type": 3, "custom_id": "or", "values": []}},
        {"type": 1, "components": [{"type": 4, "custom_id": "old", "value": "x"}]},
        {"type": 18, "component": {"type": 4, "custom_id": "none", "value": None}},
        {"type": 10, "id": 4},
        "nonsense",
    ]
    assert modals.answers({"custom_id": "c", "components": components}) == {
        "amount": "50",
        "to": "bank",
        "or": "",
        "old": "x",
        "none": "",
    }
    assert modals.answers({}) == {}
