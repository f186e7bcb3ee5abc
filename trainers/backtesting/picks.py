"""Picks: the decisions with the highest confidence, how many there were and how often they were right.

Thresholds on confidence are set again each month, from the backtest's own decisions of the trailing half
year that ended a day before. No decision is picked before there are a hundred of those.
"""

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainers.backtesting.decisions import ModelDecisions
from trainers.backtesting.records import DirectionRecord
from trainers.datasets.schedules import Refit, refit_times
from trainers.evaluation.selective import TARGETS, threshold


class Picks(msgspec.Struct, frozen=True, kw_only=True):
    """The picks when one coverage is aimed at.

    Attributes:
        target_coverage: The coverage that is aimed at, a share of all decisions.
        coverage: The realised coverage of the decisions for which there was a threshold; None if there was none.
        at_close: The record of the picks without lag.
        at_lag: The record of the picks at the lag of execution.
    """

    target_coverage: float
    coverage: float | None
    at_close: DirectionRecord
    at_lag: DirectionRecord


def picks(
    decisions: ModelDecisions, record_of: Callable[[NDArray[np.bool_], int], DirectionRecord], *, lag_ms: int
) -> list[Picks]:
    """The picks for every coverage that evaluations state.

    Args:
        decisions: Not empty, oldest first.
        record_of: Gives the record of chosen decisions at a lag.
        lag_ms: The lag of execution.
    """
    confidence = np.abs(decisions.probability.astype(np.float64) - 0.5)
    found = []
    for target in TARGETS:
        limits = _limits(decisions.as_of_ms, confidence, target)
        is_picked, n_ruled = confidence >= limits, int(np.isfinite(limits).sum())
        found.append(
            Picks(
                target_coverage=target,
                coverage=float(is_picked.sum()) / n_ruled if n_ruled else None,
                at_close=record_of(is_picked, 0),
                at_lag=record_of(is_picked, lag_ms),
            )
        )
    return found


def _limits(
    as_of_ms: NDArray[np.int64], confidence: NDArray[np.float64], target: float
) -> NDArray[np.float64]:
    """The threshold that holds at each decision; infinite if there is none yet."""
    starts_ms = refit_times(from_ms=int(as_of_ms[0]), until_ms=int(as_of_ms[-1]) + 1, refit=Refit.MONTHLY)
    limits = np.array([threshold(confidence, as_of_ms, at_ms=at_ms, target=target) for at_ms in starts_ms])
    return limits[np.searchsorted(starts_ms, as_of_ms, side="right") - 1]
