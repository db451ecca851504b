"""Request bodies, read by hand: bounded, numbers without floats, and one bad row never costs the rest."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from starlette.requests import ClientDisconnect, Request

MAX_ROWS = 10_000
MAX_BYTES = 16 * 1024 * 1024
MAX_SMALL_BYTES = 64 * 1024
_LONGEST_NUMBER = 60
_WHITESPACE = " \t\n\r"

Cell: TypeAlias = str | int | Decimal | None
Row: TypeAlias = Mapping[str, Cell]


class Refusal(Exception):
    """The request as a whole is refused. `error` is what its sender reads."""

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.headers = status, error, dict(headers or {})


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be taken: where it stands (from 0), which field, and a reason to act on."""

    index: int
    field: str
    reason: str


@dataclass(slots=True)
class Batch:
    """What a body held. `indexes[n]` is where `rows[n]` stood in it."""

    rows: list[Row] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.rows) + len(self.bad)


class _Unfit:
    """Stands in a parsed row for what a row can't hold."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Repeated(dict[str, object]):
    """An object that names a field twice: which of the two was meant is anyone's guess."""

    repeated = ""


async def read_bytes(request: Request, limit: int) -> bytes:
    """The body, or a 413 as soon as it is known to be longer than `limit`; never holds more than that."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "Send the body uncompressed: content codings are not read.")
    too_large = Refusal(413, f"The body is larger than {limit} bytes. Send it in parts.", {"Connection": "close"})
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        raise too_large
    parts = bytearray()
    try:
        async for part in request.stream():
            if len(parts) + len(part) > limit:
                raise too_large
            parts += part
    except ClientDisconnect:
        raise Refusal(400, "The body ended early. Nothing changed.") from None
    return bytes(parts)


def read_batch(body: bytes, media_type: str = "") -> Batch:
    """Rows from a JSON array or from NDJSON (told apart by the first character, unless the media type says NDJSON).

    Raises Refusal 413 beyond MAX_ROWS, 422 when the body as a whole can't be read.
    """
    text = _decode(body)
    lines = "ndjson" in media_type or "jsonl" in media_type or "json-seq" in media_type
    start = _skip(text, 0)
    if not lines and text[start : start + 1] == "[":
        return _collect(_array(text, start + 1))
    batch = _collect(_lines(text))
    if not batch.size:
        raise Refusal(422, "The body is empty. Send a JSON array, or one JSON object a line.")
    if not batch.rows and all(bad.field == "" for bad in batch.bad):
        raise Refusal(422, f"No row of the body can be read. The first: {batch.bad[0].reason}")
    return batch


def read_object(body: bytes) -> Row:
    """One flat JSON object. Raises Refusal 422."""
    text = _decode(body)
    try:
        value, end = _DECODER.raw_decode(text, _skip(text, 0))
    except (ValueError, RecursionError) as error:
        raise Refusal(422, f"The body can't be read: {_why(error)}.") from None
    if _skip(text, end) != len(text):
        raise Refusal(422, "The body can't be read: something stands behind the object.")
    row = _row(0, value)
    if isinstance(row, BadRow):
        raise Refusal(422, f"{row.field}: {row.reason}" if row.field else row.reason)
    return row


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(422, f"The body can't be read: byte {error.start} is not UTF-8.") from None


def _collect(values: Iterator[object]) -> Batch:
    batch = Batch()
    for index, value in enumerate(values):
        if index >= MAX_ROWS:
            raise Refusal(413, f"A request takes up to {MAX_ROWS} rows. Send them in parts. Nothing changed.")
        row = _row(index, value)
        if isinstance(row, BadRow):
            batch.bad.append(row)
        else:
            batch.rows.append(row)
            batch.indexes.append(index)
    return batch


def _array(text: str, position: int) -> Iterator[object]:
    """The elements of an array one at a time, so that one too long is given up early."""
    position = _skip(text, position)
    if text[position : position + 1] == "]":
        _nothing_behind(text, position + 1)
        return
    while True:
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise Refusal(422, f"The body can't be read: {_why(error)}.") from None
        yield value
        position = _skip(text, position)
        separator = text[position : position + 1]
        if separator == "]":
            _nothing_behind(text, position + 1)
            return
        if separator != ",":
            raise Refusal(422, f"The body can't be read: ',' or ']' is missing at character {position}.")
        position = _skip(text, position + 1)


def _lines(text: str) -> Iterator[object]:
    """The objects of NDJSON; a line that can't be read is a bad row, not the end."""
    for raw in io.StringIO(text, newline="\n"):
        line = raw.strip(_WHITESPACE)
        if not line:
            continue
        try:
            value, end = _DECODER.raw_decode(line)
        except (ValueError, RecursionError) as error:
            yield _Unfit(f"This line can't be read: {_why(error)}.")
        else:
            yield value if end == len(line) else _Unfit("This line can't be read: something stands behind the object.")


def _nothing_behind(text: str, position: int) -> None:
    if _skip(text, position) != len(text):
        raise Refusal(422, "The body can't be read: something stands behind the array.")


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITESPACE:
        position += 1
    return position


def _row(index: int, value: object) -> Row | BadRow:
    if isinstance(value, _Unfit):
        return BadRow(index, "", value.reason)
    if isinstance(value, _Repeated):
        return BadRow(index, value.repeated, "stands twice in this row; keep one of them.")
    if not isinstance(value, dict):
        return BadRow(index, "", "A row is a JSON object with the columns as its names.")
    row: dict[str, Cell] = {}
    for name, cell in value.items():
        problem = _problem(name, cell)
        if problem:
            return BadRow(index, _shown(name), problem)
        row[name] = cell
    return row


def _problem(name: str, cell: object) -> str:
    if not _storable(name):
        return "The name holds characters that can't be stored."
    if isinstance(cell, _Unfit):
        return cell.reason
    if isinstance(cell, bool):
        return "true and false are not taken here; send text or a number."
    if isinstance(cell, str):
        return "" if _storable(cell) else "holds characters that can't be stored (a NUL, or half of a surrogate pair)."
    if cell is None or isinstance(cell, int | Decimal):
        return ""
    return "holds a list or an object; send text or a number."


def _storable(text: str) -> bool:
    """Neither database takes a NUL or a lone surrogate, which JSON can spell."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text))


def _shown(name: str) -> str:
    return name[:60].encode("utf-8", "replace").decode().replace("\x00", "?")


def _integer(text: str) -> int | _Unfit:
    return int(text) if len(text) <= _LONGEST_NUMBER else _Unfit("is a number with too many digits.")


def _fraction(text: str) -> Decimal | _Unfit:
    if len(text) > _LONGEST_NUMBER:
        return _Unfit("is a number with too many digits.")
    value = Decimal(text)
    # An exponent is a short way to write a number of a billion digits: whoever expands it hangs.
    return value if -_LONGEST_NUMBER <= value.adjusted() <= _LONGEST_NUMBER else _Unfit("is a number out of range.")


def _constant(text: str) -> object:
    raise ValueError(f"{text} is not JSON")


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    repeated = _Repeated()
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            repeated.repeated = _shown(name)
        seen.add(name)
    return repeated


def _why(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


_DECODER = json.JSONDecoder(
    parse_float=_fraction, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_pairs
)
