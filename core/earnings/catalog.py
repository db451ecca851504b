"""Creators and projects as the platform names them: read from rows, kept, found again (interfaces.md, "Files")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import select
from sqlmodel import Session, SQLModel
from sqlmodel import select as select_rows

from core.earnings.intake import fields
from core.earnings.intake.fields import FieldError
from core.earnings.intake.keys import among
from core.earnings.intake.report import ImportReport, Rejected
from core.earnings.price_book import PRICE_COLUMNS, PriceBook, read_price
from core.earnings.tables import Creator, ProgramState, Project
from core.errors import DeskError
from core.ledger import accounts
from core.storage import table_of, upsert

CREATOR_COLUMNS = ("creator_id", "name", "country", "timezone", "email", "referred_by")
PROJECT_COLUMNS = (
    "project_id",
    "creator_id",
    "program",
    "name",
    "published_on",
    *PRICE_COLUMNS,
    "deleted_at",
)
_CHUNK = 2_000

_OPTIONAL = frozenset({"timezone", "email", "referred_by", "deleted_at"})
_ELSEWHERE = ("price", "price_from")  # of a row, what another table keeps

Row = TypeVar("Row", "CreatorRow", "ProjectRow")
Judge: TypeAlias = Callable[[Row, Mapping[str, object] | None], bool]
"""Of a row and of what is kept of it: whether it changes anything beside the kept row. Raises FieldError."""


class NoSuchProject(DeskError):
    """No project called '{name}' on your account."""


@dataclass(frozen=True, slots=True)
class CreatorRow:
    """A creator as reported. given: the optional fields that the row had; those that it lacks stay as they are."""

    creator_id: str
    name: str
    country: str
    timezone: str = "UTC"
    email: str | None = None
    referred_by: str | None = None
    given: frozenset[str] = _OPTIONAL

    @classmethod
    def read(cls, row: Mapping[str, object]) -> CreatorRow:
        """Raises FieldError."""
        fields.unknown_fields(row, frozenset(CREATOR_COLUMNS))
        return cls(
            creator_id=fields.required(row.get("creator_id"), "creator_id"),
            name=fields.required(row.get("name"), "name"),
            country=fields.country(row.get("country"), "country"),
            timezone=fields.timezone(row.get("timezone"), "timezone"),
            email=fields.email(row.get("email"), "email"),
            referred_by=fields.clean(row.get("referred_by"), "referred_by") or None,
            given=frozenset(row) & _OPTIONAL,
        )


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project as reported. given: as in `CreatorRow`; an empty `deleted_at` brings a deleted project back.

    price: of an assistant, in micro-dollars per 1,000,000 tokens, from the UTC day price_from on (None: from today).
    """

    project_id: str
    creator_id: str
    program: str
    name: str
    published_on: dt.date
    deleted_at: dt.datetime | None = None
    given: frozenset[str] = _OPTIONAL
    price: int | None = None
    price_from: dt.date | None = None

    @classmethod
    def read(cls, row: Mapping[str, object], now: dt.datetime) -> ProjectRow:
        """Raises FieldError."""
        fields.unknown_fields(row, frozenset(PROJECT_COLUMNS))
        deleted_at = row.get("deleted_at")
        price, price_from = read_price(row)
        return cls(
            project_id=fields.required(row.get("project_id"), "project_id"),
            creator_id=fields.required(row.get("creator_id"), "creator_id"),
            program=fields.required(row.get("program"), "program"),
            name=fields.required(row.get("name"), "name"),
            published_on=fields.day(row.get("published_on"), "published_on"),
            deleted_at=None if fields.is_empty(deleted_at) else fields.past_moment(deleted_at, "deleted_at", now),
            given=frozenset(row) & _OPTIONAL,
            price=price,
            price_from=price_from,
        )


def upsert_creators(session: Session, rows: Iterable[Mapping[str, object] | CreatorRow]) -> ImportReport:
    """Create creators, or update those that are here. A row equal to what is kept counts as a duplicate."""

    def judge(_chunk: Sequence[CreatorRow]) -> Judge[CreatorRow]:
        return lambda _parsed, _kept: False

    return _upsert(session, Creator, _Reader("creator_id", CreatorRow, CreatorRow.read, judge), rows)


def upsert_projects(
    session: Session, rows: Iterable[Mapping[str, object] | ProjectRow], now: dt.datetime
) -> ImportReport:
    """Create projects, or update those that are here; opens their creators' wallets.

    A row equal to what is kept counts as a duplicate. creator_id and program of a known project can't change, nor the
    price of a day that is settled.
    """
    programs = sorted(session.scalars(select(table_of(ProgramState).c.slug)))
    wallets: set[tuple[str, str]] = set()
    prices = PriceBook(now)

    def judge(chunk: Sequence[ProjectRow]) -> Judge[ProjectRow]:
        creator_id = table_of(Creator).c.creator_id
        wanted = {parsed.creator_id for parsed in chunk}
        known = set(session.scalars(select(creator_id).where(among(session, creator_id, wanted))))
        prices.load(session, {parsed.program for parsed in chunk}, {parsed.project_id for parsed in chunk})

        def check(parsed: ProjectRow, kept: Mapping[str, object] | None) -> bool:
            for name, value in (("creator_id", parsed.creator_id), ("program", parsed.program)):
                if kept is not None and kept[name] != value:
                    raise FieldError(name, f"can't change; the project has {fields.shown(kept[name])}")
            if parsed.program not in programs:
                there = ", ".join(programs) or "none"
                raise FieldError("program", f"{fields.shown(parsed.program)} is not configured; there is {there}")
            if parsed.creator_id not in known:
                raise FieldError("creator_id", f"{fields.shown(parsed.creator_id)} is unknown; import creators first")
            priced = prices.set(parsed.program, parsed.project_id, parsed.price, parsed.price_from, new=kept is None)
            wallets.add((parsed.program, parsed.creator_id))
            return priced

        return check

    def read(row: Mapping[str, object]) -> ProjectRow:
        return ProjectRow.read(row, now)

    report = _upsert(session, Project, _Reader("project_id", ProjectRow, read, judge), rows)
    prices.write(session)
    accounts.open_wallets(session, sorted(wallets))
    return report


def creator(session: Session, creator_id: str) -> Creator | None:
    return session.get(Creator, creator_id)


def projects_of(session: Session, creator_id: str, program: str | None = None) -> list[Project]:
    """A creator's projects by name, deleted ones included; of one program, if named."""
    statement = select_rows(Project).where(Project.creator_id == creator_id)
    if program is not None:
        statement = statement.where(Project.program == program)
    return sorted(session.exec(statement), key=lambda project: (project.name.casefold(), project.project_id))


def find_project(session: Session, creator_id: str, text: str) -> Project:
    """A creator's project by its id or its name, in any case; deleted ones included.

    Among equal names a live project comes before a deleted one, a newer before an older. Raises NoSuchProject: one
    answer for "not there" and "not yours".
    """
    wanted = text.strip()
    found = session.get(Project, wanted) if wanted and "\x00" not in wanted else None
    if found is not None and found.creator_id == creator_id:
        return found
    folded = wanted.casefold()
    own = projects_of(session, creator_id)
    same = [p for p in own if p.project_id.casefold() == folded] or [p for p in own if p.name.casefold() == folded]
    if not same:
        raise NoSuchProject(name=wanted)
    return max(same, key=lambda project: (project.deleted_at is None, project.published_on, project.project_id))


@dataclass(frozen=True, slots=True)
class _Reader(Generic[Row]):
    """How rows of one table are read: its key, the parsed shape, and the checks that need the database."""

    key: str
    shape: type[Row]
    read: Callable[[Mapping[str, object]], Row]
    judge: Callable[[Sequence[Row]], Judge[Row]]

    def parse(self, row: Mapping[str, object] | Row) -> Row:
        if isinstance(row, self.shape):
            return row
        if not isinstance(row, Mapping):
            raise FieldError("", "is not an object with named fields")
        return self.read(row)


def _upsert(
    session: Session, model: type[SQLModel], reader: _Reader[Row], rows: Iterable[Mapping[str, object] | Row]
) -> ImportReport:
    """Row by row in their order, a later row of the same id on top of the earlier; written in chunks, sorted by id."""
    report = ImportReport()
    table = table_of(model)
    key = reader.key
    numbered = enumerate(rows)
    while chunk := list(islice(numbered, _CHUNK)):
        parsed: list[tuple[int, Row]] = []
        for index, row in chunk:
            try:
                parsed.append((index, reader.parse(row)))
            except FieldError as error:
                report.rejected.append(Rejected(index, error.field, error.reason))
        judge = reader.judge([one for _, one in parsed])
        wanted = {getattr(one, key) for _, one in parsed}
        kept = {
            row[key]: row
            for row in session.execute(select(table).where(among(session, table.c[key], wanted))).mappings()
        }
        current: dict[str, Mapping[str, object]] = dict(kept)
        for index, one in parsed:
            before = current.get(getattr(one, key))
            try:
                more = judge(one, before)
            except FieldError as error:
                report.rejected.append(Rejected(index, error.field, error.reason))
                continue
            values = _merged(asdict(one), before)
            if values != before:
                current[getattr(one, key)] = values
            if values != before or more:
                report.accepted += 1
            else:
                report.duplicates += 1
        changed = [dict(current[name]) for name in sorted(current) if current[name] is not kept.get(name)]
        _write(session, model, key, changed)
    report.rejected.sort(key=lambda one: one.index)
    return report


def _merged(values: dict[str, Any], before: Mapping[str, object] | None) -> dict[str, object]:
    """The row to keep: optional fields that the report lacked stay as they were."""
    given = values.pop("given")
    for name in _ELSEWHERE:
        values.pop(name, None)
    if before is not None:
        for name in _OPTIONAL & values.keys() - given:
            values[name] = before[name]
    return values


def _write(session: Session, model: type[SQLModel], key: str, rows: list[dict[str, object]]) -> None:
    if not rows:
        return
    insert = upsert(session, model)
    changing = {name: insert.excluded[name] for name in rows[0] if name != key}
    session.execute(insert.on_conflict_do_update(index_elements=[key], set_=changing), rows)
    session.expire_all()  # what this session read before may have changed beneath it
