"""Completing what someone types, and the forms that ask for what they left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from core.chat import arguments
from core.chat.cards import Actions, Button, Card, FormField, Option
from core.chat.limits import LIMITS
from core.chat.line import Token, tokens
from core.chat.registry import Action, Call, Command, Param, Registry, Reply, Start, Suggestion
from core.chat.words import command_line, quoted

MOST = 25  # Discord's limit for autocomplete, and for the options of a select


def suggest(registry: Registry, call: Call, text: str) -> list[Suggestion]:
    """Ways to go on from a line typed so far, at most MOST; value is the whole new line."""
    line = text[: arguments.LONGEST_LINE].lstrip()
    if not line.startswith("/"):
        line = f"/{line}"
    found = _split(registry, line)
    if found is None:
        return list(_names(registry, call, line))[:MOST]
    command, start = found
    if not command.allows(call.who):
        return []
    return list(_arguments(command, call, line, start))[:MOST]


def values(command: Command, call: Call, name: str, text: str) -> list[Suggestion]:
    """Completions of one named argument (Discord's autocomplete); each value is the argument's."""
    param = next((param for param in command.params if param.name == name), None)
    if param is None or not command.allows(call.who):
        return []
    return list(_values(param, call, text))[:MOST]


def asked(call: Call, param: Param, given: str) -> FormField:
    """The question for one argument; a choice where all that could be answered fits into one."""
    field = param.form_field(given)
    if param.arg.suggest is None or field.options:
        return field
    found = list(_values(param, call, ""))
    if not 0 < len(found) < MOST:
        return field
    options = tuple(Option(one.value, (one.label or one.value)[:75], one.value == given) for one in found)
    return replace(field, kind="choice", options=options)


def form(call: Call, command: Command, given: Mapping[str, str]) -> tuple[FormField, ...] | None:
    """The questions for a command's arguments, with what was given filled in; None for one that takes none."""
    fields = tuple(asked(call, param, given.get(param.name, "")) for param in command.params if param.name != "page")
    return fields[: LIMITS["form fields"]] or None


def form_of_action(call: Call, found: Action, value: str) -> tuple[FormField, ...] | None:
    """The form that an action's buttons carry, with what this one starts with. Raises what its `starts` raises."""
    starts = found.starts(call, value) if found.starts is not None else {}
    return tuple(_started(param.form_field(), starts.get(param.name)) for param in found.fields) or None


def _started(field: FormField, start: Start | None) -> FormField:
    if start is None:
        return field
    kind = "choice" if start.options else field.kind
    return replace(field, value=start.value, options=start.options or field.options, kind=kind)


def ask(call: Call, missing: arguments.Missing) -> Reply:
    """Something needed was left out: the refusal carries a form with what was given already filled in."""
    command = missing.command
    line = command_line(command.name, **missing.given)
    card = call.card(
        "missing",
        text=missing.text,
        command=f"/{command.name}",
        line=line if len(line) <= LIMITS["value"] else f"/{command.name}",
        summary=command.summary,
    )
    return Reply(with_form(card, form(call, command, missing.given) or ()), ok=False, opens=True)


def with_form(card: Card, form: tuple[FormField, ...]) -> Card:
    """The card with a form put on its buttons."""
    blocks = [
        Actions(tuple(replace(item, form=form) if isinstance(item, Button) else item for item in block.items))
        if isinstance(block, Actions)
        else block
        for block in card.blocks
    ]
    return replace(card, blocks=tuple(blocks))


def _split(registry: Registry, line: str) -> tuple[Command, int] | None:
    """The command and where its arguments begin; None while its name isn't finished by a space."""
    words = line[1:].split()
    for length in (2, 1):
        name = " ".join(words[:length]).lower()
        if len(words) < length or name not in registry.commands:
            continue
        end = 1
        for word in words[:length]:
            end = line.index(word, end) + len(word)
        if line[end : end + 1].isspace():
            return registry.commands[name], end
    return None


def _names(registry: Registry, call: Call, line: str) -> Iterator[Suggestion]:
    typed = " ".join(line[1:].lower().split()) + (" " if line[-1:].isspace() and line.strip("/ ") else "")
    seen: set[str] = set()
    for command in registry.commands.values():
        if not command.allows(call.who) or not command.name.startswith(typed):
            continue
        first, _, sub = command.name.partition(" ")
        # "/de" offers "/desk"; its subcommands come once "/desk" is there.
        if sub and not typed.startswith(first):
            if first not in seen:
                seen.add(first)
                yield Suggestion(f"/{first} ", f"/{first}", "for those who run the desk")
        else:
            yield Suggestion(f"/{command.name} ", f"/{command.name}", command.summary)


def _arguments(command: Command, call: Call, line: str, start: int) -> Iterator[Suggestion]:
    words = tokens(line[start:])
    unfinished = bool(words) and not (line[-1:].isspace() and words[-1].closed)
    last = words[-1] if unfinished else None
    cut = start + last.start if last else len(line)
    reading = arguments.read(command, line[start:cut], call.now)
    if reading.problem:
        return
    before = line[:cut] if line[:cut][-1:].isspace() else f"{line[:cut]} "
    if last and last.key:
        yield from _after_key(command, call, f"{before}{last.key}=", last)
        return
    if reading.absorbing is not None and last is not None:
        # The words before may be the beginning of a name of several words: Logo La → "Logo Lab".
        place = start + reading.absorbed_from
        yield from (_whole(line[:place], one) for one in _values(reading.absorbing, call, line[place:].strip()))
    typed = last.text if last else ""
    for param in command.params:
        if param.variable in reading.values:
            continue
        yield from _keyword(param, before, typed) if param.keyword else _positional(param, call, before, typed)
        if param.required:
            return


def _after_key(command: Command, call: Call, before: str, last: Token) -> Iterator[Suggestion]:
    for param in command.params:
        if param.name == last.key.lower():
            yield from (_whole(before, one) for one in _values(param, call, last.text))


def _keyword(param: Param, before: str, typed: str) -> Iterator[Suggestion]:
    if typed and param.name.startswith(typed.lstrip("-")) and param.name != "page":
        yield Suggestion(f"{before}{param.name}=", f"{param.name}=", param.arg.help)


def _positional(param: Param, call: Call, before: str, typed: str) -> Iterator[Suggestion]:
    found = [_whole(before, one) for one in _values(param, call, typed)]
    if not found and not typed and param.arg.suggest is None:
        # Nothing to choose from: say what belongs here.
        found = [Suggestion(before, param.usage, param.arg.help)]
    yield from found


def _whole(before: str, one: Suggestion) -> Suggestion:
    return Suggestion(f"{before}{quoted(one.value)} ", one.label or one.value, one.hint)


def _values(param: Param, call: Call, typed: str) -> Iterator[Suggestion]:
    for choice in _offered(param):
        if choice.casefold().startswith(typed.casefold()):
            yield Suggestion(choice, choice, param.arg.help)
    if param.arg.suggest is not None:
        found: Iterable[Suggestion | str] = param.arg.suggest(call, typed)
        for one in found:
            yield Suggestion(one, one) if isinstance(one, str) else one


def _offered(param: Param) -> tuple[str, ...]:
    return (
        *param.choices,
        *((param.arg.empty,) if param.arg.empty else ()),
        *(("on", "off") if param.kind == "bool" else ()),
    )
