"""CSV cells that a spreadsheet can't run."""

from __future__ import annotations

# A cell that starts so is a formula to a spreadsheet, whatever the file's author meant.
_STARTERS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula. For text columns only:
    a negative number is no formula."""
    return "'" + text if text.startswith(_STARTERS) else text
