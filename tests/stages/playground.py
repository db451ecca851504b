"""The playground's own small chat, without its page."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from adapters.rails.manual import Manual
from adapters.web.playground import PLATFORM, WORKSPACE, Playground
from adapters.web.playground.residents import Resident
from adapters.web.playground.timeline import DIRECT, Post
from bot.relay import Relay
from core import people
from core.chat import subscriptions
from core.chat.cards import Actions as ActionsBlock
from core.chat.cards import Button, Card, Select
from core.chat.desk import Desk
from core.chat.outbox import Destination
from core.chat.text import as_text
from core.people import Identity
from tests.desk_world import World


class PlaygroundStage:
    """See `Stage`. A form is asked before its button is pressed: `press` shows it, `fill` presses."""

    name = "playground"

    def __init__(self, world: World, chat: Playground, relay: Relay) -> None:
        self.world, self.chat, self.relay = world, chat, relay
        self._open: dict[str, tuple[Post | None, str, Button]] = {}

    def code(self, who: str) -> str:
        raise AssertionError(f"{who} is linked from the start")

    def standing_home(self, who: str) -> str:
        raise AssertionError(f"the playground has no dashboard for {who}")

    async def link(self, *people_: str) -> None:
        for name in people_:
            with self.world.database.transaction() as session:
                person = people.resolve(session, name)
                code, _ = people.create_link_code(session, self.world.now, person.person_id)
                assert people.link(session, self.world.now, Identity(PLATFORM, name, WORKSPACE), code).ok

    async def subscribe(self, place: str, topic: str) -> None:
        chosen: subscriptions.Topic = "digest" if topic == "digest" else "approvals"
        with self.world.database.transaction() as session:
            olga = people.resolve(session, "Olga")
            subscriptions.subscribe(session, self.world.now, olga, Destination(PLATFORM, WORKSPACE, place), chosen)

    async def type(self, who: str, line: str, place: str = "") -> str:
        await self.chat.run(await self._resident(who), place or DIRECT, line)
        await self.relay.drain()
        return self._said(who)

    async def offered(self, who: str, command: str) -> list[str]:
        found = await self.chat.suggest(await self._resident(who), f"{command} ")
        return [one.label for one in found]

    async def press(self, who: str, label: str) -> str:
        post, button = self._button(who, label)
        if button.form:
            self._open[who] = (post, post.surface, button)
            return "\n".join([button.label, *(field.label for field in button.form)])
        return await self._press(who, post, post.surface, button.action, button.value, {})

    async def choose(self, who: str, menu: str, option: str) -> str:
        for post in reversed(self._visible(who)):
            for item in _controls(post.card):
                if isinstance(item, Select) and item.label == menu:
                    value = next(one.value for one in item.options if one.label == option)
                    return await self._press(who, post, post.surface, item.action, value, {})
        raise AssertionError(f"{who} sees no menu {menu}")

    async def fill(self, who: str, **answers: str) -> str:
        opened = self._open.pop(who, None)
        if opened is None:  # a form that stands open under the newest answer
            post = self._visible(who)[-1]
            opened = post, post.surface, next(button for button in _buttons(post.card) if button.form)
        post_, surface, button = opened
        fields = {
            next(
                field.name
                for field in button.form or ()
                if field.label.casefold().startswith(name.replace("_", " ").casefold())
            ): text
            for name, text in answers.items()
        }
        return await self._press(who, post_, surface, button.action, button.value, fields)

    def private(self, who: str) -> list[str]:
        return [as_text(post.card) for post in self.chat.timeline.posts.values() if post.seen_by == who and post.card]

    def public(self, place: str) -> list[str]:
        posts = self.chat.timeline.posts.values()
        return [as_text(post.card) for post in posts if post.surface == place and not post.seen_by and post.card]

    def files(self, who: str) -> dict[str, bytes]:
        tokens = [token for post in self.chat.timeline.posts.values() if post.seen_by == who for token in post.files]
        return {(file := self.chat.timeline.files[token]).name: file.data for token in tokens}

    def pictures(self) -> list[str]:
        return [chart.alt for post in self.chat.timeline.posts.values() if post.card for chart in post.card.charts]

    async def home(self, who: str) -> str:
        raise AssertionError(f"the playground has no dashboard for {who} to open")

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await self.relay.drain()
                await asyncio.sleep(0.01)

    async def _resident(self, who: str) -> Resident:
        found = await self.chat.person(who)
        return found or Resident(who, who, "", None, (), linked=False)

    async def _press(
        self, who: str, post: Post | None, surface: str, action: str, value: str, fields: dict[str, str]
    ) -> str:
        reply = await self.chat.press(
            await self._resident(who), post.id if post else "", surface, action, value, fields
        )
        await self.relay.drain()
        return as_text(reply.card)

    def _said(self, who: str) -> str:
        post = self._visible(who)[-1]
        return as_text(post.card) if post.card else post.text

    def _visible(self, who: str) -> list[Post]:
        return [post for post in self.chat.timeline.posts.values() if post.seen_by in ("", who)]

    def _button(self, who: str, label: str) -> tuple[Post, Button]:
        for post in reversed(self._visible(who)):
            for button in _buttons(post.card):
                if button.label == label:
                    return post, button
        raise AssertionError(f"{who} sees no button {label}")


def _controls(card: Card | None) -> list[Button | Select]:
    blocks = card.blocks if card else ()
    return [item for block in blocks if isinstance(block, ActionsBlock) for item in block.items]


def _buttons(card: Card | None) -> list[Button]:
    return [item for item in _controls(card) if isinstance(item, Button)]


@contextlib.asynccontextmanager
async def playground_stage(world: World) -> AsyncIterator[PlaygroundStage]:
    """The small chat and its relay until the end of the block."""
    desk = Desk(world.database, world.config, lambda: world.now)
    chat = Playground(desk, world.database, world.config, lambda: world.now)
    relay = Relay(world.database, world.config, {PLATFORM: chat}, {"manual": Manual()}, lambda: world.now)
    try:
        yield PlaygroundStage(world, chat, relay)
    finally:
        chat.close()
        desk.close()
