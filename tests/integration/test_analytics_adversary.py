"""Somebody who asks everything, every day and every hour, and puts the answers together to learn of one to four people.

What the rules don't promise, and this adversary therefore doesn't try (see `core.earnings.analytics.privacy`): to
compare answers from before and after usage for the same time was reported late or voided; to use knowledge from
elsewhere, such as being one of the users; to count who came back or is new between two groups that may both be shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from core.clock import DAY, start_of
from core.earnings.analytics.dropoffs import LENGTHS, drop_offs
from core.earnings.analytics.figures import compared
from core.earnings.analytics.growth import growth
from core.earnings.analytics.hours import peak_hours
from core.earnings.analytics.privacy import LEAST, Span
from core.earnings.analytics.questions import popular_questions
from core.earnings.analytics.ratings import ratings
from core.earnings.analytics.sources import source_split
from core.earnings.analytics.users import revenue_per_user
from core.earnings.analytics.wording import words_of
from core.earnings.periods import PERIODS, next_month
from core.storage import Database
from tests.analytics_world import FIRST, Crowd, Rated, Said, hour_of, inside, users
from tests.revenue_world import World

SIZES = {"bot": 14.0, "coach": 4.0, "tutor": 0.8}
ZONES = ("UTC", "America/New_York", "Asia/Kathmandu")
Row = Said | Rated
# A table: what it is about, and the rows of each cell; then the cells as they were answered.
Table = tuple[str, Span, Mapping[int, Sequence[Row]], tuple[int | None, ...]]


@dataclass
class Adversary:
    """Keeps every answer about one assistant."""

    crowd: Crowd
    project: str
    seen: set[Span] = field(default_factory=set)  # of use
    rated: set[Span] = field(default_factory=set)
    tables: dict[tuple[str, Span], tuple[int | None, ...]] = field(default_factory=dict)

    def ask_figures(self, now: dt.datetime) -> None:
        """Every period, and the one before it: how many came when."""
        row, config = self.crowd.project(self.project), self.crowd.world.config
        with self.crowd.world.reading() as session:
            for period in PERIODS:
                both = compared(session, config, row, period, now)
                for found in (both.now, both.before):
                    if found is not None and found.span is not None:
                        self.seen.add(found.span)
                    if found is not None and found.rated is not None:
                        self.rated.add(found.rated)

    def ask_views(self, now: dt.datetime) -> None:
        """Every view with every period."""
        row, config = self.crowd.project(self.project), self.crowd.world.config
        with self.crowd.world.reading() as session:
            for period in ("week", "month", "all"):
                for cell in growth(session, config, row, period, now).cells:
                    end = next_month(cell.first) if period == "all" else cell.first + DAY
                    if cell.users is not None:
                        self.seen.add(Span(start_of(cell.first), start_of(end)))
                worth = revenue_per_user(session, config, row, period, now)
                assert worth.shared == ()
                if worth.span is not None:
                    self.seen.add(worth.span)
        for name, span, cells, answered in self._tables(now):
            before = self.tables.setdefault((name, span), answered)
            assert before == answered, f"{name} of {span} changed"
            self._look_at(cells, answered)
            self.seen.update({span} if name in ("hours", "lengths", "channels") else ())
            self.rated.update({span} if name == "stars" else ())

    def _tables(self, now: dt.datetime) -> Iterator[Table]:
        row, config = self.crowd.project(self.project), self.crowd.world.config
        with self.crowd.world.reading() as session:
            hours = {zone: peak_hours(session, config, row, zone, now) for zone in ZONES}
            ends = drop_offs(session, config, row, now)
            split = source_split(session, config, row, "month", now)
            judged = ratings(session, config, row, now)
            asked = popular_questions(session, config, row, now)
        if judged.through is not None:
            self.rated.add(Span(FIRST, judged.through))
        if asked.span is not None:
            self._look_at_questions(asked.span, [question.text for question in asked.questions])
        if judged.reviewed is not None:
            span = judged.reviewed
            assert users([one for one in self._rated(span) if one.review]) >= LEAST
            self.tables.setdefault(("reviews", span), ())
        if judged.span is not None:
            given = self._rated(judged.span)
            yield (
                "stars",
                judged.span,
                {n: [one for one in given if one.stars == n + 1] for n in range(5)},
                judged.stars,
            )
        block = hours["UTC"].span
        if block is None:
            return
        span = block
        said = self.crowd.of(self.project, span)
        cells = {hour: [one for one in said if one.when.hour == hour] for hour in range(24)}
        # The same table by other clocks is the same cells in another order: nothing is learned from moving them.
        for zone, found in hours.items():
            shift = next(n for n in range(24) if found.cells[n:] + found.cells[:n] == hours["UTC"].cells)
            assert (zone == "UTC") <= (shift == 0)
        yield "hours", span, cells, hours["UTC"].cells
        talks: dict[str, list[Said]] = {}
        for one in said:
            talks.setdefault(one.conversation, []).append(one)
        lengths: dict[int, list[Row]] = {
            number: [one for talk in talks.values() if first <= len(talk) <= (last or len(talk)) for one in talk]
            for number, (first, last) in enumerate(LENGTHS)
        }
        yield "lengths", span, lengths, ends.cells
        channels = {number: [one for one in said if one.embed == bool(number)] for number in range(2)}
        yield "channels", span, channels, (split.marketplace.messages, split.embed.messages)

    def _rated(self, span: Span) -> list[Rated]:
        return [one for one in self.crowd.rated if one.project == self.project and span.begin <= one.when < span.end]

    def _look_at(self, cells: Mapping[int, Sequence[Row]], answered: tuple[int | None, ...]) -> None:
        """Each cell shown is of five people; all hidden ones, which are the total less those, are of none or five."""
        hidden = [one for number, rows in cells.items() if answered[number] is None for one in rows]
        everyone = users([one for rows in cells.values() for one in rows])
        assert all(users(rows) >= LEAST for number, rows in cells.items() if answered[number] is not None)
        assert not 0 < users(hidden) < LEAST or everyone < LEAST

    def _look_at_questions(self, span: Span, texts: Sequence[str]) -> None:
        said = [one for one in inside((o for o in self.crowd.said if o.project == self.project), span) if one.question]
        for text in texts:
            for word in words_of(text):
                assert users([one for one in said if word in words_of(one.question)]) >= LEAST

    def conclude(self) -> None:
        """Sums and differences of the answers are made of the stretches between neighbouring ends of any of them, so it
        is enough that none of those is of one to four people; and no two blocks of one table may overlap."""
        use: list[Row] = [one for one in self.crowd.said if one.project == self.project]
        given: list[Row] = [one for one in self.crowd.rated if one.project == self.project]
        for rows, spans in ((use, self.seen), (given, self.rated)):
            ends = sorted({end for span in spans for end in (span.begin, span.end)})
            for begin, end in pairwise(ends):
                assert not 0 < users([one for one in rows if begin <= one.when < end]) < LEAST
        for name in {name for name, _span in self.tables}:
            blocks = sorted((span for table, span in self.tables if table == name), key=lambda span: span.begin)
            assert all(one.end <= other.begin for one, other in pairwise(blocks))


@pytest.mark.parametrize("project", sorted(SIZES))
def test_nothing_about_one_to_four_people_can_be_derived(sqlite_database: Database, project: str) -> None:
    """Every view and period on each of five weeks' days, and every period at each hour of two of them, and the
    fewer than five who make the difference stay unseen."""
    world = World(sqlite_database, now=FIRST + 45 * DAY)
    crowd = Crowd(world, 3, SIZES)
    crowd.come()
    adversary = Adversary(crowd, project)
    for day in range(1, crowd.days + 2):
        now = FIRST + dt.timedelta(days=day, hours=5)
        # As of then: what comes later isn't known yet, which the cuts and blocks must not depend on.
        world.settle(now)
        adversary.ask_figures(now)
        adversary.ask_views(now)
        if day in (2, 26):
            for hour in range(6, 24):
                adversary.ask_figures(hour_of(now) + dt.timedelta(hours=hour - 5, minutes=10))
    adversary.conclude()
    if project != "tutor":
        assert len(adversary.seen) > 30
        assert len(adversary.tables) > 5
