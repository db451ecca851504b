"""All checks of all rooms: are the books whole (domain.md, "Ledger")?

The rooms look at their own tables; here is what takes all of them to tell: that every entry has a reason, and that
each account holds exactly what settled lines, adjustments and withdrawals say, so that no balanced entry is slipped in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import BigInteger, Row, Select, String, Table, cast, func, literal, or_, select, text, union, union_all
from sqlmodel import Session

from core.audit import AuditRecord
from core.earnings.checks import earnings_checks
from core.earnings.differences import LINE, PROJECT
from core.earnings.month_tables import MonthLine, MonthTotal, PendingMonth, ReferralLine
from core.earnings.tables import SettledDay, SettlementLine
from core.ledger import accounts
from core.ledger.money import decimal_text
from core.ledger.tables import Account, Entry, Seal, Transfer
from core.ledger.verify import MOST_SHOWN, Check, Finding, ledger_checks, run
from core.payouts.adjustments import KIND as ADJUSTED
from core.payouts.checks import BACK, payout_checks
from core.payouts.processing import PROCESSING
from core.payouts.tables import Adjustment, Withdrawal
from core.payouts.transitions import PAID, REQUEST
from core.storage import append_only_ddl, is_postgres, table_of, unique_keys

_ENTRY = table_of(Entry)
_ACCOUNT = table_of(Account)
_SETTLED = table_of(SettledDay)
_MONTH_LINE, _REFERRAL_LINE = table_of(MonthLine), table_of(ReferralLine)
_TOTAL, _PENDING = table_of(MonthTotal), table_of(PendingMonth)
_WITHDRAWAL = table_of(Withdrawal)
_ADJUSTMENT = table_of(Adjustment)
_AUDIT = table_of(AuditRecord)

SETTLEMENT = "settlement"
APPEND_ONLY = (Entry, Transfer, Seal, SettlementLine, MonthLine, ReferralLine, MonthTotal, AuditRecord)


def verify(session: Session, head: str | None = None) -> list[Check]:
    """Look at everything and change nothing; `head` is one from a digest, in full or short. All is well when every
    check is ok; a desk without history is well."""
    books = [run(session, name, find) for name, find in CHECKS]
    return [*ledger_checks(session, head), *earnings_checks(session), *payout_checks(session), *books]


def _kinds(session: Session) -> tuple[list[str], str]:
    """Each entry is of a kind that the desk posts, a settlement has lines, and only withdrawals are taken back."""
    kind = _ENTRY.c.kind
    columns = (_ENTRY.c.id, kind, _ENTRY.c.key)
    unknown = (
        select(*columns).where(kind.not_in((SETTLEMENT, PROCESSING, REQUEST, PAID, ADJUSTED))).order_by(_ENTRY.c.id)
    )
    wrong = [f"entry {row.id} ({row.key}) is of unknown kind {row.kind!r}" for row in _some(session, unknown)]
    # Lines have no index by entry: all of them, once.
    settled = union(select(LINE.c.entry_id), select(_TOTAL.c.entry_id))
    empty = select(*columns).where(kind == SETTLEMENT, _ENTRY.c.id.not_in(settled)).order_by(_ENTRY.c.id)
    wrong += [f"entry {row.id} ({row.key}) settles nothing: it has no lines" for row in _some(session, empty)]
    first = _ENTRY.alias("first")
    back = (
        select(*columns)
        .join(first, first.c.id == _ENTRY.c.reverses)
        .where(or_(kind != first.c.kind, kind.not_in((REQUEST, PAID))))
        .order_by(_ENTRY.c.id)
    )
    wrong += [f"entry {row.id} ({row.key}) takes back what is never taken back" for row in _some(session, back)]
    count = session.execute(select(func.count()).select_from(_ENTRY)).scalar_one()
    return wrong, f"{count} entries are settlements, processings, withdrawals and adjustments"


def _wallets(session: Session) -> tuple[list[str], str]:
    """Each wallet holds its settled lines and approved adjustments, less the withdrawals that were not given back; of
    kinds with months, `pending` holds what waits for a processing, and `available` the rest.

    The reserved balance is a check of payouts.
    """
    roles = ("available", "pending")
    available, pending = literal("available", String), literal("pending", String)
    earned = [_by_project(LINE), _by_project(_MONTH_LINE)]
    line, waits = _REFERRAL_LINE.c, _PENDING.c
    earned.append(select(line.program, available, line.creator_id, -line.amount))
    earned.append(select(waits.program, available, waits.creator_id, waits.amount))
    earned.append(select(waits.program, pending, waits.creator_id, -waits.amount))
    taken = select(_WITHDRAWAL.c.program, available, _WITHDRAWAL.c.creator_id, _WITHDRAWAL.c.amount)
    adjusted = select(_ADJUSTMENT.c.program, available, _ADJUSTMENT.c.creator_id, -_ADJUSTMENT.c.amount)
    wrong = _off(
        session,
        _held(roles),
        *earned,
        taken.where(_WITHDRAWAL.c.state.not_in(BACK)),
        adjusted.where(_ADJUSTMENT.c.state == "approved"),
    )
    count = select(func.count()).select_from(_ACCOUNT).where(_ACCOUNT.c.role.in_(roles))
    return wrong, f"{session.execute(count).scalar_one()} balances are what was earned, adjusted and withdrawn"


def _by_project(table: Table) -> Select[Any]:
    """The shares of lines by wallet, with the sign that takes them off its balance. Kinds with months put them into
    `pending` first: what waits there still is told by other rows."""
    amount = cast(func.sum(table.c.share), BigInteger)
    by_project = select(table.c.project_id, amount.label("share")).group_by(table.c.project_id).subquery()
    available = literal("available", String)
    return select(PROJECT.c.program, available, PROJECT.c.creator_id, -by_project.c.share).join(
        by_project, by_project.c.project_id == PROJECT.c.project_id
    )


def _pools(session: Session) -> tuple[list[str], str]:
    """Each program's usage, costs, margin and subscriptions are those of its settled days and closed months (whose sums
    are those of their lines)."""
    sides = {
        "usage": _SETTLED.c.spent,
        "costs": -_SETTLED.c.costs,
        "margin": _SETTLED.c.costs + _SETTLED.c.share - _SETTLED.c.spent,
    }
    settled = [
        select(_SETTLED.c.program, literal(role, String), literal("", String), amount) for role, amount in sides.items()
    ]
    months = {"subscriptions": _TOTAL.c.payments, "margin": _TOTAL.c.share + _TOTAL.c.referral - _TOTAL.c.payments}
    settled += [
        select(_TOTAL.c.program, literal(role, String), literal("", String), amount) for role, amount in months.items()
    ]
    wrong = _off(session, _held((*sides, "subscriptions")), *settled)
    return wrong, "usage, costs, margin and subscriptions are those of the settled days and months"


def _held(roles: Iterable[str]) -> Select[Any]:
    columns = (_ACCOUNT.c.program, _ACCOUNT.c.role, _ACCOUNT.c.creator, _ACCOUNT.c.balance.label("amount"))
    return select(*columns).where(_ACCOUNT.c.role.in_(list(roles)))


def _off(session: Session, held: Select[Any], *told: Select[Any]) -> list[str]:
    """The accounts whose balance, less what the rows tell, is not zero."""
    both = union_all(held, *told).subquery()
    program, role, creator, amount = both.c
    off = func.sum(amount)
    statement = select(program, role, creator, off.label("off")).group_by(program, role, creator).having(off != 0)
    return [
        f"{accounts.name(row.program, row.role, row.creator)} holds {decimal_text(abs(int(row.off)))} "
        f"{'more' if row.off > 0 else 'less'} than its rows say"
        for row in _some(session, statement.order_by(program, role, creator))
    ]


def _protected(session: Session) -> tuple[list[str], str]:
    """The database still refuses changes of history: every trigger that makes a table append-only is in its place."""
    there = set(session.execute(text(_POSTGRES_TRIGGERS if is_postgres(session) else _SQLITE_TRIGGERS)).scalars())
    wanted = dict(_triggers("postgresql" if is_postgres(session) else "sqlite"))
    wrong = [f"{table} can be changed: trigger {name} is gone" for name, table in wanted.items() if name not in there]
    return wrong, f"{len(wanted)} triggers refuse changes of history"


def _triggers(dialect: str) -> Iterator[tuple[str, str]]:
    """Each append-only table's triggers: (name, table)."""
    for model in APPEND_ONLY:
        table = table_of(model)
        for statement in append_only_ddl(table.name, unique_keys(table), dialect):
            found = re.match(r"CREATE TRIGGER (\w+) ", statement)
            if found is not None:
                yield found[1], table.name


def _trail(session: Session) -> tuple[list[str], str]:
    """No line is missing from the middle of the audit trail. Told on SQLite only: PostgreSQL's numbers have gaps."""
    count, last = session.execute(select(func.count(), func.coalesce(func.max(_AUDIT.c.id), 0))).one()
    if not is_postgres(session) and last != count:
        return [f"the newest line is number {last}, but there are {count}"], ""
    return [], f"{count} lines"


# A disabled trigger is as good as none.
_POSTGRES_TRIGGERS = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
_SQLITE_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"

CHECKS: Sequence[tuple[str, Finding]] = (
    ("kinds of entries", _kinds),
    ("wallets and their rows", _wallets),
    ("programs and settled days", _pools),
    ("append-only tables", _protected),
    ("audit trail", _trail),
)


def _some(session: Session, statement: Select[Any]) -> Sequence[Row[Any]]:
    """As many findings as are shown, and one more to tell that there are more."""
    return session.execute(statement.limit(MOST_SHOWN + 1)).all()
