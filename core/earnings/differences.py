"""What a settlement has to post, as one SELECT: per project-day, what its usage earns minus what is settled already."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    Subquery,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from core.config import Program
from core.earnings.programs import kind_of
from core.earnings.programs.money import Entitlement
from core.earnings.tables import Project, SettlementLine, UsageDay
from core.storage import table_of

USAGE = table_of(UsageDay)
LINE = table_of(SettlementLine)
PROJECT = table_of(Project)

_AMOUNTS = ("share", "spent", "costs")
_BASIS = ("credits", "cost", "own_credits", "share_bp", "credits_per_usd")


def whole(number: int) -> ColumnElement[int]:
    """A number as a BIGINT of SQL, whatever its size."""
    return cast(literal(number, BigInteger), BigInteger)


def terms_sql(program: Program, day: ColumnElement[dt.date]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """The share (basis points) and the credits per dollar in force on a row's day, as `Program.terms_on` has them."""
    first, *later = program.terms
    if not later:
        return whole(first.share_bp), whole(first.credits_per_usd)
    newest_first = [(day >= literal(terms.valid_from, Date), terms) for terms in reversed(later)]
    return (
        case(*[(begun, whole(terms.share_bp)) for begun, terms in newest_first], else_=whole(first.share_bp)),
        case(
            *[(begun, whole(terms.credits_per_usd)) for begun, terms in newest_first],
            else_=whole(first.credits_per_usd),
        ),
    )


def entitlement_of(program: Program) -> Entitlement[ColumnElement[int]]:
    """What a row of `usage_day` earns in this program, in micro-dollars, as SQL."""
    share_bp, rate = terms_sql(program, USAGE.c.day)
    return kind_of(program).entitlement_sql(USAGE.c.credits, USAGE.c.cost, share_bp, rate)


On = Callable[[ColumnElement[dt.date]], ColumnElement[bool]]
"""A condition on the column that holds a project-day's day."""


def both_sides(program: Program, on: On) -> tuple[Subquery, dict[str, ColumnElement[int]]]:
    """What the project-days that `on` admits earn, and, with the opposite sign, what is settled for them; and the sums
    that are left of share, spent and costs when both are added up by day and project.

    Adding up in one pass, not joining: a join would be at the mercy of the planner's guess on a table that just grew.
    """
    amounts = [-LINE.c[name] for name in _AMOUNTS]
    settled = select(LINE.c.day, LINE.c.project_id, *amounts, *[whole(0) for _ in _BASIS]).where(on(LINE.c.day))
    both = union_all(_earned(program, on), settled).subquery("both_sides")
    return both, {name: cast(func.sum(both.c[name]), BigInteger) for name in _AMOUNTS}


def differences(program: Program, on: On, settled_through: dt.date | None, entry_id: int) -> Select[Any]:
    """The rows of `settlement_line` for these days, in the order of their columns; none where all is settled.

    A project-day gets a line when its share, spent or costs differ by a micro-dollar or more. A line whose share is
    unchanged (costs above credits, say) has seq 0 and no transfer of its own; its part is in the run's totals.
    """
    both, amounts = both_sides(program, on)
    changed = (
        select(
            both.c.day,
            both.c.project_id,
            *[amount.label(name) for name, amount in amounts.items()],
            *[func.max(both.c[name]).label(name) for name in _BASIS],
        )
        .group_by(both.c.day, both.c.project_id)
        # Days are shared by all programs: a group without usage of this one is another's settled lines.
        .having(func.max(both.c.credits_per_usd) > 0, or_(*[amount != 0 for amount in amounts.values()]))
        .subquery("changed")
    )
    moved = changed.c.share != 0
    place = func.row_number().over(partition_by=moved, order_by=(changed.c.day, changed.c.project_id))
    late = literal(False) if settled_through is None else changed.c.day <= literal(settled_through, Date)
    return select(
        changed.c.day,
        changed.c.project_id,
        whole(entry_id).label("entry_id"),
        case((moved, place), else_=0).label("seq"),
        *[changed.c[name] for name in (*_AMOUNTS, *_BASIS)],
        late.label("late"),
    ).order_by(changed.c.day, changed.c.project_id)  # in the order of the table's key: the cheap way to write it


def _earned(program: Program, on: On) -> Select[Any]:
    share_bp, rate = terms_sql(program, USAGE.c.day)
    earned = entitlement_of(program)
    return (
        select(
            USAGE.c.day,
            USAGE.c.project_id,
            earned.share.label("share"),
            earned.spent.label("spent"),
            earned.costs.label("costs"),
            USAGE.c.credits,
            USAGE.c.cost,
            USAGE.c.own_credits,
            share_bp.label("share_bp"),
            rate.label("credits_per_usd"),
        )
        .join(PROJECT, PROJECT.c.project_id == USAGE.c.project_id)
        .where(on(USAGE.c.day), PROJECT.c.program == program.slug)
    )
