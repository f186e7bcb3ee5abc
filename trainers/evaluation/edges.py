"""The gross edge: what a decision earns before costs, to be compared with what trading on it costs.

Each decision is a bet of one unit on the predicted side, held over the horizon. Bets may overlap in
time; their log returns are added and never compounded, so that no curve promises a fortune.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.evaluation.block_intervals import mean_interval
from trainers.evaluation.summaries import OutOfSampleResult

#: The ordinary taker fee of a large venue, in basis points per side.
TAKER_FEE_BPS = 10.0
#: The fee of entering and leaving a position.
ROUND_TRIP_BPS = 2 * TAKER_FEE_BPS
_BPS = 1e4
#: The coverage that means all decisions.
ALL = 1.0


class Edge(NamedTuple):
    """The mean gross return of decisions at one coverage, in basis points of the money moved.

    Attributes:
        target_coverage: The coverage that is aimed at; 1 means every decision.
        n: The number of decisions without ties.
        mean_bps: The mean; None where there is no decision.
    """

    target_coverage: float
    n: int
    mean_bps: float | None
    low_bps: float | None
    high_bps: float | None


class Gains(NamedTuple):
    """The bets of a test, in the order of time.

    Attributes:
        as_of_ms: Shape (n,), increasing: when each bet was decided.
        log_return: Shape (n,): what each bet earned before costs.
    """

    as_of_ms: NDArray[np.int64]
    log_return: NDArray[np.float64]

    def running_percent(self) -> NDArray[np.float64]:
        """The sum so far, in percent of a unit."""
        total: NDArray[np.float64] = 100 * np.cumsum(self.log_return)
        return total

    def fallen_percent(self) -> NDArray[np.float64]:
        """How far the sum lies below its highest value so far, which is at least 0; 0 or negative."""
        total = self.running_percent()
        fallen: NDArray[np.float64] = total - np.maximum.accumulate(np.maximum(total, 0.0))
        return fallen


def gains(tested: OutOfSampleResult, *, target: float) -> Gains:
    """The bets of a model that aims at a coverage; at 1 it takes every decision."""
    forward_return = tested.decisions.own
    rows = tested.rows(forward_return)
    if target < ALL:
        rows = rows[tested.chosen(target)[rows]]
    side = np.where(tested.probability[rows] >= 0.5, 1.0, -1.0)
    return Gains(tested.decisions.as_of_ms[rows], side * forward_return.log_return[rows])


def edges(tested: OutOfSampleResult, *, targets: Sequence[float], seed: int = 0) -> list[Edge]:
    """The gross edge at each coverage, with 95 % intervals by circular blocks of seven days.

    Args:
        tested: The out-of-sample probabilities and the stretch of the test.
        targets: The coverages, in (0, 1]; 1 means every decision.
        seed: The seed of the bootstrap.
    """
    generator = np.random.default_rng(seed)
    return [_edge(gains(tested, target=target), target, generator) for target in targets]


def _edge(bets: Gains, target: float, generator: np.random.Generator) -> Edge:
    n = len(bets.log_return)
    interval = mean_interval(_BPS * bets.log_return, bets.as_of_ms, generator=generator)
    if interval is None:
        return Edge(target, n, None, None, None)
    return Edge(target, n, float(_BPS * bets.log_return.mean()), interval.low, interval.high)
