"""How programs of kind `assistants` are shown: the face of `core.earnings.programs.assistants`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.chat.commands import explain_assistants, help_assistants, stats_assistants
from core.chat.commands.balance_assistants import AssistantBalance, assistants_in
from core.chat.commands.own import project_label
from core.chat.kinds import FACES, Facts, Month, OnDay, Stats, StatsLook, Top, Words
from core.chat.registry import Call
from core.config import Program
from core.earnings import revenue
from core.earnings.programs import ASSISTANTS
from core.earnings.tables import Project
from core.ledger.accounts import Wallet

_WORDS = Words(
    noun="assistant",
    part="Creators' part",
    spent="Embed/API and subscriptions",
    by_day="Creators' part of Embed/API by day",
    chart="embed-by-day",
    through=" through Embed/API",
    waits="What assistants earned waits in Pending until its monthly payout.",
)


@dataclass(frozen=True, slots=True)
class AssistantsFace:
    """Assistants, the revenue of their tokens, and the creator's part of it, paid by months."""

    words: Words = _WORDS
    questions: Mapping[str, str] = field(default_factory=lambda: help_assistants.QUESTIONS)
    help_card: str = "_help_assistants.card"
    look: StatsLook = stats_assistants.LOOK
    explain_card: str = "explain_assistant"

    def balance(self, call: Call, program: Program, wallet: Wallet) -> AssistantBalance:
        """What is ready, and what the next payout brings."""
        return assistants_in(call, program, wallet)

    def month(self, call: Call, program: Program) -> Month:
        """The creator's part of the revenue."""
        found = revenue.revenue_totals(call.session, call.config, call.creator_id, program.slug, "month", call.now)
        top = [
            Top(project_label(one.project), one.figures.total.share, bool(one.figures.total.estimate))
            for one in found.projects
            if one.figures.total.share > 0
        ]
        money = found.total.total
        return Month(found.period.days, money.settled, money.estimate, found.change, top)

    def stats(self, call: Call, program: Program, period: str) -> Stats:
        """Tokens and revenue."""
        return stats_assistants.read(call, program, period)

    def project_stats(self, call: Call, project: Project, period: str) -> Stats:
        """The same of one."""
        return stats_assistants.read_project(call, project, period)

    def project_facts(self, call: Call, project: Project, handle: str, period: str) -> Facts:
        """How people use it."""
        return stats_assistants.project_facts(call, project, handle, period)

    def answer(self, call: Call, key: str, program: Program) -> Facts:
        """The second seed's answers."""
        return help_assistants.figures_for(call, key, program)

    def explain(self, call: Call, project: Project, day: dt.date, said_day: str) -> Facts:
        """The day through embed, and its month on the marketplace."""
        return explain_assistants.facts(call, project, day, said_day)

    def earned_on(self, call: Call, program: Program, project_ids: Sequence[str], day: dt.date) -> list[OnDay]:
        """From both sources."""
        return explain_assistants.earned_on(call, program, project_ids, day)


FACES[ASSISTANTS] = AssistantsFace()
