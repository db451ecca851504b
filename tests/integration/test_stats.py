"""What creators and the platform read of their earnings, on both databases (commands.md)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import select

from core.config import DeskConfig, Terms
from core.earnings import stats
from core.earnings.stats import (
    CreatorStats,
    Days,
    EarnedLine,
    Estimate,
    Explanation,
    Figures,
    PlatformDay,
    TopProject,
    UnknownPeriod,
)
from core.earnings.tables import Creator, Project
from core.storage import Database, table_of
from tests.earnings_world import CREDIT, DOLLAR, STUDIO, World, jan

NOON = jan(14, 12)


def day(number: int) -> dt.date:
    return dt.date(2026, 1, number)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def creator_stats(world: World, period: str, now: dt.datetime = NOON, creator: str = "ada") -> CreatorStats:
    with world.database.reading() as session:
        return stats.creator_stats(session, world.config, creator, "studio", period, now)


def project_stats(world: World, project: str, period: str, now: dt.datetime = NOON) -> CreatorStats:
    with world.database.reading() as session:
        row = session.get(Project, project)
        assert row is not None
        return stats.project_stats(session, world.config, row, period, now)


def explain(world: World, project: str, on: dt.date) -> Explanation:
    with world.database.reading() as session:
        row = session.get(Project, project)
        assert row is not None
        return stats.explanation(session, world.config, row, on)


def test_a_settled_week(world: World) -> None:
    """The last 7 settled days by project and by day, and the change on the 7 before; only the creator's own."""
    world.use("logo", jan(6), 100)
    world.use("pal", jan(5), 300)
    world.use("logo", jan(7), 400, 200)
    world.use("logo", jan(13), 200, kind="remix")
    world.use("logo", jan(13), kind="view")
    world.use("pal", jan(10), 500, kind="feature")
    world.use("pal", jan(10), kind="save")
    world.use("pal", jan(10), 320, user="ada")
    world.use("pal", jan(10), kind="view", user="ada")
    world.use("song", jan(10), 999)
    world.use("logo", jan(14), 700)
    world.settle(jan(14, 3))
    week = creator_stats(world, "week")
    assert week.period == stats.Period("week", Days(day(7), day(13)), Days(dt.date(2025, 12, 31), day(6)))
    assert week.total == Figures(
        credits=1_100 * CREDIT, uses=3, remixes=1, views=1, saves=1, settled=4_500_000, estimate=0
    )
    assert week.before == Figures(credits=400 * CREDIT, uses=2, settled=2 * DOLLAR)
    assert (week.change, week.settled_through, week.is_estimate) == (125, day(13), False)
    assert [(line.project.name, line.figures.settled) for line in week.projects] == [
        ("Pal", 2_500_000),
        ("Logo", 2 * DOLLAR),
    ]
    assert week.projects[1].figures == Figures(credits=600 * CREDIT, uses=2, remixes=1, views=1, settled=2 * DOLLAR)
    assert [line.day for line in week.days] == [day(number) for number in range(7, 14)]
    assert all(line.settled for line in week.days)
    assert [line.figures.settled for line in week.days] == [DOLLAR, 0, 0, 2_500_000, 0, 0, DOLLAR]
    assert week.days[3].figures == Figures(credits=500 * CREDIT, uses=1, saves=1, settled=2_500_000)


def test_one_project(world: World) -> None:
    """With a project, the figures are its own."""
    world.use("logo", jan(13), 200)
    world.use("pal", jan(13), 500)
    world.settle(jan(14, 3))
    logo = project_stats(world, "logo", "week")
    assert logo.total == Figures(credits=200 * CREDIT, uses=1, settled=DOLLAR)
    assert [line.project.project_id for line in logo.projects] == ["logo"]
    assert logo.projects[0].figures == logo.total
    assert logo.change is None


def test_today_is_an_estimate(world: World) -> None:
    """Today's figures update throughout the day and are all estimate."""
    world.use("logo", jan(13), 900)
    world.settle(jan(14, 3))
    world.use("logo", jan(14, 1), 300, 100)
    today = creator_stats(world, "today")
    assert today.period.days == Days(day(14), day(14))
    assert today.total == Figures(credits=300 * CREDIT, uses=1, settled=0, estimate=DOLLAR)
    assert today.total.incentive == DOLLAR
    assert (today.before, today.change, today.is_estimate) == (None, None, True)
    assert [(line.day, line.settled) for line in today.days] == [(day(14), False)]


def test_a_month_mixes_settled_and_estimate(world: World) -> None:
    """The month to date holds settled days and the days since, apart; it compares with as many days of last month."""
    world.use("logo", dt.datetime(2025, 12, 14, tzinfo=dt.UTC), 100)
    world.use("logo", dt.datetime(2025, 12, 15, tzinfo=dt.UTC), 5_000)
    world.use("logo", jan(1), 200)
    world.settle(jan(14, 3))
    world.use("logo", jan(14), 100)
    month = creator_stats(world, "month")
    assert month.total == Figures(credits=300 * CREDIT, uses=2, settled=DOLLAR, estimate=500_000)
    assert month.before == Figures(credits=100 * CREDIT, uses=1, settled=500_000)
    assert month.change == 200
    assert month.is_estimate
    assert [line.settled for line in month.days] == [True] * 13 + [False]
    assert len(month.days) == 14


def test_all_begins_with_the_first_usage(world: World) -> None:
    """All holds every day since the creator's first usage, and compares with nothing."""
    world.use("song", jan(2), 100)
    world.use("logo", jan(11), 100)
    world.settle(jan(14, 3))
    world.use("logo", jan(14), 100)
    everything = creator_stats(world, "all")
    assert everything.period.days == Days(day(2), day(14))
    assert [line.day for line in everything.days] == [day(11), day(12), day(13), day(14)]
    assert everything.total == Figures(credits=200 * CREDIT, uses=2, settled=500_000, estimate=500_000)
    assert (everything.before, everything.change) == (None, None)


def test_before_anything_there_is_nothing(world: World) -> None:
    """A desk without usage has empty figures, not errors."""
    for period in ("week", "all"):
        empty = creator_stats(world, period)
        assert (empty.total, empty.days, empty.period.days) == (Figures(), (), None)
        assert [line.figures for line in empty.projects] == [Figures(), Figures()]
        assert not empty.is_estimate
    month = creator_stats(world, "month")
    assert (month.before, month.change, len(month.days)) == (Figures(), None, 14)
    world.use("song", jan(14), 100)
    assert creator_stats(world, "all").days == ()
    assert creator_stats(world, "all", creator="nobody").projects == ()


def test_an_unknown_period_is_refused(world: World) -> None:
    """A period that is none says which there are."""
    with pytest.raises(UnknownPeriod, match="today, week, month or all"):
        creator_stats(world, "decade")


def test_deleted_projects_are_listed(world: World) -> None:
    """A deleted project keeps its line, marked by when it was deleted."""
    world.use("logo", jan(13), 100)
    world.settle(jan(14, 3))
    with world.database.transaction() as session:
        row = session.get(Project, "logo")
        assert row is not None
        row.deleted_at = NOON
        session.add(row)
    week = creator_stats(world, "week")
    assert [(line.project.project_id, line.project.deleted_at) for line in week.projects] == [
        ("logo", NOON),
        ("pal", None),
    ]


def test_late_usage_shows_as_estimate_of_a_settled_day(world: World) -> None:
    """What came late for a settled day is an estimate until the next settlement, beside what is settled."""
    world.use("logo", jan(13), 100)
    world.settle(jan(14, 3))
    world.use("logo", jan(13), 100)
    week = creator_stats(world, "week")
    assert (week.total.settled, week.total.estimate, week.is_estimate) == (500_000, 500_000, True)
    assert week.days[-1].settled


def test_projects_that_earned_alike_stay_in_order(world: World) -> None:
    """Among equal incentives the one with more credits comes first, then the id decides."""
    world.use("pal", jan(13), 100, 100)
    week_before = creator_stats(world, "month")
    assert [line.project.project_id for line in week_before.projects] == ["pal", "logo"]
    world.use("logo", jan(13), 100, 100)
    assert [line.project.project_id for line in creator_stats(world, "month").projects] == ["logo", "pal"]


def test_todays_estimate(world: World) -> None:
    """What waits is told apart: today's, and what earlier days still add."""
    world.use("logo", jan(12), 1_000)
    world.settle(jan(13, 3))
    world.use("logo", jan(12), 100)
    world.use("pal", jan(13), 200)
    world.use("logo", jan(14), 310, 10)
    world.use("song", jan(14), 5_000)
    with world.database.reading() as session:
        estimate = stats.today_estimate(session, world.config, "ada", "studio", jan(14, 2))
        assert estimate == Estimate(day=day(14), today=1_500_000, before=1_500_000, settles_at=jan(14, 3))
        nobody = stats.today_estimate(session, world.config, "nobody", "studio", NOON)
        assert nobody == Estimate(day=day(14), today=0, before=0, settles_at=jan(15, 3))
    world.settle(jan(14, 3))
    with world.database.reading() as session:
        settled = stats.today_estimate(session, world.config, "ada", "studio", NOON)
    assert settled == Estimate(day=day(14), today=1_500_000, before=0, settles_at=jan(15, 3))


def test_nothing_waits(world: World) -> None:
    """Without usage the estimate is zero."""
    with world.database.reading() as session:
        estimate = stats.today_estimate(session, world.config, "ada", "studio", NOON)
    assert (estimate.today, estimate.before) == (0, 0)


def test_total_earned(world: World) -> None:
    """Total Earnings is everything settled for the creator in the program, corrections included."""
    event = world.use("logo", jan(12), 100)
    world.use("pal", jan(13), 300)
    world.use("song", jan(13), 900)
    world.settle(jan(14, 3))
    world.void(event)
    world.settle(jan(14, 4))
    with world.database.reading() as session:
        assert stats.total_earned(session, "ada", "studio") == 1_500_000
        assert stats.total_earned(session, "bob", "studio") == 4_500_000
        assert stats.total_earned(session, "ada", "other") == 0
        assert stats.total_earned(session, "nobody", "studio") == 0


def test_settled_through(world: World) -> None:
    """The last settled day, None before the first settlement and for an unknown program."""
    with world.database.reading() as session:
        assert stats.settled_through(session, "studio") is None
        assert stats.settled_through(session, "other") is None
    world.use("logo", jan(13), 1)
    world.settle(jan(14, 3))
    with world.database.reading() as session:
        assert stats.settled_through(session, "studio") == day(13)


def test_explains_a_settled_day(world: World) -> None:
    """The formula with the project-day's numbers, own use apart, the terms of the day and the entry."""
    world.use("logo", jan(13), 10_000, 8_000)
    world.use("logo", jan(13), 320, user="ada")
    world.use("pal", jan(13), 5_000)
    result = world.settle(jan(14, 3))
    assert result is not None
    told = explain(world, "logo", day(13))
    assert told.project.name == "Logo"
    assert (told.day, told.settled) == (day(13), True)
    assert (told.credits, told.cost, told.remaining) == (10_000 * CREDIT, 8_000 * CREDIT, 2_000 * CREDIT)
    assert (told.share_credits, told.amount, told.waiting) == (1_000 * CREDIT, 10 * DOLLAR, 0)
    assert told.own_credits == 320 * CREDIT
    assert told.terms == STUDIO.terms[0]
    assert told.entry_id == result.entry_id
    assert [(line.share, line.late, line.label, line.posted_at) for line in told.posted] == [
        (10 * DOLLAR, False, "", jan(14, 3))
    ]


def test_explains_an_estimate(world: World) -> None:
    """Before its settlement a day is explained as an estimate, under that day's terms, without an entry."""
    terms = (*STUDIO.terms, Terms(day(14), share_bp=7_500, credits_per_usd=200))
    world.config = DeskConfig(programs={"studio": replace(STUDIO, terms=terms)})
    world.use("logo", jan(14), 100, 20)
    told = explain(world, "logo", day(14))
    assert (told.settled, told.amount, told.share_credits, told.waiting) == (False, 300_000, 60 * CREDIT, 0)
    assert (told.terms, told.posted, told.entry_id) == (terms[1], (), None)


def test_explains_corrections(world: World) -> None:
    """Late usage and voids are lines of their own; what still waits is told beside the settled numbers."""
    world.use("logo", jan(13), 1_000)
    world.settle(jan(14, 3))
    late = world.use("logo", jan(13), 100)
    waiting = explain(world, "logo", day(13))
    assert (waiting.settled, waiting.credits, waiting.amount, waiting.waiting) == (
        True,
        1_000 * CREDIT,
        5 * DOLLAR,
        500_000,
    )
    world.settle(jan(14, 4))
    world.void(late)
    world.use("logo", jan(13), 50, user="ada")
    world.settle(jan(14, 5))
    told = explain(world, "logo", day(13))
    assert (told.amount, told.credits, told.own_credits, told.waiting) == (5 * DOLLAR, 1_000 * CREDIT, 50 * CREDIT, 0)
    assert [(line.share, line.label) for line in told.posted] == [
        (5 * DOLLAR, ""),
        (500_000, "late usage for 13 Jan"),
        (-500_000, "correction for 13 Jan"),
    ]
    assert told.entry_id == max(line.entry_id for line in told.posted)


def test_explains_days_without_usage(world: World) -> None:
    """A settled day without usage earned nothing; late usage for it waits; costs above credits leave nothing."""
    world.use("pal", jan(13), 100, 300)
    world.settle(jan(14, 3))
    nothing = explain(world, "logo", day(13))
    assert (nothing.settled, nothing.credits, nothing.amount, nothing.posted) == (True, 0, 0, ())
    world.use("logo", jan(13), 100)
    late = explain(world, "logo", day(13))
    assert (late.settled, late.credits, late.amount, late.waiting) == (True, 0, 0, 500_000)
    above = explain(world, "pal", day(12 + 1))
    assert (above.remaining, above.share_credits, above.amount) == (0, 0, 0)
    assert explain(world, "pal", day(15)).settled is False


def test_the_latest_earning(world: World) -> None:
    """The project-day asked about by default: of the last day that earned, the project that earned most."""
    world.use("logo", jan(11), 900)
    world.use("logo", jan(12), 100)
    world.use("pal", jan(12), 200)
    world.use("song", jan(13), 200)
    world.use("pal", jan(13), 200, 200)
    world.settle(jan(14, 3))
    with world.database.reading() as session:
        assert stats.latest_earning(session, "ada", "studio") == ("pal", day(12))
        assert stats.latest_earning(session, "nobody", "studio") is None
        assert stats.latest_earning(session, "ada", "other") is None


def test_earned_lines(world: World) -> None:
    """Lines come newest first, corrections labelled, filtered by when they were posted."""
    world.use("logo", jan(11), 100)
    world.use("pal", jan(12), 200)
    world.use("logo", jan(12), 100, 100)
    first = world.settle(jan(13, 3))
    event = world.use("logo", jan(13), 300)
    world.use("logo", jan(11), 400)
    world.use("song", jan(13), 300)
    second = world.settle(jan(14, 3))
    world.void(event)
    third = world.settle(jan(15, 3))
    assert first is not None
    assert second is not None
    assert third is not None
    with world.database.reading() as session:
        lines = stats.earned_lines(session, "ada")
        assert lines[0] == EarnedLine(
            "studio", "logo", "Logo", day(13), -1_500_000, third.entry_id or 0, jan(15, 3), True
        )
        assert [(line.project_name, line.day, line.amount, line.label) for line in lines] == [
            ("Logo", day(13), -1_500_000, "correction for 13 Jan"),
            ("Logo", day(13), 1_500_000, ""),
            ("Logo", day(11), 2 * DOLLAR, "late usage for 11 Jan"),
            ("Pal", day(12), DOLLAR, ""),
            ("Logo", day(11), 500_000, ""),
        ]
        assert stats.earned_lines(session, "ada", limit=2) == lines[:2]
        assert stats.earned_lines(session, "ada", "studio", day(14)) == lines[:3]
        assert stats.earned_lines(session, "ada", "studio", None, day(14)) == lines[1:]
        assert stats.earned_lines(session, "ada", "studio", day(14), day(14)) == lines[1:3]
        assert stats.earned_lines(session, "ada", "other") == []
        assert stats.earned_lines(session, "ada", entry_id=first.entry_id) == lines[3:]
        assert [line.project_id for line in stats.earned_lines(session, "bob")] == ["song"]


def test_the_platforms_day(world: World) -> None:
    """Who earned what on a settled day, the change on the day before, thirty days, and the names that may be shown."""
    world.use("logo", jan(12), 100)
    world.use("song", jan(12), 300)
    world.use("logo", jan(13), 600)
    world.use("pal", jan(13), 200)
    world.use("song", jan(13), 400)
    world.settle(jan(14, 3))
    public = select(table_of(Creator).c.creator_id).where(table_of(Creator).c.creator_id == "ada")
    with world.database.reading() as session:
        told = stats.platform_day(session, "studio", day(13), day(13), public)
        assert (told.projects, told.creators, told.amount, told.before, told.change) == (
            3,
            2,
            6 * DOLLAR,
            2 * DOLLAR,
            200,
        )
        assert told.days == Days(day(13), day(13))
        assert len(told.series) == 30
        assert told.series[0] == (dt.date(2025, 12, 15), 0)
        assert told.series[-2:] == ((day(12), 2 * DOLLAR), (day(13), 6 * DOLLAR))
        assert told.top == (TopProject("logo", "Logo", "ada", 3 * DOLLAR), TopProject("pal", "Pal", "ada", DOLLAR))
        assert stats.platform_day(session, "studio", day(13), day(13)).top == ()
        both = stats.platform_day(session, "studio", day(12), day(13), ["ada", "bob"], top=2)
        assert (both.projects, both.creators, both.amount, both.before, both.change) == (3, 2, 8 * DOLLAR, 0, None)
        assert [project.amount for project in both.top] == [3_500_000, 3_500_000]
        assert [project.project_id for project in both.top] == ["logo", "song"]
        empty = stats.platform_day(session, "other", day(13), day(13), ["ada"])
        assert empty == PlatformDay(
            program="other",
            days=Days(day(13), day(13)),
            projects=0,
            creators=0,
            amount=0,
            before=0,
            change=None,
            series=tuple((line, 0) for line, _amount in told.series),
            top=(),
        )


def test_what_was_taken_back_did_not_earn(world: World) -> None:
    """A project whose day was voided whole is no earner of that day, nor among the top."""
    event = world.use("logo", jan(13), 100)
    world.use("song", jan(13), 100)
    world.settle(jan(14, 3))
    world.void(event)
    world.settle(jan(14, 4))
    with world.database.reading() as session:
        told = stats.platform_day(session, "studio", day(13), day(13), ["ada", "bob"])
    assert (told.projects, told.creators, told.amount) == (1, 1, 500_000)
    assert [project.project_id for project in told.top] == ["song"]
