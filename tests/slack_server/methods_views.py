"""views.*: modals opened with a trigger id, and the App Home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.slack_server.calls import Refused, Request, method
from tests.slack_server.checks import allowed
from tests.slack_server.things import TRIGGER_LIFE, Json, Trigger, View

if TYPE_CHECKING:
    from tests.slack_server.server import SlackServer

DEPTH = 3
"""Modals on top of each other, at most."""


@method("views.open")
async def open_view(server: SlackServer, call: Request) -> Json:
    """Open a modal for whoever pressed or typed something within the last 3 seconds."""
    view = _judged(server, call, "modal")
    trigger = _exchanged(server, call)
    made = server.new_view(trigger.team_id, trigger.user, view, trigger.interaction)
    call.home.modals[trigger.user] = [made]
    return _told(server, call, made)


@method("views.push")
async def push(server: SlackServer, call: Request) -> Json:
    """Put a modal on top of the one that the press came from."""
    view = _judged(server, call, "modal")
    trigger = _exchanged(server, call)
    below = trigger.inside
    stack = call.home.modals.get(trigger.user, [])
    if below is None or below not in stack:
        raise Refused("not_found")
    if len(stack) >= DEPTH:
        raise Refused("push_limit_reached")
    made = server.new_view(trigger.team_id, trigger.user, view, trigger.interaction)
    made.root_id, made.previous_id = below.root_id, below.id
    stack.append(made)
    return _told(server, call, made)


@method("views.update")
async def update(server: SlackServer, call: Request) -> Json:
    """Change an open view, unless it changed since the app saw it (hash)."""
    shown = server.views.get(call.text("view_id"))
    external = call.text("external_id")
    if shown is None and external:
        shown = next((v for v in server.views.values() if v.content.get("external_id") == external and v.open), None)
    if shown is None or shown.team_id != call.home.team_id or not shown.open:
        raise Refused("not_found")
    content = _judged(server, call, str(shown.content["type"]))
    if call.text("hash") and call.text("hash") != shown.hash:
        raise Refused("hash_conflict")
    server.change_view(shown, content)
    return _told(server, call, shown)


@method("views.publish")
async def publish(server: SlackServer, call: Request) -> Json:
    """Put a person's App Home in place."""
    user = call.home.users.get(call.needed("user_id"))
    if user is None or user.is_bot:
        raise Refused("user_not_found")
    if user.deleted:
        raise Refused("not_enabled")
    content = _judged(server, call, "home")
    shown = call.home.homes.get(user.id)
    if shown is None:
        shown = call.home.homes[user.id] = server.new_view(call.home.team_id, user.id, content)
        return _told(server, call, shown)
    if call.text("hash") and call.text("hash") != shown.hash:
        raise Refused("hash_conflict")
    server.change_view(shown, content)
    return _told(server, call, shown)


def _judged(server: SlackServer, call: Request, surface: str) -> Json:
    """The view of a call; raises invalid_arguments, which is what Slack says of views, when it won't do."""
    view = call.args.get("view")
    if not isinstance(view, dict):
        raise Refused(
            "invalid_arguments", {"response_metadata": {"messages": ["[ERROR] missing required field: view"]}}
        )
    wrong = allowed(server, call.home, surface, view)
    if wrong:
        messages = [f"[ERROR] {each}" for each in wrong]
        raise Refused("invalid_arguments", {"response_metadata": {"messages": messages}})
    return view


def _exchanged(server: SlackServer, call: Request) -> Trigger:
    trigger = server.triggers.get(call.text("trigger_id"))
    if trigger is None or trigger.team_id != call.home.team_id:
        raise Refused("invalid_trigger_id")
    if trigger.used:
        raise Refused("exchanged_trigger_id")
    if server.now() - trigger.at > TRIGGER_LIFE:
        raise Refused("expired_trigger_id")
    trigger.used = True
    return trigger


def _told(server: SlackServer, call: Request, view: View) -> Json:
    return {"view": view.as_json(server.app_id, call.home.bot_user_id)}
