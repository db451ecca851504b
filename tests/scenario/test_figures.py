"""Figures in unusual times: before 03:00, over months and years, below zero, with nothing at all."""

from __future__ import annotations

import datetime as dt

from core.chat.commands.bars import Bar, spoken_chart
from tests.desk_world import World, jan, labels, options_of, said


def test_before_settlement_yesterday_is_an_estimate_too(small: World) -> None:
    """Between midnight and 03:00 the day that is over has its own line, with its own time to settle."""
    small.funded(100)
    small.now = jan(13, 23)
    small.usage("logo", jan(13, 12), "400")
    small.now = jan(14, 1)
    small.usage("logo", jan(14, 0, 30), "200")
    text = said(small.ask("ada", "/balance"))
    assert "settled to 12 Jan (UTC)" in text
    assert "13 Jan: about $2.00 (estimate). Settles 14 Jan 03:00 UTC (04:00 in Berlin)." in text
    assert "Today so far: about $1.00 (estimate). Settles 15 Jan 03:00 UTC (04:00 in Berlin)." in text
    assert "settles 14 Jan 03:00 UTC" in said(small.ask("ada", "/explain logo yesterday"))
    assert "settles 15 Jan 03:00 UTC" in said(small.ask("ada", "/explain logo today"))
    small.now = jan(17, 10)
    text = said(small.ask("ada", "/balance"))
    due = "Was due 14 Jan 03:00 UTC (04:00 in Berlin); settles with the next run."
    assert f"13–16 Jan: about $3.00 (estimate). {due}" in text


def test_a_day_that_is_overdue_says_when_it_was_due(small: World) -> None:
    """When the moment to settle has passed, the day names that moment and the next run, before the first run too."""
    small.now = jan(14, 12)
    small.usage("logo", jan(14, 11), "400")
    small.now = jan(15, 3, 30)
    due = "14 Jan: about $2.00 (estimate). Was due 15 Jan 03:00 UTC (04:00 in Berlin); settles with the next run."
    assert due in said(small.ask("ada", "/balance"))
    small.settle(jan(15, 3, 30))
    assert "Was due" not in said(small.ask("ada", "/balance"))


def test_late_reports_are_said_in_the_balance(small: World) -> None:
    """Usage for a settled day shows as an estimate until the next settlement, in /balance and /stats."""
    small.funded(100)
    small.usage("logo", jan(12, 20), "200")
    text = said(small.ask("ada", "/balance"))
    assert "Reported late, for days before today: about $1.00 (estimate). Settles 14 Jan 03:00 UTC" in text
    stats = said(small.ask("ada", "/stats"))
    assert "settled, and an estimate for late reports" in stats
    assert "about $101.00 ($100.00 settled, the rest an estimate; " in stats


def test_a_balance_below_zero_says_what_repays_it(small: World) -> None:
    """A correction below zero is said by /balance and /withdraw, and flagged to approvers."""
    small.funded(100)
    small.withdrawal("ada", "95")
    small.ask("Ann", "/desk adjust ada -17 A voucher was booked twice")
    small.press("Amos", "adjust.approve", "1")
    refusal = "−$12.00; future earnings repay this first. Nothing moved."
    assert refusal in said(small.ask("ada", "/balance"))
    assert refusal in said(small.ask("ada", "/withdraw"))
    queue = said(small.ask("Mira", "/desk approvals"))
    assert "Check: balance −$12.00" in queue
    assert "WD-1 (balance −$12.00)" in said(small.ask("Mira", "/desk batch"))
    assert "−$17.00" in said(small.ask("ada", "/transactions"))
    assert "−$12.00" in said(small.ask("ada", "/help maximum"))
    assert small.sound()


def test_an_adjustment_can_be_taken_back_or_declined(small: World) -> None:
    """Neither moves money; each is told to whoever comes later."""
    small.funded(100)
    proposed = small.ask("Ann", "/desk adjust ada 5 For the trouble")
    assert "Declined" in said(small.press_in(proposed, "Ann", "Take it back"))
    assert "Already decided by Ann" in said(small.press("Amos", "adjust.approve", "1"))
    assert "$100.00" in said(small.ask("ada", "/balance"))
    assert "None." in said(small.ask("Ann", "/desk adjustments"))
    assert "An adjustment of $0.00 adjusts nothing" in said(small.ask("Ann", "/desk adjust ada 0 x"))
    for _ in range(5):
        small.ask("Ann", "/desk adjust ada 5 For the trouble")
    first = small.ask("Amos", "/desk adjustments")
    second = small.press_in(first, "Amos", "Newer")
    assert labels(second.card) == ["Approve 6", "Decline 6", "Older"]
    assert small.press_in(second, "Amos", "Older").card == first.card


def test_withdrawals_on_the_way_are_named_when_frozen(small: World) -> None:
    """A hold says how many are kept back and how many can't be stopped any more."""
    small.funded(400)
    for amount in ("60", "70", "80"):
        small.withdrawal("ada", amount)
    small.ask("Mira", "/desk approve 1")
    small.pay()
    text = said(small.ask("Ann", "/desk freeze ada An identity check"))
    assert "2 open withdrawals ($150.00) are not sent meanwhile. 1 withdrawal was on the way already" in text
    assert "on hold: An identity check" in said(small.ask("Ann", "/desk payments"))
    assert "is on hold already" in said(small.press("Amos", "creator.freeze", "ada", reason="Again"))


def test_long_spans_are_charted_by_month_and_year(small: World) -> None:
    """More days than a picture shows become months, more months than that years; the totals stay the same."""
    for month in (9, 10, 11, 12):
        small.now = dt.datetime(2025, month, 10, 12, tzinfo=dt.UTC)
        small.earn("logo", small.now - dt.timedelta(hours=1), 10)
    small.settle(jan(14, 3))
    reply = small.ask("ada", "/stats logo all")
    (chart,) = reply.card.charts
    assert [(point.label, point.value) for point in chart.points] == [
        *((f"{name} 2025", "10.000000") for name in ("Sep", "Oct", "Nov", "Dec")),
        ("Jan 2026", "0.000000"),
    ]
    assert "Total $40.00." in chart.alt
    small.now = dt.datetime(2032, 1, 1, 12, tzinfo=dt.UTC)
    small.earn("logo", small.now - dt.timedelta(hours=1), 10)
    (chart,) = small.ask("ada", "/stats logo all").card.charts
    assert [point.label for point in chart.points] == [str(year) for year in range(2025, 2033)]
    assert "$50.00" in said(small.ask("ada", "/stats logo all"))
    assert "14 Jan" not in said(small.ask("ada", "/explain logo 10 Sep 2025")).split("\n")[0]


def test_charts_read_well_in_words() -> None:
    """The alt text names the highest day and how it ends, says nothing of nothing, and marks an estimate."""

    def words(*dollars: int, estimate: bool = False) -> str:
        last = len(dollars)
        bars = [
            Bar(f"{day} Jan", f"Day {day}", amount * 1_000_000, estimate and day == last)
            for day, amount in enumerate(dollars, 1)
        ]
        return spoken_chart(bars)

    assert words() == ""
    assert words(0, 0) == "Daily incentive: nothing from Day 1 to Day 2."
    assert words(1, 8, 5) == "Daily incentive rises to $8.00 on Day 2, then $5.00. Total $14.00."
    assert words(1, 8, 2, 5) == "Daily incentive rises to $8.00 on Day 2, then $5.00 on Day 4. Total $16.00."
    assert words(9, 8) == "Daily incentive is highest at the start, $9.00 on Day 1, then $8.00 on Day 2. Total $17.00."
    assert words(1, 2) == "Daily incentive rises to $2.00 on Day 2, the last and highest. Total $3.00."
    assert words(2, 2, 2) == "Daily incentive stays at $2.00 every day. Total $6.00."
    assert words(5, 1, estimate=True).endswith("The last bar is an estimate.")


def test_comparisons_say_what_they_compare_with(small: World) -> None:
    """A week with the week before, a month with as many days of last month, and nothing where nothing was."""
    small.now = dt.datetime(2025, 12, 10, 12, tzinfo=dt.UTC)
    small.earn("logo", small.now, 100)
    small.now = jan(12, 12)
    small.earn("logo", jan(12, 11), 50)
    small.settle(jan(13, 10))
    assert "(−50% on the first 13 days of last month)" in said(small.ask("ada", "/stats month"))
    assert "(nothing in the week before)" in said(small.ask("ada", "/stats"))
    assert "(the same as in the week before)" in said(small.ask("bo", "/stats"))
    small.settle(jan(20, 10))
    assert "(−100% on the week before)" in said(small.ask("ada", "/stats"))
    assert " on the " not in said(small.ask("ada", "/stats all")).split("[chart")[0]
    assert "10 Dec 2025 – 20 Jan 2026, settled to 19 Jan" in small.ask("ada", "/stats all").card.title


def test_explanations_without_earnings(small: World) -> None:
    """Nothing earned, no projects, a day to come, a day that only another project earned: each has its answer."""
    small.creator("cy", "Cy")
    assert "You have no projects here yet" in said(small.ask("cy", "/explain"))
    assert "no wallet yet" in said(small.ask("cy", "/stats"))
    assert "Nothing earned yet" in said(small.ask("cy", "/balance"))
    assert "no figures of yours" in said(small.ask("cy", "/help paid"))
    assert "no wallet yet" in said(small.ask("cy", "/withdraw"))
    small.funded(100)
    assert small.ask("bo", "/explain").card.title == "Song Smith · 12 Jan · $0.00, settled"
    assert small.ask("ada", "/explain 12 Jan").card.title == "Logo Lab · 12 Jan · $100.00, settled"
    assert small.ask("ada", "/explain 2 Jan").card.title == "Logo Lab · 2 Jan · $0.00, settled"
    assert "4 Feb 2026 is still to come" in said(small.ask("ada", "/explain logo 2026-02-04"))
    old = small.ask("ada", "/explain logo 2025-03-04")
    assert old.card.title == "Logo Lab · 4 Mar 2025 · $0.00, settled"
    assert "4 Mar 2025 (settled)" in options_of(old.card, "Day")


def test_linking_is_for_chat(small: World) -> None:
    """On the command line /link and /unlink say where they belong."""
    assert "The command line is no chat account" in said(small.ask("ada", "/link ABC"))
    assert "The command line is no chat account" in said(small.ask("ada", "/unlink"))


def test_completions_are_the_persons_own(small: World) -> None:
    """Methods, programs, projects and withdrawals complete to what the person has; to nothing for others."""

    def offered(name: str, line: str) -> list[str]:
        return [one.value for one in small.desk.suggest_as(small.who(name), line)]

    assert offered("ada", "/withdraw 50 wal") == ["/withdraw 50 wallet "]
    assert offered("bo", "/withdraw 50 wal") == []
    assert offered("ada", "/methods stu") == ["/methods studio "]
    assert offered("Mira", "/withdraw 50 wal") == []
    assert offered("Mira", "/methods stu") == []
    assert offered("Mira", "/stats lo") == []
    assert offered("ada", "/stats lo") == ['/stats "Logo Lab" ']
    assert offered("Ann", "/desk adjust ada 5 because program=stu") == ["/desk adjust ada 5 because program=studio "]
    small.funded(100)
    small.withdrawal("ada", "60")
    assert offered("Mira", "/desk approve WD") == ["/desk approve WD-1 "]
    assert offered("Mira", "/desk approve 7") == []


async def test_completions_tell_strangers_nothing(small: World) -> None:
    """Someone who is not linked is offered /link and /help, and no names."""
    from core.people import Identity

    stranger = Identity("playground", "U0", "demo")
    assert await small.desk.suggest(stranger, "/stats lo") == []
    assert [one.value for one in await small.desk.suggest(stranger, "/")] == ["/link ", "/help "]
    assert await small.desk.suggest(stranger, "/help pai") == []
