"""The rules of what may be seen of people, by themselves (domain.md, "Privacy")."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.earnings.analytics.blocks import last_block
from core.earnings.analytics.privacy import LEAST, Cuts, Span, UsedHour, moment_of, shown_words, suppressed
from core.earnings.analytics.wording import alike, signature_of, words_of

FIRST = dt.datetime(2026, 1, 24, tzinfo=dt.UTC)
HOURS = 24 * 14  # over a month's end
HOUR = dt.timedelta(hours=1)
NAMES = [f"u{number}" for number in range(12)]

# Who came in which hour.
histories = st.dictionaries(
    st.integers(0, HOURS - 1), st.frozensets(st.sampled_from(NAMES), min_size=1, max_size=7), max_size=60
)
History = dict[int, frozenset[str]]


def cuts_of(history: History, now: int) -> Cuts:
    start = FIRST.toordinal() * 24
    hours = [
        UsedHour(start + hour, tuple(sorted(users)) if len(users) < LEAST else (min(users),), len(users))
        for hour, users in sorted(history.items())
        if hour < now
    ]
    return Cuts(hours, FIRST + now * HOUR)


@settings(max_examples=150, deadline=None)
@given(histories, st.integers(1, HOURS))
def test_between_two_cuts_there_is_nobody_or_enough(history: History, earlier: int) -> None:
    """Users between neighbouring cuts, also between those that only an earlier day's reader saw: none, or five."""
    last = cuts_of(history, HOURS)
    found = [hour for hour in range(HOURS + 1) if last.at(FIRST + hour * HOUR)]
    assert [hour for hour in range(earlier + 1) if cuts_of(history, earlier).at(FIRST + hour * HOUR)] == [
        hour for hour in found if hour <= earlier
    ]
    for begin, end in pairwise(found):
        between = frozenset[str]().union(*(users for hour, users in history.items() if begin <= hour < end))
        assert not 0 < len(between) < LEAST


@settings(max_examples=100, deadline=None)
@given(histories, st.integers(0, HOURS), st.integers(0, HOURS))
def test_a_span_is_the_longest_between_cuts(history: History, begin: int, end: int) -> None:
    """What `within` gives lies inside, begins and ends at cuts, and could be no longer."""
    cuts = cuts_of(history, HOURS)
    inner = [hour for hour in range(begin, end + 1) if cuts.at(FIRST + hour * HOUR)]
    span = cuts.within(FIRST + begin * HOUR, FIRST + end * HOUR)
    expected = Span(FIRST + inner[0] * HOUR, FIRST + inner[-1] * HOUR) if len(inner) > 1 else None
    assert span == expected


def test_steady_use_can_be_told_by_the_day() -> None:
    """Twelve people a day: every day's end is a cut, but the one before a month's last day. Today moves on where enough
    came in the rest of yesterday: never, with so few."""
    history = {24 * day + 2 * one: frozenset({f"u{day}-{one}"}) for day in range(14) for one in range(12)}
    cuts = cuts_of(history, HOURS)
    assert [day for day in range(15) if not cuts.at(FIRST + day * 24 * HOUR)] == [7]
    today = FIRST + 13 * 24 * HOUR
    assert cuts_of(history, 13 * 24 + 23).within(today, today + 24 * HOUR) is None


def test_today_moves_on_at_full_hours() -> None:
    """Two people an hour: with five more each time, until the rest of yesterday had too few to stand alone."""
    history = {hour: frozenset({f"u{hour}", f"v{hour}"}) for hour in range(HOURS)}
    today = FIRST + 5 * 24 * HOUR
    told = [cuts_of(history, 5 * 24 + now).within(today, today + 24 * HOUR) for now in range(1, 25)]
    ends = [span and (span.end - today) // HOUR for span in told]
    assert ends == [None, None, 3, 3, 3, 6, 6, 6, 9, 9, 9, 12, 12, 12, 15, 15, 15, 15, 15, 15, 15, 15, 15, 24]


@given(st.dictionaries(st.integers(0, 23), st.frozensets(st.sampled_from(NAMES)), max_size=24))
def test_hidden_cells_hide_each_other(cells: dict[int, frozenset[str]]) -> None:
    """Every shown cell has five users, and what is hidden, which is the total less the shown, has none or five: where
    all of them are fewer, the total isn't shown either."""
    hidden = suppressed(cells)
    assert all(len(users) >= LEAST for cell, users in cells.items() if cell not in hidden)
    together = frozenset[str]().union(*(cells[cell] for cell in hidden))
    assert not 0 < len(together) < LEAST or hidden == set(cells)


def test_one_small_cell_takes_the_next_smallest_along() -> None:
    """A single cell of two users would be the total less the rest."""
    cells = {name: {f"{name}{number}" for number in range(size)} for name, size in (("a", 9), ("b", 2), ("c", 6))}
    assert suppressed(cells) == {"b", "c"}
    assert suppressed(cells | {"d": set("wxyz")}) == {"b", "d"}  # six together


@settings(max_examples=100, deadline=None)
@given(histories)
def test_blocks_neither_overlap_nor_grow(history: History) -> None:
    """The block that each day's reader sees: the same as the day before's, or one that begins where that ended."""
    days: dict[dt.date, list[tuple[object, frozenset[str], int]]] = {}
    for hour, users in sorted(history.items()):
        day = (FIRST + hour * HOUR).date()
        days.setdefault(day, []).append((hour % 24 // 8, users, len(users)))
    before: Span | None = None
    for number in range(1, 15):
        today = FIRST.date() + dt.timedelta(days=number)
        known = {day: parts for day, parts in days.items() if day < today}
        block = last_block(known, cuts_of(history, number * 24), today)
        assert before is None or (block is not None and (block == before or block.begin >= before.end))
        before = block


# In which weeks of ten, on which weekday, how many cells have five users.
weeks = st.lists(st.dictionaries(st.integers(0, 6), st.integers(1, 3), max_size=3), min_size=10, max_size=10)


@settings(max_examples=200, deadline=None)
@given(weeks, st.integers(0, 8))
@example([{0: 3, 1: 1}, {0: 3}, *[{}] * 8], 0)  # the first block ends within the first week
def test_who_reads_the_last_weeks_alone_sees_the_same_block(history: list[dict[int, int]], since: int) -> None:
    """Or knows that more must be read: were it another block, the difference of both would be a part of a week."""
    monday = dt.date(2026, 1, 5)
    days = {
        monday + dt.timedelta(days=7 * week + day): [(cell, frozenset(NAMES[:5]), 5) for cell in range(cells)]
        for week, found in enumerate(history)
        for day, cells in found.items()
    }
    until = monday + dt.timedelta(days=70)
    recent = {day: parts for day, parts in days.items() if day >= monday + dt.timedelta(days=7 * since)}
    assert last_block(recent, None, until, whole=False) in (None, last_block(days, None, until))


def test_words_of_a_few_are_left_out() -> None:
    """A word that fewer than five people used becomes a gap, several in a row one."""
    five = {str(number) for number in range(5)}
    users = {"reset": five, "password": five | {"x"}, "for": five, "bob": {"1"}, "smith": {"1", "2", "3", "4"}}
    assert shown_words(("reset", "password", "for", "bob", "smith"), users) == ("reset", "password", "for", "…")
    assert shown_words(("unknown",), users) == ("…",)


def test_near_duplicates() -> None:
    """Other stop words, order, plurals, punctuation, one typing mistake: the same; another thing: not."""
    one = signature_of("How do I reset my password?")
    assert signature_of("reset passwords, please") == one
    assert alike(signature_of("how can I reset my pasword"), one)
    assert not alike(signature_of("how do I change my e-mail?"), one)
    assert signature_of("How are you?") == ("are", "how", "you")
    assert words_of("C++ & Bob's ＡＢＣ!") == ("c++", "bob's", "abc")
    assert signature_of("?!") == ()


def test_moments_are_full_hours() -> None:
    """An hour's number and its moment are each other's."""
    assert moment_of(FIRST.toordinal() * 24 + 5) == FIRST + 5 * HOUR
