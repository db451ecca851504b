"""How a kind of program is shown: the seam between commands and kinds.

Commands, the dashboard and messages ask `face_of` and never which kind it is. A kind's face is declared by a module of
its own in `core.chat.commands`; what a kind decides about money is in `core.earnings.programs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.config import DeskConfig, Program
from core.earnings.programs import kind_of


@dataclass(frozen=True, slots=True)
class Words:
    """What people call a kind's things.

    noun: a project. part: what creators get; spent: what users paid. through: where daily earnings come from, if that
    has to be said. by_day: the chart of daily earnings, chart: the name of its picture. waits: where earnings wait
    before they are available, as a sentence.
    """

    noun: str
    part: str
    spent: str
    by_day: str
    chart: str
    through: str = ""
    waits: str = ""


class Face(Protocol):
    """What a kind of program shows on cards that are about any kind."""

    @property
    def words(self) -> Words: ...


FACES: dict[str, Face] = {}  # by the kind's name, in the order that cards about several kinds show them in


def face_of(program: Program) -> Face:
    """The face of a program's kind; NotYetBuilt for one that this version can't run."""
    return FACES[kind_of(program).name]


def words_of(config: DeskConfig, slug: str) -> Words:
    """The words of a program; of the first kind where it is not configured any more."""
    program = config.programs.get(slug)
    return (next(iter(FACES.values())) if program is None else face_of(program)).words


def noun_of(config: DeskConfig, slugs: set[str]) -> str:
    """What the projects of these programs are called together: a project, unless all of them have another name."""
    nouns = {words_of(config, slug).noun for slug in slugs}
    return nouns.pop() if len(nouns) == 1 else "project"
