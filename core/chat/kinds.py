"""How a kind of program is shown: the seam between commands and kinds.

Commands, the dashboard and messages ask `face_of` and never which kind it is. A kind's face is declared by a module of
its own in `core.chat.commands`; what a kind decides about money is in `core.earnings.programs`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.chat.registry import Call
from core.config import DeskConfig, Program
from core.earnings.periods import Days
from core.earnings.programs import kind_of
from core.earnings.tables import Project
from core.ledger.accounts import Wallet
from core.ledger.money import format_money

Facts = dict[str, object]
OnDay = tuple[int, int, str]  # micro-dollars, how much it was used, the project's id


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


class Balance(Protocol):
    """A creator's figures in one program, drawn by templates of the kind's own: `card` in /balance, `home_card` on the
    dashboard. hindrance: why nothing can be withdrawn now, empty when it can."""

    @property
    def title(self) -> str: ...
    @property
    def hindrance(self) -> str: ...
    @property
    def card(self) -> str: ...
    @property
    def home_card(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Top:
    """A project that earned this month; micro-dollars. estimate: part of it is not settled yet."""

    name: str
    amount: int
    estimate: bool


@dataclass(frozen=True, slots=True)
class Month:
    """A creator's month to date in one program; micro-dollars, the creator's part. change: in percent, on the same days
    of last month, None where there is nothing to compare with. top: what earned more than nothing."""

    days: Days | None
    settled: int
    estimate: int
    change: int | None
    top: list[Top]


@dataclass(frozen=True, slots=True)
class StatsLook:
    """How /stats draws a kind. card, project_card: the templates for all projects and for one; overview_card: the part
    that shows totals beside those of other kinds. chart: what its bars are of; said: how such an amount reads.
    columns: of a CSV file."""

    card: str
    project_card: str
    overview_card: str
    chart: str
    columns: tuple[str, ...]
    said: Callable[[int], str] = format_money


class Numbers(Protocol):
    """The figures of a project or a day. figures: for the kind's own templates, and idle, whether there are none.
    use: what others did, in words. share: the creator's part in micro-dollars, `estimate` of it not settled.
    charted: what the chart shows and lists of the kind are sorted by. cells: under StatsLook.columns."""

    @property
    def figures(self) -> object: ...
    @property
    def idle(self) -> bool: ...
    @property
    def use(self) -> str: ...
    @property
    def share(self) -> int: ...
    @property
    def estimate(self) -> int: ...
    @property
    def charted(self) -> int: ...
    @property
    def cells(self) -> tuple[object, ...]: ...


@dataclass(frozen=True, slots=True)
class Overview:
    """One program's totals, or one project's, and what they are: `status` says settled or estimate, `note` what settles
    when. days: as people read `span`."""

    title: str
    span: Days | None
    days: str
    status: str
    figures: object
    change: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class StatsDay:
    """A UTC day. final: nothing is still to be settled but for late reports."""

    day: dt.date
    final: bool
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Stats:
    """A period of a creator's in one program, of all projects or of one."""

    program: str
    overview: Overview
    projects: Sequence[tuple[Project, Numbers]]
    days: Sequence[StatsDay]


class Face(Protocol):
    """What a kind of program shows on cards that are about any kind.

    questions: those that /help answers, by the word that it takes for each. help_card, explain_card: the templates that
    draw such an answer and /explain; they are given what `answer` and `explain` return.
    """

    @property
    def words(self) -> Words: ...
    @property
    def questions(self) -> Mapping[str, str]: ...
    @property
    def help_card(self) -> str: ...
    @property
    def explain_card(self) -> str: ...
    @property
    def look(self) -> StatsLook: ...

    def balance(self, call: Call, program: Program, wallet: Wallet) -> Balance:
        """The creator's figures in a program; wallet: theirs in it."""
        ...

    def month(self, call: Call, program: Program) -> Month:
        """The dashboard's month."""
        ...

    def stats(self, call: Call, program: Program, period: str) -> Stats:
        """The creator's period in a program."""
        ...

    def project_stats(self, call: Call, project: Project, period: str) -> Stats:
        """One project's."""
        ...

    def project_facts(self, call: Call, project: Project, handle: str, period: str) -> Facts:
        """What `look.project_card` shows besides; handle: what command lines call the project."""
        ...

    def answer(self, call: Call, key: str, program: Program) -> Facts:
        """The creator's figures for one of `questions`."""
        ...

    def explain(self, call: Call, project: Project, day: dt.date, said_day: str) -> Facts:
        """A project-day's formula in numbers."""
        ...

    def earned_on(self, call: Call, program: Program, project_ids: Sequence[str], day: dt.date) -> list[OnDay]:
        """What each project with use on a day earned its creator, or would."""
        ...


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
