"""Commands and actions, declared once by typed functions; every surface is derived from these declarations.

How to write one (core/chat/commands/*.py; `core.chat.commands` imports every module there, which registers them):

    @command("stats", "How your projects do", topic="earnings")
    def stats(
        call: Call,
        project: Annotated[str | None, Arg("Which project", suggest=own_projects)] = None,
        period: Annotated[Period, Arg("Over which time")] = "week",          # Period = Literal["today", "week", …]
        *,
        page: Annotated[int, Arg("Page", minimum=1)] = 1,                    # after *: by name only, page=2
    ) -> Reply:
        return call.reply("stats", project=…, rows=…)                         # templates/stats.card with these facts

    @command("desk reject", "Refuse a withdrawal", roles=("approver",), writes=True, topic="desk")
    def reject(
        call: Call,
        withdrawal: Annotated[int, Arg("Its number", prefix="WD-", suggest=waiting)],
        reason: Annotated[str, Arg("Why; the creator reads it", min_length=10, max_length=500)],
    ) -> Reply: ...

    @action("payout.reject", roles=("approver",), writes=True)
    def press_reject(call: Call, value: int, reason: Annotated[str, Arg("Why", min_length=10)]) -> Reply: ...

- `kind="assistants"`: there only on desks with such a program. A name with a space is a subcommand. `roles`: any of
  them suffices (owners hold approver and admin). `writes=True` runs in `database.transaction()`, otherwise in
  `database.reading()`. `public=True`: unlinked people may use it.
- Types: `str`, `int`, `Money` (micro-dollars), `bool`, `dt.date`, `Literal[…]`, `PersonMention`, `ChannelMention`; each
  may be `| None`. A parameter named `from_` is typed `from`. `Arg(empty="all")`: that word means None.
  `Arg(prefix="WD-")`: tolerated before an int. The last positional one, when it is a plain `str` without suggestions,
  takes the rest of the line; `Arg(rest=True)` says so for another one.
- `suggest(call, text)` returns at most 25 `Suggestion`s (or plain strings) for what is typed so far.
- An action's `value` is what the button carries, converted to its annotated type; every further parameter is a field
  of the form that surfaces show before pressing. `<button action="payout.reject" value="12">` needs no more than that.
- Built-in actions `page`, `period` (both replace the card they stand on) and `open` carry a command line as value.
  Build it with `words.command_line("transactions", status="completed", page=2)` or, in templates,
  `{{ "stats"|line(project=id, period="week") }}`.
- Refuse by raising a `DeskError`: rolled back and shown. To keep what was written (a counted wrong code), return a
  Reply with ok=False.
- Cards that the desk posts unasked (templates/unasked) carry these; commands declare them: `payout.approve` (value:
  withdrawal id), `payout.reject` (reason), `payout.ledger`, `payout.paid` (reference), `payout.failed` (reason),
  `creator.freeze` (value: creator id; reason), `adjust.approve` and `adjust.decline` (value: adjustment id).
- `call.actor` (raises NotLinked), `call.creator_id` (raises NotACreator), `call.session`, `call.config`, `call.now`,
  `call.zone`, `call.surface`.
"""

from __future__ import annotations

import datetime as dt
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, NewType, get_args, get_origin
from zoneinfo import ZoneInfo

from sqlmodel import Session

from core.chat import templates
from core.chat.cards import Card, FieldKind, FormField, Option
from core.chat.outbox import Destination
from core.config import DeskConfig
from core.errors import DeskError
from core.people import Actor, Identity, NotLinked

Money = NewType("Money", int)
PersonMention = NewType("PersonMention", str)
ChannelMention = NewType("ChannelMention", str)

Kind = Literal["text", "int", "money", "bool", "date", "choice", "person", "channel"]


class NotACreator(DeskError):
    """Nothing changed. You have no creator account on this desk, so there are no earnings to show."""


class RoleNeeded(DeskError):
    """Nothing changed. Only {roles} can do that."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One completion. From `Desk.suggest`, value is the whole new text of the input; from a provider, the argument."""

    value: str
    label: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """Something to download."""

    name: str
    data: bytes
    mime: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one person. ok: False for a refusal. replaces: it takes the place of the card that was pressed.

    opens: the card's first button asks for what was missing; a surface with modals may open its form at once.
    again: nothing was done, because this payload took effect before (core.chat.inbox); the answer kept then is the one.
    """

    card: Card
    files: tuple[File, ...] = ()
    replaces: bool = False
    ok: bool = True
    opens: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """What a command or action gets: a session inside its transaction, and who asks from where. zone: the viewer's."""

    session: Session
    config: DeskConfig
    now: dt.datetime
    who: Actor | None
    identity: Identity | None
    surface: Destination
    zone: ZoneInfo

    @property
    def actor(self) -> Actor:
        if self.who is None:
            raise NotLinked
        return self.who

    @property
    def creator_id(self) -> str:
        if self.actor.creator_id is None:
            raise NotACreator
        return self.actor.creator_id

    def card(self, template: str, **facts: object) -> Card:
        """templates/<template>.card drawn with these facts, times in the viewer's timezone."""
        return templates.render(template, form_of=form_of, zone=self.zone, now=self.now, **facts)

    def reply(self, template: str, /, *, files: Iterable[File] = (), replaces: bool = False, **facts: object) -> Reply:
        """A reply with that card."""
        return Reply(self.card(template, **facts), tuple(files), replaces)


Suggest = Callable[[Call, str], Iterable["Suggestion | str"]]


@dataclass(frozen=True, slots=True)
class Start:
    """What a field of a button's form starts with, and what it may be narrowed to."""

    value: str
    options: tuple[Option, ...] = ()


Starts = Callable[[Call, str], Mapping[str, Start]]


@dataclass(frozen=True, slots=True)
class Arg:
    """What a signature can't say about an argument. help: a few words, its description and its label in forms.

    minimum and maximum bound an int (or Money, in micro-dollars); lengths bound text, in characters.
    """

    help: str
    suggest: Suggest | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    empty: str = ""
    prefix: str = ""
    rest: bool = False
    example: str = ""


@dataclass(frozen=True, slots=True)
class Param:
    """One argument, as its signature and `Arg` declare it. name is what people type; variable what Python calls it."""

    name: str
    variable: str
    kind: Kind
    arg: Arg
    required: bool
    default: object
    choices: tuple[str, ...] = ()
    rest: bool = False
    keyword: bool = False

    @property
    def usage(self) -> str:
        """`<project>` or `[today|week]`, square brackets for what may be left out."""
        inner = "|".join(self.choices) if self.choices else self.name
        if self.keyword:
            inner = f"{self.name}={inner if self.choices else '…'}"
        return f"<{inner}>" if self.required else f"[{inner}]"

    @property
    def example(self) -> str:
        if self.arg.example:
            return self.arg.example
        if self.choices:
            return self.choices[0]
        return _EXAMPLES[self.kind]

    def form_field(self, value: str = "") -> FormField:
        """The question that asks for this argument."""
        kind: FieldKind = _FORM_KINDS.get(self.kind, "text")
        if kind == "text" and (self.arg.max_length or 0) > 100:
            kind = "long"
        options = tuple(Option(choice, choice, choice == (value or self.default)) for choice in self.choices)
        label = self.arg.help if 0 < len(self.arg.help) <= 45 else self.name.capitalize()
        start = value or (str(self.default) if isinstance(self.default, (int, str)) and self.choices else "")
        return FormField(
            self.name, label, self.required, kind, self.arg.min_length, self.arg.max_length, options, start
        )


_EXAMPLES: Mapping[Kind, str] = {
    "text": '"Logo Lab"',
    "int": "12",
    "money": "50.00",
    "bool": "on",
    "date": "13 Jan",
    "choice": "",
    "person": "@ada",
    "channel": "#earnings",
}
_FORM_KINDS: Mapping[Kind, FieldKind] = {"int": "number", "choice": "choice"}


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command ("stats") or subcommand ("desk reject"). kind: the kind of program that it belongs to, if any."""

    name: str
    summary: str
    run: Callable[..., Reply]
    params: tuple[Param, ...]
    roles: tuple[str, ...] = ()
    writes: bool = False
    public: bool = False
    topic: str = ""
    sample: str = ""
    kind: str = ""

    @property
    def usage(self) -> str:
        return " ".join([f"/{self.name}", *(param.usage for param in self.params if param.name != "page")])

    @property
    def example(self) -> str:
        """A line that works: every required argument filled in, or the arguments that the declaration shows."""
        shown = [self.sample] if self.sample else [param.example for param in self.params if param.required]
        return " ".join([f"/{self.name}", *shown])

    def allows(self, who: Actor | None) -> bool:
        """Whether someone may use it at all."""
        if who is None:
            return self.public
        return not self.roles or any(who.may(role) for role in self.roles)


@dataclass(frozen=True, slots=True)
class Action:
    """What a button does. `value` is the first of params; the others are its form."""

    name: str
    run: Callable[..., Reply]
    value: Param
    fields: tuple[Param, ...]
    roles: tuple[str, ...] = ()
    writes: bool = True
    starts: Starts | None = None

    def allows(self, who: Actor | None) -> bool:
        return who is not None and (not self.roles or any(who.may(role) for role in self.roles))


@dataclass(slots=True)
class Registry:
    """Everything that can be typed or pressed, in the order of declaration."""

    commands: dict[str, Command] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)

    def group(self, name: str) -> list[Command]:
        """The subcommands of a name: group("desk")."""
        return [command for command in self.commands.values() if command.name.startswith(f"{name} ")]

    def of(self, config: DeskConfig) -> Registry:
        """What there is on a desk with these programs: nothing is there that can't be used."""
        kinds = {"", *(program.kind for program in config.programs.values())}
        return Registry({name: one for name, one in self.commands.items() if one.kind in kinds}, self.actions)

    def names(self) -> Iterator[str]:
        """First words of every command, each once."""
        return iter(dict.fromkeys(name.split()[0] for name in self.commands))


REGISTRY = Registry()
COMMAND_ACTIONS = ("page", "period", "open")


def command(
    name: str,
    summary: str,
    *,
    roles: tuple[str, ...] = (),
    writes: bool = False,
    public: bool = False,
    topic: str = "",
    sample: str = "",
    kind: str = "",
    registry: Registry = REGISTRY,
) -> Callable[[Callable[..., Reply]], Callable[..., Reply]]:
    """Declare the function below as a slash command; see this module's head."""

    def declare(function: Callable[..., Reply]) -> Callable[..., Reply]:
        if name in registry.commands:
            raise ValueError(f"/{name} is declared twice")
        params = params_of(function)
        registry.commands[name] = Command(name, summary, function, params, roles, writes, public, topic, sample, kind)
        return function

    return declare


def action(
    name: str,
    *,
    roles: tuple[str, ...] = (),
    writes: bool = True,
    starts: Starts | None = None,
    registry: Registry = REGISTRY,
) -> Callable[[Callable[..., Reply]], Callable[..., Reply]]:
    """Declare the function below as what a button does; see this module's head.

    starts(call, value): what the fields of its form start with, by name, where a card fills them in with <input>.
    """

    def declare(function: Callable[..., Reply]) -> Callable[..., Reply]:
        if name in registry.actions or name in COMMAND_ACTIONS:
            raise ValueError(f"{name} is declared twice")
        first, *fields = params_of(function)
        if first.name != "value":
            raise ValueError(f"{name}: the first argument after call is named value")
        fields = [replace(param, rest=False) for param in fields]
        registry.actions[name] = Action(name, function, first, tuple(fields), roles, writes, starts)
        return function

    return declare


def form_of(name: str, value: str, asked: bool) -> tuple[FormField, ...] | None:
    """The form of a button: its action's further arguments, or (asked) those of the command that its value names."""
    if name in COMMAND_ACTIONS:
        if not asked:
            return None
        found = REGISTRY.commands.get(value.lstrip("/"))
        if found is None:
            raise templates.BadCard(f'form="yes" needs a bare command as value, not {value!r}')
        return tuple(param.form_field() for param in found.params if param.name != "page")
    found_action = REGISTRY.actions.get(name)
    if found_action is None:
        raise templates.BadCard(f"no such action: {name}")
    return tuple(param.form_field() for param in found_action.fields) or None


def params_of(function: Callable[..., Reply]) -> tuple[Param, ...]:
    """The arguments after `call`, from the signature and its annotations."""
    hints = typing.get_type_hints(function, include_extras=True)
    declared = list(inspect.signature(function).parameters.values())[1:]
    explicit_rest = False
    params: list[Param] = []
    for parameter in declared:
        param = _param(parameter, hints[parameter.name])
        explicit_rest = explicit_rest or param.rest
        params.append(param)
    positional = [param for param in params if not param.keyword]
    if positional and not explicit_rest and positional[-1].kind == "text" and positional[-1].arg.suggest is None:
        params[len(positional) - 1] = replace(positional[-1], rest=True)
    return tuple(params)


def _param(parameter: inspect.Parameter, hint: object) -> Param:
    arg = Arg("")
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        arg = next((extra for extra in extras if isinstance(extra, Arg)), arg)
    required = parameter.default is inspect.Parameter.empty
    kind, choices = _kind(hint)
    return Param(
        name=parameter.name.rstrip("_"),
        variable=parameter.name,
        kind=kind,
        arg=arg,
        required=required,
        default=None if required else parameter.default,
        choices=choices,
        rest=arg.rest,
        keyword=parameter.kind is inspect.Parameter.KEYWORD_ONLY,
    )


_KINDS: Mapping[object, Kind] = {
    str: "text",
    int: "int",
    bool: "bool",
    dt.date: "date",
    Money: "money",
    PersonMention: "person",
    ChannelMention: "channel",
}


def _kind(hint: object) -> tuple[Kind, tuple[str, ...]]:
    if get_origin(hint) in (typing.Union, types.UnionType):
        inner = [option for option in get_args(hint) if option is not type(None)]
        if len(inner) == 1:
            hint = inner[0]
    if get_origin(hint) is Literal:
        return "choice", tuple(str(choice) for choice in get_args(hint))
    kind = _KINDS.get(hint)
    if kind is None:
        raise TypeError(f"an argument can't be a {hint}")
    return kind, ()
