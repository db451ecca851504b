"""A `Chart` as a PNG, for surfaces that show pictures. The card's words and `alt` say the same.

matplotlib is imported on first use (a second of work that most processes never need) and only its object interface is
touched: a `Figure` with its own Agg canvas, no pyplot, no global state, safe from several threads at once.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from core.chat.cards import HIDDEN, Chart, Point
from core.ledger.money import MICROS, format_money

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

WIDTH, HEIGHT, DPI = 7.2, 2.9, 160  # inches and dots: 1152 × 464, sharp on a phone
LABELS_MOST = 8
CROWDED = 60  # from so many points on, lines are thin
FIGURES_MOST = 14  # up to this many bars carry their figure

Theme = Literal["card", "light", "dark"]


@dataclass(frozen=True, slots=True)
class _Colours:
    back: str
    ink: str
    faint: str
    line: str
    mark: str
    lost: str


# "card" is a panel of its own that reads well on a white and on a dark page; contrast of ink and bars is over 4.5.
# "light" and "dark" are the playground's own colours (adapters/web/playground/static/css/theme.css).
_THEMES: dict[str, _Colours] = {
    "card": _Colours("#f7f7fb", "#1f2430", "#5b6275", "#d9dce6", "#4f46e5", "#c2410c"),
    "light": _Colours("#ffffff", "#1c2124", "#59636a", "#e1e1da", "#0b6b5c", "#b3261e"),
    "dark": _Colours("#191d20", "#e6eaec", "#a2adb4", "#2b3236", "#48b59c", "#ff8d84"),
}


class NoPicture(ValueError):
    """A chart's points can't be drawn: a fault of the template."""


def png(chart: Chart, theme: Theme = "card") -> bytes:
    """The chart as PNG bytes. Raises NoPicture when a point's value is no decimal number."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    values = [_number(point) for point in chart.points]
    colours = _THEMES[theme]
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor=colours.back)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.085, 0.15, 0.895, 0.76))
    _frame(axes, colours)
    if any(value is not None for value in values):
        _marks(axes, chart, values, colours)
        _scale(axes, chart, values, colours)
    else:
        axes.set_axis_off()
        said = "Hidden: fewer than 5 users" if values else "Nothing to show yet"
        axes.text(0.5, 0.5, said, ha="center", va="center", color=colours.faint, **_font(11))
    _make_room(figure, axes)
    out = io.BytesIO()
    # No version in it: the same chart is the same bytes.
    canvas.print_png(out, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return out.getvalue()


@cache
def _typeface() -> tuple[FontProperties, frozenset[int]]:
    """The face that comes with matplotlib (the picture is the same on every machine), and the characters it has."""
    import matplotlib as mpl
    from matplotlib.font_manager import FontProperties, get_font

    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return FontProperties(fname=path), frozenset(get_font(path).get_charmap())


def _font(size: float) -> dict[str, Any]:
    face = _typeface()[0].copy()
    face.set_size(size)
    # parse_math=False: a "$" in a user's text is a dollar sign, not the start of a formula.
    return {"fontproperties": face, "parse_math": False}


def _number(point: Point) -> Decimal | None:
    """The point's value; None for one that may not be shown."""
    if point.value == HIDDEN:
        return None
    try:
        value = Decimal(point.value)
    except InvalidOperation as error:
        raise NoPicture(f"“{point.value[:40]}” is no number") from error
    if not value.is_finite() or abs(value) > 10**15:
        raise NoPicture(f"“{point.value[:40]}” can't be drawn")
    return value


def _frame(axes: Axes, colours: _Colours) -> None:
    axes.set_facecolor(colours.back)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colours.line)
    axes.tick_params(colors=colours.faint, length=0, pad=6)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=colours.line, linewidth=0.8)


def _marks(axes: Axes, chart: Chart, values: Sequence[Decimal | None], colours: _Colours) -> None:
    known = {place: value for place, value in enumerate(values) if value is not None}
    heights = [float(value) for value in known.values()]
    for place in sorted(set(range(len(values))) - set(known)):
        # A dash above the foot: not nothing, but not told.
        axes.annotate(
            "–", (place, 0), (0, 3), textcoords="offset points", ha="center", color=colours.faint, **_font(11)
        )
    if chart.kind == "bar":
        hues = [colours.mark if value >= 0 else colours.lost for value in known.values()]
        axes.bar(list(known), heights, width=0.72, color=hues)
        beside = max(0.0, (5 - len(values)) / 2)  # few bars stay as slim as many
        axes.set_xlim(-0.7 - beside, len(values) - 0.3 + beside)
        if len(values) <= FIGURES_MOST:
            _figures(axes, chart, known, colours)
        return
    beside = 0.6 if len(values) == 1 else 0.4
    axes.set_xlim(-beside, len(values) - 1 + beside)
    if not known:
        return
    for run in _runs(list(known)):
        drawn = [float(known[place]) for place in run]
        width = 2.2 if len(values) <= CROWDED else 1.1
        axes.plot(run, drawn, "o" if len(run) == 1 else "-", color=colours.mark, linewidth=width, markersize=4)
        axes.fill_between(run, drawn, 0, color=colours.mark, alpha=0.12, linewidth=0)
    last = max(known)
    axes.plot([last], [heights[-1]], "o", color=colours.mark, markersize=5)
    axes.annotate(
        shown(known[last], chart.unit),
        (last, heights[-1]),
        (0, 8),
        textcoords="offset points",
        ha="right",
        color=colours.ink,
        bbox={"facecolor": colours.back, "edgecolor": "none", "alpha": 0.75, "pad": 1.5},
        **_font(10),
    )


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Neighbouring places together: a line is broken where something is hidden."""
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _figures(axes: Axes, chart: Chart, known: Mapping[int, Decimal], colours: _Colours) -> None:
    """Each bar's own figure: nobody has to guess from the axis."""
    for place, value in known.items():
        above = value >= 0
        axes.annotate(
            shown(value, chart.unit),
            (place, float(value)),
            (0, 4 if above else -4),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            color=colours.ink,
            **_font(9 if len(known) <= 8 else 7.5),
        )


def _scale(axes: Axes, chart: Chart, values: Sequence[Decimal | None], colours: _Colours) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    known = [float(value) for value in values if value is not None]
    low, high = min(0.0, *known), max(0.0, *known)
    span = (high - low) or 1.0
    axes.set_ylim(low - (0.16 * span if low < 0 else 0), high + 0.16 * span)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=chart.unit != "usd", min_n_ticks=2))
    ticks = [Decimal(str(round(float(tick), 6))) for tick in axes.get_yticks()]
    whole = all(tick == tick.to_integral_value() for tick in ticks)

    def figure_at(tick: float, _place: int | None) -> str:
        text = shown(Decimal(str(round(tick, 6))), chart.unit)
        return text.removesuffix(".00") if whole else text

    axes.yaxis.set_major_formatter(FuncFormatter(figure_at))
    if low < 0:
        axes.axhline(0, color=colours.faint, linewidth=0.8)
    step = -(-len(values) // LABELS_MOST)
    # Counted from the right, so that the newest point always has its label.
    places = sorted(range(len(values) - 1, -1, -step))
    axes.set_xticks(places, [_short(chart.points[place].label) for place in places], **_font(9))
    for label in axes.get_yticklabels():
        label.update(_font(9))


def _short(label: str) -> str:
    """A label that fits under its point, and that the typeface has: other characters become a visible □."""
    known = _typeface()[1]
    label = "".join(character if ord(character) in known else "□" for character in label)
    return label if len(label) <= 14 else label[:13] + "…"


def _make_room(figure: Figure, axes: Axes) -> None:
    """Widen the left margin for the longest figure on the axis, which is never cut."""
    figure.canvas.draw()
    widest = max((label.get_window_extent().width for label in axes.get_yticklabels()), default=0.0)
    left = (widest + 26) / (WIDTH * DPI)
    axes.set_position((left, 0.15, 0.96 - left, 0.76))


def shown(value: Decimal, unit: str) -> str:
    """A value as it is read in a picture: $8.00, to the cent; $1,300 for whole hundreds and more; 1,030; 40%."""
    if unit != "usd":
        text = f"{value:,.2f}".rstrip("0").rstrip(".").replace("-", "−")
        return f"{text}%" if unit == "percent" else text
    rough = value if abs(value) < Decimal("0.01") else value.quantize(Decimal("0.01"))
    text = format_money(int(rough * MICROS))
    whole = abs(value) >= 100 and value == value.to_integral_value()
    return text.removesuffix(".00") if whole else text


def describe(
    name: str, points: Sequence[tuple[str, int]], unit: str = "usd", at: str = "on", total: int | None = None
) -> str:
    """The alt text of a chart of micros by label: first, highest, lowest, last and total.

    at: said before a label; total: the sum, where points are rounded and don't add up to it.

    >>> describe("Daily incentive", [("12 Jan", 8_000_000), ("13 Jan", 5_000_000)])
    'Daily incentive: $8.00 on 12 Jan, $5.00 on 13 Jan. Total $13.00.'
    """
    if not points:
        return f"{name}: nothing to show yet."
    summed = _micros(sum(value for _, value in points) if total is None else total, unit)
    if all(value == 0 for _, value in points):
        return f"{name}: nothing from {points[0][0]} to {points[-1][0]}."
    if len(points) <= 3:
        listed = ", ".join(f"{_micros(value, unit)} {at} {label}" for label, value in points)
        return f"{name}: {listed}. Total {summed}."
    high = max(points, key=lambda point: point[1])
    low = min(points, key=lambda point: point[1])
    first, last = points[0], points[-1]
    return (
        f"{name} from {first[0]} to {last[0]}: starts at {_micros(first[1], unit)}, "
        f"highest {_micros(high[1], unit)} {at} {high[0]}, lowest {_micros(low[1], unit)} {at} {low[0]}, "
        f"ends at {_micros(last[1], unit)}. Total {summed}."
    )


def _micros(value: int, unit: str) -> str:
    return format_money(value) if unit == "usd" else shown(Decimal(value) / MICROS, unit)
