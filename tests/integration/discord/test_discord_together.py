"""One desk in Slack and on Discord: whoever is linked on both is one person, and what is decided stands on both."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

from sqlmodel import col, select

from core import people
from core.payouts.tables import Decision, Withdrawal
from core.people import Identity
from core.storage import Database
from tests import slack_world
from tests.desk_world import World, jan
from tests.discord_server import Interaction, Message
from tests.discord_world import APPROVALS, USERS, DiscordWorld, press_forged, running
from tests.slack_server import Message as SlackMessage
from tests.slack_server import SlackServer
from tests.slack_world import TEAM, SlackWorld

ROUNDS = 6
SHOWN = 2  # rounds whose cards are waited for: Slack takes one post a second in a channel
SAID = re.compile(r"(?:\d/\d |Rejected by )\w+ [\d: A-Za-z]*UTC \(\w+\)")
IN_SLACK = slack_world.APPROVALS


def as_read(shown: str) -> str:
    """What Discord shows for its markdown: escapes and bold type are not seen."""
    return re.sub(r"\\([^\w\s])", r"\1", shown.replace("**", ""))


@dataclass
class Both:
    """One service on both platforms; both channels hear of approvals, and Mira and Tom have an account on each."""

    slack: SlackWorld
    discord: DiscordWorld
    world: World

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait for what may change on either side."""
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.005)

    def relay(self) -> None:
        self.discord.service.relay.nudge()

    async def request(self, number: int, amount: str = "50", *, shown: bool = True) -> int:
        """One more creator asks for money; shown: waits until the card stands in both channels."""
        made = self.world.withdrawal(f"c{number}", amount)
        self.relay()
        await self.until(lambda: not shown or self.stands(made))
        return made

    def in_slack(self, number: int) -> SlackMessage | None:
        """The card in Slack's channel."""
        return next((one for one in self.slack.server.messages(IN_SLACK) if f"WD-{number} " in one.plain), None)

    def on_discord(self, number: int) -> Message | None:
        """The card in Discord's channel."""
        found = self.discord.server.messages(APPROVALS)
        return next((one for one in found if f"WD-{number} " in as_read(one.plain)), None)

    def stands(self, number: int) -> bool:
        """Whether the card is to be seen in both channels."""
        return self.in_slack(number) is not None and self.on_discord(number) is not None

    async def approve_in_slack(self, who: str, number: int) -> str:
        """Press Approve there, on the card or, before it stands there, as on one; the answer."""
        server, card = self.slack.server, self.in_slack(number)
        if card is not None:
            made = await server.click(TEAM, slack_world.USERS[who], "Approve", within=card)
        else:
            action = {"type": "button", "action_id": "press|payout.approve|1", "block_id": "b1", "value": str(number)}
            payload = server.pressed(TEAM, slack_world.USERS[who], server.messages(IN_SLACK)[0], action)
            made = await server.deliver(payload)
        return await server.wait_for(lambda: made.said)

    async def approve_on_discord(self, who: str, number: int) -> str:
        """The same there."""
        server, card = self.discord.server, self.on_discord(number)
        if card is not None:
            return await self.answer(await server.click(USERS[who], "Approve", within=card))
        custom_id = f"ed|press|payout.approve|1|{number}"
        return await self.answer(await press_forged(server, USERS[who], server.messages(APPROVALS)[0], custom_id))

    async def answer(self, made: Interaction) -> str:
        """What was answered on Discord."""
        return as_read(await self.discord.server.wait_for(lambda: made.said))

    async def type(self, who: str, command: str, **options: str) -> str:
        """Type a command in the messages with the desk on Discord; the answer."""
        return await self.answer(await self.discord.server.slash("", "", USERS[who], command, options))

    async def same_balance(self, who: str) -> str:
        """Their balance in Slack, which must be that on Discord."""
        slack = (await self.slack.type(who, "/balance")).said.replace("*", "")
        discord = await self.type(who, "/balance")
        figures = re.compile(r"(?:Account Balance|Processing|Withdrawn) \$[\d,.]+")
        assert figures.findall(slack) == figures.findall(discord) != [], (slack, discord)
        return slack

    def decisions(self, number: int) -> list[Decision]:
        """Every word that was said of a withdrawal."""
        with self.discord.app.database.reading() as session:
            return list(
                session.exec(select(Decision).where(Decision.withdrawal_id == number).order_by(col(Decision.id))).all()
            )

    def state(self, number: int) -> str:
        with self.discord.app.database.reading() as session:
            return session.get_one(Withdrawal, number).state

    async def same_words(self, number: int, *names: str) -> str:
        """Wait until both cards name these people; what they say of the decision, which must be the same."""

        def read() -> tuple[list[str], list[str]]:
            slack, discord = self.in_slack(number), self.on_discord(number)
            return SAID.findall(slack.plain if slack else ""), SAID.findall(as_read(discord.plain) if discord else "")

        await self.until(lambda: all(len(found) == len(names) for found in read()))
        slack, discord = read()
        assert slack == discord
        for name, said in zip(names, slack, strict=True):
            assert name in said
        return " ".join(slack)

    def told_in_slack(self, who: str) -> list[str]:
        """Their direct messages there."""
        return [one.plain for one in self.slack.server.direct(slack_world.USERS[who])]

    def told_on_discord(self, who: str) -> list[str]:
        """Their direct messages there, answers left out."""
        found = self.discord.server.direct(USERS[who])
        return [as_read(one.plain) for one in found if one.interaction is None]


@contextlib.asynccontextmanager
async def both(served_database: Database, creators: int, *, replicas: int = 1) -> AsyncIterator[Both]:
    """The service (or several over one database) on both until the end of the block; each creator has $1,000."""
    world = World(served_database, now=jan(12, 12))
    for number in range(creators):
        world.creator(f"c{number}", f"Creator {number}")
        world.project(f"p{number}", f"Project {number}", f"c{number}")
        world.earn(f"p{number}", jan(12, 11), 1_000)
    world.earn("logo", jan(12, 11), 1_000)
    world.settle(jan(13))
    server = await SlackServer.start()
    slack_world.settle(server)
    settings = slack_world.settings_for(server, "", "socket").slack
    try:
        async with contextlib.AsyncExitStack() as stack:
            discord = await stack.enter_async_context(running(world, slack=settings))
            for _ in range(replicas - 1):
                await stack.enter_async_context(running(world, server=discord.server, slack=settings))
            slack = SlackWorld(world, discord.app, discord.service, discord.clock, server)
            for one in (slack, discord):
                one.link("Mira", "Tom")
            slack.subscribe(IN_SLACK, "approvals")
            discord.subscribe(APPROVALS, "approvals")
            yield Both(slack, discord, world)
            assert not server.violations, server.violations
            assert not discord.server.violations, discord.server.violations
        assert world.sound()
    finally:
        await server.close()
        world.close()


async def test_the_same_person_counts_once_on_both(migrated_database: Database) -> None:
    """$600 requested in Slack: Mira there and Mira on Discord at the same moment are one; Tom is the second."""
    async with both(migrated_database, 1) as desk:
        desk.slack.link("ada")
        await desk.slack.type("ada", "/withdraw 600", slack_world.EARNINGS)
        await desk.slack.server.click(TEAM, slack_world.USERS["ada"], "Request $600.00")
        for turn, number in enumerate((1, 2)):
            if turn:
                desk.world.now = jan(14, 10)
                await desk.request(0, "600")
            await desk.until(partial(desk.stands, number))
            one, other = await asyncio.gather(
                desk.approve_in_slack("Mira", number), desk.approve_on_discord("Mira", number)
            )
            [decision] = desk.decisions(number)
            first, second = (one, other) if decision.surface == "slack" else (other, one)
            assert "1 of 2" in first, first
            assert "You approved WD-" in second, second
            assert "Someone else has to be the next. Nothing changed." in second, second
            said = await desk.same_words(number, "Mira")
            assert said.endswith("(Slack)" if decision.surface == "slack" else "(Discord)")
            assert desk.state(number) == "requested"
            desk.world.now += dt.timedelta(minutes=5)
            # The second one decides where the first one did not.
            approve = desk.approve_on_discord if decision.surface == "slack" else desk.approve_in_slack
            assert "You approved it, 2 of 2" in await approve("Tom", number)
            said = await desk.same_words(number, "Mira", "Tom")
            assert "(Slack)" in said
            assert "(Discord)" in said
            assert "10:05" in said
            assert len(desk.decisions(number)) == 2
            assert desk.state(number) != "requested"


async def test_two_people_at_the_same_moment(served_database: Database) -> None:
    """Mira in Slack and Tom on Discord: where one is needed, one decides and the other is told; of two, both count."""
    async with both(served_database, ROUNDS) as desk:
        for turn in range(ROUNDS):
            desk.world.now = jan(13, 10, turn)
            big = turn % 3 == 0
            number = await desk.request(turn, "600" if big else "50", shown=turn < SHOWN)

            async def later(turn: int = turn, number: int = number) -> str:
                await asyncio.sleep(turn % 4 * 0.004)  # so that either comes first at times
                return await desk.approve_on_discord("Tom", number)

            slack, discord = await asyncio.gather(desk.approve_in_slack("Mira", number), later())
            found = desk.decisions(number)
            if big:
                assert len(found) == 2, (slack, discord)
                assert sorted(one.surface for one in found) == ["discord", "slack"]
                names = ["Mira" if one.surface == "slack" else "Tom" for one in found]
            else:
                [decision] = found
                names = ["Mira" if decision.surface == "slack" else "Tom"]
                loser = discord if names == ["Mira"] else slack
                assert f"Already decided by {names[0]} at 10:{turn:02}" in loser, loser
                assert "Nothing changed" in loser
            if turn < SHOWN:
                assert f"10:{turn:02}" in await desk.same_words(number, *names)


async def test_a_form_that_was_open_meanwhile_decides_nothing(migrated_database: Database) -> None:
    """Mira writes her reason on Discord while Tom approves in Slack: she is told who decided, and when."""
    async with both(migrated_database, 1) as desk:
        number = await desk.request(0)
        card, server = desk.on_discord(number), desk.discord.server
        await server.click(USERS["Mira"], "Reject…", within=card)
        desk.world.now = jan(13, 10, 41)
        assert "You approved it, 1 of 1" in await desk.approve_in_slack("Tom", number)
        desk.world.now = jan(13, 10, 43)
        sent = await server.submit(USERS["Mira"], {"reason": "the account is somebody else's"})
        assert "Already decided by Tom at 10:41" in await desk.answer(sent)
        assert "Tom 10:41 UTC (Slack)" in await desk.same_words(number, "Tom")
        [decision] = desk.decisions(number)
        assert decision.verdict == "approve"


async def test_two_replicas_and_both_platforms(migrated_postgres: Database) -> None:
    """Two services over one database: each card stands once on each platform, and each decision counts once."""
    async with both(migrated_postgres, 3, replicas=2) as desk:
        for turn in range(3):
            desk.world.now = jan(13, 10, turn)
            number = await desk.request(turn, "600", shown=turn == 0)
            await asyncio.gather(desk.approve_in_slack("Mira", number), desk.approve_on_discord("Mira", number))
            assert len(desk.decisions(number)) == 1
            assert "2 of 2" in await desk.approve_on_discord("Tom", number)
        await desk.same_words(1, "Mira", "Tom")

        def titles() -> list[list[str]]:
            there = [as_read(one.plain) for one in desk.discord.server.messages(APPROVALS)]
            here = [one.plain for one in desk.slack.server.messages(IN_SLACK)]
            return [[text.split("\n")[0] for text in stands] for stands in (there, here)]

        # What was decided, and what is to be paid.
        await desk.until(lambda: all(sum("WD-1 " in title for title in found) == 2 for found in titles()))
        for found in titles():
            assert len(set(found)) == len(found), found


async def test_one_person_on_both(migrated_database: Database) -> None:
    """Ada's balances agree; the second account is told to the first; requests wait 24 h; unlinking one keeps one."""
    async with both(migrated_database, 0) as desk:
        desk.slack.link("ada")
        assert "Not linked yet" in await desk.type("ada", "/balance")
        code = desk.discord.code("ada")
        linked = await desk.type("ada", "/link", code=code)
        assert "You are Ada here now" in linked
        assert "Your other chat account is told of this" in linked
        assert "new withdrawal requests wait until" in linked
        await desk.until(lambda: desk.told_in_slack("ada"))
        assert "Another chat account now speaks for you" in desk.told_in_slack("ada")[0]
        assert "on Discord" in desk.told_in_slack("ada")[0]
        assert desk.told_on_discord("ada") == []
        assert "$1,000.00" in await desk.same_balance("ada")
        wait = "New requests wait until 14 Jan 2026 10:00 UTC"
        assert wait in await desk.type("ada", "/withdraw", amount="60")
        assert wait in (await desk.slack.type("ada", "/withdraw 60")).said
        desk.world.now = jan(14, 11)
        assert "Nothing has moved yet" in await desk.type("ada", "/withdraw", amount="60")
        await desk.answer(await desk.discord.server.click(USERS["ada"], "Request $60.00"))
        assert "Account Balance $940.00" in await desk.same_balance("ada")
        await desk.slack.type("ada", "/unlink")
        assert "Not linked yet" in (await desk.slack.type("ada", "/balance")).said
        assert "$940.00" in await desk.type("ada", "/balance")


async def test_direct_messages_go_where_the_person_chose(migrated_database: Database) -> None:
    """To the newest account, until a platform is chosen on either side; and to what is left when that one is gone."""
    async with both(migrated_database, 0) as desk:
        desk.slack.link("ada")
        desk.discord.link("ada")
        await desk.until(lambda: len(desk.told_in_slack("ada")) == 1)  # of the new account
        desk.world.now = jan(14, 11)

        lines = itertools.cycle(["/desk freeze ada to look into it", "/desk unfreeze ada all is well"])

        async def news() -> tuple[int, int]:
            """Have something happen to Ada; how many messages that made in Slack and on Discord."""
            before = len(desk.told_in_slack("ada")), len(desk.told_on_discord("ada"))

            def new() -> tuple[int, int]:
                return len(desk.told_in_slack("ada")) - before[0], len(desk.told_on_discord("ada")) - before[1]

            line = next(lines)
            assert desk.world.ask("Ann", line).ok, line
            desk.relay()
            await desk.until(lambda: any(new()))
            return new()

        assert await news() == (0, 1)
        shown = await desk.type("ada", "/settings")
        assert "go to Discord, your newest account" in shown
        offered = await desk.discord.server.autocomplete("", "", USERS["ada"], "/settings", focused="notices")
        assert [one["value"] for one in offered.choices] == ["discord", "slack", "newest"]
        assert "go to Slack" in await desk.type("ada", "/settings", notices="slack")
        assert await news() == (1, 0)
        home = desk.slack.server
        await home.open_home(TEAM, slack_world.USERS["ada"])
        await home.wait_for(lambda: "direct messages go to Slack" in desk.slack.standing_home("ada"))
        await desk.type("ada", "/settings")
        await desk.answer(await desk.discord.server.choose(USERS["ada"], "Direct messages", "Discord"))
        assert await news() == (0, 1)
        assert "go to Slack" in (await desk.slack.type("ada", "/settings notices=slack")).said
        assert await news() == (1, 0)
        with desk.discord.app.database.transaction() as session:
            gone = Identity("slack", slack_world.USERS["ada"], TEAM)
            people.deactivate(session, desk.discord.clock(), gone)
        assert await news() == (0, 1)
        refused = await desk.type("ada", "/settings", notices="slack")
        assert "None of your linked chat accounts is on “slack”. Messages can go to: discord, newest." in refused
        assert "Direct messages" not in await desk.type("ada", "/settings")  # nothing to choose from


async def test_closed_messages_wait_for_the_next_command_anywhere(migrated_database: Database) -> None:
    """What Discord doesn't deliver to the chosen account is shown at the next command, on the other platform too."""
    async with both(migrated_database, 0) as desk:
        desk.slack.link("ada")
        desk.discord.link("ada")
        desk.world.now = jan(14, 11)
        desk.discord.server.users[USERS["ada"]].dms_open = False
        assert desk.world.ask("Ann", "/desk freeze ada to look into it").ok
        desk.relay()
        tried = desk.discord.server.calls
        await desk.until(lambda: any(call.outcome == "50007" for call in tried))
        shown: list[str] = []
        async with asyncio.timeout(5):
            while not any("While your direct messages were closed" in one for one in shown):
                shown.append((await desk.slack.type("ada", "/balance")).said)
        assert "to look into it" in shown[-1]
        assert "While your direct messages" not in await desk.type("ada", "/balance")


async def test_two_people_of_the_same_id(migrated_database: Database) -> None:
    """An account of Slack and one of Discord that happen to have the same id are two: neither speaks for the other."""
    async with both(migrated_database, 0) as desk:
        desk.slack.server.add_user(TEAM, USERS["ada"], "twin")
        desk.slack.server.add_channel(TEAM, "C9", "both", members=[USERS["ada"]])
        desk.discord.link("ada")
        made = await desk.slack.server.slash(TEAM, "C9", USERS["ada"], "/balance")
        assert "Not linked yet" in await desk.slack.server.wait_for(lambda: made.said)
        assert "$1,000.00" in await desk.type("ada", "/balance")
        desk.slack.link("bo")
        with desk.discord.app.database.transaction() as session:
            code = people.create_link_code(session, desk.discord.clock(), people.resolve(session, "bo").person_id)[0]
            twin = Identity("slack", USERS["ada"], TEAM)
            assert people.link(session, desk.discord.clock(), twin, code).ok
        made = await desk.slack.server.slash(TEAM, "C9", USERS["ada"], "/balance")
        assert "Account Balance $0.00" in await desk.slack.server.wait_for(lambda: made.said)
        assert "$1,000.00" in await desk.type("ada", "/balance")
