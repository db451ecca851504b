"""Long lists: ten rows a page, with buttons to older and newer ones; nothing is cut silently (commands.md, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.chat.words import command_line

ROWS = 10
MOST_PAGES = 1_000_000


@dataclass(frozen=True, slots=True)
class Pages:
    """Which rows of a list are on a page, and the command lines that lead to its neighbours.

    asked: the page that was asked for, from 1; a page beyond the end is the last one. arguments: the list's own.
    """

    asked: int
    total: int
    command: str
    arguments: Mapping[str, object]
    rows: int = ROWS

    @property
    def count(self) -> int:
        """How many pages there are, at least 1."""
        return max(1, -(-self.total // self.rows))

    @property
    def number(self) -> int:
        return min(max(1, self.asked), self.count)

    @property
    def first(self) -> int:
        """The index of the page's first row."""
        return (self.number - 1) * self.rows

    @property
    def end(self) -> int:
        """The index after the page's last row."""
        return min(self.first + self.rows, self.total)

    @property
    def older(self) -> str:
        """The command line of the next page; empty on the last."""
        return self._line(self.number + 1) if self.number < self.count else ""

    @property
    def newer(self) -> str:
        """The command line of the page before; empty on the first."""
        return self._line(self.number - 1) if self.number > 1 else ""

    @property
    def text(self) -> str:
        """`11–20 of 37`; empty when everything is on one page."""
        return f"{self.first + 1}–{self.end} of {self.total:,}" if self.count > 1 else ""

    def _line(self, page: int) -> str:
        return command_line(self.command, **self.arguments, page=page)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of a list whose length nobody counted: whether older rows follow is all that is known."""

    number: int
    more: bool
    command: str
    arguments: Mapping[str, object]

    @property
    def older(self) -> str:
        """The command line of the next page; empty on the last."""
        return command_line(self.command, **self.arguments, page=self.number + 1) if self.more else ""

    @property
    def newer(self) -> str:
        """The command line of the page before; empty on the first."""
        return command_line(self.command, **self.arguments, page=self.number - 1) if self.number > 1 else ""

    @property
    def text(self) -> str:
        """`Page 2`; empty when everything is on one page."""
        return f"Page {self.number}" if self.more or self.number > 1 else ""


def offset_of(page: int) -> int:
    """How many rows come before a page."""
    return (page - 1) * ROWS
