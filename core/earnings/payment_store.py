"""Subscription payments in the database: what decides about a slice of them, and what a slice writes."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select, update
from sqlmodel import Session

from core.earnings.intake.keys import among
from core.earnings.intake.writing import mark_months
from core.earnings.month_tables import Payment, PaymentVoid
from core.earnings.payment_rows import Facts, Reported
from core.earnings.tables import Creator, ProgramState
from core.ledger import accounts
from core.storage import is_postgres, table_of

_PAYMENT = table_of(Payment)
_VOID = table_of(PaymentVoid)
_CREATOR = table_of(Creator)
_PROGRAM = table_of(ProgramState)
_LOCK = zlib.crc32(b"earnings.payment")


@dataclass(slots=True)
class Known:
    """What one slice's transaction has read. payments: by id, of those that the slice names. voided: those of them
    that a void names, the payment being here or not. creators: of the referrers that exist.
    """

    settled_through: dt.date | None = None
    payments: dict[str, Facts] = field(default_factory=dict)
    voided: set[str] = field(default_factory=set)
    creators: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Changes:
    """What a slice writes. taken: payments by id, voids among them. dead: taken payments that never count.

    voids: target → (void's id, whether the target is here). come: payments that a stored void had waited for.
    gone: stored payments that count no more. months: those whose pools change.
    """

    taken: dict[str, Facts] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    voids: dict[str, tuple[str, bool]] = field(default_factory=dict)
    come: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    months: set[dt.date] = field(default_factory=set)


def learn(session: Session, program: str, source: str, reported: Sequence[Reported]) -> Known:
    """Share the program's row until the transaction ends, so that no settlement runs meanwhile, and read.

    Slices of payments run one after the other: a void and its payment that come at once must see each other.
    """
    if is_postgres(session):  # SQLite's one writer does that already
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    through = select(_PROGRAM.c.settled_through).where(_PROGRAM.c.slug == program).with_for_update(read=True)
    known = Known(session.execute(through).scalar_one())
    ids = {one.payment_id for one in reported} | {one.facts.voids for one in reported} - {""}
    known.payments = _by_id(session, source, ids)
    named = select(_VOID.c.voids).where(_VOID.c.source == source, among(session, _VOID.c.voids, ids))
    known.voided = set(session.scalars(named))
    referrers = {one.facts.referrer_id for one in reported if one.facts.referrer_id}
    if referrers:
        here = select(_CREATOR.c.creator_id).where(among(session, _CREATOR.c.creator_id, referrers))
        known.creators = set(session.scalars(here))
    return known


def _by_id(session: Session, source: str, ids: Iterable[str]) -> dict[str, Facts]:
    columns = [_PAYMENT.c[name] for name in Facts._fields]
    statement = select(_PAYMENT.c.payment_id, *columns).where(
        _PAYMENT.c.source == source, among(session, _PAYMENT.c.payment_id, ids)
    )
    return {
        payment_id: Facts(*values)._replace(voids=values[-1] or "")
        for payment_id, *values in session.execute(statement)
    }


def write(session: Session, program: str, source: str, changes: Changes) -> None:
    """Store a slice's payments and voids, open referrers' wallets, and tell settlement of the months."""
    rows = [_row(source, payment_id, facts, changes) for payment_id, facts in sorted(changes.taken.items())]
    if rows:
        session.execute(_PAYMENT.insert(), rows)
    if changes.gone:
        these = (_PAYMENT.c.source == source, among(session, _PAYMENT.c.payment_id, sorted(changes.gone)))
        session.execute(update(_PAYMENT).where(*these).values(voided=True))
    if changes.voids:
        voids = [
            {"source": source, "voids": target, "payment_id": void_id, "applied": applied}
            for target, (void_id, applied) in sorted(changes.voids.items())
        ]
        session.execute(_VOID.insert(), voids)
    if changes.come:
        waited = (_VOID.c.source == source, among(session, _VOID.c.voids, sorted(changes.come)))
        session.execute(update(_VOID).where(*waited).values(applied=True))
    referrers = {facts.referrer_id for facts in changes.taken.values() if facts.referrer_id}
    accounts.open_wallets(session, [(program, name) for name in sorted(referrers)])
    mark_months(session, {(program, month) for month in changes.months})


def _row(source: str, payment_id: str, facts: Facts, changes: Changes) -> Mapping[str, object]:
    kept = facts._asdict() | {"voids": facts.voids or None}
    return {"source": source, "payment_id": payment_id, "voided": payment_id in changes.dead, **kept}
