"""Assistants from the chat: the second seed's numbers, months that close, and what is told of few people: nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.storage import Database
from tests.assistants_desk import ALONE, BOTH, World, feb, message, rating, seeds_numbers
from tests.desk_world import button_of, jan, labels, options_of, said
from tests.snapshots import test_discord_messages, test_slack_messages

VIEWS = ("peak-hours", "questions", "drop-offs", "growth", "sources", "ratings", "per-user")


@pytest.fixture
def desk(database: Database) -> Iterator[World]:
    """The seed's numbers in January, on either kind of database; it is 14 Jan, 10:00 UTC."""
    world = World(database, ALONE, now=jan(1))
    yield seeds_numbers(world)
    world.close()


@pytest.fixture
def small(sqlite_database: Database) -> Iterator[World]:
    """The same on SQLite, in a desk of both kinds of program."""
    world = World(sqlite_database, BOTH, now=jan(1))
    yield seeds_numbers(world)
    world.close()


def test_the_seeds_numbers_from_estimate_to_payout(desk: World) -> None:
    """$19.00 and 40% of the tokens are $7.60, a million tokens at $3.75 are $3.75, 20% of $19.00 are $3.80; January
    closes, is paid out on its day, and the whole balance goes to the approvers."""
    stats = said(desk.ask("ada", "/stats tax month"))
    assert "Total Revenue about $11.35 " in stats
    assert "your part about $7.95 ($2.625 settled, the rest an estimate)" in stats
    assert "Marketplace about $7.60 · Embed/API $3.75 · Tokens 1,004,000" in stats
    assert "Conversations             fewer than 5 users" in stats
    explained = said(desk.ask("ada", "/explain tax 13 Jan"))
    assert "× your price                      $3.75 a million tokens" in explained
    assert "Your own use (777 tokens) isn't counted." in explained
    assert "about $3.80" in said(desk.ask("ada", "/referrals"))
    balance = said(desk.ask("ada", "/balance"))
    assert "Available $0.00 · Pending $2.625 settled to 13 Jan (UTC)" in balance
    assert "Next payout 2 Feb 03:00 UTC (04:00 in Berlin), for Jan 2026: about $11.75 (estimate)" in balance
    assert "Bank transfer, 5–7 business days" in balance
    desk.settle(feb(1, 3))
    assert "Available $0.00 · Pending $11.745" in said(desk.ask("ada", "/balance"))
    assert "Commission settled $3.80." in said(desk.ask("ada", "/referrals"))
    assert "L-2" in said(desk.ask("ada", "/explain tax 13 Jan"))
    desk.settle(feb(2, 3))
    desk.process()
    balance = said(desk.ask("ada", "/balance"))
    assert "Available $0.005 · Pending $0.00" in balance
    assert "Total Earnings $11.35 before the platform's part; yours $7.945 · Referrals $3.80" in balance
    assert "short of the minimum of $10.00; it stays yours" in balance
    rows = said(desk.ask("ada", "/transactions"))
    for line in ("Tax Buddy, Marketplace, Jan 2026", "Referral commission, Jan 2026", "Tax Buddy, Embed/API, 13 Jan"):
        assert line in rows
    assert "What assistants earned waits in Pending" in rows
    assert "$11.74" in said(desk.ask("ada", "/payouts"))
    assert desk.sound()


def test_nothing_about_four_people_anywhere(small: World) -> None:
    """Four users: no command, period, view or file tells how many they are, what they asked, said or gave as stars."""
    small.now = jan(13, 23)
    for number in range(4):
        at = jan(12, 8 + number)
        small.take(
            message("tax", at, 500, f"secret{number}", question="Where is the treasure?"),
            rating("tax", at, 1, f"secret{number}", "A most unusual word: floccinaucinihilipilification"),
        )
    small.settle(jan(14, 3))
    small.now = jan(14, 10)
    lines = [f"/stats tax {period}" for period in ("today", "week", "month", "all")]
    lines += [f"/analytics tax {view} {period}" for view in VIEWS for period in ("week", "month", "all")]
    lines += [
        "/stats",
        "/review weekly",
        "/review monthly",
        "/help who",
        "/help increase",
        "/referrals",
        "/explain tax",
    ]
    for line in lines:
        reply = small.ask("ada", line)
        assert reply.ok, (line, said(reply))
        texts = [said(reply)]
        buttons = [button for button in reply.card.buttons if button.action == "csv"]
        texts += [file.data.decode() for one in buttons for file in small.press("ada", "csv", one.value).files]
        for text in texts:
            for word in ("secret", "treasure", "floccinauci", "1.00 of 5"):
                assert word not in text, (line, text)
    assert "fewer than 5 users" in said(small.ask("ada", "/analytics tax ratings"))
    csv = small.press("ada", "csv", "/analytics tax peak-hours").files[0].data.decode()
    assert csv.count("fewer than 5 users") == 24


def test_both_kinds_apart(small: World) -> None:
    """Who earns in both programs sees both, each by its own rules; a filter shows one; menus and files follow."""
    small.earn("logo", jan(13, 11), 100)
    small.settle(jan(14, 3))
    small.now = jan(14, 10)
    both = said(small.ask("ada", "/stats"))
    assert "Creator Studio · 7–13 Jan, settled\nTotal Views 0 · Credits Spent 20,000 · Total Incentive $100.00" in both
    assert "Assisters · 7–13 Jan, partly an estimate\nTotal Revenue about $11.35" in both
    assert "Tax Buddy" not in said(small.ask("ada", "/stats program=studio")).split("[chart")[0]
    assert "Logo Lab" not in said(small.ask("ada", "/stats program=assisters")).split("Period:")[0]
    files = small.press("ada", "csv", "/stats").files
    assert [file.name for file in files] == ["stats-week-projects.csv", "stats-week-assistants.csv"]
    assert b"tax,Tax Buddy,assisters,1004000,1000000,11.350000,7.600000,3.750000,2.625000,5.320000\n" in files[1].data
    balance = said(small.ask("ada", "/balance"))
    assert "Creator Studio\nAccount Balance $100.00 settled to 13 Jan (UTC)" in balance
    assert "Assisters\nAvailable $0.00 · Pending $2.625" in balance
    paid = said(small.ask("ada", "/help paid"))
    assert "Incentives settle daily" in paid
    assert "Earnings add up over the month" in paid
    assert "You earn no credits" not in said(small.ask("ada", "/help incentive"))
    assert small.ask("ada", "/explain 13 Jan").card.title.startswith("Logo Lab · 13 Jan")
    assert small.ask("bo", "/explain yoga 12 Jan").card.title.startswith("Yoga Coach · 12 Jan")


def test_ways_around_in_analytics(small: World) -> None:
    """Completion offers assistants alone; menus switch view, period and assistant; what is none is refused."""
    offered = [one.label for one in small.desk.suggest_as(small.who("ada"), "/analytics ")]
    assert offered == ["Tax Buddy", "Trip Planner"]
    growth = small.ask("ada", "/analytics tax growth")
    assert "Period" in said(growth)
    hours = small.press("ada", "page", options_of(growth.card, "View")["Peak Hours"])
    assert "Peak Hours" in hours.card.title
    assert "Period:" not in said(hours)
    trip = small.press("ada", "page", options_of(hours.card, "Assistant")["Trip Planner"])
    assert trip.card.title.startswith("Trip Planner")
    week = small.press("ada", "period", options_of(growth.card, "Period")["Last 7 settled days"])
    assert "7–13 Jan" in week.card.title
    assert "Only assistants have analytics" in said(small.ask("ada", '/analytics "Logo Lab"'))
    assert "No project called 'Yoga Coach'" in said(small.ask("ada", '/analytics "Yoga Coach"'))
    assert "Analytics" in labels(small.ask("ada", "/stats tax").card)
    small.creator("cy", "Cy")
    small.project("solo", "Solo", "cy")
    assert "you have no assistants on this desk" in said(small.ask("cy", "/analytics solo"))
    assert "you have no assistants on this desk" in said(small.ask("cy", "/review"))
    assert "no program of yours pays for referrals" in said(small.ask("cy", "/referrals"))
    assert "/analytics" not in said(small.ask("cy", "/help"))


def test_hostile_words_of_users_and_creators(small: World) -> None:
    """Names, questions, reviews and contexts are only words, on every platform, however long."""
    nasty = "<!channel> **@everyone** [x](https://evil.example) {{ 7*191 }} </cell>\u202e" + " long" * 20
    small.assistant("evil", nasty, "ada")
    small.now = jan(13, 23)
    for number in range(9):
        at = jan(7, 8 + number)
        small.take(
            message("evil", at, 900, f"{nasty[:40]}{number}", embed=True, shared_context=nasty, question=nasty),
            rating("evil", at, 3, f"v{number}", nasty + " and more of it" * 40),
        )
    small.settle(jan(14, 3))
    small.now = jan(14, 10)
    for line in ["/stats evil", "/stats", "/review weekly", "/review monthly", "/explain evil 7 Jan"] + [
        f"/analytics evil {view}" for view in VIEWS
    ]:
        reply = small.ask("ada", line)
        assert reply.ok, (line, said(reply))
        assert "1337" not in said(reply)
        test_slack_messages.drawn(reply.card)
        test_discord_messages.drawn(reply.card)


def test_a_creator_hears_the_month_before_and_after_the_payout(small: World) -> None:
    """Between the close and the payout the next payout is for the month that closed; an open one is named later."""
    small.settle(feb(1, 3))
    small.now = feb(1, 9)
    text = said(small.ask("ada", "/balance"))
    assert "Of Pending: $11.745 of closed months, $0.00 of this month." in text
    assert "for Jan 2026: $11.745 becomes available." in text
    small.now = feb(3)
    assert "A payout of closed months was due" in said(small.ask("ada", "/balance"))
    small.settle()
    small.process()
    review = said(small.ask("ada", "/review monthly"))
    assert "Jan 2026 $11.35, Dec 2025 $0.00." in review
    assert "pending." in review
    assert button_of(small.ask("ada", "/review monthly").card, "Weekly review").value == "/review cadence=weekly"
