"""What people type, matched to a signature: words, quotes, `key=value`, `--key value`, mentions, dates of two words.

Words are matched in the order of the signature, except that a word which can only be one of a parameter's choices, or a
date, finds its place by itself (`/stats week`); quotes say that a word is just text (`/stats "week"`), as long as
there is a parameter for text. A word such as "from" before a date is only a word.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.chat.cards import clean
from core.chat.limits import LIMITS
from core.chat.line import Token, tokens
from core.chat.registry import Action, Command, Param, Registry
from core.chat.values import NotThis, Wrong, convert
from core.errors import DeskError

LONGEST_LINE = 4_000  # characters; Slack and Discord send less
_FLAG = re.compile(r"--([A-Za-z][A-Za-z_-]*)")
# Words before a date, and the parameter that they are meant for.
_BEFORE_DATES: Mapping[str, str] = {"from": "from", "since": "from", "to": "to", "until": "to", "on": "date"}


class UnknownCommand(DeskError):
    """There is no command /{name}. {hint}"""


class BadArguments(DeskError):
    """{problem} Nothing changed. How to write it: {usage}, for example {example}"""


class BadField(DeskError):
    """Nothing changed. {problem}"""


class Missing(DeskError):
    """Nothing changed. {command} needs {names}. For example: {example}"""

    def __init__(self, command: Command, params: Sequence[Param], given: Mapping[str, str]) -> None:
        self.command, self.params, self.given = command, params, given
        names = " and ".join(f"{param.name} ({param.arg.help})" if param.arg.help else param.name for param in params)
        super().__init__(command=f"/{command.name}", names=names, example=command.example)


def find(registry: Registry, line: str) -> tuple[Command, str]:
    """The command that a line names, and the text of its arguments. Raises UnknownCommand with the nearest name."""
    line = line.strip().lstrip("/")
    for length in (2, 1):
        words = line.split(None, length)
        command = registry.commands.get(" ".join(words[:length]).lower()) if len(words) >= length else None
        if command is not None:
            return command, words[length] if len(words) > length else ""
    names = line[:100].lower().split()[:2]
    first = names[0] if names else ""
    near = [*_nearest(" ".join(names), registry), *_nearest(first, registry)]
    hint = f"Did you mean /{near[0]}? " if near else ""
    raise UnknownCommand(name=clean(first)[:40], hint=f"{hint}/help lists them all.")


def _nearest(name: str, registry: Registry) -> list[str]:
    return difflib.get_close_matches(name, list(registry.commands), 1)


def parse(command: Command, text: str, now: dt.datetime, fields: Mapping[str, str] | None = None) -> dict[str, object]:
    """Values by variable name, defaults left out. fields: answers of a form, by parameter name; they win over the line.

    Raises BadArguments, or Missing when required ones are left out.
    """
    reading = read(command, text, now)
    if reading.problem:
        raise _bad(command, reading.problem)
    values = dict(reading.values)
    known = {param.name: param for param in command.params}
    for name, answer in (fields or {}).items():
        param = known.get(name)
        if param is None:
            raise _bad(command, f"There is no “{clean(name)[:40]}” to give.")
        if answer.strip():
            values[param.variable] = checked(command, param, answer, now)
        else:
            values.pop(param.variable, None)  # the form showed what the line gives, and it was taken out
    missing = [param for param in command.params if param.required and param.variable not in values]
    if missing:
        raise Missing(command, missing, reading.typed | dict(fields or {}))
    return values


def checked(command: Command, param: Param, text: str, now: dt.datetime) -> object:
    """One answer as a value. Raises BadArguments."""
    try:
        return convert(param, text, now)
    except NotThis as fault:
        raise _bad(command, str(fault)) from None


def _bad(command: Command, problem: str) -> BadArguments:
    return BadArguments(problem=problem, usage=command.usage, example=command.example)


@dataclass(slots=True)
class Reading:
    """How far a line was understood: values by variable, what was typed by name, and the first problem."""

    values: dict[str, object] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    absorbing: Param | None = None
    absorbed_from: int = 0


def read(command: Command, text: str, now: dt.datetime) -> Reading:
    """Match a line to a signature; never raises."""
    reading = Reading()
    if len(text) > LONGEST_LINE:
        reading.problem = f"That is too long ({len(text):,} characters; {LONGEST_LINE:,} at most)."
        return reading
    _Matcher(command, text, now, reading).run()
    return reading


class _Matcher:
    """Walks over the words of one line."""

    def __init__(self, command: Command, text: str, now: dt.datetime, reading: Reading) -> None:
        self.command, self.text, self.now, self.reading = command, text, now, reading
        self.by_name = {param.name: param for param in command.params}
        self.words = tokens(text)
        self.place = 0

    def run(self) -> None:
        try:
            while self.place < len(self.words):
                self.step()
        except NotThis as fault:
            self.reading.problem = str(fault)

    def step(self) -> None:
        word = self.words[self.place]
        named = self.named(word)
        if named is not None:
            self.take_named(named, word)
            return
        rest = self.rest_next()
        if rest is not None:
            self.take_rest(rest, word.start)
        elif not (self.take_said_date(word) or self.take_typed(word) or self.take_text(word)):
            raise NotThis(self.why_not(word))

    def open(self) -> Iterator[Param]:
        """Positional parameters without a value, in order."""
        taken = self.reading.values
        return (param for param in self.command.params if not param.keyword and param.variable not in taken)

    def named(self, word: Token) -> Param | None:
        if word.key:
            return self.by_name.get(word.key.lower().replace("-", "_"))
        flag = None if word.quoted else _FLAG.fullmatch(word.text)
        return self.by_name.get(flag[1].lower().replace("-", "_")) if flag else None

    def take_named(self, param: Param, word: Token) -> None:
        if param.variable in self.reading.values:
            raise NotThis(f"{param.name.capitalize()} is given twice.")
        self.place += 1
        if param.rest and word.key and not word.quoted:
            self.take_rest(param, word.start + self.text[word.start :].index("=") + 1)
            return
        if not word.key:
            if self.place >= len(self.words):
                raise NotThis(f"--{param.name} needs a value.")
            word = self.words[self.place]
            self.place += 1
        self.set(param, word.text)

    def rest_next(self) -> Param | None:
        """The parameter that takes the rest of the line, once everything required before it is there."""
        first = next(self.open(), None)
        return first if first is not None and first.rest else None

    def take_rest(self, param: Param, start: int) -> None:
        """Everything from a place on, but `key=value` words at the very end."""
        end = len(self.text)
        tail: list[tuple[Param, Token]] = []
        for word in reversed(self.words[self.place :]):
            named = self.named(word) if word.key and word.start > start else None
            if named is None or named is param or named.variable in self.reading.values:
                break
            tail.append((named, word))
            end = word.start
        for named, word in tail:
            self.set(named, word.text)
        body = self.text[start:end].strip()
        inner = tokens(body)
        whole = len(inner) == 1 and inner[0].quoted and not inner[0].key
        self.set(param, inner[0].text if whole else body)
        self.place = len(self.words)

    def take_said_date(self, word: Token) -> bool:
        """`to 13 Jan`: the word goes with the date that follows it, to the parameter it names if that is free."""
        meant = "" if word.quoted or word.key else _BEFORE_DATES.get(word.text.casefold(), "")
        dates = [param for param in self.open() if param.kind == "date"] if meant else []
        self.place += 1
        for param in sorted(dates, key=lambda param: param.name != meant)[:1]:
            used = self.try_typed(param)
            if used:
                self.place += used
                return True
        self.place -= 1
        return False

    def take_typed(self, word: Token) -> bool:
        """Give a word to the first parameter whose type it has: choices and dates anywhere, numbers in order."""
        in_order = True
        for param in self.open():
            if param.kind == "text":
                if word.quoted:
                    return False
                in_order = in_order and not param.required
                continue
            if not in_order and param.kind not in ("choice", "date"):
                continue
            if word.quoted and param.kind in ("choice", "date") and self.text_open():
                continue
            used = self.try_typed(param)
            if used:
                self.place += used
                return True
        return False

    def text_open(self) -> bool:
        return any(param.kind == "text" for param in self.open())

    def try_typed(self, param: Param) -> int:
        """How many words make a value of this type here; 0 for none."""
        for length in (3, 2, 1) if param.kind == "date" else (1,):
            words = self.words[self.place : self.place + length]
            joined = words if length > 1 else ()
            if len(words) < length or any(word.key or word.quoted for word in joined):
                continue
            try:
                self.set(param, " ".join(word.text for word in words))
            except Wrong:
                raise
            except NotThis:
                continue
            return length
        return 0

    def take_text(self, word: Token) -> bool:
        """Give a word to the next parameter that is text; several words when it is the last one of its kind."""
        param = None
        for candidate in self.open():
            if candidate.kind == "text":
                param = candidate
                break
            if candidate.required:
                return False
        raw = self.text[word.start : word.end] if word.key else word.text
        if param is not None:
            if param.rest:
                self.take_rest(param, word.start)
                return True
            self.set(param, raw)
            self.place += 1
            self.reading.absorbing = None if word.quoted or self.text_open() else param
            self.reading.absorbed_from = word.start
            return True
        if self.reading.absorbing is None or word.quoted:
            return False
        absorbing = self.reading.absorbing
        self.set(absorbing, self.text[self.reading.absorbed_from : word.end])
        self.place += 1
        return True

    def set(self, param: Param, text: str) -> None:
        self.reading.values[param.variable] = convert(param, text, self.now)
        self.reading.typed[param.name] = text

    def why_not(self, word: Token) -> str:
        first = next((param for param in self.open() if param.kind != "text"), None)
        shown = clean(word.text)[:60]
        if first is not None:
            try:
                convert(first, word.text, self.now)
            except NotThis as fault:
                return str(fault)
        return f"“{shown}” is one word too many."


def parse_action(
    action: Action, value: str, now: dt.datetime, fields: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Values for a pressed button by variable name: what it carries, and the answers of its form.

    Raises BadArguments; a button's value that isn't what its action carries is refused like a wrong one.
    """
    known = {param.name: param for param in action.fields}
    fields = fields or {}
    try:
        values = {action.value.variable: _carried(action.value, value, now)}
        for name, answer in fields.items():
            if name not in known:
                raise NotThis(f"There is no “{clean(name)[:40]}” to give.")
            if answer.strip():
                values[known[name].variable] = convert(known[name], answer, now)
        missing = [param.name for param in action.fields if param.required and param.variable not in values]
        if missing:
            raise NotThis(f"{' and '.join(missing).capitalize()} must be given.")
    except NotThis as fault:
        raise BadField(problem=str(fault)) from None
    return values


def _carried(param: Param, value: str, now: dt.datetime) -> object:
    """A button's value: text as it was written, which may be a whole command line; anything else as if typed."""
    if param.kind != "text":
        return convert(param, value, now)
    if len(value) > LIMITS["value"]:
        raise NotThis("This button carries too much.")
    return clean(value)
