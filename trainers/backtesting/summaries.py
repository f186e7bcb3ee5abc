"""The tables of a backtest's report, which the terminal and the tear sheet share."""

from collections.abc import Sequence
from typing import NamedTuple

from trainers.backtesting.positions import PositionRule, RuleKind
from trainers.backtesting.records import DirectionRecord
from trainers.backtesting.reports import BacktestReport, RuleTried, figure, percent, share, span
from trainers.backtesting.results import BacktestResults, PeriodResults
from trainers.backtesting.sharpe_evidence import SharpeEvidence
from trainers.evaluation.selective import LEAST_CONFIDENCES

#: The text that stands for the table if no decision had a threshold, since a table of dashes would not say why.
_NO_PICKS = (
    f"no threshold could be set: it takes {LEAST_CONFIDENCES:,} decisions of the half year that ended a day before "
    "its month, and this span has fewer before each of its months"
)


class SummaryTable(NamedTuple):
    """A table: its title, the names of its columns and its rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def summaries(report: BacktestReport) -> list[SummaryTable]:
    """All tables of a report, in the order in which they are shown."""
    results = report.results
    return [
        _terms(report),
        _money(results),
        *([] if results.sharpe_evidence is None else [_evidence(results.sharpe_evidence)]),
        *([_rules(report.rules)] if len(report.rules) > 1 else []),
        _trading(results),
        _directions(results),
        _picks(results),
        _periods("by year", results.years),
        _periods("by quarter", results.quarters),
    ]


def _terms(report: BacktestReport) -> SummaryTable:
    terms = report.results.terms
    costs = terms.costs
    rows = [
        ("model", report.model_words),
        ("target", str(report.results.target)),
        ("data", report.data),
        ("refits", report.refit),
        ("position", in_words(terms.rule)),
        ("a decision every", span(terms.every_ms)),
        ("lag of execution", span(terms.lag_ms)),
        (
            "costs a side",
            (
                f"{costs.fee_bps:g} fee + {costs.half_spread_bps:g} half spread + {costs.slippage_bps:g} slippage "
                f"= {costs.total_bps:g} basis points"
            ),
        ),
        ("parity hash", report.parity_hash),
    ]
    return SummaryTable("terms", ("", ""), rows)


def in_words(rule: PositionRule) -> str:
    """A position rule in words."""
    size = {
        RuleKind.SIGN: "all in, by the side said",
        RuleKind.THRESHOLD: "all in, by the side said",
        RuleKind.VOLATILITY: f"sized for {rule.target_volatility:.0%} volatility a year",
        RuleKind.KELLY: f"{rule.kelly_fraction:g} of Kelly",
    }[rule.rule]
    wanted = f", from {rule.threshold:.3g} on" if rule.threshold > 0.5 else ""
    return f"{size}{wanted}, at most {rule.cap:g}{', never short' if rule.is_long_only else ''}"


def _money(results: BacktestResults) -> SummaryTable:
    columns = ("", "after costs", "before costs", "buy and hold")
    kinds = (results.net, results.gross, results.buy_and_hold)
    rows = [
        ("return", *(percent(kind.total_return) for kind in kinds)),
        ("return a year", *(percent(kind.annual_return) for kind in kinds)),
        (
            "volatility a year",
            *("-" if kind.volatility is None else f"{kind.volatility:.1%}" for kind in kinds),
        ),
        ("Sharpe ratio", *(figure(kind.sharpe) for kind in kinds)),
        ("largest drawdown", *(f"{kind.largest_drawdown:.1%}" for kind in kinds)),
        ("longest drawdown, days", *(f"{kind.longest_drawdown_days:.1f}" for kind in kinds)),
    ]
    return SummaryTable("money (95 % intervals)", columns, rows)


def _evidence(evidence: SharpeEvidence) -> SummaryTable:
    rows = [
        ("days", f"{evidence.n_days:,}"),
        ("skewness and kurtosis of daily returns", f"{evidence.skewness:.2f} and {evidence.kurtosis:.1f}"),
        ("chance that the true ratio is above zero (probabilistic)", f"{evidence.probabilistic:.1%}"),
        ("configurations and position rules tried", f"{evidence.n_tried:,}"),
        ("best ratio that so many worthless ones would show", f"{evidence.best_by_chance:.2f}"),
        ("chance that the true ratio is above that (deflated)", f"{evidence.deflated:.1%}"),
    ]
    return SummaryTable("what the Sharpe ratio after costs proves", ("", ""), rows)


def _rules(rules: Sequence[RuleTried]) -> SummaryTable:
    columns = ("position rule", "taken", "after costs", "before", "Sharpe", "above zero", "deflated")
    rows = [
        (
            in_words(tried.rule),
            f"{tried.n_taken:,}",
            percent(tried.net_return),
            percent(tried.gross_return),
            figure(tried.sharpe),
            *(
                ("-", "-")
                if tried.evidence is None
                else (f"{tried.evidence.probabilistic:.1%}", f"{tried.evidence.deflated:.1%}")
            ),
        )
        for tried in rules
    ]
    return SummaryTable("position rules tried; the rest is of the first (95 % intervals)", columns, rows)


def _picks(results: BacktestResults) -> SummaryTable:
    columns = (
        "aimed at",
        "realised",
        "n",
        "ties",
        "hit rate at the close",
        "at the lag",
        "edge at the lag, basis points",
    )
    rows = [
        (
            f"{picked.target_coverage:.0%}",
            "-" if picked.coverage is None else f"{picked.coverage:.1%}",
            f"{picked.at_close.n:,}",
            f"{picked.at_close.n_ties:,}",
            share(picked.at_close.hit_rate),
            share(picked.at_lag.hit_rate),
            figure(picked.at_lag.edge_bps),
        )
        for picked in results.picks
    ]
    title = "picks: the surest decisions, by thresholds set before (95 % intervals)"
    if all(picked.coverage is None for picked in results.picks):
        return SummaryTable(title, ("", ""), [("none", _NO_PICKS)])
    return SummaryTable(title, columns, rows)


def _trading(results: BacktestResults) -> SummaryTable:
    coverage = results.n_taken / results.n_decisions
    rows = [
        ("decisions", f"{results.n_decisions:,}"),
        ("of these taken", f"{results.n_taken:,} ({coverage:.1%})"),
        ("trades", f"{results.n_trades:,}"),
        # Like every yearly figure, turnover is not given for a few days.
        *([] if results.net.sharpe is None else [_turnover(results)]),
        ("earned before costs per unit traded, basis points", _bps(results.edge_per_trade_bps)),
        ("cost of a unit traded, basis points", _bps(results.cost_per_trade_bps)),
        ("break-even cost, basis points", _bps(results.break_even_bps)),
    ]
    return SummaryTable("trading", ("", ""), rows)


def _turnover(results: BacktestResults) -> tuple[str, str]:
    return ("turnover a year, times equity", f"{results.turnover_per_year:,.0f}")


def _directions(results: BacktestResults) -> SummaryTable:
    columns = ("decisions", "lag", "n", "ties", "without price", "hit rate", "edge, basis points")
    rows = [("all", *_record(results.all_decisions))]
    rows += [("taken", *_record(record)) for record in results.lags]
    return SummaryTable("directions over the horizon, ties apart (95 % intervals)", columns, rows)


def _record(record: DirectionRecord) -> tuple[str, ...]:
    return (
        span(record.lag_ms),
        f"{record.n:,}",
        f"{record.n_ties:,} ({record.n_ties / record.n:.1%})" if record.n else "0",
        f"{record.n_unknown:,}",
        share(record.hit_rate),
        figure(record.edge_bps),
    )


def _periods(title: str, periods: list[PeriodResults]) -> SummaryTable:
    columns = (
        "",
        "after costs",
        "before",
        "buy and hold",
        "drawdown",
        "Sharpe",
        "turnover",
        "taken",
        "ties",
        "hit rate at the lag",
    )
    rows = [
        (
            period.name,
            percent(period.net.total_return),
            percent(period.gross.total_return),
            percent(period.buy_and_hold.total_return),
            f"{period.net.largest_drawdown:.1%}",
            "-" if period.net.sharpe is None else f"{period.net.sharpe.value:.2f}",
            f"{period.turnover:,.0f}",
            f"{period.record.n:,}",
            f"{period.record.n_ties:,}",
            share(period.record.hit_rate),
        )
        for period in periods
    ]
    return SummaryTable(title, columns, rows)


def _bps(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
