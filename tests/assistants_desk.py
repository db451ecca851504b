"""The scenarios' desk with a program of kind `assistants`; messages, ratings and payments come in by imports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.config import DeskConfig, Program, Terms
from core.earnings.catalog import upsert_projects
from core.earnings.intake import accept
from core.earnings.payments import accept_payments
from core.payouts.processing import process_due
from tests import desk_world
from tests.desk_world import BANK, STUDIO, jan

ASSISTERS = Program(
    "assisters",
    "assistants",
    (Terms(dt.date(2025, 1, 1), share_bp=7000, minimum_micros=10_000_000),),
    title="Assisters",
    business_days=(5, 7),
)
ALONE = DeskConfig(name="Assisters", programs={"assisters": ASSISTERS}, methods=(BANK,))
BOTH = DeskConfig(programs={"studio": STUDIO, "assisters": ASSISTERS}, methods=(BANK,))

Row = Mapping[str, object]


def feb(day: int, hour: int = 10) -> dt.datetime:
    """A moment of February 2026, UTC."""
    return dt.datetime(2026, 2, day, hour, tzinfo=dt.UTC)


@dataclass
class World(desk_world.World):
    """Ada (Berlin) made Tax Buddy ($3.75 a million tokens) and Trip Planner; Bo made Yoga Coach."""

    config: DeskConfig = ALONE

    def _begin(self) -> None:
        if "studio" in self.config.programs:
            super()._begin()
        else:
            self.people()
        self.assistant("tax", "Tax Buddy", "ada")
        self.assistant("trip", "Trip Planner", "ada", "5.00")
        self.assistant("yoga", "Yoga Coach", "bo")

    def assistant(self, project_id: str, name: str, creator: str, price: str = "3.75") -> None:
        """One more assistant, with a price from 1 Nov 2025 on."""
        row = {
            "project_id": project_id,
            "creator_id": creator,
            "program": "assisters",
            "name": name,
            "published_on": "2025-11-03",
            "price_per_million_usd": price,
            "price_from": "2025-11-01",
        }
        with self.database.transaction() as session:
            report = upsert_projects(session, [row], self.now)
        assert not report.rejected, report.rejected

    def take(self, *rows: Row) -> None:
        """Messages and ratings: fields that are left out are those of a marketplace message of no tokens."""
        batch = [{"event_id": f"m{next(self._numbers)}", **row} for row in rows]
        report = accept(self.database, self.config, batch, "platform", self.now)
        assert not report.rejected, report.rejected

    def pay_for(self, user: str, amount: str, month: str = "2026-01", referrer: str = "", paid: str = "") -> str:
        """A subscription payment; its id."""
        row: dict[str, object] = {
            "payment_id": f"p{next(self._numbers)}",
            "paid_at": paid or f"{month}-01T08:00:00Z",
            "user_id": user,
            "plan": "Plus",
            "amount_usd": amount,
            "month": month,
            "referrer_id": referrer or None,
        }
        report = accept_payments(self.database, self.config, [row], "platform", self.now)
        assert not report.rejected, report.rejected
        return str(row["payment_id"])

    def process(self) -> None:
        """The monthly payout, if it is due."""
        process_due(self.database, self.config, self.now)

    def close_january(self) -> None:
        """January is settled and closed on 1 Feb, and paid out on Monday, 2 Feb, 03:00 UTC."""
        self.settle(feb(1, 3))
        self.settle(feb(2, 3))
        self.process()


def message(
    project: str, at: dt.datetime, tokens: int, user: str, talk: str = "", *, embed: bool = False, **more: object
) -> Row:
    """A message as a platform reports it; talk: the conversation, one a user and day unless told."""
    return {
        "occurred_at": at.isoformat(),
        "project_id": project,
        "user_id": user,
        "kind": "message",
        "tokens": tokens,
        "channel": "embed" if embed else "marketplace",
        "conversation_id": talk or f"{user}-{at:%m%d}",
        **more,
    }


def rating(project: str, at: dt.datetime, stars: int, user: str, review: str = "") -> Row:
    """A rating as a platform reports it."""
    row: dict[str, object] = {
        "occurred_at": at.isoformat(),
        "project_id": project,
        "user_id": user,
        "kind": "rating",
        "stars": stars,
    }
    return row | ({"review": review} if review else {})


def seeds_numbers(world: World) -> World:
    """A subscriber of $19.00 whom Ada referred gives 40% of the tokens to Tax Buddy and 60% to Yoga Coach; a business
    uses Tax Buddy for 1,000,000 tokens. It is 14 Jan, 10:00, settled to 13 Jan."""
    world.now = jan(13, 23)
    world.pay_for("una", "19.00", referrer="ada")
    world.take(
        message("tax", jan(12, 9), 4_000, "una"),
        message("yoga", jan(12, 10), 6_000, "una"),
        message("tax", jan(13, 9), 1_000_000, "shop", embed=True),
        message("tax", jan(13, 10), 777, "ada"),
    )
    world.settle(jan(14, 3))
    world.now = jan(14, 10)
    return world


def hostile(world: World, names: Sequence[str]) -> World:
    """Names, questions, reviews and contexts of these words. January is closed and paid out to a dozen creators, one of
    them by two approvers. It is 2 Feb, 09:00."""
    for place, name in enumerate(names):
        world.assistant(f"h{place}", name, "ada")
        world.creator(f"c{place:02}", name)
        world.assistant(f"of{place}", name, f"c{place:02}")
    world.now = jan(30, 12)
    for place, name in enumerate(names):
        world.pay_for(f"p{place}", "1000.00" if place == 0 else f"{20 + place}.00", referrer="ada")
        world.take(message(f"of{place}", jan(20, 9), 100, f"p{place}", question=name))
    for number in range(6):
        user = f"{names[number % len(names)][:40]}{number}"
        words = {"question": names[0], "shared_context": names[1]}
        world.take(*(message("h0", jan(day, 9), 900_000, user, embed=True, **words) for day in (28, 29)))
        world.take(rating("h0", jan(29, 11), 3, user, " ".join(names)))
    world.settle(jan(31, 3))
    world.close_january()
    world.now = feb(2, 9)
    return world


QUESTIONS = (
    "When is my tax return due?",
    "when is the tax return due",
    "Can I deduct my home office?",
    "can i deduct a home office?",
    "What receipts do I have to keep?",
)
REVIEWS = (
    "Found a deduction I had missed.",
    "Clear answers, step by step.",
    "Sometimes too long.",
    "Saved me a visit to an office.",
    "Kind and patient.",
    "Good, though it asked me twice for my country.",
)


def lively(world: World) -> World:
    """Thirty subscribers and a dozen users of a business from 15 Dec to 13 Jan; December is closed and paid out. It is
    14 Jan, 10:00."""
    world.now = dt.datetime(2025, 12, 31, 23, tzinfo=dt.UTC)
    for number in range(30):
        world.pay_for(f"u{number:02}", "19.00", "2025-12", "ada" if number < 7 else "")
    first = dt.datetime(2025, 12, 15, tzinfo=dt.UTC)
    days = [first + dt.timedelta(days=number) for number in range(30)]
    world.take(*(row for day in days[:17] for row in _day(day)))
    world.settle(jan(1, 3))
    world.settle(jan(2, 3))
    world.process()
    world.now = jan(13, 23)
    for number in range(28):
        world.pay_for(f"u{number:02}", "19.00", "2026-01", "ada" if number < 7 else "")
    world.take(*(row for day in days[17:] for row in _day(day)))
    world.take(*(rating("tax", jan(5 + number, 12), 5 - number % 3, f"u{number:02}") for number in range(6)))
    for number, text in enumerate(REVIEWS, 10):
        world.take(rating("tax", jan(6, number), 5 if number % 2 else 4, f"u{number:02}", text))
    world.settle(jan(14, 3))
    world.now = jan(14, 10)
    world.take(*_day(jan(14, 0), until=9))
    return world


def _day(day: dt.datetime, until: int = 24) -> list[Row]:
    """A day of use: more in the evening, more each week; every third user asks only once."""
    rows: list[Row] = []
    busy = 12 + (day.toordinal() - dt.date(2025, 12, 15).toordinal()) // 3
    for place in range(busy):
        number = (place * 7 + day.toordinal()) % 30
        hour = (18, 19, 19, 20, 9, 14)[place % 6]
        if hour >= until:
            continue
        user, asked = f"u{number:02}", 1 if number % 3 == 0 else 2 + number % 5
        for turn in range(asked):
            question = QUESTIONS[number % len(QUESTIONS)] if turn == 0 else None
            rows.append(message("tax", day + dt.timedelta(hours=hour, minutes=turn), 900, user, question=question))
        other = "yoga" if number % 2 else "trip"
        rows.append(message(other, day + dt.timedelta(hours=8), 700, user, f"{user}-{day:%j}"))
    for place in range(6):
        user = f"b{(place + day.day) % 12:02}"
        at = day + dt.timedelta(hours=11, minutes=place)
        shared = "Northwind support desk" if place == 0 else None
        if at.hour < until:
            rows.append(message("tax", at, 60_000, user, embed=True, shared_context=shared))
    return rows
