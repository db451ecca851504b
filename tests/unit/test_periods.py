"""Named periods, due days and labels (commands.md, "Creator commands")."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from core.config import Program, Terms
from core.earnings.periods import (
    Days,
    Period,
    UnknownPeriod,
    change_percent,
    day_name,
    last_due,
    late_label,
    next_settlement,
    period_of,
    settles_at,
)

STUDIO = Program("studio", "credits", (Terms(dt.date(2025, 1, 1)),))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-01-14T03:00:00", "2026-01-13"),
        ("2026-01-14T02:59:59.999999", "2026-01-12"),
        ("2026-01-14T23:59:59", "2026-01-13"),
        ("2026-01-01T03:00:00", "2025-12-31"),
        ("2026-03-01T00:00:00", "2026-02-27"),
    ],
)
def test_a_day_is_due_at_three(now: str, due: str) -> None:
    """Everything up to the end of the day before is due from 03:00 UTC on."""
    assert last_due(STUDIO, at(now)) == day(due)


def test_settle_at_is_the_programs_own() -> None:
    """A program may settle at midnight or late in the day."""
    assert last_due(replace(STUDIO, settle_at=dt.time()), at("2026-01-14T00:00:00")) == day("2026-01-13")
    assert last_due(replace(STUDIO, settle_at=dt.time(23, 30)), at("2026-01-14T23:29:00")) == day("2026-01-12")
    assert settles_at(replace(STUDIO, settle_at=dt.time(23, 30)), day("2026-01-13")) == at("2026-01-14T23:30:00")


@pytest.mark.parametrize(
    ("now", "following"),
    [
        ("2026-01-14T02:59:59", "2026-01-14T03:00:00"),
        ("2026-01-14T03:00:00", "2026-01-15T03:00:00"),
        ("2026-01-31T12:00:00", "2026-02-01T03:00:00"),
    ],
)
def test_the_next_settlement_lies_ahead(now: str, following: str) -> None:
    """The next settlement is after now, never now."""
    assert next_settlement(STUDIO, at(now)) == at(following)


def test_today_is_not_compared() -> None:
    """Today is the current UTC day; it isn't over, so there is nothing to compare with."""
    berlin = dt.datetime(2026, 1, 15, 0, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert period_of("today", berlin, None, None) == Period("today", Days(day("2026-01-14"), day("2026-01-14")))


def test_week_is_the_last_seven_settled_days() -> None:
    """Week ends with the last settled day and compares with the 7 before."""
    assert period_of("week", at("2026-01-14T12:00:00"), day("2026-01-13"), None) == Period(
        "week", Days(day("2026-01-07"), day("2026-01-13")), Days(day("2025-12-31"), day("2026-01-06"))
    )
    assert period_of("week", at("2026-01-14T12:00:00"), None, None) == Period("week", None)


@pytest.mark.parametrize(
    ("now", "first", "last", "before_first", "before_last"),
    [
        ("2026-01-14T12:00:00", "2026-01-01", "2026-01-14", "2025-12-01", "2025-12-14"),
        ("2026-03-31T12:00:00", "2026-03-01", "2026-03-31", "2026-02-01", "2026-02-28"),
        ("2028-03-29T12:00:00", "2028-03-01", "2028-03-29", "2028-02-01", "2028-02-29"),
        ("2026-05-01T00:00:00", "2026-05-01", "2026-05-01", "2026-04-01", "2026-04-01"),
    ],
)
def test_month_is_to_date(now: str, first: str, last: str, before_first: str, before_last: str) -> None:
    """Month is the calendar month to date, compared with the first as many days of last month, if it has them."""
    assert period_of("month", at(now), None, None) == Period(
        "month", Days(day(first), day(last)), Days(day(before_first), day(before_last))
    )


def test_all_begins_with_the_first_usage() -> None:
    """All is from the first day with usage to today, and compares with nothing."""
    now = at("2026-01-14T12:00:00")
    assert period_of("all", now, None, day("2025-03-02")) == Period("all", Days(day("2025-03-02"), day("2026-01-14")))
    assert period_of("all", now, None, None) == Period("all", None)
    assert period_of("all", now, None, day("2026-01-15")) == Period("all", Days(day("2026-01-14"), day("2026-01-14")))


def test_an_unknown_period_says_which_there_are() -> None:
    """Another word is refused with the words that are understood."""
    with pytest.raises(UnknownPeriod) as refused:
        period_of("year", at("2026-01-14T12:00:00"), None, None)
    assert refused.value.text == "No period called 'year'. Choose today, week, month or all."


def test_days_count_both_ends() -> None:
    """A run of days knows its length, its members and as many days before."""
    week = Days(day("2026-01-07"), day("2026-01-13"))
    assert len(week) == 7
    assert [day("2026-01-06") in week, day("2026-01-07") in week, day("2026-01-13") in week] == [False, True, True]
    assert day("2026-01-14") not in week
    assert week.each()[0] == day("2026-01-07")
    assert week.each()[-1] == day("2026-01-13")
    assert len(week.each()) == 7
    assert week.before() == Days(day("2025-12-31"), day("2026-01-06"))
    assert Days(day("2026-01-02"), day("2026-01-01")).each() == []


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        (112, 100, 12),
        (88, 100, -12),
        (100, 100, 0),
        (1_005, 1_000, 1),
        (1_004, 1_000, 0),
        (995, 1_000, -1),
        (5, 0, None),
        (5, -3, None),
        (-50, 100, -150),
        (1, 3, -67),
        (3, 1, 200),
    ],
)
def test_change_is_rounded_half_away_from_zero(now: int, before: int, change: int | None) -> None:
    """A change is in whole percent, and there is none from nothing."""
    assert change_percent(now, before) == change


def test_days_have_names() -> None:
    """A day reads "13 Jan" whatever the machine's language; a difference for it says which kind it is."""
    assert [day_name(dt.date(2026, month, month)) for month in range(1, 13)] == [
        "1 Jan",
        "2 Feb",
        "3 Mar",
        "4 Apr",
        "5 May",
        "6 Jun",
        "7 Jul",
        "8 Aug",
        "9 Sep",
        "10 Oct",
        "11 Nov",
        "12 Dec",
    ]
    assert late_label(day("2026-01-13"), 1) == "late usage for 13 Jan"
    assert late_label(day("2026-01-13"), -1) == "correction for 13 Jan"
    assert late_label(day("2026-01-13"), 0) == "late usage for 13 Jan"
