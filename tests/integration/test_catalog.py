"""Creators and projects: kept, updated, refused, found again; on both databases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest

from core.earnings.catalog import (
    CreatorRow,
    NoSuchProject,
    ProjectRow,
    creator,
    find_project,
    projects_of,
    upsert_creators,
    upsert_projects,
)
from core.earnings.intake import ImportReport
from core.earnings.terms import sync_programs
from core.ledger import accounts
from core.storage import Database
from tests.intake_world import CONFIG, NOW, column

ADA = {"creator_id": "ada", "name": "Ada", "country": "us"}
LOGO = {
    "project_id": "p1",
    "creator_id": "ada",
    "program": "studio",
    "name": "Logo Lab",
    "published_on": "2025-11-03",
}


@pytest.fixture
def desk(database: Database) -> Database:
    with database.transaction() as session:
        sync_programs(session, CONFIG)
    return database


def creators(database: Database, *rows: Mapping[str, object] | CreatorRow) -> ImportReport:
    with database.transaction() as session:
        return upsert_creators(session, rows)


def projects(database: Database, *rows: Mapping[str, object] | ProjectRow) -> ImportReport:
    with database.transaction() as session:
        return upsert_projects(session, rows, NOW)


def test_creators_are_kept(desk: Database) -> None:
    """A creator has what the row says; what it doesn't say has a default."""
    full = ADA | {"creator_id": "bob", "timezone": "Europe/Berlin", "email": "bob@example.com", "referred_by": "ada"}
    report = creators(desk, ADA, full)
    assert (report.accepted, report.duplicates, report.rejected) == (2, 0, [])
    with desk.reading() as session:
        ada, bob = creator(session, "ada"), creator(session, "bob")
        assert creator(session, "eve") is None
    assert ada is not None
    assert (ada.country, ada.timezone, ada.email, ada.referred_by) == ("US", "UTC", None, None)
    assert bob is not None
    assert (bob.timezone, bob.email, bob.referred_by) == ("Europe/Berlin", "bob@example.com", "ada")


def test_update_leaves_absent_fields_alone(desk: Database) -> None:
    """A field that a row lacks stays as it is; an empty one is taken away; the same again is a duplicate."""
    creators(desk, ADA | {"timezone": "Europe/Berlin", "email": "ada@example.com"})
    assert creators(desk, ADA).duplicates == 1
    assert creators(desk, ADA | {"name": "Ada L.", "email": ""}).accepted == 1
    with desk.reading() as session:
        ada = creator(session, "ada")
    assert ada is not None
    assert (ada.name, ada.timezone, ada.email) == ("Ada L.", "Europe/Berlin", None)


def test_later_row_of_a_batch_wins(desk: Database) -> None:
    """Rows of one batch act one after the other."""
    report = creators(desk, ADA, ADA | {"name": "Ada L."}, ADA | {"name": "Ada L."}, CreatorRow("ada", "Ada M.", "US"))
    assert (report.accepted, report.duplicates) == (3, 1)
    assert column(desk, "SELECT name FROM creator") == ["Ada M."]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"creator_id": ""}, "creator_id", "is empty"),
        ({"creator_id": "x" * 201}, "creator_id", "201 characters"),
        ({"name": ""}, "name", "is empty"),
        ({"name": "x" * 10_000}, "name", "10000 characters"),
        ({"name": "a\x07"}, "name", "control character"),
        ({"country": "XX"}, "country", "ISO 3166"),
        ({"country": 7}, "country", "must be text"),
        ({"timezone": "Berlin"}, "timezone", "IANA"),
        ({"timezone": "../etc/passwd"}, "timezone", "IANA"),
        ({"email": "nobody"}, "email", "no e-mail address"),
        ({"email": "a b@c"}, "email", "no e-mail address"),
        ({"referred_by": "x" * 201}, "referred_by", "201 characters"),
        ({"nickname": "A"}, "nickname", "is not a field"),
    ],
)
def test_refuses_bad_creators(sqlite_database: Database, change: dict[str, object], field: str, reason: str) -> None:
    """A creator that can't be kept is refused by field; the others of the batch are kept."""
    report = creators(sqlite_database, ADA, ADA | {"creator_id": "bob"} | change, ADA | {"creator_id": "cyd"})
    assert [(one.index, one.field) for one in report.rejected] == [(1, field)]
    assert reason in report.rejected[0].reason
    assert column(sqlite_database, "SELECT creator_id FROM creator ORDER BY creator_id") == ["ada", "cyd"]


def test_refuses_what_is_no_row(sqlite_database: Database) -> None:
    """Things that are no rows are refused by their place."""
    report = creators(sqlite_database, "ada", ADA)  # type: ignore[arg-type]
    assert [(one.index, one.field) for one in report.rejected] == [(0, "")]


def test_projects_open_wallets(desk: Database) -> None:
    """A project's creator has wallets in its program from then on; importing again changes nothing."""
    creators(desk, ADA)
    assert projects(desk, LOGO, LOGO | {"project_id": "p2"}).accepted == 2
    assert projects(desk, LOGO).duplicates == 1
    with desk.reading() as session:
        assert list(accounts.wallets(session, "ada")) == ["studio"]


def test_project_updates(desk: Database) -> None:
    """Name, publication and deletion can change; a deleted project comes back only when the field says so."""
    creators(desk, ADA)
    projects(desk, LOGO)
    projects(desk, LOGO | {"deleted_at": "2026-01-14T01:00:00+01:00"})
    projects(desk, LOGO | {"name": "Logo Loft", "published_on": "2025-11-04"})
    with desk.reading() as session:
        logo = find_project(session, "ada", "p1")
    assert (logo.name, logo.published_on, logo.deleted_at) == (
        "Logo Loft",
        dt.date(2025, 11, 4),
        dt.datetime(2026, 1, 14, tzinfo=dt.UTC),
    )
    projects(desk, ProjectRow("p1", "ada", "studio", "Logo Loft", dt.date(2025, 11, 4)))
    assert column(desk, "SELECT count(*) FROM project WHERE deleted_at IS NULL") == [1]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"project_id": ""}, "project_id", "is empty"),
        ({"creator_id": "eve"}, "creator_id", "import creators first"),
        ({"program": "cinema"}, "program", "there is arcade, studio"),
        ({"name": " "}, "name", "is empty"),
        ({"published_on": "3 Nov 2025"}, "published_on", "no date"),
        ({"published_on": "2025-02-30"}, "published_on", "no date"),
        ({"published_on": ""}, "published_on", "is empty"),
        ({"deleted_at": "2026-01-14"}, "deleted_at", "no time"),
        ({"deleted_at": "2027-01-01T00:00:00Z"}, "deleted_at", "in the future"),
        ({"price_per_million_usd": "3.75"}, "price_per_million_usd", "kind assistants"),
        ({"price_from": "2026-01-01"}, "price_from", "kind assistants"),
        ({"owner": "ada"}, "owner", "is not a field"),
        ({"project_id": "p1", "creator_id": "bob"}, "creator_id", "can't change; the project has 'ada'"),
        ({"project_id": "p1", "program": "arcade"}, "program", "can't change; the project has 'studio'"),
    ],
)
def test_refuses_bad_projects(sqlite_database: Database, change: dict[str, object], field: str, reason: str) -> None:
    """A project that can't be kept is refused by field; the others of the batch are kept."""
    with sqlite_database.transaction() as session:
        sync_programs(session, CONFIG)
    creators(sqlite_database, ADA, ADA | {"creator_id": "bob"})
    report = projects(sqlite_database, LOGO, LOGO | {"project_id": "p2"} | change, LOGO | {"project_id": "p3"})
    assert [(one.index, one.field) for one in report.rejected] == [(1, field)]
    assert reason in report.rejected[0].reason
    assert column(sqlite_database, "SELECT project_id FROM project ORDER BY project_id") == ["p1", "p3"]


def test_no_program_yet(sqlite_database: Database) -> None:
    """Without any program a project is refused, with that said."""
    creators(sqlite_database, ADA)
    assert "there is none" in projects(sqlite_database, LOGO).rejected[0].reason


def test_finds_projects(desk: Database) -> None:
    """By id before name, in any case, only one's own; live before deleted, newer before older."""
    creators(desk, ADA, ADA | {"creator_id": "bob"})
    projects(
        desk,
        LOGO,
        LOGO | {"project_id": "p2", "name": "ÉTÉ", "program": "arcade"},
        LOGO | {"project_id": "p3", "name": "p1"},
        LOGO | {"project_id": "p4", "name": "Twin", "published_on": "2025-12-01", "deleted_at": "2026-01-01T00:00:00Z"},
        LOGO | {"project_id": "p5", "name": "twin", "published_on": "2025-10-01"},
        LOGO | {"project_id": "p6", "name": "TWIN", "published_on": "2025-11-01"},
        LOGO | {"project_id": "p7", "name": "Gone", "deleted_at": "2026-01-01T00:00:00Z"},
        LOGO | {"project_id": "b1", "creator_id": "bob", "name": "Secret"},
    )
    wanted = {"p1": "p1", "P2": "p2", " logo lab ": "p1", "été": "p2", "Twin": "p6", "gone": "p7"}
    with desk.reading() as session:
        assert {text: find_project(session, "ada", text).project_id for text in wanted} == wanted
        for text in ("Secret", "b1", "", "p9", "a\x00b"):
            with pytest.raises(NoSuchProject, match="on your account"):
                find_project(session, "ada", text)
        assert [project.project_id for project in projects_of(session, "ada", "arcade")] == ["p2"]
        assert [project.name for project in projects_of(session, "ada")] == [
            "Gone",
            "Logo Lab",
            "p1",
            "Twin",
            "twin",
            "TWIN",
            "ÉTÉ",
        ]


def test_many_in_chunks(desk: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of rows go in chunks; a later chunk sees what an earlier one kept."""
    monkeypatch.setattr("core.earnings.catalog._CHUNK", 3)
    rows = [ADA | {"creator_id": f"c{number % 5}", "name": f"C{number % 5}"} for number in range(10)]
    report = creators(desk, *rows)
    assert (report.accepted, report.duplicates) == (5, 5)
