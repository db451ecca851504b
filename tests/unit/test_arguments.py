"""What people type, matched to signatures."""

# ruff: noqa: ARG001 - of these commands only the signatures matter

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat import arguments
from core.chat.arguments import BadArguments, BadField, Missing, UnknownCommand
from core.chat.cards import Card, FormField, Option
from core.chat.registry import (
    Arg,
    Call,
    ChannelMention,
    Money,
    PersonMention,
    Registry,
    Reply,
    Suggestion,
    action,
    command,
    form_of,
)
from core.chat.templates import BadCard
from core.errors import DeskError

NOW = dt.datetime(2026, 1, 14, 3, tzinfo=dt.UTC)
REGISTRY = Registry()
ANSWER = Reply(Card("never run"))


def names(_call: Call, text: str) -> Iterable[Suggestion | str]:
    return [name for name in ("Logo Lab", "Prompt Pal") if name.lower().startswith(text.lower())]


Name = Annotated[str | None, Arg("Which project", suggest=names)]


@command("stats", "Figures", registry=REGISTRY)
def stats(
    call: Call, project: Name = None, period: Literal["today", "week"] = "week", *, page: int = 1, full: bool = False
) -> Reply:
    return ANSWER


@command("withdraw", "Ask for money", registry=REGISTRY)
def withdraw(
    call: Call,
    amount: Annotated[Money | None, Arg("Empty or “all” means everything", empty="all", minimum=1)] = None,
    method: Annotated[str | None, Arg("Where to", suggest=names)] = None,
) -> Reply:
    return ANSWER


@command("explain", "Why", registry=REGISTRY)
def explain(call: Call, project: Name = None, date: dt.date | None = None) -> Reply:
    return ANSWER


@command("rows", "Lines", sample="1 Jan 13 Jan", registry=REGISTRY)
def rows(
    call: Call, from_: dt.date | None = None, to: dt.date | None = None, status: Literal["open", "done"] | None = None
) -> Reply:
    return ANSWER


@command("desk reject", "No", roles=("approver",), registry=REGISTRY)
def reject(
    call: Call,
    withdrawal: Annotated[int, Arg("Number", prefix="WD-", maximum=1000)],
    reason: Annotated[str, Arg("Why", min_length=10, max_length=500)],
) -> Reply:
    return ANSWER


@command("desk adjust", "Correct", roles=("admin",), registry=REGISTRY)
def adjust(
    call: Call,
    creator: Annotated[str, Arg("Whose")],
    amount: Money,
    reason: Annotated[str, Arg("Why", rest=True)],
    program: Annotated[str | None, Arg("Where")] = None,
) -> Reply:
    return ANSWER


@command("tell", "Mentions", registry=REGISTRY)
def tell(call: Call, who: PersonMention, where: ChannelMention, from_: dt.date | None = None) -> Reply:
    return ANSWER


@action("payout.reject", registry=REGISTRY)
def press_reject(call: Call, value: int, reason: Annotated[str, Arg("Why", min_length=10)], note: str = "") -> Reply:
    return ANSWER


def parsed(line: str, **fields: str) -> dict[str, object]:
    found, rest = arguments.find(REGISTRY, line)
    return arguments.parse(found, rest, NOW, fields)


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ('/stats "Logo Lab" week', {"project": "Logo Lab", "period": "week"}),
        ("/stats “Logo Lab” week", {"project": "Logo Lab", "period": "week"}),
        ("/stats «Logo Lab»", {"project": "Logo Lab"}),
        ("/stats Logo Lab week", {"project": "Logo Lab", "period": "week"}),
        ("/stats week", {"period": "week"}),
        ("/stats WEEK", {"period": "week"}),
        ('/stats "week"', {"project": "week"}),
        ("/stats 'Logo Lab'", {"project": "Logo Lab"}),
        ("/stats Ada's 'tis", {"project": "Ada's 'tis"}),
        ('/stats "Logo Lab', {"project": "Logo Lab"}),
        (r'/stats "a \"b\" \\"', {"project": 'a "b" \\'}),
        ("/stats page=2 full=on", {"page": 2, "full": True}),
        ("/stats --page 2 --full=off", {"page": 2, "full": False}),
        ('/stats project="Logo Lab" period=today', {"project": "Logo Lab", "period": "today"}),
        ("/stats Area 51", {"project": "Area 51"}),
        ("/stats size=9", {"project": "size=9"}),
        ("  stats", {}),
        ("/withdraw", {}),
        ("/withdraw all", {"amount": None}),
        ("/withdraw 50 manual", {"amount": 50_000_000, "method": "manual"}),
        ("/withdraw manual 50", {"amount": 50_000_000, "method": "manual"}),
        ("/withdraw $1,288.40", {"amount": 1_288_400_000}),
        ('/withdraw "50"', {"amount": 50_000_000}),
        ("/withdraw manual transfer", {"method": "manual transfer"}),
        ('/explain "Logo Lab" 13 Jan', {"project": "Logo Lab", "date": dt.date(2026, 1, 13)}),
        ('/explain "Logo Lab" "13 Jan"', {"project": "Logo Lab", "date": dt.date(2026, 1, 13)}),
        ('/explain "13 Jan"', {"project": "13 Jan"}),
        ('/explain "Logo Lab" on 13 Jan', {"project": "Logo Lab", "date": dt.date(2026, 1, 13)}),
        ("/explain to do", {"project": "to do"}),
        ('/stats "Logo Lab" "week"', {"project": "Logo Lab", "period": "week"}),
        ('/rows "1 Jan" "5 Jan"', {"from_": dt.date(2026, 1, 1), "to": dt.date(2026, 1, 5)}),
        ("/rows 1 Jan 2026-01-05 done", {"from_": dt.date(2026, 1, 1), "to": dt.date(2026, 1, 5), "status": "done"}),
        ("/rows from 1 Jan to 5 Jan", {"from_": dt.date(2026, 1, 1), "to": dt.date(2026, 1, 5)}),
        ("/rows until 5 Jan since 1 Jan", {"from_": dt.date(2026, 1, 1), "to": dt.date(2026, 1, 5)}),
        ('/rows to "5 Jan"', {"to": dt.date(2026, 1, 5)}),
        ("/explain 13 January 2025", {"date": dt.date(2025, 1, 13)}),
        ("/explain Jan 14", {"date": dt.date(2026, 1, 14)}),
        ("/explain 15 jan", {"date": dt.date(2025, 1, 15)}),
        ("/explain 29 Feb", {"date": dt.date(2024, 2, 29)}),
        ("/explain 2026-01-02", {"date": dt.date(2026, 1, 2)}),
        ("/explain yesterday", {"date": dt.date(2026, 1, 13)}),
        ("/explain date=today", {"date": dt.date(2026, 1, 14)}),
        ("/explain 31 Feb", {"project": "31 Feb"}),
        ("/explain 13 Foo 2026", {"project": "13 Foo 2026"}),
        ("/desk reject WD-12 because it is wrong", {"withdrawal": 12, "reason": "because it is wrong"}),
        ('/desk reject #12 "because it is wrong"', {"withdrawal": 12, "reason": "because it is wrong"}),
        ('/DESK Reject 12 is "quoted" and on', {"withdrawal": 12, "reason": 'is "quoted" and on'}),
        ("/desk reject --reason 'because it is' 12", {"withdrawal": 12, "reason": "because it is"}),
        (
            "/desk adjust 123 -5.00 goodwill for x=1 program=studio",
            {"creator": "123", "amount": -5_000_000, "reason": "goodwill for x=1", "program": "studio"},
        ),
        ("/tell <@U1|ada> <#C1|general>", {"who": "U1", "where": "C1"}),
        ("/tell <@!7> #general from=2026-01-01", {"who": "7", "where": "general", "from_": dt.date(2026, 1, 1)}),
    ],
)
def test_reads(line: str, values: dict[str, object]) -> None:
    """Each way of writing means what a person would expect."""
    assert parsed(line) == values


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("/stats page=two", "“two” is no number; page looks like 12."),
        ("/stats full=maybe", "“maybe” is neither on nor off"),
        ("/stats period=year", "“year” is none of today, week"),
        ("/stats page=2 page=3", "Page is given twice"),
        ("/stats --page", "--page needs a value"),
        ('/stats "a" "b"', "“b” is none of today, week"),
        ('/stats "a" week extra', "“extra” is one word too many"),
        ("/explain date=soon", "“soon” is no date"),
        ("/rows from soon", "for example /rows 1 Jan 13 Jan"),
        ("/rows to", "“to” is no date"),
        ("/explain date=2026-13-01", "is no date"),
        ("/explain date=1-2", "is no date"),
        ("/withdraw amount=fifty", "“fifty” is no amount"),
        ("/withdraw 50.1234567", "“50.1234567” is no amount"),
        ("/withdraw -5", "Amount must be at least $0.000001"),
        ("/desk reject 1001 because it is", "Withdrawal must be at most 1000"),
        ("/desk reject 99999999999999999999 because it is", "is no number"),
        ("/desk reject x because it is wrong", "“x” is no number; withdrawal looks like WD-12"),
        ("/desk reject 12 short", "Reason takes 10 to 500 characters; you wrote 5"),
        ("/desk adjust ada fifty because", "“fifty” is no amount"),
        ("/stats " + "x" * 1_001, "Project takes at most 1,000 characters"),
        ("/stats " + "x" * 4_001, "too long"),
    ],
)
def test_refuses(line: str, problem: str) -> None:
    """What can't be meant is refused with what was wrong, how to write it, and an example."""
    with pytest.raises(BadArguments) as refusal:
        parsed(line)
    assert problem in str(refusal.value)
    assert "Nothing changed. How to write it: /" in str(refusal.value)


def test_missing() -> None:
    """What is left out is named, with an example; what was given is kept for the form."""
    example = r"/desk reject needs withdrawal \(Number\)\. For example: /desk reject 12"
    with pytest.raises(Missing, match=example) as found:
        parsed("/desk reject", reason="because it is so")
    assert found.value.given == {"reason": "because it is so"}
    with pytest.raises(Missing, match="needs withdrawal") as found:
        parsed("/desk reject reason=because a=b 12")
    assert found.value.given == {"reason": "because a=b 12"}
    with pytest.raises(Missing, match=r"needs creator \(Whose\) and amount and reason \(Why\)"):
        parsed("/desk adjust")


def test_fields() -> None:
    """Answers of a form count like typed ones, win over the line, and empty ones don't count."""
    assert parsed("/stats today", period="week", project=" ") == {"period": "week"}
    with pytest.raises(BadArguments, match="no “colour” to give"):
        parsed("/stats", colour="red")
    with pytest.raises(BadArguments, match="is none of"):
        parsed("/stats", period="year")


def test_unknown_commands() -> None:
    """A misspelt name is answered with the nearest one."""
    with pytest.raises(UnknownCommand, match=r"no command /statz. Did you mean /stats\?"):
        parsed("/statz week")
    with pytest.raises(UnknownCommand, match=r"Did you mean /desk reject\?"):
        parsed("/desk rejct 1")
    for nothing in ("", "/", "   ", "/qqqqqq"):
        with pytest.raises(UnknownCommand, match="/help lists them all"):
            parsed(nothing)


def pressed(value: str, **fields: str) -> dict[str, object]:
    return arguments.parse_action(REGISTRY.actions["payout.reject"], value, NOW, fields)


def test_pressed() -> None:
    """A button's value and the answers of its form are converted and checked like typed ones."""
    assert pressed("12", reason="because it is wrong", note=" ") == {"value": 12, "reason": "because it is wrong"}
    for value, fields, problem in (
        ("x", {"reason": "because it is wrong"}, "is no number"),
        ("12", {}, "Reason must be given"),
        ("12", {"reason": "no"}, "10 to 1,000 characters"),
        ("12", {"role": "owner"}, "no “role” to give"),
    ):
        with pytest.raises(BadField, match=problem):
            pressed(value, **fields)


ODD = st.sampled_from(['/desk reject "', "/stats ' \\", "/withdraw --", "/stats =", "/tell <@"])


@given(st.text() | ODD, st.text())
def test_never_a_traceback(line: str, more: str) -> None:
    """Whatever is typed, it is understood or refused."""
    for text in (line, f"/stats {line}", f"/desk reject {line} {more}", f"/withdraw {more}", f"/explain {line}"):
        with contextlib.suppress(DeskError):
            parsed(text, **{"period": more} if len(more) > 3 else {})


def test_usage() -> None:
    """How to write a command is read off its signature."""
    commands = REGISTRY.commands
    assert commands["stats"].usage == "/stats [project] [today|week] [full=…]"
    assert commands["desk reject"].usage == "/desk reject <withdrawal> <reason>"
    assert commands["desk reject"].example == '/desk reject 12 "Logo Lab"'
    assert [one.name for one in REGISTRY.group("desk")] == ["desk reject", "desk adjust"]
    assert list(REGISTRY.names()) == ["stats", "withdraw", "explain", "rows", "desk", "tell"]


def test_form_fields() -> None:
    """A form's questions are read off it too."""
    params = {param.name: param for param in REGISTRY.commands["desk reject"].params}
    assert params["reason"].form_field() == FormField("reason", "Why", True, "long", 10, 500)
    assert params["withdrawal"].form_field("7") == FormField("withdrawal", "Number", True, "number", value="7")
    period = REGISTRY.commands["stats"].params[1]
    options = (Option("today", "today"), Option("week", "week", True))
    assert period.form_field() == FormField("period", "Period", False, "choice", options=options, value="week")


def test_declared_once_and_rightly() -> None:
    """A second declaration, or one that no surface could ask for, fails at once."""
    with pytest.raises(ValueError, match="declared twice"):
        command("stats", "again", registry=REGISTRY)(stats)
    with pytest.raises(ValueError, match="declared twice"):
        action("payout.reject", registry=REGISTRY)(press_reject)
    with pytest.raises(ValueError, match="declared twice"):
        action("page", registry=REGISTRY)(press_reject)

    def odd(call: Call, number: complex) -> Reply:
        return ANSWER

    with pytest.raises(TypeError, match="can't be a"):
        command("odd", "", registry=REGISTRY)(odd)
    with pytest.raises(ValueError, match="named value"):
        action("odd", registry=REGISTRY)(stats)


def test_forms_of_unknown_buttons() -> None:
    """A template that names an action or command which isn't there is faulty."""
    with pytest.raises(BadCard, match="no such action"):
        form_of("no.such", "", False)
    with pytest.raises(BadCard, match="bare command"):
        form_of("open", "/no such", True)
    assert form_of("open", "/whatever", False) is None
