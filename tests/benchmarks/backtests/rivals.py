"""From the same closes and positions to equity and statistics: ours, vectorbt's and backtesting.py's."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from schemas.time import Interval
from tests.benchmarks.backtests.markets import QUARTER, TARGET, Place
from tests.benchmarks.reporting import Figure
from tests.benchmarks.stream.environments import python_of
from tests.benchmarks.stream.telling import tell
from trainers.backtesting.decisions import ModelDecisions
from trainers.backtesting.execution import Costs, fills, simulate
from trainers.backtesting.money import money
from trainers.backtesting.positions import PositionRule, positions
from trainers.backtesting.results import Terms, backtest
from trainers.datasets.prices import PricePath

LOCKS = Path("tests") / "benchmarks" / "backtests" / "peers" / "locks"
PROGRAMS = {"vectorbt": "vectorbt_orders.py", "backtesting": "backtesting_strategy.py"}
COST_BPS = 0.1
_TOLERANCE = 0.02
_MINUTE_MS = Interval.ONE_MINUTE.milliseconds
_TERMS = Terms(
    rule=PositionRule(),
    costs=Costs(fee_bps=COST_BPS, half_spread_bps=0, slippage_bps=0),
    every_ms=QUARTER * _MINUTE_MS,
    lag_ms=_MINUTE_MS,
)


def rival_figures(place: Place, peers: tuple[str, ...]) -> list[Figure]:
    """The best of three, everything imported and compiled; equity is held against ours.

    Ours in full states intervals, lags, picks, years and quarters, which no peer does; what peers
    state (equity, returns, Sharpe ratio, drawdown) is timed apart, and the ratios are of that.
    """
    decisions, prices = _material(place)
    full_s = min(_timed(lambda: backtest(decisions, prices, _TERMS))[0] for _ in range(3))
    ours_s, equity = min(_timed(lambda: _equity(decisions, prices)) for _ in range(3))
    tell(f"ours: {ours_s:.3f} s, in full {full_s:.3f} s, equity {equity:.4f}")
    figures = [
        Figure(metric="same positions, ours", value=ours_s, unit="s", bar=None, holds=None),
        Figure(
            metric="the same with intervals, lags, picks, periods",
            value=full_s,
            unit="s",
            bar=None,
            holds=None,
        ),
    ]
    np.save(place.folder / "closes.npy", place.closes)
    np.save(place.folder / "positions.npy", place.positions)
    for peer in peers:
        found = _theirs(place, peer)
        tell(f"{peer}: {found['seconds']:.3f} s, equity {found['equity']:.4f}")
        difference = float(abs(np.log(found["equity"] / equity)))
        agrees = difference <= _TOLERANCE
        figures.append(
            Figure(
                metric=f"same positions, {peer} {found['version']}",
                value=found["seconds"],
                unit="s",
                bar=None,
                holds=None,
                peer=peer,
                ratio=ours_s / found["seconds"],
            )
        )
        figures.append(
            Figure(
                metric=f"log equity of {peer} less ours, absolute",
                value=difference,
                unit="",
                bar=_TOLERANCE,
                holds=bool(agrees),
            )
        )
    return figures


def _material(place: Place) -> tuple[ModelDecisions, PricePath]:
    end_ms = np.arange(1, len(place.closes) + 1, dtype=np.int64) * _MINUTE_MS
    prices = PricePath(interval_ms=_MINUTE_MS, end_ms=end_ms, known_ms=end_ms, close=place.closes)
    rows = np.flatnonzero(~np.isnan(place.positions))
    decisions = ModelDecisions(
        target=TARGET,
        as_of_ms=end_ms[rows],
        known_ms=end_ms[rows],
        close=place.closes[rows],
        probability=np.where(place.positions[rows] > 0, 0.6, 0.4).astype(np.float32),
        served=np.zeros(len(rows), dtype=np.int64),
    )
    return decisions, prices


def _timed(compute: Callable[[], Any]) -> tuple[float, Any]:
    began_s = time.perf_counter()
    found = compute()
    return time.perf_counter() - began_s, found


def _equity(decisions: ModelDecisions, prices: PricePath) -> float:
    """The last equity, on the way to which returns, Sharpe ratio and drawdown are found."""
    held = positions(decisions, _TERMS.rule, every_ms=_TERMS.every_ms)
    trades = fills(decisions.as_of_ms, held, prices, lag_ms=_TERMS.lag_ms)
    path = simulate(prices, trades, cost_bps=COST_BPS)
    money(prices.end_ms, path.equity, generator=np.random.default_rng(0))
    return float(path.equity[-1])


def _theirs(place: Place, peer: str) -> dict:  # type: ignore[type-arg]
    python = python_of(peer, locks=LOCKS)
    program = Path("tests") / "benchmarks" / "backtests" / "peers" / PROGRAMS[peer]
    command = [str(python), "-W", "ignore", str(program), str(place.folder), str(COST_BPS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict = json.loads(done.stdout.splitlines()[-1])  # type: ignore[type-arg]
    return found
