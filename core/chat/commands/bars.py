"""A chart of money by day, or by month or year where a picture can't show so many days; and the same in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from core.chat.limits import LIMITS
from core.chat.words import MONTHS, day_text, weekday_text
from core.ledger.money import decimal_text, format_money


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the chart: a UTC day, or a month where there are too many days. micros: settled and estimated."""

    label: str
    spoken: str
    micros: int
    estimate: bool

    @property
    def value(self) -> str:
        return decimal_text(self.micros)


def bars_of(sums: Mapping[dt.date, tuple[int, bool]]) -> list[Bar]:
    """Bars from micro-dollars by day and whether they are an estimate; none where there is only one day."""
    days = sorted(sums)
    if len(days) < 2:
        return []
    if len(days) <= LIMITS["points"]:
        return [Bar(day_text(day), weekday_text(day), *sums[day]) for day in days]
    months = [
        (year, month, [sums[day] for day in group])
        for (year, month), group in groupby(days, key=lambda day: (day.year, day.month))
    ]
    if len(months) > LIMITS["points"]:
        by_year = groupby(months, key=lambda entry: entry[0])
        return [_sum_bar(str(year), [cell for entry in group for cell in entry[2]]) for year, group in by_year]
    return [_sum_bar(f"{MONTHS[month - 1]} {year}", cells) for year, month, cells in months]


def _sum_bar(label: str, cells: Sequence[tuple[int, bool]]) -> Bar:
    return Bar(label, label, sum(micros for micros, _ in cells), any(estimate for _, estimate in cells))


Said = Callable[[int], str]


def spoken_chart(bars: Sequence[Bar], what: str = "incentive", said: Said = format_money) -> str:
    """The chart in words: `Daily incentive rises to $8.00 on Mon 12, then $5.00. Total $41.20.`

    said: how an amount reads.
    """
    if not bars:
        return ""
    daily = f"Daily {what}" if bars[0].label != bars[0].spoken else what.capitalize()
    total = said(sum(bar.micros for bar in bars))
    note = _estimated(bars)
    if all(bar.micros == 0 for bar in bars):
        return f"{daily}: nothing from {bars[0].spoken} to {bars[-1].spoken}.{note}"
    if len({bar.micros for bar in bars}) == 1:
        each = "day" if bars[0].label != bars[0].spoken else "bar"
        return f"{daily} stays at {said(bars[0].micros)} every {each}. Total {total}.{note}"
    top = max(bars, key=lambda bar: bar.micros)
    last = bars[-1]
    if top is last:
        story = f"{daily} rises to {said(top.micros)} on {top.spoken}, the last and highest"
    elif top is bars[0]:
        story = f"{daily} is highest at the start, {said(top.micros)} on {top.spoken}, then {_last(said, last)}"
    else:
        story = f"{daily} rises to {said(top.micros)} on {top.spoken}, then {_last(said, last, bars.index(top), bars)}"
    return f"{story}. Total {total}.{note}"


def _estimated(bars: Sequence[Bar]) -> str:
    """Which bars are no settled amounts; most often the last one."""
    count = sum(bar.estimate for bar in bars)
    if not count:
        return ""
    if not all(bar.estimate for bar in bars[-count:]):
        return " Some bars are estimates."
    if count == len(bars):
        return " All bars are estimates."
    return " The last bar is an estimate." if count == 1 else f" The last {count} bars are estimates."


def _last(said: Said, last: Bar, top: int | None = None, bars: Sequence[Bar] = ()) -> str:
    """How it ends: `$5.00` right after the top, else `$5.00 on Tue 13`."""
    at_once = top is not None and top == len(bars) - 2
    return said(last.micros) if at_once else f"{said(last.micros)} on {last.spoken}"
