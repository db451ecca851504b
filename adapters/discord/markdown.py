"""Text that Discord shows as it is, whatever it holds.

Outside of code, a backslash takes the meaning from any sign. What is escaped is what Discord's clients look for:
styles, code, spoilers, headings, lists, quotes, small print, masked links, everything in angle brackets (mentions,
emoji, timestamps, links), emoji named between colons, the colon that makes an address of "https://…", and the dot of a
domain such as "discord.gg". "@everyone" and "@here" get a zero width space as well, because Discord's server looks for
them in the raw text. Inside of code nothing has a meaning but the signs that end it.
"""

from __future__ import annotations

import re
from typing import Final

NOTHING: Final = "\u200b"
"""A zero width space: keeps apart what Discord would read together."""
LOOKALIKE: Final = "ˋ"  # for the third of three backticks in a code block, which would end it

_BREAKS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_EVERYBODY = re.compile(r"@(?=everyone|here)", re.IGNORECASE)
_MARKUP = re.compile(
    r"[\\*_~`|<>\[\]#]"
    rf"|@(?!{NOTHING})"
    r"|:(?!\s|(?<=[0-9]:)[0-9]{1,2}(?![0-9:]))"  # 04:00 stays; ":100:" is an emoji
    r"|(?<=\w)\.(?=[^\W\d_])"
)
_BULLET = re.compile(r"^([^\S\n]*)([-+])(?=\s|$|\\#)", re.MULTILINE)
_NUMBER = re.compile(r"^([^\S\n]*[0-9]+)([.)])(?=\s|$)", re.MULTILINE)
_FENCE = re.compile(r"``(`+)")


def lines(text: str) -> str:
    """The text with one kind of line breaks."""
    return _BREAKS.sub("\n", text)


def inert(text: str) -> str:
    """Text for a text display, shown as it is."""
    found = _EVERYBODY.sub(f"@{NOTHING}", lines(text))
    found = _MARKUP.sub(r"\\\g<0>", found)
    found = _BULLET.sub(r"\1\\\2", found)
    return _NUMBER.sub(r"\1\\\2", found)


def bold(text: str) -> str:
    """The same in bold."""
    return _around(text, "**")


def italic(text: str) -> str:
    """The same in italics."""
    return _around(text, "*")


def small(text: str) -> str:
    """The same in small print, which is by the line."""
    return "\n".join(f"-# {inert(line)}" for line in lines(text).split("\n") if line.strip())


def heading(text: str) -> str:
    """The same as a heading, on one line. Discord drops the signs at the end of one, escaped or not."""
    line = inert(" ".join(text.split()))
    return f"## {line}{NOTHING if line.endswith('#') else ''}"


def code(text: str) -> str:
    """Text in a line as code; where Discord could not show it as it is, as plain text."""
    if not text or "`" in text or text != text.strip() or lines(text).count("\n"):
        return inert(text)
    return f"`{text}`"


def block(text: str) -> str:
    """A block of code. Of three backticks the third becomes a mark that looks like one."""
    return f"```\n{_FENCE.sub(_unfenced, lines(text))}\n```"


def _unfenced(found: re.Match[str]) -> str:
    return "``" + LOOKALIKE * len(found[1])


def _around(text: str, mark: str) -> str:
    return "\n".join(_one_line(line, mark) for line in lines(text).split("\n"))


def _one_line(line: str, mark: str) -> str:
    inside = line.strip()
    if not inside:
        return line
    before, _, after = line.partition(inside)
    return f"{before}{mark}{inert(inside)}{mark}{after}"
