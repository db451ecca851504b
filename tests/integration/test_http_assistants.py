"""Messages, ratings and payments over HTTP with bodies that nobody should send (interfaces.md, "HTTP")."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping

import pytest
from fastapi.testclient import TestClient

from adapters.web.app import create_app
from core import api_keys
from core.storage import Database
from tests.assistants_desk import ALONE, World, feb
from tests.desk_world import jan

PAYMENT: dict[str, object] = {
    "payment_id": "p",
    "paid_at": "2026-01-05T08:00:00Z",
    "user_id": "una",
    "plan": "Plus",
    "amount_usd": "19.00",
    "month": "2026-01",
    "referrer_id": "ada",
    "voids": None,
}
MESSAGE: dict[str, object] = {
    "event_id": "e",
    "occurred_at": "2026-01-13T09:00:00Z",
    "project_id": "tax",
    "user_id": "una",
    "kind": "message",
    "tokens": 100,
    "channel": "embed",
    "conversation_id": "c",
    "question": "Why?",
    "shared_context": "A shop",
    "stars": None,
    "credits": None,
}
RATING: dict[str, object] = {**MESSAGE, "kind": "rating", "stars": 5, "review": "Fine."} | dict.fromkeys(
    ("tokens", "channel", "conversation_id", "question", "shared_context")
)
# As JSON spells them: Python's writer would not.
WORST = (
    *("true", "[]", "{}", "[1]", "-1", "1.5", "1e400", "1e-400", "-0.0", "1e60", "9" * 61, str(2**63), str(2**63 - 1)),
    *(r'"\u0000"', r'"a\u0000b"', r'"\ud800"', '"' + "x" * 3_000 + '"', '"1e3"', '"0x10"', '"١٢"', '"NaN"', '"1_000"'),
    *('"9999-12-31T23:59:59.999999Z"', '"0001-01-01T00:00:00Z"', '"9999-12"', '"0000-01"', '"2026-13"', '"void"'),
)


def spelled(kind: Mapping[str, object], number: int, column: str = "", worst: str = "") -> str:
    """A row of its own as JSON, with one value as bad as that."""
    own = next(iter(kind))
    cells = {name: json.dumps(value) for name, value in kind.items()} | {own: f'"{own}{number}"'}
    cells |= {column: worst} if column else {}
    return "{" + ", ".join(f'"{name}": {cell}' for name, cell in cells.items()) + "}"


@pytest.fixture
def backend(sqlite_database: Database) -> Iterator[tuple[World, TestClient]]:
    """A desk of assistants and its platform's backend, with its key; it is 14 Jan 10:00."""
    world = World(sqlite_database, ALONE)
    with world.database.transaction() as session:
        key = api_keys.create(session, world.now, "backend")
    app = create_app(world.database, ALONE, lambda: world.now, ports_ready=dict)
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as web:
        yield world, web
    world.close()


@pytest.mark.parametrize("path", ["/v1/usage", "/v1/subscriptions"])
def test_the_worst_value_in_every_column(backend: tuple[World, TestClient], path: str) -> None:
    """A row is taken or refused with its field and a reason; its neighbours are taken whatever it holds; the months
    close on whatever was taken, and the books verify."""
    world, web = backend
    kinds = [PAYMENT] if path == "/v1/subscriptions" else [MESSAGE, RATING]
    numbers = itertools.count()
    for kind in kinds:
        for column in (*kind, "bogus"):
            pairs = [(spelled(kind, next(numbers)), spelled(kind, next(numbers), column, worst)) for worst in WORST]
            rows = [row for pair in pairs for row in pair]
            answer = web.post(path, content=f"[{', '.join(rows)}]".encode())
            assert answer.status_code == 200, (column, answer.text)
            said = answer.json()
            refused = {one["index"] for one in said["rejected"]}
            assert said["accepted"] + said["duplicates"] + len(refused) == len(rows), column
            assert all(index % 2 for index in refused), (column, said)
            assert all(one["reason"] and len(one["reason"]) < 400 for one in said["rejected"])
    for now in (feb(1, 3), feb(2, 3)):
        world.settle(now)
    world.process()
    assert world.sound()


@pytest.mark.parametrize("path", ["/v1/usage", "/v1/subscriptions"])
def test_too_many_rows(backend: tuple[World, TestClient], path: str) -> None:
    """10,001 rows are refused whole, in either form; sums that would leave their column, row by row."""
    world, web = backend
    one = json.dumps(MESSAGE if path == "/v1/usage" else PAYMENT)
    for body in (f"[{','.join([one] * 10_001)}]", "\n".join([one] * 10_001)):
        assert web.post(path, content=body.encode()).status_code == 413
    huge = [MESSAGE | {"event_id": f"e{number}", "tokens": 10**9} for number in range(12)]
    refused = web.post("/v1/usage", json=huge).json()["rejected"]
    assert {one["field"] for one in refused} == {"tokens"}
    huge = [PAYMENT | {"payment_id": f"p{number}", "amount_usd": "99999999999.99"} for number in range(3)]
    assert {one["field"] for one in web.post("/v1/subscriptions", json=huge).json()["rejected"]} == {"amount_usd"}
    world.settle(jan(14, 11))
    assert world.sound()
