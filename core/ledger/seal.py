"""Seals: a SHA-256 chain over the whole journal, so that a later change of the books can be noticed by anyone who kept
a head (domain.md, "Ledger"). docs/verify-the-books.md describes the bytes for outsiders.

What is hashed holds no wall-clock and no database id: the same history gives the same heads on every database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from sqlalchemy import func, select, text
from sqlmodel import Session

from core.ledger.journal import shut_out_posters
from core.ledger.tables import Entry, Seal
from core.storage import is_postgres, table_of

FIRST = "0" * 64
FORMAT = "earnings-desk seal 1"
_ENTRIES = 5_000  # entries, and rows of transfers, in memory at a time

_entry = table_of(Entry)
_seal = table_of(Seal)


def seal(session: Session) -> str | None:
    """Seal every entry since the last seal; the new head (64 hex digits), or None when there is nothing new."""
    shut_out_posters(session)
    last = session.execute(select(_seal).order_by(_seal.c.number.desc()).limit(1)).mappings().first()
    after = last["last_entry_id"] if last else 0
    until = session.execute(select(func.max(_entry.c.id)).where(_entry.c.id > after)).scalar_one()
    if until is None:
        return None
    number = last["number"] + 1 if last else 1
    link = digest(session, number, last["head"] if last else FIRST, after, until)
    session.execute(_seal.insert().values(number=number, last_entry_id=until, head=link))
    return link


def head(session: Session) -> str | None:
    """The newest seal's head (64 hex digits), or None before the first seal."""
    value: str | None = session.execute(
        select(_seal.c.head).order_by(_seal.c.number.desc()).limit(1)
    ).scalar_one_or_none()
    return value


def short(link: str) -> str:
    """How a head stands in a digest: `3f9a…c2`."""
    return f"{link[:4]}…{link[-2:]}"


def digest(session: Session, number: int, previous: str, after: int, until: int) -> str:
    """The head of seal `number` over the entries with ids above `after` up to `until`, linked to the previous head."""
    running = hashlib.sha256(f"{FORMAT}\t{number}\t{previous}\n".encode())
    for piece in journal_lines(session, after, until):
        running.update(piece.encode())
    return running.hexdigest()


def journal_lines(session: Session, after: int, until: int) -> Iterator[str]:
    """The hashed text of the entries with ids above `after` up to `until`: whole lines, many in each piece."""
    while entries := _entries(session, after, until):
        yield from _chunk(session, entries)
        after = entries[-1][0]


def escaped(value: str) -> str:
    """Text within a line: backslash, tab, line feed and carriage return written as two characters."""
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _entries(session: Session, after: int, until: int) -> list[tuple[int, str]]:
    """The next entries as (id, line)."""
    time = _TIME_POSTGRES if is_postgres(session) else _TIME_SQLITE
    rows = session.execute(
        text(
            f"SELECT e.id, e.key, e.kind, {time}, e.memo, coalesce(r.key, '') FROM entry e "
            "LEFT JOIN entry r ON r.id = e.reverses WHERE e.id > :after AND e.id <= :until ORDER BY e.id LIMIT :most"
        ),
        {"after": after, "until": until, "most": _ENTRIES},
    )
    return [
        (entry_id, f"entry\t{escaped(key)}\t{escaped(kind)}\t{at}\t{escaped(memo)}\t{escaped(reversed_key)}\n")
        for entry_id, key, kind, at, memo, reversed_key in rows
    ]


def _chunk(session: Session, entries: list[tuple[int, str]]) -> Iterator[str]:
    rows = session.execute(
        _TRANSFERS, {"after": entries[0][0], "until": entries[-1][0]}, execution_options={"yield_per": _ENTRIES}
    )
    waiting = iter(entries)
    upcoming = next(waiting, None)
    for partition in rows.partitions():
        piece = []
        for entry_id, line in partition:
            while upcoming is not None and upcoming[0] <= entry_id:
                piece.append(upcoming[1])
                upcoming = next(waiting, None)
            piece.append(line)
        yield "".join(piece)
    while upcoming is not None:
        yield upcoming[1]
        upcoming = next(waiting, None)


_TIME_POSTGRES = """to_char(e.effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_TIME_SQLITE = "replace(e.effective_at, ' ', 'T') || 'Z'"


def _name(account: str) -> str:
    return (
        f"{account}.program || ':' || {account}.role || "
        f"CASE WHEN {account}.creator = '' THEN '' ELSE ':' || {account}.creator END"
    )


# The database writes the lines: names hold no control characters (`accounts.problem_of`), so nothing needs escaping.
_TRANSFERS = text(
    "SELECT t.entry_id, 'transfer' || :tab || {debit} || :tab || {credit} || :tab || CAST(t.amount AS text) || :feed "
    "FROM transfer t JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id "
    "WHERE t.entry_id >= :after AND t.entry_id <= :until ORDER BY t.entry_id, t.seq".format(
        debit=_name("d"), credit=_name("c")
    )
).bindparams(tab="\t", feed="\n")
