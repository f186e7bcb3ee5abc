"""Pictures as SVG that stands in a page by itself, without a script.

By pygal: pure Python and two megabytes, where a plotting stack has a hundred. It embeds a script for
its tooltips, which is taken out again, and puts an import hook of its old plugins before every later
import, which is too.
"""

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.backtesting.money import daily

_POINTS = 600
_HOOK = "PluginImportFixer"


def lines(title: str, end_ms: NDArray[np.int64], series: Mapping[str, NDArray[np.float64]]) -> str:
    """Curves over time: the last value of each day, or each value where there are few days.

    Args:
        title: Above it.
        end_ms: Shape (n,), increasing.
        series: By name, each of shape (n,).
    """
    pygal = _library()
    chart = pygal.DateTimeLine(
        **_settings(pygal, title),
        x_value_formatter=lambda at: at.strftime("%Y-%m-%d"),
        show_dots=False,
        stroke_style={"width": 1.5},
    )
    for name, values in series.items():
        chart.add(name, _points(end_ms, values))
    return _drawn(chart)


def bars(title: str, values: Mapping[str, float]) -> str:
    """A bar per name."""
    pygal = _library()
    chart = pygal.Bar(**_settings(pygal, title), show_legend=False, x_label_rotation=30)
    chart.x_labels = list(values)
    chart.add("", [round(value, 2) for value in values.values()])
    return _drawn(chart)


def _points(end_ms: NDArray[np.int64], values: NDArray[np.float64]) -> list[tuple[datetime, float]]:
    days = daily(end_ms, values)
    end, shown = (days.day_ms, days.equity) if len(days.day_ms) > 2 else (end_ms, values)
    step = max(1, -(-len(end) // _POINTS))
    rows = np.unique(np.append(np.arange(0, len(end), step), len(end) - 1))
    return [
        (datetime.fromtimestamp(int(end[row]) / 1000, tz=UTC), round(float(shown[row]), 6)) for row in rows
    ]


def _library() -> Any:
    import pygal  # noqa: PLC0415  (only who draws pays for it)

    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != _HOOK]
    return pygal


def _settings(pygal: Any, title: str) -> dict[str, Any]:
    style = pygal.style.Style(
        background="transparent",
        plot_background="transparent",
        font_family="system-ui, sans-serif",
        colors=("#b35900", "#0b62a4", "#6b7280"),
        guide_stroke_color="#d8dce1",
        major_guide_stroke_color="#d8dce1",
    )
    return {
        "title": title,
        "js": (),
        "disable_xml_declaration": True,
        "width": 960,
        "height": 320,
        "style": style,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": 3,
    }


def _drawn(chart: Any) -> str:
    chart.add_xml_filter(_without_scripts())
    return str(chart.render(is_unicode=True))


def _without_scripts() -> Callable[[Any], Any]:
    def taken_out(root: Any) -> Any:
        for parent in list(root.iter()):
            for child in [child for child in parent if child.tag == "script"]:
                parent.remove(child)
        return root

    return taken_out
