"""The person's side: what people type, press, choose and submit in their Discord client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.discord_server.forms import submitted
from tests.discord_server.payloads import Payloads
from tests.discord_server.reading import BUTTON, MENUS, label_of, pressable
from tests.discord_server.things import VIEW_CHANNEL, Interaction, Json, Message
from tests.discord_server.typed import Typed, options_for


class People(Payloads):
    """What a person can do. Each act returns an Interaction once the bot gave its first answer (or Discord gave up);
    with `wait=False` at once. What a client would not let a person do raises AssertionError."""

    async def slash(
        self,
        guild: str,
        channel: str,
        user: str,
        command: str,
        options: Mapping[str, Typed] | None = None,
        *,
        wait: bool = True,
    ) -> Interaction:
        """Use a command, e.g. "/stats" or "/desk approve", with its options by name.

        `guild` "" is outside every guild: `channel` "" for the messages with our bot, or a group's id. Options are
        typed as the synced commands declare them; a mistake that the client shows in red raises AssertionError.
        """
        where = self.place(guild, channel, user)
        declared, path = self.offered(where, user, command)
        data = self.command_data(declared, path, options_for(declared, path, options or {}))
        return await self.deliver(self.invoked("command", where, user, data), wait=wait)

    async def autocomplete(
        self,
        guild: str,
        channel: str,
        user: str,
        command: str,
        options: Mapping[str, Typed] | None = None,
        *,
        focused: str,
        typed: str = "",
        wait: bool = True,
    ) -> Interaction:
        """Type in an option that completes itself; what is offered stands in `.choices`."""
        where = self.place(guild, channel, user)
        declared, path = self.offered(where, user, command)
        filled = options_for(declared, path, options or {}, focused=focused, typed=typed)
        data = self.command_data(declared, path, filled)
        return await self.deliver(self.invoked("autocomplete", where, user, data), wait=wait)

    async def click(
        self, user: str, label: str, *, within: Message | None = None, nth: int = 0, wait: bool = True
    ) -> Interaction:
        """Press a button by its label (or custom_id): the newest visible one. Link buttons only open a page.

        `within` picks the message, `nth` the button among several of the same name in it.
        """
        message, component = self._find(user, label, within, nth, (BUTTON,))
        data = {"component_type": BUTTON, "custom_id": component["custom_id"], "id": component.get("id", 0)}
        return await self.deliver(self.pressed(user, message, data), wait=wait)

    async def choose(
        self,
        user: str,
        menu: str,
        option: str | Sequence[str],
        *,
        within: Message | None = None,
        nth: int = 0,
        wait: bool = True,
    ) -> Interaction:
        """Choose in a menu (by its placeholder or custom_id) the option, or options, of this label or value."""
        message, component = self._find(user, menu, within, nth, MENUS)
        wanted = [option] if isinstance(option, str) else list(option)
        values = [_value(component, each) for each in wanted]
        least, most = component.get("min_values", 1), component.get("max_values", 1)
        assert least <= len(values) <= most, f"{menu}: choose {least} to {most}"
        message.picked[component["custom_id"]] = values
        data = {"component_type": component["type"], "custom_id": component["custom_id"], "values": values}
        return await self.deliver(self.pressed(user, message, data | {"id": component.get("id", 0)}), wait=wait)

    async def submit(
        self, user: str, values: Mapping[str, str | Sequence[str]] | None = None, *, wait: bool = True
    ) -> Interaction:
        """Fill in the open modal's fields (by label or custom_id) and submit it."""
        modal = self.modal(user)
        assert modal is not None, f"{user} has no form open"
        data: Json = {"custom_id": modal.custom_id, "components": submitted(modal.components, values or {})}
        return await self.deliver(self.sent(modal, data), wait=wait)

    def close_modal(self, user: str) -> None:
        """Close the open modal; Discord tells nobody."""
        modal = self.modals.pop(user, None)
        assert modal is not None, f"{user} has no form open"
        modal.open = False
        self.changed()

    async def redeliver(self, interaction: Interaction) -> None:
        """Send the same payload once more, as a second session or a replay would."""
        interaction.deliveries += 1
        await self.event("INTERACTION_CREATE", interaction.payload, interaction.guild_id)

    def say(self, channel: str, user: str, text: str) -> Message:
        """Write a message in a channel, unseen by the bot."""
        return self.put_message(self.channel(channel), user, {"content": text})

    def sees(self, user: str) -> list[Message]:
        """The messages that a person can press things on, the newest first."""
        found: list[Message] = []
        for channel in self.everywhere():
            if channel.deleted or not self._in(channel.guild_id, channel.members, user):
                continue
            found += [each for each in channel.messages if not each.deleted and each.seen_by in ("", user)]
        return sorted(found, key=lambda each: -each.seq)

    def dismiss(self, message: Message) -> None:
        """A person dismisses an ephemeral message."""
        assert message.ephemeral, "only ephemeral messages can be dismissed"
        message.deleted = True
        self.changed()

    def _in(self, guild_id: str, members: tuple[str, ...], user: str) -> bool:
        if not guild_id:
            return user in members
        return bool(self.member_may(guild_id, user) & VIEW_CHANNEL) and self.guilds[guild_id].available

    def _find(
        self, user: str, name: str, within: Message | None, nth: int, types: tuple[int, ...]
    ) -> tuple[Message, Json]:
        """The newest visible message with such a component, and the component."""
        seen = self.sees(user)
        if within is not None:
            assert within in seen, f"{user} can't see that message any more"
        for message in [within] if within is not None else seen:
            fits = [
                each
                for each in pressable(message.components)
                if each["type"] in types and name in (each["custom_id"], label_of(each))
            ]
            if len(fits) > nth:
                assert not fits[nth].get("disabled"), f"{name!r} is disabled"
                return message, fits[nth]
        told = sorted({label_of(c) for m in ([within] if within else seen) for c in pressable(m.components)})
        raise AssertionError(f"{user} sees no {name!r} to press; there is {told}")


def _value(component: Json, wanted: str) -> str:
    if component["type"] != 3:
        return wanted
    for option in component["options"]:
        if wanted in (option["label"], option["value"]):
            return str(option["value"])
    raise AssertionError(f"no option {wanted!r}; there is {[each['label'] for each in component['options']]}")
