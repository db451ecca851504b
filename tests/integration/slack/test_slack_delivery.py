"""Answers reach the person who asked, and nobody else."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator

import pytest

from adapters.answers import NotDelivered
from adapters.slack.delivery import Delivery, Where
from core.chat.cards import Card
from core.chat.outbox import TryLater, Unclear
from core.chat.registry import File, Reply
from core.storage import Database
from tests.integration.slack.sending import CHART, Line, card, connected

CSV = File("transactions.csv", b"date,amount\n2026-01-13,8.000000\n", "text/csv")
USES = 5


@pytest.fixture
async def line(sqlite_database: Database) -> AsyncIterator[Line]:
    async with connected(sqlite_database) as made:
        yield made


def nothing_open(line: Line) -> bool:
    """Nothing stands in a channel for everybody to see."""
    return line.slack.messages("C1", "T1") == [] and line.slack.messages("C2", "T1") == []


async def used_up(line: Line, where: Where) -> None:
    for _ in range(USES):
        await line.delivery.show(Reply(card("Earlier")), where)


async def test_an_answer_is_seen_by_whoever_asked(line: Line) -> None:
    """A command's answer is ephemeral, whatever it says."""
    asked = await line.asked()
    await line.delivery.show(Reply(card("Your balance", button=True)), line.where(asked))
    (answer,) = asked.answers
    assert answer["response_type"] == "ephemeral"
    assert answer["replace_original"] is False
    (seen,) = line.slack.ephemerals("U1", "C1", "T1")
    assert "Your balance" in seen.plain
    assert line.slack.ephemerals("U2") == []
    assert nothing_open(line)


async def test_an_answer_takes_the_place_of_a_card_of_ones_own_only(line: Line) -> None:
    """Paging turns the page in place; a card that others see is never replaced by a private answer."""
    asked = await line.asked()
    await line.delivery.show(Reply(card("Page 2"), replaces=True), line.where(asked, own=True))
    await line.delivery.show(Reply(card("Page 3"), replaces=True), line.where(asked))
    await line.delivery.show(Reply(card("A note")), line.where(asked, own=True))
    assert [answer["replace_original"] for answer in asked.answers] == [True, False, False]
    assert {answer["response_type"] for answer in asked.answers} == {"ephemeral"}


async def test_a_used_up_url_leaves_the_channel_and_then_direct_messages(line: Line) -> None:
    """The sixth answer is an ephemeral message; where the desk isn't a member, a direct message."""
    asked = await line.asked()
    await used_up(line, line.where(asked))
    await line.delivery.show(Reply(card("Sixth")), line.where(asked))
    assert "Sixth" in line.slack.ephemerals("U1", "C1", "T1")[-1].plain
    elsewhere = await line.asked("C2")
    await used_up(line, line.where(elsewhere, "C2"))
    await line.delivery.show(Reply(card("Elsewhere")), line.where(elsewhere, "C2"))
    assert "Elsewhere" in line.slack.direct("U1", "T1")[-1].plain
    assert nothing_open(line)


async def test_an_expired_url_leaves_the_other_ways(line: Line) -> None:
    """After half an hour the answer still arrives."""
    asked = await line.asked()
    line.slack.advance(31 * 60)
    await line.delivery.show(Reply(card("Late")), line.where(asked))
    assert "Late" in line.slack.ephemerals("U1", "C1", "T1")[-1].plain


async def test_without_a_url_or_channel_it_is_a_direct_message(line: Line) -> None:
    """A press in the home tab has neither; in direct messages nobody else reads along."""
    await line.delivery.show(Reply(card("From home")), Where("T1", user="U1"))
    await line.delivery.show(Reply(card("In direct")), Where("T1", "D123", "U1"))
    first, second = line.slack.direct("U1", "T1")
    assert "From home" in first.plain
    assert "In direct" in second.plain


@pytest.mark.parametrize("kind", ["cut_before", "500", "429"])
async def test_trouble_at_the_url_is_waited_out(line: Line, kind: str) -> None:
    """Three failures in a row, and then the answer stands once, where it belongs."""
    asked = await line.asked()
    line.slack.fault("response_url", kind, times=3, retry_after=2)  # type: ignore[arg-type]
    await line.delivery.show(Reply(card("Your balance")), line.where(asked))
    assert len(line.slack.ephemerals("U1", "C1", "T1")) == 1
    assert len(line.now.slept) == 3


async def test_a_url_that_stays_dead_leaves_the_other_ways(line: Line) -> None:
    """When only the response_url fails, the Web API carries the answer."""
    asked = await line.asked()
    line.slack.fault("response_url", "outage")
    await line.delivery.show(Reply(card("Your balance")), line.where(asked))
    assert "Your balance" in line.slack.ephemerals("U1", "C1", "T1")[-1].plain


async def test_an_outage_is_said_so_that_the_answer_is_given_later(line: Line) -> None:
    """Whoever keeps the answer hears that it may work later."""
    asked = await line.asked()
    line.slack.outage()
    with pytest.raises((TryLater, Unclear)):
        await line.delivery.show(Reply(card("Your balance")), line.where(asked))
    line.slack.end_faults()
    await line.delivery.show(Reply(card("Your balance")), line.where(asked))
    assert len(line.slack.ephemerals("U1", "C1", "T1")) == 1


async def test_an_answer_that_slack_takes_by_no_way_is_given_up(line: Line) -> None:
    """A gone workspace can't be answered, and that is final."""
    with pytest.raises(NotDelivered, match="not installed"):
        await line.delivery.show(Reply(card()), Where("T9", "C1", "U1"))


async def test_files_are_in_the_direct_messages_only(line: Line) -> None:
    """The CSV is shared with the person; the answer in the channel says where it is."""
    asked = await line.asked(text="/csv")
    await line.delivery.show(Reply(card("Your transactions"), files=(CSV,)), line.where(asked))
    (file,) = line.slack.files.values()
    assert (file.name, file.content) == (CSV.name, CSV.data)
    assert file.channel == line.slack.direct_channel("T1", "U1").id
    assert "transactions.csv is in your direct messages" in line.slack.ephemerals("U1", "C1", "T1")[0].plain
    assert nothing_open(line)


async def test_a_file_that_can_not_be_sent_is_said_to_be_missing(line: Line) -> None:
    """The answer still comes, and doesn't claim what isn't so."""
    asked = await line.asked(text="/csv")
    line.slack.fault("upload", "500", times=None)
    await line.delivery.show(Reply(card("Your transactions"), files=(CSV,)), line.where(asked))
    assert "could not be sent" in line.slack.ephemerals("U1", "C1", "T1")[0].plain
    line.slack.end_faults()
    line.slack.fault("files.completeUploadExternal", "cut_after")
    await line.delivery.show(Reply(card("Your transactions"), files=(CSV,)), line.where(asked))
    assert "ask again" in line.slack.ephemerals("U1", "C1", "T1")[1].plain


async def test_charts_in_answers_become_pictures_where_slack_draws_none(line: Line) -> None:
    """A refusal at the response_url costs the answer nothing."""
    line.slack.workspace("T1").native_charts = False
    asked = await line.asked(text="/stats")
    await line.delivery.show(Reply(card("Stats", chart=True)), line.where(asked))
    (answer,) = line.slack.ephemerals("U1", "C1", "T1")
    (image,) = [block for block in answer.blocks if block["type"] == "image"]
    assert image["alt_text"] == CHART.alt


async def test_a_kept_answer_is_given_as_it_was(line: Line) -> None:
    """After a restart the words, the buttons, the chart's words and the file arrive; no command runs for it."""
    kept = line.delivery.keepable(Reply(card("Requested", chart=True, button=True), files=(CSV,), replaces=True))
    asked = await line.asked()
    await line.delivery.show_kept(kept, line.where(asked, own=True))
    (answer,) = asked.answers
    assert answer["replace_original"] is True
    said = asked.said
    assert "Requested" in said
    assert "[Approve]" in said
    assert "Daily: $8.00" in said
    assert "transactions.csv is in your direct messages" in said
    assert [file.content for file in line.slack.files.values()] == [CSV.data]


async def test_a_kept_answer_that_slack_refuses_is_said_in_plain_words(line: Line) -> None:
    """The command took effect: its person hears of it in any case."""
    kept = line.delivery.keepable(Reply(card("Requested", button=True)))
    asked = await line.asked()
    line.slack.fault("response_url", "error", error="invalid_blocks")
    await line.delivery.show_kept(kept, line.where(asked))
    assert "Requested" in asked.said
    assert "without its buttons" in asked.said


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"blocks": 1}', '{"blocks": [], "files": [{}]}'])
async def test_a_text_that_is_no_kept_answer_is_refused(line: Line, text: str) -> None:
    """Something else in that place is a fault, said as one."""
    with pytest.raises(ValueError, match="no kept answer"):
        await line.delivery.show_kept(text, Where("T1", "C1", "U1"))


async def test_forms_open_in_time_or_not_at_all(line: Line) -> None:
    """A trigger serves once, and for three seconds."""
    view: dict[str, object] = {
        "type": "modal",
        "callback_id": "form",
        "title": {"type": "plain_text", "text": "Reject"},
        "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "Why?"}}],
    }
    asked = await line.asked()
    trigger = asked.payload["trigger_id"]
    assert await line.delivery.open_modal("T1", trigger, view) is True
    assert line.slack.modal("U1", "T1") is not None
    assert await line.delivery.open_modal("T1", trigger, view) is False
    late = await line.asked()
    line.slack.advance(4)
    assert await line.delivery.open_modal("T1", late.payload["trigger_id"], view) is False
    third = await line.asked()
    line.slack.fault("views.open", "500")
    assert await line.delivery.open_modal("T1", third.payload["trigger_id"], view) is False


async def test_a_home_view_is_shown_to_its_person(line: Line) -> None:
    """Opening the home tab shows the card that was drawn for this person."""
    await line.delivery.publish_home("T1", "U1", Card("Your desk"))
    home = line.slack.home("U1", "T1")
    assert home is not None
    assert "Your desk" in home.plain
    assert line.slack.home("U2", "T1") is None


async def test_addresses_and_tokens_stay_out_of_logs_and_exceptions(
    line: Line, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """A response_url lets anybody answer in the desk's name: it is in no log, nor what was answered."""
    caplog.set_level(logging.DEBUG)
    asked = await line.asked()
    where = line.where(asked)
    line.slack.outage()
    with pytest.raises((TryLater, Unclear)) as caught:
        await line.delivery.show(Reply(card(words="eight dollars"), files=(CSV,)), where)
    line.slack.end_faults()
    line.slack.fault("response_url", "error", error="invalid_blocks", times=4)
    await Delivery(line.port, line.now.sleep).show(Reply(card(words="eight dollars")), where)
    captured = capsys.readouterr()
    everything = "\n".join([caplog.text, captured.out, captured.err, repr(where), repr(caught.value)])
    for secret in (
        where.response_url,
        where.response_url.rpartition("/")[2],
        "xoxb-",
        where.trigger_id,
        "eight dollars",
    ):
        assert secret not in everything
    assert json.loads(line.delivery.keepable(Reply(card())))["blocks"]
