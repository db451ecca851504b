"""The seam between surfaces and the desk: who may, and what is answered when things go wrong."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from core import people
from core.chat import desk as desk_module
from core.chat import handles, outbox, settings
from core.chat.cards import Card
from core.chat.registry import Call, Reply, command
from core.chat.text import as_text
from core.people import Identity
from core.storage import Database
from tests.conftest import count
from tests.payouts_world import CONFIG, NOW
from tests.small_desk import ADA, HERE, STRANGER, Setting


@pytest.fixture
def setting(database: Database) -> Iterator[Setting]:
    made = Setting(database)
    yield made
    made.desk.close()


@pytest.fixture
def quick(sqlite_database: Database) -> Iterator[Setting]:
    """For what doesn't depend on the kind of database."""
    made = Setting(sqlite_database)
    yield made
    made.desk.close()


def test_runs(setting: Setting) -> None:
    """A command gets who asks, from where, in which timezone."""
    with setting.world.session() as session:
        settings.change(session, setting.world.ada.person_id, timezone="berlin")
    reply = setting.run('/say "Logo Lab" page=2')
    assert reply.card.title == "ada says Logo Lab on page 2 in Europe/Berlin from earnings"
    assert reply.ok
    assert setting.desk.run_as(setting.world.ada, "/say hi").card.title.endswith("from cli")


def test_unlinked(setting: Setting) -> None:
    """Strangers are told how to link, but for what is open to everyone; a linked stranger elsewhere is still one."""
    for line in ("/say hi", "/desk", "/who"):
        reply = setting.run(line, STRANGER)
        assert not reply.ok
        assert "Not linked yet. Get a code on your account page, then type /link CODE." in as_text(reply.card)
    assert setting.run("/open", STRANGER).card.title == "Hello stranger"
    assert setting.run("/open").card.title == "Hello Ada"
    assert not setting.run("/say hi", Identity("playground", "u-ada", "elsewhere")).ok
    assert "Not linked" in as_text(setting.press("stop.it", "1", STRANGER).card)
    assert "There is no command /nothing" in as_text(setting.run("/nothing", STRANGER).card)


def test_no_creator(setting: Setting) -> None:
    """Who earns nothing is told so."""
    reply = setting.desk.run_as(setting.world.mira, "/say hi")
    assert "no creator account" in as_text(reply.card)


def test_roles(setting: Setting) -> None:
    """The desk's own roles decide, on every press anew; owners hold both others."""
    world = setting.world
    for reply in (setting.run("/desk stop because"), setting.press("stop.it", "1", reason="because")):
        assert "Nothing changed. Only admins can do that." in as_text(reply.card)
    assert "Only approvers and admins can do that." in as_text(setting.run("/desk pay Logo Lab").card)
    assert setting.desk.run_as(world.ann, "/desk stop because").card.title == "Stopped: because"
    assert setting.desk.press_as(world.olga, "stop.it", "7", {"reason": "because"}).card.title == "Stopped 7: because"
    with world.session() as session:
        people.set_roles(session, NOW, world.ann.person_id, [])
    assert not setting.desk.run_as(world.ann, "/desk stop because").ok


def test_group(setting: Setting) -> None:
    """A bare /desk, or a wrong word after it, lists what this person may use."""
    world = setting.world
    text_ = as_text(setting.desk.run_as(world.mira, "/desk").card)
    assert "/desk pay <whom> [program=…]" in text_
    assert "stop" not in text_
    reply = setting.desk.run_as(world.ann, "/desk dance now")
    assert not reply.ok
    assert "Nothing changed. There is no /desk dance now. There is:" in as_text(reply.card)
    assert "/desk stop <reason>" in as_text(reply.card)
    assert "Only admins and approvers can do that." in as_text(setting.run("/desk").card)


def test_missing(setting: Setting) -> None:
    """What was left out is asked for in a form that has what was given, and whose answers run the command."""
    reply = setting.desk.run_as(setting.world.ann, "/desk stop")
    assert reply.opens
    assert not reply.ok
    (button,) = reply.card.buttons
    assert (button.action, button.value) == ("open", "/desk stop")
    assert button.form is not None
    assert [(field.name, field.kind, field.required) for field in button.form] == [("reason", "long", True)]
    done = setting.desk.press_as(setting.world.ann, button.action, button.value, {"reason": "because"})
    assert done.card.title == "Stopped: because"
    (button,) = setting.desk.run_as(setting.world.ann, "/desk pay program=studio").card.buttons
    assert button.form is not None
    assert [option.value for option in button.form[0].options] == ["Logo Lab", "Prompt Pal"]
    assert (button.form[0].kind, button.form[1].value) == ("choice", "studio")


def test_presses(setting: Setting) -> None:
    """Paging replaces its card; what isn't there any more, or isn't right, is refused."""
    assert setting.press("page", "/say page=2").replaces
    assert not setting.press("open", "/say page=2").replaces
    refused = setting.press("page", "/desk stop because")
    assert (refused.ok, refused.replaces) == (False, False)
    assert "from an older version" in as_text(setting.press("gone", "1").card)
    reply = setting.desk.press_as(setting.world.ann, "stop.it", "x")
    assert "“x” is no number" in as_text(reply.card)


def test_a_refusal_rolls_back(setting: Setting) -> None:
    """A refused or broken command leaves nothing; a good one stays and is answered."""
    before = count(setting.world.database, "audit_record")
    assert as_text(setting.run("/note a refuse").card) == "Not done\nNothing changed. No."
    assert not setting.run("/note a break").ok
    assert count(setting.world.database, "audit_record") == before
    assert setting.run("/note a").ok
    assert count(setting.world.database, "audit_record") == before + 1


def test_reading_commands_cannot_write(setting: Setting) -> None:
    """A command that isn't declared to write can't."""
    before = count(setting.world.database, "audit_record")
    setting.run("/read")
    assert count(setting.world.database, "audit_record") == before


def test_what_breaks_is_noted(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected fault is logged with a reference that the person gets; they see no traceback."""
    with caplog.at_level(logging.ERROR):
        shown = as_text(setting.run("/note a break").card)
    (logged,) = caplog.records
    assert logged.exc_info
    assert shown.endswith(f"Ref {logged.reference}.")  # type: ignore[attr-defined]
    assert "Nothing changed. Something broke on our side" in shown
    assert "ZeroDivisionError" not in shown


def test_the_ledger_is_gone(quick: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the database doesn't answer, that is said, and that nothing changed."""

    @contextmanager
    def gone(_self: Database) -> Iterator[Session]:
        raise OperationalError("BEGIN", {}, ConnectionError())
        yield

    monkeypatch.setattr(Database, "transaction", gone)
    assert "Ref E-" in as_text(quick.press("stop.it", "1", reason="because").card)
    shown = as_text(quick.run("/note a").card)
    assert "Nothing changed. The ledger didn't answer. Retry in a minute. Ref E-" in shown


def test_the_ledger_goes_while_committing(quick: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the answer to the commit is lost, nobody knows: the reply doesn't claim that nothing changed."""
    real = Database.transaction

    @contextmanager
    def cut(self: Database) -> Iterator[Session]:
        with real(self) as session:
            yield session
        raise OperationalError("COMMIT", {}, ConnectionError())

    monkeypatch.setattr(Database, "transaction", cut)
    shown = as_text(quick.run("/note a").card)
    assert "it may or may not have taken effect. Look before you try again. Ref E-" in shown
    assert "Nothing changed" not in shown


def test_the_relay_is_woken(setting: Setting) -> None:
    """After a commit that left something in the outbox the relay is nudged; a nudge that fails harms nobody."""
    setting.run("/note a")
    assert setting.nudges == 0
    setting.run("/note b late")
    assert setting.nudges == 1

    def fails() -> None:
        raise RuntimeError("no loop")

    setting.desk.nudge = fails
    assert setting.run("/note c late").ok
    setting.desk.nudge = None
    assert setting.desk.run_as(setting.world.ada, "/note d late").ok


def test_handles(setting: Setting) -> None:
    """A button that carries a short name for something long does what the long one says; an unknown one is refused."""
    line = f"/say {'x' * 200}"
    handles.keep(setting.desk.database, NOW, {line, "7"})
    assert "x" * 200 in setting.press("page", handles.handle_of(line)).card.title
    with setting.world.session() as session:
        people.set_roles(session, NOW, setting.world.ada.person_id, ["admin"])
    long = "because it was " + "so " * 30
    handles.keep(setting.desk.database, NOW, {long})
    stopped = setting.press("stop.it", handles.handle_of("7"), reason=handles.handle_of(long))
    assert stopped.card.title.startswith("Stopped 7: because it was so so")
    typed = setting.press("stop.it", "8", reason="~h1~ is what I typed")
    assert typed.card.title == "Stopped 8: ~h1~ is what I typed"
    refused = setting.press("page", "~h1~nobody-knows-this")
    assert not refused.ok
    assert "Ask for the card anew" in as_text(refused.card)


def test_handles_without_a_ledger(quick: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """When what a button stands for can't be looked up, nothing happened, and the answer says so."""

    @contextmanager
    def gone(_self: Database) -> Iterator[Session]:
        raise OperationalError("BEGIN", {}, ConnectionError())
        yield

    monkeypatch.setattr(Database, "reading", gone)
    assert "Nothing changed. The ledger didn't answer." in as_text(quick.press("page", "~h1~x").card)
    assert asyncio.run(quick.desk.form(ADA, "stop.it", "1")) is None


def test_late_notices(setting: Setting) -> None:
    """What could not be delivered follows the next reply, once."""
    setting.run("/note hello late")
    with setting.world.session() as session:
        (message,) = outbox.claim(session, NOW, "test")
        outbox.undeliverable(session, NOW, message.id, "closed")
    shown = as_text(setting.run("/open").card)
    assert shown.startswith("Hello Ada\n────")
    assert "While your direct messages were closed, 14 Jan 09:14 UTC: Not done\nhello" in shown
    assert as_text(setting.run("/open").card) == "Hello Ada"


def test_late_notices_that_cannot_be_drawn(quick: Setting, caplog: pytest.LogCaptureFixture) -> None:
    """A notice that can't be drawn doesn't spoil the reply, and stays."""
    with quick.world.session() as session:
        outbox.put(session, NOW, "x", "no_such_template", {}, person_id=quick.world.bo.person_id)
        assert outbox.claim(session, NOW, "test") == []
    assert as_text(quick.desk.run_as(quick.world.bo, "/open").card) == "Hello Bo"
    assert "late notices" in caplog.text
    with quick.world.database.reading() as session:
        assert len(outbox.notices(session, quick.world.bo.person_id)) == 1


def test_notices_that_do_not_fit(quick: Setting) -> None:
    """A reply takes as many late messages as fit; the rest follow the next reply, whole."""
    bo = quick.world.bo
    with quick.world.session() as session:
        for number in range(2):
            outbox.put(session, NOW, f"x{number}", "refusal", {"text": f"{number}" * 2_500}, person_id=bo.person_id)
        assert outbox.claim(session, NOW, "test") == []
    first, second = (as_text(quick.desk.run_as(bo, "/open").card) for _ in range(2))
    assert "0" * 2_500 in first
    assert "1" * 10 not in first
    assert "1" * 2_500 in second


def test_someone_else_showed_the_notice(quick: Setting) -> None:
    """Two commands at once show a notice once."""
    with quick.world.session() as session:
        outbox.put(session, NOW, "x", "refusal", {"text": "late"}, person_id=quick.world.bo.person_id)
        assert outbox.claim(session, NOW, "test") == []
        (notice,) = outbox.notices(session, quick.world.bo.person_id)
        outbox.shown(session, NOW, [notice.id])
    with quick.world.session() as session:
        call = Call(session, CONFIG, NOW, quick.world.bo, None, HERE, settings.UTC)
    reply = Reply(Card("Hello"))
    assert quick.desk._with_notices(call, reply, [notice]) == reply


def test_too_many_at_once(quick: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit callers are refused at once instead of piling up."""
    monkeypatch.setattr(desk_module, "WAITING_MOST", 1)
    started, go = threading.Event(), threading.Event()

    def slow(_call: Call, what: str) -> Reply:
        started.set()
        go.wait(10)
        return Reply(Card(what))

    command("slow", "Waits", registry=quick.desk.registry)(slow)

    async def both() -> tuple[Reply, Reply]:
        first = asyncio.create_task(quick.desk.run(ADA, "/slow a", HERE))
        await asyncio.to_thread(started.wait, 10)
        second = await quick.desk.run(ADA, "/open", HERE)
        go.set()
        return await first, second

    first, second = asyncio.run(both())
    assert first.card.title == "a"
    assert "Too many requests at once" in as_text(second.card)
