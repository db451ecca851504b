"""A ledger with some history, for tests that look at it, change it or export it."""

from __future__ import annotations

import datetime as dt
import random

from sqlalchemy import literal, select, union_all
from sqlmodel import Session

from core.ledger import accounts, journal, seal
from core.ledger.journal import Move
from core.ledger.verify import Check, ledger_checks

NOW = dt.datetime(2026, 1, 14, 3, tzinfo=dt.UTC)
PROGRAMS = ("studio", "assisters")
CREATORS = ("ada", "bo b", "c:d", 'e"f\\', "=1+1", "漢;|", "-2D", "\u202egnp")
HOSTILE_MEMO = 'back\\slash\ttab\n2020-01-01 * "x"\r; date:2020-01-01 | {} "'


def fill(session: Session, entries: int = 40, seed: int = 1, number: int = 0) -> None:
    """Post so many entries of every kind: earnings by SELECT, holds, payments and things taken back; about three
    seals, the last entries of all sealed too. The same seed gives the same history."""
    chance = random.Random(seed)
    accounts.open_wallets(session, [(program, creator) for program in PROGRAMS for creator in CREATORS])
    own = {p: {role: accounts.open_account(session, p, role) for role in accounts.PROGRAM_ROLES} for p in PROGRAMS}
    rails = {program: accounts.open_account(session, program, "rail:manual") for program in PROGRAMS}
    for count in range(1, entries + 1):
        program = chance.choice(PROGRAMS)
        at = NOW + dt.timedelta(hours=count, microseconds=chance.randrange(1_000_000))
        key = f"{number}:{count}"
        if count % 4 == 1:
            settle(session, key, at, program, chance)
        else:
            _move(session, key, at, program, (own[program]["fees"], rails[program]), chance)
        if count in (entries // 3, entries // 2, entries):
            seal.seal(session)


def settle(session: Session, key: str, at: dt.datetime, program: str, chance: random.Random) -> None:
    """An entry as settlement writes it: set-based, a transfer for each creator, then costs."""
    usage = accounts.account_id(program, "usage")
    entry_id = journal.open_entry(session, key, "settlement", at, "Usage of 13 Jan")
    lines = [
        (seq, usage, accounts.account_id(program, "available", creator), chance.randrange(1, 20_000_000))
        for seq, creator in enumerate(CREATORS, 1)
    ]
    rows = [select(*(literal(part) for part in line)) for line in lines]
    journal.post_select(session, entry_id, select(union_all(*rows).subquery()))
    costs = select(literal(len(lines) + 1), literal(usage), literal(accounts.account_id(program, "costs")), literal(7))
    journal.post_select(session, entry_id, costs)


def _move(
    session: Session, key: str, at: dt.datetime, program: str, ends: tuple[int, int], chance: random.Random
) -> None:
    creator = chance.choice(CREATORS)
    available, reserved = (accounts.account_id(program, role, creator) for role in ("available", "reserved"))
    amount = chance.randrange(1, 5_000_000)
    held = journal.hold(session, available, reserved, amount, key, "withdrawal.request", at, HOSTILE_MEMO)
    if held is None or held.id is None:
        adjustments = accounts.account_id(program, "adjustments")
        journal.post(session, key, "adjustment", at, [Move(adjustments, available, amount)], "Made good")
    elif chance.random() < 0.5:
        journal.reverse(session, held.id, f"{key}:back", at, "Rejected")
    else:
        fee = amount // 10
        moves = [Move(reserved, ends[1], amount - fee)] + ([Move(reserved, ends[0], fee)] if fee else [])
        journal.post(session, f"{key}:paid", "withdrawal.paid", at, moves)


def wrong(session: Session, head: str | None = None) -> dict[str, str]:
    """What the ledger's checks find, by check; empty when all is well."""
    checks: list[Check] = ledger_checks(session, head)
    return {check.name: check.detail for check in checks if not check.ok}
