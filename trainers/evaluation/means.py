"""Intervals of means of what decisions bring: money, losses; by the blocks that accuracies use."""

import numpy as np
from numpy.typing import NDArray

from trainers.evaluation.selective import BLOCK_DAYS, DAY_MS, Interval95, circular_block_sums


def mean_interval(
    values: NDArray[np.float64], as_of_ms: NDArray[np.int64], *, generator: np.random.Generator
) -> Interval95 | None:
    """The 95 % interval of a mean, by circular blocks of seven days; days are drawn, not rows.

    Args:
        values: Shape (n,).
        as_of_ms: Shape (n,), increasing.
        generator: Where the randomness comes from.

    Returns:
        None without rows.

    Source:
        Politis and Romano (1992), a circular block-resampling procedure.
    """
    if not len(values):
        return None
    day = (as_of_ms - as_of_ms[0]) // DAY_MS
    sums_and_counts = np.column_stack([np.bincount(day, values), np.bincount(day).astype(np.float64)])
    block = min(BLOCK_DAYS, len(sums_and_counts))
    drawn = circular_block_sums(sums_and_counts, block=block, generator=generator)
    drawn = drawn[drawn[:, 1] > 0]
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return Interval95(float(low), float(high))
