"""Accounts: what they are called, opening them, and reading their balances (micro-dollars; domain.md, "Ledger").

An account's id follows from its name, so that nobody has to look it up, opening twice gives the same one on every
database, and a changed name or id is noticed by `verify`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import bindparam, select, text
from sqlmodel import Session

from core.errors import InvalidInput
from core.ledger.tables import Account
from core.storage import insert_once, is_postgres, table_of

PROGRAM_ROLES = ("usage", "costs", "margin", "fees", "subscriptions", "adjustments")
WALLET_ROLES = ("pending", "available", "reserved")
RAIL = "rail:"

_account = table_of(Account)
_BATCH = 10_000
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class BadAccountName(InvalidInput):
    """Nothing changed. {name} can't be an account: {problem}."""


class AccountCollision(InvalidInput):
    """Nothing changed. The account {name} can't be opened: its number belongs to another one."""


@dataclass(frozen=True, slots=True)
class Wallet:
    """A creator's three balances in one program, in micro-dollars; `available` may be negative."""

    pending: int = 0
    available: int = 0
    reserved: int = 0


def name(program: str, role: str, creator: str = "") -> str:
    """What an account is called in seals and messages: `studio:available:ada`, `studio:usage`, `studio:rail:manual`.

    No two accounts share a name: a program holds no colon, and only the three wallet roles are followed by a creator.
    """
    return f"{program}:{role}:{creator}" if creator else f"{program}:{role}"


def problem_of(program: str, role: str, creator: str = "") -> str:
    """Why this can't name an account; empty when it can."""
    if not program or ":" in program:
        return "a program's name is not empty and holds no colon"
    if role not in WALLET_ROLES and role not in PROGRAM_ROLES and not (role.startswith(RAIL) and len(role) > len(RAIL)):
        return "there is no such role"
    if (role in WALLET_ROLES) != bool(creator):
        return "wallets have a creator, a program's own accounts have none"
    if _UNFIT.search(program + role + creator):
        return "a name holds no control characters and no broken Unicode"
    return ""


def account_id(program: str, role: str, creator: str = "") -> int:
    """The account's number: the first 8 bytes of the SHA-256 of its name, as a whole number, without the top bit."""
    digest = hashlib.sha256(name(program, role, creator).encode()).digest()
    return int.from_bytes(digest[:8], "big") & 0x7FFF_FFFF_FFFF_FFFF


def open_account(session: Session, program: str, role: str, creator: str = "") -> int:
    """The account's id; opens the account when it is new. Two who open it at once get the same one.

    Raises BadAccountName.
    """
    _check(program, role, creator)
    number = account_id(program, role, creator)
    if _is_open(session, number, program, role, creator):
        return number
    row = {"id": number, "program": program, "role": role, "creator": creator, "balance": 0}
    if not insert_once(session, Account, row, ["id"]):
        _is_open(session, number, program, role, creator)  # another opened it meanwhile: the same one, or a collision
    return number


def open_wallets(session: Session, pairs: Iterable[tuple[str, str]]) -> None:
    """Open the three wallet accounts of each (program, creator) that lacks them; known ones are left as they are.

    Raises BadAccountName before anything is opened.
    """
    wanted = dict.fromkeys(pairs)
    for program, creator in wanted:
        _check(program, WALLET_ROLES[0], creator)
    rows = sorted((account_id(p, role, c), p, role, c) for p, c in wanted for role in WALLET_ROLES)
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        _open_batch(session, batch)


def balance(session: Session, program: str, role: str, creator: str = "") -> int:
    """Credits minus debits, in micro-dollars; 0 for an account that was never opened."""
    statement = select(_account.c.balance).where(_account.c.id == account_id(program, role, creator))
    return int(session.execute(statement).scalar_one_or_none() or 0)


# Every answer asks these, so the statements are made once.
_WALLET = select(_account.c.role, _account.c.balance).where(_account.c.id.in_(bindparam("ids", expanding=True)))
_WALLETS = (
    select(_account.c.program, _account.c.role, _account.c.balance)
    .where(_account.c.creator == bindparam("creator"), _account.c.role.in_(WALLET_ROLES))
    .order_by(_account.c.program)
)


def wallet(session: Session, program: str, creator: str) -> Wallet:
    """The creator's balances in one program, in micro-dollars; zeros where nothing was ever earned."""
    ids = [account_id(program, role, creator) for role in WALLET_ROLES]
    return Wallet(**{row.role: row.balance for row in session.execute(_WALLET, {"ids": ids})})


def wallets(session: Session, creator: str) -> dict[str, Wallet]:
    """The creator's balances in every program where accounts are open, by program slug, sorted."""
    found: dict[str, dict[str, int]] = {}
    for program, role, amount in session.execute(_WALLETS, {"creator": creator}):
        found.setdefault(program, {})[role] = amount
    return {program: Wallet(**balances) for program, balances in found.items()}


def _check(program: str, role: str, creator: str) -> None:
    problem = problem_of(program, role, creator)
    if problem:
        raise BadAccountName(name=repr(name(program, role, creator)), problem=problem)


def _is_open(session: Session, number: int, program: str, role: str, creator: str) -> bool:
    statement = select(_account.c.program, _account.c.role, _account.c.creator).where(_account.c.id == number)
    row = session.execute(statement).first()
    if row is None:
        return False
    if tuple(row) != (program, role, creator):
        raise AccountCollision(name=name(program, role, creator))
    return True


def _open_batch(session: Session, rows: Sequence[tuple[int, str, str, str]]) -> None:
    connection = session.connection()
    if is_postgres(session):
        ids, programs, roles, creators = (list(column) for column in zip(*rows, strict=True))
        statement = text(
            "INSERT INTO account (id, program, role, creator, balance) "
            "SELECT new.*, 0 FROM unnest(CAST(:ids AS bigint[]), CAST(:programs AS text[]), CAST(:roles AS text[]), "
            "CAST(:creators AS text[])) AS new ON CONFLICT DO NOTHING"
        )
        connection.execute(statement, {"ids": ids, "programs": programs, "roles": roles, "creators": creators})
        return
    connection.exec_driver_sql(
        "INSERT INTO account (id, program, role, creator, balance) VALUES (?, ?, ?, ?, 0) ON CONFLICT DO NOTHING",
        list(rows),
    )
