"""A form of the desk as a Slack modal, and what was answered in one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from adapters.slack.block_limits import LIMITS
from adapters.slack.blocks import Json, menu, plain
from core.chat.cards import FormField

CALLBACK = "form"
_BLOCK = "field|"  # before a field's name, so that a block_id is ours


def modal(label: str, fields: Sequence[FormField], *, private_metadata: str, note: str = "") -> Json:
    """The view that asks a button's questions. label: the button's; note: something to know before answering.

    private_metadata comes back with the answers: at most 3,000 characters.
    """
    title = label if 0 < len(label) <= LIMITS["view title"].most else ""
    deed = title.rstrip("…").strip()  # "Reject…" opens the form, "Reject" sends it
    blocks: list[Json] = []
    if label and not title:
        blocks += _paragraphs(label)
    blocks += _paragraphs(note)
    blocks += [_input(field) for field in fields]
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": plain(title or ("One more question" if len(fields) == 1 else "A few questions")),
        "submit": plain(deed or "Send"),
        "close": plain("Cancel"),
        "private_metadata": private_metadata,
        "blocks": blocks or _paragraphs(label) or _paragraphs("Go on?"),
    }


def answers(view: Mapping[str, object]) -> dict[str, str]:
    """What was answered in a submitted view, by the fields' names; "" where nothing was."""
    found: dict[str, str] = {}
    for block_id, elements in _mapping(_mapping(view.get("state")).get("values")).items():
        if not block_id.startswith(_BLOCK):
            continue
        for element in _mapping(elements).values():
            answer = _mapping(element)
            chosen = _mapping(answer.get("selected_option"))
            value = chosen.get("value") if "selected_option" in answer else answer.get("value")
            found[block_id.removeprefix(_BLOCK)] = value if isinstance(value, str) else ""
    return found


def _input(field: FormField) -> Json:
    return {
        "type": "input",
        "block_id": _BLOCK + field.name,
        "label": plain(field.label or field.name),
        "element": _element(field),
        "optional": not field.required,
    }


def _element(field: FormField) -> Json:
    if field.kind == "choice" and field.options:
        return menu(field.options, action_id=field.name, chosen=field.value)
    if field.kind == "number" and re.fullmatch(r"-?[0-9]*", field.value):
        # Whole numbers; amounts of money are asked for as text, because "all" and "$50" are amounts too.
        number: Json = {"type": "number_input", "action_id": field.name, "is_decimal_allowed": False}
        return number | ({"initial_value": field.value} if field.value.strip("-") else {})
    most = LIMITS["input length"].most
    drawn: Json = {"type": "plain_text_input", "action_id": field.name, "multiline": field.kind == "long"}
    # An optional answer may be empty whatever its least length is: Slack asks for it only once something is typed.
    if field.min_length is not None:
        drawn["min_length"] = min(max(field.min_length, 0), most)
    if field.max_length is not None:
        drawn["max_length"] = min(max(field.max_length, field.min_length or 0, len(field.value), 1), most)
    if 0 < len(field.value) <= most:
        drawn["initial_value"] = field.value
    return drawn


def _paragraphs(text: str) -> list[Json]:
    most = LIMITS["section text"].most
    pieces = [text[at : at + most] for at in range(0, len(text), most)]
    return [{"type": "section", "text": plain(piece)} for piece in pieces if piece.strip()]


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
