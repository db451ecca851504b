"""The HTTP API from outside: who gets in, what is taken, what is refused and how that reads."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from adapters.web.app import create_app
from core import api_keys, people
from core.config import DeskConfig
from core.earnings.settlement import settle_due
from core.storage import Database, make_engine
from tests.conftest import count
from tests.earnings_world import STUDIO, World, jan

NOW = jan(14, 9)
CONFIG = DeskConfig(programs={"studio": STUDIO})


@dataclass
class Caller:
    """The platform's backend, with its key."""

    web: TestClient
    database: Database
    key: str

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def post(self, path: str, rows: object) -> tuple[int, Mapping[str, object]]:
        answer = self.web.post(path, json=rows, headers=self.auth)
        return answer.status_code, answer.json()

    def put(self, path: str, body: object) -> tuple[int, Mapping[str, object]]:
        answer = self.web.put(path, json=body, headers=self.auth)
        return answer.status_code, answer.json()


def caller_of(database: Database) -> Iterator[Caller]:
    World(database, CONFIG)
    with database.transaction() as session:
        key = api_keys.create(session, NOW, "backend")
    app = create_app(database, CONFIG, lambda: NOW, ports_ready=lambda: {"slack": True})
    with TestClient(app) as web:
        yield Caller(web, database, key)


@pytest.fixture
def caller(database: Database) -> Iterator[Caller]:
    yield from caller_of(database)


@pytest.fixture
def quick(sqlite_database: Database) -> Iterator[Caller]:
    """A caller on SQLite, where the kind of database makes no difference."""
    yield from caller_of(sqlite_database)


def event(number: int, **more: object) -> dict[str, object]:
    row = {
        "event_id": f"e{number}",
        "occurred_at": "2026-01-13T12:00:00Z",
        "project_id": "logo",
        "user_id": f"u{number}",
        "kind": "generate",
        "credits": 10,
        "platform_cost": "8",
    }
    return row | more


def test_usage_is_taken_once_and_bad_rows_are_named(caller: Caller) -> None:
    """Good rows count, repeated ones are duplicates, refused ones carry their place in the body as it was sent."""
    rows = [event(1), 17, event(2, credits="-1"), event(1), event(3, project_id="nobody's"), event(4, credits=2.5)]
    status, said = caller.post("/v1/usage", rows)
    assert status == 200
    assert (said["accepted"], said["duplicates"]) == (2, 1)
    rejected = said["rejected"]
    assert isinstance(rejected, list)
    assert [(one["index"], one["field"]) for one in rejected] == [(1, ""), (2, "credits"), (4, "project_id")]
    assert all(one["reason"] for one in rejected)
    assert count(caller.database, "usage_event") == 2
    status, said = caller.post("/v1/usage", rows)
    assert (said["accepted"], said["duplicates"]) == (0, 3)


def test_usage_as_ndjson_is_the_same(caller: Caller) -> None:
    """One object a line, a broken line among them."""
    body = "\n".join([json.dumps(event(1)), "{broken", json.dumps(event(2))])
    headers = caller.auth | {"Content-Type": "application/x-ndjson"}
    answer = caller.web.post("/v1/usage", content=body.encode(), headers=headers)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 2
    assert [one["index"] for one in answer.json()["rejected"]] == [1]


def test_usage_is_filed_under_the_keys_source(quick: Caller) -> None:
    """Two callers may use the same event ids when their keys name different sources."""
    with quick.database.transaction() as session:
        other = api_keys.create(session, NOW, "shop", source="shop")
    quick.post("/v1/usage", [event(1)])
    answer = quick.web.post("/v1/usage", json=[event(1)], headers={"Authorization": f"Bearer {other}"})
    assert answer.json()["accepted"] == 1
    with quick.database.reading() as session:
        sources = session.connection().execute(text("SELECT source FROM usage_event ORDER BY source")).scalars().all()
    assert sources == ["platform", "shop"]


PROTECTED = [
    ("POST", "/v1/usage"),
    ("POST", "/v1/subscriptions"),
    ("PUT", "/v1/creators/ada"),
    ("PUT", "/v1/projects/logo"),
    ("POST", "/v1/link-codes"),
    ("GET", "/v1/creators/ada/wallets"),
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_without_an_active_key_nothing_is_done_or_shown(quick: Caller, method: str, path: str) -> None:
    """No key, a wrong one, a revoked one, one in another scheme: 401, with an error and nothing else."""
    with quick.database.transaction() as session:
        old = api_keys.create(session, NOW, "old")
        api_keys.revoke(session, NOW, "old")
    wrong: list[dict[str, str]] = [
        {},
        {"Authorization": f"Bearer {old}"},
        {"Authorization": f"Bearer {quick.key}x"},
        {"Authorization": f"Bearer {quick.key[:-1]}"},
        {"Authorization": f"Basic {quick.key}"},
        {"Authorization": quick.key},
        {"Authorization": "Bearer "},
        {"X-Api-Key": quick.key},
    ]
    for headers in wrong:
        answer = quick.web.request(method, path, json=[event(1)], headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert list(answer.json()) == ["error"]
    assert count(quick.database, "usage_event") == 0
    assert count(quick.database, "link_code") == 0


def test_a_body_too_large_is_refused(quick: Caller) -> None:
    """10,000 rows and 16 MB are the limits; beyond them 413, and nothing is kept."""
    status, said = quick.post("/v1/usage", [{}] * 10_001)
    assert status == 413
    assert "10000 rows" in str(said["error"])
    answer = quick.web.post("/v1/usage", content=b" " * (16 * 1024 * 1024 + 1), headers=quick.auth)
    assert answer.status_code == 413
    answer = quick.web.put("/v1/creators/x", content=b'{"name": "' + b"x" * 70_000 + b'"}', headers=quick.auth)
    assert answer.status_code == 413


HOSTILE = [b"\xff\xfe", b"[" * 60_000, b'{"a":' * 12_000, b"[NaN]", b"", b"not json", b"[{]", b"\x00", b"{}garbage"]


@pytest.mark.parametrize("body", HOSTILE)
@pytest.mark.parametrize(("method", "path"), PROTECTED[:5])
def test_hostile_bodies_get_a_clear_422(quick: Caller, method: str, path: str, body: bytes) -> None:
    """No traceback, no half-read body: one sentence that says why."""
    answer = quick.web.request(method, path, content=body, headers=quick.auth)
    assert answer.status_code == 422
    assert "error" in answer.json()
    assert "Traceback" not in answer.text


CELLS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
COLUMNS = ("event_id", "occurred_at", "project_id", "user_id", "kind", "credits", "platform_cost", "voids", "bogus")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), CELLS), max_size=4))
def test_whatever_a_row_holds_it_is_taken_or_refused(quick: Caller, rows: list[dict[str, object]]) -> None:
    """Values of every kind in every column: each row is counted exactly once, as accepted, duplicate or rejected."""
    status, said = quick.post("/v1/usage", [event(index) | row for index, row in enumerate(rows)])
    assert status == 200, said
    rejected = said["rejected"]
    assert isinstance(rejected, list)
    assert int(str(said["accepted"])) + int(str(said["duplicates"])) + len({one["index"] for one in rejected}) == len(
        rows
    )


def test_creators_and_projects_are_put_and_updated(caller: Caller) -> None:
    """PUT creates, PUT again updates; an id with a slash is an id like any other."""
    assert caller.put("/v1/creators/eve%2F1", {"name": "Eve", "country": "DE", "timezone": "Europe/Berlin"})[0] == 200
    assert caller.put("/v1/creators/eve%2F1", {"name": "Eve Adams", "country": "DE"}) == (
        200,
        {"creator_id": "eve/1"},
    )
    project = {"creator_id": "eve/1", "program": "studio", "name": "Icons", "published_on": "2026-01-02"}
    assert caller.put("/v1/projects/icons", project) == (200, {"project_id": "icons"})
    with caller.database.reading() as session:
        found = session.connection().execute(text("SELECT name, timezone FROM creator WHERE creator_id = 'eve/1'"))
        assert tuple(found.one()) == ("Eve Adams", "Europe/Berlin")
    answer = caller.web.get("/v1/creators/eve%2F1/wallets", headers=caller.auth)
    assert answer.json()["wallets"][0]["available_micros"] == 0


@pytest.mark.parametrize("path", ["/v1/creators/%ff", "/v1/creators/a%C3", "/v1/projects/%ed%a0%80"])
def test_an_id_that_is_no_text_is_refused(quick: Caller, path: str) -> None:
    """Bytes that are not UTF-8 name nobody: two such ids would become one."""
    status, said = quick.put(path, {"name": "X", "country": "DE"})
    assert (status, str(said["error"]).partition("_id")[2]) == (422, " in the address is not UTF-8.")
    assert quick.put("/v1/creators/%EF%BF%BD%C3%A9", {"name": "X", "country": "DE"})[0] == 200


PROJECT = {"creator_id": "ada", "program": "studio", "name": "X", "published_on": "2025-11-03"}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/creators/x", {"name": "X", "country": "Atlantis"}, "country"),
        ("/v1/creators/x", {"name": "X", "country": "DE", "timezone": "Moon/Base"}, "timezone"),
        ("/v1/creators/x", {"name": "X", "country": "DE", "bogus": 1}, "bogus"),
        ("/v1/projects/x", PROJECT | {"creator_id": "nobody"}, "creator_id"),
        ("/v1/projects/x", {"creator_id": "ada", "program": "studio", "name": "X"}, "published_on"),
        ("/v1/projects/logo", PROJECT | {"creator_id": "bob"}, "creator_id"),
    ],
)
def test_a_put_that_is_wrong_names_the_field(quick: Caller, path: str, body: object, field: str) -> None:
    """422 with the reason in one sentence and the field beside it."""
    status, said = quick.put(path, body)
    assert status == 422
    rejected = said["rejected"]
    assert isinstance(rejected, list)
    assert said["error"]
    assert field in str(rejected[0])


def test_an_id_in_the_body_must_be_the_addresses(quick: Caller) -> None:
    """Two ids in one request: nothing is done."""
    assert quick.put("/v1/creators/x", {"creator_id": "y", "name": "X", "country": "DE"})[0] == 422
    assert quick.put("/v1/creators/x", {"creator_id": "x", "name": "X", "country": "DE"})[0] == 200


def test_a_link_code_links_the_creator(caller: Caller) -> None:
    """The code that the platform fetches is the one the creator types in chat."""
    answer = caller.web.post("/v1/link-codes", json={"creator_id": "ada"}, headers=caller.auth)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_at"] == "2026-01-14T09:10:00Z"
    with caller.database.transaction() as session:
        identity = people.Identity("slack", "U1", "T1")
        outcome = people.link(session, NOW, identity, answer.json()["code"])
        assert outcome.actor is not None
        assert outcome.actor.creator_id == "ada"
        trail = session.connection().execute(text("SELECT actor FROM audit_record WHERE action = 'link.code'"))
        assert trail.scalar_one() == "api-key backend"


@pytest.mark.parametrize(
    ("body", "status"),
    [({"creator_id": "nobody"}, 404), ({}, 422), ({"creator_id": 5}, 422), ({"creator_id": "ada", "x": 1}, 422)],
)
def test_a_link_code_for_nobody_is_refused(quick: Caller, body: object, status: int) -> None:
    """Unknown creators and unclear requests get no code."""
    assert quick.post("/v1/link-codes", body)[0] == status
    assert count(quick.database, "link_code") == 0


def test_wallets_are_whole_micros_with_text_beside(caller: Caller) -> None:
    """10,000 credits less 8,000 costs are $10.00 once settled: as an integer, and as text with six places."""
    rows = [event(1, credits=10_000, platform_cost=8_000)]
    assert caller.post("/v1/usage", rows)[1]["accepted"] == 1
    settle_due(caller.database, CONFIG, NOW)
    said = caller.web.get("/v1/creators/ada/wallets", headers=caller.auth).json()
    assert said == {
        "creator_id": "ada",
        "wallets": [
            {
                "program": "studio",
                "pending_micros": 0,
                "pending": "0.000000",
                "available_micros": 10_000_000,
                "available": "10.000000",
                "reserved_micros": 0,
                "reserved": "0.000000",
            }
        ],
    }
    assert caller.web.get("/v1/creators/nobody/wallets", headers=caller.auth).status_code == 404


def test_subscriptions_without_a_program_are_refused_row_by_row(quick: Caller) -> None:
    """Where no program has subscriptions, each row says why it was not taken."""
    status, said = quick.post("/v1/subscriptions", [{"payment_id": "p1"}, 5])
    assert status == 200
    assert said["accepted"] == 0
    rejected = said["rejected"]
    assert isinstance(rejected, list)
    assert [(one["index"], one["field"]) for one in rejected] == [(0, "program"), (1, "")]
    assert "assistants" in rejected[0]["reason"]


def test_health_and_readiness(quick: Caller) -> None:
    """Alive whatever happens; ready only while the database and every chat connection stand, and it says which not."""
    assert quick.web.get("/healthz").json() == {"ok": True}
    assert quick.web.get("/readyz").json() == {"ready": True, "checks": {"database": "ok", "slack": "ok"}}
    gone = Database(make_engine("sqlite:////nowhere/at/all.db"))
    app = create_app(gone, DeskConfig(), lambda: NOW, ports_ready=lambda: {"discord": False})
    with TestClient(app) as web:
        answer = web.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"] == {"database": "no answer", "discord": "not connected"}
        assert web.get("/healthz").status_code == 200
        answer = web.post("/v1/usage", json=[], headers={"Authorization": "Bearer x"})
        assert answer.status_code == 503
        assert "Nothing changed" in answer.json()["error"]
        assert answer.headers["retry-after"] == "5"
        assert "earnings_desk_database_up 0.0" in web.get("/metrics").text


def test_metrics_name_what_happened(caller: Caller) -> None:
    """Requests are counted by declared route and status; what only the books know is read when scraped."""
    caller.post("/v1/usage", [event(1)])
    caller.web.get("/v1/creators/ada/wallets")
    caller.web.get("/v1/creators/bob/wallets")
    caller.web.get("/no/such/page")
    page = caller.web.get("/metrics").text
    for line in (
        'earnings_desk_http_requests_total{method="POST",route="/v1/usage",status="200"} 1.0',
        'earnings_desk_http_requests_total{method="GET",route="/v1/creators/{creator_id}/wallets",status="401"} 2.0',
        'earnings_desk_http_requests_total{method="GET",route="other",status="404"} 1.0',
        'earnings_desk_http_request_duration_seconds_count{route="/v1/usage"} 1.0',
        'earnings_desk_outbox_waiting_messages{state="waiting"} 0.0',
        "earnings_desk_outbox_oldest_age_seconds 0.0",
        'earnings_desk_settlement_runs_total{program="studio"} 0.0',
        "earnings_desk_database_up 1.0",
    ):
        assert line in page
    names = {line.split("{")[0].split(" ")[0] for line in page.splitlines() if not line.startswith("#")}
    assert all(name.startswith("earnings_desk_") for name in names)


def test_whatever_goes_wrong_the_answer_is_json_with_a_reference(quick: Caller) -> None:
    """A fault of ours shows a reference, never a traceback; wrong addresses and methods say so."""
    quick.web.app.state.api = None  # type: ignore[attr-defined]
    answer = quick.web.post("/v1/usage", json=[], headers=quick.auth)
    assert answer.status_code == 500
    assert "Ref E-" in answer.json()["error"]
    assert list(quick.web.get("/v1/nothing").json()) == ["error"]
    assert quick.web.delete("/healthz").status_code == 405


def test_the_description_covers_every_route(quick: Caller) -> None:
    """`/openapi.json` describes bodies, answers and the key of each route, and names no address elsewhere."""
    said = quick.web.get("/openapi.json").json()
    operations = {
        f"{method.upper()} {path}": one for path, item in said["paths"].items() for method, one in item.items()
    }
    assert set(operations) == {
        "POST /v1/usage",
        "POST /v1/subscriptions",
        "PUT /v1/creators/{creator_id}",
        "PUT /v1/projects/{project_id}",
        "POST /v1/link-codes",
        "GET /v1/creators/{creator_id}/wallets",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    }
    for name, one in operations.items():
        assert one["summary"]
        assert one["responses"]["200"]
        if "/v1/" in name:
            assert one["security"] == [{"HTTPBearer": []}]
            assert "401" in one["responses"]
        if not name.startswith("GET"):
            content = one["requestBody"]["content"]
            schema = content["application/json"]["schema"]
            assert schema.get("properties") or schema["items"]["properties"]
    usage = operations["POST /v1/usage"]["requestBody"]["content"]
    assert usage["application/json"]["schema"]["maxItems"] == 10_000
    assert "application/x-ndjson" in usage
    assert quick.web.get("/docs").status_code == 404


def test_a_clock_reading_decides_what_is_too_new(quick: Caller) -> None:
    """The API uses the desk's clock: usage more than five minutes ahead of it is refused."""
    ahead = (NOW + dt.timedelta(minutes=6)).isoformat()
    status, said = quick.post("/v1/usage", [event(1, occurred_at=ahead)])
    assert status == 200
    assert said["accepted"] == 0
