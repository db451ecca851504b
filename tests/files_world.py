"""Files that are written and imported in tests."""

from __future__ import annotations

from pathlib import Path

from adapters.files import FileReport, import_files
from core.storage import Database
from tests.intake_world import CONFIG, NOW

HEADER = ("event_id", "occurred_at", "project_id", "user_id", "kind", "credits", "platform_cost", "voids")
GOOD = "{},2026-01-13T10:00:00Z,logo,eve,generate,10,4,"


def take(database: Database, *paths: Path | str, kind: str = "usage", rejects: Path | None = None) -> FileReport:
    return import_files(database, CONFIG, kind, paths, "platform", NOW, rejects=rejects)


def outcome(report: FileReport) -> tuple[int, int, list[tuple[int, str]]]:
    return report.accepted, report.duplicates, [(one.line, one.field) for one in report.rejected]
