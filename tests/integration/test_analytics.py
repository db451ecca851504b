"""Each figure of the analytics equals what an onlooker computes from the raw rows, on both databases."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from core.clock import DAY, start_of
from core.earnings.analytics.dropoffs import LENGTHS, drop_offs
from core.earnings.analytics.figures import AssistantFigures, Compared, compared, figures
from core.earnings.analytics.growth import growth
from core.earnings.analytics.hours import peak_hours
from core.earnings.analytics.privacy import LEAST, Span
from core.earnings.analytics.questions import popular_questions
from core.earnings.analytics.ratings import ratings
from core.earnings.analytics.sources import source_split
from core.earnings.analytics.users import SharedUser, revenue_per_user
from core.earnings.analytics.wording import words_of
from core.earnings.periods import PERIODS, Days, UnknownPeriod
from core.earnings.revenue import project_revenue
from core.storage import Database
from tests.analytics_world import FIRST, Crowd, Said, hour_of, users
from tests.revenue_world import World, at

SIZES = {"bot": 25.0, "coach": 4.0, "tutor": 0.2}
NOWS = (FIRST + dt.timedelta(days=30, hours=15, minutes=20), FIRST + dt.timedelta(days=34, hours=4))


@pytest.fixture
def crowd(database: Database) -> Crowd:
    """Five weeks of use of a busy, a small and a nearly unused assistant; settled."""
    world = World(database, now=FIRST + dt.timedelta(days=41))
    made = Crowd(world, 7, SIZES)
    made.come()
    return made


def test_every_figure_equals_a_computation_over_the_raw_rows(crowd: Crowd) -> None:
    """One after the other, as making the crowd takes longest."""
    check_figures_equal_a_computation_over_the_raw_rows(crowd)
    check_changes_are_told_between_whole_periods_only(crowd)
    check_tables_equal_a_computation_over_the_raw_rows(crowd)
    check_questions_and_reviews(crowd)
    check_growth_sources_and_worth(crowd)


def check_figures_equal_a_computation_over_the_raw_rows(crowd: Crowd) -> None:
    """Every figure of every period, over the span that it names; that span is all of it where many come."""
    shown = 0
    for now in NOWS:
        crowd.world.settle(now)
        for project in SIZES:
            for period in PERIODS:
                with crowd.world.reading() as session:
                    found = figures(session, crowd.world.config, crowd.project(project), period, now)
                assert found.span is None or found.span.end <= hour_of(now)
                assert_figures(crowd, project, found)
                assert found.whole or project != "bot" or period == "today"
                shown += found.users is not None
    assert shown > len(NOWS) * len(PERIODS)


def assert_figures(crowd: Crowd, project: str, found: AssistantFigures) -> None:
    said = crowd.of(project, found.span)
    days = {user: {one.when.date() for one in said if one.user == user} for user in {one.user for one in said}}
    if found.span is not None:
        conversations = len({one.conversation for one in said})
        assert (found.messages, found.users, found.conversations) == (len(said), len(days), conversations)
        assert (found.users or 0) >= LEAST
        returned = sum(len(each) > 1 for each in days.values())
        assert abs((found.average_length or 0) - 10 * len(said) / conversations) <= 0.5
        assert abs((found.return_rate or 0) - 100 * returned / len(days)) <= 0.5
    else:
        assert found == AssistantFigures(
            found.period, found.days, rated=found.rated, rating=found.rating, rated_by=found.rated_by
        )
    if found.rated is not None:
        span = found.rated
        given = [one for one in crowd.rated if one.project == project and span.begin <= one.when < span.end]
        assert found.rated_by == users(given) >= LEAST
        assert abs((found.rating or 0) - 100 * sum(one.stars for one in given) / len(given)) <= 0.5


def check_changes_are_told_between_whole_periods_only(crowd: Crowd) -> None:
    """Percent of growth where both periods are shown whole, else nothing."""
    now = NOWS[1]
    crowd.world.settle(now)
    with crowd.world.reading() as session:
        busy = compared(session, crowd.world.config, crowd.project("bot"), "week", now)
        unused = compared(session, crowd.world.config, crowd.project("tutor"), "week", now)
        ever = compared(session, crowd.world.config, crowd.project("bot"), "all", now)
    assert busy.before is not None
    new, old = busy.now.messages or 0, busy.before.messages or 0
    expected = 100 * (new - old) / old
    assert abs((busy.change("messages") or 0) - expected) <= 0.5
    assert unused.change("messages") is None
    assert (ever.before, ever.change("users")) == (None, None)
    assert Compared(busy.now, unused.now).change("messages") is None


def check_tables_equal_a_computation_over_the_raw_rows(crowd: Crowd) -> None:
    """Hours in three zones, drop-offs, channels: each shown cell, and no hidden one that five people fill alone."""
    now = NOWS[1]
    crowd.world.settle(now)
    for project in SIZES:
        row = crowd.project(project)
        with crowd.world.reading() as session:
            hours = [
                peak_hours(session, crowd.world.config, row, zone, now)
                for zone in ("UTC", "America/New_York", "Asia/Kolkata", "Not/AZone")
            ]
            ends = drop_offs(session, crowd.world.config, row, now)
            split = source_split(session, crowd.world.config, row, "month", now)
        said = crowd.of(project, hours[0].span)
        assert hours[3] == hours[0]
        for found in hours:
            zone = ZoneInfo(found.zone)
            by_hour = Counter(hour_of(one.when).astimezone(zone).hour for one in said)
            assert found.minute == (30 if found.span and "Kolkata" in found.zone else 0)
            assert all(count in (None, by_hour[hour]) for hour, count in enumerate(found.cells))
            assert found.messages == (len(said) or None)
            told = [hour for hour, count in enumerate(found.cells) if count is not None]
            assert sorted(found.busiest) == sorted(sorted(told, key=lambda hour: (-by_hour[hour], hour))[:3])
        lengths = Counter(one.conversation for one in said)
        for cell, (first, last) in zip(ends.cells, LENGTHS, strict=True):
            assert cell in (None, sum(first <= length <= (last or length) for length in lengths.values()))
        if project == "bot":
            assert abs((ends.shares[0] or 0) - 100 * (ends.cells[0] or 0) / len(lengths)) <= 0.5
            assert split.embed.messages == sum(one.embed for one in said)
            assert split.marketplace.users == len({one.user for one in said if not one.embed})
            assert sum(count is not None for count in hours[0].cells) > 5
        if project == "tutor":
            assert hours[0].span is None


def check_growth_sources_and_worth(crowd: Crowd) -> None:
    """Money as /stats has it; people by day and month where their ends are cuts; revenue a user of whole days."""
    now, config = NOWS[1], crowd.world.config
    crowd.world.collect(crowd.world.payment("u1"), crowd.world.payment("u2", month="2026-02"))
    crowd.world.settle(now)
    row = crowd.project("bot")
    for period in PERIODS:
        with crowd.world.reading() as session:
            money = project_revenue(session, config, row, period, now)
            grown = growth(session, config, row, period, now)
            split = source_split(session, config, row, period, now)
            worth = revenue_per_user(session, config, row, period, now)
        assert grown.gross == money.total.total.gross == sum(cell.gross for cell in grown.cells)
        assert sum(cell.tokens for cell in grown.cells) == split.embed.tokens + split.marketplace.tokens
        assert (split.embed.gross, split.marketplace.gross) == (money.total.embed.gross, money.total.marketplace.gross)
        assert (period == "all") or grown.change == money.change
        for cell in grown.cells:
            assert_cell(crowd.said, cell.first, period == "all", cell.messages, cell.users)
        assert any(cell.users is not None for cell in grown.cells) == (period != "today")
        if worth.span is not None:
            days = Days(worth.span.begin.date(), worth.span.end.date() - DAY)
            gross = sum(one.figures.total.gross for one in money.days if one.day in days)
            assert (worth.gross, worth.users) == (gross, users(crowd.of("bot", worth.span)))
            assert worth.per_user == gross // (worth.users or 1)
        assert (worth.span is None) == (period == "today")
    with crowd.world.reading() as session, pytest.raises(UnknownPeriod):
        growth(session, config, row, "year", now)


def assert_cell(said: list[Said], first: dt.date, monthly: bool, messages: int | None, people: int | None) -> None:
    last = (first + 31 * DAY).replace(day=1) if monthly else first + DAY
    found = [one for one in said if one.project == "bot" and start_of(first) <= one.when < start_of(last)]
    assert (messages, people) in ((None, None), (len(found), users(found)))


def check_questions_and_reviews(crowd: Crowd) -> None:
    """Near-duplicates are counted together, by five people or more, and no word of fewer is shown; so are reviews."""
    now, config = NOWS[1], crowd.world.config
    crowd.world.settle(now)
    with crowd.world.reading() as session:
        found = popular_questions(session, config, crowd.project("bot"), now)
        again = popular_questions(session, config, crowd.project("bot"), now)
        judged = ratings(session, config, crowd.project("bot"), now)
        nobody = ratings(session, config, crowd.project("tutor"), now)
    assert found == again
    said = [one for one in crowd.of("bot", found.span) if one.question]
    texts = [question.text for question in found.questions]
    assert any("translate this letter" in text for text in texts)
    assert len(texts) == 5  # those who also gave their number are a group
    asked = [one for one in said if "password" in one.question.lower() or "pasword" in one.question]
    about = next(one for one in found.questions if "sword" in one.text.lower())
    assert (about.asked, about.users) == (len(asked), users(asked))
    for question in found.questions:
        for word in words_of(question.text):
            assert users([one for one in said if word in words_of(one.question)]) >= LEAST
    assert_ratings(crowd, judged.span, judged.stars)
    assert judged.reviewed is not None
    written = [one for one in crowd.rated if one.project == "bot" and one.review and inside(one.when, judged.reviewed)]
    assert judged.reviews == tuple(sorted(one.review for one in written))
    assert users(written) >= LEAST
    assert (nobody.average, nobody.stars, nobody.reviews) == (None, (None,) * 5, ())


def test_near_duplicates_are_shown_though_each_is_asked_by_few(sqlite_database: Database) -> None:
    """Six people ask one thing in four ways; a word that fewer than five of them used is left out all the same."""
    texts = (
        "cancel my subscription",
        "how to cancel subscription now",
        "cancel my subscripton",
        "cancel subscription, Bob Miller",
        "cancel my subscription",
        "Can I cancel the subscription plan?",
        "cancel subscription now",
    )
    world = World(sqlite_database, now=at(1, 9))
    asked = [world.message("bot", at(1, 8), 5, f"u{number}") | {"question": text} for number, text in enumerate(texts)]
    world.take(*asked[:4])
    row = Crowd(world, 0, {}).project("bot")
    with world.reading() as session:
        assert popular_questions(session, world.config, row, at(1, 9)).span is None  # four
    world.take(*asked[4:])
    with world.reading() as session:
        found = popular_questions(session, world.config, row, at(1, 9))
    assert [(one.users, one.asked, one.text) for one in found.questions] == [(6, 6, "Cancel … subscription")]


def assert_ratings(crowd: Crowd, span: Span | None, stars: tuple[int | None, ...]) -> None:
    assert span is not None
    assert any(stars)
    given = Counter(one.stars for one in crowd.rated if one.project == "bot" and inside(one.when, span))
    assert all(count in (None, given[number]) for number, count in enumerate(stars, 1))


def inside(moment: dt.datetime, span: Span) -> bool:
    return span.begin <= moment < span.end


def test_only_those_are_named_whose_business_shared(database: Database) -> None:
    """Embed users with a context, by id and context alone, also where there are too few for any figure."""
    world = World(database)
    shared = {"shared_context": "Acme, support desk"}
    world.take(
        world.message("bot", at(1, 8), 5, "acme-1", "embed") | shared,
        world.message("bot", at(1, 9), 5, "acme-1", "embed") | shared,
        world.message("bot", at(1, 9), 5, "beta-1", "embed") | {"shared_context": "Beta"},
        world.message("bot", at(1, 8), 5, "quiet", "embed"),
        world.message("bot", at(1, 8), 5, "uma"),
    )
    crowd = Crowd(world, 0, {})
    with world.reading() as session:
        found = revenue_per_user(session, world.config, crowd.project("bot"), "all", at(1, 10))
        first = revenue_per_user(session, world.config, crowd.project("bot"), "all", at(1, 10), limit=1)
        week = revenue_per_user(session, world.config, crowd.project("bot"), "week", at(1, 10))
    assert found.shared == (SharedUser("acme-1", "Acme, support desk"), SharedUser("beta-1", "Beta"))
    assert (found.users, found.per_user, found.span, found.more) == (None, None, None, False)
    assert (first.shared, first.more) == (found.shared[:1], True)
    assert (week.days, week.gross, week.shared) == (None, 0, ())


def test_two_clocks_of_which_one_changes_tell_of_no_day(database: Database) -> None:
    """Where a block has a day of summer time, every zone's table still is the same cells in another order: one less the
    other would be what a single user did on that day."""
    world = World(database, now=at(3, 9, 2))
    for hour in (6, 7, 8):
        world.take(*(world.message("bot", at(3, day, hour), 5, f"u{user}") for day in range(2, 8) for user in range(6)))
    world.take(*(world.message("bot", at(3, 8, hour), 5, f"u{user}") for hour in (6, 8) for user in range(6)))
    world.take(world.message("bot", at(3, 8, 7), 5, "alone"))
    row = Crowd(world, 0, {}).project("bot")
    with world.reading() as session:
        utc = peak_hours(session, world.config, row, "UTC", at(3, 9))
        changes = peak_hours(session, world.config, row, "America/New_York", at(3, 9))
        half = peak_hours(session, world.config, row, "Australia/Adelaide", at(3, 9))
    assert utc.span == Span(at(3, 3, 0), at(3, 9, 0))
    assert utc.cells[6:9] == (36, 31, 36)
    assert changes.cells == utc.cells[5:] + utc.cells[:5]  # 5 hours behind on six of the seven days
    assert (half.cells, half.minute) == (utc.cells[-10:] + utc.cells[:-10], 30)
