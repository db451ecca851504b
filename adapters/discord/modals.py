"""A form of the desk as a Discord modal, and what was answered in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import discord

from adapters.discord.layouts import inert, menu_options
from adapters.discord.limits import LIMITS
from core.chat.cards import FormField

_TITLE = LIMITS["modal title"].most
_LENGTH = LIMITS["input length"].most


def modal(label: str, fields: Sequence[FormField], custom_id: str) -> discord.ui.Modal:
    """The modal that asks a button's questions. label: the button's; one too long for a title stands in the form.

    custom_id comes back with the answers (custom_ids.modal_id). At most five fields.
    """
    title = label if label.strip() and len(label) <= _TITLE else ""
    made = discord.ui.Modal(
        title=title or ("One more question" if len(fields) == 1 else "A few questions"),
        custom_id=custom_id,
    )
    said = label.strip() if not title else ""
    for field in fields:
        made.add_item(_asked(field, said))
        said = ""
    if not fields:
        # A modal needs something in it.
        made.add_item(discord.ui.TextDisplay(inert(label.strip() or "Send it?")))
    return made


def answers(data: Mapping[str, object]) -> dict[str, str]:
    """What was answered, from a modal's submission as Discord sends it, by the fields' names; "" where nothing was."""
    return dict(_answers(data.get("components")))


def _answers(components: object) -> Iterator[tuple[str, str]]:
    for found in components if isinstance(components, list) else ():
        if not isinstance(found, Mapping):
            continue
        if "component" in found:
            yield from _answers([found["component"]])
        elif "components" in found:
            yield from _answers(found["components"])
        elif isinstance(found.get("custom_id"), str):
            values = found.get("values")
            chosen = values[0] if isinstance(values, list) and values else ""
            value = found.get("value") if "value" in found else chosen
            yield str(found["custom_id"]), value if isinstance(value, str) else ""


def _asked(field: FormField, said: str) -> discord.ui.Label[discord.ui.Modal]:
    text = field.label.strip() or field.name
    return discord.ui.Label(text=text, component=_element(field), description=said or None)


def _element(field: FormField) -> discord.ui.Item[discord.ui.Modal]:
    if field.kind == "choice" and field.options:
        # `required` is said in both directions: the library's defaults differ between kinds of menus.
        return discord.ui.Select(
            custom_id=field.name,
            options=menu_options(field.options, chosen=field.value),
            min_values=1 if field.required else 0,
            required=field.required,
        )
    shortest = None if field.min_length is None else min(max(field.min_length, 0), _LENGTH)
    longest = None
    if field.max_length is not None:
        longest = min(max(field.max_length, field.min_length or 0, len(field.value), 1), _LENGTH)
    return discord.ui.TextInput(
        custom_id=field.name,
        style=discord.TextStyle.paragraph if field.kind == "long" else discord.TextStyle.short,
        default=field.value if 0 < len(field.value) <= _LENGTH else None,
        required=field.required,
        min_length=shortest,
        max_length=longest,
    )
