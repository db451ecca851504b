"""Look up thousands of keys in one statement, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import ARRAY, ColumnElement, Text, any_, bindparam, func, select
from sqlmodel import Session

from core.storage import is_postgres


def among(session: Session, column: ColumnElement[str], keys: Iterable[str]) -> ColumnElement[bool]:
    """A condition that the column is one of the keys: one bound value, however many there are."""
    wanted = list(keys)
    if is_postgres(session):
        return column == any_(bindparam(None, wanted, ARRAY(Text), unique=True))
    listed = func.json_each(json.dumps(wanted)).table_valued("value")
    return column.in_(select(listed.c.value))
