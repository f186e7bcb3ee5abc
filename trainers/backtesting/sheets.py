"""The tear sheet: one HTML file that needs nothing else, with its pictures as SVG inside it.

Pictures are by pygal: pure Python, without the hundred megabytes of a plotting stack, and without
a script in the page.
"""

import html
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.backtesting.money import daily, drawdown
from trainers.backtesting.reports import Report, verdict, warnings
from trainers.backtesting.results import Curves
from trainers.backtesting.summaries import Summary, summaries

_POINTS = 600
_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
.verdict { border-left: .3rem solid #b35900; background: #fff6ea; padding: .7rem 1rem; font-size: 1.1rem; }
.warning { border-left: .3rem solid #b3261e; background: #fdecea; padding: .5rem 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid #e3e6ea; overflow-wrap: anywhere; }
th:first-child, td:first-child { text-align: left; } .facts td { text-align: left; }
figure { margin: 0; } svg { width: 100%; height: auto; } footer { color: #5b636d; margin-top: 2rem; font-size: .85rem; }
"""


def tear_sheet(report: Report, curves: Curves) -> str:
    """The page."""
    results = report.results
    title = f"Backtest of {report.model}: {results.target}"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{_day(results.from_ms)} to {_day(results.to_ms)}, UTC</p>",
        *(f'<p class="warning">{html.escape(line)}</p>' for line in warnings(report)),
        f'<p class="verdict">{html.escape(verdict(results))}</p>',
        _parity(report),
        _pictures(report, curves),
        *(_table(summary) for summary in summaries(report)),
        (
            f"<footer>Versions: {html.escape(', '.join(report.versions))}. Funding, borrowing, minimum lots and "
            "market impact beyond the slippage are not counted. None of this is advice to trade.</footer>"
        ),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
    return (
        f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>'
        + "\n".join(parts)
        + "</body></html>\n"
    )


def _parity(report: Report) -> str:
    parity = report.parity
    if parity is None:
        return ""
    said = "equal to" if parity.is_equal else f"NOT equal to ({parity.first_difference})"
    return (
        f"<p>Parity: the {parity.n_replayed:,} replayed predictions are {html.escape(said)} the {parity.n_live:,} "
        f"stored live in {html.escape(parity.stream)}.</p>"
    )


def _pictures(report: Report, curves: Curves) -> str:
    end_ms = curves.prices.end_ms
    equity = _lines(
        "equity from 1",
        end_ms,
        {"after costs": curves.net, "before costs": curves.gross, "buy and hold": curves.buy_and_hold},
    )
    fall = _lines(
        "drawdown, %",
        end_ms,
        {
            "after costs": -100 * drawdown(curves.net),
            "buy and hold": -100 * drawdown(curves.buy_and_hold),
        },
    )
    return "\n".join(f"<figure>{picture}</figure>" for picture in (equity, fall, _hit_rates(report)))


def _lines(title: str, end_ms: NDArray[np.int64], series: dict[str, NDArray[np.float64]]) -> str:
    import pygal  # noqa: PLC0415  (only who draws needs it)

    chart = pygal.DateTimeLine(
        **_settings(title), x_value_formatter=lambda at: at.strftime("%Y-%m-%d"), show_dots=False
    )
    for name, values in series.items():
        days = daily(end_ms, values)
        if len(days.day_ms) > 2:
            end, shown = days.day_ms, days.equity
        else:
            end, shown = end_ms, values
        step = max(1, -(-len(end) // _POINTS))
        rows = np.unique(np.append(np.arange(0, len(end), step), len(end) - 1))
        chart.add(
            name,
            [
                (datetime.fromtimestamp(int(end[row]) / 1000, tz=UTC), round(float(shown[row]), 6))
                for row in rows
            ],
        )
    return str(chart.render(is_unicode=True))


def _hit_rates(report: Report) -> str:
    import pygal  # noqa: PLC0415

    quarters = [period for period in report.results.quarters if period.record.hit_rate is not None]
    chart = pygal.Bar(**_settings("hit rate of the decisions taken, % less 50, at the lag, by quarter"))
    chart.x_labels = [period.name for period in quarters]
    chart.add(
        "hit rate",
        [
            round(100 * (period.record.hit_rate.value - 0.5), 2)
            for period in quarters
            if period.record.hit_rate is not None
        ],
    )
    return str(chart.render(is_unicode=True))


def _settings(title: str) -> dict[str, Any]:
    import pygal  # noqa: PLC0415
    from pygal.style import Style  # noqa: PLC0415

    style = Style(
        background="transparent",
        plot_background="transparent",
        font_family="system-ui, sans-serif",
        colors=("#b35900", "#0b62a4", "#6b7280"),
    )
    return {
        "title": title,
        "js": (),
        "disable_xml_declaration": True,
        "width": 960,
        "height": 320,
        "style": style,
        "legend_at_bottom": True,
        "config": pygal.Config(no_prefix=False),
        "stroke_style": {"width": 1.5},
    }


def _table(summary: Summary) -> str:
    kind = ' class="facts"' if summary.columns == ("", "") else ""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in summary.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in summary.rows
    )
    return f"<h2>{html.escape(summary.title)}</h2><table{kind}><tr>{head}</tr>{rows}</table>"


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M")
