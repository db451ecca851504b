"""The programs' dated terms, as configured and as last settled (domain.md, "Terms change over time")."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping

from sqlalchemy import func, select
from sqlmodel import Session

from core.clock import DAY
from core.config import DeskConfig, Program, Terms
from core.earnings.programs import KINDS, kind_of
from core.earnings.tables import ProgramState
from core.errors import InvalidInput
from core.ledger import accounts
from core.ledger.tables import Account
from core.storage import insert_once, table_of

_PROGRAM = table_of(ProgramState)
_ACCOUNT = table_of(Account)


class TermsChangeSettledDays(InvalidInput):
    """Nothing changed. The configured terms of program '{program}' would change {days}, which are settled. Put the old
    terms back ({change}) and add [[programs.{program}.terms]] with from = {next_day} or later.
    """


class KindCantChange(InvalidInput):
    """Nothing changed. Program '{program}' is of kind '{before}' in the books and '{now}' in the configuration. Put the
    kind back, or give the new program a name of its own.
    """


def sync_programs(session: Session, config: DeskConfig) -> None:
    """Make the configured programs known to the database and open their accounts; remember their terms.

    Programs that are no longer configured keep their rows and books. Safe to run at every start, by several at once.
    Raises NotYetBuilt, KindCantChange, TermsChangeSettledDays.
    """
    for slug in sorted(config.programs):
        program = config.programs[slug]
        kind_of(program)
        stored = as_json(program)
        new = {"slug": slug, "kind": program.kind, "runs": 0, "terms": stored}
        if not insert_once(session, ProgramState, new, ["slug"]):
            _update(session, program, stored)
        for role in accounts.PROGRAM_ROLES:
            accounts.open_account(session, slug, role)


def in_sync(session: Session, config: DeskConfig) -> bool:
    """Whether `sync_programs` would write nothing; reads only."""
    found = {row.slug: (row.kind, row.terms) for row in session.execute(select(_PROGRAM))}
    known = {slug: (program.kind, as_json(program)) for slug, program in config.programs.items()}
    numbers = [accounts.account_id(slug, role) for slug in config.programs for role in accounts.PROGRAM_ROLES]
    opened = select(func.count()).select_from(_ACCOUNT).where(_ACCOUNT.c.id.in_(numbers))
    return known.items() <= found.items() and session.execute(opened).scalar_one() == len(numbers)


def as_json(program: Program) -> str:
    """Dated terms as they are kept beside the program: days as text, amounts as integers, of each kind its own."""
    return json.dumps([{"from": one.valid_from.isoformat(), **_facts(program.kind, one)} for one in program.terms])


def from_json(stored: str) -> tuple[Terms, ...]:
    """What `as_json` kept; KeyError where something of it is gone."""
    return tuple(
        Terms(
            valid_from=dt.date.fromisoformat(row["from"]),
            share_bp=row["share_bp"],
            credits_per_usd=row["credits_per_usd"],
            minimum_micros=row["minimum_micros"],
            **{name: row[name] for name in _MONTHLY if name in row},
        )
        for row in json.loads(stored)
    )


def _update(session: Session, program: Program, stored: str) -> None:
    """Compare under the row's lock, so that no settlement runs on the old terms meanwhile."""
    columns = (_PROGRAM.c.kind, _PROGRAM.c.terms, _PROGRAM.c.first_day, _PROGRAM.c.settled_through)
    same_slug = _PROGRAM.c.slug == program.slug
    kind, before, first_day, through = session.execute(
        select(*columns).where(same_slug).with_for_update(key_share=True)
    ).one()
    if kind != program.kind:
        raise KindCantChange(program=program.slug, before=kind, now=program.kind)
    if before == stored:
        return
    kept = from_json(before)
    if through is not None and kept:
        _refuse_changes(program, kept, first_day or through, through)
    session.execute(_PROGRAM.update().where(same_slug).values(terms=stored))


def _refuse_changes(program: Program, kept: tuple[Terms, ...], first: dt.date, through: dt.date) -> None:
    before = Program(program.slug, program.kind, kept)
    changed = list(_changed_spans(before, program, first, through))
    if not changed:
        return
    old, new = (_facts(program.kind, one.terms_on(changed[0][0])) for one in (before, program))
    raise TermsChangeSettledDays(
        program=program.slug,
        days=", ".join(start.isoformat() if start == end else f"{start} to {end}" for start, end in changed),
        change=", ".join(f"{name} {old[name]}, not {new[name]}" for name in old if old[name] != new[name]),
        next_day=through + DAY,
    )


def _changed_spans(
    before: Program, after: Program, first: dt.date, through: dt.date
) -> Iterator[tuple[dt.date, dt.date]]:
    """The spans of days from first to through, inclusive, on which the two programs' terms differ."""
    starts = {first} | {one.valid_from for one in (*before.terms, *after.terms) if first < one.valid_from <= through}
    span: tuple[dt.date, dt.date] | None = None
    ordered = sorted(starts)
    for start, following in zip(ordered, [*ordered[1:], through + DAY], strict=True):
        end = following - DAY
        if _facts(after.kind, before.terms_on(start)) != _facts(after.kind, after.terms_on(start)):
            span = (span[0] if span else start, end)
        elif span:
            yield span
            span = None
    if span:
        yield span


def _facts(kind: str, terms: Terms) -> Mapping[str, int]:
    """The terms without the day they start on: the same terms from another day on are still the same."""
    facts = {
        "share_bp": terms.share_bp,
        "credits_per_usd": terms.credits_per_usd,
        "minimum_micros": terms.minimum_micros,
    }
    return facts | ({name: getattr(terms, name) for name in _MONTHLY} if KINDS[kind].monthly else {})


_MONTHLY = ("referral_bp", "minimum_price")  # terms that only kinds with months have
