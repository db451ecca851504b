"""The journal: posting, posting again, taking back, holding, and set-based entries."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import insert, literal, select, text, union_all
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session

from core.ledger import accounts, journal
from core.ledger.journal import IdempotencyConflict, Move, UnfitEntry
from core.ledger.money import LARGEST
from core.ledger.tables import Transfer
from core.storage import Database, table_of
from tests.conftest import count
from tests.journal_world import AVAILABLE, COSTS, FIRST, RESERVED, USAGE, at_once, balances, count_of, open_books
from tests.ledger_world import NOW, wrong


@pytest.fixture
def books(database: Database) -> Database:
    """A ledger with the accounts of program studio and creator ada, on either database."""
    return open_books(database)


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
