"""How days, times and changes read, and that command lines survive being written and read."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat import words
from core.chat.line import tokens

DAY = dt.date(2026, 1, 13)


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (DAY, DAY, "13 Jan"),
        (dt.date(2026, 1, 7), DAY, "7–13 Jan"),
        (dt.date(2026, 1, 28), dt.date(2026, 2, 3), "28 Jan – 3 Feb"),
        (dt.date(2025, 12, 28), dt.date(2026, 1, 3), "28 Dec 2025 – 3 Jan 2026"),
    ],
)
def test_days(start: dt.date, end: dt.date, text: str) -> None:
    """A range says each part once, and years only where they differ."""
    assert words.days_text(start, end) == text


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "15 Jan 03:00 UTC"),
        ("Africa/Abidjan", "15 Jan 03:00 UTC"),
        ("Europe/Berlin", "15 Jan 03:00 UTC (04:00 in Berlin)"),
        ("America/New_York", "15 Jan 03:00 UTC (14 Jan 22:00 in New York)"),
    ],
)
def test_moments(zone: str, text: str) -> None:
    """A time is said in UTC, with the viewer's own beside it where it differs."""
    assert words.moment_text(dt.datetime(2026, 1, 15, 3, tzinfo=dt.UTC), ZoneInfo(zone)) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (112, 100, "+12%"),
        (95, 100, "−5%"),
        (1004, 1000, "±0%"),
        (1005, 1000, "+1%"),
        (995, 1000, "−1%"),
        (0, 100, "−100%"),
        (5, 0, "new"),
        (0, 0, "±0%"),
        (250_000, 100, "+249,900%"),
    ],
)
def test_changes(now: int, before: int, text: str) -> None:
    """A change is rounded half away from zero; from nothing there is no percentage."""
    assert words.change_text(now, before) == text


def test_small_words() -> None:
    """Shares, numbers of things, weekdays."""
    assert [words.share_text(bp) for bp in (5000, 1250, 1, 10_000)] == ["50%", "12.5%", "0.01%", "100%"]
    assert [words.plural(n, "day") for n in (1, 0, 1_000)] == ["1 day", "0 days", "1,000 days"]
    assert words.plural(2, "entry", "entries") == "2 entries"
    assert words.weekday_text(dt.date(2026, 1, 12)) == "Mon 12"


def test_command_line() -> None:
    """None is left out, `from_` is written as people type it, and odd text is quoted."""
    assert (
        words.command_line("t", from_=DAY, status=None, project='a "b" \\')
        == '/t from=2026-01-13 project="a \\"b\\" \\\\"'
    )
    assert words.quoted("--x") == '"--x"'
    assert words.quoted("") == '""'


@given(st.text())
def test_quoting_is_undone(text: str) -> None:
    """Whatever is written as one argument is read back as that one argument."""
    (token,) = tokens(f"a={words.quoted(text)}")
    assert token.text == text
    assert token.key == "a"
