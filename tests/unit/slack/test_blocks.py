"""Each kind of a card's blocks as Slack draws it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from adapters.slack import blocks
from adapters.slack.block_limits import problems
from core.chat.cards import (
    Actions,
    Block,
    Button,
    Card,
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
from core.chat.limits import fit
from tests.unit.slack.reading import harmful, harmful_notification, readable, shown

WEEK = Chart("bar", "incentive-by-day", "Rises to $8.13.", (Point("12 Jan", "8.13"), Point("13 Jan", "-5.00")), "usd")


def drawn(*found: Block, title: str = "A card", charts: Mapping[str, str] | None = None) -> list[Any]:
    """The blocks of a card with these, after its header; Slack takes them and they are inert."""
    message = blocks.message(fit(Card(title, blocks=found)), charts or {})
    assert problems("message", {"blocks": message.blocks}) == []
    assert problems("home", blocks.home(Card(title, blocks=found))) == []
    assert harmful({"blocks": message.blocks}) == []
    return message.blocks[1:]


def test_the_title_is_a_header() -> None:
    """A title that is too long for one stands whole below it."""
    message = blocks.message(Card("Balance"), {})
    assert message.blocks == [{"type": "header", "text": {"type": "plain_text", "text": "Balance", "emoji": False}}]
    title = "word " * 60
    long = blocks.message(fit(Card(title)), {})
    assert title in "".join(readable(long.blocks[1:]))
    assert blocks.message(Card(" "), {}).blocks == []


def test_text_is_rich_text() -> None:
    """Each style of a span has its own; line breaks stay; nothing is left of empty spans."""
    spans = (Span("a\n"), Span("b", "bold"), Span("c", "code"), Span("d", "muted"), Span(""))
    assert shown({"blocks": drawn(Text(spans))}) == "RICH a\n  **b**`c`//d//"
    assert drawn(Text((Span(""),)), Text(())) == []


def test_plain_fields_stand_in_two_columns() -> None:
    """Words and figures are section fields with bold names."""
    items = tuple(FieldItem(f"Name {n}", f"$1,288.4{n} (04:00 UTC), 50% · 7–13 Jan") for n in range(10))
    (section,) = drawn(Fields(items))
    assert len(section["fields"]) == 10
    assert section["fields"][0]["text"] == "*Name 0*\n$1,288.40 (04:00 UTC), 50% · 7–13 Jan"
    assert drawn(Fields(())) == []


@pytest.mark.parametrize(
    "value",
    [
        "<!channel>",
        "<@U1>",
        "*bold*",
        "_so_",
        "~so~",
        "`so`",
        ":smile:",
        "evil.example",
        "https://evil.example",
        "http:/x",
        "mailto:ada",
        "a@b",
        "@here",
        "#general",
        "&lt;!channel&gt;",
        "> quoted",
        "two\nlines",
        "",
        " ",
        "x" * 4_000,
        "שלום",
    ],
)
def test_other_fields_are_rich_text(value: str) -> None:
    """One value that mrkdwn could take for something else, and all of them are drawn as they are, on a line each."""
    found = drawn(Fields((FieldItem("Name", "plain"), FieldItem("Other", value[:3_000])))) if value else None
    message = blocks.message(Card("A card", blocks=(Fields((FieldItem("Name", "plain"), FieldItem("B", value))),)), {})
    kinds = {block["type"] for block in message.blocks[1:]}
    assert kinds == ({"section"} if value == "שלום" else {"rich_text"})
    assert harmful({"blocks": message.blocks}) == []
    assert found is None or value[:3_000] in "".join(readable(found))


def test_fields_of_hostile_names_are_rich_text() -> None:
    """The name counts as much as the value."""
    (block,) = drawn(Fields((FieldItem("*x*", "plain"),)))
    assert block["type"] == "rich_text"


def test_a_table() -> None:
    """Its head is bold, its cells are raw text, its figures stand to the right; an empty cell is a space."""
    table = Table((Column("What"), Column("", "right")), (("<!channel>", "1"), ("", "2")))
    (block,) = drawn(table)
    assert shown({"blocks": [block]}) == "TABLE left, right\n  **What** |\n  <!channel> | 1\n    | 2"
    assert block["rows"][1][0] == {"type": "raw_text", "text": "<!channel>"}
    assert block["rows"][2][0] == {"type": "raw_text", "text": " "}


def test_tables_that_slack_does_not_take() -> None:
    """A second one, one of 100 rows below its head, and one without a head are aligned text, whole."""
    small = Table((Column("A"),), (("1",),))
    both = blocks.message(Card("x", blocks=(small, small)), {}).blocks
    assert [block["type"] for block in both[1:]] == ["table", "rich_text"]
    assert problems("message", {"blocks": both}) == []
    (long,) = drawn(Table((Column("Row"), Column("N", "right")), tuple((str(n), str(n)) for n in range(100))))
    assert long["type"] == "rich_text"
    assert "99   99" in shown({"blocks": [long]})
    (sums,) = drawn(Table((Column(""), Column("")), (("Used", "5,000"), ("= remaining", "1,000"))))
    assert shown({"blocks": [sums]}) == "CODE\n  Used         5,000\n= remaining  1,000"
    assert drawn(Table((), ((), ()))) == []
    assert drawn(Table((Column(""),), (("",),))) == []


def test_one_long_cell_does_not_swell_a_table() -> None:
    """Aligned, it would pad every other row by its length."""
    rows = (("x" * 2_900, "1"), *((str(n), "1") for n in range(99)))
    (block,) = drawn(Table((Column("A"), Column("B")), rows))
    text = "".join(readable(block))
    assert len(text) < 4_000
    assert "x" * 2_900 + "\t1" in text


def test_a_chart_drawn_by_slack() -> None:
    """Its figures are numbers, its words stand below it."""
    chart, words = drawn(WEEK, charts={"incentive-by-day": "native"})
    assert json.dumps(chart["chart"]["series"][0]["data"][0]) == '{"label": "12 Jan", "value": 8.13}'
    assert chart["chart"]["series"][0]["data"][1]["value"] == -5
    assert chart["chart"]["axis_config"]["y_label"] == "US dollars"
    assert shown({"blocks": [words]}) == "CONTEXT Rises to $8.13."
    uses = replace(WEEK, kind="line", unit="count")
    assert drawn(uses, charts={uses.name: "native"})[0]["chart"]["series"][0]["name"] == "Count"


def test_a_chart_as_a_picture() -> None:
    """A file of Slack's, with the words as its description."""
    (image,) = drawn(WEEK, charts={"incentive-by-day": "file:F123"})
    assert shown({"blocks": [image]}) == "IMAGE Incentive by day (F123): Rises to $8.13."


def test_a_chart_in_words() -> None:
    """Where nothing else is said, where it can't be drawn, and in a home view, its words are read."""
    words = "CONTEXT Rises to $8.13."
    assert shown({"blocks": drawn(WEEK)}) == words
    many = replace(WEEK, points=tuple(Point(str(n), "1") for n in range(21)))
    assert not blocks.native_possible(many)
    assert shown({"blocks": drawn(many, charts={WEEK.name: "native"})}) == words
    nameless = replace(WEEK, alt=" ")
    assert drawn(nameless, charts={}) == []
    three = blocks.message(Card("x", blocks=(WEEK,) * 3), {WEEK.name: "native"}).blocks
    assert [block["type"] for block in three[1:]].count("data_visualization") == 2
    assert problems("message", {"blocks": three}) == []
    long = replace(WEEK, alt="word " * 700)
    assert len(blocks.message(Card("x", blocks=(long,)), {WEEK.name: "file:F1"}).blocks) == 3


@pytest.mark.parametrize(
    "points",
    [
        (),
        (Point("a", "1"), Point("a", "2")),
        (Point("", "1"),),
        (Point("a" * 21, "1"),),
        (Point("a", "NaN"),),
        (Point("a", "Infinity"),),
        (Point("a", "1e400"),),
        (Point("a", "much"),),
    ],
)
def test_charts_that_slack_does_not_draw(points: tuple[Point, ...]) -> None:
    """No points, labels that repeat or are too long, and what is no number."""
    assert not blocks.native_possible(replace(WEEK, points=points))
    assert blocks.native_possible(WEEK)
    assert not blocks.native_possible(replace(WEEK, name="x" * 51))
    assert not blocks.native_possible(replace(WEEK, name=""))


def test_controls() -> None:
    """Buttons and menus carry what they do in ids that differ, and what was pressed is read back from them."""
    form = (FormField("reason", "Why"),)
    items = (
        Button("payout.approve", "12", "Approve", "primary"),
        Button("payout.reject", "12", "Reject…", "danger", form),
        Button("payout.approve", "", "Approve"),
        Select("page", "Project", (Option("/stats", "All"), Option("/stats logo", "Logo", selected=True))),
    )
    (block,) = drawn(Actions(items))
    approve, reject, again, menu = block["elements"]
    assert [one["action_id"] for one in block["elements"]] == [
        "press|payout.approve|1",
        "form|payout.reject|2",
        "press|payout.approve|3",
        "pick|page|4",
    ]
    assert approve["style"] == "primary"
    assert reject["style"] == "danger"
    assert "value" not in again
    assert "style" not in again
    assert menu["placeholder"]["text"] == "Project"
    assert menu["initial_option"]["value"] == "/stats logo"
    assert blocks.read_action(approve) == blocks.Pressed("payout.approve", "12", False)
    assert blocks.read_action(reject) == blocks.Pressed("payout.reject", "12", True)
    assert blocks.read_action(again) == blocks.Pressed("payout.approve", "", False)
    picked = {"type": "static_select", "action_id": menu["action_id"], "selected_option": menu["options"][0]}
    assert blocks.read_action(picked) == blocks.Pressed("page", "/stats", False)
    assert drawn(Actions(())) == []
    forms = [Actions((replace(items[1], form=()),))]
    assert drawn(*forms)[0]["elements"][0]["action_id"] == "form|payout.reject|1"


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"action_id": "reason"},
        {"action_id": "press|"},
        {"action_id": "press|x"},
        {"action_id": "press||1"},
        {"action_id": "press|x|y"},
        {"action_id": "other|x|1"},
        {"action_id": 7},
        {"action_id": "press|x|1", "value": 7},
        {"action_id": "pick|x|1"},
        {"action_id": "pick|x|1", "selected_option": None},
        {"action_id": "pick|x|1", "selected_option": {"value": None}},
    ],
)
def test_what_is_not_ours_is_no_press(action: dict[str, object]) -> None:
    """Ids of others, and payloads that make no sense."""
    assert blocks.read_action(action) is None


def test_a_moment() -> None:
    """By the reader's own clock, with UTC beside it, and in words where Slack has none."""
    at = dt.datetime(2026, 1, 15, 3, tzinfo=dt.UTC)
    assert shown({"blocks": drawn(Time(at, "15 Jan 03:00 UTC"))}) == (
        "RICH {date 1768446000 {date_short_pretty} at {time}, else: 15 Jan 03:00 UTC}// (15 Jan 03:00 UTC)//"
    )
    assert "fallback" not in drawn(Time(at, ""))[0]["elements"][0]["elements"][0]


def test_notes_and_dividers() -> None:
    """Small print is plain text; an empty note is nothing."""
    assert shown({"blocks": drawn(Note("*small*"), Divider(), Note(" "))}) == "CONTEXT *small*\nDIVIDER"


def test_the_notification() -> None:
    """Title and first lines on one line, cut in sight, and unable to mention anybody."""
    found = (
        Text((Span("One"), Span("\ntwo "))),
        Fields((FieldItem("A", "1"),)),
        Table((Column("T"),), (("t",),)),
        Note("n"),
        WEEK,
    )
    assert blocks.message(Card("Title", blocks=found), {}).text == "Title · One two · A 1 · n"
    hostile = blocks.message(Card("<!channel> & <@U1>", blocks=(Note("x" * 500),)), {}).text
    assert hostile.startswith("&lt;!channel&gt; &amp; &lt;@U1&gt; · xxx")
    assert hostile.endswith("…")
    assert len(hostile) < 340
    assert not harmful_notification(hostile)
    assert blocks.message(Card(""), {}).text == "Earnings"


def test_a_home_view() -> None:
    """The same card as a view."""
    view: Any = blocks.home(Card("Home", blocks=(Note("n"), WEEK)))
    assert view["type"] == "home"
    assert shown(view) == "HEADER Home\nCONTEXT n\nCONTEXT Rises to $8.13."
