"""Forms as modals, and what was answered in them."""

from __future__ import annotations

from typing import Any

from adapters.slack import forms
from adapters.slack.block_limits import problems
from core.chat.cards import FormField, Option
from tests.unit.slack.reading import harmful, shown


def modal(*fields: FormField, label: str = "Reject…", note: str = "") -> Any:
    """A view that Slack takes and that is inert."""
    view = forms.modal(label, fields, private_metadata='{"value":"1"}', note=note)
    assert problems("modal", view) == []
    assert harmful(view) == []
    return view


def test_each_kind_of_question() -> None:
    """Text, long text, a whole number and a choice; what they start with and how long they may be."""
    view = modal(
        FormField("amount", "Amount", required=False, value="50.00"),
        FormField("reason", "Why", kind="long", min_length=10, max_length=500),
        FormField("id", "Which", kind="number", value="12"),
        FormField("to", "Where to", kind="choice", options=(Option("a", "A"), Option("b", "B")), value="b"),
    )
    assert shown(view).split("\n") == [
        "TITLE: Reject…",
        "SUBMIT: Reject",
        "CLOSE: Cancel",
        "INPUT Amount (may be left out)",
        "  plain_text_input multiline=False initial_value=50.00",
        "INPUT Why (needed)",
        "  plain_text_input multiline=True min_length=10 max_length=500",
        "INPUT Which (needed)",
        "  number_input is_decimal_allowed=False initial_value=12",
        "INPUT Where to (needed)",
        "  MENU  to",
        "    · A → a",
        "    ✓ B → b",
    ]
    assert view["callback_id"] == forms.CALLBACK
    assert view["private_metadata"] == '{"value":"1"}'


def test_a_long_label_stands_in_the_form() -> None:
    """The title says that something is asked; the whole label and the note are read below it."""
    label = "Approve all of these withdrawals together"
    view = modal(FormField("a", "A"), label=label, note="*Careful*")
    assert shown(view).split("\n")[:3] == ["TITLE: One more question", "SUBMIT: Send", "CLOSE: Cancel"]
    assert f"SECTION {label}\nSECTION *Careful*" in shown(view)
    assert "TITLE: A few questions" in shown(modal(FormField("a", "A"), FormField("b", "B"), label=label))
    assert "SECTION Unlink" in shown(modal(label="Unlink"))
    assert shown(modal(FormField("a", "A"), label="…")).startswith("TITLE: …\nSUBMIT: Send")
    assert len(modal(FormField("a", ""), note="x" * 6_500)["blocks"]) == 4


def test_lengths_stay_within_slacks() -> None:
    """A longer answer than Slack's fields hold, and a start that is longer than its field allows."""
    bounds = modal(FormField("a", "A", min_length=-1, max_length=9_000))["blocks"][0]["element"]
    assert (bounds["min_length"], bounds["max_length"]) == (0, 3_000)
    start = modal(FormField("a", "A", max_length=5, value="longer than five"))["blocks"][0]["element"]
    assert (start["max_length"], start["initial_value"]) == (16, "longer than five")
    crossed = modal(FormField("a", "A", min_length=5, max_length=0))["blocks"][0]["element"]
    assert (crossed["min_length"], crossed["max_length"]) == (5, 5)
    assert "initial_value" not in modal(FormField("a", "A", value="x" * 3_001))["blocks"][0]["element"]


def test_a_number_that_was_typed_otherwise() -> None:
    """A start that is no number is shown in a field of text, so that it can be put right."""
    assert modal(FormField("id", "Which", kind="number", value="WD-12"))["blocks"][0]["element"] == {
        "type": "plain_text_input",
        "action_id": "id",
        "multiline": False,
        "initial_value": "WD-12",
    }
    assert "initial_value" not in modal(FormField("id", "Which", kind="number", value="-"))["blocks"][0]["element"]
    assert modal(FormField("c", "C", kind="choice"))["blocks"][0]["element"]["type"] == "plain_text_input"


def test_answers_are_read_back() -> None:
    """By the fields' names; what was left out is empty, and blocks of others don't count."""
    values = {
        "field|amount": {"amount": {"type": "plain_text_input", "value": "50"}},
        "field|note": {"note": {"type": "plain_text_input", "value": None}},
        "field|id": {"id": {"type": "number_input", "value": "12"}},
        "field|to": {"to": {"type": "static_select", "selected_option": {"value": "bank"}}},
        "field|or": {"or": {"type": "static_select", "selected_option": None}},
        "other": {"x": {"value": "y"}},
    }
    assert forms.answers({"state": {"values": values}}) == {
        "amount": "50",
        "note": "",
        "id": "12",
        "to": "bank",
        "or": "",
    }
    assert forms.answers({}) == {}
    assert forms.answers({"state": {"values": {"field|a": "nonsense"}}}) == {}
