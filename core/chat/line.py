"""A typed line cut into words: quotes, apostrophes, `key=value`. What the words mean is for arguments.py to say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_QUOTES: Mapping[str, str] = {'"': '"', "“": "”", "„": "“”", "«": "»", "”": "”"}
# A chat platform's own way to write whom or what is meant; the name in it may hold spaces.
_MENTION = re.compile(r"<[@#][^<>\s|]+(?:\|[^<>]*)?>(?=\s|$)")
_KEYED = re.compile(r"(--)?([A-Za-z][A-Za-z_-]*)=")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or quoted text. key: the parameter it is for, from `key=value`. start and end are places in the line."""

    text: str
    start: int
    end: int
    quoted: bool = False
    key: str = ""
    closed: bool = True


def tokens(line: str) -> list[Token]:
    """Cut a line into words. An unclosed quote reaches to the end of the line."""
    found: list[Token] = []
    place = 0
    while place < len(line):
        if line[place].isspace():
            place += 1
            continue
        start, key = place, ""
        keyed = _KEYED.match(line, place)
        if keyed:
            key, place = keyed[2], keyed.end()
        quoted = _quoted(line, place)
        if quoted is not None:
            text, place, closed = quoted
            found.append(Token(text, start, place, True, key, closed))
            continue
        mention = _MENTION.match(line, place)
        end = place if mention is None else mention.end()
        while end < len(line) and not line[end].isspace():
            end += 1
        found.append(Token(line[place:end], start, end, False, key))
        place = end
    return found


def _quoted(line: str, place: int) -> tuple[str, int, bool] | None:
    """Quoted text at a place: its content, where it ends, whether it was closed."""
    opening = line[place : place + 1]
    if opening == "'":
        # An apostrophe is only a quote when its partner ends a word: ’tis and Ada's are words.
        close = re.compile(r"'(?=\s|$)").search(line, place + 1)
        return None if close is None else (line[place + 1 : close.start()], close.end(), True)
    closings = _QUOTES.get(opening)
    if not closings:
        return None
    kept: list[str] = []
    place += 1
    while place < len(line):
        if line[place] == "\\" and line[place + 1 : place + 2] in ("\\", *closings):
            kept.append(line[place + 1])
            place += 2
        elif line[place] in closings:
            return "".join(kept), place + 1, True
        else:
            kept.append(line[place])
            place += 1
    return "".join(kept), place, False
