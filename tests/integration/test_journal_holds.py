"""Holding, taking back and numbering entries; and that the books only grow."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlalchemy import literal, select, text, union_all
from sqlalchemy.exc import IntegrityError

from core.ledger import accounts, journal
from core.ledger.journal import AlreadyReversed, IdempotencyConflict, Move, NoSuchEntry
from core.ledger.seal import seal
from core.ledger.tables import Entry
from core.storage import Database, is_postgres
from tests.conftest import count
from tests.journal_world import AVAILABLE, COSTS, FIRST, RESERVED, USAGE, at_once, balances, count_of, open_books
from tests.ledger_world import NOW, wrong


@pytest.fixture
def books(database: Database) -> Database:
    """A ledger with the accounts of program studio and creator ada, on either database."""
    return open_books(database)


def test_takes_an_entry_back(books: Database) -> None:
    """A reversal names what it takes back, moves every amount the other way and keeps the kind."""
    with books.transaction() as session:
        first = journal.post(session, "k1", "withdrawal", NOW, FIRST)
        assert first.id is not None
        later = NOW + dt.timedelta(hours=1)
        back = journal.reverse(session, first.id, "k1:back", later, "Rejected")
        assert (back.key, back.kind, back.effective_at, back.memo) == ("k1:back", "withdrawal", later, "Rejected")
        assert back.reverses == first.id
        assert back.id is not None
        assert journal.moves_of(session, back.id) == [Move(AVAILABLE, USAGE, 1_000), Move(COSTS, USAGE, 1)]
        assert balances(session) == {}
        assert journal.reverse(session, first.id, "k1:back", later, "Rejected").id == back.id
        assert balances(session) == {}
        assert wrong(session) == {}


def test_takes_an_entry_back_once(books: Database) -> None:
    """The second reversal is refused and says which one was first; nothing moves."""
    with books.transaction() as session:
        first = journal.post(session, "k1", "withdrawal", NOW, FIRST)
        assert first.id is not None
        journal.reverse(session, first.id, "k1:back", NOW)
        expected = f"^Nothing changed. Ledger entry {first.id} was already taken back, by 'k1:back'.$"
        with pytest.raises(AlreadyReversed, match=expected):
            journal.reverse(session, first.id, "other", NOW)
        with pytest.raises(AlreadyReversed, match=expected):
            journal.post(session, "third", "test", NOW, FIRST, reverses=first.id)
        with pytest.raises(IdempotencyConflict):
            journal.reverse(session, first.id, "k1", NOW)
        assert balances(session) == {}
    assert count(books, "entry") == 2


def test_a_reversal_can_be_taken_back_itself(books: Database) -> None:
    """A reversal is an entry like any other."""
    with books.transaction() as session:
        first = journal.post(session, "k1", "withdrawal", NOW, FIRST)
        back = journal.reverse(session, first.id or 0, "k2", NOW)
        journal.reverse(session, back.id or 0, "k3", NOW)
        assert balances(session) == {USAGE: -1_001, AVAILABLE: 1_000, COSTS: 1}
        assert wrong(session) == {}


def test_there_is_nothing_to_take_back(books: Database) -> None:
    """An entry that isn't there can't be taken back."""
    with books.transaction() as session, pytest.raises(NoSuchEntry, match="The ledger has no entry 77"):
        journal.reverse(session, 77, "k", NOW)


def test_many_take_one_entry_back_at_once(books: Database) -> None:
    """Of many that take one entry back under different keys, one succeeds and the others are told who did."""
    with books.transaction() as session:
        first = journal.post(session, "k1", "withdrawal", NOW, FIRST)

    def work(index: int) -> object:
        with books.transaction() as session:
            return journal.reverse(session, first.id or 0, f"back{index}", NOW).id

    results = at_once(8, work)
    assert sum(isinstance(result, int) for result in results) == 1
    assert sum(isinstance(result, AlreadyReversed) for result in results) == 7
    with books.reading() as session:
        assert balances(session) == {}


def test_holds_what_the_balance_covers(books: Database) -> None:
    """A hold of the whole balance passes, of a micro more it doesn't and leaves no trace."""
    with books.transaction() as session:
        journal.post(session, "k1", "settlement", NOW, [Move(USAGE, AVAILABLE, 100)])
        assert journal.hold(session, AVAILABLE, RESERVED, 101, "h1", "withdrawal", NOW) is None
        assert journal.find(session, "h1") is None
        assert balances(session) == {USAGE: -100, AVAILABLE: 100}
        held = journal.hold(session, AVAILABLE, RESERVED, 100, "h1", "withdrawal", NOW, "memo")
        assert held is not None
        assert held.id is not None
        assert journal.find(session, "h1") == held
        assert (held.key, held.kind, held.effective_at, held.memo, held.reverses) == (
            "h1",
            "withdrawal",
            NOW,
            "memo",
            None,
        )
        assert journal.moves_of(session, held.id) == [Move(AVAILABLE, RESERVED, 100)]
        assert balances(session) == {USAGE: -100, RESERVED: 100}
        assert journal.hold(session, AVAILABLE, RESERVED, 1, "h2", "withdrawal", NOW) is None
        assert wrong(session) == {}


def test_the_same_hold_again_changes_nothing(books: Database) -> None:
    """The same hold again gives the first entry, covered or not; with other content it is a conflict."""
    with books.transaction() as session:
        journal.post(session, "k1", "settlement", NOW, [Move(USAGE, AVAILABLE, 150)])
        held = journal.hold(session, AVAILABLE, RESERVED, 100, "h1", "withdrawal", NOW)
        again = journal.hold(session, AVAILABLE, RESERVED, 100, "h1", "withdrawal", NOW)
        assert held == again
        for amount in (10, 120):
            with pytest.raises(IdempotencyConflict):
                journal.hold(session, AVAILABLE, RESERVED, amount, "h1", "withdrawal", NOW)
        assert balances(session) == {USAGE: -150, AVAILABLE: 50, RESERVED: 100}
    assert count(books, "entry") == 2


def test_other_moves_may_make_a_balance_negative(books: Database) -> None:
    """Only holds look at the balance; a settlement's difference may take more than there is."""
    with books.transaction() as session:
        journal.post(session, "k1", "settlement", NOW, [Move(AVAILABLE, USAGE, 5)])
        assert accounts.balance(session, "studio", "available", "ada") == -5
        assert journal.hold(session, AVAILABLE, RESERVED, 1, "h1", "withdrawal", NOW) is None


def test_two_hundred_hold_at_once(books: Database) -> None:
    """Of 200 simultaneous $50.00 holds on $1,000.00 exactly 20 pass, and the balance ends at zero."""
    with books.transaction() as session:
        journal.post(session, "k1", "settlement", NOW, [Move(USAGE, AVAILABLE, 1_000_000_000)])

    def work(index: int) -> object:
        with books.transaction() as session:
            held = journal.hold(session, AVAILABLE, RESERVED, 50_000_000, f"h{index}", "withdrawal", NOW)
            return None if held is None else held.id

    results = at_once(200, work)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert len({result for result in results if result is not None}) == 20
    with books.reading() as session:
        assert balances(session) == {USAGE: -1_000_000_000, RESERVED: 1_000_000_000}
        assert wrong(session) == {}


def test_holds_and_returns_at_once(books: Database) -> None:
    """Money held and given back by many at the same time is never lost, doubled or overdrawn."""
    with books.transaction() as session:
        journal.post(session, "k1", "settlement", NOW, [Move(USAGE, AVAILABLE, 300)])

    def work(index: int) -> object:
        with books.transaction() as session:
            held = journal.hold(session, AVAILABLE, RESERVED, 100, f"h{index}", "withdrawal", NOW)
        if held is not None and held.id is not None:
            with books.transaction() as session:
                journal.reverse(session, held.id, f"h{index}:back", NOW)
        return held is not None

    results = at_once(30, work)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert sum(result is True for result in results) >= 3
    with books.reading() as session:
        assert balances(session) == {USAGE: -300, AVAILABLE: 300}
        assert wrong(session) == {}


def test_a_hold_during_a_settlement_waits_for_it(books: Database) -> None:
    """A request that comes while a settlement is posting waits without holding what the settlement needs."""
    with books.transaction() as session:
        journal.post(session, "k1", "settlement", NOW, [Move(USAGE, AVAILABLE, 300)])
    posting = threading.Event()

    def work(index: int) -> object:
        if index:
            posting.wait()
            with books.transaction() as session:
                return journal.hold(session, AVAILABLE, RESERVED, 300, "h1", "withdrawal", NOW) is not None
        with books.transaction() as session:
            entry_id = journal.open_entry(session, "s1", "settlement", NOW)
            posting.set()
            while is_postgres(session) and not session.connection().execute(WAITS).scalar_one():
                continue
            line = select(literal(1), literal(USAGE), literal(AVAILABLE), literal(10))
            return journal.post_select(session, entry_id, line)

    assert sorted(at_once(2, work), key=str) == [1, True]
    with books.reading() as session:
        assert balances(session) == {USAGE: -310, AVAILABLE: 10, RESERVED: 300}


WAITS = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


def test_writes_an_entry_from_a_select(books: Database) -> None:
    """Transfers come from a SELECT, in any number of goes; the balances follow each time; the count is told."""
    with books.transaction() as session:
        entry_id = journal.open_entry(session, "s1", "settlement", NOW, "Usage of 13 Jan")
        lines = [(1, USAGE, AVAILABLE, 10), (2, USAGE, AVAILABLE, 20), (3, AVAILABLE, USAGE, 5)]
        rows = union_all(*(select(*(literal(part) for part in line)) for line in lines)).subquery()
        assert journal.post_select(session, entry_id, select(rows)) == 3
        assert balances(session) == {USAGE: -25, AVAILABLE: 25}
        costs = select(literal(4), literal(USAGE), literal(COSTS), literal(7))
        assert journal.post_select(session, entry_id, costs) == 1
        assert journal.post_select(session, entry_id, costs.where(literal(1) == 2)) == 0
        assert balances(session) == {USAGE: -32, AVAILABLE: 25, COSTS: 7}
        assert journal.moves_of(session, entry_id) == [Move(*line[1:]) for line in lines] + [Move(USAGE, COSTS, 7)]
        found = journal.find(session, "s1")
        assert found == Entry(id=entry_id, key="s1", kind="settlement", effective_at=NOW, memo="Usage of 13 Jan")
        assert wrong(session) == {}


@pytest.mark.parametrize("seqs", [(2,), (1, 3), (0,)])
def test_transfers_are_numbered_without_a_gap(books: Database, seqs: tuple[int, ...]) -> None:
    """A SELECT whose numbers don't go on from the entry's last one is refused."""
    with books.transaction() as session:
        entry_id = journal.open_entry(session, "s1", "settlement", NOW)
        rows = union_all(*(select(literal(seq), literal(USAGE), literal(COSTS), literal(1)) for seq in seqs))
        with pytest.raises(ValueError, match=f"entry {entry_id}: transfers must be numbered on from 0"):
            journal.post_select(session, entry_id, select(rows.subquery()))
        assert balances(session) == {}


def test_refuses_times_without_a_zone(sqlite_database: Database) -> None:
    """A time that could be any zone's is no business time."""
    naive = NOW.replace(tzinfo=None)
    with sqlite_database.transaction() as session:
        with pytest.raises(ValueError, match="naive datetime"):
            journal.post(session, "k", "test", naive, FIRST)
        with pytest.raises(ValueError, match="naive datetime"):
            journal.open_entry(session, "k", "test", naive)


def test_opens_an_entry_once(books: Database) -> None:
    """A key that is taken can't be opened: what is to be written can't be compared with what is there."""
    with books.transaction() as session:
        journal.open_entry(session, "s1", "settlement", NOW)
        with pytest.raises(IdempotencyConflict, match="'s1'"):
            journal.open_entry(session, "s1", "settlement", NOW)
    assert count(books, "entry") == 1


def test_nobody_posts_into_an_open_entry(books: Database) -> None:
    """While an entry is open others wait with posting, so that a seal passes over none of them."""
    order: list[str] = []
    opened = threading.Event()

    def poster() -> None:
        opened.wait()
        with books.transaction() as session:
            journal.post(session, "late", "test", NOW, [Move(USAGE, COSTS, 1)])
            order.append("posted")

    thread = threading.Thread(target=poster)
    thread.start()
    with books.transaction() as session:
        entry_id = journal.open_entry(session, "s1", "settlement", NOW)
        opened.set()
        thread.join(0.3)
        journal.post_select(session, entry_id, select(literal(1), literal(USAGE), literal(AVAILABLE), literal(1)))
        order.append("settled")
    thread.join()
    assert order == ["settled", "posted"]


CHANGES = {
    "sqlite": ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "INSERT OR REPLACE INTO {0} SELECT * FROM {0}"),
    "postgresql": ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"),
}


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize(("table", "column"), [("entry", "memo"), ("transfer", "amount"), ("seal", "head")])
def test_the_books_are_append_only(books: Database, table: str, column: str, number: int) -> None:
    """No statement of the database's own changes, replaces or removes what was written."""
    with books.transaction() as session:
        journal.post(session, "k1", "settlement", NOW, FIRST)
        seal(session)
    change = CHANGES[books.engine.dialect.name][number].format(table, column)
    with pytest.raises(IntegrityError, match="is append-only"), books.transaction() as session:
        session.connection().execute(text(change))
    with books.reading() as session:
        assert wrong(session) == {}
        assert count_of(session, table) > 0


@pytest.mark.parametrize("trusting", [True, False])
@pytest.mark.parametrize(
    "row",
    [
        "INSERT OR REPLACE INTO entry (id, key, kind, effective_at, memo) VALUES (99, 'k1', 'x', '2026-01-01', '')",
        "INSERT OR REPLACE INTO entry (id, key, kind, effective_at, memo, reverses) VALUES (99, 'z', '', '', '', 1)",
        "INSERT OR REPLACE INTO seal (number, last_entry_id, head) VALUES (99, 2, 'x')",
        "INSERT OR REPLACE INTO seal (number, last_entry_id, head) VALUES (1, 99, 'x')",
    ],
)
def test_replacing_through_any_unique_key_is_refused(sqlite_database: Database, row: str, trusting: bool) -> None:
    """SQLite's REPLACE is refused through every unique key, also for a client that leaves recursive triggers off."""
    with sqlite_database.transaction() as session:
        accounts.open_wallets(session, [("studio", "ada")])
        first = journal.post(session, "k1", "test", NOW, [Move(AVAILABLE, RESERVED, 1)])
        journal.reverse(session, first.id or 0, "k2", NOW)
        seal(session)
    raw = sqlite_database.engine.raw_connection()
    raw.cursor().execute(f"PRAGMA recursive_triggers = {'ON' if trusting else 'OFF'}")
    raw.cursor().execute("PRAGMA foreign_keys = OFF")
    with pytest.raises(Exception, match="is append-only"):
        raw.cursor().execute(row)
    raw.close()
    with sqlite_database.reading() as session:
        assert wrong(session) == {}


def test_holds_many(books: Database) -> None:
    """Many holds are entries of one transfer each, in order; one that a balance does not cover undoes all of them."""
    with books.transaction() as session:
        entry_id = journal.open_entry(session, "k1", "test", NOW)
        journal.post_moves(session, entry_id, [Move(USAGE, AVAILABLE, 900), Move(USAGE, AVAILABLE, 100)])
        assert journal.moves_of(session, entry_id) == [Move(USAGE, AVAILABLE, 900), Move(USAGE, AVAILABLE, 100)]
        holds = [journal.Hold(f"h{number}", AVAILABLE, RESERVED, 300, "held") for number in range(3)]
        journal.hold_all(session, "test", NOW, holds)
        journal.hold_all(session, "test", NOW, [])
        assert balances(session) == {USAGE: -1_000, AVAILABLE: 100, RESERVED: 900}
        assert [journal.find(session, one.key) is not None for one in holds] == [True] * 3
        assert wrong(session) == {}
    for again, refusal in ((journal.Hold("h9", AVAILABLE, RESERVED, 101), ValueError), (holds[0], IntegrityError)):
        with pytest.raises(refusal), books.transaction() as session:
            journal.hold_all(session, "test", NOW, [journal.Hold("h8", AVAILABLE, RESERVED, 1), again])
    with books.reading() as session:
        assert balances(session) == {USAGE: -1_000, AVAILABLE: 100, RESERVED: 900}
        assert journal.find(session, "h8") is None
