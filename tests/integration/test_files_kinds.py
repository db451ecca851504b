"""Files of other kinds than CSV: JSON lines and Parquet; and junk in all of them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import adapters.files
from adapters.files import CantRead, FileReject
from adapters.files.csv_lines import CsvReader
from adapters.files.shapes import FILE_KINDS
from core.storage import Database
from tests.files_world import GOOD, HEADER, outcome, take
from tests.intake_world import expected, open_studio, roll_up, usage


@pytest.fixture
def studio(database: Database) -> Database:
    open_studio(database)
    return database


@pytest.fixture
def lite(sqlite_database: Database) -> Database:
    open_studio(sqlite_database)
    return sqlite_database


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
