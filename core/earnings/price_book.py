"""Prices of assistants, as imports of projects bring them (domain.md, "Embed/API": "Prices are dated")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlmodel import Session

from core.clock import DAY, utc_day
from core.config import Program
from core.earnings.intake import fields
from core.earnings.intake.fields import FieldError
from core.earnings.intake.keys import among
from core.earnings.month_tables import ProjectPrice
from core.earnings.prices import LARGEST_PRICE, PRICE, effective, set_for
from core.earnings.programs.assistants import Assistants
from core.earnings.tables import ProgramState, Project
from core.earnings.terms import from_json
from core.ledger.money import format_money
from core.storage import table_of, upsert

PRICE_COLUMNS = ("price_per_million_usd", "price_from")
_PROJECT = table_of(Project)
_PROGRAM = table_of(ProgramState)

Dated = Mapping[dt.date, int]
"""A project's prices by the day that each starts on."""


def read_price(row: Mapping[str, object]) -> tuple[int | None, dt.date | None]:
    """A row's price (micro-dollars per 1,000,000 tokens) and the day it starts on, where it says any.

    Raises FieldError.
    """
    price, start = (row.get(name) for name in PRICE_COLUMNS)
    given = None if fields.is_empty(price) else fields.dollars(price, PRICE_COLUMNS[0], LARGEST_PRICE)
    if fields.is_empty(start):
        return given, None
    first = fields.day(start, PRICE_COLUMNS[1])
    if first < fields.EARLIEST:
        raise FieldError(PRICE_COLUMNS[1], f"is {first}, before 1970; check the year")
    return given, first


@dataclass(slots=True)
class PriceBook:
    """The prices of one import of projects: reads what decides, remembers what changed, writes it.

    Programs whose prices may change are held (FOR SHARE) until the transaction ends, so that none of their days is
    settled meanwhile.
    """

    now: dt.datetime
    _programs: dict[str, tuple[Program, dt.date | None]] = field(default_factory=dict)
    _kept: dict[str, Dated] = field(default_factory=dict)
    _new: set[str] = field(default_factory=set)
    _changed: dict[tuple[str, dt.date], int] = field(default_factory=dict)

    def load(self, session: Session, programs: Iterable[str], project_ids: Iterable[str]) -> None:
        """Read the programs of kind `assistants` among these, and the prices of the projects."""
        columns = (_PROGRAM.c.slug, _PROGRAM.c.terms, _PROGRAM.c.settled_through)
        for slug in sorted(set(programs) - self._programs.keys()):
            assistants = (_PROGRAM.c.slug == slug, _PROGRAM.c.kind == Assistants().name)
            row = session.execute(select(*columns).where(*assistants).with_for_update(read=True)).first()
            if row is not None:
                self._programs[slug] = Program(slug, Assistants().name, from_json(row.terms)), row.settled_through
        wanted = sorted(set(project_ids) - self._kept.keys())
        if not self._programs or not wanted:
            return
        # Two that change one project's prices at once must see each other.
        held = select(_PROJECT.c.project_id).where(among(session, _PROJECT.c.project_id, wanted))
        session.execute(held.order_by(_PROJECT.c.project_id).with_for_update(key_share=True)).all()
        found: dict[str, dict[dt.date, int]] = {name: {} for name in wanted}
        rows = select(PRICE.c.project_id, PRICE.c.price_from, PRICE.c.price)
        for name, start, price in session.execute(rows.where(among(session, PRICE.c.project_id, wanted))):
            found[name][start] = price
        self._kept.update(found)

    def set(self, program: str, project_id: str, price: int | None, start: dt.date | None, *, new: bool) -> bool:
        """Take a project's price from a day on (default: today); whether anything changes by it.

        A project that never had a price has the floor. new: the project is not here yet. Raises FieldError.
        """
        known = self._programs.get(program)
        if known is None:
            for name, value in zip(PRICE_COLUMNS, (price, start), strict=True):
                if value is not None:
                    raise FieldError(name, "belongs to programs of kind assistants; leave it empty")
            return False
        before = self._kept.get(project_id, {})
        wanted = self._wanted(known[0], before, price, start)
        if wanted is None or before.get(wanted[0]) == wanted[1]:
            return False
        if new:
            self._new.add(project_id)
        after = {**before, wanted[0]: wanted[1]}
        if project_id not in self._new:
            _refuse_settled(*known, before, after)
        self._kept[project_id] = after
        self._changed[project_id, wanted[0]] = wanted[1]
        return True

    def write(self, session: Session) -> None:
        """Store what changed; the projects are there by now."""
        rows = [
            {"project_id": project_id, "price_from": start, "price": price}
            for (project_id, start), price in sorted(self._changed.items())
        ]
        if rows:
            insert = upsert(session, ProjectPrice)
            changing = {"price": insert.excluded.price}
            session.execute(
                insert.on_conflict_do_update(index_elements=["project_id", "price_from"], set_=changing), rows
            )
        self._changed.clear()

    def _wanted(
        self, program: Program, before: Dated, price: int | None, start: dt.date | None
    ) -> tuple[dt.date, int] | None:
        """The day and price to keep; None where everything stays as it is."""
        if price is None:
            if start is not None:
                raise FieldError(PRICE_COLUMNS[0], "is empty; a price_from needs a price")
            return None if before else (fields.EARLIEST, 0)
        today = utc_day(self.now)
        first = start or today
        floor = program.terms_on(first).minimum_price
        if price < floor:
            reason = f"is {format_money(price)}; the minimum from {first} on is {format_money(floor)} a million tokens"
            raise FieldError(PRICE_COLUMNS[0], reason)
        if start is None and before and set_for(before, today) == price:
            return None
        return first, price


def _refuse_settled(program: Program, through: dt.date | None, before: Dated, after: Dated) -> None:
    """Refuse what would change the price of a day that is settled."""
    if through is None:
        return
    for day in _turns(program, before, after):
        if day <= through and effective(program, before, day) != effective(program, after, day):
            raise FieldError(
                PRICE_COLUMNS[1],
                f"would change the price of {day}, and {program.slug} is settled through {through}; "
                f"write {through + DAY} or a later day",
            )


def _turns(program: Program, before: Dated, after: Dated) -> Sequence[dt.date]:
    """Every day on which either price may change, in order."""
    return sorted({fields.EARLIEST, *before, *after, *(terms.valid_from for terms in program.terms)})
