"""Pictures as SVG text: lines and points in a frame with its axes; no library, no script."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT = 460, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 30, 42
#: Distinguishable with every common kind of colour blindness (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_N_TICKS = 5


class Line(NamedTuple):
    """One line of a picture.

    Attributes:
        is_reference: Drawn thin and grey, without a point.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    is_reference: bool = False


def picture(title: str, lines: Sequence[Line], *, x_label: str, y_label: str) -> str:
    """An SVG of lines over common axes; lines without points are left out."""
    drawn = [line for line in lines if len(line.x)]
    if not drawn:
        return ""
    xs = _limits([value for line in drawn for value in line.x])
    ys = _limits([value for line in drawn for value in line.y])
    parts = [_text(_WIDTH / 2, 18, title, size=13), *_axes(xs, ys, x_label, y_label)]
    colour = iter(COLOURS * (1 + len(drawn) // len(COLOURS)))
    parts += [_line(line, xs, ys, "#999999" if line.is_reference else next(colour)) for line in drawn]
    body = "".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'role="img" aria-label="{escape(title)}">{body}</svg>'
    )


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return low - margin, high + margin


def _place_x(value: float, limits: tuple[float, float]) -> float:
    return _LEFT + (value - limits[0]) / (limits[1] - limits[0]) * (_WIDTH - _LEFT - _RIGHT)


def _place_y(value: float, limits: tuple[float, float]) -> float:
    return _HEIGHT - _BOTTOM - (value - limits[0]) / (limits[1] - limits[0]) * (_HEIGHT - _TOP - _BOTTOM)


def _line(line: Line, xs: tuple[float, float], ys: tuple[float, float], colour: str) -> str:
    points = [(_place_x(x, xs), _place_y(y, ys)) for x, y in zip(line.x, line.y, strict=True)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    width = 1 if line.is_reference else 2
    drawn = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
    if line.is_reference:
        return drawn
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points)
    return f"<g><title>{escape(line.name)}</title>{drawn}{dots if len(points) < 60 else ''}</g>"


def _axes(xs: tuple[float, float], ys: tuple[float, float], x_label: str, y_label: str) -> list[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    frame = f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#444"/>'
    parts = [
        frame,
        _text((_LEFT + right) / 2, _HEIGHT - 8, x_label),
        _text(_LEFT, 26, y_label, anchor="start"),
    ]
    for i in range(_N_TICKS):
        share = i / (_N_TICKS - 1)
        x, y = xs[0] + share * (xs[1] - xs[0]), ys[0] + share * (ys[1] - ys[0])
        parts.append(_text(_place_x(x, xs), bottom + 15, f"{x:.4g}"))
        parts.append(_text(_LEFT - 6, _place_y(y, ys) + 4, f"{y:.4g}", anchor="end"))
    return parts


def _text(x: float, y: float, text: str, *, size: int = 11, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'font-family="sans-serif">{escape(text)}</text>'
    )


def legend(names: Sequence[str]) -> str:
    """The colours of lines, in the order in which pictures take them."""
    marks = (
        f'<span><b style="color:{COLOURS[i % len(COLOURS)]}">&#9632;</b> {escape(name)}</span>'
        for i, name in enumerate(names)
    )
    return " &nbsp; ".join(marks)
