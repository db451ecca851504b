"""What became of a batch: how much was taken, and each refusal with a reason a person can act on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Progress = Callable[[int], None]
"""Told after each committed slice how many rows are done by then, whatever became of them."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken. index: its place in the batch, from 0, or its line where the batch came from a file."""

    index: int
    field: str
    reason: str


@dataclass(slots=True)
class ImportReport:
    """accepted: new or changed; duplicates: here already with the same content; rejected: in the order of the batch."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)
