"""Our own Discord, as the real discord.py sees it: REST, interactions, messages, and what it refuses."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import cast

import aiohttp
import discord
import pytest
from discord import ui

from tests.discord_server import ADMINISTRATOR, DiscordServer, routes
from tests.discord_server.things import Json
from tests.integration.discord.trivial_bot import Bot, connected, logged_in

GUILD, CHANNEL, ADA, BO = "100", "200", "301", "302"
GRAPH = b"\x89PNG graph"


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer.running() as made:
        made.add_guild(GUILD, "Makers")
        made.add_channel(GUILD, CHANNEL, "earnings")
        made.add_user(ADA, "ada", installed=True)
        made.add_user(BO, "bo")
        yield made


class Card(ui.LayoutView):
    """A card with a text, a button, a menu and, when wanted, a picture."""

    def __init__(self, text: str, *, picture: bool = False, label: str = "Withdraw") -> None:
        super().__init__(timeout=None)
        items: list[ui.Item[Card]] = [ui.TextDisplay(text)]
        if picture:
            items.append(ui.MediaGallery(discord.MediaGalleryItem("attachment://graph.png", description="A graph")))
        items.append(ui.ActionRow(ui.Button(label=label, custom_id="ed|press|withdraw|0|x")))
        options = [discord.SelectOption(label="Week", value="week"), discord.SelectOption(label="All", value="all")]
        items.append(ui.ActionRow(ui.Select(custom_id="ed|pick|period|0", placeholder="Period", options=options)))
        self.add_item(ui.Container(*items, id=77_777))


def graph() -> discord.File:
    return discord.File(io.BytesIO(GRAPH), "graph.png", description="A graph")


def data_of(interaction: discord.Interaction) -> Json:
    """What an interaction says."""
    return cast(Json, interaction.data)


async def channel_of(bot: Bot, channel: str = CHANNEL) -> discord.abc.Messageable:
    found = await bot.fetch_channel(int(channel))
    assert isinstance(found, discord.abc.Messageable)
    return found


async def test_a_wrong_token_is_turned_away(server: DiscordServer) -> None:
    """Login with another token fails as on Discord."""
    async with logged_in(server):
        stranger = Bot()
        with pytest.raises(discord.LoginFailure):
            await stranger.login("another")
        await stranger.close()


async def test_a_command_is_answered_and_synced_options_are_typed(server: DiscordServer) -> None:
    """A slash command arrives with its options as declared; the answer is the person's alone."""
    seen: list[list[Json]] = []

    async def answer(interaction: discord.Interaction) -> None:
        seen.append(data_of(interaction)["options"])
        await interaction.response.send_message(view=Card("**Logo Lab**"), ephemeral=True)

    async with connected(server, answer):
        made = await server.slash(GUILD, CHANNEL, ADA, "/stats", {"project": "Logo", "period": "this week", "count": 3})
    assert [(o["name"], o["type"], o["value"]) for o in seen[0]] == [
        ("project", 3, "Logo"),
        ("period", 3, "week"),
        ("count", 4, 3),
    ]
    assert made.answered_after is not None
    assert made.answered_after < 3
    assert not made.deferred
    assert made.said == "**Logo Lab**\n[Withdraw]\n[Period: Week / All]"
    assert [each.plain for each in server.private(ADA)] == [made.said]
    assert server.messages(CHANNEL) == server.private(BO) == []
    assert made.answers[0].components[0]["id"] == 77_777
    assert not server.violations


async def test_the_client_refuses_what_discord_would_not_send(server: DiscordServer) -> None:
    """Unknown commands and options, wrong types, ranges and choices, hidden commands: none reaches the bot."""
    async with connected(server):
        for command, options in (
            ("/nothing", {}),
            ("/stats", {"colour": "red"}),
            ("/stats", {"count": 10}),
            ("/stats", {"count": "many"}),
            ("/stats", {"period": "year"}),
            ("/desk", {}),
            ("/desk approve", {"id": "WD-1"}),
        ):
            with pytest.raises(AssertionError):
                await server.slash(GUILD, CHANNEL, ADA, command, options)
        server.allow_command(GUILD, "desk", ADA)
        with pytest.raises(AssertionError, match="required"):
            await server.slash(GUILD, CHANNEL, ADA, "/desk approve")
        with pytest.raises(AssertionError, match="context"):
            await server.slash("", "", ADA, "/desk approve", {"id": "WD-1"})
        assert not server.interactions
        server.add_member(GUILD, BO, permissions=ADMINISTRATOR)
        made = await server.slash(GUILD, CHANNEL, BO, "/desk approve", {"id": "WD-1"}, wait=False)
    assert made.payload["data"]["options"][0]["options"] == [{"type": 3, "name": "id", "value": "WD-1"}]


async def test_contexts_tell_where_a_person_is_and_by_whose_installation(server: DiscordServer) -> None:
    """A guild, the messages with the bot, and a group where only the person's own installation works."""
    server.add_group("400", [ADA, BO])
    got: list[discord.Interaction] = []

    async def answer(interaction: discord.Interaction) -> None:
        got.append(interaction)
        await interaction.response.send_message("here", ephemeral=True)

    async with connected(server, answer):
        await server.slash(GUILD, CHANNEL, BO, "/stats")
        await server.slash("", "", BO, "/stats")
        await server.slash("", "400", ADA, "/stats")
        with pytest.raises(AssertionError, match="not installed"):
            await server.slash("", "400", BO, "/stats")
        told = [(each.guild_id, each.context, each.is_guild_integration(), each.is_user_integration()) for each in got]
        assert [(guild, inst, own) for guild, _, inst, own in told] == [
            (int(GUILD), True, False),
            (None, False, False),
            (None, False, True),
        ]
        assert [context.to_array() for _, context, _, _ in told] == [[0], [1], [2]]
        assert got[0].permissions.send_messages
        assert got[0].app_permissions.attach_files
        assert isinstance(got[0].user, discord.Member)


async def test_an_own_installation_works_where_the_bot_is_not(server: DiscordServer) -> None:
    """In somebody else's guild the command of one's own account works, and its buttons too."""
    server.add_guild("500", bot_in=False)
    server.add_channel("500", "501")
    server.add_member("500", ADA)
    got: list[tuple[int | None, bool]] = []

    async def answer(interaction: discord.Interaction) -> None:
        got.append((interaction.guild_id, interaction.is_guild_integration()))
        await interaction.response.send_message(view=Card("Balance"), ephemeral=True)

    async with connected(server, answer):
        await server.slash("500", "501", ADA, "/stats")
        pressed = await server.click(ADA, "Withdraw")
    assert got == [(500, False), (500, False)]
    assert pressed.said.startswith("Balance")
    assert pressed.payload["message"]["flags"] & 64


async def test_a_deferred_answer_becomes_the_message_and_files_follow(server: DiscordServer) -> None:
    """Thinking, then the edited answer, then a follow-up with a picture: the flag of the deferral holds."""

    async def answer(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.edit_original_response(view=Card("Balance"))
        sent = await interaction.followup.send(view=Card("More", picture=True), file=graph(), ephemeral=True, wait=True)
        fetched = await interaction.original_response()
        assert fetched.id != sent.id

    async with connected(server, answer):
        made = await server.slash(GUILD, CHANNEL, ADA, "/stats")
        assert made.deferred
        await server.wait_for(lambda: len(made.answers) == 2)
    assert [each.kind for each in made.answers] == ["edited", "followup"]
    assert all(each.ephemeral for each in made.answers)
    assert made.answers[1].files == {"graph.png": GRAPH}
    assert "(A graph)" in made.answers[1].plain
    gallery = made.answers[1].components[0]["components"][1]["items"][0]
    assert gallery["media"]["url"].startswith(server.base_url)
    assert not server.violations


async def test_a_button_opens_a_form_and_the_form_is_sent(server: DiscordServer) -> None:
    """A press opens a modal; what is filled in comes back by custom_id, with the message it came from."""
    got: list[discord.Interaction] = []

    async def answer(interaction: discord.Interaction) -> None:
        got.append(interaction)
        if interaction.type is discord.InteractionType.component:
            form = ui.Modal(title="Withdraw", custom_id="ed|send|withdraw|")
            form.add_item(ui.Label(text="Amount", component=ui.TextInput(custom_id="amount", max_length=9)))
            methods = [discord.SelectOption(label="Bank", value="bank")]
            form.add_item(ui.Label(text="Method", component=ui.Select(custom_id="method", options=methods)))
            await interaction.response.send_modal(form)
        else:
            await interaction.response.edit_message(view=Card("Sent"))

    async with connected(server, answer) as bot:
        await (await channel_of(bot)).send(view=Card("Balance"))
        opened = await server.click(ADA, "Withdraw")
        assert opened.modal is not None
        assert opened.modal.plain == "Withdraw\nAmount:\nMethod: [: Bank]"
        with pytest.raises(AssertionError, match="fill this in"):
            await server.submit(ADA, {"Method": "Bank"})
        sent = await server.submit(ADA, {"Amount": "50", "Method": "Bank"})
    fields = {c["component"]["custom_id"]: c["component"] for c in data_of(got[1])["components"]}
    assert fields["amount"]["value"] == "50"
    assert fields["method"]["values"] == ["bank"]
    assert got[1].message is not None
    assert sent.answers[0].kind == "update"
    assert server.messages(CHANNEL)[0].plain.startswith("Sent")
    assert server.modal(ADA) is None
    assert not server.violations


async def test_a_menu_tells_what_was_chosen(server: DiscordServer) -> None:
    """The value of the option of this label arrives; a disabled or unknown thing can't be used."""
    got: list[object] = []

    async def answer(interaction: discord.Interaction) -> None:
        got.append(data_of(interaction).get("values"))
        await interaction.response.defer()

    async with connected(server, answer) as bot:
        await (await channel_of(bot)).send(view=Card("Stats"))
        made = await server.choose(BO, "Period", "All")
        with pytest.raises(AssertionError, match="no option"):
            await server.choose(BO, "Period", "Decade")
        with pytest.raises(AssertionError, match="sees no"):
            await server.click(BO, "Deposit")
    assert got == [["all"]]
    assert made.deferred
    assert not made.answered


async def test_autocomplete_offers_choices(server: DiscordServer) -> None:
    """What was typed so far arrives as the focused option; the choices come back."""

    async def answer(interaction: discord.Interaction) -> None:
        typed = next(each["value"] for each in data_of(interaction)["options"] if each.get("focused"))
        await interaction.response.autocomplete([discord.app_commands.Choice(name=f"{typed}go Lab", value="17")])

    async with connected(server, answer):
        made = await server.autocomplete(GUILD, CHANNEL, ADA, "/stats", focused="project", typed="Lo")
    assert made.choices == [{"name": "Logo Lab", "value": "17"}]


async def test_an_interaction_is_answered_once_and_in_time(server: DiscordServer) -> None:
    """A second answer gets 40060, a late one 10062; the token dies after 15 minutes."""
    codes: list[int] = []

    async def try_again(interaction: discord.Interaction) -> None:
        again = discord.Interaction(data=server.interactions[-1].payload, state=bot._connection)  # type: ignore[arg-type]
        if len(server.interactions) == 1:
            await interaction.response.send_message("once", ephemeral=True)
        else:
            server.advance(4)
        try:
            await again.response.send_message("twice", ephemeral=True)
        except discord.HTTPException as refused:
            codes.append(refused.code)
        server.changed()

    async with connected(server, try_again) as bot:
        made = await server.slash(GUILD, CHANNEL, ADA, "/stats")
        await server.wait_for(lambda: codes)
        await server.slash(GUILD, CHANNEL, ADA, "/stats", wait=False)
        await server.wait_for(lambda: len(codes) == 2)
        server.advance(15 * 60)
        with pytest.raises(discord.HTTPException) as dead:
            await discord.Interaction(data=made.payload, state=bot._connection).edit_original_response(  # type: ignore[arg-type]
                content="late"
            )
    assert codes == [40060, 10062]
    assert dead.value.code == 50027
    assert made.said == "once"


async def test_the_same_nonce_gives_the_same_message(server: DiscordServer) -> None:
    """Twice the nonce within minutes: one message; after that, or without enforcing it, two."""
    async with logged_in(server) as bot:
        channel = await channel_of(bot)
        first = await channel.send(view=Card("Digest"), nonce="abc")
        second = await channel.send(view=Card("Digest"), nonce="abc")
        assert first.id == second.id
        assert len(server.messages(CHANNEL)) == 1
        server.advance(600)
        third = await channel.send(view=Card("Digest"), nonce="abc")
        assert third.id != first.id
        found = [each async for each in channel.history(limit=100, after=first)]
    assert [each.id for each in found] == [third.id]
    assert isinstance(found[0].components[0], discord.Container)
    assert found[0].components[0].id == 77_777
    assert server.called(routes.SEND)[0].body["enforce_nonce"] is True


async def test_messages_are_changed_found_and_deleted(server: DiscordServer) -> None:
    """Editing keeps the attachments that it does not name; deleted messages are unknown."""
    async with logged_in(server) as bot:
        channel = await channel_of(bot)
        sent = await channel.send(view=Card("Before", picture=True), file=graph())
        await sent.edit(view=Card("After", picture=True))
        standing = server.messages(CHANNEL)[0]
        assert standing.plain.startswith("After")
        assert standing.history[0].startswith("Before")
        assert standing.file("graph.png").description == "A graph"
        assert await sent.attachments[0].read() == GRAPH
        await sent.delete()
        with pytest.raises(discord.NotFound) as gone:
            await sent.edit(content="x")
    assert gone.value.code == 10008
    assert server.messages(CHANNEL) == []
    assert not server.violations


async def test_refusals_have_discords_codes(server: DiscordServer) -> None:
    """Closed messages, missing rights, a deleted channel, a guild that was left."""
    server.add_channel(GUILD, "201", bot_permissions=0)
    server.add_channel(GUILD, "202", bot_permissions=1 << 10)
    server.add_user("303", "zoe", guilds=())
    server.close_dms(ADA)
    codes: list[int] = []
    async with connected(server) as bot:
        direct = [await (await bot.fetch_user(int(each))).create_dm() for each in (ADA, BO, "303")]
        await direct[1].send("hello")
        places: list[discord.abc.Messageable] = [direct[0], direct[2]]
        places += [bot.get_partial_messageable(number) for number in (201, 202, 200)]
        for place in places:
            if place is places[-1]:
                await server.delete_channel(CHANNEL)
            with pytest.raises(discord.HTTPException) as refused:
                await place.send("hello")
            codes.append(refused.value.code)
        await server.remove_bot(GUILD)
        with pytest.raises(discord.HTTPException) as left:
            await bot.get_partial_messageable(201).send("hello")
        await server.wait_for(lambda: len(bot.gone) == 2)
    assert codes == [50007, 50278, 50001, 50013, 10003]
    assert left.value.code == 50001
    assert bot.gone == [int(CHANNEL), int(GUILD)]
    assert [each.plain for each in server.direct(BO)] == ["hello"]


async def test_a_bad_body_is_refused_and_remembered(server: DiscordServer) -> None:
    """What breaks Discord's description is a 50035 with a tree, and a violation."""
    async with logged_in(server) as bot:
        channel = await channel_of(bot)
        for view, said in (
            (Card("x", label="L" * 81), "components.0.components.1.components.0.label"),
            (Card("x" * 4001), "components"),
            (Card("x", picture=True), "attachment://graph.png"),
        ):
            with pytest.raises(discord.HTTPException) as refused:
                await channel.send(view=view)
            assert refused.value.code == 50035
            assert said in server.violations[-1]
            assert server.messages(CHANNEL) == []


async def test_bodies_may_be_judged_later(server: DiscordServer) -> None:
    """With the checks off everything is taken; `judge` finds what was wrong."""
    server.check_bodies = False
    async with logged_in(server) as bot:
        await (await channel_of(bot)).send(view=Card("x", label="L" * 81))
    assert len(server.messages(CHANNEL)) == 1
    assert server.violations == []
    assert "label" in server.judge()[0]


async def test_commands_are_replaced_and_creations_are_counted(server: DiscordServer) -> None:
    """PUT keeps the ids of known commands; 200 creations a day and guild are the end; bad names are refused."""
    async with logged_in(server) as bot:
        application = int(server.application_id)
        one = {"name": "one", "description": "First", "type": 1}
        put = await bot.http.bulk_upsert_global_commands(application, [one])
        again = await bot.http.bulk_upsert_global_commands(application, [{**one, "description": "Other"}])
        assert put[0]["id"] == again[0]["id"]
        assert len(server.command_creates[""]) == 1
        with pytest.raises(discord.HTTPException) as bad:
            await bot.http.bulk_upsert_global_commands(application, [{"name": "No Good", "description": "x"}])
        assert bad.value.code == 50035
        for number in range(2):
            many = [{"name": f"c{number}-{each}", "description": "x", "type": 1} for each in range(100)]
            await bot.http.bulk_upsert_guild_commands(application, int(GUILD), many)
        with pytest.raises(discord.HTTPException) as full:
            await bot.http.bulk_upsert_guild_commands(application, int(GUILD), [one])
    assert full.value.code == 30034


async def test_limits_are_told_and_kept(server: DiscordServer) -> None:
    """A tightened route makes discord.py wait; an ordered 429, global too, is waited out and nothing is lost."""
    server.limits[routes.SEND] = (2, 0.2)
    async with logged_in(server) as bot:
        channel = await channel_of(bot)
        for number in range(5):
            await channel.send(f"{number}")
        server.fault(routes.SEND, "429", retry_after=0.05)
        server.fault(routes.EDIT, "429_global", retry_after=0.05)
        sent = await channel.send("later")
        await sent.edit(content="latest")
    assert [each.plain for each in server.messages(CHANNEL)] == [*"01234", "latest"]
    assert [each.outcome for each in server.called(routes.EDIT)] == ["429_global", "ok"]


async def test_faults_strike_before_or_after(server: DiscordServer) -> None:
    """A cut before leaves nothing; a cut after leaves the message; an error has the code that was asked for."""
    async with logged_in(server) as bot:
        channel = await channel_of(bot)
        server.fault(routes.SEND, "cut_before", times=None)
        with pytest.raises((aiohttp.ClientError, OSError)):
            await channel.send("a")
        server.end_faults()
        assert server.messages(CHANNEL) == []
        server.fault(routes.SEND, "cut_after", times=None)
        with pytest.raises((aiohttp.ClientError, OSError)):
            await channel.send("b", nonce="b")
        server.end_faults()
        await channel.send("b", nonce="b")
        server.fault(routes.SEND, "error", status=403, code=50013)
        with pytest.raises(discord.Forbidden):
            await channel.send("c")
    assert [each.plain for each in server.messages(CHANNEL)] == ["b"]
