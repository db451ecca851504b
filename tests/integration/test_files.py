"""Files in: CSV, JSONL and Parquet, good and hostile; refused rows are told by line and can be mended."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import adapters.files
from adapters.files import CantRead, FileReject, FileReport, SubscriptionsNotYet, import_file, import_files
from adapters.files.csv_lines import CsvReader
from adapters.files.shapes import FILE_KINDS, REJECT_COLUMNS
from core.earnings import intake
from core.errors import InvalidInput
from core.storage import Database
from tests.conftest import count
from tests.intake_world import CONFIG, NOW, expected, open_studio, roll_up, usage, view, void

HEADER = ("event_id", "occurred_at", "project_id", "user_id", "kind", "credits", "platform_cost", "voids")
GOOD = "{},2026-01-13T10:00:00Z,logo,eve,generate,10,4,"


@pytest.fixture
def studio(database: Database) -> Database:
    open_studio(database)
    return database


@pytest.fixture
def lite(sqlite_database: Database) -> Database:
    open_studio(sqlite_database)
    return sqlite_database


def write(path: Path, *lines: str, header: Sequence[str] = HEADER, end: str = "\n") -> Path:
    path.write_text(end.join([",".join(header), *lines, ""]), encoding="utf-8", newline="")
    return path


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    return path


def take(database: Database, *paths: Path | str, kind: str = "usage", rejects: Path | None = None) -> FileReport:
    return import_files(database, CONFIG, kind, paths, "platform", NOW, rejects=rejects)


def outcome(report: FileReport) -> tuple[int, int, list[tuple[int, str]]]:
    return report.accepted, report.duplicates, [(one.line, one.field) for one in report.rejected]


def test_csv(studio: Database, tmp_path: Path) -> None:
    """Rows of a CSV file are taken as rows of any batch; a second import finds duplicates only."""
    rows = [usage("e1"), view("e2"), usage("e3", user_id="ada"), void("v1", "e1")]
    path = write_rows(tmp_path / "usage.csv", rows)
    assert outcome(take(studio, path)) == (4, 0, [])
    assert outcome(take(studio, path)) == (0, 4, [])
    assert roll_up(studio) == expected(rows)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark(lite: Database, tmp_path: Path, end: str, start: str) -> None:
    """Windows line ends and a byte order mark are no obstacle; line numbers count the header as 1."""
    path = tmp_path / "usage.csv"
    text = start + end.join([",".join(HEADER), GOOD.format("e1"), "", GOOD.format(""), GOOD.format("e2")])
    path.write_text(text, encoding="utf-8", newline="")
    assert outcome(take(lite, path)) == (2, 0, [(4, "event_id")])


def test_quoted_fields_over_lines(lite: Database, tmp_path: Path) -> None:
    """A quoted field may span lines; the rows after it keep their true line numbers."""
    path = write(
        tmp_path / "creators.csv",
        '"ada","Ada\nof\nLondon",GB',
        "bob,Bob,XX",
        '"cyd","Cyd ""C"" Day, Jr.",US',
        '"dan","Dan\r\nB",US',
        "eve,Eve,YY",
        header=("creator_id", "name", "country"),
    )
    report = take(lite, path, kind="creators")
    assert outcome(report) == (1, 0, [(2, "name"), (5, "country"), (7, "name"), (9, "country")])
    assert count(lite, "creator") == 3


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (("event_id", "occured_at", "project_id", "user_id", "kind"), "unknown column 'occured_at'"),
        (("event_id", "occurred_at", "project_id", "kind"), "column user_id is missing"),
        ((*HEADER, "kind"), "column kind is there twice"),
        (("event_id;occurred_at;project_id",), "Separate columns with commas"),
        (('"event_id',), "can't be read as names"),
        (("",), "must name the columns"),
    ],
)
def test_wrong_headers(lite: Database, tmp_path: Path, header: Sequence[str], said: str) -> None:
    """A header with unknown, missing or repeated columns is an error that names them; nothing is imported."""
    first = write(tmp_path / "good.csv", GOOD.format("e1"))
    second = write(tmp_path / "bad.csv", GOOD.format("e2"), header=header)
    with pytest.raises(CantRead, match=said) as refused:
        take(lite, first, second)
    assert "bad.csv" in refused.value.text
    assert count(lite, "usage_event") == 0


def test_files_that_cant_be_read(lite: Database, tmp_path: Path) -> None:
    """A missing file, a folder, an unknown ending, an empty file or one in UTF-16: each says what is wrong."""
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "empty.csv").touch()
    (tmp_path / "wide.csv").write_bytes(",".join(HEADER).encode("utf-16"))
    wrong = {
        "missing.csv": "No such file",
        "folder.csv": "Is a directory",
        "usage.xlsx": "must end in .csv, .jsonl or .parquet",
        "empty.csv": "first line is empty",
        "wide.csv": "UTF-16",
    }
    for name, said in wrong.items():
        with pytest.raises(CantRead, match=said):
            take(lite, tmp_path / name)


def test_kinds_of_files(lite: Database, tmp_path: Path) -> None:
    """Subscriptions wait for programs of kind assistants; other kinds don't exist."""
    with pytest.raises(SubscriptionsNotYet, match="assistants"):
        take(lite, tmp_path / "s.csv", kind="subscriptions")
    with pytest.raises(InvalidInput, match="creators, projects, usage"):
        take(lite, tmp_path / "s.csv", kind="payments")


def test_ragged_and_broken_lines(lite: Database, tmp_path: Path) -> None:
    """Each bad line is refused by itself, with its number and what is wrong; the lines around it are taken."""
    lines = [GOOD.format(f"e{number}") for number in range(12)]
    lines[1] = "too,few"
    lines[2] = GOOD.format("x") + ",more"
    lines[4] = GOOD.format("nul\x00")
    lines[5] = GOOD.format('"opened')
    lines[7] = GOOD.format('"closed" early')
    lines[8] = GOOD.format("carriage\rreturn")
    lines[10] = "x" * 200_000
    path = write(tmp_path / "usage.csv", *lines)
    report = take(lite, path)
    assert outcome(report) == (
        5,
        0,
        [(3, ""), (4, ""), (6, "event_id"), (7, ""), (9, ""), (10, ""), (12, "")],
    )
    reasons = [one.reason for one in report.rejected]
    assert "2 fields where 8" in reasons[0]
    assert "9 fields where 8" in reasons[1]
    assert "control character" in reasons[2]
    assert "quote that opens on this line" in reasons[3]
    assert "closing quote" in reasons[4]
    assert "carriage return" in reasons[5]
    assert "longer than 131,072 characters" in reasons[6]


def test_open_quote_swallows_nothing(lite: Database, tmp_path: Path) -> None:
    """After a quote that is never closed, thousands of lines are still taken, at any place in the file."""
    lines = [GOOD.format(f"e{number}") for number in range(9_000)]
    bad = (0, 2_500, 2_501, 6_000, 8_999)
    for place in bad:
        lines[place] = GOOD.format(f"q{place}").replace("logo", '"logo')
    path = write(tmp_path / "usage.csv", *lines)
    report = take(lite, path)
    assert outcome(report) == (9_000 - len(bad), 0, [(place + 2, "") for place in bad])


def test_bytes_that_are_no_text(lite: Database, tmp_path: Path) -> None:
    """A line that is not UTF-8 is refused by itself, and its bytes reach the rejects file as they were."""
    path = tmp_path / "usage.csv"
    lines = [",".join(HEADER), GOOD.format("e1"), GOOD.format("caf\udce9"), GOOD.format("e2"), ""]
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    rejects = tmp_path / "rejects.csv"
    report = take(lite, path, rejects=rejects)
    assert outcome(report) == (2, 0, [(3, "event_id")])
    assert "byte 0xE9" in report.rejected[0].reason
    assert b"caf\xe9,2026" in rejects.read_bytes()


def test_endless_line(lite: Database, tmp_path: Path) -> None:
    """A line of megabytes is refused without being held in memory, and the lines after it are read."""
    path = tmp_path / "usage.csv"
    with path.open("w", encoding="utf-8") as out:
        out.write(",".join(HEADER) + "\n" + GOOD.format("e1") + "\n")
        out.write("y" * 3_000_000 + "\n")
        out.write('"' + "z" * 2_000_000 + "\n")
        out.write(GOOD.format("e2") + "\n")
        out.write("w" * 2_500_000)
    report = take(lite, path)
    assert outcome(report) == (2, 0, [(3, ""), (4, ""), (6, "")])
    assert "longer than" in report.rejected[0].reason


def test_quote_open_before_an_endless_line(lite: Database, tmp_path: Path) -> None:
    """An open quote followed by an endless line: each is refused, and nothing around them."""
    path = tmp_path / "usage.csv"
    path.write_text(
        "\n".join([",".join(HEADER), GOOD.format('"e1'), GOOD.format("e2"), "y" * 3_000_000, GOOD.format("e3"), ""]),
        encoding="utf-8",
    )
    assert outcome(take(lite, path)) == (2, 0, [(2, ""), (4, "")])


def test_no_rows(lite: Database, tmp_path: Path) -> None:
    """A header alone is a file without rows."""
    assert outcome(take(lite, write(tmp_path / "usage.csv"))) == (0, 0, [])


def test_rejects_are_mended_and_imported(studio: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad lines among many yield a rejects file with the reasons beside them; mended, it imports cleanly."""
    monkeypatch.setattr(intake, "SLICE_ROWS", 1_000)
    rows = [usage(f"e{number}", credits=str(number % 7)) for number in range(5_000)]
    broken = [dict(row) for row in rows]
    faults: list[tuple[str, object]] = [
        ("credits", "-1"),
        ("kind", "watch"),
        ("project_id", "nothing"),
        ("occurred_at", "yesterday"),
        ("user_id", ""),
    ]
    for number in range(3, 5_000, 50):
        name, value = faults[number // 50 % len(faults)]
        broken[number][name] = value
    path = write_rows(tmp_path / "usage.csv", broken)
    rejects = tmp_path / "rejects.csv"
    report = take(studio, path, rejects=rejects)
    assert (report.accepted, report.duplicates, len(report.rejected)) == (4_900, 0, 100)
    assert [one.line for one in report.rejected] == list(range(5, 5_002, 50))
    assert {one.file for one in report.rejected} == {str(path)}

    with rejects.open(encoding="utf-8", newline="") as handle:
        refused = list(csv.DictReader(handle))
    assert [int(row["reject_line"]) for row in refused] == [one.line for one in report.rejected]
    assert [row["reject_reason"] for row in refused] == [one.reason for one in report.rejected]
    for row in refused:
        number = int(row["reject_line"]) - 2
        assert {name: row[name] for name in HEADER} == {name: str(broken[number].get(name, "")) for name in HEADER}
        row[row["reject_field"]] = str(rows[number][row["reject_field"]])
    mended = tmp_path / "mended.csv"
    with mended.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(refused[0]))
        writer.writeheader()
        writer.writerows(refused)
    assert outcome(take(studio, mended)) == (100, 0, [])
    assert roll_up(studio) == expected(rows)


def test_rejects_file_over_itself(lite: Database, tmp_path: Path) -> None:
    """A rejects file can be imported with itself as the next rejects file: what remains bad remains in it."""
    rejects = tmp_path / "rejects.csv"
    take(lite, write(tmp_path / "usage.csv", GOOD.format(""), "a,b", '"open', GOOD.format("e1")), rejects=rejects)
    kept = rejects.read_text(encoding="utf-8")
    assert kept.splitlines()[0].split(",") == [*intake.COLUMNS, *REJECT_COLUMNS]
    assert '"""open"' in kept
    rejects.write_text(kept.replace("\n,2026", "\ne2,2026"), encoding="utf-8", newline="")
    report = take(lite, rejects, rejects=rejects)
    assert (report.accepted, len(report.rejected)) == (1, 2)
    assert len(rejects.read_text(encoding="utf-8").splitlines()) == 3


def test_rejects_without_rejects(lite: Database, tmp_path: Path) -> None:
    """Where nothing is refused, the rejects file has its header alone: what was in it before would mislead."""
    rejects = tmp_path / "rejects.csv"
    rejects.write_text("old", encoding="utf-8")
    take(lite, write(tmp_path / "usage.csv", GOOD.format("e1")), rejects=rejects)
    assert rejects.read_text(encoding="utf-8").splitlines() == [",".join((*intake.COLUMNS, *REJECT_COLUMNS))]


def test_rejects_need_a_place(lite: Database, tmp_path: Path) -> None:
    """A rejects file that is no CSV or can't be written is refused before anything is imported."""
    path = write(tmp_path / "usage.csv", GOOD.format("e1"))
    with pytest.raises(CantRead, match=r"ends in \.csv"):
        take(lite, path, rejects=tmp_path / "rejects.jsonl")
    with pytest.raises(CantRead, match="can't be written there"):
        take(lite, path, rejects=tmp_path / "nowhere" / "rejects.csv")
    assert count(lite, "usage_event") == 0


def test_failed_import_leaves_the_rejects_file(lite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that dies leaves the rejects file of before, and no half of a new one."""
    rejects = tmp_path / "rejects.csv"
    rejects.write_text("old", encoding="utf-8")

    def gone(*_args: object, **_kwargs: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(adapters.files, "accept_blocks", gone)
    with pytest.raises(ConnectionError):
        take(lite, write(tmp_path / "usage.csv", GOOD.format("e1")), rejects=rejects)
    assert rejects.read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir() if "reject" in path.name) == ["rejects.csv"]


def test_several_files(studio: Database, tmp_path: Path) -> None:
    """Several files import as one, whatever their format; refusals name file and line."""
    first = write(tmp_path / "one.csv", GOOD.format("e1"), GOOD.format(""))
    second = tmp_path / "two.jsonl"
    second.write_text(json.dumps(usage("e2")) + "\n" + json.dumps(usage("e1")) + "\n[]\n", encoding="utf-8")
    third = write(tmp_path / "three.csv", "e3,2026-01-13T10:00:00Z,logo,eve,view", "x", header=HEADER[:5])
    rejects = tmp_path / "rejects.csv"
    seen: list[tuple[int, int | None]] = []
    report = import_files(
        studio,
        CONFIG,
        "usage",
        [first, second, third],
        "platform",
        NOW,
        rejects=rejects,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert (report.accepted, report.duplicates) == (3, 1)
    assert [(Path(one.file).name, one.line) for one in report.rejected] == [
        ("one.csv", 3),
        ("two.jsonl", 3),
        ("three.csv", 3),
    ]
    total = sum(path.stat().st_size for path in (first, second, third))
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)
    assert len(rejects.read_text(encoding="utf-8").splitlines()) == 4


def test_standard_input(lite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minus sign stands for CSV on standard input; how much there is to come is not known."""
    raw = io.BytesIO(f"{','.join(HEADER)}\n{GOOD.format('e1')}\n{GOOD.format('')}\n".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(raw))
    totals: set[int | None] = set()
    report = import_file(lite, CONFIG, "usage", "-", "platform", NOW, progress=lambda _done, total: totals.add(total))
    assert (report.accepted, report.rejected[0][:3]) == (1, ("-", 3, "event_id"))
    assert totals == {None}
    assert not sys.stdin.buffer.closed


def test_pipes(lite: Database, tmp_path: Path) -> None:
    """A named pipe is read once, from its beginning."""
    pipe = tmp_path / "usage.csv"
    os.mkfifo(pipe)

    def feed() -> None:
        pipe.write_text(f"{','.join(HEADER)}\n{GOOD.format('e1')}\n", encoding="utf-8")

    feeder = threading.Thread(target=feed)
    feeder.start()
    assert outcome(take(lite, pipe)) == (1, 0, [])
    feeder.join(10)


def test_creators_and_projects(studio: Database, tmp_path: Path) -> None:
    """Creators and projects come from files too; rows of the wrong width are refused like any other."""
    creators = write(tmp_path / "creators.csv", "cyd,Cyd,US", "dan,Dan", header=("creator_id", "name", "country"))
    rejects = tmp_path / "rejects.csv"
    report = take(studio, creators, kind="creators", rejects=rejects)
    assert outcome(report) == (1, 0, [(3, "")])
    assert "dan,Dan,," in rejects.read_text(encoding="utf-8")
    header = ("project_id", "creator_id", "program", "name", "published_on", "deleted_at")
    projects = write(
        tmp_path / "projects.csv",
        "p8,cyd,studio,Eight,2026-01-01,",
        "p9,eve,studio,Nine,2026-01-01,",
        "logo,ada,studio,logo,2025-11-03,",
        header=header,
    )
    assert outcome(take(studio, projects, kind="projects")) == (1, 1, [(3, "creator_id")])


def test_json_lines(studio: Database, tmp_path: Path) -> None:
    """JSONL has the same names; numbers are exact; each bad line is refused by itself."""
    lines = [
        json.dumps(usage("e1", credits=0.1, platform_cost=1e-6)),
        "",
        "not json",
        '"text"',
        '{"event_id": "e2", "colour": "red"}',
        '{"event_id": "e3", "event_id": "e4"}',
        '{"event_id": "e5", "credits": NaN}',
        '{"event_id": "e6", "credits": 1e99999999999999999999}',
        '{"event_id": "e7", "credits": ' + "9" * 5_000 + "}",
        "[" * 100_000,
        '{"event_id": "' + "x" * 1_100_000 + '"}',
        json.dumps(usage("e8") | {"event_id": "\ud800"}),
        json.dumps(usage("e9", credits=7)),
        json.dumps(usage("e10") | {"reject_reason": "mended"}),
    ]
    path = tmp_path / "usage.jsonl"
    path.write_bytes(("\ufeff" + "\n".join(lines)).encode() + b"\n\xff\xfe{}\n")
    rejects = tmp_path / "rejects.csv"
    report = take(studio, path, rejects=rejects)
    assert (report.accepted, report.duplicates) == (3, 0)
    assert [one.line for one in report.rejected] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15]
    said = dict(zip((one.line for one in report.rejected), (one.reason for one in report.rejected), strict=True))
    assert "no JSON" in said[3]
    assert "no JSON object" in said[4]
    assert "'colour'" in said[5]
    assert "twice" in said[6]
    assert "NaN" in said[7]
    assert "too long" in said[9]
    assert "longer than" in said[11]
    assert "broken Unicode" in said[12]
    assert "UTF-8" in said[15]
    assert roll_up(studio)["2026-01-13", "logo"][:2] == (17_100_000, 8_000_001)
    with rejects.open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
        assert len(list(csv.reader(handle))) == 12


def test_json_lines_leave_absent_fields_alone(lite: Database, tmp_path: Path) -> None:
    """In JSONL, too, a field that an update lacks stays as it is, and null takes it away."""
    path = tmp_path / "creators.jsonl"
    ada = {"creator_id": "ada", "name": "Ada", "country": "GB", "email": "a@b", "timezone": "Europe/London"}
    path.write_text(
        "\n".join([json.dumps(ada), '{"creator_id": "ada", "name": "Ada L", "country": "GB", "email": null}']),
        encoding="utf-8",
    )
    assert take(lite, path, kind="creators").accepted == 2
    with lite.reading() as session:
        row = session.connection().exec_driver_sql("SELECT name, email, timezone FROM creator WHERE creator_id = 'ada'")
        assert tuple(row.one()) == ("Ada L", None, "Europe/London")


def parquet(path: Path, columns: Mapping[str, Any]) -> Path:
    """Write columns (values, or pyarrow arrays) as a Parquet file."""
    arrow, writer = import_module("pyarrow"), import_module("pyarrow.parquet")
    writer.write_table(arrow.table(dict(columns)), path)
    return path


def as_columns(rows: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    return {name: [row.get(name) for row in rows] for name in HEADER[:7]}


def test_parquet(studio: Database, tmp_path: Path) -> None:
    """Parquet has the same names; decimals, whole numbers, text and times with a zone are exact."""
    arrow = pytest.importorskip("pyarrow")
    rows = [usage("e1"), usage("e2", kind="remix", credits="2"), usage("e3", project_id="nothing"), usage("e1")]
    columns = as_columns(rows)
    moments = [1_768_298_400_000_000_000 + number // 3 for number in (0, 1, 2, 0)]
    columns["occurred_at"] = arrow.array(moments, arrow.timestamp("ns", tz="Europe/Berlin"))
    columns["credits"] = arrow.array([Decimal(str(row["credits"])) for row in rows], arrow.decimal128(20, 6))
    columns["platform_cost"] = arrow.array([4] * 4, arrow.int32())
    columns["kind"] = arrow.array([str(row["kind"]) for row in rows]).dictionary_encode()
    rejects = tmp_path / "rejects.csv"
    report = take(studio, parquet(tmp_path / "usage.parquet", columns), rejects=rejects)
    assert outcome(report) == (2, 1, [(3, "project_id")])
    assert roll_up(studio) == expected([usage("e1"), usage("e2", kind="remix", credits="2")])
    assert "e3,2026-01-13T10:00:00+00:00,nothing,eve,generate,10.000000,4," in rejects.read_text(encoding="utf-8")


def test_parquet_dates(lite: Database, tmp_path: Path) -> None:
    """A Parquet date is a date; null is empty."""
    arrow = pytest.importorskip("pyarrow")
    columns = {
        "project_id": ["p8", "p9"],
        "creator_id": ["ada", "ada"],
        "program": ["studio", "studio"],
        "name": ["Eight", "Nine"],
        "published_on": arrow.array([20_000, None], arrow.date32()),
        "deleted_at": arrow.array([None, None], arrow.null()),
    }
    report = take(lite, parquet(tmp_path / "projects.parquet", columns), kind="projects")
    assert outcome(report) == (1, 0, [(2, "published_on")])


def test_parquet_that_cant_be_exact(lite: Database, tmp_path: Path) -> None:
    """Floats, times without a zone, unknown columns and what is no Parquet are refused before anything is imported."""
    arrow = pytest.importorskip("pyarrow")
    good = as_columns([usage("e1")])
    naive = arrow.array([1_768_298_400_000_000], arrow.timestamp("us"))
    wrong = {
        "floats": good | {"credits": arrow.array([10.0])},
        "without a time zone": good | {"occurred_at": naive},
        "unknown column 'amount'": good | {"amount": ["1"]},
        "column kind is missing": {name: value for name, value in good.items() if name != "kind"},
    }
    for said, columns in wrong.items():
        with pytest.raises(CantRead, match=said):
            take(lite, parquet(tmp_path / "usage.parquet", columns))
    for content in (b"", b"PAR1", b"PAR1" + b"\x00" * 100 + b"PAR1", b"event_id\n"):
        (tmp_path / "usage.parquet").write_bytes(content)
        with pytest.raises(CantRead, match="can't be read as Parquet"):
            take(lite, tmp_path / "usage.parquet")


def test_parquet_with_damage_inside(lite: Database, tmp_path: Path) -> None:
    """Damage behind a good header ends the import with a reason, and bad UTF-8 is refused by row."""
    arrow = pytest.importorskip("pyarrow")
    columns = as_columns([usage("e1"), usage("e2")])
    columns["event_id"] = arrow.array([b"e1", b"e\xff2"]).view(arrow.string())
    report = take(lite, parquet(tmp_path / "usage.parquet", columns))
    assert outcome(report) == (1, 0, [(2, "event_id")])
    path = parquet(tmp_path / "usage.parquet", as_columns([usage(f"e{number}") for number in range(100)]))
    damaged = bytearray(path.read_bytes())
    damaged[4:400] = bytes(396)
    path.write_bytes(damaged)
    with pytest.raises(CantRead, match="can't be read as Parquet"):
        take(lite, path)


def test_parquet_without_pyarrow(lite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is not installed, a Parquet file says how to get it."""
    (tmp_path / "usage.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CantRead, match=r"pip install 'earnings-desk\[parquet\]'"):
        take(lite, tmp_path / "usage.parquet")


def test_rejects_keep_odd_values(lite: Database, tmp_path: Path) -> None:
    """What a rejects file can't hold as text is written as JSON or escaped, never lost without a trace."""
    path = tmp_path / "usage.jsonl"
    lines = [
        usage("e1", credits=["1"]),
        usage("e2", credits=True),
        usage("e3", credits=-5),
        usage("e4", user_id="\ud801"),
    ]
    text = "\n".join(map(json.dumps, lines)) + '\n{"event_id": "e5", "occurred_at": 1e500}\n'
    path.write_text(text, encoding="utf-8")
    rejects = tmp_path / "rejects.csv"
    report = take(lite, path, rejects=rejects)
    assert len(report.rejected) == 5
    with rejects.open(encoding="utf-8", newline="") as handle:
        kept = list(csv.DictReader(handle))
    assert [row["credits"] for row in kept] == ['["1"]', "true", "-5", "10", ""]
    assert kept[3]["user_id"] == "\\ud801"
    assert kept[4]["occurred_at"] == "1E+500"


lines_of_junk = st.lists(
    st.one_of(
        st.just(GOOD.format("ok").encode()),
        st.binary(max_size=30),
        st.text(st.sampled_from('",\r\n a\x00é'), max_size=20).map(str.encode),
        st.sampled_from([b'"', b'""', b'","', b'"a"b', b"\r", b",,,,,,,", b"\xef\xbb\xbf"]),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=200, database=None, suppress_health_check=list(HealthCheck))
@given(lines_of_junk, st.integers(1, 40))
def test_reader_reads_anything(junk: list[bytes], read: int) -> None:
    """Whatever the bytes, each good line is read, each line is a row, a part of one, or refused; at any buffer size."""
    body = b"\n".join([b",".join(name.encode() for name in HEADER), *junk])
    original = adapters.files.csv_lines._READ
    adapters.files.csv_lines._READ = read
    try:
        reader = CsvReader("junk.csv", io.BytesIO(body), FILE_KINDS["usage"])
        pieces = list(reader.pieces())
    finally:
        adapters.files.csv_lines._READ = original
    numbers = [number for piece in pieces for number in [*piece.lines, *(one.line for one in piece.broken)]]
    assert len(set(numbers)) == len(numbers)
    assert all(2 <= number <= 1 + body.count(b"\n") for number in numbers)
    for piece in pieces:
        assert {len(column) for column in piece.columns} <= {len(piece.lines)}
        assert [list(column) for column in piece.again()] == [list(column) for column in piece.columns]
    if b'"' not in b"".join(junk):
        rows = [row for piece in pieces for row in zip(*piece.columns, strict=True)]
        good = tuple(GOOD.format("ok").split(","))
        assert rows.count(good) == junk.count(GOOD.format("ok").encode())


@settings(deadline=None, max_examples=40, database=None, suppress_health_check=list(HealthCheck))
@given(lines_of_junk)
def test_import_survives_anything(lite: Database, tmp_path: Path, junk: list[bytes]) -> None:
    """Whatever the bytes of a file, its import ends with a report, and each refusal has a reason on one line."""
    path = tmp_path / "usage.csv"
    path.write_bytes(b"\n".join([b",".join(name.encode() for name in HEADER), *junk]))
    report = take(lite, path, rejects=tmp_path / "rejects.csv")
    assert all(one.reason and one.reason.isprintable() for one in report.rejected)
    for name in ("usage.jsonl", "usage.parquet"):
        path.rename(tmp_path / name)
        with contextlib.suppress(CantRead):
            take(lite, tmp_path / name)
        (tmp_path / name).rename(path)


def test_reject_reads_well() -> None:
    """A refusal is told as file, line, field and reason."""
    assert FileReject("usage.csv", 3, "credits", "is empty")._asdict() == {
        "file": "usage.csv",
        "line": 3,
        "field": "credits",
        "reason": "is empty",
    }
