"""What a form's fields hold: chosen options, typed texts, and what Slack's client would not send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.slack_server.reading import elements, label_of, options_of
from tests.slack_server.things import Json

_PICKED = {
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
}
_OPTIONS = ("static_select", "radio_buttons", "overflow", "external_select")
_MANY = ("checkboxes", "multi_static_select")


def chosen(element: Mapping[str, Any], wanted: str) -> Json:
    """An element's state once a person chose `wanted` (an option's text or value; several with |)."""
    kind = element["type"]
    if kind in _PICKED:
        return {"type": kind, _PICKED[kind]: wanted}
    if kind in _OPTIONS:
        return {"type": kind, "selected_option": _option(element, wanted) if wanted else None}
    if kind in _MANY:
        names = [each for each in wanted.split("|") if each]
        return {"type": kind, "selected_options": [_option(element, each) for each in names]}
    return {"type": kind, "value": wanted or None}


def current(blocks: Sequence[Mapping[str, Any]], picked: Json) -> Json:
    """state.values as a client holds it: what was chosen, else what the app put there."""
    state: Json = {}
    for block, element in elements(blocks):
        if element["type"] == "button":
            continue
        held = picked.get(block["block_id"], {}).get(element["action_id"])
        state.setdefault(block["block_id"], {})[element["action_id"]] = held or _initial(element)
    return state


def filled(blocks: Sequence[Mapping[str, Any]], values: Mapping[str, str], state: Json) -> Json:
    """state.values once a person filled in the fields by label, block_id or action_id.

    Raises AssertionError for a field that is not there and for what the client refuses to submit.
    """
    left = dict(values)
    for block, element in elements(blocks):
        for name in (block["block_id"], element["action_id"], label_of(block, element)):
            if name in left:
                state[block["block_id"]][element["action_id"]] = chosen(element, left.pop(name))
                break
    fields = [label_of(block, element) for block, element in elements(blocks)]
    assert not left, f"the form has no field {sorted(left)}; there is {fields}"
    for block, element in elements(blocks):
        if block["type"] == "input":
            _refuse(block, element, state[block["block_id"]][element["action_id"]])
    return state


def _refuse(block: Mapping[str, Any], element: Mapping[str, Any], held: Json) -> None:
    """What Slack's client says before anything is sent."""
    label = label_of(block, element)
    empty = not any(value for key, value in held.items() if key != "type")
    assert not empty or block.get("optional"), f"{label}: please complete this required field"
    text = held.get("value")
    if not text:
        return
    assert len(text) >= element.get("min_length", 0), f"{label}: at least {element['min_length']} characters"
    assert len(text) <= element.get("max_length", 3000), (
        f"{label}: at most {element.get('max_length', 3000)} characters"
    )
    if element["type"] == "number_input":
        whole = text.lstrip("-").isdigit()
        assert whole or element.get("is_decimal_allowed"), f"{label}: a whole number, please"


def _option(element: Mapping[str, Any], wanted: str) -> Json:
    for option in options_of(element):
        if wanted in (option["value"], option["text"]["text"]):
            return dict(option)
    there = [option["text"]["text"] for option in options_of(element)]
    raise AssertionError(f"no option {wanted!r}; there is {there}")


def _initial(element: Mapping[str, Any]) -> Json:
    kind = element["type"]
    if kind in _OPTIONS:
        return {"type": kind, "selected_option": element.get("initial_option")}
    if kind in _MANY:
        return {"type": kind, "selected_options": list(element.get("initial_options", []))}
    if kind in _PICKED:
        started = _PICKED[kind].replace("selected", "initial")
        return {"type": kind, _PICKED[kind]: element.get(started)}
    return {"type": kind, "value": element.get("initial_value")}
