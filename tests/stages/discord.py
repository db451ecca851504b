"""Discord, with the whole service beside it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Callable

from core.chat import arguments, subscriptions
from core.chat.registry import REGISTRY
from tests.desk_world import World
from tests.discord_server import Interaction
from tests.discord_world import APPROVALS, EARNINGS, GUILD, USERS, DiscordWorld, running
from tests.stages import stage

PLACES = {"": "", stage.EARNINGS: EARNINGS, stage.APPROVALS: APPROVALS}


class DiscordStage:
    """See `Stage`. A command line becomes the options that a client would fill in."""

    name = "discord"

    def __init__(self, discord: DiscordWorld) -> None:
        self.discord, self.server, self.world = discord, discord.server, discord.world

    async def link(self, *people: str) -> None:
        self.discord.link(*people)

    def code(self, who: str) -> str:
        return self.discord.code(who)

    async def subscribe(self, place: str, topic: str) -> None:
        chosen: subscriptions.Topic = "digest" if topic == "digest" else "approvals"
        self.discord.subscribe(PLACES[place], chosen)

    async def type(self, who: str, line: str, place: str = "") -> str:
        command, rest = arguments.find(REGISTRY, line)
        reading = arguments.read(command, rest, self.world.now)
        assert not reading.problem, reading.problem
        kinds = {param.name: param.kind for param in command.params}
        given = {name: int(text) if kinds[name] == "int" else text for name, text in reading.typed.items()}
        # Commands for those who run the desk are asked for in the server, where they may see them.
        guild, channel = (GUILD, PLACES[place] or APPROVALS) if place or command.roles else ("", "")
        made = await self.server.slash(guild, channel, USERS[who], f"/{command.name}", given)
        return await self._answer(made)

    async def offered(self, who: str, command: str) -> list[str]:
        argument = REGISTRY.commands[command.removeprefix("/")].params[0].name
        made = await self.server.autocomplete(GUILD, EARNINGS, USERS[who], command, focused=argument)
        return [str(one["name"]) for one in made.choices]

    async def press(self, who: str, label: str) -> str:
        return await self._answer(await self.server.click(USERS[who], label))

    async def choose(self, who: str, menu: str, option: str) -> str:
        return await self._answer(await self.server.choose(USERS[who], menu, option))

    async def fill(self, who: str, **answers: str) -> str:
        modal = self.server.modal(USERS[who])
        assert modal is not None, f"{who} has no form open"
        labels = [one["label"] for one in modal.components if one.get("label")]
        values = {_label(labels, name): text for name, text in answers.items()}
        return await self._answer(await self.server.submit(USERS[who], values))

    def private(self, who: str) -> list[str]:
        mine = [(one.seq, one.plain) for one in self.server.private(USERS[who])]
        mine += [(one.seq, one.plain) for one in self.server.direct(USERS[who])]
        return [_as_read(text) for _, text in sorted(mine)]

    def public(self, place: str) -> list[str]:
        return [_as_read(one.plain) for one in self.server.messages(PLACES[place])]

    def files(self, who: str) -> dict[str, bytes]:
        seen = [*self.server.private(USERS[who]), *self.server.direct(USERS[who])]
        found = [file for message in seen for file in message.attachments if not file.filename.endswith(".png")]
        return {file.filename: file.content for file in found}

    def pictures(self) -> list[str]:
        messages = [one for channel in self.server.everywhere() for one in channel.messages]
        drawn = [one for one in messages if any(file.filename.endswith(".png") for file in one.attachments)]
        return [_as_read(one.plain) for one in drawn]

    async def home(self, who: str) -> str:
        raise AssertionError(f"Discord has no dashboard for {who} to open")

    def standing_home(self, who: str) -> str:
        raise AssertionError(f"Discord has no dashboard for {who}")

    async def until(self, holds: Callable[[], object]) -> None:
        await self.server.wait_for(holds)

    async def _answer(self, made: Interaction) -> str:
        await self.server.wait_for(lambda: made.answered)
        assert not self.server.violations, self.server.violations
        return made.modal.plain if made.modal is not None else _as_read(made.answers[-1].plain)


def _as_read(text: str) -> str:
    """What Discord shows for its markdown: escapes and bold type are not seen."""
    return re.sub(r"\\([^\w\s])", r"\1", text.replace("**", ""))


def _label(labels: list[str], name: str) -> str:
    wanted = name.replace("_", " ").casefold()
    return next(label for label in labels if label.casefold().startswith(wanted))


@contextlib.asynccontextmanager
async def discord_stage(world: World) -> AsyncIterator[DiscordStage]:
    """The service on a Discord of its own until the end of the block."""
    async with running(world) as discord:
        yield DiscordStage(discord)
        assert not discord.server.violations, discord.server.violations
