"""The command line as interfaces.md has it: names, options, JSON shapes, exit statuses."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Terminal, environment

CREATORS = "creator_id,name,country,timezone\nada,Ada,DE,Europe/Berlin\nbob,Bob,US,\n"
PROJECTS = "project_id,creator_id,program,name,published_on\np1,ada,studio,Logo Lab,2025-11-03\n"
USAGE = """event_id,occurred_at,project_id,user_id,kind,credits,platform_cost
e1,2026-01-13T10:00:00Z,p1,u1,generate,10000,8000
e2,2026-01-13T11:00:00+01:00,p1,ada,generate,320,0
"""
DAY = "2026-01-13T12:00:00Z"
NIGHT = "2026-01-14T03:00:00Z"
MORNING = "2026-01-14T09:00:00Z"


@pytest.fixture(scope="module")
def desk_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk with the seed's example in it, not settled yet; copied for each test."""
    terminal = Terminal(tmp_path_factory.mktemp("desk"))
    terminal.ok("init")
    for what, text in (("creators", CREATORS), ("projects", PROJECTS), ("usage", USAGE)):
        (terminal.folder / f"{what}.csv").write_text(text, encoding="utf-8")
        terminal.ok("import", what, f"{what}.csv", "--at", DAY)
    return terminal.folder


@pytest.fixture(scope="module")
def rich_folder(desk_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, where Ada has $1,000 and there are people with roles."""
    desk = Terminal(shutil.copytree(desk_folder, tmp_path_factory.mktemp("rich") / "desk"))
    more = USAGE.replace("e1", "rich").replace("10000,8000", "200000,2000")
    (desk.folder / "more.csv").write_text(more.replace("\ne2", "\ne3"), encoding="utf-8")
    desk.ok("import", "usage", "more.csv", "--at", DAY)
    desk.ok("settle", "--at", NIGHT)
    desk.ok("person", "add", "Mira", "--role", "approver")
    desk.ok("person", "add", "Tom", "--role", "approver", "--role", "admin")
    return desk.folder


@pytest.fixture
def desk(desk_folder: Path, tmp_path: Path) -> Terminal:
    """A desk with the seed's example in it, not settled yet."""
    return Terminal(shutil.copytree(desk_folder, tmp_path, dirs_exist_ok=True))


@pytest.fixture
def rich(rich_folder: Path, tmp_path: Path) -> Terminal:
    """The same, where Ada has $1,000 and there are people with roles."""
    return Terminal(shutil.copytree(rich_folder, tmp_path, dirs_exist_ok=True))


def runs(document: object) -> dict[str, Any]:
    """The one program of `settle --json`."""
    assert isinstance(document, dict)
    (only,) = document["programs"]
    return dict(only)


def test_the_seeds_example(desk: Terminal) -> None:
    """10,000 − 8,000 credits come to 1,000 credits, $10.00; late usage adds its half; a void takes it back."""
    first = runs(desk.json("settle", "--at", NIGHT))
    assert {name: first[name] for name in ("program", "from", "through", "dry_run", "projects", "creators")} == {
        "program": "studio",
        "from": "2026-01-13",
        "through": "2026-01-13",
        "dry_run": False,
        "projects": 1,
        "creators": 1,
    }
    assert (first["amount_micros"], first["amount"]) == (10_000_000, "10.000000")
    assert (first["costs_micros"], first["margin_micros"]) == (80_000_000, 10_000_000)
    assert isinstance(first["entry"], int)
    again = runs(desk.json("settle", "--at", NIGHT))
    assert (again["amount_micros"], again["entry"]) == (0, None)
    explained = desk.ok("ask", "--as", "ada", '/explain "Logo Lab" 2026-01-13', "--at", MORNING)
    for part in ("10,000 credits", "8,000", "2,000", "1,000 credits = $10.00", "320 credits"):
        assert part in explained
    late = USAGE.splitlines()[0] + "\nlate,2026-01-13T23:00:00Z,p1,u1,generate,100,0\n"
    (desk.folder / "late.csv").write_text(late, encoding="utf-8")
    desk.ok("import", "usage", "late.csv", "--at", "2026-01-14T10:00:00Z")
    second = runs(desk.json("settle", "--at", "2026-01-15T03:00:00Z"))
    assert (second["amount_micros"], second["late_days"]) == (500_000, ["2026-01-13"])
    void = "event_id,occurred_at,project_id,user_id,kind,voids\nv,2026-01-15T00:00:00Z,,,void,late\n"
    (desk.folder / "void.csv").write_text(void, encoding="utf-8")
    desk.ok("import", "usage", "void.csv", "--at", "2026-01-15T10:00:00Z")
    third = runs(desk.json("settle", "--at", "2026-01-16T03:00:00Z"))
    assert third["amount_micros"] == -500_000
    verified = desk.json("verify")
    assert isinstance(verified, dict)
    assert verified["ok"] is True
    assert set(verified["checks"][0]) == {"name", "ok", "detail"}
    assert isinstance(third["head"], str)
    assert desk.json("verify", "--head", third["head"])


def test_dry_run_posts_nothing(desk: Terminal) -> None:
    """A dry run shows what would be posted, and the real run still posts it."""
    dry = runs(desk.json("settle", "--dry-run", "--at", NIGHT))
    assert (dry["dry_run"], dry["amount_micros"], dry["entry"]) == (True, 10_000_000, None)
    assert "Dry run" in desk.ok("settle", "--dry-run", "--at", NIGHT)
    assert runs(desk.json("settle", "--program", "studio", "--at", NIGHT))["entry"] is not None
    assert "No program called 'nope'" in desk.refused("settle", "--program", "nope")


def test_outside_judges_accept_the_export(rich: Terminal) -> None:
    """hledger and bean-check accept the exported journal."""
    rich.ok("export", "journal", "--format", "hledger", "-o", "books.journal")
    rich.ok("export", "journal", "--format", "beancount", "-o", "books.beancount")
    if shutil.which("hledger") is None:
        pytest.skip("hledger is not installed")
    subprocess.run(["hledger", "-f", "books.journal", "check"], check=True, cwd=rich.folder)
    checker = [sys.executable, "-m", "beancount.scripts.check", "books.beancount"]
    subprocess.run(checker, check=True, cwd=rich.folder)


def test_exports(rich: Terminal) -> None:
    """Transactions, payouts and the audit trail come as CSV; -o writes a file whole; formats are checked."""
    rows = list(csv.DictReader(io.StringIO(rich.ok("export", "transactions", "--format", "csv"))))
    assert [row["amount_usd"] for row in rows] == ["1000.000000"]
    assert "creator_id" in rich.ok("export", "payouts", "--format", "csv")
    assert "person.add" in rich.ok("export", "audit")
    assert rich.ok("export", "transactions", "--from", "2026-02-01", "--to", "2026-02-03").count("\n") == 1
    assert rich.run("export", "journal", "--format", "csv").status == 2
    assert rich.run("export", "audit", "--format", "hledger").status == 2
    assert rich.run("export", "audit", "--from", "yesterday").status == 2
    assert rich.run("export", "audit", "--from", "2026-02-02", "--to", "2026-02-01").status == 2
    assert "No such file or directory" in rich.refused("export", "audit", "-o", "no/such/folder.csv")


def buttons(document: object) -> dict[str, str]:
    """Action → value of what `--json` listed."""
    assert isinstance(document, dict)
    assert set(document) == {"card", "text", "buttons"}
    assert {"title", "tone", "blocks"} <= set(document["card"])
    assert all(set(one) == {"action", "value", "label"} for one in document["buttons"])
    return {one["action"]: one["value"] for one in document["buttons"]}


def test_a_withdrawal_from_terminal_to_paid(rich: Terminal) -> None:
    """Asked for, confirmed, approved by two, sent and marked paid, all by ask, press and payouts."""
    draft = buttons(rich.json("ask", "--as", "ada", "/withdraw 600", "--at", MORNING))["withdraw.confirm"]
    rich.json("press", "--as", "ada", "withdraw.confirm", draft, "--at", MORNING)
    listed = rich.json("payouts", "list")
    assert isinstance(listed, list)
    expected = {
        "id": 1,
        "creator_id": "ada",
        "program": "studio",
        "state": "requested",
        "amount_micros": 600_000_000,
        "amount": "600.000000",
        "fee_micros": 0,
        "fee": "0.000000",
        "method": "manual",
        "requested_at": MORNING,
    }
    assert {name: listed[0][name] for name in expected} == expected
    assert "Only approvers" in rich.refused("press", "--as", "ada", "payout.approve", "1", "--at", MORNING)
    rich.ok("press", "--as", "Mira", "payout.approve", "1", "--at", MORNING)
    assert "You approved WD-1" in rich.refused("press", "--as", "Mira", "payout.approve", "1", "--at", MORNING)
    assert rich.ok("payouts", "send", "--at", MORNING) == "Nothing is due to be sent.\n"
    rich.ok("press", "--as", "Tom", "payout.approve", "1", "--at", MORNING)
    sent = rich.json("payouts", "send", "--at", MORNING)
    assert isinstance(sent, list)
    assert (sent[0]["state"], sent[0]["outcome"]) == ("sent", "sent")
    paid = rich.json("payouts", "mark-paid", "WD-1", "--reference", "TR-1", "--at", MORNING)
    assert isinstance(paid, dict)
    assert (paid["state"], paid["reference"]) == ("paid", "TR-1")
    assert "paid" in rich.refused("payouts", "mark-failed", "1", "--reason", "It came back from the bank.")
    assert rich.ok("payouts", "list", "--state", "paid").count("\n") == 2
    assert rich.ok("payouts", "list", "--state", "requested") == "No withdrawals.\n"
    rich.ok("payouts", "mark-returned", "1", "--reason", "The account was closed meanwhile.", "--at", MORNING)
    verified = rich.json("verify")
    assert isinstance(verified, dict)
    assert verified["ok"] is True


def test_rejecting_needs_a_reason(rich: Terminal) -> None:
    """Fields of a button's form are given as NAME=TEXT; without the reason the press is refused."""
    draft = buttons(rich.json("ask", "--as", "ada", "/withdraw 50", "--at", MORNING))["withdraw.confirm"]
    rich.ok("press", "--as", "ada", "withdraw.confirm", draft, "--at", MORNING)
    assert rich.run("press", "--as", "Mira", "payout.reject", "1", "--at", MORNING).status == 1
    assert rich.run("press", "--as", "Mira", "payout.reject", "1", "--field", "reason").status == 2
    why = "reason=The name on the account is another."
    rich.ok("press", "--as", "Mira", "payout.reject", "1", "--field", why, "--at", MORNING)
    assert "rejected" in rich.ok("payouts", "list")
    assert "button is from an older version" in rich.refused("press", "--as", "Mira", "no.such", "1")


@pytest.mark.parametrize("value", ["-x", "-as", "--nobody-made-this", "-1"])
def test_values_that_begin_like_options(rich: Terminal, value: str) -> None:
    """`press` takes a value that begins with "-" for the button's value, not for an option."""
    said = rich.refused("press", "--as", "ada", "withdraw.confirm", value, "--at", MORNING)
    assert "preview" in said


def test_refusals_say_why(rich: Terminal) -> None:
    """A refusal ends with 1 and one line on stderr; with --json the card is printed as well."""
    line = rich.refused("ask", "--as", "ada", "/withdraw 49.99", "--at", MORNING)
    assert line == "Minimum $50.00; you asked for $49.99, $0.01 short. Nothing moved."
    result = rich.run("ask", "--as", "ada", "/withdraw 49.99", "--at", MORNING, "--json")
    assert result.status == 1
    assert json.loads(result.out)["card"]["tone"] == "warn"
    assert result.err.rstrip() == line
    assert "Nobody here is called 'eve'" in rich.refused("ask", "--as", "eve", "/balance")
    assert rich.run("ask", "/balance").status == 2
    assert rich.run("ask", "--as", "ada").status == 2


def test_attached_files_are_kept_on_request(rich: Terminal) -> None:
    """A CSV that a command attaches is named, and kept with --save."""
    pressed = buttons(rich.json("ask", "--as", "ada", "/transactions", "--at", MORNING))
    action = next(name for name, value in pressed.items() if "csv" in f"{name}{value}".lower())
    told = rich.run("press", "--as", "ada", action, pressed[action], "--at", MORNING)
    assert "--save DIR keeps it" in told.err
    told = rich.run("press", "--as", "ada", action, pressed[action], "--at", MORNING, "--save", "kept")
    (kept,) = (rich.folder / "kept").iterdir()
    assert "1000.00" in kept.read_text(encoding="utf-8")


def test_import_reports_and_keeps_rejects(desk: Terminal) -> None:
    """Refused rows are reported with file, line, field and reason, kept in a file, and mended there."""
    bad = USAGE.replace("e1", "x1").replace("e2", "x2").replace("p1,u1", "p9,u1")
    (desk.folder / "bad.csv").write_text(bad, encoding="utf-8")
    report = desk.json("import", "usage", "bad.csv", "--rejects", "rejects.csv", "--at", DAY)
    assert isinstance(report, dict)
    assert (report["accepted"], report["duplicates"]) == (1, 0)
    (reject,) = report["rejected"]
    assert (reject["file"], reject["line"], reject["field"]) == ("bad.csv", 2, "project_id")
    assert set(reject) == {"file", "line", "field", "reason"}
    mended = (desk.folder / "rejects.csv").read_text(encoding="utf-8").replace("p9", "p1")
    (desk.folder / "rejects.csv").write_text(mended, encoding="utf-8")
    report = desk.json("import", "usage", "rejects.csv", "bad.csv", "--at", DAY)
    assert isinstance(report, dict)
    assert (report["accepted"], report["duplicates"], len(report["rejected"])) == (1, 1, 1)


def test_many_rejects_are_not_poured_out(desk: Terminal) -> None:
    """Without --json the first rejects are told, and how many more there are."""
    rows = "".join(f"z{number},2026-01-13T10:00:00Z,p9,u,view,,\n" for number in range(50))
    (desk.folder / "many.csv").write_text(USAGE.splitlines()[0] + "\n" + rows, encoding="utf-8")
    result = desk.run("import", "usage", "many.csv", "--at", DAY)
    assert result.out == "0 accepted, 0 duplicates, 50 rejected.\n"
    assert "… and 30 more." in result.err
    assert "--rejects FILE" in result.err


def test_import_refusals(desk: Terminal) -> None:
    """What can't be imported as a whole is refused with its reason."""
    assert "no-such.csv" in desk.refused("import", "usage", "no-such.csv")
    (desk.folder / "odd.csv").write_text("event_id,colour\n1,red\n", encoding="utf-8")
    assert "colour" in desk.refused("import", "usage", "odd.csv")
    assert "Known here: payment_id" in desk.refused("import", "subscriptions", "usage.csv")
    assert desk.run("import", "payments", "usage.csv").status == 2
    assert desk.run("import", "usage").status == 2
    assert desk.run("import", "usage", "usage.csv", "--reopen").status == 2
    assert desk.run("import", "usage", "usage.csv", "--reason", "x").status == 2
    assert desk.run("import", "creators", "creators.csv", "--reopen", "--reason", "x").status == 2
    assert desk.run("import", "usage", "usage.csv", "--program", "studio").status == 2


def test_usage_of_a_closed_day_can_be_reopened(desk: Terminal) -> None:
    """Usage that is too late is refused, and taken with --reopen and a reason, which is audited."""
    (desk.folder / "early.csv").write_text(USAGE.replace("e1", "y1").replace("e2", "y2"), encoding="utf-8")
    desk.ok("settle", "--at", "2026-03-14T03:00:00Z")
    late = desk.json("import", "usage", "early.csv", "--at", "2026-03-14T09:00:00Z")
    assert isinstance(late, dict)
    assert (late["accepted"], len(late["rejected"])) == (0, 2)
    words = ("--reopen", "--reason", "The exporter was down in January")
    taken = desk.json("import", "usage", "early.csv", *words, "--at", "2026-03-14T09:00:00Z")
    assert isinstance(taken, dict)
    assert taken["accepted"] == 2
    assert "The exporter was down" in desk.ok("export", "audit")


def test_subscriptions_are_imported(desk: Terminal) -> None:
    """Payments come from a file into the program that has subscriptions; one that is too late can be reopened."""
    lines = "payment_id,paid_at,user_id,plan,amount_usd,month,referrer_id,voids\n"
    lines += (
        "p1,2026-01-03T08:00:00Z,eve,Plus,19.00,2026-01,ada,\np2,2026-01-03T08:00:00Z,eve,Plus,19.00,2026-01,zoe,\n"
    )
    (desk.folder / "paid.csv").write_text(lines, encoding="utf-8")
    report = desk.json("import", "subscriptions", "paid.csv", "--at", DAY)
    assert isinstance(report, dict)
    assert report["accepted"] == 1
    assert [(one["line"], one["field"]) for one in report["rejected"]] == [(3, "referrer_id")]
    again = ("import", "subscriptions", "paid.csv", "--program", "assisters", "--reopen", "--reason", "To be sure")
    assert desk.ok(*again, "--at", DAY).startswith("0 accepted, 1 duplicates, 1 rejected.")
    assert "there is assisters" in desk.refused("import", "subscriptions", "paid.csv", "--program", "studio")


def test_import_from_stdin(desk: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "-" is CSV on standard input."""
    text = USAGE.replace("e1", "s1").replace("e2", "s2")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    report = desk.json("import", "usage", "-", "--source", "beta", "--at", DAY)
    assert report == {"accepted": 2, "duplicates": 0, "rejected": []}


def test_people_and_codes(desk: Terminal) -> None:
    """Persons are added with roles and listed; codes are made for creators and persons."""
    assert desk.ok("person", "list").startswith("Nobody yet")
    desk.ok("person", "add", "Mira", "--role", "approver")
    desk.ok("person", "add", "Ada L.", "--creator", "ada", "--role", "admin")
    assert desk.json("person", "list") == [
        {"name": "Ada L.", "creator_id": "ada", "roles": ["admin"]},
        {"name": "Mira", "creator_id": None, "roles": ["approver"]},
    ]
    assert desk.ok("person", "roles", "Mira", "--role", "owner") == "Mira: owner.\n"
    assert desk.ok("person", "roles", "Mira") == "Mira: no role.\n"
    assert "There is a person called 'Mira'" in desk.refused("person", "add", "Mira")
    assert "There is no role 'boss'" in desk.refused("person", "add", "X", "--role", "boss")
    code = desk.json("link-code", "--creator", "ada", "--at", NIGHT)
    assert isinstance(code, dict)
    assert (code["person"], code["expires_at"]) == ("Ada L.", "2026-01-14T03:10:00Z")
    assert "type /link" in desk.ok("link-code", "--person", "Mira")
    assert desk.run("link-code").status == 2
    assert desk.run("link-code", "--creator", "ada", "--person", "Mira").status == 2
    assert "Nobody here is called 'Mira'" in desk.refused("link-code", "--creator", "Mira")


def test_api_keys(desk: Terminal) -> None:
    """A key is shown once; what is stored of it is listed; a revoked one stays as history."""
    key = desk.ok("api-key", "create", "exporter", "--source", "beta").strip()
    keys = desk.json("api-key", "list")
    assert isinstance(keys, list)
    (listed,) = keys
    assert key.startswith(listed["prefix"])
    assert (listed["name"], listed["source"], listed["revoked_at"]) == ("exporter", "beta", None)
    assert key not in desk.ok("api-key", "list")
    assert "already a key named" in desk.refused("api-key", "create", "exporter")
    desk.ok("api-key", "revoke", "exporter")
    assert "no active key" in desk.refused("api-key", "revoke", "exporter")


def test_doctor(desk: Terminal) -> None:
    """`doctor` finds nothing wrong in a fresh desk, and names what is, with what to do."""
    found = desk.json("doctor", "--at", MORNING)
    assert isinstance(found, dict)
    assert found["ok"] is True
    checks = {check["name"]: check for check in found["checks"]}
    assert checks["roles"]["status"] == "note"
    assert "person add" in checks["roles"]["hint"]
    waits = checks["settlement of studio"]
    assert (waits["status"], waits["detail"]) == ("note", "usage from 13 Jan 2026 waits")
    assert "`earnings-desk settle`" in waits["hint"]
    config = desk.folder / "earnings-desk.toml"
    text = config.read_text(encoding="utf-8")
    desk.ok("settle", "--at", NIGHT)
    config.write_text(text.replace('share = "50%"', 'share = "60%"'), encoding="utf-8")
    assert "terms" in desk.refused("doctor", "--at", MORNING)
    assert "2026-01-13" in desk.refused("settle", "--at", NIGHT)
    desk.ok("verify")  # looking is always possible
    config.write_text("[desk]\nnmae = 1\n", encoding="utf-8")
    result = desk.run("doctor", "--json")
    assert result.status == 1
    assert any("desk.nmae is unknown" in check["detail"] for check in json.loads(result.out)["checks"])


def test_at_needs_an_offset(desk: Terminal) -> None:
    """A time without an offset, or none at all, is wrong usage."""
    assert desk.run("settle", "--at", "2026-01-14T03:00:00").status == 2
    assert desk.run("settle", "--at", "soon").status == 2
    assert runs(desk.json("settle", "--at", "2026-01-14T04:00:00+01:00"))["amount_micros"] == 10_000_000


def test_verify_finds_tampering(rich: Terminal) -> None:
    """A changed balance is found, named, and ends with status 1."""
    with closing(sqlite3.connect(rich.folder / "earnings-desk.db")) as books:
        books.execute("UPDATE account SET balance = balance + 1 WHERE creator = 'ada' AND role = 'available'")
        books.commit()
    assert "balances" in rich.refused("verify")
    result = rich.run("verify", "--json")
    assert (result.status, json.loads(result.out)["ok"]) == (1, False)
    assert "head" in rich.refused("verify", "--head", "0" * 64).lower()


@pytest.fixture
def locked(desk: Terminal) -> Iterator[Terminal]:
    """A desk whose database another program holds."""
    holder = sqlite3.connect(desk.folder / "earnings-desk.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    yield desk
    holder.execute("ROLLBACK")
    holder.close()


def test_locked_database(locked: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that stays locked ends in one line, without a traceback."""
    monkeypatch.setattr("core.storage.BUSY_SECONDS", 0.2)
    assert "locked" in locked.refused("settle", "--at", NIGHT)


def test_unexpected_errors_stay_one_line(desk: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours is one line too, and says how to see more."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("odd\nthing")

    monkeypatch.setattr("core.earnings.settlement.settle_due", broken)
    assert "RuntimeError: odd thing" in desk.refused("settle")


def test_two_imports_at_once(desk: Terminal) -> None:
    """Two processes that import the same file at once take each event once."""
    rows = "".join(f"w{number},2026-01-13T10:00:00Z,p1,u,generate,10,0\n" for number in range(2000))
    (desk.folder / "same.csv").write_text(USAGE.splitlines()[0] + "\n" + rows, encoding="utf-8")
    found: list[dict[str, int]] = []

    def run() -> None:
        command = [sys.executable, "-m", "bot", "import", "usage", "same.csv", "--json", "--at", DAY]
        done = subprocess.run(command, cwd=desk.folder, env=environment(), capture_output=True, check=True)
        found.append(json.loads(done.stdout))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one["accepted"] for one in found) == 2000
    assert sum(one["duplicates"] for one in found) == 2000
