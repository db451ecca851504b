"""Whatever a card holds: Slack takes what is drawn of it, and nobody's text does more than be read."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from adapters.slack import blocks, forms
from adapters.slack.block_limits import BUTTON_VALUE, OPTION_VALUE, problems
from core.chat.cards import Card
from core.chat.limits import fit
from tests.unit.any_cards import cards, everywhere, fitted, letters
from tests.unit.slack.reading import harmful, harmful_notification, readable

HOSTILE = (
    "<!channel>",
    "<!here> <@U1> <#C1>",
    "<http://x.example|a bank>",
    "https://evil.example/?a=b",
    "www.evil.example",
    "*bold* _it_ ~gone~ `code`",
    "```\nall of it\n```",
    ":smile::rotating_light:",
    ":+1: :100:",
    "> quoted",
    "&lt;!channel&gt;",
    "@here @everyone @channel",
    "abc\u202etxt.exe\u2066",
    "zero\u200bwidth",
    "👩‍👩‍👧‍👦" * 20,
    "e\u0301" * 60,
    "x" * 3_000,
    "\n\n\t",
    " ",
    "",
    "$1,288.40",
    "04:00 in Berlin",
)

words = st.one_of(st.sampled_from(HOSTILE), letters, st.builds("{} {}".format, st.sampled_from(HOSTILE), letters))
ways = st.dictionaries(st.sampled_from(["one", "two", "x" * 60]), st.sampled_from(["native", "words", "file:F1"]))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cards(words, most=8), ways)
def test_any_card_is_drawn_within_the_limits_and_inert(card: Card, charts: dict[str, str]) -> None:
    """As a message, as a home view, and its buttons' forms as modals."""
    found = fitted(card, button=BUTTON_VALUE, option=OPTION_VALUE)
    event("drawn" if found is not None else "refused by the desk itself")
    if found is None:
        return
    message = blocks.message(found, charts)
    payload: dict[str, object] = {"blocks": message.blocks}
    assert problems("message", payload) == []
    assert harmful(payload) == []
    assert not harmful_notification(message.text)
    view = blocks.home(found)
    assert problems("home", view) == []
    assert harmful(view) == []
    for button in found.buttons:
        if button.form is not None:
            asked = forms.modal(button.label, button.form, private_metadata="{}")
            assert problems("modal", asked) == []
            assert harmful(asked) == []


def test_hostile_text_is_shown_as_it_is() -> None:
    """Each text, wherever it stands, is read unchanged and changes nothing around it."""
    for text in HOSTILE:
        short_text = text[:300]
        for charts in ({"one": "native"}, {"one": "file:F1"}, {}):
            card = fit(Card(short_text[:150].strip() or "A card", blocks=everywhere(short_text)))
            message = blocks.message(card, charts)
            payload: dict[str, Any] = {"blocks": message.blocks}
            assert problems("message", payload) == []
            assert harmful(payload) == []
            assert not harmful_notification(message.text)
            if short_text.strip():
                assert "\x00".join(readable(message.blocks)).count(short_text) >= 7, short_text
