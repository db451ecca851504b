"""/help: what the person may use, by role; and the seeds' questions answered with the person's own figures."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from core.chat.commands import help_assistants
from core.chat.commands.balance import balance_in
from core.chat.commands.methods import methods_in
from core.chat.commands.own import creator_of, programs_of, title_of
from core.chat.commands.payouts import expected_text
from core.chat.registry import REGISTRY, Arg, Call, Command, Param, Reply, Suggestion, command
from core.chat.words import command_line
from core.clock import DAY, utc_day
from core.config import Program
from core.earnings import catalog, stats
from core.earnings.daily import cells_between
from core.earnings.periods import next_settlement
from core.earnings.programs import ASSISTANTS
from core.ledger.money import CENT, format_money
from core.payouts import guard, views
from core.payouts.tables import Withdrawal
from core.payouts.words import status_word

# The words of the first seed's "Frequently Asked Questions", and the word that /help takes for each. The second seed's
# are in `help_assistants`: who earns in programs of both kinds is answered by both.
CREDITS_QUESTIONS = {
    "paid": "When do I get paid?",
    "duration": "How long does a withdrawal take?",
    "credits-spent": "What counts as 'Credits Spent'?",
    "incentive": "Why is my incentive less than Credits spent?",
    "country": "Can I withdraw to any country?",
    "maximum": "What's the maximum I can withdraw?",
    "real-time": "Can I see real-time earnings?",
    "deleted": "What if I delete a project - do I lose earnings?",
}
GROUPS = {"earnings": "What you earn", "payouts": "Getting paid", "you": "You", "desk": "For those who run the desk"}
MOST_CHOICES = 4  # that are spelled out in the list of commands
CREATORS_ONLY = ("earnings", "payouts")


@dataclass(frozen=True, slots=True)
class Group:
    """Some commands, each as (how to write it, what it does)."""

    title: str
    commands: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Week:
    """The last 7 settled days: micro-credits spent by others, platform costs and own use; micro-dollars earned."""

    days: tuple[dt.date, dt.date] | None
    credits: int
    costs: int
    own: int
    earned: int
    share_bp: int


@dataclass(frozen=True, slots=True)
class Deleted:
    """Deleted projects of a program: how many, and what they earned, in micro-dollars."""

    count: int
    earned: int


def usable(call: Call) -> list[Command]:
    """The commands that the person may use, in order; nothing else is ever listed."""
    earns = _earns(call)
    assistants = earns and ASSISTANTS in _kinds(call)
    return [
        one
        for one in REGISTRY.of(call.config).commands.values()
        if one.allows(call.who) and (earns or one.topic not in CREATORS_ONLY) and (assistants or one.kind != ASSISTANTS)
    ]


def _kinds(call: Call) -> set[str]:
    """The kinds of the programs that the creator earns in; that of the first program for one who earns nowhere yet."""
    found = {program.kind for program in programs_of(call)}
    return found or {next(iter(call.config.programs.values())).kind if call.config.programs else "credits"}


def questions_of(call: Call) -> dict[str, str]:
    """The questions that have answers for this creator."""
    if not _earns(call):
        return {}
    kinds = _kinds(call)
    mine: dict[str, str] = {}
    if kinds != {ASSISTANTS}:
        mine |= CREDITS_QUESTIONS
    return mine | help_assistants.QUESTIONS if ASSISTANTS in kinds else mine


def topics(call: Call, text: str) -> Iterator[Suggestion]:
    """Questions, groups and commands that contain what is typed."""
    typed = text.strip().casefold()
    mine = usable(call)
    known = [Suggestion(key, question) for key, question in questions_of(call).items()]
    known += [Suggestion(key, title) for key, title in GROUPS.items() if any(one.topic == key for one in mine)]
    known += [Suggestion(one.name, f"/{one.name}", one.summary) for one in mine]
    yield from [one for one in known if typed in one.value.casefold() or typed in one.label.casefold()][:25]


def _earns(call: Call) -> bool:
    return call.who is not None and call.who.creator_id is not None


@command("help", "What you can do here, and answers", public=True, topic="you")
def help_command(
    call: Call, topic: Annotated[str | None, Arg("A command, or a question", suggest=topics, max_length=200)] = None
) -> Reply:
    """Everything the person may use; one command in full; or an answer."""
    if topic is None:
        return _overview(call)
    wanted = topic.strip().lstrip("/").casefold()
    mine = {one.name: one for one in usable(call)}
    if wanted in mine:
        return _one_command(call, mine[wanted])
    if wanted in GROUPS and any(one.topic == wanted for one in mine.values()):
        return _overview(call, wanted)
    key = _question(questions_of(call), wanted)
    if key is not None:
        return _answer(call, key)
    return _overview(call, unknown=topic)


def _question(mine: Mapping[str, str], wanted: str) -> str | None:
    """The question that is meant, by its word or by something like its text."""
    if wanted in mine:
        return wanted
    texts = {question.casefold(): key for key, question in mine.items()}
    near = difflib.get_close_matches(wanted, list(texts), 1, 0.6)
    return texts[near[0]] if near else None


def _overview(call: Call, only: str = "", unknown: str = "") -> Reply:
    mine = usable(call)
    groups = [
        Group(title, found)
        for key, title in GROUPS.items()
        if (not only or only == key)
        and (found := tuple((short_usage(one), one.summary) for one in mine if one.topic == key))
    ]
    questions = [{"line": "/help", "label": "Choose a question"}]
    mine_too = questions_of(call).items()
    questions += [{"line": command_line("help", topic=key), "label": question} for key, question in mine_too]
    return call.reply(
        "help",
        desk=call.config.name,
        name=call.who.name if call.who is not None else "",
        linked=call.who is not None,
        groups=[group for group in groups if group.commands],
        questions=questions if _earns(call) else [],
        unknown=unknown,
    )


def short_usage(found: Command) -> str:
    """How to write a command; a long list of choices by its name only."""
    shown = [param for param in found.params if param.name != "page" and not param.keyword]
    words = [replace(param, choices=()).usage if len(param.choices) > MOST_CHOICES else param.usage for param in shown]
    return " ".join([f"/{found.name}", *words])


def _one_command(call: Call, found: Command) -> Reply:
    shown = [param for param in found.params if param.name != "page"]
    first = next((param for param in shown if not param.keyword), None)
    example = found.example
    if first is not None and not first.required and not found.sample:
        example = f"{example} {first.example}"
    return call.reply(
        "help_command", command=found, example=example, params=[(param.usage, _about(param)) for param in shown]
    )


def _about(param: Param) -> str:
    needed = "" if param.required else "may be left out"
    return "; ".join(part for part in (param.arg.help, needed) if part)


def _answer(call: Call, key: str) -> Reply:
    answers = [
        {"title": title_of(call.config, program), "kind": program.kind, **_figures_for(call, key, program)}
        for program in programs_of(call)
        if key in (help_assistants.ANSWERED if program.kind == ASSISTANTS else CREDITS_QUESTIONS)
    ]
    return call.reply(
        "help_answer",
        key=key,
        question=questions_of(call)[key],
        country=creator_of(call).country,
        answers=answers,
        others=[
            {"line": command_line("help", topic=other), "label": question, "selected": other == key}
            for other, question in questions_of(call).items()
        ],
    )


def _figures_for(call: Call, key: str, program: Program) -> Facts:
    if program.kind == ASSISTANTS:
        return help_assistants.figures_for(call, key, program)
    return FIGURES[key](call, program)


Facts = dict[str, object]


def _balance(call: Call, program: Program) -> Facts:
    found = balance_in(call, program)
    return {
        "balance": found,
        "next_at": next_settlement(program, call.now),
        "clock": f"{program.settle_at:%H:%M} UTC",
        "most": max(0, found.available) // CENT * CENT,
    }


def _ways(call: Call, program: Program) -> Facts:
    waiting = views.open_of(call.session, call.creator_id, program.slug)
    return {"methods": methods_in(call, program), "open": [_open(one) for one in waiting]}


def _open(one: Withdrawal) -> str:
    """`WD-12: $50.00, processing, expected 16–20 Jan`."""
    expected = expected_text(one)
    tail = f", expected {expected}" if expected else ""
    return f"{guard.shown_id(one.id)}: {format_money(one.amount)}, {status_word(one.state)}{tail}"


def _week(call: Call, program: Program) -> Facts:
    through = stats.settled_through(call.session, program.slug)
    share_bp = program.terms_on(utc_day(call.now)).share_bp
    if through is None:
        return {"week": Week(None, 0, 0, 0, 0, share_bp)}
    days = stats.Days(through - DAY * 6, through)
    ids = [one.project_id for one in catalog.projects_of(call.session, call.creator_id, program.slug)]
    found = cells_between(call.session, program, ids, days) if ids else []
    return {
        "week": Week(
            days=(days.first, days.last),
            credits=sum(cell.credits for cell in found),
            costs=sum(cell.cost for cell in found),
            own=sum(cell.own_credits for cell in found),
            earned=sum(cell.settled for cell in found),
            share_bp=share_bp,
        )
    }


def _deleted(call: Call, program: Program) -> Facts:
    found = stats.creator_stats(call.session, call.config, call.creator_id, program.slug, "all", call.now)
    gone = [one for one in found.projects if one.project.deleted_at is not None]
    return {
        "deleted": Deleted(len(gone), sum(one.figures.settled for one in gone)),
        "balance": balance_in(call, program),
    }


FIGURES: Mapping[str, Callable[[Call, Program], Facts]] = {
    "paid": _balance,
    "duration": _ways,
    "credits-spent": _week,
    "incentive": _week,
    "country": _ways,
    "maximum": _balance,
    "real-time": _balance,
    "deleted": _deleted,
}
