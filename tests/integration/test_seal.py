"""Seals: the chain over the journal."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from core.ledger import accounts, journal, seal
from core.ledger.journal import Move
from core.storage import Base, Database, make_engine
from tests.ledger_world import CREATORS, HOSTILE_MEMO, NOW, fill, wrong
from tests.tamper import unprotected

USAGE = accounts.account_id("studio", "usage")
AVAILABLE = accounts.account_id("studio", "available", "ada")
DOC = Path(__file__).parents[2] / "docs" / "verify-the-books.md"


def test_the_hashed_bytes(database: Database) -> None:
    """A head is the SHA-256 of exactly the text that the docs describe, on both databases."""
    with database.transaction() as session:
        accounts.open_account(session, "studio", "usage")
        accounts.open_wallets(session, [("studio", "ada")])
        assert seal.seal(session) is None
        assert seal.head(session) is None
        moves = [Move(USAGE, AVAILABLE, 10_000_000), Move(AVAILABLE, USAGE, 1)]
        first = journal.post(session, "k\t1", "settlement", NOW, moves, "a\\b\tc\nd\re")
        journal.reverse(session, first.id or 0, "k2", NOW.replace(microsecond=42))
        one = seal.seal(session)
        assert seal.head(session) == one
        assert seal.seal(session) is None
        journal.post(session, "k3", "test", NOW, moves[:1])
        two = seal.seal(session)
        assert seal.head(session) == two
        rows = session.connection().execute(text("SELECT number, last_entry_id, head FROM seal ORDER BY number")).all()
        assert [tuple(row) for row in rows] == [(1, (first.id or 0) + 1, one), (2, (first.id or 0) + 2, two)]
    body = (
        "entry\tk\\t1\tsettlement\t2026-01-14T03:00:00.000000Z\ta\\\\b\\tc\\nd\\re\t\n"
        "transfer\tstudio:usage\tstudio:available:ada\t10000000\n"
        "transfer\tstudio:available:ada\tstudio:usage\t1\n"
        "entry\tk2\tsettlement\t2026-01-14T03:00:00.000042Z\t\tk\\t1\n"
        "transfer\tstudio:available:ada\tstudio:usage\t10000000\n"
        "transfer\tstudio:usage\tstudio:available:ada\t1\n"
    )
    assert one == hashlib.sha256(f"earnings-desk seal 1\t1\t{'0' * 64}\n{body}".encode()).hexdigest()
    more = "entry\tk3\ttest\t2026-01-14T03:00:00.000000Z\t\t\ntransfer\tstudio:usage\tstudio:available:ada\t10000000\n"
    assert two == hashlib.sha256(f"earnings-desk seal 1\t2\t{one}\n{more}".encode()).hexdigest()


def test_short_form() -> None:
    """A digest shows the first four and the last two digits."""
    assert seal.short("3f9a" + "0" * 58 + "c2") == "3f9a…c2"


@given(st.text(), st.text())
def test_escapes_keep_texts_apart(one: str, other: str) -> None:
    """Two texts are escaped alike only when they are alike, and no escape holds a tab or a line end."""
    assert (seal.escaped(one) == seal.escaped(other)) == (one == other)
    assert not set("\t\n\r") & set(seal.escaped(one))


def _history(url: str, others_first: bool) -> list[str]:
    """The heads of the test history on a database where ids and clocks differ."""
    engine = make_engine(url)
    database = Database(engine)
    with database.transaction() as session:
        if others_first:
            accounts.open_wallets(session, [("elsewhere", creator) for creator in reversed(CREATORS)])
    if others_first and engine.dialect.name == "postgresql":
        with database.transaction() as session:
            session.connection().execute(text("SELECT nextval('entry_id_seq') FROM generate_series(1, 17)"))
    with database.transaction() as session:
        fill(session)
    with database.reading() as session:
        heads = list(session.connection().execute(text("SELECT head FROM seal ORDER BY number")).scalars())
        assert wrong(session, heads[-1]) == {}
    engine.dispose()
    return heads


def test_the_same_history_gives_the_same_heads(sqlite_url: str, postgres_url: str, tmp_path: Path) -> None:
    """Heads are equal on SQLite and PostgreSQL, whatever the database's ids are."""
    other = f"sqlite:///{tmp_path}/other.db"
    Base.metadata.create_all(make_engine(other))
    one, two, three = _history(sqlite_url, False), _history(postgres_url, True), _history(other, True)
    assert one == two == three
    assert len(set(one)) == 3


def test_long_histories_are_sealed_in_pieces(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows are in memory at a time, the head is the same."""
    with database.transaction() as session:
        fill(session)
        whole = seal.head(session)
    heads = set()
    for rows in (1, 2, 3, 7, 1_000):
        monkeypatch.setattr(seal, "_ENTRIES", rows)
        with database.reading() as session:
            assert wrong(session) == {}
            heads.add(seal.digest(session, 1, seal.FIRST, 0, 10_000))
    assert len(heads) == 1
    assert whole is not None


def test_an_entry_that_lost_its_transfers_is_hashed_still(database: Database) -> None:
    """An entry stands in the hashed text even if nothing is left in it, wherever it stands."""
    with database.transaction() as session:
        fill(session, 4)
        last = session.connection().execute(text("SELECT max(id) FROM entry")).scalar_one()
    with unprotected(database) as session:
        session.connection().execute(text("DELETE FROM transfer WHERE entry_id IN (2, :last)"), {"last": last})
        lines = "".join(seal.journal_lines(session, 0, last)).splitlines()
        assert [line.split("\t")[0] for line in lines].count("entry") == last
        assert lines[-1].startswith("entry\t")


def test_a_seal_waits_for_those_who_post(database: Database) -> None:
    """A seal passes over no entry that was begun before it and committed after: it waits for its poster."""
    with database.transaction() as session:
        accounts.open_account(session, "studio", "usage")
        accounts.open_wallets(session, [("studio", "ada")])
    heads: list[str | None] = []
    posted = threading.Event()

    def sealer() -> None:
        posted.wait()
        with database.transaction() as session:
            heads.append(seal.seal(session))

    thread = threading.Thread(target=sealer)
    thread.start()
    with database.transaction() as session:
        journal.post(session, "slow", "test", NOW, [Move(USAGE, AVAILABLE, 1)])
        posted.set()
        thread.join(0.3)
        assert heads == []
    thread.join()
    assert heads[0] is not None
    with database.reading() as session:
        assert wrong(session) == {}


def test_many_seal_while_many_post(database: Database) -> None:
    """Posters and sealers at the same time leave a chain that covers everything, in order."""
    with database.transaction() as session:
        accounts.open_account(session, "studio", "usage")
        accounts.open_wallets(session, [("studio", "ada")])
    failed: list[Exception] = []

    def work(index: int) -> None:
        try:
            for round_ in range(5):
                with database.transaction() as session:
                    if index % 3 == 0:
                        seal.seal(session)
                    else:
                        journal.post(session, f"{index}:{round_}", "test", NOW, [Move(USAGE, AVAILABLE, 1)])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=[index]) for index in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with database.transaction() as session:
        seal.seal(session)
        assert wrong(session) == {}
        assert accounts.balance(session, "studio", "available", "ada") == 40


def test_an_outsider_gets_the_same_heads(sqlite_database: Database, sqlite_url: str, tmp_path: Path) -> None:
    """The program printed in the docs, which uses nothing of ours, recomputes the newest head, and notices a change."""
    with sqlite_database.transaction() as session:
        fill(session)
        head = seal.head(session)
        memos = session.connection().execute(
            text("SELECT count(*) FROM entry WHERE memo = :memo"), {"memo": HOSTILE_MEMO}
        )
        assert memos.scalar_one() > 0
    sqlite_database.engine.dispose()
    program = re.search(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    assert program is not None
    (tmp_path / "check.py").write_text(program[1], encoding="utf-8")
    command = [sys.executable, str(tmp_path / "check.py"), sqlite_url.removeprefix("sqlite:///")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{head}\n"
    with sqlite_database.transaction() as session:
        session.connection().execute(text("DROP TRIGGER transfer_no_update"))
        session.connection().execute(text("UPDATE transfer SET amount = amount + 1 WHERE entry_id = 1 AND seq = 1"))
    sqlite_database.engine.dispose()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "but the books give" in done.stderr
