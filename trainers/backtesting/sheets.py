"""The tear sheet: one HTML file without external resources, with its charts as SVG."""

import html

import numpy as np
from numpy.typing import NDArray

from schemas.time import text_of_time
from trainers.backtesting.money import daily, drawdown
from trainers.backtesting.reports import BacktestReport, verdict, warnings
from trainers.backtesting.results import EquityCurves
from trainers.backtesting.summaries import SummaryTable, summaries
from trainers.evaluation.pages import figure, page, table
from trainers.evaluation.pictures import bars, lines

_FEW_DAYS = 2


def tear_sheet(report: BacktestReport, curves: EquityCurves) -> str:
    """The tear sheet of a backtest, as HTML."""
    results = report.results
    title = f"Backtest of {report.model_words}: {results.target}"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{text_of_time(results.from_ms, 'minute')} to {text_of_time(results.to_ms, 'minute')}, UTC</p>",
        f'<p class="verdict">{html.escape(verdict(results))}</p>',
        *(f'<p class="warning">{html.escape(line)}</p>' for line in warnings(report)),
        _parity(report),
        _pictures(report, curves),
        *(_table(summary) for summary in summaries(report)),
        (
            f"<footer>Versions: {html.escape(', '.join(report.versions))}. Funding, borrowing, minimum lots and "
            "market impact beyond the slippage are not counted. None of this is advice to trade.</footer>"
        ),
    ]
    return page(title, parts)


def _parity(report: BacktestReport) -> str:
    parity = report.parity
    if parity is None:
        return ""
    said = "equal to" if parity.is_equal else f"NOT equal to ({parity.first_difference})"
    return (
        f"<p>Parity: the {parity.n_replayed:,} replayed predictions are {html.escape(said)} the {parity.n_live:,} "
        f"stored live in {html.escape(parity.stream)}.</p>"
    )


def _pictures(report: BacktestReport, curves: EquityCurves) -> str:
    equity = _over_time(
        "equity from 1",
        curves,
        {"after costs": curves.net, "before costs": curves.gross, "buy and hold": curves.buy_and_hold},
    )
    fall = _over_time(
        "drawdown, %",
        curves,
        {
            "after costs": -100 * drawdown(curves.net),
            "buy and hold": -100 * drawdown(curves.buy_and_hold),
        },
    )
    pictures = (equity, fall, _hit_rates(report), _pick_rates(report))
    return "\n".join(figure(picture) for picture in pictures if picture)


def _over_time(title: str, curves: EquityCurves, series: dict[str, NDArray[np.float64]]) -> str:
    """A chart of the last value of each day, or of each value if there are few days; buy and hold is grey."""
    end_ms = curves.prices.end_ms
    days = {name: daily(end_ms, values) for name, values in series.items()}
    day_ms = next(iter(days.values())).day_ms
    if len(day_ms) <= _FEW_DAYS:
        return lines(title, end_ms, series, n_references=1)
    return lines(title, day_ms, {name: one.equity for name, one in days.items()}, n_references=1)


def _hit_rates(report: BacktestReport) -> str:
    rates = {
        period.name: 100 * (period.record.hit_rate.value - 0.5)
        for period in report.results.quarters
        if period.record.hit_rate is not None
    }
    return bars("hit rate of the decisions taken, % less 50, at the lag, by quarter", rates)


def _pick_rates(report: BacktestReport) -> str:
    """A chart of accuracy against coverage; an empty text if there were no picks."""
    rates = {
        f"{picked.target_coverage:.0%}": 100 * (picked.at_lag.hit_rate.value - 0.5)
        for picked in report.results.picks
        if picked.at_lag.hit_rate is not None
    }
    return (
        bars("hit rate of the surest decisions, % less 50, at the lag, by coverage", rates) if rates else ""
    )


def _table(summary: SummaryTable) -> str:
    kind = "facts" if summary.columns == ("", "") else ""
    return table(summary.title, summary.columns, summary.rows, kind=kind)
