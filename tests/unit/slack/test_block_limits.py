"""The one table of Block Kit's limits: each breach is said, and what is within them is not."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.slack.block_limits import BUTTON_VALUE, LIMITS, OPTION_VALUE, Surface, problems

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


def section(text: str = "x") -> Json:
    return {"type": "section", "text": plain(text)}


def button(text: str = "x", value: str = "v", name: str = "press|a|1", **others: object) -> Json:
    return {"type": "button", "text": plain(text), "value": value, "action_id": name, **others}


def menu(options: int = 1, text: str = "x", value: str = "v", **others: object) -> Json:
    listed = [{"text": plain(text), "value": value} for _ in range(options)]
    return {"type": "static_select", "action_id": "pick|a|1", "options": listed, **others}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def rich(*elements: Json, kind: str = "rich_text_section") -> Json:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements)}]}


def words(text: str = "x", **others: object) -> Json:
    return {"type": "text", "text": text, **others}


def table(rows: int = 2, columns: int = 2, text: str = "x", **others: object) -> Json:
    row = [{"type": "raw_text", "text": text} for _ in range(columns)]
    return {"type": "table", "rows": [row for _ in range(rows)], **others}


def chart(points: int = 2, title: str = "x", name: str = "s", label: str = "", **axis: object) -> Json:
    labels = [f"{label}{n}" for n in range(points)]
    data = [{"label": one, "value": 1} for one in labels]
    drawn = {"type": "bar", "series": [{"name": name, "data": data}], "axis_config": {"categories": labels, **axis}}
    return {"type": "data_visualization", "title": title, "chart": drawn}


def chart_with(**changes: object) -> Json:
    found = chart()
    return {**found, "chart": {**found["chart"], **changes}}


def image(**changes: object) -> Json:
    return {"type": "image", "alt_text": "x", "slack_file": {"id": "F1"}, "title": plain(), **changes}


def question(element: Json | None = None, label: str = "x", **others: object) -> Json:
    return {"type": "input", "label": plain(label), "element": element or typed(), **others}


def typed(**others: object) -> Json:
    return {"type": "plain_text_input", "action_id": "a", **others}


def modal(*blocks: Json, **others: object) -> Json:
    view = {"type": "modal", "title": plain(), "submit": plain(), "close": plain(), "callback_id": "form"}
    return {**view, "blocks": list(blocks or [question()]), **others}


def without(view: Json, *names: str) -> Json:
    return {key: value for key, value in view.items() if key not in names}


GOOD: list[Json] = [
    {"type": "header", "text": plain("x" * 150)},
    {**section("x" * 3_000), "accessory": menu(), "block_id": "one"},
    {"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 200, "verbatim": True}] * 10},
    {"type": "divider"},
    {"type": "context", "elements": [plain()] * 10},
    actions(*(button("x" * 75, "v" * 2_000, f"press|a|{n}", style="danger") for n in range(25))),
    actions(menu(100, "x" * 75, "v" * 150, placeholder=plain("x" * 150))),
    rich(words("x", style={"bold": True}), words("x" * 3_000)),
    rich({"type": "date", "timestamp": 1, "format": "{date_short_pretty} at {time}", "fallback": "x"}),
    rich(words(), kind="rich_text_preformatted"),
    image(alt_text="x" * 2_000),
    chart(20, "x" * 50, "s" * 20, "x" * 18, y_label="x" * 50),
]
BAD: list[tuple[Json, str]] = [
    ({"type": "markdown", "text": "x"}, "no such block"),
    ({"type": "video"}, "no such block"),
    ({}, "no such block"),
    ({"type": "divider", "text": "x"}, "divider has no text"),
    ({"type": "header"}, "header without text"),
    ({"type": "header", "text": plain("x" * 151)}, "header text: 151 characters, at most 150"),
    ({"type": "header", "text": plain("")}, "header text: 0 characters, at least 1"),
    ({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}, "has to be plain_text"),
    ({"type": "header", "text": "x"}, "no such text object"),
    ({"type": "header", "text": {"type": "plain_text", "text": 7}}, "has to be text"),
    ({"type": "divider", "block_id": "x" * 256}, "block_id: 256"),
    (section("x" * 3_001), "section text: 3,001"),
    ({"type": "section"}, "neither text nor fields"),
    ({"type": "section", "fields": []}, "section fields: 0"),
    ({"type": "section", "fields": [plain()] * 11}, "section fields: 11"),
    ({"type": "section", "fields": [plain("x" * 2_001)]}, "section field: 2,001"),
    ({**section(), "accessory": {"type": "overflow"}}, "no such element: overflow"),
    ({"type": "context", "elements": []}, "context elements: 0"),
    ({"type": "context", "elements": [plain()] * 11}, "context elements: 11"),
    ({"type": "context", "elements": [plain("x" * 3_001)]}, "text: 3,001"),
    ({"type": "context", "elements": [{"type": "image"}]}, "no such text object: image"),
    (actions(), "actions elements: 0"),
    (actions(*(button(name=f"press|a|{n}") for n in range(26))), "actions elements: 26"),
    (actions(button(), button()), "an action_id is used twice"),
    (actions({"type": "datepicker"}), "no such element in actions: datepicker"),
    (actions(button("x" * 76)), "button text: 76"),
    (actions(button("")), "button text: 0"),
    (actions(button(value="v" * (BUTTON_VALUE + 1))), "button value: 2,001"),
    (actions(button(name="n" * 256)), "action_id: 256"),
    (actions(button(style="default")), "no such style: default"),
    (actions(button(url="https://x.example")), "button has no url"),
    (actions(menu(101)), "options: 101"),
    (actions(menu(0)), "options: 0"),
    (actions(menu(text="x" * 76)), "option text: 76"),
    (actions(menu(value="v" * (OPTION_VALUE + 1))), "option value: 151"),
    (actions(menu(value="")), "option value: 0"),
    (actions(menu(placeholder=plain("x" * 151))), "placeholder: 151"),
    (actions(menu(initial_option={"text": plain(), "value": "w"})), "initial_option is none of the options"),
    (rich(), "rich text elements: 0"),
    ({"type": "rich_text", "elements": []}, "rich text elements: 0"),
    (rich(words("")), "rich text: 0"),
    (rich(words("x" * 12_001)), "rich text: 12,001"),
    (rich(words(style={"strike": True})), "no such style"),
    (rich(words(style={"bold": "yes"})), "no such style"),
    (rich({"type": "user", "user_id": "U1"}), "no such element: rich text user"),
    (rich({"type": "link", "url": "https://x.example"}), "no such element: rich text link"),
    (rich(words(), kind="rich_text_quote"), "no such rich text: rich_text_quote"),
    (rich({"type": "date", "timestamp": 1, "format": "soon"}), "a date whose format has no token"),
    (rich({"type": "date", "timestamp": 1.5, "format": "{date}"}), "a date without whole seconds"),
    (rich({"type": "date", "timestamp": 1, "format": "{date}", "url": "x"}), "rich text date has no url"),
    (image(alt_text="x" * 2_001), "image alt_text: 2,001"),
    (image(alt_text=""), "image alt_text: 0"),
    (image(title=plain("x" * 2_001)), "image title: 2,001"),
    (image(slack_file={"id": ""}), "slack_file needs an id"),
    (image(slack_file={"url": "https://x.example"}), "slack_file needs an id"),
    (image(image_url="https://x.example"), "image has no image_url"),
    (table(101), "table rows: 101"),
    (table(0), "table rows: 0"),
    (table(1, 21), "table columns: 21"),
    (table(1, 0), "table columns: 0"),
    (table(text=""), "table cell: 0"),
    (table(4, 1, "x" * 2_501), "table text: 10,004"),
    (table(column_settings=[{"align": "left"}] * 21), "column_settings: 21"),
    (table(column_settings=[{"align": "top"}]), "no such column setting"),
    (table(column_settings=[{"width": 3}]), "no such column setting"),
    ({"type": "table", "rows": [[{"type": "raw_number", "value": 1}]]}, "no such cell: raw_number"),
    ({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}], []]}, "rows of unequal length"),
    (chart(title="x" * 51), "chart title: 51"),
    (chart(title=""), "chart title: 0"),
    (chart(21), "data points: 21"),
    (chart(0), "data points: 0"),
    (chart(name="s" * 21), "series name: 21"),
    (chart(label="x" * 20), "chart label: 21"),
    (chart(y_label="x" * 51), "axis label: 51"),
    (chart_with(series=[]), "chart series: 0"),
    (chart_with(series=chart()["chart"]["series"] * 2), "two series of one name"),
    (chart_with(series=chart()["chart"]["series"] * 7), "chart series: 7"),
    (chart_with(type="pie"), "no such chart: pie"),
    (chart_with(axis_config={"categories": ["0", "2"]}), "labels are not the categories"),
    (chart_with(axis_config={"categories": ["0", "0"]}), "labels are not the categories"),
    (chart_with(series=[{"name": "s", "data": [{"label": "0", "value": "1"}]}]), "a value that is no number"),
]
BAD_INPUTS: list[tuple[Json, str]] = [
    (question(label="x" * 2_001), "input label: 2,001"),
    (question(hint=plain("x" * 2_001)), "input label: 2,001"),
    (question({"type": "checkboxes"}), "no such element in an input: checkboxes"),
    (question(button()), "no such element in an input: button"),
    (question(typed(max_length=3_001)), "input length: 3,001"),
    (question(typed(max_length=0)), "lengths from 0 to 0"),
    (question(typed(min_length=5, max_length=4)), "lengths from 5 to 4"),
    (question(typed(min_length="5")), "lengths are whole numbers"),
    (question(typed(max_length=2, initial_value="abc")), "starts with more than may be typed"),
    (question({"type": "number_input", "action_id": "a"}), "number_input without is_decimal_allowed"),
    (
        question({"type": "number_input", "action_id": "a", "is_decimal_allowed": False, "initial_value": "WD-1"}),
        "starts with no number",
    ),
    (chart(), "no such block in a modal"),
    (table(), "no such block in a modal"),
]
BAD_VIEWS: list[tuple[Surface, Json, str]] = [
    ("modal", modal(title=plain("x" * 25)), "view title: 25"),
    ("modal", modal(title=plain("")), "view title: 0"),
    ("modal", modal(submit=plain("x" * 25)), "view submit: 25"),
    ("modal", modal(close=plain("x" * 25)), "view close: 25"),
    ("modal", modal(private_metadata="x" * 3_001), "private_metadata: 3,001"),
    ("modal", modal(callback_id="x" * 256), "callback_id: 256"),
    ("modal", modal(color="red"), "modal has no color"),
    ("modal", without(modal(), "title"), "modal without title"),
    ("modal", without(modal(), "submit"), "a modal with inputs and no submit"),
    ("modal", modal(*[section()] * 101), "modal blocks: 101"),
    ("modal", modal(blocks=[]), "modal blocks: 0"),
    ("modal", {"type": "home", "blocks": [section()]}, "a view of type 'home', not modal"),
    ("home", {"type": "home", "blocks": [section()] * 101}, "home blocks: 101"),
    ("home", {"type": "home", "blocks": []}, "home blocks: 0"),
    ("home", {"type": "home", "blocks": [chart()]}, "no such block in a home"),
    ("home", {"type": "home", "blocks": "nonsense"}, "home blocks: 0"),
    ("message", {"blocks": [{"type": "divider"}] * 51}, "message blocks: 51"),
    ("message", {"blocks": [table(), table()]}, "tables: 2"),
    ("message", {"blocks": [chart()] * 3}, "charts: 3"),
    ("message", {"blocks": [section("x" * 3_000)] * 5}, "message text: 15,000"),
    ("message", {"blocks": [{"type": "divider", "block_id": "x"}] * 2}, "block_id 'x' is used twice"),
]


@pytest.mark.parametrize("block", GOOD, ids=lambda block: block["type"])
def test_what_is_within_the_limits(block: Json) -> None:
    """Each block at its limits passes."""
    assert problems("message", {"blocks": [block]}) == []


def test_views_within_the_limits() -> None:
    """A modal with each kind of question, a home view with a table, and a message without blocks pass."""
    number = {"type": "number_input", "action_id": "n", "is_decimal_allowed": True, "initial_value": "1.5"}
    fields = [question(typed(min_length=0, max_length=3_000)), question(number, hint=plain()), question(menu())]
    assert problems("modal", modal(section(), *fields, private_metadata="x" * 3_000)) == []
    assert problems("home", {"type": "home", "blocks": [table(100, 1), section()]}) == []
    assert problems("message", {"blocks": [], "text": "only words"}) == []


@pytest.mark.parametrize(("block", "said"), BAD, ids=[said for _, said in BAD])
def test_a_breach_in_a_message(block: Json, said: str) -> None:
    """It is said, with the block that it is in."""
    found = problems("message", {"blocks": [block]})
    assert any(said in one and one.startswith("block 0") for one in found), found


@pytest.mark.parametrize(("block", "said"), BAD_INPUTS, ids=[said for _, said in BAD_INPUTS])
def test_a_breach_in_a_form(block: Json, said: str) -> None:
    """It is said as well."""
    found = problems("modal", modal(block))
    assert any(said in one for one in found), found


@pytest.mark.parametrize(("surface", "payload", "said"), BAD_VIEWS, ids=[said for *_, said in BAD_VIEWS])
def test_a_breach_of_the_whole(surface: Surface, payload: Json, said: str) -> None:
    """What a message or view may hold in all."""
    found = problems(surface, payload)
    assert any(said in one for one in found), found


def test_every_limit_names_its_source_and_is_tested() -> None:
    """No number in the table stands there without a page, or without a case above."""
    tested = " ".join([said for _, said in [*BAD, *BAD_INPUTS]] + [said for _, _, said in BAD_VIEWS])
    for name, limit in LIMITS.items():
        assert limit.source, name
        assert f"{name}:" in tested, name


def test_what_menus_hold_is_no_text_of_the_message() -> None:
    """Two hundred long options are no long message."""
    assert problems("message", {"blocks": [actions(menu(100, "x" * 75)), actions(menu(100, "x" * 75))]}) == []
