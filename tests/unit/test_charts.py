"""Charts as pictures, and in words."""

from __future__ import annotations

import struct
import threading
from decimal import Decimal

import pytest

from core.chat.cards import HIDDEN, Chart, Point
from core.chat.charts import NoPicture, describe, png, shown

WEEK = [("7 Jan", "3.20"), ("8 Jan", "0"), ("9 Jan", "-5.00"), ("10 Jan", "6.75"), ("11 Jan", "8")]


def chart(points: list[tuple[str, str]], kind: str = "bar", unit: str = "usd") -> Chart:
    return Chart(kind, "c", "alt", tuple(Point(*point) for point in points), unit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "what",
    [
        chart(WEEK),
        chart(WEEK, "line"),
        chart(WEEK * 12),
        chart([("x", "1")], "line", "count"),
        chart([]),
        chart([("x", "0")]),
        chart([("a", "3"), ("b", HIDDEN), ("c", "0"), ("d", "5")], "bar", "count"),
        chart([("a", "3"), ("b", HIDDEN), ("c", "-4"), ("d", "5")], "line", "percent"),
        chart([("a", HIDDEN)] * 24, "bar", "count"),
        chart([("$\\frac{", "1234567.89"), ("日本 <b>", "1"), ("x" * 500, "2")]),
    ],
)
@pytest.mark.parametrize("theme", ["card", "dark"])
def test_is_a_picture(what: Chart, theme: str) -> None:
    """Any points give a PNG of the same size; hostile labels are drawn as text, never read as formulas."""
    picture = png(what, theme)  # type: ignore[arg-type]
    assert picture.startswith(b"\x89PNG\r\n")
    assert struct.unpack(">II", picture[16:24]) == (1152, 464)


def test_is_the_same_every_time_from_any_thread() -> None:
    """Threads that draw at once don't disturb each other."""
    alone, together = png(chart(WEEK)), list[bytes]()
    threads = [threading.Thread(target=lambda: together.append(png(chart(WEEK)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(together) == {alone}


@pytest.mark.parametrize("value", ["", "x", "NaN", "Infinity", "1e400"])
def test_refuses_what_is_no_number(value: str) -> None:
    """A point's value is a decimal number of a drawable size."""
    with pytest.raises(NoPicture):
        png(chart([("x", value)]))


def test_figures() -> None:
    """Dollars keep their cents until they are round hundreds; counts have no sign of money."""
    assert [shown(Decimal(value), "usd") for value in ("8", "1300", "1300.5", "-2")] == [
        "$8.00",
        "$1,300",
        "$1,300.50",
        "−$2.00",
    ]
    assert [shown(Decimal(value), "usd") for value in ("12.231234", "0.001409")] == ["$12.23", "$0.001409"]
    assert [shown(Decimal(value), "") for value in ("1030", "0.5", "-3")] == ["1,030", "0.5", "−3"]
    assert [shown(Decimal(value), "percent") for value in ("40", "-2.5")] == ["40%", "−2.5%"]


def test_words() -> None:
    """The alt text says where it starts, what is highest and lowest, where it ends, and the sum."""
    points = [(f"{n} Jan", n * 1_000_000) for n in (3, 9, 1, 5)]
    assert describe("Incentive", points) == (
        "Incentive from 3 Jan to 5 Jan: starts at $3.00, highest $9.00 on 9 Jan, lowest $1.00 on 1 Jan, ends at $5.00. "
        "Total $18.00."
    )
    assert describe("Incentive", points[:2]) == "Incentive: $3.00 on 3 Jan, $9.00 on 9 Jan. Total $12.00."
    assert describe("Incentive", [("1 Jan", 0), ("2 Jan", 0)]) == "Incentive: nothing from 1 Jan to 2 Jan."
    assert describe("Incentive", []) == "Incentive: nothing to show yet."


@pytest.mark.parametrize("kind", ["bar", "line"])
@pytest.mark.parametrize("values", ["h", "hhh", "5h7hh2", "h3h"])
def test_what_may_not_be_told_is_no_fault(kind: str, values: str) -> None:
    """A chart whose points are hidden, all of them or between others, is drawn."""
    points = [(str(place), HIDDEN if value == "h" else value) for place, value in enumerate(values)]
    assert png(chart(points, kind, "")).startswith(b"\x89PNG")
