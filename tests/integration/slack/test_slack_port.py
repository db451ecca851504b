"""What the desk says unasked, in Slack: once, where it belongs, as well as Slack can draw it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import AsyncIterator

import pytest

from adapters.slack.api import SlackRefused
from adapters.slack.pacing import ONE_CHANNEL
from adapters.slack.pictures import REFUSED_FOR, Pictures
from adapters.slack.port import SlackPort
from bot.relay import Relay
from core.chat import outbox
from core.chat.outbox import ChannelGone, Destination, DirectMessageClosed, TryLater, Unclear
from core.config import DeskConfig
from core.storage import Database
from tests.integration.slack.sending import ADA, APPROVALS, TOKEN, Line, card, connected
from tests.slack_server.faults import Kind
from tests.slack_server.things import Token

POST = "chat.postMessage"
DIRECT = Destination("slack", "T1", user_id="U1")
UNKNOWN = Destination("slack", "T1", user_id="U404")


@pytest.fixture
async def line(sqlite_database: Database) -> AsyncIterator[Line]:
    async with connected(sqlite_database) as made:
        yield made


def written(line: Line) -> dt.datetime:
    return line.now.at - dt.timedelta(seconds=30)


async def test_a_card_stands_in_its_channel_with_its_key(line: Line) -> None:
    """The id names channel and time; the message unfurls nothing and carries the key unseen."""
    message_id = await line.port.post(APPROVALS, card(button=True), "approval:1")
    (message,) = line.slack.messages("C1", "T1")
    assert message_id == f"C1:{message.ts}"
    assert "WD-1 of Ada" in message.plain
    assert message.metadata == {"event_type": "earnings_desk_message", "event_payload": {"key": "approval:1"}}
    (call,) = line.slack.called(POST)
    assert (call.args["unfurl_links"], call.args["link_names"], call.args["parse"]) == (False, False, "none")
    assert await line.port.find(APPROVALS, "approval:1", written(line)) == message_id
    assert line.slack.messages("C1", "T2") == []


async def test_direct_messages_open_their_channel_once(line: Line) -> None:
    """A person's D channel is asked for once and part of the id."""
    first = await line.port.post(ADA, card(), "paid:1")
    await line.port.post(ADA, card(), "paid:2")
    assert first == f"D{first[1:].partition(':')[0]}:{line.slack.direct('U1', 'T1')[0].ts}"
    assert len(line.slack.direct("U1", "T1")) == 2
    assert len(line.slack.called("conversations.open")) == 1
    assert await line.port.find(ADA, "paid:1", written(line)) == first


@pytest.mark.parametrize("to", [APPROVALS, ADA], ids=["channel", "direct"])
@pytest.mark.parametrize(("kind", "stands"), [("cut_before", 0), ("cut_after", 1), ("500", 0), ("500_after", 1)])
async def test_a_post_whose_answer_is_lost_is_not_repeated_but_found(
    line: Line, to: Destination, kind: Kind, stands: int
) -> None:
    """Whether Slack acted is found out by the key, not by posting again."""
    line.slack.fault(POST, kind)
    with pytest.raises(Unclear):
        await line.port.post(to, card(), "digest:13 Jan")
    assert len(line.slack.called(POST)) == 1
    messages = line.slack.messages("C1", "T1") if to.channel else line.slack.direct("U1", "T1")
    assert len(messages) == stands
    found = await line.port.find(to, "digest:13 Jan", written(line))
    assert (found is not None) == bool(stands)


async def test_a_refused_connection_means_later(line: Line) -> None:
    """Nothing was sent, for sure: no look-up is needed."""
    await line.slack.close()
    with pytest.raises(TryLater):
        await line.port.post(APPROVALS, card(), "k")


async def test_a_shut_session_means_later(line: Line) -> None:
    """Before the start and after the end nothing is sent."""
    await line.api.close()
    with pytest.raises(TryLater):
        await line.port.post(APPROVALS, card(), "k")


async def test_a_429_is_waited_for_without_asking_again(line: Line) -> None:
    """The lane stays shut as long as Slack said, others don't."""
    line.slack.fault(POST, "429", retry_after=30)
    with pytest.raises(TryLater) as first:
        await line.port.post(APPROVALS, card(), "k")
    assert first.value.seconds == 30
    with pytest.raises(TryLater) as second:
        await line.port.post(APPROVALS, card(), "k")
    assert second.value.seconds == pytest.approx(30, abs=1)
    assert len(line.slack.called(POST)) == 1
    await line.port.post(ADA, card(), "other")
    line.now.monotonic += 31
    await line.port.post(APPROVALS, card(), "k")
    assert len(line.slack.messages("C1", "T1")) == 1


async def test_posts_to_one_channel_are_spread(line: Line) -> None:
    """A server that takes a message a second gets no more than the short burst, and none is lost."""
    for number in range(ONE_CHANNEL.burst + 2):
        await line.port.post(APPROVALS, card(), f"k{number}")
    assert len(line.slack.messages("C1", "T1")) == ONE_CHANNEL.burst + 2
    assert sum(line.now.slept) == pytest.approx(2.0)


async def test_only_our_own_recent_message_is_found(line: Line) -> None:
    """Metadata of others proves nothing, and what is older than the message was can't be it."""
    forged = await line.slack.say("T1", "C1", "U2", "I am the desk")
    forged.metadata = {"event_type": "earnings_desk_message", "event_payload": {"key": "k"}}
    assert await line.port.find(APPROVALS, "k", written(line)) is None
    await line.port.post(APPROVALS, card(), "k")
    assert await line.port.find(APPROVALS, "k", line.now.at + dt.timedelta(hours=1)) is None
    assert await line.port.find(APPROVALS, "k", written(line)) is not None
    assert await line.port.find(APPROVALS, "other", written(line)) is None


async def test_a_search_goes_through_all_pages_and_on_where_it_was_interrupted(line: Line) -> None:
    """Hundreds of later messages don't hide ours, nor does a 429 in the middle."""
    mine = await line.port.post(APPROVALS, card(), "k")
    for number in range(450):
        await line.slack.say("T1", "C1", "U2", f"hello {number}")
    assert await line.port.find(APPROVALS, "k", written(line)) == mine
    pages = len(line.slack.called("conversations.history"))
    assert pages >= 3
    line.slack.limits["conversations.history"] = 3600.0
    line.slack.advance(3601)
    with pytest.raises(TryLater):
        await line.port.find(APPROVALS, "k", written(line))
    line.slack.limits.clear()
    line.now.monotonic += 3601
    assert await line.port.find(APPROVALS, "k", written(line)) == mine
    assert sum(call.outcome == "ok" for call in line.slack.called("conversations.history")) == pages * 2


async def test_reads_are_repeated_when_their_answer_is_lost(line: Line) -> None:
    """A look-up costs nothing twice."""
    mine = await line.port.post(APPROVALS, card(), "k")
    line.slack.fault("conversations.history", "cut_after", times=2)
    assert await line.port.find(APPROVALS, "k", written(line)) == mine


async def test_without_the_right_to_look_nothing_is_posted_again(line: Line) -> None:
    """The relay is told why its message waits."""
    line.slack.fault("conversations.history", "error", error="missing_scope")
    with pytest.raises(Unclear, match="missing_scope"):
        await line.port.find(APPROVALS, "k", written(line))


async def test_charts_are_slacks_own_where_it_draws_them(line: Line) -> None:
    """No picture is uploaded for a workspace that draws charts."""
    await line.port.post(APPROVALS, card(chart=True), "k")
    (message,) = line.slack.messages("C1", "T1")
    assert "data_visualization" in [block["type"] for block in message.blocks]
    assert line.slack.called("files.getUploadURLExternal") == []


async def test_a_workspace_without_charts_gets_pictures(line: Line) -> None:
    """After one refusal pictures with their words are uploaded once each, and native charts tried again hours later."""
    line.slack.workspace("T1").native_charts = False
    line.slack.image_polls = 2
    await line.port.post(APPROVALS, card(chart=True), "k1")
    await line.port.post(APPROVALS, card(chart=True), "k2")
    first, second = line.slack.messages("C1", "T1")
    for message in (first, second):
        (image,) = [block for block in message.blocks if block["type"] == "image"]
        file = line.slack.files[image["slack_file"]["id"]]
        assert file.alt_txt == "Daily: $8.00 on 12 Jan."
        assert file.content.startswith(b"\x89PNG")
        assert image["alt_text"] == "Daily: $8.00 on 12 Jan."
    assert len(line.slack.files) == 1
    assert [call.outcome for call in line.slack.called(POST)] == ["invalid_blocks", "ok", "ok"]
    line.now.at += REFUSED_FOR
    line.slack.workspace("T1").native_charts = True
    line.now.monotonic += 60
    await line.port.post(APPROVALS, card(chart=True), "k3")
    assert "data_visualization" in [block["type"] for block in line.slack.messages("C1", "T1")[2].blocks]


@pytest.mark.parametrize("fault", ["never ready", "upload", "files.completeUploadExternal", "gone"])
async def test_without_a_picture_the_words_go_out(line: Line, fault: str) -> None:
    """No message waits for a picture for long, or is lost with it."""
    line.slack.workspace("T1").native_charts = False
    if fault == "never ready":
        line.slack.image_polls = 10_000
    elif fault == "gone":
        await line.port.post(APPROVALS, card(chart=True), "k0")
        line.slack.files.clear()
    else:
        line.slack.fault(fault, "500", times=None)
    await line.port.post(APPROVALS, card(chart=True), "k")
    message = line.slack.messages("C1", "T1")[-1]
    assert "Daily: $8.00 on 12 Jan." in message.plain
    assert "image" not in [block["type"] for block in message.blocks]


async def test_a_picture_that_takes_too_long_is_not_waited_for(line: Line, sqlite_database: Database) -> None:
    """However slow Slack's files are, the message goes out with the words."""
    line.slack.workspace("T1").native_charts = False
    port = SlackPort(line.api, sqlite_database, line.now.clock, Pictures(line.api, line.now.clock, within=0.05))
    line.slack.fault("files.getUploadURLExternal", "slow", seconds=0.5)
    await port.post(APPROVALS, card(chart=True), "k")
    assert "Daily: $8.00 on 12 Jan." in line.slack.messages("C1", "T1")[0].plain


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long"])
async def test_a_drawing_that_slack_refuses_is_said_in_plain_words(line: Line, error: str) -> None:
    """Never nothing: the card's words stand there, and that its buttons don't."""
    line.slack.fault(POST, "error", error=error)
    await line.port.post(APPROVALS, card(button=True, words="<!channel> $5"), "k")
    (message,) = line.slack.messages("C1", "T1")
    assert "<!channel> $5" in message.plain
    assert "without its buttons" in message.plain
    assert {block["text"]["type"] for block in message.blocks} == {"plain_text"}


async def test_a_card_of_any_length_fits_in_plain_words(line: Line) -> None:
    """Even then the message keeps to Slack's limits."""
    line.slack.fault(POST, "error", error="invalid_blocks")
    await line.port.post(APPROVALS, card(words="ö " * 20_000), "k")
    assert "Slack takes no more" in line.slack.messages("C1", "T1")[0].plain


async def test_a_channel_that_is_gone_is_said_to_be(line: Line) -> None:
    """Not invited, archived, deleted, forbidden, uninstalled: each in words."""
    with pytest.raises(ChannelGone, match=r"not in the channel: /invite it"):
        await line.port.post(Destination("slack", "T1", channel="C2"), card(), "k")
    line.slack.fault(POST, "error", error="restricted_action")
    with pytest.raises(ChannelGone, match="doesn't let the desk post"):
        await line.port.post(APPROVALS, card(), "k")
    line.slack.workspace("T1").channels["C1"].archived = True
    with pytest.raises(ChannelGone, match="archived"):
        await line.port.post(APPROVALS, card(), "k")
    del line.slack.workspace("T1").channels["C1"]
    with pytest.raises(ChannelGone, match="doesn't exist"):
        await line.port.post(APPROVALS, card(), "k")
    line.slack.kill_tokens("T1", "account_inactive")
    with pytest.raises(ChannelGone, match="not installed"):
        await line.port.post(APPROVALS, card(), "k")
    with pytest.raises(ChannelGone, match="not installed"):
        await line.port.post(Destination("slack", "T9", channel="C1"), card(), "k")


async def test_closed_direct_messages_are_said_to_be(line: Line) -> None:
    """A deactivated account, an unknown one, a switched-off tab, an uninstalled desk."""
    line.slack.fault(POST, "error", error="messages_tab_disabled")
    with pytest.raises(DirectMessageClosed, match="Messages tab"):
        await line.port.post(ADA, card(), "k")
    with pytest.raises(DirectMessageClosed, match="doesn't exist"):
        await line.port.post(UNKNOWN, card(), "k")
    line.slack.workspace("T1").users["U2"].deleted = True
    with pytest.raises(DirectMessageClosed, match="deactivated"):
        await line.port.post(Destination("slack", "T1", user_id="U2"), card(), "k")
    await line.tokens.forget("T1")
    with pytest.raises(DirectMessageClosed, match="not installed"):
        await line.port.post(ADA, card(), "k")


async def test_an_unknown_refusal_is_passed_on_in_slacks_words(line: Line) -> None:
    """What the desk doesn't know is neither a lost channel nor a success."""
    line.slack.fault(POST, "error", error="something_new")
    with pytest.raises(SlackRefused, match="something_new"):
        await line.port.post(APPROVALS, card(), "k")


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "500_after"])
async def test_a_repaint_is_repeated_until_it_is_sure(line: Line, kind: Kind) -> None:
    """Drawing the same card twice is drawing it once."""
    message_id = await line.port.post(APPROVALS, card(), "k")
    line.slack.fault("chat.update", kind, times=2)
    await line.port.repaint(APPROVALS, message_id, card("Approved"))
    (message,) = line.slack.messages("C1", "T1")
    assert "Approved" in message.plain
    assert await line.port.find(APPROVALS, "k", written(line)) == message_id


async def test_a_deleted_message_is_left_in_peace(line: Line) -> None:
    """Somebody deleted it: no repaint brings it back, and none fails."""
    message_id = await line.port.post(APPROVALS, card(), "k")
    line.slack.messages("C1", "T1")[0].deleted = True
    await line.port.repaint(APPROVALS, message_id, card("Approved"))
    assert line.slack.messages("C1", "T1") == []


async def test_a_repaint_in_a_gone_channel_says_so_and_a_gone_persons_is_left_in_peace(line: Line) -> None:
    """Channels are reported; direct messages that are closed need no second notice."""
    message_id = await line.port.post(APPROVALS, card(), "k")
    direct_id = await line.port.post(ADA, card(), "k")
    await line.port.repaint(ADA, direct_id, card("Approved"))
    assert "Approved" in line.slack.direct("U1", "T1")[0].plain
    line.slack.kill_tokens("T1", "token_revoked")
    with pytest.raises(ChannelGone):
        await line.port.repaint(APPROVALS, message_id, card("Approved"))
    await line.port.repaint(ADA, direct_id, card("Rejected"))


async def test_a_home_view_is_published_for_its_person(line: Line) -> None:
    """The message id "home" stands for somebody's App Home; a refused drawing is shown in plain words."""
    await line.port.repaint(ADA, "home", card("Your desk", button=True))
    home = line.slack.home("U1", "T1")
    assert home is not None
    assert "Your desk" in home.plain
    line.slack.fault("views.publish", "error", error="invalid_arguments")
    await line.port.repaint(ADA, "home", card("Your newer desk", button=True))
    home = line.slack.home("U1", "T1")
    assert home is not None
    assert "Your newer desk" in home.plain
    line.slack.fault("views.publish", "error", error="not_enabled")
    await line.port.repaint(ADA, "home", card())


async def test_an_expired_token_is_replaced_once(line: Line) -> None:
    """With a newer one the post goes out once; without, it is tried later."""
    line.tokens.next_tokens["T1"] = ["xoxb-old", TOKEN]
    line.slack.tokens["xoxb-old"] = Token("xoxb-old", "T1", (), dead="token_expired")
    await line.port.post(APPROVALS, card(), "k")
    assert len(line.slack.messages("C1", "T1")) == 1
    line.slack.fault(POST, "error", error="token_expired", times=2)
    with pytest.raises(TryLater):
        await line.port.post(APPROVALS, card(), "k2")
    assert len(line.slack.messages("C1", "T1")) == 1


async def test_tokens_and_amounts_stay_out_of_logs_and_exceptions(
    line: Line, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever goes wrong, at whatever level: no token, nor what the message says."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    problems = [("cut_after", ""), ("500", ""), ("error", "something_new"), ("error", "token_revoked"), ("429", "")]
    for kind, error in problems:
        line.slack.fault(POST, kind, error=error)  # type: ignore[arg-type]
        line.now.monotonic += 60
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each of them
            await line.port.post(APPROVALS, card(words="eight dollars"), "k")
        told += _chain(caught.value)
    captured = capsys.readouterr()
    everything = "\n".join([*told, caplog.text, captured.out, captured.err, repr(line.tokens.known)])
    assert TOKEN not in everything
    assert "eight dollars" not in everything


def _chain(error: BaseException | None) -> list[str]:
    """Everything that a log of an exception could show, its causes and their locals' values too."""
    told: list[str] = []
    while error is not None:
        told += [str(error), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return told


@pytest.mark.parametrize(
    "faults",
    [
        [("cut_before", 2), ("cut_after", 3)],
        [("500_after", 2), ("500", 2), ("429", 2)],
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
    relay = Relay(sqlite_database, DeskConfig(), {"slack": line.port}, {}, line.now.clock, "relay")
    for kind, times in faults:
        line.slack.fault("*" if kind == "outage" else POST, kind, times=times)
    for second in range(120):
        await relay.round()
        if second == 30:
            line.slack.end_faults()
        await line.now.sleep(1 + second)
    stand = {"C1": line.slack.messages("C1", "T1"), "U1": line.slack.direct("U1", "T1")}
    for place, mine in (("C1", wanted[1::2]), ("U1", wanted[::2])):
        assert [one.metadata["event_payload"]["key"] for one in stand[place] if one.metadata] == mine
    with sqlite_database.reading() as session:
        assert outbox.backlog(session, line.now.at, ["slack"]) == outbox.Backlog(0, None, None)
