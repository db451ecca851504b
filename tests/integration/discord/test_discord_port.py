"""What the desk says unasked, in Discord: once, where it belongs, as well as Discord can draw it."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import socket
from collections.abc import AsyncIterator

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from adapters.discord.api import API, DiscordApi, DiscordRefused, redirect
from adapters.discord.layouts import mark
from adapters.discord.port import DELETED, NONCE_LIFE, DiscordPort
from bot.relay import Relay
from core.chat import outbox
from core.chat.cards import Actions, Button, Card
from core.chat.outbox import ChannelGone, Destination, DirectMessageClosed, TryLater, Unclear
from core.config import DeskConfig
from core.storage import Database
from tests.discord_server import READ_MESSAGE_HISTORY, routes
from tests.discord_server.faults import Kind
from tests.discord_server.things import MEMBER_PERMISSIONS
from tests.integration.discord.sending import ADA, APPROVALS, PNG, Line, card, connected


@pytest.fixture
async def line(sqlite_database: Database) -> AsyncIterator[Line]:
    async with connected(sqlite_database) as made:
        yield made


async def test_a_card_stands_in_its_channel_with_its_mark(line: Line) -> None:
    """The id names channel and message; it pings nobody, and its outermost component is marked by the key."""
    message_id = await line.port.post(APPROVALS, card(button=True), "approval:1")
    (message,) = line.server.messages("100")
    assert message_id == f"100:{message.id}"
    assert "WD-1 of Ada" in message.plain
    assert message.components[0]["id"] == mark("approval:1")
    (call,) = line.server.called(routes.SEND)
    assert call.body["allowed_mentions"] == {"parse": []}
    assert call.body["enforce_nonce"] is True
    assert len(call.body["nonce"]) <= 25
    assert await line.port.find(APPROVALS, "approval:1", line.written()) == message_id


async def test_direct_messages_open_their_channel_once(line: Line) -> None:
    """A person's channel is asked for once and part of the id."""
    first = await line.port.post(ADA, card(), "paid:1")
    await line.port.post(ADA, card(), "paid:2")
    assert first == f"{line.server.direct_channel('1').id}:{line.server.direct('1')[0].id}"
    assert len(line.server.direct("1")) == 2
    assert len(line.server.called(routes.OPEN_DM)) == 1
    assert await line.port.find(ADA, "paid:1", line.written()) == first


@pytest.mark.parametrize("to", [APPROVALS, ADA], ids=["channel", "direct"])
@pytest.mark.parametrize(("kind", "stands"), [("cut_before", 0), ("cut_after", 1)])
async def test_a_post_whose_line_is_cut_is_not_repeated_but_found(
    line: Line, to: Destination, kind: Kind, stands: int
) -> None:
    """Whether Discord acted is found out by the mark, not by posting again."""
    line.server.fault(routes.SEND, kind)
    with pytest.raises(Unclear):
        await line.port.post(to, card(), "digest:13 Jan")
    assert len(line.server.called(routes.SEND)) == 1
    messages = line.server.messages("100") if to.channel else line.server.direct("1")
    assert len(messages) == stands
    found = await line.port.find(to, "digest:13 Jan", line.written())
    assert (found is not None) == bool(stands)


@pytest.mark.parametrize("kind", ["500", "502", "500_after"])
async def test_what_the_library_repeats_by_itself_stands_once(line: Line, kind: Kind) -> None:
    """After a 500 it posts again, with the same nonce: whether or not Discord had acted, there is one message."""
    line.server.fault(routes.SEND, kind)
    message_id = await line.port.post(APPROVALS, card(chart=True), "k")
    (message,) = line.server.messages("100")
    assert message_id == f"100:{message.id}"
    first, second = line.server.called(routes.SEND)
    assert first.body["nonce"] == second.body["nonce"]
    assert first.files == second.files == ["chart-1.png"]


async def test_a_503_is_unclear_at_once(line: Line) -> None:
    """The library doesn't repeat it, and neither do we."""
    line.server.fault(routes.SEND, "error", status=503)
    with pytest.raises(Unclear, match="503"):
        await line.port.post(APPROVALS, card(), "k")


async def test_a_refused_connection_means_later(line: Line) -> None:
    """Nothing was sent, for sure: no look-up is needed."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and not listening
        redirect(f"http://127.0.0.1:{nobody.getsockname()[1]}/api/v10")
        with pytest.raises(TryLater):
            await line.port.post(APPROVALS, card(), "k")


async def test_a_connection_that_was_kept_and_is_dead_means_nobody_knows(line: Line) -> None:
    """On a line that stood before, the request may have arrived; a new one is refused, for sure."""
    await line.server.close()
    with pytest.raises(Unclear):
        await line.port.post(APPROVALS, card(), "k")
    with pytest.raises(TryLater):
        await line.port.post(APPROVALS, card(), "k")


async def test_a_client_that_is_closed_or_not_logged_in_means_later(line: Line) -> None:
    """Before the start and after the end nothing is sent."""
    await line.client.close()
    with pytest.raises(TryLater):
        await line.port.post(APPROVALS, card(), "k")
    line.client.http.token = None
    with pytest.raises(TryLater):
        await line.port.post(APPROVALS, card(), "k")


async def test_a_short_429_is_waited_for_and_a_long_one_said(line: Line) -> None:
    """The library waits out a moment; of a minute, the relay hears how long it is."""
    line.server.fault(routes.SEND, "429", retry_after=0.05)
    await line.port.post(APPROVALS, card(), "k1")
    line.server.fault(routes.SEND, "429", retry_after=60)
    with pytest.raises(TryLater) as later:
        await line.port.post(APPROVALS, card(), "k2")
    assert later.value.seconds == 60
    line.server.fault(routes.SEND, "banned")
    with pytest.raises(TryLater) as banned:
        await line.port.post(APPROVALS, card(), "k3")
    assert banned.value.seconds == 60
    assert len(line.server.messages("100")) == 1


async def test_a_call_that_is_given_up_in_a_global_429_shuts_nobody_out(line: Line, sqlite_database: Database) -> None:
    """The library's gate for everybody opens again though its wait was cancelled."""
    port = DiscordPort(DiscordApi(line.client.http, longest_wait=0.5), sqlite_database, line.now.clock)
    fault = line.server.fault(routes.SEND, "429_global", retry_after=0.4)
    given_up = asyncio.ensure_future(port.post(APPROVALS, card(), "k"))
    await line.server.wait_for(lambda: fault.hits)
    while line.client.http._global_over.is_set():  # until the library has read the answer
        await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    async with asyncio.timeout(5):
        await port.post(APPROVALS, card(), "k")
    assert len(line.server.messages("100")) == 1


async def test_only_our_own_recent_message_is_found(line: Line) -> None:
    """The same mark by others proves nothing, and what is older than the message was can't be it."""
    forged = line.server.say("100", "2", "I am the desk")
    forged.components = [{"type": 17, "id": mark("k"), "components": [{"type": 10, "id": 1, "content": "Hello"}]}]
    assert await line.port.find(APPROVALS, "k", line.written()) is None
    await line.port.post(APPROVALS, card(), "k")
    assert await line.port.find(APPROVALS, "k", line.now.at + dt.timedelta(hours=1)) is None
    assert await line.port.find(APPROVALS, "k", line.written()) is not None
    assert await line.port.find(APPROVALS, "other", line.written()) is None


async def test_a_search_goes_through_all_pages_and_on_where_it_was_interrupted(line: Line) -> None:
    """Hundreds of later and earlier messages don't hide ours, nor does a 429 in the middle."""
    for number in range(250):
        line.server.say("100", "2", f"hello {number}")
    mine = await line.port.post(APPROVALS, card(), "k")
    for number in range(150):
        line.server.say("100", "2", f"hello again {number}")
    assert await line.port.find(APPROVALS, "k", line.written()) == mine
    assert len(line.server.called(routes.HISTORY)) == 3
    line.server.calls.clear()
    assert await line.port.find(APPROVALS, "none", line.written()) is None
    assert len(line.server.called(routes.HISTORY)) == 5
    line.server.calls.clear()
    line.port._searches[APPROVALS, "k"] = line.server.messages("100")[240].id
    assert await line.port.find(APPROVALS, "k", line.written()) == mine
    assert len(line.server.called(routes.HISTORY)) == 1


async def test_without_the_right_to_read_nothing_is_posted_again_unseen(line: Line) -> None:
    """For minutes Discord knows a repetition itself; after that, the relay is told why its message waits."""
    await line.server.set_bot_permissions("100", MEMBER_PERMISSIONS & ~READ_MESSAGE_HISTORY)
    line.server.fault(routes.SEND, "cut_after")
    with pytest.raises(Unclear):
        await line.port.post(APPROVALS, card(), "k")
    assert await line.port.find(APPROVALS, "k", line.written()) is None
    await line.port.post(APPROVALS, card(), "k")
    assert len(line.server.messages("100")) == 1
    with pytest.raises(Unclear, match="Read Message History"):
        await line.port.find(APPROVALS, "k", line.now.at - NONCE_LIFE)


async def test_a_message_that_was_deleted_meanwhile_is_not_posted_again(line: Line) -> None:
    """It stood, and somebody didn't want it: that is delivered, and no repaint brings it back."""
    line.server.fault(routes.SEND, "cut_after")
    with pytest.raises(Unclear):
        await line.port.post(APPROVALS, card(), "k")
    line.server.messages("100")[0].deleted = True
    message_id = await line.port.post(APPROVALS, card(), "k")
    assert message_id == f"100:{DELETED}"
    await line.port.repaint(APPROVALS, message_id, card("Approved"))
    assert line.server.messages("100") == []


async def test_charts_are_pictures_with_their_words(line: Line) -> None:
    """The picture goes along as a file, for readers of screens as words; a repaint brings its own and drops the old."""
    message_id = await line.port.post(APPROVALS, card(chart=True), "k")
    (message,) = line.server.messages("100")
    (picture,) = message.attachments
    assert picture.content.startswith(PNG)
    assert picture.description == "Daily: $8.00 on 12 Jan."
    await line.port.repaint(APPROVALS, message_id, card("Newer", chart=True))
    (newer,) = message.attachments
    assert newer.id != picture.id
    await line.port.repaint(APPROVALS, message_id, card("Newest"))
    assert message.attachments == []
    assert "Newest" in message.plain


async def test_long_values_travel_as_handles(line: Line) -> None:
    """A button's value that Discord has no room for is kept under a short name."""
    long = Card("Long", blocks=(Actions((Button("open", "transactions " + "x" * 200, "More"),)),))
    await line.port.post(APPROVALS, long, "k")
    (message,) = line.server.messages("100")
    assert "[More]" in message.plain or "More" in message.plain


async def test_a_drawing_that_discord_refuses_is_said_in_plain_words(line: Line) -> None:
    """Never nothing: without pictures, and at last the words alone, marked all the same."""
    line.server.fault(routes.SEND, "error", times=2, code=50035)
    message_id = await line.port.post(APPROVALS, card(button=True, chart=True, words="<@2> **$5**"), "k")
    (message,) = line.server.messages("100")
    assert "without its buttons" in message.plain
    assert "$8.00 on 12 Jan" in message.plain
    assert message.attachments == []
    assert await line.port.find(APPROVALS, "k", line.written()) == message_id


async def test_a_card_of_any_length_fits_in_plain_words(line: Line) -> None:
    """Even then the message keeps to Discord's limits."""
    await line.port.post(APPROVALS, card(words="ö_ " * 20_000), "k")
    assert "Discord takes no more" in line.server.messages("100")[0].plain


async def test_a_channel_that_is_gone_is_said_to_be(line: Line) -> None:
    """Not allowed, deleted, removed from the server: each in words."""
    with pytest.raises(ChannelGone, match="give it View Channel"):
        await line.port.post(Destination("discord", "10", channel="101"), card(), "k")
    line.server.fault(routes.SEND, "error", status=403, code=160005)
    with pytest.raises(ChannelGone, match="locked"):
        await line.port.post(APPROVALS, card(), "k")
    await line.server.delete_channel("100")
    with pytest.raises(ChannelGone, match="deleted"):
        await line.port.post(APPROVALS, card(), "k")
    with pytest.raises(ChannelGone, match="deleted"):
        await line.port.find(APPROVALS, "k", line.written())


async def test_closed_direct_messages_are_said_to_be(line: Line) -> None:
    """Closed by the person, no server shared any more, an account that doesn't exist."""
    line.server.close_dms("1")
    with pytest.raises(DirectMessageClosed, match="takes no direct messages"):
        await line.port.post(ADA, card(), "k")
    line.server.open_dms("1")
    await line.server.remove_bot("10")
    with pytest.raises(DirectMessageClosed, match="shares no server"):
        await line.port.post(ADA, card(), "k")
    with pytest.raises(DirectMessageClosed, match="takes no direct messages"):
        await line.port.post(Destination("discord", user_id="404"), card(), "k")


async def test_a_direct_channel_that_is_gone_is_opened_anew(line: Line) -> None:
    """What was remembered may be out of date; once."""
    await line.port.post(ADA, card(), "k1")
    line.server.fault(routes.SEND, "error", status=404, code=10003)
    await line.port.post(ADA, card(), "k2")
    assert len(line.server.direct("1")) == 2
    assert len(line.server.called(routes.OPEN_DM)) == 2


async def test_an_unknown_refusal_is_passed_on_in_discords_words(line: Line) -> None:
    """What the desk doesn't know is neither a lost channel nor a success."""
    line.server.fault(routes.SEND, "error", status=400, code=99_999)
    with pytest.raises(DiscordRefused, match="99999"):
        await line.port.post(APPROVALS, card(), "k")


async def test_a_token_that_is_no_longer_taken_pauses_nothing(line: Line) -> None:
    """The operator's mistake is no lost channel: everything waits until it is mended."""
    line.server.token = "another"
    with pytest.raises(TryLater):
        await line.port.post(APPROVALS, card(), "k")


async def test_a_repaint_that_is_unclear_is_made_again(line: Line) -> None:
    """Drawing the same card twice is drawing it once."""
    message_id = await line.port.post(APPROVALS, card(), "k")
    line.server.fault(routes.EDIT, "cut_after")
    with pytest.raises(Unclear):
        await line.port.repaint(APPROVALS, message_id, card("Approved"))
    await line.port.repaint(APPROVALS, message_id, card("Approved"))
    (message,) = line.server.messages("100")
    assert "Approved" in message.plain


async def test_a_deleted_message_is_left_in_peace(line: Line) -> None:
    """Somebody deleted it: no repaint brings it back, and none fails."""
    message_id = await line.port.post(APPROVALS, card(), "k")
    line.server.messages("100")[0].deleted = True
    await line.port.repaint(APPROVALS, message_id, card("Approved"))
    assert line.server.messages("100") == []


async def test_a_repaint_in_a_gone_channel_says_so_and_a_gone_persons_is_left_in_peace(line: Line) -> None:
    """Channels are reported; direct messages that are closed need no second notice."""
    message_id = await line.port.post(APPROVALS, card(), "k1")
    direct_id = await line.port.post(ADA, card(), "k2")
    await line.port.repaint(ADA, direct_id, card("Approved"))
    assert "Approved" in line.server.direct("1")[0].plain
    await line.server.delete_channel("100")
    with pytest.raises(ChannelGone):
        await line.port.repaint(APPROVALS, message_id, card("Approved"))
    line.server.fault(routes.EDIT, "error", status=403, code=50007)
    await line.port.repaint(ADA, direct_id, card("Rejected"))


async def test_tokens_and_amounts_stay_out_of_logs_and_exceptions(
    line: Line, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever goes wrong, at whatever level: no token, nor what the message says."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    for kind, status, code in [
        ("cut_after", 0, 0),
        ("error", 503, 0),
        ("error", 403, 50013),
        ("error", 400, 9),
        ("429", 0, 0),
    ]:
        line.server.fault(routes.SEND, kind, status=status, code=code, retry_after=60)  # type: ignore[arg-type]
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each of them
            await line.port.post(APPROVALS, card(words="eight dollars"), "k")
        told += _chain(caught.value)
    captured = capsys.readouterr()
    everything = "\n".join([*told, caplog.text, captured.out, captured.err, repr(line.api)])
    assert line.server.token not in everything
    assert "eight dollars" not in everything


def _chain(error: BaseException | None) -> list[str]:
    """Everything that a log of an exception could show, its causes and their locals' values too."""
    told: list[str] = []
    while error is not None:
        told += [str(error), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return told


async def test_addresses_are_set_and_restored_in_one_place() -> None:
    """Both of the library's, and Discord's own ones again."""
    redirect("http://127.0.0.1:1/api/v10/", "ws://127.0.0.1:1/gateway/")
    assert Route("GET", "/users/@me").url == "http://127.0.0.1:1/api/v10/users/@me"
    assert str(DiscordWebSocket.DEFAULT_GATEWAY) == "ws://127.0.0.1:1/gateway/"
    redirect()
    assert Route.BASE == API
    assert str(DiscordWebSocket.DEFAULT_GATEWAY) == "wss://gateway.discord.gg/"


@pytest.mark.parametrize(
    "faults",
    [
        [("cut_before", 2), ("cut_after", 3)],
        [("500_after", 1), ("502", 1), ("429", 2)],
        [("429", 3), ("cut_after", 2), ("500_after", 1)],
        [("outage", None)],
    ],
    ids=["cut", "500", "mixed", "outage"],
)
async def test_the_relay_makes_each_message_stand_once(
    line: Line, sqlite_database: Database, faults: list[tuple[Kind, int | None]]
) -> None:
    """Through cuts before and after, 500s, 429s and an outage: in the end each message stands exactly once."""
    wanted = [f"digest:{number}" for number in range(8)]
    with sqlite_database.transaction() as session:
        for number, key in enumerate(wanted):
            to = APPROVALS if number % 2 else ADA
            outbox.put(session, line.now.at, key, "refusal", {"text": f"Digest {number}"}, to=to)
    relay = Relay(sqlite_database, DeskConfig(), {"discord": line.port}, {}, line.now.clock, "relay")
    for kind, times in faults:
        line.server.fault("*" if kind == "outage" else routes.SEND, kind, times=times, retry_after=0.05)
    for second in range(60):
        await relay.round()
        if second == 20:
            line.server.end_faults()
        line.now.forward(1 + second)
    stand = {"100": line.server.messages("100"), "1": line.server.direct("1")}
    for place, mine in (("100", wanted[1::2]), ("1", wanted[::2])):
        assert [one.components[0]["id"] for one in stand[place]] == [mark(key) for key in mine]
    with sqlite_database.reading() as session:
        assert outbox.backlog(session, line.now.at, ["discord"]) == outbox.Backlog(0, None, None)
