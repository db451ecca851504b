"""Made-up use of assistants, taken in as it is reported, and what an onlooker computes from the raw rows by hand."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core.clock import iso
from core.earnings.analytics.privacy import Span
from core.earnings.tables import Project
from tests.revenue_world import OWNERS, World

FIRST = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
QUESTIONS = (
    ("How do I reset my password?", "how do i reset the password", "Reset password please", "reset my pasword?"),
    ("What does the Plus plan cost?", "what is the cost of the plus plan", "plus plan costs?"),
    ("Can you translate this letter?", "Please translate this letter", "translate the letter for {user}"),
    ("My account number is {user}, where is my refund?", "where is my refund", "Where's my refund?"),
)


@dataclass(frozen=True, slots=True)
class Said:
    """One message by somebody else, still standing."""

    project: str
    when: dt.datetime
    user: str
    conversation: str
    embed: bool
    question: str


@dataclass(frozen=True, slots=True)
class Rated:
    """One rating by somebody else, still standing."""

    project: str
    when: dt.datetime
    user: str
    stars: int
    review: str


@dataclass
class Crowd:
    """Random use: how many users come to each assistant on a day of ordinary size, and what they do."""

    world: World
    seed: int
    sizes: dict[str, float]
    days: int = 34
    said: list[Said] = field(default_factory=list)
    rated: list[Rated] = field(default_factory=list)

    def come(self) -> None:
        """Days of use, a twentieth taken back, some of it the creator's own, which nobody should see again."""
        chance = random.Random(self.seed)
        rows, voids = list[dict[str, object]](), list[dict[str, object]]()
        for day in range(self.days):
            for project, size in self.sizes.items():
                for _visit in range(int(size * (0.5 + chance.random()) + chance.random())):
                    self._visit(chance, project, FIRST + dt.timedelta(days=day), size, rows, voids)
        self.world.take(*rows)
        for void in voids:
            self.world.void(void)

    def _visit(
        self,
        chance: random.Random,
        project: str,
        day: dt.datetime,
        size: float,
        rows: list[dict[str, object]],
        voids: list[dict[str, object]],
    ) -> None:
        creator = OWNERS[project]
        user = creator if chance.random() < 0.05 else f"u{int(chance.expovariate(1 / (4 * size + 3)))}"
        embed = chance.random() < 0.3
        when = day + dt.timedelta(minutes=min(int(chance.gauss(840, 200)) % 1440, 1439))
        conversation = f"{project}-{user}-{chance.randrange(3)}-{day.day // 2}"
        for _message in range(min(int(chance.expovariate(0.4)) + 1, 30)):
            asked = ""
            if chance.random() < 0.5:
                asked = chance.choice(chance.choice(QUESTIONS)).format(user=user)
            row = self.world.message(project, when, chance.randrange(1, 900), user, "embed" if embed else "marketplace")
            row |= {"conversation_id": conversation, "question": asked or None}
            rows.append(row)
            if chance.random() < 0.05:
                voids.append(row)
            elif user != creator:
                self.said.append(Said(project, when, user, conversation, embed, asked))
            when = min(when + dt.timedelta(minutes=chance.randrange(20)), day + dt.timedelta(minutes=1439))
        if chance.random() < 0.3:
            self._rate(chance, project, user, when, rows)

    def _rate(
        self, chance: random.Random, project: str, user: str, when: dt.datetime, rows: list[dict[str, object]]
    ) -> None:
        review = f"Review {chance.randrange(1000)} of {project}" if chance.random() < 0.5 else ""
        stars = chance.randrange(1, 6)
        rows.append(
            {
                "event_id": f"r{len(rows)}",
                "occurred_at": iso(when),
                "project_id": project,
                "user_id": user,
                "kind": "rating",
                "stars": stars,
                "review": review or None,
            }
        )
        if user != OWNERS[project]:
            self.rated.append(Rated(project, when, user, stars, review))

    def project(self, project_id: str) -> Project:
        """The assistant's row."""
        with self.world.reading() as session:
            row = session.get(Project, project_id)
            assert row is not None
            return row

    def of(self, project: str, span: Span | None) -> list[Said]:
        """The messages to an assistant in a span."""
        return inside((one for one in self.said if one.project == project), span)


def inside(rows: Iterable[Said], span: Span | None) -> list[Said]:
    """Those within a span; none without one."""
    return [] if span is None else [one for one in rows if span.begin <= one.when < span.end]


def users(rows: Sequence[Said | Rated]) -> int:
    """How many people."""
    return len({one.user for one in rows})


def hour_of(moment: dt.datetime) -> dt.datetime:
    """The full hour before a moment."""
    return moment.replace(minute=0, second=0, microsecond=0)
