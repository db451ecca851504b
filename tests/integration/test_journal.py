"""The journal: posting, posting again, taking back, holding, and set-based entries."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, literal, select, text, union_all
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session

from core.ledger import accounts, journal
from core.ledger.journal import AlreadyReversed, IdempotencyConflict, Move, NoSuchEntry, UnfitEntry
from core.ledger.money import LARGEST
from core.ledger.seal import seal
from core.ledger.tables import Entry, Transfer
from core.storage import Database, table_of
from tests.conftest import count
from tests.ledger_world import NOW, wrong

USAGE = accounts.account_id("studio", "usage")
COSTS = accounts.account_id("studio", "costs")
PENDING = accounts.account_id("studio", "pending", "ada")
AVAILABLE = accounts.account_id("studio", "available", "ada")
RESERVED = accounts.account_id("studio", "reserved", "ada")


@pytest.fixture
def books(database: Database) -> Database:
    """A ledger with the accounts of program studio and creator ada, on either database."""
    with database.transaction() as session:
        accounts.open_wallets(session, [("studio", "ada")])
        accounts.open_account(session, "studio", "usage")
        accounts.open_account(session, "studio", "costs")
    return database


def balances(session: Session) -> dict[int, int]:
    """Every balance that isn't zero, by account."""
    rows = session.connection().execute(text("SELECT id, balance FROM account WHERE balance <> 0"))
    return {row.id: row.balance for row in rows}


def at_once(number: int, work: Callable[[int], object]) -> list[object]:
    """What each of so many threads returned, or the exception it died of."""
    results: list[object] = []
    barrier = threading.Barrier(number)

    def run(index: int) -> None:
        barrier.wait()
        try:
            results.append(work(index))
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=[index]) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_posts_an_entry(books: Database) -> None:
    """An entry keeps its facts in UTC, its transfers in order, and moves every balance."""
    berlin = dt.timezone(dt.timedelta(hours=1))
    with books.transaction() as session:
        moves = [Move(USAGE, AVAILABLE, 1_000), Move(USAGE, COSTS, 300), Move(AVAILABLE, RESERVED, 200)]
        entry = journal.post(session, "k1", "settlement", NOW.astimezone(berlin), moves, "Usage of 13 Jan")
        assert entry.id is not None
    with books.reading() as session:
        found = journal.find(session, "k1")
        assert found is not None
        for one in (entry, found):
            assert (one.id, one.key, one.kind, one.memo) == (entry.id, "k1", "settlement", "Usage of 13 Jan")
            assert (one.effective_at, one.effective_at.utcoffset(), one.reverses) == (NOW, dt.timedelta(0), None)
        assert journal.moves_of(session, entry.id) == moves
        seqs = session.connection().execute(text("SELECT seq FROM transfer ORDER BY seq")).scalars().all()
        assert seqs == [1, 2, 3]
        assert balances(session) == {USAGE: -1_300, AVAILABLE: 800, COSTS: 300, RESERVED: 200}
        assert wrong(session) == {}
        assert journal.find(session, "k2") is None


def test_money_that_comes_back_in_one_entry_changes_no_balance(books: Database) -> None:
    """Moves that cancel out are kept as moves and leave the balances as they were."""
    with books.transaction() as session:
        journal.post(session, "k1", "test", NOW, [Move(USAGE, AVAILABLE, 5), Move(AVAILABLE, USAGE, 5)])
        assert balances(session) == {}
        assert count_of(session, "transfer") == 2


def count_of(session: Session, table: str) -> int:
    """How many rows a table has, seen from inside a transaction."""
    return int(session.connection().execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_the_same_again_changes_nothing(books: Database) -> None:
    """The same key with the same content gives the first entry, and moves nothing a second time."""
    moves = [Move(USAGE, AVAILABLE, 1_000), Move(USAGE, COSTS, 1)]
    with books.transaction() as session:
        first = journal.post(session, "k1", "settlement", NOW, moves, "memo")
        again = journal.post(session, "k1", "settlement", NOW, list(moves), "memo")
        assert again.id == first.id
    with books.transaction() as session:
        assert journal.post(session, "k1", "settlement", NOW, moves, "memo").id == first.id
        assert balances(session) == {USAGE: -1_001, AVAILABLE: 1_000, COSTS: 1}
    assert (count(books, "entry"), count(books, "transfer")) == (1, 2)


FIRST = [Move(USAGE, AVAILABLE, 1_000), Move(USAGE, COSTS, 1)]


@pytest.mark.parametrize(
    ("kind", "at", "moves", "memo"),
    [
        ("other", NOW, FIRST, "memo"),
        ("settlement", NOW + dt.timedelta(microseconds=1), FIRST, "memo"),
        ("settlement", NOW, FIRST, "other"),
        ("settlement", NOW, FIRST[:1], "memo"),
        ("settlement", NOW, FIRST[::-1], "memo"),
        ("settlement", NOW, [*FIRST, Move(USAGE, COSTS, 1)], "memo"),
        ("settlement", NOW, [Move(USAGE, AVAILABLE, 1_001), FIRST[1]], "memo"),
        ("settlement", NOW, [Move(COSTS, AVAILABLE, 1_000), FIRST[1]], "memo"),
        ("settlement", NOW, [Move(USAGE, RESERVED, 1_000), FIRST[1]], "memo"),
    ],
)
def test_the_same_key_with_other_content_is_refused(
    books: Database, kind: str, at: dt.datetime, moves: list[Move], memo: str
) -> None:
    """A key stands for one content: any difference is a conflict, and nothing moves."""
    with books.transaction() as session:
        journal.post(session, "k1", "settlement", NOW, FIRST, "memo")
    with books.transaction() as session:
        with pytest.raises(IdempotencyConflict, match="already holds an entry 'k1' with other content"):
            journal.post(session, "k1", kind, at, moves, memo)
        assert balances(session) == {USAGE: -1_001, AVAILABLE: 1_000, COSTS: 1}
    assert (count(books, "entry"), count(books, "transfer")) == (1, 2)


def test_many_post_the_same_key_at_once(books: Database) -> None:
    """Of many that post one key at the same time, one writes; all get the same entry; the money moves once."""

    def work(_: int) -> object:
        with books.transaction() as session:
            return journal.post(session, "k1", "settlement", NOW, FIRST).id

    results = at_once(12, work)
    assert len(set(results)) == 1
    assert isinstance(results[0], int)
    with books.reading() as session:
        assert balances(session) == {USAGE: -1_001, AVAILABLE: 1_000, COSTS: 1}


def test_many_post_one_key_with_different_content_at_once(books: Database) -> None:
    """Of many that post one key with different content, one wins and every other is told of the conflict."""

    def work(index: int) -> object:
        with books.transaction() as session:
            return journal.post(session, "k1", "settlement", NOW, [Move(USAGE, AVAILABLE, index + 1)]).id

    results = at_once(8, work)
    assert sum(isinstance(result, int) for result in results) == 1
    assert sum(isinstance(result, IdempotencyConflict) for result in results) == 7
    assert count(books, "transfer") == 1


def test_many_post_across_the_same_accounts(books: Database) -> None:
    """Posters that touch the same accounts in opposite order neither deadlock nor lose a cent."""

    def work(index: int) -> object:
        with books.transaction() as session:
            moves = [Move(USAGE, AVAILABLE, 2), Move(USAGE, COSTS, 3), Move(AVAILABLE, RESERVED, 1)]
            return journal.post(session, f"k{index}", "test", NOW, moves[:: 1 if index % 2 else -1]).id

    results = at_once(24, work)
    assert len({result for result in results if isinstance(result, int)}) == 24
    with books.reading() as session:
        assert balances(session) == {USAGE: -120, AVAILABLE: 24, COSTS: 72, RESERVED: 24}
        assert wrong(session) == {}


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"moves": []}, "it moves nothing"),
        ({"moves": [Move(USAGE, COSTS, 0)]}, "0 is no amount that can be moved"),
        ({"moves": [Move(USAGE, COSTS, 1), Move(USAGE, COSTS, -1)]}, "-1 is no amount that can be moved"),
        ({"moves": [Move(USAGE, COSTS, LARGEST + 1)]}, "9000000000000000001 is no amount that can be moved"),
        ({"moves": [Move(USAGE, USAGE, 1)]}, "an account can't pay itself"),
        ({"key": ""}, "its key is empty, longer than 400 characters or holds a NUL"),
        ({"key": "k" * 401}, "its key is empty, longer than 400 characters or holds a NUL"),
        ({"key": "k\0"}, "its key is empty, longer than 400 characters or holds a NUL"),
        ({"kind": ""}, "its kind is empty, longer than 40 characters or holds a NUL"),
        ({"kind": "k" * 41}, "its kind is empty, longer than 40 characters or holds a NUL"),
        ({"memo": "m" * 601}, "its memo is empty, longer than 600 characters or holds a NUL"),
        ({"memo": "\0"}, "its memo is empty, longer than 600 characters or holds a NUL"),
    ],
)
def test_refuses_unfit_entries(sqlite_database: Database, facts: dict[str, Any], problem: str) -> None:
    """An entry that the books could not hold as it is is refused with what is wrong, by post and hold alike."""
    whole: dict[str, Any] = {"key": "k", "kind": "test", "memo": "", "moves": FIRST} | facts
    with sqlite_database.transaction() as session:
        with pytest.raises(UnfitEntry, match=f"^Nothing changed. The ledger can't take the entry .*: {problem}"):
            journal.post(session, whole["key"], whole["kind"], NOW, whole["moves"], whole["memo"])
        for move in whole["moves"][-1:]:
            with pytest.raises(UnfitEntry, match=problem):
                journal.hold(
                    session, move.debit, move.credit, move.amount, whole["key"], whole["kind"], NOW, whole["memo"]
                )
    assert count(sqlite_database, "entry") == 0


def test_takes_the_longest_texts(books: Database) -> None:
    """Texts of exactly the longest length, and the largest amount, are kept whole."""
    with books.transaction() as session:
        entry = journal.post(session, "k" * 400, "t" * 40, NOW, [Move(USAGE, COSTS, LARGEST)], "ü" * 600)
        found = journal.find(session, "k" * 400)
        assert found is not None
        assert (found.id, found.kind, found.memo) == (entry.id, "t" * 40, "ü" * 600)
        assert balances(session) == {USAGE: -LARGEST, COSTS: LARGEST}


def test_refuses_an_unknown_account(books: Database) -> None:
    """Money can't come from or go to an account that isn't open."""
    nowhere = accounts.account_id("studio", "available", "nobody")
    for move in (Move(USAGE, nowhere, 1), Move(nowhere, USAGE, 1)):
        with pytest.raises(IntegrityError), books.transaction() as session:
            journal.post(session, "k1", "test", NOW, [move])
    assert count(books, "entry") == 0
    with books.transaction() as session:
        assert journal.hold(session, nowhere, USAGE, 1, "k2", "test", NOW) is None
    assert count(books, "entry") == 0


def test_a_balance_never_overflows(books: Database) -> None:
    """A balance beyond what BIGINT holds is refused on both databases; it never turns into a float."""
    with books.transaction() as session:
        journal.post(session, "k1", "test", NOW, [Move(USAGE, AVAILABLE, LARGEST)])
    for attempt in (_over_by_post, _over_by_hold, _over_by_select):
        with pytest.raises(DBAPIError), books.transaction() as session:
            attempt(session)
    with books.reading() as session:
        assert balances(session) == {USAGE: -LARGEST, AVAILABLE: LARGEST}
        types = session.connection().execute(text("SELECT balance FROM account")).scalars().all()
        assert {type(value) for value in types} == {int}
        assert wrong(session) == {}


def _over_by_post(session: Session) -> None:
    journal.post(session, "k2", "test", NOW, [Move(USAGE, AVAILABLE, 1)])


def _over_by_hold(session: Session) -> None:
    journal.post(session, "k3", "test", NOW, [Move(COSTS, RESERVED, LARGEST)])
    journal.hold(session, RESERVED, AVAILABLE, LARGEST, "k4", "test", NOW)


def _over_by_select(session: Session) -> None:
    entry_id = journal.open_entry(session, "k5", "test", NOW)
    rows = union_all(*(select(literal(seq), literal(USAGE), literal(COSTS), literal(LARGEST)) for seq in (1, 2)))
    journal.post_select(session, entry_id, select(rows.subquery()))


@pytest.mark.parametrize("amount", [0, -1, LARGEST + 1])
def test_the_database_refuses_bad_amounts_too(books: Database, amount: int) -> None:
    """Amounts that are no amounts are refused by the tables themselves."""
    with pytest.raises(IntegrityError), books.transaction() as session:
        entry_id = journal.open_entry(session, "k1", "test", NOW)
        session.execute(
            insert(table_of(Transfer)).values(entry_id=entry_id, seq=1, debit_id=USAGE, credit_id=COSTS, amount=amount)
        )


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
