"""Approvers who press at the same moment, one in Slack and one in the playground, over one database."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from sqlmodel import select

from adapters.web.playground import Playground
from core.chat.text import as_text
from core.payouts.tables import Decision, Withdrawal
from core.storage import Database
from tests.desk_world import World, jan
from tests.slack_server import Message
from tests.slack_world import APPROVALS as IN_SLACK
from tests.slack_world import TEAM, USERS, SlackWorld, running
from tests.stages import APPROVALS
from tests.stages.playground import PlaygroundStage

SHOWN = 2  # rounds whose cards are waited for: Slack takes one post a second in a channel
ROUNDS = 16
SAID = re.compile(r"(?:\d/\d |Rejected by )\w+ [\d: A-Za-z]*UTC \(\w+\)")


@dataclass
class Both:
    """One service with both chats; Mira and Tom have an account in each, and both channels hear of approvals."""

    slack: SlackWorld
    small: PlaygroundStage
    world: World

    async def request(self, number: int, amount: str = "50", *, shown: bool = True) -> int:
        """One more creator asks for money; shown: waits until the card stands in both channels."""
        made = self.world.withdrawal(f"c{number}", amount)
        self.slack.service.relay.nudge()
        await self.until(lambda: not shown or (self.in_slack(made) is not None and self.in_small(made) != ""))
        return made

    def in_slack(self, number: int) -> Message | None:
        """The card in Slack's channel."""
        found = (one for one in self.slack.server.messages(IN_SLACK) if f"WD-{number} " in one.plain)
        return next(found, None)

    def in_small(self, number: int) -> str:
        """The card in the playground's channel, as text."""
        return next((text for text in self.small.public(APPROVALS) if f"WD-{number} " in text), "")

    async def approve(self, who: str, number: int) -> str:
        """Press Approve in Slack, on the card or, before it stands there, as on one; the answer to that person."""
        server, card = self.slack.server, self.in_slack(number)
        if card is not None:
            made = await server.click(TEAM, USERS[who], "Approve", within=card)
        else:
            action = {"type": "button", "action_id": "press|payout.approve|1", "block_id": "b1", "value": str(number)}
            made = await server.deliver(server.pressed(TEAM, USERS[who], server.messages(IN_SLACK)[0], action))
        return await server.wait_for(lambda: made.said)

    async def press(self, who: str, action: str, number: int, **fields: str) -> str:
        """Press in the playground; the answer."""
        person = await self.small.chat.person(who)
        assert person is not None
        reply = await self.small.chat.press(person, "", APPROVALS, action, str(number), fields)
        return as_text(reply.card)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what may change on either side."""
        async with asyncio.timeout(15):
            while not holds():
                await asyncio.sleep(0.005)

    def decisions(self, number: int) -> list[Decision]:
        """Every word that was said of a withdrawal."""
        with self.slack.app.database.reading() as session:
            return list(session.exec(select(Decision).where(Decision.withdrawal_id == number)).all())

    def withdrawal(self, number: int) -> Withdrawal:
        """The request as it stands."""
        with self.slack.app.database.reading() as session:
            return session.get_one(Withdrawal, number)

    async def same_words(self, number: int, *names: str) -> str:
        """Wait until both cards name these people; what they say of the decision, which must be the same."""

        def read() -> tuple[list[str], list[str]]:
            card = self.in_slack(number)
            return SAID.findall(card.plain if card else ""), SAID.findall(self.in_small(number))

        await self.until(lambda: all(len(found) == len(names) for found in read()))
        slack, small = read()
        assert slack == small
        for name, said in zip(names, slack, strict=True):
            assert name in said
        return " ".join(slack)


@contextlib.asynccontextmanager
async def both(served_database: Database, creators: int) -> AsyncIterator[Both]:
    """The service with both chats until the end of the block; each creator has $1,000."""
    world = World(served_database, now=jan(12, 12))
    for number in range(creators):
        world.creator(f"c{number}", f"Creator {number}")
        world.project(f"p{number}", f"Project {number}", f"c{number}")
        world.earn(f"p{number}", jan(12, 11), 1_000)
    world.settle(jan(13))
    try:
        async with running(world, "socket", playground=True) as slack:
            chat = slack.service.relay.ports["playground"]
            assert isinstance(chat, Playground)
            small = PlaygroundStage(world, chat, slack.service.relay)
            slack.link("Mira", "Tom")
            await small.link("Mira", "Tom")
            slack.subscribe(IN_SLACK, "approvals")
            await small.subscribe(APPROVALS, "approvals")
            yield Both(slack, small, world)
            assert not slack.server.violations, slack.server.violations
        assert world.sound()
    finally:
        world.close()


async def test_two_approvals_at_the_same_moment_are_one_decision(served_database: Database) -> None:
    """One of both decides; both cards carry the same name and time, and the other person is told whose and when."""
    async with both(served_database, ROUNDS) as desk:
        for turn in range(ROUNDS):
            desk.world.now = jan(13, 10, turn)
            number = await desk.request(turn, shown=turn < SHOWN)

            async def later(turn: int = turn, number: int = number) -> str:
                await asyncio.sleep(turn % 7 * 0.003)  # so that either comes first at times
                return await desk.press("Tom", "payout.approve", number)

            in_slack, in_small = await asyncio.gather(desk.approve("Mira", number), later())
            [decision] = desk.decisions(number)
            assert desk.withdrawal(number).approvals_needed == 1
            won = "Mira" if "You approved it, 1 of 1" in in_slack else "Tom"
            winner, loser = (in_slack, in_small) if won == "Mira" else (in_small, in_slack)
            assert "You approved it, 1 of 1" in winner
            assert f"Already decided by {won} at 10:{turn:02}" in loser, loser
            assert "Nothing changed" in loser
            assert decision.surface == ("slack" if won == "Mira" else "playground")
            if turn < SHOWN:
                assert f"10:{turn:02}" in await desk.same_words(number, won)


async def test_an_approval_and_a_rejection_at_once(served_database: Database) -> None:
    """Whichever comes first holds; the money is paid or given back, never both."""
    async with both(served_database, ROUNDS) as desk:
        for turn in range(ROUNDS):
            desk.world.now = jan(13, 10, turn)
            number = await desk.request(turn, shown=turn < SHOWN)

            async def later(turn: int = turn, number: int = number) -> str:
                await asyncio.sleep(turn % 7 * 0.003)
                return await desk.press("Tom", "payout.reject", number, reason="the account is somebody else's")

            in_slack, in_small = await asyncio.gather(desk.approve("Mira", number), later())
            [decision] = desk.decisions(number)
            approved = decision.verdict == "approve"
            assert ("You approved it" in in_slack, "You rejected it" in in_small) == (approved, not approved)
            loser, won = (in_small, "Mira") if approved else (in_slack, "Tom")
            assert f"Already decided by {won} at 10:{turn:02}" in loser, loser
            if turn < SHOWN:
                await desk.same_words(number, won)
            assert (desk.withdrawal(number).state == "rejected") is not approved


async def test_the_same_person_counts_once_in_both_places(served_database: Database) -> None:
    """$600 needs two people: Mira in Slack and Mira in the playground are one, however close together."""
    async with both(served_database, SHOWN) as desk:
        for turn in range(SHOWN):
            desk.world.now = jan(13, 10, turn)
            number = await desk.request(turn, "600")
            in_slack, in_small = await asyncio.gather(
                desk.approve("Mira", number), desk.press("Mira", "payout.approve", number)
            )
            [decision] = desk.decisions(number)
            assert desk.withdrawal(number).state == "requested"
            first, second = (in_slack, in_small) if decision.surface == "slack" else (in_small, in_slack)
            assert "1 of 2" in first
            assert "You approved WD-" in second, second
            assert "Someone else has to be the next. Nothing changed." in second
            await desk.same_words(number, "Mira")
            assert "You approved it, 2 of 2" in await desk.press("Tom", "payout.approve", number)
            await desk.same_words(number, "Mira", "Tom")
            assert len(desk.decisions(number)) == 2


async def test_a_form_that_was_open_meanwhile_decides_nothing(served_database: Database) -> None:
    """Mira writes her reason in Slack while Tom approves in the playground: she is told who decided, and when."""
    async with both(served_database, 1) as desk:
        number = await desk.request(0)
        server, card = desk.slack.server, desk.in_slack(number)
        asked = await server.click(TEAM, USERS["Mira"], "Reject…", within=card)
        await server.wait_for(lambda: asked.modal)
        desk.world.now = jan(13, 10, 41)
        assert "You approved it, 1 of 1" in await desk.press("Tom", "payout.approve", number)
        desk.world.now = jan(13, 10, 43)
        await server.submit(TEAM, USERS["Mira"], {"reason": "the account is somebody else's"}, view=asked.modal)
        said = await server.wait_for(lambda: asked.said)
        assert "Already decided by Tom at 10:41" in said
        assert "10:41" in await desk.same_words(number, "Tom")
        [decision] = desk.decisions(number)
        assert decision.verdict == "approve"
