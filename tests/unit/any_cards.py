"""Cards of every shape, for tests that hold them against what a platform takes."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

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

letters = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_names = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8})?", fullmatch=True)
_numbers = st.decimals(-(10**12), 10**12, places=2).map(str)
_moments = st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001


def cards(words: st.SearchStrategy[str], *, most: int) -> st.SearchStrategy[Card]:
    """Cards that say such words wherever a card may, of at most so many blocks."""
    short = words.map(lambda text: text[:75])
    spans = st.builds(Span, words, st.sampled_from(["plain", "bold", "code", "muted"]))
    pieces: st.SearchStrategy[Block] = st.one_of(
        st.builds(Text, st.lists(spans, max_size=4).map(tuple)),
        st.builds(Fields, st.lists(st.builds(FieldItem, words, words), max_size=11).map(tuple)),
        _tables(words, short),
        _charts(words, short),
        _actions(words, short),
        st.builds(Time, _moments, short),
        st.just(Divider()),
        st.builds(Note, words),
    )
    return st.builds(
        Card,
        words.filter(lambda text: text.strip() != ""),
        st.sampled_from(["neutral", "good", "warn", "bad"]),
        st.lists(pieces, max_size=most).map(tuple),
    )


@st.composite
def _tables(draw: st.DrawFn, words: st.SearchStrategy[str], short: st.SearchStrategy[str]) -> Table:
    columns = draw(st.lists(st.builds(Column, short, st.sampled_from(["left", "right"])), max_size=4))
    row = st.tuples(*[words for _ in columns])
    many = st.tuples(*[st.just("1") for _ in columns])
    rows = draw(st.one_of(st.lists(row, max_size=4), st.lists(many, min_size=98, max_size=100)))
    return Table(tuple(columns), tuple(rows))


def _charts(words: st.SearchStrategy[str], short: st.SearchStrategy[str]) -> st.SearchStrategy[Chart]:
    return st.builds(
        Chart,
        st.sampled_from(["bar", "line"]),
        st.sampled_from(["one", "two", "x" * 60]),
        words.map(lambda text: text[: LIMITS["alt"]]),
        st.lists(st.builds(Point, words, st.one_of(_numbers, short)), max_size=22).map(tuple),
        st.sampled_from(["usd", "count", ""]),
    )


def _actions(words: st.SearchStrategy[str], short: st.SearchStrategy[str]) -> st.SearchStrategy[Actions]:
    label = short.filter(bool)
    options = st.builds(Option, st.one_of(label, st.text("ab/| ", min_size=1, max_size=600)), label, st.booleans())
    fields = st.builds(
        FormField,
        _names,
        words.map(lambda text: text[:45]),
        st.booleans(),
        st.sampled_from(["text", "long", "choice", "number"]),
        st.none() | st.integers(0, 20),
        st.none() | st.integers(1, 4_000),
        st.lists(options, max_size=4).map(tuple),
        words,
    )
    buttons = st.builds(
        Button,
        _names,
        st.one_of(short, st.just("/stats " + "x" * 1_990)),
        label,
        st.sampled_from(["default", "primary", "danger"]),
        st.none() | st.lists(fields, max_size=5, unique_by=lambda field: field.name).map(tuple),
    )
    menus = st.builds(Select, _names, short, st.lists(options, min_size=1, max_size=5).map(tuple))
    return st.builds(Actions, st.lists(st.one_of(buttons, menus), max_size=4).map(tuple))


def fitted(card: Card, *, button: int, option: int) -> Card | None:
    """The card as it leaves the desk, its values no longer than that; None if no platform could show it whole."""
    try:
        card = fit(card)
    except CardTooLarge:
        return None
    return handles.shortened(card, button=button, option=option)


def everywhere(text: str) -> tuple[Block, ...]:
    """Blocks that show a text wherever a card may."""
    items = (Button("a", "v", text[:75] or "-"), Select("b", "Menu", (Option("v", text[:75] or "-", selected=True),)))
    return (
        Text((Span(text), Span(text, "bold"), Span(text, "code"), Span(text, "muted"))),
        Fields((FieldItem("Name", text), FieldItem(text, "value"))),
        Table((Column("A"), Column(text)), ((text, "1"),)),
        Chart("bar", "one", text, (Point(text[:20] or "-", "1"),)),
        Actions(items),
        Time(dt.datetime(2026, 1, 15, tzinfo=dt.UTC), text),
        Note(text),
    )
