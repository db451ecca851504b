"""The assistants of the sample data: who made them, who talks to them, who subscribes, and what they say.

As `bot.sample` has it: deterministic, and made of rows that a platform would report.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.clock import DAY, iso, start_of
from core.config import Program, Terms

ASSISTERS = "assisters"
PROGRAM = Program(
    ASSISTERS,
    "assistants",
    (Terms(dt.date(2020, 1, 1), 7000, minimum_micros=10_000_000),),
    title="Assisters",
    business_days=(5, 7),
)
Row = Mapping[str, str]

_SEED = 505
_SUBSCRIBERS = 150
_GUESTS = 90  # who talk through a business's embed
_PLANS = (("Lite", "9.00", 5), ("Plus", "19.00", 4), ("Pro", "49.00", 1))
_REFERRERS = ("ada", "lucia-fernandez", "grace-hopper", "ada", "priya-raman")
# Conversations by hour of the UTC day: two working days on either side of an ocean.
_HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 9, 8, 8, 9, 10, 10, 9, 9, 8, 8, 7, 6, 4, 3)
_LENGTHS = (1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 12)
_BUSINESSES = ("Okafor & Sons tax desk", "Northwind support", "Museo del Mar kiosk")


@dataclass(frozen=True, slots=True)
class SampleAssistant:
    """talks: mean conversations a day. embed: percent of them through embed, at `price` dollars a million tokens.

    stars: the rating that people tend to give. gone: how many days ago it was deleted, None for a live one.
    """

    project_id: str
    creator_id: str
    name: str
    talks: float
    embed: int
    price: str
    stars: int
    topic: str
    trend: float = 0.3
    gone: int | None = None


ASSISTANTS = (
    SampleAssistant("a-tax", "ada", "Tax Buddy", 13, 30, "12.50", 5, "tax", 0.8),
    SampleAssistant("a-trip", "ada", "Trip Planner", 4, 10, "5.00", 4, "travel", -0.3),
    SampleAssistant("a-resume", "ada", "Résumé Reviewer", 1.2, 0, "3.75", 4, "jobs", 0.1, gone=20),
    SampleAssistant("a-haiku", "kenji", "Haiku Tutor", 3, 0, "3.75", 5, "poems"),
    SampleAssistant("a-receta", "lucia-fernandez", "Receta Coach", 9, 20, "8.00", 4, "cooking", 0.5),
    SampleAssistant("a-chai", "priya-raman", "Exam Coach", 6, 0, "3.75", 4, "study", 0.9),
    SampleAssistant("a-contract", "grace-hopper", "Contract Explainer", 5, 60, "30.00", 3, "law", 0.4),
    SampleAssistant("a-docs", "grace-hopper", "Docs Concierge", 2, 90, "15.00", 4, "docs", 1.4),
    SampleAssistant("a-yoga", "charlotte-dubois", "Yoga at Your Desk", 2.5, 0, "3.75", 5, "health"),
    SampleAssistant("a-code", "min-jun-kim", "Code Reviewer", 4, 40, "20.00", 4, "code", 0.6),
    SampleAssistant("a-garden", "formula", "Garden Gnome", 1, 0, "3.75", 3, "garden"),
    SampleAssistant("a-bold", "script", "<i>Sly</i> & =SUM(A1) @here", 1.2, 20, "3.75", 2, "docs"),
)

# By topic: questions, each in the wordings that people use for it.
QUESTIONS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "tax": (
        ("When is my tax return due?", "when is the tax return due", "Tax return due when?"),
        ("Can I deduct my home office?", "can i deduct a home office?", "Home office: can I deduct it?"),
        ("What receipts do I have to keep?", "Which receipts do I have to keep?"),
        ("How do I correct a return that I already sent?",),
    ),
    "travel": (
        ("What should I see in Lisbon in two days?", "Two days in Lisbon: what should I see?"),
        ("Do I need a visa for Japan?", "do i need a visa for japan"),
    ),
    "cooking": (
        ("How long do I boil an egg?", "how long to boil an egg?"),
        ("What can I cook with leftover rice?", "what can I cook with leftover rice"),
        ("What replaces buttermilk?", "What can replace buttermilk?"),
    ),
    "study": (
        ("Explain derivatives simply", "Explain derivatives in a simple way", "explain derivatives simply please"),
        ("Make me a revision plan for two weeks",),
    ),
    "law": (
        ("What does indemnify mean?", "what does 'indemnify' mean"),
        ("Can I end this contract early?", "Can I end the contract early?"),
    ),
    "code": (("Why is my query slow?", "why is this query slow?"), ("Is this thread-safe?", "is it thread safe")),
    "docs": (("Where do I change my password?", "where can I change my password"), ("How do I export my data?",)),
    "jobs": (("How long should a résumé be?",),),
    "poems": (("How many syllables does a haiku have?", "haiku: how many syllables?"),),
    "health": (("What helps against a stiff neck?", "stiff neck what helps"),),
    "garden": (("When do I prune roses?", "when to prune roses"),),
}
REVIEWS = (
    "Clear and to the point.",
    "Saved me an afternoon.",
    "Good, but it could ask back more often.",
    "Answers too long for me.",
    "I come back every week.",
    "Friendly and patient.",
)


class Assisters:
    """What the platform reports of its assistants, from `first` on, as seen at `now`."""

    def __init__(self, first: dt.date, now: dt.datetime) -> None:
        self.first, self.now = first, now
        self.dice = random.Random(_SEED)  # noqa: S311 - sample data, not secrets
        self.subscribers = [self._subscriber(number) for number in range(_SUBSCRIBERS)]

    def projects(self) -> list[Row]:
        """The assistants as rows of the projects file."""
        return [
            {
                "project_id": one.project_id,
                "creator_id": one.creator_id,
                "program": ASSISTERS,
                "name": one.name,
                "published_on": (self.first - DAY * (20 + 7 * place)).isoformat(),
                "price_per_million_usd": one.price,
                "price_from": (self.first - DAY * 400).isoformat(),
                "deleted_at": "" if one.gone is None else iso(start_of(self.now.date() - DAY * one.gone)),
            }
            for place, one in enumerate(ASSISTANTS)
        ]

    def payments(self, days: list[dt.date]) -> list[Row]:
        """What subscribers paid on these days: each month on a day of their own. Now and then one is refunded."""
        rows: list[Row] = []
        for user_id, (plan, amount), referrer, day_of_month in self.subscribers:
            for day in days:
                at = start_of(day) + dt.timedelta(hours=7, minutes=day_of_month)
                if day.day != day_of_month or at > self.now:
                    continue
                payment_id = f"pay-{user_id}-{day:%Y%m}"
                paid = {"payment_id": payment_id, "paid_at": iso(at), "month": f"{day:%Y-%m}"}
                rows.append(paid | {"user_id": user_id, "plan": plan, "amount_usd": amount, "referrer_id": referrer})
                if self.dice.random() < 0.01:
                    rows.append({"payment_id": f"refund-{payment_id}", "paid_at": iso(at), "voids": payment_id})
        return rows

    def usage_of(self, day: dt.date) -> Iterator[Row]:
        """What was said to every assistant on a UTC day, as far as the day has come, and how it was rated."""
        until = min(start_of(day + DAY), self.now)
        weekend = 0.6 if day.weekday() >= 5 else 1.1
        for one in ASSISTANTS:
            if one.gone is not None and day >= self.now.date() - DAY * one.gone:
                continue
            mean = one.talks * weekend * (1 + one.trend * (day - self.first).days / 90)
            for place in range(max(0, round(self.dice.gauss(mean, math.sqrt(mean))))):
                yield from self._talk(one, day, place, until)

    def _subscriber(self, number: int) -> tuple[str, tuple[str, str], str, int]:
        plan = self.dice.choices(_PLANS, [weight for _, _, weight in _PLANS])[0]
        referrer = _REFERRERS[number % 10] if number % 10 < len(_REFERRERS) else ""
        return f"sub-{number:03d}", plan[:2], referrer, self.dice.randint(1, 26)

    def _talk(self, one: SampleAssistant, day: dt.date, place: int, until: dt.datetime) -> Iterator[Row]:
        """One conversation, a message every minute or so; perhaps a rating after it."""
        dice = self.dice
        embed = dice.random() * 100 < one.embed
        user_id = self._user(one, embed)
        at = start_of(day) + dt.timedelta(
            hours=dice.choices(range(24), _HOURS)[0], minutes=dice.randrange(45), seconds=dice.randrange(60)
        )
        talk = f"{one.project_id}-{day:%Y%m%d}-{place:03d}"
        shares = dice.random() < 0.4
        wordings = dice.choice(QUESTIONS[one.topic])
        for number in range(dice.choice(_LENGTHS)):
            if at >= until:
                return
            row = {
                "event_id": f"{talk}-{number:02d}",
                "occurred_at": iso(at),
                "project_id": one.project_id,
                "user_id": user_id,
                "kind": "message",
                "tokens": str(dice.randint(300, 4_000) * (12 if embed else 1)),
                "channel": "embed" if embed else "marketplace",
                "conversation_id": talk,
            }
            if number == 0:
                row["question"] = dice.choice(wordings)
                if embed and shares:
                    row["shared_context"] = _BUSINESSES[hash_of(user_id) % len(_BUSINESSES)]
            yield row
            at += dt.timedelta(seconds=dice.randint(20, 150))
        if dice.random() < 0.06 and at < until:
            stars = min(5, max(1, one.stars + dice.choice((-2, -1, 0, 0, 0, 1))))
            review = dice.choice(REVIEWS) if dice.random() < 0.5 else ""
            rating = {"event_id": f"{talk}-rating", "occurred_at": iso(at), "project_id": one.project_id}
            yield rating | {"user_id": user_id, "kind": "rating", "stars": str(stars), "review": review}

    def _user(self, one: SampleAssistant, embed: bool) -> str:
        if self.dice.random() < 0.02:
            return one.creator_id  # trying out what they made
        if embed:
            return f"guest-{self.dice.randrange(_GUESTS):02d}"
        # Everybody has favourites: subscribers spread over the assistants unevenly, and some of them use none.
        favourite = (hash_of(one.project_id) + int(_SUBSCRIBERS * self.dice.random() ** 2)) % (_SUBSCRIBERS - 8)
        return f"sub-{favourite:03d}"


def hash_of(text: str) -> int:
    """A number that belongs to a text, the same in every process."""
    return sum(place * ord(sign) for place, sign in enumerate(text, start=1))
