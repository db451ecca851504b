"""The person's side: what people type, press, choose and submit in their Slack client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.slack_server.payloads import Payloads
from tests.slack_server.reading import elements, label_of
from tests.slack_server.things import Interaction, Json, Message, Surface, View
from tests.slack_server.values import chosen, current, filled

_LINK = re.compile(r"https?://[^\s|]+")
_MENTION = re.compile(r"(?<![\w<])([@#])([\w.-]*\w)")


class People(Payloads):
    """What a person can do. Each act returns an Interaction once the app acknowledged it (or Slack gave up);
    with `wait=False` at once. What a client would not let a person do raises AssertionError."""

    async def slash(
        self, team: str, channel: str, user: str, text: str, *, escape: bool | None = None, wait: bool = True
    ) -> Interaction:
        """Type a command, e.g. "/balance 2026". `channel` is a channel's id, or "" for the messages with the bot.

        `escape`: whether @name and #name arrive as ids (the manifest's should_escape); as the manifest says,
        or yes where there is none.
        """
        command, _, rest = text.partition(" ")
        told = self._command(command)
        if escape is None:
            escape = bool(told.get("should_escape", self.manifest is None))
        where = self.direct_channel(team, user) if not channel else self.workspaces[team].channels[channel]
        arguments = self.escaped(team, rest.strip()) if escape else rest.strip()
        interaction = self.command(team, where, user, command, arguments)
        return await self.deliver(interaction, wait=wait)

    async def click(
        self, team: str, user: str, button: str, *, within: Surface | None = None, nth: int = 0, wait: bool = True
    ) -> Interaction:
        """Press a button by its label or action_id: on top of the open modal, else the newest thing that has it.

        `within` picks the message or view, `nth` the button among several of the same name in it.
        """
        surface, block, element = self._find(team, user, button, within, nth, {"button", "workflow_button"})
        action = {"type": "button", "action_id": element["action_id"], "block_id": block["block_id"]}
        action |= {"text": element["text"]} | ({"value": element["value"]} if element.get("value") else {})
        return await self.deliver(self.pressed(team, user, surface, action), wait=wait)

    async def choose(
        self,
        team: str,
        user: str,
        menu: str,
        option: str,
        *,
        within: Surface | None = None,
        nth: int = 0,
        wait: bool = True,
    ) -> Interaction:
        """Choose in a menu (by its placeholder, label or action_id) the option with this text or value."""
        surface, block, element = self._find(team, user, menu, within, nth, None)
        assert element["type"] not in ("button", "plain_text_input"), f"{menu!r} is a {element['type']}, not a menu"
        assert block["type"] != "input" or block.get("dispatch_action"), f"{menu!r} is a field: submit it"
        picked = chosen(element, option)
        surface.picked.setdefault(block["block_id"], {})[element["action_id"]] = picked
        action = {"action_id": element["action_id"], "block_id": block["block_id"], **picked}
        if element.get("placeholder"):
            action["placeholder"] = element["placeholder"]
        return await self.deliver(self.pressed(team, user, surface, action), wait=wait)

    async def submit(
        self,
        team: str,
        user: str,
        values: Mapping[str, str] | None = None,
        *,
        view: View | None = None,
        wait: bool = True,
    ) -> Interaction:
        """Fill in the open modal's fields (by label, block_id or action_id) and submit it."""
        shown = view or self.modal(user, team)
        assert shown is not None, f"{user} has no modal open"
        assert shown.content.get("submit"), "this modal has no submit button"
        state = filled(shown.blocks, values or {}, current(shown.blocks, shown.picked))
        shown.picked = state
        return await self.deliver(self.submitted(team, user, shown), wait=wait)

    async def close_modal(self, team: str, user: str, *, wait: bool = True) -> Interaction | None:
        """Close the modal on top; tells the app only when the modal asked for it."""
        shown = self.modal(user, team)
        assert shown is not None, f"{user} has no modal open"
        self.pop_modal(shown)
        if not shown.content.get("notify_on_close"):
            return None
        return await self.deliver(self.closed(team, user, shown), wait=wait)

    async def open_home(self, team: str, user: str, *, wait: bool = True) -> Interaction:
        """Open the app's home tab."""
        event: Json = {"type": "app_home_opened", "user": user, "tab": "home"}
        event |= {"channel": self.direct_channel(team, user).id, "event_ts": self.mint_ts()}
        view = self.home(user, team)
        if view is not None:
            event["view"] = view.as_json(self.app_id, self.workspaces[team].bot_user_id)
        return await self.event(team, event, user=user, wait=wait)

    async def redeliver(self, interaction: Interaction, *, wait: bool = True) -> Interaction:
        """Send the same payload again, as Slack does at times: same trigger_id, event_id and response_url."""
        again = Interaction(interaction.kind, interaction.payload, interaction.team_id, interaction.user, 0.0)
        again.answers = interaction.answers
        again.modals = interaction.modals
        return await self.deliver(again, wait=wait)

    async def say(self, team: str, channel: str, user: str, text: str) -> Message:
        """Write a message in a channel ("": to the bot), unseen by the app."""
        where = self.direct_channel(team, user) if not channel else self.workspaces[team].channels[channel]
        return self.put_message(where, user, text, [])

    def escaped(self, team: str, text: str) -> str:
        """The text with @name and #name of this workspace turned into ids and links marked, as `should_escape` does."""
        home = self.workspaces[team]
        users = {each.name: f"<@{each.id}|{each.name}>" for each in home.users.values()}
        channels = {each.name: f"<#{each.id}|{each.name}>" for each in home.channels.values() if not each.im_user}

        def swap(found: re.Match[str]) -> str:
            known = users if found[1] == "@" else channels
            return known.get(found[2], found[0])

        safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        linked = _LINK.sub(lambda found: f"<{found[0]}>", safe)
        return _MENTION.sub(swap, linked)

    def sees(self, team: str, user: str) -> list[Surface]:
        """What a person can press things on, the newest first; their open modal before all."""
        home = self.workspaces[team]
        found: list[Surface] = []
        for channel in home.channels.values():
            if user not in channel.members and (channel.private or channel.im_user):
                continue
            found += [each for each in channel.messages if not each.deleted]
            found += [each for each in channel.ephemerals if each.user == user and not each.gone]
        if user in home.homes:
            found.append(home.homes[user])
        found.sort(key=lambda each: -each.seq)
        modal = self.modal(user, team)
        return found if modal is None else [modal, *found]

    def _find(
        self, team: str, user: str, name: str, within: Surface | None, nth: int, types: set[str] | None
    ) -> tuple[Surface, Json, Json]:
        """The newest visible thing that has such an element, its block, and the element."""
        seen = self.sees(team, user)
        if within is not None:
            assert within in seen or isinstance(within, View), f"{user} can't see that message any more"
        for surface in [within] if within is not None else seen:
            fits = [
                (block, element)
                for block, element in elements(surface.blocks)
                if (types is None or element["type"] in types)
                and name in (element["action_id"], label_of(block, element))
            ]
            if len(fits) > nth:
                return surface, *fits[nth]
        told = sorted({label_of(b, e) for s in ([within] if within else seen) for b, e in elements(s.blocks)})
        raise AssertionError(f"{user} sees no {name!r} to press; there is {told}")

    def _command(self, command: str) -> Mapping[str, Any]:
        """What the manifest says of a command, {} without a manifest."""
        if self.manifest is None:
            return {}
        for told in self.manifest["features"].get("slash_commands", []):
            if told["command"] == command:
                return dict(told)
        raise AssertionError(f"Slack knows no command {command}: it is not in the manifest")
