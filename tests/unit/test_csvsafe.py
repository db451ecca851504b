"""CSV cells that spreadsheets leave alone."""

from __future__ import annotations

import pytest

from core.ledger.csvsafe import safe_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_formulas_are_text(text: str) -> None:
    """What a spreadsheet would take for a formula gets an apostrophe before it."""
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "Logo Lab", "1+1", "a=b", "'quoted", "\u2212$1.00", "$1.00"])
def test_other_text_stays(text: str) -> None:
    """Everything else stays as it is."""
    assert safe_cell(text) == text


def test_nothing_is_reordered() -> None:
    """Characters that reorder other text are written out; letters of any direction stay."""
    assert safe_cell("\u202egpj.exe\u2066\u200f") == "\\u202egpj.exe\\u2066\\u200f"
    assert safe_cell("שלום, 漢 \u200d") == "שלום, 漢 \u200d"
