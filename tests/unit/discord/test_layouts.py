"""Each kind of a card's blocks as Discord draws it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from adapters.discord import layouts
from adapters.discord.limits import COMPONENTS_V2, problems
from adapters.discord.markdown import NOTHING
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
from tests.unit.discord.reading import harmful, shown

WEEK = Chart("bar", "incentive-by-day", "Rises to $8.13.", (Point("12 Jan", "8.13"),), "usd")


def container(*found: Block, title: str = "A card", pictures: Mapping[str, str] | None = None) -> Any:
    """The container of a card with these blocks; Discord takes it and it is inert."""
    body: Any = layouts.body(layouts.message(fit(Card(title, blocks=found)), pictures=pictures))
    assert problems(body) == []
    assert harmful(body) == []
    assert body["flags"] == COMPONENTS_V2
    return body["components"][0]


def contents(*found: Block, **others: Any) -> list[str]:
    return [one["content"] for one in container(*found, **others)["components"] if one["type"] == 10]


def kinds(*found: Block, **others: Any) -> list[int]:
    return [one["type"] for one in container(*found, **others)["components"]]


def test_the_container_says_the_tone_and_is_marked_with_the_key() -> None:
    """By its colour; by its id, which is a number that only this key has."""
    for tone, colour in layouts.COLOURS.items():
        drawn: Any = layouts.body(layouts.message(Card("A card", tone), key="digest:1"))
        assert drawn["components"][0]["accent_color"] == colour
        assert drawn["components"][0]["id"] == layouts.mark("digest:1")
    assert "id" not in container()
    marks = {layouts.mark(f"key {number}") for number in range(2_000)}
    assert len(marks) == 2_000
    assert min(marks) >= 1
    assert max(marks) < 2**31
    assert layouts.message(Card("A card")).timeout is None


def test_neighbouring_texts_are_one_display() -> None:
    """A heading, a text, small print, fields: one component of forty."""
    found = contents(Text((Span("a"),)), Note("b\nc"), Fields((FieldItem("Name", "v"), FieldItem("Other", "w"))))
    assert found == ["## A card\na\n-# b\n-# c\n**Name** v\n**Other** w"]
    assert contents(Text((Span(""),)), Text(()), Note(" "), Fields(())) == ["## A card"]
    assert contents(title=" ") == ["–"]


def test_styles() -> None:
    """Spans beside each other keep apart; those of one style are one; muted alone is small print."""
    spans = (Span("a\n"), Span("b", "bold"), Span("c", "bold"), Span("d", "code"), Span("e", "muted"), Span(" f"))
    assert contents(Text(spans)) == ["## A card\na\n**bc**\u200b`d`\u200b*e* f"]
    assert contents(Text((Span("a", "muted"), Span("b", "muted")))) == ["## A card\n-# ab"]
    assert contents(Text((Span("a`b", "code"), Span(" c ", "bold")))) == ["## A card\na\\`b\u200b **c** "]


def test_dividers_and_time() -> None:
    """A line across; a moment by the reader's own clock, with the desk's label or in UTC."""
    at = dt.datetime(2026, 1, 15, 3, tzinfo=dt.UTC)
    assert kinds(Text((Span("a"),)), Divider(), Text((Span("b"),))) == [10, 14, 10]
    assert contents(Time(at, "15 Jan 03:00 UTC (04:00 in Berlin)"))[0].endswith(
        "<t:1768446000:f> (15 Jan 03:00 UTC (04:00 in Berlin))"
    )
    assert contents(Time(at, ""))[0].endswith("<t:1768446000:f> (15 Jan 2026 03:00 UTC)")


def test_tables() -> None:
    """Aligned while a phone can show it; without padding where it is wider; whole in any case."""
    table = Table((Column("What"), Column("N", "right")), (("a", "1"), ("`````", "20")))
    assert contents(table) == ["## A card\n```\nWhat    N\n─────  ──\na       1\n``ˋˋˋ  20\n```"]
    wide = Table((Column("What"), Column("N")), (("x" * 60, "1"), ("y", "2")))
    assert contents(wide) == [f"## A card\n```\nWhat · N\n{'x' * 60} · 1\ny · 2\n```"]
    sums = Table((Column(""), Column("")), (("Used", "5"), ("= remaining", "1" * 60)))
    assert contents(sums)[0].splitlines()[2] == "Used · 5"
    assert contents(Table((), ((), ()))) == contents(Table((Column(""),), (("",),))) == ["## A card"]


def test_charts() -> None:
    """A picture with its words, where one is attached; its words otherwise."""
    assert kinds(WEEK) == [10]
    assert contents(WEEK)[0].endswith("-# Rises to $8.13.")
    gallery = container(WEEK, pictures={WEEK.name: "a.png"})["components"][1]
    assert gallery["items"] == [
        {"media": {"url": "attachment://a.png"}, "spoiler": False, "description": "Rises to $8.13."}
    ]
    assert kinds(WEEK, pictures={"other": "a.png"}) == [10]


def test_controls() -> None:
    """Five buttons in a row, each menu in its own; numbered over the whole card, labels never blank."""
    items: list[Button | Select] = [Button("page", f"/stats page={n}", str(n)) for n in range(6)]
    items.append(Select("period", "Over", (Option("a", "A"), Option("b", " ", True), Option("a", "again"))))
    items.append(Button("payout.reject", "12", " ", "danger", (FormField("reason", "Why"),)))
    drawn = container(Actions(tuple(items)), Actions(()), Actions((Button("open", "/help", "Help", "primary"),)))
    assert [len(row["components"]) for row in drawn["components"][1:]] == [5, 1, 1, 1, 1]
    assert shown({"components": [drawn]}).split("\n")[6:] == [
        "[4] ed|press|page|5|/stats page=4",
        "[5] ed|press|page|6|/stats page=5",
        "MENU Over ed|pick|period|7",
        "  · A → a",
        "  ✓ – → b",
        "[–] danger ed|form|payout.reject|8|12",
        "[Help] primary ed|press|open|9|/help",
    ]
    assert "placeholder" not in container(Actions((Select("a", "", (Option("a", "A"),)),)))["components"][1]


def test_a_menu_starts_with_one_option() -> None:
    """The selected one, or the one whose value a field starts with."""
    options = (Option("a", "A"), Option("b", "B", True), Option("c", "C", True))
    assert [one.value for one in layouts.menu_options(options) if one.default] == ["b"]
    plain = (Option("a", "A"), Option("b", "B"))
    assert [one.value for one in layouts.menu_options(plain, chosen="b") if one.default] == ["b"]
    assert not any(one.default for one in layouts.menu_options(plain))


BUTTON = Actions((Button("page", "x", "Next"),))


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ((Note("x"), Divider()) * 15, [10, 14] * 15),
        # With their rows, buttons and lines more than forty: dividers become text.
        ((Note("x"), Divider(), BUTTON) * 10, [10, 1] * 10),
        # Even so too many: all words, then all controls.
        ((BUTTON, *(Note("y"), BUTTON) * 14, Note("z")), [10] + [1] * 15),
    ],
    ids=["rules", "text", "apart"],
)
def test_many_components(blocks: tuple[Block, ...], expected: list[int]) -> None:
    """The best way that fits is taken."""
    assert kinds(*blocks) == expected


def test_what_escapes_would_make_too_long_stands_in_code() -> None:
    """Where nothing has to be escaped: the same characters, in a block."""
    (content,) = contents(Note("*" * 2_900))
    assert content == f"```\nA card\n{'*' * 2_900}\n```"
    wide = Table((Column("A"), Column("B")), tuple(("x" * (50 if n == 0 else 1), "y") for n in range(90)))
    assert contents(wide, Note("z" * 500))[0].count(" · y") == 90


@pytest.mark.parametrize(("mark", "style"), [("`", "code"), ("*", "bold")])
def test_a_sign_beside_a_mark_stays_a_sign(mark: str, style: Any) -> None:
    """A backtick or star of somebody's before styled text is not read together with the mark that begins it."""
    spans = (Span(mark), Span("<@80351110224678912>", style), Span(mark))
    line = contents(Text(spans))[-1].split("\n")[-1]  # and it is inert
    assert line.startswith(f"\\{mark}{NOTHING}")
    assert line.endswith(f"\\{mark}")
