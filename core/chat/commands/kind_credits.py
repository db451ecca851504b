"""How programs of kind `credits` are shown: the face of `core.earnings.programs.credits`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.chat.commands import explain_credits, help_credits, stats_credits
from core.chat.commands.balance_credits import ProgramBalance, balance_in
from core.chat.commands.own import project_label
from core.chat.kinds import FACES, Facts, Month, OnDay, Stats, StatsLook, Top, Words
from core.chat.registry import Call
from core.config import Program
from core.earnings import stats
from core.earnings.programs.credits import Credits
from core.earnings.tables import Project
from core.ledger.accounts import Wallet

_WORDS = Words(
    noun="project",
    part="Incentives",
    spent="Credits spent",
    by_day="Daily incentives",
    chart="incentives-by-day",
)


@dataclass(frozen=True, slots=True)
class CreditsFace:
    """Projects, the credits that others spend on them, and the daily incentive."""

    words: Words = _WORDS
    questions: Mapping[str, str] = field(default_factory=lambda: help_credits.QUESTIONS)
    help_card: str = "_help_credits.card"
    look: StatsLook = stats_credits.LOOK
    explain_card: str = "explain"

    def balance(self, call: Call, program: Program, wallet: Wallet) -> ProgramBalance:
        """What is settled, and what today may bring."""
        return balance_in(call, program, wallet)

    def month(self, call: Call, program: Program) -> Month:
        """The incentive."""
        found = stats.creator_stats(call.session, call.config, call.creator_id, program.slug, "month", call.now)
        top = [
            Top(project_label(one.project), one.figures.incentive, bool(one.figures.estimate))
            for one in found.projects
            if one.figures.incentive > 0
        ]
        return Month(found.period.days, found.total.settled, found.total.estimate, found.change, top)

    def stats(self, call: Call, program: Program, period: str) -> Stats:
        """Use and incentive."""
        return stats_credits.read(call, program, period)

    def project_stats(self, call: Call, project: Project, period: str) -> Stats:
        """The same of one."""
        return stats_credits.read_project(call, project, period)

    def project_facts(self, call: Call, project: Project, handle: str, period: str) -> Facts:  # noqa: ARG002
        """Nothing: the figures are all."""
        return {}

    def answer(self, call: Call, key: str, program: Program) -> Facts:
        """The first seed's answers."""
        return help_credits.figures_for(call, key, program)

    def explain(self, call: Call, project: Project, day: dt.date, said_day: str) -> Facts:  # noqa: ARG002 - not said
        """Credits, costs, share."""
        return explain_credits.facts(call, project, day)

    def earned_on(self, call: Call, program: Program, project_ids: Sequence[str], day: dt.date) -> list[OnDay]:
        """By the day's cells."""
        return explain_credits.earned_on(call, program, project_ids, day)


FACES[Credits().name] = CreditsFace()
