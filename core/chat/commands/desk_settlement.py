"""/desk settlement: how far each program is settled, and what a run now would post (domain.md, "Settlement")."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

from core.chat.commands.own import title_of
from core.chat.kinds import Words, face_of
from core.chat.registry import Arg, Call, Reply, command
from core.clock import utc_day
from core.config import Program
from core.earnings.daily import waiting_days
from core.earnings.periods import last_due, next_settlement
from core.earnings.programs import kind_of
from core.earnings.settlement import RunResult
from core.earnings.tables import ProgramState
from core.ledger import seal
from core.payouts.processing import Processed, rehearse

ADMIN = ("admin",)


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """How far a program is. due: the last UTC day that should be settled by now; waiting: days with usage not seen yet,
    up to today; late: how many of them were settled before."""

    title: str
    settled_through: dt.date | None
    settled_at: dt.datetime | None
    due: dt.date
    behind: bool
    next_at: dt.datetime
    waiting: int
    late: int
    runs: int


@command("desk settlement", "How far the books are settled, or a dry run", roles=ADMIN, writes=True, topic="desk")
def settlement(
    call: Call, what: Annotated[Literal["status", "dry-run"], Arg("status, or what a run now would post")] = "status"
) -> Reply:
    """Posts nothing, whichever is asked."""
    if what == "dry-run":
        return _dry_run(call)
    programs = [_status(call, program) for program in call.config.programs.values()]
    return call.reply("desk_settlement", programs=programs, head=seal.head(call.session) or "")


def _status(call: Call, program: Program) -> ProgramStatus:
    state = call.session.get(ProgramState, program.slug)
    through = state.settled_through if state is not None else None
    due = last_due(program, call.now)
    waiting = waiting_days(call.session, program.slug, utc_day(call.now))
    overdue = [day for day in waiting if day <= due]
    behind = through < due if through is not None else bool(overdue)
    return ProgramStatus(
        title=title_of(call.config, program),
        settled_through=through,
        settled_at=state.settled_at if state is not None else None,
        due=due,
        behind=behind,
        next_at=next_settlement(program, call.now),
        waiting=len(waiting),
        late=sum(1 for day in waiting if through is not None and day <= through),
        runs=state.runs if state is not None else 0,
    )


def _dry_run(call: Call) -> Reply:
    """Run it for real inside a savepoint and take all of it back."""
    results: list[tuple[str, Words, bool, RunResult | None, Processed | None]] = []
    for program in call.config.programs.values():
        savepoint = call.session.begin_nested()
        try:
            result, paid = rehearse(call.session, call.config, program, call.now)
        finally:
            savepoint.rollback()
        costs = bool(kind_of(program).spending)
        results.append((title_of(call.config, program), face_of(program).words, costs, result, paid))
    return call.reply("desk_settlement_dry_run", results=results)
