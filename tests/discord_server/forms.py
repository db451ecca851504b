"""A modal as a person fills it in: what Discord sends back, and what its client would not send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.discord_server.reading import CHECKBOX, CHECKBOXES, FILE_UPLOAD, LABEL, MENUS, RADIO, ROW, TEXT_INPUT, fields
from tests.discord_server.things import Json

Filled = Mapping[str, str | Sequence[str]]


def submitted(components: Sequence[Json], values: Filled) -> list[Json]:
    """The components of a modal's submission, the fields filled in by label or custom_id.

    Raises AssertionError for a field that is not there and for what the client refuses to submit.
    """
    labels = [(label, field) for label, field in fields(components)]
    names = {name for label, field in labels for name in (label, field["custom_id"])}
    unknown = sorted(set(values) - names)
    assert not unknown, f"the form has no field {unknown}; there is {[label for label, _ in labels]}"
    made: list[Json] = []
    for component in components:
        told: Json = {"type": component["type"], "id": component.get("id", 0)}
        if component["type"] == LABEL:
            told["component"] = _field(str(component["label"]), component["component"], values)
        elif component["type"] == ROW:
            inside = component["components"]
            told["components"] = [_field(str(each.get("label") or ""), each, values) for each in inside]
        made.append(told)
    return made


def _field(label: str, field: Json, values: Filled) -> Json:
    kind = field["type"]
    told: Json = {"type": kind, "id": field.get("id", 0), "custom_id": field["custom_id"]}
    given = values.get(label, values.get(field["custom_id"]))
    required = field.get("required", True) is not False
    if kind == TEXT_INPUT:
        text = str(field.get("value") or "") if given is None else str(given)
        assert text or not required, f"{label}: please fill this in"
        least, most = field.get("min_length") or 0, field.get("max_length") or 4000
        assert not text or least <= len(text) <= most, f"{label}: {least} to {most} characters"
        return {**told, "value": text}
    if kind == CHECKBOX:
        return {**told, "value": bool(given) if given is not None else bool(field.get("default"))}
    chosen = _chosen(label, field, given)
    assert chosen or not required, f"{label}: please choose"
    if kind == RADIO:
        return {**told, "value": chosen[0] if chosen else None}
    assert kind in (*MENUS, CHECKBOXES, FILE_UPLOAD), f"{label}: our client can't fill in a component of type {kind}"
    most = field.get("max_values") or (len(field.get("options", [])) if kind == CHECKBOXES else 1)
    assert len(chosen) <= most, f"{label}: at most {most}"
    return {**told, "values": chosen}


def _chosen(label: str, field: Json, given: str | Sequence[str] | None) -> list[str]:
    """The values of what was chosen, by option label or value; the defaults when nothing was."""
    options = field.get("options")
    if given is None:
        return [str(each["value"]) for each in options or [] if each.get("default")]
    wanted = [given] if isinstance(given, str) else list(given)
    if options is None:
        return wanted
    made: list[str] = []
    for each in wanted:
        fits = [str(option["value"]) for option in options if each in (option["label"], option["value"])]
        assert fits, f"{label}: no option {each!r}; there is {[option['label'] for option in options]}"
        made.append(fits[0])
    return made
