"""The ledger's checks: quiet when all is well, exact when something isn't."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlmodel import Session

from core.ledger import accounts, journal, seal
from core.ledger.journal import Move
from core.ledger.verify import Check, ledger_checks, run
from core.storage import Database
from tests.ledger_world import NOW, fill, wrong
from tests.tamper import unprotected

NAMES = ["accounts", "references", "entries", "amounts", "reversals", "balances", "zero sum", "seals"]
USAGE = accounts.account_id("studio", "usage")
AVAILABLE = accounts.account_id("studio", "available", "ada")


def test_an_empty_ledger_is_well(database: Database) -> None:
    """A desk without history passes every check."""
    with database.reading() as session:
        checks = ledger_checks(session)
    assert [check.name for check in checks] == NAMES
    assert [check.ok for check in checks] == [True] * 8
    assert checks[0].detail == "0 accounts"
    assert checks[2].detail == "0 entries, 0 transfers"
    assert checks[-1].detail == "0 seals, 0 entries not sealed"


def test_says_what_was_counted(database: Database) -> None:
    """Every check that passes says what it looked at; entries after the newest seal are counted."""
    with database.transaction() as session:
        accounts.open_account(session, "studio", "usage")
        accounts.open_wallets(session, [("studio", "ada")])
        entry = journal.post(session, "k1", "test", NOW, [Move(USAGE, AVAILABLE, 1), Move(USAGE, AVAILABLE, 2)])
        head = seal.seal(session)
        assert head is not None
        journal.reverse(session, entry.id or 0, "k2", NOW)
        details = {check.name: check.detail for check in ledger_checks(session, head)}
        assert wrong(session) == {}
    assert details == {
        "accounts": "4 accounts",
        "references": "nothing dangles",
        "entries": "2 entries, 4 transfers",
        "amounts": "every amount is above zero",
        "reversals": "1 entries taken back",
        "balances": "every balance equals its transfers",
        "zero sum": "all balances sum to zero",
        "seals": f"1 seals, head {head}, 1 entries not sealed",
        "head in the chain of seals": f"{seal.short(head)} is seal 1 of 1, up to entry {entry.id}",
    }


@pytest.fixture
def tampered(database: Database) -> Iterator[Session]:
    """A session in which the books lie open: two entries, one taking the other back, sealed; a third, not sealed."""
    with database.transaction() as session:
        accounts.open_account(session, "studio", "usage")
        accounts.open_wallets(session, [("studio", "ada")])
        entry = journal.post(session, "k1", "test", NOW, [Move(USAGE, AVAILABLE, 1_000_000), Move(USAGE, AVAILABLE, 2)])
        journal.reverse(session, entry.id or 0, "k2", NOW)
        seal.seal(session)
        journal.post(session, "k3", "test", NOW, [Move(USAGE, AVAILABLE, 7)])
    with unprotected(database) as session:
        yield session


@pytest.mark.parametrize(
    ("change", "check", "detail"),
    [
        (
            "UPDATE account SET creator = 'eve' WHERE role = 'pending'",
            "accounts",
            "is not the number of 'studio:pending:eve'",
        ),
        (
            "UPDATE account SET role = 'salary' WHERE role = 'pending'",
            "accounts",
            "'studio:salary:ada': there is no such",
        ),
        ("UPDATE account SET id = 5 WHERE role = 'pending'", "accounts", "account 5 is not the number of"),
        ("UPDATE account SET balance = 0 WHERE role = 'usage'", "zero sum", "all balances sum to 0.000007"),
        (
            "UPDATE account SET balance = 1000007 WHERE role = 'available'",
            "balances",
            "studio:available:ada: balance 1.000007, transfers say 0.000007",
        ),
        (
            "UPDATE account SET balance = 1 WHERE role = 'pending'",
            "balances",
            "balance 0.000001, transfers say 0.000000",
        ),
        ("DELETE FROM entry WHERE key = 'k3'", "references", "transfer 3/1: no entry 3"),
        ("UPDATE transfer SET entry_id = 9 WHERE entry_id = 3", "entries", "entry 3 has no transfers"),
        ("UPDATE transfer SET credit_id = 5 WHERE entry_id = 3", "references", "transfer 3/1: no account 5"),
        ("UPDATE transfer SET debit_id = 5 WHERE entry_id = 3", "references", "transfer 3/1: no account 5"),
        ("UPDATE entry SET reverses = 77 WHERE key = 'k2'", "references", "entry 2 takes back entry 77, which is not"),
        ("UPDATE entry SET reverses = 2 WHERE key = 'k2'", "references", "entry 2 takes back entry 2, which is not"),
        ("UPDATE seal SET last_entry_id = 77", "references", "seal 1: no entry 77"),
        ("DELETE FROM transfer WHERE entry_id = 3", "entries", "entry 3 has no transfers"),
        (
            "UPDATE transfer SET seq = 2 WHERE entry_id = 3",
            "entries",
            "entry 3: transfers are numbered 2 to 2, 1 of them",
        ),
        (
            "UPDATE transfer SET seq = 3 WHERE entry_id = 1 AND seq = 2",
            "entries",
            "entry 1: transfers are numbered 1 to 3, 2 of them",
        ),
        (
            "UPDATE transfer SET amount = 3 WHERE entry_id = 2 AND seq = 2",
            "reversals",
            "entry 2 doesn't mirror entry 1",
        ),
        ("DELETE FROM transfer WHERE entry_id = 1 AND seq = 2", "reversals", "entry 2 doesn't mirror entry 1"),
        ("DELETE FROM transfer WHERE entry_id = 2 AND seq = 2", "reversals", "entry 2 doesn't mirror entry 1"),
        ("UPDATE entry SET memo = 'x' WHERE key = 'k1'", "seals", "seal 1 (entries 1 to 2) is "),
        ("UPDATE seal SET head = 'x'", "seals", "seal 1 (entries 1 to 2) is x, but the books give "),
        ("UPDATE seal SET number = 2", "seals", "seal 1 is missing: after 0 comes 2"),
        ("UPDATE seal SET last_entry_id = 0", "seals", "seal 1 ends at entry 0, before the seal ahead of it"),
    ],
)
def test_says_what_is_wrong_and_where(tampered: Session, change: str, check: str, detail: str) -> None:
    """A change is reported by the check it breaks, with the place and both values."""
    assert wrong(tampered) == {}
    tampered.connection().execute(text(change))
    assert detail in wrong(tampered)[check]


def test_an_entry_taken_back_twice(tampered: Session) -> None:
    """Two entries that take the same one back are reported."""
    tampered.connection().execute(text("DROP INDEX uq_entry_reverses"))
    tampered.connection().execute(text("UPDATE entry SET reverses = 1 WHERE key = 'k3'"))
    found = wrong(tampered)
    assert found["reversals"] == "entry 3 doesn't mirror entry 1; entry 1 is taken back 2 times"


def test_amounts_that_are_none(database: Database) -> None:
    """Amounts of zero and below are reported even where the tables' own CHECKs were taken away."""
    with database.transaction() as session:
        fill(session, 4)
    with unprotected(database, checks=True) as session:
        session.connection().execute(text("UPDATE transfer SET amount = -5 WHERE entry_id = 1 AND seq = 2"))
        session.connection().execute(text("UPDATE transfer SET credit_id = debit_id WHERE entry_id = 1 AND seq = 3"))
        found = wrong(session)["amounts"]
        assert found.startswith("transfer 1/2: amount -5; transfer 1/3: amount ")


@pytest.mark.parametrize("value", ["'abc'", "1.5", "x'00'", "'" + "9" * 30 + "'", "9e18 + 9e18"])
@pytest.mark.parametrize(
    ("table", "column"),
    [
        *(("account", column) for column in ("program", "role", "creator", "balance")),
        *(("entry", column) for column in ("key", "kind", "effective_at", "memo", "reverses")),
        *(("transfer", column) for column in ("seq", "debit_id", "credit_id", "amount")),
        *(("seal", column) for column in ("number", "last_entry_id", "head")),
    ],
)
def test_values_of_the_wrong_kind_are_found(sqlite_database: Database, table: str, column: str, value: str) -> None:
    """SQLite keeps whatever is put into a column; what is no number or text there is a finding, never a crash."""
    with sqlite_database.transaction() as session:
        fill(session, 4)
    with unprotected(sqlite_database, checks=True) as session:
        where = {"account": "role = 'usage' AND program = 'studio'", "entry": "id = 2", "seal": "number = 1"}
        place = where.get(table, "entry_id = 1 AND seq = 3")
        session.connection().exec_driver_sql(f"UPDATE {table} SET {column} = {value} WHERE {place}")
        assert wrong(session) != {}


def test_text_instead_of_nothing_is_found(sqlite_database: Database) -> None:
    """Text where a balance of zero was is found, though it counts as nothing in sums."""
    with sqlite_database.transaction() as session:
        accounts.open_wallets(session, [("studio", "ada")])
    with unprotected(sqlite_database, checks=True) as session:
        session.connection().exec_driver_sql("UPDATE account SET balance = 'abc' WHERE role = 'pending'")
        assert wrong(session) == {"balances": "studio:pending:ada: balance 'abc'"}
        session.connection().exec_driver_sql("UPDATE account SET balance = 1.5 WHERE role = 'pending'")
        assert wrong(session) == {
            "balances": "studio:pending:ada: balance 1.5, transfers say 0.0",
            "zero sum": "all balances sum to 1.5",
        }


def test_text_that_is_no_text_is_found(sqlite_database: Database) -> None:
    """Bytes that are no UTF-8 are a finding with the reason, not a crash."""
    with sqlite_database.transaction() as session:
        fill(session, 4)
    with unprotected(sqlite_database) as session:
        session.connection().exec_driver_sql("UPDATE entry SET memo = CAST(x'ff' AS TEXT) WHERE id = 1")
        assert "can't be read: " in wrong(session)["seals"]


def test_a_long_list_is_cut_with_a_word(database: Database) -> None:
    """Five findings are shown; that there are more is said."""

    def find(_: Session) -> tuple[list[str], str]:
        return [f"wrong {number}" for number in range(findings)], "unused"

    with database.reading() as session:
        findings = 5
        assert run(session, "x", find) == Check("x", False, "wrong 0; wrong 1; wrong 2; wrong 3; wrong 4")
        findings = 6
        assert run(session, "x", find).detail == "wrong 0; wrong 1; wrong 2; wrong 3; wrong 4; and more"


HEAD = "head in the chain of seals"


def test_a_head_that_someone_kept(database: Database) -> None:
    """Any seal's head is found, whole, by its beginning or in short form, in capitals too; another is not."""
    with database.transaction() as session:
        fill(session)
        heads = list(session.connection().execute(text("SELECT head FROM seal ORDER BY number")).scalars())
        for head in heads:
            short = seal.short(head)
            for form in (head, head.upper(), f" {head} ", head[:8], head[:40], short, short.replace("…", "..")):
                assert wrong(session, form) == {}, form
        for form in ("0" * 64, heads[0][:63] + ("0" if heads[0][63] != "0" else "1"), "00000000", "0000…00"):
            detail = wrong(session, form)[HEAD]
            assert detail.startswith(f"{form} is not in the chain (the newest of 3 seals is {seal.short(heads[-1])})")
        for form in (heads[0][:7], "", "x" * 64, "3f9a…", heads[0] + "0", "3f…c2"):
            assert wrong(session, form)[HEAD].startswith(f"{form!r} is no head: give all 64 hex digits, the first 8")


def test_no_seals_no_head(database: Database) -> None:
    """Without any seal, a head that someone kept says that everything is gone."""
    with database.reading() as session:
        assert "not in the chain (there are no seals): the books were changed" in wrong(session, "12345678")[HEAD]


def test_a_head_that_fits_two(database: Database) -> None:
    """A form that fits several seals is no proof of one."""
    with database.transaction() as session:
        fill(session)
    with unprotected(database) as session:
        session.connection().execute(text("UPDATE seal SET head = '12345678' || substr(head, 9) WHERE number < 3"))
        assert wrong(session, "12345678")[HEAD] == "12345678 fits 2 seals: give more digits"
