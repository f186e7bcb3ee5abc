"""What a decision earns before costs, beside what trading on it costs: the first thing to know of money.

Each decision is a bet of one unit on the side that the model says, held over the horizon. Bets may
overlap in time; their log returns are added, never compounded, so that no curve promises a fortune.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.evaluation.selective import mean_interval
from trainers.evaluation.summaries import OutOfSampleResult

#: An ordinary taker's fee on a large venue, basis points a side.
TAKER_FEE_BPS = 10.0
#: Entering and leaving.
ROUND_TRIP_BPS = 2 * TAKER_FEE_BPS
_BPS = 1e4
#: The share that stands for all decisions.
ALL = 1.0


class Edge(NamedTuple):
    """The mean gross return of what was decided, in basis points of the money moved.

    Attributes:
        target_coverage: 1 is every decision.
        n: Decisions without ties.
        mean_bps: None of none.
    """

    target_coverage: float
    n: int
    mean_bps: float | None
    low_bps: float | None
    high_bps: float | None


class Gains(NamedTuple):
    """Bets in the order of time.

    Attributes:
        as_of_ms: Shape (n,), increasing: when they were decided.
        log_return: Shape (n,), gross.
    """

    as_of_ms: NDArray[np.int64]
    log_return: NDArray[np.float64]

    def running_percent(self) -> NDArray[np.float64]:
        """The sum so far, in percent of a unit."""
        total: NDArray[np.float64] = 100 * np.cumsum(self.log_return)
        return total

    def fallen_percent(self) -> NDArray[np.float64]:
        """How far the sum lies below its highest so far, nothing being the first; 0 or negative."""
        total = self.running_percent()
        fallen: NDArray[np.float64] = total - np.maximum.accumulate(np.maximum(total, 0.0))
        return fallen


def gains(tested: OutOfSampleResult, *, target: float) -> Gains:
    """The bets of who aims at a coverage; 1 takes every decision."""
    forward_return = tested.decisions.own
    rows = tested.rows(forward_return)
    if target < ALL:
        rows = rows[tested.chosen(target)[rows]]
    side = np.where(tested.probability[rows] >= 0.5, 1.0, -1.0)
    return Gains(tested.decisions.as_of_ms[rows], side * forward_return.log_return[rows])


def edges(tested: OutOfSampleResult, *, targets: Sequence[float], seed: int = 0) -> list[Edge]:
    """The gross edge at each coverage, with 95 % intervals by circular blocks of seven days.

    Args:
        tested: Probabilities with the stretch of the test.
        targets: The coverages, in (0, 1]; 1 takes every decision.
        seed: Of the bootstrap.
    """
    generator = np.random.default_rng(seed)
    return [_edge(gains(tested, target=target), target, generator) for target in targets]


def _edge(bets: Gains, target: float, generator: np.random.Generator) -> Edge:
    n = len(bets.log_return)
    interval = mean_interval(_BPS * bets.log_return, bets.as_of_ms, generator=generator)
    if interval is None:
        return Edge(target, n, None, None, None)
    return Edge(target, n, float(_BPS * bets.log_return.mean()), interval.low, interval.high)
