"""Columns of values as PostgreSQL's literals for arrays: one bound value each, however many rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def text_array(texts: Sequence[str]) -> str:
    """An array of text; control characters were refused before."""
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') > 2 * (len(texts) - 1):
        joined = '","'.join(text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return f'{{"{joined}"}}'


def plain_array(values: Iterable[object]) -> str:
    """An array of numbers, days or booleans."""
    return "{" + ",".join(map(str, values)) + "}"
