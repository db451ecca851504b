"""The payloads as Slack builds them, and what their acknowledgements bring about."""

from __future__ import annotations

from tests.slack_server.checks import allowed
from tests.slack_server.things import (
    Channel,
    Ephemeral,
    Interaction,
    Json,
    Message,
    ResponseUrl,
    Surface,
    Trigger,
    View,
)
from tests.slack_server.values import current
from tests.slack_server.wire import Wire


class Payloads(Wire):
    """Builds what is sent to the app; keeps the triggers and response_urls that go with it."""

    def command(self, team: str, channel: Channel, user: str, command: str, text: str) -> Interaction:
        """A slash command's payload."""
        home = self.workspaces[team]
        payload: Json = {"token": "verification", "command": command, "text": text, "api_app_id": self.app_id}
        payload |= {"team_id": team, "team_domain": home.name.lower().replace(" ", "-")}
        payload |= {"channel_id": channel.id, "channel_name": self._channel_name(channel)}
        payload |= {"user_id": user, "user_name": home.users[user].name, "is_enterprise_install": "false"}
        made = Interaction("slash_commands", payload, team, user, 0.0)
        payload["trigger_id"] = self._trigger(made)
        payload["response_url"] = self._response_url(made, channel.id, None)
        return made

    def pressed(self, team: str, user: str, surface: Surface, action: Json) -> Interaction:
        """A block_actions payload."""
        payload = self._interactive("block_actions", team, user)
        made = Interaction("interactive", payload, team, user, 0.0)
        home = self.workspaces[team]
        payload["state"] = {"values": current(surface.blocks, surface.picked)}
        payload["actions"] = [{**action, "action_ts": self.mint_ts()}]
        if isinstance(surface, View):
            payload["container"] = {"type": "view", "view_id": surface.id}
            payload["view"] = surface.as_json(self.app_id, home.bot_user_id, payload["state"]["values"])
            payload["trigger_id"] = self._trigger(made, surface)
            return made
        channel = home.channels[surface.channel]
        payload["trigger_id"] = self._trigger(made)
        payload["channel"] = {"id": channel.id, "name": self._channel_name(channel)}
        hidden = isinstance(surface, Ephemeral)
        payload["container"] = {"type": "message", "message_ts": surface.ts, "channel_id": channel.id}
        payload["container"]["is_ephemeral"] = hidden
        if isinstance(surface, Message):
            payload["message"] = surface.as_json(metadata=True)
            payload["container"] |= {"thread_ts": surface.thread_ts} if surface.thread_ts else {}
        payload["response_url"] = self._response_url(made, channel.id, surface)
        return made

    def submitted(self, team: str, user: str, view: View) -> Interaction:
        """A view_submission payload."""
        payload = self._interactive("view_submission", team, user)
        made = Interaction("interactive", payload, team, user, 0.0)
        payload["trigger_id"] = self._trigger(made, view)
        payload["view"] = view.as_json(self.app_id, self.workspaces[team].bot_user_id)
        payload["response_urls"] = []
        return made

    def closed(self, team: str, user: str, view: View) -> Interaction:
        """A view_closed payload."""
        payload = self._interactive("view_closed", team, user)
        payload["view"] = view.as_json(self.app_id, self.workspaces[team].bot_user_id)
        payload["is_cleared"] = False
        return Interaction("interactive", payload, team, user, 0.0)

    async def event(self, team: str, event: Json, *, user: str = "", wait: bool = True) -> Interaction:
        """Tell the app of an event: where it is installed, and subscribed if there is a manifest."""
        home = self.workspaces[team]
        bot = {"enterprise_id": None, "team_id": team, "user_id": home.bot_user_id, "is_bot": True}
        payload: Json = {"token": "verification", "team_id": team, "api_app_id": self.app_id, "event": event}
        payload |= {"type": "event_callback", "event_id": self.mint("Ev"), "event_time": int(self.now())}
        payload |= {"authorizations": [{**bot, "is_enterprise_install": False}], "is_ext_shared_channel": False}
        made = Interaction("events_api", payload, team, user, 0.0)
        if not home.bot_token or not self._subscribed(event["type"]):
            made.done.set()
            return made
        return await self.deliver(made, wait=wait)

    def acknowledged(self, interaction: Interaction) -> None:
        """A text in a command's acknowledgement is an answer; a submitted modal closes, changes or stays."""
        body = interaction.ack or {}
        if interaction.kind == "slash_commands" and (body.get("text") or body.get("blocks")):
            url = self.response_urls[interaction.payload["response_url"].rpartition("/")[2]]
            self.answer(url, body)
        if interaction.payload.get("type") == "view_submission":
            self._after_submission(interaction, body)

    def answer(self, url: ResponseUrl, body: Json) -> list[str]:
        """What someone sent to a response_url takes effect; gives what is wrong with it (then nothing happens)."""
        home = self.workspaces[url.team_id]
        channel = home.channels[url.channel]
        blocks, text = list(body.get("blocks") or []), str(body.get("text") or "")
        wrong = allowed(self, home, "message", {"text": text, "blocks": blocks}) if blocks else []
        if wrong:
            return wrong
        url.interaction.answers.append(body)
        source = url.source
        if body.get("delete_original") and source is not None:
            self._remove(source)
        elif body.get("replace_original") and source is not None:
            source.text, source.blocks, source.seq = text, self.named(blocks), self.sequence()
            source.edited += 1
        elif body.get("response_type") == "in_channel":
            self.put_message(channel, home.bot_user_id, text, blocks)
        elif not body.get("delete_original"):
            self.put_ephemeral(channel, url.user, text, blocks)
        self.changed()
        return []

    def new_view(self, team: str, user: str, content: Json, interaction: Interaction | None = None) -> View:
        """A view, not yet on any screen."""
        content = {**content, "blocks": self.named(content.get("blocks", []))}
        made = View(self.mint("V"), team, user, content, self.mint_ts(), self.sequence(), "")
        made.root_id = made.id
        self.views[made.id] = made
        if interaction is not None:
            interaction.modals.append(made)
        return made

    def pop_modal(self, view: View) -> None:
        """Take a modal off its person's screen."""
        view.open = False
        stack = self.workspaces[view.team_id].modals.get(view.user, [])
        if view in stack:
            stack.remove(view)
        self.changed()

    def change_view(self, view: View, content: Json) -> None:
        """Give a view new content; what was typed stays where the block and action ids stay."""
        view.content = {**content, "blocks": self.named(content.get("blocks", []))}
        view.hash, view.seq = self.mint_ts(), self.sequence()
        self.changed()

    def _after_submission(self, interaction: Interaction, body: Json) -> None:
        view = self.views[interaction.payload["view"]["id"]]
        home = self.workspaces[view.team_id]
        action = body.get("response_action")
        if action == "errors":
            fields = {block["block_id"] for block in view.blocks if block["type"] == "input"}
            stray = [each for each in body["errors"] if each not in fields]
            self.violations += [f"modal: errors for {each}, which is no input block of the view" for each in stray]
        elif action in ("update", "push"):
            wrong = allowed(self, home, "modal", body["view"])
            if wrong:
                return
            if action == "update":
                self.change_view(view, body["view"])
                interaction.modals.append(view)
            else:
                pushed = self.new_view(view.team_id, view.user, body["view"], interaction)
                pushed.root_id, pushed.previous_id = view.root_id, view.id
                home.modals.setdefault(view.user, []).append(pushed)
        elif action == "clear":
            for each in list(home.modals.get(view.user, [])):
                self.pop_modal(each)
        else:
            self.pop_modal(view)

    def _remove(self, source: Message | Ephemeral) -> None:
        if isinstance(source, Message):
            source.deleted = True
        else:
            source.gone = True

    def _interactive(self, kind: str, team: str, user: str) -> Json:
        home = self.workspaces[team]
        who = {"id": user, "username": home.users[user].name, "name": home.users[user].name, "team_id": team}
        domain = home.name.lower().replace(" ", "-")
        payload: Json = {"type": kind, "user": who, "team": {"id": team, "domain": domain}, "enterprise": None}
        return {**payload, "api_app_id": self.app_id, "token": "verification", "is_enterprise_install": False}

    def _trigger(self, interaction: Interaction, inside: View | None = None) -> str:
        made = f"{self.sequence()}.{self.sequence()}.{self.mint('t').lower()}"
        self.triggers[made] = Trigger(interaction.team_id, interaction.user, self.now(), interaction, inside)
        return made

    def _response_url(self, interaction: Interaction, channel: str, source: Message | Ephemeral | None) -> str:
        made = self.mint("r")
        self.response_urls[made] = ResponseUrl(
            interaction.team_id, channel, interaction.user, self.now(), interaction, source
        )
        return f"{self.base_url}/respond/{interaction.team_id}/{made}"

    def _channel_name(self, channel: Channel) -> str:
        if channel.im_user:
            return "directmessage"
        return "privategroup" if channel.private else channel.name

    def _subscribed(self, event: str) -> bool:
        if self.manifest is None:
            return True
        told = self.manifest["settings"].get("event_subscriptions", {}).get("bot_events", [])
        return event in told
