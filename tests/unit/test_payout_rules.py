"""The payout rules that need no database: business days, the two-person limit, words, back-off."""

from __future__ import annotations

import datetime as dt

import pytest

from adapters.rails.manual import Manual
from core import people
from core.config import DeskConfig
from core.payouts import adjustments, attempts, calendar, guard, limits, words
from core.payouts.calendar import UnknownHolidays, after_business_days, arrival
from core.payouts.rail import PaymentOrder, Sent
from core.payouts.refusals import NotAllowed, ReasonNeeded
from core.payouts.tables import END_STATES, OPEN_STATES, Adjustment, Withdrawal
from core.people import Actor

FRIDAY = dt.date(2026, 1, 16)
NOW = dt.datetime(2026, 1, 14, 9, 14, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DOLLAR = 1_000_000


@pytest.mark.parametrize(
    ("start", "days", "country", "expected"),
    [
        (FRIDAY, 0, "US", FRIDAY),
        (FRIDAY, 1, "US", dt.date(2026, 1, 20)),  # Monday 19 January is Martin Luther King Jr. Day
        (FRIDAY, 1, "DE", dt.date(2026, 1, 19)),
        (FRIDAY, 1, "", dt.date(2026, 1, 19)),
        (FRIDAY, 3, "US", dt.date(2026, 1, 22)),
        (dt.date(2026, 1, 17), 0, "US", dt.date(2026, 1, 20)),
        (dt.date(2026, 1, 17), 0, "DE", dt.date(2026, 1, 19)),
        (dt.date(2026, 1, 18), 2, "DE", dt.date(2026, 1, 20)),
        (dt.date(2025, 12, 31), 1, "US", dt.date(2026, 1, 2)),
        (
            dt.date(2027, 12, 30),
            1,
            "US",
            dt.date(2028, 1, 3),
        ),  # New Year 2028, a Saturday, is kept on the Friday before
    ],
)
def test_business_days(start: dt.date, days: int, country: str, expected: dt.date) -> None:
    """Weekends and the country's bank holidays don't count; 0 days from a working day is that day."""
    assert after_business_days(start, days, country) == expected


def test_arrival_is_a_span() -> None:
    """Expected dates are the fewest and the most business days after the day of sending."""
    assert arrival(FRIDAY, (1, 3), "US") == (dt.date(2026, 1, 20), dt.date(2026, 1, 22))


def test_weekdays() -> None:
    """Friday is a business day, Saturday and Sunday are not."""
    days = [calendar.is_business_day(FRIDAY + dt.timedelta(days=days), "") for days in range(4)]
    assert days == [True, False, False, True]


def test_unknown_country() -> None:
    """A country without known bank holidays is refused by name."""
    with pytest.raises(UnknownHolidays) as refusal:
        arrival(FRIDAY, (1, 3), "ZZ")
    assert refusal.value.text == (
        "No bank holidays are known for 'ZZ'. Use a two-letter country code such as US, or leave it empty."
    )


@pytest.mark.parametrize(
    ("this", "others", "now", "expected"),
    [
        ((NOW, 100), [], NOW, 100),
        ((NOW, 100), [(NOW - 24 * HOUR, 400)], NOW, 100),  # exactly 24 hours ago is no longer in it
        ((NOW, 100), [(NOW - 24 * HOUR + dt.timedelta(microseconds=1), 400)], NOW, 500),
        ((NOW, 100), [(NOW + 23 * HOUR, 400)], NOW, 500),  # a later request brings an earlier one over
        ((NOW, 100), [(NOW + 24 * HOUR, 400)], NOW, 100),
        ((NOW, 100), [(NOW - 20 * HOUR, 200), (NOW + 20 * HOUR, 300)], NOW, 400),  # never 40 hours together
        ((NOW, 100), [(NOW - 20 * HOUR, 200), (NOW + 3 * HOUR, 300)], NOW, 600),
        ((NOW, 100), [(NOW + 40 * HOUR, 400)], NOW + 41 * HOUR, 500),  # the last 24 hours, this one included
        ((NOW, 100), [(NOW + 40 * HOUR, 400)], NOW + 64 * HOUR, 100),
        ((NOW, 100), [(NOW, 400)], NOW, 500),
    ],
)
def test_most_in_a_day(this: limits.Request, others: list[limits.Request], now: dt.datetime, expected: int) -> None:
    """Requests count together when some 24 hours hold them."""
    assert limits.most_in_a_day(this, others, now) == expected


@pytest.mark.parametrize(("amount", "needed"), [(499_990_000, 1), (500_000_000, 2), (500_010_000, 2)])
def test_two_person_limit(amount: int, needed: int) -> None:
    """From $500.00 on it takes two; one cent below, one."""
    assert limits.approvals_needed(DeskConfig(), (NOW, amount), [], NOW) == needed


def test_each_state_has_a_creators_word() -> None:
    """Creators read the seeds' words for every state there is."""
    read = {state: words.status_word(state) for state in (*OPEN_STATES, *END_STATES)}
    assert read == {
        "requested": "pending",
        "approved": "processing",
        "sending": "processing",
        "sent": "processing",
        "paid": "completed",
        "rejected": "rejected",
        "cancelled": "cancelled",
        "failed": "failed",
        "returned": "failed",
    }


def test_the_desk_reads_true_states() -> None:
    """Approved, sent and paid are never mixed; where money went back, the words say so."""
    assert words.desk_words("requested") == "Waiting for approval"
    assert words.desk_words("approved") == "Approved, not sent yet"
    assert words.desk_words("sending") == "Being sent"
    assert words.desk_words("sent") == "Sent, not paid yet"
    assert words.desk_words("sent", "manual") == "Handed over, not paid yet"
    assert words.desk_words("paid") == "Paid"
    for state in ("failed", "rejected", "cancelled"):
        assert words.desk_words(state) == f"{state.capitalize()}; the money is back in the balance"
    assert words.desk_words("returned") == "Returned after it was paid; the money is back in the balance"


def test_states_behind_a_word() -> None:
    """A creator's word stands for one or more true states, an unknown word for none."""
    assert words.states_of("processing") == ("approved", "sending", "sent")
    assert words.states_of("failed") == ("failed", "returned")
    assert words.states_of("gone") == ()
    assert {state for word in words.STATUSES for state in words.states_of(word)} == {*OPEN_STATES, *END_STATES}


def test_back_off() -> None:
    """30 seconds after the first unclear answer, doubled after each, never more than an hour."""
    waits = [attempts.back_off(calls).total_seconds() for calls in (1, 2, 3, 7, 8, 9, 11, 12, 1000)]
    assert waits == [30, 60, 120, 1920, 3600, 3600, 3600, 3600, 3600]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (NOW, "09:14"),
        (NOW.astimezone(dt.timezone(dt.timedelta(hours=5))), "09:14"),
        (NOW - 10 * HOUR, "13 Jan 23:14"),
        (dt.datetime(2025, 12, 31, 23, 5, tzinfo=dt.UTC), "31 Dec 2025 23:05"),
    ],
)
def test_clock_time(at: dt.datetime, expected: str) -> None:
    """The time alone on the same UTC day, with the day before it, with the year in another year."""
    assert guard.clock_time(at, NOW) == expected


def test_moment() -> None:
    """A moment that stands for itself names its day, year and clock."""
    assert guard.moment(NOW.astimezone(dt.timezone(dt.timedelta(hours=-9)))) == "14 Jan 2026 09:14 UTC"


def test_clean() -> None:
    """Control characters and half characters become blanks; line breaks and the letters of all scripts stay."""
    assert guard.clean(" a\0b\tc\nd\ud800e\x7f ") == "a b c\nd e"
    assert guard.clean("Grüße 👩‍👧 \u202eשלום") == "Grüße 👩‍👧 \u202eשלום"


def test_reasons() -> None:
    """A reason has as many characters as asked for, 500 at most, blanks around it not counted."""
    assert guard.checked_reason("  ten chars! ", 10) == "ten chars!"
    assert guard.checked_reason("x" * 500) == "x" * 500
    for reason, length in ((None, 0), ("", 0), ("   ", 0), ("nine char", 9), ("x" * 501, 501)):
        with pytest.raises(ReasonNeeded) as refusal:
            guard.checked_reason(reason, 10)
        assert refusal.value.text == f"Nothing changed. Say why in 10 to 500 characters; yours has {length}."


@pytest.mark.parametrize(
    ("held", "needed", "allowed"),
    [
        ("approver", "approver", True),
        ("admin", "approver", False),
        ("approver", "admin", False),
        ("admin", "admin", True),
        ("owner", "approver", True),
        ("owner", "admin", True),
        ("admin", "owner", False),
    ],
)
def test_roles(held: str, needed: str, allowed: bool) -> None:
    """An owner may what both others may; an admin is no approver."""
    actor = Actor(1, "Pat", None, frozenset({held}))
    if allowed:
        guard.require(actor, needed)
    else:
        with pytest.raises(NotAllowed) as refusal:
            guard.require(actor, needed)
        assert refusal.value.text == f"Nothing changed. Only {needed}s can do that."


def test_names_in_the_trail() -> None:
    """Nobody in particular is the operator; people go by their names, withdrawals by WD-ids."""
    assert guard.name_of(None) == "operator"
    assert guard.name_of(Actor(1, "Pat", None, frozenset())) == "Pat"
    assert guard.shown_id(2041) == "WD-2041"


def test_ids_of_what_is_not_stored() -> None:
    """What has no id yet can't be named by it."""
    new = Withdrawal(
        program="studio",
        creator_id="ada",
        number=1,
        amount=DOLLAR,
        fee=0,
        method="manual",
        rail="manual",
        requested_by=1,
        requested_at=NOW,
    )
    with pytest.raises(ValueError, match="not stored"):
        guard.id_of(new)


def test_ids_of_adjustments_and_people() -> None:
    """The same holds for adjustments and people."""
    new = Adjustment(
        program="studio", creator_id="ada", number=1, amount=1, reason="goodwill", proposed_by=1, proposed_at=NOW
    )
    with pytest.raises(ValueError, match="not stored"):
        adjustments._id(new)
    with pytest.raises(ValueError, match="not stored"):
        people._known_id(None)


def test_manual_rail() -> None:
    """The manual rail is always ready, takes every order at once and has nothing to look up."""
    rail = Manual()
    order = PaymentOrder("WD-1-1", 1, "ada", "studio", 50 * DOLLAR, "USD", "manual", "")
    assert rail.name == "manual"
    assert rail.ready("anyone")
    assert rail.send(order) == Sent("")
    assert rail.look_up("WD-1-1") is None
