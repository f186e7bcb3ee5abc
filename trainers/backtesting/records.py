"""The record of directions: how often predictions were right, and what following them earned before costs.

It is counted over predictions as an evaluation counts: ties apart, with intervals from a stationary block
bootstrap, at every lag of execution. It does not depend on the sizes of positions or on costs.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import Metric
from trainers.backtesting.decisions import ModelDecisions
from trainers.datasets.prices import PricePath
from trainers.evaluation.intervals import block_rows, bootstrap_sums, percentile_interval

_HIT, _TIE, _DECIDED, _EDGE, _ROW = range(5)


class DirectionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How often the directions of some decisions were right, at one lag.

    Attributes:
        lag_ms: From a decision to its entry.
        n: The number of decisions whose outcome is known.
        n_ties: How many of these had no change of price, which is neither hit nor miss.
        n_unknown: The number of decisions without a close at the entry or at the horizon; no other number has them.
        hit_rate: The share of hits among decisions without ties; None if there is none.
        edge_bps: The mean log return in the predicted direction, in basis points, including ties.
    """

    lag_ms: int
    n: int
    n_ties: int
    n_unknown: int
    hit_rate: Metric | None
    edge_bps: Metric | None


def record(
    decisions: ModelDecisions,
    chosen: NDArray[np.bool_],
    prices: PricePath,
    *,
    lag_ms: int,
    every_ms: int,
    generator: np.random.Generator,
) -> DirectionRecord:
    """The record of chosen decisions, each judged from T + lag to T + lag + horizon.

    Args:
        decisions: Oldest first.
        chosen: Shape (n,): which of them count.
        prices: The closes that outcomes are read from.
        lag_ms: The lag of execution.
        every_ms: The time between decisions, for the length of the bootstrap's blocks.
        generator: The source of randomness of the bootstrap.
    """
    horizon_ms = decisions.target.horizon.milliseconds
    start_ms = decisions.as_of_ms[chosen] + lag_ms
    returns = prices.log_returns(start_ms, start_ms + horizon_ms)
    known = ~np.isnan(returns)
    followed = (returns * decisions.side[chosen])[known]
    table = np.column_stack(
        [followed > 0, followed == 0, followed != 0, followed * 1e4, np.ones(len(followed))]
    ).astype(np.float64)
    hit_rate, edge = _metrics(table, every_ms=every_ms, horizon_ms=horizon_ms, generator=generator)
    return DirectionRecord(
        lag_ms=lag_ms,
        n=len(followed),
        n_ties=int((followed == 0).sum()),
        n_unknown=int((~known).sum()),
        hit_rate=hit_rate,
        edge_bps=edge,
    )


def _metrics(
    table: NDArray[np.float64], *, every_ms: int, horizon_ms: int, generator: np.random.Generator
) -> tuple[Metric | None, Metric | None]:
    if len(table) == 0:
        return None, None
    rows = block_rows(n=len(table), interval_ms=every_ms, horizon_ms=horizon_ms)
    resampled = bootstrap_sums(table, mean_block_rows=rows, generator=generator)
    sums = table.sum(axis=0)
    return _metric(sums, resampled, _HIT, _DECIDED), _metric(sums, resampled, _EDGE, _ROW)


def _metric(
    sums: NDArray[np.float64], resampled: NDArray[np.float64], above: int, below: int
) -> Metric | None:
    if sums[below] == 0:
        return None
    n = resampled[:, below]
    replicates = np.where(n > 0, resampled[:, above] / np.where(n > 0, n, 1.0), np.nan)
    low, high = percentile_interval(replicates) or (None, None)
    return Metric(value=float(sums[above] / sums[below]), low=low, high=high, n=int(sums[below]))
