"""Subscription payments in: kept once, refused with a reason, voided, late; from rows, files and over HTTP."""

from __future__ import annotations

import itertools
import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.files import import_file
from adapters.web.app import create_app
from core import api_keys
from core.config import DeskConfig
from core.earnings import payments
from core.earnings.payments import NoProgramForPayments, accept_payments, program_of
from core.errors import InvalidInput
from core.ledger import accounts
from core.storage import Database
from tests.assistants_world import CONFIG, HELPERS, STUDIO, open_helpers, pay, payment, refund
from tests.conftest import count
from tests.intake_world import NOW, column, outcome, settle_through

Row = dict[str, object]
TWO = DeskConfig(programs={**CONFIG.programs, "second": replace(HELPERS, slug="second")})


@pytest.fixture
def desk(database: Database) -> Database:
    open_helpers(database)
    return database


def counting(database: Database) -> list[object]:
    """The payments that count, with their month and micro-dollars."""
    return column(
        database,
        "SELECT payment_id || ' ' || month || ' ' || amount FROM payment "
        "WHERE voids IS NULL AND NOT voided ORDER BY payment_id",
    )


def months(database: Database) -> list[str]:
    return sorted(map(str, column(database, "SELECT month FROM dirty_month")))


def test_keeps_payments_once(desk: Database) -> None:
    """A payment is kept once, exactly; its month waits for settlement and its referrer has wallets."""
    rows = [
        payment("p1"),
        payment("p2", amount_usd=Decimal("0.000001"), month="2025-12", referrer_id=None),
        payment("p3", amount_usd=0, user_id="bob"),
        payment("p4", amount_usd="100000"),
    ]
    assert outcome(pay(desk, *rows)) == (4, 0, [])
    again = payment(amount_usd=19, paid_at="2026-01-03T09:00:00.000+01:00", voids="")
    assert outcome(pay(desk, again, again)) == (0, 2, [])
    assert outcome(pay(desk, again, source="partner")) == (1, 0, [])
    assert counting(desk) == [
        "p1 2026-01-01 19000000",
        "p1 2026-01-01 19000000",
        "p2 2025-12-01 1",
        "p3 2026-01-01 0",
        "p4 2026-01-01 100000000000",
    ]
    assert months(desk) == ["2025-12-01", "2026-01-01"]
    with desk.reading() as session:
        assert list(accounts.wallets(session, "bob")) == ["helpers"]


REFUSED: list[tuple[Row, str, str]] = [
    ({"payment_id": ""}, "payment_id", "is empty"),
    ({"payment_id": "a\x00"}, "payment_id", "control character"),
    ({"paid_at": "2026-01-03"}, "paid_at", "no time"),
    ({"paid_at": "2026-01-20T12:05:01Z"}, "paid_at", "in the future"),
    ({"user_id": " "}, "user_id", "is empty"),
    ({"user_id": 5}, "user_id", "must be text"),
    ({"plan": ""}, "plan", "is empty"),
    ({"plan": "x" * 201}, "plan", "at most 200"),
    ({"amount_usd": ""}, "amount_usd", "write 0"),
    ({"amount_usd": None}, "amount_usd", "write 0"),
    ({"amount_usd": "-1"}, "amount_usd", "not negative"),
    ({"amount_usd": "$19"}, "amount_usd", "must be a number"),
    ({"amount_usd": "0.0000001"}, "amount_usd", "6 decimal places"),
    ({"amount_usd": 19.0}, "amount_usd", "decimal text"),
    ({"amount_usd": "100000.000001"}, "amount_usd", "at most $100,000.00"),
    ({"amount_usd": Decimal("1e400")}, "amount_usd", "can be counted"),
    ({"month": "2026-13"}, "month", "no month"),
    ({"month": "2026-01-01"}, "month", "write it like 2026-01"),
    ({"month": "1969-12"}, "month", "before 1970"),
    ({"month": "2032-01"}, "month", "check the year"),
    ({"referrer_id": "nobody"}, "referrer_id", "import creators first"),
    ({"voids": "bad"}, "voids", "names the void itself"),
    ({"kind": "x"}, "kind", "is not a field"),
]


def test_refuses_by_field_and_reason(desk: Database) -> None:
    """What can't be taken names its field and what to do; the rows between are taken."""
    rows: list[Row] = []
    for number, (change, _field, _reason) in enumerate(REFUSED):
        rows += [payment(f"good{number}"), payment("bad") | change]
    report = pay(desk, *rows, "no row", None)  # type: ignore[arg-type]
    wanted = [(2 * number + 1, field) for number, (_change, field, _reason) in enumerate(REFUSED)]
    assert outcome(report) == (len(REFUSED), 0, [*wanted, (len(rows), ""), (len(rows) + 1, "")])
    for one, (_change, _field, reason) in zip(report.rejected, REFUSED, strict=False):
        assert reason in one.reason
        assert one.reason.isprintable()


@pytest.mark.parametrize("together", [True, False])
def test_other_content_is_a_conflict(desk: Database, together: bool) -> None:
    """The same id with other content is refused and names what differs; the first stays."""
    changes: list[Row] = [
        {"paid_at": "2026-01-03T08:00:00.000001Z"},
        {"user_id": "kim"},
        {"plan": "Pro"},
        {"amount_usd": "19.000001"},
        {"month": "2026-02"},
        {"referrer_id": ""},
    ]
    rows = [payment(**change) for change in changes]
    report = pay(desk, payment(), *rows) if together else [pay(desk, payment()), pay(desk, *rows)][1]
    assert [one.field for one in report.rejected] == ["payment_id"] * 6
    for one, change in zip(report.rejected, changes, strict=True):
        assert f"another {next(iter(change))};" in one.reason
    assert counting(desk) == ["p1 2026-01-01 19000000"]


def test_voids(desk: Database) -> None:
    """A void takes its payment out, once, whenever it comes; it may say again what the payment says."""
    assert outcome(pay(desk, payment("p1"), payment("p2"), refund("v9", "p9"))) == (3, 0, [])
    with desk.transaction() as session:
        session.connection().exec_driver_sql("DELETE FROM dirty_month")
    whole = payment("v1", voids="p1", paid_at="2026-01-14T10:00:00Z")
    report = pay(desk, whole | {"amount_usd": "18"}, whole, whole, refund("v2", "p1"), refund("v3", "v1"))
    assert outcome(report) == (1, 2, [(0, "amount_usd"), (4, "voids")])
    assert "differs from the payment 'p1'" in report.rejected[0].reason
    assert months(desk) == ["2026-01-01"]
    assert outcome(pay(desk, payment("p9"), payment("p3"), refund("v4", "p3"))) == (3, 0, [])
    assert counting(desk) == ["p2 2026-01-01 19000000"]
    assert column(desk, "SELECT count(*) FROM payment_void WHERE applied") == [3]
    report = pay(desk, refund("p2", "p1"), refund("v1", "p2"), payment("v1"), refund("v5", "p9"))
    assert outcome(report) == (0, 1, [(0, "payment_id"), (1, "payment_id"), (2, "payment_id")])


def test_late_limit_and_reopening(desk: Database) -> None:
    """A month takes payments and voids until the program is settled through its last day and the late days; what was
    kept already stays a duplicate, and a reason reopens it, on record."""
    old = {"month": "2025-11"}
    pay(desk, payment("p1", **old))
    settle_through(desk, "2025-12-30", "helpers")
    assert outcome(pay(desk, payment("p2", **old))) == (1, 0, [])
    settle_through(desk, "2025-12-31", "helpers")
    late = [payment("p3", **old), refund("v1", "p1")]
    report = pay(desk, payment("p1", **old), *late, payment("p4", month="2025-12"))
    assert outcome(report) == (1, 1, [(1, "month"), (2, "voids")])
    assert "payments for 2025-11 were taken until helpers was settled through 2025-12-31" in report.rejected[0].reason
    assert outcome(pay(desk, *late, reopen="The bank was late")) == (2, 0, [])
    assert column(desk, "SELECT action || ' ' || subject || ' ' || detail FROM audit_record") == [
        "subscriptions.reopen helpers 2 rows, 1 months from 2025-11 to 2025-11: The bank was late"
    ]


def test_the_program_is_named_where_it_must_be(desk: Database) -> None:
    """The only program of kind assistants is meant; of several, one is named; payments of one stay out of another."""
    with pytest.raises(NoProgramForPayments, match="none is configured"):
        program_of(DeskConfig(programs={"studio": STUDIO}))
    with pytest.raises(NoProgramForPayments, match="helpers, second"):
        program_of(TWO)
    with pytest.raises(NoProgramForPayments, match="no program 'studio' of kind assistants"):
        program_of(TWO, "studio")
    with pytest.raises(InvalidInput, match="The source"):
        pay(desk, payment(), source="a\tb")
    with pytest.raises(InvalidInput, match="reason for reopening"):
        pay(desk, payment(), reopen=" ")
    open_helpers(desk, "two-", TWO)
    pay(desk, payment("p1"), config=TWO, program="helpers")
    rows = [payment("p1"), refund("v1", "p1"), payment("p2", referrer_id="ada")]
    report = pay(desk, *rows, config=TWO, program="second")
    assert outcome(report) == (1, 0, [(0, "payment_id"), (1, "voids")])
    assert "another program" in report.rejected[0].reason
    assert column(desk, "SELECT program FROM dirty_month ORDER BY program") == ["helpers", "second"]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Row], list[list[Row]]]:
    """Payments and refunds as they are, and as they arrive: repeated, in batches, in any order."""
    number = draw(st.integers(0, 8))
    chosen = [(draw(st.sampled_from(["2025-12", "2026-01"])), draw(st.integers(0, 30))) for _ in range(number)]
    truth = [payment(f"p{place}", month=month, amount_usd=amount) for place, (month, amount) in enumerate(chosen)]
    truth += [refund(f"v{place}", f"p{place}") for place in draw(st.sets(st.integers(0, 9), max_size=5))]
    arriving = draw(st.permutations([row for row in truth for _ in range(draw(st.integers(1, 3)))]))
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), max_size=3)))
    return truth, [list(arriving[start:end]) for start, end in itertools.pairwise([0, *cuts, len(arriving)])]


@pytest.mark.parametrize("examples", [20, pytest.param(1_000, marks=pytest.mark.deep)])
def test_any_order_ends_in_the_same_payments(desk: Database, examples: int) -> None:
    """Whatever order payments and refunds come in, and however often: what counts is a plain count's."""
    sources = (f"s{number}" for number in itertools.count())

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(histories())
    def holds(history: tuple[list[Row], list[list[Row]]]) -> None:
        truth, batches = history
        source = next(sources)
        reports = [pay(desk, *batch, source=source) for batch in batches]
        assert sum(report.accepted for report in reports) == len(truth)
        assert [report.rejected for report in reports if report.rejected] == []
        voided = {row["voids"] for row in truth if row.get("voids")}
        wanted = {str(row["payment_id"]) for row in truth if not row.get("voids")} - voided
        mine = f"SELECT payment_id FROM payment WHERE source = '{source}' AND voids IS NULL AND NOT voided"
        assert set(column(desk, mine)) == wanted

    holds()


def test_imports_at_once(desk: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same payments and their refunds from several threads at once: each is kept once, and none waits for ever."""
    monkeypatch.setattr(payments, "SLICE_ROWS", 25)
    rows = [payment(f"p{number}", month=f"2025-{number % 12 + 1:02}") for number in range(100)]
    rows += [refund(f"v{number}", f"p{number}") for number in range(0, 100, 4)]

    def work(seed: int) -> int:
        mine = random.Random(seed).sample(rows, len(rows))
        return accept_payments(desk, CONFIG, mine, "platform", NOW).accepted

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(work, range(4))) == 125
    assert len(counting(desk)) == 75


HEADER = "payment_id,paid_at,user_id,plan,amount_usd,month,referrer_id,voids"


def test_files_of_every_kind(desk: Database, tmp_path: Path) -> None:
    """CSV, JSONL and Parquet bring payments; what is refused is written down and can be mended and imported again."""
    csv = tmp_path / "s.csv"
    lines = ["p1,2026-01-03T08:00:00Z,eve,Plus,19.00,2026-01,bob,", "p2,2026-01-03T08:00:00Z,eve,Plus,19.00,Jan,bob,"]
    csv.write_text("\n".join([HEADER, *lines, "v1,2026-01-04T08:00:00Z,,,,,,p1"]) + "\n", encoding="utf-8")
    rejects = tmp_path / "rejects.csv"
    report = import_file(desk, CONFIG, "subscriptions", csv, "platform", NOW, rejects=rejects)
    assert (report.accepted, [(one.line, one.field) for one in report.rejected]) == (2, [(3, "month")])
    rejects.write_text(rejects.read_text(encoding="utf-8").replace("Jan", "2026-01"), encoding="utf-8")
    assert import_file(desk, CONFIG, "subscriptions", rejects, "platform", NOW).accepted == 1
    jsonl = tmp_path / "s.jsonl"
    jsonl.write_text("\n".join(json.dumps(row) for row in (payment("p3"), refund("v3", "p3"))), encoding="utf-8")
    assert import_file(desk, CONFIG, "subscriptions", jsonl, "platform", NOW).accepted == 2
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    typed = payment("p4") | {"paid_at": NOW, "amount_usd": Decimal("19.00")}
    parquet.write_table(arrow.Table.from_pylist([typed]), tmp_path / "s.parquet")
    assert import_file(desk, CONFIG, "subscriptions", tmp_path / "s.parquet", "platform", NOW).accepted == 1
    assert counting(desk) == ["p2 2026-01-01 19000000", "p4 2026-01-01 19000000"]


def test_over_http(desk: Database) -> None:
    """The API takes payments, messages and prices as files do; among several programs the address names one."""
    open_helpers(desk, "two-", TWO)
    with desk.transaction() as session:
        auth = {"Authorization": f"Bearer {api_keys.create(session, NOW, 'backend', source='shop')}"}
    with TestClient(create_app(desk, CONFIG, lambda: NOW, ports_ready=dict)) as web:
        said = web.post("/v1/subscriptions", json=[payment(), [], payment(month="x")], headers=auth).json()
        assert (said["accepted"], [(one["index"], one["field"]) for one in said["rejected"]]) == (
            1,
            [(1, ""), (2, "month")],
        )
        body = {"creator_id": "ada", "program": "helpers", "name": "Tutor", "published_on": "2025-11-03"}
        assert web.put("/v1/projects/tutor", json=body | {"price_per_million_usd": 5}, headers=auth).status_code == 200
        low = web.put("/v1/projects/tutor", json=body | {"price_per_million_usd": "3"}, headers=auth)
        assert (low.status_code, low.json()["rejected"][0]["field"]) == (422, "price_per_million_usd")
    with TestClient(create_app(desk, TWO, lambda: NOW, ports_ready=dict)) as web:
        unnamed = web.post("/v1/subscriptions", json=[payment("p2")], headers=auth).json()
        assert [(one["index"], one["field"]) for one in unnamed["rejected"]] == [(0, "program")]
        named = web.post("/v1/subscriptions?program=second", json=[payment("p2")], headers=auth).json()
        assert named == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert column(desk, "SELECT source || ' ' || program FROM payment ORDER BY payment_id") == [
        "shop helpers",
        "shop second",
    ]
    assert count(desk, "payment") == 2
