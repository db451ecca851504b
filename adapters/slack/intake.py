"""What someone did in Slack, read from the payloads that it sends: commands, presses, forms, the home tab, departures.

A payload becomes a `Deed`: plain data that can be stored as JSON, worked on after a restart, and recognised when Slack
delivers it again. A user is named together with their own workspace: ids of two workspaces may be alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias, TypedDict

from adapters.slack import blocks, forms
from core.chat.outbox import Destination
from core.people import Identity

PLATFORM = "slack"
Kind = Literal["command", "press", "ask", "submit", "home", "left", "gone", "channel_gone"]
Payload: TypeAlias = Mapping[str, object]

# A channel's end, and the desk's own removal from one; the next message there would find out, a person is told sooner.
_CHANNEL_ENDS = {"channel_archive", "channel_deleted", "group_archive", "group_deleted"}


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that someone did. team: the workspace that the desk serves there; home_team: the user's own.

    kind: "command" (text: the line), "press" (a button or an option), "ask" (a button whose form comes first), "submit"
    (a form; fields: its answers), "home" (opened), "left" (deactivated), "gone" (the desk was removed from the
    workspace), "channel_gone" (archived or deleted).
    response_url and trigger_id are Slack's tickets for answering: 30 minutes and 3 seconds. own: the card that was
    pressed is seen by this person alone, so that an answer may take its place. view_id: of the modal it was pressed in,
    or that lies under the form.
    """

    kind: Kind
    key: str
    team: str
    user: str = ""
    home_team: str = ""
    channel: str = ""
    text: str = ""
    action: str = ""
    value: str = ""
    label: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    response_url: str = ""
    trigger_id: str = ""
    own: bool = False
    view_id: str = ""

    @property
    def identity(self) -> Identity:
        return Identity(PLATFORM, self.user, self.home_team or self.team)

    @property
    def surface(self) -> Destination:
        """Where it was done; in the desk's own messages and its home tab: with that person alone."""
        if not self.channel or self.channel.startswith("D"):
            return Destination(PLATFORM, self.team, user_id=self.user)
        return Destination(PLATFORM, self.team, self.channel)

    def as_json(self) -> str:
        """Plain ASCII: whatever half a character somebody managed to send, every database keeps it."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})


def from_json(text: str) -> Deed:
    """The deed that `as_json` wrote."""
    return Deed(**json.loads(text))


def read(payload: Payload, aliases: Mapping[str, str] | None = None) -> Deed | None:
    """A payload as a deed; None for what the desk doesn't act on.

    aliases: commands that Slack knows under another name, as {"/desk-help": "/help"}.
    """
    if "command" in payload:
        return _command(payload, aliases or {})
    match payload.get("type"):
        case "block_actions":
            return _press(payload)
        case "view_submission":
            return _submission(payload)
        case "event_callback":
            return _event(payload)
    return None


def _command(payload: Payload, aliases: Mapping[str, str]) -> Deed:
    name = _text(payload, "command")
    return Deed(
        kind="command",
        key=f"command:{_text(payload, 'trigger_id')}",
        team=_text(payload, "team_id"),
        user=_text(payload, "user_id"),
        home_team=_text(payload, "team_id"),
        channel=_text(payload, "channel_id"),
        text=f"{aliases.get(name, name)} {_typed(_text(payload, 'text'))}".strip(),
        response_url=_text(payload, "response_url"),
        trigger_id=_text(payload, "trigger_id"),
    )


def _press(payload: Payload) -> Deed | None:
    actions = payload.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    pressed = blocks.read_action(first) if isinstance(first, Mapping) else None
    if pressed is None:  # an input of a form that tells of every keystroke, or a block of somebody else's
        return None
    container = _inner(payload, "container")
    label = _inner(_inner(payload, "actions", 0), "text")
    channel = _text(container, "channel_id") or _text(_inner(payload, "channel"), "id")
    return Deed(
        kind="ask" if pressed.asks else "press",
        key=f"press:{_text(payload, 'trigger_id')}",
        **_who(payload),
        channel=channel,
        action=pressed.action,
        value=pressed.value,
        label=_text(label, "text"),
        response_url=_text(payload, "response_url"),
        trigger_id=_text(payload, "trigger_id"),
        own=container.get("is_ephemeral") is True or channel.startswith("D"),
        view_id=_text(container, "view_id") if _inner(payload, "view").get("type") == "modal" else "",
    )


def _submission(payload: Payload) -> Deed | None:
    view = _inner(payload, "view")
    if view.get("callback_id") != forms.CALLBACK:
        return None
    carried = carried_by(_text(view, "private_metadata"))
    return Deed(
        kind="submit",
        key=f"submit:{_text(payload, 'trigger_id') or _text(view, 'id') + ':' + _text(view, 'hash')}",
        **_who(payload),
        channel=carried.get("channel", ""),
        action=carried.get("action", ""),
        value=carried.get("value", ""),
        fields=forms.answers(view),
        response_url=carried.get("url", ""),
        trigger_id=_text(payload, "trigger_id"),
        own=carried.get("own", "") == "yes",
        view_id=_text(view, "previous_view_id"),
    )


def carry(deed: Deed, action: str, value: str) -> str:
    """What a form has to know once it comes back: what it is for, and where its answer belongs."""
    own = "yes" if deed.own else ""
    carried = {"action": action, "value": value, "channel": deed.channel, "url": deed.response_url, "own": own}
    return json.dumps({name: text for name, text in carried.items() if text}, ensure_ascii=False)


def carried_by(private_metadata: str) -> dict[str, str]:
    """What `carry` wrote; empty for anything else."""
    try:
        found = json.loads(private_metadata)
    except ValueError:
        return {}
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else {}


def _event(payload: Payload) -> Deed | None:
    event, key = _inner(payload, "event"), f"event:{_text(payload, 'event_id')}"
    team = _text(_first(payload, "authorizations"), "team_id") or _text(payload, "team_id")
    kind = _text(event, "type")
    if kind == "app_home_opened" and event.get("tab") == "home":
        # Through a shared channel, someone of another workspace may open it: that one is named outside.
        return Deed("home", key, _text(payload, "team_id") or team, user=_text(event, "user"))
    if kind == "user_change":
        person = _inner(event, "user")
        if person.get("deleted") is not True:
            return None
        return Deed("left", key, team, user=_text(person, "id"), home_team=_text(person, "team_id") or team)
    if kind == "app_uninstalled" or (kind == "tokens_revoked" and _inner(event, "tokens").get("bot")):
        return Deed("gone", key, team)
    if kind in _CHANNEL_ENDS:
        return Deed("channel_gone", key, team, channel=_text(event, "channel"), text=kind)
    return None


class _Who(TypedDict):
    team: str
    user: str
    home_team: str


def _who(payload: Payload) -> _Who:
    user, team = _inner(payload, "user"), _text(_inner(payload, "team"), "id")
    installed = _text(_inner(payload, "view"), "app_installed_team_id")
    home = _text(user, "team_id") or team
    return {"team": installed or team or home, "user": _text(user, "id"), "home_team": home}


def _typed(text: str) -> str:
    """What was typed: with mentions as ids (`should_escape`), Slack writes three characters as entities."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _text(source: Payload, name: str) -> str:
    value = source.get(name)
    return value if isinstance(value, str) else ""


def _inner(source: Payload, name: str, place: int = -1) -> Payload:
    """An object inside; place: of a list's element."""
    value = source.get(name)
    if place >= 0:
        value = value[place] if isinstance(value, list) and len(value) > place else None
    return value if isinstance(value, Mapping) else {}


def _first(source: Payload, name: str) -> Payload:
    return _inner(source, name, 0)
