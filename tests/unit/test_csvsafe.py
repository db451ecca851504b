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
