"""Whatever a card holds: Slack takes what is drawn of it, and nobody's text does more than be read."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from adapters.slack import blocks, forms
from adapters.slack.block_limits import problems
from core.chat import handles
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
    FormField,
    Note,
    Option,
    Point,
    Select,
    Span,
    Table,
    Text,
    Time,
)
from core.chat.limits import LIMITS, fit
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

letters = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
words = st.one_of(st.sampled_from(HOSTILE), letters, st.builds("{} {}".format, st.sampled_from(HOSTILE), letters))
short = words.map(lambda text: text[:75])
label = short.filter(bool)
named = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8})?", fullmatch=True)
numbers = st.decimals(-(10**12), 10**12, places=2).map(str)
options = st.builds(Option, st.one_of(label, st.text("ab/ ", min_size=1, max_size=600)), label, st.booleans())
fields = st.builds(
    FormField,
    named,
    words.map(lambda text: text[:45]),
    st.booleans(),
    st.sampled_from(["text", "long", "choice", "number"]),
    st.none() | st.integers(0, 20),
    st.none() | st.integers(1, 4_000),
    st.lists(options, max_size=4).map(tuple),
    words,
)
form = st.lists(fields, max_size=5, unique_by=lambda field: field.name).map(tuple)
buttons = st.builds(
    Button,
    named,
    st.one_of(short, st.just("/stats " + "x" * 1_990)),
    label,
    st.sampled_from(["default", "primary", "danger"]),
    st.none() | form,
)
menus = st.builds(Select, named, short, st.lists(options, min_size=1, max_size=5).map(tuple))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    columns = draw(st.lists(st.builds(Column, short, st.sampled_from(["left", "right"])), max_size=4))
    row = st.tuples(*[words for _ in columns])
    many = st.tuples(*[st.just("1") for _ in columns])
    rows = draw(st.one_of(st.lists(row, max_size=4), st.lists(many, min_size=98, max_size=100)))
    return Table(tuple(columns), tuple(rows))


charts = st.builds(
    Chart,
    st.sampled_from(["bar", "line"]),
    st.sampled_from(["one", "two", "x" * 60]),
    words.map(lambda text: text[: LIMITS["alt"]]),
    st.lists(st.builds(Point, words, st.one_of(numbers, short)), max_size=22).map(tuple),
    st.sampled_from(["usd", "count", ""]),
)
spans = st.builds(Span, words, st.sampled_from(["plain", "bold", "code", "muted"]))
moments = st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001
pieces: st.SearchStrategy[Block] = st.one_of(
    st.builds(Text, st.lists(spans, max_size=4).map(tuple)),
    st.builds(Fields, st.lists(st.builds(FieldItem, words, words), max_size=11).map(tuple)),
    tables(),
    charts,
    st.builds(Actions, st.lists(st.one_of(buttons, menus), max_size=4).map(tuple)),
    st.builds(Time, moments, short),
    st.just(Divider()),
    st.builds(Note, words),
)
cards = st.builds(
    Card,
    words.filter(lambda text: text.strip() != ""),
    st.sampled_from(["neutral", "good", "warn", "bad"]),
    st.lists(pieces, max_size=8).map(tuple),
)
ways = st.dictionaries(st.sampled_from(["one", "two", "x" * 60]), st.sampled_from(["native", "words", "file:F1"]))


def fitted(card: Card) -> Card | None:
    """The card as it leaves the desk; None for one that no platform could show whole."""
    try:
        return handles.shortened(fit(card), button=blocks.BUTTON_VALUE, option=blocks.OPTION_VALUE)
    except CardTooLarge:
        return None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cards, ways)
def test_any_card_is_drawn_within_the_limits_and_inert(card: Card, charts: dict[str, str]) -> None:
    """As a message, as a home view, and its buttons' forms as modals."""
    found = fitted(card)
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


def everywhere(text: str) -> tuple[Block, ...]:
    """Blocks that show a text wherever a card may."""
    items = (Button("a", "v", text[:75] or "-"), Select("b", "Menu", (Option("v", text[:75] or "-", selected=True),)))
    return (
        Text((Span(text), Span(text, "bold"), Span(text, "code"), Span(text, "muted"))),
        Fields((FieldItem("Name", text), FieldItem(text, "value"))),
        Table((Column("A"), Column(text)), ((text, "1"),)),
        Chart("bar", "one", text[:1_000], (Point(text[:20] or "-", "1"),)),
        Actions(items),
        Time(dt.datetime(2026, 1, 15, tzinfo=dt.UTC), text),
        Note(text),
    )


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
