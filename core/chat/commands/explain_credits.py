"""/explain of a project that earns by credits: credits, costs, the creator's share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from core.chat.kinds import Facts, OnDay
from core.chat.registry import Call
from core.config import Program
from core.earnings import stats
from core.earnings.daily import cells_on
from core.earnings.periods import next_settlement, settles_at
from core.earnings.tables import Project


def facts(call: Call, project: Project, day: dt.date) -> Facts:
    """What templates/explain.card shows, but for its menus."""
    program = call.config.programs[project.program]
    found = stats.explanation(call.session, call.config, project, day)
    return {
        "found": found,
        "excess": max(0, found.cost - found.credits),
        "settles_at": max(settles_at(program, day), next_settlement(program, call.now)),
    }


def earned_on(call: Call, program: Program, project_ids: Sequence[str], day: dt.date) -> list[OnDay]:
    """What each project with use on a day earned its creator, or would: (share, micro-credits, project id)."""
    cells = cells_on(call.session, program, project_ids, [day])
    return [(cell.share, cell.credits, cell.project_id) for cell in cells]
