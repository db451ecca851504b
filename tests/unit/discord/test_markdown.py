"""Text is shown as it is: whatever it holds, Discord finds nothing in it but words."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.discord import markdown
from adapters.discord.markdown import LOOKALIKE, NOTHING
from tests.unit.discord.reading import Piece, read, words

HOSTILE = (
    "<@80351110224678912> <@!80351110224678912> <@&165511591545143296> <#103735883630395392>",
    "@everyone @here @Everyone @EVERYONE",
    "</airhorn:816437322781949972> </a b:1>",
    "<id:customize> <ada@bank.example> <+15555555555>",
    "<:x:1> <a:x:1> :smile: :+1: :100: 1:100:2 ::x::",
    "<t:1768446000:R> <t:1768446000>",
    "https://evil.example/?a=b HTTP://x steam://run/1 discord://-/settings",
    "<https://evil.example>",
    "www.evil.example evil.example mailto:ada@bank.example",
    "discord.gg/abc DISCORD.GG/abc discord.com/invite/abc discordapp.com/invite/abc",
    "[a bank](https://evil.example) [x](<https://evil.example>)",
    "*so* **so** ***so*** _so_ __so__ ~~so~~ ||so||",
    "`code` ``code`` ```\nblock\n``` ```py",
    "# one\n## two\n### three\n-# small\n  # inner",
    "- a\n* b\n+ c\n1. d\n2) e\n   - f\n-",
    "> quoted\n>>> all of it",
    "C# a#b #",
    "\\ \\* \\\\* ¯\\_(ツ)_/¯",
    "\r# one\r\n- two\u2028- three\u0085> four\v- five",
    "👩‍👩‍👧‍👦 😀 ❤️",
    "zero\u200bwidth @\u200beveryone",
    "abc\u202etxt.exe\u2066",
    "$1,288.40 · 7–13 Jan, 04:00 UTC (05:00 in Berlin): −$5.00, -5.00 (50%)",
)
SIGNS = [*"*_~`|<>[]()#@:./\\->+!&1a9 \n", "@everyone", "http", "discord", "gg", "t:1", "```"]
MARKS = st.lists(st.sampled_from(SIGNS), max_size=20).map("".join)
TEXTS = st.one_of(st.sampled_from(HOSTILE), MARKS, st.text(st.characters(exclude_categories=["Cs"]), max_size=40))


def same(text: str) -> str:
    """What a person would read of a text: line breaks are line breaks, and what nobody sees is nothing."""
    return markdown.lines(text).replace(NOTHING, "")


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("1:100:2")
@example("a:b:c")
@example("*" * 200)
def test_inert_text_is_only_text(text: str) -> None:
    """It is read unchanged, and nothing else is found."""
    found = read(markdown.inert(text))
    assert [piece.kind for piece in found] in ([], ["text"])
    assert words(found) == same(text)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_taking_the_escapes_away_gives_the_text_back(text: str) -> None:
    """Nothing but backslashes and zero width spaces was put in."""
    bare = re.sub(r"\\([^0-9A-Za-z\s])", r"\1", markdown.inert(text))
    assert bare.replace(NOTHING, "") == same(text)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_styles_go_around_it(text: str) -> None:
    """Bold, italic, small and code hold the text, line by line, and end where it ends."""
    for draw, kind in ((markdown.bold, "bold"), (markdown.italic, "italic")):
        found = read(draw(text))
        assert {piece.kind for piece in found} <= {"text", kind}
        assert words(found) == same(text)
        assert not "".join(piece.text for piece in found if piece.kind == "text").strip()
    small = read(markdown.small(text))
    assert {piece.kind for piece in small} <= {"text", "small"}
    assert words(small).split() == same(text).split()
    heading = read(markdown.heading(f"A {text}"))
    assert [piece.kind for piece in heading] == ["heading"]
    assert words(heading).split() == same(f"A {text}").split()


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_code_is_code_or_plain(text: str) -> None:
    """What could not be shown as code is shown as text; both are read unchanged."""
    found = read(markdown.code(text))
    assert [piece.kind for piece in found] in ([], ["code"], ["text"])
    assert words(found) == same(text)


@settings(max_examples=150, deadline=None)
@given(TEXTS.filter(lambda text: text.strip() != ""), st.integers(1, 9))
def test_nothing_ends_a_block_but_its_end(text: str, ticks: int) -> None:
    """Its width stays; only a third backtick in a row becomes its lookalike."""
    for inside in (text, "`" * ticks, f"{text}{'`' * ticks}", f"{'`' * ticks}\n{text}"):
        found = read(markdown.block(inside))
        assert [piece.kind for piece in found] == ["block"]
        assert found[0].text.replace(LOOKALIKE, "`") == markdown.lines(inside).replace(LOOKALIKE, "`").strip("\n")


@pytest.mark.parametrize("text", ["$1,288.40", "7–13 Jan, 04:00 UTC", "WD-12: −$5.00", "50% (25 of 50)", "-5.00"])
def test_plain_words_and_figures_stay_as_they_are(text: str) -> None:
    """What most cards hold costs nothing."""
    assert markdown.inert(text) == text


def test_the_reader_finds_what_is_not_escaped() -> None:
    """The proof above would see harm: each hostile text has some, raw, but the harmless ones."""
    harmless = [text for text in HOSTILE if [piece.kind for piece in read(text)] in ([], ["text"])]
    assert [text[:5] for text in harmless] == ["C# a#", "👩‍👩‍👧", "zero\u200b", "abc\u202et", "$1,28"]
    assert read("**a** `b` <t:1:f>\n## c") == (
        Piece("bold", "a", (Piece("text", "a"),)),
        Piece("text", " "),
        Piece("code", "b"),
        Piece("text", " "),
        Piece("time", "t:1:f"),
        Piece("text", "\n"),
        Piece("heading", "c", (Piece("text", "c"),)),
    )
