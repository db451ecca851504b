"""Tampering: whatever is changed in the books up to the newest seal, `verify` notices."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import Column, ColumnElement, Connection, and_, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from core.ledger import seal
from core.ledger.tables import Account, Entry, Seal, Transfer
from core.ledger.verify import ledger_checks
from core.storage import Database, table_of
from tests.ledger_world import NOW, fill, settle, wrong
from tests.tamper import unprotected

TABLES = {
    "account": table_of(Account),
    "entry": table_of(Entry),
    "transfer": table_of(Transfer),
    "seal": table_of(Seal),
}
Row = Mapping[str, object]


class Books:
    """What is in the ledger up to the newest seal, to choose from."""

    def __init__(self, session: Session, chance: random.Random) -> None:
        self.connection: Connection = session.connection()
        self.chance = chance
        self.sealed = self.connection.execute(select(func.max(TABLES["seal"].c.last_entry_id))).scalar_one()
        self.rows = self.read()

    def read(self) -> dict[str, list[Row]]:
        """Every row, by table."""
        rows: dict[str, list[Row]] = {}
        for name, table in TABLES.items():
            statement = select(table).order_by(*table.primary_key.columns)
            if name in ("entry", "transfer"):
                statement = statement.where(next(iter(table.primary_key.columns)) <= self.sealed)
            rows[name] = [dict(row) for row in self.connection.execute(statement).mappings()]
        return rows

    def update(self, name: str, row: Row, **values: object) -> None:
        """Put other values into a row."""
        self.connection.execute(update(TABLES[name]).where(self._is(name, row)).values(**values))

    def delete(self, name: str, row: Row) -> None:
        """Take a row out."""
        self.connection.execute(delete(TABLES[name]).where(self._is(name, row)))

    def _is(self, name: str, row: Row) -> ColumnElement[bool]:
        return and_(*(column == row[column.name] for column in TABLES[name].primary_key.columns))

    def pick(self, name: str, number: int = 1) -> list[Row]:
        """Different rows of a table."""
        return self.chance.sample(self.rows[name], number)

    def another(self, name: str, column: str, value: object) -> object:
        """A value that a column could have, other than the one it has."""
        others = [row[column] for row in self.rows[name] if row[column] != value]
        candidates = [self.chance.choice(others)] if others else []
        if isinstance(value, str):
            place = self.chance.randrange(len(value) + 1)
            candidates += [
                "",
                value[:place] + self.chance.choice("x:/0 é\n\\") + value[place:],
                value[:place],
                value + " ",
            ]
        elif isinstance(value, int):
            candidates += [value + 1, value - 1, -value, 0, value ^ (1 << self.chance.randrange(60))]
        elif isinstance(value, dt.datetime):
            candidates += [value + dt.timedelta(microseconds=1), value - dt.timedelta(days=1)]
        else:
            candidates.append(self.chance.choice(self.rows[name])["id"])
        if TABLES[name].c[column].nullable:
            candidates.append(None)
        return self.chance.choice([candidate for candidate in candidates if candidate != value])


def change_a_value(books: Books) -> str:
    """Any one value of any one row."""
    name = books.chance.choice(list(TABLES))
    column: Column[object] = books.chance.choice(list(TABLES[name].columns))
    row = books.pick(name)[0]
    value = books.another(name, column.name, row[column.name])
    books.update(name, row, **{column.name: value})
    return f"{name} {row}: {column.name} = {value!r}"


def swap_values(books: Books) -> str:
    """Two rows' values of some columns, each for the other's."""
    name = books.chance.choice(["account", "entry", "transfer", "seal"])
    keys = {column.name for column in TABLES[name].primary_key.columns}
    others = [column.name for column in TABLES[name].columns if column.name not in keys]
    columns = books.chance.sample(others, books.chance.randrange(1, len(others) + 1))
    one, two = books.pick(name, 2)
    if all(one[column] == two[column] for column in columns):
        raise ValueError("nothing to swap")
    # Through values that nobody has, because some of these are unique.
    between = {c: (f"~{one[c]}" if isinstance(one[c], str) else one[c]) for c in columns}
    if "reverses" in between or "last_entry_id" in between:
        between |= {c: None if c == "reverses" else -1 for c in ("reverses", "last_entry_id") if c in between}
    books.update(name, one, **between)
    first = {c: one[c] for c in columns}
    books.update(name, two, **first)
    books.update(name, one, **{c: two[c] for c in columns})
    return f"{name}: {columns} of {one} and {two} swapped"


def swap_entries(books: Books) -> str:
    """Two entries change places, their transfers with them."""
    one, two = (row["id"] for row in books.pick("entry", 2))
    for old, new in ((one, -1), (two, one), (-1, two)):
        entry, transfer = TABLES["entry"], TABLES["transfer"]
        books.connection.execute(update(entry).where(entry.c.id == old).values(id=new))
        books.connection.execute(update(transfer).where(transfer.c.entry_id == old).values(entry_id=new))
    return f"entries {one} and {two} swapped"


def move_transfer(books: Books) -> str:
    """A transfer goes to the end of another entry."""
    row, other = books.pick("transfer", 2)
    if row["entry_id"] == other["entry_id"]:
        raise ValueError("the same entry")
    last = max(int(str(t["seq"])) for t in books.rows["transfer"] if t["entry_id"] == other["entry_id"])
    books.update("transfer", row, entry_id=other["entry_id"], seq=last + 1)
    return f"transfer {row} moved to entry {other['entry_id']}"


def renumber(books: Books) -> str:
    """Two transfers of an entry change places."""
    row = books.pick("transfer")[0]
    others = [t for t in books.rows["transfer"] if t["entry_id"] == row["entry_id"] and t["seq"] != row["seq"]]
    if not others:
        raise ValueError("an entry of one transfer")
    other = books.chance.choice(others)
    content = ("debit_id", "credit_id", "amount")
    if all(row[column] == other[column] for column in content):
        raise ValueError("they are alike")
    books.update("transfer", row, **{column: other[column] for column in content})
    books.update("transfer", other, **{column: row[column] for column in content})
    return f"transfers {row} and {other} swapped"


def remove(books: Books) -> str:
    """A row disappears."""
    name = books.chance.choice(["entry", "transfer", "seal", "account"])
    used = {row[side] for row in books.rows["transfer"] for side in ("debit_id", "credit_id")}
    row = books.pick(name)[0]
    if (name == "account" and row["id"] not in used) or (name == "seal" and row == books.rows["seal"][-1]):
        raise ValueError("an unused account says nothing; a missing newest seal is for --head")
    books.delete(name, row)
    return f"{name} {row} deleted"


def invent(books: Books) -> str:
    """A row appears: one more transfer in an entry, or one more entry between others."""
    row = books.pick("transfer")[0]
    last = max(int(str(t["seq"])) for t in books.rows["transfer"] if t["entry_id"] == row["entry_id"])
    books.connection.execute(insert(TABLES["transfer"]).values(**{**row, "seq": last + 1}))
    for side, sign in (("debit_id", -1), ("credit_id", 1)):
        account = TABLES["account"]
        change = account.c.balance + sign * int(str(row["amount"]))
        books.connection.execute(update(account).where(account.c.id == row[side]).values(balance=change))
    return f"transfer {row} doubled, balances and all"


CHANGES: list[Callable[[Books], str]] = [
    *([change_a_value] * 6),
    swap_values,
    swap_entries,
    move_transfer,
    renumber,
    remove,
    invent,
]


def _notices_each(database: Database, seed: int, number: int) -> None:
    with database.transaction() as session:
        fill(session, 30)
        settle(session, "later", NOW + dt.timedelta(days=40), "studio", random.Random(1))
    chance = random.Random(seed)
    with unprotected(database) as session:
        assert wrong(session) == {}
        books = Books(session, chance)
        done: dict[str, int] = {}
        while sum(done.values()) < number:
            change = chance.choice(CHANGES)
            savepoint = books.connection.begin_nested()
            try:
                said = change(books)
                if books.read() == books.rows:  # PostgreSQL drops blanks beyond a column's length
                    raise ValueError(said)
            except (ValueError, DBAPIError):  # nothing to change there, or the tables themselves refuse it
                savepoint.rollback()
                continue
            assert wrong(session) != {}, said
            savepoint.rollback()
            done[change.__name__] = done.get(change.__name__, 0) + 1
        assert wrong(session) == {}
        assert set(done) == {change.__name__ for change in CHANGES}


def test_notices_every_change(database: Database) -> None:
    """100 random changes of stored values, reorderings, deletions and inventions are noticed, each alone."""
    _notices_each(database, 1, 100)


@pytest.mark.deep
def test_notices_every_change_deep(database: Database) -> None:
    """The same for 1,000 changes."""
    _notices_each(database, 2, 1_000)


def test_every_column_is_watched(database: Database) -> None:
    """Each column of each table of the ledger is noticed when it changes."""
    with database.transaction() as session:
        fill(session, 12)
    with unprotected(database) as session:
        books = Books(session, random.Random(3))
        tried = set()
        for name, table in TABLES.items():
            rows = books.rows[name][:3] * 4
            for row, column in itertools.product(rows, [column.name for column in table.columns]):
                savepoint = books.connection.begin_nested()
                try:
                    books.update(name, row, **{column: books.another(name, column, row[column])})
                    if books.read() != books.rows:
                        assert wrong(session) != {}, (name, column, row)
                        tried.add((name, column))
                except DBAPIError:  # the tables themselves refuse it
                    pass
                savepoint.rollback()
        assert tried == {(name, column.name) for name, table in TABLES.items() for column in table.columns}


def test_deleting_the_newest_rows_needs_a_head_to_notice(database: Database) -> None:
    """Newest rows taken out, seals and balances to match: only somebody who kept a head can tell, and does."""
    with database.transaction() as session:
        fill(session, 30)
        kept = seal.head(session)
    assert kept is not None
    with unprotected(database) as session:
        connection = session.connection()
        seals, transfer, entry, account = (TABLES[name] for name in ("seal", "transfer", "entry", "account"))
        before = connection.execute(select(seals.c.last_entry_id).where(seals.c.number == 2)).scalar_one()
        connection.execute(delete(seals).where(seals.c.number > 2))
        connection.execute(delete(transfer).where(transfer.c.entry_id > before))
        connection.execute(delete(entry).where(entry.c.id > before))
        for side, sign in ((transfer.c.credit_id, 1), (transfer.c.debit_id, -1)):
            total = select(func.coalesce(func.sum(transfer.c.amount), 0)).where(side == account.c.id).scalar_subquery()
            base = account.c.balance if sign < 0 else 0
            connection.execute(update(account).values(balance=base + sign * total))
        assert [check.name for check in ledger_checks(session) if not check.ok] == []
        for form in (kept, kept[:12], seal.short(kept)):
            assert list(wrong(session, form)) == ["head in the chain of seals"]


def test_rewriting_everything_needs_a_head_to_notice(database: Database) -> None:
    """A changed memo with every seal recomputed hangs together again; only a head that was kept gives it away."""
    with database.transaction() as session:
        fill(session, 30)
        kept = seal.head(session)
    assert kept is not None
    with unprotected(database) as session:
        connection = session.connection()
        entry, seals = TABLES["entry"], TABLES["seal"]
        first = connection.execute(select(func.min(entry.c.id))).scalar_one()
        connection.execute(update(entry).where(entry.c.id == first).values(memo="as it suits me"))
        assert list(wrong(session)) == ["seals"]
        previous, after = seal.FIRST, 0
        for number, up_to in connection.execute(select(seals.c.number, seals.c.last_entry_id).order_by("number")).all():
            previous = seal.digest(session, number, previous, after, up_to)
            connection.execute(update(seals).where(seals.c.number == number).values(head=previous))
            after = up_to
        assert wrong(session) == {}
        assert list(wrong(session, seal.short(kept))) == ["head in the chain of seals"]
