"""A card as plain text."""

from __future__ import annotations

from core.chat.cards import Card
from core.chat.markup import parse
from core.chat.text import as_text, width
from tests.unit.test_cards import EVERYTHING


def test_everything_is_there() -> None:
    """Fields and tables are aligned, a chart is its words, buttons are in brackets."""
    assert as_text(parse(EVERYTHING)) == "\n".join(
        [
            "All of it",
            "plain bold code, small",
            "next line",
            "Balance  $1.00",
            "After    $0.50",
            "Source    Amount",
            "────────  ──────",
            "Logo Lab   $5.00",
            "[chart: up]",
            "Period: [✓ Week]",
            "[Go]",
            "15 Jan",
            "─" * 24,
            "small print",
        ]
    )


def test_only_a_select() -> None:
    """A card may have choices and no button."""
    card = parse('<card><title>t</title><select action="a" label="L"><option value="v">V</option></select></card>')
    assert as_text(card) == "t\nL: [V]"


def test_wide_characters_stay_aligned() -> None:
    """Columns line up under wide characters and combining marks."""
    assert width("日本") == 4
    assert width("e\u0301") == 1
    xml = """<card><title>t</title><table><column/><column/>
      <row><cell>日本</cell><cell>1</cell></row><row><cell>abcd</cell><cell>2</cell></row></table></card>"""
    assert as_text(parse(xml)) == "t\n日本  1\nabcd  2"


def test_bare_card() -> None:
    """A title is enough."""
    assert as_text(Card("t")) == "t"
