"""`settle` pays out closed months on their day, in words and as JSON."""

from __future__ import annotations

from pathlib import Path

from tests.commands import Terminal

TOML = """
[programs.helpers]
kind = "assistants"
[[programs.helpers.terms]]
from = 2025-01-01
minimum = "10.00"
[[rails.manual]]
"""
FILES = {
    "creators": "creator_id,name,country,timezone\nada,Ada,US,\n",
    "projects": "project_id,creator_id,program,name,published_on\np1,ada,helpers,Tutor,2025-11-03\n",
    "usage": "event_id,occurred_at,project_id,user_id,kind,tokens,channel,conversation_id\n"
    "e1,2026-01-13T10:00:00Z,p1,u1,message,10000000,embed,c1\n",
}


def test_settle_pays_out(tmp_path: Path) -> None:
    """On the payout day `settle` says what became available and what waits for approval; before and after, nothing."""
    desk = Terminal(tmp_path)
    (tmp_path / "earnings-desk.toml").write_text(TOML, encoding="utf-8")
    desk.ok("migrate")
    for what, text in FILES.items():
        (tmp_path / f"{what}.csv").write_text(text, encoding="utf-8")
        desk.ok("import", what, f"{what}.csv", "--at", "2026-01-13T12:00:00Z")
    early = desk.json("settle", "--at", "2026-02-01T03:00:00Z")
    assert isinstance(early, dict)
    assert [one["month"] for one in early["payouts"]] == ["2025-12"]
    for _ in range(2):  # a dry run says it, and leaves it to be done
        dry = desk.json("settle", "--dry-run", "--at", "2026-02-02T03:00:00Z")
        assert isinstance(dry, dict)
        (paid,) = dry["payouts"]
        assert (paid["month"], paid["moved"], paid["entry"]) == ("2026-01", "26.250000", None)
    shown = desk.ok("settle", "--at", "2026-02-02T03:00:00Z")
    assert "helpers: $26.25 of Jan 2026 and before is available; 1 withdrawal, $26.25, waits for approval." in shown
    assert desk.json("settle", "--at", "2026-02-02T04:00:00Z")["payouts"] == []  # type: ignore[index]
    desk.ok("verify")
