"""What every view of /analytics is made of, and the words that they share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from core.chat.cards import HIDDEN, clean
from core.chat.words import TOO_FEW, clock_text, day_text, days_text
from core.earnings.analytics.privacy import Span
from core.earnings.periods import Days

TEXT_SHOWN = 200  # characters of a question or review on a card; the file has all of them


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart's facts for a template; points as (label, value), alt: what it shows, in words."""

    kind: str
    name: str
    unit: str
    alt: str
    points: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class View:
    """One view as a card shows it. meaning: the plain sentence; about: which days; columns and lines: its table;
    quotes: texts in users' own words; header and rows: its CSV file. has_period: whether the days can be chosen."""

    meaning: str
    about: str
    picture: Picture
    note: str
    columns: tuple[str, ...] = ()
    lines: tuple[tuple[str, ...], ...] = ()
    quotes: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    has_period: bool = False


def span_text(span: Span | None) -> str:
    """`18 Dec – 14 Jan` for whole UTC days, else with the hour up to which it goes."""
    if span is None:
        return ""
    begin, end = span.begin.astimezone(dt.UTC), span.end.astimezone(dt.UTC)
    if begin.time() == end.time() == dt.time():
        return days_text(begin.date(), (end - dt.timedelta(microseconds=1)).date())
    start = f"{day_text(begin.date())} {clock_text(begin)}" if begin.time() != dt.time() else day_text(begin.date())
    return f"{start} – {day_text(end.date())} {clock_text(end)}"


def period_text(days: Days | None) -> str:
    """`7–13 Jan`; empty where the period has no days yet."""
    return "" if days is None else days_text(days.first, days.last)


def point(value: int | None) -> str:
    """A count as a point of a chart."""
    return HIDDEN if value is None else str(value)


def cell(value: object) -> object:
    """A figure in a file: a hidden one says why there is none."""
    return TOO_FEW if value is None else value


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part) if words else ""


def shortened(text: str) -> str:
    """A user's words on one line, cleaned; "…" marks a cut."""
    line = " ".join(clean(text).split())
    return line if len(line) <= TEXT_SHOWN else line[: TEXT_SHOWN - 1].rstrip() + "…"
