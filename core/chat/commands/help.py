"""/help: what the person may use, by role; and the seeds' questions answered with the person's own figures."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from core.chat.commands.own import creator_of, programs_of, title_of
from core.chat.kinds import FACES, Face, face_of
from core.chat.registry import REGISTRY, Arg, Call, Command, Param, Reply, Suggestion, command
from core.chat.words import command_line

GROUPS = {"earnings": "What you earn", "payouts": "Getting paid", "you": "You", "desk": "For those who run the desk"}
MOST_CHOICES = 4  # that are spelled out in the list of commands
CREATORS_ONLY = ("earnings", "payouts")


@dataclass(frozen=True, slots=True)
class Group:
    """Some commands, each as (how to write it, what it does)."""

    title: str
    commands: tuple[tuple[str, str], ...]


def usable(call: Call) -> list[Command]:
    """The commands that the person may use, in order; nothing else is ever listed."""
    earns = _earns(call)
    kinds = {"", *_kinds(call)} if earns else {""}
    return [
        one
        for one in REGISTRY.of(call.config).commands.values()
        if one.allows(call.who) and (earns or one.topic not in CREATORS_ONLY) and one.kind in kinds
    ]


def _kinds(call: Call) -> set[str]:
    """The kinds of the programs that the creator earns in; that of the first program for one who earns nowhere yet."""
    found = {program.kind for program in programs_of(call)}
    first = next(iter(call.config.programs.values()), None)
    return found or {first.kind if first is not None else next(iter(FACES))}


def _faces(call: Call) -> list[Face]:
    """The same kinds' faces: who earns in programs of several kinds is answered by each."""
    kinds = _kinds(call)
    return [face for kind, face in FACES.items() if kind in kinds]


def questions_of(call: Call) -> dict[str, str]:
    """The questions that have answers for this creator, and the word that /help takes for each."""
    faces = _faces(call) if _earns(call) else []
    return {key: question for face in faces for key, question in face.questions.items()}


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
    questions = questions_of(call)
    asked = [(program, face) for program in programs_of(call) if key in (face := face_of(program)).questions]
    answers = [
        {"title": title_of(call.config, program), "card": face.help_card, **face.answer(call, key, program)}
        for program, face in asked
    ]
    return call.reply(
        "help_answer",
        key=key,
        question=questions[key],
        card=next(face.help_card for face in _faces(call) if key in face.questions),
        country=creator_of(call).country,
        answers=answers,
        others=[
            {"line": command_line("help", topic=other), "label": question, "selected": other == key}
            for other, question in questions.items()
        ],
    )
