"""What all charts share: SVG without scripts, light or dark as the page is, with the same bytes each time.

Pygal draws them: it is pure Python and takes two megabytes, where a plotting stack takes a hundred. It
embeds a script for its tooltips and a comment with the day's date; both are removed, so that the same
figures give the same bytes. It also puts an import hook of its old plugins before every later import,
which is removed too.
"""

import hashlib
import sys
from collections.abc import Callable
from typing import Any

_HOOK = "PluginImportFixer"
#: The number of colours that :mod:`.pages` has; further series use them again.
_N_COLOURS = 7
_MOST_SERIES = 42
_LEGEND_COLUMNS = 3
_LEGEND_ROW = 22
_SVG = "{http://www.w3.org/2000/svg}"


def pygal_library() -> Any:
    """Import pygal, without the import hook that it installs."""
    import pygal

    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != _HOOK]
    return pygal


def chart_settings(
    pygal: Any, title: str, *, n_plain: int = _MOST_SERIES, width: int = 960, height: int = 320
) -> dict[str, Any]:
    """The settings of any chart.

    Args:
        pygal: The library.
        title: The title of the chart.
        n_plain: How many series have colours; those after them are references, in grey.
        width: In pixels.
        height: In pixels.
    """
    colours = tuple(f"var(--series-{1 + i % _N_COLOURS})" for i in range(_MOST_SERIES))
    colours = (*colours[:n_plain], *("var(--soft)",) * _MOST_SERIES)
    style = pygal.style.Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--ink)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--grid)",
        font_family="system-ui, sans-serif",
        label_font_size=14,
        major_label_font_size=14,
        legend_font_size=14,
        title_font_size=17,
        colors=colours,
        value_colors=("var(--ink)",) * len(colours),
        guide_stroke_color="var(--grid)",
        major_guide_stroke_color="var(--grid)",
    )
    return {
        "title": title,
        "js": (),
        "disable_xml_declaration": True,
        "width": width,
        "height": height,
        "style": style,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": _LEGEND_COLUMNS,
        "truncate_legend": 40,
        "truncate_label": 40,
    }


def drawn_chart(chart: Any, title: str) -> str:
    """The SVG of a chart; its identifier comes from the title, so that the same figures give the same bytes."""
    # By itself pygal reserves room for one row of the legend only.
    chart.margin_bottom = _LEGEND_ROW * (1 + (len(chart.raw_series) - 1) // _LEGEND_COLUMNS)
    chart.uuid = hashlib.sha256(title.encode()).hexdigest()[:12]
    chart.add_xml_filter(_standing_alone(title))
    return str(chart.render(is_unicode=True))


def _standing_alone(title: str) -> Callable[[Any], Any]:
    def changed(root: Any) -> Any:
        for parent in list(root.iter()):
            for child in [child for child in parent if _is_unwanted(child)]:
                parent.remove(child)
        root.set("role", "img")
        root.set("aria-label", title)
        return root

    return changed


def _is_unwanted(element: Any) -> bool:
    """Whether an element is a script or a comment; the tag of a comment is a function."""
    return callable(element.tag) or str(element.tag).removeprefix(_SVG) == "script"
