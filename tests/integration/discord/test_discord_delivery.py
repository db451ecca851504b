"""Answers reach the person who asked, and nobody else."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import discord
import pytest

from adapters.discord.delivery import Deferred, Where
from core.chat import handles
from core.chat.cards import Actions, Button, Card
from core.chat.outbox import DirectMessageClosed, TryLater, Unclear
from core.chat.registry import File, Reply
from core.storage import Database
from tests.discord_server import Interaction, routes
from tests.discord_server.faults import Kind
from tests.integration.discord.sending import APPROVALS, PNG, Line, card, connected

CSV = File("transactions of Jan.csv", b"date,amount\n2026-01-13,8.000000\n", "text/csv")


@pytest.fixture
async def line(sqlite_database: Database) -> AsyncIterator[Line]:
    async with connected(sqlite_database) as made:
        yield made


def nothing_open(line: Line) -> bool:
    """Nothing stands in a channel for everybody to see."""
    return line.server.messages("100") == [] and line.server.messages("101") == []


async def pressed(line: Line, *, own: bool) -> Interaction:
    """Ada pressed a button: on a card of her own, or on one that everybody sees."""
    if own:
        asked = await line.asked()
        await line.delivery.show(Reply(card("Page 1", button=True)), line.where(asked))
    else:
        await line.port.post(APPROVALS, card("For all", button=True), "k")
    return await line.server.click("1", "Approve", wait=False)


async def test_the_first_answer_is_seen_by_whoever_asked(line: Line) -> None:
    """A command's answer in a server is ephemeral, whatever it says."""
    asked = await line.asked()
    await line.delivery.show(Reply(card("Your balance", button=True)), line.where(asked))
    (answer,) = asked.answers
    assert (answer.kind, answer.ephemeral) == ("initial", True)
    assert "Your balance" in answer.plain
    assert line.server.private("2") == []
    assert nothing_open(line)


async def test_in_direct_messages_an_answer_stays(line: Line) -> None:
    """Nobody else reads along there: it doesn't vanish with the next start of the client."""
    asked = await line.asked("")
    await line.delivery.show(Reply(card("Your balance")), line.where(asked))
    assert [message.plain for message in line.server.direct("1")] == [asked.said]


@pytest.mark.parametrize("update", [False, True])
async def test_a_deferred_answer_takes_the_place_of_the_deferral(line: Line, update: bool) -> None:
    """The flag is the deferral's: what follows is ephemeral too."""
    asked = await line.asked()
    assert await line.delivery.defer(line.where(asked), update) is True
    assert asked.deferred
    assert await line.delivery.defer(line.where(asked), update) is False
    await line.delivery.show(Reply(card("Your balance")), line.where(asked, deferred="message"))
    (answer,) = asked.answers
    assert (answer.kind, answer.ephemeral) == ("edited", True)
    await line.delivery.show(Reply(card("A note")), line.where(asked, deferred="answered"))
    assert [answer.kind for answer in asked.answers] == ["edited", "followup"]
    assert all(answer.ephemeral for answer in asked.answers)
    assert nothing_open(line)


async def test_an_answer_takes_the_place_of_a_card_of_ones_own_only(line: Line) -> None:
    """Paging turns the page in place; a card that others see is never replaced by a private answer."""
    own = await pressed(line, own=True)
    await line.delivery.show(Reply(card("Page 2"), replaces=True), line.where(own, own=True))
    assert [answer.kind for answer in own.answers] == ["update"]
    open_ = await pressed(line, own=False)
    await line.delivery.show(Reply(card("Private"), replaces=True), line.where(open_))
    assert [(answer.kind, answer.ephemeral) for answer in open_.answers] == [("initial", True)]
    assert "Private" not in line.server.messages("100")[0].plain


async def test_a_promised_change_is_kept_and_what_else_is_said_follows(line: Line) -> None:
    """After "the card will change", a page takes its place and a note stands below it."""
    first = await pressed(line, own=True)
    where = line.where(first, own=True, deferred="update")
    await line.delivery.defer(line.where(first, own=True), update=True)
    await line.delivery.show(Reply(card("Page 2", button=True), replaces=True), where)
    await line.delivery.show(Reply(card("A note")), where)
    assert [(answer.kind, answer.ephemeral) for answer in first.answers] == [("edited", True), ("followup", True)]


async def test_a_card_that_others_see_is_never_promised_to_change(line: Line) -> None:
    """Whoever asks for it: the deferral is a private one, and so is the answer."""
    asked = await pressed(line, own=False)
    await line.delivery.defer(line.where(asked), update=True)
    assert asked.callback is not None
    assert asked.callback["type"] == 5
    for deferred in ("", "message"):
        await line.delivery.show(Reply(card("Private"), replaces=True), line.where(asked, deferred=deferred))
    assert {answer.ephemeral for answer in asked.answers} == {True}
    assert "Private" not in line.server.messages("100")[0].plain


async def test_an_answer_after_a_restart_finds_what_was_deferred(line: Line) -> None:
    """Nobody remembers the deferral: the first answer is refused, the edit shows it."""
    asked = await line.asked()
    await line.delivery.defer(line.where(asked), update=False)
    await line.delivery.show(Reply(card("Your balance")), line.where(asked))
    assert [answer.kind for answer in asked.answers] == ["edited"]


@pytest.mark.parametrize(
    ("kind", "times"), [("cut_before", 2), ("cut_after", 1), ("500", 2), ("500_after", 1), ("429", 2)]
)
@pytest.mark.parametrize("deferred", ["", "message"])
async def test_trouble_on_the_line_is_waited_out(line: Line, kind: Kind, times: int, deferred: Deferred) -> None:
    """In the end the answer stands once, where it belongs."""
    asked = await line.asked()
    if deferred:
        await line.delivery.defer(line.where(asked), update=False)
    line.server.fault(routes.EDIT_ORIGINAL if deferred else routes.CALLBACK, kind, times=times, retry_after=0.05)
    await line.delivery.show(Reply(card("Your balance")), line.where(asked, deferred=deferred))
    (message,) = line.server.private("1")
    assert "Your balance" in message.plain
    assert line.server.direct("1") == []


async def test_an_answer_that_a_deferral_overtook_takes_its_place(line: Line) -> None:
    """Its first try was cut off, and then another process deferred: refused as given before, it isn't lost."""
    asked = await line.asked()
    fault = line.server.fault(routes.CALLBACK, "cut_before")
    showing = asyncio.ensure_future(line.delivery.show(Reply(card("Your balance")), line.where(asked)))
    await line.server.wait_for(lambda: fault.hits)
    assert await line.delivery.defer(line.where(asked), update=False) is True
    await showing
    assert [answer.kind for answer in asked.answers] == ["edited"]
    assert len(line.server.private("1")) == 1


async def test_a_deferral_whose_answer_was_lost_is_one(line: Line) -> None:
    """Refused as given before, it is known to be ours."""
    asked = await line.asked()
    line.server.fault(routes.CALLBACK, "cut_after")
    assert await line.delivery.defer(line.where(asked), update=False) is True
    assert asked.deferred


@pytest.mark.parametrize("deferred", ["", "message"])
async def test_after_the_tokens_life_it_is_a_direct_message(line: Line, deferred: Deferred) -> None:
    """Too late for the first answer, or for any: the answer still arrives, once."""
    asked = await line.asked()
    if deferred:
        await line.delivery.defer(line.where(asked), update=False)
    line.server.advance(16 * 60)
    where = line.where(asked, deferred=deferred)
    await line.delivery.show(Reply(card("Late"), files=(CSV,)), where)
    await line.delivery.show(Reply(card("Late"), files=(CSV,)), where)
    (message,) = line.server.direct("1")
    assert "Late" in message.plain
    assert message.attachments[0].content == CSV.data
    assert nothing_open(line)


async def test_closed_direct_messages_are_said_to_be(line: Line) -> None:
    """Then whoever asked keeps the answer for the person's next command."""
    asked = await line.asked()
    line.server.advance(16 * 60)
    line.server.close_dms("1")
    with pytest.raises(DirectMessageClosed, match="takes no direct messages"):
        await line.delivery.show(Reply(card("Late")), line.where(asked))
    with pytest.raises(DirectMessageClosed):
        await line.delivery.show(Reply(card("Late")), Where(""))
    assert nothing_open(line)


async def test_an_outage_is_said_so_that_the_answer_is_given_later(line: Line) -> None:
    """Whoever keeps the answer hears that it may work later."""
    asked = await line.asked()
    await line.delivery.defer(line.where(asked), update=False)
    line.server.outage()
    with pytest.raises((TryLater, Unclear)):
        await line.delivery.show(Reply(card("Your balance")), line.where(asked, deferred="message"))
    line.server.end_faults()
    await line.delivery.show(Reply(card("Your balance")), line.where(asked, deferred="message"))
    assert len(line.server.private("1")) == 1


async def test_files_and_pictures_come_with_the_answer(line: Line) -> None:
    """To download under the card, under a name that Discord keeps; pictures with their words."""
    asked = await line.asked()
    await line.delivery.show(Reply(card("Stats", chart=True), files=(CSV,)), line.where(asked))
    assert asked.files["transactions_of_Jan.csv"] == CSV.data
    assert asked.files["chart-1.png"].startswith(PNG)
    (message,) = line.server.private("1")
    assert message.file("chart-1.png").description == "Daily: $8.00 on 12 Jan."
    assert nothing_open(line)


async def test_a_file_that_discord_has_no_room_for_is_said_to_be_missing(line: Line) -> None:
    """The answer still comes, and doesn't claim what isn't so."""
    asked = await line.asked()
    large = File("all.csv", b"x" * 10_000_001, "text/csv")
    await line.delivery.show(Reply(card("Your transactions"), files=(large,)), line.where(asked))
    assert "all.csv: too large for Discord" in asked.said.replace("\\", "")
    assert asked.files == {}


async def test_a_drawing_that_discord_refuses_is_said_in_plain_words(line: Line) -> None:
    """Never nothing."""
    asked = await line.asked()
    line.server.fault(routes.CALLBACK, "error", code=50035)
    await line.delivery.show(Reply(card("Requested", button=True)), line.where(asked))
    assert "Requested" in asked.said
    assert "without its buttons" in asked.said


async def test_a_kept_answer_is_given_as_it_was(line: Line) -> None:
    """After a restart the words, the buttons, the chart's words and the file arrive, long values included."""
    more = Card("Requested", blocks=(Actions((Button("open", "transactions " + "x" * 200, "More"),)),))
    kept = line.delivery.keepable(Reply(more, files=(CSV,), replaces=True))
    asked = await line.asked()
    await line.delivery.show_kept(kept, line.where(asked))
    assert "More" in asked.said
    assert list(asked.files.values()) == [CSV.data]
    pressed = await line.server.click("1", "More", wait=False)
    handle = pressed.payload["data"]["custom_id"].split("|")[-1]
    with line.port.sender.database.reading() as session:
        assert handles.resolve(session, handle).startswith("transactions xxx")
    chart = line.delivery.keepable(Reply(card(chart=True)))
    await line.delivery.show_kept(chart, line.where(asked, deferred="answered"))
    assert "8.00 on 12 Jan" in asked.answers[-1].plain


async def test_a_kept_answer_that_discord_refuses_is_said_in_plain_words(line: Line) -> None:
    """The command took effect: its person hears of it in any case."""
    kept = line.delivery.keepable(Reply(card("Requested", button=True)))
    asked = await line.asked()
    line.server.fault(routes.CALLBACK, "error", code=50035)
    await line.delivery.show_kept(kept, line.where(asked))
    assert "Requested" in asked.said
    assert "without its buttons" in asked.said


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"components": 1}', '{"components": [], "files": [{}]}'])
async def test_a_text_that_is_no_kept_answer_is_refused(line: Line, text: str) -> None:
    """Something else in that place is a fault, said as one."""
    with pytest.raises(ValueError, match="no kept answer"):
        await line.delivery.show_kept(text, Where("1"))


def form() -> discord.ui.Modal:
    modal = discord.ui.Modal(title="Reject", custom_id="ed|send|payout.reject|1")
    modal.add_item(discord.ui.Label(text="Why", component=discord.ui.TextInput(custom_id="reason")))
    return modal


async def test_forms_open_in_time_or_not_at_all(line: Line) -> None:
    """A form is the first answer, within three seconds, or it is none."""
    asked = await line.asked()
    assert await line.delivery.modal(line.where(asked), form()) is True
    assert line.server.modal("1") is not None
    assert await line.delivery.modal(line.where(asked), form()) is False
    late = await line.asked()
    line.server.advance(4)
    assert await line.delivery.modal(line.where(late), form()) is False
    third = await line.asked()
    line.server.fault(routes.CALLBACK, "500", times=None)
    assert await line.delivery.modal(line.where(third), form()) is False
    line.server.end_faults()
    fourth = await line.asked()
    line.server.fault(routes.CALLBACK, "cut_after")
    assert await line.delivery.modal(line.where(fourth), form()) is True
    assert fourth.modal is not None


async def test_an_answer_after_a_form_follows(line: Line) -> None:
    """A form leaves nothing that could be edited."""
    asked = await line.asked()
    await line.delivery.modal(line.where(asked), form())
    await line.delivery.show(Reply(card("Too late")), line.where(asked, deferred="answered"))
    assert [(answer.kind, answer.ephemeral) for answer in asked.answers] == [("followup", True)]


async def test_single_ways_say_whether_they_were_open(line: Line) -> None:
    """First, edit and follow-up, each in time and too late."""
    asked = await line.asked()
    where = line.where(asked)
    assert await line.delivery.edit_original(where, Reply(card("Too early"))) is False
    assert await line.delivery.first(where, Reply(card("One"))) is True
    assert await line.delivery.first(where, Reply(card("One more"))) is False
    assert await line.delivery.edit_original(where, Reply(card("Two"))) is True
    assert await line.delivery.follow_up(where, Reply(card("Three"))) is True
    line.server.advance(16 * 60)
    assert await line.delivery.edit_original(where, Reply(card("Four"))) is False
    assert await line.delivery.follow_up(where, Reply(card("Five"))) is False
    assert [answer.kind for answer in asked.answers] == ["initial", "edited", "followup"]


async def test_completions_are_offered_once_and_never_raise(line: Line) -> None:
    """What doesn't arrive is asked again with the next letter."""
    option = {"type": 3, "name": "project", "description": "Which", "autocomplete": True}
    line.server.commands[0]["options"] = [option]
    choices = [{"name": "Logo Lab", "value": "logo"}]
    typed = await line.server.autocomplete("10", "100", "1", "/balance", focused="project", typed="Lo", wait=False)
    await line.delivery.autocomplete(line.where(typed), choices)
    assert typed.choices == choices
    await line.delivery.autocomplete(line.where(typed), choices)
    for kind in ("cut_before", "500", "429"):
        line.server.fault(routes.CALLBACK, kind, retry_after=60)
        await line.delivery.autocomplete(line.where(typed), choices)
    line.server.fault(routes.CALLBACK, "error", code=9)
    await line.delivery.autocomplete(line.where(typed), choices)


async def test_tokens_and_amounts_stay_out_of_logs_and_exceptions(
    line: Line, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """An interaction's token lets anybody answer in the desk's name: it is in no log, nor what was answered."""
    caplog.set_level(logging.DEBUG)
    asked = await line.asked()
    where = line.where(asked, deferred="message")
    line.server.fault("*", "429", times=1, retry_after=60)
    line.server.outage()
    told: list[str] = []
    for _ in range(2):
        with pytest.raises((TryLater, Unclear)) as caught:
            await line.delivery.show(Reply(card(words="eight dollars"), files=(CSV,)), where)
        told += [repr(caught.value), repr(caught.value.__context__), repr(vars(caught.value))]
    line.server.end_faults()
    line.server.fault(routes.CALLBACK, "error", code=50035, times=2)
    await line.delivery.show(Reply(card(words="eight dollars")), line.where(asked))
    captured = capsys.readouterr()
    everything = "\n".join([*told, caplog.text, captured.out, captured.err, repr(where)])
    for secret in (where.token, line.server.token, "eight dollars"):
        assert secret not in everything
    assert json.loads(line.delivery.keepable(Reply(card())))["components"]
