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
from core.earnings.programs.dated import whole
from core.earnings.programs.money import Entitlement
from core.earnings.tables import Project, SettlementLine, UsageDay
from core.storage import table_of

USAGE = table_of(UsageDay)
LINE = table_of(SettlementLine)
PROJECT = table_of(Project)

_AMOUNTS = ("share", "spent", "costs")
_MARK = "credits_per_usd"  # of every line's terms, and never 0


def kept_of(program: Program) -> dict[str, ColumnElement[int]]:
    """What a line of this program keeps of a row of `usage_day` and of the terms of its day."""
    kind = kind_of(program)
    used = {name: USAGE.c[column] for name, column in kind.used.items()}
    return used | dict(kind.terms_sql(program, USAGE.c.day, USAGE.c.project_id))


def entitlement_of(program: Program) -> Entitlement[ColumnElement[int]]:
    """What a row of `usage_day` earns in this program, in micro-dollars, as SQL."""
    return kind_of(program).earns(kept_of(program))


On = Callable[[ColumnElement[dt.date]], ColumnElement[bool]]
"""A condition on the column that holds a project-day's day."""


def both_sides(program: Program, on: On) -> tuple[Subquery, dict[str, ColumnElement[int]]]:
    """What the project-days that `on` admits earn, and, with the opposite sign, what is settled for them; and the sums
    that are left of share, spent and costs when both are added up by day and project.

    Adding up in one pass, not joining: a join would be at the mercy of the planner's guess on a table that just grew.
    """
    amounts = [-LINE.c[name] for name in _AMOUNTS]
    nothing = [whole(0) for _ in kept_of(program)]
    settled = select(LINE.c.day, LINE.c.project_id, *amounts, *nothing).where(on(LINE.c.day))
    both = union_all(_earned(program, on), settled).subquery("both_sides")
    return both, {name: cast(func.sum(both.c[name]), BigInteger) for name in _AMOUNTS}


Bucket = Callable[[ColumnElement[dt.date]], ColumnElement[dt.date]]
"""The month whose processing pays out what a row's day earned."""


def differences(
    program: Program, on: On, settled_through: dt.date | None, entry_id: int, bucket: Bucket | None = None
) -> Select[Any]:
    """The rows of `settlement_line` for these days, by its columns' names; none where all is settled. bucket: of kinds
    that pay out by months.

    A project-day gets a line when its share, spent or costs differ by a micro-dollar or more. A line whose share is
    unchanged (costs above credits, say) has seq 0 and no transfer of its own; its part is in the run's totals.
    """
    both, amounts = both_sides(program, on)
    kept = tuple(kept_of(program))
    changed = (
        select(
            both.c.day,
            both.c.project_id,
            *[amount.label(name) for name, amount in amounts.items()],
            *[func.max(both.c[name]).label(name) for name in kept],
        )
        .group_by(both.c.day, both.c.project_id)
        # Days are shared by all programs: a group without usage of this one is another's settled lines.
        .having(func.max(both.c[_MARK]) > 0, or_(*[amount != 0 for amount in amounts.values()]))
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
        *[changed.c[name] for name in (*_AMOUNTS, *kept)],
        *[whole(0).label(name) for name in _ALWAYS if name not in kept],
        late.label("late"),
        *([bucket(changed.c.day).label("bucket")] if bucket is not None else []),
    ).order_by(changed.c.day, changed.c.project_id)  # in the order of the table's key: the cheap way to write it


_ALWAYS = ("credits", "cost", "own_credits")  # columns without a default


def _earned(program: Program, on: On) -> Select[Any]:
    kept = kept_of(program)
    earned = kind_of(program).earns(kept)
    return (
        select(
            USAGE.c.day,
            USAGE.c.project_id,
            earned.share.label("share"),
            earned.spent.label("spent"),
            earned.costs.label("costs"),
            *[column.label(name) for name, column in kept.items()],
        )
        .join(PROJECT, PROJECT.c.project_id == USAGE.c.project_id)
        .where(on(USAGE.c.day), PROJECT.c.program == program.slug)
    )
