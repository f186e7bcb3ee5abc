"""The results of a backtest: every figure in one struct, which is written as JSON and as a tear sheet."""

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import ModelTarget
from schemas.time import Interval
from trainers.backtesting.decisions import ModelDecisions
from trainers.backtesting.execution import Costs, EquityPath, Fills, break_even_bps, fills, simulate
from trainers.backtesting.money import DAYS_PER_YEAR, MoneyFigures, daily, money
from trainers.backtesting.periods import quarter_name, spans, year_name
from trainers.backtesting.picks import Picks, picks
from trainers.backtesting.positions import PositionRule, positions
from trainers.backtesting.records import DirectionRecord, record
from trainers.backtesting.sharpe_evidence import SharpeEvidence, sharpe_evidence
from trainers.datasets.prices import PricePath

_DAY_MS = Interval.ONE_DAY.milliseconds


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The terms on which decisions are traded.

    Attributes:
        rule: How decisions become positions.
        costs: The costs of each trade.
        every_ms: The time between decisions.
        lag_ms: The time from a decision to the close at which it is traded.
        n_tried: The number of configurations of the model and of position rules that were tried, these included.
        seed: The seed of the bootstraps.
    """

    rule: PositionRule
    costs: Costs
    every_ms: int
    lag_ms: int
    n_tried: int = 1
    seed: int = 0


class PeriodResults(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a year or a quarter of a backtest.

    Attributes:
        record: The record of the decisions on which a position was held, at the lag of execution.
        turnover: The value traded as a multiple of equity.
    """

    name: str
    net: MoneyFigures
    gross: MoneyFigures
    buy_and_hold: MoneyFigures
    record: DirectionRecord
    turnover: float


class BacktestResults(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a backtest.

    Attributes:
        from_ms: The time of the first decision.
        to_ms: The time of the last price.
        n_decisions: The number of decisions; a position was held on ``n_taken`` of them.
        n_trades: The number of changes of the position.
        n_stretches: The number of stretches of data without a silence of more than a day; no position is held between.
        turnover_per_year: The value traded as a multiple of equity.
        edge_per_trade_bps: The earnings before costs per unit of value traded; None without a trade.
        cost_per_trade_bps: The cost of trading one unit.
        break_even_bps: The cost at which nothing is won; None without a trade.
        net: After costs.
        gross: Before costs.
        buy_and_hold: Of holding the instrument all the time, after costs.
        sharpe_evidence: What the Sharpe ratio after costs proves; None if there is no ratio.
        all_decisions: The record of all decisions, without lag.
        picks: The decisions with the highest confidence, by the coverage aimed at.
        lags: The records of the decisions taken, by lag.
        years: The results by calendar year, UTC.
        quarters: The results by calendar quarter, UTC.
    """

    target: ModelTarget
    terms: Terms
    from_ms: int
    to_ms: int
    n_decisions: int
    n_taken: int
    n_trades: int
    n_stretches: int
    turnover_per_year: float
    edge_per_trade_bps: float | None
    cost_per_trade_bps: float
    break_even_bps: float | None
    net: MoneyFigures
    gross: MoneyFigures
    buy_and_hold: MoneyFigures
    sharpe_evidence: SharpeEvidence | None
    all_decisions: DirectionRecord
    picks: list[Picks]
    lags: list[DirectionRecord]
    years: list[PeriodResults]
    quarters: list[PeriodResults]


class EquityCurves(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The equity curves behind the results, each at every row of ``prices``."""

    prices: PricePath
    net: NDArray[np.float64]
    gross: NDArray[np.float64]
    buy_and_hold: NDArray[np.float64]


class Backtest(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The results of a backtest with their equity curves."""

    results: BacktestResults
    curves: EquityCurves


class _Run(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Everything that the parts of the results are computed from."""

    decisions: ModelDecisions
    terms: Terms
    prices: PricePath
    weights: NDArray[np.float64]
    trades: Fills
    net: EquityPath
    gross: EquityPath
    held: EquityPath
    generator: np.random.Generator

    def record(self, chosen: NDArray[np.bool_], lag_ms: int) -> DirectionRecord:
        return record(
            self.decisions,
            chosen,
            self.prices,
            lag_ms=lag_ms,
            every_ms=self.terms.every_ms,
            generator=self.generator,
        )

    def money(self, path: EquityPath) -> MoneyFigures:
        return money(self.prices.end_ms, path.equity, generator=self.generator)


def backtest(decisions: ModelDecisions, prices: PricePath, terms: Terms) -> Backtest:
    """Compute what decisions would have earned.

    Args:
        decisions: Not empty, oldest first.
        prices: The closes of the same instrument, with at least one at or after the first decision.
        terms: Position rule, costs and lag.

    Raises:
        ValueError: If there are no decisions, or no prices after the first of them.
    """
    if len(decisions) == 0:
        message = "a backtest needs decisions, has none"
        raise ValueError(message)
    run = _run(decisions, prices, terms)
    return Backtest(
        results=_results(run),
        curves=EquityCurves(
            prices=run.prices, net=run.net.equity, gross=run.gross.equity, buy_and_hold=run.held.equity
        ),
    )


def _run(decisions: ModelDecisions, prices: PricePath, terms: Terms) -> _Run:
    after_ms = decisions.target.horizon.milliseconds + max(_lags(decisions.target, prices, terms))
    first_ms, last_ms = int(decisions.as_of_ms[0]), int(decisions.as_of_ms[-1])
    judged = prices.between(first_ms, last_ms + after_ms)
    if len(judged) == 0:
        message = "a backtest needs prices after its first decision, has none"
        raise ValueError(message)
    weights = positions(decisions, terms.rule, every_ms=terms.every_ms)
    trades = fills(decisions.as_of_ms, weights, judged, lag_ms=terms.lag_ms)
    always = fills(decisions.as_of_ms, np.ones(len(decisions)), judged, lag_ms=terms.lag_ms)
    cost_bps = terms.costs.total_bps
    return _Run(
        decisions=decisions,
        terms=terms,
        prices=judged,
        weights=weights,
        trades=trades,
        net=simulate(judged, trades, cost_bps=cost_bps),
        gross=simulate(judged, trades, cost_bps=0.0),
        held=simulate(judged, always, cost_bps=cost_bps),
        generator=np.random.default_rng(terms.seed),
    )


def _lags(target: ModelTarget, prices: PricePath, terms: Terms) -> list[int]:
    """No lag, every lag at which the prices come, and the lag of the terms."""
    wanted = {0, *prices.entry_lags_ms(target.interval), terms.lag_ms}
    return sorted(lag_ms for lag_ms in wanted if lag_ms % prices.interval_ms == 0)


def _results(run: _Run) -> BacktestResults:
    decisions, prices, terms = run.decisions, run.prices, run.terms
    taken = run.weights != 0
    everything = np.ones(len(decisions), dtype=np.bool_)
    turnover = float(run.gross.traded.sum())
    days = max(float(prices.end_ms[-1] - prices.end_ms[0]) / _DAY_MS, 1.0)
    return BacktestResults(
        target=decisions.target,
        terms=terms,
        from_ms=int(decisions.as_of_ms[0]),
        to_ms=int(prices.end_ms[-1]),
        n_decisions=len(decisions),
        n_taken=int(taken.sum()),
        n_trades=len(run.trades.rows),
        n_stretches=len(prices.stretch_ends()),
        turnover_per_year=turnover * DAYS_PER_YEAR / days,
        edge_per_trade_bps=float(run.gross.gained.sum()) / turnover * 1e4 if turnover else None,
        cost_per_trade_bps=terms.costs.total_bps,
        break_even_bps=break_even_bps(prices, run.trades),
        net=run.money(run.net),
        gross=run.money(run.gross),
        buy_and_hold=run.money(run.held),
        sharpe_evidence=sharpe_evidence(daily(prices.end_ms, run.net.equity).returns, n_tried=terms.n_tried),
        all_decisions=run.record(everything, 0),
        picks=picks(decisions, run.record, lag_ms=terms.lag_ms),
        lags=[run.record(taken, lag_ms) for lag_ms in _lags(decisions.target, prices, terms)],
        years=list(_periods(run, year_name)),
        quarters=list(_periods(run, quarter_name)),
    )


def _periods(run: _Run, name_of: Callable[[datetime], str]) -> Iterator[PeriodResults]:
    """The calendar periods; each starts with the equity that it began with."""
    end_ms = run.prices.end_ms
    for name, first, last in spans(end_ms, name_of):
        from_ms, to_ms = int(end_ms[first]), int(end_ms[last])
        rows = slice(first, last + 1)
        as_of_ms = run.decisions.as_of_ms
        mine = (run.weights != 0) & (as_of_ms >= from_ms) & (as_of_ms <= to_ms)
        trades = (run.trades.rows >= first) & (run.trades.rows <= last)
        net, gross, held = (
            money(
                end_ms[rows],
                path.equity[rows],
                start=_start(path.equity, first),
                generator=run.generator,
            )
            for path in (run.net, run.gross, run.held)
        )
        yield PeriodResults(
            name=name,
            net=net,
            gross=gross,
            buy_and_hold=held,
            record=run.record(mine, run.terms.lag_ms),
            turnover=float(run.gross.traded[trades].sum()),
        )


def _start(equity: NDArray[np.float64], first: int) -> float:
    before = float(equity[first - 1]) if first else 1.0
    return before if before > 0 else 1.0
