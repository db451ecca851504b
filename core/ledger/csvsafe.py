"""CSV cells that a spreadsheet can't run, and that read in the order they are written."""

from __future__ import annotations

import re

# A cell that starts so is a formula to a spreadsheet, whatever the file's author meant.
_STARTERS = ("=", "+", "-", "@", "\t", "\r")
# Marks, embeddings, overrides and isolates: they reorder what stands beside them, the neighbouring cells too.
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula. For text columns only:
    a negative number is no formula. Characters that reorder other text are written out (`\\u202e`), so that two ids
    stay two."""
    plain = _BIDI.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return "'" + plain if plain.startswith(_STARTERS) else plain
