"""Exports: what hledger and Beancount themselves say of them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import shutil
import subprocess
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core import data
from beancount.core.realization import compute_balance, get, realize
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, literal, select, text, true
from sqlmodel import Session

from core.ledger import accounts, journal
from core.ledger import export as export_module
from core.ledger.export import BackwardRange, account_path, beancount, hledger
from core.ledger.journal import Move
from core.ledger.money import decimal_text
from core.ledger.tables import Account
from core.storage import Database, make_engine, table_of
from tests.ledger_world import NOW, fill

HLEDGER = shutil.which("hledger")
needs_hledger = pytest.mark.skipif(HLEDGER is None, reason="hledger is not installed")
USAGE = accounts.account_id("studio", "usage")
AVAILABLE = accounts.account_id("studio", "available", "ada")

Export = Callable[..., None]


def exported(session: Session, export: Export, start: dt.date | None = None, end: dt.date | None = None) -> str:
    """An export as text."""
    out = io.StringIO()
    export(session, out, start, end)
    return out.getvalue()


def our_balances(session: Session, until: dt.date | None = None) -> dict[str, Decimal]:
    """Each account's balance from its transfers, debits positive, by its exported name."""
    last = "9999-12-31" if until is None else f"{until} 23:59:59.999999+00:00"
    rows = session.connection().execute(
        text(
            "SELECT a.program, a.role, a.creator, sum(CASE WHEN a.id = t.debit_id THEN t.amount ELSE -t.amount END) "
            "FROM account a JOIN transfer t ON a.id IN (t.debit_id, t.credit_id) JOIN entry e ON e.id = t.entry_id "
            "WHERE e.effective_at <= :last GROUP BY a.program, a.role, a.creator"
        ),
        {"last": last},
    )
    return {account_path(*row[:3]): Decimal(decimal_text(int(row[3]))) for row in rows}


def hledger_balances(path: Path) -> dict[str, Decimal]:
    """Each account's balance as hledger has it."""
    assert HLEDGER is not None
    subprocess.run([HLEDGER, "check", "--strict", "-f", path], check=True, capture_output=True, text=True)
    command = [HLEDGER, "balance", "-f", str(path), "--flat", "--empty", "--no-total", "-O", "csv"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows = list(csv.reader(io.StringIO(done.stdout)))[1:]
    return {name: Decimal(amount.removesuffix(" USD")) for name, amount in rows}


def beancount_balances(path: Path) -> dict[str, Decimal]:
    """Each account's balance as Beancount has it; it must find nothing to complain of."""
    entries, errors, _ = loader.load_file(str(path))
    assert errors == []
    tree = realize(entries)  # type: ignore[no-untyped-call]
    opened = [entry.account for entry in entries if isinstance(entry, data.Open)]
    found = {}
    for name in opened:
        inventory = compute_balance(get(tree, name))  # type: ignore[no-untyped-call]
        found[name] = inventory.get_currency_units("USD").number
    return found


def write(path: Path, content: str) -> Path:
    """A file with this content."""
    path.write_text(content, encoding="utf-8")
    return path


RANGES = [
    (None, None),
    (dt.date(2026, 1, 15), None),
    (None, dt.date(2026, 1, 14)),
    (dt.date(2026, 1, 14), dt.date(2026, 1, 14)),
    (dt.date(2026, 1, 15), dt.date(2026, 1, 15)),
    (dt.date(2026, 3, 1), dt.date(2026, 3, 31)),
    (None, dt.date.max),
]


@needs_hledger
@pytest.mark.parametrize(("start", "end"), RANGES)
def test_hledger_agrees(database: Database, tmp_path: Path, start: dt.date | None, end: dt.date | None) -> None:
    """hledger accepts the export, strictly, and has every balance to the micro-dollar; for every range."""
    with database.transaction() as session:
        fill(session)
    with database.reading() as session:
        content = exported(session, hledger, start, end)
        ours = our_balances(session, None if end == dt.date.max else end)
    assert hledger_balances(write(tmp_path / "books.journal", content)) == ours
    assert any(value % 1 for value in ours.values())


@pytest.mark.parametrize(("start", "end"), RANGES)
def test_beancount_agrees(database: Database, tmp_path: Path, start: dt.date | None, end: dt.date | None) -> None:
    """Beancount accepts the export and has every balance to the micro-dollar; for every range."""
    with database.transaction() as session:
        fill(session)
    with database.reading() as session:
        content = exported(session, beancount, start, end)
        ours = our_balances(session, None if end == dt.date.max else end)
    assert beancount_balances(write(tmp_path / "books.beancount", content)) == ours


@needs_hledger
def test_a_balance_that_is_off_by_a_micro_is_noticed(sqlite_database: Database, tmp_path: Path) -> None:
    """The assertions at the end are real: a micro-dollar more in one of them is refused by both programs."""
    assert HLEDGER is not None
    with sqlite_database.transaction() as session:
        fill(session, 8)
    with sqlite_database.reading() as session:
        for export, ending in ((hledger, " = {} USD\n"), (beancount, "  {} ~ 0 USD\n")):
            amount = our_balances(session)["Assets:P-studio:Usage"]
            right, wrong = (ending.format(value) for value in (amount, amount + Decimal("0.000001")))
            content = exported(session, export)
            assert content.count(right) == 1
            path = write(tmp_path / "books.txt", content.replace(right, wrong))
            if export is hledger:
                done = subprocess.run([HLEDGER, "check", "-f", path], capture_output=True, text=True, check=False)
                assert done.returncode != 0
                assert "assertion" in done.stderr
            else:
                _, errors, _ = loader.load_file(str(path))
                assert [type(error).__name__ for error in errors] == ["BalanceError"]


@pytest.fixture
def two_days(sqlite_database: Database) -> Database:
    """An entry with a hostile memo, and one of the next day's first moment."""
    with sqlite_database.transaction() as session:
        accounts.open_account(session, "studio", "usage")
        accounts.open_wallets(session, [("studio", "ada")])
        memo = 'x; y | "z"\n\\ {}'
        journal.post(
            session,
            "k-1",
            "settlement",
            NOW,
            [Move(USAGE, AVAILABLE, 9_000_001), Move(USAGE, AVAILABLE, 1_000_000)],
            memo,
        )
        midnight = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)
        journal.post(session, "k2", "test", midnight, [Move(AVAILABLE, USAGE, 1)])
    return sqlite_database


def test_the_text_for_hledger(two_days: Database) -> None:
    """To the letter: names, signs, memos that can't become syntax, keys, closing balances."""
    with two_days.reading() as session:
        assert exported(session, hledger) == (
            "; The journal of an earnings desk. Credits are negative.\n"
            "commodity 1000.000000 USD\n"
            "\n"
            "account Liabilities:P-studio:Available:C-ada\n"
            "account Assets:P-studio:Usage\n"
            "\n"
            '2026-01-14 * settlement: x, y / "z" \\ {}\n'
            "    ; key: k-2D1\n"
            "    Assets:P-studio:Usage  9.000001 USD\n"
            "    Liabilities:P-studio:Available:C-ada  -9.000001 USD\n"
            "    Assets:P-studio:Usage  1.000000 USD\n"
            "    Liabilities:P-studio:Available:C-ada  -1.000000 USD\n"
            "\n"
            "2026-01-15 * test\n"
            "    ; key: k2\n"
            "    Liabilities:P-studio:Available:C-ada  0.000001 USD\n"
            "    Assets:P-studio:Usage  -0.000001 USD\n"
            "\n"
            "2026-01-15 * closing balances\n"
            "    Liabilities:P-studio:Available:C-ada  0 USD = -10.000000 USD\n"
            "    Assets:P-studio:Usage  0 USD = 10.000000 USD\n"
        )
        assert exported(session, hledger, end=dt.date(2026, 1, 14)).count(" * ") == 2
        assert (
            "2026-01-15 * opening balances\n"
            "    Liabilities:P-studio:Available:C-ada  -10.000001 USD\n"
            "    Assets:P-studio:Usage  10.000001 USD\n"
            "\n"
            "2026-01-15 * test\n"
        ) in exported(session, hledger, dt.date(2026, 1, 15))


def test_the_text_for_beancount(two_days: Database) -> None:
    """To the letter, from the second day on; memos are quoted."""
    with two_days.reading() as session:
        out = io.StringIO()
        beancount(session, out, dt.date(2026, 1, 15), currency="EUR")
        assert out.getvalue() == (
            "; The journal of an earnings desk. Credits are negative.\n"
            'option "operating_currency" "EUR"\n'
            "1900-01-01 commodity EUR\n"
            "\n"
            "2026-01-15 open Liabilities:P-studio:Available:C-ada EUR\n"
            "2026-01-15 open Assets:P-studio:Usage EUR\n"
            "\n"
            '2026-01-15 * "opening balances" ""\n'
            "  Liabilities:P-studio:Available:C-ada  -10.000001 EUR\n"
            "  Assets:P-studio:Usage  10.000001 EUR\n"
            "\n"
            '2026-01-15 * "test" ""\n'
            '  key: "k2"\n'
            "  Liabilities:P-studio:Available:C-ada  0.000001 EUR\n"
            "  Assets:P-studio:Usage  -0.000001 EUR\n"
            "\n"
            "; closing balances of 2026-01-15: a balance holds at the beginning of its day\n"
            "2026-01-16 balance Liabilities:P-studio:Available:C-ada  -10.000000 ~ 0 EUR\n"
            "2026-01-16 balance Assets:P-studio:Usage  10.000000 ~ 0 EUR\n"
        )
        assert '2026-01-14 * "settlement" "x; y | \\"z\\" \\\\ {}"\n  key: "k-1"\n' in exported(session, beancount)


def test_both_databases_write_the_same(sqlite_url: str, postgres_url: str) -> None:
    """The export of one history is the same file, whichever database it comes from."""
    files = []
    for url in (sqlite_url, postgres_url):
        database = Database(make_engine(url))
        with database.transaction() as session:
            fill(session)
        with database.reading() as session:
            files.append(exported(session, hledger) + exported(session, beancount, dt.date(2026, 1, 15)))
        database.engine.dispose()
    assert files[0] == files[1]


def test_an_empty_ledger(database: Database, tmp_path: Path) -> None:
    """No history, or none up to the end asked for, is a file with its heading, and fine."""
    with database.reading() as session:
        for export in (hledger, beancount):
            content = exported(session, export)
            assert content == exported(session, export, None, dt.date(2020, 1, 1))
            assert content.startswith("; The journal of an earnings desk.")
        assert beancount_balances(write(tmp_path / "a.beancount", content)) == {}
        _, errors, _ = loader.load_string(exported(session, beancount, dt.date(2026, 1, 1), dt.date(2026, 1, 2)))
        assert errors == []


@pytest.mark.parametrize("export", [hledger, beancount])
def test_refuses_a_backward_range(sqlite_database: Database, export: Export) -> None:
    """A range that ends before it begins is refused, and nothing is written."""
    out = io.StringIO()
    with (
        sqlite_database.reading() as session,
        pytest.raises(BackwardRange, match="ends on 2026-01-01, before it begins"),
    ):
        export(session, out, dt.date(2026, 1, 2), dt.date(2026, 1, 1))
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("program", "role", "creator", "path"),
    [
        ("studio", "available", "ada", "Liabilities:P-studio:Available:C-ada"),
        ("studio", "pending", "Ada 2", "Liabilities:P-studio:Pending:C-Ada-202"),
        ("studio", "reserved", "é", "Liabilities:P-studio:Reserved:C--C3-A9"),
        ("my_app", "usage", "", "Assets:P-my-5Fapp:Usage"),
        ("studio", "subscriptions", "", "Assets:P-studio:Subscriptions"),
        ("studio", "rail:sepa-file", "", "Assets:P-studio:Rail:R-sepa-2Dfile"),
        ("studio", "costs", "", "Income:P-studio:Costs"),
        ("studio", "margin", "", "Income:P-studio:Margin"),
        ("studio", "fees", "", "Income:P-studio:Fees"),
        ("studio", "adjustments", "", "Expenses:P-studio:Adjustments"),
    ],
)
def test_account_paths(program: str, role: str, creator: str, path: str) -> None:
    """Accounts stand where a bookkeeper looks for them, spelled with letters, digits and dashes only."""
    assert account_path(program, role, creator) == path


@given(st.text(min_size=1).filter(lambda t: t.isprintable()), st.text(min_size=1).filter(lambda t: t.isprintable()))
def test_no_two_accounts_share_a_path(one: str, other: str) -> None:
    """Different creators, and different rails, have different paths."""
    assert (account_path("p", "available", one) == account_path("p", "available", other)) == (one == other)
    assert (account_path("p", f"rail:{one}") == account_path("p", f"rail:{other}")) == (one == other)


@needs_hledger
@pytest.mark.parametrize("entries", [1_000, pytest.param(10_000, marks=pytest.mark.deep)])
def test_thousands_of_entries(sqlite_database: Database, tmp_path: Path, entries: int) -> None:
    """Both programs accept 10,000 entries (by default a tenth of them) and agree on every balance."""
    with sqlite_database.transaction() as session:
        fill(session, entries)
        assert session.connection().execute(text("SELECT count(*) FROM entry")).scalar_one() >= entries
    with sqlite_database.reading() as session:
        journal_file = write(tmp_path / "books.journal", exported(session, hledger))
        beancount_file = write(tmp_path / "books.beancount", exported(session, beancount))
        ours = our_balances(session)
    assert hledger_balances(journal_file) == ours
    assert beancount_balances(beancount_file) == ours


def test_large_exports_are_streamed(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal of 40,000 transfers is written without being held in memory."""
    with sqlite_database.transaction() as session:
        fill(session, 1)
        entry_id = journal.open_entry(session, "large", "settlement", NOW)
        a, b, c = (table_of(Account).alias(name) for name in "abc")
        rows = select(func.row_number().over(order_by=(a.c.id, b.c.id, c.c.id)), literal(USAGE), literal(AVAILABLE))
        journal.post_select(
            session, entry_id, rows.add_columns(literal(1)).select_from(a.join(b, true()).join(c, true())).limit(40_000)
        )

    class Sink(io.StringIO):
        written = 0

        def write(self, content: str) -> int:
            Sink.written += len(content)
            return len(content)

    monkeypatch.setattr(export_module, "_ROWS", 500)
    with sqlite_database.reading() as session:
        hledger(session, io.StringIO())  # what is made once, is made now
        tracemalloc.start()
        hledger(session, Sink())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert Sink.written > 3_500_000
    assert peak < 2_000_000
