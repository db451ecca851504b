"""Files in: CSV, JSONL and Parquet, good and hostile; refused rows are told by line and can be mended."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import adapters.files
from adapters.files import CantRead, import_file, import_files
from adapters.files.shapes import REJECT_COLUMNS
from core.earnings import intake
from core.earnings.payments import NoProgramForPayments
from core.errors import InvalidInput
from core.storage import Database
from tests.conftest import count
from tests.files_world import GOOD, HEADER, outcome, take
from tests.intake_world import CONFIG, NOW, expected, open_studio, roll_up, usage, view, void


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
    """Subscriptions need a program of kind assistants; kinds that nobody knows don't exist."""
    with pytest.raises(NoProgramForPayments, match="assistants, and none is configured"):
        take(lite, tmp_path / "s.csv", kind="subscriptions")
    with pytest.raises(InvalidInput, match="creators, projects, usage, subscriptions"):
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
