"""What a slice's messages and ratings add to the roll-ups of kind `assistants` (domain.md, "Usage in").

Own use counts in a project-day's own_tokens and nowhere else. Months hold marketplace tokens; visits, questions, shared
contexts and ratings are what the analytics read (`core.earnings.visit_tables`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from core.earnings.intake.extra import EMBED, Extra
from core.earnings.visit_tables import LONGEST_TEXT, SLOT_MINUTES

# Columns of the project-day's roll-up, in the order of the sums kept for each.
DAY_SUMS = ("messages", "ratings", "tokens", "embed_tokens", "own_tokens")
_MESSAGES, _RATINGS, _TOKENS, EMBED_TOKENS, _OWN = range(len(DAY_SUMS))

_SLOTS = {
    f"{minute // 60:02}:{minute % 60:02}": minute // SLOT_MINUTES for minute in range(24 * 60)
}  # by hour and minute, as a stamp has them

Key = TypeVar("Key")
Told = tuple[str, str, str, str, str, Extra | None]
"""An event with an extra: its id, day, stamp, project and user."""


@dataclass(slots=True)
class Use:
    """Additions, negative where voids take events out. Keys are those of the tables, days and months as text.

    days: by day, then project, in the order of DAY_SUMS. visits: messages and tokens. rated: user, stars and review by
    (project, day, event). unrated: ratings to take away.
    """

    days: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    months: dict[tuple[str, str, str], int] = field(default_factory=dict)
    visits: dict[tuple[str, str, int, bool, str, str], list[int]] = field(default_factory=dict)
    questions: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    contexts: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    rated: dict[tuple[str, str, str], tuple[str, int, str]] = field(default_factory=dict)
    unrated: set[tuple[str, str, str]] = field(default_factory=set)

    def add(self, events: Iterable[Told], creators: Mapping[str, str], sign: int = 1) -> None:
        """Add events, those without an extra left out; take them out where sign is -1."""
        days, months, visits = self.days, self.months, self.visits
        for event_id, day, at, project, user, extra in events:
            if extra is None:
                continue
            projects = days.get(day)
            if projects is None:
                days[day] = projects = {}
            row = projects.get(project)
            if row is None:
                projects[project] = row = [0] * len(DAY_SUMS)
            tokens, channel, conversation, question, context, stars, review = extra
            if user == creators[project]:
                row[_OWN] += sign * (tokens or 0)
                continue
            if tokens is None or conversation is None:
                row[_RATINGS] += sign
                self._rate((project, day, event_id), (user, stars or 0, review or ""), sign)
                continue
            added = sign * tokens
            row[_MESSAGES] += sign
            row[_TOKENS] += added
            embed = channel == EMBED
            if embed:
                row[EMBED_TOKENS] += added
            else:
                month = (day[:7] + "-01", user, project)
                months[month] = months.get(month, 0) + added
            visit = (project, day, _SLOTS[at[11:16]], embed, user, conversation)
            said = visits.get(visit)
            if said is None:
                visits[visit] = [sign, added]
            else:
                said[0] += sign
                said[1] += added
            if question or context:
                self._note(project, day, user, question, context if embed else None, sign)

    def settle(self) -> None:
        """Leave out what came to nothing."""
        kept = {day: {name: row for name, row in projects.items() if any(row)} for day, projects in self.days.items()}
        self.days = {day: projects for day, projects in kept.items() if projects}
        self.months = {key: tokens for key, tokens in self.months.items() if tokens}
        self.visits = {key: said for key, said in self.visits.items() if any(said)}
        self.questions = {key: asked for key, asked in self.questions.items() if asked}
        self.contexts = {key: messages for key, messages in self.contexts.items() if messages}

    def _note(self, project: str, day: str, user: str, question: str | None, context: str | None, sign: int) -> None:
        if question:
            _count(self.questions, (project, day, first_words(question), user), sign)
        if context:
            _count(self.contexts, (project, day, user, first_words(context)), sign)

    def _rate(self, key: tuple[str, str, str], rating: tuple[str, int, str], sign: int) -> None:
        if sign > 0:
            self.rated[key] = rating
        elif self.rated.pop(key, None) is None:
            self.unrated.add(key)


def first_words(text: str) -> str:
    """A text as it is counted: blanks made one, the first 200 characters."""
    return " ".join(text.split())[:LONGEST_TEXT]


def _count(counts: dict[Key, int], key: Key, sign: int) -> None:
    counts[key] = counts.get(key, 0) + sign
