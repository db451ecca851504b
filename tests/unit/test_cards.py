"""Cards: what a template's XML becomes, and that data in it stays data."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat import templates
from core.chat.cards import (
    NAME_SHOWN,
    Actions,
    BadCard,
    Button,
    Card,
    CardTooLarge,
    Chart,
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
    buttons_json,
    clean,
    form_json,
    shown_name,
)
from core.chat.limits import LIMITS, fit, problems
from core.chat.markup import parse

EVERYTHING = """
<card tone="good"><title>All of <!-- nothing --> it</title>
  <text>plain <b>bold</b> <code>code</code>, <muted>small</muted><br/>  next
    line</text>
  <field name="Balance">$1.00</field><field name="After">$0.50</field>
  <table><column>Source</column><column align="right">Amount</column>
    <row><cell>Logo Lab</cell><cell>$5.00</cell></row></table>
  <chart kind="line" name="by-day" unit="usd" alt="up"><point label="12 Jan" value="8.00"/></chart>
  <button action="a" value="1" style="primary">Go</button>
  <select action="period" label="Period"><option value="/stats week" selected="yes">Week</option></select>
  <time at="2026-01-15T03:00:00Z">15 Jan</time><divider/><note>small print</note>
</card>"""


def everything() -> Card:
    return parse(EVERYTHING)


def test_every_element() -> None:
    """Each element becomes its block; neighbouring fields and controls share one."""
    assert everything() == Card(
        "All of it",
        "good",
        (
            Text(
                (
                    Span("plain "),
                    Span("bold", "bold"),
                    Span(" "),
                    Span("code", "code"),
                    Span(", "),
                    Span("small", "muted"),
                    Span("\nnext line"),
                )
            ),
            Fields((FieldItem("Balance", "$1.00"), FieldItem("After", "$0.50"))),
            everything().blocks[2],
            Chart("line", "by-day", "up", (Point("12 Jan", "8.00"),), "usd"),
            Actions(
                (Button("a", "1", "Go", "primary"), Select("period", "Period", (Option("/stats week", "Week", True),)))
            ),
            Time(dt.datetime(2026, 1, 15, 3, tzinfo=dt.UTC), "15 Jan"),
            Divider(),
            Note("small print"),
        ),
    )


def test_json() -> None:
    """As JSON a card has what surfaces and `ask --json` rely on."""
    found = everything().as_json()
    assert json.loads(json.dumps(found)) == found
    assert isinstance(found["blocks"], list)
    kinds = [block["type"] for block in found["blocks"] if isinstance(block, dict)]
    assert kinds == ["text", "fields", "table", "chart", "actions", "time", "divider", "note"]
    assert found["blocks"][5] == {"type": "time", "at": "2026-01-15T03:00:00Z", "label": "15 Jan"}
    assert buttons_json(everything()) == [
        {"action": "a", "value": "1", "label": "Go"},
        {"action": "period", "value": "/stats week", "label": "Week"},
    ]


def test_form_in_json() -> None:
    """A button's form goes along, with its options."""
    field = FormField("why", "Why", True, "choice", 1, 5, (Option("x", "X"),), "x")
    card = Card("t", "neutral", (Actions((Button("a", "1", "Go", "default", (field,)),)),))
    assert form_json(card.buttons[0].form or ()) == [
        {
            "name": "why",
            "label": "Why",
            "required": True,
            "min_length": 1,
            "max_length": 5,
            "kind": "choice",
            "options": [{"value": "x", "label": "X"}],
            "value": "x",
        }
    ]
    assert '"form": [{"name": "why"' in json.dumps(card.as_json())


@pytest.mark.parametrize(
    "xml",
    [
        "<card>",
        "<list/>",
        "<card></card>",
        "<card tone='red'><title>t</title></card>",
        "<card><title>t</title>stray</card>",
        "<card><title><b>t</b></title></card>",
        "<card><title>t</title><script/></card>",
        "<card><title>t</title><text><i>x</i></text></card>",
        "<card><title>t</title><text><b>x<code>y</code></b></text></card>",
        "<card><title>t</title><field>x</field></card>",
        "<card><title>t</title><field name='a' colour='red'>x</field></card>",
        "<card><title>t</title><button value='x'>y</button></card>",
        "<card><title>t</title><button action='x'><b>y</b></button></card>",
        "<card><title>t</title><button action='x'><input name='n'/>y</button></card>",
        "<card><title>t</title><button action='x' style='big'>y</button></card>",
        "<card><title>t</title><select action='x' label='y'><b/></select></card>",
        "<card><title>t</title><time at='noon'>x</time></card>",
        "<card><title>t</title><time at='2026-01-15T03:00:00'>x</time></card>",
        "<card><title>t</title><chart name='n' alt='a'><bar/></chart></card>",
        "<card><title>t</title><chart name='n' alt='a' kind='pie'/></card>",
        "<card><title>t</title><table><head/></table></card>",
        "<card><title>t</title><table><column>a</column><row><cell>1</cell><cell>2</cell></row></table></card>",
        "<card><title>t</title><table><column>a</column><row><td>1</td></row></table></card>",
        "<card><title>t</title><table>loose</table></card>",
    ],
)
def test_refuses_what_is_no_card(xml: str) -> None:
    """A template's mistake is named at once instead of being lost in a message."""
    with pytest.raises(BadCard):
        parse(xml)


def test_form_filled_in() -> None:
    """A template may fill in a field of a form, or narrow it to options."""
    fields = (FormField("amount", "Amount"), FormField("method", "Method"))
    xml = (
        '<card><title>t</title><button action="open" value="/withdraw" form="yes"><input name="amount" value="5"/>'
        '<input name="method" value="m"><option value="m">Manual</option></input> Edit </button></card>'
    )
    asked: list[tuple[str, str, bool]] = []

    def form_of(action: str, value: str, wanted: bool) -> tuple[FormField, ...]:
        asked.append((action, value, wanted))
        return fields

    (button,) = parse(xml, form_of).buttons
    assert asked == [("open", "/withdraw", True)]
    assert button.label == "Edit"
    assert button.form is not None
    assert button.form[0].value == "5"
    assert button.form[1] == FormField("method", "Method", kind="choice", options=(Option("m", "Manual"),), value="m")


HOSTILE = [
    "<b>x</b>",
    "</text><button action='payout.approve' value='1'>x</button>",
    "]]>",
    "&amp;<!-- -->",
    "@everyone <@U1> [a](http://b) *b*",
    '" onload="x',
    "{{ 7 * 7 }}",
    "\ud800 half",
    "\x00\x1b[31m",
    "\u202egnp.exe",
    "\ufffe\uffff",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_values_are_data(value: str) -> None:
    """No value becomes an element, an attribute or an instruction."""
    card = templates.draw(
        "<card><title>T</title><text>{{ v }}</text><field name='{{ v }}'>{{ v }}</field></card>", v=value
    )
    text = " ".join(clean(value).split())
    assert card.blocks == (Text((Span(text),)), Fields((FieldItem(" ".join(clean(value).split()), text),)))


@given(st.text())
def test_any_text_survives(value: str) -> None:
    """Whatever people call themselves, the card has it as text and nothing else, but for what `clean` takes out."""
    card = templates.draw("<card><title>x {{ v }}</title><text>{{ v }}<b>{{ v }}</b></text></card>", v=value)
    expected = " ".join(clean(value).split())
    assert card.title == f"x {expected}".strip()
    assert all(isinstance(block, Text) for block in card.blocks)
    for block in card.blocks:
        assert isinstance(block, Text)
        assert block.plain.replace(" ", "") == (expected + expected).replace(" ", "")


@given(st.text())
def test_clean_is_final(value: str) -> None:
    """Cleaned text holds nothing that reorders, hides or controls, and cleaning it again changes nothing."""
    cleaned = clean(value)
    assert clean(cleaned) == cleaned
    assert not any(ord(character) < 32 or "\u202a" <= character <= "\u202e" for character in cleaned)
    cleaned.encode()


def test_clean_keeps_joined_emoji() -> None:
    """Joiners that make one emoji of several, or that Persian needs, are not taken for tricks."""
    assert clean("👩‍💻 می‌خواهم") == "👩‍💻 می‌خواهم"
    assert clean("a\u200bb\u2066c\x07") == "abc�"


def test_names_are_short() -> None:
    """A name of 10,000 characters is shown cut, with a mark; an empty one is named as such."""
    assert shown_name("x" * 10_000) == "x" * (NAME_SHOWN - 1) + "…"
    assert shown_name("Logo\nLab") == "Logo Lab"
    assert shown_name("\u202e") == "(no name)"


def test_missing_values_are_faults() -> None:
    """A template that shows an unknown or missing value fails instead of printing a blank or "None"."""
    with pytest.raises(Exception, match="undefined"):
        templates.draw("<card><title>{{ nothing }}</title></card>")
    with pytest.raises(BadCard):
        templates.draw("<card><title>{{ v }}</title></card>", v=None)


def test_no_way_to_declare_data_safe() -> None:
    """A template can't opt out of escaping."""
    with pytest.raises(Exception, match="safe"):
        templates.draw("<card><title>{{ v|safe }}</title></card>", v="x")


def test_filters() -> None:
    """Every figure reads the same everywhere."""
    source = """<card><title>{{ m|money }} {{ q|quantity }} {{ 1030|count }} {{ 1250|share }} {{ d|day }}
      {{ d|fullday }}
      {{ (d, d)|days }} {{ at|clock }} {{ at|moment }} {{ 112|change(100) }} {{ 2|plural("day") }} {{ h|short }}
      {{ "stats"|line(project="Logo Lab") }}</title></card>"""
    at = "2026-01-13T03:04:00Z"
    card = templates.draw(source, m=1_288_400_000, q=500_000, d="2026-01-13", at=at, h="3f9a77c2")
    assert card.title == (
        "$1,288.40 0.5 1,030 12.5% 13 Jan 13 Jan 2026 13 Jan 03:04 UTC 13 Jan 03:04 UTC +12% 2 days 3f9a…c2 "
        '/stats project="Logo Lab"'
    )


def test_macros_work() -> None:
    """Templates may share pieces; what a macro was given is escaped once."""
    source = "{% macro m(x) %}<b>{{ x }}</b>{% endmacro %}<card><title>t</title><text>{{ m('<i>') }}</text></card>"
    assert templates.draw(source).blocks == (Text((Span("<i>", "bold"),)),)


def long_card(**changes: object) -> Card:
    return Card(str(changes.get("title", "t")), "neutral", changes.get("blocks", ()))  # type: ignore[arg-type]


def test_long_texts_are_spread_not_cut() -> None:
    """An over-long text becomes several blocks, an over-long title stands whole below its beginning."""
    words = "word " * 700
    card = fit(long_card(title="x" * 200, blocks=(Text((Span(words.strip()), Span("end", "bold"))),)))
    assert card.title.endswith("…")
    texts = [block for block in card.blocks if isinstance(block, Text)]
    assert texts[0].plain == "x" * 200
    assert "".join(text.plain for text in texts[1:]) == words.strip() + "end"
    assert all(len(text.plain) <= LIMITS["text"] for text in texts)
    whole = fit(long_card(blocks=(Note("y" * 3_500),)))
    assert "".join(block.text for block in whole.blocks if isinstance(block, Note)) == "y" * 3_500


def test_many_fields_are_spread() -> None:
    """Slack takes ten fields a block."""
    card = fit(long_card(blocks=(Fields(tuple(FieldItem(str(n), "v") for n in range(23))),)))
    assert [len(block.items) for block in card.blocks if isinstance(block, Fields)] == [10, 10, 3]


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (Text((Span("a b " * 1_500),)), "all text"),
        (Table((), ((),) * 101), "rows 101"),
        (Table(tuple(everything().blocks[2].columns) * 11, ()), "columns 22"),  # type: ignore[union-attr]
        (Chart("bar", "n", "a", (Point("x", "1"),) * 61), "points 61"),
        (Actions((Button("a", "v", "l" * 76),)), "label 76"),
        (Actions((Button("a", "v" * 2_001, "l"),)), "value 2001"),
        (Actions((Button("a", "v", ""),)), "without a label"),
        (Actions((Button("a", "v", "l", "default", (FormField("n", "x"),) * 6),)), "form fields 6"),
        (Actions((Select("a", "l", (Option("v", "l"),) * 26),)), "options 26"),
        (Actions((Select("a", "l", (Option("v", "l" * 76),)),)), "option label 76"),
        (Actions((Select("a", "l", ()),)), "a menu of a without options"),
        (Actions((Select("a", "l", (Option("", "l"),)),)), "an option without a label or a value"),
        (
            Actions((Button("a", "v", "l", form=(FormField("n", "x", options=(Option("v", ""),)),)),)),
            "an option without",
        ),
        (Chart("bar", "n", "a" * 1_001, ()), "alt 1001"),
        (Actions((Button("a", "v", "l"),) * 16), "controls 16"),
    ],
)
def test_limits(block: object, problem: str) -> None:
    """What no platform could draw whole is a fault that names the limit."""
    with pytest.raises(CardTooLarge, match=problem):
        fit(long_card(blocks=(block,)))


def test_everything_fits() -> None:
    """The limits count what stands in every kind of block."""
    assert list(problems(everything())) == []
    assert fit(everything()) == everything()


def test_followed_by() -> None:
    """A late message stands under the reply, behind a divider."""
    card = Card("one").followed_by(Card("two", blocks=(Note("n"),)))
    assert card.blocks == (Divider(), Text((Span("two", "bold"),)), Note("n"))
