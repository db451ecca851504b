"""`verify`: no entry is slipped in and no account holds what its rows don't say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlmodel import Session

from core.ledger import accounts, journal, seal
from core.ledger.journal import Move
from core.storage import Database
from core.verify import verify
from tests.desk_world import World, button_of, jan, said
from tests.tamper import unprotected


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    """A desk where money was earned, corrected, paid, given back and is on its way."""
    world = World(database).funded()
    world.earn("song", jan(12, 11), 100)
    world.settle(jan(14))
    card = world.ask("Ann", '/desk adjust ada 5 "Made good by hand"')
    assert card.ok, said(card)
    card = world.ask("Amos", "/desk adjustments")
    assert world.press("Amos", "adjust.approve", button_of(card.card, "Approve").value).ok
    rejected, paid = world.withdrawal(), world.withdrawal()
    world.withdrawal()
    assert world.press("Mira", "payout.reject", str(rejected), reason="Not this time, sorry").ok
    assert world.press("Mira", "payout.approve", str(paid)).ok
    world.pay()
    yield world
    world.close()


def _wrong(session: Session) -> dict[str, str]:
    return {check.name: check.detail for check in verify(session) if not check.ok}


def _post(session: Session, kind: str, debit: tuple[str, str], credit: tuple[str, str]) -> None:
    """$7.00 moved by an entry that balances, sealed like any other."""
    ends = [accounts.open_account(session, "studio", role, creator) for role, creator in (debit, credit)]
    journal.post(session, f"forged:{kind}", kind, jan(14), [Move(ends[0], ends[1], 7_000_000)])
    seal.seal(session)


def test_a_desk_with_history_is_well(world: World) -> None:
    """Earnings, adjustments and withdrawals in every state explain every account."""
    with world.database.reading() as session:
        assert _wrong(session) == {}


@pytest.mark.parametrize("kind", ["gift", "settlement"])
def test_a_forged_gift_is_noticed(world: World, kind: str) -> None:
    """A balanced entry that no row stands behind is named, and so are both accounts that it touched."""
    with world.database.transaction() as session:
        _post(session, kind, ("margin", ""), ("available", "bo"))
        wrong = _wrong(session)
        session.rollback()
    assert "forged:" in wrong["kinds of entries"]
    assert "studio:available:bo holds 7.000000 more" in wrong["wallets and their rows"]
    assert "studio:margin holds 7.000000 less" in wrong["programs and settled days"]


def test_money_moved_between_creators_is_noticed(world: World) -> None:
    """A transfer between two wallets is noticed on both sides, whatever entry it hides in."""
    with world.database.transaction() as session:
        _post(session, "adjustment", ("available", "ada"), ("available", "bo"))
        wrong = _wrong(session)
        session.rollback()
    assert "studio:available:ada holds 7.000000 less" in wrong["wallets and their rows"]
    assert "studio:available:bo holds 7.000000 more" in wrong["wallets and their rows"]


def test_a_settlement_taken_back_is_noticed(world: World) -> None:
    """Only withdrawals are ever taken back: the reversal of a settlement is no entry of ours."""
    with world.database.transaction() as session:
        first = journal.find(session, "settlement:studio:1")
        assert first is not None
        journal.reverse(session, first.id or 0, "undo", jan(14))
        assert "takes back what is never taken back" in _wrong(session)["kinds of entries"]
        session.rollback()


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE adjustment SET reason = 'Something else entirely'", "adjustments and entries"),
        ("UPDATE adjustment SET creator_id = 'bo'", "wallets and their rows"),
        ("UPDATE withdrawal SET creator_id = 'bo' WHERE state = 'requested'", "wallets and their rows"),
        ("UPDATE program SET settled_through = '2026-01-11'", "runs"),
        ("UPDATE program SET settled_through = '2026-02-11'", "runs"),
    ],
)
def test_a_changed_row_is_noticed(world: World, statement: str, check: str) -> None:
    """What the rooms' own rows say is compared with the ledger, wallet by wallet."""
    with unprotected(world.database) as session:
        session.connection().execute(text(statement))
        assert check in _wrong(session)


def test_a_missing_trigger_is_noticed(world: World) -> None:
    """A table that could be changed again is named, with the trigger that it lacks."""
    sqlite = world.database.engine.dialect.name == "sqlite"
    name = "seal_no_update" if sqlite else "seal_append_only"
    with world.database.transaction() as session:
        session.connection().execute(text(f"DROP TRIGGER {name}{'' if sqlite else ' ON seal'}"))
        assert _wrong(session) == {"append-only tables": f"seal can be changed: trigger {name} is gone"}
        session.rollback()


def test_a_line_missing_from_the_trail_is_noticed(world: World) -> None:
    """SQLite numbers the audit trail without gaps, so one is a line that someone took out."""
    if world.database.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's sequences have gaps of their own")
    with unprotected(world.database) as session:
        session.connection().execute(text("DELETE FROM audit_record WHERE id = 2"))
        assert "audit trail" in _wrong(session)


def test_a_gift_is_no_adjustment(world: World) -> None:
    """/balance tells of approved adjustments only: money that came otherwise is not called one."""
    with world.database.transaction() as session:
        _post(session, "gift", ("margin", ""), ("available", "ada"))
    assert "$5.00" in said(world.ask("ada", "/balance"))
    assert "$12.00" not in said(world.ask("ada", "/balance"))
