"""Selective accuracy: how often the model was right on the decisions it chose to make.

Which decisions it makes follows from a threshold on confidence (the distance of the probability
from one half), set anew at every quarter from earlier out-of-sample confidences only: those of the
trailing half year that ends a day before the quarter. So coverage is aimed at, and what was realised
is reported.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.evaluation.intervals import wilson_interval

DAY_MS = 86_400_000
#: How far back confidences are looked at: half a year, since models grow calmer as they learn more and a
#: whole year of it realises less than it aims at (the README has what was measured).
TRAILING_MS = 182 * DAY_MS
#: How long before a stretch begins its threshold is settled.
GAP_MS = DAY_MS
#: Fewer earlier confidences than this set no threshold: nothing is chosen.
LEAST_CONFIDENCES = 100

TARGETS = (0.2, 0.1, 0.05, 0.03, 0.01)
N_REPLICATES = 2000
BLOCK_DAYS = 7


class Interval95(NamedTuple):
    """The 95 % interval of a share."""

    low: float
    high: float


class SelectiveAccuracy(NamedTuple):
    """What came of aiming at one coverage; ties are left out of every number.

    Attributes:
        coverage: The share of decisions that were made.
        n: How many.
        accuracy: The share of hits among them; None of none.
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
) -> NDArray[np.bool_]:
    """Which decisions a model makes that aims at a coverage.

    Args:
        probability: Shape (n,), NaN where nothing was predicted.
        as_of_ms: Shape (n,), strictly increasing.
        starts_ms: When the threshold is set anew, increasing.
        until_ms: The end of the last stretch.
        target: The coverage aimed at, in (0, 1).

    Returns:
        Shape (n,).
    """
    confidence = np.abs(probability - 0.5)
    is_chosen = np.zeros(len(probability), dtype=np.bool_)
    for start_ms, end_ms in pairwise((*starts_ms, until_ms)):
        limit = threshold(confidence, as_of_ms, at_ms=start_ms, target=target)
        first, last = np.searchsorted(as_of_ms, [start_ms, end_ms])
        is_chosen[first:last] = confidence[first:last] >= limit
    return is_chosen


def threshold(
    confidence: NDArray[np.float64], as_of_ms: NDArray[np.int64], *, at_ms: int, target: float
) -> float:
    """The confidence that so many of the trailing half year's decisions reached; infinite without any."""
    first, last = np.searchsorted(as_of_ms, [at_ms - GAP_MS - TRAILING_MS, at_ms - GAP_MS])
    earlier = confidence[first:last]
    earlier = earlier[~np.isnan(earlier)]
    if len(earlier) < LEAST_CONFIDENCES:
        return float("inf")
    return float(np.quantile(earlier, 1 - target))


def threshold_for_accuracy(
    confidence: NDArray[np.float64], is_hit: NDArray[np.bool_], *, wanted: float, least: int = 100
) -> float:
    """The lowest confidence above which earlier decisions were right often enough, surely.

    Surely: the lower end of the 95 % Wilson interval is at least the wanted accuracy, for this
    threshold. Trying every threshold is a choice too, so what it promises is to be checked on
    later decisions, as everything here is.

    Args:
        confidence: Of earlier out-of-sample decisions without ties, shape (n,).
        is_hit: Shape (n,).
        wanted: The accuracy, in (0.5, 1).
        least: Fewer decisions than this prove nothing.

    Returns:
        Infinite where no threshold does: then it is always abstained.
    """
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(is_hit[order])
    for n in range(len(order), least - 1, -1):
        if hits[n - 1] >= wanted * n and wilson_interval(int(hits[n - 1]), n)[0] >= wanted:
            return float(confidence[order[n - 1]])
    return float("inf")


def selective_accuracy(
    is_hit: NDArray[np.bool_],
    is_chosen: NDArray[np.bool_],
    as_of_ms: NDArray[np.int64],
    *,
    target: float,
    generator: np.random.Generator,
) -> SelectiveAccuracy:
    """The accuracy on what was chosen, of decisions without ties.

    Args:
        is_hit: Shape (n,).
        is_chosen: Shape (n,).
        as_of_ms: Shape (n,), increasing.
        target: As stated in the result.
        generator: Of the bootstrap.
    """
    n = int(is_chosen.sum())
    return SelectiveAccuracy(
        target_coverage=target,
        coverage=n / len(is_hit) if len(is_hit) else 0.0,
        n=n,
        accuracy=float(is_hit[is_chosen].mean()) if n else None,
        interval=share_interval(is_hit[is_chosen], as_of_ms[is_chosen], generator=generator),
    )


def share_interval(
    is_hit: NDArray[np.bool_], as_of_ms: NDArray[np.int64], *, generator: np.random.Generator
) -> Interval95 | None:
    """The 95 % interval of a share of hits, by circular blocks of seven days.

    Days are drawn, not rows, so that a quiet week and a busy one stay as they were. What was
    chosen and what was not are told apart by the caller.

    Args:
        is_hit: Shape (n,).
        as_of_ms: Shape (n,), increasing.
        generator: Where the randomness comes from.

    Returns:
        None without rows.

    Source:
        Politis and Romano (1992), a circular block-resampling procedure.
    """
    if len(is_hit) == 0:
        return None
    day = (as_of_ms - as_of_ms[0]) // DAY_MS
    present, day = np.unique(day, return_inverse=True)
    n_days = int((as_of_ms[-1] - as_of_ms[0]) // DAY_MS) + 1
    table = np.zeros((n_days, 2))
    np.add.at(table[:, 0], present[day], is_hit.astype(np.float64))
    np.add.at(table[:, 1], present[day], 1.0)
    sums = circular_block_sums(table, block=min(BLOCK_DAYS, n_days), generator=generator)
    shares = sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], np.nan)
    low, high = np.nanquantile(shares, [0.025, 0.975])
    return Interval95(float(low), float(high))


def circular_block_sums(
    table: NDArray[np.float64],
    *,
    block: int,
    generator: np.random.Generator,
    n_replicates: int = N_REPLICATES,
) -> NDArray[np.float64]:
    """Column sums of resamples made of blocks that may wrap round the end.

    Args:
        table: Shape (n, m), oldest first.
        block: Rows in a block, at most n.
        generator: Where the randomness comes from.
        n_replicates: B.

    Returns:
        Shape (B, m).
    """
    n = len(table)
    running = np.zeros((n + block + 1, table.shape[1]))
    np.cumsum(np.concatenate([table, table[:block]]), axis=0, out=running[1:])
    blocks = running[block : block + n] - running[:n]
    starts = generator.integers(0, n, size=(n_replicates, -(-n // block)))
    sums: NDArray[np.float64] = blocks[starts].sum(axis=1)
    return sums
