"""`verify` notices what is wrong with payments, months and the roll-ups behind them, and says where."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import core.verify
from core.earnings import checks, checks_months, checks_visits
from core.ledger.verify import run
from core.storage import Database
from core.verify import verify
from tests.revenue_world import World, at
from tests.tamper import unprotected

FINDS = dict((*checks.CHECKS, *checks_months.CHECKS, *checks_visits.CHECKS, *core.verify.CHECKS))
# A change, the check that notices it, and words of what it says.
CHANGES = [
    ("UPDATE payment SET voided = true WHERE payment_id = 'p5'", "payments and voids", "payment platform/p5 is marked"),
    ("UPDATE payment SET voided = false WHERE voided", "payments and voids", "is marked wrongly"),
    ("DELETE FROM payment_void", "payments and voids", "is not indexed"),
    ("DELETE FROM payment WHERE voids IS NOT NULL", "payments and voids", "is kept wrongly"),
    ("UPDATE payment_void SET applied = false", "payments and voids", "is kept wrongly"),
    ("UPDATE payment SET amount = amount + 10 WHERE payment_id = 'p5'", "months and payments", "helpers, Jan 2026"),
    ("UPDATE payment SET referrer_id = 'bob' WHERE payment_id = 'p5'", "months and payments", "referrer bob, Jan 2026"),
    ("UPDATE payment SET user_id = 'idle' WHERE payment_id = 'p5'", "months and payments", "project bot, Jan 2026"),
    (
        "UPDATE payment SET month = '2026-02-01' WHERE payment_id = 'p5'",
        "months and payments",
        "payments posted too high",
    ),
    ("DELETE FROM dirty_month", "months and payments", "Mar 2026: not marked as waiting"),
    ("UPDATE month_use SET tokens = tokens + 9 WHERE user_id = 'uma'", "use by month and messages", "too high by 9"),
    (
        "UPDATE month_use SET tokens = tokens * 2 WHERE project_id = 'bot'",
        "months and payments",
        "project bot, Jan 2026",
    ),
    (
        "UPDATE month_line SET share = share + 1 WHERE project_id = 'tutor'",
        "lines of months",
        "project tutor, Jan 2026",
    ),
    ("UPDATE month_line SET gross = gross - 7", "months and payments", "gross posted too low"),
    ("UPDATE month_line SET share_bp = 1", "lines of months", "project bot, Jan 2026"),
    ("UPDATE month_line SET late = false WHERE late", "lines of months", "the lines kept don't give"),
    ("UPDATE month_line SET project_id = 'nobody' WHERE project_id = 'tutor'", "lines of months", "nobody is not here"),
    ("UPDATE month_line SET seq = seq + 1 WHERE seq > 0", "months and transfers", "project bot, Jan 2026: transfer"),
    ("UPDATE month_line SET month = '2025-12-01'", "sums of months", "helpers, Dec 2025"),
    ("UPDATE month_line SET bucket = '2026-09-01' WHERE late", "pending by month", "waits for Sep 2026"),
    ("UPDATE referral_line SET amount = amount + 5", "months and payments", "referrer cleo, Jan 2026: commission"),
    ("UPDATE referral_line SET paid = paid * 2", "lines of months", "referrer cleo, Jan 2026"),
    ("UPDATE referral_line SET referral_bp = 1", "lines of months", "referrer cleo, Jan 2026"),
    ("UPDATE referral_line SET creator_id = 'bob'", "months and transfers", "referrer bob, Jan 2026: transfer"),
    ("UPDATE month_total SET payments = payments + 1", "programs and settled days", "helpers:subscriptions holds"),
    ("UPDATE month_total SET share = share + 1, gross = 0", "sums of months", "helpers, Jan 2026: the sums of entry"),
    ("UPDATE settlement_line SET bucket = NULL", "pending by month", "waits for no month"),
    ("UPDATE settlement_line SET price = price + 1", "settled lines", "the explanation kept"),
    ("UPDATE settlement_line SET tokens = tokens + 1", "settled lines", "the explanation kept"),
    (
        "UPDATE project_price SET price = price + 10000 WHERE project_id = 'bot'",
        "settled days and roll-ups",
        "project bot",
    ),
    ("UPDATE pending_month SET amount = amount + 1", "pending by month", "0.000001 too much of ada waits"),
    ("UPDATE pending_month SET amount = 1", "wallets and their rows", "helpers:pending:ada holds"),
    ("DELETE FROM pending_month", "wallets and their rows", "helpers:available:ada holds"),
    ("UPDATE usage_day SET embed_tokens = 5", "roll-ups and events", "embed_tokens too"),
    ("UPDATE usage_day SET messages = 50", "roll-ups and events", "messages too high by"),
    ("UPDATE visit SET messages = messages + 1", "visits and messages", "messages too high by 1"),
    ("UPDATE visit SET slot = slot + 1", "visits and messages", "project bot on 2026-01-10"),
    ("UPDATE question SET asked = asked + 1", "questions and messages", "questions too high by 1"),
    ("DELETE FROM shared_context", "questions and messages", "shared contexts too low by 1"),
    ("UPDATE rating SET stars = 5", "ratings and events", "is not its event's"),
    ("UPDATE rating SET review = 'Bad'", "ratings and events", "is not its event's"),
    ("UPDATE transfer SET amount = amount + 1 WHERE entry_id = 1", "settlements and lines", "entry 1 differs from its"),
]


@pytest.fixture
def world(database: Database) -> World:
    """January closed, paid out and changed since; February closed; March under way."""
    world = World(database)
    asked = world.message("bot", at(1, 10), 400)
    asked["question"] = "What is it?"
    shared = world.message("bot", at(1, 12), 1_000_000, user="acme", channel="embed")
    shared["shared_context"] = "Acme, support"
    world.take(asked, shared, world.message("tutor", at(1, 11), 600))
    refunded = world.payment("uma", "7")
    world.collect(refunded, world.payment("uma", "19.00", referrer="cleo"))
    rating = {"event_id": "r1", "occurred_at": "2026-01-12T09:00:00Z", "project_id": "bot", "user_id": "uma"}
    world.take({**rating, "kind": "rating", "stars": 4, "review": "Good"})
    world.settle(at(2, 2, 3))
    world.process(at(2, 2, 3))
    world.refund(refunded)
    world.take(world.message("coach", at(1, 30), 1_000))
    world.settle(at(3, 1, 3))
    world.collect(world.payment("uma", "19.00", "2026-03"))
    return world


def _wrong(world: World) -> dict[str, str]:
    with world.database.reading() as session:
        return {check.name: check.detail for check in verify(session) if not check.ok}


def test_a_desk_with_months_is_well(world: World) -> None:
    """Closed, paid out, changed and waiting months explain every account."""
    assert _wrong(world) == {}


def test_notices_every_change(world: World) -> None:
    """A changed or missing row is found by the check that looks at it, named by project and month."""
    with unprotected(world.database) as session:
        missed = []
        for statement, name, words in CHANGES:
            savepoint = session.connection().begin_nested()
            assert session.connection().execute(text(statement)).rowcount > 0, statement
            found = run(session, name, FINDS[name])
            if found.ok or words not in found.detail:
                missed.append((statement, words, found))
            savepoint.rollback()
        assert missed == []
