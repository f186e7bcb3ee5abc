"""The tear sheet: one HTML file that needs nothing else, with its pictures as SVG inside it."""

import html
from datetime import UTC, datetime

from trainers.backtesting.money import drawdown
from trainers.backtesting.pictures import bars, lines
from trainers.backtesting.reports import Report, verdict, warnings
from trainers.backtesting.results import Curves
from trainers.backtesting.summaries import Summary, summaries

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
    equity = lines(
        "equity from 1",
        end_ms,
        {"after costs": curves.net, "before costs": curves.gross, "buy and hold": curves.buy_and_hold},
    )
    fall = lines(
        "drawdown, %",
        end_ms,
        {
            "after costs": -100 * drawdown(curves.net),
            "buy and hold": -100 * drawdown(curves.buy_and_hold),
        },
    )
    return "\n".join(
        f"<figure>{picture}</figure>"
        for picture in (equity, fall, _hit_rates(report), _pick_rates(report))
        if picture
    )


def _hit_rates(report: Report) -> str:
    rates = {
        period.name: 100 * (period.record.hit_rate.value - 0.5)
        for period in report.results.quarters
        if period.record.hit_rate is not None
    }
    return bars("hit rate of the decisions taken, % less 50, at the lag, by quarter", rates)


def _pick_rates(report: Report) -> str:
    """Accuracy against coverage; nothing where there were no picks yet."""
    rates = {
        f"{picked.target_coverage:.0%}": 100 * (picked.at_lag.hit_rate.value - 0.5)
        for picked in report.results.picks
        if picked.at_lag.hit_rate is not None
    }
    return (
        bars("hit rate of the surest decisions, % less 50, at the lag, by coverage", rates) if rates else ""
    )


def _table(summary: Summary) -> str:
    kind = ' class="facts"' if summary.columns == ("", "") else ""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in summary.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in summary.rows
    )
    return f"<h2>{html.escape(summary.title)}</h2><table{kind}><tr>{head}</tr>{rows}</table>"


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M")
