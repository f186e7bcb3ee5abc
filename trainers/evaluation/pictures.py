"""Charts as SVG for report pages: curves over time, over periods and over numbers, and bars.

Colours are the variables of :mod:`.pages`; :mod:`.chart_drawing` has what all charts share.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.evaluation.chart_drawing import chart_settings, drawn_chart, pygal_library

_POINTS = 600
_N_DATES = 5
#: If the names of the bars have more letters than this together, they are rotated so that they do not overlap.
_MOST_LETTERS = 70
#: The number of rotated labels of periods that fit side by side.
_MOST_PERIODS = 20
#: The number of horizontal labels of periods that fit side by side.
_MOST_FLAT_PERIODS = 8
Format = Callable[[float], str]


class Curve(NamedTuple):
    """Points that are joined by a line, in the order of x.

    Attributes:
        is_reference: Whether the curve is only there to compare with; it is drawn thin, grey and dashed.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    is_reference: bool = False


class Measured(NamedTuple):
    """A value, with its 95 % interval if it has one."""

    value: float
    low: float | None = None
    high: float | None = None


class Axes(NamedTuple):
    """The titles and the number formats of the axes of a chart."""

    x_title: str
    y_title: str
    x_format: Format = "{:g}".format
    y_format: Format = "{:g}".format


def lines(
    title: str,
    end_ms: NDArray[np.int64],
    series: Mapping[str, NDArray[np.float64]],
    *,
    n_references: int = 0,
) -> str:
    """Curves over time, of at most 600 points.

    Args:
        title: The title of the chart.
        end_ms: The times of all curves, shape (n,), increasing.
        series: The values of each curve by its name, shape (n,).
        n_references: How many of the last curves are drawn in grey.
    """
    return time_curves(
        title, {name: (end_ms, values) for name, values in series.items()}, n_references=n_references
    )


def time_curves(
    title: str,
    series: Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]],
    *,
    n_references: int = 0,
    height: int = 320,
    width: int = 960,
) -> str:
    """Curves over time, each with times of its own; the last ``n_references`` in grey.

    Args:
        title: Of the chart.
        series: By name of a curve: its times in milliseconds and its values.
        n_references: How many of the last curves are references.
        height: In pixels.
        width: In pixels.
    """
    pygal = pygal_library()
    chart = pygal.XY(
        **chart_settings(pygal, title, n_plain=len(series) - n_references, width=width, height=height),
        # pygal.DateTimeLine calls what CPython 3.12 deprecates.
        x_value_formatter=lambda at_s: datetime.fromtimestamp(at_s, tz=UTC).strftime("%Y-%m-%d"),
        show_dots=False,
        stroke_style={"width": 1.5},
        x_labels_major_count=_N_DATES,
        show_minor_x_labels=False,
        # The last date reaches beyond the axis.
        margin_right=44,
    )
    for name, (end_ms, values) in series.items():
        chart.add(name, _points(end_ms, values))
    return drawn_chart(chart, title)


def period_curves(
    title: str,
    series: Mapping[str, Mapping[str, float]],
    *,
    n_references: int = 0,
    width: int = 640,
    height: int = 420,
) -> str:
    """Curves over named periods such as ``2024-Q3``, in the order of their names.

    If the labels of all periods do not fit, only every second, third and so on is shown. Without a period
    the result is an empty text.

    Args:
        title: The title of the chart.
        series: The values by the name of the curve and the name of the period.
        n_references: How many of the last curves are drawn in grey.
        width: In pixels.
        height: In pixels.
    """
    names = sorted({name for values in series.values() for name in values})
    if not names:
        return ""
    pygal = pygal_library()
    step = -(-len(names) // _MOST_PERIODS)
    chart = pygal.Line(
        **chart_settings(pygal, title, n_plain=len(series) - n_references, width=width, height=height),
        dots_size=2,
        stroke_style={"width": 1.5},
        x_label_rotation=0 if len(names) <= _MOST_FLAT_PERIODS else 45,
        # Turned labels reach down to the legend, and the last one beyond the axis.
        spacing=18,
        margin_right=44,
        x_labels_major_every=step,
        show_minor_x_labels=step == 1,
        value_formatter="{:g}".format,
    )
    chart.x_labels = names
    for name, values in series.items():
        chart.add(name, [values.get(period) for period in names])
    return drawn_chart(chart, title)


def curves(title: str, drawn: Sequence[Curve], axes: Axes, *, x_labels: Sequence[float] = ()) -> str:
    """Curves over common axes; an empty text if there is no point.

    Args:
        title: Of the chart.
        drawn: The curves; one without points is left out.
        axes: The titles and number formats of the axes.
        x_labels: Where the axis of x is labelled; pygal chooses where this is empty.
    """
    pygal = pygal_library()
    full = [curve for curve in drawn if len(curve.x)]
    if not full:
        return ""
    n_plain = sum(not curve.is_reference for curve in full)
    chart = pygal.XY(
        **chart_settings(pygal, title, n_plain=n_plain, width=640, height=420),
        x_title=axes.x_title,
        y_title=axes.y_title,
        x_value_formatter=axes.x_format,
        value_formatter=axes.y_format,
        dots_size=2.5,
    )
    if x_labels:
        chart.x_labels = list(x_labels)
    for curve in sorted(full, key=lambda curve: curve.is_reference):
        points = [(float(x), float(y)) for x, y in zip(curve.x, curve.y, strict=True)]
        style = {"width": 1, "dasharray": "5, 4"} if curve.is_reference else {"width": 2}
        chart.add(curve.name, points, stroke_style=style, show_dots=not curve.is_reference)
    return drawn_chart(chart, title)


def bars(title: str, values: Mapping[str, float]) -> str:
    """A chart with one bar for each name."""
    return measured_bars(title, {"": {name: Measured(round(value, 2)) for name, value in values.items()}})


def measured_bars(
    title: str,
    series: Mapping[str, Mapping[str, Measured]],
    *,
    value_title: str = "",
    y_format: Format = "{:g}".format,
    is_lying: bool = False,
    n_references: int = 0,
    size: Mapping[str, int] | None = None,
) -> str:
    """A chart with one bar for each name and series, with intervals; an empty text if there is no bar.

    Args:
        title: The title of the chart.
        series: The values by the name of the series and the name of the bar; the first series names all bars.
        value_title: The title of the axis of values.
        y_format: How values are written.
        is_lying: Whether bars are horizontal, for many or long names.
        n_references: How many of the last series are drawn in grey.
        size: Width and height; None chooses them by the number of bars.
    """
    pygal = pygal_library()
    names = list(next(iter(series.values()), {}))
    if not names:
        return ""
    kind = pygal.HorizontalBar if is_lying else pygal.Bar
    if size is None:
        size = {"width": 640, "height": 120 + 26 * len(names) * len(series)} if is_lying else {}
    chart = kind(
        **chart_settings(pygal, title, n_plain=len(series) - n_references, **size),
        show_legend=len(series) > 1,
        x_label_rotation=0 if is_lying or len(names) * len(max(names, key=len)) < _MOST_LETTERS else 30,
        value_formatter=y_format,
        range=_range(series),
        **{"x_title" if is_lying else "y_title": value_title},
    )
    # Horizontal bars are drawn from the bottom up.
    ordered = names[::-1] if is_lying else names
    chart.x_labels = ordered
    for name, bars_of in series.items():
        chart.add(name, [_bar(bars_of.get(label)) for label in ordered])
    return drawn_chart(chart, title)


def _range(series: Mapping[str, Mapping[str, Measured]]) -> tuple[float, float]:
    """The range of the values, with 0 and the ends of all intervals; pygal itself considers values only."""
    ends = [end for bars_of in series.values() for one in bars_of.values() for end in one if end is not None]
    low, high = min(0.0, *ends), max(0.0, *ends)
    margin = 0.03 * (high - low)
    return low - margin * (low < 0), high + margin * (high > 0)


def _bar(measured: Measured | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    if measured.low is None or measured.high is None:
        return {"value": measured.value}
    return {"value": measured.value, "ci": {"low": measured.low, "high": measured.high}}


def _points(end_ms: NDArray[np.int64], values: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Pairs of a time in seconds and a value, thinned out to about 600."""
    step = max(1, -(-len(end_ms) // _POINTS))
    rows = np.unique(np.append(np.arange(0, len(end_ms), step), len(end_ms) - 1))
    return [(int(end_ms[row]) / 1000, round(float(values[row]), 6)) for row in rows]
