"""Request bodies: one bad row never costs the rest, and nothing hostile hangs, crashes or gets through."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request

from adapters.web import bodies
from adapters.web.bodies import Batch, Refusal, read_batch, read_object

ROWS = [{"event_id": "e1", "credits": 1}, {"event_id": "e2", "credits": "2.5"}]


def refused(body: bytes, media_type: str = "") -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_batch(body, media_type)
    return caught.value


def test_an_array_and_the_same_rows_as_lines_read_alike() -> None:
    """JSON array or NDJSON: the caller's choice, the same rows."""
    array = read_batch(json.dumps(ROWS).encode())
    lines = read_batch("\n".join(json.dumps(row) for row in ROWS).encode())
    assert array.rows == lines.rows == ROWS
    assert array.indexes == lines.indexes == [0, 1]


@pytest.mark.parametrize("text", ["0.1", "1e3", "123456789.123456", "0.30000000000000004"])
def test_numbers_never_become_floats(text: str) -> None:
    """A fraction is a Decimal with exactly the digits that were sent."""
    value = read_batch(f'[{{"credits": {text}}}]'.encode()).rows[0]["credits"]
    assert value == Decimal(text)
    assert isinstance(value, Decimal)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n ",
        b"\xff\xfe[]",
        b"[",
        b"[{}",
        b"[{},]",
        b'[{"a": NaN}]',
        b'[{"a": -Infinity}]',
        b"[{}] trailing",
        b"not json",
        b'"text"',
        b"null",
        b"{'a': 1}",
        b"[" * 100_000,
        b'[{"a":' * 50_000,
        b'{"a":' * 50_000,
        b'{\n "event_id": "e1"\n}',
    ],
)
def test_a_body_that_cannot_be_read_as_a_whole_is_a_422(body: bytes) -> None:
    """The answer says what is wrong with it, in one sentence."""
    refusal = refused(body)
    assert refusal.status == 422
    assert "Traceback" not in refusal.error
    assert len(refusal.error) < 300


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("17", "", "JSON object"),
        ("null", "", "JSON object"),
        ("[1]", "", "JSON object"),
        ('{"credits": true}', "credits", "true and false"),
        ('{"credits": [1]}', "credits", "a list or an object"),
        ('{"user_id": {"a": 1}}', "user_id", "a list or an object"),
        ('{"credits": 1, "credits": 2}', "credits", "stands twice"),
        ('{"credits": 1e999999999}', "credits", "out of range"),
        ('{"credits": 1e-999999999}', "credits", "out of range"),
        ('{"credits": ' + "9" * 5000 + "}", "credits", "too many digits"),
        ('{"credits": 0.' + "9" * 5000 + "}", "credits", "too many digits"),
        ('{"user_id": "\\ud800"}', "user_id", "can't be stored"),
        ('{"user_id": "a\\u0000b"}', "user_id", "can't be stored"),
        ('{"a\\ud800": "x"}', "a?", "can't be stored"),
    ],
)
def test_a_row_that_cannot_be_kept_leaves_its_neighbours_alone(row: str, field: str, reason: str) -> None:
    """It is reported with its place, its field and why; the rows around it are taken."""
    for body in (f'[{{"a": "1"}}, {row}, {{"a": "2"}}]', f'{{"a": "1"}}\n{row}\n\n{{"a": "2"}}\n'):
        batch = read_batch(body.encode())
        assert batch.rows == [{"a": "1"}, {"a": "2"}]
        assert batch.indexes == [0, 2]
        assert [(bad.index, bad.field) for bad in batch.bad] == [(1, field)]
        assert reason in batch.bad[0].reason


def test_a_broken_line_of_ndjson_is_a_bad_row() -> None:
    """Lines stand for themselves: a cut one is reported, the others count."""
    batch = read_batch(b'{"a": "1"}\n{"a": \n{"a": "3"} {"a": "4"}\n{"a": NaN}\n{"a": "5"}', "application/x-ndjson")
    assert [row["a"] for row in batch.rows] == ["1", "5"]
    assert [bad.index for bad in batch.bad] == [1, 2, 3]


def test_a_byte_order_mark_and_windows_line_ends_are_no_obstacle() -> None:
    """What editors add does not cost a row."""
    assert read_batch(b'\xef\xbb\xbf{"a": "1"}\r\n{"a": "2"}\r\n').rows == [{"a": "1"}, {"a": "2"}]


@pytest.mark.parametrize("lines", [False, True])
def test_more_rows_than_a_request_takes_is_a_413(lines: bool) -> None:
    """10,000 rows pass, one more does not, whichever way they are written."""

    def body(count: int) -> bytes:
        return b"{}\n" * count if lines else b"[" + b",".join([b"{}"] * count) + b"]"

    assert read_batch(body(10_000)).size == 10_000
    assert refused(body(10_001)).status == 413


def test_an_empty_array_is_no_fault() -> None:
    """Nothing to report is fine."""
    assert read_batch(b" [ ] ") == Batch()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@given(st.binary(max_size=200) | JSON_VALUES.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")))
@example(b"[\xc3\x28]")
@example(b'[{"\\ud800": 1}]')
def test_whatever_is_sent_is_read_or_refused(body: bytes) -> None:
    """No body makes the reader do anything but read it or refuse it; what it reads can be stored."""
    with contextlib.suppress(Refusal):
        batch = Batch()
        batch = read_batch(body)
    for row in batch.rows:
        for name, cell in row.items():
            assert cell is None or isinstance(cell, str | int | Decimal)
            assert not isinstance(cell, bool)
            f"{name}{cell}".encode()


@given(st.lists(st.dictionaries(st.text(), JSON_VALUES, max_size=4), max_size=6))
def test_every_row_is_either_taken_or_reported(rows: list[dict[str, object]]) -> None:
    """Nothing is lost in between: the places of rows and refusals together are the places sent."""
    try:
        batch = read_batch(json.dumps(rows).encode("utf-8", "surrogatepass"))
    except Refusal:
        return  # NaN and Infinity are not JSON
    assert sorted([*batch.indexes, *(bad.index for bad in batch.bad)]) == list(range(len(rows)))


@pytest.mark.parametrize("body", [b"[]", b"{} {}", b'{"a": 1, "a": 2}', b'{"a": [1]}', b"\xff", b"", b"{" * 90_000])
def test_a_small_body_that_is_no_flat_object_is_a_422(body: bytes) -> None:
    """PUT and link codes take one flat object."""
    with pytest.raises(Refusal) as caught:
        read_object(body)
    assert caught.value.status == 422


def _request(parts: list[bytes], headers: dict[str, str]) -> tuple[Request, list[int]]:
    left = list(parts)
    taken: list[int] = []

    async def receive() -> dict[str, object]:
        if not left:
            return {"type": "http.disconnect"}
        part = left.pop(0)
        taken.append(len(part))
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive), taken


async def test_a_body_announced_as_too_large_is_refused_unread() -> None:
    """Its length alone is enough."""
    request, taken = _request([b"x" * 100], {"content-length": "1001"})
    with pytest.raises(Refusal) as caught:
        await bodies.read_bytes(request, 1000)
    assert caught.value.status == 413
    assert not taken


@pytest.mark.parametrize("length", ["12", "-5", "9" * 30, "x", ""])
async def test_a_body_longer_than_it_says_is_cut_off_on_the_way(length: str) -> None:
    """A chunked or lying body is given up at the limit, not read to its end."""
    request, taken = _request([b"x" * 600] * 50, {"content-length": length})
    with pytest.raises(Refusal) as caught:
        await bodies.read_bytes(request, 1000)
    assert caught.value.status == 413
    assert len(taken) <= 2


async def test_a_compressed_body_is_refused() -> None:
    """A small archive may unpack to terabytes; none is unpacked."""
    request, _ = _request([b"x"], {"content-encoding": "gzip"})
    with pytest.raises(Refusal) as caught:
        await bodies.read_bytes(request, 1000)
    assert caught.value.status == 415


async def test_a_body_that_ends_early_changes_nothing() -> None:
    """The sender hung up: there is nobody to answer, and nothing to keep."""
    request, _ = _request([], {})
    with pytest.raises(Refusal) as caught:
        await bodies.read_bytes(request, 1000)
    assert caught.value.status == 400
