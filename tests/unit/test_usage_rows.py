"""Usage rows in normal form: the fast way and the exact way through a block agree."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.earnings.intake.batch import COLUMNS, Batch, Block, UsageReader
from core.earnings.intake.fields import FieldError, moment, quantity, shown, stamp
from tests.intake_world import NOW, REFUSED, usage

odd_text = st.one_of(
    st.text(max_size=8),
    st.text(st.characters(), max_size=4),
    st.sampled_from(
        ["", " ", "\x00", "\ud800", "\udcff", "e" * 200, "e" * 201, "a b", "\u200d", "\u2028", "\\N", "null"]
    ),
)
ids = st.one_of(st.sampled_from(["e1", "e2", "p-1", "ünï"]), odd_text)
times = st.one_of(
    st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
    st.sampled_from(
        [
            "2026-01-13T10:00:00Z",
            "2026-01-13T23:59:59.999999Z",
            "2026-01-13T10:00:00.5+00:00",
            "2026-01-13T10:00:00-00:00",
            "2026-01-13T10:00:00+01:00",
            "2026-01-13T10:00:00.123456789Z",
            "2026-01-13T10:00:00,5Z",
            "2026-01-13 10:00:00Z",
            "2026-01-13T10:00Z",
            "2026-01-13T10:00:00",
            "2026-W03-2T10:00:00Z",
            "20260113T100000.000Z",
            "2026-01-13T24:00:00Z",
            "2026-01-13T10:00:60Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00Z",
            "2026-01-20T12:05:00Z",
            "2026-01-20T12:05:00.000001Z",
            "٢٠٢٦-01-13T10:00:00Z",
        ]
    ),
    odd_text,
)
kinds = st.one_of(
    st.sampled_from(["generate", "remix", "feature", "view", "save", "void", "message", "Generate"]), odd_text
)
amounts = st.one_of(
    st.sampled_from(
        ["", "0", "1", "1.5", "0.000001", "1.0000001", "-1", "1,000", "1_000", " 1", "1e3", "+1", "٣", "1000000001"]
    ),
    st.integers(-2, 10**20),
    st.decimals(),
    st.floats(),
    st.booleans(),
    st.none(),
    odd_text,
)
anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), odd_text, st.lists(st.integers(), max_size=2)
)
rows = st.one_of(
    st.tuples(ids, times, ids, ids, kinds, amounts, amounts, *[st.sampled_from(["", None, "x", 0])] * 7, ids).map(list),
    st.tuples(
        ids,
        times,
        ids,
        ids,
        st.sampled_from(["generate", "view"]),
        st.sampled_from(["", "1", "2.5"]),
        st.sampled_from(["", "1"]),
        *[st.sampled_from(["", None])] * 8,
    ).map(list),
    st.tuples(
        st.sampled_from(["m1", "m2", ""]),
        st.just("2026-01-13T10:00:00Z"),
        st.just("tutor"),
        st.just("eve"),
        st.sampled_from(["message", "message", "message", "rating"]),
        *[st.sampled_from(["", "", "", "0"])] * 2,
        st.sampled_from(["", "5", "5.0", "5.5", "1,000", "1000000000", "1000000001"]) | st.integers(-1, 10**9 + 1),
        st.sampled_from(["marketplace", "embed", "web", None]),
        ids,
        *[st.sampled_from(["", None, " Why? ", "a\nb", "\xa0why\u2028", "x" * 4_001, "\t"]) | odd_text] * 2,
        st.sampled_from(["", "", "4", 4, 6]),
        st.sampled_from(["", "", "Good"]),
        st.just(""),
    ).map(list),
    st.lists(anything, min_size=len(COLUMNS), max_size=len(COLUMNS)),
)


def contents(batch: Batch) -> object:
    """Events and refusals by position: voids are read last."""
    events = [
        (batch.positions[place], batch.ids[place], batch.days[place], batch.event(place))
        for place in range(len(batch.ids))
    ]
    return sorted(events, key=str), sorted((one.index, one.field, one.reason) for one in batch.rejected)


def block_of(rows: Sequence[Sequence[object]], first: int = 0, width: int = len(COLUMNS)) -> Block:
    """The rows as a block whose positions count from the first."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * width
    return Block(range(first, first + len(rows)), columns)


class ExactReader(UsageReader):
    """Never takes the fast way."""

    def _plain(self, batch: Batch, block: Block) -> bool:
        del batch, block
        return False


@settings(deadline=None, max_examples=300)
@given(st.lists(rows, max_size=6))
def test_both_ways_agree(block: list[list[object]]) -> None:
    """Whatever a block holds, proving it plain and reading it row by row give the same events and refusals."""
    fast, exact = Batch(), Batch()
    UsageReader(COLUMNS, NOW).read(block_of(block, 2), fast)
    ExactReader(COLUMNS, NOW).read(block_of(block, 2), exact)
    assert contents(fast) == contents(exact)
    assert fast.rows == len(block)


def row_of(**changes: object) -> list[object]:
    return [usage(**changes).get(name) for name in COLUMNS]  # type: ignore[arg-type]


def test_a_good_block_goes_the_fast_way() -> None:
    """A block in which nothing is odd never needs a second look, whatever precision its times have."""
    block = [
        row_of(event_id=f"e{number}", occurred_at=f"2026-01-13T10:00:0{number}{tail}")
        for number, tail in enumerate(["Z", ".5Z", ".123Z", ".123456Z", "+00:00", ".000001+00:00"])
    ]
    reader = UsageReader(COLUMNS, NOW)
    reader._exact = None  # type: ignore[assignment, method-assign]
    batch = Batch()
    reader.read(block_of(block), batch)
    assert [at[-9:] for at in batch.at] == [
        "00.000000",
        "01.500000",
        "02.123000",
        "03.123456",
        "04.000000",
        "05.000001",
    ]


def test_one_bad_row_leaves_its_block_fast() -> None:
    """Beside a bad row only its neighbours are read the exact way."""
    block = [row_of(event_id=f"e{number}") for number in range(2_000)]
    block[700] = row_of(event_id="")
    reader = UsageReader(COLUMNS, NOW)
    looked_at: list[int] = []
    exact = reader._exact

    def watched(batch: Batch, block: Block) -> None:
        looked_at.extend(block.positions)
        exact(batch, block)

    reader._exact = watched  # type: ignore[method-assign]
    batch = Batch()
    reader.read(block_of(block), batch)
    assert len(batch.ids) == 1_999
    assert [one.index for one in batch.rejected] == [700]
    assert 700 in looked_at
    assert len(looked_at) == 256


def test_memory_of_parsed_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that never repeat don't pile up."""
    monkeypatch.setattr("core.earnings.intake.batch._Parsed.limit", 10)
    monkeypatch.setattr("core.earnings.intake.batch._Amounts.limit", 10)
    reader = UsageReader(COLUMNS, NOW)
    batch = Batch()
    block = [row_of(event_id=f"e{number}", project_id=f"p{number}", credits=str(number)) for number in range(100)]
    reader.read(block_of(block), batch)
    assert len(batch.ids) == 100
    assert len(reader._projects) <= 10
    assert len(reader._credits) <= 10
    assert batch.credits == [number * 1_000_000 for number in range(100)]


@pytest.mark.parametrize("columns", [COLUMNS[:5], COLUMNS[:6], tuple(reversed(COLUMNS[:7]))])
def test_columns_may_be_missing_or_in_another_order(columns: tuple[str, ...]) -> None:
    """Optional columns may be left out, and the order does not matter."""
    value = usage(kind="view", credits="", platform_cost="") if "credits" not in columns else usage()
    batch = Batch()
    UsageReader(columns, NOW).read(block_of([[value.get(name) for name in columns]]), batch)
    assert batch.ids == ["e1"]
    assert batch.costs == [4_000_000 if "platform_cost" in columns else 0]


@pytest.mark.parametrize(("change", "field", "reason"), REFUSED)
def test_refusals(change: dict[str, object], field: str, reason: str) -> None:
    """Each odd value is refused by its field, with a reason; what only the database or the caller can see is not."""
    if field == "amount" or "unknown" in reason:
        return
    batch = Batch()
    row = usage() | change
    UsageReader(COLUMNS, NOW).read(block_of([[row.get(name) for name in COLUMNS]], 3), batch)
    assert [(one.index, one.field) for one in batch.rejected] == [(3, field)]
    assert reason in batch.rejected[0].reason


@given(st.datetimes(timezones=st.timezones()))
def test_moments_survive(at: object) -> None:
    """A moment reads back as the moment it was written from, to the microsecond, in UTC."""
    import datetime as dt

    assert isinstance(at, dt.datetime)
    seconds = at.utcoffset()
    if at.year < 1971 or at.year > 9998 or seconds is None or seconds.total_seconds() % 60:
        return
    assert moment(at.isoformat(), "at") == at.astimezone(dt.UTC)
    assert stamp(at) == at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


@given(st.integers(0, 10**15))
def test_quantities_are_exact(micros: int) -> None:
    """Text, Decimal and int of the same amount come to the same micro-units."""
    text = f"{micros // 10**6}.{micros % 10**6:06}"
    assert quantity(text, "credits") == quantity(Decimal(text), "credits") == micros
    assert quantity(micros // 10**6, "credits") == micros // 10**6 * 10**6


@given(anything | st.text() | st.integers(10**39, 10**60) | st.decimals())
def test_shown_values_are_inert(value: object) -> None:
    """A value inside a reason is short and prints on one line."""
    assert len(shown(value)) <= 60
    assert shown(value).isprintable()


def test_field_error_reads_well() -> None:
    """The error itself names field and reason, for whoever sees a traceback."""
    assert str(FieldError("credits", "is empty")) == "credits is empty"
