"""Selective accuracy: how often a model was right on the decisions that it chose to make.

A model makes a decision if its confidence (the distance of the probability from one half) reaches a
threshold. Thresholds are set again every week from earlier out-of-sample confidences only: those of the
trailing quarter that ends a day before. So a coverage is aimed at, and the realised one is reported.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.schedules import Refit, refit_times
from trainers.evaluation.block_intervals import DAY_MS, Interval95, share_interval
from trainers.evaluation.intervals import wilson_lower

#: How much out-of-sample past an evaluation has before its test begins.
PAST_MS = 182 * DAY_MS
#: The past that sets a threshold ends so long before the stretch that it is used in.
GAP_MS = DAY_MS
#: With fewer earlier confidences than this there is no threshold, and no decision is made.
LEAST_CONFIDENCES = 100

#: The shares of decisions among which the widest with a wanted accuracy is looked for.
SHARES = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
#: The probability that a threshold for a wanted accuracy does not reach it, if the future is like the past.
RISK = 0.05


class Thresholds(StrEnum):
    """How often thresholds are set again, and how far back they look."""

    WEEKLY = "weekly"
    QUARTERLY = "quarterly"

    @property
    def trailing_ms(self) -> int:
        """How far back a threshold looks: a quarter if it is set weekly, half a year if it is set quarterly."""
        return PAST_MS if self is Thresholds.QUARTERLY else 91 * DAY_MS

    def times(self, *, from_ms: int, until_ms: int) -> tuple[int, ...]:
        """The times at which thresholds are set; the first is the beginning."""
        if self is Thresholds.QUARTERLY:
            return refit_times(from_ms=from_ms, until_ms=until_ms, refit=Refit.QUARTERLY)
        return tuple(range(from_ms, until_ms, 7 * DAY_MS))


TARGETS = (0.2, 0.1, 0.05, 0.03, 0.01)


class SelectiveAccuracy(NamedTuple):
    """The result of aiming at one coverage; ties are left out of every number.

    Attributes:
        coverage: The share of decisions that were made.
        n: The number of decisions that were made.
        accuracy: The share of hits among them; None if none was made.
    """

    target_coverage: float
    coverage: float
    n: int
    accuracy: float | None
    interval: Interval95 | None


def chosen(
    probability: NDArray[np.float64],
    as_of_ms: NDArray[np.int64],
    *,
    starts_ms: Sequence[int],
    until_ms: int,
    target: float,
    trailing_ms: int = PAST_MS,
) -> NDArray[np.bool_]:
    """Which decisions are made by a model that aims at a coverage.

    Args:
        probability: Shape (n,), NaN where nothing was predicted.
        as_of_ms: Shape (n,), strictly increasing.
        starts_ms: The times at which the threshold is set again, increasing.
        until_ms: The end of the last stretch.
        target: The coverage aimed at, in (0, 1).
        trailing_ms: How far back confidences are looked at.

    Returns:
        Shape (n,).
    """
    confidence = np.abs(probability - 0.5)
    is_chosen = np.zeros(len(probability), dtype=np.bool_)
    for start_ms, end_ms in pairwise((*starts_ms, until_ms)):
        limit = threshold(confidence, as_of_ms, at_ms=start_ms, target=target, trailing_ms=trailing_ms)
        first, last = np.searchsorted(as_of_ms, [start_ms, end_ms])
        is_chosen[first:last] = confidence[first:last] >= limit
    return is_chosen


def threshold(
    confidence: NDArray[np.float64],
    as_of_ms: NDArray[np.int64],
    *,
    at_ms: int,
    target: float,
    trailing_ms: int = PAST_MS,
) -> float:
    """The confidence that a share of the trailing stretch's decisions reached; infinite if there are too few.

    Args:
        confidence: Shape (n,), NaN where nothing was predicted.
        as_of_ms: Shape (n,), increasing: when each was decided.
        at_ms: When the threshold is set; it looks at nothing later.
        target: The coverage aimed at, in (0, 1).
        trailing_ms: How far back confidences are looked at.
    """
    first, last = np.searchsorted(as_of_ms, [at_ms - GAP_MS - trailing_ms, at_ms - GAP_MS])
    earlier = confidence[first:last]
    earlier = earlier[~np.isnan(earlier)]
    if len(earlier) < LEAST_CONFIDENCES:
        return float("inf")
    return float(np.quantile(earlier, 1 - target))


class AccuracyThreshold(NamedTuple):
    """The confidence above which earlier decisions were right often enough, by a lower bound.

    Attributes:
        limit: The least distance of a probability from one half; infinite if no share of decisions was right often
            enough, so that no decision is made.
        target: The share of the most confident decisions that gave the limit; 0 if there is none.
    """

    limit: float
    target: float


NEVER = AccuracyThreshold(limit=float("inf"), target=0.0)


def threshold_for_accuracy(
    confidence: NDArray[np.float64],
    is_hit: NDArray[np.bool_],
    *,
    wanted: float,
    risk: float = RISK,
    least: int = LEAST_CONFIDENCES,
) -> AccuracyThreshold:
    """The threshold of the widest share of decisions whose accuracy is as wanted, by a lower bound.

    The bound pays for having looked at every share of :data:`SHARES`: each is tested at ``risk`` divided by
    their number (Bonferroni). So on decisions like the earlier ones the accuracy lies below the wanted one
    with a probability of at most ``risk``.

    Args:
        confidence: Of earlier out-of-sample decisions without ties, shape (n,).
        is_hit: Shape (n,).
        wanted: The accuracy, in (0.5, 1).
        risk: The probability that the accuracy is not reached.
        least: A share with fewer decisions than this is not considered.

    Source:
        Geifman and El-Yaniv (2017), selection with guaranteed risk; here with Wilson's bound.
    """
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(is_hit[order])
    for share in reversed(SHARES):
        n = int(share * len(order))
        if n >= least and wilson_lower(int(hits[n - 1]), n, risk=risk / len(SHARES)) >= wanted:
            return AccuracyThreshold(limit=float(confidence[order[n - 1]]), target=share)
    return NEVER


def selective_accuracy(
    is_hit: NDArray[np.bool_],
    is_chosen: NDArray[np.bool_],
    as_of_ms: NDArray[np.int64],
    *,
    target: float,
    generator: np.random.Generator,
) -> SelectiveAccuracy:
    """The accuracy of the chosen decisions, among decisions without ties.

    Args:
        is_hit: Whether each decision was right, shape (n,).
        is_chosen: Whether each decision was made, shape (n,).
        as_of_ms: Shape (n,), increasing.
        target: The coverage that was aimed at, as the result states it.
        generator: The source of randomness of the bootstrap.
    """
    n = int(is_chosen.sum())
    return SelectiveAccuracy(
        target_coverage=target,
        coverage=n / len(is_hit) if len(is_hit) else 0.0,
        n=n,
        accuracy=float(is_hit[is_chosen].mean()) if n else None,
        interval=share_interval(is_hit[is_chosen], as_of_ms[is_chosen], generator=generator),
    )
